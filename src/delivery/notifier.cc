#include "delivery/notifier.h"

#include <algorithm>

#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "delivery/queue.h"
#include "spool/topped_body.h"

namespace postern::delivery {

namespace {

Counter notifications_total("postern_notifications_total");

constexpr std::size_t kBlock = 64 * 1024;

struct Returned {
  std::string text;
  bool whole = false;
};

// All of the message, or its header without the empty line. What cannot be read is left out: the news is more
// important.
Returned read_returned(spool::Store& store, const spool::Envelope& envelope, std::uint64_t whole_max) {
  Returned out;
  auto body = store.open_body(envelope.id);
  if (!body) return out;
  const std::unique_ptr<spool::Body> message = spool::with_fields_on_top(std::move(*body), envelope);
  out.whole = message->size() <= whole_max;
  const std::uint64_t max = out.whole ? message->size() : message::kDsnHeaderMax;
  std::size_t end = std::string::npos;
  while (out.text.size() < max && (out.whole || end == std::string::npos)) {
    const auto block = message->read(out.text.size(), kBlock);
    if (!block || block->empty()) break;
    const std::size_t from = out.text.size() < 3 ? 0 : out.text.size() - 3;
    out.text += *block;
    if (!out.whole) end = out.text.find("\r\n\r\n", from);
  }
  if (out.whole) {
    out.whole = out.text.size() == message->size();
    if (out.whole) return out;
    end = out.text.find("\r\n\r\n");
  }
  if (end == std::string::npos) end = out.text.rfind("\r\n", message::kDsnHeaderMax);
  out.text.resize(end == std::string::npos ? 0 : end + 2);
  return out;
}

}  // namespace

Task<Notifier::Outcome> Notifier::tell(const spool::Envelope& envelope, std::vector<Told>& told,
                                       std::shared_ptr<const directory::Directory> directory) {
  const WallMs now = wall_now();
  const std::shared_ptr<const srs::Rewriter> rewriter = services_.rewriter ? services_.rewriter() : nullptr;
  const std::vector<spool::Recipient> recipients =
      return_recipients(envelope.reverse_path, *directory, rewriter.get(), now);
  if (recipients.empty()) {
    log::error("notification_undeliverable", {{"id", envelope.id.text()},
                                              {"from", "<" + envelope.reverse_path + ">"},
                                              {"why", "the reverse-path is no address of ours, nor anybody else's"}});
    co_return Outcome::nobody;
  }
  std::vector<message::DsnReport> reports =
      make_reports(envelope, told, envelope.sending_since() + options_.expire_after_ms, now);
  for (message::DsnReport& report : reports) {
    const message::DsnAction kind = report.recipients.front().action;
    const std::string_view action = to_string(kind);
    const std::size_t count = report.recipients.size();
    report.id = Id::make(now);
    const Id id = report.id;
    const auto sent = co_await send(envelope, std::move(report), recipients);
    if (!sent) {
      log::error("notification_failed", {{"id", envelope.id.text()}, {"action", action}, {"error", sent.error().what}});
      co_return Outcome::later;
    }
    notifications_total.add();
    // Those of the first report of this kind stand before those of the next
    std::size_t gone = 0;
    std::erase_if(told, [&](const Told& one) { return one.action == kind && gone++ < count; });
    log::info("notified", {{"id", id.text()},
                           {"about", envelope.id.text()},
                           {"to", "<" + envelope.reverse_path + ">"},
                           {"action", action},
                           {"nrcpt", count}});
  }
  co_return Outcome::told;
}

Task<Result<void>> Notifier::send(const spool::Envelope& about, message::DsnReport report,
                                  std::vector<spool::Recipient> recipients) {
  report.reporting_mta = options_.local.hostname;
  report.from = options_.notices.from;
  report.help = options_.notices.from;
  // RFC 3461 6.2: RET is about failures only. RFC 8689 5: what needs TLS never comes back whole.
  const bool full =
      about.ret == "FULL" && !about.require_tls && report.recipients.front().action == message::DsnAction::failed;
  const std::uint64_t whole_max = full ? options_.notices.return_max : 0;
  const spool::Envelope* const original = &about;
  const auto sign = services_.signer ? services_.signer() : nullptr;
  std::move_only_function<Made()> work = [this, original, &report, whole_max, &sign] {
    Returned returned = read_returned(store_, *original, whole_max);
    report.returned = std::move(returned.text);
    report.returned_whole = returned.whole;
    Made made{.text = message::write_dsn(report), .fields_on_top = {}};
    if (sign) made.fields_on_top = sign(made.text);
    return made;
  };
  const Made made = co_await pool_.run<Made>(std::move(work));

  spool::Envelope envelope;
  envelope.id = report.id;
  envelope.session = about.session;
  envelope.arrived = report.now;
  envelope.next_attempt = report.now;
  envelope.recipients = std::move(recipients);
  envelope.eight_bit = !is_ascii(made.text);
  envelope.utf8 = about.utf8;
  envelope.origin = spool::Origin::own;
  envelope.require_tls = about.require_tls;  // RFC 8689 5
  envelope.priority = about.priority;        // RFC 6710 4.6
  envelope.fields_on_top = made.fields_on_top;
  auto intake = store_.begin(loop_);
  if (!intake) co_return std::unexpected(intake.error());
  for (std::size_t at = 0; at < made.text.size(); at += kBlock) {
    const auto stored = co_await (*intake)->append(std::string_view(made.text).substr(at, kBlock));
    if (!stored) co_return stored;
  }
  co_return co_await (*intake)->commit(std::move(envelope));
}

}  // namespace postern::delivery
