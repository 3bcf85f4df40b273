#include "base/time.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace postern {

WallMs wall_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

namespace {
std::tm utc(WallMs time) {
  const WallMs floor_seconds = time >= 0 ? time / 1000 : (time - 999) / 1000;
  const auto seconds_since = static_cast<std::time_t>(floor_seconds);
  std::tm parts{};
  gmtime_r(&seconds_since, &parts);
  return parts;
}
}  // namespace

std::string iso8601(WallMs time) {
  const std::tm t = utc(time);
  const int millis = static_cast<int>(((time % 1000) + 1000) % 1000);
  std::array<char, 80> text{};
  const int n = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                              t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, millis);
  return {text.data(), static_cast<std::size_t>(n)};
}

std::string rfc5322_date(WallMs time) {
  // RFC 5322 3.3: names are English whatever the locale
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm t = utc(time);
  std::array<char, 80> text{};
  const int n = std::snprintf(
      text.data(), text.size(), "%s, %d %s %04d %02d:%02d:%02d +0000", kDays.at(static_cast<std::size_t>(t.tm_wday)),
      t.tm_mday, kMonths.at(static_cast<std::size_t>(t.tm_mon)), t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return {text.data(), static_cast<std::size_t>(n)};
}

}  // namespace postern
