// The order of judging, and what stands around it: greylist, shadow, overrides, explanations, fingerprint, limits.
#include "policy/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/policy/policies.h"
#include "unit/policy/random_policy.h"

namespace postern::policy::test {
namespace {

using Names = std::vector<std::string_view>;

TEST(Policy, OrderOfJudgingAtRcpt) {
  const auto policy = compiled(with_rules({rule("tls", "tls == plain", Action::reject)}, "organisation"));
  Evidence evidence = evidence_of(
      {{"tls", "plain"}, {"helo", "own"}, {"operator", "deny"}, {"recipient", "role"}, {"known", "stranger"}});
  const auto verdict = [&] { return said(policy->judge(Moment::rcpt, evidence, kBob)); };
  EXPECT_EQ(verdict(), "accept role");
  evidence.set(Signal::recipient, value::Recipient::mailbox);
  EXPECT_EQ(verdict(), "reject operator (operator_deny)");
  evidence.set(Signal::verdict_of_operator, value::Operator::allow);
  EXPECT_EQ(verdict(), "accept operator (operator_allow)");
  evidence.set(Signal::verdict_of_operator, value::Operator::silent);
  EXPECT_EQ(verdict(), "reject tls (rule)");
  evidence.set(Signal::tls, value::Tls::tls1_3);
  EXPECT_EQ(verdict(), "reject organisation/forged-helo (forged_helo)");
  evidence.set(Signal::helo, value::Helo::name);
  EXPECT_EQ(verdict(), "accept default");
  evidence.set(Signal::greylist, value::Greylist::first);
  evidence.set_number(Signal::list_score, 2);
  EXPECT_EQ(verdict(), "greylist organisation/lists-delay (greylisted)");
  evidence.set_number(Signal::list_score, 0);
  evidence = evidence_of(
      {{"early_talk", "no"}, {"pipelining", "yes"}, {"helo_match", "differs"}, {"rdns", "unconfirmed"}}, evidence);
  EXPECT_EQ(verdict(), "greylist score (greylisted)");
}

// Design invariant 6: nobody is refused for a history that could not be looked up.
TEST(Policy, ARefusalForWantOfAHistoryWaitsUntilItCanBeTold) {
  Options options = preset("organisation");
  options.choices.home = countries({"US"});
  const auto policy = compiled(options);
  const auto rcpt = [&](const Evidence& evidence) { return said(policy->judge(Moment::rcpt, evidence, kBob)); };
  EXPECT_EQ(rcpt(evidence_of({{"country", "DE"}, {"known", "stranger"}})), "reject organisation/country (country)");
  EXPECT_EQ(rcpt(evidence_of({{"country", "DE"}, {"known", "undecided"}})), "throttle organisation/country (history)");
  EXPECT_EQ(rcpt(evidence_of({{"country", "US"}, {"known", "undecided"}})), "accept default");
  EXPECT_EQ(rcpt(evidence_of({{"helo", "own"}, {"known", "undecided"}})),
            "reject organisation/forged-helo (forged_helo)");  // which no history prevents
  EXPECT_EQ(rcpt(evidence_of({{"trap", "yes"}, {"known", "undecided"}})), "reject organisation/trap (trap)");
  const auto data = [&](const Evidence& evidence) { return said(policy->judge(Moment::data, evidence, kBob)); };
  const Evidence forged =
      evidence_of({{"dmarc", "fail"}, {"dmarc_policy", "reject"}, {"known", "undecided"}, {"arc", "none"}});
  EXPECT_EQ(data(forged), "reject organisation/dmarc-reject (dmarc)");  // no chain that a history could vouch for
  EXPECT_EQ(data(evidence_of({{"arc", "pass"}}, forged)), "throttle organisation/dmarc-reject (history)");
}

TEST(Policy, ARuleOfThePresetInTheShadowOnlyTells) {
  for (const std::string_view name : {"organisation/forged-helo", "forged-helo"}) {
    Options options = preset("organisation");
    options.shadow = {{.rule = std::string(name), .place = {}}};
    const auto policy = compiled(options);  // outlives the verdict, which names its rules
    const auto verdict = policy->judge(Moment::rcpt, evidence_of({{"helo", "own"}}), kBob);
    EXPECT_EQ(said(verdict), "accept default");
    EXPECT_EQ(verdict.shadow, Names{"organisation/forged-helo"});
    EXPECT_NE(policy->fingerprint(), compiled(preset("organisation"))->fingerprint());
  }
}

TEST(Policy, AtConnectOnlyBudgetsSpeak) {
  const Options options = with_rules(
      {rule("first", "os == windows", Action::reject), rule("friend", "rdns_domain == example.net", Action::accept),
       rule("listed", "lists has any", Action::throttle),
       rule("slow", "budget == over and lists has any", Action::throttle)},
      "organisation");
  Options listed = options;
  listed.lists = {"zen"};
  const auto policy = compiled(listed);
  Evidence evidence = evidence_of({{"os", "windows"}, {"known", "stranger"}, {"operator", "deny"}});
  evidence.set_lists(1, 1);
  const auto connect = [&] { return said(policy->judge(Moment::connect, evidence, {})); };
  EXPECT_EQ(connect(), "accept default");  // what is no budget waits for RCPT
  evidence.set(Signal::budget, value::Budget::over);
  EXPECT_EQ(connect(), "throttle slow (rule)");
  evidence.set(Signal::budget, value::Budget::within);
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence, kBob)), "reject operator (operator_deny)");
  evidence.set_text(Signal::rdns_domain, "example.net");
  EXPECT_EQ(connect(), "accept friend");
  evidence = evidence_of({{"os", "windows"}, {"known", "stranger"}, {"budget", "over"}});
  EXPECT_EQ(connect(), "throttle organisation/budget (budget)");
  evidence.set(Signal::verdict_of_operator, value::Operator::allow);
  EXPECT_EQ(connect(), "accept operator (operator_allow)");
  // a budget spares whoever we wrote to, and whoever it cannot tell; the known have a wider one, and its end
  EXPECT_EQ(said(policy->judge(Moment::connect, evidence_of({{"budget", "over"}, {"known", "known"}}), {})),
            "throttle organisation/budget (budget)");
  EXPECT_EQ(said(policy->judge(Moment::connect, evidence_of({{"budget", "over"}, {"known", "replied_to"}}), {})),
            "accept default");
  EXPECT_EQ(said(policy->judge(Moment::connect, evidence_of({{"budget", "over"}}), {})), "accept default");
}

