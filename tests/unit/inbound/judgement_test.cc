// Judgement in whole sessions: what the policy says is spoken, recorded and remembered; what cannot be measured costs
// nobody anything.
#include "inbound/judgement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "access/operator_list.h"
#include "base/counters.h"
#include "dns/fixture.h"
#include "record/writer.h"
#include "session_fixture.h"
#include "unit/temporary_folder.h"

namespace postern::inbound {
namespace {

constexpr std::string_view kClient = "[2001:db8:1::25]:4711";
constexpr std::string_view kAlice = "RCPT TO:<alice@example.org>\r\n";
constexpr std::string_view kMessage =
    "From: bob@good.example\r\nSubject: x\r\nPostern-Tag: forged\r\n\r\nHello.\r\n.\r\n";

class JudgementTest : public SessionFixture {
 protected:
  JudgementTest() {
    auto writer = record::Writer::open({.directory = folder_.path()});
    EXPECT_TRUE(writer.has_value());
    writer_ = std::move(*writer);
    records = writer_.get();
    DefenceOptions options;
    options.tables = {.budgets_bytes = 65536, .pending_bytes = 65536, .known_bytes = 65536};
    owned_ = std::make_unique<Defence>(options);
    defence = owned_.get();
    use_zone(kGoodZone);
    use_policy({});
  }

  static constexpr std::string_view kGoodZone = R"({
    "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["mail.good.example"]},
    "mail.good.example": {"AAAA": ["2001:db8:1::25"]},
    "good.example": {"TXT": ["v=spf1 ip6:2001:db8:1::/48 -all"]}})";

  void use_zone(std::string_view zone) {
    auto parsed = dns::Zone::from_json(*json::parse(zone));
    ASSERT_TRUE(parsed.has_value()) << parsed.error().what;
    resolver = std::make_unique<dns::FixtureResolver>(std::move(*parsed));
  }

  void use_policy(policy::Options options, const std::function<void(Settings&)>& more = {}) {
    std::vector<policy::Problem> problems;
    const auto compiled = policy::Policy::compile(options, problems);
    ASSERT_TRUE(compiled != nullptr) << (problems.empty() ? "" : problems.front().what);
    configure([&](Settings& settings) {
      settings.policy = compiled;
      settings.timeouts.session = 60000;
      if (more) more(settings);
    });
  }

  static policy::RuleOptions rule(std::string name, std::string when, evidence::Action action) {
    policy::RuleOptions options;
    options.name = std::move(name);
    options.when = std::move(when);
    options.action = action;
    return options;
  }
  void allow(std::string_view subject) const {
    auto entry = access::parse_subject(subject);
    ASSERT_TRUE(entry.has_value());
    entry->word = evidence::value::Operator::allow;
    defence->set_operator_list(std::make_shared<const access::OperatorList>(std::vector{*entry}));
  }
  void use_rules(std::vector<policy::RuleOptions> rules) {
    policy::Options options;
    options.choices.preset = "none";
    options.rules = std::move(rules);
    use_policy(std::move(options));
  }

  // As mail servers speak: after the greeting, and the rest once EHLO is answered.
  std::string send(const std::string& recipients, std::string_view client = kClient,
                   std::string_view sender = "bob@good.example") {
    const std::string rest =
        "MAIL FROM:<" + std::string(sender) + ">\r\n" + recipients + "DATA\r\n" + std::string(kMessage) + "QUIT\r\n";
    return converse(
               [&rest](io::testing::PipeStream& stream, Session&) {
                 stream.on_send([&stream, &rest, sends = 0](std::string_view) mutable {
                   ++sends;
                   if (sends == 1) stream.push("EHLO mail.good.example\r\n");
                   if (sends == 2) {
                     stream.push(rest);
                     stream.end();
                   }
                 });
               },
               client)
        .sent;
  }

  // The last session's record.
  json::Value last_record() {
    writer_->flush();
    std::string last;
    const auto read = record::read_records(folder_.path(), [&last](std::string_view line) {
      last = line;
      return true;
    });
    EXPECT_TRUE(read.has_value());
    auto parsed = json::parse(last);
    EXPECT_TRUE(parsed.has_value());
    return *parsed;
  }

 private:
  postern::testing::TemporaryFolder folder_;
  std::unique_ptr<record::Writer> writer_;
  std::unique_ptr<Defence> owned_;
};

TEST_F(JudgementTest, AGoodSenderWaitsForNothing) {
  EXPECT_EQ(codes(send(std::string(kAlice))), (std::vector{220, 250, 250, 250, 354, 250, 221}));
  const json::Value record = last_record();
  ASSERT_EQ(record.at("decisions").array().size(), 2U);
  const json::Value& decision = record.at("decisions").array().at(0);
  EXPECT_EQ(decision.at("stage").string(), "rcpt");
  EXPECT_EQ(decision.at("action").string(), "accept");
  EXPECT_EQ(decision.at("evidence").at("rdns").string(), "mail");
  EXPECT_EQ(decision.at("evidence").at("spf").string(), "pass");
  EXPECT_EQ(decision.at("evidence").at("helo_match").string(), "ptr");
  EXPECT_EQ(record.at("state").at("identity").string(), "spf:good.example");
}

