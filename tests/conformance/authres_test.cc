// The Authentication-Results messages of dkim_verifier (authres/lieser-arh): every field is parsed or refused as its
// file name says, a malformed newest field hides no older one, and a gateway that bears an authserv-id removes every
// field that bears it, the malformed ones too (RFC 8601 5).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "authres/authres.h"
#include "base/text.h"
#include "repository.h"

namespace postern::authres {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return test::suite_dir("authres") / "lieser-arh"; }

message::HeaderSection header_of(const std::string& name) {
  std::ifstream in(suite() / (name + ".eml"), std::ios::binary);
  const std::string octets{std::istreambuf_iterator<char>(in), {}};
  EXPECT_FALSE(octets.empty()) << name;
  std::string text;
  for (const char c : octets) {
    if (c == '\n' && !text.ends_with('\r')) text += '\r';
    text += c;
  }
  return message::HeaderSection(std::move(text));
}

// "id: method=result ..." of each field, top first; "-" for one that RFC 8601 2.2 does not allow.
std::vector<std::string> summary(const message::HeaderSection& header) {
  std::vector<std::string> out;
  for (const message::Field* field : header.all("Authentication-Results")) {
    const auto read = parse(field->body);
    std::string text = read ? read->authserv_id + ":" : "-";
    for (const Method& method : read ? read->methods : std::vector<Method>()) {
      text += " " + method.method + "=" + method.result;
      if (!method.reason.empty()) text += " reason=" + method.reason;
      for (const Property& property : method.properties) {
        text += " " + property.ptype + "." + property.name + "=" + property.value;
      }
    }
    out.push_back(text);
  }
  return out;
}

class AuthresSuite : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::is_directory(suite())) GTEST_SKIP() << "no suite at " << suite() << " (set POSTERN_CONFORMANCE)";
  }
};

TEST_F(AuthresSuite, EveryFieldIsReadOrRefused) {
  using Fields = std::vector<std::string>;
  const std::string valid = "example.net: spf=pass smtp.mailfrom=example.com dkim=";
  const std::map<std::string, Fields> expected = {
      {"alignment-auid_not_in_sdid", {"example.net: dkim=pass header.d=example.net header.i=joe@football.example.com"}},
      {"alignment-from_not_in_sdid", {"example.net: dkim=pass header.d=unrelated.com"}},
      {"dkim-unknown_result", {"example.net: dkim=timeout header.d=example.com"}},
      {"fakePayPal", {"example.net: dkim=pass header.d=unrelated.com"}},
      // "dkim=pass header.d=..." has no authserv-id, which 2.2 requires
      {"multiple_arh-newest_no_authserv", {"-", "unrelated.com: dkim=pass header.d=unrelated.com", "-"}},
      {"multiple_arh-newest_no_result",
       {"example.net:", "unrelated.com: dkim=pass header.d=unrelated.com",
        "example.net: dkim=pass header.d=example.com"}},
      // "header.b=/d5r": "/" is in no token (RFC 2045 5.1)
      {"multiple_arh-newest_parsing_error_01",
       {"-", "unrelated.com: dkim=pass header.d=unrelated.com", "example.net: dkim=pass header.d=example.com"}},
      {"multiple_arh-newest_parsing_error_02", {"-", "unrelated.com: dkim=pass header.d=unrelated.com", "-"}},
      {"multiple_arh-newest_unknown_method",
       {"example.net: foo=pass", "unrelated.com: dkim=pass header.d=unrelated.com",
        "example.net: dkim=pass header.d=example.com"}},
      {"multiple_arh-same_and_different_authserv",
       {"example.net: spf=pass", "example.net: dkim=pass header.d=example.com",
        "example.net: dkim=pass header.d=football.example.com", "foo.example.net: dkim=pass header.d=foo.example.com",
        "unrelated.com: dkim=pass header.d=unrelated.com", "-", "example.net: dkim=pass header.d=last.example.com"}},
      {"multiple_dkim_results",
       {"example.net: dkim=fail header.d=example.com dkim=pass header.d=unrelated.org dkim=pass header.d=example.com "
        "dkim=fail reason=test failure header.d=example.com "
        "dkim=fail reason=test failure signed by unrelated header.d=unrelated.org "
        "dkim=fail header.d=example.com dkim=pass header.d=example.org"}},
      {"multiple_spf_and_dmarc_results",
       {"example.net: spf=fail spf=pass spf=none spf=softfail spf=policy spf=neutral spf=temperror spf=permerror "
        "dmarc=fail dmarc=pass dmarc=permerror dmarc=none dmarc=temperror"}},
      {"rfc6376-A.2-arh-failed-no_reason", {valid + "fail header.d=example.com"}},
      {"rfc6376-A.2-arh-failed", {valid + "fail reason=bad signature header.d=example.com"}},
      {"rfc6376-A.2-arh-valid-a_tag", {valid + "pass header.d=example.com header.a=rsa-sha256"}},
      {"rfc6376-A.2-arh-valid-a_tag_sha1", {valid + "pass header.d=example.com header.a=rsa-sha1"}},
      {"rfc6376-A.2-arh-valid-auid", {valid + "pass header.i=joe@football.example.com"}},
      {"rfc6376-A.2-arh-valid-no_sdid_or_auid", {valid + "pass"}},
      {"rfc6376-A.2-arh-valid-sdid_and_auid", {valid + "pass header.d=example.com header.i=joe@football.example.com"}},
      {"rfc6376-A.2-arh-valid", {valid + "pass header.d=example.com"}},
      // a ";" at the end: dkim_verifier reads it in its "relaxed" mode only; ours is parse_lenient()
      {"rfc6376-A.2-arh-valid_relaxed", {"-"}},
  };
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(suite())) {
    if (entry.path().extension() != ".eml") continue;
    ++files;
    const auto found = expected.find(entry.path().stem().string());
    ASSERT_NE(found, expected.end()) << entry.path();
    EXPECT_EQ(summary(header_of(found->first)), found->second) << found->first;
  }
  EXPECT_EQ(files, expected.size());
}

