#include "record/delivery_reader.h"

#include <algorithm>
#include <limits>

#include "base/json_scanner.h"
#include "record/session_record.h"

namespace postern::record {

namespace {

using json::Scanner;

constexpr std::string_view kSchema = "postern.delivery/1";

bool number(Scanner& scanner, std::uint32_t& out) {
  std::int64_t value = out;
  if (!scanner.integer(value)) return false;
  out = static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::uint32_t>::max()));
  return true;
}

bool read_outcomes(Scanner& scanner, DeliveryView& view) {
  view.delivered = view.deferred = view.failed = 0;  // of a key that stands twice the last one holds
  std::size_t outcomes = 0;
  return scanner.array([&] {
    if (++outcomes > kRecipientsMax) return scanner.skip();
    std::string_view state;
    if (!scanner.object([&](std::string_view key) { return key == "state" ? scanner.string(state) : scanner.skip(); }))
      return false;
    if (state == "delivered") ++view.delivered;
    if (state == "deferred") ++view.deferred;
    if (state == "failed") ++view.failed;
    return true;
  });
}

// Those that the list has no room for.
bool read_beyond(Scanner& scanner, DeliveryRecord::Counts& beyond) {
  beyond = {};
  return scanner.object([&](std::string_view key) {
    if (key == "delivered") return number(scanner, beyond.delivered);
    if (key == "deferred") return number(scanner, beyond.deferred);
    if (key == "failed") return number(scanner, beyond.failed);
    return scanner.skip();
  });
}

void add(std::uint32_t& to, std::uint32_t more) {
  to += std::min(more, std::numeric_limits<std::uint32_t>::max() - to);
}

bool member(Scanner& scanner, std::string_view key, DeliveryView& view) {
  if (key == "id") return scanner.string(view.id);
  if (key == "message") return scanner.string(view.message);
  if (key == "time") {
    std::string_view text;
    if (!scanner.string(text)) return false;
    view.start = parse_iso8601(text).value_or(-1);
    return true;
  }
  if (key == "duration_ms") return number(scanner, view.duration_ms);
  if (key == "transport") return scanner.string(view.transport);
  if (key == "family") return scanner.string(view.family);
  if (key == "tls") return scanner.string(view.tls);
  if (key == "tls_cipher") return scanner.string(view.tls_cipher);
  if (key == "tls_verified") return scanner.boolean(view.tls_verified);
  if (key == "tls_policy") return scanner.string(view.tls_policy);
  if (key == "outcomes") return read_outcomes(scanner, view);
  if (key == "queued_ms") return number(scanner, view.queued_ms);
  if (key == "attempt") return number(scanner, view.attempt);
  return scanner.skip();
}

}  // namespace

bool DeliveryReader::read(std::string_view line) {
  view_ = {};
  view_.start = -1;
  Scanner scanner(line, scratch_);
  std::string_view schema;
  DeliveryRecord::Counts beyond;
  const bool whole = scanner.object([&](std::string_view key) {
    if (key == "beyond") return read_beyond(scanner, beyond);
    if (key != "schema") return member(scanner, key, view_);
    return scanner.string(schema) && schema == kSchema;  // the rest of another line means something else
  });
  add(view_.delivered, beyond.delivered);
  add(view_.deferred, beyond.deferred);
  add(view_.failed, beyond.failed);
  return whole && scanner.finished() && schema == kSchema && !view_.id.empty() && view_.start >= 0;
}

}  // namespace postern::record
