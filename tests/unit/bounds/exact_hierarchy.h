// ExactHierarchy: prefix budgets without a bound and without rounding, a map entry for each prefix ever seen. What
// PrefixBudgets is compared with.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "bounds/prefix_budgets.h"

namespace postern::bounds::testing {

struct ExactKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  int level = 0;
  friend bool operator==(const ExactKey&, const ExactKey&) = default;
};

struct ExactLevel {
  ExactKey key;
  double budget = 0;  // events
};

struct ExactLevels {
  std::array<ExactLevel, PrefixBudgets::kLevelsMax> at{};
  std::size_t count = 0;
  void push_back(const ExactLevel& level) { at[count++] = level; }
  [[nodiscard]] const ExactLevel* begin() const { return at.data(); }
  [[nodiscard]] const ExactLevel* end() const { return at.data() + count; }
};

class ExactHierarchy {
 public:
  explicit ExactHierarchy(const BudgetOptions& options) : options_(options) {}

  // Whether the event fits, and how far the fullest level is from saying otherwise, as a share of its budget.
  [[nodiscard]] std::pair<bool, double> decide(const Event& event, std::uint32_t now) const {
    double fullest = 0;
    for (const auto& [key, budget] : levels(event)) fullest = std::max(fullest, (load(key, now) + event.cost) / budget);
    return {fullest <= 1, std::abs(fullest - 1)};
  }
  void charge(const Event& event, std::uint32_t now) {
    for (const auto& [key, budget] : levels(event)) {
      const double before = load(key, now);
      counts_[key] = {before + event.cost, now};
    }
  }
  bool take(const Event& event, std::uint32_t now) {
    const bool fits = decide(event, now).first;
    if (fits) charge(event, now);
    return fits;
  }
  [[nodiscard]] std::size_t prefixes() const { return counts_.size(); }

 private:
  struct KeyHash {
    std::size_t operator()(const ExactKey& key) const {
      return spread(spread(key.high + static_cast<std::uint64_t>(key.level)) ^ key.low);
    }
  };
  struct Count {
    double events;
    std::uint32_t time;
  };

  [[nodiscard]] double load(const ExactKey& key, std::uint32_t now) const {
    const auto found = counts_.find(key);
    if (found == counts_.end()) return 0;
    return found->second.events *
           std::exp(-options_.rate_per_hour / 3600 / options_.burst * (now - found->second.time));
  }

  [[nodiscard]] ExactLevels levels(const Event& event) const {
    const double burst = options_.burst * options_.scale;
    const auto& octets = event.address.octets();
    const auto word = [&](std::size_t from) {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < 8; ++i) value = value << 8U | octets[from + i];
      return value;
    };
    const std::uint64_t high = word(0);
    const std::uint64_t low = word(8);
    ExactLevels all;
    if (event.address.is_v6()) {
      all.push_back({{high, low, 128}, burst});
      all.push_back({{high, 0, 64}, burst * options_.v6_64});
      if (!event.known) {
        all.push_back({{high >> 8U, 0, 56}, burst * options_.v6_56});
        all.push_back({{high >> 16U, 0, 48}, burst * options_.v6_48});
        all.push_back({{high >> 32U, 0, 32}, burst * options_.v6_32});
      }
    } else {
      all.push_back({{0, low, 132}, burst});
      if (!event.known) {
        all.push_back({{0, low >> 8U, 124}, burst * options_.v4_24});
        all.push_back({{0, low >> 16U, 116}, burst * options_.v4_16});
      }
    }
    if (event.identity) all.push_back({{*event.identity, 0, kIdentityLevel}, burst * options_.identity});
    return all;
  }

  BudgetOptions options_;
  std::unordered_map<ExactKey, Count, KeyHash> counts_;
};

}  // namespace postern::bounds::testing
