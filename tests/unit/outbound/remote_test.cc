// The sending side against scripted servers on loopback.
#include <gtest/gtest.h>

#include "dns/fixture.h"
#include "outbound/smtp_remote.h"
#include "unit/delivery/support.h"
#include "unit/outbound/support.h"

namespace postern::outbound {
namespace {

using delivery::test::ScriptedServer;

constexpr const char* kOffer = "250-far\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN\r\n";
constexpr const char* kText = "Subject: a\r\n\r\nHello\r\n";

class RemoteTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (remote) delivery::test::run(loop, remote->stop());
  }

  void make() {
    options.hostname = "mx.ours.example";
    remote = std::make_unique<SmtpRemote>(loop, pool, options, resolver, *tls, 10);
    remote->start();
  }
  // One attempt for `recipients` by way of `server`.
  delivery::Results deliver(const ip::Endpoint& server, std::vector<std::string> recipients) {
    envelope = delivery::test::envelope_to(std::move(recipients));
    if (change) change(envelope);
    delivery::test::TextBody body{std::string(text)};
    delivery::Attempt attempt{&envelope, {}, &body};
    for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) attempt.recipients.push_back(i);
    note = {};
    const delivery::RemoteHop hop{"smtp:" + server.text(), *smtp::parse_domain("far.example", false), server};
    io::Breaker breaker;
    return delivery::test::run(loop, remote->deliver(hop, attempt, note, breaker));
  }
  // far.example has two hosts: [::1], and behind it kSecond; both at this port.
  void make_far_with_two_hosts(std::uint16_t port) {
    resolver =
        dns::FixtureResolver(test::zone(R"({"far.example": {"MX": [[10, "six.far.example"], [20, "four.far.example"]]},
      "six.far.example": {"AAAA": ["::1"]}, "four.far.example": {"A": ["127.0.0.7"]}})"));
    options.port = port;
    options.allow_loopback = true;
    make();
  }
  delivery::Results deliver_to_far(io::Breaker& breaker) {
    envelope = delivery::test::envelope_to({"a@far.example"});
    delivery::test::TextBody body{std::string(text)};
    const delivery::Attempt attempt{&envelope, {0}, &body};
    const delivery::RemoteHop hop{"far.example", *smtp::parse_domain("far.example", false), std::nullopt};
    return delivery::test::run(loop, remote->deliver(hop, attempt, note, breaker));
  }
  const ip::Address kSecond = *ip::Address::parse("127.0.0.7");  // where nobody else listens

  static std::vector<std::string> lines(const delivery::Results& results) {
    std::vector<std::string> out;
    for (const smtp::Reply& reply : results) out.push_back(reply.line());
    return out;
  }

  io::Loop loop;
  io::BlockingPool pool{1};
  dns::FixtureResolver resolver{dns::Zone()};
  std::unique_ptr<TlsPolicy> tls = make_opportunistic_tls(nullptr);
  Options options;
  std::unique_ptr<SmtpRemote> remote;
  spool::Envelope envelope;
  std::function<void(spool::Envelope&)> change;
  std::string_view text = kText;
  delivery::AttemptNote note;
};

using Lines = std::vector<std::string>;

TEST_F(RemoteTest, TwoMessagesOverOneConnection) {
  ScriptedServer server(loop, "220 far\r\n",
                        {{"EHLO mx.ours.example\r\n", kOffer},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n550 5.1.1 nobody\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 first\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 second\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  make();
  change = [](spool::Envelope& e) { e.recipients[0].notify = spool::kNotifySuccess | spool::kNotifyFailure; };
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example", "b@far.example"})),
            (Lines{"250 2.0.0 first", "550 5.1.1 nobody"}));
  EXPECT_EQ(note.dsn_passed, (std::vector<bool>{true, false}));
  EXPECT_EQ(note.host, server.endpoint.text());
  EXPECT_EQ(note.family, ip::Family::v6);
  EXPECT_FALSE(note.unreachable);
  EXPECT_NE(server.heard.find("RCPT TO:<a@far.example> NOTIFY=SUCCESS,FAILURE\r\n"), std::string::npos);
  EXPECT_EQ(remote->idle_connections(), 1U);
  EXPECT_EQ(lines(deliver(server.endpoint, {"c@far.example"})), (Lines{"250 2.0.0 second"}));
  EXPECT_EQ(server.connections, 1);
  EXPECT_FALSE(remote->doubtful("smtp:" + server.endpoint.text()));
  delivery::test::run(loop, remote->stop());
  remote.reset();
  delivery::test::run(loop, server.stop());
}

TEST_F(RemoteTest, AnIdleConnectionThatWentAwayCostsNothing) {
  // It closes after each message
  ScriptedServer server(loop, "220 far\r\n",
                        {{"EHLO mx.ours.example\r\n", kOffer},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 taken\r\n"}});
  make();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})), (Lines{"250 2.0.0 taken"}));
  }
  EXPECT_EQ(server.connections, 3);
  delivery::test::run(loop, server.stop());
}