TEST_F(JudgementTest, WhatDnsDoesNotSayIsHeldAgainstNobody) {
  for (const std::string_view failure : {"SERVFAIL", "TIMEOUT"}) {
    const std::string zone = R"({"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": ")" +
                             std::string(failure) + R"(", "good.example": ")" + std::string(failure) +
                             R"(", "mail.good.example": ")" + std::string(failure) + R"("})";
    use_zone(zone);
    use_policy({});
    const std::string sent = send(std::string(kAlice));
    EXPECT_EQ(codes(sent), (std::vector{220, 250, 250, 250, 354, 250, 221})) << failure << sent << last_record().text();
    EXPECT_TRUE(last_record().at("decisions").array().at(0).at("evidence").at("rdns").is_null()) << failure;
  }
}

// The same where the sender's history decides: nobody is refused for what could not be looked up.
TEST_F(JudgementTest, ARefusalThatAHistoryWouldPreventWaitsForDns) {
  const auto rules = [this] {
    use_rules({rule("strangers", "family == ipv6 and known not in [known, replied_to]", evidence::Action::reject)});
  };
  rules();
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 550);
  use_zone(
      R"({"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["mail.good.example"]},
    "mail.good.example": {"AAAA": ["2001:db8:1::25"]}, "good.example": "SERVFAIL"})");
  rules();
  const std::string sent = send(std::string(kAlice));
  EXPECT_NE(sent.find("451 4.4.3 "), std::string::npos) << sent;
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("reason").string(), "history");
}

// SPF is asked a few times only where no message comes of it; who was not asked about must not pass for unknown.
TEST_F(JudgementTest, WhatTheSessionMayNotAskAnyMoreIsNotUnknown) {
  allow("good.example");
  use_rules({rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)});
  std::string commands;
  for (int i = 0; i < 5; ++i) commands += "MAIL FROM:<x@elsewhere.example>\r\n" + std::string(kAlice) + "RSET\r\n";
  commands += "MAIL FROM:<x@good.example>\r\n" + std::string(kAlice) + "QUIT\r\n";
  const auto conversation = [&](std::string_view client) {
    return codes(converse(
                     [&commands](io::testing::PipeStream& stream, Session&) {
                       stream.on_send([&stream, &commands, sends = 0](std::string_view) mutable {
                         ++sends;
                         if (sends == 1) stream.push("EHLO mail.good.example\r\n");
                         if (sends == 2) {
                           stream.push(commands);
                           stream.end();
                         }
                       });
                     },
                     client)
                     .sent);
  };
  // Not from the networks of good.example: its word is not for this client, whatever was asked before
  const std::vector<int> said = conversation("[2001:db8:7::1]:25");
  EXPECT_EQ(said.at(2 + 5 * 3 + 1), 550) << "the operator's word is not for a domain that nothing proves";
}

// What a session may ask DNS is for those who bring nothing: a good sender may send a thousand messages in one.
TEST_F(JudgementTest, LookUpsAreCountedSinceTheLastMessageThatWasAccepted) {
  constexpr int kTransactions = 80;  // of four questions each, beside those of the connection
  const auto lists = [] {
    std::vector<signals::ListOptions> options;
    for (const char* const name : {"one", "two", "three", "four"}) {
      signals::ListOptions list;
      list.name = name;
      list.zone = std::string(name) + ".lists.example";
      list.kind = signals::ListKind::domain;
      options.push_back(list);
    }
    return std::make_shared<const signals::Lists>(*signals::Lists::compile(std::move(options)));
  }();
  DefenceOptions wide;
  wide.budget.scale = 1000;
  Defence patient{wide};
  defence = &patient;
  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("budget", "budget == over", evidence::Action::throttle)};
  use_policy(options, [&lists](Settings& settings) {
    settings.lists = lists;
    settings.authenticate = false;  // SPF has a limit of its own
  });
  const auto conversation = [&](const std::string& end) {
    std::string commands;
    for (int i = 0; i < kTransactions; ++i)
      commands += "MAIL FROM:<x@sender" + std::to_string(i) + ".example>\r\n" + std::string(kAlice) + end;
    return codes(converse(
                     [&commands](io::testing::PipeStream& stream, Session&) {
                       stream.on_send([&stream, &commands, sends = 0](std::string_view) mutable {
                         ++sends;
                         if (sends == 1) stream.push("EHLO mail.good.example\r\n");
                         if (sends == 2) {
                           stream.push(commands + "QUIT\r\n");
                           stream.end();
                         }
                       });
                     },
                     kClient)
                     .sent);
  };
  const std::vector<int> good = conversation("DATA\r\n" + std::string(kMessage));
  ASSERT_EQ(good.size(), 2U + 4 * kTransactions + 1);
  EXPECT_EQ(std::ranges::count(good, 451), 0);
  EXPECT_EQ(stored().size(), std::size_t{kTransactions});
  // Who brings none is told to come again in a session of his own
  const std::vector<int> idle = conversation("RSET\r\n");
  ASSERT_EQ(idle.size(), 2U + 3 * kTransactions + 1);
  EXPECT_EQ(idle.at(3), 250);
  EXPECT_GT(std::ranges::count(idle, 451), 0);
  EXPECT_EQ(idle.at(2 + 3 * (kTransactions - 1) + 1), 451);
}

