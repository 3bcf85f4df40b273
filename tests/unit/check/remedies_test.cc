// What to mend first.
#include "check/remedies.h"

#include <gtest/gtest.h>

#include "check/catalogue.h"

namespace postern::check {
namespace {

using enum Outcome;

TEST(Remedies, FailuresFirstByTheHarmTheyDo) {
  Report report;
  report.findings = {{"dns.caa", warn, "example.org", "", "say who may issue", ""},
                     {"dns.ns_ipv6", fail, "example.org", "", "give two servers addresses", ""},
                     {"mx.resolves", fail, "mx.example.org", "", "give it addresses", ""},
                     {"dane.match", fail, "mx.example.org", "", "publish this", "RECORD"},
                     {"mx.ipv6", warn, "example.org", "", "give one an IPv6 address", ""},
                     {"tls.version", pass, "mx.example.org", "", "", ""},
                     {"dns.soa", info, "example.org", "", "two weeks are usual", ""}};
  std::vector<std::string_view> ids;
  for (const Remedy& one : remedies(report)) ids.push_back(one.findings.front()->id);
  EXPECT_EQ(ids, (std::vector<std::string_view>{"mx.resolves", "dane.match", "dns.ns_ipv6", "mx.ipv6", "dns.caa"}));
}

TEST(Remedies, OneRemedyIsNamedOnce) {
  Report report;
  report.findings = {{"dns.caa", warn, "example.org", "", "say who may issue", "example.org. IN CAA"},
                     {"dns.caa", warn, "mx.example.org", "", "say who may issue", "example.org. IN CAA"},
                     {"dns.caa", warn, "mx.example.net", "", "say who may issue", "example.net. IN CAA"},
                     {"reverse.ptr", warn, "mx.example.org", "", "publish the name", "1.2.0.192.in-addr.arpa. IN PTR"},
                     {"parity.tls", warn, "mx.example.org", "", "let both lead to one", ""},
                     {"parity.dane", fail, "mx.example.org", "", "let both lead to one", ""},
                     {"parity.tls", warn, "two.example.org", "", "let both lead to one", ""},
                     {"reverse.senders", fail, "192.0.2.1", "", "name it", "1.2.0.192.in-addr.arpa. IN PTR"}};
  const auto all = remedies(report);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].findings.front()->id, "parity.dane");
  EXPECT_EQ(all[0].findings.size(), 1U);
  EXPECT_EQ(all[1].outcome, fail);  // the same record mends a failure and a warning
  ASSERT_EQ(all[1].findings.size(), 2U);
  EXPECT_EQ(all[1].findings[1]->id, "reverse.ptr");
  EXPECT_EQ(all[2].findings.size(), 2U);
  EXPECT_EQ(all[2].findings.front()->id, "parity.tls");
  ASSERT_EQ(all[3].findings.size(), 2U);
  EXPECT_EQ(all[3].findings[1]->subject, "mx.example.org");
  EXPECT_EQ(all[4].findings.size(), 1U);
  EXPECT_TRUE(remedies({}).empty());
  const RemedyWords said = words(all[3]);
  EXPECT_EQ(said.ids, "dns.caa");
  EXPECT_EQ(said.titles, find_check("dns.caa")->title);
  EXPECT_EQ(said.subjects, "example.org, mx.example.org");
  EXPECT_EQ(words(all[1]).ids, "reverse.senders, reverse.ptr");
}

}  // namespace
}  // namespace postern::check
