#include "outbound/report_sender.h"

#include <algorithm>
#include <tuple>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "gzip/gzip.h"
#include "outbound/report_mail.h"
#include "tlsrpt/mail.h"
#include "tlsrpt/record.h"

namespace postern::outbound {

namespace {

constexpr std::size_t kAddressesMax = 8;
constexpr std::size_t kAnswerMax = 64 * 1024;
constexpr seconds kDeadline{60};
constexpr std::uint32_t kLookups = 32;  // of one report: the record, and the addresses of each that takes it

}  // namespace

std::string TlsReportSender::submitter() const { return submitter_of(places_.options.from); }

Task<std::size_t> TlsReportSender::send_due() {
  std::size_t sent = 0;
  std::size_t tried = 0;
  std::vector<tlsrpt::Collector::Due> all = tls_.reports().due(places_.now());
  // Behind the last one of the pass before, and round: those that answer "later" must not use up every pass
  const auto next = std::ranges::find_if(all, [this](const tlsrpt::Collector::Due& one) {
    return std::tie(one.day, one.domain) > std::tie(last_.day, last_.domain);
  });
  std::rotate(all.begin(), next, all.end());
  for (const tlsrpt::Collector::Due& due : all) {
    if (stopping_ || ++tried > kPerPass) break;
    last_ = due;
    const Fate fate = co_await send(due);
    if (fate == Fate::sent) ++sent;
    if (fate == Fate::later) continue;
    tls_.reports().remove(due);
    tls_.reports_changed();
  }
  if (tls_.reports().expire(places_.now())) tls_.reports_changed();
  co_return sent;
}

Task<TlsReportSender::Fate> TlsReportSender::send(tlsrpt::Collector::Due due) {
  const auto domain = dns::Name::parse(due.domain);
  const auto owner = domain ? domain->below("_smtp._tls") : std::nullopt;
  if (!owner) co_return Fate::unwanted;
  dns::Budget& budget = lookups_.emplace(kLookups, Deadline::after(kDeadline));
  const dns::AnswerPtr answer = co_await resolver_.query(*owner, dns::Type::txt, budget);
  if (dns::is_temporary(answer->status)) co_return Fate::later;
  const auto record = tlsrpt::choose_record(answer->texts);
  if (!record) co_return Fate::unwanted;
  tlsrpt::Report report = tls_.reports().report(due);
  report.organization = places_.options.organization.empty() ? submitter() : places_.options.organization;
  report.contact = places_.options.from;
  // The same for every attempt, so that a receiver knows it again
  report.id = std::to_string(due.day) + "." + due.domain + "@" + submitter();
  const std::string packed = gzip::compress(tlsrpt::to_json(report));
  for (const std::string& uri : record->rua) {
    const auto address = tlsrpt::mail_address(uri);
    const bool done = address ? co_await mail(due, *address, report, packed) : co_await hand_in(uri, packed, budget);
    if (!done) continue;
    log::info("tls_report_sent", {{"domain", due.domain}, {"to", printable(uri)}, {"report", report.id}});
    co_return Fate::sent;
  }
  co_return Fate::later;
}

Task<bool> TlsReportSender::mail(tlsrpt::Collector::Due due, std::string to, tlsrpt::Report report,
                                 std::string packed) {
  const WallMs now = places_.now();
  const Id id = Id::make(now);
  const std::string text = tlsrpt::report_mail({.from = places_.options.from,
                                                .submitter = submitter(),
                                                .to = to,
                                                .domain = due.domain,
                                                .message_id = id.text() + "@" + places_.hostname,
                                                .boundary = "report-" + id.text(),
                                                .date = now},
                                               packed, tlsrpt::file_name(submitter(), report, due.domain), report.id);
  // RFC 8460 3: no demand on TLS
  const auto queued = co_await queue_report(
      loop_, store_,
      {.id = id, .now = now, .from = places_.options.from, .to = to, .tls_optional = true, .signer = places_.signer},
      text);
  if (!queued) log::warning("tls_report_not_queued", {{"domain", due.domain}, {"why", queued.error().what}});
  co_return queued.has_value();
}

Task<bool> TlsReportSender::hand_in(std::string uri, std::string packed, dns::Budget& budget) {
  const auto target = tlsrpt::https_target(uri);
  const auto host = target ? dns::Name::parse(target->host) : std::nullopt;
  if (!host) co_return false;
  HttpsRequest request{.host = target->host,
                       .port = target->port,
                       .path = target->path,
                       .addresses = {},
                       .ca_file = places_.ca_file,
                       .body_max = kAnswerMax,
                       .post = true,
                       .body = std::move(packed),
                       .content_type = "application/tlsrpt+gzip",
                       .stop = &stopping_};
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::AnswerPtr answer = co_await resolver_.query(*host, type, budget);
    for (const ip::Address& address : answer->addresses) {
      if (request.addresses.size() < kAddressesMax) request.addresses.push_back(address);
    }
  }
  using Answer = std::expected<HttpsAnswer, HttpsFailure>;
  std::move_only_function<Answer()> work = [post = places_.post, request] { return post(request); };
  const Answer answer = co_await web_.run<Answer>(std::move(work));
  // RFC 8460 5.4: 2xx is success
  if (answer && answer->status >= 200 && answer->status < 300) co_return true;
  log::warning("tls_report_not_taken",
               {{"to", printable(uri)}, {"why", answer ? std::to_string(answer->status) : answer.error().what}});
  co_return false;
}

}  // namespace postern::outbound
