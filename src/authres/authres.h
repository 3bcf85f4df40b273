// Authentication-Results (RFC 8601): the value, its writer, and the reader of others' fields. Also the payload of
// ARC-Authentication-Results (RFC 8617 4.1.1). Thread rule: values, pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "message/header_section.h"

namespace postern::authres {

struct Property {     // ptype.property=value: "smtp", "mailfrom", "alice@example.org"
  std::string ptype;  // smtp, header, body, policy
  std::string name;
  std::string value;  // any octets; the writer quotes or, where it cannot be said, replaces
};

struct Method {
  std::string method;  // "spf", "dkim", "dmarc", "arc", "iprev", "auth"
  std::uint32_t version = 1;
  std::string result;   // "pass", "fail", ...
  std::string comment;  // free text, written as a (comment); not kept by the reader
  std::string reason;
  std::vector<Property> properties;
};

struct Results {
  std::string authserv_id;
  std::uint32_t version = 1;
  std::vector<Method> methods;  // empty: "; none"
};

inline constexpr std::size_t kFieldMax = 64 * 1024;  // octets of a field body that parse() reads
inline constexpr std::size_t kMethodsMax = 200;

// Reads a field body (folds and comments anywhere CFWS is allowed). Errors for whatever RFC 8601 2.2 does not allow.
[[nodiscard]] Result<Results> parse(std::string_view body);
// The body of ARC-Authentication-Results: "i=N;" and then the same.
struct ArcResults {
  std::uint32_t instance = 0;
  Results results;
};
[[nodiscard]] Result<ArcResults> parse_arc(std::string_view body);

// The field body, folded with CRLF + HTAB between results, no line over 998 octets, ASCII unless `utf8`
// (RFC 8616 5). No CRLF at its end. Whatever a stranger wrote into a value comes out as a quoted-string or sanitised:
// nothing can end the field or add a result.
[[nodiscard]] std::string format(const Results& results, bool utf8);

// RFC 8601 5: does this Authentication-Results field claim to be ours? True for our authserv-id however it is written:
// any case, quoted, with comments, folds or a version, U-label or A-label, and for malformed fields in which it stands
// where an authserv-id might be read by somebody. When in doubt: true.
[[nodiscard]] bool claims(const message::Field& field, std::string_view authserv_id);

}  // namespace postern::authres
