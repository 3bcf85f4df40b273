#include "smtp/reply.h"

#include <gtest/gtest.h>

#include <set>

#include "smtp/server_texts.h"

namespace postern::smtp {
namespace {

std::string wire(const Reply& reply) {
  std::string out;
  reply.append_to(out);
  return out;
}

TEST(Reply, Formats) {
  EXPECT_EQ(wire({250, {2, 1, 0}, "Ok"}), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(wire({220, {}, "mx ESMTP"}), "220 mx ESMTP\r\n");
  EXPECT_EQ(wire({550, {5, 1, 1}, "a\nb"}), "550-5.1.1 a\r\n550 5.1.1 b\r\n");
  EXPECT_EQ(wire({354, {2, 0, 0}, "go"}), "354 go\r\n") << "RFC 2034 4: none with 3xx";
  EXPECT_EQ(wire({450, {5, 2, 1}, "x"}), "450 4.2.1 x\r\n") << "the class is the code's";
  EXPECT_EQ(wire({250, {}, ""}), "250 \r\n");
  EXPECT_EQ(wire({550, {5, 0, 0}, "a\r\rb\x01\xff"}), "550 5.0.0 a\\x0d\\x0db\\x01\\xff\r\n");
  EXPECT_EQ(Reply(550, {5, 1, 1}, "a\nb").line(), "550 5.1.1 a");
  EXPECT_EQ(Reply(550, {5, 1, 1}, "a\nb\n\x01").all_lines(), "550 5.1.1 a b \\x01");
  EXPECT_EQ(Reply(250, {}, "ok").all_lines(), "250 ok");
}

TEST(Reply, NoLineOver512Octets) {
  for (std::size_t size : {400U, 490U, 499U, 500U, 501U, 502U, 503U, 2000U, 5000U}) {
    for (const std::string& text : {std::string(size, 'x'), std::string(size / 5, 'w') + std::string(size, ' ')}) {
      const std::string out = wire({550, {5, 1, 1}, text});
      ReplyReader reader;
      std::size_t start = 0;
      for (std::size_t end = out.find("\r\n"); end != std::string::npos; end = out.find("\r\n", start)) {
        EXPECT_LE(end + 2 - start, 512U);
        start = end + 2;
      }
      EXPECT_EQ(start, out.size());
      ASSERT_TRUE(reader.feed(out));
      ASSERT_TRUE(reader.complete());
      std::string joined = reader.take().text;
      std::erase(joined, '\n');
      EXPECT_EQ(joined, text);
    }
  }
}

TEST(Reply, TagStandsBehindTheText) {
  std::string out;
  append_reply(out, 550, {5, 1, 1}, "No", "ID");
  append_reply(out, 550, {5, 1, 1}, "No\nno", "ID");
  EXPECT_EQ(out, "550 5.1.1 No [ID]\r\n550-5.1.1 No\r\n550 5.1.1 no [ID]\r\n");
}

TEST(ReplyReader, ReadsRepliesAtEverySplit) {
  const std::string input = "250-mx\r\n250-SIZE 10\r\n250 HELP\r\n550 5.1.1 No\r\n250\r\n";
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    std::vector<Reply> replies;
    ReplyReader reader;
    for (std::string_view part : {std::string_view(input).substr(0, cut), std::string_view(input).substr(cut)}) {
      while (!part.empty()) {
        const auto used = reader.feed(part);
        ASSERT_TRUE(used);
        part.remove_prefix(*used);
        if (reader.complete()) replies.push_back(reader.take());
      }
    }
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_EQ(replies[0].text, "mx\nSIZE 10\nHELP");
    EXPECT_EQ(replies[1].enhanced, (EnhancedCode{5, 1, 1}));
    EXPECT_EQ(replies[1].text, "No");
    EXPECT_EQ(replies[2].code, 250);
    EXPECT_TRUE(reader.idle());
  }
}

TEST(ReplyReader, RefusesWhatIsNoReply) {
  for (const char* input : {"25 x\r\n", "abc\r\n", "199 x\r\n", "600 x\r\n", "250x\r\n", "250 x\n", "250 x\rx\r\n",
                            "250-a\r\n251 b\r\n", "\r\n", "250-a\r\n\r\n"}) {
    ReplyReader reader;
    EXPECT_FALSE(reader.feed(input)) << input;
    EXPECT_FALSE(reader.feed("250 ok\r\n")) << "an error stays";
  }
}

TEST(ReplyReader, LimitsAtNAndOneMore) {
  const auto line = [](std::size_t octets) { return "250 " + std::string(octets - 6, 'x') + "\r\n"; };
  EXPECT_TRUE(ReplyReader().feed(line(kReplyLineMax)));
  EXPECT_FALSE(ReplyReader().feed(line(kReplyLineMax + 1)));
  const auto lines = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 1; i < count; ++i) out += "250-x\r\n";
    return out + "250 x\r\n";
  };
  EXPECT_TRUE(ReplyReader().feed(lines(kReplyLinesMax)));
  EXPECT_FALSE(ReplyReader().feed(lines(kReplyLinesMax + 1)));
  std::string large;
  for (int i = 0; i < 7; ++i) large += "250-" + std::string(kReplyLineMax - 6, 'x') + "\r\n";
  EXPECT_TRUE(ReplyReader().feed(large + line(kReplyLineMax)));
  EXPECT_FALSE(ReplyReader().feed(large + "250-x\r\n" + line(kReplyLineMax)));
}

// CVE class 8: a status code alone, without text (Postfix 2026-43964)
TEST(Pitfall08, BareEnhancedCode) {
  ReplyReader reader;
  ASSERT_TRUE(reader.feed("550 5.7.2\r\n"));
  const Reply reply = reader.take();
  EXPECT_EQ(reply.enhanced, (EnhancedCode{5, 7, 2}));
  EXPECT_EQ(reply.text, "");
  EXPECT_EQ(wire(reply), "550 5.7.2 \r\n");
}

TEST(ServerTexts, EachRefusalIsUniqueAndInStep) {
  std::set<std::string_view> seen;
  for (const ServerText& text : texts::kRefusals) {
    EXPECT_TRUE(seen.insert(text.text).second) << text.text;
    EXPECT_EQ(text.enhanced.klass, text.code / 100) << text.text;
    EXPECT_GE(text.code, 400);
    EXPECT_LT(text.text.size(), 120U);
  }
}

}  // namespace
}  // namespace postern::smtp
