// Any octets as a delivery status notification: the reader is bounded, and nothing it returns ends a line. What the
// writer makes of what was read, the reader reads again.
#include <cstdint>
#include <string>

#include "base/result.h"
#include "message/dsn.h"

using namespace postern::message;

namespace {

void check_line(const std::string& text) {
  POSTERN_CHECK(text.size() <= kDsnValueMax);
  for (const char c : text) POSTERN_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto report = read_dsn(text);
  if (!report) return 0;
  POSTERN_CHECK(report->recipients.size() <= kDsnRecipientsMax);
  POSTERN_CHECK(report->returned.size() <= kDsnHeaderMax);
  check_line(report->envid);
  DsnReport again{.reporting_mta = "mx.example.org", .from = "postmaster@example.org", .to = "a@example.com"};
  again.envid = report->envid;
  again.now = again.arrived = 1'795'000'000'000;
  again.utf8 = size % 2 == 0;
  again.returned = report->returned;
  for (const ReadRecipient& recipient : report->recipients) {
    check_line(recipient.address);
    check_line(recipient.diagnostic);
    again.recipients.push_back({.address = recipient.address,
                                .original = recipient.original,
                                .action = recipient.action.value_or(DsnAction::failed),
                                .status = "5.0.0",
                                .remote_mta = recipient.remote_mta,
                                .diagnostic = recipient.diagnostic});
  }
  const auto reread = read_dsn(write_dsn(again));
  POSTERN_CHECK(reread.has_value());
  POSTERN_CHECK(reread->recipients.size() == again.recipients.size());
  for (std::size_t i = 0; i < again.recipients.size(); ++i) {
    POSTERN_CHECK(reread->recipients[i].action == again.recipients[i].action);
  }
  return 0;
}
