#include "record/reasons.h"

#include <algorithm>
#include <array>

namespace postern::record {

namespace {

constexpr auto kWords = std::to_array<std::string_view>({
    "none",
    "accepted",
    "authentication_required",
    "author_malformed",
    "author_missing",
    "author_not_yours",
    "author_twice",
    "bare_carriage_return",
    "bare_line_feed",
    "budget",
    "bytes_in_flight",
    "chunk_size_overflow",
    "country",
    "data_timeout",
    "disconnected",
    "dmarc",
    "drain",
    "endless_line",
    "evidence",
    "forged_helo",
    "greylisted",
    "header_too_large",
    "hello",
    "history",
    "hold_beyond_by",
    "hold_too_long",
    "line_too_long",
    "list",
    "login_budget",
    "login_failed",
    "login_malformed",
    "login_unavailable",
    "loop",
    "next_hop",
    "next_hop_silent",
    "no_recipients",
    "nul",
    "ok",
    "operator_allow",
    "operator_deny",
    "other_next_hop",
    "other_policy",
    "protocol",
    "proxy_header_invalid",
    "proxy_header_missing",
    "relay_denied",
    "reset",
    "retired_user",
    "reverse_dns",
    "rset",
    "rule",
    "sender_not_yours",
    "session_timeout",
    "sinkhole",
    "speaks_http",
    "speaks_tls",
    "srs_expired",
    "srs_forged",
    "starttls",
    "storage",
    "storage_full",
    "timeout",
    "tls_required",
    "tls_unavailable",
    "too_large",
    "too_many_commands",
    "too_many_empty_commands",
    "too_many_errors",
    "too_many_recipients",
    "too_many_refused_recipients",
    "too_many_sessions",
    "too_many_transactions",
    "trap",
    "unknown_user",
    "user_messages",
    "user_recipients",
    "other",
});
constexpr std::span<const std::string_view> kNamed = std::span(kWords).subspan(1, kWords.size() - 2);
static_assert(std::ranges::is_sorted(kNamed));

}  // namespace

std::span<const std::string_view> reason_words() { return kWords; }

std::size_t reason_number(std::string_view word) {
  if (word.empty() || word == kWords.front()) return 0;
  const auto found = std::ranges::lower_bound(kNamed, word);
  if (found == kNamed.end() || *found != word) return kWords.size() - 1;
  return 1 + static_cast<std::size_t>(found - kNamed.begin());
}

}  // namespace postern::record
