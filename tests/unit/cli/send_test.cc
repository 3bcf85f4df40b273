#include "cli/send.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "unit/delivery/support.h"

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
  const delivery::test::TempDir dir;
  SendOptions options = good();
  options.data = (dir.path() / "message").string();
  EXPECT_FALSE(send_message_text(options, 0).has_value());
  std::ofstream(options.data) << "A: b\n\nbare\rline\r\nend";
  EXPECT_EQ(send_message_text(options, 0).value(), "A: b\r\n\r\nbare\r\nline\r\nend\r\n");
}

// Against a server on loopback, in a thread of its own. Returns the exit code.
int send_against(SendOptions options, const std::string& greeting, std::vector<delivery::test::Step> steps,
                 std::string& heard) {
  io::Loop loop;
  delivery::test::ScriptedServer server(loop, greeting, std::move(steps));
  options.server = server.endpoint.text();
  io::Scope scope(loop);
  std::thread thread([&] { loop.run(); });
  const int code = run_send(options);
  loop.post([&] { scope.spawn(delivery::test::wait_and_stop(server.stop(), loop)); });
  thread.join();
  heard = server.heard;
  return code;
}

TEST(Send, ExitCodesOfAcceptedRefusedAndStopped) {
  SendOptions options = good();
  options.helo = "client.example";
  options.to = {"a@example.org", "b@example.org"};
  const std::string offer = "250-mx\r\n250 PIPELINING\r\n";
  const delivery::test::Step quit{"QUIT\r\n", "221 bye\r\n"};
  std::string heard;
  EXPECT_EQ(send_against(options, "220 mx\r\n",
                         {{"EHLO client.example\r\n", offer},
                          {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
                          {"\r\n.\r\n", "250 queued\r\n"},
                          quit},
                         heard),
            0);
  EXPECT_NE(heard.find("To: <a@example.org>,\r\n <b@example.org>\r\n"), std::string::npos) << heard;
  EXPECT_EQ(send_against(options, "220 mx\r\n",
                         {{"EHLO client.example\r\n", offer},
                          {"DATA\r\n", "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n"},
                          {"\r\n.\r\n", "250 queued\r\n"},
                          quit},
                         heard),
            1);
  options.tls = true;  // not offered: nothing of the message may go in clear
  EXPECT_EQ(send_against(options, "220 mx\r\n", {{"EHLO client.example\r\n", offer}}, heard), 1);
  EXPECT_EQ(heard.find("MAIL"), std::string::npos);
  options.tls = false;
  options.quit_after = "rcpt";
  EXPECT_EQ(send_against(options, "220 mx\r\n",
                         {{"EHLO client.example\r\n", offer},
                          {"MAIL FROM:<s@example.org>\r\n", "250 ok\r\n"},
                          {"RCPT TO:<a@example.org>\r\n", "250 ok\r\n"},
                          {"RCPT TO:<b@example.org>\r\n", "250 ok\r\n"},
                          quit},
                         heard),
            0);
  EXPECT_EQ(heard.find("DATA"), std::string::npos);
}

TEST(Send, NobodyListensIsANegativeFinding) {
  SendOptions options = good();
  options.server = "[::1]:1";
  options.json = true;
  EXPECT_EQ(run_send(options), 1);
}

}  // namespace
}  // namespace postern::cli
