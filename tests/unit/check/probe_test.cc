// The polite connection against servers of every kind.
#include "check/probe.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "check/etiquette.h"
#include "dns/fixture.h"
#include "fake_server.h"
#include "unit/io/support.h"

namespace postern::check {
namespace {

using postern::test::issue;
using postern::test::Issued;
using test::Connection;
using test::FakeServer;

constexpr std::string_view kEhlo = "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n";
constexpr std::string_view kGo = "220 go\r\n";
constexpr std::string_view kEhloTls = "250-mx.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";

// Every command gets its answer until QUIT; unknown ones 502.
void answer(Connection& to, std::string_view ehlo) {
  for (;;) {
    const std::string line = to.line();
    if (line.empty()) return;
    if (line == "QUIT") return to.say("221 bye\r\n");
    to.say(line.starts_with("EHLO ") ? ehlo : std::string_view("502 no\r\n"));
  }
}

class Probe : public ::testing::Test {
 protected:
  Probe() {
    options.helo = "checker.example";
    options.allow_private = true;
    options.ca_file = folder.file("root.pem");
    options.deadline = seconds(60);
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    own = issue({.subject = "mx", .dns_names = {"mx.example.org"}}, &root);
    postern::test::write_certificates(options.ca_file, {&root});
    target.domain = *dns::Name::parse("example.org");
    target.hosts.push_back({.name = *dns::Name::parse("mx.example.org"), .addresses = {}, .tlsa = nothing()});
    SSL_CTX_use_certificate(tls.get(), own.certificate.get());
    SSL_CTX_use_PrivateKey(tls.get(), own.key.get());
    SSL_CTX_add1_chain_cert(tls.get(), root.certificate.get());
  }
  static dns::AnswerPtr nothing() { return std::make_shared<dns::Answer>(); }
  void add_address(const std::string& address, MailHost* host = nullptr) {
    Address one;
    one.address = *ip::Address::parse(address);
    (host != nullptr ? *host : target.hosts.front()).addresses.push_back(std::move(one));
  }
  void run() {
    io::test::run(loop, probe_hosts(target, options, {.loop = loop, .pool = pool, .resolver = resolver}, nullptr));
  }
  const ServerFacts& probe(FakeServer::Script script) {
    FakeServer server("127.0.0.1", 0, {std::move(script)});
    options.smtp_port = server.port();
    add_address("127.0.0.1");
    run();
    EXPECT_EQ(server.connections(), 1U);
    return *target.hosts.front().addresses.front().server;
  }
  // A server that offers STARTTLS and answers it with this; what follows is `then`'s.
  const ServerFacts& probe_starttls(std::string_view reply, const FakeServer::Script& then) {
    return probe([&](Connection& to) {
      to.say("220 mx.example.org\r\n");
      to.line();
      to.say(kEhloTls);
      to.line();
      to.say(reply);
      then(to);
    });
  }
  // One that takes it, and speaks on under TLS.
  const ServerFacts& probe_tls() {
    return probe_starttls(kGo, [this](Connection& to) {
      if (to.tls(tls.get())) answer(to, kEhlo);
    });
  }

