// The resolver against a small server on loopback: kinds of answers, cache, budgets, silence.
#include <gtest/gtest.h>

#include <string>

#include "dns_server.h"
#include "support.h"

namespace postern::resolver::test {
namespace {

using namespace std::string_literals;
using dns::Security;
using dns::Status;
using dns::Type;

const std::string kV4 = "\xC0\0\2\1"s;

Said zone(const std::string& name, Type type) {
  const std::string first = name.substr(0, name.find('.'));
  if (first == "nx") return {.rcode = 3};
  if (first == "servfail") return {.rcode = 2};
  if (first == "refused" || name.empty()) return {.rcode = 5};
  if (first == "formerr") return {.rcode = 1};
  if (first == "broken") return {.silent = true};
  if (first == "slow") return {.records = {{Type::a, kV4}}, .delay_ms = 400};
  if (first == "soon") return {.records = {{Type::a, kV4}}, .delay_ms = 100};
  if (first == "cn") return {.records = {{Type::cname, wire("mail.test")}}};
  if (first == "loop") return {.records = {{Type::cname, wire("loop2.test")}}};
  if (first == "loop2") return {.records = {{Type::cname, wire("loop.test")}}};
  if (first.starts_with("chain")) {
    const int left = std::stoi(first.substr(5));
    return {.records = {{Type::cname, wire(left == 1 ? "mail.test" : "chain" + std::to_string(left - 1) + ".test")}}};
  }
  if (first == "far") return {.records = {{Type::cname, wire("nx.test")}}};
  switch (type) {
    case Type::a:
      return {.records = {{Type::a, kV4}, {Type::a, "\xC0\0\2\2"s}}};
    case Type::mx:
      return {.records = {{Type::mx, "\0\12\4mail\xC0\x0C"s}, {Type::mx, "\0\0\0"s}}};
    case Type::txt:
      return {.records = {{Type::txt, "\6v=spf1\5 -all"s}}};
    case Type::ptr:
      return {.records = {{Type::ptr, wire("host.test")}}};
    case Type::tlsa: {
      Said said;
      for (std::size_t n = first == "empty" ? 0 : 1; n < 5; ++n) {
        said.records.push_back({Type::tlsa, "\3\1\1\xAB"s.substr(0, n)});
      }
      return said;
    }
    default:
      return {};
  }
}

TEST(Resolver, EachTypeAndTheCache) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  const auto a = asker.ask("mail.test", Type::a);
  EXPECT_EQ(a->status, Status::ok);
  EXPECT_EQ(a->security, Security::insecure);
  ASSERT_EQ(a->addresses.size(), 2U);
  EXPECT_EQ(a->canonical.text(), "mail.test");
  EXPECT_EQ(a->ttl, 300U);
  EXPECT_EQ(asker.ask("MAIL.test", Type::a), a);  // the very same answer
  EXPECT_EQ(server.asked("mail.test"), 1);
  const auto mx = asker.ask("mail.test", Type::mx);
  ASSERT_EQ(mx->mx.size(), 2U);
  EXPECT_EQ(asker.ask("mail.test", Type::txt)->texts.at(0), "v=spf1 -all");
  EXPECT_EQ(asker.ask("mail.test", Type::aaaa)->status, Status::nodata);
  EXPECT_EQ(asker.ask("mail.test", Type::ptr)->names.at(0).text(), "host.test");
}

TEST(Resolver, WaysOfSayingNothingAreKeptApart) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  EXPECT_EQ(asker.ask("nx.test", Type::a)->status, Status::nxdomain);
  EXPECT_EQ(asker.ask("some.test", Type::ns)->status, Status::nodata);
  EXPECT_EQ(asker.ask("servfail.test", Type::a)->status, Status::servfail);
  const auto refused = asker.ask("refused.test", Type::a);
  EXPECT_EQ(refused->status, Status::refused);
  EXPECT_NE(refused->why, "");
  EXPECT_EQ(asker.ask("formerr.test", Type::a)->status, Status::refused);
  EXPECT_EQ(asker.ask("loop.test", Type::a)->status, Status::servfail);
  EXPECT_EQ(asker.ask("chain10.test", Type::a)->status, Status::ok);
  EXPECT_EQ(asker.ask("chain11.test", Type::a)->status, Status::servfail);
  const auto far = asker.ask("far.test", Type::a);
  EXPECT_EQ(far->status, Status::nxdomain);
  EXPECT_EQ(far->canonical.text(), "nx.test");
  const auto followed = asker.ask("cn.test", Type::a);
  EXPECT_EQ(followed->status, Status::ok);
  EXPECT_EQ(followed->canonical.text(), "mail.test");
  EXPECT_EQ(asker.ask("cn.test", Type::cname)->names.at(0).text(), "mail.test");
  EXPECT_FALSE(asker.unbound->held_for_dead());
}