TEST_F(JudgementTest, AnAllowedDomainThatSpfDeniesIsNotAllowed) {
  allow("good.example");
  use_rules({rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)});
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250);
  EXPECT_EQ(codes(send(std::string(kAlice), "[2001:db8:7::1]:25")).at(3), 550);
}

TEST_F(JudgementTest, RecipientsWithOtherTagsComeInATransactionOfTheirOwn) {
  policy::RuleOptions tag = rule("bulk", "family == ipv6", evidence::Action::tag);
  tag.label = "bulk";
  tag.recipients = {"bob@example.org"};
  use_rules({tag});
  EXPECT_EQ(codes(send(std::string(kAlice) + "RCPT TO:<bob@example.org>\r\n")),
            (std::vector{220, 250, 250, 250, 452, 354, 250, 221}));
  ASSERT_EQ(stored().size(), 1U);
}

// The policy is asked for the mailbox or alias, whatever a plus address puts behind it.
TEST_F(JudgementTest, PlusAddressesHaveTheRulesOfTheirMailbox) {
  const std::string plus = "RCPT TO:<Alice+x@example.org>\r\n";
  policy::RuleOptions whose = rule("quiet", "family == ipv6", evidence::Action::reject);
  whose.recipients = {"alice@example.org"};
  use_rules({whose});
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 550);
  EXPECT_EQ(codes(send(plus)).at(3), 550);
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("recipient_address").string(),
            "alice@example.org");
  EXPECT_EQ(last_record().at("transactions").array().at(0).at("to").array().at(0).at("path").string(),
            "Alice+x@example.org")
      << "the record has what was said";
  use_rules({rule("quiet", "recipient_address == alice@example.org", evidence::Action::reject)});
  EXPECT_EQ(codes(send(plus)).at(3), 550);

  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("grey", "family == ipv6", evidence::Action::greylist)};
  policy::OverrideOptions other;
  other.recipients = {"alice@example.org"};
  other.choices.greylist = false;
  options.overrides = {other};
  use_policy(options);
  EXPECT_EQ(codes(send("RCPT TO:<bob@example.org>\r\n")).at(3), 451);
  EXPECT_EQ(codes(send(plus)).at(3), 250);
}

TEST_F(JudgementTest, WhoDoesNotWaitForTheGreetingIsRefusedAtRcpt) {
  const std::string sent = converse(
                               [](io::testing::PipeStream& stream, Session&) {
                                 stream.push("EHLO a.example\r\nMAIL FROM:<x@good.example>\r\n" + std::string(kAlice) +
                                             "RCPT TO:<postmaster@example.org>\r\nQUIT\r\n");
                                 stream.end();
                               },
                               kClient)
                               .sent;
  EXPECT_EQ(codes(sent), (std::vector{220, 250, 250, 550, 250, 221}));
  EXPECT_NE(sent.find("550 5.5.0 "), std::string::npos) << sent;
}

TEST_F(JudgementTest, WithoutAResolverMailFlows) {
  resolver.reset();
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250);
}

TEST_F(JudgementTest, LoopbackIsNotJudged) {
  use_rules({rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)});
  EXPECT_EQ(codes(send(std::string(kAlice), "[::1]:99")).at(3), 250);
  EXPECT_EQ(codes(send(std::string(kAlice), "127.0.0.1:99")).at(3), 250);
  EXPECT_TRUE(last_record().at("decisions").array().empty());
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 550);
}

TEST_F(JudgementTest, OwnClientsAreNotJudged) {
  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)};
  use_policy(options, [](Settings& settings) { settings.relay_from = {*ip::Prefix::parse("2001:db8:1::/48")}; });
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250);
}

TEST_F(JudgementTest, ARefusalHasAReasonAWayOutAndAnId) {
  use_rules({rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)});
  const std::string sent = send(std::string(kAlice));
  EXPECT_NE(sent.find("550 5.7.1 The rules of this server do not allow this mail; write to postmaster@example.org ["),
            std::string::npos)
      << sent;
  const json::Value record = last_record();
  const json::Value& recipient = record.at("transactions").array().at(0).at("to").array().at(0);
  EXPECT_EQ(recipient.at("reason").string(), "rule");
  EXPECT_EQ(record.at("decisions").array().at(0).at("rule").string(), "nobody");
}

