// What each signal is worth, measured on one's own traffic: `postern signals`. Counts are of one event a sender and
// day, decay with a half-life of kHalfLifeDays, and are weighed by policy/weight.h. Of days whose records are gone the
// aggregates speak.
//
// Unique catch and harm: an event is judged with its evidence, and again with the one signal unknown. Spam that is
// stopped only with it is its catch, ham that is delayed or refused only with it is its harm. They need records, and
// are plain counts.
//
// Texts (kCountedTexts) have a row for each of their kTextsKept most frequent values, and one for all others.
// Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "insight/aggregates.h"
#include "insight/intervals.h"
#include "policy/options.h"
#include "policy/policy.h"

namespace postern::insight {

inline constexpr double kHalfLifeDays = 30;

struct SignalRow {
  evidence::Signal signal{};
  std::string value;
  policy::Seen seen;
  std::array<policy::Seen, 2> by_family;  // IPv4, IPv6
  policy::Weight weight;
  double lift = 0, lift_low = 0, lift_high = 0;  // how many times as often in spam as in ham; infinite of 0 ham
  double gain = 0;                               // bits
  std::uint64_t needed = 0;                      // further events until the weight is decided; 0: it is
  std::array<std::uint64_t, 2> unique_catch{}, unique_harm{};  // by family
  bool left_out = false;  // signs that rest on this signal were left out of its truth
};

struct SignalReport {
  LineCount lines;
  double spam = 0, ham = 0, unknown = 0;  // decayed events
  std::uint64_t events = 0;               // as they are, of records and aggregates
  std::uint64_t days = 0, days_of_aggregates = 0;
  WallMs oldest = 0, newest = 0;
  std::vector<SignalRow> rows;  // by signal, in it by information gain
  policy::Counts counts;        // for the score
};

class SignalStudy {
 public:
  // `policy`: for catch and harm. `home`: of its configuration, for the joint table. `outcomes` has seen all sessions.
  SignalStudy(const policy::Policy& policy, evidence::ListNames lists, const std::vector<evidence::CountryCode>& home,
              const Outcomes& outcomes);
  void add(const record::SessionView& session);
  // Days that the records do not hold, or hold in part only. Error: a file of them cannot be read; nothing is added.
  [[nodiscard]] Result<void> add_aggregates(const std::string& folder);
  [[nodiscard]] SignalReport finish(const LineCount& lines, WallMs now);

 private:
  struct Unique {
    std::array<std::uint64_t, 2> caught{}, harmed{};
  };
  void leave_one_out(const record::SessionView& session, const evidence::Evidence& evidence);
  Unique& unique_of(evidence::Signal signal, std::string_view text);
  [[nodiscard]] bool stopped(const evidence::Evidence& evidence, bool at_data) const;
  void add_rows(const Tally& sum, SignalReport& report) const;
  void add_text_rows(std::size_t text, const TextRows& texts, SignalReport& report) const;
  void add_counts(const Tally& sum, SignalReport& report) const;

  const policy::Policy& policy_;
  const Outcomes& outcomes_;
  std::vector<evidence::CountryCode> home_;
  DayBuilder builder_;
  evidence::ListNames names_;
  std::array<std::map<Slot, Unique>, evidence::kSignals> unique_;
  std::array<std::map<std::string, Unique, std::less<>>, kCountedTexts.size()> unique_texts_;  // each of kTextsHeld
  std::vector<Slot> slots_;
  std::map<std::int64_t, Day> aggregates_;
};

void append_json(const SignalReport& report, json::Writer& out);

}  // namespace postern::insight
