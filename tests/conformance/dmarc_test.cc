// mailauth's DMARC cases (dmarc-cases), written for RFC 7489 with a list of public suffixes, against RFC 9989. What the
// library reports under its own names (pct, rr, info, ARC comments, undersized signatures) is listed below path by
// path, with what stands in its place; cases whose answer RFC 9989 changes are listed by title. An entry that is needed
// no more fails the test.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/json.h"
#include "dmarc/evaluate.h"
#include "dns/fixture.h"
#include "message/header_section.h"
#include "repository.h"

namespace postern::dmarc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitles = "DMARC Verify Tests ";

fs::path suite() { return test::suite_dir("dmarc-cases"); }

// Expectations about the library, not about DMARC.
const std::map<std::string_view, std::string_view> kNotOurs = {
    {"pct", "RFC 9989 C.5.2 removed pct; it is ignored (4.7)"},
    {"info", "a line of that library; authres/ has our own"},
    {"status.comment", "a comment of that library about ARC; RFC 9989 knows no ARC (7.4)"},
    {"alignment.dkim.underSized", "a count of that library's DKIM, for l=; no part of DMARC"},
    {"error", "an error text of that library"},
};

// Cases whose answer is another one, with the section.
struct Difference {
  std::string_view path;
  std::string_view ours;
  std::string_view reason;
};
const std::map<std::string_view, Difference> kDifferences = {
    {"Edge cases Should return false for headerFrom array with multiple elements",
     {"", "pass",
      "RFC 9989 5.3.1 counts the domains in From, not the addresses: two addresses of example.com have one author "
      "domain, and a signature of it passed"}},
};

std::string text_of(const json::Value& value) {
  if (value.is_string()) return std::string(value.string());
  return value.text();
}

// {"TXT": [["piece", "piece"], ...] | {"error": CODE}} as our zones write it. Only TXT is asked for.
dns::Zone zone_of(const json::Value& zone) {
  json::Value::Object out;
  for (const auto& [name, types] : zone.object()) {
    const json::Value& txt = types.at("TXT");
    json::Value::Object entry;
    if (txt.is_object()) {
      entry["TXT"] = json::Value(std::string(txt.at("error").string() == "ETIMEOUT" ? "TIMEOUT" : "SERVFAIL"));
    } else if (txt.is_array()) {
      entry["TXT"] = txt;
    }
    out[name] = json::Value(std::move(entry));
  }
  auto made = dns::Zone::from_json(json::Value(std::move(out)));
  EXPECT_TRUE(made) << (made ? "" : made.error().what);
  return made ? *std::move(made) : dns::Zone();
}

std::string domain_of(const json::Value& entry) {
  return std::string(entry.is_string() ? entry.string() : entry.at("domain").string());
}

// nullopt: no single author domain, where the library returns false.
std::optional<Evaluation> evaluated(const json::Value& call) {
  std::string from;
  for (const json::Value& address : call.at("headerFrom").array()) {
    from += (from.empty() ? "" : ", ") + std::string(address.string());
  }
  if (from.empty()) from = call.at("headerFrom").string();
  // "headerFrom without @ symbol": the library takes a bare domain; in a header it would be no address
  Input input;
  if (from.contains('@')) {
    const auto author = author_domain(message::HeaderSection("From: " + from + "\r\n"));
    if (!author) return std::nullopt;
    input.author_domain = *author;
  } else {
    input.author_domain = from;
  }
  for (const json::Value& entry : call.at("dkimDomains").array()) {
    input.dkim.push_back({.domain = domain_of(entry), .pass = true});
  }
  const auto& spf = call.at("spfDomains").array();
  EXPECT_LE(spf.size(), 1U);
  if (!spf.empty()) input.spf = {.domain = domain_of(spf[0]), .pass = true};
  dns::FixtureResolver resolver(zone_of(call.at("dns").at("zone")));
  dns::Budget budget;
  return run_ready(evaluate(std::move(input), resolver, budget));
}

