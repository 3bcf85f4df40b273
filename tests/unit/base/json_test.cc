#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"

namespace postern::json {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(JsonWriter, Escapes) {
  EXPECT_EQ(escaped("plain"), "\"plain\"");
  EXPECT_EQ(escaped("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(escaped(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
  EXPECT_EQ(escaped("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(escaped("\xc3"), R"("\u00c3")");
  EXPECT_EQ(escaped("a\xff\xed\xa0\x80z"), R"("a\u00ff\u00ed\u00a0\u0080z")");
  EXPECT_EQ(escaped("\xc2\x9b"), R"("\u009b")");  // a control character for some terminals
}

TEST(JsonWriter, EveryOctetPairIsReadBack) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; b += 5) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      const auto value = parse(escaped(text));
      ASSERT_TRUE(value) << to_hex(text);
      if (is_utf8(text)) {
        EXPECT_EQ(value->string(), text) << to_hex(text);
      } else {
        EXPECT_TRUE(is_utf8(value->string()));
        EXPECT_FALSE(value->string().empty());
      }
    }
  }
}

TEST(JsonWriter, Document) {
  std::string out;
  Writer writer(out);
  writer.begin_object().field("a", 1).field("b", "x").field("c", true).field("d", UINT64_MAX).field("e", 1.5);
  writer.key("f").begin_array().number(1).null().begin_object().end_object().begin_array().end_array().end_array();
  writer.field("g", INT64_MIN).field("h", std::nan("")).field("i", std::string("s")).end_object();
  EXPECT_EQ(out,
            R"({"a":1,"b":"x","c":true,"d":18446744073709551615,"e":1.5,"f":[1,null,{},[]],"g":-9223372036854775808,)"
            R"("h":null,"i":"s"})");
  EXPECT_TRUE(parse(out));
}

TEST(JsonValue, LenientReads) {
  const auto value = parse(R"({"s":"x","n":5,"r":2.5,"b":true,"a":[1,2],"o":{"k":"v"},"big":1e3,"z":null})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("s").string(), "x");
  EXPECT_EQ(value->at("n").string("none"), "none");
  EXPECT_EQ(value->at("n").integer(), 5);
  EXPECT_EQ(value->at("r").integer(7), 7);
  EXPECT_EQ(value->at("r").real(), 2.5);
  EXPECT_EQ(value->at("n").real(), 5.0);
  EXPECT_EQ(value->at("big").integer(), 1000);
  EXPECT_TRUE(value->at("b").boolean());
  EXPECT_EQ(value->at("a").array().size(), 2U);
  EXPECT_EQ(value->at("o").at("k").string(), "v");
  EXPECT_TRUE(value->at("missing").at("deeper").is_null());
  EXPECT_TRUE(value->at("s").array().empty());
  EXPECT_TRUE(value->at("s").object().empty());
  EXPECT_EQ(parse(value->text())->text(), value->text());
}

TEST(JsonValue, NumbersAtTheirLimits) {
  EXPECT_EQ(parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_EQ(parse("-9223372036854775808")->integer(), INT64_MIN);
  EXPECT_EQ(parse("9223372036854775808")->integer(1), 1);
  EXPECT_GT(parse("18446744073709551616")->real(), 1.8e19);
  EXPECT_FALSE(parse("1e999"));
}

TEST(JsonValue, ZeroKeepsItsSign) {
  EXPECT_EQ(parse("-0.0")->text(), "-0.0");
  EXPECT_EQ(parse(parse("-0.0")->text())->text(), "-0.0");
  EXPECT_EQ(parse("0.0")->text(), "0");
}

TEST(JsonValue, DepthAtItsLimit) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(64)));
  EXPECT_FALSE(parse(nested(65)));
  EXPECT_TRUE(parse(nested(3), 3));
  const auto wrong = parse(nested(100'000));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().what.find("deeper than 64"), std::string::npos);
}

TEST(JsonValue, RefusesWithAReason) {
  for (const char* text :
       {"", "{", "[1,]", "{\"a\":}", "\"\xff\"", "\"\n\"", "nul", "1 2", "'a'", "01", "[1]x", "{1:2}"}) {
    const auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::invalid);
    EXPECT_EQ(value.error().what.find('\n'), std::string::npos);
    EXPECT_TRUE(value.error().what.starts_with("not JSON")) << value.error().what;
  }
}

TEST(JsonValue, NothingHidesBehindANul) {
  for (const std::string_view text :
       {std::string_view("2\0x", 3), std::string_view("\0", 1), std::string_view("{}\0", 3)}) {
    const auto value = parse(text);
    ASSERT_FALSE(value);
    EXPECT_NE(value.error().what.find("NUL"), std::string::npos) << value.error().what;
  }
}

TEST(JsonValue, TheLastOfEqualKeysHolds) { EXPECT_EQ(parse(R"({"a":1,"a":2})")->at("a").integer(), 2); }

}  // namespace
}  // namespace postern::json
