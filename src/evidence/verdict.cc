#include "evidence/verdict.h"

#include <algorithm>
#include <array>

namespace postern::evidence {

namespace {

constexpr std::array<std::string_view, 5> kActions{"accept", "greylist", "throttle", "reject", "tag"};
constexpr std::array<std::string_view, 17> kReasons{
    "none",     "rule",        "operator_allow", "operator_deny", "budget",
    "country",  "greylisted",  "evidence",       "dmarc",         "reverse_dns",
    "protocol", "forged_helo", "list",           "tls_required",  "authentication_required",
    "trap",     "history"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto* const found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

}  // namespace

std::string_view to_string(Action action) { return kActions.at(static_cast<std::size_t>(action)); }
std::optional<Action> parse_action(std::string_view word) { return find<Action>(kActions, word); }
std::string_view to_string(Reason reason) { return kReasons.at(static_cast<std::size_t>(reason)); }
std::optional<Reason> parse_reason(std::string_view word) { return find<Reason>(kReasons, word); }

}  // namespace postern::evidence
