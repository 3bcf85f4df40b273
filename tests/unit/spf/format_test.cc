#include <gtest/gtest.h>

#include "base/text.h"
#include "unit/spf/checked.h"

namespace postern::spf::test {
namespace {

// Every line of a folded body: no line end but CRLF and a tab, nothing that is not printable ASCII, within 998 octets.
void expect_safe(const std::string& body) {
  std::size_t line = 14;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\r') {
      ASSERT_EQ(body.substr(i, 3), "\r\n\t");
      i += 2;
      line = 1;
      continue;
    }
    EXPECT_TRUE(c >= 0x20 && c < 0x7F) << body;
    EXPECT_LE(++line, 998U);
  }
}

TEST(SpfReceived, Pass) {
  Query query = query_of("192.0.2.1", "user@example.org", "mx.example.org");
  Evaluation evaluation;
  evaluation.outcome = Outcome::pass;
  evaluation.mechanism = "ip4:192.0.2.0/24";
  EXPECT_EQ(received_spf(query, evaluation, "mx.receiver.example"),
            "pass (mx.receiver.example: domain of user@example.org designates\r\n"
            "\t192.0.2.1 as permitted sender) receiver=mx.receiver.example;\r\n"
            "\tidentity=mailfrom; client-ip=192.0.2.1;\r\n"
            "\tenvelope-from=\"user@example.org\"; helo=mx.example.org;\r\n"
            "\tmechanism=\"ip4:192.0.2.0/24\"");
}

TEST(SpfReceived, EveryOutcome) {
  Query query = query_of("2001:db8::1", "", "mx.example.org");
  for (const Outcome outcome : {Outcome::none, Outcome::neutral, Outcome::pass, Outcome::fail, Outcome::softfail,
                                Outcome::temperror, Outcome::permerror}) {
    Evaluation evaluation;
    evaluation.outcome = outcome;
    evaluation.problem = "it is broken";
    evaluation.mechanism = "all";
    const std::string body = received_spf(query, evaluation, "");
    EXPECT_TRUE(body.starts_with(std::string(to_string(outcome)) + " (")) << body;
    EXPECT_NE(body.find("client-ip=\"2001:db8::1\""), std::string::npos) << body;
    EXPECT_NE(body.find("envelope-from=\"\""), std::string::npos) << body;
    EXPECT_NE(body.find("postmaster@mx.example.org"), std::string::npos) << body;
    const bool error = outcome == Outcome::temperror || outcome == Outcome::permerror;
    EXPECT_EQ(body.find("problem=\"it is broken\"") != std::string::npos, error) << body;
    EXPECT_EQ(body.find("mechanism=all") != std::string::npos, !error) << body;
    expect_safe(body);
  }
}

TEST(SpfReceived, HostileValues) {
  const std::string evil = "a)b(c\"d\\e;f=g\r\nX-Evil: yes\r\n\r\n\xff\x01" + std::string(2000, 'x');
  Query query = query_of("192.0.2.1", evil + "@example.org", evil);
  Evaluation evaluation;
  evaluation.outcome = Outcome::permerror;
  evaluation.problem = evil;
  const std::string body = received_spf(query, evaluation, evil);
  expect_safe(body);
  EXPECT_LT(body.size(), 3000U);
  // The comment ends where it should, and so does every quoted string.
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\') {
      ++i;
    } else if (quoted || c == '"') {
      if (c == '"') quoted = depth == 0 ? !quoted : quoted;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    }
    EXPECT_LE(depth, 1);
    EXPECT_GE(depth, 0);
  }
  EXPECT_EQ(depth, 0);
  EXPECT_FALSE(quoted);
}

TEST(SpfReceived, LongestValue) {
  Query query = query_of("192.0.2.1", "u@example.org", std::string(256, 'h'));
  Evaluation evaluation;
  EXPECT_NE(received_spf(query, evaluation, "r").find("helo=" + std::string(256, 'h')), std::string::npos);
  query.helo += 'h';
  const std::string cut = received_spf(query, evaluation, "r");
  EXPECT_NE(cut.find("helo=\"" + std::string(256, 'h') + "\""), std::string::npos);
}

}  // namespace
}  // namespace postern::spf::test
