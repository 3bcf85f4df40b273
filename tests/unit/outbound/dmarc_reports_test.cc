#include "outbound/dmarc_reports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "dmarcrpt/report.h"
#include "gzip/gzip.h"
#include "message/parts.h"
#include "record/session_record.h"
#include "spool/ram_store.h"
#include "support.h"

namespace postern::outbound {
namespace {

using test::kDay;
using test::kHour;
using test::kStart;
using test::run;

constexpr std::string_view kHost = "mx.us.example";
constexpr std::int64_t kToday = kStart / kDay;

std::string session(const std::string& policy_domain, WallMs time) {
  record::SessionRecord session;
  session.id = Id::make(time);
  session.start = time;
  session.client = *ip::Endpoint::parse("[2001:db8::1]:2525");
  record::TransactionRecord transaction;
  transaction.reverse_path = "x@" + policy_domain;
  transaction.code = 250;
  transaction.reason = "accepted";
  transaction.recipients.push_back({.path = "y@us.example", .code = 250, .enhanced = {}, .reason = "ok"});
  record::AuthenticationRecord found;
  found.spf = record::AuthenticationRecord::Spf{.result = "pass", .domain = policy_domain};
  found.dmarc = {.result = "pass",
                 .author_domain = policy_domain,
                 .policy = "reject",
                 .policy_domain = policy_domain,
                 .spf_aligned = true,
                 .published = {.p = "reject", .strict_spf = true}};
  transaction.authentication = found;
  session.transactions.push_back(transaction);
  std::string out;
  record::append_json(session, out);
  return out;
}

class DmarcReports : public ::testing::Test {
 protected:
  DmarcReports() {
    std::filesystem::create_directory(records);
    add("20241004T060000Z.jsonl", session("b.example", kStart - kHour));  // of the day before
    add("current.jsonl", session("a.example", kStart + kHour) + session("a.example", kStart + 2 * kHour) +
                             session("a.example", kStart + kDay));
  }
  void add(const std::string& file, const std::string& lines) {
    std::ofstream(records + "/" + file, std::ios::app) << lines;
  }
  DmarcReportSender::Places places(WallMs now) const {
    return {.options = {.dmarc = true, .from = "dmarc@us.example", .organization = {}},
            .hostname = std::string(kHost),
            .data_dir = folder.path(),
            .records = records,
            .now = [now] { return now; }};
  }
  std::size_t send(WallMs now) {
    DmarcReportSender sender(loop, pool, *store, dns, places(now));
    sender.load();
    const std::size_t sent = run(loop, sender.send_due());
    run(loop, sender.stop());
    return sent;
  }
  struct Queued {
    spool::Envelope envelope;
    std::string text;
  };
  std::vector<Queued> queued() {
    std::vector<Queued> out;
    for (const auto& id : store->take_due(kStart + 30 * kDay, 100)) {
      const auto envelope = store->load(id);
      EXPECT_TRUE(envelope.has_value());
      out.push_back({*envelope, (*store->open_body(id))->read(0, 1 << 20).value()});
    }
    return out;
  }
  std::vector<std::string> recipients() {
    std::vector<std::string> out;
    for (const Queued& one : queued()) out.push_back(one.envelope.recipients.at(0).forward_path);
    std::ranges::sort(out);
    return out;
  }
  testing::TemporaryFolder folder;
  std::string records = folder.path() + "/records";
  io::Loop loop;
  io::BlockingPool pool{1};
  test::ChangingResolver dns;
  std::unique_ptr<spool::Store> store = spool::make_ram_store();
  WallMs due = dmarc_reports_due(kToday, kHost);
};

using Addresses = std::vector<std::string>;

TEST_F(DmarcReports, GoOutOnceWhenTheDayIsOverAndNotAtMidnight) {
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.example"]}})");
  EXPECT_GT(due, kStart + kDay);
  EXPECT_LE(due, kStart + kDay + kReportsSpread + kHour);
  EXPECT_NE(dmarc_reports_due(kToday, "other.example") - due, 0);
  EXPECT_EQ(send(due - 1), 0U);
  EXPECT_EQ(store->status().messages, 0U);
  EXPECT_EQ(send(due), 1U);
  EXPECT_EQ(send(due), 0U);  // each of these is a new process
  EXPECT_EQ(send(due + kHour), 0U);
  const auto mails = queued();
  ASSERT_EQ(mails.size(), 1U);
  const spool::Envelope& envelope = mails[0].envelope;
  EXPECT_EQ(envelope.origin, spool::Origin::own);
  EXPECT_FALSE(envelope.tls_optional);
  EXPECT_EQ(envelope.reverse_path, "dmarc@us.example");
  EXPECT_EQ(envelope.recipients.at(0).forward_path, "r@a.example");
  const auto parts = message::leaf_parts(mails[0].text, 1 << 20);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[1].type, "application/gzip");
  const auto xml = gzip::expand(parts[1].body, 1 << 20);
  ASSERT_TRUE(xml.has_value());
  const auto report = dmarcrpt::parse_report(*xml);
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->organization, "us.example");
  EXPECT_EQ(report->email, "dmarc@us.example");
  EXPECT_EQ(report->id, "2024-10-04.a.example@us.example");
  EXPECT_EQ(report->begin, kStart);
  EXPECT_EQ(report->policy + report->aspf, "rejects");
  ASSERT_EQ(report->rows.size(), 1U);
  EXPECT_EQ(report->rows[0].count, 2U);
  EXPECT_EQ(report->rows[0].source_ip, "2001:db8::1");
  EXPECT_EQ(report->rows[0].disposition + " " + report->rows[0].spf, "pass pass");
}

