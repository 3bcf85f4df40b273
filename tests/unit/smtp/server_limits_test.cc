// Limits at n and n + 1, memory, and what must hold of the automaton whatever the dialogue.
#include <gtest/gtest.h>

#include "unit/smtp/scripted_caller.h"

namespace postern::smtp::test {
namespace {

constexpr std::string_view kEhlo = "EHLO client.example\r\n";
constexpr std::string_view kMail = "MAIL FROM:<a@example.com>\r\n";
constexpr std::string_view kRcpt = "RCPT TO:<b@example.org>\r\n";

ServerOptions options() {
  ServerOptions o;
  o.hostname = "mx.example.org";
  return o;
}

std::string times(std::size_t n, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

// Feeds a session; tells whether it was closed by a limit.
bool closes(const ServerOptions& o, const std::string& input, std::vector<Rule> rules = {}) {
  ScriptedCaller caller(o, std::move(rules));
  caller.greet();
  caller.feed(input);
  if (caller.closed) {
    EXPECT_TRUE(caller.replies.find("421 4.") != std::string::npos) << caller.replies;
  }
  return caller.closed;
}

TEST(ServerLimits, EachAtNAndOneMore) {
  ServerOptions o = options();
  o.limits.commands = 5;
  EXPECT_FALSE(closes(o, times(5, "NOOP\r\n")));
  EXPECT_TRUE(closes(o, times(6, "NOOP\r\n")));
  o = options();
  o.limits.empty_commands = 3;
  EXPECT_FALSE(closes(o, times(3, "NOOP\r\n")));
  EXPECT_TRUE(closes(o, "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n"));
  EXPECT_TRUE(closes(o, times(4, kEhlo)));
  const std::string mail = std::string(kMail) + "RSET\r\n";
  EXPECT_FALSE(closes(o, std::string(kEhlo) + times(20, mail))) << "a transaction between them begins the count anew";
  o = options();
  o.limits.errors = 4;
  EXPECT_FALSE(closes(o, times(4, "FROB\r\n")));
  EXPECT_TRUE(closes(o, times(5, "FROB\r\n")));
  o = options();
  o.limits.transactions = 2;
  EXPECT_FALSE(closes(o, std::string(kEhlo) + times(2, mail)));
  EXPECT_TRUE(closes(o, std::string(kEhlo) + times(3, mail)));
  o = options();
  o.limits.refused_recipients = 3;
  const std::vector<Rule> refuse{{.kind = "rcpt",
                                  .match = "",
                                  .action = Rule::Action::refuse,
                                  .reply = Reply(550, {5, 1, 1}, "No"),
                                  .base64 = ""}};
  EXPECT_FALSE(closes(o, std::string(kEhlo) + std::string(kMail) + times(3, kRcpt), refuse));
  EXPECT_TRUE(closes(o, std::string(kEhlo) + std::string(kMail) + times(4, kRcpt), refuse));
}

TEST(ServerLimits, CommandLineAndEndlessLine) {
  ServerOptions o = options();
  o.limits.command_line = 100;
  const auto line = [](std::size_t octets) { return "NOOP " + std::string(octets - 7, 'x') + "\r\n"; };
  for (const bool single : {false, true}) {
    ScriptedCaller caller(o);
    caller.greet();
    const auto talk = [&](const std::string& text) {
      if (!single) return caller.talk(text);
      caller.replies.clear();
      for (const char c : text) caller.feed(std::string_view(&c, 1));
      return caller.replies;
    };
    EXPECT_TRUE(talk(line(100)).starts_with("250 "));
    EXPECT_TRUE(talk(line(101)).starts_with("500 5.5.2 "));
    EXPECT_TRUE(caller.has(Fact::command_line_too_long));
    EXPECT_TRUE(talk(line(65536)).starts_with("500 5.5.2 "));
    EXPECT_LT(caller.machine.memory(), 900U) << "nothing of it is kept";
    EXPECT_TRUE(talk(line(65537)).starts_with("421 "));
    EXPECT_TRUE(caller.closed);
  }
}

TEST(ServerLimits, AuthLine) {
  ServerOptions o = options();
  o.auth = "PLAIN";
  const std::vector<Rule> rules{
      {.kind = "auth", .match = "", .action = Rule::Action::challenge, .reply = {}, .base64 = ""}};
  for (const std::size_t octets : {12288U, 12289U}) {
    ScriptedCaller caller(o, rules);
    caller.greet();
    caller.feed("EHLO c\r\nSTARTTLS\r\n");
    caller.start_tls();
    caller.feed("EHLO c\r\n");
    EXPECT_EQ(caller.talk("AUTH PLAIN\r\n"), "334 \r\n");
    const std::string reply = caller.talk(std::string(octets - 2, 'A') + "\r\n");
    EXPECT_TRUE(reply.starts_with(octets == 12288 ? "235 " : "500 ")) << reply;
  }
}

TEST(ServerMachine, AnIdleSessionIsSmall) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.machine.tag_refusals("0123456789ABCDEF");
  caller.greet();
  for (const char c : std::string(kEhlo)) caller.feed(std::string_view(&c, 1));
  std::string().swap(caller.machine.output());
  EXPECT_LE(caller.machine.memory(), 700U);
  RecordProperty("octets", static_cast<int>(caller.machine.memory()));
}

TEST(ServerMachine, RepliesToAFloodStopAtTheirBound) {
  ServerOptions o = options();
  o.limits.commands = 100000;
  o.limits.empty_commands = 100000;
  ServerMachine machine(o);
  machine.greet(Reply(220, {}, "mx.example.org ESMTP"));
  std::string flood;
  for (int i = 0; i < 10000; ++i) flood += "HELP\r\n";
  std::string_view rest = flood;
  std::size_t replies = 0;
  for (int step = 0; step < 10000; ++step) {
    const Event event = machine.step(rest);
    ASSERT_EQ(event.kind, EventKind::none);
    rest.remove_prefix(event.consumed);
    EXPECT_LT(machine.output().size(), ServerMachine::kOutputMax + 512);
    EXPECT_TRUE(rest.empty() || machine.output().size() >= ServerMachine::kOutputMax);
    constexpr std::string_view kReply = "214 2.0.0 EHLO";
    for (auto at = machine.output().find(kReply); at != std::string::npos; at = machine.output().find(kReply, at + 1)) {
      ++replies;
    }
    machine.output().clear();
    if (rest.empty()) break;
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(replies, 10000U);
}

TEST(ServerMachine, RefusalsCarryTheTag) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.machine.tag_refusals("0123456789ABCDEF");
  caller.greet();
  EXPECT_EQ(caller.talk("FROB\r\n"), "500 5.5.1 Unknown command; HELP lists those served [0123456789ABCDEF]\r\n");
  EXPECT_EQ(caller.talk("NOOP\r\n"), "250 2.0.0 Ok\r\n");
}

TEST(ServerMachine, PipelinedEqualsOneByOne) {
  const ServerOptions o = options();
  const std::vector<std::string> commands{
      std::string(kEhlo), std::string(kMail), std::string(kRcpt),     "RCPT TO:<c@x>\r\n", "DATA\r\n", "a\r\n.\r\n",
      std::string(kMail), std::string(kRcpt), "BDAT 3 LAST\r\nx\r\n", "RSET\r\n",          "FROB\r\n", "QUIT\r\n"};
  ScriptedCaller whole(o);
  ScriptedCaller single(o);
  whole.greet();
  single.greet();
  std::string all;
  for (const std::string& command : commands) {
    all += command;
    single.feed(command);
  }
  whole.feed(all);
  EXPECT_EQ(whole.finish(), single.finish());
  EXPECT_TRUE(whole.has(Fact::pipelined_before_ehlo));
  EXPECT_TRUE(whole.has(Fact::pipelined_before_data_reply));
  EXPECT_FALSE(single.has(Fact::pipelined_before_ehlo));
  EXPECT_FALSE(single.has(Fact::pipelined_before_data_reply));
}

TEST(ServerMachine, SpokeBeforeGreeting) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  static_cast<void>(caller.machine.step("NOOP\r\n"));
  caller.greet();
  EXPECT_TRUE(caller.has(Fact::spoke_before_greeting));
  EXPECT_TRUE(caller.replies.starts_with("220 ")) << "the greeting comes first all the same";
}

TEST(ServerMachine, ShutDownEndsTheSession) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed(std::string(kEhlo) + std::string(kMail));
  caller.machine.shut_down(Reply(421, {4, 3, 2}, "Restarting"));
  EXPECT_EQ(caller.machine.output(), "421 4.3.2 Restarting\r\n");
  caller.machine.output().clear();
  EXPECT_FALSE(caller.machine.in_transaction());
  EXPECT_EQ(caller.machine.step("NOOP\r\n").consumed, 6U);
  EXPECT_TRUE(caller.machine.output().empty());
}

