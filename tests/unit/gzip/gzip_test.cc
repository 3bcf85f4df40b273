#include "gzip/gzip.h"

#include <gtest/gtest.h>

namespace postern::gzip {
namespace {

TEST(Gzip, WhatIsCompressedComesBack) {
  for (const std::size_t size : {0, 1, 16383, 16384, 16385, 300000}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * i % 251);
    const std::string packed = compress(text);
    EXPECT_TRUE(is_gzip(packed));
    EXPECT_EQ(expand(packed, size).value_or("failed"), text) << size;
    if (size > 0) {
      const auto beyond = expand(packed, size - 1);
      ASSERT_FALSE(beyond.has_value());
      EXPECT_EQ(beyond.error().kind, ErrorKind::limit);
    }
  }
}

TEST(Gzip, DamageIsAnErrorWhereverItIs) {
  const std::string packed = compress("a report, a report, a report");
  for (std::size_t end = 0; end < packed.size(); ++end)
    EXPECT_FALSE(expand(packed.substr(0, end), 1000).has_value()) << end;
  std::string broken = packed;
  broken[broken.size() - 6] = static_cast<char>(broken[broken.size() - 6] ^ 1);  // the sum
  EXPECT_FALSE(expand(broken, 1000).has_value());
  EXPECT_FALSE(expand("<?xml", 1000).has_value());
}

TEST(Gzip, ABombIsStoppedAtTheLimit) {
  const std::string packed = compress(std::string(std::size_t{50} << 20U, 'x'));
  EXPECT_LT(packed.size(), 100000U);
  EXPECT_EQ(expand(packed, 1 << 20).error().kind, ErrorKind::limit);
}

TEST(Gzip, SeveralMembersAreOneText) {
  EXPECT_EQ(expand(compress("one, ") + compress("two"), 100).value_or(""), "one, two");
  EXPECT_EQ(expand(compress("one") + "rubbish", 100).value_or(""), "one");
}

}  // namespace
}  // namespace postern::gzip
