// DeliveryReader: a delivery's line ("postern.delivery/1", docs/records.md), read for statistics: by view, without a
// document and without an allocation, as SessionReader does for sessions. Takes any octets; of outcomes only their
// number in each state is kept, with those that the list has no room for. Thread rule: one reader a thread; what it
// returns lives until the next read() and as long as the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace postern::record {

struct DeliveryView {
  std::string_view id, message, transport, family, tls, tls_cipher, tls_policy;
  WallMs start = 0;
  std::uint32_t duration_ms = 0, queued_ms = 0, attempt = 0;
  bool tls_verified = false;
  // recipients, by what became of them
  std::uint32_t delivered = 0, deferred = 0, failed = 0;
};

class DeliveryReader {
 public:
  // False where the line is no delivery, or is damaged: no JSON, or without id or time.
  [[nodiscard]] bool read(std::string_view line);
  [[nodiscard]] const DeliveryView& delivery() const { return view_; }

 private:
  DeliveryView view_;
  std::string scratch_;
};

}  // namespace postern::record
