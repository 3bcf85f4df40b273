// DANE from end to end: zones that a real nsd serves, signed, validated by our resolver; and handshakes with what the
// plan demands.
#include <gtest/gtest.h>

#include "base/text.h"
#include "outbound/published_tls.h"
#include "resolver/unbound.h"
#include "support.h"
#include "unit/resolver/nsd.h"
#include "unit/tls_authority.h"

namespace postern::outbound {
namespace {

using postern::test::issue;
using postern::test::Issued;
using postern::test::write_certificates;
using postern::test::write_key;
using resolver::test::Nsd;
using test::name;
using test::run;

std::string tlsa(const std::string& owner, int usage, const Issued& of) {
  return owner + " TLSA " + std::to_string(usage) + " 1 1 " + to_hex(of.association(1, 1)) + "\n";
}

class SignedZones : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Nsd::installed()) return;
    right_ = issue({.subject = "x", .dns_names = {"elsewhere.test"}, .from_days = -20, .to_days = -3});
    wrong_ = issue({.subject = "x", .dns_names = {"mx.good.test"}});
    nsd_ = std::make_unique<Nsd>();
    const std::string hosts = "@ MX 10 mx\nmx A 127.0.0.1\nmx AAAA ::1\nplain A 127.0.0.1\nalias CNAME mx\n";
    nsd_->add("good.test",
              hosts + tlsa("_25._tcp.mx", 3, right_) + tlsa("_25._tcp.unfit", 1, right_) + "unfit A 127.0.0.1\n");
    options_.trust_anchors.push_back(nsd_->sign("good.test"));
    nsd_->add("bogus.test", hosts + tlsa("_25._tcp.mx", 3, right_));
    options_.trust_anchors.push_back(nsd_->sign("bogus.test"));
    nsd_->edit("bogus.test", to_hex(right_.association(1, 1)), to_hex(wrong_.association(1, 1)));
    nsd_->add("insecure.test", hosts + tlsa("_25._tcp.mx", 3, wrong_));
    nsd_->start();
    options_.servers = {nsd_->endpoint()};
    options_.lookup_timeout_ms = 20000;
  }
  static void TearDownTestSuite() { nsd_.reset(); }
  void SetUp() override {
    if (!Nsd::installed()) GTEST_SKIP() << "nsd or ldnsutils is not installed (./dev setup test)";
    auto unbound = resolver::Unbound::open(options_);
    ASSERT_TRUE(unbound.has_value()) << unbound.error().what;
    resolver_ = std::make_unique<resolver::CachedResolver>(*unbound, loop_);
    write_certificates(folder_.at("roots.pem"), {&wrong_});
    auto made = PublishedTls::make(loop_, pool_, *resolver_, {.ca_file = folder_.at("roots.pem")},
                                   {.data_dir = folder_.path()});
    ASSERT_TRUE(made.has_value()) << made.error().what;
    policy_ = std::move(*made);
  }
  void TearDown() override {
    if (policy_) run(loop_, policy_->stop());
  }
  TlsPlan plan(const std::string& domain, const std::string& host) { return run(loop_, ask(name(domain), name(host))); }
  Task<TlsPlan> ask(dns::Name domain, dns::Name host) {
    dns::Budget budget;
    const dns::AnswerPtr mx = co_await resolver_->query(domain, dns::Type::mx, budget);
    const dns::AnswerPtr a = co_await resolver_->query(host, dns::Type::a, budget);
    EXPECT_EQ(mx->status, dns::Status::ok) << mx->why;
    EXPECT_EQ(a->status, dns::Status::ok) << a->why;
    auto destination = co_await policy_->destination(
        {.domain = domain, .canonical = {}, .mx_secure = mx->security == dns::Security::secure}, budget);
    co_return co_await policy_->plan(destination, host, a->security == dns::Security::secure, budget);
  }
  // Whether the plan takes this certificate.
  bool shakes(const TlsPlan& plan, const Issued& server) {
    write_certificates(folder_.at("chain.pem"), {&server});
    write_key(folder_.at("key.pem"), server);
    io::TlsServerOptions options;
    options.certificates = {{folder_.at("chain.pem"), folder_.at("key.pem"), {}}};
    auto context = io::TlsServerContext::make(options);
    EXPECT_TRUE(context.has_value());
    auto pair = io::test::stream_pair(loop_);
    bool ok = false;
    io::test::run_all(loop_, serve(*pair.a, *context), connect(pair.b, plan, ok));
    return ok;
  }
  static Task<void> serve(io::Stream& stream, std::shared_ptr<io::TlsServerContext> context) {
    (void)co_await stream.start_tls_server(std::move(context), io::test::soon());
  }
  static Task<void> connect(std::unique_ptr<io::Stream>& stream, TlsPlan plan, bool& ok) {
    ok = (co_await stream->start_tls_client(plan.context, plan.expect, io::test::soon())).has_value();
    stream.reset();
  }

  static inline std::unique_ptr<Nsd> nsd_;
  static inline Issued right_, wrong_;
  static inline resolver::Options options_;
  testing::TemporaryFolder folder_;
  io::Loop loop_;
  io::BlockingPool pool_{1};
  std::unique_ptr<resolver::CachedResolver> resolver_;
  std::unique_ptr<PublishedTls> policy_;
};

TEST_F(SignedZones, TheRecordDecidesAndNothingElse) {
  for (const char* host : {"mx.good.test", "alias.good.test"}) {
    const TlsPlan out = plan("good.test", host);
    EXPECT_EQ(out.kind, TlsPlan::Kind::dane);
    ASSERT_FALSE(out.refusal.has_value()) << out.refusal->text;
    EXPECT_EQ(out.expect.name, "mx.good.test");  // an alias is expanded (RFC 7672 2.2.2)
    EXPECT_TRUE(shakes(out, right_));            // expired, and of another name
    EXPECT_FALSE(shakes(out, wrong_));           // trusted, and of the right name
  }
}

TEST_F(SignedZones, AHostWithoutRecordsIsOpportunistic) {
  const TlsPlan out = plan("good.test", "plain.good.test");
  EXPECT_EQ(out.kind, TlsPlan::Kind::opportunistic);
  EXPECT_TRUE(shakes(out, right_));
  EXPECT_TRUE(shakes(out, wrong_));
}

TEST_F(SignedZones, RecordsThatAreUnfitDemandEncryptionAlone) {
  const TlsPlan out = plan("good.test", "unfit.good.test");
  EXPECT_EQ(out.kind, TlsPlan::Kind::dane);
  EXPECT_TRUE(out.tls_needed);
  EXPECT_TRUE(shakes(out, wrong_));
}

TEST_F(SignedZones, AForgedRecordRefusesTheHost) {
  const TlsPlan out = plan("bogus.test", "mx.bogus.test");
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_TRUE(out.refusal->temporary());
  EXPECT_NE(out.refusal->text.find("bogus"), std::string::npos) << out.refusal->text;
}

TEST_F(SignedZones, RecordsOfAnUnsignedZoneDoNotCount) {
  const TlsPlan out = plan("insecure.test", "mx.insecure.test");
  EXPECT_EQ(out.kind, TlsPlan::Kind::opportunistic);
  EXPECT_TRUE(shakes(out, right_));
}

}  // namespace
}  // namespace postern::outbound
