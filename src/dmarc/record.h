// The DMARC policy record (RFC 9989 4.7, 4.8), and where reports about it may go. Thread rule: values.
#pragma once

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

inline constexpr std::size_t kRecordMax = 16 * 1024;
inline constexpr std::size_t kUrisMax = 50;

struct Record {
  Policy policy = Policy::none;                           // p=
  std::optional<Policy> subdomain_policy, absent_policy;  // sp=, np=
  bool strict_dkim = false, strict_spf = false;           // adkim=s, aspf=s
  bool testing = false;                                   // t=y
  Psd psd = Psd::unknown;
  std::vector<std::string> rua, ruf;  // URIs as published; those that are none are dropped
  std::string fo = "0";
};

// Errors: not a DMARC record, or one that must not be applied (4.7).
[[nodiscard]] Result<Record> parse_record(std::string_view text);

}  // namespace postern::dmarc
