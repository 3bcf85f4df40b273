// Sizes and durations as people write them (declared in base/text.h).
#include <array>
#include <limits>

#include "base/text.h"

namespace postern {

namespace {

// "12" or "12.5", at most three places after the point, in thousandths; the text is advanced past it.
std::optional<std::uint64_t> take_thousandths(std::string_view& text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const auto whole = parse_unsigned(text.substr(0, digits), UINT64_MAX / 1000 - 1);
  if (!whole) return std::nullopt;
  text.remove_prefix(digits);
  std::uint64_t value = *whole * 1000;
  if (text.empty() || text[0] != '.') return value;
  text.remove_prefix(1);
  std::uint64_t weight = 100;
  std::size_t places = 0;
  while (places < text.size() && is_digit(text[places])) {
    if (weight == 0) return std::nullopt;
    value += static_cast<std::uint64_t>(text[places] - '0') * weight;
    weight /= 10;
    ++places;
  }
  if (places == 0) return std::nullopt;
  text.remove_prefix(places);
  return value;
}

// value * unit / 1000 without overflow; nullopt over `max`.
std::optional<std::uint64_t> scale(std::uint64_t thousandths, std::uint64_t unit, std::uint64_t max) {
  const std::uint64_t whole = thousandths / 1000;
  if (whole > max / unit) return std::nullopt;
  const std::uint64_t part = thousandths % 1000 * (unit / 1000) + thousandths % 1000 * (unit % 1000) / 1000;
  if (part > max - whole * unit) return std::nullopt;
  return whole * unit + part;
}

std::string one_decimal(std::uint64_t tenths) {
  std::string out = std::to_string(tenths / 10);
  if (tenths % 10 != 0) {
    out += '.';
    out += static_cast<char>('0' + tenths % 10);
  }
  return out;
}

struct TimeUnit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<TimeUnit, 6> kTimeUnits = {
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  std::size_t unit = 0;
  std::uint64_t shift = 10;
  while (unit + 1 < kUnits.size() && bytes >> (shift + 10) != 0) {
    ++unit;
    shift += 10;
  }
  const std::uint64_t whole = bytes >> shift;
  const std::uint64_t rest = (bytes & ((1ULL << shift) - 1)) >> (shift - 10);  // in 1/1024 of the unit
  std::uint64_t tenths = whole * 10 + (rest * 10 + 512) / 1024;
  if (tenths >= 1000) tenths = (tenths + 5) / 10 * 10;  // three digits are precise enough
  if (tenths >= 10'240 && unit + 1 < kUnits.size()) {   // rounded up to the next unit
    tenths = 10;
    ++unit;
  }
  return one_decimal(tenths) + " " + std::string(kUnits.at(unit));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  text = trim(text);
  const auto number = take_thousandths(text);
  if (!number) return std::nullopt;
  std::string suffix = lower(trim(text));
  if (suffix.ends_with("ib") && suffix.size() == 3) suffix.resize(1);
  if (suffix.ends_with('b') && suffix.size() == 2) suffix.resize(1);
  if (suffix.empty() || suffix == "b") {
    if (*number % 1000 != 0) return std::nullopt;  // half an octet
    return *number / 1000;
  }
  constexpr std::string_view kPrefixes = "kmgtpe";
  const auto at = suffix.size() == 1 ? kPrefixes.find(suffix[0]) : std::string_view::npos;
  if (at == std::string_view::npos) return std::nullopt;
  return scale(*number, 1ULL << (10 * (at + 1)), UINT64_MAX);
}

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  text = trim(text);
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // units fall: "1h30m", never "30m1h"
  bool first = true;
  do {
    const auto number = take_thousandths(text);
    if (!number) return std::nullopt;
    std::size_t letters = 0;
    while (letters < text.size() && is_alpha(text[letters])) ++letters;
    const auto name = text.substr(0, letters);
    text.remove_prefix(letters);
    std::uint64_t unit_ms = 1000;
    if (name.empty()) {
      if (!first || !text.empty()) return std::nullopt;  // only a number alone means seconds
    } else {
      while (next_unit < kTimeUnits.size() && kTimeUnits.at(next_unit).name != name) ++next_unit;
      if (next_unit == kTimeUnits.size()) return std::nullopt;
      unit_ms = static_cast<std::uint64_t>(kTimeUnits.at(next_unit++).ms);
    }
    const auto part = scale(*number, unit_ms, kMax);
    if (!part || *part > kMax - total) return std::nullopt;
    total += *part;
    first = false;
  } while (!text.empty());
  return static_cast<std::int64_t>(total);
}

std::string human_duration(std::int64_t ms) {
  std::string out = ms < 0 ? "-" : "";
  std::uint64_t left = ms < 0 ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  if (left < 1000) return out + std::to_string(left) + "ms";
  if (left < 60'000) return out + one_decimal(left / 100) + "s";
  for (std::size_t i = 1; i < kTimeUnits.size(); ++i) {  // weeks are read, never written
    const auto unit = static_cast<std::uint64_t>(kTimeUnits.at(i).ms);
    if (left < unit) continue;
    out += std::to_string(left / unit) + std::string(kTimeUnits.at(i).name);
    left %= unit;
    if (i + 1 < kTimeUnits.size()) {
      const auto smaller = static_cast<std::uint64_t>(kTimeUnits.at(i + 1).ms);
      if (left >= smaller) out += std::to_string(left / smaller) + std::string(kTimeUnits.at(i + 1).name);
    }
    break;
  }
  return out;
}

}  // namespace postern
