#include "spool/envelope.h"

#include <gtest/gtest.h>

namespace postern::spool {
namespace {

Envelope full() {
  Envelope envelope;
  envelope.id = Id::make(1000);
  envelope.session = Id::make(2000);
  envelope.arrived = 1795243000123;
  envelope.next_attempt = 1795243060123;
  envelope.reverse_path = "a@example.org";
  envelope.size = 123456789012;
  envelope.eight_bit = envelope.utf8 = envelope.held = true;
  envelope.attempts = 300;
  envelope.client = "[2001:db8::1]:4711";
  envelope.login = "alice";
  envelope.envid = "QQ314159";
  envelope.ret = "HDRS";
  for (std::uint32_t i = 0; i < 4; ++i) {
    Recipient recipient;
    recipient.forward_path = "r" + std::to_string(i) + "@example.net";
    recipient.original = i == 1 ? "alias@example.org" : "";
    recipient.state = static_cast<RecipientState>(i);
    recipient.attempts = i * 100;
    recipient.last_reply = "451 4.3.0 later";
    recipient.notify = static_cast<std::uint8_t>(i);
    recipient.orcpt = "rfc822;x@example.org";
    envelope.recipients.push_back(recipient);
  }
  return envelope;
}

TEST(Envelope, ComesBackAsItWas) {
  for (const Envelope& envelope : {full(), Envelope{}}) {
    std::string octets;
    encode(envelope, octets);
    const auto decoded = decode_envelope(octets);
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(*decoded, envelope);
  }
}

TEST(Envelope, FieldsOnTopComeBackAndAreBounded) {
  Envelope envelope = full();
  envelope.fields_on_top = "Authentication-Results: mx.example.org; none\r\n";
  std::string octets;
  encode(envelope, octets);
  EXPECT_EQ(octets[0], 2);
  const auto decoded = decode_envelope(octets);
  ASSERT_TRUE(decoded) << decoded.error().what;
  EXPECT_EQ(*decoded, envelope);

  std::string plain;
  encode(full(), plain);
  EXPECT_EQ(plain[0], 1);  // what an older Postern reads, where there is nothing it does not know
  envelope.fields_on_top.assign(Envelope::kFieldsMax, 'x');
  std::string largest;
  encode(envelope, largest);
  EXPECT_TRUE(decode_envelope(largest));
}

Envelope demanding() {
  Envelope envelope = full();
  envelope.origin = Origin::login;
  envelope.require_tls = envelope.return_if_late = true;
  envelope.priority = -9;
  envelope.deliver_by = 1795243999999;
  envelope.held_until = 1795244000000;
  return envelope;
}

TEST(Envelope, DemandsComeBackEachOfThem) {
  std::vector<Envelope> all(8);
  all[0].origin = Origin::own;
  all[1].require_tls = true;
  all[2].tls_optional = true;
  all[3].priority = 9;
  all[4].deliver_by = 1;
  all[5].return_if_late = true;
  all[6].trace_relays = true;
  all[7] = demanding();
  all[7].fields_on_top = "A: b\r\n";
  for (const Envelope& envelope : all) {
    std::string octets;
    encode(envelope, octets);
    EXPECT_EQ(octets[0], 3);
    const auto decoded = decode_envelope(octets);
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(*decoded, envelope);
  }
}

TEST(Envelope, CutShortAnywhereIsAnError) {
  Envelope topped = full();
  topped.fields_on_top = "A: b\r\n";
  for (const Envelope& envelope : {full(), topped, demanding()}) {
    std::string octets;
    encode(envelope, octets);
    for (std::size_t size = 0; size < octets.size(); ++size) {
      EXPECT_FALSE(decode_envelope(std::string_view(octets).substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_envelope(octets + "x"));
  }
}

TEST(Envelope, UnknownVersionSaysSo) {
  std::string octets;
  encode(full(), octets);
  octets[0] = 9;
  const auto decoded = decode_envelope(octets);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().what.find("version 9"), std::string::npos);
}

TEST(Envelope, CountThatIsNotThereTakesNoMemory) {
  Envelope envelope;
  std::string octets;
  encode(envelope, octets);
  octets.back() = '\x7f';  // 127 recipients, of which none follows
  EXPECT_FALSE(decode_envelope(octets));
}

TEST(Envelope, ReplyIsCutToItsLimit) {
  Envelope envelope = full();
  for (const std::size_t size : {Envelope::kReplyMax, Envelope::kReplyMax + 1}) {
    envelope.recipients[0].last_reply = std::string(size, 'x');
    std::string octets;
    encode(envelope, octets);
    const auto decoded = decode_envelope(octets);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->recipients[0].last_reply.size(), Envelope::kReplyMax);
  }
}

TEST(Envelope, SettledWhenNobodyIsPending) {
  Envelope envelope = full();
  EXPECT_FALSE(envelope.settled());
  envelope.recipients[0].state = RecipientState::delivered;
  EXPECT_TRUE(envelope.settled());
}

}  // namespace
}  // namespace postern::spool
