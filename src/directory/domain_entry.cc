#include "directory/domain_entry.h"

#include "base/text.h"

namespace postern::directory {

bool is_role(std::string_view local) { return iequals(local, "postmaster") || iequals(local, "abuse"); }

std::string DomainEntry::fold(std::string_view local) const {
  // RFC 5321 4.5.1: postmaster in any case, also where other local parts are told apart by it
  return case_sensitive && !is_role(local) ? std::string(local) : lower(local);
}

Found DomainEntry::find_exact(std::string_view folded) const {
  if (const auto it = alias_index.find(folded); it != alias_index.end()) {
    return Found{.what = Found::What::alias, .alias = it->second, .name = folded};
  }
  if (const std::string_view local = mailboxes.find(folded); !local.empty()) {
    return Found{.what = Found::What::mailbox, .local = local, .name = folded};
  }
  if (traps.contains(folded)) return Found{.what = Found::What::trap, .name = folded};
  if (const auto it = retired.find(folded); it != retired.end()) {
    return Found{.what = Found::What::retired, .since = it->second, .name = folded};
  }
  return {};
}

Found DomainEntry::find(std::string_view folded) const {
  if (const Found found = find_exact(folded); found.what != Found::What::nothing) return found;
  std::string_view base = folded;
  if (!plus.empty()) {
    const std::size_t at = folded.find(plus);
    if (at != std::string_view::npos && at > 0) {
      base = folded.substr(0, at);
      if (const Found found = find_exact(base); found.what != Found::What::nothing) return found;
    }
  }
  if (catch_all != nullptr) return Found{.what = Found::What::alias, .alias = catch_all, .name = base};
  // Every mailbox exists here, so that of alice+lists is alice's.
  if (any && !folded.empty()) return Found{.what = Found::What::mailbox, .local = base, .name = base};
  if (trap && !is_role(base)) return Found{.what = Found::What::trap, .name = base};
  return {};
}

Target DomainEntry::target(std::string_view canonical_local) const {
  return Target{smtp::Mailbox{std::string(canonical_local), domain}, &deliver};
}

}  // namespace postern::directory
