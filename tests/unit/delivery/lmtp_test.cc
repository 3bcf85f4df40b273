#include <gtest/gtest.h>

#include <algorithm>

#include "delivery/attempt.h"
#include "delivery/conversation.h"
#include "unit/delivery/support.h"

namespace postern::delivery {
namespace {

using test::ScriptedServer;

struct Answer {
  Results results;
  AttemptNote note;
};

Task<Answer> attempt_against(io::Loop& loop, ScriptedServer& server, const LocalOptions& options,
                             directory::Transport transport, const Attempt& attempt) {
  Answer answer;
  answer.results = co_await deliver_lmtp(loop, options, transport, attempt, &answer.note);
  co_await server.stop();
  co_return answer;
}

struct LmtpTest : ::testing::Test {
  io::Loop loop;
  LocalOptions options{.base_directory = {}, .hostname = "mx.example.org"};
  Answer deliver(ScriptedServer& server, const spool::Envelope& envelope, test::TextBody body) {
    Attempt attempt;
    attempt.envelope = &envelope;
    for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) attempt.recipients.push_back(i);
    attempt.body = &body;
    attempt.reverse_path = envelope.reverse_path;
    const directory::Transport transport{directory::Transport::Kind::lmtp_tcp, server.endpoint.text()};
    return test::run(loop, attempt_against(loop, server, options, transport, attempt));
  }
};

TEST_F(LmtpTest, PartialAcceptanceAndPerRecipientReplies) {
  ScriptedServer server(loop, "220 lmtp\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250-PIPELINING\r\n250 8BITMIME\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 kept\r\n452 4.2.2 full\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  const Answer answer = deliver(server, test::envelope_to({"a@x.example", "b@x.example", "c@x.example"}),
                                test::TextBody("A: b\r\n\r\n.dot\r\nend\r\n"));
  ASSERT_EQ(answer.results.size(), 3U);
  EXPECT_EQ(answer.results[0].line(), "250 2.0.0 kept");
  EXPECT_EQ(answer.results[1].line(), "550 5.1.1 unknown");
  EXPECT_EQ(answer.results[2].line(), "452 4.2.2 full");
  EXPECT_FALSE(answer.note.unreachable);
  EXPECT_EQ(
      server.heard,
      "LHLO mx.example.org\r\nMAIL FROM:<sender@example.net>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"
      "RCPT TO:<c@x.example>\r\nDATA\r\nA: b\r\n\r\n..dot\r\nend\r\n.\r\nQUIT\r\n");
}

TEST_F(LmtpTest, LostAfterTheFirstFinalReply) {
  ScriptedServer server(loop, "220 lmtp\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 kept\r\n"}});
  const Answer answer =
      deliver(server, test::envelope_to({"a@x.example", "b@x.example"}), test::TextBody("A: b\r\n\r\n"));
  EXPECT_EQ(answer.results[0].line(), "250 2.0.0 kept");
  EXPECT_EQ(answer.results[1].code, 451);
  EXPECT_EQ(answer.results[1].enhanced, (smtp::EnhancedCode{4, 4, 2}));
  EXPECT_FALSE(answer.note.unreachable);
}