TEST_F(RemoteTest, NobodyThere) {
  ip::Endpoint nobody;
  {
    ScriptedServer server(loop, "", {});
    nobody = server.endpoint;
    delivery::test::run(loop, server.stop());
  }
  make();
  const delivery::Results results = deliver(nobody, {"a@far.example", "b@far.example"});
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].line().substr(0, 9), "451 4.4.1");
  EXPECT_NE(results[0].text.find("refused"), std::string::npos) << results[0].text;
  EXPECT_TRUE(note.unreachable);
  EXPECT_TRUE(remote->doubtful("smtp:" + nobody.text()));
  EXPECT_EQ(remote->concurrency("smtp:" + nobody.text()), 1U);
}

TEST_F(RemoteTest, AServerThatRefusesTheSessionWasTalkedTo) {
  ScriptedServer server(loop, "554 5.3.2 no mail here\r\n", {{"QUIT\r\n", ""}});
  make();
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})), (Lines{"554 5.3.2 no mail here"}));
  EXPECT_FALSE(note.unreachable);
  delivery::test::run(loop, server.stop());
}

TEST_F(RemoteTest, LostInTheMiddleItIsTriedAgain) {
  ScriptedServer server(loop, "220 far\r\n",
                        {{"EHLO mx.ours.example\r\n", kOffer}, {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"}});
  make();
  const delivery::Results results = deliver(server.endpoint, {"a@far.example"});
  EXPECT_EQ(results.at(0).line().substr(0, 9), "451 4.4.2");
  EXPECT_FALSE(note.unreachable);
  delivery::test::run(loop, server.stop());
}

TEST_F(RemoteTest, WhatCannotBeSentAsItIsCostsNoConnection) {
  ScriptedServer server(loop, "220 far\r\n", {{"EHLO mx.ours.example\r\n", kOffer}, {"QUIT\r\n", "221 bye\r\n"}});
  make();
  text = "Subject: a\n\r\n";
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})).at(0).substr(0, 9), "554 5.6.0");
  EXPECT_EQ(server.connections, 0);
  text = kText;
  change = [](spool::Envelope& e) { e.require_tls = true; };
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})).at(0).substr(0, 10), "550 5.7.30");
  EXPECT_EQ(server.heard.find("MAIL"), std::string::npos);
  delivery::test::run(loop, server.stop());
}

TEST_F(RemoteTest, ATlsDemandIsNeverGivenUp) {
  class Demanding final : public TlsPolicy {
   public:
    Task<std::shared_ptr<DomainTls>> destination(TlsDestination, dns::Budget&) override {
      co_return std::make_shared<DomainTls>();
    }
    Task<TlsPlan> plan(std::shared_ptr<DomainTls>, dns::Name, bool, dns::Budget&) override {
      TlsPlan plan;
      plan.tls_needed = true;
      plan.refusal = refusal;
      co_return plan;
    }
    std::optional<std::string> starttls_breaks(const dns::Name&, const ip::Address&) override { return "eof"; }
    void tried(const DomainTls&, const TlsPlan&, const TlsAttempt& attempt) override {
      failures.push_back(attempt.failure);
    }
    std::optional<smtp::Reply> refusal;
    std::vector<std::string> failures;
  };
  auto policy = std::make_unique<Demanding>();
  Demanding& demanding = *policy;
  tls = std::move(policy);
  ScriptedServer server(loop, "220 far\r\n", {{"EHLO mx.ours.example\r\n", kOffer}, {"QUIT\r\n", "221 bye\r\n"}});
  make();
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})),
            (Lines{"451 4.7.5 " + server.endpoint.text() +
                   ": TLS (demanded by the configuration): the server does not offer STARTTLS"}));
  EXPECT_EQ(demanding.failures, (Lines{"starttls_not_offered"}));
  EXPECT_EQ(server.heard.find("MAIL"), std::string::npos);
  demanding.refusal = smtp::Reply(451, {4, 7, 5}, "not in the policy");
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})), (Lines{"451 4.7.5 not in the policy"}));
  EXPECT_EQ(server.connections, 1) << "such a host is not connected to";
  delivery::test::run(loop, server.stop());
}

// Remembers what it is told.
class Recording final : public TlsPolicy {
 public:
  Task<std::shared_ptr<DomainTls>> destination(TlsDestination, dns::Budget&) override {
    co_return std::make_shared<DomainTls>();
  }
  Task<TlsPlan> plan(std::shared_ptr<DomainTls>, dns::Name, bool, dns::Budget&) override { co_return TlsPlan(); }
  std::optional<std::string> starttls_breaks(const dns::Name&, const ip::Address&) override { return broken; }
  void tried(const DomainTls&, const TlsPlan&, const TlsAttempt& attempt) override { attempts.push_back(attempt); }
  std::optional<std::string> broken;
  std::vector<TlsAttempt> attempts;
};

