// What the writer writes the reader reads, and what it reads is what json::parse() sees.
#include "record/session_reader.h"

#include <gtest/gtest.h>

#include "folder.h"

namespace postern::record {
namespace {

using Kind = SessionReader::Kind;
using testing::refused;

SessionRecord judged() {
  SessionRecord record = refused(4);
  record.duration_ms = 95;
  record.login = "alice\n";
  record.tls = TlsRecord{"TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", "mx.example.org", "", true, "", 9};
  record.transactions.front().authentication =
      AuthenticationRecord{.spf = AuthenticationRecord::Spf{.result = "pass", .domain = "example.org"}};
  record.transactions.push_back(
      {.message = Id::make(1'795'243'208'200),
       .recipients = {{"x@example.com", 250, "2.1.5", "ok"}, {"\xff@x", 451, "4.7.1", "greylisted"}},
       .recipients_total = 700,
       .size = 5'000'000'000,
       .code = 250,
       .reason = "accepted"});
  record.accepted = 1;
  record.policy = "0123456789abcdef";
  record.decisions = {
      {.stage = evidence::Stage::connect, .changes = R"({"rdns":"none","lists":["a]\"}"]})", .rule = "default"},
      {.ms = 41,
       .stage = evidence::Stage::rcpt,
       .transaction = 1,
       .recipient = 0,
       .action = evidence::Action::greylist,
       .reason = evidence::Reason::greylisted,
       .rule = "\"quoted\"",
       .enforced = false,
       .score = -1.25F,
       .score_low = 0.1F,
       .tags = {"bulk", "x"},
       .shadow = {"s"}},
  };
  record.state = {.identity = "spf:example.org", .budget_level = "v6_48", .budget_load = 0.3F, .greylist_wait_s = 180};
  return record;
}

std::string line_of(const SessionRecord& record) {
  std::string line;
  append_json(record, line);
  line.pop_back();
  return line;
}

TEST(SessionReader, ReadsWhatTheWriterWrote) {
  const SessionRecord record = judged();
  const std::string line = line_of(record);
  SessionReader reader;
  for (int i = 0; i < 3; ++i) {  // nothing of a line before stays
    ASSERT_EQ(reader.read(line), Kind::session);
    const SessionView& view = reader.session();
    EXPECT_EQ(view.id, record.id.text());
    EXPECT_EQ(view.start, record.start);
    EXPECT_EQ(view.duration_ms, 95U);
    EXPECT_EQ(view.listener, "mx");
    EXPECT_TRUE(view.ipv6);
    EXPECT_EQ(view.client, "2001:db8::7");
    EXPECT_EQ(view.helo, "mail.example.org");
    EXPECT_EQ(view.login, "alice\n");
    EXPECT_TRUE(view.tls);
    EXPECT_EQ(view.tls_version, "TLSv1.3");
    EXPECT_EQ(view.tls_cipher, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(view.end, "quit");
    EXPECT_EQ(view.policy, record.policy);
    EXPECT_EQ(view.identity, "spf:example.org");
    EXPECT_EQ(view.budget_level, "v6_48");
    EXPECT_EQ(view.budget_load, 0.3F);
    EXPECT_EQ(view.greylist_wait_s, 180U);
    EXPECT_EQ(view.accepted, 1U);
    EXPECT_EQ(view.transactions_total, 2U);
    EXPECT_EQ(view.decisions_total, 2U);
    ASSERT_EQ(view.transactions.size(), 2U);
    EXPECT_EQ(view.transactions[0].reverse_path, "a@example.org");
    EXPECT_EQ(view.transactions[0].reason, "reset");
    EXPECT_EQ(view.transactions[1].message, record.transactions[1].message.text());
    EXPECT_EQ(view.transactions[1].size, 5'000'000'000U);
    EXPECT_EQ(view.transactions[1].code, 250U);
    EXPECT_EQ(view.transactions[1].recipients_total, 700U);
    ASSERT_EQ(view.recipients.size(), 3U);
    EXPECT_EQ(view.transactions[1].recipients_begin, 1U);
    EXPECT_EQ(view.transactions[1].recipients_end, 3U);
    EXPECT_EQ(view.recipients[0].path, "b@example.com");
    EXPECT_EQ(view.recipients[0].code, 550U);
    EXPECT_EQ(view.recipients[2].path, "\xc3\xbf@x");
    EXPECT_EQ(view.recipients[2].reason, "greylisted");
    ASSERT_EQ(view.decisions.size(), 2U);
    EXPECT_EQ(view.decisions[0].changes, R"({"rdns":"none","lists":["a]\"}"]})");
    EXPECT_TRUE(view.decisions[0].enforced);
    EXPECT_EQ(view.decisions[0].transaction, -1);
    const DecisionView& decision = view.decisions[1];
    EXPECT_EQ(decision.ms, 41U);
    EXPECT_EQ(decision.stage, evidence::Stage::rcpt);
    EXPECT_EQ(decision.transaction, 1);
    EXPECT_EQ(decision.recipient, 0);
    EXPECT_EQ(decision.changes, "");
    EXPECT_EQ(decision.action, evidence::Action::greylist);
    EXPECT_EQ(decision.reason, evidence::Reason::greylisted);
    EXPECT_EQ(decision.rule, "\"quoted\"");
    EXPECT_FALSE(decision.enforced);
    EXPECT_EQ(decision.score, -1.25F);
    EXPECT_EQ(decision.score_low, 0.1F);
    EXPECT_EQ(decision.tags, R"(["bulk","x"])");
    EXPECT_EQ(decision.shadow, R"(["s"])");
    EXPECT_TRUE(decision.understood);
  }
  ASSERT_EQ(reader.read(line_of(refused(1))), Kind::session);
  EXPECT_TRUE(reader.session().decisions.empty());
  EXPECT_EQ(reader.session().recipients.size(), 1U);
  EXPECT_EQ(reader.session().login, "");
  EXPECT_FALSE(reader.session().tls);
}