TEST_F(JudgementTest, ThePageOfTheIdIsNamedWhereThereIsOne) {
  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)};
  use_policy(options, [](Settings& settings) { settings.defence.public_url = "https://mx.example.org"; });
  const std::string sent = send(std::string(kAlice));
  const std::string id(last_record().at("id").string());
  EXPECT_NE(sent.find("[" + id + "; https://mx.example.org/why/" + id + "]\r\n"), std::string::npos) << sent;
}

TEST_F(JudgementTest, RoleAccountsAreReachableUnderAnyPolicy) {  // design invariant 4
  use_rules({rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)});
  for (const char* role : {"postmaster@example.org", "abuse@example.org", "Postmaster"})
    EXPECT_EQ(codes(send("RCPT TO:<" + std::string(role) + ">\r\n")).at(3), 250) << role;
}

TEST_F(JudgementTest, AShadowRuleIsToldAndNotDone) {
  auto shadow = rule("would-refuse", "family in [ipv4, ipv6]", evidence::Action::reject);
  shadow.shadow = true;
  use_rules({shadow});
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250);
  const json::Value record = last_record();
  ASSERT_EQ(record.at("decisions").array().at(0).at("shadow").array().size(), 1U);
  EXPECT_EQ(record.at("decisions").array().at(0).at("shadow").array().at(0).string(), "would-refuse");
}

TEST_F(JudgementTest, TagsGoOnTopAndForgedOnesGo) {
  auto tag = rule("tagged", "spf == pass", evidence::Action::tag);
  tag.label = "vouched";
  use_rules({tag});
  EXPECT_EQ(codes(send(std::string(kAlice))).at(5), 250);
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_EQ(stored()[0].find("forged"), std::string::npos) << stored()[0];
  EXPECT_NE(envelope(0).fields_on_top.find("Postern-Tag: vouched\r\n"), std::string::npos) << envelope(0).fields_on_top;
}

TEST_F(JudgementTest, TheGreylistLetsARetryInAndNotAtOnce) {
  use_rules({rule("grey", "family in [ipv4, ipv6]", evidence::Action::greylist)});
  const std::string first = send(std::string(kAlice));
  EXPECT_NE(first.find("451 4.7.1 Greylisted; try again in 180 s"), std::string::npos) << first;
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 451);
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("greylist").string(), "early");
  // Another machine of the same SPF domain finds the same entry
  EXPECT_EQ(codes(send(std::string(kAlice), "[2001:db8:1:7::9]:1")).at(3), 451);
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("greylist").string(), "early");
}

TEST_F(JudgementTest, TheNullPathIsNotGreylistedAtRcpt) {
  use_rules({rule("grey", "family in [ipv4, ipv6]", evidence::Action::greylist)});
  EXPECT_EQ(codes(send(std::string(kAlice), kClient, "")).at(3), 250);
}

TEST_F(JudgementTest, OneReplyServesOnePolicy) {  // design invariant 4: DATA has one reply
  policy::Options options;
  options.choices.preset = "organisation";
  policy::OverrideOptions other;
  other.recipients = {"bob@example.org"};
  other.choices.dmarc_reject = false;
  options.overrides = {other};
  use_policy(options);
  const std::string both = std::string(kAlice) + "RCPT TO:<bob@example.org>\r\n";
  EXPECT_EQ(codes(send(both)), (std::vector{220, 250, 250, 250, 452, 354, 250, 221}));
}

// Who was named last, or refused last, says nothing of whose message it is.
TEST_F(JudgementTest, TheEndOfDataIsJudgedForTheFirstThatWasTaken) {
  auto never = rule("never", "recipient == mailbox", evidence::Action::reject);
  never.stage = evidence::Stage::data;
  use_rules({never});
  const std::string postmaster = "RCPT TO:<postmaster@example.org>\r\n";
  EXPECT_EQ(codes(send(std::string(kAlice))), (std::vector{220, 250, 250, 250, 354, 550, 221}));
  const std::vector<int> first = codes(send(std::string(kAlice) + postmaster));
  EXPECT_EQ(first.at(first.size() - 2), 550) << "a role account that was named later does not let it pass";
  const std::vector<int> role = codes(send(postmaster + "RCPT TO:<nobody@example.org>\r\n"));
  EXPECT_EQ(role.at(3), 250);
  EXPECT_EQ(role.at(4), 550);
  EXPECT_EQ(role.at(role.size() - 2), 250) << "postmaster's mail is not refused for somebody who was";
}

TEST_F(JudgementTest, MailToRoleAccountsEarnsNothing) {
  use_policy({});
  for (int i = 0; i < 8; ++i) EXPECT_EQ(codes(send("RCPT TO:<postmaster@example.org>\r\n")).at(5), 250);
  send(std::string(kAlice));
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "stranger");
}

