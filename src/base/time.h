// Two clocks and a Deadline. Steady time measures and times out; wall time is written into records and headers.
// Level 0 to 2 code never reads a clock: times come in as parameters.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Milliseconds since 1970 (UTC). What records, ids, envelopes and schedules use.
using WallMs = std::int64_t;
[[nodiscard]] WallMs wall_now();
// "2026-11-21T06:13:28.123Z"
[[nodiscard]] std::string iso8601(WallMs time);
void append_iso8601(std::string& out, WallMs time);
// Such a time of the years 1970 to 9999; its fraction, seconds and clock may be missing ("2026-11-21").
[[nodiscard]] std::optional<WallMs> parse_iso8601(std::string_view text);
// RFC 5322 3.3: "Sat, 21 Nov 2026 06:13:28 +0000", always UTC
[[nodiscard]] std::string rfc5322_date(WallMs time);

// An absolute steady time by which something must have happened.
class Deadline {
 public:
  static Deadline never() { return Deadline(Clock::time_point::max()); }
  static Deadline after(Clock::duration duration) { return Deadline(Clock::now() + duration); }
  static Deadline at(Clock::time_point time) { return Deadline(time); }
  [[nodiscard]] bool is_never() const { return time_ == Clock::time_point::max(); }
  [[nodiscard]] bool passed(Clock::time_point now) const { return now >= time_; }
  [[nodiscard]] Clock::time_point time() const { return time_; }
  [[nodiscard]] Deadline earlier(Deadline other) const { return time_ < other.time_ ? *this : other; }

 private:
  explicit Deadline(Clock::time_point time) : time_(time) {}
  Clock::time_point time_;
};

}  // namespace postern
