#include "maillog/line.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/text.h"

namespace postern::maillog {

namespace {

constexpr std::size_t kClassic = 15;  // "Oct  9 08:53:20"
constexpr std::size_t kIsoDate = 10;  // "2026-10-09"
constexpr std::size_t kSecond = 19;   // "2026-10-09T08:53:20"

bool is_classic(std::string_view s) {
  return s.size() > kClassic && s[3] == ' ' && s[6] == ' ' && s[9] == ':' && s[12] == ':' &&
         (s[15] == ' ' || s[15] == '.') && is_alpha(s[0]) && is_digit(s[5]) && is_digit(s[7]) && is_digit(s[14]);
}

// "Oct  9 2026 08:53:20 "
bool is_classic_with_year(std::string_view s) {
  return s.size() > 20 && s[3] == ' ' && s[6] == ' ' && s[11] == ' ' && s[14] == ':' && s[17] == ':' && s[20] == ' ' &&
         is_alpha(s[0]) && is_digit(s[5]) && is_digit(s[7]) && is_digit(s[10]);
}

// A date and the time behind it.
bool is_iso(std::string_view s) {
  return s.size() > kSecond && s[4] == '-' && s[7] == '-' && s[13] == ':' && s[16] == ':' && is_digit(s[0]) &&
         is_digit(s[3]) && is_digit(s[9]) && is_digit(s[18]) && (s[10] == 'T' || s[10] == ' ');
}

// Where the first of `marks` stands, or the size of the text. Words are short: eight octets a step cost less than a
// call of memchr or a step an octet, on ten million lines.
template <char... marks>
std::size_t first_of(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  // The lowest octet that is zero has its high bit set; those above it may be wrong, and are not asked.
  const auto zeros = [](std::uint64_t octets) { return (octets - kOnes) & ~octets & kHigh; };
  std::size_t at = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; text.size() - at >= 8; at += 8) {
      std::uint64_t octets = 0;
      std::memcpy(&octets, text.substr(at, 8).data(), 8);
      const std::uint64_t found = (zeros(octets ^ kOnes * static_cast<unsigned char>(marks)) | ...);
      if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  while (at < text.size() && ((text[at] != marks) && ...)) ++at;
  return at;
}

// What is before the next space, which is taken away as well.
std::string_view word(std::string_view& rest) {
  const std::size_t end = first_of<' '>(rest);
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(end == rest.size() ? end : end + 1);
  return out;
}

Origin origin_of(std::string_view program, Daemon& daemon) {
  std::size_t slash = program.size();
  while (slash > 0 && program[slash - 1] != '/') --slash;
  if (slash == 0) {  // Postfix's programs have a slash, whatever syslog_name is
    return program.starts_with("exim") ? Origin::exim : Origin::other;
  }
  const auto known = daemon_named(program.substr(slash));
  if (!known) return Origin::other;  // "postfix/policy-spf": a program that Postfix starts, but not Postfix's
  daemon = *known;
  return Origin::postfix;
}

// "postfix/smtpd[911]: message", or without the brackets
bool split_tag(std::string_view rest, Line& line) {
  std::size_t end = first_of<'[', ':', ' '>(rest);
  if (end == 0 || end == rest.size()) return false;
  line.program = rest.substr(0, end);
  if (rest[end] == '[') {
    std::size_t close = end + 1;
    while (close < rest.size() && is_digit(rest[close])) ++close;
    if (close + 1 >= rest.size() || rest[close] != ']') return false;
    line.pid = rest.substr(end + 1, close - end - 1);
    end = close + 1;
  }
  if (rest[end] == ':') ++end;
  if (end < rest.size() && rest[end] == ' ') ++end;
  line.message = rest.substr(end);
  // Solaris puts "[ID 197553 mail.info] " before the message.
  if (line.message.starts_with("[ID ")) {
    const auto close = line.message.find("] ");
    if (close != std::string_view::npos) line.message.remove_prefix(close + 2);
  }
  line.origin = origin_of(line.program, line.daemon);
  return true;
}

// RFC 5424 6: APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]
bool split_5424(std::string_view rest, Line& line) {
  line.program = word(rest);
  line.pid = word(rest);
  if (line.pid == "-") line.pid = {};
  if (word(rest).empty() || rest.empty()) return false;
  if (rest.front() == '-') {
    rest.remove_prefix(1);
  } else {
    while (!rest.empty() && rest.front() == '[') {  // 6.3: one or more elements; ']' in a value is escaped
      std::size_t end = 1;
      bool quoted = false;
      for (; end < rest.size() && (quoted || rest[end] != ']'); ++end) {
        if (rest[end] == '\\')
          ++end;
        else if (rest[end] == '"')
          quoted = !quoted;
      }
      if (end >= rest.size()) return false;
      rest.remove_prefix(end + 1);
    }
  }
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);  // 6.4: a BOM says that it is UTF-8
  line.message = rest;
  line.origin = origin_of(line.program, line.daemon);
  return !line.program.empty();
}

// "+0200" behind the time, and "[4711]": log_timezone, log_selector = +pid
bool split_exim(std::string_view text, Line& line) {
  std::size_t end = kSecond;
  if (text[end] == '.') {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  if (end + 6 < text.size() && text[end] == ' ' && (text[end + 1] == '+' || text[end + 1] == '-') &&
      is_digit(text[end + 2]) && is_digit(text[end + 5]) && text[end + 6] == ' ')
    end += 6;
  if (end >= text.size() || text[end] != ' ') return false;
  line.stamp = text.substr(0, end);
  line.form = StampForm::exim;
  line.message = text.substr(end + 1);
  if (line.message.starts_with('[')) {
    const auto close = line.message.find("] ");
    if (close != std::string_view::npos && parse_unsigned(line.message.substr(1, close - 1))) {
      line.pid = line.message.substr(1, close - 1);
      line.message.remove_prefix(close + 2);
    }
  }
  line.origin = Origin::exim;
  return true;
}

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

// Howard Hinnant's days_from_civil
std::int32_t days_from_civil(int year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const int era = year / 400;
  const auto yoe = static_cast<unsigned>(year - era * 400);
  const unsigned doy = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int32_t>(doe) - 719468;
}

std::uint32_t days_in_month(int year, unsigned month) {
  static constexpr std::array<std::uint8_t, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month < 1 || month > 12 ? 0 : kDays.at(month - 1) + (month == 2 && leap ? 1U : 0U);
}

// Nothing where there is no such day.
std::optional<std::int32_t> day_number(int year, unsigned month, unsigned day) {
  if (day < 1 || day > days_in_month(year, month)) return std::nullopt;
  return days_from_civil(year, month, day);
}

int year_of_day(std::int64_t day) {
  int year = 1970 + static_cast<int>(day / 366);
  while (days_from_civil(year + 1, 1, 1) <= day) ++year;
  return year;
}

unsigned month_named(std::string_view text) {
  static constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
  for (unsigned month = 0; month < 12; ++month)
    if (iequals(text.substr(0, 3), kMonths.substr(month * 3, 3))) return month + 1;
  return 0;
}

constexpr std::int64_t kDaySeconds = 86400;

// Seconds of the day, from "08:53:20".
std::optional<std::int64_t> clock_of(std::string_view text) {
  const auto hour = digits(text.substr(0, 2));
  const auto minute = digits(text.substr(3, 2));
  const auto second = digits(text.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return *hour * 3600 + *minute * 60 + *second;
}

// "Z", "+02:00", "+0200", " +0200"; nothing: no zone is said
std::optional<std::int64_t> zone_of(std::string_view text) {
  text = trim(text);
  if (text == "Z" || text == "z" || text == "UTC" || text == "GMT") return 0;
  if (text.size() < 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto hours = digits(text.substr(1, 2));
  const auto minutes = digits(text.substr(text[3] == ':' ? 4 : 3, 2));
  if (!hours || !minutes) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return text[0] == '-' ? -seconds : seconds;
}

}  // namespace

std::optional<Daemon> daemon_named(std::string_view name) {
  // Those of nearly every line are compared without a call.
  if (name == "smtpd") return Daemon::smtpd;
  if (name == "qmgr") return Daemon::qmgr;
  if (name == "cleanup") return Daemon::cleanup;
  if (name == "smtp") return Daemon::smtp;
  if (name == "postscreen") return Daemon::postscreen;
  struct Row {
    std::string_view name;
    Daemon daemon;
  };
  static constexpr std::array<Row, 38> kDaemons{{
      {"lmtp", Daemon::smtp},           {"virtual", Daemon::local},
      {"local", Daemon::local},         {"pipe", Daemon::local},
      {"anvil", Daemon::anvil},         {"bounce", Daemon::bounce},
      {"error", Daemon::local},         {"retry", Daemon::local},
      {"discard", Daemon::local},       {"scache", Daemon::scache},
      {"pickup", Daemon::pickup},       {"tlsproxy", Daemon::tlsproxy},
      {"dnsblog", Daemon::dnsblog},     {"verify", Daemon::verify},
      {"master", Daemon::master},       {"postfix-script", Daemon::script},
      {"postsuper", Daemon::postsuper}, {"trace", Daemon::bounce},
      {"defer", Daemon::bounce},        {"oqmgr", Daemon::qmgr},
      {"nqmgr", Daemon::qmgr},          {"trivial-rewrite", Daemon::quiet},
      {"proxymap", Daemon::quiet},      {"tlsmgr", Daemon::quiet},
      {"flush", Daemon::quiet},         {"showq", Daemon::quiet},
      {"qmqpd", Daemon::quiet},         {"spawn", Daemon::quiet},
      {"nbdb_reindexd", Daemon::quiet}, {"postlogd", Daemon::quiet},
      {"postlog", Daemon::script},      {"sendmail", Daemon::quiet},
      {"postdrop", Daemon::quiet},      {"postqueue", Daemon::quiet},
      {"postmap", Daemon::quiet},       {"postalias", Daemon::quiet},
      {"postconf", Daemon::quiet},      {"posttls-finger", Daemon::quiet},
  }};
  for (const Row& row : kDaemons)
    if (row.name == name) return row.daemon;
  return std::nullopt;
}

namespace {

// What journalctl writes beside the usual: "Fri 2026-10-09 08:53:20 CEST" (short-full),
// "1791535999.123456" (short-unix). Where the stamp ends; 0: it is none of these.
std::size_t journal_stamp(std::string_view text, Line& line) {
  if (text.size() > 4 && is_alpha(text[0]) && text[3] == ' ' && is_iso(text.substr(4)) && text[14] == ' ') {
    std::size_t end = text.find(' ', 4 + kSecond);
    if (end == std::string_view::npos) return 0;
    end = text.find(' ', end + 1);  // behind the zone
    if (end == std::string_view::npos) return 0;
    line.form = StampForm::iso;
    line.stamp = text.substr(4, end - 4);
    return end;
  }
  constexpr std::size_t kDigits = 10;  // 2001 to 2286
  if (text.size() <= kDigits || text[kDigits] != '.') return 0;
  for (const char c : text.substr(0, kDigits))
    if (!is_digit(c)) return 0;
  std::size_t end = kDigits + 1;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == text.size() || text[end] != ' ') return 0;
  line.form = StampForm::seconds;
  line.stamp = text.substr(0, end);
  return end;
}

// False where it is no line of a log; `line` may be filled half then.
bool split(std::string_view text, Line& line) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.starts_with('<')) {  // RFC 3164 4.1.1, RFC 5424 6.2.1
    const auto close = text.substr(0, 5).find('>');
    if (close == std::string_view::npos) return false;
    text.remove_prefix(close + 1);
  }
  std::size_t end = kClassic;
  bool structured = false;
  if (is_classic(text)) {
    line.stamp = text.substr(0, kClassic);
    if (text[end] == '.') {  // journalctl -o short-precise
      ++end;
      while (end < text.size() && is_digit(text[end])) ++end;
      if (end == text.size() || text[end] != ' ') return false;
    }
  } else if (is_classic_with_year(text)) {
    end = 20;
    line.stamp = text.substr(0, end);
  } else {
    if (text.starts_with("1 ") && is_iso(text.substr(2))) {
      text.remove_prefix(2);
      structured = true;
    }
    if (structured || is_iso(text)) {
      if (text[10] == ' ') return split_exim(text, line);
      end = kSecond;
      while (end < text.size() && text[end] != ' ') ++end;
      if (end == text.size()) return false;
      line.form = StampForm::iso;
      line.stamp = text.substr(0, end);
    } else {
      end = journal_stamp(text, line);
      if (end == 0) return false;
    }
  }
  std::string_view rest = text.substr(end + 1);
  line.host = word(rest);
  if (!(structured ? split_5424(rest, line) : split_tag(rest, line))) return false;
  if (line.origin == Origin::exim && is_iso(line.message) && line.message[10] == ' ') {
    Line inner;  // syslog_timestamp: Exim writes its own stamp once more
    if (split_exim(line.message, inner)) line.message = inner.message;
  }
  return true;
}

}  // namespace