TEST_F(JudgementTest, MailToMailboxesEarnsAHistory) {
  use_policy({});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(codes(send(std::string(kAlice))).at(5), 250);
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "seen") << "of one hour";
  for (WallMs hours = 1; hours < 5; ++hours)
    defence->accepted(std::array{Identity("spf:good.example"), host_identity(*ip::Address::parse("2001:db8:1::25"))},
                      wall_now() + hours * 3'600'000);
  send(std::string(kAlice));
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "known");
  // Another machine of the SPF domain has it too, a neighbour without it has not
  send(std::string(kAlice), "[2001:db8:1:7::9]:1");
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "known");
  send(std::string(kAlice), "[2001:db8:1:8::9]:1", "x@elsewhere.example");
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "stranger");
}

// Machines of a hoster's customers, below the hoster's own domain: vmi1 of somebody with SPF, vmi2 of another.
constexpr std::string_view kHosterZone = R"({
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.f.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["vmi1.hoster.example"]},
    "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.f.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["vmi2.hoster.example"]},
    "vmi1.hoster.example": {"AAAA": ["2001:db8:f:1::1"]},
    "vmi2.hoster.example": {"AAAA": ["2001:db8:f:2::2"]},
    "one.example": {"TXT": ["v=spf1 ip6:2001:db8:f:1::/64 -all"]},
    "plain.example": {}})";
constexpr std::string_view kOne = "[2001:db8:f:1::1]:25";
constexpr std::string_view kTwo = "[2001:db8:f:2::2]:25";

TEST_F(JudgementTest, ACustomerDoesNotInheritTheHistoryOfTheHostersOthers) {
  use_zone(kHosterZone);
  use_policy({});
  const auto known = [this] {
    return std::string(last_record().at("decisions").array().at(0).at("evidence").at("known").string());
  };
  for (const char* const sender : {"a@one.example", "a@plain.example"}) {
    EXPECT_EQ(codes(send(std::string(kAlice), kOne, sender)).at(5), 250);
    EXPECT_EQ(codes(send(std::string(kAlice), kOne, sender)).at(5), 250);
    EXPECT_EQ(known(), "seen") << sender;
  }
  EXPECT_EQ(last_record().at("state").at("identity").string(), "name:vmi1.hoster.example");
  send(std::string(kAlice), kTwo, "b@plain.example");
  EXPECT_EQ(known(), "stranger");
  EXPECT_EQ(last_record().at("state").at("identity").string(), "name:vmi2.hoster.example");
}

TEST_F(JudgementTest, WhoHasAnSpfDomainDoesNotEarnForHisName) {
  // Mail servers of one organisation share a name; who is told apart by SPF earns nothing for the others there
  send(std::string(kAlice));
  using evidence::value::Known;
  EXPECT_EQ(defence->history(std::array{Identity("spf:good.example")}, wall_now()).known, Known::seen);
  EXPECT_EQ(defence->history(std::array{Identity("rdns:good.example")}, wall_now()).known, Known::stranger);
  send(std::string(kAlice), kClient, "x@elsewhere.example");
  EXPECT_EQ(defence->history(std::array{Identity("rdns:good.example")}, wall_now()).known, Known::seen);
}

TEST_F(JudgementTest, WhoseHistoryItWasIsInTheRecord) {
  const std::array<Identity, 1> spf{"spf:good.example"};
  for (WallMs hours = 9; hours > 0; --hours) defence->accepted(spf, wall_now() - hours * 3'600'000);
  send(std::string(kAlice));
  EXPECT_EQ(last_record().at("state").at("known_by").string(), "spf:good.example");
  EXPECT_EQ(last_record().at("decisions").array().at(0).at("evidence").at("known").string(), "known");
  send(std::string(kAlice), "[2001:db8:7::1]:25", "x@elsewhere.example");
  EXPECT_TRUE(last_record().at("state").at("known_by").is_null());
}

constexpr std::string_view kNobody = "RCPT TO:<nobody@example.org>\r\n";

std::string times(std::string_view command, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += command;
  return out;
}

TEST_F(JudgementTest, WhoGuessesMailboxesLosesHisHistory) {
  use_policy({});
  const std::array<Identity, 2> earned{"spf:good.example", "host:2001:db8:1::/64"};
  for (WallMs hours = 9; hours > 0; --hours) defence->accepted(earned, wall_now() - hours * 3'600'000);
  const auto known = [&] { return defence->history(earned, wall_now()).known; };
  using evidence::value::Known;
  send(times(kAlice, 5) + times(kNobody, 5));
  EXPECT_EQ(known(), Known::known) << "a list with old addresses: half of them are here";
  send(times(kNobody, 4) + std::string(kAlice));
  EXPECT_EQ(known(), Known::known);
  send(times(kNobody, 5));
  EXPECT_EQ(known(), Known::seen);
}

