// Who waits for his turn, and what becomes of it when he goes.
#include "web/line.h"

#include <gtest/gtest.h>

#include <new>

#include "unit/io/support.h"

namespace postern::web {
namespace {

struct Never {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) const {}
  void await_resume() const {}
};

Task<bool> hold(io::Loop& loop, Line& line) {
  const bool got = co_await line.enter(loop, Deadline::never());
  const Turn turn(line);
  co_await Never();
  co_return got;
}

// Whether the line is free.
bool is_free(Line& line) {
  io::Loop loop;
  const bool got = io::test::run(loop, line.enter(loop, Deadline::after(milliseconds(1))));
  if (got) line.leave();
  return got;
}

TEST(Line, ATurnEndsWithTheCoroutineThatHeldIt) {
  io::Loop loop;
  Line line(1);
  {
    Task<bool> task = hold(loop, line);
    task.start();
    EXPECT_FALSE(is_free(line));
    EXPECT_EQ(line.waiting(), 0U) << "who did not get it does not stay in line";
  }
  EXPECT_TRUE(is_free(line));
}

TEST(Line, WhoGoesWhileHeWaitsIsForgotten) {
  io::Loop loop;
  Line line(2);
  {
    Task<bool> holder = hold(loop, line);
    holder.start();
    {
      Task<bool> waiter = hold(loop, line);
      waiter.start();
      EXPECT_EQ(line.waiting(), 1U);
    }
    EXPECT_EQ(line.waiting(), 0U);
  }
  EXPECT_TRUE(is_free(line));
}

TEST(Line, WhoGoesBeforeHeCouldTakeHisTurnPassesItOn) {
  io::Loop loop;
  Line line(3);
  auto holder = std::make_unique<Task<bool>>(hold(loop, line));
  holder->start();
  auto first = std::make_unique<Task<bool>>(hold(loop, line));
  first->start();
  auto second = std::make_unique<Task<bool>>(hold(loop, line));
  second->start();
  EXPECT_EQ(line.waiting(), 2U);
  holder.reset();
  EXPECT_EQ(line.waiting(), 1U) << "the first one's turn, though the loop has not come to him";
  first.reset();
  EXPECT_EQ(line.waiting(), 0U) << "the second one's";
  EXPECT_FALSE(is_free(line));
  second.reset();
  EXPECT_TRUE(is_free(line));
}

TEST(Line, HasRoomForSoMany) {
  io::Loop loop;
  Line line(2);
  std::vector<Task<bool>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(hold(loop, line));
    tasks.back().start();
  }
  EXPECT_EQ(line.waiting(), 2U);
  EXPECT_FALSE(io::test::run(loop, line.enter(loop, Deadline::never()))) << "at once";
}

TEST(Counted, CountsWhatIsUnderWay) {
  std::size_t count = 0;
  const auto throws = [](std::size_t& counted) -> Task<void> {
    const Counted one(counted);
    EXPECT_EQ(counted, 1U);
    throw std::bad_alloc();
    co_return;
  };
  io::Loop loop;
  io::test::run(loop, throws(count));
  EXPECT_EQ(count, 0U);
}

}  // namespace
}  // namespace postern::web