TEST(Policy, AtDataTheRulesOfThatStage) {
  const auto policy = compiled(with_rules(
      {rule("friend", "rdns_domain == example.net", Action::accept),
       rule("big", "size > 1MiB and spf != pass", Action::reject), rule("tagged", "dkim == none", Action::tag)},
      "organisation"));
  Evidence evidence = evidence_of({{"size", "2000000"}, {"spf", "fail"}, {"dkim", "none"}});
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence, kBob)), "accept default");
  Verdict verdict = policy->judge(Moment::data, evidence, kBob);
  EXPECT_EQ(said(verdict), "reject big (rule)");
  EXPECT_TRUE(verdict.tags.empty());
  evidence.set_number(Signal::size, 100);
  verdict = policy->judge(Moment::data, evidence, kBob);
  EXPECT_EQ(said(verdict), "accept default");
  EXPECT_EQ(verdict.tags, Names{"tagged"});
  // postmaster and abuse get it, also where DMARC fails
  evidence = evidence_of({{"dmarc", "fail"}, {"dmarc_policy", "reject"}, {"arc", "none"}}, evidence);
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "reject organisation/dmarc-reject (dmarc)");
  evidence.set(Signal::recipient, value::Recipient::role);
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "accept role");
}

TEST(Policy, WhoWasAcceptedByARuleIsNotScoredAtData) {
  Options options = with_rules({rule("friend", "rdns_domain == example.net", Action::accept)}, "organisation");
  options.pins = {{"tls", "plain", 10, {}}};
  const auto policy = compiled(options);
  Evidence evidence = evidence_of({{"tls", "plain"}});
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence, kBob)), "reject score (evidence)");
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "reject score (evidence)");
  evidence.set_text(Signal::rdns_domain, "example.net");
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence, kBob)), "accept friend");
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "accept default");
  // DMARC is about the author, for whom the rule did not speak
  evidence = evidence_of({{"dmarc", "fail"}, {"dmarc_policy", "reject"}, {"arc", "none"}}, evidence);
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "reject organisation/dmarc-reject (dmarc)");
}

