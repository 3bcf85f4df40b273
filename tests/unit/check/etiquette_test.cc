// Who is visited, how often, and what is remembered of it; and what a reply of 4xx means.
#include "check/etiquette.h"

#include <gtest/gtest.h>

#include "unit/io/support.h"

namespace postern::check {
namespace {

using std::chrono::minutes;

ip::Address address(std::string_view text) { return *ip::Address::parse(text); }

Task<void> stay(Etiquette& etiquette, io::Loop& loop, ip::Address at, std::size_t& now, std::size_t& most) {
  EXPECT_TRUE(co_await etiquette.enter(loop, at, io::test::soon()));
  most = std::max(most, ++now);
  co_await io::sleep_until(loop, Deadline::after(milliseconds(1)));
  --now;
  etiquette.leave(at);
}

TEST(Etiquette, OneAtATimeAndAddressesOfOthersDoNotWait) {
  io::Loop loop;
  Etiquette etiquette;
  std::size_t now = 0, most = 0;
  io::test::run_all(loop, stay(etiquette, loop, address("2001:db8::1"), now, most),
                    stay(etiquette, loop, address("2001:db8::1"), now, most),
                    stay(etiquette, loop, address("2001:db8::1"), now, most));
  EXPECT_EQ(most, 1U);
  EXPECT_TRUE(io::test::run(loop, etiquette.enter(loop, address("2001:db8::1"), io::test::soon())));
  EXPECT_TRUE(io::test::run(loop, etiquette.enter(loop, address("2001:db8::2"), io::test::soon())));
  EXPECT_FALSE(io::test::run(loop, etiquette.enter(loop, address("2001:db8::1"), io::test::short_wait())));
  etiquette.leave(address("2001:db8::1"));
  EXPECT_TRUE(io::test::run(loop, etiquette.enter(loop, address("2001:db8::1"), io::test::soon())));
}

TEST(Etiquette, TwoVisitsAMinuteAndTheThirdWaitsOrIsNotMade) {
  io::Loop loop;
  const ip::Address at = address("192.0.2.1");
  Etiquette etiquette;
  EXPECT_TRUE(io::test::run(loop, etiquette.may_visit(loop, at, io::test::soon())));
  EXPECT_TRUE(io::test::run(loop, etiquette.may_visit(loop, at, io::test::soon())));
  EXPECT_FALSE(io::test::run(loop, etiquette.may_visit(loop, at, io::test::soon())));  // without waiting for it
  EXPECT_TRUE(io::test::run(loop, etiquette.may_visit(loop, address("192.0.2.2"), io::test::soon())));
  Etiquette quick({.visits = 2, .window = milliseconds(30), .kept = minutes(10)});
  const auto began = Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(io::test::run(loop, quick.may_visit(loop, at, io::test::soon())));
  EXPECT_GE(Clock::now() - began, milliseconds(25));  // it did wait: the window is a promise
}

ServerFacts facts_at(std::string_view text) {
  ServerFacts out;
  out.endpoint = {address(text), 25};
  out.connected = true;
  out.banner_code = 220;
  out.hello_code = 250;
  return out;
}

TEST(Etiquette, OtherServicesHaveTheirOwnVisitsAndNobodyWaitsForThem) {
  io::Loop loop;
  Etiquette etiquette;
  const ip::Address here = *ip::Address::parse("192.0.2.1");
  const auto now = Clock::now();
  EXPECT_TRUE(io::test::run(loop, etiquette.may_visit(loop, here, Deadline::after(seconds(1)))));
  EXPECT_TRUE(etiquette.may_visit_beside(here, now));
  EXPECT_TRUE(etiquette.may_visit_beside(here, now));
  EXPECT_FALSE(etiquette.may_visit_beside(here, now + seconds(59)));
  EXPECT_TRUE(etiquette.may_visit_beside(*ip::Address::parse("192.0.2.2"), now));
  EXPECT_TRUE(etiquette.may_visit_beside(here, now + seconds(60)));
  EXPECT_TRUE(io::test::run(loop, etiquette.may_visit(loop, here, Deadline::after(seconds(1)))));
}

TEST(Etiquette, FactsAreKeptForTenMinutesForTheSameNameAndPort) {
  Etiquette etiquette;
  const auto now = Clock::now();
  const ServerFacts facts = facts_at("2001:db8::1");
  etiquette.remember("mx.example.org", facts, now);
  EXPECT_NE(etiquette.known(facts.endpoint, "mx.example.org", now + minutes(10) - milliseconds(1)), nullptr);
  EXPECT_EQ(etiquette.known(facts.endpoint, "mx.example.org", now + minutes(10)), nullptr);
  EXPECT_EQ(etiquette.known(facts.endpoint, "mx.example.net", now), nullptr);
  EXPECT_EQ(etiquette.known({facts.endpoint.address, 2525}, "mx.example.org", now), nullptr);
  EXPECT_EQ(etiquette.known({address("2001:db8::2"), 25}, "mx.example.org", now), nullptr);
}

TEST(Etiquette, TheOldestFactsGiveWay) {
  Etiquette etiquette;
  const auto now = Clock::now();
  const ServerFacts facts = facts_at("2001:db8::1");
  for (std::size_t i = 0; i <= Etiquette::kFactsMax; ++i)
    etiquette.remember("mx" + std::to_string(i) + ".example", facts, now + milliseconds(i));
  EXPECT_EQ(etiquette.facts(), Etiquette::kFactsMax);
  EXPECT_EQ(etiquette.known(facts.endpoint, "mx0.example", now), nullptr);
  EXPECT_NE(etiquette.known(facts.endpoint, "mx1.example", now), nullptr);
  etiquette.remember("later.example", facts, now + minutes(30));
  EXPECT_EQ(etiquette.facts(), 1U);  // those that are over go first
}

TEST(Etiquette, RepliesOfServersThatPutOff) {
  EXPECT_EQ(put_off(250, "ok"), PutOff::no);
  EXPECT_EQ(put_off(550, "greylisted for ever"), PutOff::no);
  EXPECT_EQ(put_off(451, "4.7.1 Greylisting in action, please come back later"), PutOff::greylisted);
  EXPECT_EQ(put_off(450, "4.2.0 <x@example.org>: Recipient address rejected: Graylisted"), PutOff::greylisted);
  EXPECT_EQ(put_off(451, "4.7.1 try again later"), PutOff::greylisted);
  EXPECT_EQ(put_off(421, "4.7.0 Too many connections"), PutOff::limited);
  EXPECT_EQ(put_off(450, "4.7.1 rate limit exceeded, try again later"), PutOff::limited);
  EXPECT_EQ(put_off(421, "service not available"), PutOff::limited);
  EXPECT_EQ(put_off(454, "4.7.0 TLS not available due to temporary reason"), PutOff::limited);
  EXPECT_EQ(put_off(452, "4.3.1 insufficient system storage"), PutOff::later);
  EXPECT_EQ(put_off(451, "4.3.0 mail server temporarily rejected message; separate queue"), PutOff::later);
}

TEST(Etiquette, WhereTheDialogueWasPutOff) {
  ServerFacts facts = facts_at("2001:db8::1");
  EXPECT_EQ(put_off(facts).kind, PutOff::no);
  facts.probes.push_back({.what = "null-sender", .path = "", .code = 250, .reply = "250 ok"});
  facts.probes.push_back(
      {.what = "postmaster", .path = "postmaster@example.org", .code = 451, .reply = "451 greylisted"});
  EXPECT_EQ(put_off(facts).words, "RCPT TO:<postmaster@example.org>: 451 greylisted");
  EXPECT_TRUE(put_off(facts).at_recipient);
  facts.starttls_code = 454;
  facts.tls_problem = "454 not now";
  EXPECT_EQ(put_off(facts).words, "STARTTLS: 454 not now");
  EXPECT_FALSE(put_off(facts).at_recipient);
  facts.banner_code = 421;
  facts.banner = "busy";
  EXPECT_EQ(put_off(facts).words, "greeting: 421 busy");
  facts.connected = false;
  EXPECT_EQ(put_off(facts).kind, PutOff::no);
}

}  // namespace
}  // namespace postern::check