TEST_F(RemoteTest, ASessionInClearForWhatIsRememberedIsToldAsWell) {
  auto policy = std::make_unique<Recording>();
  Recording& told = *policy;
  told.broken = "eof";
  tls = std::move(policy);
  ScriptedServer server(loop, "220 far\r\n",
                        {{"EHLO mx.ours.example\r\n", "250-far\r\n250-STARTTLS\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 taken\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  make();
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example"})), (Lines{"250 2.0.0 taken"}));
  EXPECT_EQ(server.heard.find("STARTTLS"), std::string::npos);
  ASSERT_EQ(told.attempts.size(), 1U);
  EXPECT_TRUE(told.attempts[0].offered);
  EXPECT_TRUE(told.attempts[0].avoided);
  EXPECT_FALSE(told.attempts[0].established);
  EXPECT_EQ(told.attempts[0].failure, "eof");
  EXPECT_EQ(told.attempts[0].local, ip::Address::parse("::1"));  // RFC 8460 4.3: sending-mta-ip
  delivery::test::run(loop, remote->stop());
  remote.reset();
  delivery::test::run(loop, server.stop());
}

Task<void> cancel_when(io::Loop& loop, const bool& condition, io::Breaker& breaker) {
  while (!condition) co_await io::sleep_until(loop, Deadline::after(milliseconds(1)));
  breaker.cancel();
}

TEST_F(RemoteTest, BrokenOffWhileItWaitsForTheGreeting) {
  ScriptedServer server(loop, "", {{"never", ""}});
  make();
  bool there = false;
  server.on_change = [&] { there = true; };
  envelope = delivery::test::envelope_to({"a@far.example"});
  delivery::test::TextBody body{std::string(kText)};
  const delivery::Attempt attempt{&envelope, {0}, &body};
  const delivery::RemoteHop hop{"x", *smtp::parse_domain("far.example", false), server.endpoint};
  io::Breaker breaker;
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(cancel_when(loop, there, breaker)); });
  const delivery::Results results = delivery::test::run(loop, remote->deliver(hop, attempt, note, breaker));
  EXPECT_TRUE(results.at(0).temporary());
  EXPECT_FALSE(note.unreachable) << "not its fault";
  delivery::test::run(loop, scope.join());
  delivery::test::run(loop, server.stop());
}

// RFC 9422 4.1: one message a connection and two recipients a message, and there is one address.
TEST_F(RemoteTest, WhoTakesOneMessageAConnectionIsConnectedToAgain) {
  ScriptedServer server(
      loop, "220 far\r\n",
      {{"EHLO mx.ours.example\r\n", "250-far\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2 MAILMAX=1\r\n"},
       {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
       {"\r\n.\r\n", "250 2.0.0 taken\r\n"},
       {"QUIT\r\n", "221 bye\r\n"}});
  make();
  EXPECT_EQ(lines(deliver(server.endpoint, {"a@far.example", "b@far.example", "c@far.example", "d@far.example",
                                            "e@far.example", "f@far.example"})),
            Lines(6, "250 2.0.0 taken"));
  EXPECT_EQ(server.connections, 3);
  delivery::test::run(loop, server.stop());
}

// The first host refuses for good and the second is being asked when the service stops.
TEST_F(RemoteTest, WhatWasBrokenOffIsNotRefused) {
  ScriptedServer six(loop, "554 5.3.2 no mail here\r\n", {{"QUIT\r\n", ""}});
  ScriptedServer four(loop, "", {{"never", ""}}, true, {kSecond, six.endpoint.port});
  bool there = false;
  four.on_change = [&] { there = true; };
  make_far_with_two_hosts(six.endpoint.port);
  io::Breaker breaker;
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(cancel_when(loop, there, breaker)); });
  const delivery::Results results = deliver_to_far(breaker);
  EXPECT_EQ(lines(results), (Lines{"451 4.4.2 broken off"}));
  EXPECT_EQ(six.connections, 1);
  delivery::test::run(loop, scope.join());
  delivery::test::run(loop, six.stop());
  delivery::test::run(loop, four.stop());
}

// "Slow down" at one address is a full stop for the destination: its other addresses are not asked.
TEST_F(RemoteTest, WhoAsksForLessMailAtTheGreetingIsLeftInPeace) {
  ScriptedServer six(loop, "421 4.7.0 too many connections, slow down\r\n", {{"QUIT\r\n", ""}});
  ScriptedServer four(loop, "220 far\r\n", {{"never", ""}}, true, {kSecond, six.endpoint.port});
  make_far_with_two_hosts(six.endpoint.port);
  io::Breaker breaker;
  const delivery::Results results = deliver_to_far(breaker);
  EXPECT_EQ(lines(results), (Lines{"421 4.7.0 too many connections, slow down"}));
  EXPECT_GT(note.rest.count(), 0);
  EXPECT_EQ(four.connections, 0);
  delivery::test::run(loop, six.stop());
  delivery::test::run(loop, four.stop());
}

}  // namespace
}  // namespace postern::outbound
