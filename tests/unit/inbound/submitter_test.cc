// What a submitter demands, and what the session does for mail that is ours or that an alias passes on.
#include <gtest/gtest.h>

#include "base/text.h"
#include "inbound/demands.h"
#include "unit/inbound/session_fixture.h"

namespace postern::inbound {
namespace {

constexpr WallMs kNow = 1'795'000'000'000;

TEST(Demands, HoldsAtTheLimitAndOneBeyond) {
  smtp::MailParams params;
  params.hold_for = kHoldMax;
  EXPECT_FALSE(check_demands(params, kNow).has_value());
  params.hold_for = kHoldMax + 1;
  EXPECT_EQ(check_demands(params, kNow)->reason, "hold_too_long");
  params.hold_for.reset();
  params.hold_until = kNow + kHoldMax * 1000;
  EXPECT_FALSE(check_demands(params, kNow).has_value());
  params.hold_until = kNow + kHoldMax * 1000 + 1;
  EXPECT_TRUE(check_demands(params, kNow).has_value());
  params.hold_until = kNow - 1;  // over already: it goes at once
  params.deliver_by = 1;
  EXPECT_FALSE(check_demands(params, kNow).has_value());
  params.hold_until = kNow + 2000;
  EXPECT_EQ(check_demands(params, kNow)->reason, "hold_beyond_by");
  EXPECT_EQ(future_release_offer(kNow).substr(0, 7), "604800 ");
  EXPECT_TRUE(future_release_offer(kNow).ends_with("Z"));
}

TEST(Demands, TheEnvelopeHasThem) {
  smtp::MailParams params;
  params.envid = "Q";
  params.ret = "HDRS";
  params.require_tls = true;
  params.priority = -9;
  params.deliver_by = 10;
  params.return_if_late = params.trace_relays = true;
  params.hold_for = 5;
  spool::Envelope envelope;
  envelope.arrived = envelope.next_attempt = kNow + 100;
  set_demands(params, kNow, envelope);
  EXPECT_EQ(envelope.envid + envelope.ret, "QHDRS");
  EXPECT_TRUE(envelope.require_tls && envelope.return_if_late && envelope.trace_relays);
  EXPECT_EQ(envelope.priority, -9);
  EXPECT_EQ(envelope.deliver_by, kNow + 10'000);
  EXPECT_EQ(envelope.held_until, kNow + 5000);
  EXPECT_EQ(envelope.next_attempt, kNow + 5000);
  EXPECT_EQ(envelope.sending_since(), kNow + 5000);
}

TEST(Demands, TlsRequiredIsNoOrNothing) {
  const auto says = [](const std::string& text) { return says_tls_optional(message::HeaderSection(text)); };
  EXPECT_TRUE(says("TLS-Required: No\r\n"));
  EXPECT_TRUE(says("tls-required:\r\n no\r\n"));
  EXPECT_FALSE(says("TLS-Required: Yes\r\n"));
  EXPECT_FALSE(says("TLS-Required: No\r\nTLS-Required: No\r\n"));
  EXPECT_FALSE(says("Subject: No\r\n"));
}

class SubmitterTest : public SessionFixture {
 protected:
  static std::string mail(const std::string& parameters, const std::string& rcpt, const std::string& header = {}) {
    return "EHLO c.example\r\nMAIL FROM:<alice@example.org>" + parameters + "\r\nRCPT TO:" + rcpt +
           "\r\nDATA\r\nFrom: alice@example.org\r\n" + header + "\r\nbody\r\n.\r\nQUIT\r\n";
  }
  void with_keys(const std::function<void(Settings&)>& more = {}) {
    auto keys = std::make_shared<mailauth::SigningKeys>();
    keys->add({.domain = "example.org",
               .selector = "s",
               .key = crypto::PrivateKey::generate(crypto::Algorithm::ed25519).value()});
    configure([&](Settings& settings) {
      settings.signing = keys;
      settings.relay_from = {*ip::Prefix::parse("2001:db8::/64")};
      if (more) more(settings);
    });
  }
};

TEST_F(SubmitterTest, WhatMailAndRcptAskForIsInTheEnvelope) {
  with_keys();
  say(mail(" ENVID=Q BY=60;R MT-PRIORITY=3", "<alice@example.org> NOTIFY=SUCCESS ORCPT=rfc822;x@y.example",
           "TLS-Required: No\r\n"));
  const spool::Envelope one = envelope(0);
  EXPECT_EQ(one.origin, spool::Origin::relay);
  EXPECT_EQ(one.envid, "Q");
  EXPECT_EQ(one.priority, 3);
  EXPECT_TRUE(one.return_if_late && one.tls_optional);
  EXPECT_EQ(one.recipients.at(0).notify, spool::kNotifySuccess);
  EXPECT_EQ(one.recipients.at(0).orcpt, "rfc822;x@y.example");
}

TEST_F(SubmitterTest, AnAliasOfSeveralIsMarked) {
  with_keys();
  say(mail("", "<team@example.org> NOTIFY=SUCCESS,FAILURE"));
  const spool::Envelope one = envelope(0);
  ASSERT_EQ(one.recipients.size(), 2U);
  for (const spool::Recipient& recipient : one.recipients) {
    EXPECT_EQ(recipient.notify, spool::kNotifySuccess | spool::kNotifyFailure | spool::kExpanded);
    EXPECT_EQ(recipient.original, "team@example.org");
  }
}

// Octet by octet as well: the body is hashed as it streams.
TEST_F(SubmitterTest, OursIsSignedAndAStrangersIsNot) {
  with_keys();
  say(mail("", "<alice@example.org>"));
  say(mail("", "<alice@example.org>"), 1);
  ASSERT_EQ(store->list(std::nullopt, 10).size(), 2U);
  const auto body_hash = [&](std::size_t index) {
    const std::string fields = envelope(index).fields_on_top;
    EXPECT_TRUE(fields.starts_with("DKIM-Signature: ")) << fields;
    const std::size_t at = fields.find("bh=");
    return at == std::string::npos ? std::string() : fields.substr(at, 47);
  };
  EXPECT_EQ(body_hash(0), body_hash(1));
  with_keys([](Settings& settings) { settings.relay_from.clear(); });
  say(mail("", "<alice@example.org>"));
  // Ids of one millisecond stand in any order: which of the three it is tells nothing
  std::size_t unsigned_ones = 0;
  for (std::size_t i = 0; i < 3; ++i) unsigned_ones += envelope(i).fields_on_top.empty() ? 1 : 0;
  EXPECT_EQ(unsigned_ones, 1U);
}

TEST_F(SubmitterTest, ReturnPathsOfOursLeadBack) {
  const auto rewriter = std::make_shared<const srs::Rewriter>("secret of ours 123", "example.org");
  const srs::Rewriter theirs("secret of theirs 1", "example.org");
  with_keys([&](Settings& settings) {
    settings.srs = rewriter;
    settings.relay_from.clear();
  });
  const auto bob = smtp::parse_mailbox("bob@far.example", false).value();
  const auto rcpt = [&](const std::string& path) {
    return say("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<" + path + ">\r\nDATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r\n");
  };
  rcpt(rewriter->forward(bob, wall_now()));
  ASSERT_EQ(store->list(std::nullopt, 10).size(), 1U);
  EXPECT_EQ(envelope(0).recipients.at(0).forward_path, "bob@far.example");
  EXPECT_NE(rcpt(theirs.forward(bob, wall_now())).find("was not made here"), std::string::npos);
  EXPECT_NE(rcpt(rewriter->forward(bob, wall_now() - 22LL * 86'400'000)).find("has expired"), std::string::npos);
  EXPECT_EQ(store->list(std::nullopt, 10).size(), 1U);
}

}  // namespace
}  // namespace postern::inbound
