#include "base/time.h"

#include <array>
#include <string_view>

namespace postern {

WallMs wall_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

namespace {

struct UtcTime {
  std::int64_t year = 1970;
  unsigned month = 1;    // 1 to 12
  unsigned day = 1;      // 1 to 31
  unsigned weekday = 4;  // 0 = Sunday
  unsigned hour = 0, minute = 0, second = 0, millisecond = 0;
};

constexpr std::int64_t kDayMs = 86'400'000;

std::int64_t floor_divide(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

// By hand: every record carries a time, and gmtime_r takes a lock of the C library and asks for the time zone. The year
// begins in March, so that the leap day is its last; 400 years are 146097 days.
UtcTime utc(WallMs time) {
  const std::int64_t days_since = floor_divide(time, kDayMs);
  auto rest = static_cast<unsigned>((time % kDayMs + kDayMs) % kDayMs);
  UtcTime out;
  out.millisecond = rest % 1000;
  rest /= 1000;
  out.second = rest % 60;
  out.minute = rest / 60 % 60;
  out.hour = rest / 3600;
  out.weekday = static_cast<unsigned>(((days_since + 4) % 7 + 7) % 7);

  const std::int64_t from_march_0000 = days_since + 719'468;  // 0000-03-01 to 1970-01-01
  const std::int64_t era = floor_divide(from_march_0000, 146'097);
  const auto day_of_era = static_cast<unsigned>(from_march_0000 - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  out.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  out.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  out.year = static_cast<std::int64_t>(year_of_era) + era * 400 + (out.month <= 2 ? 1 : 0);
  return out;
}

void append_digits(std::string& out, unsigned value, unsigned weight) {
  for (; weight > 0; weight /= 10) out += static_cast<char>('0' + value / weight % 10);
}

// ISO 8601 and RFC 5322 write four digits at least.
void append_year(std::string& out, std::int64_t year) {
  if (year >= 0 && year <= 9999)
    append_digits(out, static_cast<unsigned>(year), 1000);
  else
    out += std::to_string(year);
}

void append_clock(std::string& out, const UtcTime& time) {
  append_digits(out, time.hour, 10);
  out += ':';
  append_digits(out, time.minute, 10);
  out += ':';
  append_digits(out, time.second, 10);
}

}  // namespace

void append_iso8601(std::string& out, WallMs time) {
  const UtcTime t = utc(time);
  append_year(out, t.year);
  out += '-';
  append_digits(out, t.month, 10);
  out += '-';
  append_digits(out, t.day, 10);
  out += 'T';
  append_clock(out, t);
  out += '.';
  append_digits(out, t.millisecond, 100);
  out += 'Z';
}

std::string iso8601(WallMs time) {
  std::string out;
  out.reserve(24);
  append_iso8601(out, time);
  return out;
}

std::string rfc5322_date(WallMs time) {
  // RFC 5322 3.3: names are English whatever the locale
  static constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const UtcTime t = utc(time);
  std::string out(kDays.at(t.weekday));
  out += ", ";
  out += std::to_string(t.day);
  out += ' ';
  out += kMonths.at(t.month - 1);
  out += ' ';
  append_year(out, t.year);
  out += ' ';
  append_clock(out, t);
  out += " +0000";
  return out;
}

namespace {

// Takes `width` decimal digits and the separator behind them from the front of `text`; negative where they are not
// there.
int take_number(std::string_view& text, std::size_t width, std::string_view separator) {
  if (text.size() < width + separator.size()) return -1;
  int value = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  if (text.substr(width, separator.size()) != separator) return -1;
  text.remove_prefix(width + separator.size());
  return value;
}

// The reverse of utc(): days since 1970 of a date.
std::int64_t days_since_1970(std::int64_t year, int month, int day) {
  const std::int64_t from_march = year - (month <= 2 ? 1 : 0);
  const std::int64_t era = floor_divide(from_march, 400);
  const std::int64_t year_of_era = from_march - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

}  // namespace

std::optional<WallMs> parse_iso8601(std::string_view text) {
  const int year = take_number(text, 4, "-");
  const int month = take_number(text, 2, "-");
  const int day = take_number(text, 2, "");
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const std::int64_t days = days_since_1970(year, month, day);
  if (utc(days * kDayMs).day != static_cast<unsigned>(day)) return std::nullopt;  // 31 April
  if (text.empty()) return days * kDayMs;
  if (!text.starts_with('T') || !text.ends_with('Z')) return std::nullopt;
  text.remove_prefix(1);
  text.remove_suffix(1);
  const int hour = take_number(text, 2, ":");
  const int minute = take_number(text, 2, "");
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  int second = 0;
  int millisecond = 0;
  if (!text.empty()) {
    if (!text.starts_with(':')) return std::nullopt;
    text.remove_prefix(1);
    second = take_number(text, 2, "");
  }
  if (!text.empty()) {
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
    millisecond = take_number(text, 3, "");
  }
  if (second < 0 || second > 59 || millisecond < 0 || !text.empty()) return std::nullopt;
  return days * kDayMs + ((hour * 60 + minute) * 60 + second) * std::int64_t{1000} + millisecond;
}

}  // namespace postern
