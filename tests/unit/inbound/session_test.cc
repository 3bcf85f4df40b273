#include "base/text.h"
#include "session_fixture.h"

namespace postern::inbound {
namespace {

using io::testing::PipeStream;
using Codes = std::vector<int>;

const std::string kHello = "EHLO client.example\r\n";
const std::string kEnvelope = "MAIL FROM:<you@example.net>\r\nRCPT TO:<alice@example.org>\r\n";
const std::string kMessage = "Subject: hi\r\n\r\nbody\r\n..\r\n";
const std::string kStored = "Subject: hi\r\n\r\nbody\r\n.\r\n";

std::string without_trace(const std::string& body) {
  const auto end = body.find("\r\nSubject:");
  return end == std::string::npos ? body : body.substr(end + 2);
}

class SessionTest : public SessionFixture {};

TEST_F(SessionTest, AMessageIsStoredWithItsTraceInAnySplit) {
  const std::string text = kHello + kEnvelope + "DATA\r\n" + kMessage + ".\r\nQUIT\r\n";
  std::size_t runs = 0;
  for (std::size_t piece = 1; piece <= text.size(); piece += piece < 40 ? 1 : 37) {
    const std::string sent = say(text, piece);
    EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 250, 354, 250, 221})) << "pieces of " << piece << ": " << sent;
    ++runs;
  }
  const auto bodies = stored();
  ASSERT_EQ(bodies.size(), runs);
  for (const std::string& body : bodies) {
    EXPECT_EQ(without_trace(body), kStored);
    EXPECT_TRUE(
        body.starts_with("Received: from client.example ([IPv6:2001:db8::1])\r\n\tby mx.example.org with ESMTP "))
        << body;
    EXPECT_NE(body.find("for <alice@example.org>;"), std::string::npos);
  }
  EXPECT_EQ(envelope(0).reverse_path, "you@example.net");
  EXPECT_EQ(envelope(0).client, "[2001:db8::1]:4711");
  EXPECT_EQ(gate.bytes(), 0U);
  EXPECT_EQ(gate.sessions(), 0U);
}

TEST_F(SessionTest, BdatIsStoredAsSentAndGetsItsLastLineEnd) {
  const std::string sent = say(kHello + kEnvelope + "BDAT 4\r\nA: \nBDAT 0\r\nBDAT 7 LAST\r\n.\r\n..\r\n" + kEnvelope +
                               "BDAT 10 LAST\r\nSubject: Q" + "QUIT\r\n");
  // The first has a bare line feed: refused at its end, and the session goes on
  EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 250, 250, 250, 550, 250, 250, 250, 221})) << sent;
  const auto bodies = stored();
  ASSERT_EQ(bodies.size(), 1U);
  EXPECT_EQ(without_trace(bodies[0]), "Subject: Q\r\n");
}

TEST_F(SessionTest, LargeMessagesAreStreamedAndStayInOrder) {
  std::string body = "Subject: large\r\n\r\n";
  for (int i = 0; body.size() < 900000; ++i) body += std::to_string(i) + std::string(70, 'x') + "\r\n";
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{65536}, std::size_t{50001}}) {
    const std::string sent = say(kHello + kEnvelope + "DATA\r\n" + body + ".\r\n" + kEnvelope + "BDAT " +
                                     std::to_string(body.size()) + " LAST\r\n" + body + "QUIT\r\n",
                                 piece);
    EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 250, 354, 250, 250, 250, 250, 221})) << sent;
  }
  const auto bodies = stored();
  ASSERT_EQ(bodies.size(), 6U);
  for (const std::string& got : bodies) EXPECT_TRUE(without_trace(got) == body);
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(SessionTest, RecipientsAreDecidedAtRcpt) {
  const std::string sent = say(kHello +
                               "MAIL FROM:<>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
                               "RCPT TO:<postmaster>\r\nRCPT TO:<abuse@Example.ORG>\r\nRCPT TO:<team@example.org>\r\n"
                               "RCPT TO:<bob+tag@example.org>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n");
  EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 550, 550, 250, 250, 250, 250, 354, 250, 221})) << sent;
  EXPECT_NE(sent.find("550 5.1.1 "), std::string::npos);
  EXPECT_NE(sent.find("550 5.7.1 "), std::string::npos);
  std::vector<std::string> paths;
  for (const auto& recipient : envelope(0).recipients) paths.push_back(recipient.forward_path);
  EXPECT_EQ(paths, (std::vector<std::string>{"alice@example.org", "bob@example.org"}));  // each mailbox once
  EXPECT_EQ(stored()[0].find("\tfor <"), std::string::npos);  // several recipients: none is named
}