TEST(Policy, AGreylistRuleYields) {
  const auto policy = compiled(
      with_rules({rule("wait", "rdns == none", Action::greylist), rule("no", "tls == plain", Action::reject)}));
  const auto verdict = [&](std::string_view greylist, std::string_view sender, std::string_view tls) {
    return said(policy->judge(
        Moment::rcpt, evidence_of({{"rdns", "none"}, {"greylist", greylist}, {"sender", sender}, {"tls", tls}}), kBob));
  };
  EXPECT_EQ(verdict("first", "address", "plain"), "greylist wait (rule)");
  EXPECT_EQ(verdict("early", "address", "plain"), "greylist wait (rule)");
  EXPECT_EQ(verdict("due", "address", "plain"), "reject no (rule)");  // satisfied, and on it goes
  EXPECT_EQ(verdict("due", "address", "tls1_3"), "accept default");
  EXPECT_EQ(verdict("weak", "address", "tls1_3"), "accept default");
  EXPECT_EQ(verdict("unknown", "address", "tls1_3"), "accept default");  // no table: mail flows
  EXPECT_EQ(verdict("first", "null", "tls1_3"), "accept default");       // never <> before DATA
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence_of({{"greylist", "first"}}), kBob)), "accept default");
}

TEST(Policy, TheNullSenderMayWaitAtData) {
  const auto policy = compiled(with_rules({rule("wait", "dkim == none", Action::greylist)}));
  const Evidence evidence = evidence_of({{"dkim", "none"}, {"sender", "null"}, {"greylist", "first"}});
  EXPECT_EQ(said(policy->judge(Moment::data, evidence, kBob)), "greylist wait (rule)");
}

// Else a bot had only to write MAIL FROM:<>.
TEST(Policy, WhatTheNullSenderWasSparedAtRcptWaitsAtData) {
  const auto policy = compiled(with_rules({rule("wait", "rdns == none", Action::greylist)}));
  const auto verdict = [&](Moment moment, std::string_view sender, std::string_view greylist) {
    return said(
        policy->judge(moment, evidence_of({{"rdns", "none"}, {"sender", sender}, {"greylist", greylist}}), kBob));
  };
  EXPECT_EQ(verdict(Moment::rcpt, "null", "first"), "accept default");
  EXPECT_EQ(verdict(Moment::data, "null", "first"), "greylist wait (rule)");
  EXPECT_EQ(verdict(Moment::data, "null", "due"), "accept default");
  EXPECT_EQ(verdict(Moment::data, "address", "first"), "accept default");
  const Evidence evidence = evidence_of({{"rdns", "none"}, {"sender", "null"}, {"greylist", "first"}});
  ASSERT_EQ(policy->explain(Moment::data, evidence, kBob).answers.size(), 1U);
  EXPECT_FALSE(policy->explain(Moment::data, evidence, kBob).answers[0].settled);
}

TEST(Policy, TheWeakKeyPassesOnlyTheMildlyDubious) {
  Options options = with_rules({rule("wait", "helo == name", Action::greylist)}, "organisation");
  options.pins = {{"tls", "plain", 3.5, {}}};
  const auto policy = compiled(options);
  const auto weak = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> words) {
    return said(policy->judge(
        Moment::rcpt, evidence_of(words, evidence_of({{"helo", "name"}, {"greylist", "weak"}, {"known", "seen"}})),
        kBob));
  };
  EXPECT_EQ(weak({{"os", "linux"}, {"rdns", "confirmed"}}), "accept default");
  EXPECT_EQ(weak({{"os", "windows"}, {"rdns", "mail"}}), "greylist wait (rule)");
  EXPECT_EQ(weak({{"os", "linux"}, {"rdns", "generic"}}), "greylist wait (rule)");
  EXPECT_EQ(weak({{"tls", "plain"}, {"rdns", "none"}}), "greylist wait (rule)");  // 3.5 nats and more: over the middle
}

TEST(Policy, GreylistingCanBeTurnedOff) {
  Options options = with_rules({rule("wait", "rdns == none", Action::greylist)}, "organisation");
  options.choices.greylist = false;
  const auto policy = compiled(options);
  const Evidence evidence = evidence_of({{"rdns", "none"}, {"list_score", "3"}, {"greylist", "first"}});
  EXPECT_EQ(said(policy->judge(Moment::rcpt, evidence, kBob)), "accept default");
}

