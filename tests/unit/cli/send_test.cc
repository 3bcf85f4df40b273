#include "cli/send.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

SendOptions good() {
  SendOptions options;
  options.server = "[::1]:2525";
  options.to = {"a@example.org"};
  options.from = "s@example.org";
  return options;
}

TEST(Send, HostPort) {
  struct Row {
    const char* text;
    const char* host;
    int port;  // 0: an error
  };
  for (const Row& row : {Row{"[::1]:2525", "::1", 2525}, Row{"[::1]", "::1", 25}, Row{"::1", "::1", 25},
                         Row{"192.0.2.1:26", "192.0.2.1", 26}, Row{"192.0.2.1", "192.0.2.1", 25},
                         Row{"mx.example.org:587", "mx.example.org", 587}, Row{"mx", "mx", 25}, Row{"[::1", "", 0},
                         Row{"[::1]x", "", 0}, Row{"[::1]:", "", 0}, Row{"mx:", "", 0}, Row{"mx:0", "", 0},
                         Row{"mx:65536", "", 0}, Row{":25", "", 0}, Row{"2001:db8::1:25:x", "", 0}}) {
    const auto got = parse_host_port(row.text);
    EXPECT_EQ(got.has_value(), row.port != 0) << row.text;
    if (!got || row.port == 0) continue;
    EXPECT_EQ(got->host, row.host) << row.text;
    EXPECT_EQ(got->port, row.port) << row.text;
  }
}

TEST(Send, UsageErrorsNameTheOption) {
  EXPECT_EQ(send_usage_error(good()), "");
  SendOptions options = good();
  options.to.clear();
  EXPECT_NE(send_usage_error(options).find("--to"), std::string::npos);
  options.quit_after = "helo";
  EXPECT_EQ(send_usage_error(options), "");
  options.quit_after = "lunch";
  EXPECT_NE(send_usage_error(options).find("--quit-after"), std::string::npos);
  options = good();
  options.tls = options.tls_on_connect = true;
  EXPECT_NE(send_usage_error(options).find("--tls"), std::string::npos);
  options = good();
  options.ipv4_only = options.ipv6_only = true;
  EXPECT_NE(send_usage_error(options), "");
  options = good();
  options.data = "x";
  options.size = 1;
  EXPECT_NE(send_usage_error(options).find("--data"), std::string::npos);
  options = good();
  options.headers = {"no colon"};
  EXPECT_NE(send_usage_error(options).find("--header"), std::string::npos);
  EXPECT_EQ(run_send(options), 2);
}

TEST(Send, GeneratedMessage) {
  SendOptions options = good();
  options.headers = {"subject: mine", "X-A: b"};
  options.has_body = true;
  options.body = "one\ntwo";
  const auto text = send_message_text(options, 0);
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("\r\nsubject: mine\r\nX-A: b\r\n\r\none\r\ntwo\r\n"), std::string::npos) << *text;
  EXPECT_EQ(text->find("Subject:"), std::string::npos);
  EXPECT_NE(text->find("From: <s@example.org>\r\n"), std::string::npos);
}

TEST(Send, SizeIsMetToTheOctetAndLinesStayShort) {
  SendOptions options = good();
  const std::size_t least = send_message_text(options, 0)->size();
  for (std::size_t extra = 2; extra < 300; ++extra) {
    options.size = least + extra;
    const auto text = send_message_text(options, 0);
    ASSERT_TRUE(text.has_value());
    // the Date field may be an octet longer or shorter than before, the total is what was asked for
    EXPECT_EQ(text->size(), options.size) << extra;
    EXPECT_TRUE(text->ends_with("\r\n"));
  }
}

TEST(Send, DataFileGetsCrlf) {
  SendOptions options = good();
  options.data = "/nonexistent/file";
  EXPECT_FALSE(send_message_text(options, 0).has_value());
}

TEST(Send, NobodyListensIsANegativeFinding) {
  SendOptions options = good();
  options.server = "[::1]:1";
  options.json = true;
  EXPECT_EQ(run_send(options), 1);
}

}  // namespace
}  // namespace postern::cli
