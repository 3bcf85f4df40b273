// The TXT record of a DKIM key (RFC 6376 3.6.1) as it is published, and whether what is published is this key.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "crypto/keys.h"
#include "dns/answer.h"

namespace postern::cli {

inline constexpr std::size_t kCharacterStringMax = 255;  // RFC 1035 3.3: one string of a TXT record

// "selector._domainkey.domain"
[[nodiscard]] std::string key_name(std::string_view selector, std::string_view domain);
// A name that can be published, and a safe part of a file name: letters, digits, '-', '_' and '.', or UTF-8.
[[nodiscard]] bool is_key_name(std::string_view selector, std::string_view domain);
// "v=DKIM1; k=rsa; p=..."
[[nodiscard]] std::string key_record(const crypto::PrivateKey& key);
// A line for a zone file, A-labels, the record in strings that fit; with LF at its end.
[[nodiscard]] std::string zone_line(std::string_view name, std::string_view record);
// Why the answer does not publish this key; empty when it does.
[[nodiscard]] std::string published_key_problem(const crypto::PrivateKey& key, const dns::Answer& answer);

}  // namespace postern::cli
