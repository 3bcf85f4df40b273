// Tally: how often each value of each signal was seen in spam, in ham, and in what nobody knows, by address family: one
// event a sender and day (outcomes.h). The counts of a day; what `postern signals` weighs, what the aggregates keep for
// years. Bounded: a few hundred values, 676 countries, kCellsMax cells, kTextsHeld values of each counted text.
//
// Numbers are counted by ranges. Of texts those are counted that a client's software chooses and that name nobody
// (kCountedTexts); all others have no rows.
// Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evidence/evidence.h"
#include "insight/outcomes.h"

namespace postern::insight {

inline constexpr std::size_t kCellsMax = 4096;  // of the joint table, a day; further ones are not counted

// Events by truth and family.
struct Row {
  std::array<std::array<double, 2>, 3> counts{};  // [truth][IPv4, IPv6]
  void add(Truth truth, bool ipv6, double weight = 1) {
    counts[static_cast<std::size_t>(truth)][ipv6 ? 1 : 0] += weight;
  }
  void add(const Row& other, double weight);
  [[nodiscard]] double of(Truth truth) const {
    const auto& both = counts[static_cast<std::size_t>(truth)];
    return both[0] + both[1];
  }
  [[nodiscard]] double of(Truth truth, bool ipv6) const {
    return counts[static_cast<std::size_t>(truth)][ipv6 ? 1 : 0];
  }
  [[nodiscard]] double total() const;
  [[nodiscard]] bool empty() const;
  friend bool operator==(const Row&, const Row&) = default;
};

// A value of a signal as it is counted: a word, a country, a range of numbers, a list that names the sender or not.
using Slot = std::uint16_t;
inline constexpr Slot kNotListed = 32;  // lists: 0..31 listed, 32..63 not listed

// What evidence has of a signal: no slot where it is unknown or a text; of lists one for each that answered.
void slots_of(const evidence::Evidence& evidence, evidence::Signal signal, std::vector<Slot>& out);
// "generic", "US", "3-9", "zen", "not zen".
[[nodiscard]] std::string slot_name(evidence::Signal signal, Slot slot, const evidence::ListNames& names);
// The reverse; names of lists that `names` lacks are added to it. Nothing where there is no such value.
[[nodiscard]] std::optional<Slot> find_slot(evidence::Signal signal, std::string_view name, evidence::ListNames& names);

inline constexpr std::array<evidence::Signal, 4> kCountedTexts{evidence::Signal::syn, evidence::Signal::cipher,
                                                               evidence::Signal::ja4, evidence::Signal::tls_group};
inline constexpr std::size_t kTextsKept = 64;   // values of one such signal that are written and shown
inline constexpr std::size_t kTextsHeld = 256;  // while they are counted
inline constexpr std::string_view kOthers = "(others)";
// Its place in kCountedTexts.
[[nodiscard]] constexpr std::optional<std::size_t> counted_text(evidence::Signal signal) {
  for (std::size_t i = 0; i < kCountedTexts.size(); ++i)
    if (kCountedTexts.at(i) == signal) return i;
  return std::nullopt;
}

// How often each value of a text was seen. Whoever makes up ever new values can neither fill the memory nor push out
// what is frequent (Metwally, Agrawal, El Abbadi 2005: Space-Saving): each value that has more than 1/kTextsHeld of the
// events is held, and its count falls short by no more than that share. What gives way is counted under kOthers, as are
// values that are not printable ASCII.
class TextRows {
 public:
  using Rows = std::map<std::string, Row, std::less<>>;
  void add(std::string_view text, const Row& row, double weight = 1);
  void add(const TextRows& other, double weight);
  // The kTextsKept most frequent; all else under kOthers, where there is any.
  [[nodiscard]] Rows kept() const;
  [[nodiscard]] bool empty() const { return held_.empty() && others_.empty(); }

 private:
  struct Held {
    Row row;
    double rank = 0;  // its events, and those of whom it took the place
  };
  std::map<std::string, Held, std::less<>> held_;
  Row others_;
};

// The signals of the joint table of the score, with the country itself: whether it is home the policy says.
struct Cell {
  std::uint8_t os = 0, rdns = 0, known = 0;
  evidence::CountryCode country = 0;
  friend auto operator<=>(const Cell&, const Cell&) = default;
};

struct Tally {
  Row events;  // in all
  std::array<std::map<Slot, Row>, evidence::kSignals> signals;
  std::array<TextRows, kCountedTexts.size()> texts;
  std::map<Cell, Row> cells;

  // `signs`: of the session itself and of its sender. The truth is asked anew for each signal, without what rests on
  // that signal.
  void add(const evidence::Evidence& evidence, bool ipv6, Signs own, Signs of_sender);
  void add(const Tally& other, double weight);
};

}  // namespace postern::insight
