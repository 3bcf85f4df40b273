#include "outbound/report_mail.h"

#include <utility>

namespace postern::outbound {

std::string submitter_of(const std::string& from) { return from.substr(from.rfind('@') + 1); }

Task<Result<void>> queue_report(io::Loop& loop, spool::Store& store, ReportEnvelope report, std::string text) {
  auto intake = store.begin(loop);
  if (!intake) co_return std::unexpected(std::move(intake).error());
  const auto appended = co_await (*intake)->append(text);
  if (!appended) co_return std::unexpected(appended.error());
  spool::Envelope envelope;
  envelope.id = report.id;
  envelope.arrived = report.now;
  envelope.next_attempt = report.now;
  envelope.reverse_path = std::move(report.from);
  envelope.origin = spool::Origin::own;
  envelope.tls_optional = report.tls_optional;
  if (const auto sign = report.signer ? report.signer() : std::function<std::string(std::string_view)>())
    envelope.fields_on_top = sign(text);
  envelope.recipients.push_back({.forward_path = std::move(report.to), .original = {}, .last_reply = {}, .orcpt = {}});
  const auto committed = co_await (*intake)->commit(std::move(envelope));
  if (!committed) co_return std::unexpected(committed.error());
  co_return Result<void>();
}

}  // namespace postern::outbound
