#include "dkim/canonical.h"

#include <gtest/gtest.h>

#include <random>

#include "dkim/body_hashes.h"
#include "dkim/white_space.h"

namespace postern::dkim {
namespace {

std::string field(Canon canon, std::string_view raw) {
  std::string out;
  canonical_field(canon, raw, out);
  return out;
}

std::string body(Canon canon, std::string_view text, std::size_t step = SIZE_MAX) {
  BodyCanon body(canon);
  std::string out;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    body.add(piece, out);
  }
  body.finish(out);
  return out;
}

// The rules of 3.4.3 and 3.4.4 read one after the other over the whole text.
std::string by_the_letter(Canon canon, std::string_view text) {
  std::string reduced;
  if (canon == Canon::simple) {
    reduced = text;
  } else {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!is_wsp(text[i])) {
        reduced.push_back(text[i]);
        continue;
      }
      while (i + 1 < text.size() && is_wsp(text[i + 1])) ++i;
      const bool line_ends = i + 1 == text.size() || text.substr(i + 1).starts_with("\r\n");
      if (!line_ends) reduced.push_back(' ');
    }
  }
  while (reduced.ends_with("\r\n")) reduced.resize(reduced.size() - 2);
  if (!reduced.empty() || canon == Canon::simple) reduced += "\r\n";
  return reduced;
}

