// The catalogue of checks: for each its stable id, category, title, rule in one sentence, and where the rule comes
// from. docs/checks.md is generated from it. Thread rule: constant.
#pragma once

#include <span>
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

[[nodiscard]] std::span<const Check> catalogue();
[[nodiscard]] const Check* find_check(std::string_view id);  // null where there is none

}  // namespace postern::check