TEST(Policy, TheScoreSparesWhoHasAHistory) {
  Options options = preset("organisation");
  options.pins = {{"tls", "plain", 3, {}}};
  const auto policy = compiled(options);
  const auto verdict = [&](std::string_view known) {
    return said(
        policy->judge(Moment::rcpt, evidence_of({{"tls", "plain"}, {"greylist", "first"}, {"known", known}}), kBob));
  };
  EXPECT_EQ(verdict("stranger"), "greylist score (greylisted)");
  EXPECT_EQ(verdict("seen"), "greylist score (greylisted)");
  EXPECT_EQ(verdict("known"), "accept default");
  EXPECT_EQ(verdict("replied_to"), "accept default");
}

TEST(Policy, ARefusalByScoreNeedsMeanAndBound) {
  Options options = preset("organisation");
  options.pins = {{"tls", "plain", 4, {}}, {"helo", "localhost", 2, {}}, {"family", "ipv6", -1.5, {}}};
  const auto policy = compiled(options);
  const Evidence bad = evidence_of({{"tls", "plain"}, {"helo", "localhost"}, {"greylist", "first"}});
  Verdict verdict = policy->judge(Moment::rcpt, bad, kBob);
  EXPECT_EQ(said(verdict), "reject score (evidence)");
  EXPECT_FLOAT_EQ(verdict.score, 6);
  EXPECT_FLOAT_EQ(verdict.score_low, 6);
  verdict = policy->judge(Moment::rcpt, evidence_of({{"family", "ipv6"}}, bad), kBob);
  EXPECT_EQ(said(verdict), "greylist score (greylisted)");
  // priors raise the mean and not the bound
  verdict = policy->judge(Moment::rcpt,
                          evidence_of({{"tls", "plain"},
                                       {"rdns", "none"},
                                       {"os", "linux"},
                                       {"known", "stranger"},
                                       {"pipelining", "yes"},
                                       {"helo_match", "differs"},
                                       {"greylist", "due"}}),
                          kBob);
  EXPECT_GT(verdict.score, 4);
  EXPECT_LE(verdict.score_low, 4);
}

TEST(Policy, ShadowRulesAreRecordedAndDoNothing) {
  RuleOptions shadow = rule("try", "tls == plain", Action::reject);
  shadow.shadow = true;
  RuleOptions waiting = rule("try-wait", "rdns == none", Action::greylist);
  waiting.shadow = true;
  RuleOptions tagging = rule("try-tag", "tls == plain", Action::tag);
  tagging.shadow = true;
  const auto policy = compiled(with_rules(
      {shadow, waiting, tagging, rule("no", "helo == own", Action::reject), rule("tag", "tls == plain", Action::tag)}));
  Evidence evidence = evidence_of({{"tls", "plain"}, {"rdns", "none"}, {"greylist", "first"}});
  Verdict verdict = policy->judge(Moment::rcpt, evidence, kBob);
  EXPECT_EQ(said(verdict), "accept default");
  EXPECT_EQ(verdict.shadow, (Names{"try", "try-wait", "try-tag"}));
  EXPECT_EQ(verdict.tags, Names{"tag"});
  EXPECT_EQ(verdict.matched, 0b10111U);
  evidence.set(Signal::greylist, value::Greylist::due);
  evidence.set(Signal::helo, value::Helo::own);
  verdict = policy->judge(Moment::rcpt, evidence, kBob);
  EXPECT_EQ(said(verdict), "reject no (rule)");
  EXPECT_EQ(verdict.shadow, (Names{"try", "try-tag"}));
  EXPECT_EQ(verdict.matched, 0b01111U);
}

TEST(Policy, RulesForSomeRecipients) {
  RuleOptions limited = rule("bobs", "tls == plain", Action::reject);
  limited.recipients = {"Bob@Example.org", "example.net"};
  limited.text = "Bob takes no mail in the clear";
  const auto policy = compiled(with_rules({limited}));
  const Evidence evidence = evidence_of({{"tls", "plain"}});
  const auto verdict = [&](std::string_view address, std::string_view domain) {
    return policy->judge(Moment::rcpt, evidence, {.address = address, .domain = domain});
  };
  EXPECT_EQ(said(verdict("bob@example.org", "example.org")), "reject bobs (rule)");
  EXPECT_EQ(verdict("bob@example.org", "example.org").text, "Bob takes no mail in the clear");
  EXPECT_EQ(said(verdict("alice@example.org", "example.org")), "accept default");
  EXPECT_EQ(said(verdict("alice@EXAMPLE.NET", "EXAMPLE.NET")), "reject bobs (rule)");
  EXPECT_EQ(said(verdict("alice@sub.example.net", "sub.example.net")), "accept default");
}

