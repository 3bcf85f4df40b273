// DomainEntry: one of our domains as the directory holds it, and the look-up that both its building and resolve() use.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "directory/directory.h"
#include "directory/mailbox_set.h"
#include "smtp/address.h"

namespace postern::directory {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

struct AliasEntry {
  std::string name;                  // as written
  std::vector<std::string> written;  // what it names, as written
  std::vector<Target> targets;       // all of it followed to its ends
};

struct Found {
  enum class What : std::uint8_t { nothing, alias, mailbox, retired, trap } what = What::nothing;
  AliasEntry* alias = nullptr;
  std::string_view local;  // mailbox: its canonical local part; a view into the entry or into what was looked up
  WallMs since = 0;        // retired
  std::string_view name;  // by which it was found: the whole of what was looked up, or what stands before the separator
  [[nodiscard]] bool leads_somewhere() const { return what == What::alias || what == What::mailbox; }
};

// RFC 5321 4.5.1 and RFC 2142: in any case
[[nodiscard]] bool is_role(std::string_view local);

struct DomainEntry {
  smtp::Domain domain;
  std::string name;  // domain.text()
  Transport deliver;
  std::string plus;
  bool case_sensitive = false;
  bool any = false;  // "*" among the mailboxes
  int line = 0;
  bool trap = false;  // what nothing else takes
  std::int64_t trap_after = 0;
  MailboxSet mailboxes;
  MailboxSet traps;
  TextMap<WallMs> retired;
  std::deque<AliasEntry> aliases;  // addresses stay
  TextMap<AliasEntry*> alias_index;
  AliasEntry* catch_all = nullptr;   // the alias "*"
  std::vector<Target> role_targets;  // of postmaster and abuse where the domain names neither

  // The form in which names are stored and compared.
  [[nodiscard]] std::string fold(std::string_view local) const;
  // `folded` must outlive the result.
  [[nodiscard]] Found find(std::string_view folded) const;
  [[nodiscard]] Target target(std::string_view canonical_local) const;

 private:
  [[nodiscard]] Found find_exact(std::string_view folded) const;
};

}  // namespace postern::directory
