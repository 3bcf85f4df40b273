#include "outbound/race.h"

#include <algorithm>

#include "base/result.h"

namespace postern::outbound {

milliseconds head_start(std::optional<milliseconds> connect) {
  if (!connect) return kHeadStartMin;
  return std::clamp(2 * *connect, kHeadStartMin, kHeadStartMax);
}

Race::Race(std::vector<milliseconds> head_starts) {
  runners_.reserve(head_starts.size());
  for (const milliseconds time : head_starts) runners_.push_back({time});
}

bool Race::is_in_flight(std::size_t runner) const {
  const State state = runners_.at(runner).state;
  return state == State::connecting || state == State::greeting;
}

bool Race::over() const { return winner_ || (next_ == runners_.size() && in_flight_ == 0); }

Race::Step Race::step(Clock::time_point now) {
  if (winner_ || next_ == runners_.size() || in_flight_ >= kInFlightMax) return {};
  Clock::time_point due = now;
  for (const Runner& runner : runners_) {
    if (runner.state == State::connecting) due = runner.since + runner.head_start;
    if (runner.state == State::greeting) due = runner.since + kGreetingPatience;
  }
  if (in_flight_ > 0 && now < due) return {std::nullopt, due};
  Runner& runner = runners_[next_];
  runner.state = State::connecting;
  runner.since = now;
  ++in_flight_;
  return {next_++, Clock::time_point::max()};
}

void Race::connected(std::size_t runner, Clock::time_point now) {
  Runner& own = runners_.at(runner);
  if (own.state != State::connecting) return;
  own.state = State::greeting;
  own.since = now;
}

void Race::greeted(std::size_t runner) {
  if (!is_in_flight(runner) || winner_) return;
  runners_[runner].state = State::won;
  --in_flight_;
  winner_ = runner;
}

void Race::failed(std::size_t runner) {
  if (!is_in_flight(runner)) return;
  runners_[runner].state = State::lost;
  --in_flight_;
}

}  // namespace postern::outbound
