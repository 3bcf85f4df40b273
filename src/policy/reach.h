// Reach: whether a condition can be true at all, and whether it can while others are not: what a rule that never fires
// is found with. A condition is spread into boxes (box.h) as into a disjunctive normal form; where that takes more than
// kBoxesMax boxes or kWorkMax steps the answer is "yes". So "no" is certain, and "yes" is not.
// Thread rule: a value of one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "policy/box.h"

namespace postern::policy {

inline constexpr std::size_t kBoxesMax = 256;
inline constexpr std::size_t kWorkMax = 200'000;  // cuts of all the questions of one policy: well below a second

class Reach {
 public:
  explicit Reach(const Setting& setting) : setting_(setting) {}

  // The evidence that meets the demand, from `boxes` on. Nothing where it was too much to say.
  using Boxes = std::vector<Box>;
  [[nodiscard]] std::optional<Boxes> within(Boxes boxes, const Expression& expression, Demand demand);

  // The one signal on which every box that was lost since the last reset() was found empty; nothing where there were
  // several, or none.
  [[nodiscard]] std::optional<evidence::Signal> culprit() const;
  void reset_culprit() { emptied_.clear(); }

 private:
  [[nodiscard]] std::optional<Boxes> within(Boxes boxes, const Expression& expression, std::uint16_t node,
                                            Demand demand);

  const Setting& setting_;
  std::size_t work_ = 0;
  std::vector<evidence::Signal> emptied_;
};

}  // namespace postern::policy
