#include "cli/message_input.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(MessageInput, PartsAtTheFirstEmptyLine) {
  const MessageInput message = message_input("A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore\r\n");
  EXPECT_EQ(message.header(), "A: 1\r\nB: 2\r\n");
  EXPECT_EQ(message.body(), "body\r\n\r\nmore\r\n");
  EXPECT_FALSE(message.bare_lf);
}

TEST(MessageInput, BareLfBecomesCrlfAndNothingElseDoes) {
  const MessageInput message = message_input("A: 1\n b\r\n\nx\ry\n\r\nz");
  EXPECT_EQ(message.header(), "A: 1\r\n b\r\n");
  EXPECT_EQ(message.body(), "x\ry\r\n\r\nz");
  EXPECT_TRUE(message.bare_lf);
  EXPECT_EQ(message_input("\nbody").body(), "body");
}

TEST(MessageInput, MessagesWithoutOneOfTheParts) {
  EXPECT_EQ(message_input("").header(), "");
  EXPECT_EQ(message_input("").body(), "");
  EXPECT_EQ(message_input("A: 1").header(), "A: 1");
  EXPECT_EQ(message_input("A: 1\r\n").header(), "A: 1\r\n");
  EXPECT_EQ(message_input("A: 1\r\n\r\n").body(), "");
  EXPECT_EQ(message_input("\r\nbody").header(), "");
  EXPECT_EQ(message_input("\r\nbody").body(), "body");
}

TEST(MessageInput, TheLineOfAnMboxGoes) {
  EXPECT_EQ(message_input("From a@b Thu Jan 1\nA: 1\n\nx\n").header(), "A: 1\r\n");
  EXPECT_EQ(message_input("From: a@b\n\nx\n").header(), "From: a@b\r\n");
  EXPECT_EQ(message_input("From nothing else").text, "");
}

}  // namespace
}  // namespace postern::cli
