// Health: the dead-resolver rule as a state machine without a socket or a clock. It hears of look-ups, of their ends
// and of probes that were answered, and says when to probe and when nobody answers any more.
//
// Only what a server said just now counts as life: an answer that libunbound had in its cache, and the SERVFAIL that it
// makes up when all is silent, must not keep a dead resolver alive, nor one broken domain kill a live one. So a small
// query of our own (". NS") is sent when a look-up has waited for half its time, and decides. Where a server never
// answers that query at all, answers to look-ups count instead. Thread rule: one thread's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace postern::resolver {

class Health {
 public:
  enum class Act : std::uint8_t { nothing, probe, declare_dead };

  explicit Health(Clock::duration lookup_timeout) : patience_(lookup_timeout) {}

  void lookup_started(Clock::time_point now);
  // `answered`: with anything but a failure.
  void lookup_ended(Clock::time_point now, Clock::time_point started, bool answered);
  void server_answered(Clock::time_point now);  // a probe, with whatever response code

  // What is to be done now; call again until it is nothing.
  [[nodiscard]] Act poll(Clock::time_point now);
  // When poll() will have something to do, if nothing happens before.
  [[nodiscard]] Clock::time_point next() const;

  [[nodiscard]] bool dead() const { return dead_; }
  // While dead: whether look-ups themselves have to serve as probes, because probes have never been answered.
  [[nodiscard]] bool probes_are_futile() const { return !probe_answered_ever_; }

  // An answer that took longer than this did not come from libunbound's cache.
  static constexpr milliseconds kNotFromCache{5};
  static constexpr seconds kProbeEvery{1};         // while dead
  static constexpr seconds kLearnAgainAfter{300};  // whether probes are answered at all

 private:
  void alive(Clock::time_point now);

  Clock::duration patience_;
  std::uint32_t in_flight_ = 0;
  std::optional<Clock::time_point> waiting_since_;  // nothing was heard since then, though somebody asked
  int probes_ = 0;                                  // sent since then
  Clock::time_point next_probe_;                    // while dead
  Clock::time_point learn_at_;
  bool probe_answered_ever_ = false;
  bool dead_ = false;
};

}  // namespace postern::resolver
