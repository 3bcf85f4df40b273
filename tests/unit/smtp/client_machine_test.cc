#include "smtp/client_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "smtp/line_check.h"

namespace postern::smtp {
namespace {

using State = ClientMachine::State;

constexpr std::string_view kPlain = "220 mx ESMTP\r\n250-mx\r\n250 SIZE\r\n";
constexpr std::string_view kPipelining =
    "220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000\r\n";

ClientMessage message_to(std::vector<std::string> to) {
  ClientMessage message;
  message.reverse_path = "s@example.org";
  message.forward_paths = std::move(to);
  message.size = 7;
  return message;
}

// Plays one message: `server` is everything the server ever says, given in pieces of `step` octets. Returns the wire.
struct Play {
  ClientMachine machine;
  std::string wire;
  bool sent = false;
  bool failed = false;
  std::string body = "Hi\r\n.\r\n";
  ClientMessage message;

  Play(ClientDialect dialect, ClientMessage m) : machine(dialect, "client.example"), message(std::move(m)) {}

  void act() {
    wire += machine.output();
    machine.output().clear();
    if (machine.state() == State::ready && !sent) {
      sent = true;
      static_cast<void>(machine.send_message(message));
      act();
    } else if (machine.state() == State::body) {
      // RFC 5321: the whole text goes out only once 354 is here, so nothing of it can precede this
      for (const char c : body) machine.body(std::string_view(&c, 1));
      machine.end_body();
      act();
    }
  }
  Play& run(std::string_view server, std::size_t step) {
    act();
    for (std::size_t at = 0; at < server.size(); at += step) {
      if (!machine.receive(server.substr(at, step))) failed = true;
      act();
    }
    return *this;
  }
  [[nodiscard]] std::vector<std::string> results() const {
    std::vector<std::string> lines;
    for (const Reply& reply : machine.results()) lines.push_back(reply.line());
    return lines;
  }
};

using Lines = std::vector<std::string>;

// A real server says nothing behind 354 before the text is there, so its script comes in two parts and is split within
// each.
Play play(ClientDialect dialect, ClientMessage message, std::vector<std::string> parts, std::size_t step) {
  Play p(dialect, std::move(message));
  for (const std::string& part : parts) p.run(part, step);
  return p;
}

// What a server says in front of MAIL, in its two parts.
std::vector<std::string> after_hello(std::string_view opening, std::vector<std::string> parts) {
  const std::size_t end = opening.find("\r\n") + 2;
  parts.insert(parts.begin(), {std::string(opening.substr(0, end)), std::string(opening.substr(end))});
  return parts;
}

TEST(ClientMachine, OneByOneWithoutPipelining) {
  const auto script =
      after_hello(kPlain, {"250 ok\r\n", "250 ok\r\n", "550 5.1.1 nobody\r\n", "354 go\r\n", "250 2.0.0 queued\r\n"});
  for (std::size_t step = 1; step <= 40; ++step) {
    Play p = play(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}), script, step);
    EXPECT_EQ(p.machine.state(), State::ready) << step;
    EXPECT_EQ(p.wire,
              "EHLO client.example\r\nMAIL FROM:<s@example.org> SIZE=7\r\nRCPT TO:<a@x.example>\r\n"
              "RCPT TO:<b@x.example>\r\nDATA\r\nHi\r\n..\r\n.\r\n");
    EXPECT_EQ(p.results(), (Lines{"250 2.0.0 queued", "550 5.1.1 nobody"}));
    EXPECT_FALSE(p.failed);
  }
}

TEST(ClientMachine, NothingIsSentAheadWhereNotOffered) {
  Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
  p.run(kPlain, 1000);
  EXPECT_TRUE(p.wire.ends_with("MAIL FROM:<s@example.org> SIZE=7\r\n")) << p.wire;
  p.run("250 ok\r\n", 1000);
  EXPECT_TRUE(p.wire.ends_with("RCPT TO:<a@x.example>\r\n")) << p.wire;
  p.run("250 ok\r\n", 1000);
  EXPECT_TRUE(p.wire.ends_with("RCPT TO:<b@x.example>\r\n")) << p.wire;
}

