#include "maillog/prefixes.h"

#include <algorithm>
#include <limits>
#include <span>

#include "base/text.h"
#include "ip/address.h"

namespace postern::maillog {

namespace {

constexpr std::uint64_t kV4 = 4ULL << 56U;
constexpr std::uint64_t kV6 = 6ULL << 56U;

std::uint64_t slow_key(std::string_view text) {
  const auto address = ip::Address::parse(text);
  if (!address) return 0;
  std::uint64_t key = 0;
  if (address->is_v4()) {
    for (std::size_t i = 12; i < 15; ++i) key = key << 8U | address->octets().at(i);
    return kV4 | key;
  }
  for (std::size_t i = 0; i < 6; ++i) key = key << 8U | address->octets().at(i);
  return kV6 | key;
}

unsigned hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  const char low = ascii_lower(c);
  return low >= 'a' && low <= 'f' ? static_cast<unsigned>(low - 'a' + 10) : 16;
}

// The network of an address as programs print it; 0 where it is none. Only the part that counts is read: three numbers
// of an IPv4 address, three groups of an IPv6 address without "::" in them.
std::uint64_t key_of(std::string_view text) {
  std::uint64_t key = 0;
  unsigned parts = 0;
  unsigned value = 0;
  unsigned length = 0;
  if (text.substr(0, 5).find(':') == std::string_view::npos) {
    for (const char c : text) {
      if (is_digit(c) && length < 3) {
        value = value * 10 + static_cast<unsigned>(c - '0');
        ++length;
      } else if (c == '.' && length > 0 && value < 256) {
        key = key << 8U | value;
        if (++parts == 3) return kV4 | key;
        value = length = 0;
      } else {
        return 0;
      }
    }
    return 0;
  }
  for (const char c : text) {
    const unsigned digit = hex_digit(c);
    if (digit < 16 && length < 4) {
      value = value << 4U | digit;
      ++length;
    } else if (c == ':' && length > 0) {
      key = key << 16U | value;
      if (++parts == 3) return kV6 | key;
      value = length = 0;
    } else {
      return slow_key(text);
    }
  }
  return 0;
}

std::string text_of(std::uint64_t key) {
  if ((key >> 56U) == 4) {
    return ip::Prefix(ip::Address::v4({static_cast<std::uint8_t>(key >> 16U), static_cast<std::uint8_t>(key >> 8U),
                                       static_cast<std::uint8_t>(key), 0}),
                      24)
        .text();
  }
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < 6; ++i) octets.at(i) = static_cast<std::uint8_t>(key >> (40 - 8 * i));
  return ip::Prefix(ip::Address::v6(octets), 48).text();
}

std::uint32_t sum(std::uint32_t a, std::uint64_t b) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(a + std::min(b, kMax - a));
}

}  // namespace

Prefixes::Prefixes() : cells_(kSets * kWays) {}

void Prefixes::add(std::uint64_t key, std::uint32_t count, std::uint32_t error) {
  const std::uint64_t spread = key * 0x9E3779B97F4A7C15;
  const std::span<Cell> set = std::span(cells_).subspan((spread >> 52U) % kSets * kWays, kWays);
  Cell* least = set.data();
  for (Cell& cell : set) {
    if (cell.key == key || cell.key == 0) {
      cell.key = key;
      cell.count = sum(cell.count, count);
      cell.error = sum(cell.error, error);
      return;
    }
    if (cell.count < least->count) least = &cell;
  }
  evicted_ = true;
  *least = {key, sum(least->count, count), sum(least->count, error)};
}

void Prefixes::add(std::string_view address, std::uint64_t n) {
  const std::uint64_t key = key_of(address);
  if (key != 0) add(key, sum(0, n), 0);
}

void Prefixes::add(const Prefixes& other) {
  for (const Cell& cell : other.cells_)
    if (cell.key != 0) add(cell.key, cell.count, cell.error);
  evicted_ = evicted_ || other.evicted_;
}

std::vector<Prefixes::Row> Prefixes::top(std::size_t n) const {
  std::vector<Cell> sorted;
  for (const Cell& cell : cells_)
    if (cell.key != 0) sorted.push_back(cell);
  // By what is certain, so that a newcomer with an old count is not shown for what he is not.
  const auto certain = [](const Cell& cell) { return cell.count - cell.error; };
  std::ranges::sort(sorted, [&](const Cell& a, const Cell& b) {
    return certain(a) != certain(b) ? certain(a) > certain(b) : a.key < b.key;
  });
  if (sorted.size() > n) sorted.resize(n);
  std::ranges::sort(
      sorted, [](const Cell& a, const Cell& b) { return a.count != b.count ? a.count > b.count : a.key < b.key; });
  std::vector<Row> out;
  out.reserve(sorted.size());
  for (const Cell& cell : sorted) out.push_back({text_of(cell.key), cell.count, cell.error});
  return out;
}

}  // namespace postern::maillog
