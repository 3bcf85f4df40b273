#include "policy/scopes.h"

#include "base/text.h"

namespace postern::policy {

// FNV-1a. The names in the table are the operator's, so that nobody can make them collide.
std::size_t Scopes::Hash::operator()(std::string_view text) const {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 0x100000001b3U;
  return hash;
}

bool Scopes::Equal::operator()(std::string_view a, std::string_view b) const { return iequals(a, b); }

std::size_t Scopes::Found::profile() const {
  if (address != nullptr && address->profile) return *address->profile;
  if (domain != nullptr && domain->profile) return *domain->profile;
  return 0;
}

bool Scopes::set_profile(std::string_view recipient, std::size_t profile) {
  Scope& scope = scopes_[std::string(recipient)];
  if (scope.profile) return false;
  scope.profile = profile;
  return true;
}

void Scopes::limit(std::string_view recipient, std::size_t number) {
  Scope& scope = scopes_[std::string(recipient)];
  if (scope.limited.size() <= number / 64) scope.limited.resize(number / 64 + 1);
  scope.limited[number / 64] |= std::uint64_t{1} << (number % 64);
}

Scopes::Found Scopes::find(const For& recipient) const {
  const auto look = [this](std::string_view name) -> const Scope* {
    if (scopes_.empty() || name.empty()) return nullptr;
    const auto found = scopes_.find(name);
    return found != scopes_.end() ? &found->second : nullptr;
  };
  return {.address = look(recipient.address), .domain = look(recipient.domain)};
}

}  // namespace postern::policy
