#include "delivery/notices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "delivery/queue.h"
#include "unit/delivery/support.h"
#include "unit/delivery/watched_store.h"

namespace postern::delivery {
namespace {

using message::DsnAction;
using spool::RecipientState;
using test::ScriptedServer;
using test::Step;

constexpr WallMs kHour = 3600LL * 1000;

std::shared_ptr<const directory::Directory> two_domains(const std::string& away = "sink:") {
  directory::DomainOptions home;
  home.name = "home.example";
  home.deliver = directory::Transport::parse("maildir:mail/{domain}/{user}").value();
  home.mailboxes = {"alice", "bob"};
  home.aliases = {{"both", {"alice", "bob"}}, {"far", {"carol@foreign.example"}}};
  directory::DomainOptions other;
  other.name = "away.example";
  other.deliver = directory::Transport::parse(away).value();
  other.mailboxes = {"*"};
  return directory::Directory::build({home, other}).value();
}

spool::Envelope asked(std::uint8_t notify) {
  spool::Envelope envelope = test::envelope_to({"x@away.example"});
  envelope.recipients[0].notify = notify;
  return envelope;
}

std::string told(const spool::Envelope& envelope, RecipientState state, bool local = true, bool passed = false,
                 WallMs after = 0) {
  const auto action = action_of({}, envelope, envelope.recipients[0],
                                {.state = state, .local = local, .passed_on = passed, .now = envelope.arrived + after});
  return action ? std::string(to_string(*action)) : "nothing";
}

// RFC 3461 4.1: what NOTIFY asks for, and what is told without it.
TEST(Notices, NotifyDecides) {
  using spool::kNotifyDelay, spool::kNotifyFailure, spool::kNotifyNever, spool::kNotifySuccess;
  struct Row {
    std::uint8_t notify;
    std::string failed, delayed, delivered, relayed, passed_on;
  };
  const std::vector<Row> rows{
      {0, "failed", "delayed", "nothing", "nothing", "nothing"},
      {kNotifyNever, "nothing", "nothing", "nothing", "nothing", "nothing"},
      {kNotifyFailure, "failed", "nothing", "nothing", "nothing", "nothing"},
      {kNotifyDelay, "nothing", "delayed", "nothing", "nothing", "nothing"},
      {kNotifySuccess, "nothing", "nothing", "delivered", "relayed", "nothing"},
      {kNotifySuccess | kNotifyFailure | kNotifyDelay, "failed", "delayed", "delivered", "relayed", "nothing"},
      {spool::kExpanded | kNotifySuccess | kNotifyFailure, "failed", "nothing", "nothing", "nothing", "nothing"},
      {spool::kDelayTold, "failed", "nothing", "nothing", "nothing", "nothing"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.notify);
    const spool::Envelope envelope = asked(row.notify);
    EXPECT_EQ(told(envelope, RecipientState::failed), row.failed);
    EXPECT_EQ(told(envelope, RecipientState::pending, true, false, 4 * kHour), row.delayed);
    EXPECT_EQ(told(envelope, RecipientState::pending, true, false, 4 * kHour - 1), "nothing");
    EXPECT_EQ(told(envelope, RecipientState::delivered, true), row.delivered);
    EXPECT_EQ(told(envelope, RecipientState::delivered, false), row.relayed);
    EXPECT_EQ(told(envelope, RecipientState::delivered, false, true), row.passed_on);
    // RFC 5321 4.5.5: never of mail with a null reverse-path
    spool::Envelope null = envelope;
    null.reverse_path.clear();
    for (const RecipientState state : {RecipientState::failed, RecipientState::pending, RecipientState::delivered}) {
      EXPECT_EQ(told(null, state, false, false, 100 * kHour), "nothing");
    }
  }
}

// RFC 2852: mode N tells at its time, mode R ends at it, the trace tells of relays.
TEST(Notices, DeliverBy) {
  spool::Envelope envelope = asked(0);
  envelope.deliver_by = envelope.arrived + kHour;
  EXPECT_EQ(told(envelope, RecipientState::pending, true, false, kHour - 1), "nothing");
  EXPECT_EQ(told(envelope, RecipientState::pending, true, false, kHour), "delayed");
  EXPECT_FALSE(is_too_late(envelope, envelope.deliver_by));
  envelope.return_if_late = true;
  EXPECT_EQ(told(envelope, RecipientState::pending, true, false, kHour), "nothing");
  EXPECT_FALSE(is_too_late(envelope, envelope.deliver_by - 1));
  EXPECT_TRUE(is_too_late(envelope, envelope.deliver_by));
  EXPECT_EQ(told(envelope, RecipientState::delivered, false, true), "nothing");
  envelope.trace_relays = true;
  EXPECT_EQ(told(envelope, RecipientState::delivered, false, true), "relayed");
  envelope.recipients[0].notify = spool::kNotifyNever;
  EXPECT_EQ(told(envelope, RecipientState::delivered, false, true), "nothing");
}

TEST(Notices, WhereNotificationsGo) {
  const auto directory = two_domains();
  const srs::Rewriter rewriter("secret of ours 123", "home.example");
  const WallMs now = wall_now();
  const auto to = [&](const std::string& path) {
    std::vector<std::string> out;
    for (const spool::Recipient& one : return_recipients(path, *directory, &rewriter, now)) {
      out.push_back(one.forward_path);
    }
    return out;
  };
  using Paths = std::vector<std::string>;
  EXPECT_EQ(to("carol@foreign.example"), Paths{"carol@foreign.example"});
  EXPECT_EQ(to("alice@home.example"), Paths{"alice@home.example"});
  EXPECT_EQ(to("both@home.example"), (Paths{"alice@home.example", "bob@home.example"}));
  EXPECT_EQ(to("nobody@home.example"), Paths{});
  EXPECT_EQ(to("not an address"), Paths{});
  const auto carol = smtp::parse_mailbox("carol@foreign.example", false).value();
  EXPECT_EQ(to(rewriter.forward(carol, now)), Paths{"carol@foreign.example"});
}

// Only what a stranger sent to an alias of ours leaves under an address of ours.
TEST(Notices, WhoseReversePathIsRewritten) {
  const auto directory = two_domains();
  const srs::Rewriter rewriter("secret of ours 123", "home.example");
  const WallMs now = wall_now();
  spool::Envelope envelope = asked(0);
  const auto sender = [&](bool foreign, const srs::Rewriter* with) {
    return sender_of_attempt(envelope, foreign, *directory, with, now);
  };
  EXPECT_TRUE(sender(true, &rewriter).starts_with("SRS0=")) << sender(true, &rewriter);
  EXPECT_TRUE(sender(true, &rewriter).ends_with("=example.net=sender@home.example"));
  EXPECT_EQ(sender(false, &rewriter), "sender@example.net");
  EXPECT_EQ(sender(true, nullptr), "sender@example.net");
  envelope.origin = spool::Origin::relay;
  EXPECT_EQ(sender(true, &rewriter), "sender@example.net");
  envelope.origin = spool::Origin::stranger;
  envelope.reverse_path = "alice@home.example";
  EXPECT_EQ(sender(true, &rewriter), "alice@home.example");
  envelope.reverse_path = "";
  EXPECT_EQ(sender(true, &rewriter), "");
}

TEST(Notices, ReportsAreOfOneActionAndBounded) {
  spool::Envelope envelope = test::envelope_to(std::vector<std::string>(message::kDsnRecipientsMax + 1, "x@y.example"));
  std::vector<Told> all;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    all.push_back({.index = i, .action = DsnAction::failed, .status = "5.0.0", .remote_mta = {}, .diagnostic = {}});
  }
  all.push_back({.index = 0, .action = DsnAction::delayed, .status = "4.0.0", .remote_mta = {}, .diagnostic = {}});
  const auto reports = make_reports(envelope, all, 5000, 1000);
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].recipients.size(), message::kDsnRecipientsMax);
  EXPECT_EQ(reports[1].recipients.size() + reports[2].recipients.size(), 2U);
}

