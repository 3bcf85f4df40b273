// Race: which of several addresses of one MX preference is connected to when (after RFC 8305, for SMTP). A pure
// decision automaton: times and events come in, "begin this one" and "look again then" come out.
//
// The runners are in the order in which they are begun. The next one is begun at once when nothing is under way any
// more, and beside the one that is under way when that has had its head start and has not connected; one that has
// connected has kGreetingPatience to greet, because servers make strangers wait for the greeting on purpose. The winner
// is the first that has connected and greeted with 220. Never more than two are in flight: half-open connections look
// like abuse, and count against limits of the other side.
//
// Not here: sockets (race_run.h), the order (candidates.h). Thread rule: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace postern::outbound {

inline constexpr std::size_t kInFlightMax = 2;
inline constexpr milliseconds kHeadStartMin{250};  // RFC 8305 5: "Connection Attempt Delay"
inline constexpr milliseconds kHeadStartMax{5000};
inline constexpr seconds kGreetingPatience{5};

// What a runner gets for a family whose connections take `connect` on average.
[[nodiscard]] milliseconds head_start(std::optional<milliseconds> connect);

class Race {
 public:
  explicit Race(std::vector<milliseconds> head_starts);

  struct Step {
    std::optional<std::size_t> start;  // begin this one, and ask again
    Clock::time_point look_again = Clock::time_point::max();
  };
  [[nodiscard]] Step step(Clock::time_point now);

  void connected(std::size_t runner, Clock::time_point now);
  void greeted(std::size_t runner);
  void failed(std::size_t runner);

  [[nodiscard]] std::optional<std::size_t> winner() const { return winner_; }
  [[nodiscard]] bool over() const;  // there is a winner, or nobody is left
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] bool is_in_flight(std::size_t runner) const;

 private:
  enum class State : std::uint8_t { waiting, connecting, greeting, won, lost };
  struct Runner {
    milliseconds head_start{0};
    State state = State::waiting;
    Clock::time_point since{};  // of the state
  };
  std::vector<Runner> runners_;
  std::size_t next_ = 0;
  std::size_t in_flight_ = 0;
  std::optional<std::size_t> winner_;
};

}  // namespace postern::outbound