TEST_F(SessionTest, RefusalsCarryOneIdAndTheRecordIsFoundByIt) {
  const std::string sent = say(kHello + kEnvelope + "RCPT TO:<nobody@example.org>\r\nNONSENSE\r\nQUIT\r\n");
  std::string id;
  std::size_t tagged = 0;
  std::string_view rest = sent;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    if (line[0] == '4' || line[0] == '5') {
      ASSERT_GT(line.size(), 18U);
      const std::string here(line.substr(line.size() - 17, 16));
      EXPECT_TRUE(Id::parse(here).has_value()) << line;
      if (!id.empty()) EXPECT_EQ(here, id);
      id = here;
      ++tagged;
    }
    rest.remove_prefix(line.size() + 2);
  }
  EXPECT_EQ(tagged, 2U);
}

TEST_F(SessionTest, StorageNeverLies) {
  faults.commit_fails = true;
  const std::string two = kHello + kEnvelope + "DATA\r\n" + kMessage + ".\r\n";
  std::string sent = say(two + "RCPT TO:<bob@example.org>\r\nQUIT\r\n");
  EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 250, 354, 451, 503, 221})) << sent;
  faults.commit_fails = false;
  EXPECT_TRUE(store->list(std::nullopt, 10).empty());
  faults.begin_full = true;
  sent = say(kHello + kEnvelope + "QUIT\r\n");
  EXPECT_NE(sent.find("452 4.3.1"), std::string::npos) << sent;
  faults.begin_full = false;
  faults.begin_sick = true;
  sent = say(kHello + kEnvelope + "QUIT\r\n");
  EXPECT_NE(sent.find("451 4.3.0"), std::string::npos) << sent;
  faults.begin_sick = false;
  EXPECT_EQ(codes(say(two + "QUIT\r\n")), (Codes{220, 250, 250, 250, 354, 250, 221}));
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(SessionTest, TheEndOfTheConnectionInAnyStateStoresNothing) {
  const std::string text = kHello + kEnvelope + "DATA\r\n" + kMessage + ".\r\n";
  const std::string chunked = kHello + kEnvelope + "BDAT 20\r\n01234567890123456789BDAT 5 LAST\r\nabc\r\n";
  for (const std::string& whole : {text, chunked}) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      say(whole.substr(0, cut));
      ASSERT_TRUE(store->list(std::nullopt, 1).empty()) << cut;
      for (const ErrorKind kind : {ErrorKind::closed, ErrorKind::network}) {
        converse([&](PipeStream& stream, Session&) {
          stream.push(whole.substr(0, cut));
          stream.fail_receive(kind);
        });
      }
      ASSERT_TRUE(store->list(std::nullopt, 1).empty()) << cut;
      ASSERT_EQ(gate.bytes(), 0U);
      ASSERT_EQ(gate.sessions(), 0U);
    }
  }
}

