#include "smtp/receivers.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "unit/smtp/naive_data.h"

namespace postern::smtp {
namespace {

using test::Decoded;
using test::naive_data;

Decoded receive(std::string_view input, std::size_t line_max, const auto& next_size) {
  DataReceiver receiver(line_max);
  Decoded out;
  while (!input.empty() && !out.ended) {
    std::string_view part = input.substr(0, next_size());
    input.remove_prefix(part.size());
    while (!part.empty() && !out.ended) {
      const BodyStep step = receiver.step(part);
      EXPECT_LE(step.consumed, part.size());
      out.text += step.bytes;
      out.consumed += step.consumed;
      out.ended = step.end;
      part.remove_prefix(step.consumed);
    }
  }
  out.fault = receiver.fault();
  return out;
}

TEST(DataReceiver, AgreesWithTheNaiveDecoderOnAllShortInputs) {
  // Every string of up to seven octets over the alphabet that matters
  constexpr std::string_view kAlphabet("\r\n.\0x", 5);
  for (std::size_t length = 0; length <= 7; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= kAlphabet.size();
    for (std::size_t n = 0; n < count; ++n) {
      std::string input;
      for (std::size_t i = 0, rest = n; i < length; ++i, rest /= kAlphabet.size()) {
        input.push_back(kAlphabet[rest % kAlphabet.size()]);
      }
      const Decoded expected = naive_data(input, 5);
      ASSERT_EQ(receive(input, 5, [] { return std::string::npos; }), expected) << n << " of length " << length;
      ASSERT_EQ(receive(input, 5, [] { return std::size_t{1}; }), expected) << n << " of length " << length;
    }
  }
}

TEST(DataReceiver, AgreesOnLongerRandomInputsAndSplits) {
  std::mt19937 random(1);
  constexpr std::string_view kAlphabet("\r\n\r\n\r\n..\0abcdefghijkl", 21);
  for (int round = 0; round < 3000; ++round) {
    std::string input;
    for (int i = 0; i < 200; ++i) input.push_back(kAlphabet[random() % kAlphabet.size()]);
    if (round % 2 == 0)
      input = "Clean: line\r\n..stuffed\r\n" + std::string(round % 97, 'a') + "\r\n.\r\nQUIT\r\n" + input;
    const Decoded expected = naive_data(input, 60);
    ASSERT_EQ(receive(input, 60, [&] { return std::size_t{1} + random() % 40; }), expected);
  }
}

TEST(DataReceiver, HandsOutLargeViews) {
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "a line of text that needs no change\r\n";
  DataReceiver receiver(1000);
  const BodyStep step = receiver.step(input);
  EXPECT_EQ(step.bytes.size(), input.size());
  EXPECT_EQ(step.bytes.data(), input.data()) << "a view, not a copy";
}

TEST(DataReceiver, LineLimitAtNAndOneMore) {
  for (const char* dot : {"", "."}) {  // the dot for transparency does not count
    const std::string lead = *dot == '.' ? ".." : "x";
    DataReceiver good(10);
    static_cast<void>(good.step(lead + "2345678\r\n"));
    static_cast<void>(good.step(lead + "2345678\r\n"));
    EXPECT_EQ(good.fault(), BodyFault::none);
    DataReceiver bad(10);
    std::string line = lead + "23456789\r\n";
    while (!line.empty()) line.erase(0, bad.step(line).consumed);
    EXPECT_EQ(bad.fault(), BodyFault::line_too_long);
  }
}

TEST(BdatReceiver, TakesExactlyItsSize) {
  BdatReceiver receiver(5);
  BodyStep step = receiver.step("abc");
  EXPECT_EQ(step.bytes, "abc");
  EXPECT_FALSE(step.end);
  step = receiver.step("defg");
  EXPECT_EQ(step.bytes, "de");
  EXPECT_EQ(step.consumed, 2U);
  EXPECT_TRUE(step.end);
  EXPECT_TRUE(BdatReceiver(0).step("").end);
  EXPECT_EQ(BdatReceiver(UINT64_MAX).step("x").consumed, 1U);
}

TEST(BodyJudge, JudgesAcrossChunks) {
  const auto judge = [](std::initializer_list<std::string_view> chunks) {
    BodyJudge j(10);
    for (const auto chunk : chunks) j.see(chunk);
    return std::pair(j.finish(), j.ends_with_crlf());
  };
  EXPECT_EQ(judge({"a\r", "\n"}), std::pair(BodyFault::none, true));
  EXPECT_EQ(judge({"a\r", "b\r\n"}), std::pair(BodyFault::bare_cr, true));
  EXPECT_EQ(judge({"a\r"}).first, BodyFault::bare_cr);
  EXPECT_EQ(judge({"a", "\n"}).first, BodyFault::bare_lf);
  EXPECT_EQ(judge({"a"}), std::pair(BodyFault::none, false));
  EXPECT_EQ(judge({}), std::pair(BodyFault::none, true));
  EXPECT_EQ(judge({std::string_view("\0\r\n", 3)}).first, BodyFault::nul);
  EXPECT_EQ(judge({"12345678", "\r\n"}).first, BodyFault::none);
  EXPECT_EQ(judge({"123456789", "\r\n"}).first, BodyFault::line_too_long);
}

}  // namespace
}  // namespace postern::smtp
