// Reach: whether conditions can come to what is demanded of them all at once: what a rule that never fires is found
// with. A search with backtracking that cuts one box (box.h) down, comparison by comparison, until it has met every
// demand or is empty. "No" is certain; "yes" is not, because a box may look open and be empty. Where a question takes
// more than kStepsMax steps, or all questions together kWorkMax, there is no answer.
// Thread rule: a value of one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "policy/box.h"

namespace postern::policy {

inline constexpr std::size_t kStepsMax = 10'000;
inline constexpr std::size_t kWorkMax = 500'000;  // less than a second

class Reach {
 public:
  explicit Reach(const Setting& setting) : setting_(setting) {}

  struct Asked {
    const Expression* expression = nullptr;
    Demand demand = Demand::yes;
  };
  // Nothing where it was too much to say.
  [[nodiscard]] std::optional<bool> possible(std::span<const Asked> asked);

  // After a "no": the one signal that every attempt failed on; nothing where there were several.
  [[nodiscard]] std::optional<evidence::Signal> culprit() const;

 private:
  const Setting& setting_;
  std::size_t work_ = 0;
  std::vector<evidence::Signal> failed_on_;
};

}  // namespace postern::policy
