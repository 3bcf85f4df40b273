// A zone of DMARC records for tests, and evaluations on it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dmarc/evaluate.h"
#include "dns/fixture.h"

namespace postern::dmarc::test {

// Domain -> record at _dmarc.domain; and whole names.
class TestZone {
 public:
  TestZone() = default;
  TestZone(std::initializer_list<std::pair<std::string_view, std::string_view>> records) {
    for (const auto& [domain, text] : records) dmarc(domain, {std::string(text)});
  }
  TestZone& dmarc(std::string_view domain, std::vector<std::string> texts) {
    return txt("_dmarc." + std::string(domain), std::move(texts));
  }
  TestZone& txt(std::string_view name, std::vector<std::string> texts) {
    dns::Answer answer;
    answer.status = texts.empty() ? dns::Status::nodata : dns::Status::ok;
    answer.texts = std::move(texts);
    zone_.set(*dns::Name::parse(name), dns::Type::txt, std::move(answer));
    return *this;
  }
  TestZone& fails(std::string_view name, dns::Status status) {
    zone_.set_all(*dns::Name::parse(name), status);
    return *this;
  }
  TestZone& cname(std::string_view name, std::string_view target) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.names = {*dns::Name::parse(target)};
    zone_.set(*dns::Name::parse(name), dns::Type::cname, std::move(answer));
    return *this;
  }
  TestZone& exists(std::string_view name) { return txt(name, {}); }
  [[nodiscard]] const dns::Zone& zone() const { return zone_; }

 private:
  dns::Zone zone_;
};

inline Identifier passed(std::string_view domain) { return {.domain = std::string(domain), .pass = true}; }
inline Identifier temporary(std::string_view domain) {
  return {.domain = std::string(domain), .pass = false, .temporary = true};
}

inline Evaluation run(const TestZone& zone, std::string_view author, Identifier spf = {},
                      std::vector<Identifier> dkim = {}, std::uint32_t lookups = dns::Budget::kLookups) {
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget(lookups);
  Input input{.author_domain = std::string(author), .spf = std::move(spf), .dkim = std::move(dkim)};
  Evaluation out = run_ready(evaluate(std::move(input), resolver, budget));
  // every name is asked once, and what is asked is said
  EXPECT_EQ(resolver.asked(), std::min<std::uint64_t>(out.walk.size(), lookups));
  std::map<std::string, int> times;
  for (const std::string& name : out.walk) EXPECT_EQ(++times[name], 1) << name;
  return out;
}

// "fail reject sp example.org": the outcome, and where there is a record: policy, tag, policy domain.
inline std::string brief(const Evaluation& evaluation) {
  std::string out(to_string(evaluation.outcome));
  if (!evaluation.record) return out;
  out += " " + std::string(to_string(evaluation.policy)) + " " + evaluation.policy_tag + " " + evaluation.policy_domain;
  return out;
}

inline std::string organization(const TestZone& zone, std::string_view domain) {
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget;
  const Organization out = run_ready(organizational_domain(std::string(domain), resolver, budget));
  return out.temporary ? "temporary" : out.domain;
}

}  // namespace postern::dmarc::test
