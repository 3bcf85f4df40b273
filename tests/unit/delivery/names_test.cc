// The pure parts: names, text conversion, round robin, backoff.
#include <gtest/gtest.h>

#include <string>

#include "delivery/local_text.h"
#include "delivery/maildir_path.h"
#include "delivery/outcome.h"
#include "delivery/queue.h"
#include "delivery/round_robin.h"

namespace postern::delivery {
namespace {

using namespace std::string_literals;

TEST(SafeName, HostileValuesStayOneName) {
  EXPECT_EQ(safe_name("alice"), "alice");
  EXPECT_EQ(safe_name("a.b"), "a.b");
  EXPECT_EQ(safe_name("j\xC3\xBCrg"), "j\xC3\xBCrg");
  EXPECT_EQ(safe_name("../x"), "%2E.%2Fx");
  EXPECT_EQ(safe_name("."), "%2E");
  EXPECT_EQ(safe_name(".."), "%2E.");
  EXPECT_EQ(safe_name("a/b"), "a%2Fb");
  EXPECT_EQ(safe_name("a\0b"s), "a%00b");
  EXPECT_EQ(safe_name("a%2Fb"), "a%252Fb");  // not the folder of a/b
  EXPECT_EQ(safe_name("a\nb"), "a%0Ab");
  EXPECT_EQ(safe_name(""), std::nullopt);
  EXPECT_TRUE(safe_name(std::string(255, 'a')).has_value());
  EXPECT_EQ(safe_name(std::string(256, 'a')), std::nullopt);
  EXPECT_EQ(safe_name(std::string(300, 'a')), std::nullopt);
  EXPECT_EQ(safe_name(std::string(86, '/')), std::nullopt);  // too long once written out
}

smtp::Mailbox mailbox(std::string local, std::string domain) {
  smtp::Mailbox out;
  out.local = std::move(local);
  out.domain.name = std::move(domain);
  return out;
}

// What a program of this machine sent to nobody is told without an attempt; a retry is made whatever the last one said.
TEST(LocalRefusal, BeforeTheFirstAttemptAlone) {
  directory::DomainOptions domain;
  domain.name = "home.example";
  domain.deliver = directory::Transport::parse("maildir:mail/{user}").value();
  domain.mailboxes = {"alice"};
  domain.aliases = {{"postmaster", {"alice"}}, {"abuse", {"alice"}}};
  const auto home = directory::Directory::build({domain}).value();
  const auto refusal = [&](spool::Origin origin, std::uint32_t attempts, const std::string& last_reply,
                           const std::string& to = "alice@home.example") -> std::string {
    spool::Envelope envelope;
    envelope.origin = origin;
    spool::Recipient recipient;
    recipient.forward_path = to;
    recipient.attempts = attempts;
    recipient.last_reply = last_reply;
    envelope.recipients = {recipient};
    const auto reply = local_refusal(envelope, 0, smtp::parse_mailbox(to, /*utf8=*/true), *home, 0);
    return reply ? std::to_string(reply->code) + " " + reply->enhanced.text() : "none";
  };
  using spool::Origin;
  EXPECT_EQ(refusal(Origin::local, 0, ""), "none");
  EXPECT_EQ(refusal(Origin::local, 0, "552 5.3.4 too large"), "552 5.3.4") << "why there shall be no attempt";
  EXPECT_EQ(refusal(Origin::local, 1, "552 5.3.4 too large"), "none")
      << "the answer of an attempt is no reason for none";
  EXPECT_EQ(refusal(Origin::local, 1, "451 4.3.0 later"), "none");
  EXPECT_EQ(refusal(Origin::stranger, 0, "552 5.3.4 too large"), "none") << "only this machine's programs";
  for (const char* const no_reply : {"connection refused", "55", "999 5.3.4 x", "552-5.3.4 more follows", "\r\n"})
    EXPECT_EQ(refusal(Origin::local, 0, no_reply), "none") << no_reply;
  // Who cannot be reached at all, at any attempt
  for (const std::uint32_t attempts : {0U, 1U}) {
    EXPECT_EQ(refusal(Origin::local, attempts, "", "nobody@home.example"), "550 5.1.1");
    EXPECT_EQ(refusal(Origin::local, attempts, "", "no address"), "550 5.1.3");
  }
  EXPECT_EQ(refusal(Origin::stranger, 0, "", "nobody@home.example"), "none");
  EXPECT_EQ(refusal(Origin::stranger, 0, "", "no address"), "none");
}

TEST(MaildirPath, FixedPartAndSteps) {
  const auto path = maildir_path("/etc/postern", "var/mail/{domain}/x-{user}", mailbox("al", "a.example"));
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->fixed, "/etc/postern/var/mail/");
  EXPECT_EQ(path->steps, (std::vector<std::string>{"a.example", "x-al"}));
  const auto absolute = maildir_path("/etc", "/srv/box", mailbox("al", "a.example"));
  ASSERT_TRUE(absolute.has_value());
  EXPECT_EQ(absolute->fixed, "/srv/box");
  EXPECT_TRUE(absolute->steps.empty());
  const auto braces = maildir_path("/b", "{domain}/{user}", mailbox("{domain}", "a.example"));
  ASSERT_TRUE(braces.has_value());
  EXPECT_EQ(braces->steps, (std::vector<std::string>{"a.example", "{domain}"}));
  EXPECT_FALSE(maildir_path("/b", "{user}/../x", mailbox("al", "a.example")).has_value());
  EXPECT_FALSE(maildir_path("/b", "{user}", mailbox("", "a.example")).has_value());
}

std::string local(std::string_view text, std::size_t step) {
  LocalText filter;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) filter.add(text.substr(at, step), out);
  filter.finish(out);
  return out;
}

