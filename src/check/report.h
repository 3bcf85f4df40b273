// What the checker found out about a domain: findings, each with its evidence, the rule it was judged by, and the
// remedy, ready to be published. A value: the command line, the web page and monitoring show the same report.
//
// Stable for scripts: ids of checks (check/catalogue.h has them all), the words of categories and results. Texts may
// change. Texts of strangers in evidence are printable and at most kEvidenceMax octets.
// Thread rule: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace postern::check {

inline constexpr std::size_t kEvidenceMax = 2000;  // octets of one finding's evidence
inline constexpr std::size_t kFindingsMax = 2000;  // of a report; further ones are counted

enum class Outcome : std::uint8_t {
  pass,
  info,
  // Could not be found out from here, or was not allowed without proof of control: never counts against a domain.
  not_tested,
  warn,
  fail,
};
[[nodiscard]] std::string_view to_string(Outcome outcome);  // "pass", "info", "not_tested", "warn", "fail"

enum class Category : std::uint8_t {
  name,
  dns,
  dnssec,
  mx,
  reach,
  smtp,
  reverse,
  tls,
  dane,
  mta_sts,
  tls_rpt,
  spf,
  dkim,
  dmarc,
  bimi,
  routing,
  parity
};
inline constexpr std::size_t kCategories = static_cast<std::size_t>(Category::parity) + 1;
[[nodiscard]] std::string_view to_string(Category category);
[[nodiscard]] std::string_view title(Category category);  // as people read it: "Name servers and zone"

struct Finding {
  std::string_view id;  // of the catalogue: "mx.ipv6"; static
  Outcome outcome = Outcome::info;
  std::string subject;   // what it is about: the domain, "mx1.example.org", "mx1.example.org [2001:db8::1]"
  std::string evidence;  // what was asked and what came, in words: "AAAA mx1.example.org: NODATA, TTL 300"
  std::string fix;       // one line; empty for what passes
  std::string record;    // the exact record to publish, as a zone file has it; empty where none would help
};

// What ends by itself, and must be renewed before.
struct Ending {
  enum class What : std::uint8_t { certificate, signatures, security_txt, mark_certificate } what = What::certificate;
  std::string subject;  // "mx1.example.org [2001:db8::1]", the zone, an address of https
  WallMs when = 0;
};
// "certificate", "signatures", "security_txt", "mark_certificate"
[[nodiscard]] std::string_view to_string(Ending::What what);
[[nodiscard]] std::string_view title(Ending::What what);  // as people read it: "DNSSEC signatures"
inline constexpr std::size_t kEndingsMax = 200;

// A DKIM key as it was published, and since when it has been seen; for --watch.
struct KeySeen {
  std::string name;    // "s1._domainkey.example.org"
  std::string digest;  // SHA-256 of the record's p=, hex
  WallMs since = 0;
  bool gone = false;  // not seen in this run
};
inline constexpr std::size_t kKeysMax = 100;

struct Report {
  std::string domain;   // A-labels
  std::string unicode;  // as people read it; the same where there are no U-labels
  WallMs started = 0, ended = 0;
  bool deep = false;
  bool complete = false;  // false: broken off, or DNS does not work here; the findings are those until then
  std::vector<Finding> findings;
  WallMs judged = 0;  // the time that the run judged at
  std::vector<KeySeen> keys;
  WallMs keys_since = 0;         // when the first of the reports was made that `keys` is from
  std::vector<Ending> calendar;  // the next first
  std::uint32_t left_out = 0;    // findings beyond kFindingsMax
};

// DNS did not even answer whether the domain exists: the report says nothing of it, whatever its syntax passes.
[[nodiscard]] bool nothing_known(const Report& report);
// The worst outcome of a category, or of the whole report; nothing lowers it (checks.md 104). not_tested where nothing
// is known.
[[nodiscard]] Outcome worst(const Report& report, Category category);
[[nodiscard]] Outcome worst(const Report& report);

// Findings in the order of the catalogue, those of one check as they were found; the calendar by date.
void sort_by_catalogue(Report& report);

// {"domain","unicode","started","ended","deep","complete","worst","categories":{NAME:
// outcome},"calendar":[{"what","subject","ends"}],
// "keys":[{"name","key","since","gone"}],"keys_since","findings":[{"id","category",
// "outcome","title","subject","evidence","rule","fix","record","reference"}]}. Title, rule and reference come from the
// catalogue.
void append_json(const Report& report, json::Writer& out);
// A report that was kept, for --watch and for the web page. Findings of ids that this version does not know are left
// out.
[[nodiscard]] Result<Report> parse_report(const json::Value& value);

}  // namespace postern::check
