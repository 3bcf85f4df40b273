// [policy] and what stands within it: what is read, and what is wrong with it, with its place.
#include <gtest/gtest.h>

#include "config/config.h"
#include "config/reader.h"
#include "policy/counts_file.h"
#include "unit/config/lines.h"
#include "unit/temporary_folder.h"

namespace postern::config {
namespace {

using evidence::Action;
using evidence::country_code;
using postern::testing::TemporaryFolder;
using testing::expect_each;
using testing::good;
using testing::kBase;

TEST(PolicyConfig, NothingIsDecidedByDefault) {
  const auto config = good("");
  const policy::Choices& choices = config->policy.choices;
  EXPECT_FALSE(choices.preset || choices.home || choices.greylist || choices.greylist_at || choices.reject_at ||
               choices.dmarc_reject || choices.dmarc_quarantine || choices.require_tls);
  EXPECT_TRUE(config->policy.rules.empty() && config->policy.overrides.empty() && config->policy.pins.empty());
  EXPECT_TRUE(config->lists.empty());
  EXPECT_EQ(config->evidence_file, "");
}

TEST(PolicyConfig, EveryKey) {
  const auto config = good(R"([policy]
preset = "strict"
home = ["US", "ca"]
refuse_abroad = true
greylist = false
greylist_at = 1
reject_at = 5.5
dmarc_reject = true
dmarc_quarantine = "reject"
require_tls = "ipv6"
evidence = "counts.json"
[[policy.rule]]
name = "windows-abroad"
when = "os == windows and country not in home"
stage = "rcpt"
then = "reject"
text = "We expect no mail from there."
shadow = true
for = ["Example.org", "Alice@Example.ORG"]
[[policy.rule]]
name = "bulk"
when = "size > 100000"
then = "tag"
[[policy.for]]
recipients = "alice@example.org"
preset = "personal"
greylist = true
home = []
[[policy.pin]]
signal = "rdns"
value = "generic"
nats = -0.5
[[policy.list]]
name = "zen"
zone = "Zen.Example.NET."
answers = { "127.0.0.2" = 5, "127.0.0.8/29" = 2 }
ipv6 = "64"
[[policy.list]]
name = "names"
zone = "dbl.example.net"
kind = "domain"
weight = 3
ask = ["helo", "rdns"]
full_name = true
text = true
[[policy.list]]
name = "friends"
zone = "wl.example.net"
kind = "allow"
ask = "client"
)");
  ASSERT_NE(config, nullptr);
  const policy::Options& policy = config->policy;
  EXPECT_EQ(policy.choices.preset, "strict");
  EXPECT_EQ(policy.choices.home, (std::vector{country_code('U', 'S'), country_code('C', 'A')}));
  EXPECT_EQ(policy.choices.refuse_abroad, true);
  EXPECT_EQ(policy.choices.greylist, false);
  EXPECT_EQ(policy.choices.greylist_at, 1.0);
  EXPECT_EQ(policy.choices.reject_at, 5.5);
  EXPECT_EQ(policy.choices.dmarc_reject, true);
  EXPECT_EQ(policy.choices.dmarc_quarantine, policy::OnQuarantine::reject);
  EXPECT_EQ(policy.choices.require_tls, policy::RequireTls::ipv6);
  EXPECT_EQ(config->evidence_file, "/etc/postern/counts.json");
  ASSERT_EQ(policy.rules.size(), 2U);
  const policy::RuleOptions& rule = policy.rules[0];
  EXPECT_EQ(rule.name, "windows-abroad");
  EXPECT_EQ(rule.when, "os == windows and country not in home");
  EXPECT_EQ(rule.stage, evidence::Stage::rcpt);
  EXPECT_EQ(rule.action, Action::reject);
  EXPECT_EQ(rule.reason, evidence::Reason::rule);
  EXPECT_EQ(rule.text, "We expect no mail from there.");
  EXPECT_TRUE(rule.shadow);
  EXPECT_EQ(rule.recipients, (std::vector<std::string>{"example.org", "alice@example.org"}));
  EXPECT_EQ(rule.place.line, 19);
  EXPECT_EQ(rule.when_place.line, 21);
  EXPECT_EQ(rule.when_place.column, 9);
  EXPECT_EQ(policy.rules[1].stage, std::nullopt);
  EXPECT_EQ(policy.rules[1].label, "bulk");
  EXPECT_FALSE(policy.rules[1].shadow);
  ASSERT_EQ(policy.overrides.size(), 1U);
  EXPECT_EQ(policy.overrides[0].recipients, (std::vector<std::string>{"alice@example.org"}));
  EXPECT_EQ(policy.overrides[0].choices.preset, "personal");
  EXPECT_EQ(policy.overrides[0].choices.greylist, true);
  EXPECT_EQ(policy.overrides[0].choices.home, std::vector<evidence::CountryCode>{});
  EXPECT_EQ(policy.overrides[0].choices.reject_at, std::nullopt);
  ASSERT_EQ(policy.pins.size(), 1U);
  EXPECT_EQ(policy.pins[0].signal + "=" + policy.pins[0].value, "rdns=generic");
  EXPECT_EQ(policy.pins[0].nats, -0.5);
  EXPECT_EQ(policy.lists, (evidence::ListNames{"zen", "names", "friends"}));
  ASSERT_EQ(config->lists.size(), 3U);
  EXPECT_EQ(config->lists[0].zone, "zen.example.net");
  ASSERT_EQ(config->lists[0].answers.size(), 2U);
  EXPECT_EQ(config->lists[0].answers[0].answer, "127.0.0.2");
  EXPECT_EQ(config->lists[0].answers[1].weight, 2);
  EXPECT_EQ(config->lists[0].ipv6, signals::Ipv6Query::net64);
  EXPECT_EQ(config->lists[1].kind, signals::ListKind::domain);
  EXPECT_EQ(config->lists[1].weight, 3);
  EXPECT_EQ(config->lists[1].subjects,
            static_cast<unsigned>(signals::Subject::rdns_name) | static_cast<unsigned>(signals::Subject::helo));
  EXPECT_TRUE(config->lists[1].full_name && config->lists[1].text);
  EXPECT_EQ(config->lists[2].kind, signals::ListKind::address_allow);
  EXPECT_EQ(config->lists[2].weight, 1);
}

TEST(PolicyConfig, OrderAndPlaceOfSectionsDoNotMatter) {
  const auto config = good(
      "[[policy.rule]]\nname = \"a\"\nwhen = \"tls == plain\"\nthen = \"tag\"\n"
      "[policy]\npreset = \"none\"\n"
      "[[policy.rule]]\nname = \"b\"\nwhen = \"tls == plain\"\nthen = \"tag\"\n");
  EXPECT_EQ(config->policy.choices.preset, "none");
  ASSERT_EQ(config->policy.rules.size(), 2U);
  EXPECT_EQ(config->policy.rules[1].name, "b");
}

TEST(PolicyConfig, WhatIsWrongHasAPlace) {
  const std::string rule = "[[policy.rule]]\nname = \"r\"\nwhen = \"tls == plain\"\nthen = \"reject\"\n";
  const std::string list = "[[policy.list]]\nname = \"l\"\nzone = \"l.example\"\n";
  expect_each({
      {"[policy]\npreset = \"organization\"\n",
       "f:9:10: policy.preset: \"organization\" is not known; did you mean \"organisation\"? expected \"personal\""},
      {"[policy]\nhome = [\"US\", \"UK\"]\n",
       "f:9:15: policy.home: \"UK\" is not the code of a country (ISO 3166-1); write \"GB\""},
      {"[policy]\nhome = [\"USA\"]\n", "f:9:9: policy.home: \"USA\" is not the code of a country; write two letters"},
      {"[policy]\nhome = [\"US\", \"us\"]\n", "f:9:15: policy.home: \"us\" is given twice"},
      {"[policy]\ngreylist = \"yes\"\n", "f:9:12: policy.greylist: found the string \"yes\", expected true or false"},
      {"[policy]\nreject_at = \"5\"\n",
       "f:9:13: policy.reject_at: found the string \"5\", expected a number from 0.01 to 100"},
      {"[policy]\nreject_at = 100.5\n",
       "f:9:13: policy.reject_at: is out of range; expected a number from 0.01 to 100"},
      {"[policy]\nreject_at = nan\n", "f:9:13: policy.reject_at: is out of range; expected a number from 0.01 to 100"},
      {"[policy]\nreject_at = 1\ngreylist_at = 1.5\n",
       "f:9:13: policy.reject_at: is less than greylist_at, so that nobody would ever be asked to come again"},
      {"[policy]\ndmarc_quarantine = \"quarantine\"\n",
       "f:9:20: policy.dmarc_quarantine: \"quarantine\" is not known; expected \"tag\" or \"reject\""},
      {"[policy]\nwhen = \"x\"\n",
       "f:9:1: policy.when: is not a key of the configuration; it belongs in [[policy.rule]]"},
      {"[policy]\nrules = 5\n", "f:9:1: policy.rules: is not a key of the configuration; did you mean \"rule\"?"},
      {"[policy]\nrule = 5\n",
       "f:9:8: policy.rule: found the number 5; there may be several of it, so write [[policy.rule]] with two "
       "brackets"},
      {"[policy.rule]\nname = \"x\"\n", "f:8:1: policy.rule: found a table; there may be several of it, so write [["},
      {"[[policy]]\n", "f:8:1: policy: found a list, expected the section [policy]"},
      {rule + "hwen = \"x\"\n", "f:12:1: policy.rule.hwen: is not a key of the configuration; did you mean \"when\"?"},
      {rule + "text = \"a\\nb\"\n", "f:12:8: policy.rule.text: cannot be said in a reply; write one line of 1 to 200"},
      {rule + "text = \"" + std::string(201, 'x') + "\"\n", "f:12:8: policy.rule.text: cannot be said in a reply"},
      {rule + "label = \"x\"\n", "f:12:9: policy.rule.label: belongs to rules with then = \"tag\""},
      {rule + "stage = \"banner\"\n", "f:12:9: policy.rule.stage: \"banner\" is not known; expected \"connect\""},
      {rule + "for = [\"a b\"]\n", "f:12:8: policy.rule.for: \"a b\" is neither a domain nor an address; write"},
      {rule + "for = []\n", "f:12:7: policy.rule.for: names nobody; take the key out"},
      {"[[policy.rule]]\nname = \"r\"\nthen = \"accept\"\n", "f:8:1: policy.rule.when: is missing"},
      {"[[policy.rule]]\nwhen = \"tls == plain\"\nthen = \"accept\"\n", "f:8:1: policy.rule.name: is missing"},
      {"[[policy.rule]]\nname = \"r\"\nwhen = \"tls == plain\"\n", "f:8:1: policy.rule.then: is missing"},
      {"[[policy.rule]]\nname = \"a b\"\nwhen = \"x\"\nthen = \"tag\"\n",
       "f:9:8: policy.rule.name: \"a b\" is not a name; write at most 64 letters, digits, '-' and '_'"},
      {"[[policy.rule]]\nname = \"r\"\nwhen = \"x\"\nthen = \"quarantine\"\n",
       "f:11:8: policy.rule.then: \"quarantine\" would lose mail that nobody is told of; write \"reject\""},
      {"[[policy.rule]]\nname = \"r\"\nwhen = \"x\"\nthen = \"accept\"\ntext = \"x\"\n",
       "f:12:8: policy.rule.text: is never said by this rule"},
      {"[[policy.rule]]\nname = \"r\"\nwhen = \"" + std::string(4097, 'x') + "\"\nthen = \"tag\"\n",
       "f:10:8: policy.rule.when: is over 4096 octets; make two rules of it"},
      {"[[policy.for]]\npreset = \"personal\"\n", "f:8:1: policy.for.recipients: is missing"},
      {"[[policy.for]]\nrecipients = \"a.example\"\nreject_at = 1\ngreylist_at = 2\n",
       "f:10:13: policy.for.reject_at: is less than greylist_at"},
      {"[[policy.for]]\nrecipients = \"a.example\"\nevidence = \"x\"\n",
       "f:10:1: policy.for.evidence: is not a key of the configuration; it belongs in [policy]"},
      {"[[policy.pin]]\nsignal = \"rnds\"\nvalue = \"none\"\nnats = 1\n",
       "f:9:10: policy.pin.signal: \"rnds\" is not a signal; did you mean \"rdns\"?"},
      {"[[policy.pin]]\nsignal = \"rdns\"\nvalue = \"none\"\n", "f:8:1: policy.pin.nats: is missing"},
      {list + "[[policy.list]]\nname = \"l\"\nzone = \"m.example\"\n",
       "f:12:8: policy.list.name: \"l\" is taken by another list; choose another name"},
      {"[[policy.list]]\nname = \"any\"\nzone = \"m.example\"\n", "f:9:8: policy.list.name: \"any\" means all lists"},
      {"[[policy.list]]\nname = \"l\"\nzone = \"local\"\n", "f:10:8: policy.list.zone: \"local\" is not a zone"},
      {"[[policy.list]]\nname = \"l\"\n", "f:8:1: policy.list.zone: is missing"},
      {list + "answers = { \"192.0.2.1\" = 5 }\n", "f:11:13: policy.list.answers.192.0.2.1: "},
      {list + "answers = { \"127.0.0.2\" = \"5\" }\n",
       "f:11:27: policy.list.answers.127.0.0.2: found the string \"5\", expected a whole number without quotes"},
      {list + "answers = [\"127.0.0.2\"]\n", "f:11:11: policy.list.answers: found a list, expected a table such as"},
      {list + "weight = 1001\n", "f:11:10: policy.list.weight: is out of range; expected a whole number from -1000 to"},
      {list + "ipv6 = 64\n", "f:11:8: policy.list.ipv6: found the number 64, expected \"64\", \"128\" or \"off\""},
      {list + "ask = [\"body\"]\n", "f:11:8: policy.list.ask: \"body\" cannot be asked about; expected"},
      {list + "ask = [\"rdns\"]\n", "f:11:7: policy.list.ask: asks a list of addresses about names; take it out, or"},
      {list + "kind = \"domain\"\nask = [\"client\", \"rdns\"]\n",
       "f:12:8: policy.list.ask: \"client\" is what lists of addresses are asked about, and no list of domains"},
      {list + "kind = \"domain\"\nask = \"client\"\n",
       "f:12:7: policy.list.ask: asks a list of domains about an address; expected \"rdns\""},
      {list + "weight = -2\n", "f:8:1: policy.list: list \"l\": weights go from 0 to 1000 points"},
      {list + "ask = []\n", "f:11:7: policy.list.ask: asks about nothing"},
  });
}

TEST(PolicyConfig, NumbersOfSectionsAreBounded) {
  const auto many = [](std::size_t count, const std::string& one) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      std::string lines = one;
      for (std::size_t at = lines.find('#'); at != std::string::npos; at = lines.find('#'))
        lines.replace(at, 1, std::to_string(i));
      out += lines;
    }
    return out;
  };
  const std::string lists = "[[policy.list]]\nname = \"l#\"\nzone = \"l#.example\"\n";
  EXPECT_EQ(good(many(32, lists))->lists.size(), 32U);
  expect_each({
      {many(33, lists), "f:104:1: policy.list: there are more than 32 of it, which is the limit"},
      {many(502, "[[policy.rule]]\nname = \"r#\"\nwhen = \"size > #\"\nthen = \"tag\"\n"),
       "f:2008:1: policy.rule: there are more than 500 of it, which is the limit"},
      {many(201, "[[policy.pin]]\nsignal = \"rdns\"\nvalue = \"none\"\nnats = 1\n"),
       "f:808:1: policy.pin: there are more than 200 of it, which is the limit"},
      {many(1001, "[[policy.for]]\nrecipients = \"d#.example\"\n"),
       "f:2008:1: policy.for: there are more than 1000 of it, which is the limit"},
  });
}