TEST(ServerMachine, ChunksThatCarryMailAreNoChatter) {
  ServerOptions o = options();
  o.limits.commands = 10;
  const auto session = [&](std::size_t size) {
    const std::string chunk = "BDAT " + std::to_string(size) + "\r\n" + std::string(size, 'x');
    return std::string(kEhlo) + std::string(kMail) + std::string(kRcpt) + times(50, chunk);
  };
  EXPECT_FALSE(closes(o, session(1024)));
  EXPECT_TRUE(closes(o, session(1023)));
}

// --- research: what MTAs got wrong, one test a case that concerns a receiver

// Class 1: BDAT state. The recipients are gone with the failed chunk; nothing is left to be read through a stale
// pointer.
TEST(Pitfall01, BdatErrorResetsRecipients) {
  const ServerOptions o = options();
  const std::vector<Rule> refuse{{.kind = "data",
                                  .match = "",
                                  .action = Rule::Action::refuse,
                                  .reply = Reply(452, {4, 3, 1}, "Full"),
                                  .base64 = ""}};
  ScriptedCaller caller(o, refuse);
  caller.greet();
  caller.feed(std::string(kEhlo) + std::string(kMail) + std::string(kRcpt));
  EXPECT_TRUE(caller.talk("BDAT 2\r\nxx").starts_with("452 "));
  EXPECT_FALSE(caller.machine.in_transaction());
  EXPECT_TRUE(caller.talk("DATA\r\n").starts_with("503 "));
  EXPECT_TRUE(caller.talk(kRcpt).starts_with("503 "));
  EXPECT_TRUE(caller.messages.empty());
}

