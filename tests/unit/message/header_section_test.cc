#include "message/header_section.h"

#include <gtest/gtest.h>

namespace postern::message {
namespace {

TEST(HeaderSection, FieldsAreViewsOfTheExactOctets) {
  const HeaderSection header("A: 1\r\nB:\r\n two\r\n\tthree \r\nA:4\r\n\r\nC: body\r\n");
  ASSERT_EQ(header.fields().size(), 3);
  EXPECT_EQ(header.fields()[0].name, "A");
  EXPECT_EQ(header.fields()[0].body, " 1");
  EXPECT_EQ(header.fields()[0].raw, "A: 1\r\n");
  EXPECT_EQ(header.fields()[1].body, "\r\n two\r\n\tthree ");
  EXPECT_EQ(header.fields()[1].raw, "B:\r\n two\r\n\tthree \r\n");
  EXPECT_EQ(header.count("a"), 2);
  EXPECT_EQ(header.all("a")[1]->body, "4");
  EXPECT_EQ(header.count("C"), 0) << "that is the body";
  EXPECT_EQ(header.count(""), 0);
}

TEST(HeaderSection, TheLastLineNeedsNoLineEnd) {
  const HeaderSection header("A: 1\r\nB: 2");
  ASSERT_EQ(header.fields().size(), 2);
  EXPECT_EQ(header.fields()[1].body, " 2");
  EXPECT_EQ(header.fields()[1].raw, "B: 2");
  EXPECT_TRUE(HeaderSection("").fields().empty());
  EXPECT_TRUE(HeaderSection("\r\nA: 1\r\n").fields().empty());
  EXPECT_EQ(HeaderSection().text(), "");
}

TEST(HeaderSection, WhiteSpaceBeforeTheColonIsNotInTheName) {
  const HeaderSection header("Subject \t: x\r\nA B: y\r\nno colon\r\n: z\r\nBad\r\n Fold: w\r\n");
  ASSERT_EQ(header.fields().size(), 5);
  EXPECT_EQ(header.fields()[0].name, "Subject");
  EXPECT_EQ(header.fields()[0].body, " x");
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(header.fields()[i].name, "") << i;
  EXPECT_EQ(header.fields()[1].body, "A B: y") << "what is no field is all body";
  EXPECT_EQ(header.fields()[4].raw, "Bad\r\n Fold: w\r\n");
}

TEST(HeaderSection, OnlyCrlfEndsALine) {
  const HeaderSection header("A: 1\nB: 2\rC: 3\r\nD: 4\r\n");
  ASSERT_EQ(header.fields().size(), 2);
  EXPECT_EQ(header.fields()[0].body, " 1\nB: 2\rC: 3");
}

TEST(HeaderSection, AFirstLineThatIsAFoldIsAFieldWithoutName) {
  const HeaderSection header(" lost: 1\r\nA: 2\r\n");
  ASSERT_EQ(header.fields().size(), 2);
  EXPECT_EQ(header.fields()[0].name, "");
  EXPECT_EQ(header.fields()[0].raw, " lost: 1\r\n");
}

TEST(HeaderSection, ALineOfWhiteSpaceContinuesTheField) {
  // RFC 5322 4.2: obs-FWS; the section ends at the empty line, not at this one
  const HeaderSection header("A: 1\r\n \r\nB: 2\r\n");
  ASSERT_EQ(header.fields().size(), 2);
  EXPECT_EQ(header.fields()[0].raw, "A: 1\r\n \r\n");
}

TEST(HeaderSection, ViewsSurviveAMove) {
  HeaderSection first("A: short\r\n");
  const HeaderSection second(std::move(first));
  EXPECT_EQ(second.fields().at(0).body, " short");
  EXPECT_EQ(second.text(), "A: short\r\n");
}

TEST(HeaderSection, UnfoldingTakesOnlyTheLineEndsOut) {
  EXPECT_EQ(unfolded(" a\r\n b\r\n\t c"), " a b\t c");
  EXPECT_EQ(unfolded("a\r\nb"), "a\r\nb");
  EXPECT_EQ(unfolded("a\r\n"), "a\r\n");
  EXPECT_EQ(unfolded(""), "");
}

}  // namespace
}  // namespace postern::message
