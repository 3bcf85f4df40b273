// MTA-STS (RFC 8461): its TXT record, its policy file, and which MX hosts a policy allows; and the same as text, for
// domains of our own. Parsers of what strangers publish, with their limits. Not here: fetching and remembering
// (outbound/sts_cache.h). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"

namespace postern::mtasts {

inline constexpr std::size_t kRecordMax = 4096;       // octets of a TXT record that is looked at
inline constexpr std::size_t kPolicyMax = 64 * 1024;  // 3.3: octets of a policy file
inline constexpr std::size_t kHostsMax = 100;         // `mx` lines; a policy with more is refused as a whole
inline constexpr std::int64_t kMaxAgeMax = 31557600;  // 3.2: a year, in seconds; more counts as this
inline constexpr std::string_view kPath = "/.well-known/mta-sts.txt";

// The id of the record among the TXT records at _mta-sts.DOMAIN (3.1): those that do not begin with v=STSv1 are passed
// over; not exactly one left, or one that is malformed, is an error that says so.
[[nodiscard]] Result<std::string> choose_id(std::span<const std::string> texts);
// Of one record.
[[nodiscard]] Result<std::string> parse_record(std::string_view text);

enum class Mode : std::uint8_t { none, testing, enforce };
[[nodiscard]] std::string_view to_string(Mode mode);

struct Policy {
  Mode mode = Mode::none;
  std::int64_t max_age = 0;     // seconds
  std::vector<std::string> mx;  // patterns, lower case: "mail.example.org", "*.example.net"
  friend bool operator==(const Policy&, const Policy&) = default;
};

// 3.2: lines end in CRLF or LF; the keys come in any order; of a key that stands there twice the first counts, `mx`
// repeats; unknown keys are passed over. An error names the line or the key that is wrong.
[[nodiscard]] Result<Policy> parse_policy(std::string_view text);

// 4.1: "*." stands for exactly one label, the left-most.
[[nodiscard]] bool allows(const Policy& policy, const dns::Name& host);

// The file, as it is served and as TLS-RPT quotes it line by line (RFC 8460 4.4, policy-string).
[[nodiscard]] std::string policy_text(const Policy& policy);
[[nodiscard]] std::vector<std::string> policy_lines(const Policy& policy);
// "v=STSv1; id=...;"
[[nodiscard]] std::string record_text(std::string_view id);
// An id that changes whenever the policy does: letters and digits (3.1).
[[nodiscard]] std::string policy_id(const Policy& policy);

}  // namespace postern::mtasts
