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
    if (evidence_.is_unknown(Signal::recipient)) evidence_.set(Signal::recipient, value::Recipient::mailbox);
    begin(from);
    const std::uint16_t at_rcpt = code_of(name(to).action_);
    transaction_.recipients = {{to, at_rcpt, "", at_rcpt == 250 ? "ok" : "policy"}};
    if (at_rcpt != 250) return end(0, "disconnected");
    if (!other.empty()) {
      name(other);
      transaction_.recipients.push_back({other, 452, "4.5.3", "other_policy"});
      of(to);  // the end of DATA is judged for the first again
    }
    judge(evidence::Stage::data);
    const std::uint16_t at_data = code_of(action_);
    if (at_data == 250) {
      transaction_.message = Id::make(record_.start + 50);
      ++record_.accepted;
    }
    return end(at_data, at_data == 250 ? "accepted" : "policy");
  }
  // A transaction with one recipient and no message.
  Session& named(const std::string& from, const std::string& to) {
    begin(from);
    transaction_.recipients = {{to, code_of(name(to).action_), "", "ok"}};
    return end(0, "reset");
  }
  // A transaction that names recipients who are not here, and ends.
  Session& guess(const std::string& from, value::Recipient what, int count) {
    begin(from);
    for (int i = 0; i < count; ++i) {
      evidence_.set(Signal::recipient, what);
      name("nobody" + std::to_string(i) + "@example.org", false);
      transaction_.recipients.push_back({"nobody" + std::to_string(i) + "@example.org", 550, "5.1.1", "unknown_user"});
    }
    evidence_.set(Signal::recipient, value::Recipient::unknown);
    return end(0, "reset");
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
  static std::uint16_t code_of(evidence::Action action) {
    const Fate fate = fate_of(action);
    return fate == Fate::accepted ? 250 : fate == Fate::delayed ? 451 : 550;
  }
  void begin(const std::string& from) {
    evidence_.set(Signal::sender, from.empty() ? value::Sender::null : value::Sender::address);
    evidence_.set_text(Signal::sender_domain, from.substr(from.find('@') + 1));
    transaction_ = {};
    transaction_.reverse_path = from;
    transaction_.recipients_total = 1;
  }
  Session& end(std::uint16_t code, const std::string& reason) {
    transaction_.code = code;
    transaction_.reason = reason;
    ++record_.transactions_total;
    if (record_.transactions.size() < record::kTransactionsMax) record_.transactions.push_back(transaction_);
    return *this;
  }
  void of(const std::string& to) {
    evidence_.set_text(Signal::recipient_address, to);
    evidence_.set_text(Signal::recipient_domain, to.substr(to.find('@') + 1));
  }
  Session& name(const std::string& to, bool enforced = true) {
    of(to);
    return judge(evidence::Stage::rcpt, enforced);
  }
  // As inbound's judgement writes it, with the same limits.
  Session& judge(evidence::Stage stage, bool enforced = true) {
    constexpr std::size_t kRoomForMessages = 50;
    const evidence::Verdict verdict = policy_.judge(moment_of(stage), evidence_, recipient_of(evidence_));
    action_ = verdict.action;
    ++record_.decisions_total;
    const bool at_data = stage == evidence::Stage::data;
    if (record_.decisions.size() >= record::kDecisionsMax - (at_data ? 0 : kRoomForMessages)) return *this;
    record::DecisionRecord& decision = record_.decisions.emplace_back();
    decision.ms = static_cast<std::uint32_t>(10 * record_.decisions.size());
    decision.stage = stage;
    decision.enforced = enforced;
    if (stage != evidence::Stage::connect) {
      decision.transaction = static_cast<std::int32_t>(record_.transactions.size());
      decision.recipient = at_data ? -1 : static_cast<std::int32_t>(transaction_.recipients.size());
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
  record::TransactionRecord transaction_;  // the one at hand
  evidence::Action action_{};              // of the last decision, recorded or not
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
