#include "tlsrpt/collector.h"

#include <algorithm>

#include "base/text.h"

namespace postern::tlsrpt {

namespace {

bool same_policy(const PolicyResult& a, const PolicyResult& b) {
  return a.type == b.type && a.strings == b.strings && a.mx == b.mx;
}
bool same_failure(const Failure& a, const Failure& b) {
  return a.type == b.type && a.sending_ip == b.sending_ip && a.receiving_host == b.receiving_host &&
         a.receiving_ip == b.receiving_ip && a.information == b.information && a.reason == b.reason;
}

}  // namespace

PolicyResult* Collector::find(const PolicyResult& policy, WallMs now) {
  const auto key = std::make_pair(now / kDayMs, policy.domain);
  auto day = days_.find(key);
  if (day == days_.end()) {
    if (days_.size() >= kDomainsMax) return nullptr;
    day = days_.emplace(key, std::vector<PolicyResult>()).first;
  }
  for (PolicyResult& known : day->second) {
    if (same_policy(known, policy)) return &known;
  }
  if (day->second.size() >= kPoliciesPerDomain) return nullptr;
  PolicyResult fresh;
  fresh.type = policy.type;
  fresh.strings = policy.strings;
  fresh.domain = policy.domain;
  fresh.mx = policy.mx;
  day->second.push_back(std::move(fresh));
  return &day->second.back();
}

void Collector::success(const PolicyResult& policy, WallMs now) {
  if (PolicyResult* const found = find(policy, now)) ++found->successes;
}

void Collector::failure(const PolicyResult& policy, const Failure& failure, WallMs now) {
  PolicyResult* const found = find(policy, now);
  if (found == nullptr) return;
  const std::uint64_t sessions = std::max<std::uint64_t>(failure.sessions, 1);
  found->failures += sessions;
  for (Failure& known : found->details) {
    if (!same_failure(known, failure)) continue;
    known.sessions += sessions;
    return;
  }
  if (found->details.size() >= kDetailsPerPolicy) return;
  found->details.push_back(failure);
  found->details.back().sessions = sessions;
}

std::vector<Collector::Due> Collector::due(WallMs now) const {
  std::vector<Due> out;
  for (const auto& [key, policies] : days_) {
    if (key.first < now / kDayMs) out.push_back({key.first, key.second});
  }
  return out;
}

Report Collector::report(const Due& due) const {
  Report out;
  out.start = due.day * kDayMs;
  out.end = out.start + kDayMs - 1000;
  if (const auto found = days_.find({due.day, due.domain}); found != days_.end()) out.policies = found->second;
  return out;
}

void Collector::remove(const Due& due) { days_.erase({due.day, due.domain}); }

bool Collector::expire(WallMs now) {
  return std::erase_if(days_, [&](const auto& one) { return one.first.first + kDaysKept < now / kDayMs; }) > 0;
}

std::string Collector::text() const {
  std::string out;
  for (const auto& [key, policies] : days_) {
    json::Writer writer(out);
    writer.begin_object().field("day", key.first).field("domain", key.second).key("policies").begin_array();
    for (const PolicyResult& policy : policies) write_policy(writer, policy);
    writer.end_array().end_object();
    out += '\n';
  }
  return out;
}

std::size_t Collector::load(std::string_view text) {
  std::size_t bad = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const auto value = json::parse(line, 16);
    const bool fine = value && value->at("day").is_number() && value->at("domain").is_string();
    if (!fine || days_.size() >= kDomainsMax) {
      ++bad;
      continue;
    }
    const std::int64_t day = value->at("day").integer();
    if (day < 0 || day > 100'000'000) {
      ++bad;
      continue;
    }
    auto& policies = days_[{day, std::string(value->at("domain").string())}];
    std::vector<std::string> remarks;
    for (const json::Value& policy : value->at("policies").array()) {
      if (policies.size() >= kPoliciesPerDomain) break;
      policies.push_back(read_policy(policy, remarks));
      if (policies.back().details.size() > kDetailsPerPolicy) policies.back().details.resize(kDetailsPerPolicy);
    }
  }
  return bad;
}

}  // namespace postern::tlsrpt
