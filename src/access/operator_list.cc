#include "access/operator_list.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <unordered_map>

#include "base/text.h"

namespace postern::access {

namespace {

constexpr std::size_t kNameMax = 512;  // octets looked at of a name or reverse-path; longer ones have no entry

struct PrefixHash {
  std::size_t operator()(const ip::Prefix& prefix) const noexcept {
    return ip::AddressHash{}(prefix.address()) * 131 + static_cast<std::size_t>(prefix.length());
  }
};

// The name in lower case, in a buffer of the caller; empty where it is too long.
std::string_view lowered(std::string_view text, std::array<char, kNameMax>& buffer) {
  if (text.size() > buffer.size()) return {};
  std::ranges::transform(text, buffer.begin(), ascii_lower);
  return {buffer.data(), text.size()};
}

// Sorted by subject; of one subject the last one.
std::vector<Entry> last_of_each(std::vector<Entry> list) {
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&list](std::size_t a, std::size_t b) {
    const int compared = list[a].subject.compare(list[b].subject);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<Entry> out;
  out.reserve(list.size());
  for (const std::size_t i : order) {
    if (!out.empty() && out.back().subject == list[i].subject) out.pop_back();
    out.push_back(std::move(list[i]));
  }
  return out;
}

}  // namespace

struct OperatorList::Impl {
  std::vector<Entry> entries;
  std::unordered_map<std::string_view, const Entry*> names;  // of domains and senders; views into `entries`
  std::unordered_map<ip::Prefix, const Entry*, PrefixHash> prefixes;
  std::vector<int> v4_lengths, v6_lengths;  // that occur, longest first

  explicit Impl(std::vector<Entry> list) : entries(last_of_each(std::move(list))) {
    for (const Entry& entry : entries) {
      if (entry.kind != Kind::prefix) {
        names.emplace(entry.subject, &entry);
      } else if (const auto prefix = ip::Prefix::parse(entry.subject)) {
        prefixes.emplace(*prefix, &entry);
        std::vector<int>& lengths = prefix->address().is_v4() ? v4_lengths : v6_lengths;
        if (std::ranges::find(lengths, prefix->length()) == lengths.end()) lengths.push_back(prefix->length());
      }
    }
    std::ranges::sort(v4_lengths, std::greater{});
    std::ranges::sort(v6_lengths, std::greater{});
  }

  [[nodiscard]] const Entry* of_client(const ip::Address& client, WallMs now) const {
    for (const int length : client.is_v4() ? v4_lengths : v6_lengths) {
      const auto found = prefixes.find(ip::Prefix(client, length));
      if (found != prefixes.end() && !found->second->expired(now)) return found->second;
    }
    return nullptr;
  }
  [[nodiscard]] const Entry* of_name(std::string_view name, WallMs now) const {
    const auto found = names.find(name);
    return found != names.end() && !found->second->expired(now) ? found->second : nullptr;
  }
  // The domain itself, then what lies above it.
  [[nodiscard]] const Entry* of_domain(std::string_view domain, WallMs now) const {
    while (!domain.empty()) {
      if (const Entry* entry = of_name(domain, now); entry != nullptr) return entry;
      const std::size_t dot = domain.find('.');
      if (dot == std::string_view::npos) break;
      domain.remove_prefix(dot + 1);
    }
    return nullptr;
  }
};

OperatorList::OperatorList() : impl_(std::make_unique<const Impl>(std::vector<Entry>{})) {}
OperatorList::OperatorList(std::vector<Entry> entries) : impl_(std::make_unique<const Impl>(std::move(entries))) {}
OperatorList::~OperatorList() = default;

OperatorList::Answer OperatorList::lookup(const Sender& sender, WallMs now) const {
  const Impl& own = *impl_;
  if (own.entries.empty()) return {};
  const Entry* entry = own.of_client(sender.client, now);
  std::array<char, kNameMax> buffer;
  if (entry == nullptr) entry = own.of_domain(lowered(sender.confirmed_name, buffer), now);
  if (entry == nullptr && !sender.reverse_path.empty()) {
    const std::string_view path = lowered(sender.reverse_path, buffer);
    entry = own.of_name(path, now);
    const std::size_t at = path.rfind('@');
    if (entry == nullptr && at != std::string_view::npos) entry = own.of_domain(path.substr(at + 1), now);
  }
  if (entry == nullptr) return {};
  return {.word = entry->word, .entry = entry};
}

const Entry* OperatorList::find(std::string_view subject) const {
  const auto found = std::ranges::lower_bound(impl_->entries, subject, {}, &Entry::subject);
  return found != impl_->entries.end() && found->subject == subject ? &*found : nullptr;
}

std::span<const Entry> OperatorList::entries() const { return impl_->entries; }

}  // namespace postern::access