TEST(ClientMachine, PipelinesTheGroupWhereOffered) {
  Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
  p.run(kPipelining, 1000);
  EXPECT_TRUE(p.wire.ends_with(
      "MAIL FROM:<s@example.org> SIZE=7\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"))
      << p.wire;
  Play q(ClientDialect::smtp, message_to({"a@x.example"}));
  q.machine.forgo_pipelining();
  q.run(kPipelining, 1000);
  EXPECT_TRUE(q.wire.ends_with("MAIL FROM:<s@example.org> SIZE=7\r\n")) << q.wire;
}

TEST(ClientMachine, PipelinedPartialAcceptance) {
  const auto script = after_hello(kPipelining, {"250 ok\r\n450 4.2.0 busy\r\n250 ok\r\n354 go\r\n", "250 queued\r\n"});
  for (std::size_t step = 1; step <= 80; ++step) {
    Play p = play(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}), script, step);
    EXPECT_EQ(p.results(), (Lines{"450 4.2.0 busy", "250 queued"})) << step;
    EXPECT_EQ(p.machine.state(), State::ready);
  }
}

TEST(ClientMachine, MailRefusedWithTheGroupOnItsWay) {
  Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
  p.run(std::string(kPipelining) + "550 5.7.1 not you\r\n503 no\r\n503 no\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::envelope);  // DATA's reply is still to come
  p.run("503 no\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::ready);
  EXPECT_EQ(p.results(), (Lines{"550 5.7.1 not you", "550 5.7.1 not you"}));
}

TEST(ClientMachine, AllRecipientsRefusedYet354IsAnsweredWithALoneDot) {
  Play p(ClientDialect::smtp, message_to({"a@x.example"}));
  p.run(std::string(kPipelining) + "250 ok\r\n550 5.1.1 no\r\n354 go\r\n", 1);
  EXPECT_TRUE(p.wire.ends_with("DATA\r\n.\r\n")) << p.wire;
  EXPECT_EQ(p.machine.state(), State::final_reply);
  p.run("250 queued, they say\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::ready);
  EXPECT_EQ(p.results(), Lines{"550 5.1.1 no"});  // the reply to the dot changes nothing
}

TEST(ClientMachine, NoDotWhereItWouldDeliverAnEmptyMessage) {
  Play p(ClientDialect::smtp, message_to({"a@x.example"}));
  p.run(std::string(kPipelining) + "451 4.7.1 later\r\n250 ok\r\n354 go\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::closed);
  EXPECT_TRUE(p.wire.ends_with("DATA\r\n")) << p.wire;
  EXPECT_EQ(p.results(), Lines{"451 4.7.1 later"});
}

TEST(ClientMachine, AllRefusedOneByOneResetsAndSendsNoData) {
  Play p(ClientDialect::smtp, message_to({"a@x.example"}));
  p.run(std::string(kPlain) + "250 ok\r\n550 5.1.1 no\r\n", 1);
  EXPECT_TRUE(p.wire.ends_with("RCPT TO:<a@x.example>\r\nRSET\r\n")) << p.wire;
  p.run("250 ok\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::ready);
}

TEST(ClientMachine, LmtpHasOneReplyPerAcceptedRecipient) {
  const auto script = after_hello(
      "220 l\r\n250-l\r\n250 PIPELINING\r\n",
      {"250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n", "250 2.0.0 a in\r\n452 4.2.2 c full\r\n"});
  for (std::size_t step = 1; step <= 80; ++step) {
    Play p = play(ClientDialect::lmtp, message_to({"a@x.example", "b@x.example", "c@x.example"}), script, step);
    EXPECT_TRUE(p.wire.starts_with("LHLO client.example\r\n"));
    EXPECT_EQ(p.results(), (Lines{"250 2.0.0 a in", "550 5.1.1 no", "452 4.2.2 c full"})) << step;
    EXPECT_EQ(p.machine.state(), State::ready);
  }
}

TEST(ClientMachine, LmtpLostBetweenFinalRepliesKeepsTheOnesReceived) {
  Play p = play(ClientDialect::lmtp, message_to({"a@x.example", "b@x.example"}),
                {"220 l\r\n250 l\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "250 2.0.0 a in\r\n"}, 1);
  EXPECT_EQ(p.machine.state(), State::final_reply);
  EXPECT_EQ(p.results()[0], "250 2.0.0 a in");
  EXPECT_TRUE(p.results()[1].starts_with("451 4.4.2 ")) << p.results()[1];
}

TEST(ClientMachine, LmtpWithout354ForNobody) {
  // RFC 2033 4.2: a server must refuse DATA here; after a lone dot no reply would come
  Play p(ClientDialect::lmtp, message_to({"a@x.example"}));
  p.run("220 l\r\n250-l\r\n250 PIPELINING\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n", 1);
  EXPECT_EQ(p.machine.state(), State::closed);
  EXPECT_EQ(p.results(), Lines{"550 5.1.1 no"});
}

TEST(ClientMachine, HeloAfterARefusedEhloButNotForLmtp) {
  Play p(ClientDialect::smtp, message_to({"a@x.example"}));
  p.run("220 old\r\n502 what\r\n250 old\r\n", 1);
  EXPECT_EQ(p.wire, "EHLO client.example\r\nHELO client.example\r\nMAIL FROM:<s@example.org>\r\n");
  Play q(ClientDialect::lmtp, message_to({"a@x.example"}));
  q.run("220 old\r\n502 what\r\n", 1);
  EXPECT_TRUE(q.failed);
  EXPECT_EQ(q.machine.state(), State::closed);
  EXPECT_EQ(q.machine.error()->kind, ErrorKind::refused);
}

TEST(ClientMachine, GreetingsOfManyLinesAndRefusals) {
  Play p(ClientDialect::smtp, message_to({"a@x.example"}));
  p.run("220-mx one\r\n220-two\r\n220 three\r\n", 1);
  EXPECT_EQ(p.wire, "EHLO client.example\r\n");
  for (const char* greeting : {"554 no\r\n", "421 busy\r\n", "450 later\r\n"}) {
    Play q(ClientDialect::smtp, message_to({"a@x.example"}));
    q.run(greeting, 1);
    EXPECT_TRUE(q.failed);
    EXPECT_EQ(q.machine.error()->kind, ErrorKind::refused);
    EXPECT_EQ(q.wire, std::string_view(greeting).starts_with("421") ? "" : "QUIT\r\n");
  }
}

TEST(ClientMachine, FourTwentyOneAnywhereIsTheResultOfWhoHasNone) {
  const std::string script = std::string(kPlain) + "250 ok\r\n250 ok\r\n250 ok\r\n";
  std::size_t replies = 0;
  for (std::size_t at = kPlain.size(); at <= script.size(); at = script.find("\r\n", at) + 2) {
    Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
    p.run(script.substr(0, at) + "421 4.3.2 going down\r\n", 1);
    EXPECT_FALSE(p.failed);
    EXPECT_EQ(p.machine.state(), State::closed);
    EXPECT_EQ(p.results(), (Lines{"421 4.3.2 going down", "421 4.3.2 going down"})) << at;
    ++replies;
    if (at == script.size()) break;
  }
  EXPECT_EQ(replies, 4U);
}

TEST(ClientMachine, AnEarlyPromiseInTheTextIsNotBelieved) {
  for (const auto& [early, expected] : std::vector<std::pair<std::string, std::string>>{
           {"250 got it\r\n", "451 4.5.0"}, {"552 5.3.4 too much\r\n", "552 5.3.4 too much"}}) {
    ClientMachine machine(ClientDialect::smtp, "c");
    ASSERT_TRUE(machine.receive(kPlain));
    ASSERT_TRUE(machine.send_message(message_to({"a@x.example"})));
    ASSERT_TRUE(machine.receive("250 ok\r\n250 ok\r\n354 go\r\n"));
    ASSERT_EQ(machine.state(), State::body);
    machine.body("half");
    static_cast<void>(machine.receive(early));
    EXPECT_EQ(machine.state(), State::closed);
    EXPECT_TRUE(machine.results()[0].line().starts_with(expected)) << machine.results()[0].line();
  }
}

TEST(ClientMachine, StarttlsForgetsTheOffer) {
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive("220 mx\r\n250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n"));
  EXPECT_TRUE(machine.offer().starttls);
  EXPECT_EQ(machine.offer().auth, "PLAIN");
  machine.output().clear();
  machine.starttls();
  EXPECT_EQ(machine.output(), "STARTTLS\r\n");
  machine.output().clear();
  ASSERT_TRUE(machine.receive("220 go\r\n"));
  ASSERT_EQ(machine.state(), State::tls);
  ASSERT_TRUE(machine.tls_started());
  EXPECT_FALSE(machine.offer().starttls);
  EXPECT_FALSE(machine.offer().pipelining);
  EXPECT_EQ(machine.offer().auth, "");
  EXPECT_EQ(machine.output(), "EHLO c\r\n");
  ASSERT_TRUE(machine.receive("250 mx\r\n"));
  EXPECT_EQ(machine.state(), State::ready);
}

TEST(ClientMachine, ResponseInjectionAtEverySplit) {
  const std::string reply = "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n";
  for (std::size_t cut = 0; cut < reply.size(); ++cut) {
    ClientMachine machine(ClientDialect::smtp, "c");
    ASSERT_TRUE(machine.receive("220 mx\r\n250-mx\r\n250 STARTTLS\r\n"));
    machine.starttls();
    const bool first = machine.receive(reply.substr(0, cut)).has_value();
    const bool second = machine.receive(reply.substr(cut)).has_value();
    EXPECT_FALSE(first && second) << cut;
    EXPECT_FALSE(machine.tls_started()) << cut;
    EXPECT_EQ(machine.state(), State::closed);
    EXPECT_EQ(machine.offer().auth, "");
  }
}

TEST(ClientMachine, StarttlsRefusedLeavesItReady) {
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive("220 mx\r\n250-mx\r\n250 STARTTLS\r\n"));
  machine.starttls();
  ASSERT_TRUE(machine.receive("454 4.7.0 no TLS now\r\n"));
  EXPECT_EQ(machine.state(), State::ready);
  EXPECT_EQ(machine.last_reply().code, 454);
}

TEST(ClientMachine, SizeIsCheckedAtNAndNPlusOne) {
  for (const std::uint64_t size : {1000U, 1001U}) {
    ClientMachine machine(ClientDialect::smtp, "c");
    ASSERT_TRUE(machine.receive(kPipelining));
    machine.output().clear();
    ClientMessage message = message_to({"a@x.example"});
    message.size = size;
    const bool taken = machine.send_message(message).has_value();
    EXPECT_EQ(taken, size == 1000);
    EXPECT_EQ(machine.output().empty(), size != 1000);
    if (!taken) {
      EXPECT_EQ(machine.results()[0].enhanced, (EnhancedCode{5, 3, 4}));
      EXPECT_EQ(machine.state(), State::ready);
    }
  }
}

TEST(ClientMachine, EightBitAndUtf8AreDeclaredWhereOffered) {
  ClientMessage message = message_to({"j\xC3\xBCrg@x.example"});
  message.eight_bit = true;
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kPipelining));
  machine.output().clear();
  ASSERT_TRUE(machine.send_message(message));
  EXPECT_TRUE(machine.output().starts_with("MAIL FROM:<s@example.org> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"))
      << machine.output();
  ClientMachine old(ClientDialect::smtp, "c");
  ASSERT_TRUE(old.receive(kPlain));
  old.output().clear();
  EXPECT_FALSE(old.send_message(message));
  EXPECT_EQ(old.output(), "");
  EXPECT_EQ(old.results()[0].enhanced, (EnhancedCode{5, 6, 7}));
}

TEST(ClientMachine, PathsThatWouldBreakTheCommandAreNeverSent) {
  using namespace std::string_literals;
  for (const std::string& bad : {"a@x\r\nRSET"s, "a@x\n"s, "a\0@x"s, "a@x> SIZE=1"s, "a b@x"s, "<a@x"s, "\"a@x"s,
                                 "\"a\\"s, ""s, std::string(999, 'a')}) {
    ClientMachine machine(ClientDialect::smtp, "c");
    ASSERT_TRUE(machine.receive(kPlain));
    machine.output().clear();
    EXPECT_FALSE(machine.send_message(message_to({bad})));
    EXPECT_EQ(machine.output(), "");
    EXPECT_EQ(machine.results()[0].enhanced, (EnhancedCode{5, 1, 3}));
  }
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kPlain));
  machine.output().clear();
  // one bad among good: the good ones go
  EXPECT_TRUE(machine.send_message(message_to({"a@x\r\n", "\"a> b\"@x.example"})));
  ASSERT_TRUE(machine.receive("250 ok\r\n"));
  EXPECT_TRUE(machine.output().ends_with("RCPT TO:<\"a> b\"@x.example>\r\n")) << machine.output();
}

TEST(ClientMachine, TheWindowHoldsAtItsLimit) {
  std::vector<std::string> to;
  for (std::size_t i = 0; i < kPipelineMax + 50; ++i) to.push_back("u" + std::to_string(i) + "@x.example");
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kPipelining));
  machine.output().clear();
  ASSERT_TRUE(machine.send_message(message_to(to)));
  const auto commands = [&] { return std::ranges::count(machine.output(), '\n'); };
  EXPECT_EQ(commands(), static_cast<std::ptrdiff_t>(kPipelineMax));
  ASSERT_TRUE(machine.receive("250 ok\r\n"));
  EXPECT_EQ(commands(), static_cast<std::ptrdiff_t>(kPipelineMax) + 1);
  for (std::size_t i = 0; i < to.size(); ++i) ASSERT_TRUE(machine.receive("250 ok\r\n"));
  EXPECT_TRUE(machine.output().ends_with("\r\nDATA\r\n"));
  EXPECT_EQ(commands(), static_cast<std::ptrdiff_t>(to.size()) + 2);
}

