// mail-parser's address lists (mail-syntax/mail-parser/address.json): the domains of the addresses, in order. It is a
// liberal reader; where ours answers otherwise, the table below says why. An entry that is needed no more fails the
// test.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "message/author.h"
#include "repository.h"

namespace postern::message {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return test::suite_dir("mail-syntax") / "mail-parser" / "address.json"; }

// By the beginning of the field.
const std::map<std::string_view, std::string_view> kDifferences = {
    {"Pete(A nice \r\n",
     "a backslash in front of a line end quotes nothing (RFC 5322 3.2.1; obs-qp has several meanings)"},
    {"Mary Smith <@node.test", "white space inside of a domain is no part of it (RFC 5322 4.4)"},
    {"John Doe <jdoe@machine(comment)", "the same"},
    {"test@test.com\r\ninvalid", "a line end that folds nothing ends a field, and something follows"},
    {"\"=?ISO-8859-1?Q =?ISO", "the same"},
    {"List 1: ", "groups are parted by commas (RFC 5322 3.4)"},
    {"\"List 1\": ", "the same"},
    {"\"=?utf-8?b?VGjDrXMg", "the same"},
    {"<http://", "URLs of List- fields (RFC 2369) are no addresses"},
    {"<mailto:", "the same"},
    {"<ftp://", "the same"},
    {"(Use this command", "the same"},
};

void collect(const json::Value& value, std::string& out) {
  for (const json::Value& entry : value.array()) collect(entry, out);
  for (const auto& [key, entry] : value.object()) {
    if (key != "address") collect(entry, out);
    const std::string_view address = key == "address" ? entry.string() : std::string_view();
    if (address.contains('@')) out += lower(address.substr(address.rfind('@') + 1)) + " ";
  }
}

std::string crlf(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  for (const char c : text) out += c == '\n' && !out.ends_with('\r') ? "\r\n" : std::string(1, c);
  return out;
}

TEST(AddressLists, DomainsOfMailParser) {
  std::ifstream in(suite(), std::ios::binary);
  if (!in) GTEST_SKIP() << "no suite at " << suite() << "; set POSTERN_CONFORMANCE";
  std::stringstream buffer;
  buffer << in.rdbuf();
  const auto cases = json::parse(buffer.str());
  ASSERT_TRUE(cases) << cases.error().what;
  ASSERT_EQ(cases->array().size(), 60U);
  std::set<std::string_view> used;
  int same = 0;
  for (const json::Value& one : cases->array()) {
    const std::string field = crlf(one.at("header").string());
    std::string expected;
    collect(one.at("expected"), expected);
    std::string found;
    if (const auto parsed = parse_addresses(field)) {
      for (const Address& address : *parsed) found += lower(address.domain) + " ";
    } else {
      found = "error: " + parsed.error().what;
    }
    if (found == expected) {
      ++same;
      continue;
    }
    bool explained = false;
    for (const auto& [beginning, reason] : kDifferences) {
      if (!field.starts_with(beginning)) continue;
      explained = true;
      used.insert(beginning);
    }
    EXPECT_TRUE(explained) << field << "\n  " << expected << "\n  " << found;
  }
  EXPECT_EQ(used.size(), kDifferences.size());
  EXPECT_EQ(same, 42);
}

}  // namespace
}  // namespace postern::message