TEST_F(AuthresSuite, LenientReadingAddsWhatRelaxedReadersRead) {
  const auto relaxed = header_of("rfc6376-A.2-arh-valid_relaxed");
  const auto one = parse_lenient(relaxed.all("Authentication-Results").at(0)->body);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->methods.size(), 2);
  const auto header = header_of("multiple_arh-newest_parsing_error_01");
  const auto two = parse_lenient(header.all("Authentication-Results").at(0)->body);
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->methods.at(0).properties.at(1).value, "/d5r");
}

TEST_F(AuthresSuite, OurOwnAreRemovedAndOnlyThose) {
  const auto claimed = [](const std::string& name, std::string_view id) {
    std::string out;
    for (const message::Field& field : header_of(name).fields()) {
      if (iequals(field.name, "Authentication-Results")) {
        out += claims(field, id) ? 'x' : '.';
      } else {
        EXPECT_FALSE(claims(field, id)) << field.raw;
      }
    }
    return out;
  };
  EXPECT_EQ(claimed("multiple_arh-same_and_different_authserv", "example.net"), "xxx...x");
  EXPECT_EQ(claimed("multiple_arh-same_and_different_authserv", "unrelated.com"), "....x..");
  EXPECT_EQ(claimed("multiple_arh-newest_parsing_error_01", "example.net"), "x.x");
  EXPECT_EQ(claimed("multiple_arh-newest_parsing_error_02", "example/net"), "x.x");
  EXPECT_EQ(claimed("multiple_arh-newest_no_result", "EXAMPLE.NET"), "x.x");
  EXPECT_EQ(claimed("multiple_arh-newest_no_authserv", "unrelated.com"), ".x.");
  EXPECT_EQ(claimed("multiple_arh-newest_no_authserv", "example.net"), "...");
  EXPECT_EQ(claimed("rfc6376-A.2-arh-valid_relaxed", "example.net"), "x");
}

}  // namespace
}  // namespace postern::authres