TEST(ClientMachine, TooManyRecipientsByItsOldCodeIsTemporary) {
  Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
  p.run(std::string(kPlain) + "250 ok\r\n552 too many\r\n552 5.2.2 full\r\n", 1);
  EXPECT_EQ(p.machine.results()[0].code, 452);  // RFC 5321 4.5.3.1.10
  EXPECT_EQ(p.machine.results()[1].code, 552);
}

TEST(ClientMachine, RepliesNobodyAskedForEndIt) {
  ClientMachine machine(ClientDialect::smtp, "c");
  EXPECT_FALSE(machine.receive(std::string(kPlain) + "250 surprise\r\n"));
  EXPECT_EQ(machine.state(), State::closed);
  EXPECT_EQ(machine.error()->kind, ErrorKind::protocol);
  ClientMachine idle(ClientDialect::smtp, "c");
  EXPECT_TRUE(idle.receive(std::string(kPlain) + "421 idle too long\r\n"));
  EXPECT_EQ(idle.state(), State::closed);
}

TEST(ClientMachine, GarbageMidwayIsAProtocolErrorForTheRest) {
  Play p(ClientDialect::smtp, message_to({"a@x.example", "b@x.example"}));
  p.run(std::string(kPlain) + "250 ok\r\n550 5.1.1 no\r\nHTTP/1.1 200\r\n", 1);
  EXPECT_TRUE(p.failed);
  EXPECT_EQ(p.results()[0], "550 5.1.1 no");
  EXPECT_TRUE(p.results()[1].starts_with("451 4.5.0")) << p.results()[1];
}