TEST_F(DmarcReports, TheNextDayIsAnotherReportAndLongGoneOnesAreNotMade) {
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.example"]},
              "_dmarc.b.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@b.example"]}})");
  EXPECT_EQ(send(due), 2U);  // b.example's is of the day before, which a service that was off still reports
  EXPECT_EQ(send(due + kDay), 1U);
  EXPECT_EQ(send(due + 2 * kDay), 0U);
  EXPECT_EQ(recipients(), (Addresses{"r@a.example", "r@a.example", "r@b.example"}));
}

TEST_F(DmarcReports, NobodyGetsThemWhoDoesNotAskAndNobodyElseUnasked) {
  const auto to = [&](const std::string& zone) {
    store = spool::make_ram_store();
    std::filesystem::remove(folder.path() + "/dmarc-reports.jsonl");
    dns.set(zone);
    send(due);
    return recipients();
  };
  EXPECT_EQ(to("{}"), Addresses{});
  EXPECT_EQ(to(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject"]}})"), Addresses{});
  EXPECT_EQ(
      to(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=https://a.example/,mailto:r@sub.a.example"]}})"),
      Addresses{"r@sub.a.example"});
  EXPECT_EQ(to(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.example", "v=DMARC1; p=none"]}})"),
            Addresses{});
  // RFC 9990 4: an address elsewhere must be granted there
  const std::string elsewhere = R"("_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@c.test"]})";
  EXPECT_EQ(to("{" + elsewhere + "}"), Addresses{});
  EXPECT_EQ(to("{" + elsewhere + R"(, "a.example._report._dmarc.c.test": {"TXT": ["v=DMARC1"]}})"),
            Addresses{"r@c.test"});
  EXPECT_EQ(to("{" + elsewhere + R"(, "a.example._report._dmarc.c.test": {"TXT": ["v=DMARC1; rua=mailto:o@c.test"]}})"),
            Addresses{"o@c.test"});
  EXPECT_EQ(to("{" + elsewhere + R"(, "a.example._report._dmarc.c.test": {"TXT": ["v=DMARC1; rua=mailto:o@d.test"]}})"),
            Addresses{});
  std::string five = "mailto:1@a.example";
  for (int i = 2; i <= 5; ++i) five += ",mailto:" + std::to_string(i) + "@a.example";
  EXPECT_EQ(to(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=none; rua=)" + five + R"("]}})").size(), 5U);
  EXPECT_EQ(to(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=none; rua=)" + five + R"(,mailto:6@a.example"]}})").size(),
            5U);
}

TEST_F(DmarcReports, WhereDnsFailsTheyAreTriedAgainUntilTheNextDaysTurn) {
  dns.set(R"({"_dmarc.a.example": "SERVFAIL"})");
  EXPECT_EQ(send(due), 0U);
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@c.test,mailto:r@a.example"]},
              "a.example._report._dmarc.c.test": "TIMEOUT"})");
  EXPECT_EQ(send(due + kHour), 0U);
  EXPECT_EQ(store->status().messages, 0U);
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.example"]}})");
  EXPECT_EQ(send(due + 2 * kHour), 1U);
  EXPECT_EQ(recipients(), Addresses{"r@a.example"});
}

