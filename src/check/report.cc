#include "check/report.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "check/catalogue.h"

namespace postern::check {

namespace {

constexpr std::array<std::string_view, 5> kOutcomes{"pass", "info", "not_tested", "warn", "fail"};
struct WordAndTitle {
  std::string_view word, title;
};
constexpr std::array<WordAndTitle, kCategories> kNames{{{"name", "Name"},
                                                        {"dns", "Name servers and zone"},
                                                        {"dnssec", "DNSSEC"},
                                                        {"mx", "MX and addresses"},
                                                        {"reach", "Reachability"},
                                                        {"smtp", "SMTP"},
                                                        {"reverse", "Reverse DNS"},
                                                        {"tls", "TLS"},
                                                        {"dane", "DANE"},
                                                        {"mta_sts", "MTA-STS"},
                                                        {"tls_rpt", "TLS-RPT"},
                                                        {"spf", "SPF"},
                                                        {"dkim", "DKIM"},
                                                        {"dmarc", "DMARC"},
                                                        {"bimi", "BIMI"},
                                                        {"routing", "Routing"},
                                                        {"parity", "Parity of IPv6 and IPv4"}}};

constexpr std::array<WordAndTitle, 4> kEndings{{{"certificate", "certificate"},
                                                {"signatures", "DNSSEC signatures"},
                                                {"security_txt", "security.txt"},
                                                {"mark_certificate", "mark certificate"}}};

std::optional<Outcome> outcome_of(std::string_view word) {
  const auto found = std::ranges::find(kOutcomes, word);
  if (found == kOutcomes.end()) return std::nullopt;
  return static_cast<Outcome>(found - kOutcomes.begin());
}

// checks.md 104: what was not tested never lowers; where nothing else is known it is what there is to say.
Outcome worse(Outcome a, Outcome b) { return std::max(a, b); }

template <class Filter>
Outcome worst_of(const Report& report, Filter filter) {
  std::optional<Outcome> tested;
  for (const Finding& finding : report.findings) {
    if (!filter(finding) || finding.outcome == Outcome::not_tested) continue;
    tested = tested ? worse(*tested, finding.outcome) : finding.outcome;
  }
  return tested.value_or(Outcome::not_tested);
}

std::string kept(const json::Value& value) { return std::string(value.string()); }

}  // namespace

std::string_view to_string(Outcome outcome) { return kOutcomes.at(static_cast<std::size_t>(outcome)); }
std::string_view to_string(Ending::What what) { return kEndings.at(static_cast<std::size_t>(what)).word; }
std::string_view title(Ending::What what) { return kEndings.at(static_cast<std::size_t>(what)).title; }
std::string_view to_string(Category category) { return kNames.at(static_cast<std::size_t>(category)).word; }
std::string_view title(Category category) { return kNames.at(static_cast<std::size_t>(category)).title; }

Outcome worst(const Report& report, Category category) {
  return worst_of(report, [category](const Finding& finding) {
    const Check* const check = find_check(finding.id);
    return check != nullptr && check->category == category;
  });
}

bool nothing_known(const Report& report) {
  return !report.complete && std::ranges::any_of(report.findings, [](const Finding& finding) {
    return finding.id == "name.exists" && finding.outcome == Outcome::not_tested;
  });
}

Outcome worst(const Report& report) {
  if (nothing_known(report)) return Outcome::not_tested;
  return worst_of(report, [](const Finding&) { return true; });
}

void sort_by_catalogue(Report& report) {
  const auto checks = catalogue();
  std::vector<std::pair<std::size_t, std::size_t>> order;
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    order.emplace_back(std::ranges::find(checks, report.findings[i].id, &Check::id) - checks.begin(), i);
  }
  std::ranges::sort(order);
  std::vector<Finding> sorted;
  sorted.reserve(order.size());
  for (const auto& [place, index] : order) sorted.push_back(std::move(report.findings[index]));
  report.findings = std::move(sorted);
  std::ranges::sort(report.calendar, {}, [](const Ending& one) { return std::tie(one.when, one.what, one.subject); });
}

