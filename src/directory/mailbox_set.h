// MailboxSet: a set of short strings in one block of memory, for the local parts of a domain. 200,000 names of 12
// octets cost about 5 MiB: an octet of length and the octets themselves, and a table of 4-octet offsets at most half
// full. Thread rule: filled by one thread, then read by all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directory {

class MailboxSet {
 public:
  static constexpr std::size_t kNameMax = 255;

  // `name` has 1 to kNameMax octets. False when it was there already.
  bool insert(std::string_view name);
  // A view into the set, which lives as long as the set; empty where `name` is not in it.
  [[nodiscard]] std::string_view find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return !find(name).empty(); }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::string_view first() const;  // the first one inserted; empty for an empty set
  [[nodiscard]] std::vector<std::string> names(std::size_t max) const;
  [[nodiscard]] std::size_t memory() const { return arena_.capacity() + slots_.capacity() * sizeof(std::uint32_t); }
  void shrink() { arena_.shrink_to_fit(); }

 private:
  [[nodiscard]] std::string_view at(std::uint32_t offset) const;
  [[nodiscard]] std::size_t slot_of(std::string_view name) const;
  void grow();
  std::string arena_;                 // length octet, then the name, again and again
  std::vector<std::uint32_t> slots_;  // offset + 1; 0 is empty; the size is a power of two
  std::size_t count_ = 0;
};

}  // namespace postern::directory
