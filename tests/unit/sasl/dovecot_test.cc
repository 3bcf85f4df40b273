// Dovecot's authentication protocol, with its lines cut at every octet.
#include <gtest/gtest.h>

#include "sasl/dovecot.h"

namespace postern::sasl {
namespace {

using State = DovecotClient::State;

DovecotClient::Request request() {
  return {.mechanism = "PLAIN",
          .client_address = "2001:db8::1",
          .server_address = "2001:db8::2",
          .client_port = 4711,
          .server_port = 587,
          .initial = "AGFsaWNlAHNlY3JldA==",
          .process = 42};
}

constexpr std::string_view kHello = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tabc\nDONE\n";

void feed(DovecotClient& client, std::string_view text, std::size_t cut) {
  client.receive(text.substr(0, cut));
  client.receive(text.substr(std::min(cut, text.size())));
}

TEST(Dovecot, LetsIn) {
  const std::string reply = "OK\t1\tuser=alice\t\n";
  for (std::size_t cut = 0; cut <= kHello.size(); ++cut) {
    DovecotClient client(request());
    EXPECT_EQ(client.output(), "VERSION\t1\t1\nCPID\t42\n");
    client.output().clear();
    feed(client, kHello, cut);
    EXPECT_EQ(client.output(),
              "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tlip=2001:db8::2\trip=2001:db8::1\tlport=587\trport=4711\t"
              "resp=AGFsaWNlAHNlY3JldA==\n");
    feed(client, reply, cut % reply.size());
    ASSERT_EQ(client.state(), State::passed) << cut;
    EXPECT_EQ(client.login(), "alice");
  }
}

TEST(Dovecot, PassesChallengesAndTheLastWord) {
  DovecotClient::Request scram = request();
  scram.mechanism = "SCRAM-SHA-256";
  scram.initial.reset();
  DovecotClient client(scram);
  client.receive(kHello);
  EXPECT_EQ(client.output().find("resp="), std::string::npos);
  client.receive("CONT\t1\t\n");
  ASSERT_EQ(client.state(), State::challenge);
  EXPECT_EQ(client.challenge(), "");
  client.output().clear();
  client.respond("biws");
  EXPECT_EQ(client.output(), "CONT\t1\tbiws\n");
  client.receive("OK\t1\tuser=al\001tice\tresp=dj14\n");
  ASSERT_EQ(client.state(), State::challenge);
  EXPECT_EQ(client.challenge(), "dj14");
  client.respond("");
  EXPECT_EQ(client.state(), State::passed);
  EXPECT_EQ(client.login(), "al\tice");
}

TEST(Dovecot, Refuses) {
  DovecotClient wrong(request());
  wrong.receive(kHello);
  wrong.receive("FAIL\t2\tuser=other\nFAIL\t1\tuser=alice\n");
  EXPECT_EQ(wrong.state(), State::refused);
  EXPECT_FALSE(wrong.temporary());
  DovecotClient later(request());
  later.receive(kHello);
  later.receive("FAIL\t1\tuser=alice\ttemp\n");
  EXPECT_EQ(later.state(), State::refused);
  EXPECT_TRUE(later.temporary());
}

TEST(Dovecot, WhatIsNotTheProtocolBreaksIt) {
  for (const std::string_view hello : {"VERSION\t2\t0\nDONE\n", "DONE\n", "VERSION\nDONE\n"}) {
    DovecotClient client(request());
    client.receive(hello);
    EXPECT_EQ(client.state(), State::broken) << hello;
    EXPECT_FALSE(client.problem().empty());
  }
  for (const std::string_view reply :
       {"OK\t1\n", "OK\t1\tuser=\n", "CONT\t1\n", "CONT\t1\t*\n", "OK\t1\tuser=a\tresp=*\n"}) {
    DovecotClient client(request());
    client.receive(kHello);
    client.receive(reply);
    EXPECT_EQ(client.state(), State::broken) << reply;
  }
}

TEST(Dovecot, Limits) {
  DovecotClient fits(request());
  fits.receive(kHello);
  fits.receive(std::string(kDovecotLineMax, 'x') + "\n");
  EXPECT_EQ(fits.state(), State::waiting);
  DovecotClient longer(request());
  longer.receive(kHello);
  longer.receive(std::string(kDovecotLineMax + 1, 'x'));
  EXPECT_EQ(longer.state(), State::broken);
  DovecotClient endless(request());
  for (std::size_t sent = 0; sent <= kDovecotHandshakeMax; sent += 8) endless.receive("MECH\tXX\n");
  EXPECT_EQ(endless.state(), State::broken);
}

}  // namespace
}  // namespace postern::sasl
