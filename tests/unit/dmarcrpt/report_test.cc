#include "dmarcrpt/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dmarcrpt/xml.h"

namespace postern::dmarcrpt {
namespace {

// "<a><b>=text </b>=" ..., or the error.
std::string walked(std::string_view document) {
  XmlReader reader(document);
  std::string out;
  for (;;) {
    const auto event = reader.next();
    if (!event) return "error";
    if (*event == XmlReader::Event::finished) return out;
    if (*event == XmlReader::Event::start)
      out += "<" + std::string(reader.name()) + ">";
    else
      out += "</" + std::string(reader.name()) + ">=" + std::string(reader.text()) + " ";
  }
}

TEST(Xml, ElementsAndTheirText) {
  EXPECT_EQ(walked("<?xml version=\"1.0\"?>\n<a x='>' y=\"</b>\"><!-- <c> --><b> t </b><b/>u</a>\n"),
            "<a><b></b>=t <b></b>= </a>=u ");
  EXPECT_EQ(walked("<n:a xmlns:n=\"urn:x\"><n:b>1</n:b></n:a>"), "<a><b></b>=1 </a>= ");
  EXPECT_EQ(walked("\xEF\xBB\xBF<a>&lt;&amp;&#65;&#x20AC;<![CDATA[<&]]></a >"), "<a></a>=<&A\xE2\x82\xAC<& ");
}

TEST(Xml, WhatIsBrokenOrDangerousIsAnError) {
  for (const char* text : {"",
                           "text",
                           "<a>",
                           "<a></b>",
                           "<a><b></a></b>",
                           "</a>",
                           "<a",
                           "<a><",
                           "<a>&x;</a>",
                           "<a>&",
                           "<a>&#0;</a>",
                           "<a>&#xD800;</a>",
                           "<a>&#x110000;</a>",
                           "<a/><b/>",
                           "<a/>text",
                           "<1/>",
                           "< a/>",
                           "<a><![CDATA[x</a>",
                           "<!-- <a/>",
                           "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                           "<a x=\"></a>",
                           "&amp;<a/>"}) {
    EXPECT_EQ(walked(text), "error") << text;
  }
}

TEST(Xml, Limits) {
  std::string deep;
  std::string shut;
  for (std::size_t i = 0; i < XmlReader::kDepthMax; ++i) {
    deep += "<a>";
    shut += "</a>";
  }
  EXPECT_NE(walked(deep + shut), "error");
  EXPECT_EQ(walked(deep + "<a>" + shut + "</a>"), "error");
  const std::string name(XmlReader::kNameMax, 'n');
  EXPECT_NE(walked("<" + name + "/>"), "error");
  EXPECT_EQ(walked("<" + name + "n/>"), "error");
  const std::string large = "<a>" + std::string(XmlReader::kTextMax + 10, 'x') + "</a>";
  XmlReader cut(large);
  (void)cut.next();
  (void)cut.next();
  EXPECT_EQ(cut.text().size(), XmlReader::kTextMax);
}

const std::string kHead =
    "<feedback><report_metadata><org_name>Them</org_name><email>d@them.org</email><report_id>7</report_id>"
    "<date_range><begin>1700000000</begin><end>1700086399</end></date_range></report_metadata>"
    "<policy_published><domain>us.org</domain><p>reject</p><sp>none</sp><adkim>r</adkim></policy_published>";
const std::string kRow =
    "<record><row><source_ip>2001:db8::1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition>"
    "<dkim>pass</dkim><spf>fail</spf><reason><type>forwarded</type><comment>list</comment></reason></policy_evaluated>"
    "</row><identifiers><header_from>us.org</header_from></identifiers><auth_results><dkim><domain>us.org</domain>"
    "<selector>s1</selector><result>pass</result></dkim><spf><domain>list.org</domain><scope>mfrom</scope>"
    "<result>pass</result></spf></auth_results></record>";

TEST(DmarcReport, IsRead) {
  const auto report = parse_report(kHead + kRow + kRow + "</feedback>");
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->organization, "Them");
  EXPECT_EQ(report->begin, 1700000000000);
  EXPECT_EQ(report->domain, "us.org");
  EXPECT_EQ(report->policy, "reject");
  ASSERT_EQ(report->rows.size(), 2U);
  const Row& row = report->rows[1];
  EXPECT_EQ(row.source_ip, "2001:db8::1");
  EXPECT_EQ(row.count, 3U);
  EXPECT_EQ(row.dkim + row.spf + row.disposition, "passfailnone");
  EXPECT_EQ(row.reasons, std::vector<std::string>{"forwarded: list"});
  ASSERT_EQ(row.dkim_results.size(), 1U);
  EXPECT_EQ(row.dkim_results[0].selector, "s1");
  EXPECT_EQ(row.spf_results.at(0).domain, "list.org");
  EXPECT_TRUE(report->remarks.empty());
}

TEST(DmarcReport, WhatBreaksAfterARowKeepsTheRows) {
  const auto report = parse_report(kHead + kRow + "<record><row>");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->rows.size(), 1U);
  EXPECT_EQ(report->remarks.size(), 1U);
  EXPECT_FALSE(parse_report(kHead).has_value());
  EXPECT_FALSE(parse_report("<html></html>").has_value());
  EXPECT_FALSE(parse_report("").has_value());
}

TEST(DmarcReport, AnUnendedSchemaInFrontIsPassedOver) {
  const std::string report =
      "<feedback><policy_published><domain>a.example</domain></policy_published>"
      "<record><row><count>3</count></row></record></feedback>";
  for (const std::string& text : {"<xs:schema x=\"y\">" + report, "<xs:schema>" + report + "</xs:schema>"}) {
    const auto read = parse_report(text);
    ASSERT_TRUE(read.has_value()) << read.error().what;
    EXPECT_EQ(read->domain, "a.example");
    EXPECT_EQ(read->rows.at(0).count, 3U);
    EXPECT_TRUE(read->remarks.empty());
  }
  for (const char* text : {"<schema/>", "<schema></schema>", "<schema><schema><feedback/></schema></schema>",
                           "<schema><x/><feedback/></schema>"})
    EXPECT_FALSE(parse_report(text).has_value()) << text;
}

}  // namespace
}  // namespace postern::dmarcrpt