TEST_F(LmtpTest, ALargeBodyComesWhole) {
  std::string text = "A: b\r\n\r\n";
  while (text.size() < 400'000) text += ".a line that begins with a dot\r\n";
  ScriptedServer server(loop, "220 lmtp\r\n",
                        {{"LHLO mx.example.org\r\n", "250 l\r\n"},
                         {"MAIL FROM:<sender@example.net>\r\n", "250 ok\r\n"},
                         {"RCPT TO:<a@x.example>\r\n", "250 ok\r\n"},
                         {"DATA\r\n", "354 go\r\n"},
                         {"\r\n.\r\n", "250 kept\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  const Answer answer = deliver(server, test::envelope_to({"a@x.example"}), test::TextBody(text));
  EXPECT_EQ(answer.results[0].code, 250);
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) - 2;
  EXPECT_NE(server.heard.find("\r\n..a line"), std::string::npos);
  EXPECT_GE(server.heard.size(), text.size() + lines);
}

TEST_F(LmtpTest, ABodyThatCannotBeReadEndsWithoutADot) {
  ScriptedServer server(loop, "220 lmtp\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"},
                         {"never", ""}});
  test::TextBody body("A: b\r\n\r\n" + std::string(5000, 'x') + "\r\n");
  body.step = 1000;
  body.broken_at = 2000;
  const Answer answer = deliver(server, test::envelope_to({"a@x.example"}), body);
  EXPECT_EQ(answer.results[0].code, 451);
  EXPECT_EQ(server.heard.find("\r\n.\r\n"), std::string::npos);
}

TEST_F(LmtpTest, RefusedAtTheDoorIsTemporaryAndUnreachable) {
  ScriptedServer server(loop, "554 5.3.2 no service\r\n", {});
  const Answer answer = deliver(server, test::envelope_to({"a@x.example"}), test::TextBody("A: b\r\n\r\n"));
  EXPECT_TRUE(answer.results[0].temporary()) << answer.results[0].line();
  EXPECT_TRUE(answer.note.unreachable);
}

// Takes the connection and hangs: each wait has its end, and the error says which it was.
TEST_F(LmtpTest, AServerThatHangsIsLeftAtTheTimeout) {
  struct Talk {
    static Task<Result<void>> greet(io::Loop& loop, ip::Endpoint endpoint) {
      auto stream = co_await io::connect(loop, endpoint, Deadline::after(seconds(20)));
      EXPECT_TRUE(stream.has_value());
      const milliseconds brief(1);
      Conversation conversation(std::move(*stream), smtp::ClientMachine(smtp::ClientDialect::lmtp, "mx.example.org"),
                                {brief, brief, brief, brief});
      co_return co_await conversation.greet();
    }
    static Task<Result<void>> run(io::Loop& loop, ScriptedServer& server) {
      const auto greeted = co_await greet(loop, server.endpoint);
      co_await server.stop();
      co_return greeted;
    }
  };
  for (const std::string greeting : {"", "220 l\r\n", "220-l\r\n"}) {
    ScriptedServer server(loop, greeting, {}, /*hang_up=*/false);
    const auto greeted = test::run(loop, Talk::run(loop, server));
    ASSERT_FALSE(greeted.has_value());
    EXPECT_EQ(greeted.error().kind, ErrorKind::timeout) << greeted.error().what;
  }
}

// Broken off while it connects, or talks: a temporary answer for each recipient.
TEST_F(LmtpTest, ABrokenOffConversationAnswersEachRecipient) {
  struct Cut {
    static Task<Results> run(io::Loop& loop, ScriptedServer& server, const LocalOptions& options,
                             const directory::Transport& transport, const Attempt& attempt, io::Breaker& breaker) {
      Results results = co_await deliver_lmtp(loop, options, transport, attempt, nullptr, &breaker);
      co_await server.stop();
      co_return results;
    }
  };
  const spool::Envelope envelope = test::envelope_to({"a@x.example", "b@x.example"});
  test::TextBody body("A: b\r\n\r\nend\r\n");
  const Attempt attempt{&envelope, {0, 1}, &body, envelope.reverse_path};
  for (const bool before : {true, false}) {
    ScriptedServer server(loop, "220 l\r\n", {}, /*hang_up=*/false);
    io::Breaker breaker;
    if (before)
      breaker.cancel();
    else
      server.on_change = [&breaker] { breaker.cancel(); };
    const directory::Transport transport{directory::Transport::Kind::lmtp_tcp, server.endpoint.text()};
    const Results results = test::run(loop, Cut::run(loop, server, options, transport, attempt, breaker));
    ASSERT_EQ(results.size(), 2U);
    for (const smtp::Reply& reply : results) EXPECT_TRUE(reply.temporary()) << reply.line();
  }
}

TEST_F(LmtpTest, NobodyListens) {
  const spool::Envelope envelope = test::envelope_to({"a@x.example", "b@x.example"});
  test::TextBody body("A: b\r\n\r\n");
  Attempt attempt{&envelope, {0, 1}, &body, envelope.reverse_path};
  test::TempDir dir;
  const directory::Transport transport{directory::Transport::Kind::lmtp_unix, (dir.path() / "none").string()};
  AttemptNote note;
  const Results results = test::run(loop, deliver_lmtp(loop, options, transport, attempt, &note));
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[1].enhanced, (smtp::EnhancedCode{4, 4, 1}));
  EXPECT_NE(results[1].text.find("none"), std::string::npos) << results[1].text;
  EXPECT_TRUE(note.unreachable);
}

}  // namespace
}  // namespace postern::delivery
