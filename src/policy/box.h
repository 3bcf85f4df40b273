// Box: a set of evidence that is given signal by signal: for each signal the states that are still possible. A
// comparison cuts a box down; a box that is empty on one signal holds no evidence at all. That a box is not empty
// proves nothing: some contradictions (between texts, between several lists) are not seen. Thread rule: a value.
#pragma once

#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "policy/expression.h"
#include "policy/truth.h"

namespace postern::policy {

// What a comparison must come to. `not_yes` and `not_no` contain unknown.
enum class Demand : std::uint8_t { yes, no, not_yes, not_no };
[[nodiscard]] constexpr bool allows(Demand demand, Truth truth) {
  switch (demand) {
    case Demand::yes:
      return truth == Truth::yes;
    case Demand::no:
      return truth == Truth::no;
    case Demand::not_yes:
      return truth != Truth::yes;
    case Demand::not_no:
      break;
  }
  return truth != Truth::no;
}

// The demand on what is negated.
[[nodiscard]] constexpr Demand opposite(Demand demand) {
  switch (demand) {
    case Demand::yes:
      return Demand::no;
    case Demand::no:
      return Demand::yes;
    case Demand::not_yes:
      return Demand::not_no;
    case Demand::not_no:
      break;
  }
  return Demand::not_yes;
}

class Box {
 public:
  // Keeps what meets the demand. False where nothing does; the box is not to be used then.
  [[nodiscard]] bool cut(const Comparison& comparison, Demand demand, const Setting& setting);

 private:
  struct Words {
    std::uint32_t possible = 0;  // unknown is bit 0
  };
  struct Countries {
    CountrySet possible = CountrySet::all();
    bool unknown = true;
  };
  struct Numbers {
    std::vector<Interval> possible;  // kUnknown is a number like others
  };
  struct Texts {  // the demands themselves; tried on the texts that an equality leaves
    std::vector<std::pair<const Comparison*, Demand>> demands;
  };
  struct Lists {
    std::vector<std::uint8_t> possible;  // of each list: bits kListUnknown, kListClean, kListListed
    bool one_listed = false, one_not_clean = false, one_answered = false;
  };
  using States = std::variant<Words, Countries, Numbers, Texts, Lists>;

  States& states(evidence::Signal signal, const Setting& setting);
  [[nodiscard]] static bool cut_words(Words& words, const Comparison& comparison, Demand demand,
                                      const Setting& setting);
  [[nodiscard]] static bool cut_countries(Countries& countries, const Comparison& comparison, Demand demand,
                                          const Setting& setting);
  [[nodiscard]] static bool cut_numbers(Numbers& numbers, const Comparison& comparison, Demand demand);
  [[nodiscard]] static bool cut_texts(Texts& texts, const Comparison& comparison, Demand demand,
                                      const Setting& setting);
  [[nodiscard]] static bool cut_lists(Lists& lists, const Comparison& comparison, Demand demand);

  std::map<evidence::Signal, States> states_;  // of the signals that something was asked of
};

}  // namespace postern::policy