TEST_F(SessionTest, BodiesThatMustNotPassAreRefusedAndNothingLeaks) {
  configure([](Settings& settings) {
    settings.limits.message_size = 1000;
    settings.limits.text_line = 500;
    settings.received_max = 3;
    settings.header_fields_max = 10;
    settings.header_bytes_max = 400;
  });
  struct Case {
    std::string body;
    std::string reply;
  };
  const std::string hop = "Received: x\r\n";
  const std::vector<Case> cases = {
      {"Subject: a\r\n\r\nx\ny\r\n", "550 5.6.0 Message has a bare LF"},
      {"Subject: a\r\n\r\nx\ry\r\n", "550 5.6.0 Message has a bare CR"},
      {std::string("Subject: a\r\n\r\nx\0y\r\n", 19), "550 5.6.0 Message has a NUL"},
      {"Subject: a\r\n\r\n" + std::string(501, 'x') + "\r\n", "550 5.6.0 Message has a line"},
      {"Subject: a\r\n\r\n" + std::string(400, 'x') + "\r\n" + std::string(400, 'x') + "\r\n" + std::string(400, 'x') +
           "\r\n",
       "552 5.3.4 Message is larger"},
      {hop + hop + hop + "Subject: a\r\n\r\n", "250 2.0.0"},
      {hop + hop + hop + hop + "Subject: a\r\n\r\n", "554 5.4.6"},
      {"A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n", "250 2.0.0"},
      {"A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n",
       "552 5.3.4 Message header"},
      {"A: 1\r\nA\r\nA 1\r\n\x01: 1\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\nA\r\n\r\n", "552 5.3.4 Message header"},
      {"A: " + std::string(400, 'x') + "\r\n\r\n", "552 5.3.4 Message header"},
  };
  for (const Case& c : cases) {
    const std::string sent =
        say(kHello + kEnvelope + "DATA\r\n" + c.body + ".\r\nRCPT TO:<bob@example.org>\r\nQUIT\r\n");
    EXPECT_NE(sent.find("\r\n" + c.reply), std::string::npos) << c.body << "\n" << sent;
    EXPECT_NE(sent.find("\r\n503 "), std::string::npos) << "the transaction must be gone\n" << sent;
  }
  EXPECT_EQ(store->list(std::nullopt, 100).size(), 2U);
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(SessionTest, BytesInFlightAreBounded) {
  configure([](Settings& settings) { settings.sessions.bytes_in_flight = 64 * 1024; });
  EXPECT_EQ(codes(say(kHello + kEnvelope + "DATA\r\n" + kMessage + ".\r\nQUIT\r\n")),
            (Codes{220, 250, 250, 250, 354, 250, 221}));
  std::string big = "Subject: big\r\n\r\n";
  while (big.size() < 200000) big += std::string(70, 'x') + "\r\n";
  const std::string sent = say(kHello + kEnvelope + "DATA\r\n" + big + ".\r\nQUIT\r\n");
  EXPECT_NE(sent.find("452 4.3.1 Too much mail"), std::string::npos) << sent;
  EXPECT_EQ(gate.bytes(), 0U);
  ASSERT_TRUE(gate.take_bytes(ip::Address::loopback(ip::Family::v6), 64 * 1024, 0, runtime->settings.sessions));
  const std::string busy = say(kHello + kEnvelope + "DATA\r\nQUIT\r\n");
  EXPECT_EQ(codes(busy), (Codes{220, 250, 250, 250, 452, 221})) << busy;
}

TEST_F(SessionTest, SilenceIsTold421AndNothingIsStored) {
  for (const bool body : {false, true}) {
    const auto outcome = converse([body](PipeStream& stream, Session&) {
      stream.push(kHello + kEnvelope + (body ? "DATA\r\nSubject: half\r\n" : ""));
      stream.fail_receive(ErrorKind::timeout);
    });
    EXPECT_EQ(codes(outcome.sent).back(), 421) << outcome.sent;
    EXPECT_NE(outcome.sent.find("421 4.4.2 "), std::string::npos);
    EXPECT_EQ(outcome.sent.find("message stopped") != std::string::npos, body) << outcome.sent;
    EXPECT_TRUE(outcome.closed);
  }
  EXPECT_TRUE(store->list(std::nullopt, 1).empty());
}

TEST_F(SessionTest, ADrainTellsTheIdleAndLetsATransactionEnd) {
  const auto idle = converse([this](PipeStream& stream, Session& session) {
    stream.push(kHello);
    loop.post([&session] { session.drain(); });
  });
  EXPECT_EQ(codes(idle.sent), (Codes{220, 250, 421})) << idle.sent;
  const auto busy = converse([this](PipeStream& stream, Session& session) {
    stream.push(kHello + kEnvelope + "DATA\r\nSubject: x\r\n\r\n");
    loop.post([&session] { session.drain(); });
    loop.post([&stream] { stream.push(".\r\n"); });
  });
  EXPECT_EQ(codes(busy.sent), (Codes{220, 250, 250, 250, 354, 250, 421})) << busy.sent;
  EXPECT_EQ(stored().size(), 1U);
  const auto cancelled = converse([this](PipeStream& stream, Session& session) {
    stream.push(kHello + kEnvelope + "DATA\r\nSubject: never\r\n\r\n");
    loop.post([&session] { session.cancel(); });
  });
  EXPECT_EQ(codes(cancelled.sent).back(), 354) << cancelled.sent;
  EXPECT_EQ(stored().size(), 1U);
}

TEST_F(SessionTest, ProxyHeadersComeFromThoseWhoMustSendThem) {
  configure([](Settings& settings) {
    settings.listeners[0].proxy_from = {*ip::Prefix::parse("2001:db8::/64")};
    settings.sessions.v4_32 = 0;
  });
  const std::string header = "PROXY TCP6 2001:db8:9::7 2001:db8::25 4000 25\r\n";
  const std::string text = header + kHello + kEnvelope + "DATA\r\n" + kMessage + ".\r\nQUIT\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    EXPECT_EQ(codes(say(text, piece)), (Codes{220, 250, 250, 250, 354, 250, 221})) << piece;
  }
  EXPECT_EQ(envelope(0).client, "[2001:db8:9::7]:4000");
  // The limits look at the client, not at the proxy
  EXPECT_EQ(codes(say("PROXY TCP4 192.0.2.1 192.0.2.25 4000 25\r\n")), (Codes{421}));
  EXPECT_EQ(say("EHLO x\r\n"), "");
  EXPECT_EQ(say(""), "");
  // Whoever is not named and sends one has sent nonsense
  const auto stranger = converse(
      [&](PipeStream& stream, Session&) {
        stream.push(header + "QUIT\r\n");
        stream.end();
      },
      "[2001:db8:1::1]:99");
  EXPECT_EQ(codes(stranger.sent), (Codes{220, 500, 221})) << stranger.sent;
  EXPECT_EQ(gate.sessions(), 0U);
}

