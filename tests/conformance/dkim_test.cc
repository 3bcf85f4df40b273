// Messages and keys of three implementations (dkim-vectors/{chasquid,lieser,dkimpy}): what they signed verifies here,
// what they spoiled does not, with the result that RFC 6376 and RFC 8601 2.7.1 give; and messages are signed with their
// keys. Expectations come from the suites' own files where they have them, else from the suite's README. Where a suite
// states a policy of its own that RFC 6376 leaves open, the difference is listed with the reason.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/json.h"
#include "repository.h"
#include "unit/dkim/signed_mail.h"

namespace postern::dkim {
namespace {

namespace fs = std::filesystem;

fs::path suite(const char* name) { return postern::test::suite_dir("dkim-vectors") / name; }

#define SKIP_WITHOUT(path) \
  if (!fs::exists(path)) GTEST_SKIP() << "not there: " << (path)

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

struct Message {
  std::string header, body;
};

// The files have LF or CRLF.
Message message_of(const fs::path& path) {
  std::string text;
  char last = '\0';
  for (const char c : slurp(path)) {
    if (c == '\n' && last != '\r') text.push_back('\r');
    text.push_back(c);
    last = c;
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return {.header = text, .body = ""};
  return {.header = text.substr(0, end + 2), .body = text.substr(end + 4)};
}

std::vector<std::string> outcomes(const Message& message, const test::Zone& zone) {
  std::vector<std::string> names;
  for (const Verdict& verdict : test::verify(message.header, message.body, zone)) {
    names.emplace_back(to_string(verdict.outcome));
    if (verdict.outcome != Outcome::pass) EXPECT_NE(verdict.problem, "");
  }
  return names;
}

using Names = std::vector<std::string>;

// "name: text", a "\" at the end of a line continuing it; TEMPERROR and PERMERROR stand for failures.
test::Zone chasquid_zone(const fs::path& path) {
  test::Zone zone;
  if (!fs::exists(path)) return zone;
  std::string joined = slurp(path);
  for (std::size_t at = 0; (at = joined.find("\\\n")) != std::string::npos;) joined.erase(at, 2);
  std::map<std::string, std::vector<std::string>> records;
  std::istringstream lines(joined);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon);
    const std::string value(trim(std::string_view(line).substr(colon + 2)));
    if (value == "TEMPERROR") {
      zone.fail(name, dns::Status::servfail);
    } else if (value == "PERMERROR") {
      zone.fail(name, dns::Status::nxdomain);
    } else {
      records[name].push_back(value);
    }
  }
  for (const auto& [name, texts] : records) zone.add(name, texts);
  return zone;
}

// How many signatures chasquid looks at (its own limit). RFC 6376 6.1: "A Verifier MAY limit the number of signatures
// it tries"; ours is kSignaturesMax, so that we try those that it leaves.
constexpr std::size_t kChasquidLimit = 5;

TEST(DkimConformance, Chasquid) {
  const fs::path folder = suite("chasquid");
  SKIP_WITHOUT(folder);
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".msg") continue;
    SCOPED_TRACE(entry.path().filename());
    ++cases;
    fs::path beside = entry.path();
    const test::Zone zone = chasquid_zone(beside.replace_extension(".dns"));
    const Message message = message_of(entry.path());
    const Names found = outcomes(message, zone);
    const fs::path result = beside.replace_extension(".result");
    if (!fs::exists(result)) {  // 03: no message at all, so nothing is signed
      EXPECT_TRUE(found.empty());
      continue;
    }
    const auto parsed = json::parse(slurp(result));
    ASSERT_TRUE(parsed);
    const json::Value& expected = *parsed;
    const auto& results = expected.at("Results").array();
    if (results.size() == kChasquidLimit) {
      EXPECT_EQ(found.size(), 7U);  // 02-too_many_headers: see kChasquidLimit
    } else {
      ASSERT_EQ(found.size(), results.size());
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string state(results[i].at("State").string());
      if (state == "SUCCESS") EXPECT_EQ(found[i], "pass") << i;
      if (state == "TEMPFAIL") EXPECT_EQ(found[i], "temperror") << i;
      // PERMFAIL is fail where the arithmetic does not come out (RFC 8601 2.7.1), else permerror.
      if (state == "PERMFAIL") EXPECT_TRUE(found[i] == "permerror" || found[i] == "fail") << i << found[i];
    }
  }
  EXPECT_EQ(cases, 11U);
}

TEST(DkimConformance, Lieser) {
  const fs::path folder = suite("lieser");
  SKIP_WITHOUT(folder);
  test::Zone zone;
  const auto dns = json::parse(slurp(folder / "dns.json"));
  ASSERT_TRUE(dns);
  for (const auto& [name, text] : dns->object()) zone.add(name, {std::string(text.string())});
  // Everything else that is signed passes.
  const std::map<std::string, Names> exceptions{
      {"rfc6376-A.2-body_modified.eml", {"fail"}},
      {"rfc6376-A.2-header_subject_modified.eml", {"fail"}},
      {"rfc6376-A.2-ill_formed-missing_v.eml", {"permerror"}},
      {"rfc8463-A.3-key_algo_mismatch.eml", {"permerror", "permerror"}},
      {"added_header-from.eml", {"fail"}},
      {"flags_s-auid_is_subdomain_of_sdid.eml", {"permerror"}},
      {"rfc8463-A.3.eml", {"pass", "pass"}},
      {"fakePayPal.eml", {}},
      {"ill_formed-from.eml", {}},
  };
  std::size_t cases = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".eml") continue;
    const std::string name = entry.path().filename();
    ++cases;
    const auto exception = exceptions.find(name);
    EXPECT_EQ(outcomes(message_of(entry.path()), zone),
              exception == exceptions.end() ? Names{"pass"} : exception->second)
        << name;
  }
  EXPECT_EQ(cases, 27U);
}

