#include "dmarcrpt/day.h"

#include <gtest/gtest.h>

#include <functional>

namespace postern::dmarcrpt {
namespace {

constexpr std::int64_t kDay = 20000;  // 2024-10-04

struct Mail {
  std::string time = "2024-10-04T12:00:00.000Z";
  std::string client = "2001:db8::1";
  std::string from = "bounces@mail.a.example";
  std::string to = R"([{"path":"x@us.example","code":250},{"path":"y@us.example","code":250}])";
  int code = 250;
  std::string reason = "accepted";
  std::string result = "pass";
  std::string policy = "reject";
  std::string policy_domain = "a.example";
  std::string author = "news.a.example";
  std::string more;  // of "dmarc"
  std::string published = R"({"p":"reject","sp":"quarantine","strict_dkim":true})";
  std::string decisions = "[]";
  std::string arc = "none";
  std::string dkim = R"([{"result":"fail","domain":"a.example","selector":"one"},
                         {"result":"pass","domain":"News.A.example","selector":"two"}])";
};

std::string line(const Mail& mail) {
  return R"({"schema":"postern.session/1","id":"1","time":")" + mail.time + R"(","client":{"address":")" + mail.client +
         R"(","port":25},"decisions":)" + mail.decisions + R"(,"transactions":[{"from":")" + mail.from + R"(","to":)" +
         mail.to + R"(,"code":)" + std::to_string(mail.code) + R"(,"reason":")" + mail.reason +
         R"(","authentication":{"spf":{"result":"pass","domain":"mail.a.example"},"dkim":)" + mail.dkim +
         R"(,"dmarc":{"result":")" + mail.result + R"(","author_domain":")" + mail.author + R"(","policy":")" +
         mail.policy + R"(","policy_domain":")" + mail.policy_domain + R"(",)" + mail.more + R"("published":)" +
         mail.published + R"(},"arc":{"result":")" + mail.arc + R"("}}}]})";
}

Report counted(const std::vector<Mail>& mails, const std::string& domain = "a.example") {
  Day day(kDay);
  for (const Mail& mail : mails) day.take(line(mail));
  return day.report(domain);
}

// "disposition reason..."
std::string judged(const Mail& mail) {
  const Report report = counted({mail});
  if (report.rows.size() != 1) return std::to_string(report.rows.size()) + " rows";
  std::string out = report.rows[0].disposition;
  for (const std::string& reason : report.rows[0].reasons) out += " " + reason;
  return out;
}

TEST(Day, EqualMessagesAreOneRow) {
  Mail mail;
  mail.more = R"("spf_aligned":true,"dkim_aligned":true,)";
  Mail other = mail;
  other.client = "192.0.2.1";
  const Report report = counted({other, mail, mail});
  EXPECT_EQ(report.domain, "a.example");
  EXPECT_EQ(report.begin, kDay * kDayMs);
  EXPECT_EQ(report.end, (kDay + 1) * kDayMs - 1000);
  EXPECT_EQ(report.policy + " " + report.subdomain_policy + " " + report.adkim + " " + report.aspf + " " +
                report.testing + " " + report.discovery,
            "reject quarantine s r n treewalk");
  ASSERT_EQ(report.rows.size(), 2U);
  const Row& row = report.rows[0];
  EXPECT_EQ(row.count, 2U);
  EXPECT_EQ(row.source_ip, "2001:db8::1");
  EXPECT_EQ(row.disposition + " " + row.dkim + " " + row.spf, "pass pass pass");
  EXPECT_EQ(row.header_from + " " + row.envelope_from + " " + row.envelope_to,
            "news.a.example mail.a.example us.example");
  ASSERT_EQ(row.dkim_results.size(), 2U);
  EXPECT_EQ(row.dkim_results[0].domain, "news.a.example");  // RFC 9990 3.1.3: what passes and is aligned goes first
  EXPECT_EQ(row.dkim_results[1].result, "fail");
  ASSERT_EQ(row.spf_results.size(), 1U);
  EXPECT_EQ(row.spf_results[0].scope, "mfrom");
  EXPECT_EQ(report.rows[1].count, 1U);
}