TEST_F(JudgementTest, GuessesOneASessionCountAsWell) {
  use_policy({});
  const std::array<Identity, 2> earned{"spf:good.example", "host:2001:db8:1::/64"};
  for (WallMs hours = 9; hours > 0; --hours) defence->accepted(earned, wall_now() - hours * 3'600'000);
  const auto known = [&] { return defence->history(earned, wall_now()).known; };
  using evidence::value::Known;
  for (int i = 0; i < 6; ++i) {
    send(std::string(kNobody));
    send(std::string(kAlice));
  }
  EXPECT_EQ(known(), Known::known) << "messages make up for typing errors";
  for (int i = 0; i < 5; ++i) send(std::string(kNobody));
  EXPECT_EQ(known(), Known::seen);
}

// What a history spares is others' doings at wide prefixes, and never all of the sender's own.
TEST_F(JudgementTest, AKnownSendersGuessesHaveAnEnd) {
  use_policy({});
  const std::array<Identity, 2> earned{"spf:good.example", "host:2001:db8:1::/64"};
  for (WallMs hours = 30; hours > 0; --hours) defence->accepted(earned, wall_now() - hours * 3'600'000);
  bool put_off = false;
  for (int i = 0; i < 30 && !put_off; ++i)
    put_off = std::ranges::any_of(codes(send(times(kNobody, 8))), [](int code) { return code == 421 || code == 451; });
  EXPECT_TRUE(put_off);
}

// Nobody knows at the connection who is behind an address; a domain's history shows itself with SPF.
TEST_F(JudgementTest, AFullWidePrefixWaitsUntilItIsKnownWhoComes) {
  use_policy({});
  const std::array<Identity, 1> spf{"spf:good.example"};
  for (WallMs hours = 9; hours > 0; --hours) defence->accepted(spf, wall_now() - hours * 3'600'000);
  for (int i = 1; i < 100; ++i) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "2001:db8:1:%x00::1", i);
    defence->charge({.client = *ip::Address::parse(text.data())}, 1, wall_now());
  }
  EXPECT_EQ(codes(send(std::string(kAlice))), (std::vector{220, 250, 250, 250, 354, 250, 221}));
  constexpr std::string_view kStranger = "[2001:db8:1:7::9]:1";
  const std::vector<int> stranger = codes(send(std::string(kAlice), kStranger, "x@elsewhere.example"));
  EXPECT_EQ(stranger.at(0), 220);
  EXPECT_EQ(stranger.at(3), 451);
  const json::Value record = last_record();
  EXPECT_EQ(record.at("decisions").array().at(0).at("evidence").at("budget").string(), "over");
  EXPECT_EQ(record.at("state").at("budget_level").string(), "v6_48");
  // There is room for so many that nobody knows
  for (int i = 0; i < kDoubtfulMax; ++i) EXPECT_TRUE(defence->enter_doubt()) << i;
  EXPECT_FALSE(defence->enter_doubt());
  EXPECT_EQ(codes(send(std::string(kAlice), kStranger, "x@elsewhere.example")).at(0), 421);
  defence->leave_doubt();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(codes(send(std::string(kAlice), kStranger, "x@elsewhere.example")).at(0), 220) << "places are given back";
}

// Whatever the sender has earned; the trap takes it from him where he is no pool.
TEST_F(JudgementTest, ATrapRefusesTheRestOfTheSession) {
  policy::Options organisation;
  use_policy(organisation, [](Settings& settings) {
    directory::DomainOptions domain;
    domain.name = "example.org";
    domain.deliver = directory::Transport{};
    domain.mailboxes = {"alice", "bob"};
    domain.traps = {"trap"};
    auto built = directory::Directory::build({domain});
    ASSERT_TRUE(built.has_value()) << built.error().what;
    settings.directory = *built;
  });
  const std::array<Identity, 2> earned{"spf:good.example", "host:2001:db8:1::/64"};
  for (WallMs hours = 30; hours > 0; --hours) defence->accepted(earned, wall_now() - hours * 3'600'000);
  EXPECT_EQ(codes(send(std::string(kAlice) + "RCPT TO:<trap@example.org>\r\nRCPT TO:<bob@example.org>\r\n")),
            (std::vector{220, 250, 250, 250, 550, 550, 354, 250, 221}));
  const json::Value record = last_record();
  EXPECT_EQ(record.at("decisions").array().at(2).at("reason").string(), "trap");
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250) << "the next session is another matter";
}

TEST_F(JudgementTest, AProxyThatAsksForItselfIsNotJudged) {
  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("nobody", "family in [ipv4, ipv6]", evidence::Action::reject)};
  use_policy(options,
             [](Settings& settings) { settings.listeners[0].proxy_from = {*ip::Prefix::parse("2001:db8:1::/48")}; });
  const auto through = [this](const std::string& header) {
    return codes(converse(
                     [&header](io::testing::PipeStream& stream, Session&) {
                       stream.push(header);
                       stream.on_send([&stream, sends = 0](std::string_view) mutable {
                         if (++sends != 1) return;
                         stream.push("EHLO a.example\r\nMAIL FROM:<x@a.example>\r\n" + std::string(kAlice) +
                                     "QUIT\r\n");
                         stream.end();
                       });
                     },
                     kClient)
                     .sent)
        .at(3);
  };
  EXPECT_EQ(through("PROXY UNKNOWN\r\n"), 250);
  EXPECT_EQ(through("PROXY TCP6 2001:db8:7::1 2001:db8::25 4000 25\r\n"), 550);
}

