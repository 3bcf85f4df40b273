// Decisions in a record: what was judged stands in the line, in order and within the line's bound.
#include <gtest/gtest.h>

#include <limits>

#include "folder.h"
#include "record/session_record.h"

namespace postern::record {
namespace {

using testing::refused;

std::string changes(const evidence::Evidence& after, const evidence::Evidence& before) {
  std::string out;
  json::Writer writer(out);
  after.append_changes(before, {}, writer);
  return out;
}

json::Value written(const SessionRecord& record) {
  std::string line;
  append_json(record, line);
  EXPECT_LE(line.size(), kLineMax);
  auto value = json::parse(line);
  EXPECT_TRUE(value) << line;
  return value ? *std::move(value) : json::Value{};
}

TEST(Decisions, AreWrittenWithTheirEvidenceAndVerdict) {
  SessionRecord record = refused(3);
  evidence::Evidence connect;
  connect.set(evidence::Signal::rdns, evidence::value::Rdns::generic);
  evidence::Evidence rcpt = connect;
  rcpt.set(evidence::Signal::spf, evidence::value::Spf::softfail);
  record.policy = "0123456789abcdef";
  record.decisions = {
      {.stage = evidence::Stage::connect, .changes = changes(connect, {}), .rule = "default"},
      {.ms = 41,
       .stage = evidence::Stage::rcpt,
       .transaction = 0,
       .recipient = 0,
       .changes = changes(rcpt, connect),
       .action = evidence::Action::reject,
       .reason = evidence::Reason::evidence_score,
       .rule = "score",
       .enforced = false,
       .score = 5.3125F,
       .score_low = 0.1F,
       .tags = {"bulk"},
       .shadow = {"no-windows"}},
  };
  record.state = {.identity = "net:2001:db8::/64",
                  .known_by = "host:2001:db8::/64",
                  .budget_level = "v6_48",
                  .budget_load = 0.25F,
                  .greylist_wait_s = 170};
  const json::Value value = written(record);
  EXPECT_EQ(value.at("policy").string(), "0123456789abcdef");
  EXPECT_EQ(value.at("decisions_total").integer(), 2);
  const auto& first = value.at("decisions").array().at(0);
  EXPECT_EQ(first.at("stage").string(), "connect");
  EXPECT_EQ(first.at("evidence").at("rdns").string(), "generic");
  EXPECT_EQ(first.at("action").string(), "accept");
  EXPECT_TRUE(first.at("transaction").is_null());
  EXPECT_TRUE(first.at("reason").is_null());
  EXPECT_TRUE(first.at("enforced").boolean());
  const auto& second = value.at("decisions").array().at(1);
  EXPECT_EQ(second.at("ms").integer(), 41);
  EXPECT_EQ(second.at("transaction").integer(-1), 0);  // 0 is the first, and is written
  EXPECT_EQ(second.at("recipient").integer(-1), 0);
  EXPECT_EQ(second.at("evidence").text(), R"({"spf":"softfail"})");
  EXPECT_EQ(second.at("action").string(), "reject");
  EXPECT_EQ(second.at("reason").string(), "evidence");
  EXPECT_EQ(second.at("rule").string(), "score");
  EXPECT_FALSE(second.at("enforced").boolean());
  EXPECT_DOUBLE_EQ(second.at("score").real(), 5.3125);
  EXPECT_EQ(static_cast<float>(second.at("score_low").real()), 0.1F);
  EXPECT_EQ(second.at("tags").array().at(0).string(), "bulk");
  EXPECT_EQ(second.at("shadow").array().at(0).string(), "no-windows");
  EXPECT_EQ(value.at("state").at("identity").string(), "net:2001:db8::/64");
  EXPECT_EQ(value.at("state").at("greylist_wait_s").integer(), 170);
  EXPECT_DOUBLE_EQ(value.at("state").at("budget_load").real(), 0.25);
}

TEST(Decisions, ASessionWithoutThemHasNoWordOfThem) {
  const json::Value value = written(refused(1));
  for (const char* key : {"decisions", "decisions_total", "policy", "state"}) EXPECT_TRUE(value.at(key).is_null());
}

TEST(Decisions, AreCountedBeyondTheirLimitAndLeaveRoomForTransactions) {
  SessionRecord record = refused(1);
  evidence::Evidence wild;
  for (const auto signal : {evidence::Signal::rdns_name, evidence::Signal::helo_name, evidence::Signal::sender_domain})
    wild.set_text(signal, std::string(evidence::kTextMax, '\x01'));
  const std::string text = changes(wild, {});
  record.decisions.assign(kDecisionsMax + 1, {.changes = text,
                                              .rule = std::string(kTextMax + 1, '\x01'),
                                              .score = std::numeric_limits<float>::infinity(),
                                              .tags = std::vector<std::string>(100, "x"),
                                              .shadow = std::vector<std::string>(100, std::string(600, '"'))});
  record.decisions_total = 1000;
  const json::Value value = written(record);
  EXPECT_EQ(value.at("decisions_total").integer(), 1000);
  EXPECT_GT(value.at("decisions").array().size(), 5U);
  EXPECT_LT(value.at("decisions").array().size(), kDecisionsMax);
  EXPECT_TRUE(value.at("decisions").array()[0].at("score").is_null());  // no number of JSON
  EXPECT_EQ(value.at("transactions").array().size(), 1U);

  record.decisions.assign(kDecisionsMax + 1, {.changes = "{}", .rule = "default"});
  EXPECT_EQ(written(record).at("decisions").array().size(), kDecisionsMax);
}

// Each rests on those before it: one that cannot be written ends the list.
TEST(Decisions, EndWhereTheEvidenceOfOneIsTooLong) {
  SessionRecord record = refused(1);
  record.decisions.assign(3, {.changes = R"({"errors":1})", .rule = "default"});
  record.decisions[1].changes = R"({"x":")" + std::string(100'000, 'y') + "\"}";
  const json::Value value = written(record);
  EXPECT_EQ(value.at("decisions").array().size(), 1U);
  EXPECT_EQ(value.at("decisions_total").integer(), 3);
}

}  // namespace
}  // namespace postern::record
