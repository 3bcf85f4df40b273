// The openspf project's suites (spf-rfc7208): all of rfc7208-tests, and the older rfc4408-tests and pyspf's own cases,
// where RFC 7208 wins. A case where we answer otherwise on purpose stands in a table below with the section that says
// so; an entry that is needed no more fails the test. The rules of the fake resolver are the suite's README's.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "dns/fixture.h"
#include "repository.h"
#include "spf/evaluate.h"

namespace postern::spf::test {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return postern::test::suite_dir("spf-rfc7208"); }

// The suites' strings hold octets as U+0000 to U+00FF.
std::string octets(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead >= 0xC2 && lead <= 0xC3 && i + 1 < utf8.size()) {
      out.push_back(static_cast<char>(((lead & 0x03U) << 6U) | (static_cast<unsigned char>(utf8[++i]) & 0x3FU)));
    } else {
      out.push_back(utf8[i]);
    }
  }
  return out;
}

dns::Name name(std::string_view text) {
  const auto parsed = dns::Name::parse(octets(text));
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::Name());
}

void add(dns::Answer& answer, dns::Type type, const json::Value& value) {
  answer.status = dns::Status::ok;
  switch (type) {
    case dns::Type::txt: {
      std::string text = octets(value.string());
      for (const json::Value& piece : value.array()) text += octets(piece.string());
      answer.texts.push_back(std::move(text));
      return;
    }
    case dns::Type::mx:
      answer.mx.push_back(
          {static_cast<std::uint16_t>(value.array().at(0).integer()), name(value.array().at(1).string())});
      return;
    case dns::Type::a:
    case dns::Type::aaaa: {
      const auto address = ip::Address::parse(value.string());
      EXPECT_TRUE(address) << value.text();
      if (address) answer.addresses.push_back(*address);
      return;
    }
    default:
      answer.names.push_back(name(value.string()));
  }
}

const std::map<std::string_view, dns::Type> kTypes = {
    {"A", dns::Type::a},     {"AAAA", dns::Type::aaaa}, {"MX", dns::Type::mx},
    {"PTR", dns::Type::ptr}, {"TXT", dns::Type::txt},   {"CNAME", dns::Type::cname},
};

// One name of the zone; the records are in order, because a bare TIMEOUT is what all types become that come after it.
void add_name(dns::Zone& zone, const dns::Name& owner, const json::Value& records) {
  std::map<dns::Type, dns::Answer> answers;
  bool has_txt = false;
  for (const json::Value& record : records.array()) has_txt = has_txt || !record.at("TXT").is_null();
  bool timeout = records.string() == "TIMEOUT";
  std::set<dns::Type> late;
  for (const json::Value& record : records.array()) {
    if (record.string() == "TIMEOUT") {
      timeout = true;
      continue;
    }
    for (const auto& [key, value] : record.object()) {
      const auto known = kTypes.find(key);
      if (key == "SPF" && has_txt) continue;
      if (key != "SPF" && known == kTypes.end()) continue;
      const dns::Type type = key == "SPF" ? dns::Type::txt : known->second;
      if (timeout && !answers.contains(type)) late.insert(type);
      if (value.string() == "NONE" || late.contains(type)) continue;
      if (value.string() == "TIMEOUT") {
        answers[type] = *dns::failed_answer(dns::Status::timeout, "the suite says so");
      } else {
        add(answers[type], type, value);
      }
    }
  }
  if (timeout && !answers.contains(dns::Type::cname)) {
    for (const auto& [text, type] : kTypes) {
      if (type != dns::Type::cname && !answers.contains(type)) {
        answers[type] = *dns::failed_answer(dns::Status::timeout, "the suite says so");
      }
    }
  }
  zone.set(owner, dns::Type::ns, dns::Answer{});  // the name exists, whatever it has
  for (auto& [type, answer] : answers) zone.set(owner, type, std::move(answer));
}

// Rule 2: a name that is not there is NXDOMAIN, but one that begins with "error." fails.
class SuiteResolver final : public dns::Resolver {
 public:
  explicit SuiteResolver(const dns::Zone& zone) : fixture_(zone) {}
  Task<dns::AnswerPtr> query(dns::Name asked, dns::Type type, dns::Budget& budget) override {
    const dns::AnswerPtr answer = co_await fixture_.query(asked, type, budget);
    if (answer->status == dns::Status::nxdomain && asked.text().starts_with("error.")) {
      co_return dns::failed_answer(dns::Status::servfail, "the suite says so");
    }
    co_return answer;
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}

 private:
  dns::FixtureResolver fixture_;
};

struct Difference {
  std::string_view ours;
  std::string_view why;
};
using Differences = std::map<std::string_view, Difference>;

