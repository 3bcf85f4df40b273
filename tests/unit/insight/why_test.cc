#include "insight/why.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "record/files.h"
#include "record/writer.h"
#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

std::shared_ptr<const policy::Policy> strict_about_windows() {
  policy::RuleOptions rule;
  rule.name = "foreign-windows";
  rule.when = "os == windows and country not in home";
  rule.action = evidence::Action::greylist;
  policy::RuleOptions other;
  other.name = "generic-windows";
  other.when = "os == windows and rdns == generic and tls == plain";
  other.action = evidence::Action::reject;
  policy::Options options = preset("none", {rule, other});
  options.choices.home = {evidence::country_code('U', 'S')};
  return compile(options);
}

record::SessionRecord delayed(const policy::Policy& policy) {
  Session session(policy, kMonday, "192.0.2.9", "spf:a.example");
  session.with(Signal::os, value::Os::windows).with(Signal::rdns, value::Rdns::generic).country("BR");
  session.connect();
  session.with(Signal::tls, value::Tls::tls1_3).with(Signal::greylist, value::Greylist::first);
  session.mail("x@a.example");
  session.record().state.greylist_wait_s = 180;
  return session.record();
}

json::Value value_of(const record::SessionRecord& record) {
  std::string line;
  record::append_json(record, line);
  return *json::parse(line);
}

// Beyond what a record lists, and where the recipient's own decision is not in it.
TEST(Why, RecipientsThatAreNotListedAreThoseOfTheEvidence) {
  policy::RuleOptions big;
  big.name = "big";
  big.when = "size > 5";
  big.action = evidence::Action::reject;
  big.recipients = {"bob@example.org"};
  const auto policy = compile(preset("none", {big}));
  Session session(*policy, kMonday, "192.0.2.9", "spf:a.example");
  session.evidence().set_number(Signal::size, 9);
  for (std::size_t i = 0; i < record::kTransactionsMax; ++i) session.guess("x@a.example", value::Recipient::unknown, 0);
  session.evidence().set(Signal::recipient, value::Recipient::mailbox);
  for (int i = 0; i < 240; ++i) session.mail("x@a.example", i % 2 == 0 ? "alice@example.org" : "bob@example.org");
  const Why why = explain_session({.session = value_of(session.record()), .deliveries = {}}, policy.get(), {}, {});
  ASSERT_EQ(why.decisions.size(), record::kDecisionsMax);
  EXPECT_EQ(why.decisions[0].recipient, "alice@example.org");
  EXPECT_EQ(why.decisions[2].recipient, "bob@example.org");
  std::size_t refused = 0;
  for (const Why::Decision& decision : why.decisions) {
    if (decision.stage != evidence::Stage::data) continue;
    ASSERT_TRUE(decision.explanation);
    const bool by_rule = std::ranges::any_of(decision.explanation->answers, [](const policy::Answer& answer) {
      return answer.rule == "big" && answer.truth == policy::Answer::Truth::yes;
    });
    EXPECT_EQ(by_rule, decision.rule == "big");
    refused += by_rule ? 1 : 0;
  }
  EXPECT_EQ(refused, 75U);  // of 100 messages with their recipients' decisions, and 50 without
}

TEST(Why, TellsWhatWasKnownWhatDecidedAndWhatWouldHaveChangedIt) {
  const auto policy = strict_about_windows();
  const std::vector<evidence::CountryCode> home{evidence::country_code('U', 'S')};
  const Why why = explain_session({.session = value_of(delayed(*policy)), .deliveries = {}}, policy.get(), {}, home);
  EXPECT_TRUE(why.judged && why.same_policy);
  ASSERT_EQ(why.decisions.size(), 2U);
  const Why::Decision& decision = why.decisions[1];
  EXPECT_EQ(decision.recipient, "alice@example.org");
  EXPECT_EQ(decision.action, evidence::Action::greylist);
  EXPECT_EQ(decision.rule, "foreign-windows");
  const auto fact = std::ranges::find(decision.facts, Signal::tls, &Why::Fact::signal);
  ASSERT_NE(fact, decision.facts.end());
  EXPECT_EQ(fact->value, "tls1_3");
  EXPECT_EQ(std::ranges::find(decision.facts, Signal::os, &Why::Fact::signal), decision.facts.end());  // known before
  ASSERT_TRUE(decision.explanation);
  const auto change_of = [&](Signal signal) {
    const auto found = std::ranges::find(decision.changes, signal, &Why::Change::signal);
    EXPECT_NE(found, decision.changes.end());
    return found == decision.changes.end() ? Why::Change{} : *found;
  };
  EXPECT_EQ(change_of(Signal::country).instead, std::vector<std::string>{"US"});
  EXPECT_EQ(change_of(Signal::country).value, "BR");
  const Why::Change os = change_of(Signal::os);
  EXPECT_EQ(os.value, "windows");
  EXPECT_EQ(os.action, evidence::Action::accept);
  EXPECT_NE(std::ranges::find(os.instead, "linux"), os.instead.end());
  EXPECT_NE(decision.way_out.find("180 seconds"), std::string::npos) << decision.way_out;
  EXPECT_NE(decision.way_out.find("postern allow 192.0.2.9"), std::string::npos) << decision.way_out;
  EXPECT_EQ(why.decisions[0].way_out, "");

  std::string text;
  json::Writer writer(text);
  append_json(why, writer);
  const auto value = json::parse(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(value->at("decisions").array()[1].at("facts").at("tls").string(), "tls1_3");
  EXPECT_FALSE(value->at("decisions").array()[1].at("rules").array().empty());
  EXPECT_EQ(value->at("session").at("client").at("address").string(), "192.0.2.9");
}

// Not every deferral is a budget's.
TEST(Why, TheWayOutOfADeferralIsThatOfItsReason) {
  const auto way_out = [](std::string_view reason) {
    const std::string line = R"({"client":{"address":"192.0.2.9"},"policy":"x","decisions":[{"stage":"rcpt",)"
                             R"("action":"throttle","rule":"slow","reason":")" +
                             std::string(reason) + R"("}]})";
    const Why why = explain_session({.session = *json::parse(line), .deliveries = {}}, nullptr, {}, {});
    EXPECT_EQ(why.decisions.size(), 1U);
    return why.decisions.empty() ? std::string() : why.decisions[0].way_out;
  };
  EXPECT_TRUE(way_out("budget").starts_with("a budget fills up again by itself")) << way_out("budget");
  EXPECT_TRUE(way_out("history").starts_with("DNS did not say who the sender is")) << way_out("history");
  EXPECT_EQ(way_out("history").find("budget"), std::string::npos);
  EXPECT_NE(way_out("rule").find("as long as the rule slow is true"), std::string::npos) << way_out("rule");
  EXPECT_EQ(way_out("rule").find("budget"), std::string::npos);
  for (const char* reason : {"budget", "history", "rule"})
    EXPECT_NE(way_out(reason).find("`postern allow 192.0.2.9`"), std::string::npos) << reason;
}

