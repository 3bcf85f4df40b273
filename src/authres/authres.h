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
  std::string comment;  // free text, written as a (comment) after the result; not kept by the reader
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
inline constexpr std::size_t kPropertiesMax = 1000;  // of all results of a field
inline constexpr std::size_t kValueMax = 256;        // octets of a value or comment that format() writes

// Reads a field body (folds and comments anywhere CFWS is allowed). Errors for whatever RFC 8601 2.2 does not allow.
// Methods, results, types and properties come in lower case; those not known to anybody are kept (2.7.6: ignoring them
// is for whoever uses them). A version other than 1 is kept too: results of such a field must not be used (2.6).
[[nodiscard]] Result<Results> parse(std::string_view body);
// The same for what others write: a result that cannot be read is left out, "name=value" pairs without a type are
// skipped, values need no quotes. For showing, and for fields that somebody we trust has sealed.
[[nodiscard]] Result<Results> parse_lenient(std::string_view body);
// The body of ARC-Authentication-Results: "i=N;" and then the same.
struct ArcResults {
  std::uint32_t instance = 0;
  Results results;
};
[[nodiscard]] Result<ArcResults> parse_arc(std::string_view body);
// The instance alone, which is cheap: nothing behind its ";" is looked at, and the field may have any length. 0: none.
[[nodiscard]] std::uint32_t arc_instance(std::string_view body);
// An error only where the instance cannot be read; results that cannot be read are left out.
[[nodiscard]] Result<ArcResults> parse_arc_lenient(std::string_view body);

// The field body, folded with CRLF + HTAB between results, no line over 998 octets, ASCII unless `utf8`
// (RFC 8616 3: then domains become A-labels, and other octets "?"). No CRLF at its end. Whatever a stranger wrote into
// a value comes out as a quoted-string or sanitised, and is cut after kValueMax octets: nothing can end the field or
// add a result. A method, result, type or property that is no Keyword is left out: those are ours to choose.
[[nodiscard]] std::string format(const Results& results, bool utf8);

// Might a reader take this for an Authentication-Results field? In any case, with octets around or inside the name that
// no name has.
[[nodiscard]] bool is_results_field(const message::Field& field);

// RFC 8601 5: does this Authentication-Results field claim to be ours? True for our authserv-id however it is written:
// any case, quoted, with comments, folds or a version, U-label or A-label, and for malformed fields in which it stands
// where an authserv-id might be read by somebody. When in doubt: true, as for what has kilobytes in front of its first
// ";", so that the work is bounded. Also true for fields of a version other than 1,
// whoever wrote them: what is not from a trusted MTA and in a version that we do not support MUST go (5). False for
// every other field.
[[nodiscard]] bool claims(const message::Field& field, std::string_view authserv_id);

// The payload (authserv-id and results) of all Authentication-Results fields of that header with exactly this
// authserv-id, as one, top field first, each result in the words of its field: what a sealer that did not authenticate
// itself puts into its ARC-Authentication-Results (RFC 8617 4.1.1). Only fields that parse() reads count. "ID; none"
// where there are none. No CRLF at its end.
[[nodiscard]] std::string consolidated(const message::HeaderSection& header, std::string_view authserv_id);

}  // namespace postern::authres