void append_json(const Report& report, json::Writer& out) {
  out.begin_object();
  out.field("domain", report.domain).field("unicode", report.unicode);
  out.field("started", report.started).field("ended", report.ended);
  out.field("deep", report.deep).field("complete", report.complete).field("worst", to_string(worst(report)));
  out.field("left_out", report.left_out);
  out.key("categories").begin_object();
  for (std::size_t i = 0; i < kCategories; ++i) {
    const auto category = static_cast<Category>(i);
    const bool any = std::ranges::any_of(report.findings, [&](const Finding& finding) {
      const Check* const check = find_check(finding.id);
      return check != nullptr && check->category == category;
    });
    if (any) out.field(to_string(category), to_string(worst(report, category)));
  }
  out.end_object();
  out.key("calendar").begin_array();
  for (const Ending& one : report.calendar) {
    out.begin_object().field("what", to_string(one.what)).field("subject", one.subject).field("ends", one.when);
    out.end_object();
  }
  out.end_array();
  out.field("judged", report.judged).field("keys_since", report.keys_since);
  out.key("keys").begin_array();
  for (const KeySeen& one : report.keys) {
    out.begin_object().field("name", one.name).field("key", one.digest).field("since", one.since);
    out.field("gone", one.gone).end_object();
  }
  out.end_array();
  out.key("findings").begin_array();
  for (const Finding& finding : report.findings) {
    const Check* const check = find_check(finding.id);
    if (check == nullptr) continue;
    out.begin_object();
    out.field("id", finding.id).field("category", to_string(check->category));
    out.field("outcome", to_string(finding.outcome)).field("title", check->title);
    out.field("subject", finding.subject).field("evidence", finding.evidence).field("rule", check->rule);
    out.field("fix", finding.fix).field("record", finding.record).field("reference", check->reference);
    out.end_object();
  }
  out.end_array().end_object();
}

Result<Report> parse_report(const json::Value& value) {
  if (!value.is_object() || !value.at("domain").is_string() || !value.at("findings").is_array()) {
    return fail(ErrorKind::invalid, "this is no report of a check: it has no \"domain\" and \"findings\"");
  }
  Report report;
  report.domain = kept(value.at("domain"));
  report.unicode = kept(value.at("unicode"));
  report.started = value.at("started").integer();
  report.ended = value.at("ended").integer();
  report.deep = value.at("deep").boolean();
  report.complete = value.at("complete").boolean();
  report.left_out = static_cast<std::uint32_t>(std::clamp<std::int64_t>(value.at("left_out").integer(), 0, UINT32_MAX));
  if (value.at("calendar").is_array()) {
    for (const json::Value& one : value.at("calendar").array()) {
      const auto what = std::ranges::find(kEndings, one.at("what").string(), &WordAndTitle::word);
      if (what == kEndings.end() || report.calendar.size() == kEndingsMax) continue;
      report.calendar.push_back(
          {static_cast<Ending::What>(what - kEndings.begin()), kept(one.at("subject")), one.at("ends").integer()});
    }
  }
  report.judged = value.at("judged").integer();
  report.keys_since = value.at("keys_since").integer();
  if (value.at("keys").is_array()) {
    for (const json::Value& one : value.at("keys").array()) {
      if (report.keys.size() == kKeysMax) break;
      report.keys.push_back(
          {kept(one.at("name")), kept(one.at("key")), one.at("since").integer(), one.at("gone").boolean()});
    }
  }
  for (const json::Value& one : value.at("findings").array()) {
    const Check* const check = find_check(one.at("id").string());
    const auto outcome = outcome_of(one.at("outcome").string());
    if (check == nullptr || !outcome) continue;
    if (report.findings.size() == kFindingsMax) {
      ++report.left_out;
      continue;
    }
    report.findings.push_back({check->id, *outcome, kept(one.at("subject")), kept(one.at("evidence")),
                               kept(one.at("fix")), kept(one.at("record"))});
  }
  return report;
}

}  // namespace postern::check
