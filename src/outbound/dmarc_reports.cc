#include "outbound/dmarc_reports.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "dmarc/evaluate.h"
#include "dmarcrpt/writer.h"
#include "gzip/gzip.h"
#include "record/files.h"
#include "record/writer.h"
#include "tlsrpt/record.h"

namespace postern::outbound {

namespace {

using dmarcrpt::kDayMs;

constexpr WallMs kSettling = WallMs{30} * 60 * 1000;
constexpr WallMs kPassInterval = WallMs{60} * 60 * 1000;
constexpr seconds kDeadline{60};
constexpr std::uint32_t kLookups = 64;  // of one domain: its record, and for each address two walks and a grant

// RFC 9989 4.7: several records are none. nullopt: DNS did not say.
std::optional<dmarc::Record> record_of(const dns::Answer& answer) {
  std::optional<dmarc::Record> out;
  for (const std::string& text : answer.texts) {
    auto record = dmarc::parse_record(text);
    if (!record) continue;
    if (out) return std::nullopt;
    out = std::move(*record);
  }
  return out;
}

}  // namespace

WallMs dmarc_reports_due(std::int64_t day, std::string_view hostname) {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  };
  mix(hostname);
  mix(std::to_string(day));
  hash ^= hash >> 32U;
  return (day + 1) * kDayMs + kSettling + static_cast<WallMs>(hash % static_cast<std::uint64_t>(kReportsSpread));
}

Result<dmarcrpt::Day> read_dmarc_day(const std::string& records, std::int64_t day, const std::atomic<bool>* stop) {
  dmarcrpt::Day out(day);
  const auto line = [&](std::string_view text) {
    out.take(text);
    return stop == nullptr || !*stop;
  };
  POSTERN_TRY(const auto files, record::list_record_files(records));
  // A file's name is the time at which it was closed, behind the end of each of its sessions
  const std::string begin = record::rotation_stem(day * kDayMs);
  const std::string late = record::rotation_stem((day + 2) * kDayMs);
  for (const record::RecordFile& file : files) {
    if (stop != nullptr && *stop) return fail(ErrorKind::cancelled, "the service ends");
    const std::string closed = file.stem.substr(0, begin.size());
    if (!file.current && closed < begin) continue;
    if (const auto read = record::read_records(file, line); !read)
      log::warning("dmarc_report_records", {{"file", file.path}, {"why", read.error().what}});
    if (!file.current && closed > late) break;
  }
  return out;
}

DmarcReportSender::DmarcReportSender(io::Loop& loop, io::BlockingPool& pool, spool::Store& store,
                                     dns::Resolver& resolver, Places places)
    : loop_(loop),
      pool_(pool),
      store_(store),
      resolver_(resolver),
      places_(std::move(places)),
      file_(loop, pool, places_.data_dir + "/dmarc-reports.jsonl", [this] { return state(); }) {}

std::string DmarcReportSender::state() const {
  std::string out;
  json::Writer first(out);
  first.begin_object().field("done", done_).field("open", open_).end_object();
  out += '\n';
  for (const std::string& domain : settled_) {
    json::Writer line(out);
    line.begin_object().field("domain", domain).end_object();
    out += '\n';
  }
  return out;
}

void DmarcReportSender::load() {
  std::ifstream in(file_.path());
  std::string text;
  while (std::getline(in, text)) {
    const auto line = json::parse(text, 4);
    if (!line) continue;  // cut or damaged: at worst a report is sent again, under its name
    if (line->at("done").is_number()) {
      done_ = line->at("done").integer();
      open_ = line->at("open").integer();
    } else if (line->at("domain").is_string() && settled_.size() < dmarcrpt::Day::kDomainsMax) {
      settled_.emplace(line->at("domain").string());
    }
  }
}

void DmarcReportSender::close_day(std::int64_t day) {
  done_ = day;
  settled_.clear();
  counted_.reset();
  file_.changed();
}

Task<bool> DmarcReportSender::count(std::int64_t day) {
  if (counted_ != nullptr && counted_->number() == day) co_return true;
  std::move_only_function<Result<dmarcrpt::Day>()> work = [records = places_.records, day, stop = &stopping_] {
    return read_dmarc_day(records, day, stop);
  };
  auto counted = co_await pool_.run<Result<dmarcrpt::Day>>(std::move(work));
  if (!counted || stopping_) {
    if (!stopping_) log::warning("dmarc_reports_not_counted", {{"why", counted.error().what}});
    co_return false;
  }
  counted_ = std::make_unique<dmarcrpt::Day>(std::move(*counted));
  if (counted_->left_out() > 0)
    log::warning("dmarc_reports_incomplete",
                 {{"day", iso8601(day * kDayMs).substr(0, 10)}, {"messages", counted_->left_out()}});
  co_return true;
}