TEST(Day, OnlyWhatBelongsToTheDayAndIsSettledCounts) {
  const auto rows = [](const std::function<void(Mail&)>& change) {
    Mail mail;
    change(mail);
    return counted({mail}).rows.size();
  };
  EXPECT_EQ(rows([](Mail&) {}), 1U);
  EXPECT_EQ(rows([](Mail& m) { m.time = "2024-10-04T00:00:00.000Z"; }), 1U);
  EXPECT_EQ(rows([](Mail& m) { m.time = "2024-10-03T23:59:59.999Z"; }), 0U);
  EXPECT_EQ(rows([](Mail& m) { m.time = "2024-10-04T23:59:59.999Z"; }), 1U);
  EXPECT_EQ(rows([](Mail& m) { m.time = "2024-10-05T00:00:00.000Z"; }), 0U);
  EXPECT_EQ(rows([](Mail& m) { m.code = 451; }), 0U);
  EXPECT_EQ(rows([](Mail& m) { m.code = 550; }), 1U);
  EXPECT_EQ(rows([](Mail& m) { m.result = "temperror"; }), 0U);
  EXPECT_EQ(rows([](Mail& m) { m.result = "none"; }), 0U);
  EXPECT_EQ(rows([](Mail& m) { m.published = "{}"; }), 0U);
  for (const char* domain : {"", "a b", "a..b", "a.", "x\\r\\nBcc: y", "a!b"})
    EXPECT_EQ(rows([&](Mail& m) { m.policy_domain = domain; }), 0U) << domain;
  Day day(kDay);
  for (const char* text : {"", "{", "null", R"({"published":1})", R"({"published":{"p":"none"}})"}) day.take(text);
  EXPECT_TRUE(day.domains().empty());
}

TEST(Day, WhatWasDoneAndWhy) {
  Mail mail;
  mail.result = "fail";
  mail.code = 550;
  mail.reason = "dmarc";
  EXPECT_EQ(judged(mail), "reject");
  mail.reason = "evidence_score";  // the report does not tell of other filters
  EXPECT_EQ(judged(mail), "reject");
  mail.policy = "none";
  EXPECT_EQ(judged(mail), "none");
  mail.policy = "reject";
  mail.code = 250;
  EXPECT_EQ(judged(mail), "none local_policy");
  mail.decisions = R"([{"transaction":0,"tags":["dmarc-fail"]}])";
  EXPECT_EQ(judged(mail), "quarantine local_policy");
  mail.arc = "pass";
  EXPECT_EQ(judged(mail), "quarantine trusted_forwarder");
  mail.more = R"("testing":true,)";
  EXPECT_EQ(judged(mail), "quarantine policy_test_mode");
  mail.more.clear();
  mail.policy = "quarantine";
  EXPECT_EQ(judged(mail), "quarantine");
  mail.decisions = R"([{"transaction":1,"tags":["dmarc-fail"]}])";
  EXPECT_EQ(judged(mail), "none local_policy");
  mail.result = "pass";
  EXPECT_EQ(judged(mail), "pass");
  mail.policy = "none";
  EXPECT_EQ(judged(mail), "none");
}

TEST(Day, RecipientsOfSeveralDomainsAreNotNamedAndTheNullPathIsEmpty) {
  Mail mail;
  mail.from = "";
  mail.to = R"([{"path":"x@us.example","code":250},{"path":"x@them.example","code":550}])";
  Report report = counted({mail});
  EXPECT_EQ(report.rows.at(0).envelope_to, "us.example");
  EXPECT_EQ(report.rows.at(0).envelope_from, "");
  mail.to = R"([{"path":"x@us.example","code":250},{"path":"x@them.example","code":250}])";
  EXPECT_EQ(counted({mail}).rows.at(0).envelope_to, "");
}

TEST(Day, ThePolicySeenLastIsTheReports) {
  Mail early;
  Mail late;
  late.published = R"({"p":"none"})";
  const Report report = counted({early, late});
  EXPECT_EQ(report.policy, "none");
  EXPECT_EQ(report.rows.at(0).count, 2U);
}

TEST(Day, DomainsAreLimited) {
  Day day(kDay);
  Mail mail;
  for (std::size_t i = 0; i < Day::kDomainsMax; ++i) {
    mail.policy_domain = "d" + std::to_string(i) + ".example";
    day.take(line(mail));
  }
  EXPECT_EQ(day.domains().size(), Day::kDomainsMax);
  EXPECT_EQ(day.left_out(), 0U);
  day.take(line(mail));  // known: counted
  EXPECT_EQ(day.left_out(), 0U);
  mail.policy_domain = "one.more.example";
  day.take(line(mail));
  EXPECT_EQ(day.domains().size(), Day::kDomainsMax);
  EXPECT_EQ(day.left_out(), 1U);
}

}  // namespace
}  // namespace postern::dmarcrpt
