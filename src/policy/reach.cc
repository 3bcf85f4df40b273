#include "policy/reach.h"

#include <algorithm>
#include <deque>
#include <ranges>
#include <utility>

namespace postern::policy {

namespace {

// What is still to be met, as a list whose tails are shared by the alternatives.
struct Goal {
  const Expression* expression = nullptr;
  std::uint16_t node = 0;
  Demand demand = Demand::yes;
  const Goal* next = nullptr;
};

// Where one of several parts is enough, and another one may be tried.
struct Choice {
  Box box;
  const Goal* goal = nullptr;
  std::size_t next_part = 0;
};

class Search {
 public:
  Search(const Setting& setting, std::vector<evidence::Signal>& failed_on) : setting_(setting), failed_on_(failed_on) {}

  std::optional<bool> run(std::span<const Reach::Asked> asked, std::size_t& work) {
    for (const Reach::Asked& one : std::views::reverse(asked)) add(*one.expression, one.expression->root, one.demand);
    while (goals_ != nullptr) {
      if (arena_.size() > kStepsMax || ++work > kWorkMax || ++steps_ > kStepsMax) return std::nullopt;
      const Goal* const goal = goals_;
      goals_ = goal->next;
      const Node& node = goal->expression->nodes[goal->node];
      if (node.kind == Node::Kind::negation) {
        add(*goal->expression, node.parts.front(), opposite(goal->demand));
      } else if (node.kind == Node::Kind::comparison) {
        const Comparison& comparison = goal->expression->comparisons[node.parts.front()];
        if (box_.cut(comparison, goal->demand, setting_)) continue;
        if (std::ranges::find(failed_on_, comparison.signal) == failed_on_.end())
          failed_on_.push_back(comparison.signal);
        if (!try_another()) return false;
      } else if (needs_all(node, goal->demand)) {
        for (const std::uint16_t part : std::views::reverse(node.parts)) add(*goal->expression, part, goal->demand);
      } else {
        choices_.push_back({box_, goal, 0});
        (void)try_another();  // there is a first part
      }
    }
    return true;
  }

 private:
  // "a and b" is yes where both are yes, and not no where both are not no; "a or b" is no where both are no, ...
  static bool needs_all(const Node& node, Demand demand) {
    const bool upwards = demand == Demand::yes || demand == Demand::not_no;
    return (node.kind == Node::Kind::conjunction) == upwards;
  }

  void add(const Expression& expression, std::uint16_t node, Demand demand) {
    arena_.push_back({&expression, node, demand, goals_});
    goals_ = &arena_.back();
  }

  // The next part of the last choice that has one.
  bool try_another() {
    if (choices_.empty()) return false;
    Choice& choice = choices_.back();
    const Goal* const goal = choice.goal;
    const auto& parts = goal->expression->nodes[goal->node].parts;
    const std::uint16_t part = parts[choice.next_part++];
    if (choice.next_part == parts.size()) {
      box_ = std::move(choice.box);
      choices_.pop_back();
    } else {
      box_ = choice.box;
    }
    goals_ = goal->next;
    add(*goal->expression, part, goal->demand);
    return true;
  }

  const Setting& setting_;
  std::vector<evidence::Signal>& failed_on_;
  Box box_;
  const Goal* goals_ = nullptr;
  std::deque<Goal> arena_;
  std::vector<Choice> choices_;
  std::size_t steps_ = 0;
};

}  // namespace

std::optional<bool> Reach::possible(std::span<const Asked> asked) {
  failed_on_.clear();
  return Search(setting_, failed_on_).run(asked, work_);
}

std::optional<evidence::Signal> Reach::culprit() const {
  return failed_on_.size() == 1 ? std::optional(failed_on_.front()) : std::nullopt;
}

}  // namespace postern::policy
