#include "dmarcrpt/writer.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace postern::dmarcrpt {
namespace {

Report sample(std::size_t rows = 1) {
  Report out;
  out.organization = "Us & <them>";
  out.email = "dmarc@us.example";
  out.id = "2024-10-04.a.example@us.example";
  out.generator = "Postern 1";
  out.begin = 1728000000000;
  out.end = 1728086399000;
  out.domain = "a.example";
  out.policy = "reject";
  out.subdomain_policy = "quarantine";
  out.adkim = "s";
  out.aspf = "r";
  out.testing = "n";
  out.fo = "1";
  for (std::size_t i = 0; i < rows; ++i) {
    Row row;
    row.source_ip = "2001:db8::" + std::to_string(i);
    row.count = rows - i;
    row.disposition = "quarantine";
    row.dkim = "fail";
    row.spf = "pass";
    row.reasons = {"local_policy: a list", "trusted_forwarder"};
    row.header_from = "news.a.example";
    row.envelope_from = "mail.a.example";
    row.envelope_to = "us.example";
    row.dkim_results = {{.domain = "a.example", .selector = "one", .scope = {}, .result = "permerror"}};
    row.spf_results = {{.domain = "mail.a.example", .selector = {}, .scope = "mfrom", .result = "pass"}};
    out.rows.push_back(row);
  }
  return out;
}

TEST(Writer, WhatIsWrittenIsReadBack) {
  const Report report = sample(3);
  const Written written = to_xml(report);
  EXPECT_EQ(written.rows, 3U);
  EXPECT_TRUE(
      written.xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
                              "  <version>1.0</version>\n"));
  const auto back = parse_report(written.xml);
  ASSERT_TRUE(back.has_value()) << back.error().what;
  EXPECT_EQ(back->organization, report.organization);
  EXPECT_EQ(back->email + back->id + back->generator, report.email + report.id + report.generator);
  EXPECT_EQ(back->begin, report.begin);
  EXPECT_EQ(back->end, report.end);
  EXPECT_EQ(back->domain, "a.example");
  // RFC 9990 3.1.1.5: tags that are not there have their defaults; np is sp's
  EXPECT_EQ(back->policy + " " + back->subdomain_policy + " " + back->absent_policy, "reject quarantine quarantine");
  EXPECT_EQ(back->adkim + back->aspf + back->testing + back->fo + back->discovery, "srn1treewalk");
  EXPECT_EQ(back->error, "");
  EXPECT_EQ(back->rows, report.rows);
  EXPECT_TRUE(back->remarks.empty());
}

TEST(Writer, TheOrderOfElementsIsTheSchemas) {
  const std::string xml = to_xml(sample()).xml;
  std::size_t at = 0;
  for (const char* name : {"version", "report_metadata", "policy_published", "record", "row", "policy_evaluated",
                           "disposition", "dkim", "spf", "reason", "identifiers", "auth_results", "dkim", "spf"}) {
    const auto found = xml.find("<" + std::string(name) + ">", at);
    ASSERT_NE(found, std::string::npos) << name;
    at = found;
  }
}

TEST(Writer, WhatStrangersChoseCannotBreakIt) {
  Report report = sample();
  Row& row = report.rows[0];
  row.header_from = "</header_from><x>&\x01\xFF\r\n";
  row.disposition = "drop";
  row.dkim = "maybe";
  row.reasons = {"forwarded: old word"};
  row.dkim_results[0].result = "unknown";
  row.dkim_results[0].selector = "]]>";
  row.spf_results[0].result = "hardfail";
  const auto back = parse_report(to_xml(report).xml);
  ASSERT_TRUE(back.has_value()) << back.error().what;
  ASSERT_EQ(back->rows.size(), 1U);
  const Row& read = back->rows[0];
  EXPECT_EQ(read.header_from, printable(row.header_from));
  EXPECT_EQ(read.disposition + " " + read.dkim, "none fail");
  EXPECT_EQ(read.reasons.at(0), "other: old word");
  EXPECT_EQ(read.dkim_results.at(0).result, "neutral");
  EXPECT_EQ(read.dkim_results.at(0).selector, "]]>");
  EXPECT_EQ(read.spf_results.at(0).result, "neutral");
}

