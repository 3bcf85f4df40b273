// The aggregate report of DMARC (RFC 9990, before that RFC 7489 C): what a receiver saw of mail in the name of a
// domain. Read from whoever sends us one; what it says is theirs, and unproved. Our own are of the same type (day.h
// counts them, writer.h writes them). Thread rule: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace postern::dmarcrpt {

inline constexpr std::size_t kReportMax = 50 << 20;  // octets of XML; larger ones are refused
inline constexpr std::size_t kRowsMax = 100000;      // further ones are left out, and `remarks` says so
inline constexpr std::size_t kResultsMax = 100;      // of SPF and of DKIM, in a row
inline constexpr std::size_t kTextMax = 1024;        // octets of any text that is kept

struct AuthResult {
  std::string domain, selector, scope, result;
  friend auto operator<=>(const AuthResult&, const AuthResult&) = default;
};

struct Row {
  std::string source_ip;
  std::uint64_t count = 0;
  std::string disposition, dkim, spf;  // policy_evaluated
  std::vector<std::string> reasons;    // "type: comment"
  std::string header_from, envelope_from, envelope_to;
  std::vector<AuthResult> dkim_results, spf_results;
  friend auto operator<=>(const Row&, const Row&) = default;
};

struct Report {
  std::string organization, email, contact, id;
  std::string error, generator;
  WallMs begin = 0, end = 0;
  std::string domain, policy, subdomain_policy, absent_policy, adkim, aspf, testing;  // policy_published
  std::string fo, discovery;
  std::vector<Row> rows;
  std::vector<std::string> remarks;
};

// An error where the XML is broken before the first row, or where it is no such report: nothing but <feedback> at the
// top, or in a <schema> there. XML that breaks later gives the rows so far, and a remark.
[[nodiscard]] Result<Report> parse_report(std::string_view xml);

}  // namespace postern::dmarcrpt