// Class 1: memory by tiny BDATs
TEST(Pitfall01, TinyChunksAreCountedAndKeepNothing) {
  ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed(std::string(kEhlo) + std::string(kMail) + std::string(kRcpt));
  caller.feed(times(6000, "BDAT 1\r\nx"));
  EXPECT_TRUE(caller.closed);
  std::string().swap(caller.machine.output());
  EXPECT_LT(caller.machine.memory(), 700U + ServerMachine::kOutlineMax * sizeof(Exchange));
}

// Class 1: a malformed BDAT in the midst of a message loses its octets; the message must not be taken without them
TEST(Pitfall01, MalformedChunkEndsTheMessage) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed(std::string(kEhlo) + std::string(kMail) + std::string(kRcpt) + "BDAT 3\r\na\r\nBDAT 3 MORE\r\nb\r\n");
  EXPECT_TRUE(caller.talk("BDAT 3 LAST\r\nc\r\n").starts_with("503 "));
  EXPECT_TRUE(caller.messages.empty());
}

// Class 2: smuggling, every pretended end of data
TEST(Pitfall02, NothingButCrlfDotCrlfEndsData) {
  const ServerOptions o = options();
  using namespace std::string_literals;
  for (const std::string& end : {"\n.\n"s, "\r\n.\n"s, "\n.\r\n"s, "\r.\r"s, "\r\n.\r"s, "\r.\r\n"s, "\r\n\0.\r\n"s,
                                 "\r\n.\0\r\n"s, "\r\0\n.\r\n"s, "\n.\r"s, "\r.\n"s, "\r\n.\r\r\n"s, "\r\r\n.\n"s}) {
    ScriptedCaller caller(o);
    caller.greet();
    caller.feed(std::string(kEhlo) + std::string(kMail) + std::string(kRcpt) + "DATA\r\n");
    EXPECT_EQ(caller.talk("text" + end + "MAIL FROM:<smuggled@example.com>\r\n"), "") << printable(end);
    EXPECT_TRUE(caller.machine.in_body());
    EXPECT_TRUE(caller.talk("\r\n.\r\n").starts_with("550 ")) << printable(end);
    EXPECT_TRUE(caller.messages.empty());
    EXPECT_FALSE(caller.machine.in_transaction());
  }
}

