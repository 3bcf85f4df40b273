#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace postern {
namespace {

TEST(Text, Base64KnownAnswers) {  // RFC 4648 section 10
  const std::array<std::pair<std::string_view, std::string_view>, 7> table = {{{"", ""},
                                                                               {"f", "Zg=="},
                                                                               {"fo", "Zm8="},
                                                                               {"foo", "Zm9v"},
                                                                               {"foob", "Zm9vYg=="},
                                                                               {"fooba", "Zm9vYmE="},
                                                                               {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : table) {
    EXPECT_EQ(to_base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), std::string(plain));
  }
}

TEST(Text, Base64Refuses) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "=Zg=", "Z===", "Zg==Zg==", "Zm9v ", "Zm9v\n", "Zm-_",
                           "Zh==", "Zm9=", "Zm8=Zm9v"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Text, Hex) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(from_hex("00Ff1A"), std::string("\x00\xff\x1a", 3));
  for (const char* text : {"0", "0g", "zz", " 0", "0x"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Text, Utf8) {
  for (const char* text : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << to_hex(text);
  }
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xfe"}) {
    EXPECT_FALSE(is_utf8(text)) << to_hex(text);
  }
}

TEST(Text, Utf8HeadNeverCutsACharacter) {
  const std::string_view text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (std::size_t max = 0; max <= text.size() + 1; ++max) {
    const auto head = utf8_head(text, max);
    EXPECT_LE(head.size(), max);
    EXPECT_TRUE(text.starts_with(head));
    EXPECT_TRUE(is_utf8(head)) << max;
    EXPECT_GE(head.size() + 3, std::min(max, text.size()));
  }
  EXPECT_EQ(utf8_head("\x80\x80\x80\x80\x80\x80", 5).size(), 5U);
}

TEST(Text, PrintableIsOneSafeLine) {
  EXPECT_EQ(printable("a\\b\r\n\t\x7f\x80 z"), "a\\\\b\\x0d\\x0a\\x09\\x7f\\x80 z");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("abcd", 3), "abc...");
}

TEST(Text, ParseUnsigned) {
  EXPECT_EQ(parse_unsigned("0"), 0U);
  EXPECT_EQ(parse_unsigned("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_unsigned("255", 255), 255U);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x1", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_unsigned(text)) << text;
  }
  EXPECT_FALSE(parse_unsigned("256", 255));
}

TEST(Text, CaseSplitTrim) {
  EXPECT_EQ(lower("AbZ[\xc4"), "abz[\xc4");
  EXPECT_EQ(upper("aBz{"), "ABZ{");
  EXPECT_TRUE(iequals("EHLO", "ehlo"));
  EXPECT_FALSE(iequals("ehl@", "ehl`"));
  EXPECT_TRUE(istarts_with("MAIL FROM:", "mail"));
  EXPECT_FALSE(istarts_with("MA", "mail"));
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, EqualConstantTime) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_constant_time("abc", "Abc"));
}

TEST(Text, NearestFindsTypingErrors) {
  const std::vector<std::string> keys = {"hostname", "data_dir", "listen", "domain", "relay"};
  EXPECT_EQ(nearest("hostnmae", keys), "hostname");
  EXPECT_EQ(nearest("datadir", keys), "data_dir");
  EXPECT_EQ(nearest("Listen", keys), "listen");
  EXPECT_EQ(nearest("domains", keys), "domain");
  EXPECT_FALSE(nearest("certificates", keys));
  EXPECT_FALSE(nearest("", keys));
  EXPECT_FALSE(nearest("x", {"y"}));
}

TEST(Units, Bytes) {
  const std::array<std::pair<std::uint64_t, std::string_view>, 10> table = {{{0, "0 B"},
                                                                             {1023, "1023 B"},
                                                                             {1024, "1 KiB"},
                                                                             {1536, "1.5 KiB"},
                                                                             {51200, "50 KiB"},
                                                                             {1048575, "1 MiB"},
                                                                             {1503238554, "1.4 GiB"},
                                                                             {52428800, "50 MiB"},
                                                                             {1ULL << 40U, "1 TiB"},
                                                                             {UINT64_MAX, "16 EiB"}}};
  for (const auto& [bytes, text] : table) EXPECT_EQ(human_bytes(bytes), text);
}

TEST(Units, ParseBytes) {
  EXPECT_EQ(parse_bytes("1024"), 1024U);
  EXPECT_EQ(parse_bytes("50M"), 52428800U);
  EXPECT_EQ(parse_bytes("50 MiB"), 52428800U);
  EXPECT_EQ(parse_bytes("50mb"), 52428800U);
  EXPECT_EQ(parse_bytes("1.5K"), 1536U);
  EXPECT_EQ(parse_bytes("7 B"), 7U);
  EXPECT_EQ(parse_bytes("15E"), 15ULL << 60U);
  for (const char* text :
       {"", "M", "-1", "16E", "1.5", "1.K", "1.2345M", "5X", "5 M B", "5MiBs", "99999999999999999999"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Units, ParseDuration) {
  EXPECT_EQ(parse_duration_ms("90"), 90'000);
  EXPECT_EQ(parse_duration_ms("90s"), 90'000);
  EXPECT_EQ(parse_duration_ms("5m"), 300'000);
  EXPECT_EQ(parse_duration_ms("4h"), 14'400'000);
  EXPECT_EQ(parse_duration_ms("30d"), 2'592'000'000);
  EXPECT_EQ(parse_duration_ms("2w"), 1'209'600'000);
  EXPECT_EQ(parse_duration_ms("250ms"), 250);
  EXPECT_EQ(parse_duration_ms("1.5s"), 1500);
  EXPECT_EQ(parse_duration_ms("1h30m"), 5'400'000);
  EXPECT_EQ(parse_duration_ms("0"), 0);
  for (const char* text : {"", "s", "-1s", "30m1h", "1h30", "1m1m", "1y", "5 m", "1..5s", "9223372036854775808ms",
                           "99999999999999d", "1h30m x"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
}

TEST(Units, HumanDurationIsReadBack) {
  const std::array<std::pair<std::int64_t, std::string_view>, 9> table = {{{0, "0ms"},
                                                                           {250, "250ms"},
                                                                           {1000, "1s"},
                                                                           {1399, "1.3s"},
                                                                           {59'999, "59.9s"},
                                                                           {90'000, "1m30s"},
                                                                           {3'600'000, "1h"},
                                                                           {5'400'000, "1h30m"},
                                                                           {187'200'000, "2d4h"}}};
  for (const auto& [ms, text] : table) {
    EXPECT_EQ(human_duration(ms), text);
    EXPECT_LE(parse_duration_ms(text).value_or(-1), ms);
  }
  EXPECT_EQ(human_duration(-90'000), "-1m30s");
  EXPECT_EQ(human_duration(INT64_MIN).front(), '-');
}

}  // namespace
}  // namespace postern
