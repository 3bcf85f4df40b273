#include "directory/mailbox_set.h"

#include <functional>

#include "base/result.h"

namespace postern::directory {

std::string_view MailboxSet::at(std::uint32_t offset) const {
  const auto size = static_cast<unsigned char>(arena_[offset]);
  return std::string_view(arena_).substr(offset + 1, size);
}

std::size_t MailboxSet::slot_of(std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(name)&mask;
  while (slots_[slot] != 0 && at(slots_[slot] - 1) != name) slot = (slot + 1) & mask;
  return slot;
}

void MailboxSet::grow() {
  std::vector<std::uint32_t> old(slots_.empty() ? 16 : slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint32_t entry : old) {
    if (entry != 0) slots_[slot_of(at(entry - 1))] = entry;
  }
}

bool MailboxSet::insert(std::string_view name) {
  POSTERN_CHECK(!name.empty() && name.size() <= kNameMax);
  POSTERN_CHECK(arena_.size() < UINT32_MAX - 2 * kNameMax);
  if ((count_ + 1) * 2 > slots_.size()) grow();
  const std::size_t slot = slot_of(name);
  if (slots_[slot] != 0) return false;
  slots_[slot] = static_cast<std::uint32_t>(arena_.size()) + 1;
  arena_.push_back(static_cast<char>(static_cast<unsigned char>(name.size())));
  arena_.append(name);
  ++count_;
  return true;
}

std::string_view MailboxSet::find(std::string_view name) const {
  if (slots_.empty() || name.empty() || name.size() > kNameMax) return {};
  const std::uint32_t entry = slots_[slot_of(name)];
  return entry == 0 ? std::string_view() : at(entry - 1);
}

std::string_view MailboxSet::first() const { return count_ == 0 ? std::string_view() : at(0); }

std::vector<std::string> MailboxSet::names(std::size_t max) const {
  std::vector<std::string> out;
  std::uint32_t offset = 0;
  while (out.size() < max && offset < arena_.size()) {
    const std::string_view name = at(offset);
    out.emplace_back(name);
    offset += static_cast<std::uint32_t>(name.size()) + 1;
  }
  return out;
}

}  // namespace postern::directory