TEST(PolicyConfig, RequiringTlsIsTakenWithAWarning) {
  const Loaded loaded = parse(std::string(kBase) + "[policy]\nrequire_tls = \"both\"\n", "f");
  ASSERT_NE(loaded.config, nullptr);
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_EQ(
      loaded.warnings[0].text(),
      "f:9:15: policy.require_tls: a server that the public sends mail to must not require STARTTLS (RFC 3207 4); "
      "mail of senders without TLS will be refused with 530 5.7.0");
  EXPECT_TRUE(parse(std::string(kBase) + "[policy]\nrequire_tls = \"no\"\n", "f").warnings.empty());
}

TEST(PolicyConfig, ARuleForStrangersIsTakenWithAWarning) {
  const std::string text = std::string(kBase) +
                           "[[policy.rule]]\nname = \"new\"\nwhen = \"os == windows and known == stranger\"\n"
                           "then = \"reject\"\n";
  const Loaded loaded = parse(text, "f");
  ASSERT_NE(loaded.config, nullptr);
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_TRUE(loaded.warnings[0].text().starts_with(
      "f:10:27: policy.rule.when: rule \"new\": \"known == stranger\" tells strangers from who is undecided"))
      << loaded.warnings[0].text();
}

TEST(PolicyConfig, PlacesWithinAStringAreFoundHoweverItIsWritten) {
  const auto place = [](const std::string& text, std::size_t offset) {
    Reader reader("f", text);
    const Place at = reader.within(Place{2, 5}, offset);
    return std::to_string(at.line) + ":" + std::to_string(at.column);
  };
  EXPECT_EQ(place("\nw = \"abc\"\n", 0), "2:6");
  EXPECT_EQ(place("\nw = 'abc'\n", 2), "2:8");
  EXPECT_EQ(place("\nw = \"\xC3\xBC\xC3\xBC"
                  "c\"\n",
                  4),
            "2:8");  // octets of the value, characters of the line
  EXPECT_EQ(place("\nw = \"a\\\"b\"\n", 1), "2:7");
  EXPECT_EQ(place("\nw = \"a\\\"b\"\n", 2), "2:9");
  EXPECT_EQ(place("\nw = \"a\\u00fcb\"\n", 3), "2:13");
  EXPECT_EQ(place("\nw = \"a\\u00fcb\"\n", 2), "2:7");  // within the escape
  EXPECT_EQ(place("\nw = '''abc'''\n", 1), "2:9");
  EXPECT_EQ(place("\nw = \"\"\"\nab\ncd\"\"\"\n", 0), "3:1");
  EXPECT_EQ(place("\nw = \"\"\"\nab\ncd\"\"\"\n", 3), "4:1");
  EXPECT_EQ(place("\nw = \"\"\"ab\\\n   cd\"\"\"\n", 2), "3:4");
  EXPECT_EQ(place("\nw = \"abc\"\n", 3), "2:9");
  EXPECT_EQ(place("\nw = 5\n", 0), "2:5");  // no string: the place itself
  EXPECT_EQ(place("", 0), "2:5");
  EXPECT_EQ(place("\nw = \"abc\\", 99), "2:10");
}

