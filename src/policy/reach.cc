#include "policy/reach.h"

#include <algorithm>
#include <iterator>

namespace postern::policy {

std::optional<Reach::Boxes> Reach::within(Boxes boxes, const Expression& expression, Demand demand) {
  return within(std::move(boxes), expression, expression.root, demand);
}

std::optional<Reach::Boxes> Reach::within(Boxes boxes, const Expression& expression, std::uint16_t node_number,
                                          Demand demand) {
  const Node& node = expression.nodes[node_number];
  if (node.kind == Node::Kind::negation)
    return within(std::move(boxes), expression, node.parts.front(), opposite(demand));
  if (node.kind == Node::Kind::comparison) {
    const Comparison& comparison = expression.comparisons[node.parts.front()];
    work_ += boxes.size();
    if (work_ > kWorkMax) return std::nullopt;
    Boxes kept;
    for (Box& box : boxes) {
      if (box.cut(comparison, demand, setting_)) {
        kept.push_back(std::move(box));
      } else if (std::ranges::find(emptied_, comparison.signal) == emptied_.end()) {
        emptied_.push_back(comparison.signal);
      }
    }
    return kept;
  }
  // "a and b" is yes where both are yes, and not no where both are not no; "a or b" is no where both are no, ...
  const bool upwards = demand == Demand::yes || demand == Demand::not_no;
  const bool all = (node.kind == Node::Kind::conjunction) == upwards;
  if (all) {
    for (const std::uint16_t part : node.parts) {
      if (boxes.empty()) break;
      auto rest = within(std::move(boxes), expression, part, demand);
      if (!rest) return std::nullopt;
      boxes = *std::move(rest);
    }
    return boxes;
  }
  Boxes sum;
  for (const std::uint16_t part : node.parts) {
    auto some = within(boxes, expression, part, demand);
    if (!some || sum.size() + some->size() > kBoxesMax) return std::nullopt;
    std::ranges::move(*some, std::back_inserter(sum));
  }
  return sum;
}

std::optional<evidence::Signal> Reach::culprit() const {
  return emptied_.size() == 1 ? std::optional(emptied_.front()) : std::nullopt;
}

}  // namespace postern::policy
