#include "insight/names.h"

namespace postern::insight {

void Names::add(std::string_view name, bool ipv6, std::uint64_t count) {
  if (name.empty()) return;
  auto found = names_.find(name);
  if (found == names_.end()) {
    const std::string_view key = names_.size() < kNamesMax ? name : std::string_view("other");
    found = names_.emplace(key, PerFamily{}).first;
  }
  found->second[ipv6 ? 1 : 0] += count;
}

void Names::merge(const Names& other) {
  for (const auto& [name, counts] : other.names_) {
    if (counts[0] > 0) add(name, false, counts[0]);
    if (counts[1] > 0) add(name, true, counts[1]);
  }
}

void write_names(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const auto& [name, counts] : names.all()) out.field(name, sum(counts));
  out.end_object();
}

void write_by_family(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const bool ipv6 : {false, true}) {
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object();
    for (const auto& [name, counts] : names.all())
      if (counts[ipv6 ? 1 : 0] > 0) out.field(name, counts[ipv6 ? 1 : 0]);
    out.end_object();
  }
  out.end_object();
}

}  // namespace postern::insight
