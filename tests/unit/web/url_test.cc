#include "web/url.h"

#include <gtest/gtest.h>

#include "web/password.h"
#include "web/rate.h"

namespace postern::web {
namespace {

TEST(Url, DecodesAndRefusesWhatIsCut) {
  EXPECT_EQ(percent_decode("/a%20b%2Fc"), "/a b/c");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_FALSE(percent_decode("%zz"));
  EXPECT_FALSE(percent_decode("%00"));
  EXPECT_FALSE(percent_decode(std::string_view("a\0b", 3)));
  EXPECT_EQ(percent_encode("a b/ü"), "a%20b%2F%C3%BC");
  EXPECT_EQ(percent_decode(percent_encode("a b/ü~")), "a b/ü~");
}

TEST(Url, FormsAreBounded) {
  std::string many;
  for (std::size_t i = 0; i < kParametersMax + 5; ++i) many += "k" + std::to_string(i) + "=v&";
  EXPECT_EQ(parse_form(many).size(), kParametersMax);
  const Parameters form = parse_form("a=1&a=2&&=x&b&c=%zz&d=x+y");
  EXPECT_EQ(form.size(), 3U);
  EXPECT_EQ(form.at("a"), "1");
  EXPECT_EQ(form.at("b"), "");
  EXPECT_EQ(form.at("d"), "x y");
}

TEST(Url, NothingOfAStrangersTextIsMarkup) {
  EXPECT_EQ(escape("<a href=\"x\" on='y'>&"), "&lt;a href=&quot;x&quot; on=&#39;y&#39;&gt;&amp;");
  EXPECT_EQ(escape(std::string_view("a\0b\xFF\x1B", 5)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escape("ü€"), "ü€");
}

TEST(Url, EncodingsAndTags) {
  EXPECT_TRUE(accepts_gzip("deflate, gzip;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0.000, *"));
  EXPECT_FALSE(accepts_gzip("br"));
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_TRUE(matches_etag("W/\"a\", \"b\"", "\"b\""));
  EXPECT_TRUE(matches_etag("*", "\"b\""));
  EXPECT_FALSE(matches_etag("\"bb\"", "\"b\""));
  EXPECT_EQ(host_of("[::1]:8025"), "::1");
  EXPECT_EQ(host_of("LocalHost.:80"), "localhost");
  EXPECT_EQ(host_of("[::1"), "");
  EXPECT_EQ(host_of("[::1].evil"), "");
  EXPECT_EQ(host_of("[::1].evil:80"), "");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(escape("a\u202Eb\u2066c\u200Ad"), "a\uFFFDb\uFFFDc\u200Ad") << "what turns the direction is seen";
}

TEST(Rates, EachNetworkHasItsOwnAndItComesBack) {
  Rates rates({.burst = 3, .per_minute = 60});
  const auto now = Clock::now();
  const auto v6 = [](std::string_view text) { return *ip::Address::parse(text); };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rates.take(v6("2001:db8::1"), now));
  EXPECT_FALSE(rates.take(v6("2001:db8::2"), now));  // the same /64
  EXPECT_TRUE(rates.take(v6("2001:db8:0:1::1"), now));
  EXPECT_TRUE(rates.take(v6("192.0.2.1"), now));
  EXPECT_TRUE(rates.take(v6("2001:db8::1"), now + seconds(2)));
  EXPECT_FALSE(rates.take(v6("2001:db8::1"), now + seconds(2), 3));
  EXPECT_GT(rates.wait_s(), 0);
}

// A provider gives a customer a /56 or a /48: he is not 65,536 customers.
TEST(Rates, WiderNetworksHaveLimitsOfTheirOwn) {
  const auto taken = [](auto address_of) {
    Rates rates({.burst = 3, .per_minute = 60});
    const auto now = Clock::now();
    int count = 0;
    for (int i = 0; i < 100; ++i) count += rates.take(*ip::Address::parse(address_of(i)), now) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(taken([](int i) { return "2001:db8:0:" + std::to_string(i % 100) + "::1"; }), 3 * 4) << "/56";
  EXPECT_EQ(taken([](int i) { return "2001:db8:0:" + std::to_string(10 + i % 90) + "00::1"; }), 3 * 8) << "/48";
  EXPECT_EQ(taken([](int i) { return "192.0.2." + std::to_string(i); }), 3 * 8) << "/24";
  EXPECT_EQ(taken([](int i) { return "2001:db8:" + std::to_string(i) + "::1"; }), 100);
}

TEST(Rates, ATableThatIsTooSmallForgetsAndRefusesNobody) {
  Rates rates({.burst = 1, .per_minute = 1}, 1);
  const auto now = Clock::now();
  for (int i = 0; i < 1000; ++i) {
    const auto address = ip::Address::v4({192, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1});
    EXPECT_TRUE(rates.take(address, now + milliseconds(i)));
  }
}

TEST(Password, AVerifierTellsItsOwnPasswordAlone) {
  const std::string verifier = password_verifier("correct horse", 10'000);
  EXPECT_TRUE(is_password_verifier(verifier));
  EXPECT_EQ(verifier.find("horse"), std::string::npos);
  EXPECT_TRUE(password_matches(verifier, "correct horse"));
  EXPECT_FALSE(password_matches(verifier, "correct horse "));
  EXPECT_FALSE(password_matches(verifier, ""));
  EXPECT_NE(verifier, password_verifier("correct horse", 10'000));
  for (const char* wrong : {"", "secret", "pbkdf2-sha256$1$AAAA$AAAA", "pbkdf2-sha256$100000$$",
                            "pbkdf2-sha256$100000$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"})
    EXPECT_FALSE(is_password_verifier(wrong)) << wrong;
  const std::string token = make_token();
  EXPECT_EQ(token.size(), 43U);
  EXPECT_TRUE(token_matches(token_verifier(token), token));
  EXPECT_FALSE(token_matches(token_verifier(token), make_token()));
  EXPECT_FALSE(token_matches("", ""));
}

}  // namespace
}  // namespace postern::web
