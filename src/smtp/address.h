// The envelope's addresses: Domain, Mailbox, Path, as RFC 5321 4.1.2, 4.1.3 and RFC 6531 define them (strict: what is
// valid only in a header is refused here). Parsing is pure and bounded; comparison is done on one canonical form. Not
// here: RFC 5322 header addresses (message), whether a mailbox exists (directory). Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ip/address.h"

namespace postern::smtp {

inline constexpr std::size_t kLocalPartMax = 64;  // RFC 5321 4.5.3.1.1; not of "SRS0=..." (srs/rewriter.h)
inline constexpr std::size_t kDomainMax = 255;    // RFC 5321 4.5.3.1.2
inline constexpr std::size_t kPathMax = 256;      // RFC 5321 4.5.3.1.3, with < and >

// A domain name or an address literal, in canonical form: lower case, A-labels (xn--), no trailing dot.
struct Domain {
  std::string name;                        // "example.org", "xn--mnchen-3ya.example"; empty for a literal
  std::optional<ip::Address> literal;      // [192.0.2.1], [IPv6:2001:db8::1]
  [[nodiscard]] std::string text() const;  // as it goes on the wire: name, or the bracketed literal
  [[nodiscard]] bool empty() const { return name.empty() && !literal; }
  friend bool operator==(const Domain&, const Domain&) = default;
};
// U-labels are converted (IDNA 2008, non-transitional) when `utf8` is set, and refused otherwise.
[[nodiscard]] Result<Domain> parse_domain(std::string_view text, bool utf8);

struct Mailbox {
  std::string local;  // unquoted value: the quoted-string "a\ b" and its like are decoded; octets as received
  Domain domain;      // empty only for <postmaster> (RFC 5321 4.1.1.3)
  [[nodiscard]] bool needs_utf8() const;   // non-ASCII local part
  [[nodiscard]] std::string text() const;  // wire form, quoting the local part where RFC 5321 requires it
  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};
[[nodiscard]] Result<Mailbox> parse_mailbox(std::string_view text, bool utf8);

// What stands in MAIL FROM:<> and RCPT TO:<>. A source route (@a,@b:) is read and dropped (RFC 5321 appendix C).
struct Path {
  bool null = false;  // <>
  Mailbox mailbox;
  [[nodiscard]] std::string text() const;  // without angle brackets; "" for the null path
  friend bool operator==(const Path&, const Path&) = default;
};
// Reads "<...>" at the start of `text` and tells how many octets it took. `null_allowed` for MAIL; for RCPT the bare
// <postmaster> in any case is taken instead. Errors are for a 501/553 reply: one line, printable.
struct PathParse {
  Path path;
  std::size_t consumed = 0;
};
[[nodiscard]] Result<PathParse> parse_path(std::string_view text, bool null_allowed, bool utf8);

}  // namespace postern::smtp
