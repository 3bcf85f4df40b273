// Who passes, who waits and who is refused under each preset, as docs/policy.md says. The evidence of each sender is
// what a session gathers; the columns are the presets.
#include "policy/presets.h"

#include <gtest/gtest.h>

#include <array>
#include <sstream>

#include "unit/policy/page.h"
#include "unit/policy/policies.h"

namespace postern::policy::test {
namespace {

struct Scenario {
  std::string_view who;
  Evidence evidence;
  bool at_data = false;
  // "accept", "greylist", "reject", "throttle", with the rule behind it; in the order of kPresets
  std::array<std::string_view, 5> verdicts;
};

constexpr std::array<std::string_view, 5> kPresets{"personal", "organisation", "provider", "strict", "none"};
constexpr std::string_view kAccept = "accept default";

Evidence session(std::initializer_list<std::pair<std::string_view, std::string_view>> words) {
  return evidence_of(
      words,
      evidence_of({{"family", "ipv4"},    {"address", "global"},  {"country", "US"},        {"rdns", "confirmed"},
                   {"os", "linux"},       {"early_talk", "no"},   {"list_score", "0"},      {"budget", "within"},
                   {"known", "stranger"}, {"operator", "silent"}, {"helo", "name"},         {"helo_match", "address"},
                   {"protocol", "smtp"},  {"pipelining", "no"},   {"tls", "tls1_3"},        {"tls_retry", "no"},
                   {"sender", "address"}, {"spf", "none"},        {"recipient", "mailbox"}, {"greylist", "first"},
                   {"trap", "no"},        {"errors", "0"}}));
}

Evidence message(Evidence evidence, std::initializer_list<std::pair<std::string_view, std::string_view>> words) {
  return evidence_of(
      words,
      evidence_of({{"dkim", "pass"}, {"dmarc", "pass"}, {"dmarc_policy", "reject"}, {"arc", "none"}, {"size", "20000"}},
                  std::move(evidence)));
}

std::vector<Scenario> scenarios() {
  const Evidence good = session({{"rdns", "mail"}, {"spf", "pass"}, {"helo_match", "ptr"}});
  const Evidence windows_365 = session({{"os", "windows"}, {"rdns", "mail"}, {"spf", "pass"}, {"helo_match", "ptr"}});
  const Evidence bot =
      session({{"os", "windows"}, {"rdns", "generic"}, {"country", "BR"}, {"helo_match", "differs"}, {"tls", "plain"}});
  const Evidence failing = message(good, {{"dmarc", "fail"}, {"dkim", "none"}});
  return {
      {"Linux with a good name and SPF", good, false, {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"Linux with a name of its own, no SPF, in the clear",
       session({{"tls", "plain"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"a pool of servers as Gmail's, over IPv6",
       session({{"family", "ipv6"}, {"rdns", "mail"}, {"spf", "pass"}, {"helo_match", "ptr"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"Windows with a mail server's name and SPF, a stranger",
       windows_365,
       false,
       {"greylist personal/windows", "greylist organisation/windows", kAccept, "greylist strict/windows", kAccept}},
      {"the same, back in time",
       evidence_of({{"greylist", "due"}}, windows_365),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"the same, known",
       evidence_of({{"known", "known"}}, windows_365),
       false,
       {kAccept, kAccept, kAccept, "greylist strict/windows", kAccept}},
      {"Windows without a name, known for its network",
       evidence_of({{"known", "known"}, {"rdns", "none"}, {"spf", "none"}}, windows_365),
       false,
       {"greylist personal/windows", "greylist organisation/windows", kAccept, "greylist strict/windows", kAccept}},
      {"Windows with a generic name, abroad",
       bot,
       false,
       {"reject personal/country", "reject organisation/country", "reject provider/country", "reject strict/country",
        kAccept}},
      {"a PC at home: Windows with a generic name",
       session({{"os", "windows"}, {"rdns", "generic"}, {"helo", "unqualified"}, {"tls", "plain"}}),
       false,
       {"greylist personal/windows", "greylist organisation/windows", kAccept, "greylist strict/windows", kAccept}},
      {"the same, back with the weak key only",
       session(
           {{"os", "windows"}, {"rdns", "generic"}, {"helo", "unqualified"}, {"tls", "plain"}, {"greylist", "weak"}}),
       false,
       {"greylist personal/windows", "greylist organisation/windows", kAccept, "greylist strict/windows", kAccept}},
      {"on a list of much weight",
       session({{"list_score", "5"}}),
       false,
       {"reject personal/lists", "reject organisation/lists", "reject provider/lists", "reject strict/lists", kAccept}},
      {"on a list of some weight",
       session({{"list_score", "3"}}),
       false,
       {"greylist personal/lists-delay", "greylist organisation/lists-delay", kAccept, "reject strict/lists", kAccept}},
      {"the same, known",
       session({{"list_score", "3"}, {"known", "known"}}),
       false,
       {kAccept, kAccept, kAccept, "reject strict/lists", kAccept}},
      {"on a list of much weight, known",
       session({{"list_score", "5"}, {"known", "known"}}),
       false,
       {"reject personal/lists", "reject organisation/lists", "reject provider/lists", "reject strict/lists", kAccept}},
      {"on a list, replied to",
       session({{"list_score", "5"}, {"known", "replied_to"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"talks before the greeting",
       session({{"early_talk", "yes"}}),
       false,
       {"reject personal/early-talk", "reject organisation/early-talk", "reject provider/early-talk",
        "reject strict/early-talk", kAccept}},
      {"HTTP on port 25",
       session({{"protocol", "http"}}),
       false,
       {"reject personal/not-smtp", "reject organisation/not-smtp", "reject provider/not-smtp",
        "reject strict/not-smtp", kAccept}},
      {"says our own name in HELO",
       session({{"helo", "own"}}),
       false,
       {"reject personal/forged-helo", "reject organisation/forged-helo", "reject provider/forged-helo",
        "reject strict/forged-helo", kAccept}},
      {"named a spamtrap",
       session({{"trap", "yes"}}),
       false,
       {"reject personal/trap", "reject organisation/trap", kAccept, "reject strict/trap", kAccept}},
      {"named a spamtrap, known",
       session({{"trap", "yes"}, {"known", "known"}}),
       false,
       {"reject personal/trap", "reject organisation/trap", kAccept, "reject strict/trap", kAccept}},
      {"named a spamtrap, replied to",
       session({{"trap", "yes"}, {"known", "replied_to"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"over its budget",
       session({{"budget", "over"}}),
       false,
       {"throttle personal/budget", "throttle organisation/budget", "throttle provider/budget",
        "throttle strict/budget", kAccept}},
      {"over its budget, known",
       session({{"budget", "over"}, {"known", "known"}}),
       false,
       {"throttle personal/budget", "throttle organisation/budget", "throttle provider/budget",
        "throttle strict/budget", kAccept}},
      {"over its budget, replied to",
       session({{"budget", "over"}, {"known", "replied_to"}}),
       false,
       {kAccept, kAccept, kAccept, "throttle strict/budget", kAccept}},
      {"a bounce from a good server",
       evidence_of({{"sender", "null"}}, good),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"a bounce from Windows",
       session({{"os", "windows"}, {"sender", "null"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"the same, at the end of DATA",
       message(session({{"os", "windows"}, {"sender", "null"}}), {}),
       true,
       {"greylist personal/windows", "greylist organisation/windows", kAccept, "greylist strict/windows", kAccept}},
      {"known, and its name is broken",
       session({{"known", "known"}, {"rdns", "none"}, {"spf", "pass"}}),
       false,
       {kAccept, kAccept, kAccept, "greylist strict/reverse-dns", kAccept}},
      {"replied to, and abroad",
       session({{"known", "replied_to"}, {"country", "BR"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"a stranger abroad with everything right",
       evidence_of({{"country", "DE"}}, good),
       false,
       {"reject personal/country", "reject organisation/country", "reject provider/country", "reject strict/country",
        kAccept}},
      {"of no known country",
       evidence_of({{"country", "??"}}, good),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"IPv6 without a name",
       session({{"family", "ipv6"}, {"rdns", "none"}}),
       false,
       {"greylist personal/reverse-dns", "greylist organisation/reverse-dns", kAccept, "greylist strict/reverse-dns",
        kAccept}},
      {"a name that does not point back",
       session({{"rdns", "unconfirmed"}}),
       false,
       {"greylist personal/reverse-dns", kAccept, kAccept, "greylist strict/reverse-dns", kAccept}},
      {"HELO localhost",
       session({{"helo", "localhost"}}),
       false,
       {kAccept, kAccept, kAccept, "greylist strict/helo", kAccept}},
      {"in the clear, pipelining without leave, and HELO is nothing's name",
       session({{"tls", "plain"},
                {"pipelining", "yes"},
                {"helo_match", "no_address"},
                {"rdns", "unconfirmed"},
                {"os", "unrecognised"}}),
       false,
       {"greylist personal/reverse-dns", "greylist score", kAccept, "greylist strict/reverse-dns", kAccept}},
      {"DNS down: neither name nor lists nor SPF",
       evidence_of({{"rdns", "unknown"}, {"spf", "temperror"}, {"helo_match", "unknown"}},
                   session({{"greylist", "first"}})),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"everything unknown", Evidence(), false, {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"everything unknown, and first seen",
       evidence_of({{"greylist", "first"}}),
       false,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"everything unknown, at the end of DATA", Evidence(), true, {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"a message that is authentic", message(good, {}), true, {kAccept, kAccept, kAccept, kAccept, kAccept}},
      {"DMARC fails, p=reject",
       failing,
       true,
       {"reject personal/dmarc-reject", "reject organisation/dmarc-reject", "reject provider/dmarc-reject",
        "reject strict/dmarc-reject", kAccept}},
      {"DMARC fails, p=reject, by a known forwarder with ARC",
       evidence_of({{"arc", "pass"}, {"known", "known"}}, failing),
       true,
       {kAccept, kAccept, kAccept, "reject strict/dmarc-reject", kAccept}},
      {"DMARC fails, p=quarantine",
       evidence_of({{"dmarc_policy", "quarantine"}}, failing),
       true,
       {kAccept, kAccept, kAccept, "reject strict/dmarc-quarantine", kAccept}},
      {"DMARC not known for DNS",
       evidence_of({{"dmarc", "temperror"}}, failing),
       true,
       {kAccept, kAccept, kAccept, kAccept, kAccept}},
  };
}

std::string verdict_of(const Policy& policy, const Scenario& scenario) {
  const Verdict verdict = policy.judge(scenario.at_data ? Moment::data : Moment::rcpt, scenario.evidence, kBob);
  return std::string(to_string(verdict.action)) + " " + std::string(verdict.rule);
}

TEST(PolicyPresets, WhoPassesWhoWaitsWhoIsRefused) {
  for (std::size_t i = 0; i < kPresets.size(); ++i) {
    Options options = preset(kPresets.at(i));
    options.choices.home = countries({"US", "CA", "MX"});
    const auto policy = compiled(options);
    for (const Scenario& scenario : scenarios())
      EXPECT_EQ(verdict_of(*policy, scenario), scenario.verdicts.at(i)) << kPresets.at(i) << ": " << scenario.who;
  }
}

// Nothing is refused that is unknown: whichever signals of a good sender are taken away, it passes undelayed.
TEST(PolicyPresets, UnknownNeverCountsAgainstASender) {
  const Evidence good = message(session({{"rdns", "mail"}, {"spf", "pass"}, {"helo_match", "ptr"}}), {});
  for (const std::string_view name : kPresets) {
    Options options = preset(name);
    options.choices.home = countries({"US", "CA", "MX"});
    const auto policy = compiled(options);
    for (const evidence::SignalInfo& info : evidence::signals()) {
      Evidence evidence = good;
      if (info.type == evidence::Type::text)
        evidence.set_text(info.signal, "");
      else
        evidence.set_number(info.signal, info.type == evidence::Type::number ? evidence::kUnknown : 0);
      for (const Moment moment : {Moment::connect, Moment::rcpt, Moment::data})
        EXPECT_EQ(said(policy->judge(moment, evidence, kBob)), kAccept) << name << ": " << info.name;
    }
  }
}

TEST(PolicyPresets, ChoicesAddAndTakeAway) {
  const auto judge = [](const Options& options, Moment moment, const Evidence& evidence) {
    return said(compiled(options)->judge(moment, evidence, kBob));
  };
  const Evidence abroad = session({{"country", "DE"}, {"rdns", "mail"}});
  Options options = preset("organisation");
  EXPECT_EQ(judge(options, Moment::rcpt, abroad), kAccept);  // without home there is no abroad
  options.choices.home = countries({"US"});
  EXPECT_EQ(judge(options, Moment::rcpt, abroad), "reject organisation/country (country)");
  options.choices.refuse_abroad = false;
  EXPECT_EQ(judge(options, Moment::rcpt, abroad), kAccept);
  options = preset("none");
  options.choices.home = countries({"US"});
  EXPECT_EQ(judge(options, Moment::rcpt, abroad), kAccept);
  options.choices.refuse_abroad = true;
  EXPECT_EQ(judge(options, Moment::rcpt, abroad), "reject none/country (country)");

  const Evidence quarantine = message(session({{"rdns", "mail"}}), {{"dmarc", "fail"}, {"dmarc_policy", "quarantine"}});
  options = preset("organisation");
  EXPECT_EQ(judge(options, Moment::data, quarantine), kAccept);
  EXPECT_EQ(compiled(options)->judge(Moment::data, quarantine, kBob).tags, std::vector<std::string_view>{"dmarc-fail"});
  options.choices.dmarc_quarantine = OnQuarantine::reject;
  EXPECT_EQ(judge(options, Moment::data, quarantine), "reject organisation/dmarc-quarantine (dmarc)");
  const Evidence refused = message(session({{"rdns", "mail"}}), {{"dmarc", "fail"}});
  EXPECT_EQ(judge(options, Moment::data, refused), "reject organisation/dmarc-reject (dmarc)");
  options.choices.dmarc_reject = false;
  EXPECT_EQ(judge(options, Moment::data, refused), kAccept);
  EXPECT_EQ(compiled(options)->judge(Moment::data, refused, kBob).tags, std::vector<std::string_view>{"dmarc-fail"});
}

TEST(PolicyPresets, ThePageHasThisTable) {
  std::ostringstream table;
  table << "| sender |";
  for (const std::string_view name : kPresets) table << " " << name << " |";
  table << "\n|---|---|---|---|---|---|\n";
  for (const Scenario& scenario : scenarios()) {
    table << "| " << scenario.who << " |";
    for (const std::string_view verdict : scenario.verdicts) {
      const std::string_view action = verdict.substr(0, verdict.find(' '));
      const std::string_view rule = verdict.substr(verdict.find_last_of(" /") + 1);
      if (action == "accept")
        table << " passes |";
      else
        table << " "
              << (action == "greylist" ? "waits"
                  : action == "reject" ? "**refused**"
                                       : "put off")
              << ": " << rule << " |";
    }
    table << "\n";
  }
  expect_on_page("presets", table.str());
}

}  // namespace
}  // namespace postern::policy::test