TEST(ClientMachine, SecondMessageAndQuitOnOneConnection) {
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kPlain));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(machine.send_message(message_to({"a@x.example"})));
    ASSERT_TRUE(machine.receive("250 ok\r\n250 ok\r\n354 go\r\n"));
    machine.body("x\r\n");
    machine.end_body();
    ASSERT_TRUE(machine.receive("250 number " + std::to_string(i) + "\r\n"));
    ASSERT_EQ(machine.state(), State::ready);
    EXPECT_EQ(machine.results()[0].text, "number " + std::to_string(i));
  }
  machine.output().clear();
  machine.quit();
  EXPECT_EQ(machine.output(), "QUIT\r\n");
  ASSERT_TRUE(machine.receive("221 bye\r\n"));
  EXPECT_EQ(machine.state(), State::closed);
  EXPECT_FALSE(machine.error().has_value());
}

TEST(ClientMachine, AuthTakesAChallengeAndComesBackToReady) {
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kPlain));
  machine.output().clear();
  machine.auth("LOGIN", "");
  EXPECT_EQ(machine.output(), "AUTH LOGIN\r\n");
  ASSERT_TRUE(machine.receive("334 VXNlcm5hbWU6\r\n"));
  EXPECT_EQ(machine.state(), State::auth);
  EXPECT_EQ(machine.last_reply().code, 334);
  machine.output().clear();
  machine.auth_response("YQ==");
  EXPECT_EQ(machine.output(), "YQ==\r\n");
  ASSERT_TRUE(machine.receive("535 5.7.8 no\r\n"));
  EXPECT_EQ(machine.state(), State::ready);
  EXPECT_EQ(machine.last_reply().code, 535);
}

