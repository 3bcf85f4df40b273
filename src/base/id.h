// Id: what names a session, a message and a delivery attempt, on the wire and in records.
// 80 bits: 40 bits of milliseconds since 1970 modulo 2^40 (34 years), 40 random bits, written as 16 characters of
// Crockford's base32 (no I, L, O, U). Ids sort by time in both forms, `postern why ID` finds a line by its time, and
// nobody guesses a neighbour's. Parsing takes either case and Crockford's look-alikes (O=0, I and L=1).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace postern {

struct Id {
  std::array<std::uint8_t, 10> bytes{};

  static constexpr std::size_t kTextSize = 16;
  // Random bits come from the kernel in blocks, one buffer a thread. Thread-safe.
  [[nodiscard]] static Id make(WallMs now);
  [[nodiscard]] static std::optional<Id> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  // The time it was made, taking the 34-year window that `near` lies in.
  [[nodiscard]] WallMs time(WallMs near) const;
  [[nodiscard]] bool empty() const { return bytes == decltype(bytes){}; }

  friend auto operator<=>(const Id&, const Id&) = default;
};

struct IdHash {
  std::size_t operator()(const Id& id) const noexcept {
    std::uint64_t h = 0;  // the low 8 bytes hold all 40 random bits
    for (std::size_t i = 2; i < 10; ++i) h = (h << 8U) | id.bytes[i];
    return static_cast<std::size_t>(h * 0x9E3779B97F4A7C15ULL);
  }
};

// Fills with bytes from the kernel's generator; aborts if there are none (nothing may run on predictable ids).
void random_bytes(void* out, std::size_t size);

}  // namespace postern
