// What tests of published records share: a zone in memory, the parts of a run over it, and what they found.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/json.h"
#include "check/context.h"
#include "dns/fixture.h"

namespace postern::check {

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

class Published : public ::testing::Test {
 protected:
  using Part = Task<void> (*)(Context&);

  void set_up(const std::string& zone, Doors doors = {}) {
    auto parsed = json::parse(zone);
    ASSERT_TRUE(parsed) << zone;
    auto made = dns::Zone::from_json(*parsed);
    ASSERT_TRUE(made) << made.error().what;
    for (auto& [owner, type, answer] : more_records_) made->set(owner, type, answer);
    resolver_ = std::make_unique<dns::FixtureResolver>(std::move(*made));
    options_.now = 1795000000000;
    context_ = std::make_unique<Context>(options_, *resolver_, budget_, std::move(doors));
    context_->target.domain = name("example.org");
    context_->report.domain = "example.org";
    there_ = run_ready(check_name(*context_));
    if (there_) run_ready(check_mail_hosts(*context_));
  }
  void run(Part part) { run_ready(part(*context_)); }
  // Of types that a zone in JSON has not: CAA, SOA, DNSKEY
  void put(std::string_view owner, dns::Type type, const std::string& rdata) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.ttl = 300;
    answer.canonical = name(owner);
    answer.rdata.push_back(rdata);
    more_records_.emplace_back(name(owner), type, std::move(answer));
  }
  // An answer that fails validation, with what the resolver says of it.
  void put_bogus(std::string_view owner, dns::Type type, const std::string& why) {
    more_records_.emplace_back(name(owner), type, *dns::failed_answer(dns::Status::bogus, why));
  }
  // The worst outcome of a check; nullopt where it was not made.
  std::optional<Outcome> outcome(std::string_view id) {
    std::optional<Outcome> out;
    for (const Finding& finding : context_->report.findings) {
      if (finding.id == id) out = out ? std::max(*out, finding.outcome) : finding.outcome;
    }
    return out;
  }
  const Finding& finding(std::string_view id) {
    for (const Finding& one : context_->report.findings) {
      if (one.id == id) return one;
    }
    ADD_FAILURE() << "no finding of " << id;
    static const Finding kNone;
    return kNone;
  }
  // The text of the TXT record that is proposed for `owner`; the whole record where it is another.
  std::string text_proposed(std::string_view id, const std::string& owner) {
    const std::string head = owner + ". IN TXT \"";
    std::string record = finding(id).record;
    if (!record.starts_with(head)) return record;
    return record.substr(head.size(), record.size() - head.size() - 1);
  }

  std::vector<std::tuple<dns::Name, dns::Type, dns::Answer>> more_records_;
  Options options_;
  dns::Budget budget_{5000};
  std::unique_ptr<dns::FixtureResolver> resolver_;
  std::unique_ptr<Context> context_;
  bool there_ = false;
};

inline constexpr const char* kHosts =
    R"("mx.example.org":{"AAAA":["2a02:25::1"],"A":["11.25.0.1"]},"example.org":{"MX":[[10,"mx.example.org"]])";

// `apex` are types of example.org, `more` other names.
inline std::string zone(const std::string& apex, const std::string& more = "") {
  return "{" + std::string(kHosts) + (apex.empty() ? "" : "," + apex) + "}" + (more.empty() ? "" : "," + more) + "}";
}

}  // namespace postern::check