// RFC 6376 3.4.5, example 1 and 2
TEST(CanonicalField, TheExamples) {
  EXPECT_EQ(field(Canon::relaxed, "A: X\r\n"), "a:X\r\n");
  EXPECT_EQ(field(Canon::relaxed, "B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n");
  EXPECT_EQ(field(Canon::simple, "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  \r\n");
  EXPECT_EQ(body(Canon::relaxed, " C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
  EXPECT_EQ(body(Canon::simple, " C \r\nD \t E\r\n\r\n\r\n"), " C \r\nD \t E\r\n");
}

TEST(CanonicalField, OddFields) {
  EXPECT_EQ(field(Canon::relaxed, "Subject:\r\n"), "subject:\r\n");
  EXPECT_EQ(field(Canon::relaxed, "Subject: \r\n \r\n"), "subject:\r\n");
  EXPECT_EQ(field(Canon::relaxed, "Subject:a\r\n \r\n b\r\n"), "subject:a b\r\n");
  EXPECT_EQ(field(Canon::relaxed, "Subject: a"), "subject:a\r\n");  // the last line of a cut header
  EXPECT_EQ(field(Canon::simple, "Subject: a"), "Subject: a\r\n");
  EXPECT_EQ(field(Canon::relaxed, "X: a:b : c\r\n"), "x:a:b : c\r\n");
  EXPECT_EQ(field(Canon::relaxed, "X: \xE9\xA0 \r\r\n"), "x:\xE9\xA0 \r\r\n");  // a lone CR is an octet
  EXPECT_EQ(field(Canon::relaxed, "X: a\n b\r\n"), "x:a\n b\r\n");              // and a lone LF folds nothing
  EXPECT_EQ(field(Canon::relaxed, "no colon \r\n"), "no colon\r\n");
}

TEST(BodyCanon, EmptyBodies) {
  // 3.4.3 and 3.4.4 give the two
  EXPECT_EQ(body(Canon::simple, ""), "\r\n");
  EXPECT_EQ(body(Canon::relaxed, ""), "");
  EXPECT_EQ(body(Canon::simple, "\r\n\r\n"), "\r\n");
  EXPECT_EQ(body(Canon::relaxed, "\r\n\r\n"), "");
  EXPECT_EQ(body(Canon::relaxed, " \t\r\n\r\n "), "");
  EXPECT_EQ(body(Canon::simple, " \r\n"), " \r\n");
}

TEST(BodyCanon, OnlyCrlfIsALineEnd) {
  for (const Canon canon : {Canon::simple, Canon::relaxed}) {
    EXPECT_EQ(body(canon, "a\n\n"), "a\n\n\r\n");
    EXPECT_EQ(body(canon, "a\r\r"), "a\r\r\r\n");
    EXPECT_EQ(body(canon, "a\r\r\n"), "a\r\r\n");
    EXPECT_EQ(body(canon, "a\r\n\r"), "a\r\n\r\r\n");
    EXPECT_EQ(body(canon, "a"), "a\r\n");
    EXPECT_EQ(body(canon, "\r\n\r\na"), "\r\n\r\na\r\n");
  }
  EXPECT_EQ(body(Canon::relaxed, "a \n \r\n"), "a \n\r\n");
  EXPECT_EQ(body(Canon::relaxed, "a \rb"), "a \rb\r\n");
  EXPECT_EQ(body(Canon::relaxed, "a \r"), "a \r\r\n");
}

// Every text of up to seven octets over the four that matter and one that does not, whole and octet by octet.
TEST(BodyCanon, AllShortTextsByTheLetterOfTheRules) {
  constexpr std::string_view kOctets = "\r\n \ta";
  for (std::size_t size = 0, count = 1; size <= 7; ++size, count *= kOctets.size()) {
    for (std::size_t number = 0; number < count; ++number) {
      std::string text;
      for (std::size_t i = 0, rest = number; i < size; ++i, rest /= kOctets.size()) {
        text.push_back(kOctets[rest % kOctets.size()]);
      }
      for (const Canon canon : {Canon::simple, Canon::relaxed}) {
        const std::string expected = by_the_letter(canon, text);
        ASSERT_EQ(body(canon, text), expected) << testing::PrintToString(text);
        ASSERT_EQ(body(canon, text, 1), expected) << testing::PrintToString(text);
        ASSERT_EQ(body(canon, expected), expected) << testing::PrintToString(text);  // canonical text stays
      }
    }
  }
}

std::string random_text(std::mt19937& random, std::size_t size) {
  constexpr std::string_view kOctets = "abcdefgh  \t\r\n";
  std::string text;
  while (text.size() < size) {
    const std::size_t pick = random() % (kOctets.size() + 2);
    if (pick < kOctets.size()) {
      text.push_back(kOctets[pick]);
    } else {
      text += "\r\n";
    }
    if (random() % 40 == 0) text.append(random() % 60, 'x');  // stretches longer than a block
  }
  return text;
}

TEST(BodyCanon, EverySplitOfALongerText) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const std::string text = random_text(random, 300);
    for (const Canon canon : {Canon::simple, Canon::relaxed}) {
      const std::string expected = by_the_letter(canon, text);
      for (std::size_t at = 0; at <= text.size(); ++at) {
        BodyCanon split(canon);
        std::string out;
        split.add(std::string_view(text).substr(0, at), out);
        split.add(std::string_view(text).substr(at), out);
        split.finish(out);
        ASSERT_EQ(out, expected) << at << " " << testing::PrintToString(text);
      }
    }
  }
}

TEST(BodyHashes, EveryLengthInOnePass) {
  std::mt19937 random(11);
  const std::string text = random_text(random, 3000);
  for (const Canon canon : {Canon::simple, Canon::relaxed}) {
    const std::string canonical = by_the_letter(canon, text);
    BodyHashes hashes;
    const std::size_t whole = hashes.request(canon, std::nullopt);
    const std::size_t other = hashes.request(canon == Canon::simple ? Canon::relaxed : Canon::simple, 5);
    std::vector<std::size_t> numbers;
    for (std::size_t length = 0; length <= canonical.size() + 1; ++length) {
      numbers.push_back(hashes.request(canon, length));
    }
    EXPECT_EQ(hashes.request(canon, 7), numbers[7]);
    EXPECT_NE(other, whole);
    for (std::size_t at = 0; at < text.size(); at += 700) hashes.add(std::string_view(text).substr(at, 700));
    hashes.finish();
    EXPECT_EQ(hashes.digest(whole), crypto::Sha256::of(canonical));
    EXPECT_EQ(hashes.canonical_octets(canon), canonical.size());
    for (std::size_t length = 0; length <= canonical.size() + 1; ++length) {
      ASSERT_EQ(hashes.digest(numbers[length]), crypto::Sha256::of(canonical.substr(0, length))) << length;
    }
  }
}

TEST(BodyHashes, ALimitAloneStillCountsTheBody) {
  BodyHashes hashes;
  EXPECT_FALSE(hashes.wanted());
  const std::size_t none = hashes.request(Canon::simple, 0);
  EXPECT_TRUE(hashes.wanted());
  hashes.add(std::string(100000, 'a'));
  hashes.finish();
  hashes.finish();
  EXPECT_EQ(hashes.digest(none), crypto::Sha256::of(""));
  EXPECT_EQ(hashes.canonical_octets(Canon::simple), 100002U);
  EXPECT_EQ(hashes.canonical_octets(Canon::relaxed), 0U);
}

TEST(NextChanged, AtEveryPlaceOfABlock) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'a');
    text[at] = '\t';
    EXPECT_EQ(next_changed(text, 0), at);
    text[at] = ' ';
    EXPECT_EQ(next_changed(text, 0), at == 39 ? 39U : 40U);
    if (at + 1 < 40) {
      text[at + 1] = '\r';
      EXPECT_EQ(next_changed(text, 0), at);
      EXPECT_EQ(next_changed(text, at), at);
    }
  }
}

}  // namespace
}  // namespace postern::dkim
