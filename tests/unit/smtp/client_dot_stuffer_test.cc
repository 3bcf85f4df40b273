#include <gtest/gtest.h>

#include <string>

#include "smtp/dot_stuffer.h"
#include "smtp/receivers.h"

namespace postern::smtp {
namespace {

std::string stuff(std::string_view text, std::size_t step) {
  DotStuffer stuffer;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) stuffer.add(text.substr(at, step), out);
  stuffer.finish(out);
  return out;
}

struct Case {
  std::string_view in, out;
};

TEST(ClientDotStuffer, SameAtEveryBufferBorder) {
  const Case cases[] = {
      {"", ".\r\n"},
      {"a\r\n", "a\r\n.\r\n"},
      {"a", "a\r\n.\r\n"},  // RFC 5321 4.1.1.4: the missing line end is added
      {".", "..\r\n.\r\n"},
      {".\r\n", "..\r\n.\r\n"},
      {"..\r\n", "...\r\n.\r\n"},
      {"a.b\r\n.c\r\n", "a.b\r\n..c\r\n.\r\n"},
      {"\r\n\r\n", "\r\n\r\n.\r\n"},
      {"a\r\n.\r\nMAIL FROM:<x@y>\r\n", "a\r\n..\r\nMAIL FROM:<x@y>\r\n.\r\n"},
      // never a bare CR or LF out, and what becomes a line is stuffed as one
      {"a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
      {"a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"},
      {"a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"},
      {"a\r\r\nb", "a\r\n\r\nb\r\n.\r\n"},
      {"a\r", "a\r\n.\r\n"},
      {"\n", "\r\n.\r\n"},
      {"\r", "\r\n.\r\n"},
  };
  for (const Case& c : cases) {
    for (std::size_t step = 1; step <= c.in.size() + 1; ++step) EXPECT_EQ(stuff(c.in, step), c.out) << step;
  }
}

TEST(ClientDotStuffer, TellsWhatItRepaired) {
  DotStuffer stuffer;
  std::string out;
  stuffer.add("clean\r\n.\r\n", out);
  stuffer.finish(out);
  EXPECT_EQ(stuffer.repaired(), 0U);
  stuffer.add("a\nb\rc\r", out);
  stuffer.finish(out);
  EXPECT_EQ(stuffer.repaired(), 3U);
}

// What goes out is exactly what our own receiver reads back in.
TEST(ClientDotStuffer, ReceiverReadsItBack) {
  const std::string text = ".x\r\n..\r\n\r\n.\r\nend\r\n";
  const std::string wire = stuff(text, 3) + "QUIT\r\n";
  DataReceiver receiver(1000);
  std::string_view rest = wire;
  std::string read;
  bool end = false;
  while (!end && !rest.empty()) {
    const BodyStep step = receiver.step(rest);
    read += step.bytes;
    rest.remove_prefix(step.consumed);
    end = step.end;
  }
  EXPECT_TRUE(end);
  EXPECT_EQ(read, text);
  EXPECT_EQ(rest, "QUIT\r\n");
  EXPECT_EQ(receiver.fault(), BodyFault::none);
}

}  // namespace
}  // namespace postern::smtp