struct NotifyingQueue : ::testing::Test {
  test::TempDir dir;
  io::Loop loop;
  io::BlockingPool pool{2};
  test::WatchedStore store{loop};
  QueueOptions options;
  std::shared_ptr<const directory::Directory> directory;
  QueueServices services;

  NotifyingQueue() {
    options.local = {.base_directory = dir.path().string(), .hostname = "mx.home.example"};
    options.notices.from = "postmaster@home.example";
  }
  [[nodiscard]] std::vector<std::string> mail_of(const std::string& user) const {
    std::vector<std::string> out;
    for (const auto& file : test::files_in(dir.path() / "mail" / "home.example" / user / "new")) {
      std::string crlf;
      for (const char c : test::read_file(file)) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
      out.push_back(std::move(crlf));
    }
    return out;
  }
  static Task<bool> until(NotifyingQueue& test, Queue& queue, std::function<bool()> done) {
    queue.start();
    const Deadline deadline = Deadline::after(seconds(30));
    bool in_time = true;
    while (!done() && in_time) in_time = co_await test.store.changed().wait(deadline);
    co_await queue.stop(Deadline::never());
    co_return in_time;
  }
  void run(spool::Envelope envelope, std::function<bool()> done, std::string_view text = test::kMail) {
    test::run(loop, test::commit_to(store, loop, std::move(envelope), text));
    Queue queue(loop, pool, store, nullptr, options, [this] { return directory; });
    queue.use(services);
    EXPECT_TRUE(test::run(loop, until(*this, queue, std::move(done))));
  }
  [[nodiscard]] bool empty() const { return store.status().messages == 0; }
  // From alice, who has a mailbox here.
  static spool::Envelope from_alice(std::vector<std::string> to) {
    spool::Envelope envelope = test::envelope_to(std::move(to));
    envelope.reverse_path = "alice@home.example";
    return envelope;
  }
  static std::vector<Step> refusing() {
    return {{"LHLO mx.home.example\r\n", "250-l\r\n250 PIPELINING\r\n"},
            {"DATA\r\n", "250 ok\r\n550 5.1.1 no such user\r\n550 unknown\r\n503 nobody\r\n"},
            {"RSET\r\n", "250 ok\r\n"},
            {"QUIT\r\n", "221 bye\r\n"}};
  }
};