TEST(PolicyConfig, TheWhenOfALongStringBeginsInTheNextLine) {
  const auto config = good("[[policy.rule]]\nname = \"r\"\nwhen = \"\"\"\n  tls == plain\n\"\"\"\nthen = \"tag\"\n");
  EXPECT_EQ(config->policy.rules[0].when_place.line, 11);
  EXPECT_EQ(config->policy.rules[0].when_place.column, 1);
}

// What compiling finds is told where it stands: of a condition to the column, however it is written.
TEST(PolicyConfig, ConditionsAreChecked) {
  const auto rule = [](const std::string& when, const std::string& more = {}) {
    return "[[policy.rule]]\nname = \"r\"\nthen = \"reject\"\nwhen = " + when + "\n" + more;
  };
  expect_each({
      {rule("\"rnds == none\""), "f:11:9: policy.rule.when: rule \"r\": "},
      {rule("\"tls == plain and rnds == none\""), "f:11:26: policy.rule.when: rule \"r\": "},
      {rule("'tls == plain and rnds == none'"), "f:11:26: policy.rule.when: rule \"r\": "},
      {rule("\"rdns_name == \\\"a\\\" and rnds == none\""), "f:11:32: policy.rule.when: rule \"r\": "},
      {rule("\"\"\"\ntls == plain\n  and rnds == none\"\"\""), "f:13:7: policy.rule.when: rule \"r\": "},
      {rule("\"\"\"tls == plain \\\n  and rnds == none\"\"\""), "f:12:7: policy.rule.when: rule \"r\": "},
      {rule("\"os == windows and os == linux\""),
       "f:11:9: policy.rule.when: rule \"r\": can never be true: no value of os"},
      {rule("\"tls == plain\"", "stage = \"connect\"\n"), "f:11:9: policy.rule.when: rule \"r\": "},
      {rule("\"lists has zen\""), "f:11:19: policy.rule.when: rule \"r\": "},
      {rule("\"tls == plain\"") + rule("\"tls == failed\""), "f:12:1: policy.rule: rule \"r\": "},
      {"[policy]\npreset = \"strict\"\n",
       "f:9:10: policy.preset: the preset strict refuses all countries but your own"},
      {"[[policy.for]]\nrecipients = \"example.org\"\npreset = \"strict\"\n", "f:8:1: policy.for: the preset strict"},
      {"[[policy.pin]]\nsignal = \"rdns\"\nvalue = \"nonne\"\nnats = 1\n",
       "f:8:1: policy.pin: rdns cannot be pinned at"},
  });
  EXPECT_NE(good(rule("\"tls == plain\""))->judge, nullptr);
}