TEST(Policy, OverridesAddressBeforeDomain) {
  Options options = preset("organisation");
  OverrideOptions domain{.recipients = {"example.net"}};
  domain.choices.preset = "none";
  OverrideOptions address{.recipients = {"Sales@example.net"}};
  address.choices.home = countries({"US"});
  address.choices.reject_at = 3;
  options.overrides = {domain, address};
  const auto policy = compiled(options);
  const Evidence evidence = evidence_of({{"helo", "own"}, {"country", "DE"}, {"known", "stranger"}});
  const auto verdict = [&](std::string_view address_of, std::string_view domain_of, const Evidence& of) {
    return said(policy->judge(Moment::rcpt, of, {.address = address_of, .domain = domain_of}));
  };
  EXPECT_EQ(verdict("a@example.org", "example.org", evidence), "reject organisation/forged-helo (forged_helo)");
  EXPECT_EQ(verdict("a@example.net", "example.net", evidence), "accept default");
  EXPECT_EQ(verdict("sales@example.net", "example.net", evidence), "reject organisation/forged-helo (forged_helo)");
  const Evidence german = evidence_of({{"country", "DE"}, {"known", "stranger"}});
  EXPECT_EQ(verdict("a@example.org", "example.org", german), "accept default");
  EXPECT_EQ(verdict("sales@example.net", "example.net", german), "reject organisation/country (country)");
  EXPECT_EQ(policy->explain(Moment::rcpt, german, {.address = "sales@example.net", .domain = "example.net"}).reject_at,
            3);
}

TEST(Policy, HomeIsThatOfTheRecipient) {
  Options options = with_rules({rule("abroad", "country not in home", Action::tag)});
  options.choices.home = countries({"DE"});
  options.choices.refuse_abroad = false;
  options.overrides.push_back({.recipients = {"example.net"}});
  options.overrides[0].choices.home = countries({"US", "DE"});
  const auto policy = compiled(options);
  const Evidence evidence = evidence_of({{"country", "US"}});
  EXPECT_EQ(policy->judge(Moment::rcpt, evidence, kBob).tags, Names{"abroad"});
  EXPECT_EQ(policy->judge(Moment::rcpt, evidence, {.address = "a@example.net", .domain = "example.net"}).tags, Names{});
}

TEST(Policy, SameAtData) {
  const For alice{.address = "alice@example.org", .domain = "example.org"};
  const For carol{.address = "carol@example.net", .domain = "example.net"};
  const For postmaster{.address = "Postmaster@example.org", .domain = "example.org"};
  const auto same = [](const Options& options, const For& one, const For& other) {
    const auto policy = compiled(options);
    EXPECT_EQ(policy->same_at_data(one, other), policy->same_at_data(other, one));
    EXPECT_TRUE(policy->same_at_data(one, one));
    return policy->same_at_data(one, other);
  };
  EXPECT_TRUE(same(preset("organisation"), kBob, carol));
  EXPECT_FALSE(same(preset("organisation"), kBob, postmaster));
  EXPECT_TRUE(same(preset("none"), kBob, postmaster));  // nothing is judged then
  // another preset, thresholds, home
  Options options = preset("organisation");
  options.overrides.push_back({.recipients = {"example.net"}});
  EXPECT_TRUE(same(options, kBob, carol));
  options.overrides[0].choices.reject_at = 6;
  EXPECT_FALSE(same(options, kBob, carol));
  EXPECT_TRUE(same(options, kBob, alice));
  options.overrides[0].choices = {};
  options.overrides[0].choices.preset = "provider";
  EXPECT_FALSE(same(options, kBob, carol));
  // rules for some
  options = preset("none");
  options.rules = {rule("no", "dkim == fail", Action::reject)};
  options.rules[0].recipients = {"bob@example.org"};
  EXPECT_FALSE(same(options, kBob, alice));
  EXPECT_TRUE(same(options, carol, alice));
  options.rules[0].when = "tls == plain";  // of RCPT
  EXPECT_TRUE(same(options, kBob, alice));
  options.rules[0].action = Action::accept;  // which spares the score at DATA, where there is one
  EXPECT_TRUE(same(options, kBob, alice));
  options.choices.preset = "organisation";
  EXPECT_FALSE(same(options, kBob, alice));
  // rules that ask for the recipient
  options = preset("none");
  options.rules = {rule("no", "dkim == fail and recipient_domain == example.org", Action::reject)};
  EXPECT_FALSE(same(options, kBob, alice));
}