TEST(Why, OfAnotherPolicyItSaysWhatIsRecordedAlone) {
  const auto policy = strict_about_windows();
  const auto other = compile(preset("none"));
  for (const policy::Policy* const now : {other.get(), static_cast<const policy::Policy*>(nullptr)}) {
    const Why why = explain_session({.session = value_of(delayed(*policy)), .deliveries = {}}, now, {}, {});
    EXPECT_TRUE(why.judged);
    EXPECT_FALSE(why.same_policy);
    EXPECT_FALSE(why.decisions[1].explanation);
    EXPECT_TRUE(why.decisions[1].changes.empty());
    EXPECT_EQ(why.decisions[1].rule, "foreign-windows");
    EXPECT_FALSE(why.decisions[1].way_out.empty());
  }
}

TEST(Why, AnythingIsExplainedWithoutTrouble) {
  const auto policy = strict_about_windows();
  for (const char* line : {"{}", R"({"decisions":[{}, 7, {"transaction":9,"recipient":-5,"evidence":[]}],"policy":7})",
                           R"({"decisions":[{"transaction":0,"recipient":9}],"transactions":[{"to":[]}]})"}) {
    const Why why = explain_session({.session = *json::parse(line), .deliveries = {}}, policy.get(), {}, {});
    EXPECT_FALSE(why.same_policy);
    std::string text;
    json::Writer writer(text);
    append_json(why, writer);
    EXPECT_TRUE(json::parse(text)) << text;
  }
}

class FindSession : public ::testing::Test {
 protected:
  // A session and its message of that time, which was delivered; in a file that was closed an hour later.
  record::SessionRecord write(WallMs at) {
    Session session(*policy_, at, "192.0.2.9", "spf:a.example");
    session.connect().mail("x@a.example");
    record::DeliveryRecord delivery;
    delivery.id = Id::make(at + 60);
    delivery.message = session.record().transactions[0].message;
    delivery.start = at + 60;
    delivery.outcomes = {{"alice@example.org", "delivered", "250 ok"}};
    std::string lines;
    record::append_json(delivery, lines);
    lines += session.line();
    folder_.write("records/" + record::rotation_stem(at + kHour) + ".jsonl", lines);
    delivery_ = delivery.id;
    return session.record();
  }
  std::shared_ptr<const policy::Policy> policy_ = compile(preset("none"));
  Folder folder_;
  Id delivery_;
};

TEST_F(FindSession, ByItsIdItsMessagesOrItsDeliverys) {
  for (int day = -3; day <= 3; ++day) write(kMonday + day * kDay);
  const record::SessionRecord wanted = write(kMonday);
  for (const Id& id : {wanted.id, wanted.transactions[0].message, delivery_}) {
    const auto found = find_session(folder_.at("records"), id, kMonday + 10 * kDay);
    ASSERT_TRUE(found) << found.error().what;
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->session.at("id").string(), wanted.id.text());
    ASSERT_EQ((*found)->deliveries.size(), 1U);
    EXPECT_EQ((*found)->deliveries[0].at("id").string(), delivery_.text());
  }
  EXPECT_FALSE(*find_session(folder_.at("records"), Id::make(kMonday), kMonday));
  EXPECT_FALSE(find_session(folder_.at("nowhere"), Id::make(kMonday), kMonday));
}

TEST_F(FindSession, AnIdThatAStrangerSaidIsNotTheSession) {
  const record::SessionRecord wanted = write(kMonday);
  Session liar(*policy_, kMonday - 100, "192.0.2.66", "");
  liar.record().helo = wanted.id.text();
  folder_.write("records/20261101T000000Z.jsonl", "");
  folder_.write("records/current.jsonl", liar.line());
  const auto found = find_session(folder_.at("records"), wanted.id, kMonday);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->session.at("client").at("address").string(), "192.0.2.9");
}

}  // namespace
}  // namespace postern::insight
