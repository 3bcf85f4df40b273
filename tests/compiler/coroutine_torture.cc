// Does this compiler build coroutines right? Known miscompilations destroy a temporary twice or not at all, silently.
// Each pattern that Postern's code uses is a small coroutine over Tracked values, run to its end and also destroyed
// while suspended after 0, 1, 2, ... resumptions; afterwards every Tracked must have been destroyed exactly once. It
// runs before all other tests, and under the address sanitizer too. Prints what failed; exits 1 if anything did.
#include <algorithm>
#include <array>
#include <coroutine>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/task.h"

namespace {

using postern::Task;

std::set<const void*> g_alive;  // addresses of the Tracked objects that exist
int g_faults = 0;               // objects made over a living one, destroyed twice, or read when dead
std::coroutine_handle<> g_waiting;

// A value that owns memory (for the sanitizer) and reports its own birth and death (for the count).
class Tracked {
 public:
  explicit Tracked(int value) : value_(std::make_unique<int>(value)) { born(); }
  Tracked(const Tracked& other) : value_(std::make_unique<int>(other.get())) { born(); }
  Tracked(Tracked&& other) noexcept : value_(std::move(other.value_)) { born(); }
  Tracked& operator=(const Tracked& other) {
    if (this != &other) value_ = std::make_unique<int>(other.get());
    return *this;
  }
  Tracked& operator=(Tracked&& other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Tracked() {
    if (g_alive.erase(this) == 0) ++g_faults;
  }
  [[nodiscard]] int get() const {
    if (!g_alive.contains(this) || value_ == nullptr) {
      ++g_faults;
      return -1000;
    }
    return *value_;
  }

 private:
  void born() {
    if (!g_alive.insert(this).second) ++g_faults;
  }
  std::unique_ptr<int> value_;
};

struct Pair {  // an aggregate: no constructor of its own
  Tracked first;
  Tracked second;
};

struct Named {
  Tracked value;
  std::string label = "default";
  int extra = 0;
};

// Suspends until the driver resumes.
struct Gate {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { g_waiting = handle; }
  void await_resume() const noexcept {}
};

// The callees.
Task<int> take_value(Tracked value) {
  co_await Gate{};
  co_return value.get();
}
Task<int> take_reference(const Tracked& value) {
  co_await Gate{};
  co_return value.get();
}
Task<int> take_pair(Pair pair) {
  co_await Gate{};
  const int first = pair.first.get();
  co_await Gate{};
  co_return first + pair.second.get();
}
Task<int> take_named(Named named) {
  co_await Gate{};
  co_return named.value.get() + static_cast<int>(named.label.size()) + named.extra;
}
Task<int> take_two(Tracked a, Tracked b) {
  co_await Gate{};
  co_return a.get() + b.get();
}
Task<int> take_vector(std::vector<Tracked> values) {
  co_await Gate{};
  int sum = 0;
  for (const Tracked& value : values) sum += value.get();
  co_return sum;
}
Task<int> take_function(std::function<int()> function) {
  co_await Gate{};
  co_return function();
}
template <class F>
Task<int> take_callable(F function) {
  co_await Gate{};
  co_return function();
}
template <class F>
Task<int> forward_callable(F&& function) {
  co_await Gate{};
  co_return std::forward<F>(function)();
}
Task<int> take_unique(std::unique_ptr<Tracked> value) {
  co_await Gate{};
  co_return value->get();
}
Task<int> take_optional(std::optional<Pair> pair) {
  co_await Gate{};
  co_return pair ? pair->first.get() + pair->second.get() : 0;
}
Task<int> take_string_view(std::string_view text) {
  co_await Gate{};
  co_return static_cast<int>(text.size());
}
Task<Tracked> give(int value) {
  co_await Gate{};
  co_return Tracked(value);
}
Task<Pair> give_pair(int a, int b) {
  co_await Gate{};
  co_return Pair{Tracked(a), Tracked(b)};
}
Task<bool> yes(Tracked value) {
  co_await Gate{};
  co_return value.get() > 0;
}
Task<postern::Result<Tracked>> try_give(int value) {
  co_await Gate{};
  if (value < 0) co_return postern::fail(postern::ErrorKind::invalid, "negative");
  co_return Tracked(value);
}
Task<int> throws_after(Tracked value) {
  co_await Gate{};
  if (value.get() > 0) throw std::runtime_error("expected");
  co_return 0;
}
Task<int> throws_at_once(Tracked value) {
  if (value.get() > 0) throw std::runtime_error("expected");
  co_return co_await take_value(Tracked(0));
}
Task<void> only_wait(Tracked value) {
  co_await Gate{};
  static_cast<void>(value.get());
}
Task<int> ready(Tracked value) { co_return value.get(); }

struct Machine {
  Tracked value;
  int add = 0;
  Task<int> member(Tracked other) const {
    co_await Gate{};
    co_return value.get() + other.get() + add;
  }
};

class Base {
 public:
  Base() = default;
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  virtual ~Base() = default;
  virtual Task<int> run(Pair pair) = 0;
};
class Derived final : public Base {
 public:
  explicit Derived(int bonus) : bonus_(bonus) {}
  Task<int> run(Pair pair) override {
    co_await Gate{};
    co_return pair.first.get() + pair.second.get() + bonus_.get();
  }

