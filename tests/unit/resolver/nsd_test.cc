// The resolver against real zones: nsd on loopback, signed by ldns, validated from each zone's own key.
#include "nsd.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support.h"

namespace postern::resolver::test {
namespace {

using dns::Security;
using dns::Status;
using dns::Type;

constexpr std::size_t kPieces = 243;  // of 255 octets each: 61,965 octets in one record, near what a message holds

class RealZones : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Nsd::installed()) return;
    nsd_ = std::make_unique<Nsd>();
    Options options;
    const std::string hosts =
        "@ A 192.0.2.1\n@ MX 10 mail\nmail A 192.0.2.25\nmail AAAA 2001:db8::25\n@ TXT \"v=spf1\" \" -all\"\n"
        "alias CNAME mail\nout CNAME mail.plain.test.\ndeep CNAME alias\nloop CNAME pool\npool CNAME loop\n"
        "gone CNAME nothing\n*.wild A 192.0.2.9\n_25._tcp.mail TLSA 3 1 1 00112233445566778899aabbccddeeff\n";
    nsd_->add("signed.test", hosts + "child NS ns.nsd.test.\n");
    options.trust_anchors.push_back(nsd_->sign("signed.test"));
    nsd_->add("child.signed.test", "www A 192.0.2.7\n");
    nsd_->add("nsec3.test", hosts);
    options.trust_anchors.push_back(nsd_->sign("nsec3.test", {"-n", "-s", "abcd", "-t", "1"}));
    nsd_->add("expired.test", hosts);
    options.trust_anchors.push_back(nsd_->sign("expired.test", {"-i", "20200101", "-e", "20200201"}));
    nsd_->add("bogus.test", hosts);
    options.trust_anchors.push_back(nsd_->sign("bogus.test"));
    nsd_->edit("bogus.test", "192.0.2.25", "192.0.2.66");
    nsd_->add("stripped.test", hosts);
    const std::string anchor = nsd_->sign("stripped.test");
    options.trust_anchors.push_back(anchor);
    nsd_->add("stripped.test", hosts);  // served without its signatures
    std::string large = "large TXT";
    for (std::size_t i = 0; i < kPieces; ++i) large += " \"" + std::string(255, static_cast<char>('a' + i % 26)) + "\"";
    std::string many;
    for (int i = 0; i < 120; ++i) many += "many TXT \"" + std::to_string(i) + " " + std::string(200, 'm') + "\"\n";
    nsd_->add("plain.test", hosts + large + "\n" + many);
    nsd_->start();
    options.servers = {nsd_->endpoint()};
    options.lookup_timeout_ms = kPatientMs;
    if (!testing::Test::HasFatalFailure()) asker_ = std::make_unique<Asker>(options);
  }
  static void TearDownTestSuite() {
    asker_.reset();
    nsd_.reset();
  }
  void SetUp() override {
    if (!Nsd::installed()) GTEST_SKIP() << "nsd or ldnsutils is not installed (./dev setup test)";
    ASSERT_TRUE(asker_);
  }
  static dns::AnswerPtr ask(std::string_view text, Type type) { return asker_->ask(text, type); }

  static std::unique_ptr<Nsd> nsd_;
  static std::unique_ptr<Asker> asker_;
};
std::unique_ptr<Nsd> RealZones::nsd_;
std::unique_ptr<Asker> RealZones::asker_;

TEST_F(RealZones, SecureAnswers) {
  for (const std::string zone : {"signed.test", "nsec3.test"}) {
    const auto mail = ask("mail." + zone, Type::a);
    EXPECT_EQ(mail->status, Status::ok) << mail->why;
    EXPECT_EQ(mail->security, Security::secure);
    EXPECT_EQ(mail->addresses.at(0).text(), "192.0.2.25");
    EXPECT_EQ(mail->ttl, 300U);
    EXPECT_EQ(ask(zone, Type::mx)->mx.at(0), (dns::Mx{10, name("mail." + zone)}));
    EXPECT_EQ(ask(zone, Type::txt)->texts.at(0), "v=spf1 -all");
    EXPECT_EQ(ask("any.wild." + zone, Type::a)->security, Security::secure);
  }
}

