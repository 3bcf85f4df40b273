#include "base/json_scanner.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/json.h"

namespace postern::json {
namespace {

// Builds the document that the scanner walks over, so that the two can be compared.
bool build(Scanner& scanner, Value& out) {
  std::string_view text;
  Scanner ahead = scanner;
  if (!ahead.raw(text) || text.empty()) return false;
  if (text.front() == '{') {
    Value::Object members;
    if (!scanner.object([&](std::string_view key) {
          const std::string name(key);
          return build(scanner, members[name]);
        }))
      return false;
    out = Value(std::move(members));
    return true;
  }
  if (text.front() == '[') {
    Value::Array elements;
    if (!scanner.array([&] { return build(scanner, elements.emplace_back()); })) return false;
    out = Value(std::move(elements));
    return true;
  }
  if (text.front() == '"') {
    std::string_view string;
    if (!scanner.string(string)) return false;
    out = Value(std::string(string));
    return true;
  }
  if (text.front() == 't' || text.front() == 'f') {
    bool flag = false;
    if (!scanner.boolean(flag)) return false;
    out = Value(flag);
    return true;
  }
  if (text.front() == 'n') return scanner.skip();
  double real = 0;
  std::int64_t integer = 0;
  if (text.find_first_of(".eE") != std::string_view::npos) {
    if (!scanner.real(real)) return false;
    out = Value(real);
    return true;
  }
  if (!scanner.integer(integer)) return false;
  out = Value(integer);
  return true;
}

std::string random_document(std::mt19937& random, int depth) {
  const auto string = [&random] {
    static const std::vector<std::string> kPieces{"a",        "rdns\"",           "\\",     "\n\t\b\f\r/",     "\x01",
                                                  "\xc3\xa9", "\xf0\x9f\x98\x80", "{[]},:", "0123456789abcdef"};
    std::string text;
    for (unsigned i = random() % 4; i > 0; --i) text += kPieces[random() % kPieces.size()];
    std::string out;
    append_escaped(out, text);
    return out;
  };
  const std::string space = random() % 5 == 0 ? " \n" : "";
  std::string out = space;
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      out += string();
      break;
    case 1:
      out += std::to_string(static_cast<std::int32_t>(random()));
      break;
    case 2:
      out += "-1.5e3";
      break;
    case 3:
      out += random() % 2 == 0 ? "true" : "false";
      break;
    case 4:
      out += "null";
      break;
    case 5: {
      out += "{";
      const auto members = random() % 4;
      for (std::size_t i = 0; i < members; ++i) {
        if (i > 0) out += "," + space;
        std::string key;
        append_escaped(key, "\"k" + std::to_string(i));
        out += key + space + ":" + random_document(random, depth - 1);
      }
      out += "}";
      break;
    }
    default: {
      out += "[" + space;
      const auto elements = random() % 4;
      for (std::size_t i = 0; i < elements; ++i) out += (i > 0 ? "," : "") + random_document(random, depth - 1);
      out += "]";
      break;
    }
  }
  return out + space;
}

TEST(JsonScanner, ReadsWhatTheParserReads) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_document(random, 4);
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed) << text;
    std::string scratch;
    Scanner scanner(text, scratch);
    Value read;
    ASSERT_TRUE(build(scanner, read)) << text;
    EXPECT_TRUE(scanner.finished());
    ASSERT_EQ(read.text(), parsed->text()) << text;
    Scanner skipping(text, scratch);
    EXPECT_TRUE(skipping.skip() && skipping.finished()) << text;
  }
}

TEST(JsonScanner, AnyHeadOfAnObjectIsRefused) {
  const std::string text = R"({"a":{"b":["x\n",1,{}]},"c":true})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    std::string scratch;
    Scanner scanner(std::string_view(text).substr(0, size), scratch);
    EXPECT_FALSE(scanner.skip()) << size;
    Scanner walking(std::string_view(text).substr(0, size), scratch);
    Value value;
    EXPECT_FALSE(build(walking, value)) << size;
  }
}

TEST(JsonScanner, OtherTypesLeaveTheTarget) {
  std::string scratch;
  Scanner scanner(R"([7,"x",1.5,1e2,null,"y",{"z":1}])", scratch);
  std::string_view text = "kept";
  std::int64_t number = 42;
  bool flag = true;
  int at = 0;
  EXPECT_TRUE(scanner.array([&] {
    switch (at++) {
      case 0:
        return scanner.string(text) && text == "kept";
      case 1:
      case 2:
        return scanner.integer(number) && number == 42;
      case 3:
        return scanner.integer(number) && number == 100;
      case 4:
        return scanner.is_null() && scanner.boolean(flag) && flag;
      case 5:
        return scanner.is_string() && scanner.object([](std::string_view) { return false; });
      default:
        return scanner.array([] { return false; });
    }
  }));
  EXPECT_EQ(at, 7);
}

TEST(JsonScanner, UnescapedStringsStayWhereTheyAre) {
  std::string scratch = "of a text before";
  const std::string text = R"(["\u0061 long string that leaves the small buffer","\u0062","c"])";
  Scanner scanner(text, scratch);
  std::vector<std::string_view> read;
  EXPECT_TRUE(scanner.array([&] { return scanner.string(read.emplace_back()); }));
  EXPECT_EQ(read, (std::vector<std::string_view>{"a long string that leaves the small buffer", "b", "c"}));
}

TEST(JsonScanner, NestingHasALimit) {
  const std::string deep(Scanner::kDepthMax + 1, '[');
  std::string scratch;
  const std::string balanced = deep + std::string(deep.size(), ']');
  EXPECT_FALSE(Scanner(balanced, scratch).skip());
  EXPECT_TRUE(Scanner(std::string_view(balanced).substr(1, balanced.size() - 2), scratch).skip());
}

}  // namespace
}  // namespace postern::json
