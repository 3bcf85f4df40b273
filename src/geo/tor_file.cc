#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"
#include "geo/country.h"
#include "geo/formats.h"

namespace postern::geo {

namespace detail {

std::string_view take_field(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

}  // namespace detail

namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "# Generated: Thu, 25 Jun 2026 04:33:59 GMT", to the day.
std::optional<WallMs> date_in(std::string_view comment) {
  constexpr std::string_view kKey = "Generated: ";
  const std::size_t at = comment.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = comment.substr(at + kKey.size());
  if (rest.find(", ") != 3) return std::nullopt;
  rest.remove_prefix(5);
  const auto day = parse_unsigned(detail::take_field(rest, ' '), 31);
  const auto month = std::ranges::find(kMonths, detail::take_field(rest, ' '));
  const auto year = parse_unsigned(detail::take_field(rest, ' '), 9999);
  if (!day || !year || month == kMonths.end()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(std::chrono::sys_days(date).time_since_epoch()).count();
}

std::unexpected<Error> no_address(std::string_view text) {
  return fail(ErrorKind::invalid, "\"" + printable(text, 64) +
                                      "\" is neither an IPv4 address as a decimal number nor an IPv6 address; a line "
                                      "is FIRST,LAST,COUNTRY");
}

Result<void> read_line(std::string_view line, Ranges& out, FileFacts& facts) {
  const std::string_view first = detail::take_field(line, ',');
  const std::string_view last = detail::take_field(line, ',');
  const std::string_view code = line;
  if (code.size() != 2) {
    return fail(ErrorKind::invalid, "\"" + printable(code, 64) + "\" is no country code; a line is FIRST,LAST,COUNTRY");
  }
  const std::uint8_t country = CountryNumbers::of(Country::from_data(code));
  ++(country != 0 ? facts.ranges : facts.unplaced);
  if (first.contains(':')) {
    const auto from = ip::Address::parse(first);
    const auto to = ip::Address::parse(last);
    if (!from || from->scope() != 0) return no_address(first);
    if (!to || to->scope() != 0 || !last.contains(':')) return no_address(last);
    return out.add(wide(*from), wide(*to), country);
  }
  const auto from = parse_unsigned(first, UINT32_MAX);
  const auto to = parse_unsigned(last, UINT32_MAX);
  if (!from) return no_address(first);
  if (!to) return no_address(last);
  return out.add(static_cast<std::uint32_t>(*from), static_cast<std::uint32_t>(*to), country);
}

}  // namespace

Result<FileFacts> read_tor(std::string_view text, Ranges& out) {
  FileFacts facts;
  POSTERN_TRY_VOID(detail::for_each_line(
      text, [&](std::string_view line) { return read_line(line, out, facts); },
      [&](std::string_view comment) {
        if (!facts.made) facts.made = date_in(comment);
      }));
  return facts;
}

}  // namespace postern::geo