Line split_line(std::string_view text) {
  Line line;
  if (!split(text, line)) line = {};
  return line;
}

std::uint32_t take_repeated(Line& line) {
  std::string_view text = line.message;
  constexpr std::string_view kBefore = "message repeated ";
  constexpr std::string_view kBehind = " times: [";
  if (!text.starts_with(kBefore)) return 0;
  text.remove_prefix(kBefore.size());
  const auto end = text.find(kBehind);
  const auto times = parse_unsigned(text.substr(0, end));
  if (end == std::string_view::npos || !times || *times == 0) return 0;
  text.remove_prefix(end + kBehind.size());
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text.ends_with(']')) text.remove_suffix(1);  // rsyslog cuts what is repeated at 800 octets, not what is around it
  line.message = text;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*times, kRepeatedMax));
}

std::optional<std::int32_t> day_of(const Line& line, const TimeRule& rule) {
  const std::string_view s = line.stamp;
  if (line.form == StampForm::seconds) {
    const auto seconds = parse_unsigned(s.substr(0, 10));
    if (!seconds) return std::nullopt;
    return static_cast<std::int32_t>((static_cast<std::int64_t>(*seconds) + rule.utc_offset_s) / kDaySeconds);
  }
  if (line.form != StampForm::classic) {
    if (s.size() < kIsoDate) return std::nullopt;
    const auto year = digits(s.substr(0, 4));
    const auto month = digits(s.substr(5, 2));
    const auto day = digits(s.substr(8, 2));
    if (!year || !month || !day) return std::nullopt;
    return day_number(static_cast<int>(*year), *month, *day);
  }
  if (s.size() < kClassic) return std::nullopt;
  const unsigned month = month_named(s);
  const auto day = digits(trim(s.substr(4, 2)));
  if (month == 0 || !day) return std::nullopt;
  if (s.size() > kClassic) {
    const auto year = digits(s.substr(7, 4));
    if (!year) return std::nullopt;
    return day_number(static_cast<int>(*year), month, *day);
  }
  // A clock that is a little ahead of ours, or a zone that we do not know, does not make it a year ago.
  const std::int64_t today = (rule.now / 1000 + rule.utc_offset_s) / kDaySeconds;
  constexpr int kYears = 9;  // between two leap years are eight at most
  const int year = year_of_day(today + 1);
  for (int back = 0; back < kYears; ++back) {
    const auto found = day_number(year - back, month, *day);
    if (found && *found <= today + 1) return found;
  }
  return std::nullopt;
}