TEST_F(JudgementTest, ASpentBudgetDefersAndRefusesNobodyForGood) {
  use_policy({});
  int greeted = 0;
  std::vector<int> last;
  for (int i = 0; i < 30; ++i) {
    last = codes(send("RCPT TO:<nobody@example.org>\r\n", "[2001:db8:9::" + std::to_string(i + 1) + "]:1"));
    if (last.at(0) == 220) {
      ++greeted;
      EXPECT_TRUE(last.at(3) == 550 || last.at(3) == 451) << last.at(3);
    } else {
      EXPECT_EQ(last.at(0), 421);
    }
  }
  EXPECT_GT(greeted, 3);
  EXPECT_LT(greeted, 15);
  EXPECT_EQ(last.at(0), 421);
  EXPECT_EQ(codes(send(std::string(kAlice))).at(0), 220) << "a neighbour pays for nothing";
}

// A session that the client leaves after `octets`, or that says QUIT itself.
TEST_F(JudgementTest, WhoHangsUpIsKnownByItForAnHour) {
  use_rules({rule("gone", "hang_up == yes", evidence::Action::reject)});
  const auto leave_after = [this](const std::string& octets, std::string_view client) {
    converse(
        [&octets](io::testing::PipeStream& stream, Session&) {
          stream.on_send([&stream, &octets, sends = 0](std::string_view) mutable {
            if (++sends != 1) return;
            stream.push(octets);
            stream.end();
          });
        },
        client);
  };
  leave_after("EHLO a.example\r\nQUIT\r\n", kClient);
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250) << "QUIT is no hanging up";
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 250) << "nor is an accepted message";
  leave_after("EHLO a.example\r\n", kClient);
  EXPECT_EQ(codes(send(std::string(kAlice))).at(3), 550);
  EXPECT_EQ(codes(send(std::string(kAlice), "[2001:db8:2::25]:1")).at(3), 250) << "another /64";
}

TEST_F(JudgementTest, ADrainEndsTheWaitBeforeTheGreeting) {
  policy::Options options;
  options.choices.preset = "none";
  options.rules = {rule("any", "early_talk == yes", evidence::Action::reject)};
  // Longer than the session may last: only the drain can end it
  use_policy(options, [](Settings& settings) { settings.defence.greeting_delay_ms = 3600 * 1000; });
  const auto transcript = converse(
      [this](io::testing::PipeStream&, Session& session) { loop.post([&session] { session.drain(); }); }, kClient);
  EXPECT_EQ(codes(transcript.sent), std::vector{421});
}

TEST_F(JudgementTest, ASinkholeTakesAllAndDeliversNothing) {
  policy::Options options;
  use_policy(options, [](Settings& settings) { settings.listeners[0].role = "sinkhole"; });
  EXPECT_EQ(codes(send("RCPT TO:<anybody@elsewhere.example>\r\n")), (std::vector{220, 250, 250, 250, 354, 250, 221}));
  EXPECT_TRUE(stored().empty());
  const json::Value record = last_record();
  EXPECT_EQ(record.at("transactions").array().at(0).at("reason").string(), "sinkhole");
  EXPECT_EQ(record.at("decisions").array().at(0).at("evidence").at("recipient").string(), "trap");
  EXPECT_FALSE(record.at("decisions").array().at(0).at("enforced").boolean());
}

// The sum of a metric's series that have this label.
std::int64_t counted(std::string_view name, std::string_view label) {
  std::int64_t sum = 0;
  for (const MetricFamily& family : metric_families()) {
    if (family.name != name) continue;
    for (const MetricFamily::Series& series : family.series)
      if (series.labels.contains(label)) sum += series.value;
  }
  return sum;
}

TEST_F(JudgementTest, RecipientsAndTransactionsBeyondTheListsAreCounted) {
  policy::Options options;
  options.choices.preset = "none";
  use_policy(options, [](Settings& settings) { settings.limits.refused_recipients = 1000; });
  std::string text = "EHLO client.example\r\nMAIL FROM:<>\r\n";
  for (int i = 0; i < 149; ++i) text += "RCPT TO:<nobody" + std::to_string(i) + "@example.org>\r\n";
  text += "RCPT TO:<alice@example.org>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n";
  for (int i = 0; i < 119; ++i) text += "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nRSET\r\n";
  const std::int64_t unknown = counted("postern_smtp_recipients_total", R"(reason="unknown_user")");
  const std::int64_t rset = counted("postern_smtp_messages_total", R"(reason="rset")");
  say(text + "QUIT\r\n");
  const json::Value record = last_record();
  EXPECT_EQ(record.at("transactions").array().size(), record::kTransactionsMax);
  EXPECT_EQ(record.at("transactions_total").integer(), 120);
  EXPECT_EQ(record.at("beyond").at("transactions").text(), R"([{"count":20,"reason":"rset"}])");
  // Of the first transaction 49 of nobody and alice, and alice again and again
  EXPECT_EQ(record.at("beyond").at("recipients").text(),
            R"([{"code":550,"count":49,"reason":"unknown_user"},{"code":250,"count":21,"reason":"ok"}])");
  EXPECT_EQ(counted("postern_smtp_recipients_total", R"(reason="unknown_user")"), unknown + 149);
  EXPECT_EQ(counted("postern_smtp_messages_total", R"(reason="rset")"), rset + 119);
}