TEST(Resolver, ShortTlsaRecordsAreDropped) {
  DnsServer server(zone);
  for (const bool dnssec : {false, true}) {
    Options options = options_for(server.endpoint(), kPatientMs);
    options.dnssec = dnssec;
    Asker asker(options);
    const auto tlsa = asker.ask("_25._tcp.mail.test", Type::tlsa);
    EXPECT_EQ(tlsa->status, Status::ok);
    EXPECT_EQ(tlsa->tlsa, (std::vector<dns::Tlsa>{{3, 1, 1, "\xAB"}}));
    EXPECT_EQ(tlsa->dropped, 3U);
    const auto empty = asker.ask("empty.test", Type::tlsa);
    EXPECT_EQ(empty->status, Status::ok);
    EXPECT_EQ(empty->dropped, 4U);
    // With a record of no octets, libunbound tells nothing of the validation: unknown, where there is one.
    EXPECT_EQ(asker.ask("empty.elsewhere.net", Type::tlsa)->status, dnssec ? Status::servfail : Status::ok);
  }
}

TEST(Resolver, SpecialNamesGoToTheConfiguredServer) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  for (const char* text :
       {"mail.test", "a.b.test", "a.invalid", "a.onion", "a.home.arpa", "example.org", "elsewhere.net", "com"}) {
    const auto answer = asker.ask(text, Type::a);
    EXPECT_EQ(answer->status, Status::ok) << text << ": " << answer->why;
    EXPECT_EQ(answer->security, Security::insecure) << text;
  }
  for (const char* text : {"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.1.1", "192.0.2.1",
                           "203.0.113.9", "169.254.1.1", "fd00::1", "fe80::1", "2001:db8::1"}) {
    const auto answer = asker.ask(ip::Address::parse(text)->reverse_name(), Type::ptr);
    ASSERT_EQ(answer->status, Status::ok) << text << ": " << answer->why;
    EXPECT_EQ(answer->names.at(0).text(), "host.test") << text;
  }
}

TEST(Resolver, OddOctetsInNames) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  const std::string odd = "a b\\\xFF\x01\";(@$.test";
  EXPECT_EQ(asker.ask(odd, Type::a)->status, Status::ok);
  EXPECT_EQ(server.asked(odd), 1);
}

Task<void> into(CachedResolver& resolver, std::string text, Type type, dns::Budget& budget, dns::AnswerPtr& out) {
  out = co_await resolver.query(name(text), type, budget);
}

TEST(Resolver, TheSameQuestionIsAskedOnce) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  dns::Budget budget;
  dns::AnswerPtr a;
  dns::AnswerPtr b;
  asker.resolver->prefetch(name("soon.test"), Type::a);
  EXPECT_EQ(budget.asked(), 0U);
  io::test::run_all(asker.loop, into(*asker.resolver, "soon.test", Type::a, budget, a),
                    into(*asker.resolver, "soon.test", Type::a, budget, b));
  EXPECT_EQ(a->status, Status::ok);
  EXPECT_EQ(a, b);
  EXPECT_EQ(budget.asked(), 2U);
  EXPECT_EQ(server.asked("soon.test"), 1);
}

TEST(Resolver, TwoLoopsShareOneUnbound) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  std::thread other([&] {
    io::Loop loop;
    CachedResolver resolver(asker.unbound, loop);
    for (int i = 0; i < 50; ++i) {
      dns::Budget budget;
      const auto answer = io::test::run(loop, resolver.query(name("n" + std::to_string(i) + ".test"), Type::a, budget));
      EXPECT_EQ(answer->status, Status::ok);
    }
  });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(asker.ask("m" + std::to_string(i) + ".test", Type::a)->status, Status::ok);
  other.join();
}

