// isemail's address list (mail-syntax/isemail/tests.xml) against the envelope grammar. Its categories VALID, RFC5321
// and DNSWARN are what RCPT may hold; all others are valid in a header at most and refused in the envelope. And against
// address lists of header fields, which take all but ERR.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "message/author.h"
#include "repository.h"
#include "smtp/address.h"

namespace postern::smtp {
namespace {

std::filesystem::path suite() { return test::suite_dir(""); }

// Text between <tag> and </tag>, from `at` on and not behind `end`.
std::string element(const std::string& xml, std::string_view tag, std::size_t at, std::size_t end) {
  const std::string open = "<" + std::string(tag) + ">";
  const auto start = xml.find(open, at);
  if (start == std::string::npos || start > end) return {};
  const auto stop = xml.find("</" + std::string(tag) + ">", start);
  return xml.substr(start + open.size(), stop - start - open.size());
}

std::string utf8(std::uint32_t code) {
  // U+2400 and up stand for control characters there
  if (code >= 0x2400 && code <= 0x241F) return std::string(1, static_cast<char>(code - 0x2400));
  if (code == 0x2421) return "\x7F";
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  std::string out;
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0U | (code >> 6U)));
  } else {
    out.push_back(static_cast<char>(0xE0U | (code >> 12U)));
    out.push_back(static_cast<char>(0x80U | ((code >> 6U) & 0x3FU)));
  }
  out.push_back(static_cast<char>(0x80U | (code & 0x3FU)));
  return out;
}

std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto semicolon = text.find(';', i);
    if (text[i] == '&' && semicolon != std::string::npos) {
      const std::string name = text.substr(i + 1, semicolon - i - 1);
      i = semicolon;
      if (name == "amp")
        out += "&";
      else if (name == "lt")
        out += "<";
      else if (name == "gt")
        out += ">";
      else if (name == "quot")
        out += "\"";
      else if (name == "apos")
        out += "'";
      else if (name.starts_with("#x"))
        out += utf8(static_cast<std::uint32_t>(std::stoul(name.substr(2), nullptr, 16)));
      else if (name.starts_with("#"))
        out += utf8(static_cast<std::uint32_t>(std::stoul(name.substr(1))));
      else
        ADD_FAILURE() << "unknown entity " << name;
      continue;
    }
    out.push_back(text[i]);
  }
  return out;
}

struct Case {
  std::string id, address, category, diagnosis;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  std::ifstream in(suite() / "mail-syntax" / "isemail" / "tests.xml", std::ios::binary);
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string xml = buffer.str();
  for (auto at = xml.find("<test id="); at != std::string::npos; at = xml.find("<test id=", at + 1)) {
    const auto end = xml.find("</test>", at);
    out.push_back({xml.substr(at + 10, xml.find('"', at + 10) - at - 10), unescape(element(xml, "address", at, end)),
                   element(xml, "category", at, end), element(xml, "diagnosis", at, end)});
  }
  return out;
}

TEST(IsEmail, EnvelopeTakesWhatRfc5321Allows) {
  const auto all = cases();
  if (all.empty()) GTEST_SKIP() << "no suite mail-syntax/isemail in " << suite() << "; set POSTERN_CONFORMANCE";
  for (const auto& [id, address, category, diagnosis] : all) {
    const bool expected =
        category == "ISEMAIL_VALID_CATEGORY" || category == "ISEMAIL_RFC5321" || category == "ISEMAIL_DNSWARN";
    // As a path: RFC 5321 4.5.3.1.3 limits it as a whole
    const auto parsed = parse_path("<" + address + ">", false, false);
    EXPECT_EQ(parsed.has_value(), expected)
        << id << " [" << address << "] " << category << " " << diagnosis << (parsed ? "" : ": " + parsed.error().what);
  }
  EXPECT_EQ(all.size(), 164U);
}

// Diagnoses where a header field's address list is taken or refused otherwise, with the number of cases. Only the
// domain matters there (message/author.h).
struct Otherwise {
  int cases;
  std::string_view reason;
};
const std::map<std::string_view, Otherwise> kHeaderDifferences = {
    {"ISEMAIL_ERR_DOT_START", {1, "dots in odd places of a local part are taken"}},
    {"ISEMAIL_ERR_DOT_END", {2, "the same, and one dot at the end of a domain"}},
    {"ISEMAIL_ERR_DOMAINHYPHENSTART", {1, "RFC 5322 3.4.1 allows it; what DNS has is asked there"}},
    {"ISEMAIL_ERR_DOMAINHYPHENEND", {2, "the same"}},
    {"ISEMAIL_ERR_ATEXT_AFTER_QS", {1, "words in front of the last one are a phrase"}},
    {"ISEMAIL_ERR_EXPECTING_ATEXT", {2, "the same"}},
    {"ISEMAIL_ERR_ATEXT_AFTER_CFWS", {1, "the same"}},
    {"ISEMAIL_ERR_FWS_CRLF_END", {4, "the CRLF ends the field"}},
    {"ISEMAIL_ERR_EXPECTING_QPAIR", {1, "RFC 6532 3.2: VCHAR, and so a quoted-pair, has UTF-8"}},
    {"ISEMAIL_DEPREC_QP", {2, "a quoted NUL or LF (obs-qp) has several meanings"}},
};

TEST(IsEmail, HeadersTakeWhatRfc5322Allows) {
  const auto all = cases();
  if (all.empty()) GTEST_SKIP() << "no suite mail-syntax/isemail in " << suite() << "; set POSTERN_CONFORMANCE";
  std::map<std::string, int> otherwise;
  for (const auto& [id, address, category, diagnosis] : all) {
    const auto parsed = message::parse_addresses(address);
    const bool taken = parsed && !parsed->empty();
    if (taken == (category != "ISEMAIL_ERR")) continue;
    ++otherwise[diagnosis];
    EXPECT_TRUE(kHeaderDifferences.contains(diagnosis)) << id << " [" << address << "] " << diagnosis;
  }
  for (const auto& [diagnosis, difference] : kHeaderDifferences) {
    EXPECT_EQ(otherwise[std::string(diagnosis)], difference.cases) << diagnosis << ": " << difference.reason;
  }
}

}  // namespace
}  // namespace postern::smtp