 private:
  Tracked bonus_;
};

// The patterns. Each returns the value named in the table below.

// aggregates as temporary arguments
Task<int> aggregate_temporary() { co_return co_await take_pair(Pair{Tracked(1), Tracked(2)}); }
Task<int> aggregate_braces() { co_return co_await take_pair({Tracked(1), Tracked(2)}); }
Task<int> aggregate_designated() { co_return co_await take_named({.value = Tracked(1), .label = "four", .extra = 5}); }
Task<int> aggregate_defaults() { co_return co_await take_named({.value = Tracked(1)}); }
Task<int> aggregate_moved_local() {
  Pair pair{Tracked(1), Tracked(2)};
  co_return co_await take_pair(std::move(pair));
}
Task<int> aggregate_optional() { co_return co_await take_optional(Pair{Tracked(1), Tracked(2)}); }
Task<int> vector_braces() { co_return co_await take_vector({Tracked(1), Tracked(2), Tracked(3)}); }
Task<int> two_temporaries() { co_return co_await take_two(Tracked(1), Tracked(2)); }
Task<int> reference_to_temporary() { co_return co_await take_reference(Tracked(7)); }
Task<int> unique_pointer() { co_return co_await take_unique(std::make_unique<Tracked>(7)); }
Task<int> view_of_temporary() { co_return co_await take_string_view(std::string(100, 'x') + "y"); }

// lambdas with captures as arguments (the lambda itself is no coroutine)
Task<int> lambda_by_value() {
  Tracked local(5);
  co_return co_await take_callable([local] { return local.get(); });
}
Task<int> lambda_moved_capture() {
  Tracked local(5);
  co_return co_await take_callable([moved = std::move(local)] { return moved.get(); });
}
Task<int> lambda_as_function() {
  Tracked local(5);
  co_return co_await take_function([local] { return local.get(); });
}
Task<int> lambda_forwarded() {
  Tracked local(5);
  co_return co_await forward_callable([local] { return local.get(); });
}
Task<int> lambda_by_reference() {
  const Tracked local(5);
  co_return co_await take_callable([&local] { return local.get(); });
}
// a captureless lambda may be a coroutine: its state is in its parameters
Task<int> captureless_coroutine() {
  co_return co_await [](Pair pair) -> Task<int> {
    co_await Gate{};
    co_return pair.first.get() + pair.second.get();
  }(Pair{Tracked(1), Tracked(2)});
}
// not our style, but a compiler that fails it cannot be trusted with the rest
Task<int> capturing_coroutine() {
  Tracked local(5);
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited while the closure lives
  co_return co_await [local]() -> Task<int> {
    co_await Gate{};
    co_return local.get();
  }();
}

// member coroutines
Task<int> member_of_temporary() { co_return co_await Machine{Tracked(1), 10}.member(Tracked(2)); }
Task<int> member_of_local() {
  const Machine machine{Tracked(1), 10};
  co_return co_await machine.member(Tracked(2));
}
Task<int> virtual_member() {
  const std::unique_ptr<Base> object = std::make_unique<Derived>(10);
  co_return co_await object->run({Tracked(1), Tracked(2)});
}
Task<int> member_of_awaited() { co_return (co_await give_pair(3, 4)).second.get(); }

// co_await inside an expression that has live temporaries
Task<int> awaits_in_braces() {
  const Pair pair{co_await give(1), co_await give(2)};
  co_return pair.first.get() + pair.second.get();
}
Task<int> awaits_between_members() {
  const Named named{co_await give(1), std::string("a text too long for the small buffer"),
                    co_await take_value(Tracked(2))};
  co_return named.value.get() + named.extra + static_cast<int>(named.label.size() > 20);
}
Task<int> awaits_as_arguments() { co_return co_await take_two(co_await give(1), co_await give(2)); }
Task<int> awaits_in_argument_aggregate() { co_return co_await take_pair({co_await give(1), co_await give(2)}); }
Task<int> awaits_in_sum() {
  co_return co_await take_value(Tracked(1)) + co_await take_pair({Tracked(2), Tracked(3)}) + Tracked(4).get();
}
Task<int> awaits_in_initializer_list() {
  const std::array<int, 3> all = {co_await take_value(Tracked(1)), 2, co_await take_value(Tracked(3))};
  co_return all[0] + all[1] + all[2];
}
Task<int> nested_awaits() { co_return co_await take_value(co_await give(co_await take_value(Tracked(9)))); }
Task<int> structured_binding() {
  const auto [first, second] = co_await give_pair(3, 4);
  co_await Gate{};
  co_return first.get() + second.get();
}
Task<int> tuple_binding() {
  const auto [a, b] = std::tuple(co_await give(3), Tracked(4));
  co_await Gate{};
  co_return a.get() + b.get();
}
Task<int> lifetime_extended() {
  const Tracked& extended = co_await give(6);
  co_await Gate{};
  co_return extended.get();
}

// conditions
Task<int> first_statement_if() {
  if (co_await yes(Tracked(1))) co_return 1;
  co_return 0;
}
Task<int> first_statement_while() {
  while (co_await yes(Tracked(0))) co_return 0;
  co_return 1;
}
Task<int> first_statement_switch() {
  switch (co_await take_value(Tracked(2))) {
    case 1:
      co_return 10;
    case 2:
      co_return 20;
    default:
      co_return 30;
  }
}
Task<int> if_with_initializer() {
  if (const Pair pair = co_await give_pair(1, 2); co_await yes(Tracked(1))) co_return pair.second.get();
  co_return 0;
}
Task<int> while_counts() {
  int left = 3;
  while (co_await yes(Tracked(left))) --left;
  co_return left;
}
Task<int> do_while_counts() {
  int left = 2;
  do {
    --left;
  } while (co_await yes(Tracked(left)));
  co_return left;
}
Task<int> for_condition() {
  int sum = 0;
  for (int i = 2; co_await yes(Tracked(i)); --i) sum += co_await take_pair({Tracked(i), Tracked(1)});
  co_return sum;
}
Task<int> range_for() {
  int sum = 0;
  for (const Tracked& value : std::array{Tracked(1), Tracked(2)}) sum += co_await take_reference(value);
  co_return sum;
}
Task<int> ternary() {
  const bool flag = co_await yes(Tracked(1));
  co_return flag ? co_await take_pair({Tracked(1), Tracked(2)}) : co_await take_value(Tracked(100));
}
Task<int> ternary_condition() { co_return co_await yes(Tracked(0)) ? 1 : co_await take_value(Tracked(2)); }
Task<int> ternary_object() {
  const Tracked chosen = co_await yes(Tracked(1)) ? Tracked(8) : co_await give(9);
  co_return chosen.get();
}
Task<int> short_circuit() {
  if (co_await yes(Tracked(0)) && co_await yes(Tracked(1))) co_return 0;
  if (co_await yes(Tracked(1)) || co_await yes(Tracked(1))) co_return 1;
  co_return 2;
}

// exceptions
Task<int> catches() {
  try {
    co_return co_await throws_after(Tracked(1));
  } catch (const std::runtime_error&) {
    co_return 3;
  }
}
Task<int> awaits_after_catch() {
  const Tracked kept(4);
  bool failed = false;
  try {
    static_cast<void>(co_await take_two(Tracked(1), Tracked(co_await throws_after(Tracked(1)))));
  } catch (const std::runtime_error&) {
    failed = true;  // co_await is not allowed in a handler
  }
  co_return failed ? kept.get() + co_await take_value(Tracked(1)) : 0;
}
Task<int> throws_through_levels() {
  try {
    co_return co_await throws_at_once(Tracked(1));
  } catch (const std::runtime_error&) {
    co_return 6;
  }
}
Task<int> throws_between_members() {
  try {
    const Pair pair{co_await give(1), Tracked(co_await throws_after(Tracked(1)))};
    co_return pair.first.get();
  } catch (const std::runtime_error&) {
    co_return 7;
  }
}

// tasks and results
Task<int> task_in_local() {
  auto task = take_pair({Tracked(1), Tracked(2)});
  co_return co_await std::move(task);
}
Task<int> task_never_awaited() {
  {
    const auto unused = take_pair({Tracked(1), Tracked(2)});
    co_await Gate{};
  }
  co_return 1;
}
Task<int> tasks_in_vector() {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(take_value(Tracked(i)));
  int sum = 0;
  for (auto& task : tasks) sum += co_await task;
  co_return sum;
}
Task<int> task_reassigned() {
  auto task = take_value(Tracked(1));
  task = take_value(Tracked(2));
  co_return co_await task;
}
Task<int> void_task() {
  co_await only_wait(Tracked(1));
  co_return 1;
}
Task<int> ready_task() { co_return co_await ready(Tracked(3)) + co_await ready(Tracked(4)); }
Task<int> many_ready_tasks() {
  int sum = 0;
  for (int i = 0; i < 100'000; ++i) sum += co_await ready(Tracked(1));  // symmetric transfer must not grow the stack
  co_return sum;
}
Task<postern::Result<int>> macro_inner(int value) {
  auto given = co_await try_give(value);
  POSTERN_CO_TRY(const Tracked tracked, std::move(given));
  co_await Gate{};
  co_return tracked.get();
}
Task<int> result_value() { co_return (co_await macro_inner(5)).value_or(-1); }
Task<int> result_error() { co_return (co_await macro_inner(-5)).value_or(8); }
Task<int> recursion_inner(Tracked depth) {
  const int left = depth.get();
  if (left == 0) {
    co_await Gate{};
    co_return 0;
  }
  co_return 1 + co_await recursion_inner(Tracked(left - 1));
}
Task<int> recursion() { co_return co_await recursion_inner(Tracked(50)); }

struct Pattern {
  std::string_view name;
  Task<int> (*make)();
  int expected;
};

#define PATTERN(name, expected) \
  Pattern { #name, name, expected }
constexpr auto kPatterns = std::to_array<Pattern>({
    PATTERN(aggregate_temporary, 3),
    PATTERN(aggregate_braces, 3),
    PATTERN(aggregate_designated, 10),
    PATTERN(aggregate_defaults, 8),
    PATTERN(aggregate_moved_local, 3),
    PATTERN(aggregate_optional, 3),
    PATTERN(vector_braces, 6),
    PATTERN(two_temporaries, 3),
    PATTERN(reference_to_temporary, 7),
    PATTERN(unique_pointer, 7),
    PATTERN(view_of_temporary, 101),
    PATTERN(lambda_by_value, 5),
    PATTERN(lambda_moved_capture, 5),
    PATTERN(lambda_as_function, 5),
    PATTERN(lambda_forwarded, 5),
    PATTERN(lambda_by_reference, 5),
    PATTERN(captureless_coroutine, 3),
    PATTERN(capturing_coroutine, 5),
    PATTERN(member_of_temporary, 13),
    PATTERN(member_of_local, 13),
    PATTERN(virtual_member, 13),
    PATTERN(member_of_awaited, 4),
    PATTERN(awaits_in_braces, 3),
    PATTERN(awaits_between_members, 4),
    PATTERN(awaits_as_arguments, 3),
    PATTERN(awaits_in_argument_aggregate, 3),
    PATTERN(awaits_in_sum, 10),
    PATTERN(awaits_in_initializer_list, 6),
    PATTERN(nested_awaits, 9),
    PATTERN(structured_binding, 7),
    PATTERN(tuple_binding, 7),
    PATTERN(lifetime_extended, 6),
    PATTERN(first_statement_if, 1),
    PATTERN(first_statement_while, 1),
    PATTERN(first_statement_switch, 20),
    PATTERN(if_with_initializer, 2),
    PATTERN(while_counts, 0),
    PATTERN(do_while_counts, 0),
    PATTERN(for_condition, 5),
    PATTERN(range_for, 3),
    PATTERN(ternary, 3),
    PATTERN(ternary_condition, 2),
    PATTERN(ternary_object, 8),
    PATTERN(short_circuit, 1),
    PATTERN(catches, 3),
    PATTERN(awaits_after_catch, 5),
    PATTERN(throws_through_levels, 6),
    PATTERN(throws_between_members, 7),
    PATTERN(task_in_local, 3),
    PATTERN(task_never_awaited, 1),
    PATTERN(tasks_in_vector, 3),
    PATTERN(task_reassigned, 2),
    PATTERN(void_task, 1),
    PATTERN(ready_task, 7),
    PATTERN(many_ready_tasks, 100'000),
    PATTERN(result_value, 5),
    PATTERN(result_error, 8),
    PATTERN(recursion, 50),
});
#undef PATTERN

constexpr int kToTheEnd = 1000;

// Runs with at most `resumes` resumptions and destroys what is left. Returns whether it reached its end.
bool run(const Pattern& pattern, int resumes, bool& failed) {
  g_alive.clear();
  g_faults = 0;
  g_waiting = {};
  bool finished = false;
  {
    Task<int> task = pattern.make();
    task.start();
    for (int i = 0; i < resumes && g_waiting; ++i) std::exchange(g_waiting, {}).resume();
    finished = task.done();
    if (finished) {
      const int value = task.take();
      if (value != pattern.expected) {
        std::printf("FAILED %.*s: result %d, expected %d\n", static_cast<int>(pattern.name.size()), pattern.name.data(),
                    value, pattern.expected);
        failed = true;
      }
    }
  }
  if (!g_alive.empty() || g_faults != 0) {
    std::printf("FAILED %.*s after %d resumptions: %zu objects leaked, %d destroyed twice or used when dead\n",
                static_cast<int>(pattern.name.size()), pattern.name.data(), resumes, g_alive.size(), g_faults);
    failed = true;
  }
  return finished;
}

}  // namespace

int main() {
  int failures = 0;
  int runs = 0;
  for (const Pattern& pattern : kPatterns) {
    bool failed = false;
    bool finished = false;
    for (int resumes = 0; !finished && !failed && resumes <= kToTheEnd; ++resumes) {
      finished = run(pattern, resumes, failed);
      ++runs;
    }
    if (!finished && !failed) {
      std::printf("FAILED %.*s: never finished\n", static_cast<int>(pattern.name.size()), pattern.name.data());
      failed = true;
    }
    if (failed) ++failures;
  }
  std::printf("%zu coroutine patterns, %d runs, %d failed\n", kPatterns.size(), runs, failures);
  if (failures != 0) std::printf("This compiler miscompiles coroutines: do not build Postern with it.\n");
  return failures == 0 ? 0 : 1;
}
