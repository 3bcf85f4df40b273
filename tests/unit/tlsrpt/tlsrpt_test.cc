#include <gtest/gtest.h>

#include "tlsrpt/collector.h"
#include "tlsrpt/record.h"
#include "tlsrpt/report.h"

namespace postern::tlsrpt {
namespace {

TEST(TlsrptRecord, IsReadAsPublished) {
  const auto uris = [](std::string_view text) {
    const auto record = parse_record(text);
    return record ? record->rua : std::vector<std::string>{"error"};
  };
  using Uris = std::vector<std::string>;
  EXPECT_EQ(uris("v=TLSRPTv1;rua=mailto:reports@example.com"), Uris{"mailto:reports@example.com"});
  EXPECT_EQ(uris("v=TLSRPTv1; x=y; rua=https://reporting.example.com/v1/tlsrpt , mailto:a@b.org;"),
            (Uris{"https://reporting.example.com/v1/tlsrpt", "mailto:a@b.org"}));
  EXPECT_EQ(uris("v=TLSRPTv1;rua=ftp://x.org/,mailto:a@b.org"), Uris{"mailto:a@b.org"});
  for (const char* text :
       {"", "v=TLSRPTv1", "v=TLSRPTv1;", "v=tlsrptv1;rua=mailto:a@b.org", "v=TLSRPTv1;rua=", "v=TLSRPTv1;rua=a@b.org",
        "v=TLSRPTv1;rua=http://b.org/", "v=TLSRPTv1;x;rua=mailto:a@b.org", "v=TLSRPTv2;rua=mailto:a@b.org"}) {
    EXPECT_EQ(uris(text), Uris{"error"}) << text;
  }
  std::string many = "v=TLSRPTv1;rua=mailto:a@b.org";
  for (int i = 0; i < 20; ++i) many += ",mailto:a@b.org";
  EXPECT_EQ(uris(many).size(), kUrisMax);
  EXPECT_EQ(uris(many + ";x=" + std::string(kRecordMax, 'y')), Uris{"error"});
}

TEST(TlsrptRecord, ExactlyOneCounts) {
  const std::string good = "v=TLSRPTv1;rua=mailto:a@b.org";
  EXPECT_TRUE(choose_record(std::vector<std::string>{"v=spf1", good}).has_value());
  EXPECT_FALSE(choose_record(std::vector<std::string>{good, good}).has_value());
  EXPECT_EQ(choose_record(std::vector<std::string>{"v=spf1"}).error().kind, ErrorKind::not_found);
}

TEST(TlsrptRecord, Targets) {
  EXPECT_EQ(mail_address("mailto:a%2Bb@b.org?subject=x"), "a+b@b.org");
  for (const char* uri : {"mailto:", "mailto:a", "mailto:@b.org", "mailto:a@", "mailto:a@b@c", "mailto:a%0D%0Ab@c.org",
                          "mailto:a%3Cb@c.org", "mailto:a%00@c.org", "mailto:a@b.org,c@d.org", "mailto:a%2@b.org"})
    EXPECT_FALSE(mail_address(uri).has_value()) << uri;
  const auto target = https_target("HTTPS://Reports.example.org:8443/x?y=z#f");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->host, "reports.example.org");
  EXPECT_EQ(target->port, 8443);
  EXPECT_EQ(target->path, "/x?y=z");
  EXPECT_EQ(https_target("https://a.org")->path, "/");
  EXPECT_EQ(https_target("https://a.org?x")->path, "/?x");
  for (const char* uri : {"https://", "https:///x", "http://a.org/", "https://u@a.org/", "https://[::1]/",
                          "https://127.0.0.1/", "https://a.org:0/", "https://a.org:x/", "https://a.org:70000/",
                          "https://a.org/ x", "https://a%20b.org/", "https://0x7f.1/"})
    EXPECT_FALSE(https_target(uri).has_value()) << uri;
}

PolicyResult sts_policy() {
  return {.type = "sts",
          .strings = {"version: STSv1", "mode: testing"},
          .domain = "company-y.example",
          .mx = {"*.mail.company-y.example"},
          .details = {}};
}
constexpr WallMs kNoon = 20000 * kDayMs + kDayMs / 2;

TEST(TlsrptReport, IsWrittenAsTheRfcHasItAndReadBack) {
  Report report;
  report.organization = "Company-X";
  report.contact = "sts-reporting@company-x.example";
  report.id = "5065427c-23d3-47ca-b6e0-946ea0e8c4be";
  report.start = *parse_iso8601("2016-04-01T00:00:00Z");
  report.end = *parse_iso8601("2016-04-01T23:59:59Z");
  report.policies = {sts_policy()};
  report.policies[0].successes = 5326;
  report.policies[0].failures = 303;
  report.policies[0].details = {{.type = "certificate-expired",
                                 .sending_ip = "2001:db8:abcd:0012::1",
                                 .receiving_host = "mx1.mail.company-y.example",
                                 .receiving_helo = "",
                                 .receiving_ip = "203.0.113.56",
                                 .information = "",
                                 .reason = "X509_V_ERR_CERT_HAS_EXPIRED",
                                 .sessions = 100}};
  const std::string json = to_json(report);
  EXPECT_EQ(json, R"({"organization-name":"Company-X","date-range":{"start-datetime":"2016-04-01T00:00:00Z",)"
                  R"("end-datetime":"2016-04-01T23:59:59Z"},"contact-info":"sts-reporting@company-x.example",)"
                  R"("report-id":"5065427c-23d3-47ca-b6e0-946ea0e8c4be","policies":[{"policy":{"policy-type":"sts",)"
                  R"("policy-string":["version: STSv1","mode: testing"],"policy-domain":"company-y.example",)"
                  R"("mx-host":["*.mail.company-y.example"]},"summary":{"total-successful-session-count":5326,)"
                  R"("total-failure-session-count":303},"failure-details":[{"result-type":"certificate-expired",)"
                  R"("sending-mta-ip":"2001:db8:abcd:0012::1","receiving-mx-hostname":"mx1.mail.company-y.example",)"
                  R"("receiving-ip":"203.0.113.56","failed-session-count":100,)"
                  R"("failure-reason-code":"X509_V_ERR_CERT_HAS_EXPIRED"}]}]})");
  const auto again = parse_report(json);
  ASSERT_TRUE(again.has_value()) << again.error().what;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(file_name("mx.company-x.example", report, "company-y.example"),
            "mx.company-x.example!company-y.example!1459468800!1459555199!5065427c23d347cab6e0946ea0e8c4be.json.gz");
}

TEST(TlsrptReport, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", "[]", "{}", "{\"policies\":[]}", "<xml/>",
        R"({"policies":{},"date-range":{"start-datetime":"2016-04-01","end-datetime":"2016-04-01"}})"})
    EXPECT_FALSE(parse_report(text).has_value()) << text;
  EXPECT_FALSE(parse_report(std::string(kReportMax + 1, ' ')).has_value());
}