// One of each: neither the metrics nor the records' own numbers mix them up.
TEST_F(JudgementTest, ASinkholeIsCountedApart) {
  const auto use_sinkhole = [this](std::uint32_t sessions) {
    use_policy({}, [sessions](Settings& settings) {
      settings.sessions.total = sessions;
      settings.listeners[0].role = "sinkhole";
      settings.listeners[0].sinkhole.domains = {"elsewhere.example"};
    });
  };
  const auto ordinary = [] {
    std::int64_t sum = 0;
    for (const char* name :
         {"postern_smtp_sessions_total", "postern_smtp_messages_total", "postern_smtp_recipients_total",
          "postern_smtp_commit_seconds", "postern_sessions_total", "postern_sessions_refused_total",
          "postern_recipients_refused_total", "postern_messages_accepted_total"})
      sum += counted(name, "");
    return sum;
  };
  const std::int64_t before = ordinary();
  const std::int64_t sessions = counted("postern_sinkhole_sessions_total", "");
  const std::int64_t messages = counted("postern_sinkhole_messages_total", "");
  use_sinkhole(10);
  EXPECT_EQ(codes(send("RCPT TO:<anybody@elsewhere.example>\r\nRCPT TO:<x@refused.example>\r\n")).at(4), 550);
  EXPECT_EQ(counted("postern_sinkhole_sessions_total", ""), sessions + 1);
  EXPECT_EQ(counted("postern_sinkhole_messages_total", ""), messages + 1);
  std::string many = "EHLO client.example\r\n";
  for (std::size_t i = 0; i <= record::kTransactionsMax; ++i)
    many += "MAIL FROM:<>\r\nRCPT TO:<anybody@elsewhere.example>\r\nDATA\r\nx: y\r\n\r\n.\r\n";
  say(many + "QUIT\r\n");
  EXPECT_EQ(counted("postern_sinkhole_messages_total", ""), messages + 2 + record::kTransactionsMax);
  use_sinkhole(0);
  EXPECT_EQ(codes(say("QUIT\r\n")).at(0), 421);
  EXPECT_EQ(counted("postern_sinkhole_sessions_total", ""), sessions + 3);
  EXPECT_EQ(ordinary(), before);
  // At any other listener each of these counts
  use_policy({}, [](Settings& settings) { settings.sessions.total = 0; });
  const std::int64_t refused = counted("postern_sessions_refused_total", "");
  EXPECT_EQ(codes(say("QUIT\r\n")).at(0), 421);
  EXPECT_EQ(counted("postern_sessions_refused_total", ""), refused + 1);
}

TEST_F(JudgementTest, EveryCommitOfASessionIsTimed) {
  policy::Options options;
  options.choices.preset = "none";
  use_policy(options);
  const std::int64_t commits = counted("postern_smtp_commit_seconds", "");
  std::string text = "EHLO client.example\r\n";
  for (std::size_t i = 0; i <= record::kTransactionsMax; ++i)
    text += "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nx: y\r\n\r\n.\r\n";
  say(text + "QUIT\r\n");
  EXPECT_EQ(stored().size(), record::kTransactionsMax + 1);
  EXPECT_EQ(counted("postern_smtp_commit_seconds", ""), commits + 101) << "those too that the record does not list";
}

TEST_F(JudgementTest, ASinkholeTakesItsDomainsAlone) {
  use_policy({}, [](Settings& settings) {
    settings.listeners[0].role = "sinkhole";
    settings.listeners[0].sinkhole.domains = {"trap.example"};
  });
  EXPECT_EQ(codes(send("RCPT TO:<a@trap.example>\r\nRCPT TO:<a@elsewhere.example>\r\n")).at(4), 550);
}

TEST_F(JudgementTest, WhoNamesNobodyIsInTheRecordAllTheSame) {
  converse(
      [](io::testing::PipeStream& stream, Session&) {
        stream.push("GET / HTTP/1.1\r\n\r\n");
        stream.end();
      },
      kClient);
  const json::Value record = last_record();
  ASSERT_EQ(record.at("decisions").array().size(), 1U);
  EXPECT_EQ(record.at("decisions").array().at(0).at("evidence").at("protocol").string(), "http");
}

}  // namespace
}  // namespace postern::inbound