TEST(Resolver, BudgetOfLookups) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  dns::Budget budget(2);
  EXPECT_EQ(asker.ask("mail.test", Type::a, budget)->status, Status::ok);
  EXPECT_EQ(asker.ask("mail.test", Type::a, budget)->status, Status::ok);
  EXPECT_EQ(asker.ask("mail.test", Type::a, budget)->status, Status::limit);
}

Task<void> cancel_soon(io::Loop& loop, dns::Budget& budget) {
  co_await io::sleep_until(loop, io::test::short_wait());
  budget.cancel();
}

TEST(Resolver, CancelEndsEveryWait) {
  DnsServer server(zone);
  server.set_silent(true);
  Asker asker(options_for(server.endpoint(), 3'600'000));
  dns::Budget budget;
  dns::AnswerPtr a;
  dns::AnswerPtr b;
  io::test::run_all(asker.loop, into(*asker.resolver, "one.test", Type::a, budget, a),
                    into(*asker.resolver, "two.test", Type::a, budget, b), cancel_soon(asker.loop, budget));
  EXPECT_EQ(a->status, Status::cancelled);
  EXPECT_EQ(b->status, Status::cancelled);
  EXPECT_EQ(asker.ask("mail.test", Type::a, budget)->status, Status::cancelled);
}

TEST(Resolver, TheBudgetsDeadline) {
  DnsServer server(zone);
  server.set_silent(true);
  Asker asker(options_for(server.endpoint(), 3'600'000));
  dns::Budget budget(10, Deadline::after(milliseconds(50)));
  EXPECT_EQ(asker.ask("one.test", Type::a, budget)->status, Status::timeout);
  EXPECT_EQ(asker.ask("two.test", Type::a, budget)->status, Status::limit);
}

TEST(Resolver, TooManyAtOnce) {
  DnsServer server(zone);
  server.set_silent(true);
  Options options = options_for(server.endpoint(), 3'600'000);
  options.in_flight_max = 1;
  Asker asker(options);
  asker.resolver->prefetch(name("a.test"), Type::a);
  EXPECT_EQ(asker.ask("d.test", Type::a)->status, Status::limit);
}

TEST(Resolver, PrefetchesLeaveHalfOfTheRoom) {
  DnsServer server(zone);
  Options options = options_for(server.endpoint(), 3'600'000);
  options.in_flight_max = 3;
  Asker asker(options);
  for (const char* text : {"broken.a.test", "broken.b.test", "broken.c.test"}) {
    asker.resolver->prefetch(name(text), Type::a);
  }
  EXPECT_EQ(asker.ask("mail.test", Type::a)->status, Status::ok);
}

TEST(Resolver, ALateAnswerFillsTheCache) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), 200));
  EXPECT_EQ(asker.ask("slow.test", Type::a)->status, Status::timeout);
  EXPECT_TRUE(io::test::run(
      asker.loop, until(asker.loop, [&] { return asker.ask_cached("slow.test", Type::a)->status == Status::ok; })));
  EXPECT_FALSE(asker.unbound->held_for_dead());
}

TEST(Resolver, ABrokenDomainDoesNotKillTheResolver) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), 600));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(asker.ask("broken.n" + std::to_string(i) + ".test", Type::a)->status, Status::timeout);
    EXPECT_FALSE(asker.unbound->held_for_dead());
  }
  EXPECT_EQ(asker.ask("mail.test", Type::a)->status, Status::ok);
}

