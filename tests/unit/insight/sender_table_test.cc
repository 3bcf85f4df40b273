#include "insight/sender_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace postern::insight {
namespace {

TEST(SenderTable, HoldsWhatAMapHolds) {
  std::mt19937_64 random(1);
  SenderTable<int> table(1'000'000);
  std::map<std::uint64_t, int> expected;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t key = random() % 30'000;  // 0 is a key like others
    ++*table.find_or_add(key);
    ++expected[key];
  }
  EXPECT_EQ(table.size(), expected.size());
  for (std::uint64_t key = 0; key < 31'000; ++key) {
    const auto found = expected.find(key);
    const int* const value = table.find(key);
    ASSERT_EQ(value != nullptr, found != expected.end()) << key;
    if (value != nullptr) EXPECT_EQ(*value, found->second);
  }
  table.clear();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.find(1), nullptr);
}

TEST(SenderTable, IsBounded) {
  SenderTable<int> table(3);
  for (std::uint64_t key = 1; key <= 3; ++key) ASSERT_NE(table.find_or_add(key), nullptr);
  EXPECT_EQ(table.find_or_add(4), nullptr);
  EXPECT_NE(table.find_or_add(2), nullptr);
  EXPECT_EQ(table.size(), 3U);
}

}  // namespace
}  // namespace postern::insight
