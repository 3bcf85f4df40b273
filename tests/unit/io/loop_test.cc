#include "io/loop.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "base/counters.h"
#include "support.h"

namespace postern::io {
namespace {

using test::run;
using test::run_all;
using test::short_wait;

TEST(Loop, PostRunsOnTheLoopsThreadInOrder) {
  Loop loop;
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&, i] {
        EXPECT_TRUE(loop.on_thread());
        seen.push_back(i);
        if (i == 999) loop.stop();
      });
    }
  });
  loop.run();
  other.join();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST(Loop, WakesFromSleepForEachOfManyThreads) {
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        loop.post([&] {
          if (++count == kThreads * kEach) loop.stop();
        });
        std::this_thread::yield();
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kEach);
}

TEST(Loop, StopBeforeRunEndsTheNextRunAndRunMayBeCalledAgain) {
  Loop loop;
  bool ran = false;
  loop.stop();
  loop.run();
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, APostedFunctionMayPost) {
  Loop loop;
  int depth = 0;
  std::function<void()> again = [&] {
    if (++depth == 5)
      loop.stop();
    else
      loop.post(again);
  };
  loop.post(again);
  loop.run();
  EXPECT_EQ(depth, 5);
}

Task<void> wait_into(Signal& signal, Deadline deadline, std::vector<bool>& out) {
  out.push_back(co_await signal.wait(deadline));
}
Task<void> notify(Signal& signal) {
  signal.notify();
  co_return;
}

TEST(Signal, NotifyWakesTheWaiter) {
  Loop loop;
  Signal signal(loop);
  std::vector<bool> out;
  run_all(loop, wait_into(signal, Deadline::never(), out), notify(signal));
  EXPECT_EQ(out, std::vector<bool>{true});
}

TEST(Signal, IsRememberedOnce) {
  Loop loop;
  Signal signal(loop);
  signal.notify();
  signal.notify();
  std::vector<bool> out;
  run(loop, wait_into(signal, short_wait(), out));
  run(loop, wait_into(signal, short_wait(), out));
  EXPECT_EQ(out, (std::vector<bool>{true, false}));
}

TEST(Signal, ADeadlineThatHasPassedEndsTheWait) {
  Loop loop;
  Signal signal(loop);
  std::vector<bool> out;
  run(loop, wait_into(signal, Deadline::at(Clock::now() - seconds(1)), out));
  EXPECT_EQ(out, std::vector<bool>{false});
}

TEST(Sleep, IsNeverEarly) {
  Loop loop;
  const auto until = Clock::now() + milliseconds(30);
  run(loop, sleep_until(loop, Deadline::at(until)));
  EXPECT_GE(Clock::now(), until);
}

Task<void> sleep_then_note(Loop& loop, int ms, std::vector<int>& order) {
  co_await sleep_until(loop, Deadline::after(milliseconds(ms)));
  order.push_back(ms);
}

TEST(Sleep, ManyEndInOrder) {
  Loop loop;
  std::vector<int> order;
  run_all(loop, sleep_then_note(loop, 90, order), sleep_then_note(loop, 30, order), sleep_then_note(loop, 60, order));
  EXPECT_EQ(order, (std::vector<int>{30, 60, 90}));
}

Task<void> throwing() {
  throw std::runtime_error("a bug");
  co_return;
}
std::int64_t exceptions() {
  for (const auto& [name, value] : counter_values()) {
    if (name == "io_task_exceptions_total") return value;
  }
  return -1;
}

TEST(Scope, AnExceptionEndsItsTaskOnlyAndIsCounted) {
  Loop loop;
  const auto before = exceptions();
  std::vector<int> order;
  run_all(loop, throwing(), sleep_then_note(loop, 10, order));
  EXPECT_EQ(exceptions(), before + 1);
  EXPECT_EQ(order.size(), 1U);
}

struct OnDestroy {
  explicit OnDestroy(bool& flag) : flag_(&flag) {}
  OnDestroy(OnDestroy&& other) noexcept : flag_(std::exchange(other.flag_, nullptr)) {}
  OnDestroy& operator=(OnDestroy&&) = delete;
  ~OnDestroy() {
    if (flag_ != nullptr) *flag_ = true;
  }
  bool* flag_;
};
Task<void> holds(Loop& loop, OnDestroy) { co_await sleep_until(loop, short_wait()); }
Task<void> join_and_look(Scope& scope, const bool& flag, bool& seen) {
  co_await scope.join();
  seen = flag && scope.size() == 0;
}

TEST(Scope, JoinReturnsAfterEveryFrameIsGone) {
  Loop loop;
  Scope scope(loop);
  bool destroyed = false;
  bool seen = false;
  loop.post([&] { scope.spawn(holds(loop, OnDestroy(destroyed))); });
  run(loop, join_and_look(scope, destroyed, seen));
  EXPECT_TRUE(seen);
}

Task<void> blocking(BlockingPool& pool, int value, std::vector<int>& out) {
  Loop* const loop = Loop::current();
  out.push_back(co_await pool.run<int>([value, loop] {
    EXPECT_FALSE(loop->on_thread());
    return value * 2;
  }));
  EXPECT_TRUE(loop->on_thread());
}

TEST(BlockingPool, AnswersComeBackToTheLoop) {
  Loop loop;
  BlockingPool pool(3);
  std::vector<int> out;
  run_all(loop, blocking(pool, 1, out), blocking(pool, 2, out), blocking(pool, 3, out), blocking(pool, 4, out));
  std::sort(out.begin(), out.end());
  EXPECT_EQ(out, (std::vector<int>{2, 4, 6, 8}));
}

TEST(BlockingPool, FinishesWhatWasQueued) {
  std::atomic<int> done{0};
  {
    BlockingPool pool(2);
    for (int i = 0; i < 100; ++i) pool.submit([&] { ++done; });
  }
  EXPECT_EQ(done.load(), 100);
}

Task<void> take(Handoff<std::string>& handoff, std::string& out) { out = co_await handoff; }

TEST(Handoff, CompletedFromAnotherThreadBeforeAndAfterTheWait) {
  Loop loop;
  Handoff<std::string> handoff(loop);
  std::string out;
  std::thread other([&] { handoff.complete("done"); });
  run(loop, take(handoff, out));
  other.join();
  EXPECT_EQ(out, "done");

  Handoff<std::string> early(loop);
  early.deliver("early");
  run(loop, take(early, out));
  EXPECT_EQ(out, "early");
}

}  // namespace
}  // namespace postern::io