std::optional<WallMs> time_of(const Line& line, const TimeRule& rule) {
  const auto day = day_of(line, rule);
  if (!day) return std::nullopt;
  const std::string_view s = line.stamp;
  std::int64_t offset = rule.utc_offset_s;
  WallMs fraction = 0;
  std::optional<std::int64_t> clock;
  if (line.form == StampForm::seconds) {
    const auto seconds = parse_unsigned(s.substr(0, 10));
    WallMs unit = 100;
    for (std::size_t at = 11; at < s.size(); ++at, unit /= 10) fraction += unit * (s[at] - '0');
    if (!seconds) return std::nullopt;
    return static_cast<WallMs>(*seconds) * 1000 + fraction;
  }
  if (line.form == StampForm::classic) {
    clock = clock_of(s.substr(s.size() - 8));
  } else {
    if (s.size() < kSecond) return std::nullopt;
    clock = clock_of(s.substr(11, 8));
    std::size_t end = kSecond;
    if (end < s.size() && (s[end] == '.' || s[end] == ',')) {
      WallMs unit = 100;
      for (++end; end < s.size() && is_digit(s[end]); ++end, unit /= 10) fraction += unit * (s[end] - '0');
    }
    if (const auto zone = zone_of(s.substr(end))) offset = *zone;
  }
  if (!clock) return std::nullopt;
  return (*day * kDaySeconds + *clock - offset) * 1000 + fraction;
}

}  // namespace postern::maillog
