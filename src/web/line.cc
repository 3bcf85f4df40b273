#include "web/line.h"

#include <utility>

namespace postern::web {

// Who stands in line. One that goes before it could take its turn passes that on.
class Line::Waiter {
 public:
  Waiter(Line& line, io::Loop& loop) : line_(line), signal_(loop) { line_.waiting_.push_back(this); }
  ~Waiter() {
    if (got_)
      line_.leave();
    else
      std::erase(line_.waiting_, this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Task<bool> wait(Deadline deadline) { return signal_.wait(deadline); }
  void give() {
    got_ = true;
    signal_.notify();
  }
  [[nodiscard]] bool take() { return std::exchange(got_, false); }

 private:
  Line& line_;
  io::Signal signal_;
  bool got_ = false;
};

Task<bool> Line::enter(io::Loop& loop, Deadline deadline) {
  if (!std::exchange(taken_, true)) co_return true;
  if (waiting_.size() >= max_) co_return false;
  Waiter waiter(*this, loop);
  static_cast<void>(co_await waiter.wait(deadline));
  // Given at the last moment it counts all the same
  co_return waiter.take();
}

void Line::leave() {
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  Waiter* const next = waiting_.front();
  waiting_.pop_front();
  next->give();
}

}  // namespace postern::web