TEST(TlsrptReport, IsCutAtItsLimits) {
  std::string text = R"({"date-range":{"start-datetime":"2016-04-01","end-datetime":"2016-04-01"},"policies":[)";
  for (std::size_t i = 0; i < kPoliciesMax; ++i) text += "{},";
  EXPECT_TRUE(parse_report(text.substr(0, text.size() - 1) + "]}")->remarks.empty());
  const auto cut = parse_report(text + "{}]}");
  EXPECT_EQ(cut->policies.size(), kPoliciesMax);
  EXPECT_EQ(cut->remarks.size(), 1U);
}

TEST(TlsrptCollector, CountsByDayDomainAndPolicy) {
  Collector collector;
  collector.success(sts_policy(), kNoon);
  collector.success(sts_policy(), kNoon);
  collector.failure(sts_policy(), {.type = "starttls-not-supported", .receiving_host = "a"}, kNoon);
  collector.failure(sts_policy(), {.type = "starttls-not-supported", .receiving_host = "a"}, kNoon);
  collector.failure(sts_policy(), {.type = "certificate-expired", .receiving_host = "a"}, kNoon);
  auto other = sts_policy();
  other.strings = {"mode: enforce"};
  collector.success(other, kNoon);
  collector.success(sts_policy(), kNoon + kDayMs);
  EXPECT_TRUE(collector.due(kNoon).empty());
  const auto due = collector.due(kNoon + kDayMs);
  ASSERT_EQ(due.size(), 1U);
  const Report report = collector.report(due[0]);
  EXPECT_EQ(iso8601(report.start).substr(0, 19), iso8601(kNoon).substr(0, 11) + "00:00:00");
  EXPECT_EQ(report.end - report.start, kDayMs - 1000);
  ASSERT_EQ(report.policies.size(), 2U);
  EXPECT_EQ(report.policies[0].successes, 2U);
  EXPECT_EQ(report.policies[0].failures, 3U);
  ASSERT_EQ(report.policies[0].details.size(), 2U);
  EXPECT_EQ(report.policies[0].details[0].sessions, 2U);
  collector.remove(due[0]);
  EXPECT_EQ(collector.size(), 1U);
  EXPECT_FALSE(collector.expire(kNoon + kDayMs * 4));
  EXPECT_TRUE(collector.expire(kNoon + kDayMs * 5));
  EXPECT_EQ(collector.size(), 0U);
}

TEST(TlsrptCollector, ItsStateIsReadBack) {
  Collector collector;
  collector.success(sts_policy(), kNoon);
  collector.failure(sts_policy(), {.type = "validation-failure", .information = "\"\n", .sessions = 7}, kNoon);
  Collector again;
  EXPECT_EQ(again.load(collector.text() + "rubbish\n{}\n\n"), 2U);
  EXPECT_EQ(again.text(), collector.text());
  EXPECT_EQ(again.report({20000, "company-y.example"}).policies.at(0).failures, 7U);
}

TEST(TlsrptCollector, IsBounded) {
  Collector collector;
  for (std::size_t i = 0; i < Collector::kDetailsPerPolicy + 5; ++i)
    collector.failure(sts_policy(), {.type = "x", .receiving_host = std::to_string(i)}, kNoon);
  for (std::size_t i = 0; i < Collector::kPoliciesPerDomain + 5; ++i) {
    auto policy = sts_policy();
    policy.strings = {std::to_string(i)};
    collector.success(policy, kNoon);
  }
  const Report report = collector.report({20000, "company-y.example"});
  EXPECT_EQ(report.policies.size(), Collector::kPoliciesPerDomain);
  EXPECT_EQ(report.policies[0].details.size(), Collector::kDetailsPerPolicy);
  EXPECT_EQ(report.policies[0].failures, Collector::kDetailsPerPolicy + 5);
  for (std::size_t i = 0; i < Collector::kDomainsMax + 5; ++i) {
    auto policy = sts_policy();
    policy.domain = std::to_string(i);
    collector.success(policy, kNoon);
  }
  EXPECT_EQ(collector.size(), Collector::kDomainsMax);
}

}  // namespace
}  // namespace postern::tlsrpt
