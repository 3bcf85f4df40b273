// Line: one at a time, the others behind it, as many as there is room for; and guards for what is counted while it is
// under way, which give back however a coroutine ends: by an exception, or with its frame. Thread rule: one loop.
#pragma once

#include <cstddef>
#include <list>

#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"

namespace postern::web {

class Line {
 public:
  explicit Line(std::size_t max) : max_(max) {}
  // Waits for its turn. False: the line is full, or the deadline passed. After true: leave(), at best by a Turn.
  [[nodiscard]] Task<bool> enter(io::Loop& loop, Deadline deadline);
  void leave();
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  class Waiter;
  std::size_t max_;
  bool taken_ = false;
  std::list<Waiter*> waiting_;
};

// Leaves a line that was entered when it goes out of scope.
class Turn {
 public:
  explicit Turn(Line& line) : line_(line) {}
  ~Turn() { line_.leave(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Line& line_;
};

// One more in a count, for as long as it lives.
template <class Count>
class Counted {
 public:
  explicit Counted(Count& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  Count& count_;
};

}  // namespace postern::web