// Two recipients that are called alike get the same verdict on the same evidence.
TEST(Policy, SameAtDataIsSound) {
  Random random(5);
  Options options = preset("organisation");
  options.choices.home = countries({"US", "CA"});
  options.rules = {rule("a", "dkim == fail", Action::reject), rule("b", "rdns == none", Action::accept),
                   rule("c", "spf == fail and dkim == none", Action::tag)};
  options.rules[0].recipients = {"one@a.example"};
  options.rules[1].recipients = {"b.example"};
  options.overrides.push_back({.recipients = {"two@a.example"}});
  options.overrides[0].choices.preset = "strict";
  options.overrides.push_back({.recipients = {"c.example"}});
  options.overrides[1].choices.dmarc_quarantine = OnQuarantine::reject;
  const auto policy = compiled(options);
  const std::vector<For> all{{"one@a.example", "a.example"},   {"two@a.example", "a.example"},
                             {"three@a.example", "a.example"}, {"one@b.example", "b.example"},
                             {"two@b.example", "b.example"},   {"one@c.example", "c.example"},
                             {"one@d.example", "d.example"}};
  std::size_t alike = 0;
  for (const For& one : all) {
    for (const For& other : all) {
      if (!policy->same_at_data(one, other)) continue;
      ++alike;
      for (int i = 0; i < 500; ++i) {
        const Evidence evidence = random_evidence(random);
        const Verdict a = policy->judge(Moment::data, evidence, one);
        const Verdict b = policy->judge(Moment::data, evidence, other);
        ASSERT_EQ(said(a), said(b)) << one.address << " " << other.address;
        ASSERT_EQ(a.tags, b.tags);
      }
    }
  }
  EXPECT_EQ(alike, 7U + 2 + 2);  // each with itself; both of b.example; three@a and d
}

TEST(Policy, Asks) {
  const auto nothing = compiled(preset("none"));
  for (const evidence::SignalInfo& info : evidence::signals()) {
    EXPECT_EQ(nothing->asks(info.signal),
              info.signal == Signal::recipient || info.signal == Signal::verdict_of_operator)
        << info.name;
  }
  Options options = with_rules({rule("a", "ja4 == x and dkim_domain is known", Action::tag)});
  options.rules[0].shadow = true;
  auto policy = compiled(options);
  EXPECT_TRUE(policy->asks(Signal::ja4));
  EXPECT_TRUE(policy->asks(Signal::dkim_domain));
  EXPECT_FALSE(policy->asks(Signal::os));
  EXPECT_FALSE(policy->asks(Signal::greylist));
  policy = compiled(with_rules({rule("a", "helo == localhost", Action::greylist)}));
  EXPECT_TRUE(policy->asks(Signal::greylist));
  EXPECT_TRUE(policy->asks(Signal::os));  // the weak key does not do for Windows
  options = preset("organisation");
  options.lists = {"zen"};
  policy = compiled(options);
  for (const Signal signal :
       {Signal::os, Signal::rdns, Signal::country, Signal::known, Signal::helo_match, Signal::tls, Signal::spf,
        Signal::dmarc, Signal::dkim, Signal::lists, Signal::list_score, Signal::greylist, Signal::budget}) {
    EXPECT_TRUE(policy->asks(signal)) << evidence::info(signal).name;
  }
  for (const Signal signal : {Signal::ja4, Signal::size, Signal::helo_name, Signal::errors, Signal::family}) {
    EXPECT_FALSE(policy->asks(signal)) << evidence::info(signal).name;
  }
  options.counts = Counts{.spam = 1000, .ham = 1000, .rows = {{"family", "ipv6", 100, 900}}, .cells = {}};
  EXPECT_TRUE(compiled(options)->asks(Signal::family));
}

