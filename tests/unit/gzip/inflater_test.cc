#include "gzip/inflater.h"

#include <gtest/gtest.h>

#include <array>

#include "gzip/gzip.h"

namespace postern::gzip {
namespace {

// All of it, `in` octets of the input and `out` of the output at once.
std::string inflate_in_steps(std::string_view packed, std::size_t in, std::size_t out, bool* complete) {
  Inflater inflater;
  std::array<char, 64> buffer;
  std::string text;
  for (std::size_t at = 0; at < packed.size();) {
    const auto step = inflater.step(packed.substr(at, in), std::span(buffer).first(out));
    if (!step) return "error";
    text.append(buffer.data(), step->produced);
    at += step->consumed;
  }
  for (;;) {  // what is decoded already
    const auto step = inflater.step({}, std::span(buffer).first(out));
    if (!step || step->produced == 0) break;
    text.append(buffer.data(), step->produced);
  }
  *complete = inflater.complete();
  return text;
}

TEST(Inflater, HoweverItIsCut) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "line " + std::to_string(i * i) + "\n";
  const std::string packed = compress(text) + compress("") + compress("second");
  for (const std::size_t in : {1, 2, 7, 100, 100'000})
    for (const std::size_t out : {1, 3, 64}) {
      bool complete = false;
      EXPECT_EQ(inflate_in_steps(packed, in, out, &complete), text + "second") << in << " " << out;
      EXPECT_TRUE(complete);
    }
}

TEST(Inflater, Ends) {
  const std::string packed = compress("text");
  bool complete = true;
  EXPECT_EQ(inflate_in_steps(packed.substr(0, packed.size() - 1), 100, 64, &complete), "text");
  EXPECT_FALSE(complete);
  EXPECT_EQ(inflate_in_steps(packed + std::string(40, '\0'), 3, 64, &complete), "text");  // padding, as tapes have it
  EXPECT_TRUE(complete);
  EXPECT_EQ(inflate_in_steps("no gzip at all", 100, 64, &complete), "error");
  std::string damaged = packed;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(inflate_in_steps(damaged, 100, 64, &complete), "error");
}

}  // namespace
}  // namespace postern::gzip