  io::Loop loop;
  io::BlockingPool pool{1};
  dns::FixtureResolver resolver{dns::Zone()};
  io::test::TempDir folder;
  Options options;
  Target target;
  Issued root, own;
  std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> tls{SSL_CTX_new(TLS_server_method())};
};

TEST_F(Probe, PlainServerIsHeardOut) {
  std::vector<std::string> lines;
  const ServerFacts& facts = probe([&](Connection& to) {
    to.say("220-mx.example.org ESMTP\r\n220 second line\r\n");
    lines.push_back(to.line());
    to.say(kEhlo);
    lines.push_back(to.line());
    to.say("221 bye\r\n");
  });
  EXPECT_EQ(lines, (std::vector<std::string>{"EHLO checker.example", "QUIT"}));
  EXPECT_TRUE(facts.connected);
  EXPECT_EQ(facts.problem, "");
  EXPECT_EQ(facts.banner_code, 220);
  EXPECT_EQ(facts.banner, "mx.example.org ESMTP");
  EXPECT_TRUE(facts.extended);
  EXPECT_EQ(facts.hello_reply, "mx.example.org");
  EXPECT_EQ(facts.extensions, (std::vector<std::string>{"PIPELINING", "SIZE 1000", "8BITMIME"}));
  EXPECT_FALSE(facts.offers_starttls);
  EXPECT_FALSE(facts.tls.has_value());
  EXPECT_GE(facts.connect_ms, 0);
  EXPECT_GE(facts.banner_ms, 0);
  EXPECT_GE(facts.whole_ms, facts.banner_ms);
  EXPECT_EQ(facts.connections, 1U);
  EXPECT_EQ(facts.banner_name_resolves, false);
}

TEST_F(Probe, RepliesMayComeOctetByOctet) {
  const ServerFacts& facts = probe([&](Connection& to) {
    to.say_split("220-mx.example.org ESMTP\r\n220 second line\r\n");
    to.line();
    to.say_split(kEhlo);
    to.line();
    to.say_split("221 bye\r\n");
  });
  EXPECT_EQ(facts.problem, "");
  EXPECT_EQ(facts.extensions.size(), 3U);
}

TEST_F(Probe, TlsFactsAreThoseOfTheConnection) {
  const ServerFacts& facts = probe([&](Connection& to) {
    to.say("220 mx.example.org\r\n");
    to.line();
    to.say(kEhloTls);
    EXPECT_EQ(to.line(), "STARTTLS");
    to.say("220 go\r\n");
    if (!to.tls(tls.get())) return;
    answer(to, kEhlo);
  });
  ASSERT_TRUE(facts.tls.has_value()) << facts.tls_problem;
  EXPECT_EQ(facts.starttls_code, 220);
  EXPECT_EQ(facts.tls->version, "TLSv1.3");
  EXPECT_EQ(facts.tls->cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(facts.tls->group, "X25519");
  EXPECT_EQ(facts.tls->signature_hash, "SHA256");
  EXPECT_TRUE(facts.tls->trusted) << facts.tls->trust_error;
  EXPECT_TRUE(facts.tls->extended_master_secret);
  EXPECT_TRUE(facts.tls->secure_renegotiation);
  ASSERT_EQ(facts.tls->chain.size(), 2U);
  EXPECT_EQ(facts.tls->chain[0].der, own.der());
  EXPECT_EQ(facts.tls->chain[0].spki, own.spki());
  EXPECT_EQ(facts.tls->chain[0].names, std::vector<std::string>{"mx.example.org"});
  EXPECT_EQ(facts.tls->chain[1].der, root.der());
  EXPECT_TRUE(facts.extended_tls);
  EXPECT_EQ(facts.extensions_tls.size(), 3U);
  EXPECT_EQ(facts.problem, "");
}

TEST_F(Probe, TrustAndNameAreApart) {
  const Issued stranger = issue({.subject = "x", .dns_names = {"other.example"}}, &root);
  SSL_CTX_use_certificate(tls.get(), stranger.certificate.get());
  SSL_CTX_use_PrivateKey(tls.get(), stranger.key.get());
  const ServerFacts& facts = probe_tls();
  ASSERT_TRUE(facts.tls.has_value());
  EXPECT_TRUE(facts.tls->trusted);
  EXPECT_EQ(facts.tls->chain[0].names, std::vector<std::string>{"other.example"});
}

TEST_F(Probe, OldVersionsAreStillSpoken) {
  SSL_CTX_set_security_level(tls.get(), 0);
  SSL_CTX_set_min_proto_version(tls.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(tls.get(), TLS1_VERSION);
  const ServerFacts& facts = probe_tls();
  ASSERT_TRUE(facts.tls.has_value()) << facts.tls_problem;
  EXPECT_EQ(facts.tls->version, "TLSv1");
}

TEST_F(Probe, RefusedTlsIsSaid) {
  const ServerFacts& facts =
      probe_starttls("454 4.7.0 TLS not available now\r\n", [](Connection& to) { answer(to, kEhlo); });
  EXPECT_TRUE(facts.offers_starttls);
  EXPECT_EQ(facts.starttls_code, 454);
  EXPECT_NE(facts.tls_problem.find("454"), std::string::npos) << facts.tls_problem;
  EXPECT_FALSE(facts.tls.has_value());
  EXPECT_EQ(facts.problem, "");
}

TEST_F(Probe, BrokenHandshakeIsSaid) {
  const ServerFacts& facts = probe_starttls(kGo, [](Connection& to) {
    to.more();
    to.say("this is no TLS at all\r\n");
    to.stay_silent();
  });
  EXPECT_FALSE(facts.tls.has_value());
  EXPECT_EQ(facts.starttls_code, 220);
  EXPECT_NE(facts.tls_problem, "");
  EXPECT_FALSE(facts.our_side);
}

TEST_F(Probe, TemporaryGreetingIsKept) {
  std::string said;
  const ServerFacts& facts = probe([&](Connection& to) {
    to.say("421 4.7.0 too many connections\r\n");
    said = to.line();
  });
  EXPECT_TRUE(facts.connected);
  EXPECT_EQ(facts.banner_code, 421);
  EXPECT_EQ(facts.banner, "too many connections");
  EXPECT_EQ(said, "");
}

TEST_F(Probe, PermanentGreetingIsAnsweredWithQuit) {
  std::string said;
  const ServerFacts& facts = probe([&](Connection& to) {
    to.say("554 5.7.1 not you\r\n");
    said = to.line();
  });
  EXPECT_EQ(facts.banner_code, 554);
  EXPECT_EQ(said, "QUIT");
}

TEST_F(Probe, GarbageIsNoGreeting) {
  const ServerFacts& facts = probe([](Connection& to) {
    to.say("HTTP/1.1 400 Bad Request\r\n\r\n");
    to.stay_silent();
  });
  EXPECT_TRUE(facts.connected);
  EXPECT_EQ(facts.banner_code, 0);
  EXPECT_NE(facts.problem, "");
  EXPECT_FALSE(facts.our_side);
}

TEST_F(Probe, EarlyCloseIsSaid) {
  const ServerFacts& facts = probe([](Connection&) {});
  EXPECT_TRUE(facts.connected);
  EXPECT_EQ(facts.banner_code, 0);
  EXPECT_NE(facts.problem.find("closed"), std::string::npos) << facts.problem;
}

TEST_F(Probe, SilenceEndsWithTheRunAndIsOursThen) {
  options.deadline = milliseconds(200);
  const ServerFacts& facts = probe([](Connection& to) { to.stay_silent(); });
  EXPECT_TRUE(facts.connected);
  EXPECT_TRUE(facts.our_side);
  EXPECT_NE(facts.problem.find("time"), std::string::npos) << facts.problem;
}

TEST_F(Probe, HeloIsTheWayOutWhereEhloIsRefused) {
  const ServerFacts& facts = probe([](Connection& to) {
    to.say("220 mx.example.org\r\n");
    to.line();
    to.say("502 what?\r\n");
    EXPECT_EQ(to.line(), "HELO checker.example");
    to.say("250 mx.example.org\r\n");
    answer(to, kEhlo);
  });
  EXPECT_FALSE(facts.extended);
  EXPECT_EQ(facts.hello_code, 250);
  EXPECT_EQ(facts.problem, "");
}

TEST_F(Probe, NobodyListensIsSaid) {
  std::uint16_t port = 0;
  {
    port = FakeServer("127.0.0.1", 0, {}).port();
  }
  options.smtp_port = port;
  add_address("127.0.0.1");
  run();
  const ServerFacts& facts = *target.hosts.front().addresses.front().server;
  EXPECT_FALSE(facts.connected);
  EXPECT_FALSE(facts.our_side);
  EXPECT_NE(facts.problem.find("refused"), std::string::npos) << facts.problem;
}

TEST_F(Probe, KindsThatAreNotReachableAreLeftAlone) {
  FakeServer server("127.0.0.1", 0, {});
  options.smtp_port = server.port();
  add_address("127.0.0.1");
  target.hosts.front().addresses.front().reachable_kind = false;
  run();
  EXPECT_EQ(server.connections(), 0U);
  EXPECT_FALSE(target.hosts.front().addresses.front().server.has_value());
}

TEST_F(Probe, OneAddressIsConnectedToTwiceAtMost) {
  FakeServer server("127.0.0.1", 0, {[](Connection& to) {
                      to.say("220 mx.example.org\r\n");
                      answer(to, kEhlo);
                    }});
  options.smtp_port = server.port();
  target.hosts.clear();
  for (const char* const name : {"a.example.org", "b.example.org", "c.example.org"}) {
    target.hosts.push_back({.name = *dns::Name::parse(name), .addresses = {}, .tlsa = nothing()});
    add_address("127.0.0.1", &target.hosts.back());
  }
  run();
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_TRUE(target.hosts[0].addresses[0].server->extended);
  EXPECT_TRUE(target.hosts[1].addresses[0].server->extended);
  EXPECT_TRUE(target.hosts[2].addresses[0].server->our_side);
}

TEST_F(Probe, OnlyOwnHostsAreTestedDeeply) {
  options.deep = options.only_own_hosts = true;
  const auto dialogue = [](Connection& to) {
    to.say("220 mx.example.org\r\n");
    answer(to, kEhlo);
  };
  FakeServer elsewhere("127.0.0.1", 0, {dialogue});
  FakeServer own_host("127.0.0.2", elsewhere.port(), {dialogue, dialogue, dialogue, dialogue, dialogue, dialogue});
  options.smtp_port = elsewhere.port();
  target.hosts.clear();
  for (const auto& [name, address] : {std::pair{"mx.example.net", "127.0.0.1"},
                                      {"notexample.org", "127.0.0.1"},
                                      {"mx.example.net", "127.0.0.2"},
                                      {"mx.example.org", "127.0.0.2"}}) {
    target.hosts.push_back({.name = *dns::Name::parse(name), .addresses = {}, .tlsa = nothing()});
    add_address(address, &target.hosts.back());
  }
  run();
  for (const std::size_t at : {0U, 1U, 2U}) {
    const ServerFacts& facts = *target.hosts[at].addresses[0].server;
    EXPECT_FALSE(facts.deep) << at;
    EXPECT_LE(facts.connections, 1U) << at;
    EXPECT_TRUE(facts.deep_ended.contains("example.org")) << facts.deep_ended << facts.problem;
  }
  const ServerFacts& facts = *target.hosts[3].addresses[0].server;
  EXPECT_TRUE(facts.deep) << facts.problem;
  EXPECT_GT(facts.connections, 1U);
}

// Whoever controls a zone may point a host of it at any address.
TEST_F(Probe, AServerThatNamesAnotherDomainIsNotTestedDeeply) {
  options.deep = options.only_own_hosts = true;
  const auto dialogue = [](Connection& to) {
    to.say("220 mx.victim.example\r\n");
    answer(to, "250-mx.victim.example\r\n250 8BITMIME\r\n");
  };
  FakeServer server("127.0.0.1", 0, {dialogue, dialogue});
  options.smtp_port = server.port();
  target.hosts.clear();
  target.hosts.push_back({.name = *dns::Name::parse("mx.example.org"), .addresses = {}, .tlsa = nothing()});
  add_address("127.0.0.1", &target.hosts.back());
  run();
  const ServerFacts& facts = *target.hosts[0].addresses[0].server;
  EXPECT_TRUE(facts.extended) << facts.problem;
  EXPECT_FALSE(facts.deep);
  EXPECT_EQ(facts.connections, 1U);
  EXPECT_TRUE(facts.deep_ended.contains("names no host of it")) << facts.deep_ended;
  options.only_own_hosts = false;  // the operator's own run
  run();
  EXPECT_TRUE(target.hosts[0].addresses[0].server->deep);
}

TEST_F(Probe, AddressesAreAskedSideBySide) {
  // Each server greets only when the other has been connected to as well
  std::atomic<int> here = 0;
  const auto script = [&](Connection& to) {
    ++here;
    while (here < 2) std::this_thread::yield();
    to.say("220 mx.example.org\r\n");
    answer(to, kEhlo);
  };
  FakeServer six("::1", 0, {script});
  FakeServer four("127.0.0.1", six.port(), {script});
  options.smtp_port = six.port();
  add_address("::1");
  add_address("127.0.0.1");
  run();
  for (const Address& one : target.hosts.front().addresses) EXPECT_TRUE(one.server->extended) << one.address.text();
}

TEST_F(Probe, AddressesBeyondTheLimitAreNotConnectedTo) {
  FakeServer server("127.0.0.1", 0, {[](Connection& to) { to.say("421 no\r\n"); }});
  options.smtp_port = server.port();
  for (std::size_t i = 0; i < kAddressesMax + 1; ++i)
    add_address("127.0.0." + std::to_string(i == kAddressesMax ? 1 : 100 + i));
  run();
  EXPECT_EQ(server.connections(), 0U);
  const auto& all = target.hosts.front().addresses;
  EXPECT_TRUE(all[kAddressesMax - 1].server.has_value());
  EXPECT_FALSE(all[kAddressesMax].server.has_value());
  EXPECT_NE(all[kAddressesMax].why_not, "");
}

TEST_F(Probe, WhoWasSeenMinutesAgoIsNotConnectedToAgain) {
  FakeServer server("127.0.0.1", 0, {[](Connection& to) {
                      to.say("220 mx.example.org\r\n");
                      answer(to, kEhlo);
                    }});
  options.smtp_port = server.port();
  add_address("127.0.0.1");
  Etiquette etiquette;
  const Services services{.loop = loop, .pool = pool, .resolver = resolver, .etiquette = &etiquette};
  io::test::run(loop, probe_hosts(target, options, services, nullptr));
  io::test::run(loop, probe_hosts(target, options, services, nullptr));
  EXPECT_EQ(server.connections(), 1U);
  const ServerFacts& again = *target.hosts.front().addresses.front().server;
  EXPECT_TRUE(again.recalled);
  EXPECT_EQ(again.banner_code, 220);
  options.deep = true;  // is asked for: it looks anew
  io::test::run(loop, probe_hosts(target, options, services, nullptr));
  EXPECT_GT(server.connections(), 2U);
  EXPECT_FALSE(target.hosts.front().addresses.front().server->recalled);
}

TEST_F(Probe, WhoPutsOffIsAskedOnceMore) {
  FakeServer server("127.0.0.1", 0,
                    {[](Connection& to) { to.say("421 4.7.0 too many connections\r\n"); },
                     [](Connection& to) {
                       to.say("220 mx.example.org\r\n");
                       answer(to, kEhlo);
                     }});
  options.smtp_port = server.port();
  add_address("127.0.0.1");
  run();
  const auto outcome = [&] {
    for (const Finding& finding : judge_patience(target, options)) {
      if (finding.id == "smtp.greylisting") return finding.outcome;
    }
    return Outcome::fail;
  };
  EXPECT_EQ(outcome(), Outcome::info);
  const Services services{.loop = loop, .pool = pool, .resolver = resolver};
  io::test::run(loop, probe_again(target, options, services, nullptr));  // not asked for
  EXPECT_EQ(server.connections(), 1U);
  options.retry_after = milliseconds(5);
  io::test::run(loop, probe_again(target, options, services, nullptr));
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(target.hosts.front().addresses.front().server->put_off_before, "greeting: 421 too many connections");
  EXPECT_EQ(outcome(), Outcome::pass);
  io::test::run(loop, probe_again(target, options, services, nullptr));  // nobody is left
  EXPECT_EQ(server.connections(), 2U);
}

}  // namespace
}  // namespace postern::check