crypto::PrivateKey key_of(const fs::path& path) {
  auto key = crypto::PrivateKey::parse(slurp(path));
  EXPECT_TRUE(key) << path << (key ? "" : key.error().what);
  return key ? *key : test::ed25519_key();
}

// Signs in every canonicalisation with the private key and verifies with the record: the four results.
Names signed_and_verified(const Message& message, const fs::path& key, const std::string& record) {
  test::Zone zone;
  zone.add("test._domainkey.example.com", {record});
  Names all;
  for (const Canon header : {Canon::simple, Canon::relaxed}) {
    for (const Canon body : {Canon::simple, Canon::relaxed}) {
      SignOptions options;
      options.header_canon = header;
      options.body_canon = body;
      const auto fields = test::sign(message.header, message.body, {{"example.com", "test", key_of(key)}}, options);
      EXPECT_TRUE(fields) << (fields ? "" : fields.error().what);
      if (!fields) continue;
      for (const std::string& one : outcomes({.header = (*fields)[0] + message.header, .body = message.body}, zone)) {
        all.push_back(one);
      }
    }
  }
  return all;
}

const Names kFourPasses{"pass", "pass", "pass", "pass"};
const Names kFourErrors{"permerror", "permerror", "permerror", "permerror"};

TEST(DkimConformance, DkimpyKeyRecords) {
  const fs::path folder = suite("dkimpy");
  SKIP_WITHOUT(folder);
  const Message message = message_of(folder / "test.message");
  const auto with = [&](const char* record) {
    return signed_and_verified(message, folder / "test.private", slurp(folder / record));
  };
  EXPECT_EQ(with("test.txt"), kFourPasses);
  EXPECT_EQ(with("test2.txt"), kFourPasses);        // no k=
  EXPECT_EQ(with("badversion.txt"), kFourErrors);   // "v=DKIM1: g=*"
  EXPECT_EQ(with("badk.txt"), kFourErrors);         // "k=ed25519-sha256"
  EXPECT_EQ(with("test_bad.txt"), kFourErrors);     // p= is cut
  EXPECT_EQ(with("test_tlsrpt.txt"), kFourErrors);  // RFC 8460 3: not for mail in general
  EXPECT_EQ(with("ed25519test.dns"), kFourErrors);  // another type of key
}

TEST(DkimConformance, DkimpyFormsOfKeys) {
  const fs::path folder = suite("dkimpy");
  SKIP_WITHOUT(folder);
  const Message message = message_of(folder / "test.message");
  const std::pair<const char*, const char*> pairs[] = {
      {"1024_testkey.key", "1024_testkey_wo_markers.pub.txt"},
      {"1024_testkey.key", "1024_testkey_wo_markers.pub.rsa.txt"},  // RFC 6376 erratum 3017
      {"2048_testkey.key", "2048_testkey_wo_markers.pub.txt"},
      {"2048_testkey.key", "2048_testkey_wo_markers.pub.rsa.txt"},
      {"2048_testkey_PKCS8.key", "2048_testkey_PKCS8.key.pub.txt"},
      {"ed25519test.key", "ed25519test.dns"},
  };
  for (const auto& [key, record] : pairs) {
    EXPECT_EQ(signed_and_verified(message, folder / key, slurp(folder / record)), kFourPasses) << record;
  }
}

TEST(DkimConformance, DkimpyMessages) {
  const fs::path folder = suite("dkimpy");
  SKIP_WITHOUT(folder);
  const std::string ed_record = slurp(folder / "ed25519test.dns");
  for (const char* name :
       {"rfc6376.msg", "rfc6376.w1258.msg", "test_extra.message", "ed25519test.msg", "message.mbox"}) {
    Message message = message_of(folder / name);
    if (message.header.starts_with("From ")) message.header.erase(0, message.header.find("\r\n") + 2);
    // What it carries stands below, and has no key here.
    Names found = signed_and_verified(message, folder / "ed25519test.key", ed_record);
    std::erase(found, "permerror");
    EXPECT_EQ(found, kFourPasses) << name;  // also octets that are no UTF-8: DKIM signs octets
  }
  const Message no_from = message_of(folder / "test_nofrom.message");
  EXPECT_FALSE(test::sign(no_from.header, no_from.body, {{"example.com", "test", test::ed25519_key()}}));

  // The keys of RFC 8463 A.2, which the suite has as the private ones only.
  test::Zone zone;
  zone.add("brisbane._domainkey.football.example.com", {test::record_of(key_of(folder / "rfc8032_7_1.key"))});
  zone.add("test._domainkey.football.example.com", {slurp(folder / "test.txt")});
  zone.add("test._domainkey.example.com", {slurp(folder / "test.txt")});
  zone.add("sed._domainkey.test.ex", {slurp(folder / "eximtest.dns")});
  EXPECT_EQ(outcomes(message_of(folder / "rfc6376.signed.msg"), zone), (Names{"pass", "pass"}));
  EXPECT_EQ(outcomes(message_of(folder / "rfc6376.signed.rsa.msg"), zone), (Names{"pass"}));
  EXPECT_EQ(outcomes(message_of(folder / "ed25519test2.msg"), zone), (Names{"pass"}));
  EXPECT_EQ(outcomes(message_of(folder / "test.message.baddomain"), zone), (Names{"permerror"}));
}

}  // namespace
}  // namespace postern::dkim