// What nobody asks for does not matter: random evidence, the signals that are not asked for made unknown.
TEST(Policy, AsksIsComplete) {
  Random random(6);
  for (const std::string_view name : {"personal", "organisation", "provider", "strict", "none"}) {
    Options options = preset(name);
    options.lists = kLists;
    options.choices.home = countries({"US"});
    options.rules = {rule("a", "errors > 4 and helo_name contains pool", Action::tag)};
    const auto policy = compiled(options);
    for (int i = 0; i < 2000; ++i) {
      const Evidence all = random_evidence(random);
      Evidence asked = all;
      for (const evidence::SignalInfo& info : evidence::signals()) {
        if (policy->asks(info.signal)) continue;
        if (info.type == evidence::Type::text)
          asked.set_text(info.signal, "");
        else
          asked.set_number(info.signal, info.type == evidence::Type::number ? evidence::kUnknown : 0);
      }
      for (const Moment moment : {Moment::connect, Moment::rcpt, Moment::data}) {
        const Verdict a = policy->judge(moment, all, kBob);
        const Verdict b = policy->judge(moment, asked, kBob);
        ASSERT_EQ(said(a), said(b));
        ASSERT_EQ(a.score, b.score);
        ASSERT_EQ(a.tags, b.tags);
        ASSERT_EQ(a.matched, b.matched);
      }
    }
  }
}

TEST(Policy, ExplainsAlsoWhatDidNotDecide) {
  const auto policy =
      compiled(with_rules({rule("a", "os == windows and rdns == none", Action::reject),
                           rule("b", "tls == plain", Action::greylist), rule("c", "size > 3", Action::reject)},
                          "organisation"));
  const Evidence evidence =
      evidence_of({{"os", "windows"}, {"tls", "plain"}, {"recipient", "role"}, {"greylist", "due"}});
  const Explanation explanation = policy->explain(Moment::rcpt, evidence, kBob);
  ASSERT_GT(explanation.answers.size(), 2U);  // although the role account is accepted
  EXPECT_EQ(explanation.answers[0].rule, "a");
  EXPECT_EQ(explanation.answers[0].truth, Answer::Truth::unknown);
  EXPECT_EQ(explanation.answers[0].against, std::vector<std::string>{"rdns == none"});
  EXPECT_EQ(explanation.answers[1].rule, "b");
  EXPECT_EQ(explanation.answers[1].truth, Answer::Truth::yes);
  EXPECT_TRUE(explanation.answers[1].settled);
  EXPECT_TRUE(explanation.answers[1].against.empty());
  EXPECT_EQ(explanation.answers[2].rule, "organisation/budget");
  EXPECT_EQ(explanation.greylist_at, 1);
  EXPECT_EQ(explanation.reject_at, 5);
  EXPECT_EQ(explanation.terms.size(), 2U);
  EXPECT_EQ(policy->explain(Moment::data, evidence, kBob).answers[0].rule, "c");
}

TEST(Policy, Fingerprint) {
  const Options options = preset("organisation");
  const auto print = [](const Options& of) { return std::string(compiled(of)->fingerprint()); };
  EXPECT_EQ(print(options).size(), 16U);
  EXPECT_EQ(print(options), print(Options{}));  // organisation is the default
  std::vector<std::string> prints{print(options)};
  const auto other = [&](auto&& change) {
    Options changed = options;
    change(changed);
    prints.push_back(print(changed));
  };
  other([](Options& o) { o.choices.preset = "personal"; });
  other([](Options& o) { o.choices.home = countries({"US", "CA"}); });
  other([](Options& o) { o.choices.reject_at = 6; });
  other([](Options& o) { o.choices.greylist = false; });
  other([](Options& o) { o.choices.require_tls = RequireTls::both; });
  other([](Options& o) { o.rules = {rule("a", "os == linux", Action::accept)}; });
  other([](Options& o) { o.rules = {rule("a", "os == linux", Action::reject)}; });
  other([](Options& o) { o.pins = {{"os", "linux", 1, {}}}; });
  other([](Options& o) { o.pins = {{"os", "linux", 2, {}}}; });
  other([](Options& o) { o.lists = {"zen"}; });
  other([](Options& o) { o.counts = Counts{.spam = 10, .ham = 10, .rows = {{"tls", "plain", 1, 2}}, .cells = {}}; });
  other([](Options& o) { o.overrides.push_back({.recipients = {"example.net"}}); });
  std::ranges::sort(prints);
  EXPECT_EQ(std::ranges::adjacent_find(prints), prints.end());
  // neither places in the file nor the order of countries decide anything
  Options one = options;
  one.choices.home = countries({"US", "CA"});
  one.rules = {rule("a", "os == linux", Action::accept)};
  Options same = one;
  same.choices.home = countries({"CA", "US"});
  same.rules[0].place = {.line = 7, .column = 3};
  EXPECT_EQ(print(one), print(same));
  // a change here means that records of before name another policy: kJudgingVersion or a preset has changed
  EXPECT_EQ(print(preset("none")), "522c3a9ff597684a");
}