TEST(PolicyConfig, EvidenceIsReadWhenTheFileIs) {
  const TemporaryFolder folder;
  const std::string text = std::string(kBase) + "[policy]\nevidence = \"counts.json\"\n";
  const std::string file = folder.write("f", text);
  const Loaded missing = load(file);
  ASSERT_EQ(missing.problems.size(), 1U);
  EXPECT_EQ(missing.problems[0].text(),
            file + ":9:12: policy.evidence: opening " + folder.path() + "/counts.json: No such file or directory");
  policy::Counts counts{.spam = 10, .ham = 20, .rows = {{"rdns", "generic", 5, 1}}, .cells = {}};
  static_cast<void>(folder.write("counts.json", policy::counts_text(counts, 0)));
  const Loaded loaded = load(file);
  ASSERT_NE(loaded.config, nullptr) << loaded.problems[0].text();
  ASSERT_TRUE(loaded.config->policy.counts);
  EXPECT_EQ(loaded.config->policy.counts->rows.size(), 1U);
  EXPECT_NE(loaded.config->judge, nullptr);
  const LoadedPolicy alone = load_policy(file);
  ASSERT_TRUE(alone.policy);
  EXPECT_TRUE(alone.policy->counts);
  EXPECT_EQ(alone.judge->fingerprint(), loaded.config->judge->fingerprint());
}

