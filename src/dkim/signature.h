// Signature: a DKIM-Signature field, parsed and checked as far as that goes without DNS (RFC 6376 3.5, 6.1.1; RFC 8301,
// RFC 8463, RFC 8616). Strict, as 6.1.1 demands: whatever does not follow the grammar makes the field invalid. Unknown
// tags are passed over. Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "dkim/canonical.h"
#include "dkim/tag_list.h"

namespace postern::dkim {

inline constexpr std::size_t kSignatureOctetsMax = 16 * 1024;
inline constexpr std::size_t kSignedNamesMax = 500;  // names in h=

struct Signature {
  std::string algorithm;  // a=, as written
  crypto::Algorithm key_type = crypto::Algorithm::rsa;
  bool historic = false;         // rsa-sha1: RFC 8301 3.1, never verified
  std::string signature;         // b=, decoded
  std::string signature_base64;  // b=, without white space
  std::string body_hash;         // bh=, decoded
  Canon header_canon = Canon::simple, body_canon = Canon::simple;
  std::string domain;                        // d=, A-labels, lower case
  std::string auid;                          // i=, its domain likewise; "@d" where absent
  std::string auid_domain;                   // the part behind its "@"
  std::string selector;                      // s=, A-labels
  std::vector<std::string> signed_names;     // h=, lower case, in order
  std::optional<std::uint64_t> length;       // l=; UINT64_MAX for what is beyond it
  std::optional<std::int64_t> time, expiry;  // t=, x=; seconds since 1970; INT64_MAX for over 12 digits (3.5 t=)
};
[[nodiscard]] Result<Signature> parse_signature(std::string_view field_body);
// The same; on an error `out` has what had been read by then, for reports.
[[nodiscard]] Result<void> read_signature(std::string_view field_body, Signature& out);
// Its parts, for the fields of ARC, which have the same syntax (RFC 8617 4.1.2, 4.1.3): who signed (d=, s=, b=, a=),
// and what was signed how (bh=, h=, c=, l=, q=, t=, x=).
[[nodiscard]] Result<void> read_signer_tags(const TagList& tags, Signature& out);
[[nodiscard]] Result<void> read_content_tags(const TagList& tags, Signature& out);

// A domain name as d= and s= have it, as A-labels in lower case: labels of letters, digits, "-" (not at their ends) and
// "_" (RFC 8553), no trailing dot, at least `labels_min` of them.
[[nodiscard]] std::optional<std::string> signing_name(std::string_view text, std::size_t labels_min);

}  // namespace postern::dkim