TEST_F(NotifyingQueue, OneBounceForAllThatFailTogether) {
  ScriptedServer server(loop, "220 l\r\n", refusing());
  directory = two_domains("lmtp:" + server.endpoint.text());
  spool::Envelope envelope = from_alice({"x@away.example", "y@away.example"});
  envelope.envid = "QQ 1";
  envelope.recipients[0].orcpt = "rfc822;Xavier@old.example";
  envelope.recipients[1].original = "why@home.example";
  const std::string id = envelope.id.text();
  services.signer = [] {
    return [](std::string_view message) {
      return "Signature: " + std::to_string(message.find("Subject: Undeliverable") != std::string_view::npos) + "\r\n";
    };
  };
  run(std::move(envelope), [this] { return empty(); });
  test::run(loop, server.stop());
  const auto mail = mail_of("alice");
  ASSERT_EQ(mail.size(), 1U);
  EXPECT_NE(mail[0].find("Return-Path: <>\r\n"), std::string::npos);
  EXPECT_NE(mail[0].find("Signature: 1\r\n"), std::string::npos);
  EXPECT_NE(mail[0].find(id), std::string::npos);
  const auto report = message::read_dsn(mail[0]);
  ASSERT_TRUE(report && report->recipients.size() == 2);
  EXPECT_EQ(report->envid, "QQ 1");
  EXPECT_EQ(report->recipients[0].original, "rfc822;Xavier@old.example");
  EXPECT_EQ(report->recipients[0].status, "5.1.1");
  EXPECT_EQ(report->recipients[0].remote_mta, "dns;" + server.endpoint.text());
  EXPECT_EQ(report->recipients[1].original, "");  // RFC 3461 6.3: the sender gave no ORCPT
  EXPECT_NE(mail[0].find("(you wrote to <why@home.example>)"), std::string::npos);
  EXPECT_EQ(report->recipients[1].status, "5.0.0");
  EXPECT_EQ(report->recipients[1].diagnostic, "smtp;550 unknown");
  EXPECT_EQ(report->returned, "A: b\r\n");
}

