// Score: what the evidence says in all, in nats (docs/policy.md: score). Terms: the joint table of os, rdns, country
// and known; every other scored category at kWeightOfOthers of its worth; the points of the lists; what the operator
// has pinned. The mean rests on priors and counts, the bound on counts alone, so that priors never refuse. All weights
// are computed when the policy is compiled; a score is a handful of additions. Thread rule: immutable once made.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "policy/country_set.h"
#include "policy/options.h"
#include "policy/policy.h"
#include "policy/truth.h"
#include "policy/weight.h"

namespace postern::policy {

inline constexpr double kWeightOfOthers = 0.5;  // beside the joint table: they are correlated with it
inline constexpr double kSpfCap = 0.9;          // nats: SPF alone decides nothing at the default thresholds
inline constexpr double kPinMax = 20;           // nats

struct Sum {
  double mean = 0;
  double low = 0;  // of the bounds nearest to zero
};

// The name of evidence's cell in the joint table, "os=windows rdns=generic country=abroad known=stranger": `value` of
// Counts::cells. Country is home, abroad, or unknown where the client's is, or no home is configured.
[[nodiscard]] std::string cell_name(const evidence::Evidence& evidence, const CountrySet& home);
// The categories beside the joint table that are scored.
[[nodiscard]] bool is_scored(evidence::Signal signal);

class Score {
 public:
  // Unknown signals, values and cells of the counts are those of another version, and skipped. The pins must be valid.
  Score(const Counts& counts, const std::vector<PinOptions>& pins, const CountrySet& home);

  [[nodiscard]] Sum at(Moment moment, const evidence::Evidence& evidence, const Setting& setting) const;
  // The terms that are not zero, largest first. Their sum is at()'s.
  [[nodiscard]] std::vector<Term> terms(Moment moment, const evidence::Evidence& evidence,
                                        const Setting& setting) const;
  [[nodiscard]] bool uses(evidence::Signal signal) const;

 private:
  static constexpr std::size_t kValues = 16;  // of a category, at most
  static constexpr std::array<std::size_t, 4> kJointValues{11, 6, 3, 5};
  static constexpr std::size_t kCells = 11 * 6 * 3 * 5;
  using Coordinates = std::array<std::size_t, kJointValues.size()>;  // 0 is unknown

  struct Entry {
    float mean = 0, low = 0;
  };
  struct Table {  // of one category
    evidence::Signal signal{};
    std::array<Entry, kValues> entries{};
    std::array<Seen, kValues> seen{};  // priors included
    std::uint32_t pinned = 0;          // bits by value
  };
  struct PinnedCountry {
    evidence::CountryCode code;
    float nats;
  };

  [[nodiscard]] static Coordinates coordinates(const evidence::Evidence& evidence, const Setting& setting);
  [[nodiscard]] static std::size_t place(const Coordinates& at);
  [[nodiscard]] static std::optional<Coordinates> parse_cell(std::string_view name);
  // The coordinates without those that pins speak for.
  [[nodiscard]] Coordinates unpinned(Coordinates at, const evidence::Evidence& evidence) const;

  void fill_tables(const Counts& counts, const CountrySet& home);
  void fill_cells(const Counts& counts);
  void pin(const PinOptions& pin);
  [[nodiscard]] float country_pin(evidence::CountryCode code, bool& found) const;

  template <class Visit>
  void visit(Moment moment, const evidence::Evidence& evidence, const Setting& setting, const Visit& visit_term) const;

  std::vector<Table> at_rcpt_, at_data_;  // categories beside the joint table, by the stage they belong to
  std::array<Table, kJointValues.size()> marginals_{};  // of the joint table, by coordinate
  std::array<Table, kJointValues.size()> measured_{};   // without priors: what the bounds rest on
  std::vector<Entry> cells_;
  std::vector<Seen> cell_seen_;
  std::vector<PinnedCountry> pinned_countries_;
};

}  // namespace postern::policy