TEST(Policy, SameInputSameOutput) {
  Random random(7);
  Options options = preset("strict");
  options.lists = kLists;
  options.choices.home = countries({"US"});
  for (int r = 0; r < 20; ++r) {
    constexpr std::array kActions{Action::accept, Action::reject, Action::throttle, Action::greylist, Action::tag};
    options.rules.push_back(rule("r" + std::to_string(r), random_tree(random, 2).text(), random.one_of(kActions)));
    if (!problems_of(options).empty()) options.rules.pop_back();
  }
  const auto first = compiled(options);
  const auto second = compiled(options);
  EXPECT_EQ(first->fingerprint(), second->fingerprint());
  for (int i = 0; i < 3000; ++i) {
    const Evidence evidence = random_evidence(random);
    for (const Moment moment : {Moment::connect, Moment::rcpt, Moment::data}) {
      const Verdict a = first->judge(moment, evidence, kBob);
      const Verdict again = first->judge(moment, evidence, kBob);
      const Verdict b = second->judge(moment, evidence, kBob);
      for (const Verdict* const verdict : {&again, &b}) {
        ASSERT_EQ(said(a), said(*verdict));
        ASSERT_EQ(a.matched, verdict->matched);
        ASSERT_EQ(a.score, verdict->score);
        ASSERT_EQ(a.score_low, verdict->score_low);
        ASSERT_EQ(a.tags, verdict->tags);
        ASSERT_EQ(a.shadow, verdict->shadow);
        ASSERT_EQ(a.text, verdict->text);
      }
    }
  }
}

TEST(Policy, MatchedHasBitsForTheFirst64) {
  Options options = preset("none");
  for (int i = 0; i < 66; ++i)
    options.rules.push_back(rule("r" + std::to_string(i), "errors > " + std::to_string(i / 10), Action::tag));
  const auto policy = compiled(options);
  EXPECT_EQ(policy->rule_names().size(), 66U);
  EXPECT_EQ(policy->rule_names()[65], "r65");
  const Verdict verdict = policy->judge(Moment::rcpt, evidence_of({{"errors", "100"}}), kBob);
  EXPECT_EQ(verdict.matched, ~std::uint64_t{0});
  EXPECT_EQ(verdict.tags.size(), 66U);
}

// Who breaks his own DNS is undecided and no stranger: a rule that tells the two apart lets him pass.
TEST(Policy, TellingStrangersFromTheUndecidedIsWarnedOf) {
  const auto warned = [](std::string when) {
    Options options = with_rules({rule("r", std::move(when), Action::reject)}, "organisation");
    const auto policy = compiled(options);
    return policy->warnings().size();
  };
  EXPECT_EQ(warned("os == windows and known == stranger"), 1U);
  EXPECT_EQ(warned("known in [stranger, seen]"), 1U);
  EXPECT_EQ(warned("known != stranger"), 1U);
  EXPECT_EQ(warned("known in [stranger, undecided]"), 0U);
  EXPECT_EQ(warned("known not in [known, replied_to]"), 0U);
  EXPECT_EQ(warned("known == seen"), 0U);
  EXPECT_EQ(warned("os == windows"), 0U);
}

TEST(Policy, RequiringTlsIsWarnedOf) {
  Options options = preset("organisation");
  EXPECT_TRUE(compiled(options)->warnings().empty());
  options.choices.require_tls = RequireTls::ipv6;
  const auto policy = compiled(options);
  ASSERT_EQ(policy->warnings().size(), 1U);
  EXPECT_NE(policy->warnings()[0].what.find("RFC 3207"), std::string::npos);
  const auto verdict = [&](std::string_view family, std::string_view tls) {
    return said(policy->judge(Moment::rcpt, evidence_of({{"family", family}, {"tls", tls}}), kBob));
  };
  EXPECT_EQ(verdict("ipv6", "plain"), "reject organisation/tls-ipv6 (tls_required)");
  EXPECT_EQ(verdict("ipv6", "tls1_2"), "accept default");
  EXPECT_EQ(verdict("ipv4", "plain"), "accept default");
  EXPECT_EQ(verdict("ipv6", "unknown"), "accept default");
}

}  // namespace
}  // namespace postern::policy::test