TEST_F(NotifyingQueue, TheWholeMessageOnlyWhereItWasAskedForAndIsSmall) {
  options.expire_after_ms = 0;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  options.notices.return_max = test::kMail.size();
  for (const bool large : {false, true}) {
    spool::Envelope envelope = from_alice({"x@away.example"});
    envelope.ret = "FULL";
    run(std::move(envelope), [this] { return empty(); }, std::string(test::kMail) + (large ? "x\r\n" : ""));
  }
  spool::Envelope secret = from_alice({"x@away.example"});
  secret.ret = "FULL";
  secret.require_tls = true;  // RFC 8689 5
  run(std::move(secret), [this] { return empty(); });
  std::size_t whole = 0;
  for (const std::string& mail : mail_of("alice")) {
    const auto report = message::read_dsn(mail);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->recipients.at(0).status, "5.4.7");
    whole += report->returned == test::kMail ? 1 : 0;
  }
  EXPECT_EQ(mail_of("alice").size(), 3U);
  EXPECT_EQ(whole, 1U);
}

TEST_F(NotifyingQueue, WhoDoesNotWantToKnowIsNotTold) {
  options.expire_after_ms = 0;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  for (const std::uint8_t notify : {spool::kNotifyNever, spool::kNotifySuccess}) {
    spool::Envelope envelope = from_alice({"x@away.example"});
    envelope.recipients[0].notify = notify;
    run(std::move(envelope), [this] { return empty(); });
  }
  EXPECT_EQ(mail_of("alice").size(), 0U);
}

// What a program of this machine wrote as a recipient need not be an address.
TEST_F(NotifyingQueue, ARecipientThatCannotBeReadFailsAtOnce) {
  directory = two_domains();
  spool::Envelope envelope = from_alice({"foo@bar@baz", "bob@home.example"});
  envelope.origin = spool::Origin::local;
  run(std::move(envelope), [this] { return empty(); });
  EXPECT_EQ(mail_of("bob").size(), 1U);
  const auto mail = mail_of("alice");
  ASSERT_EQ(mail.size(), 1U);
  const auto report = message::read_dsn(mail[0]);
  ASSERT_TRUE(report && report->recipients.size() == 1);
  EXPECT_EQ(report->recipients[0].status, "5.1.3");
  EXPECT_NE(mail[0].find("foo@bar@baz"), std::string::npos);
}

// A bounce that cannot be delivered, and mail from an address of ours where nobody is: kept, never bounced.
TEST_F(NotifyingQueue, WhereNobodyCanBeToldItIsKept) {
  options.expire_after_ms = 0;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  std::uint64_t kept = 0;
  for (const char* from : {"", "nobody@home.example"}) {
    spool::Envelope envelope = from_alice({"x@away.example"});
    envelope.reverse_path = from;
    ++kept;
    run(std::move(envelope), [this, kept] { return store.status().failed_recipients == kept; });
    EXPECT_EQ(store.status().messages, kept);
    EXPECT_EQ(store.next_due(), std::nullopt);
  }
}

TEST_F(NotifyingQueue, ADelayIsToldOnce) {
  options.retry_first_ms = options.retry_max_ms = 2;
  options.notices.delay_after_ms = 1;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  spool::Envelope envelope = from_alice({"x@away.example", "y@away.example"});
  envelope.recipients[1].notify = spool::kNotifyFailure;
  const Id id = envelope.id;
  run(std::move(envelope), [&] { return store.settlements[id].size() >= 6 && store.status().messages == 1; });
  const auto mail = mail_of("alice");
  ASSERT_EQ(mail.size(), 1U);
  const auto report = message::read_dsn(mail[0]);
  ASSERT_TRUE(report && report->recipients.size() == 1);
  EXPECT_EQ(report->recipients[0].action, DsnAction::delayed);
  EXPECT_EQ(report->recipients[0].status, "4.4.1");
  EXPECT_FALSE(report->recipients[0].will_retry_until.empty());
  EXPECT_EQ(store.load(id)->recipients[0].notify, spool::kDelayTold);
}

