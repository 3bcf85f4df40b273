// A line of a mail log, cut into its parts: time stamp, host, program, process id, message. Which stamps there are:
//
// - RFC 3164 4.1.2, with or without <PRI>; a year may follow the day, a fraction the second:
//   "Oct  9 08:53:20 mx1 postfix/smtpd[911]: ..."
// - rsyslog's, and that of journalctl -o short-iso: "2026-10-09T08:53:20.764590+00:00 mx1 postfix/smtpd[911]: ..."
// - those of journalctl -o short-full and short-unix: "Fri 2026-10-09 08:53:20 CEST mx1 postfix/smtpd[911]: ...",
//   "1791535999.123456 mx1 postfix/smtpd[911]: ..."
// - RFC 5424 6: "<22>1 2026-10-09T08:53:20Z mx1 postfix/smtpd 911 - - ..."
// - Exim's mainlog: "2026-10-09 08:53:20 1abcde-000000-AB <= ..."
//
// Of a program's name what is behind the last slash is the daemon, whatever stands before it ("postfix",
// "postfix-out", "postfix/submission", a syslog_name of the operator's): it is Postfix's where Postfix has a daemon of
// that name.
//
// Not here: what the message says (event.h). Thread rule: pure functions; views into the line, no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace postern::maillog {

// What goes beyond is no line of a log: Postfix cuts its own at 2000 octets, rsyslog at 8 KiB.
inline constexpr std::size_t kLineMax = 64 << 10;

enum class Origin : std::uint8_t {
  none,   // no stamp, or nothing behind it: no line of a log
  other,  // of another program
  postfix,
  exim,
};

// Whose message it is; daemons that say nothing that is counted are `quiet`.
enum class Daemon : std::uint8_t {
  quiet,
  smtpd,
  smtp,  // and lmtp
  qmgr,
  cleanup,
  postscreen,
  tlsproxy,
  anvil,
  scache,
  bounce,
  local,  // virtual, pipe, error, retry and discard as well: their lines are deliveries
  pickup,
  master,
  script,
  postsuper,
  dnsblog,
  verify,
};

enum class StampForm : std::uint8_t { classic, iso, exim, seconds };

struct Line {
  Origin origin = Origin::none;
  Daemon daemon = Daemon::quiet;
  StampForm form = StampForm::classic;
  std::string_view stamp;    // as it is written, without what is before or behind it
  std::string_view host;     // "" in Exim's mainlog
  std::string_view program;  // "postfix-out/smtpd"; "" in Exim's mainlog
  std::string_view pid;      // "" where there is none
  std::string_view message;
};

// `text` without its newline; a CR at its end is left out.
[[nodiscard]] Line split_line(std::string_view text);

// The daemon by its name alone ("smtpd"); nothing where Postfix has none of that name.
[[nodiscard]] std::optional<Daemon> daemon_named(std::string_view name);

// rsyslog's $RepeatedMsgReduction: "message repeated 3 times: [ connect from ...]", which follows the first such
// message. Puts what is repeated into `line`, and says how often; 0 where it is no such line.
[[nodiscard]] std::uint32_t take_repeated(Line& line);
inline constexpr std::uint32_t kRepeatedMax = 1 << 16;

// How times are to be read that do not say all.
struct TimeRule {
  WallMs now = 0;                 // RFC 3164 has no year: the newest is meant that does not lie in the future
  std::int64_t utc_offset_s = 0;  // of stamps without a zone: how far local time is ahead
};

// The date as it is written: days since 1970. Nothing where there is no such date. Without a year, 29 February is that
// of the newest year that has one.
[[nodiscard]] std::optional<std::int32_t> day_of(const Line& line, const TimeRule& rule);
// The whole time. Nothing where it is none.
[[nodiscard]] std::optional<WallMs> time_of(const Line& line, const TimeRule& rule);

}  // namespace postern::maillog
