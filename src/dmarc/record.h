// The DMARC policy record (RFC 9989 4.7, 4.8), as published. Not here: where it is looked for (discovery.h), and which
// of its policies applies (evaluate.h). Thread rule: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::dmarc {

enum class Policy : std::uint8_t { none, quarantine, reject };
[[nodiscard]] std::string_view to_string(Policy policy);
enum class Psd : std::uint8_t { unknown, yes, no };  // psd=u|y|n
[[nodiscard]] std::string_view to_string(Psd psd);   // "u", "y", "n"

inline constexpr std::size_t kRecordMax = 16 * 1024;
inline constexpr std::size_t kUrisMax = 50;     // of each of rua and ruf; further ones are dropped
inline constexpr std::size_t kRemarksMax = 20;  // further ones are dropped

struct Record {
  Policy policy = Policy::none;                           // p=
  std::optional<Policy> subdomain_policy, absent_policy;  // sp=, np=
  bool strict_dkim = false, strict_spf = false;           // adkim=s, aspf=s
  bool testing = false;                                   // t=y
  Psd psd = Psd::unknown;
  std::vector<std::string> rua, ruf;  // URIs as published, without the old "!10m"; those that are none are dropped
  std::string fo = "0";               // lower case; "0" without ruf (4.7)
  // 4.10.1: why no DMARC processing may be based on it (no valid p, or an invalid sp or np, and no valid rua). Empty:
  // it may. Such a record still counts in a tree walk.
  std::string unusable;
  std::vector<std::string> remarks;  // what was ignored or put right, a printable line each; for people
};

// The record in the text of one TXT record (its strings joined). An error where it is none: no "v=DMARC1" at its very
// beginning (4.7: the value exact and case-sensitive; 4.8: no white space in front), or more than kRecordMax octets.
//   Tag names and values but DMARC1 know no case (4.8, RFC 5234 2.3). Unknown tags and those removed since RFC 7489 are
//   ignored; an invalid value counts as the default (4.8). For p, sp and np see 4.10.1: with a valid rua the record is
//   p=none (and keeps sp and np only where p is merely missing, 4.7), without it is `unusable`. A known tag that stands
//   there twice is a syntax error (RFC 6376 3.2): neither counts, and a second p, sp or np is an invalid one.
[[nodiscard]] Result<Record> parse_record(std::string_view text);

// RFC 3986 3 as far as a report needs it: a scheme, a colon, URI characters, "%" with two hex digits, and no comma or
// "!" (4.8); for mailto exactly one "@" with something on both sides (RFC 6068 2).
[[nodiscard]] bool is_reporting_uri(std::string_view text);

// The domain that a report to `uri` goes to: of a mailto's address (percent-encoding undone), else the host of the
// authority (RFC 3986 3.2.2). nullopt where there is none, more than one, or an IP literal.
[[nodiscard]] std::optional<std::string> destination_host(std::string_view uri);

}  // namespace postern::dmarc