TEST_F(NotifyingQueue, SuccessIsToldWhereItWasAskedFor) {
  directory = two_domains();
  spool::Envelope envelope = from_alice({"bob@home.example", "alice@home.example", "bob@home.example"});
  envelope.recipients[0].notify = spool::kNotifySuccess;
  for (const std::size_t i : {1U, 2U}) {
    envelope.recipients[i].original = "both@home.example";
    envelope.recipients[i].notify = spool::kNotifySuccess | spool::kExpanded;
  }
  run(std::move(envelope), [this] { return empty(); });
  std::vector<std::string> seen;
  for (const std::string& mail : mail_of("alice")) {
    const auto report = message::read_dsn(mail);
    if (!report) continue;
    ASSERT_EQ(report->recipients.size(), 1U);
    seen.push_back(std::string(to_string(*report->recipients[0].action)) + " " + report->recipients[0].address);
  }
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<std::string>{"delivered rfc822;bob@home.example", "expanded rfc822;both@home.example"}));
}

// RFC 2852: what is late under R is not tried again, and its sender is told; under N it stays.
TEST_F(NotifyingQueue, DeliverByEndsOrTells) {
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  for (const bool returned : {true, false}) {
    spool::Envelope envelope = from_alice({"x@away.example"});
    envelope.deliver_by = envelope.arrived - 1;
    envelope.return_if_late = returned;
    run(std::move(envelope),
        [&] { return returned ? empty() : mail_of("alice").size() == 2 && store.status().messages == 1; });
  }
  std::vector<std::string> seen;
  for (const std::string& mail : mail_of("alice")) {
    const auto report = message::read_dsn(mail);
    ASSERT_TRUE(report && report->recipients.size() == 1);
    seen.push_back(std::string(to_string(*report->recipients[0].action)) + " " + report->recipients[0].status);
    EXPECT_NE(mail.find("Deliver-By-Date: "), std::string::npos);
  }
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<std::string>{"delayed 4.4.7", "failed 5.4.7"}));
}

// Invariant: a failure is not settled before its notification is durable.
TEST_F(NotifyingQueue, WithoutAPlaceForTheBounceTheFailureWaits) {
  options.expire_after_ms = 0;
  options.retry_first_ms = options.retry_max_ms = 2;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  store.begin_failures = 2;
  spool::Envelope envelope = from_alice({"x@away.example"});
  const Id id = envelope.id;
  run(std::move(envelope), [this] { return empty(); });
  EXPECT_EQ(store.settlements[id].size(), 3U);
  EXPECT_EQ(store.settlements[id][0].outcomes.at(0).state, RecipientState::pending);
  EXPECT_EQ(store.settlements[id][2].outcomes.at(0).state, RecipientState::bounced);
  EXPECT_EQ(mail_of("alice").size(), 1U);
}

TEST_F(NotifyingQueue, WhatWasToldIsNotRepeatedForAnotherReportThatFails) {
  options.expire_after_ms = 0;
  options.retry_first_ms = options.retry_max_ms = 2;
  directory = two_domains("lmtp:unix:" + (dir.path() / "nobody").string());
  store.begins_good = 2;  // the bounce is taken, the news of the alias are not
  store.begin_failures = 1;
  spool::Envelope envelope = from_alice({"x@away.example", "bob@home.example", "carol@home.example"});
  for (const std::size_t i : {1U, 2U}) {
    envelope.recipients[i].original = "both@home.example";
    envelope.recipients[i].notify = spool::kNotifySuccess | spool::kExpanded;
  }
  const Id id = envelope.id;
  run(std::move(envelope), [this] { return empty(); });
  EXPECT_EQ(store.begins, 3);
  EXPECT_EQ(store.settlements[id].size(), 1U);
  EXPECT_EQ(mail_of("alice").size(), 1U);
}

}  // namespace
}  // namespace postern::delivery
