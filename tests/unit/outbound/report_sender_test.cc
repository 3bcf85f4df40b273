#include "outbound/report_sender.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "gzip/gzip.h"
#include "spool/ram_store.h"
#include "support.h"

namespace postern::outbound {
namespace {

using test::kDay;
using test::kStart;
using test::run;

class Reports : public ::testing::Test {
 protected:
  Reports() {
    auto made = PublishedTls::make(loop, pool, dns, {}, {.data_dir = folder.path(), .count_for_reports = true});
    EXPECT_TRUE(made.has_value());
    tls = std::move(*made);
    tls->reports().success({.type = "no-policy-found", .strings = {}, .domain = "a.org", .mx = {}, .details = {}},
                           kStart);
  }
  void TearDown() override { run(loop, tls->stop()); }
  TlsReportSender::Places places(WallMs now) {
    return {.options = {.tls = true, .from = "postmaster@us.example", .organization = {}},
            .hostname = "mx.us.example",
            .ca_file = {},
            .post =
                [this](const HttpsRequest& request) {
                  posted.push_back(request);
                  return HttpsAnswer{status, "", ""};
                },
            .now = [now] { return now; }};
  }
  std::size_t send(WallMs now) {
    TlsReportSender sender(loop, *store, *tls, dns, places(now));
    return run(loop, sender.send_due());
  }
  testing::TemporaryFolder folder;
  io::Loop loop;
  io::BlockingPool pool{1};
  test::ChangingResolver dns;
  std::unique_ptr<spool::Store> store = spool::make_ram_store();
  std::unique_ptr<PublishedTls> tls;
  std::vector<HttpsRequest> posted;
  int status = 201;
};

TEST_F(Reports, GoByMailOnceTheDayIsOver) {
  dns.set(R"({"_smtp._tls.a.org": {"TXT": ["v=TLSRPTv1; rua=mailto:tls@a.org"]}})");
  EXPECT_EQ(send(kStart), 0U);
  EXPECT_EQ(send(kStart + kDay), 1U);
  EXPECT_EQ(send(kStart + kDay), 0U);
  const auto ids = store->take_due(kStart + kDay, 10);
  ASSERT_EQ(ids.size(), 1U);
  const auto envelope = store->load(ids[0]);
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->origin, spool::Origin::own);
  EXPECT_TRUE(envelope->tls_optional);
  EXPECT_EQ(envelope->reverse_path, "postmaster@us.example");
  ASSERT_EQ(envelope->recipients.size(), 1U);
  EXPECT_EQ(envelope->recipients[0].forward_path, "tls@a.org");
  const std::string text = (*store->open_body(ids[0]))->read(0, 65536).value();
  for (const char* field :
       {"From: <postmaster@us.example>\r\n", "To: <tls@a.org>\r\n", "TLS-Report-Domain: a.org\r\n",
        "TLS-Report-Submitter: us.example\r\n", "TLS-Required: No\r\n",
        "Subject: Report Domain: a.org\r\n Submitter: us.example\r\n Report-ID: <20000.a.org@us.example>\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n", "Content-Type: application/tlsrpt+gzip\r\n",
        "filename=\"us.example!a.org!1728000000!1728086399!20000aorgusexample.json.gz\"\r\n"}) {
    EXPECT_NE(text.find(field), std::string::npos) << field << "\n" << text;
  }
  const auto begin = text.find("json.gz\"\r\n\r\n") + 12;
  std::string packed = text.substr(begin, text.find("\r\n--report-", begin) - begin);
  std::erase_if(packed, [](char c) { return c == '\r' || c == '\n'; });
  const auto json = gzip::expand(from_base64(packed).value_or(""), 65536);
  ASSERT_TRUE(json.has_value());
  const auto report = tlsrpt::parse_report(*json);
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_EQ(report->organization, "us.example");
  EXPECT_EQ(report->contact, "postmaster@us.example");
  EXPECT_EQ(report->start, kStart);
  EXPECT_EQ(report->policies.at(0).successes, 1U);
}

TEST_F(Reports, GoOverHttpsAndTheNextAddressWhereOneDoesNotTakeThem) {
  dns.set(R"({"_smtp._tls.a.org": {"TXT": ["v=TLSRPTv1; rua=https://r.a.org/v1,mailto:tls@a.org"]},
              "r.a.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}})");
  EXPECT_EQ(send(kStart + kDay), 1U);
  ASSERT_EQ(posted.size(), 1U);
  EXPECT_EQ(posted[0].host, "r.a.org");
  EXPECT_EQ(posted[0].path, "/v1");
  EXPECT_TRUE(posted[0].post);
  EXPECT_EQ(posted[0].addresses.size(), 2U);
  EXPECT_EQ(posted[0].content_type, "application/tlsrpt+gzip");
  EXPECT_TRUE(gzip::is_gzip(posted[0].body));
  EXPECT_EQ(store->status().messages, 0U);
  tls->reports().success({.type = "no-policy-found", .strings = {}, .domain = "a.org", .mx = {}, .details = {}},
                         kStart);
  status = 500;
  EXPECT_EQ(send(kStart + kDay), 1U);
  EXPECT_EQ(posted.size(), 2U);
  EXPECT_EQ(store->status().messages, 1U);
}

TEST_F(Reports, AreForgottenWhereNobodyAsksAndKeptWhileDnsOrTheHostFails) {
  dns.set(R"({"_smtp._tls.a.org": "SERVFAIL"})");
  EXPECT_EQ(send(kStart + kDay), 0U);
  EXPECT_EQ(tls->reports().size(), 1U);
  dns.set(R"({"_smtp._tls.a.org": {"TXT": ["v=TLSRPTv1; rua=https://r.a.org/v1"]}, "r.a.org": {"A": ["192.0.2.1"]}})");
  status = 503;
  EXPECT_EQ(send(kStart + kDay), 0U);
  EXPECT_EQ(tls->reports().size(), 1U);
  dns.set("{}");
  EXPECT_EQ(send(kStart + kDay), 0U);
  EXPECT_EQ(tls->reports().size(), 0U);
}

TEST_F(Reports, ThoseThatHaveToWaitDoNotUseUpEveryPass) {
  tls->reports().remove({kStart / kDay, "a.org"});
  std::string zone = R"({"_smtp._tls.z.org": {"TXT": ["v=TLSRPTv1; rua=mailto:tls@z.org"]})";
  const auto add = [&](const std::string& domain) {
    tls->reports().success({.type = "no-policy-found", .strings = {}, .domain = domain, .mx = {}, .details = {}},
                           kStart);
  };
  for (std::size_t i = 0; i < TlsReportSender::kPerPass; ++i) {
    add("d" + std::to_string(i) + ".org");
    zone += ", \"_smtp._tls.d" + std::to_string(i) + ".org\": \"SERVFAIL\"";
  }
  add("z.org");
  dns.set(zone + "}");
  TlsReportSender sender(loop, *store, *tls, dns, places(kStart + kDay));
  EXPECT_EQ(run(loop, sender.send_due()), 0U);
  EXPECT_EQ(run(loop, sender.send_due()), 1U);
  EXPECT_EQ(tls->reports().size(), TlsReportSender::kPerPass);
  dns.set("{}");  // and those before it have their turn again: behind z.org come the first
  EXPECT_EQ(run(loop, sender.send_due()), 0U);
  EXPECT_EQ(tls->reports().size(), 0U);
}

TEST_F(Reports, AStopDoesNotWaitForDns) {
  test::SilentResolver silent;
  TlsReportSender sender(loop, *store, *tls, silent, places(kStart + kDay));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(test::one_pass(sender)); });
  run(loop, test::until_asked(silent));
  sender.stop();
  run(loop, scope.join());
  EXPECT_EQ(silent.broken_off(), 1);
}

}  // namespace
}  // namespace postern::outbound