TEST(Resolver, ASilentServerIsHeldForDeadUntilItAnswers) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), 600));
  ASSERT_EQ(asker.ask("mail.test", Type::a)->status, Status::ok);
  server.set_silent(true);
  const auto first = asker.ask("one.test", Type::a);
  EXPECT_TRUE(first->status == Status::timeout || first->status == Status::unavailable) << to_string(first->status);
  ASSERT_TRUE(io::test::run(asker.loop, until(asker.loop, [&] { return asker.unbound->held_for_dead(); })));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(asker.ask("n" + std::to_string(i) + ".test", Type::a)->status, Status::unavailable);
  }
  EXPECT_EQ(server.asked("n50.test"), 0);
  EXPECT_EQ(asker.ask("mail.test", Type::a)->status, Status::ok);
  server.set_silent(false);
  ASSERT_TRUE(io::test::run(asker.loop, until(asker.loop, [&] { return !asker.unbound->held_for_dead(); })));
  Status again = Status::unavailable;
  for (int i = 0; i < 100 && again != Status::ok; ++i) {
    again = asker.ask("again" + std::to_string(i) + ".test", Type::a)->status;
  }
  EXPECT_EQ(again, Status::ok);
}

TEST(Resolver, WaitersEndTogetherWhenItDies) {
  DnsServer server(zone);
  Asker asker(options_for(server.endpoint(), 600));
  ASSERT_EQ(asker.ask("mail.test", Type::a)->status, Status::ok);
  server.set_silent(true);
  dns::Budget budget;
  std::vector<dns::AnswerPtr> out(2);
  const auto second = [](CachedResolver& resolver, io::Loop& loop, dns::Budget& b,
                         dns::AnswerPtr& answer) -> Task<void> {
    co_await io::sleep_until(loop, Deadline::after(milliseconds(300)));
    answer = co_await resolver.query(name("two.test"), Type::a, b);
  };
  io::test::run_all(asker.loop, into(*asker.resolver, "one.test", Type::a, budget, out[0]),
                    second(*asker.resolver, asker.loop, budget, out[1]));
  EXPECT_TRUE(is_temporary(out[0]->status));
  EXPECT_EQ(out[1]->status, Status::unavailable);
}

TEST(Resolver, NobodyListens) {
  ip::Endpoint gone;
  {
    gone = DnsServer(zone).endpoint();
  }
  Asker asker(options_for(gone, 600));
  const auto answer = asker.ask("mail.test", Type::a);
  EXPECT_TRUE(answer->status == Status::timeout || answer->status == Status::unavailable) << to_string(answer->status);
  EXPECT_TRUE(io::test::run(asker.loop, until(asker.loop, [&] { return asker.unbound->held_for_dead(); })));
}

TEST(Resolver, ClosingWithLookUpsUnderWay) {
  DnsServer server(zone);
  server.set_silent(true);
  for (int i = 0; i < 5; ++i) {
    Asker asker(options_for(server.endpoint(), 3'600'000));
    const std::string suffix = ".run" + std::to_string(i) + ".test";
    for (int n = 0; n < 100; ++n) asker.resolver->prefetch(name("n" + std::to_string(n) + suffix), Type::a);
    if (i % 2 == 0) {
      EXPECT_TRUE(io::test::run(asker.loop, until(asker.loop, [&] { return server.asked("n99" + suffix) > 0; })));
    }
  }
  // The cache goes, the Unbound stays, and answers come for nobody.
  server.set_silent(false);
  Asker asker(options_for(server.endpoint(), kPatientMs));
  asker.resolver->prefetch(name("slow.test"), Type::a);
  asker.resolver = std::make_unique<CachedResolver>(asker.unbound, asker.loop);
  EXPECT_EQ(asker.ask("slow.test", Type::a)->status, Status::ok);
}

TEST(Resolver, EveryWayOfChoosingServersOpens) {
  Options options;
  EXPECT_TRUE(Unbound::open(options));
  options.recurse = true;
  EXPECT_TRUE(Unbound::open(options));
  options.dnssec = false;
  EXPECT_TRUE(Unbound::open(options));
  options.recurse = false;
  options.servers = {{*ip::Address::parse("2001:db8::53"), 53}, {*ip::Address::parse("192.0.2.53"), 5353}};
  EXPECT_TRUE(Unbound::open(options));
}

TEST(Resolver, OptionsThatAreWrong) {
  Options options;
  options.recurse = true;
  options.trust_anchor_file = "/nowhere/root.key";
  const auto opened = Unbound::open(options);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().what.find("/nowhere/root.key"), std::string::npos);
  options.trust_anchor_file.clear();
  options.trust_anchors = {"this is no record"};
  EXPECT_FALSE(Unbound::open(options));
}

}  // namespace
}  // namespace postern::resolver::test
