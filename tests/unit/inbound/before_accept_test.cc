// The end of a message whose 250 waits for the server behind us.
#include <gtest/gtest.h>

#include "session_fixture.h"

namespace postern::inbound {
namespace {

using Ended = std::function<void(std::optional<smtp::Reply>)>;

class BeforeAccept : public SessionFixture {
 protected:
  BeforeAccept() {
    configure([](Settings& settings) {
      directory::DomainOptions back;
      back.name = "back.example";
      back.deliver = *directory::Transport::parse("lmtp:[::1]:24");
      back.deliver.before_accept = true;
      back.mailboxes = {"alice"};
      directory::DomainOptions front;
      front.name = "example.org";
      front.mailboxes = {"alice"};
      settings.directory = *directory::Directory::build({back, front});
    });
    expect = [this](const Id& message, Ended ended) {
      if (!ended) {
        ++taken_back;
        return;
      }
      asked.push_back(message);
      if (answer) answer(std::move(ended));
    };
    give_up = [this](const Id& message) {
      given_up.push_back(message);
      return on_its_way;
    };
  }

  std::vector<int> send(const std::string& recipients) {
    return codes(say("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n" + recipients +
                     "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"));
  }

  std::function<void(Ended)> answer;
  std::vector<Id> asked, given_up;
  bool on_its_way = false;
  int taken_back = 0;
};

constexpr std::string_view kBack = "RCPT TO:<alice@back.example>\r\n";
constexpr std::string_view kFront = "RCPT TO:<alice@example.org>\r\n";

TEST_F(BeforeAccept, TheReplyIsThatOfTheNextHop) {
  answer = [](const Ended& ended) { ended(std::nullopt); };
  EXPECT_EQ(send(std::string(kBack)).at(5), 250);
  answer = [](const Ended& ended) { ended(smtp::Reply(550, {5, 7, 1}, "no")); };
  EXPECT_EQ(send(std::string(kBack)).at(5), 550);
  answer = [](const Ended& ended) { ended(smtp::Reply(452, {4, 2, 2}, "full")); };
  EXPECT_EQ(send(std::string(kBack)).at(5), 452);
  EXPECT_EQ(asked.size(), 3U);
}

TEST_F(BeforeAccept, OthersWaitForNobody) {
  EXPECT_EQ(send(std::string(kFront)).at(5), 250);
  EXPECT_TRUE(asked.empty());
  answer = [](const Ended& ended) { ended(std::nullopt); };
  EXPECT_EQ(send(std::string(kFront) + std::string(kBack)), (std::vector{220, 250, 250, 250, 452, 354, 250, 221}));
  EXPECT_EQ(send(std::string(kBack) + std::string(kFront)), (std::vector{220, 250, 250, 250, 452, 354, 250, 221}));
}

TEST_F(BeforeAccept, ADrainDoesNotWaitForIt) {
  Ended kept;  // never called while the session lives
  Session* running = nullptr;
  answer = [&](Ended ended) {
    kept = std::move(ended);
    loop.post([&] { running->drain_ends(); });
  };
  const auto outcome = converse([&](io::testing::PipeStream& stream, Session& session) {
    running = &session;
    stream.push("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n" + std::string(kBack) +
                "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n");
  });
  const std::vector<int> said = codes(outcome.sent);
  ASSERT_GE(said.size(), 6U) << outcome.sent;
  EXPECT_GE(said.at(5), 400);
  EXPECT_LT(said.at(5), 500);
  EXPECT_EQ(given_up, asked);
}

TEST_F(BeforeAccept, AnAnswerOnItsWayIsTakenAllTheSame) {
  Ended kept;
  Session* running = nullptr;
  answer = [&](Ended ended) {
    kept = std::move(ended);
    loop.post([&] { running->drain_ends(); });
  };
  give_up = [&](const Id&) {
    loop.post([&] { kept(std::nullopt); });
    return true;
  };
  const auto outcome = converse([&](io::testing::PipeStream& stream, Session& session) {
    running = &session;
    stream.push("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n" + std::string(kBack) +
                "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n");
  });
  EXPECT_EQ(codes(outcome.sent).at(5), 250) << outcome.sent;
}

// RFC 4865: it is tried when its time has come, and until then nobody could answer.
TEST_F(BeforeAccept, WhatIsHeldWaitsInTheQueue) {
  const auto before = runtime;
  configure([&](Settings& settings) {
    settings = before->settings;
    settings.relay_from = {*ip::Prefix::parse("2001:db8::/32")};
  });
  const auto said = codes(say("EHLO c.example\r\nMAIL FROM:<a@b.example> HOLDFOR=3600\r\n" + std::string(kBack) +
                              "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"));
  EXPECT_EQ(said, (std::vector{220, 250, 250, 250, 354, 250, 221}));
  EXPECT_TRUE(asked.empty());
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_GT(envelope(0).held_until, 0);
}

TEST_F(BeforeAccept, WhatIsNotStoredIsTakenBack) {
  faults.commit_fails = true;
  EXPECT_EQ(send(std::string(kBack)).at(5), 451);
  EXPECT_EQ(taken_back, 1);
}

}  // namespace
}  // namespace postern::inbound
