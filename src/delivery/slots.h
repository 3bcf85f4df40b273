// Slots: how many attempts run at once. Mail to servers of others that is not through after kPrompt has left its slot
// to the next one: what waits for a server that does not answer costs a socket and no work, and must not stand in the
// way of mail to those that do. That many of them may wait beside the slots; beyond that they keep theirs. Those to
// destinations where nothing was delivered lately have three quarters of the slots at most between them.
// Internal to the queue. Pure; times come in. Thread rule: a value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <optional>

#include "base/time.h"

namespace postern::delivery {

class Slots {
 public:
  static constexpr milliseconds kPrompt{1000};
  static constexpr std::size_t kWaitingPerSlot = 8;

  explicit Slots(std::size_t slots) : slots_(std::max<std::size_t>(1, slots)) {}

  struct Attempt {
    Clock::time_point begun;
    bool doubtful = false;
    enum class Place : unsigned char { local, prompt, waiting } place = Place::local;
  };
  using Handle = std::list<Attempt>::iterator;

  [[nodiscard]] bool room() const { return taken() < slots_; }
  [[nodiscard]] bool room_for_doubtful() const {
    return room() && doubtful_prompt_ < std::max<std::size_t>(1, slots_ * 3 / 4);
  }
  // So many doubtful ones run, waiting ones among them, that each destination should have one only.
  [[nodiscard]] bool many_doubtful() const { return doubtful_ >= std::max<std::size_t>(1, slots_ / 8); }

  [[nodiscard]] Handle begin(Clock::time_point now, bool far, bool doubtful) {
    std::list<Attempt>& list = far ? prompt_ : local_;
    if (doubtful) {
      ++doubtful_;
      ++doubtful_prompt_;
    }
    return list.insert(list.end(), {now, doubtful, far ? Attempt::Place::prompt : Attempt::Place::local});
  }
  void end(Handle attempt) {
    if (attempt->doubtful) {
      --doubtful_;
      if (attempt->place != Attempt::Place::waiting) --doubtful_prompt_;
    }
    list_of(attempt->place).erase(attempt);
  }
  // True where slots became free.
  bool step(Clock::time_point now) {
    bool freed = false;
    while (!prompt_.empty() && waiting_.size() < slots_ * kWaitingPerSlot && prompt_.front().begun + kPrompt <= now) {
      Attempt& first = prompt_.front();
      first.place = Attempt::Place::waiting;
      if (first.doubtful) --doubtful_prompt_;
      waiting_.splice(waiting_.end(), prompt_, prompt_.begin());
      freed = true;
    }
    return freed;
  }
  // When step() frees the next one.
  [[nodiscard]] std::optional<Clock::time_point> look_again() const {
    if (prompt_.empty() || waiting_.size() >= slots_ * kWaitingPerSlot) return std::nullopt;
    return prompt_.front().begun + kPrompt;
  }
  [[nodiscard]] std::size_t taken() const { return local_.size() + prompt_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  std::list<Attempt>& list_of(Attempt::Place place) {
    return place == Attempt::Place::local ? local_ : place == Attempt::Place::prompt ? prompt_ : waiting_;
  }

  std::size_t slots_;
  std::list<Attempt> local_, prompt_, waiting_;  // of prompt_ the oldest first
  std::size_t doubtful_ = 0, doubtful_prompt_ = 0;
};

}  // namespace postern::delivery