TEST(ClientMachine, StagesStopWhereAsked) {
  struct Row {
    ClientStage stage;
    std::string_view ends;
  };
  for (const Row& row : {Row{ClientStage::mail, "MAIL FROM:<s@example.org> SIZE=7\r\n"},
                         Row{ClientStage::rcpt, "RCPT TO:<a@x.example>\r\n"}, Row{ClientStage::data, "DATA\r\n"}}) {
    Play p(ClientDialect::smtp, message_to({"a@x.example"}));
    p.machine.stop_after(row.stage);
    std::string script(kPipelining);
    script += "250 2.1.0 sender\r\n";
    if (row.stage >= ClientStage::rcpt) script += "250 2.1.5 recipient\r\n";
    if (row.stage >= ClientStage::data) script += "354 go\r\n";
    p.run(script, 1);
    EXPECT_TRUE(p.wire.ends_with(row.ends)) << p.wire;
    EXPECT_TRUE(p.machine.results()[0].positive());
    EXPECT_EQ(p.machine.state(), row.stage == ClientStage::data ? State::closed : State::ready);
  }
  ClientMachine machine(ClientDialect::smtp, "c");
  machine.stop_after(ClientStage::greeting);
  ASSERT_TRUE(machine.receive("220 mx\r\n"));
  EXPECT_EQ(machine.state(), State::ready);
  EXPECT_EQ(machine.output(), "");
}

