// The catalogue of checks: for each its stable id, category, title, rule in one sentence, and where the rule comes
// from. docs/checks.md is generated from it. Thread rule: constant.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "check/report.h"

namespace postern::check {

struct Check {
  std::string_view id;  // "CATEGORY.WORD"
  Category category;
  std::string_view title;      // "Every MX has an IPv6 address"
  std::string_view rule;       // when it passes, warns and fails, one or two sentences
  std::string_view reference;  // "RFC 7505 3", "postern 6.2-21"
  bool deep = false;           // needs further connections or RCPT probes: the operator, or proof of control
};

[[nodiscard]] std::span<const Check> catalogue();            // by category
[[nodiscard]] const Check* find_check(std::string_view id);  // null where there is none

// docs/checks.md: every check with its rule, by category.
[[nodiscard]] std::string catalogue_markdown();

// The parts it is assembled from, a file each.
[[nodiscard]] std::span<const Check> dns_checks();             // name, dns, dnssec, routing
[[nodiscard]] std::span<const Check> mail_host_checks();       // mx, reverse
[[nodiscard]] std::span<const Check> server_checks();          // what a connection shows
[[nodiscard]] std::span<const Check> published_checks();       // dane, mta_sts, tls_rpt, bimi
[[nodiscard]] std::span<const Check> authentication_checks();  // spf, dkim, dmarc
[[nodiscard]] std::span<const Check> more_checks();            // the visits themselves; what stands beside mail
[[nodiscard]] std::span<const Check> self_checks();            // of `check --self`

}  // namespace postern::check