TEST_F(RealZones, SecureNothing) {
  for (const std::string zone : {"signed.test", "nsec3.test"}) {
    const auto gone = ask("nothing.here." + zone, Type::a);
    EXPECT_EQ(gone->status, Status::nxdomain) << gone->why;
    EXPECT_EQ(gone->security, Security::secure) << zone;
    EXPECT_EQ(gone->ttl, 120U);
    const auto none = ask("mail." + zone, Type::mx);
    EXPECT_EQ(none->status, Status::nodata) << none->why;
    EXPECT_EQ(none->security, Security::secure) << zone;
    // An empty non-terminal exists (RFC 8020).
    EXPECT_EQ(ask("_tcp.mail." + zone, Type::a)->status, Status::nodata);
  }
}

TEST_F(RealZones, Insecure) {
  EXPECT_EQ(ask("mail.plain.test", Type::a)->security, Security::insecure);
  EXPECT_EQ(ask("mail.plain.test", Type::a)->status, Status::ok);
  const auto gone = ask("nothing.plain.test", Type::a);
  EXPECT_EQ(gone->status, Status::nxdomain);
  EXPECT_EQ(gone->security, Security::insecure);
  // A delegation that its signed parent proves to be unsigned.
  const auto child = ask("www.child.signed.test", Type::a);
  EXPECT_EQ(child->status, Status::ok) << child->why;
  EXPECT_EQ(child->security, Security::insecure);
}

TEST_F(RealZones, Bogus) {
  const auto expired = ask("mail.expired.test", Type::a);
  EXPECT_EQ(expired->status, Status::bogus);
  EXPECT_EQ(expired->security, Security::bogus);
  EXPECT_NE(expired->why.find("expired"), std::string::npos) << expired->why;
  EXPECT_TRUE(expired->addresses.empty());
  const auto forged = ask("mail.bogus.test", Type::a);
  EXPECT_EQ(forged->status, Status::bogus);
  EXPECT_NE(forged->why, "");
  EXPECT_EQ(ask("mail.bogus.test", Type::aaaa)->security, Security::secure);  // only that record was edited
  EXPECT_EQ(ask("mail.stripped.test", Type::a)->status, Status::bogus);
  EXPECT_EQ(ask("nothing.stripped.test", Type::a)->status, Status::bogus);
}

TEST_F(RealZones, Cnames) {
  const auto deep = ask("deep.signed.test", Type::a);
  EXPECT_EQ(deep->status, Status::ok);
  EXPECT_EQ(deep->security, Security::secure);
  EXPECT_EQ(deep->canonical.text(), "mail.signed.test");
  // Secure to insecure is insecure.
  const auto out = ask("out.signed.test", Type::a);
  EXPECT_EQ(out->status, Status::ok) << out->why;
  EXPECT_EQ(out->security, Security::insecure);
  EXPECT_EQ(out->canonical.text(), "mail.plain.test");
  EXPECT_EQ(ask("gone.signed.test", Type::a)->status, Status::nxdomain);
  EXPECT_EQ(ask("alias.signed.test", Type::mx)->status, Status::nodata);
  for (const char* zone : {"loop.signed.test", "pool.plain.test"}) {
    EXPECT_EQ(ask(zone, Type::a)->status, Status::servfail) << zone;
  }
}

TEST_F(RealZones, Tlsa) {
  const auto good = ask("_25._tcp.mail.signed.test", Type::tlsa);
  EXPECT_EQ(good->status, Status::ok) << good->why;
  EXPECT_EQ(good->security, Security::secure);
  EXPECT_EQ(good->tlsa.at(0).data.size(), 16U);
}

TEST_F(RealZones, LargeTextsComeOverTcp) {
  const auto large = ask("large.plain.test", Type::txt);
  ASSERT_EQ(large->status, Status::ok) << large->why;
  ASSERT_EQ(large->texts.size(), 1U);
  EXPECT_EQ(large->texts[0].size(), kPieces * 255);
  EXPECT_EQ(large->texts[0].substr(254, 2), "ab");
  const auto many = ask("many.plain.test", Type::txt);
  EXPECT_EQ(many->texts.size(), 120U);
}

TEST_F(RealZones, RefusedForZonesItDoesNotHave) { EXPECT_EQ(ask("www.example.org", Type::a)->status, Status::refused); }

}  // namespace
}  // namespace postern::resolver::test
