// The report of SMTP TLS Reporting (RFC 8460 4): what became of the sessions of a day towards one policy domain;
// written as JSON, and read from whoever sends us one. Not here: counting (collector.h), the record that asks for
// reports (record.h), mail and HTTPS. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace postern::tlsrpt {

// What the reader takes; a report that goes past one of them is cut there, and says so in `remarks`.
inline constexpr std::size_t kReportMax = 10 << 20;  // octets of JSON; larger ones are refused
inline constexpr std::size_t kPoliciesMax = 1000;
inline constexpr std::size_t kDetailsMax = 1000;  // of one policy
inline constexpr std::size_t kStringsMax = 200;   // of policy-string and mx-host
inline constexpr std::size_t kTextMax = 1024;     // octets of any text

struct Failure {     // 4.3, 4.4
  std::string type;  // "certificate-expired", ...
  std::string sending_ip, receiving_host, receiving_helo, receiving_ip;
  std::string information;  // additional-information
  std::string reason;       // failure-reason-code
  std::uint64_t sessions = 0;
};

struct PolicyResult {
  std::string type;                  // "tlsa", "sts", "no-policy-found"
  std::vector<std::string> strings;  // the TLSA records, or the lines of the policy file
  std::string domain;
  std::vector<std::string> mx;  // patterns of an STS policy
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::vector<Failure> details;
};

struct Report {
  std::string organization, contact, id;
  WallMs start = 0, end = 0;
  std::vector<PolicyResult> policies;
  std::vector<std::string> remarks;  // of the reader: what was left out
};

[[nodiscard]] std::string to_json(const Report& report);
// Lenient in what it knows nothing of; an error where it is no JSON object, has no policies, or no time that can be
// read.
[[nodiscard]] Result<Report> parse_report(std::string_view json);

// One policy with its counts, as it stands in "policies"; for files of our own as well.
void write_policy(json::Writer& writer, const PolicyResult& policy);
[[nodiscard]] PolicyResult read_policy(const json::Value& value, std::vector<std::string>& remarks);

// 5.1: "mx.example.org!example.com!1470013207!1470186007!001.json.gz"
[[nodiscard]] std::string file_name(std::string_view submitter, const Report& report, std::string_view domain);

}  // namespace postern::tlsrpt