constexpr std::string_view kAll =
    "220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250-REQUIRETLS\r\n250-MT-PRIORITY MIXER\r\n"
    "250-DELIVERBY 60\r\n250-CHUNKING\r\n250-LIMITS RCPTMAX=20 MAILMAX=5 FUTURE=1 bad\r\n250 SIZE\r\n";

std::string said(const ClientMessage& message, std::string_view opening) {
  ClientMachine machine(ClientDialect::smtp, "c");
  EXPECT_TRUE(machine.receive(opening));
  machine.output().clear();
  if (!machine.send_message(message)) return "refused: " + machine.results().front().line();
  return machine.output();
}

TEST(ClientMachine, WhatTheSenderAskedForTravelsWhereItIsOffered) {
  ClientMessage message = message_to({"a@x.example", "b@x.example"});
  message.parameters = {{"SUCCESS,FAILURE", "rfc822;a+40x"}, {"", ""}};
  message.envid = "E1";
  message.ret = "HDRS";
  message.require_tls = true;
  message.priority = -3;
  message.deliver_by = DeliverBy{120, true, true};
  EXPECT_EQ(said(message, kAll),
            "MAIL FROM:<s@example.org> SIZE=7 RET=HDRS ENVID=E1 REQUIRETLS MT-PRIORITY=-3 BY=120;RT\r\n"
            "RCPT TO:<a@x.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+40x\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
  message.require_tls = false;
  message.deliver_by = DeliverBy{120, false, false};
  EXPECT_EQ(said(message, kPlain), "MAIL FROM:<s@example.org> SIZE=7\r\n");
  message.envid = "a b";
  message.ret = "ALL";
  message.parameters = {{"NEVER\r\nRSET", std::string(501, 'x')}, {"", ""}};
  EXPECT_EQ(said(message, kAll).find("ENVID"), std::string::npos) << "it would break the line";
  EXPECT_EQ(said(message, kAll).find("NOTIFY"), std::string::npos);
  EXPECT_EQ(said(message, kAll).find("ORCPT"), std::string::npos);
}

TEST(ClientMachine, WhatCannotBeKeptIsRefusedHere) {
  ClientMessage message = message_to({"a@x.example"});
  message.require_tls = true;
  EXPECT_TRUE(said(message, kPlain).starts_with("refused: 550 5.7.30"));
  message.require_tls = false;
  message.deliver_by = DeliverBy{120, true, false};
  EXPECT_TRUE(said(message, kPlain).starts_with("refused: 550 5.3.3"));
  message.deliver_by->seconds = 60;
  EXPECT_TRUE(said(message, kAll).starts_with("MAIL"));
  message.deliver_by->seconds = 59;
  EXPECT_TRUE(said(message, kAll).starts_with("refused: 550 5.4.7")) << "less than the server's least";
  message.deliver_by.reset();
  message.eight_bit = true;
  EXPECT_TRUE(said(message, kPlain).starts_with("MAIL")) << "servers of our own";
  message.strict = true;
  EXPECT_TRUE(said(message, kPlain).starts_with("refused: 554 5.6.3"));
  EXPECT_NE(said(message, kAll).find("BODY=8BITMIME"), std::string::npos);
}

TEST(ClientMachine, LimitsAreRead) {
  ClientMachine machine(ClientDialect::smtp, "c");
  ASSERT_TRUE(machine.receive(kAll));
  EXPECT_EQ(machine.offer().recipients_max, 20U);
  EXPECT_EQ(machine.offer().messages_max, 5U);
  EXPECT_EQ(machine.offer().deliver_by, 60U);
  EXPECT_TRUE(machine.offer().require_tls && machine.offer().priority);
}

TEST(ClientMachine, StrictMessagesGoInOneChunkWhereOffered) {
  for (std::size_t step = 1; step < 40; ++step) {
    ClientMessage message = message_to({"a@x.example", "b@x.example"});
    message.strict = true;
    Play p(ClientDialect::smtp, message);
    p.body = "Hi\r\n.\r\n";
    p.message.size = p.body.size();
    p.run(kAll.substr(0, 8), step).run(kAll.substr(8), step).run("250 ok\r\n250 ok\r\n550 no\r\n", step);
    EXPECT_TRUE(p.wire.ends_with("RCPT TO:<b@x.example>\r\nBDAT 7 LAST\r\nHi\r\n.\r\n")) << p.wire;
    p.run("250 taken\r\n", step);
    EXPECT_EQ(p.results(), (Lines{"250 taken", "550 no"}));
    EXPECT_TRUE(p.machine.dsn_passed());
    EXPECT_EQ(p.machine.state(), State::ready);
  }
}

TEST(ClientMachine, NobodyTakenNoChunk) {
  ClientMessage message = message_to({"a@x.example"});
  message.strict = true;
  Play p(ClientDialect::smtp, message);
  p.run(kAll.substr(0, 8), 99).run(kAll.substr(8), 999).run("250 ok\r\n550 no\r\n", 99).run("250 reset\r\n", 99);
  EXPECT_TRUE(p.wire.ends_with("RCPT TO:<a@x.example>\r\nRSET\r\n")) << p.wire;
  EXPECT_EQ(p.machine.state(), State::ready);
}

TEST(ClientMachine, AStrictMessageWithABareEndOfLineIsNeverFinished) {
  for (const char* body : {"A: b\n", "A\rb\r\n", "Hi\r\n\r", "\nHi\r\n"}) {
    for (const std::string_view opening : {kAll, kPipelining}) {
      ClientMessage message = message_to({"a@x.example"});
      message.strict = true;
      Play p(ClientDialect::smtp, message);
      p.body = body;
      p.message.size = p.body.size();
      p.run(opening.substr(0, 8), 999).run(opening.substr(8), 999).run("250 ok\r\n250 ok\r\n", 99);
      if (opening == kPipelining) p.run("354 go\r\n", 99);
      EXPECT_EQ(p.machine.state(), State::closed);
      EXPECT_EQ(p.results().at(0).substr(0, 9), "554 5.6.0");
      EXPECT_FALSE(p.wire.ends_with("\r\n.\r\n"));
    }
  }
}

TEST(ClientMachine, AChunkHasTheLengthThatWasSaid) {
  for (const std::uint64_t size : {6U, 7U, 8U}) {
    ClientMessage message = message_to({"a@x.example"});
    message.strict = true;
    Play p(ClientDialect::smtp, message);
    p.body = "Hi\r\n.\r\n";
    p.message.size = size;
    p.run(kAll.substr(0, 8), 999).run(kAll.substr(8), 999).run("250 ok\r\n250 ok\r\n", 99);
    EXPECT_EQ(p.machine.state(), size == 7 ? State::final_reply : State::closed) << size;
  }
}

TEST(LineCheck, EverySplit) {
  const struct {
    std::string text;
    bool good;
  } kCases[] = {{"", true},        {"a\r\n", true},   {"\r\n\r\n", true},   {"a", true},
                {"\n", false},     {"a\n", false},    {"\r", false},        {"a\rb", false},
                {"\r\r\n", false}, {"\r\n\n", false}, {"a\r\nb\r\n", true}, {"a\r\n\rb", false}};
  for (const auto& one : kCases) {
    for (std::size_t cut = 0; cut <= one.text.size(); ++cut) {
      LineCheck check;
      const bool first = check.add(std::string_view(one.text).substr(0, cut));
      const bool second = check.add(std::string_view(one.text).substr(cut));
      EXPECT_EQ(check.finish() && first && second, one.good) << testing::PrintToString(one.text) << " at " << cut;
    }
  }
}

}  // namespace
}  // namespace postern::smtp