// What stands at a path of the library's result; nullopt: we have no such thing.
std::optional<std::string> ours(const std::optional<Evaluation>& result, std::string_view path) {
  if (!result) return path.empty() ? std::optional<std::string>("false") : std::nullopt;
  const bool record = result->record.has_value();
  if (path.empty()) return std::string(to_string(result->outcome));
  if (path == "status.result") return std::string(to_string(result->outcome));
  if (path == "policy") return std::string(to_string(result->policy));
  if (path == "p" && record) return std::string(to_string(result->record->policy));
  if (path == "sp" && record)
    return std::string(to_string(result->record->subdomain_policy.value_or(result->record->policy)));
  if (path == "rr") return result->record_text;
  if (path == "domain" || path == "status.header.d") return result->policy_domain;
  if (path == "status.header.from") return result->author_domain;
  if (path == "alignment.dkim.strict" && record) return result->record->strict_dkim ? "true" : "false";
  if (path == "alignment.spf.strict" && record) return result->record->strict_spf ? "true" : "false";
  if (path == "alignment.dkim.result") return result->dkim_domain;
  if (path == "alignment.spf.result") return result->spf_aligned ? "aligned" : "";
  return std::nullopt;
}

std::string wanted(const json::Value& expectation, std::string_view path) {
  const std::string_view op = expectation.at("op").string();
  if (op == "to.be.true") return "true";
  if (op == "to.be.false") return "false";
  if (op == "to.not.be.ok" || op == "to.be.undefined") return "";
  const auto& args = expectation.at("args").array();
  if (path == "alignment.spf.result" && !args.empty()) return "aligned";
  return args.empty() ? "" : text_of(args[0]);
}

TEST(DmarcCases, MailauthAfterRfc9989) {
  std::ifstream file(suite() / "mailauth-dmarc-verify.json");
  if (!file) GTEST_SKIP() << "the suite dmarc-cases is not there: " << suite();
  std::stringstream content;
  content << file.rdbuf();
  const auto cases = json::parse(content.str());
  ASSERT_TRUE(cases) << cases.error().what;
  ASSERT_EQ(cases->array().size(), 34U);

  std::size_t checked = 0;
  std::set<std::string_view> used;
  std::set<std::string_view> not_ours;
  for (const json::Value& one : cases->array()) {
    std::string_view title = one.at("title").string();
    if (title.starts_with(kTitles)) title.remove_prefix(kTitles.size());
    std::vector<std::optional<Evaluation>> results;
    for (const json::Value& call : one.at("calls").array()) results.push_back(evaluated(call));
    for (const json::Value& expectation : one.at("expect").array()) {
      const std::string_view whole = expectation.at("path").string();
      const auto index = static_cast<std::size_t>(whole.at(1) - '0');
      ASSERT_LT(index, results.size());
      const std::string_view path = whole.size() > 3 ? whole.substr(3) : std::string_view();
      if (const auto skip = kNotOurs.find(path); skip != kNotOurs.end()) {
        not_ours.insert(skip->first);
        continue;
      }
      const auto is = ours(results[index], path);
      ASSERT_TRUE(is) << title << ": no meaning for the path " << whole;
      ++checked;
      const auto difference = kDifferences.find(title);
      if (difference != kDifferences.end() && difference->second.path == path) {
        used.insert(difference->first);
        EXPECT_EQ(*is, difference->second.ours) << title;
        EXPECT_NE(*is, wanted(expectation, path)) << title << ": no difference any more";
      } else {
        EXPECT_EQ(*is, wanted(expectation, path)) << title << ": " << whole;
      }
    }
  }
  EXPECT_EQ(used.size(), kDifferences.size());
  EXPECT_EQ(not_ours.size(), kNotOurs.size());
  std::cout << cases->array().size() << " cases, " << checked << " expectations checked, " << kDifferences.size()
            << " deliberate differences\n";
}

}  // namespace
}  // namespace postern::dmarc
