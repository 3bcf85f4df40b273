// RecentMap: values by name, at most so many; the one not touched for longest makes room. Thread rule: a value.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace postern::outbound {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

template <class Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t max) : max_(max) {}
  // nullptr where it is not known.
  [[nodiscard]] const Value* find(std::string_view name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? nullptr : &at->second->second;
  }
  // The value of `name`, made where it is not there, now the most recent.
  [[nodiscard]] Value& touch(std::string_view name) {
    if (const auto at = index_.find(name); at != index_.end()) {
      items_.splice(items_.begin(), items_, at->second);
      return at->second->second;
    }
    if (items_.size() >= max_) {
      index_.erase(items_.back().first);
      items_.pop_back();
    }
    items_.emplace_front(std::string(name), Value());
    index_.emplace(items_.front().first, items_.begin());
    return items_.front().second;
  }
  void erase(std::string_view name) {
    const auto at = index_.find(name);
    if (at == index_.end()) return;
    const auto item = at->second;
    index_.erase(at);
    items_.erase(item);
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  // The most recent first.
  [[nodiscard]] auto begin() const { return items_.begin(); }
  [[nodiscard]] auto end() const { return items_.end(); }
  [[nodiscard]] auto rbegin() const { return items_.rbegin(); }
  [[nodiscard]] auto rend() const { return items_.rend(); }

 private:
  using Items = std::list<std::pair<std::string, Value>>;
  std::size_t max_;
  Items items_;
  std::unordered_map<std::string, typename Items::iterator, StringHash, std::equal_to<>> index_;
};

}  // namespace postern::outbound
