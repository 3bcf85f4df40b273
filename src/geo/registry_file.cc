#include <array>
#include <chrono>

#include "base/text.h"
#include "geo/country.h"
#include "geo/formats.h"

namespace postern::geo {

namespace {

constexpr std::size_t kFields = 8;  // more are the opaque id and extensions of a registry's own

// "20260101"; 00000000 and an empty field stand for no date.
std::optional<WallMs> date_of(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  const auto digits = parse_unsigned(text);
  if (!digits) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*digits / 10000)),
                                         std::chrono::month(static_cast<unsigned>(*digits / 100 % 100)),
                                         std::chrono::day(static_cast<unsigned>(*digits % 100)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(std::chrono::sys_days(date).time_since_epoch()).count();
}

Result<void> add_v4(std::string_view start, std::string_view count, std::uint8_t country, Ranges& out) {
  const auto address = ip::Address::parse(start);
  // A count of addresses, not always a power of two
  const auto size = parse_unsigned(count, std::uint64_t{UINT32_MAX} + 1);
  if (!address || !address->is_v4()) {
    return fail(ErrorKind::invalid, "\"" + printable(start, 64) + "\" is no IPv4 address");
  }
  const std::uint32_t first = narrow(*address);
  if (!size || *size == 0 || *size - 1 > UINT32_MAX - first) {
    return fail(ErrorKind::invalid, "\"" + printable(count, 64) + "\" is no number of addresses");
  }
  return out.add(first, static_cast<std::uint32_t>(first + (*size - 1)), country);
}

Wide host_bits(std::uint64_t prefix_length) {
  if (prefix_length < 64) return {UINT64_MAX >> prefix_length, UINT64_MAX};
  return {0, prefix_length < 128 ? UINT64_MAX >> (prefix_length - 64) : 0};
}

Result<void> add_v6(std::string_view start, std::string_view length, std::uint8_t country, Ranges& out) {
  const auto address = ip::Address::parse(start);
  const auto bits = parse_unsigned(length, 128);
  if (!address || !address->is_v6() || address->scope() != 0) {
    return fail(ErrorKind::invalid, "\"" + printable(start, 64) + "\" is no IPv6 address");
  }
  if (!bits) return fail(ErrorKind::invalid, "\"" + printable(length, 64) + "\" is no length of an IPv6 prefix");
  const Wide first = wide(*address);
  const Wide host = host_bits(*bits);
  if ((first.high & host.high) != 0 || (first.low & host.low) != 0) {
    return fail(ErrorKind::invalid, "\"" + printable(start, 64) + "\" has bits set after the prefix length");
  }
  return out.add(first, Wide{first.high | host.high, first.low | host.low}, country);
}

Result<void> read_line(std::string_view line, Ranges& out, FileFacts& facts) {
  std::array<std::string_view, kFields> fields;
  std::size_t count = 0;
  while (!line.empty() && count < kFields) fields.at(count++) = detail::take_field(line, '|');
  // The version line: version|registry|serial|records|startdate|enddate|UTCoffset
  if (count >= 6 && !fields[0].empty() && is_digit(fields[0].front())) {
    if (!facts.made) facts.made = date_of(fields[5]);
    return {};
  }
  if (count == 6 && fields[5] == "summary") return {};
  if (count < 7) {
    return fail(ErrorKind::invalid, "\"" + printable(fields[0], 64) +
                                        "...\" has too few fields; a line is "
                                        "REGISTRY|COUNTRY|TYPE|START|VALUE|DATE|STATUS");
  }
  if (fields[2] == "asn") return {};
  // What is available or reserved belongs to nobody, wherever its registry is.
  const bool held = fields[6] == "allocated" || fields[6] == "assigned";
  const std::uint8_t country = held ? CountryNumbers::of(Country::from_data(fields[1])) : std::uint8_t{0};
  ++(country != 0 ? facts.ranges : facts.unplaced);
  if (fields[2] == "ipv4") return add_v4(fields[3], fields[4], country, out);
  if (fields[2] == "ipv6") return add_v6(fields[3], fields[4], country, out);
  return fail(ErrorKind::invalid, "\"" + printable(fields[2], 64) + "\" is neither ipv4, ipv6 nor asn");
}

}  // namespace

Result<FileFacts> read_registry(std::string_view text, Ranges& out) {
  FileFacts facts;
  POSTERN_TRY_VOID(detail::for_each_line(
      text, [&](std::string_view line) { return read_line(line, out, facts); }, [](std::string_view) {}));
  return facts;
}

}  // namespace postern::geo
