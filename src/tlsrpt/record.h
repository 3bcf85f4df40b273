// The record at _smtp._tls.DOMAIN that asks for TLS reports (RFC 8460 3). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::tlsrpt {

inline constexpr std::size_t kRecordMax = 4096;
inline constexpr std::size_t kUrisMax = 10;  // further ones are passed over

struct Record {
  std::vector<std::string> rua;  // mailto: and https: URIs, at least one; those of other schemes are passed over
};

[[nodiscard]] Result<Record> parse_record(std::string_view text);
// Among all TXT records of the name: those that do not begin with v=TLSRPTv1; do not count, and exactly one must be
// left.
[[nodiscard]] Result<Record> choose_record(std::span<const std::string> texts);

// The address of "mailto:reports@example.org" (RFC 6068 without its header fields); nullopt where it is none.
[[nodiscard]] std::optional<std::string> mail_address(std::string_view uri);

struct HttpsTarget {
  std::string host;
  std::uint16_t port = 443;
  std::string path;  // with its query, beginning with '/'
};
[[nodiscard]] std::optional<HttpsTarget> https_target(std::string_view uri);

}  // namespace postern::tlsrpt
