// What the tests of insight share: sessions that were judged by a policy and written by the real writer.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evidence/evidence.h"
#include "insight/fate.h"
#include "insight/judging.h"
#include "policy/policy.h"
#include "record/session_reader.h"
#include "record/session_record.h"
#include "unit/temporary_folder.h"

namespace postern::insight::testing {

namespace value = evidence::value;
using evidence::Signal;

using Folder = postern::testing::TemporaryFolder;

inline constexpr WallMs kMonday = 1'795'392'000'000;  // 2026-11-23T00:00:00Z
inline constexpr WallMs kHour = 3'600'000;
inline constexpr WallMs kDay = 24 * kHour;

inline std::shared_ptr<const policy::Policy> compile(const policy::Options& options) {
  std::vector<policy::Problem> problems;
  auto policy = policy::Policy::compile(options, problems);
  for (const policy::Problem& problem : problems) ADD_FAILURE() << problem.rule << ": " << problem.what;
  return policy;
}

inline policy::Options preset(std::string name, std::vector<policy::RuleOptions> rules = {}) {
  policy::Options options;
  options.choices.preset = std::move(name);
  options.rules = std::move(rules);
  return options;
}

// A session as it is recorded: what is known at each step, judged by the policy there.
class Session {
 public:
  Session(const policy::Policy& policy, WallMs start, const std::string& client, std::string identity)
      : policy_(policy) {
    record_.id = Id::make(start);
    record_.start = start;
    record_.duration_ms = 100;
    record_.listener = "mx";
    record_.client = {*ip::Address::parse(client), 40000};
    record_.server = *ip::Endpoint::parse("192.0.2.1:25");
    record_.policy = policy.fingerprint();
    record_.state.identity = std::move(identity);
    record_.end = "quit";
    evidence_.set(Signal::family, record_.client.address.is_v4() ? value::Family::ipv4 : value::Family::ipv6);
  }
  template <class Value>
  Session& with(Signal signal, Value word) {
    evidence_.set(signal, word);
    return *this;
  }
  Session& country(const char* code) {
    evidence_.set_country(evidence::parse_country(code));
    return *this;
  }
  evidence::Evidence& evidence() { return evidence_; }
  record::SessionRecord& record() { return record_; }

  Session& connect() { return judge(evidence::Stage::connect); }
  // A transaction with one recipient, and, where that is accepted, its message. `other`: a second recipient, who is
  // sent back with 452 because another policy is his.
  Session& mail(const std::string& from, const std::string& to = "alice@example.org", const std::string& other = {}) {
    evidence_.set(Signal::sender, from.empty() ? value::Sender::null : value::Sender::address);
    evidence_.set_text(Signal::sender_domain, from.substr(from.find('@') + 1));
    evidence_.set_text(Signal::recipient_address, to);
    evidence_.set_text(Signal::recipient_domain, to.substr(to.find('@') + 1));
    if (evidence_.is_unknown(Signal::recipient)) evidence_.set(Signal::recipient, value::Recipient::mailbox);
    record::TransactionRecord& transaction = record_.transactions.emplace_back();
    transaction.reverse_path = from;
    transaction.recipients_total = 1;
    judge(evidence::Stage::rcpt);
    const auto code_of = [](evidence::Action action) -> std::uint16_t {
      const Fate fate = fate_of(action);
      return fate == Fate::accepted ? 250 : fate == Fate::delayed ? 451 : 550;
    };
    const std::uint16_t at_rcpt = code_of(record_.decisions.back().action);
    record_.transactions.back().recipients = {{to, at_rcpt, "", at_rcpt == 250 ? "ok" : "policy"}};
    if (at_rcpt != 250) return *this;
    if (!other.empty()) {
      evidence_.set_text(Signal::recipient_address, other);
      judge(evidence::Stage::rcpt).record_.decisions.back().recipient = 1;
      record_.transactions.back().recipients.push_back({other, 452, "4.5.3", "other_policy"});
    }
    judge(evidence::Stage::data, policy::For{.address = to, .domain = to.substr(to.find('@') + 1)});
    const std::uint16_t at_data = code_of(record_.decisions.back().action);
    record_.transactions.back().code = at_data;
    record_.transactions.back().reason = at_data == 250 ? "accepted" : "policy";
    if (at_data == 250) {
      record_.transactions.back().message = Id::make(record_.start + 50);
      ++record_.accepted;
    }
    return *this;
  }
  Session& told_only() {
    for (auto& decision : record_.decisions) decision.enforced = false;
    return *this;
  }
  [[nodiscard]] std::string line() const {
    std::string out;
    record::append_json(record_, out);
    return out;
  }
  [[nodiscard]] std::string id() const { return record_.id.text(); }

 private:
  Session& judge(evidence::Stage stage, std::optional<policy::For> whose = {}) {
    const evidence::Verdict verdict =
        policy_.judge(moment_of(stage), evidence_, whose.value_or(recipient_of(evidence_)));
    record::DecisionRecord& decision = record_.decisions.emplace_back();
    decision.ms = static_cast<std::uint32_t>(10 * record_.decisions.size());
    decision.stage = stage;
    if (stage != evidence::Stage::connect) {
      decision.transaction = static_cast<std::int32_t>(record_.transactions.size()) - 1;
      decision.recipient = stage == evidence::Stage::rcpt ? 0 : -1;
    }
    json::Writer writer(decision.changes);
    evidence_.append_changes(before_, names_, writer);
    before_ = evidence_;
    decision.action = verdict.action;
    decision.reason = verdict.reason;
    decision.rule = verdict.rule;
    decision.score = verdict.score;
    decision.score_low = verdict.score_low;
    decision.tags.assign(verdict.tags.begin(), verdict.tags.end());
    decision.shadow.assign(verdict.shadow.begin(), verdict.shadow.end());
    return *this;
  }

  const policy::Policy& policy_;
  record::SessionRecord record_;
  evidence::Evidence evidence_, before_;
  evidence::ListNames names_{"zen"};
};

// Lines, read as a tool reads them.
template <class Visit>
void read_lines(const std::string& lines, const Visit& visit) {
  record::SessionReader reader;
  std::size_t at = 0;
  while (at < lines.size()) {
    const auto end = lines.find('\n', at);
    ASSERT_EQ(reader.read(std::string_view(lines).substr(at, end - at)), record::SessionReader::Kind::session);
    visit(reader.session());
    at = end + 1;
  }
}

}  // namespace postern::insight::testing