// Commands and no end of them in one piece: the replies are sent as they gather, not held until the last.
TEST_F(SessionTest, RepliesToAPipeliningClientStayWithinTheirBound) {
  configure([](Settings& settings) {
    settings.limits.commands = 100000;
    settings.limits.recipients = 100000;
  });
  std::string helps, recipients;
  for (int i = 0; i < 10000; ++i) helps += "HELP\r\n";
  for (int i = 0; i < 2000; ++i) recipients += "RCPT TO:<alice@example.org>\r\n";
  for (const std::string& flood : {helps, recipients}) {
    std::size_t most = 0;
    const auto outcome = converse([&](PipeStream& stream, Session&) {
      stream.on_send([&most](std::string_view bytes) { most = std::max(most, bytes.size()); });
      stream.push(kHello + "MAIL FROM:<you@example.net>\r\n" + flood + "RSET\r\nQUIT\r\n");
      stream.end();
    });
    const auto list = codes(outcome.sent);
    EXPECT_EQ(list.size(), (flood == helps ? 10000U : 2000U) + 5U);
    EXPECT_EQ(list.back(), 221);
    EXPECT_LT(most, smtp::ServerMachine::kOutputMax + 1024);
  }
}

// What goes wrong inside costs the session, not the place that it took.
TEST_F(SessionTest, AnExceptionGivesBackWhatTheGateCounted) {
  const auto outcome = converse([](PipeStream& stream, Session&) {
    stream.push(kHello + kEnvelope + "DATA\r\n");
    stream.push("Subject: x\r\n\r\n.\r\n");
    stream.on_send([](std::string_view bytes) {
      if (bytes.find("354") != std::string_view::npos) throw std::bad_alloc();
    });
  });
  EXPECT_EQ(outcome.sent, "");
  EXPECT_EQ(gate.sessions(), 0U);
  EXPECT_EQ(gate.tracked_prefixes(), 0U);
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(SessionTest, TheEndOfADrainIsSaidInATransactionToo) {
  for (const bool body : {false, true}) {
    const auto outcome = converse([&](PipeStream& stream, Session& session) {
      stream.push(kHello + kEnvelope + (body ? "DATA\r\nSubject: never\r\n" : ""));
      loop.post([&session] { session.drain(); });
      loop.post([&session] { session.drain_ends(); });
    });
    EXPECT_EQ(codes(outcome.sent).back(), 421) << outcome.sent;
    EXPECT_NE(outcome.sent.find("421 4.3.2 "), std::string::npos) << outcome.sent;
    EXPECT_TRUE(outcome.closed);
  }
  EXPECT_TRUE(store->list(std::nullopt, 1).empty());
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(SessionTest, WhoIsNotYetGreetedAtADrainIsToldAtOnce) {
  configure([](Settings& settings) { settings.listeners[0].proxy_from = {*ip::Prefix::parse("2001:db8::/64")}; });
  const auto outcome = converse([this](PipeStream& stream, Session& session) {
    loop.post([&session] { session.drain(); });
    loop.post([&stream] { stream.push("PROXY TCP6 2001:db8:9::7 2001:db8::25 4000 25\r\n"); });
  });
  EXPECT_EQ(codes(outcome.sent), Codes{421}) << outcome.sent;
  EXPECT_EQ(gate.sessions(), 0U);
}

TEST_F(SessionTest, AFailedSendEndsTheSession) {
  const auto outcome = converse([](PipeStream& stream, Session&) {
    stream.push(kHello + kEnvelope);
    stream.fail_send(ErrorKind::closed);
  });
  EXPECT_EQ(outcome.sent, "");
  EXPECT_TRUE(outcome.closed);
  EXPECT_EQ(gate.sessions(), 0U);
}

TEST_F(SessionTest, RelayIsForNobodyUnlessListed) {
  configure([](Settings& settings) { settings.relay_from = {*ip::Prefix::parse("2001:db8::/64")}; });
  const std::string text = kHello +
                           "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
                           "RCPT TO:<x@elsewhere.example>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n";
  EXPECT_EQ(codes(say(text)), (Codes{220, 250, 250, 250, 250, 354, 250, 221}));
  const spool::Envelope relayed = envelope(0);
  ASSERT_EQ(relayed.recipients.size(), 1U);
  EXPECT_EQ(relayed.recipients[0].forward_path, "x@elsewhere.example");
  EXPECT_EQ(relayed.origin, spool::Origin::relay);
  EXPECT_EQ(stored()[0].find("Message-ID"), std::string::npos);  // only what users submit is mended
  const auto stranger = converse(
      [&](PipeStream& stream, Session&) {
        stream.push(text);
        stream.end();
      },
      "[2001:db8:1::1]:99");
  EXPECT_EQ(codes(stranger.sent), (Codes{220, 250, 250, 550, 550, 554, 500, 500, 500, 500, 221}));
}

// RFC 6531 3.1: what the client asserts is not what the message needs.
TEST_F(SessionTest, SmtpUtf8OnlyWhereTheMessageNeedsIt) {
  struct Row {
    std::string sender, recipient, header, body;
    bool needs;
  };
  const std::string multipart = "Content-Type: multipart/mixed;\r\n boundary=b\r\n";
  const std::string part = "--b\r\nContent-Disposition: inline; filename=\xc3\xbc\r\n\r\n--b--\r\n";
  const std::vector<Row> rows{
      {"a@b.example", "alice@example.org", "Subject: x\r\n", "body\r\n", false},
      {"a@b.example", "alice@example.org", "Subject: x\r\n", "gr\xc3\xbc\xc3\x9f\x65\r\n", false},
      {"a@b.example", "alice@example.org", "Subject: \xc3\xbc\r\n", "body\r\n", true},
      {"a@b.example", "alice@example.org", "Subject: x\r\n  \xc3\xbc\r\n", "body\r\n", true},
      {"\xc3\xbc@b.example", "alice@example.org", "Subject: x\r\n", "body\r\n", true},
      {"a@b.example", "j\xc3\xbcrgen@example.org", "Subject: x\r\n", "body\r\n", true},
      {"a@xn--bcher-kva.example", "alice@example.org", "Subject: x\r\n", "body\r\n", false},
      {"a@b.example", "alice@example.org", multipart, "--b\r\n\r\nx\r\n--b--\r\n", false},
      {"a@b.example", "alice@example.org", multipart, part, true},
      {"a@b.example", "alice@example.org", "content-type: (x) Message/RFC822\r\n", "Subject: \xc3\xbc\r\n", true},
  };
  configure([](Settings& settings) {
    directory::DomainOptions domain;
    domain.name = "example.org";
    domain.deliver = directory::Transport{};
    domain.mailboxes = {"alice"};
    domain.aliases = {{"j\xc3\xbcrgen", {"alice"}}};
    settings.directory = *directory::Directory::build({domain});
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(i);
    const Row& row = rows[i];
    const std::string text = "EHLO c.example\r\nMAIL FROM:<" + row.sender + "> SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<" +
                             row.recipient + ">\r\nDATA\r\n" + row.header + "\r\n" + row.body + ".\r\nQUIT\r\n";
    EXPECT_EQ(codes(say(text, i % 2 == 0 ? 65536 : 7)), (std::vector{220, 250, 250, 250, 354, 250, 221}));
    ASSERT_EQ(stored().size(), 1U);
    EXPECT_EQ(envelope(0).utf8, row.needs);
    EXPECT_EQ(envelope(0).eight_bit, !is_ascii(row.header + row.body));
    ASSERT_TRUE(store->drop(envelope(0).id).has_value());
  }
}

}  // namespace
}  // namespace postern::inbound
