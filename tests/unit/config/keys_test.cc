// Properties that hold for every key of the table.
#include "config/keys.h"
#include "repository.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

namespace postern::config {
namespace {

constexpr std::string_view kBase = "[[listen]]\naddress = \"[::1]:25\"\n";

// Keys that another key bounds are given room.
std::string file_with(const Key& key, const std::string& value) {
  std::string text;
  if (key.section.empty())
    text = std::string(key.name) + " = " + value + "\n" + std::string(kBase);
  else
    text = std::string(kBase) + "[" + std::string(key.section) + "]\n" + std::string(key.name) + " = " + value + "\n";
  const std::string name = full_name(key);
  const auto also = [&](const char* other, const char* large) { text += std::string(other) + " = " + large + "\n"; };
  if (name == "queue.retry_first") also("retry_max = \"7d\"\nexpire_after", "\"60d\"");
  if (name == "queue.retry_max") also("retry_first = 1\nexpire_after", "\"60d\"");
  if (name == "queue.expire_after") also("retry_first = 1\nretry_max", "1");
  if (name == "queue.destination_concurrency") also("concurrency", "10000");
  if (name == "queue.concurrency") also("destination_concurrency", "1");
  if (name == "records.rotate_bytes") also("max_bytes", "\"1024T\"");
  if (name == "records.max_bytes") also("rotate_bytes", "\"64K\"");
  if (name == "spool.max_bytes") also("segment_bytes", "\"1M\"");
  if (name == "limits.message_size") also("bytes_in_flight", "\"1T\"");
  if (name == "limits.bytes_in_flight") also("message_size", "1024");
  return text;
}

std::string exact(const Key& key, std::uint64_t value) {
  return key.unit == Unit::milliseconds ? "\"" + std::to_string(value) + "ms\"" : std::to_string(value);
}

TEST(Keys, NamesAreUniqueAndDocumented) {
  std::set<std::string> names;
  for (const Section& section : sections()) {
    EXPECT_FALSE(keys_of(section.name).empty()) << section.name;
    for (const Key* key : keys_of(section.name)) {
      EXPECT_TRUE(names.insert(full_name(*key)).second) << full_name(*key);
      EXPECT_TRUE(key->doc.ends_with('.')) << full_name(*key);
      EXPECT_EQ(key->unit == Unit::none, key->read != nullptr) << full_name(*key);
      EXPECT_EQ(key->unit != Unit::none, key->get != nullptr && key->set != nullptr) << full_name(*key);
      EXPECT_TRUE(key->reload || key->get != nullptr || key->show != nullptr) << full_name(*key);
      if (key->unit == Unit::none) EXPECT_FALSE(key->type.empty() || key->fallback.empty()) << full_name(*key);
    }
  }
  std::size_t in_tables = 0;
  for (const std::span<const Key> table : key_tables()) in_tables += table.size();
  EXPECT_EQ(names.size(), in_tables) << "a key's section is not in the table";
}

TEST(Keys, EveryNumberIsTakenAtItsBoundsAndRefusedBeyondThem) {
  std::size_t tried = 0;
  for (const std::span<const Key> table : key_tables()) {
    for (const Key& key : table) {
      if (key.unit == Unit::none) continue;
      ++tried;
      for (const std::uint64_t value : {key.min, key.max}) {
        const Loaded loaded = parse(file_with(key, exact(key, value)), "f");
        ASSERT_TRUE(loaded.config) << full_name(key) << " = " << value << ": " << loaded.problems.front().text();
        EXPECT_EQ(key.get(*loaded.config), value) << full_name(key);
      }
      std::vector<std::uint64_t> outside{key.max + 1};
      if (key.min > 1 || key.zero.empty()) outside.push_back(key.min - 1);
      for (const std::uint64_t value : outside) {
        const Loaded loaded = parse(file_with(key, exact(key, value)), "f");
        ASSERT_FALSE(loaded.config) << full_name(key) << " = " << value;
        ASSERT_EQ(loaded.problems.size(), 1U);
        EXPECT_EQ(loaded.problems[0].key, full_name(key));
        EXPECT_EQ(loaded.problems[0].line, key.section.empty() ? 1 : 4);
        EXPECT_NE(loaded.problems[0].what.find("out of range"), std::string::npos) << loaded.problems[0].what;
        EXPECT_NE(loaded.problems[0].what.find(range_text(key)), std::string::npos) << loaded.problems[0].what;
      }
      const Loaded zero = parse(file_with(key, "0"), "f");
      EXPECT_EQ(zero.config != nullptr, !key.zero.empty()) << full_name(key);
    }
  }
  EXPECT_GT(tried, 35U);
}

TEST(Keys, EveryDefaultIsInItsRange) {
  const Config defaults;
  for (const std::span<const Key> table : key_tables()) {
    for (const Key& key : table) {
      if (key.unit == Unit::none) continue;
      const std::uint64_t value = key.get(defaults);
      if (value == 0 && !key.zero.empty()) continue;
      EXPECT_GE(value, key.min) << full_name(key);
      EXPECT_LE(value, key.max) << full_name(key);
    }
  }
}

TEST(Keys, EveryKeyRefusesAnotherType) {
  for (const std::span<const Key> table : key_tables()) {
    for (const Key& key : table) {
      const auto section =
          std::ranges::find_if(sections(), [&](const Section& one) { return one.name == key.section; });
      if (section->repeated) continue;  // problems_test.cc, policy_test.cc
      const Loaded loaded = parse(file_with(key, "1979-05-27"), "f");
      ASSERT_FALSE(loaded.config) << full_name(key);
      EXPECT_EQ(loaded.problems[0].key, full_name(key));
      EXPECT_TRUE(loaded.problems[0].what.starts_with("found a date or time, expected ")) << loaded.problems[0].text();
    }
  }
}

TEST(Keys, TheReferenceIsTheOneInTheDocumentation) {
  std::ifstream in(test::source_dir() / "docs/configuration.md", std::ios::binary);
  ASSERT_TRUE(in.is_open()) << "docs/configuration.md is missing";
  const std::string written{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(written, reference_markdown()) << "write it anew: postern config reference > docs/configuration.md";
}

TEST(Keys, TheReferenceNamesEveryKey) {
  const std::string text = reference_markdown();
  for (const std::span<const Key> table : key_tables()) {
    for (const Key& key : table) {
      EXPECT_NE(text.find("- **`" + std::string(key.name) + "`** ("), std::string::npos) << full_name(key);
    }
  }
}

}  // namespace
}  // namespace postern::config