TEST(PolicyConfig, ThePolicyPartAlone) {
  const std::string part =
      "[policy]\npreset = \"provider\"\n[[policy.rule]]\nname = \"r\"\nwhen = \"tls == plain\"\n"
      "then = \"tag\"\n[[policy.list]]\nname = \"zen\"\nzone = \"zen.example\"\n";
  for (const std::string& text : {part, std::string(kBase) + part, "[[listen]]\naddress = \"nonsense\"\n" + part}) {
    const LoadedPolicy loaded = parse_policy(text, "f");
    ASSERT_TRUE(loaded.policy) << loaded.problems[0].text();
    EXPECT_EQ(loaded.policy->choices.preset, "provider");
    EXPECT_NE(loaded.judge, nullptr);
    EXPECT_EQ(loaded.policy->rules.size(), 1U);
    EXPECT_EQ(loaded.policy->lists, (evidence::ListNames{"zen"}));
  }
  EXPECT_TRUE(parse_policy(kBase, "f").policy) << "a configuration with the default policy";
  const auto problem = [](const std::string& text) {
    const LoadedPolicy loaded = parse_policy(text, "f");
    EXPECT_FALSE(loaded.policy);
    return loaded.problems.empty() ? "none" : loaded.problems[0].text();
  };
  EXPECT_EQ(problem(""),
            "f: policy: is not there, and nothing else of a configuration; write [policy] and what it decides");
  EXPECT_EQ(problem("[polcy]\npreset = \"provider\"\n"),
            "f:1:2: polcy: is not a key of the configuration; did you mean \"policy\"?");
  EXPECT_TRUE(problem("[policy]\npreset = 5\n").starts_with("f:2:10: policy.preset: found the number 5"));
  EXPECT_TRUE(problem("[policy\n").starts_with("f:1:"));
  const TemporaryFolder folder;
  EXPECT_TRUE(load_policy(folder.write("p.toml", part)).policy);
  EXPECT_EQ(load_policy("/nonexistent").problems[0].text(),
            "/nonexistent: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace postern::config