TEST(LocalText, SameAtEverySplit) {
  struct Case {
    std::string_view in, out;
  };
  for (const Case& c : {
           Case{"A: b\r\n\r\nbody\r\n", "A: b\n\nbody\n"},
           Case{"Return-Path: <x>\r\n more\r\nA: b\r\n\r\nReturn-Path: stays\r\n", "A: b\n\nReturn-Path: stays\n"},
           Case{"A: b\r\nRETURN-path:<x>\r\n\tfold\r\nReturn-Path: <y>\r\nReturn-Pathology: z\r\n\r\n",
                "A: b\nReturn-Pathology: z\n\n"},
           Case{"Return-Path: <x>\r\n\r\nbody", "\nbody"},
           Case{"Return", "Return"},
           Case{"\r\nReturn-Path: body\r\n", "\nReturn-Path: body\n"},
           Case{"A: b\r\n\r\na\rb\r", "A: b\n\na\rb\r"},
           Case{"", ""},
       }) {
    for (std::size_t step = 1; step <= c.in.size() + 1; ++step) EXPECT_EQ(local(c.in, step), c.out) << step;
  }
}

TEST(RoundRobin, OneDestinationStarvesNoOther) {
  RoundRobin<std::string> jobs;
  for (int i = 0; i < 50; ++i) jobs.add("busy", 2, "busy");
  jobs.add("other", 2, "other");
  jobs.add("third", 2, "third");
  std::vector<std::string> order;
  while (auto job = jobs.next()) order.push_back(*job);
  EXPECT_EQ(order, (std::vector<std::string>{"busy", "other", "third", "busy"}));  // its limit, then no more
  EXPECT_EQ(jobs.running(), 4U);
  jobs.done("busy");
  EXPECT_EQ(jobs.next(), "busy");
  EXPECT_EQ(jobs.next(), std::nullopt);
  jobs.done("other");
  jobs.done("third");
  EXPECT_EQ(jobs.destinations(), 1U);  // those without work are forgotten
  EXPECT_EQ(jobs.take_waiting("busy").size(), 47U);
  EXPECT_EQ(jobs.waiting("busy"), 0U);
}

// RFC 6710: in front of what is less urgent, behind what is as urgent
TEST(RoundRobin, PrioritiesGoAheadOfWhatWaits) {
  RoundRobin<int> jobs;
  for (const int job : {10, 11, 30, 12, 20, 31}) {
    jobs.add("one", 1, job, [job](int other) { return job / 10 > other / 10; });
  }
  std::vector<int> order;
  while (const auto job = jobs.next()) {
    order.push_back(*job);
    jobs.done("one");
  }
  EXPECT_EQ(order, (std::vector<int>{30, 31, 20, 10, 11, 12}));
}

TEST(Backoff, DoublesUpToTheMaximum) {
  QueueOptions options;
  EXPECT_EQ(backoff_ms(options, 0), 0);
  EXPECT_EQ(backoff_ms(options, 1), 60'000);
  EXPECT_EQ(backoff_ms(options, 2), 120'000);
  EXPECT_EQ(backoff_ms(options, 3), 240'000);
  EXPECT_EQ(backoff_ms(options, 8), 7'680'000);
  EXPECT_EQ(backoff_ms(options, 9), options.retry_max_ms);
  EXPECT_EQ(backoff_ms(options, UINT32_MAX), options.retry_max_ms);
  options.retry_max_ms = INT64_MAX;
  EXPECT_EQ(backoff_ms(options, UINT32_MAX), INT64_MAX);  // no overflow on the way
}

TEST(Outcome, RepliesBecomeVerdicts) {
  QueueOptions options;
  spool::Envelope envelope;
  envelope.arrived = 1'000'000;
  envelope.recipients.resize(1);
  envelope.recipients[0].attempts = 2;
  directory::Transport transport;
  const Judgement early{options, envelope, &transport, 1'000'000 + 1000, 0};
  EXPECT_EQ(early.verdict(0, {250, {2, 0, 0}, "ok"}).outcome.state, spool::RecipientState::delivered);
  const Verdict later = early.verdict(0, {451, {4, 3, 0}, "later"});
  EXPECT_EQ(later.outcome.state, spool::RecipientState::pending);
  EXPECT_EQ(later.attempt, 3U);
  EXPECT_GE(later.delay_ms, backoff_ms(options, 3));
  EXPECT_LE(later.delay_ms, backoff_ms(options, 3) * 9 / 8);
  EXPECT_EQ(early.verdict(0, {550, {5, 1, 1}, "no"}).outcome.state, spool::RecipientState::failed);
  // expiry, at n - 1 and n
  const Judgement last{options, envelope, &transport, envelope.arrived + options.expire_after_ms - 1, 0};
  EXPECT_EQ(last.verdict(0, {451, {}, "later"}).outcome.state, spool::RecipientState::pending);
  EXPECT_EQ(last.verdict(0, {451, {}, "later"}).delay_ms, 1);
  const Judgement over{options, envelope, &transport, envelope.arrived + options.expire_after_ms, 0};
  const Verdict expired = over.verdict(0, {451, {}, "later"});
  EXPECT_EQ(expired.outcome.state, spool::RecipientState::failed);
  EXPECT_TRUE(expired.outcome.reply.starts_with("554 5.4.7 expired")) << expired.outcome.reply;
}

}  // namespace
}  // namespace postern::delivery
