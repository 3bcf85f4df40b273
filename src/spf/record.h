// Record: an SPF record, checked as a whole before anything of it is evaluated (RFC 7208 4.6: a syntax error anywhere
// beats an earlier match), and its terms one by one. Only the first ones are kept, more than most records have; the
// others are read from the text again when their turn comes, so that a record of thousands of terms costs no memory of
// its own while DNS lets us wait. Thread rule: values; they refer to the text, which outlives them. RFC 7208 4.5, 4.6,
// 5, 6, 12.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "spf/evaluate.h"
#include "spf/macro.h"

namespace postern::spf {

enum class TermKind : std::uint8_t { all, include, a, mx, ptr, ip4, ip6, exists, redirect, exp, other_modifier };

struct Term {
  TermKind kind = TermKind::all;
  Outcome qualifier = Outcome::pass;  // of mechanisms
  std::uint8_t cidr4 = 32, cidr6 = 128;
  MacroUse use;                            // of the domain-spec
  std::string_view text;                   // as published
  std::string_view domain_spec;            // empty where a, mx or ptr have none; the value of a modifier
  std::array<std::uint8_t, 16> network{};  // ip6, and ip4 in its v4-mapped form

  [[nodiscard]] bool is_modifier() const { return kind >= TermKind::redirect; }
};

// The error is the reason, in words.
[[nodiscard]] std::expected<Term, std::string_view> parse_term(std::string_view text);

// 4.5: "v=spf1", in any case, followed by a space or by nothing.
[[nodiscard]] bool is_spf_record(std::string_view text);

struct SyntaxError {
  std::string_view term;  // empty: the record as a whole
  std::string_view reason;
};

class Record {
 public:
  // `text` is a record in the sense of is_spf_record().
  [[nodiscard]] static std::expected<Record, SyntaxError> parse(std::string_view text);

  [[nodiscard]] const std::optional<Term>& redirect() const { return redirect_; }  // none where there is an "all" (5.1)
  [[nodiscard]] const std::optional<Term>& explanation() const { return explanation_; }
  // The first includes whose domain is written out, for prefetching.
  [[nodiscard]] const std::array<std::string_view, kTermsMax>& includes() const { return includes_; }
  [[nodiscard]] std::size_t include_count() const { return include_count_; }

  // The mechanisms, in order; nullopt after the last.
  [[nodiscard]] std::optional<Term> next_mechanism();

  static constexpr std::size_t kKeptMax = 16;  // 1 KiB

 private:
  std::string_view rest_;   // after the mechanisms in kept_
  std::vector<Term> kept_;  // the first kKeptMax mechanisms
  std::size_t next_ = 0;
  std::optional<Term> redirect_, explanation_;
  std::array<std::string_view, kTermsMax> includes_;
  std::size_t include_count_ = 0;
};

}  // namespace postern::spf