Task<std::size_t> DmarcReportSender::send_due() {
  const WallMs now = places_.now();
  const std::int64_t today = now / kDayMs;
  std::size_t sent = 0;
  std::size_t tried = 0;
  // The clock may have been set back: then nothing is due until it has caught up
  for (std::int64_t day = std::max(done_ + 1, today - kDaysBack); day < today; ++day) {
    if (stopping_ || now < dmarc_reports_due(day, places_.hostname)) break;
    if (open_ != day) {
      open_ = day;
      settled_.clear();
      last_.clear();
      file_.changed();
    }
    if (!co_await count(day)) break;
    bool all = true;
    // Behind the last one of the pass before, and round: those that answer "later" must not use up every pass
    std::vector<std::string> domains = counted_->domains();
    std::rotate(domains.begin(), std::ranges::upper_bound(domains, last_), domains.end());
    for (const std::string& domain : domains) {
      if (settled_.contains(domain)) continue;
      if (stopping_ || ++tried > kPerPass) co_return sent;
      last_ = domain;
      const Fate fate = co_await send(domain, now + kPassInterval >= dmarc_reports_due(day + 1, places_.hostname));
      if (fate == Fate::later) {
        all = false;
        continue;
      }
      if (fate == Fate::sent) ++sent;
      settled_.insert(domain);
      file_.changed();
    }
    // What is left is tried until the next day's turn
    if (all || now >= dmarc_reports_due(day + 1, places_.hostname)) close_day(day);
  }
  co_return sent;
}

Task<std::vector<std::string>> DmarcReportSender::addresses(std::string domain, bool& unknown) {
  std::vector<std::string> out;
  const auto name = dns::Name::parse(domain);
  const auto owner = name ? name->below("_dmarc") : std::nullopt;
  if (!owner) co_return out;
  dns::Budget& budget = lookups_.emplace(kLookups, Deadline::after(kDeadline));
  const dns::AnswerPtr answer = co_await resolver_.query(*owner, dns::Type::txt, budget);
  if (dns::is_temporary(answer->status)) {
    unknown = true;
    co_return out;
  }
  const auto record = record_of(*answer);
  if (!record || !record->unusable.empty()) co_return out;
  std::size_t looked_at = 0;
  for (const std::string& uri : record->rua) {
    // A scheme that is not ours, or no address that mail could go to
    if (!tlsrpt::mail_address(uri)) continue;
    if (++looked_at > kAddressesMax) break;
    const dmarc::Destination destination = co_await dmarc::report_destination(domain, uri, resolver_, budget);
    if (destination.authorization == dmarc::Authorization::unknown) unknown = true;
    if (destination.authorization != dmarc::Authorization::own &&
        destination.authorization != dmarc::Authorization::granted)
      continue;
    const std::vector<std::string> itself{uri};
    for (const std::string& target : destination.uris.empty() ? itself : destination.uris) {
      const auto address = tlsrpt::mail_address(target);
      if (address && out.size() < kAddressesMax && std::ranges::find(out, *address) == out.end())
        out.push_back(*address);
    }
  }
  co_return out;
}

Task<DmarcReportSender::Fate> DmarcReportSender::send(std::string domain, bool last_try) {
  bool unknown = false;
  const std::vector<std::string> to = co_await addresses(domain, unknown);
  // Nothing goes out before all is known, so that no address gets it twice; but rather to some than to none
  if (unknown && (to.empty() || !last_try)) co_return Fate::later;
  if (to.empty()) co_return Fate::unwanted;
  const std::string submitter = submitter_of(places_.options.from);
  dmarcrpt::Report report = counted_->report(domain);
  report.organization = places_.options.organization.empty() ? submitter : places_.options.organization;
  report.email = places_.options.from;
  report.generator = places_.generator;
  // The same for every attempt (RFC 9990 3.5.4)
  report.id = iso8601(report.begin).substr(0, 10) + "." + domain + "@" + submitter;
  const dmarcrpt::Written written = dmarcrpt::to_xml(report);
  const std::string packed = gzip::compress(written.xml);
  const WallMs now = places_.now();
  std::size_t queued = 0;
  for (const std::string& address : to) {
    const Id id = Id::make(now);
    const std::string text = dmarcrpt::report_mail({.from = places_.options.from,
                                                    .submitter = submitter,
                                                    .to = address,
                                                    .message_id = id.text() + "@" + places_.hostname,
                                                    .boundary = "report-" + id.text(),
                                                    .date = now},
                                                   report, packed);
    const auto done = co_await queue_report(
        loop_, store_, {.id = id, .now = now, .from = places_.options.from, .to = address, .signer = places_.signer},
        text);
    if (!done) {
      log::warning("dmarc_report_not_queued", {{"domain", domain}, {"to", address}, {"why", done.error().what}});
      continue;
    }
    ++queued;
    log::info("dmarc_report_sent",
              {{"domain", domain}, {"to", address}, {"report", report.id}, {"rows", written.rows}});
  }
  co_return queued > 0 ? Fate::sent : Fate::later;
}

Task<void> DmarcReportSender::stop() {
  stopping_ = true;
  co_await file_.stop();
}

}  // namespace postern::outbound
