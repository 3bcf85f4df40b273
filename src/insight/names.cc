#include "insight/names.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace postern::insight {

namespace {

constexpr std::string_view kOther = "other";

}  // namespace

void Names::add(std::string_view name, bool ipv6, std::uint64_t count) {
  if (name.empty()) return;
  const std::size_t family = ipv6 ? 1 : 0;
  auto found = names_.find(name);
  if (found == names_.end()) {
    if (name == kOther) {  // of a sum that was cut
      others_[family] += count;
      return;
    }
    if (names_.size() >= kNamesHeld) reduce();
    found = names_.emplace(name, Held{}).first;
  }
  found->second.counts[family] += count;
}

void Names::reduce() {
  std::vector<std::uint64_t> left;
  left.reserve(names_.size());
  for (const auto& [name, held] : names_) left.push_back(held.left());
  const auto nth = left.begin() + kNamesHeld / 2;
  std::ranges::nth_element(left, nth, std::greater<>());
  const std::uint64_t taken = *nth;
  for (auto at = names_.begin(); at != names_.end();) {
    Held& held = at->second;
    if (held.left() > taken) {
      held.taken += taken;
      ++at;
    } else {
      insight::add(others_, held.counts);
      at = names_.erase(at);
    }
  }
}

void Names::merge(const Names& other) {
  for (const auto& [name, held] : other.names_) {
    Held& mine = names_[name];
    insight::add(mine.counts, held.counts);
    mine.taken += held.taken;
  }
  insight::add(others_, other.others_);
  if (names_.size() > kNamesHeld) reduce();
}

Names::Told Names::all() const {
  using Entry = std::pair<const std::string, Held>;
  std::vector<const Entry*> ranked;
  ranked.reserve(names_.size());
  for (const Entry& entry : names_) ranked.push_back(&entry);
  std::ranges::sort(ranked, [](const Entry* a, const Entry* b) {
    const std::uint64_t more = sum(a->second.counts);
    const std::uint64_t less = sum(b->second.counts);
    return more != less ? more > less : a->first < b->first;
  });
  Told out;
  PerFamily others = others_;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (i < kNamesMax)
      out.emplace(ranked[i]->first, ranked[i]->second.counts);
    else
      insight::add(others, ranked[i]->second.counts);
  }
  if (sum(others) > 0) insight::add(out[std::string(kOther)], others);
  return out;
}

void write_names(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const auto& [name, counts] : names.all()) out.field(name, sum(counts));
  out.end_object();
}

void write_by_family(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  const Names::Told told = names.all();
  for (const bool ipv6 : {false, true}) {
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object();
    for (const auto& [name, counts] : told)
      if (counts[ipv6 ? 1 : 0] > 0) out.field(name, counts[ipv6 ? 1 : 0]);
    out.end_object();
  }
  out.end_object();
}

}  // namespace postern::insight
