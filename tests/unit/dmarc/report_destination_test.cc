// Who may get reports (RFC 9990 4).
#include <gtest/gtest.h>

#include "unit/dmarc/zone.h"

namespace postern::dmarc::test {
namespace {

Destination ask(const TestZone& zone, std::string_view domain, std::string_view uri) {
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget;
  Destination out = run_ready(report_destination(std::string(domain), std::string(uri), resolver, budget));
  dns::Budget again;
  EXPECT_EQ(run_ready(report_authorization(std::string(domain), std::string(uri), resolver, again)), out.authorization);
  return out;
}

std::string answer(const TestZone& zone, std::string_view domain, std::string_view uri) {
  return std::string(to_string(ask(zone, domain, uri).authorization));
}

TEST(ReportDestinationTest, OwnOrganization) {
  TestZone zone{{"example.com", "v=DMARC1; p=none"}, {"blue.example.com", "v=DMARC1; p=none"}};
  EXPECT_EQ(answer({}, "example.com", "mailto:a@EXAMPLE.com"), "own");
  EXPECT_EQ(answer(zone, "example.com", "mailto:a@x.example.com"), "own");
  EXPECT_EQ(answer(zone, "blue.example.com", "mailto:a@example.com"), "own");
  EXPECT_EQ(answer(zone, "blue.example.com", "https://red.example.com/r"), "own");
  EXPECT_EQ(answer({}, "blue.example.com", "mailto:a@example.com"), "denied")
      << "no record makes them one organization";
  zone.dmarc("red.example.com", {"v=DMARC1; p=none; psd=n"});
  EXPECT_EQ(answer(zone, "example.com", "mailto:a@red.example.com"), "denied");
  EXPECT_EQ(answer(TestZone{{"com", "v=DMARC1; psd=y; p=none"}}, "example.com", "mailto:a@other.com"), "denied");
}

TEST(ReportDestinationTest, TheExampleOfTheRfc) {
  TestZone zone;
  const std::string name = "blue.example.com._report._dmarc.red.example.net";
  const Destination before = ask(zone, "blue.example.com", "mailto:reports@red.example.net");
  EXPECT_EQ(before.authorization, Authorization::denied);
  EXPECT_EQ(before.asked, name);
  EXPECT_EQ(before.problem, "no record that begins with v=DMARC1 at " + name);
  for (const std::string_view text : {"v=DMARC1", "v=DMARC1;", "v=DMARC1; rua=nobody", "v=DMARC1; p=broken"}) {
    zone.txt(name, {"unrelated", std::string(text)});
    const Destination after = ask(zone, "Blue.Example.com", "mailto:reports@red.example.net!10m");
    EXPECT_EQ(after.authorization, Authorization::denied) << "the old size is taken off by the record's parser";
    EXPECT_EQ(answer(zone, "Blue.Example.com", "mailto:reports@red.example.net"), "granted") << text;
  }
  // several grants are as good as one
  zone.txt(name, {"v=DMARC1", "v=DMARC1; x=y"});
  EXPECT_EQ(answer(zone, "blue.example.com", "mailto:reports@red.example.net"), "granted");
  for (const std::string_view text : {"", "v=dmarc1", "p=none; v=DMARC1", " v=DMARC1", "v=DMARC1x"}) {
    zone.txt(name, {std::string(text)});
    EXPECT_EQ(answer(zone, "blue.example.com", "mailto:reports@red.example.net"), "denied") << text;
  }
}

TEST(ReportDestinationTest, OverridesStayOnTheHost) {
  TestZone zone;
  zone.txt("example.com._report._dmarc.r.example.net", {"v=DMARC1; rua=mailto:b@R.example.net,mailto:c@r.example.net"});
  EXPECT_EQ(ask(zone, "example.com", "mailto:a@r.example.net").uris,
            (std::vector<std::string>{"mailto:b@R.example.net", "mailto:c@r.example.net"}));
  for (const std::string_view elsewhere :
       {"mailto:b@example.net", "mailto:b@x.r.example.net", "mailto:b@[192.0.2.1]"}) {
    zone.txt("example.com._report._dmarc.r.example.net",
             {"v=DMARC1; rua=mailto:c@r.example.net," + std::string(elsewhere)});
    const Destination out = ask(zone, "example.com", "mailto:a@r.example.net");
    EXPECT_EQ(out.authorization, Authorization::denied) << elsewhere;
    EXPECT_TRUE(out.uris.empty());
  }
}

TEST(ReportDestinationTest, WhatCannotBeAsked) {
  TestZone zone{{"example.com", "v=DMARC1; p=none"}};
  zone.fails("example.com._report._dmarc.example.net", dns::Status::timeout);
  EXPECT_EQ(answer(zone, "example.com", "mailto:a@example.net"), "unknown");
  zone.fails("_dmarc.sick.example.com", dns::Status::servfail);
  EXPECT_EQ(answer(zone, "example.com", "mailto:a@sick.example.com"), "unknown");
  zone.fails("_dmarc.com", dns::Status::servfail);
  EXPECT_EQ(answer(zone, "example.com", "mailto:a@x.example.com"), "unknown");
  for (const std::string_view uri : {"", "mailto:a", "a@example.com", "mailto:a@[192.0.2.1]", "https:///x",
                                     "mailto:a@x..y", "mailto:a@example.com%2Cb%40evil.example"}) {
    EXPECT_EQ(answer(zone, "example.com", uri), "denied") << uri;
  }
  EXPECT_EQ(answer(zone, "a..b", "mailto:a@example.com"), "denied");
  EXPECT_EQ(answer(zone, "", "mailto:a@example.com"), "denied");
}

// Step 4: 16 octets "._report._dmarc." between both names.
TEST(ReportDestinationTest, NamesThatAreTooLong) {
  const std::string host = "example.net";
  const auto domain = [](std::size_t octets) {
    std::string out = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".test";
    return std::string(octets - out.size() - 1, 'd') + "." + out;
  };
  const std::size_t most = dns::kNameMax - host.size() - 16;
  TestZone zone;
  zone.txt(domain(most) + "._report._dmarc." + host, {"v=DMARC1"});
  EXPECT_EQ(answer(zone, domain(most), "mailto:a@" + host), "granted");
  const Destination out = ask(zone, domain(most + 1), "mailto:a@" + host);
  EXPECT_EQ(out.authorization, Authorization::denied);
  EXPECT_EQ(out.problem, "the name that would have to grant it is too long");
}

TEST(ReportDestinationTest, UnicodeBecomesALabels) {
  TestZone zone;
  zone.txt("xn--mller-kva.example._report._dmarc.example.net", {"v=DMARC1"});
  EXPECT_EQ(answer(zone, "müller.example", "mailto:a@example.net"), "granted");
}

}  // namespace
}  // namespace postern::dmarc::test
