#include "check/watch.h"

#include <algorithm>
#include <array>
#include <map>

namespace postern::check {

namespace {

// Findings whose evidence is what is published, so that another evidence is another publication.
constexpr std::array<std::string_view, 9> kPublished{"mx.present",    "spf.record",     "dmarc.record",
                                                     "dkim.record",   "mta_sts.policy", "tls_rpt.record",
                                                     "dnssec.domain", "dane.secure",    "dns.ns_count"};

// Without what changes by itself: the rest of a TTL.
std::string without_ttl(std::string_view evidence) {
  std::string out;
  while (!evidence.empty()) {
    const std::size_t at = evidence.find(", TTL ");
    out += evidence.substr(0, at);
    if (at == std::string_view::npos) break;
    evidence.remove_prefix(at + 6);
    evidence.remove_prefix(std::min(evidence.find_first_not_of("0123456789"), evidence.size()));
  }
  return out;
}

using Key = std::pair<std::string_view, std::string>;

// The worst finding of each check and subject.
std::map<Key, const Finding*> by_subject(const Report& report) {
  std::map<Key, const Finding*> out;
  for (const Finding& finding : report.findings) {
    if (finding.outcome == Outcome::not_tested) continue;
    const Finding*& there = out[{finding.id, finding.subject}];
    if (there == nullptr || there->outcome < finding.outcome) there = &finding;
  }
  return out;
}

// A check that could not be made at all stands under the domain, or under the host instead of its addresses.
bool covers(const Report& report, std::string_view untested, std::string_view subject) {
  return untested == subject || untested == report.domain ||
         (subject.starts_with(untested) && subject.substr(untested.size()).starts_with(' '));
}

bool not_tested(const Report& report, const Key& key) {
  return std::ranges::any_of(report.findings, [&](const Finding& finding) {
    return finding.outcome == Outcome::not_tested && finding.id == key.first &&
           covers(report, finding.subject, key.second);
  });
}

// That passed: what stands where nobody looks is a finding of the same check.
const Finding* find_passed(const Report& report, std::string_view id) {
  const auto found = std::ranges::find_if(
      report.findings, [&](const Finding& finding) { return finding.id == id && finding.outcome == Outcome::pass; });
  return found == report.findings.end() ? nullptr : &*found;
}

std::string sts_id(const Finding& record) {
  const std::size_t at = record.evidence.find("id=");
  if (at == std::string::npos) return {};
  const std::string_view rest = std::string_view(record.evidence).substr(at + 3);
  return std::string(rest.substr(0, rest.find_first_of("; \"")));
}

}  // namespace

std::string_view to_string(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::worse:
      return "worse";
    case Change::Kind::better:
      return "better";
    case Change::Kind::changed:
      break;
  }
  return "changed";
}

std::vector<Change> compare(const Report& before, const Report& after) {
  std::vector<Change> out;
  if (before.domain != after.domain) return out;
  const auto old = by_subject(before);
  const auto now = by_subject(after);
  for (const auto& [key, finding] : now) {
    const auto there = old.find(key);
    if (there == old.end()) {
      if (finding->outcome < Outcome::warn || not_tested(before, key)) continue;
      out.push_back(
          {Change::Kind::worse, key.first, key.second, Outcome::not_tested, finding->outcome, {}, finding->evidence});
      continue;
    }
    const Finding& was = *there->second;
    const auto kind = finding->outcome > was.outcome   ? Change::Kind::worse
                      : finding->outcome < was.outcome ? Change::Kind::better
                                                       : Change::Kind::changed;
    const bool published = std::ranges::find(kPublished, key.first) != kPublished.end();
    if (kind == Change::Kind::changed && (!published || without_ttl(was.evidence) == without_ttl(finding->evidence)))
      continue;
    out.push_back({kind, key.first, key.second, was.outcome, finding->outcome, was.evidence, finding->evidence});
  }
  for (const auto& [key, finding] : old) {
    if (now.contains(key) || finding->outcome < Outcome::warn || not_tested(after, key)) continue;
    out.push_back(
        {Change::Kind::better, key.first, key.second, finding->outcome, Outcome::not_tested, finding->evidence, {}});
  }
  return out;
}

void keep_tested(const Report& before, Report& after) {
  if (before.domain != after.domain) return;
  const auto old = by_subject(before);
  std::vector<const Finding*> kept;
  {
    const auto now = by_subject(after);
    for (const auto& [key, finding] : old)
      if (!now.contains(key) && not_tested(after, key)) kept.push_back(finding);
  }
  std::erase_if(after.findings, [&](const Finding& finding) {
    return finding.outcome == Outcome::not_tested && old.contains({finding.id, finding.subject});
  });
  for (const Finding* const finding : kept) after.findings.push_back(*finding);
  sort_by_catalogue(after);
}

void judge_history(const Report& before, Report& after) {
  if (before.domain != after.domain) return;
  judge_key_ages(before, after);
  const Finding* const policy_before = find_passed(before, "mta_sts.policy");
  const Finding* const policy_after = find_passed(after, "mta_sts.policy");
  const Finding* const record_before = find_passed(before, "mta_sts.record");
  const Finding* const record_after = find_passed(after, "mta_sts.record");
  if (policy_before == nullptr || policy_after == nullptr || record_before == nullptr || record_after == nullptr)
    return;
  const bool policy_changed = policy_before->evidence != policy_after->evidence;
  const std::string id = sts_id(*record_after);
  const bool stale = policy_changed && sts_id(*record_before) == id;
  Finding finding{"mta_sts.id",
                  stale ? Outcome::warn : Outcome::pass,
                  after.domain,
                  stale            ? "the policy changed, and the id is still " + id
                  : policy_changed ? "the policy and the id changed"
                                   : "the policy is the same, id " + id,
                  stale ? "publish another id: senders keep the old policy until then" : "",
                  ""};
  const auto place = std::ranges::find(after.findings, finding.id, &Finding::id);
  if (place == after.findings.end()) {
    after.findings.push_back(std::move(finding));
  } else {
    *place = std::move(finding);
  }
}

}  // namespace postern::check