TEST(SessionReader, TellsOtherLinesApart) {
  SessionReader reader;
  DeliveryRecord delivery;
  delivery.id = Id::make(1);
  std::string line;
  append_json(delivery, line);
  EXPECT_EQ(reader.read(line), Kind::other);
  EXPECT_EQ(reader.read(R"({"schema":"postern.session/2","id":7})"), Kind::other);
  EXPECT_EQ(reader.read(R"({"id":"X","time":"2026-11-21T06:40:08.123Z"})"), Kind::other);
  EXPECT_EQ(reader.read(R"({"schema":"postern.session/1","id":"X","time":"never"})"), Kind::damaged);
  EXPECT_EQ(reader.read(R"({"schema":"postern.session/1","time":"2026-11-21T06:40:08.123Z"})"), Kind::damaged);
  EXPECT_EQ(reader.read(R"( { "time" : "2026-11-21T06:40:08.123Z", "schema":"postern.session/1", "id":"X" } )"),
            Kind::session);
  EXPECT_EQ(reader.read(""), Kind::damaged);
  EXPECT_EQ(reader.read("Nov 21 06:40:08 mx postfix/smtpd[7]: connect"), Kind::damaged);
}

TEST(SessionReader, ALineThatWasCutIsDamaged) {
  const std::string line = line_of(judged());
  SessionReader reader;
  for (std::size_t size = 30; size < line.size(); ++size)
    EXPECT_EQ(reader.read(std::string_view(line).substr(0, size)), Kind::damaged) << size;
  EXPECT_EQ(reader.read(line + line), Kind::damaged);
}

TEST(SessionReader, ListsAreBoundedAndWordsOfALaterVersionAreTold) {
  const auto many = [](std::string_view element, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ",") + std::string(element);
    return out;
  };
  const std::string line = R"({"schema":"postern.session/1","id":"X","time":"2026-11-21","decisions":[)" +
                           many(R"({"action":"banish","ms":-5,"recipient":99999999999})", kDecisionsMax + 1) +
                           R"(],"transactions":[{"to":[)" + many("{}", kRecipientsMax + 1) + "]}," +
                           many("7", kTransactionsMax) + "]}";
  SessionReader reader;
  ASSERT_EQ(reader.read(line), Kind::session);
  EXPECT_EQ(reader.session().decisions.size(), kDecisionsMax);
  EXPECT_FALSE(reader.session().decisions[0].understood);
  EXPECT_EQ(reader.session().decisions[0].ms, 0U);
  EXPECT_EQ(reader.session().decisions[0].recipient, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(reader.session().transactions.size(), kTransactionsMax);
  EXPECT_EQ(reader.session().recipients.size(), kRecipientsMax);
}

TEST(SessionReader, WhatIsBeyondTheListsIsBoundedAndTheLastOfTwiceHolds) {
  std::string rows;
  for (int i = 0; i < 100; ++i) rows += std::string(i == 0 ? "" : ",") + R"({"code":550,"reason":"x","count":2})";
  const std::string begin = R"({"schema":"postern.session/1","id":"X","time":"2026-11-21",)";
  SessionReader reader;
  const std::string many = begin + R"("beyond":{"recipients":[)" + rows + R"(],"arc":[{"result":"pass","count":-3}]}})";
  ASSERT_EQ(reader.read(many), Kind::session);
  EXPECT_EQ(reader.session().beyond.size(), kAnswersMax + 6 + 1);
  EXPECT_EQ(reader.session().beyond.front().count, 2U);
  EXPECT_EQ(reader.session().beyond.back().word, "pass");
  EXPECT_EQ(reader.session().beyond.back().count, 0U);
  const std::string twice = begin + R"("beyond":{"spf":[{}],"spf":[{"result":"fail","count":1}],"later":7}})";
  ASSERT_EQ(reader.read(twice), Kind::session);
  ASSERT_EQ(reader.session().beyond.size(), 1U);
  EXPECT_EQ(reader.session().beyond.front().word, "fail");
  const std::string emptied = begin + R"("beyond":{"spf":[{}]},"beyond":{}})";
  ASSERT_EQ(reader.read(emptied), Kind::session);
  EXPECT_TRUE(reader.session().beyond.empty());
  const std::string strange = begin + R"("beyond":7})";  // of a later version
  ASSERT_EQ(reader.read(strange), Kind::session);
  EXPECT_TRUE(reader.session().beyond.empty());
}

}  // namespace
}  // namespace postern::record