// Class 3: STARTTLS injection
TEST(Pitfall03, PlaintextBehindStarttlsIsThrownAway) {
  const ServerOptions o = options();
  for (const std::string injected : {"RSET\r\n", "MAIL FROM:<x@y>", "EHLO evil\r\nMAIL FROM:<x@y>\r\n"}) {
    for (const bool together : {false, true}) {
      ScriptedCaller caller(o);
      caller.greet();
      caller.feed(std::string(kEhlo) + std::string(kMail));
      if (together) {
        caller.feed("STARTTLS\r\n" + injected);
      } else {
        caller.feed("STARTTLS\r\n");
        caller.feed(injected);
      }
      EXPECT_TRUE(caller.has(Fact::pipelined_across_starttls));
      caller.start_tls();
      EXPECT_FALSE(caller.machine.in_transaction());
      EXPECT_TRUE(caller.talk(kMail).starts_with("503 ")) << "EHLO is forgotten";
      EXPECT_TRUE(caller.talk("HELO c\r\n").starts_with("250 ")) << "no half a command was left";
    }
  }
}

TEST(ErrorsKept, TheFirstOfThemEachCutAndNoPassword) {
  ServerOptions o = options();
  o.keep_errors = true;
  o.limits.errors = 100;
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed("EHLO c\r\n");
  EXPECT_TRUE(caller.machine.errors_kept().empty());
  caller.feed("XYZZY \x80\r\n");
  caller.feed("AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
  caller.feed("AUTH\r\n");
  caller.feed(std::string(ServerMachine::kErrorText, 'z') + "\r\n");
  caller.feed(std::string(ServerMachine::kErrorText + 1, 'z') + "\r\n");
  for (int i = 0; i < 10; ++i) caller.feed("MAIL FROM:\r\n");
  const auto& kept = caller.machine.errors_kept();
  ASSERT_EQ(kept.size(), ServerMachine::kErrorsKept);
  EXPECT_EQ(kept[0], "XYZZY \x80");
  EXPECT_EQ(kept[1], "AUTH PLAIN");
  EXPECT_EQ(kept[2], "AUTH");
  EXPECT_EQ(kept[3], std::string(ServerMachine::kErrorText, 'z'));
  EXPECT_EQ(kept[4], kept[3]);
  EXPECT_EQ(kept[5], "MAIL FROM:");

  const ServerOptions usual = options();
  ScriptedCaller other(usual);
  other.greet();
  other.feed("XYZZY\r\n");
  EXPECT_TRUE(other.machine.errors_kept().empty());
}

// Class 4: every way out of DATA and BDAT leaves no transaction behind
TEST(Pitfall04, EveryWayOutOfTheBodyResets) {
  ServerOptions o = options();
  o.limits.message_size = 10;
  using namespace std::string_literals;
  for (const char* refused : {"", "data", "message_end"}) {
    for (const std::string& body :
         {"DATA\r\nok\r\n.\r\n"s, "DATA\r\nbad\n\r\n.\r\n"s, "DATA\r\n12345678901\r\n.\r\n"s, "BDAT 4 LAST\r\nok\r\n"s,
          "BDAT 4\r\nok\r\nBDAT 0 LAST\r\n"s, "BDAT 12\r\n12345678901\nBDAT 0 LAST\r\n"s, "BDAT 3 LAST\r\na\rb"s}) {
      ScriptedCaller caller(o, {{.kind = refused,
                                 .match = "",
                                 .action = Rule::Action::refuse,
                                 .reply = Reply(451, {4, 0, 0}, "No"),
                                 .base64 = ""}});
      caller.greet();
      caller.feed(std::string(kEhlo) + std::string(kMail) + std::string(kRcpt));
      caller.feed(refused == "data"s && body.starts_with("DATA") ? "DATA\r\n" : body);
      EXPECT_FALSE(caller.machine.in_transaction()) << refused << printable(body);
      EXPECT_FALSE(caller.machine.in_body());
      EXPECT_EQ(caller.machine.body_fault(), BodyFault::none);
      EXPECT_TRUE(caller.talk(kRcpt).starts_with("503 ")) << refused << printable(body);
    }
  }
}

// Class 4: VRFY with SMTPUTF8 resets nothing
TEST(Pitfall04, VrfyLeavesTheTransactionAlone) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed(std::string(kEhlo) + "MAIL FROM:<a@example.com> SMTPUTF8\r\n");
  EXPECT_TRUE(caller.talk("VRFY j\xc3\xbcrgen SMTPUTF8\r\n").starts_with("252 "));
  EXPECT_TRUE(caller.machine.in_transaction());
  EXPECT_TRUE(caller.machine.smtputf8());
  EXPECT_TRUE(caller.talk("RCPT TO:<j\xc3\xbcrgen@example.org>\r\n").starts_with("250 "));
}

