// Builder: makes the entries of a Directory from options, and collects everything that is wrong with them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "directory/domain_entry.h"

namespace postern::directory {

inline constexpr std::size_t kAliasDepthMax = 10;
inline constexpr std::size_t kAliasTargetsMax = 10000;  // one address; a message to it becomes that many deliveries

class Builder {
 public:
  Builder(std::deque<DomainEntry>& entries, TextMap<const DomainEntry*>& index,
          std::vector<Directory::Problem>& problems)
      : entries_(entries), index_(index), problems_(problems) {}
  void build(const std::vector<DomainOptions>& domains);

 private:
  enum class State : std::uint8_t { visiting, good, bad };
  struct Visit {
    State state = State::visiting;
    std::size_t height = 0;  // longest chain of aliases from here
  };
  struct Step {
    const DomainEntry* domain;
    AliasEntry* alias;
  };
  void add(const DomainOptions& options);
  void add_mailboxes(DomainEntry& entry, const DomainOptions& options);
  void add_aliases(DomainEntry& entry, const DomainOptions& options);
  void add_traps(DomainEntry& entry, const DomainOptions& options);
  Visit follow(const DomainEntry& domain, AliasEntry& alias, std::vector<Step>& path);
  bool follow_one(const DomainEntry& domain, AliasEntry& alias, const std::string& written, std::vector<Step>& path,
                  std::size_t& height, std::vector<Target>& out);
  void set_role_targets(DomainEntry& entry);
  void set_role_targets_of_traps();
  void problem(const DomainEntry& entry, std::string what);
  [[nodiscard]] static std::string suggestion(const DomainEntry& entry, std::string_view local);

  std::deque<DomainEntry>& entries_;
  TextMap<const DomainEntry*>& index_;
  std::vector<Directory::Problem>& problems_;
  std::unordered_map<const AliasEntry*, Visit> visits_;
};

}  // namespace postern::directory
