// Evidence: what is known of a session, a transaction and a recipient at the moment of a decision, one value a signal.
// A plain value: gathered by the session, read by the policy, written into the record and read back by replay, which
// must see the very same. Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/json_scanner.h"
#include "base/result.h"
#include "evidence/signals.h"

namespace postern::evidence {

inline constexpr std::size_t kTextMax = 255;  // octets of a text signal; longer ones are cut
inline constexpr std::size_t kListsMax = 32;  // lists of a configuration
inline constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();  // of a number

// Two upper-case letters; 0 is unknown.
using CountryCode = std::uint16_t;
[[nodiscard]] constexpr CountryCode country_code(char first, char second) {
  return static_cast<CountryCode>((static_cast<unsigned char>(first) << 8U) | static_cast<unsigned char>(second));
}
[[nodiscard]] CountryCode parse_country(std::string_view two_letters);  // 0 where they are not two letters
[[nodiscard]] std::string country_text(CountryCode code);               // "unknown" for 0

// The lists of a configuration by number, so that evidence holds bits. The order is that of the configuration.
using ListNames = std::vector<std::string>;

class Evidence {
 public:
  // Categories: Evidence::set(Signal::rdns, value::Rdns::generic).
  template <class Enum>
    requires std::is_enum_v<Enum>
  void set(Signal signal, Enum word) {
    number_.at(index(signal)) = static_cast<std::int64_t>(word);
  }
  void set_number(Signal signal, std::int64_t number) { number_.at(index(signal)) = number; }
  void set_country(CountryCode code) { number_.at(index(Signal::country)) = code; }
  void set_text(Signal signal, std::string_view text);  // cut to kTextMax; "" is unknown
  void set_lists(std::uint32_t answered,
                 std::uint32_t listed);  // bits by number in ListNames; listed is within answered

  // 0 for an unknown category or country; kUnknown for an unknown number.
  [[nodiscard]] std::int64_t number(Signal signal) const { return number_[index(signal)]; }
  template <class Enum>
  [[nodiscard]] Enum get(Signal signal) const {
    return static_cast<Enum>(number_[index(signal)]);
  }
  [[nodiscard]] std::string_view text(Signal signal) const;  // "" is unknown
  [[nodiscard]] std::uint32_t lists_answered() const { return static_cast<std::uint32_t>(lists() >> 32U); }
  [[nodiscard]] std::uint32_t lists_listed() const { return static_cast<std::uint32_t>(lists()); }
  [[nodiscard]] bool is_unknown(Signal signal) const;

  Evidence();
  friend bool operator==(const Evidence&, const Evidence&) = default;

  // Appends an object of what differs from `before`: {"rdns":"generic","country":"US","errors":3,"lists":["zen"],
  // "lists_clean":["dwl"],...}. What became unknown is null. A decision's evidence is the one before it with this put
  // over it, so that records stay short and are still exact.
  void append_changes(const Evidence& before, const ListNames& names, json::Writer& out) const;
  // Puts such an object over this evidence. Unknown names and values (of a later version) are skipped and counted in
  // `skipped`; names of lists that `names` lacks are added to it up to kListsMax.
  void apply(const json::Value& changes, ListNames& names, std::uint32_t* skipped = nullptr);
  // The same from text, without a document and, once its texts have room, without an allocation: for replay. Consumes
  // one value; false where it is no JSON. Of two members with one name the last that is understood holds.
  [[nodiscard]] bool apply(json::Scanner& changes, ListNames& names, std::uint32_t* skipped = nullptr);
  // The word or number of one signal, for people: "generic", "US", "3", "zen, sbl", "unknown".
  [[nodiscard]] std::string show(Signal signal, const ListNames& names) const;

 private:
  static constexpr std::size_t kTexts = 12;
  static constexpr std::size_t index(Signal signal) { return static_cast<std::size_t>(signal); }
  [[nodiscard]] std::uint64_t lists() const { return static_cast<std::uint64_t>(number_[index(Signal::lists)]); }

  std::array<std::int64_t, kSignals> number_{};
  std::array<std::string, kTexts> text_;
};

}  // namespace postern::evidence
