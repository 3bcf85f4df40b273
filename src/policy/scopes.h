// Scopes: which recipients have rules or choices of their own. Names are whole addresses or whole domains, without
// regard to ASCII case; an address goes before its domain. Thread rule: immutable once filled; find() does not
// allocate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/policy.h"

namespace postern::policy {

class Scopes {
 public:
  struct Scope {
    std::optional<std::size_t> profile;
    std::vector<std::uint64_t> limited;  // bits: which of the rules that are limited to recipients
    [[nodiscard]] bool has(std::size_t number) const {
      return number / 64 < limited.size() && (limited[number / 64] >> (number % 64) & 1U) != 0;
    }
  };
  // What is said of one recipient; null where nothing is.
  struct Found {
    const Scope* address = nullptr;
    const Scope* domain = nullptr;
    [[nodiscard]] std::size_t profile() const;  // 0 is everybody's
    [[nodiscard]] bool has(std::size_t number) const {
      return (address != nullptr && address->has(number)) || (domain != nullptr && domain->has(number));
    }
  };

  // False where the recipient already has a profile of its own.
  [[nodiscard]] bool set_profile(std::string_view recipient, std::size_t profile);
  void limit(std::string_view recipient, std::size_t number);
  [[nodiscard]] Found find(const For& recipient) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };
  std::unordered_map<std::string, Scope, Hash, Equal> scopes_;
};

}  // namespace postern::policy