// Class 6: no CR, LF or NUL in what is handed on as an address or a name
TEST(Pitfall06, NoLineBreakReachesAnAddress) {
  const ServerOptions o = options();
  using namespace std::string_literals;
  for (const std::string& evil : {"\n"s, "\r"s, "\0"s}) {
    ScriptedCaller caller(o);
    caller.greet();
    EXPECT_TRUE(caller.talk("EHLO a" + evil + "b\r\n").starts_with("501 "));
    caller.feed(kEhlo);
    EXPECT_TRUE(caller.talk("MAIL FROM:<\"a" + evil + "b\"@x>\r\n").starts_with("501 "));
    caller.feed(kMail);
    EXPECT_TRUE(caller.talk("RCPT TO:<\"a" + evil + "b\"@x>\r\n").starts_with("501 "));
    EXPECT_TRUE(caller.paths.empty());
  }
}

// Class 14: recipients, commands and line lengths are capped (see ServerLimits); the outline too
TEST(Pitfall14, OutlineIsCapped) {
  const ServerOptions o = options();
  ScriptedCaller caller(o);
  caller.greet();
  caller.feed(kEhlo);
  caller.feed(kMail);
  caller.feed(times(1000, kRcpt));
  EXPECT_EQ(caller.machine.outline().size(), ServerMachine::kOutlineMax);
  EXPECT_EQ(caller.machine.command_count(), 1002U);
}

// Class 15: protocols crossed on one port (ALPACA)
TEST(Pitfall15, HttpAndTlsOnThePlainPortEndTheSession) {
  const ServerOptions o = options();
  for (const std::string hello : {"GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "CONNECT a:25 HTTP/1.1\r\n",
                                  "HTTP/1.1 200 OK\r\n", "\x16\x03\x01\x02"}) {
    ScriptedCaller caller(o);
    caller.greet();
    EXPECT_TRUE(caller.talk(hello).starts_with("421 4.7.0 "));
    EXPECT_TRUE(caller.closed);
    EXPECT_TRUE(caller.has(Fact::non_smtp_http) || caller.has(Fact::non_smtp_tls));
  }
}

// Class 18: textual forms of addresses: scoped literals are refused, mapped ones folded
TEST(Pitfall18, AddressLiteralForms) {
  EXPECT_FALSE(parse_domain("[IPv6:fe80::1%eth0]", false));
  EXPECT_EQ(parse_domain("[IPv6:::ffff:192.0.2.1]", false).value(), parse_domain("[192.0.2.1]", false).value());
}

// Class 19: no AUTH in the clear; without a mechanism none at all
TEST(Pitfall19, AuthNeedsTlsAndAnOffer) {
  ServerOptions o = options();
  ScriptedCaller none(o);
  none.greet();
  none.feed(kEhlo);
  EXPECT_TRUE(none.talk("AUTH PLAIN AGEAYg==\r\n").starts_with("502 "));
  o.auth = "PLAIN";
  ScriptedCaller clear(o);
  clear.greet();
  EXPECT_EQ(clear.talk(kEhlo).find("AUTH"), std::string::npos);
  EXPECT_TRUE(clear.talk("AUTH PLAIN AGEAYg==\r\n").starts_with("538 "));
}

}  // namespace
}  // namespace postern::smtp::test
