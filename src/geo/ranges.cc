#include "geo/ranges.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

namespace postern::geo {

namespace {

std::uint32_t minus(std::uint32_t a, std::uint32_t b) { return a - b; }
Wide minus(Wide a, Wide b) { return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low}; }

// The address behind `key`, or false where there is none.
bool next(std::uint32_t& key) { return ++key != 0; }
bool next(Wide& key) {
  if (++key.low == 0) ++key.high;
  return key != Wide{};
}

template <class Key>
void append(std::vector<Step<Key>>& steps, Key start, std::uint8_t country) {
  if (steps.back().start == start) {
    steps.back().country = country;
    if (steps.size() > 1 && steps[steps.size() - 2].country == country) steps.pop_back();
  } else if (steps.back().country != country) {
    steps.push_back({start, country});
  }
}

template <class Key>
bool in_order(const std::vector<Range<Key>>& ranges) {
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first <= ranges[i - 1].last) return false;
  }
  return true;
}

// Files are in order, and their ranges do not overlap: the common case.
template <class Key>
std::vector<Step<Key>> flatten_ordered(const std::vector<Range<Key>>& ranges) {
  std::vector<Step<Key>> steps(1);
  steps.reserve(ranges.size() + ranges.size() / 2);
  for (const Range<Key>& range : ranges) {
    append(steps, range.first, range.country);
    Key after = range.last;
    if (next(after)) append(steps, after, 0);
  }
  return steps;
}

// Along all the places where a range begins or ends; of those that hold at a place, the one on top of the heap counts.
template <class Key>
std::vector<Step<Key>> flatten_overlapping(const std::vector<Range<Key>>& ranges) {
  std::vector<std::size_t> order(ranges.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(ranges[i].first, i); });
  std::vector<Key> places;
  places.reserve(ranges.size() * 2);
  for (const Range<Key>& range : ranges) {
    places.push_back(range.first);
    Key after = range.last;
    if (next(after)) places.push_back(after);
  }
  std::ranges::sort(places);
  const auto repeated = std::ranges::unique(places);
  places.erase(repeated.begin(), repeated.end());

  const auto weaker = [&](std::size_t a, std::size_t b) {
    const Key size_a = minus(ranges[a].last, ranges[a].first);
    const Key size_b = minus(ranges[b].last, ranges[b].first);
    return size_a != size_b ? size_a > size_b : a < b;
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(weaker)> holding(weaker);
  std::vector<Step<Key>> steps(1);
  std::size_t begun = 0;
  for (const Key& place : places) {
    for (; begun < order.size() && ranges[order[begun]].first == place; ++begun) holding.push(order[begun]);
    while (!holding.empty() && ranges[holding.top()].last < place) holding.pop();
    append(steps, place, holding.empty() ? std::uint8_t{0} : ranges[holding.top()].country);
  }
  return steps;
}

template <class Key>
std::vector<Step<Key>> flatten_any(std::vector<Range<Key>> ranges) {
  if (!in_order(ranges)) {
    // Only out of order?
    std::vector<Range<Key>> sorted = ranges;
    std::ranges::sort(sorted, {}, &Range<Key>::first);
    if (!in_order(sorted)) return flatten_overlapping(ranges);
    ranges = std::move(sorted);
  }
  return flatten_ordered(ranges);
}

template <class Key>
Result<void> add_range(std::vector<Range<Key>>& ranges, Key first, Key last, std::uint8_t country) {
  if (last < first) return fail(ErrorKind::invalid, "the range ends before it begins");
  if (ranges.size() >= Ranges::kMax) {
    return fail(ErrorKind::limit, "there are more than " + std::to_string(Ranges::kMax) + " ranges");
  }
  ranges.push_back({first, last, country});
  return {};
}

}  // namespace

Wide wide(const ip::Address& address) {
  Wide out;
  for (std::size_t i = 0; i < 8; ++i) {
    out.high = (out.high << 8U) | address.octets().at(i);
    out.low = (out.low << 8U) | address.octets().at(i + 8);
  }
  return out;
}

std::uint32_t narrow(const ip::Address& address) { return static_cast<std::uint32_t>(wide(address).low); }

std::vector<Step<std::uint32_t>> flatten(std::vector<Range<std::uint32_t>> ranges) {
  return flatten_any(std::move(ranges));
}
std::vector<Step<Wide>> flatten(std::vector<Range<Wide>> ranges) { return flatten_any(std::move(ranges)); }

Result<void> Ranges::add(std::uint32_t first, std::uint32_t last, std::uint8_t country) {
  return add_range(v4, first, last, country);
}
Result<void> Ranges::add(Wide first, Wide last, std::uint8_t country) { return add_range(v6, first, last, country); }

}  // namespace postern::geo