// `second_choices`: cases that accept several results, of which ours is not the first.
void run(std::string_view file, std::size_t expected_cases, const Differences& differences,
         const Differences& second_choices = {}) {
  const fs::path path = suite() / file;
  if (!fs::exists(path)) GTEST_SKIP() << path << " is absent; set POSTERN_CONFORMANCE";
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto scenarios = json::parse(text);
  ASSERT_TRUE(scenarios) << scenarios.error().what;
  std::size_t cases = 0;
  std::size_t passed = 0;
  std::size_t second = 0;  // with a result that is accepted, and not the first choice
  std::set<std::string_view> used;
  for (const json::Value& scenario : scenarios->array()) {
    dns::Zone zone;
    for (const auto& [owner, records] : scenario.at("zonedata").object()) add_name(zone, name(owner), records);
    for (const auto& [id, test] : scenario.at("tests").object()) {
      ++cases;
      const auto client = ip::Address::parse(test.at("host").string());
      ASSERT_TRUE(client) << id;
      Query query;
      query.client = *client;
      query.helo = octets(test.at("helo").string());
      query.mail_from = octets(test.at("mailfrom").string());
      query.receiver = test.at("receiver").string();
      SuiteResolver resolver(zone);
      dns::Budget budget;
      auto task = check(query, resolver, budget);
      task.start();
      ASSERT_TRUE(task.done()) << id;
      const Evaluation got = task.take();
      EXPECT_LE(budget.asked(), kLookupsMax) << id;
      std::vector<std::string> wanted;
      if (test.at("result").is_string()) wanted.emplace_back(test.at("result").string());
      for (const json::Value& one : test.at("result").array()) wanted.emplace_back(one.string());
      const auto result = to_string(got.outcome);
      bool right = std::ranges::find(wanted, result) != wanted.end();
      std::string problem = "wanted " + wanted.front() + ", got " + std::string(result) + " " + got.problem;
      if (right && test.at("explanation").is_string()) {
        const std::string_view explanation = test.at("explanation").string();
        // DEFAULT is the checker's own text; ours is none.
        right = got.explanation == (explanation == "DEFAULT" ? "" : octets(explanation));
        if (!right) problem = "explanation: " + got.explanation;
      }
      if (right) {
        ++passed;
        if (result != wanted.front()) {
          ++second;
          const auto choice = second_choices.find(id);
          EXPECT_TRUE(choice != second_choices.end() && choice->second.ours == result) << id << ": " << problem;
        }
        EXPECT_FALSE(differences.contains(id)) << id << " passes, so that the table need not excuse it";
        continue;
      }
      const auto difference = differences.find(id);
      if (difference == differences.end()) {
        ADD_FAILURE() << id << ": " << problem;
      } else {
        used.insert(difference->first);
        EXPECT_EQ(result, difference->second.ours) << id << ": " << difference->second.why;
      }
    }
  }
  EXPECT_EQ(cases, expected_cases) << "the suite has changed";
  EXPECT_EQ(used.size(), differences.size());
  EXPECT_EQ(second, second_choices.size());
  std::printf("%s: %zu cases, %zu passed (%zu with a result that is not the first choice), %zu differ on purpose\n",
              std::string(file).c_str(), cases, passed, second, used.size());
}

TEST(SpfSuite, Rfc7208) { run("rfc7208-tests.json", 203, {}); }

// Where RFC 4408 had it another way: each of these accepts what RFC 7208 says, too.
TEST(SpfSuite, Rfc4408) {
  constexpr std::string_view kTxtOnly = "RFC 7208 3.1, 4.4: type TXT only is asked for";
  constexpr std::string_view kNoName =
      "RFC 7208 4.8: a target that is no domain name is not-match or permerror; not-match, as rfc7208-tests prefers";
  run("rfc4408-tests.json", 191, {},
      {
          {"spfonly", {"none", kTxtOnly}},
          {"txttimeout", {"temperror", kTxtOnly}},
          {"multispf2", {"pass", kTxtOnly}},
          {"multitxt1", {"permerror", "RFC 7208 4.5: more than one record of type TXT is permerror"}},
          {"spfoverride", {"fail", kTxtOnly}},
          {"invalid-domain-empty-label", {"fail", kNoName}},
          {"invalid-domain-long", {"fail", kNoName}},
          {"invalid-domain-long-via-macro", {"fail", kNoName}},
          {"exists-dnserr", {"temperror", "RFC 7208 5: a DNS error is temperror"}},
          {"mx-limit", {"permerror", "RFC 7208 4.6.4: more than 10 MX hosts MUST be permerror"}},
      });
}

TEST(SpfSuite, PyspfDev) {
  constexpr std::string_view kDefaultModifier =
      "RFC 7208 6: unrecognized modifiers MUST be ignored, and default= is one; 4.7: the default result is neutral";
  run("pyspf-dev-tests.json", 16,
      {
          {"default-modifier", {"neutral", kDefaultModifier}},
          {"default-modifier-harsh", {"neutral", kDefaultModifier}},
      });
}

}  // namespace
}  // namespace postern::spf::test