TEST(Writer, ANullReversePathIsAnEmptyElement) {
  Report report = sample();
  report.rows[0].envelope_from.clear();
  EXPECT_NE(to_xml(report).xml.find("<envelope_from></envelope_from>"), std::string::npos);
}

TEST(Writer, SignaturesOfARowEndAtAHundred) {
  Report report = sample();
  for (const std::size_t count : {kResultsMax, kResultsMax + 1}) {
    report.rows[0].dkim_results.assign(count, {.domain = "a.example", .selector = "s", .scope = {}, .result = "pass"});
    EXPECT_EQ(parse_report(to_xml(report).xml)->rows.at(0).dkim_results.size(), kResultsMax);
  }
}

TEST(Writer, RowsThatDoNotFitAreLeftOutAndToldOf) {
  const Report report = sample(200);
  const std::size_t whole = to_xml(report).xml.size();
  for (const std::size_t max : {std::size_t{0}, std::size_t{8192}, whole / 2, whole, whole + 8192}) {
    const Written written = to_xml(report, max);
    EXPECT_LE(written.xml.size(), std::max<std::size_t>(max, 8192)) << max;
    const auto back = parse_report(written.xml);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->rows.size(), written.rows);
    EXPECT_EQ(back->error.empty(), written.rows == 200) << max;
  }
  EXPECT_EQ(to_xml(report, whole + 8192).rows, 200U);
  // One row's room less is one row less
  const std::size_t row = (to_xml(sample(9)).xml.size() - to_xml(sample(5)).xml.size()) / 4;
  const Report small = sample(5);
  std::size_t room = 8192;
  while (to_xml(small, room).rows < 5) ++room;
  EXPECT_EQ(to_xml(small, room - 1).rows, 4U);
  EXPECT_EQ(to_xml(small, room).rows, 5U);
  EXPECT_NEAR(static_cast<double>(room - 8192), static_cast<double>(row * 5), 16);
  EXPECT_EQ(parse_report(to_xml(small, room - 1).xml)->error,
            "1 records of 1 messages are left out: the report would be too large");
}

TEST(Mail, HasTheFormOfTheRfc) {
  const Report report = sample();
  EXPECT_EQ(file_name("us.example", report),
            "us.example!a.example!1728000000!1728086399!20241004aexampleusexample.xml.gz");
  const std::string packed(500, '\xA5');
  const std::string mail = report_mail({.from = "dmarc@us.example",
                                        .submitter = "us.example",
                                        .to = "r@b.example",
                                        .message_id = "1@mx.us.example",
                                        .boundary = "report-1",
                                        .date = report.end},
                                       report, packed);
  for (const char* field :
       {"From: <dmarc@us.example>\r\n", "To: <r@b.example>\r\n", "Message-ID: <1@mx.us.example>\r\n",
        "Subject: Report Domain: a.example\r\n Submitter: us.example\r\n",
        " Report-ID: <2024-10-04.a.example@us.example>\r\n", "Auto-Submitted: auto-generated\r\n",
        "\r\nContent-Type: application/gzip\r\n",
        "filename=\"us.example!a.example!1728000000!1728086399!20241004aexampleusexample.xml.gz\"\r\n\r\n",
        "\r\n--report-1--\r\n"})
    EXPECT_NE(mail.find(field), std::string::npos) << field << "\n" << mail;
  EXPECT_TRUE(is_ascii(mail));
  for (std::size_t at = 0; at < mail.size();) {
    const auto end = mail.find("\r\n", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, 200U);
    EXPECT_EQ(mail.substr(at, end - at).find('\n'), std::string::npos);
    at = end + 2;
  }
}

}  // namespace
}  // namespace postern::dmarcrpt
