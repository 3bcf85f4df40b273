// GreylistReturns: who was told to come again, who did and was accepted, and after how long: what the greylist costs. A
// case is one sender's mail to one recipient (client identity, reverse path, recipient), from the first 451 to the 250
// at the end of its message. Events are kept (16 octets each, kGreylistEventsMax, in memory) and joined at the end, so
// that records may be read by several threads in any order. Thread rule: a value.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "insight/quantiles.h"
#include "record/session_reader.h"

namespace postern::insight {

inline constexpr std::size_t kGreylistEventsMax = 4'000'000;  // 64 MiB; further ones are counted, not joined

class GreylistReturns {
 public:
  // `most`: events that are held; counters of one report share kGreylistEventsMax.
  explicit GreylistReturns(std::size_t most = kGreylistEventsMax) : most_(most) {}
  // `asked`: the greylist was asked in this session, so it may be a return.
  void add(const record::SessionView& session, bool asked);
  void merge(GreylistReturns&& other);

  struct Family {
    std::uint64_t cases = 0;     // told to come again at least once
    std::uint64_t told = 0;      // times that was said
    std::uint64_t returned = 0;  // of the cases: accepted later
    Quantiles delay;             // of those, from the session of the first 451 to that of the 250, milliseconds
  };
  struct Report {
    std::array<Family, 2> families;  // IPv4, IPv6
    std::uint64_t not_held = 0;      // events beyond the limit
  };
  [[nodiscard]] Report report() const;

 private:
  // Of two at the same time the 250 is the first: it was no answer to the other.
  enum Kind : std::uint8_t { kAccepted, kTold };
  struct Event {
    std::uint64_t key;
    std::uint64_t when;  // milliseconds since 1970, kind and family
    [[nodiscard]] std::uint64_t ms() const { return when >> 2U; }
    [[nodiscard]] Kind kind() const { return (when & 2U) != 0 ? kTold : kAccepted; }
    [[nodiscard]] std::size_t family() const { return when & 1U; }
  };
  void note(const record::SessionView& session, const record::TransactionView& transaction,
            const record::RecipientView& recipient, Kind kind);
  std::size_t most_;
  std::vector<Event> events_;
  std::uint64_t not_held_ = 0;
};

}  // namespace postern::insight
