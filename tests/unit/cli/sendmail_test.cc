// sendmail's options, and what programs write.
#include <gtest/gtest.h>

#include "cli/sendmail.h"

namespace postern::cli {
namespace {

using Mode = SendmailOptions::Mode;
using Words = std::vector<std::string>;

SendmailOptions good(const Words& arguments) {
  auto options = parse_sendmail(arguments);
  EXPECT_TRUE(options) << (options ? "" : options.error().what);
  return options ? *options : SendmailOptions{};
}

TEST(Sendmail, OptionsAsProgramsWriteThem) {
  const SendmailOptions cron = good({"-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"});
  EXPECT_EQ(cron.full_name, "CronDaemon");
  EXPECT_TRUE(cron.dot_is_text && cron.from_header);
  EXPECT_EQ(cron.sender, "root");
  const SendmailOptions php = good({"-t", "-i", "-fa@b.example", "-bm", "x@y.example", "-z"});
  EXPECT_EQ(php.sender, "a@b.example");
  EXPECT_EQ(php.recipients, (Words{"x@y.example", "-z"}));
  EXPECT_EQ(good({"-f", "<>", "x"}).sender, "");
  EXPECT_EQ(good({"x"}).sender, std::nullopt);
  EXPECT_EQ(good({"-ti", "--", "-x"}).recipients, Words{"-x"});
  EXPECT_EQ(
      good({"-q", "-q5m", "-v", "-O", "DeliveryMode=b", "-oDeliveryMode=b", "-B8BITMIME", "-L", "tag"}).recipients,
      Words{});
  // A run of the queue reads no message; with recipients -q says when to send theirs
  for (const Words& run : {Words{"-q"}, Words{"-q5m"}, Words{"-v", "-qf"}, Words{"-q", "-bm"}})
    EXPECT_EQ(good(run).mode, Mode::nothing);
  EXPECT_EQ(good({"-q", "x"}).mode, Mode::deliver);
  EXPECT_EQ(good({"-q5m", "-t"}).mode, Mode::deliver);
  EXPECT_EQ(good({"-q", "-bp"}).mode, Mode::list);
  for (const char* const how : {"-em", "-ee", "-ep", "-eq", "-ew", "-e"}) {
    const SendmailOptions options = good({how, "-i", "x"});
    EXPECT_EQ(options.recipients, Words{"x"}) << how;
    EXPECT_TRUE(options.dot_is_text) << how;
  }
  EXPECT_EQ(good({"-bs"}).mode, Mode::smtp);
  EXPECT_EQ(good({"-bp"}).mode, Mode::list);
  EXPECT_EQ(good({"-bi"}).mode, Mode::nothing);
  const SendmailOptions dsn = good({"-N", "success,delay", "-R", "hdrs", "-V", "id", "x"});
  EXPECT_EQ(dsn.notify, 5);
  EXPECT_EQ(dsn.ret, "HDRS");
  EXPECT_EQ(dsn.envid, "id");
  for (const Words& wrong :
       {Words{"-bd"}, Words{"-Z"}, Words{"-f"}, Words{"-N", "never,delay"}, Words{"-N", ""}, Words{"-R", "x"}})
    EXPECT_FALSE(parse_sendmail(wrong));
}

TEST(Sendmail, AMessageHasCrlf) {
  EXPECT_EQ(sendmail_message("Subject: x\n\na\r\nb", true).value_or(""), "Subject: x\r\n\r\na\r\nb\r\n");
  EXPECT_EQ(sendmail_message("From a@b Sat\nSubject: x\n\nFrom here\n", true).value_or(""),
            "Subject: x\r\n\r\nFrom here\r\n");
  EXPECT_EQ(sendmail_message("just text\nSubject: y\n", true).value_or(""), "\r\njust text\r\nSubject: y\r\n");
  EXPECT_EQ(sendmail_message("A: b\n\n.\nmore\n", false).value_or(""), "A: b\r\n\r\n");
  EXPECT_EQ(sendmail_message("A: b\n\n.\nmore\n", true).value_or(""), "A: b\r\n\r\n.\r\nmore\r\n");
  EXPECT_EQ(sendmail_message("", true).value_or("x"), "");
  EXPECT_FALSE(sendmail_message("A: b\n\na\rb\n", true));
  EXPECT_FALSE(sendmail_message(std::string("A: b\n\na\0b\n", 10), true));
}

TEST(Sendmail, RecipientsOfTheHeader) {
  const auto of = [](std::string_view header) { return header_recipients(header).value_or(Words{"?"}); };
  EXPECT_EQ(of("To: root, Bob <bob@example.org>\r\nCc: \"Doe, J\" <j@example.org>,\r\n d@example.org (a, b)\r\nBcc: "
               "hidden@example.com\r\n\r\nTo: x@y\r\n"),
            (Words{"root", "bob@example.org", "j@example.org", "d@example.org", "hidden@example.com"}));
  EXPECT_EQ(of("To: undisclosed-recipients:;\r\nSubject: x\r\n\r\n"), Words{});
  EXPECT_EQ(of("To:\r\nFrom: a@b.example\r\n\r\n"), Words{});
  EXPECT_EQ(
      of("To: \"john doe\"@example.org, \"a\\\\b\"@example.org, \"plain\"@example.org\r\nCc: x@[192.0.2.1]\r\n\r\n"),
      (Words{"\"john doe\"@example.org", "\"a\\\\b\"@example.org", "plain@example.org", "x@[192.0.2.1]"}));
  EXPECT_FALSE(header_recipients("To: a b c\r\n\r\n"));
  EXPECT_FALSE(header_recipients("To: <a@b.example\r\n\r\n"));
}

}  // namespace
}  // namespace postern::cli
