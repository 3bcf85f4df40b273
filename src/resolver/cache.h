// Cache: answers by name and type, bounded by entries and octets, the least recently used leave first. It keeps an
// answer as long as its TTL says within the bounds below, failures for seconds only, so that one message does not ask
// for the same silence twice; and beside a failure the last good answer, which may be served while no server answers
// (RFC 8767). Times come in as parameters. Thread rule: one loop's.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "dns/answer.h"

namespace postern::resolver {

// What an answer is kept for: zero, not at all.
[[nodiscard]] seconds lifetime(const dns::Answer& answer);

inline constexpr seconds kLifetimeMin{1};
inline constexpr seconds kLifetimeMax{std::int64_t{24} * 3600};
inline constexpr seconds kNegativeMax{15 * 60};
inline constexpr seconds kFailureLifetime{5};
inline constexpr seconds kBogusLifetime{30};
inline constexpr seconds kStaleMax{3600};  // past the end of its TTL

struct Key {
  std::string name;  // of a dns::Name
  dns::Type type = dns::Type::a;
  friend bool operator==(const Key&, const Key&) = default;
};
struct KeyView {
  std::string_view name;
  dns::Type type;
};
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(const KeyView& key) const noexcept {
    return std::hash<std::string_view>()(key.name) ^ (static_cast<std::size_t>(key.type) * 0x9E3779B97F4A7C15U);
  }
  std::size_t operator()(const Key& key) const noexcept { return (*this)(KeyView{key.name, key.type}); }
};
struct KeyEqual {
  using is_transparent = void;
  bool operator()(const Key& a, const Key& b) const { return a == b; }
  bool operator()(const KeyView& a, const Key& b) const { return a.type == b.type && a.name == b.name; }
  bool operator()(const Key& a, const KeyView& b) const { return (*this)(b, a); }
};

class Cache {
 public:
  Cache(std::size_t entries_max, std::size_t bytes_max) : entries_max_(entries_max), bytes_max_(bytes_max) {}
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache() = default;

  // What is valid now, or nullptr; it is then the most recently used one. The pointer lasts until the next put().
  [[nodiscard]] const dns::AnswerPtr* find(KeyView key, Clock::time_point now);
  // What was valid at most kStaleMax ago, and no failure.
  [[nodiscard]] const dns::AnswerPtr* find_stale(KeyView key, Clock::time_point now) const;
  void put(KeyView key, dns::AnswerPtr answer, Clock::time_point now);

  [[nodiscard]] std::size_t size() const { return map_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry;
  using Map = std::unordered_map<Key, Entry, KeyHash, KeyEqual>;
  struct Entry {
    dns::AnswerPtr answer;
    Clock::time_point expires;
    dns::AnswerPtr good;  // the last answer that was no failure; mostly the same
    Clock::time_point good_expires;
    std::size_t bytes = 0;
    const Key* key = nullptr;  // of its own node
    Entry* newer = nullptr;
    Entry* older = nullptr;
  };
  void link(Entry& entry);
  void unlink(Entry& entry);
  void shrink();

  std::size_t entries_max_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  Map map_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
};

}  // namespace postern::resolver