TEST_F(DmarcReports, ThoseThatHaveToWaitDoNotUseUpEveryPass) {
  std::string zone = R"({"_dmarc.z.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@z.example"]})";
  std::string lines = session("z.example", kStart + kHour);
  for (std::size_t i = 0; i < DmarcReportSender::kPerPass; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example";
    lines += session(domain, kStart + kHour);
    zone += ", \"_dmarc." + domain + "\": \"SERVFAIL\"";
  }
  std::filesystem::remove_all(records);
  std::filesystem::create_directory(records);
  add("current.jsonl", lines);
  dns.set(zone + "}");
  DmarcReportSender sender(loop, pool, *store, dns, places(due));
  EXPECT_EQ(run(loop, sender.send_due()), 0U);
  EXPECT_EQ(run(loop, sender.send_due()), 1U);
  EXPECT_EQ(recipients(), Addresses{"r@z.example"});
  run(loop, sender.stop());
}

TEST_F(DmarcReports, AtLastTheyGoToThoseThatAreKnown) {
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@c.test,mailto:r@a.example"]},
              "a.example._report._dmarc.c.test": "TIMEOUT"})");
  EXPECT_EQ(send(dmarc_reports_due(kToday + 1, kHost) - kHour - 1), 0U);
  EXPECT_EQ(send(dmarc_reports_due(kToday + 1, kHost) - kHour), 1U);
  EXPECT_EQ(recipients(), Addresses{"r@a.example"});
}

TEST_F(DmarcReports, AStateThatIsDamagedCostsAReportTwiceAtWorst) {
  dns.set(R"({"_dmarc.a.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:r@a.example"]}})");
  EXPECT_EQ(send(due), 1U);
  std::ofstream(folder.path() + "/dmarc-reports.jsonl") << "{\"done\":\n\x01{}\n";
  EXPECT_EQ(send(due), 1U);
}

TEST_F(DmarcReports, FilesOfOtherDaysAreNotRead) {
  add("20241003T000000Z.jsonl", session("a.example", kStart + kHour));  // closed before the day: not opened
  const auto day = read_dmarc_day(records, kToday, nullptr);
  ASSERT_TRUE(day.has_value());
  EXPECT_EQ(day->domains(), Addresses{"a.example"});
  EXPECT_EQ(day->report("a.example").rows.at(0).count, 2U);
  const std::atomic<bool> stop = true;
  EXPECT_EQ(read_dmarc_day(records, kToday, &stop).error().kind, ErrorKind::cancelled);
}

TEST_F(DmarcReports, AStopDoesNotWaitForDns) {
  test::SilentResolver silent;
  DmarcReportSender sender(loop, pool, *store, silent, places(due));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(test::one_pass(sender)); });
  run(loop, test::until_asked(silent));
  sender.end();
  run(loop, scope.join());
  EXPECT_EQ(silent.broken_off(), 1);
  run(loop, sender.stop());
}

}  // namespace
}  // namespace postern::outbound
