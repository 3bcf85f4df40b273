#include "dkim/tag_list.h"

#include <gtest/gtest.h>

namespace postern::dkim {
namespace {

TEST(TagList, NamesAndValues) {
  const std::string text = " a = b ;\r\n\tc=d e\t; E=;\r\n f=x=y; ";
  const auto list = TagList::parse(text);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->tags().size(), 4U);
  EXPECT_EQ(list->get("a"), "b");
  EXPECT_EQ(list->get("c"), "d e");
  EXPECT_EQ(list->get("E"), "");
  EXPECT_EQ(list->get("e"), std::nullopt);  // names are case-sensitive
  EXPECT_EQ(list->get("f"), "x=y");
  const Tag* const a = list->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(text.substr(a->value_offset, a->value_length), " b ");
  const Tag* const f = list->find("f");
  EXPECT_EQ(text.substr(f->value_offset, f->value_length), "x=y");
}

TEST(TagList, OneSemicolonMayEndIt) {
  EXPECT_TRUE(TagList::parse("a=b"));
  EXPECT_TRUE(TagList::parse("a=b;"));
  EXPECT_TRUE(TagList::parse("a=b; \r\n "));
  for (const char* text : {"", " ", ";", ";a=b", "a=b;;", "a=b; ;c=d", "a=b;;c=d"}) {
    EXPECT_FALSE(TagList::parse(text)) << text;
  }
}

TEST(TagList, WhatMakesItInvalid) {
  for (const char* text : {"a", "a=b;c", "=b", "1a=b", "_a=b", "a-b=c", "a b=c", "a=b;a=c", "a=b; c=d ;a=b", "a=\x01",
                           "a=b\x7F", "\xC3\xA4=b"}) {
    EXPECT_FALSE(TagList::parse(text)) << text;
  }
  EXPECT_TRUE(TagList::parse("a1_=b"));
  EXPECT_TRUE(TagList::parse("a=\xC3\xA4"));
  EXPECT_TRUE(TagList::parse("a=b;A=b"));
  EXPECT_FALSE(TagList::parse(std::string_view("a=b\0", 4)));
}

TEST(TagList, LimitOfTags) {
  std::string text;
  for (std::size_t i = 0; i < TagList::kTagsMax; ++i) text += "t" + std::to_string(i) + "=1;";
  EXPECT_TRUE(TagList::parse(text));
  EXPECT_FALSE(TagList::parse(text + "more=1"));
}

TEST(ColonList, Items) {
  EXPECT_EQ(colon_list("a : b\r\n :c"), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(colon_list(""), (std::vector<std::string_view>{""}));
  EXPECT_EQ(colon_list("a::"), (std::vector<std::string_view>{"a", "", ""}));
}

TEST(Base64, SpaceAnywherePaddingOptional) {
  EXPECT_EQ(decode_base64_fws("Zm9v"), "foo");
  EXPECT_EQ(decode_base64_fws(" Z m\r\n\t9 v Y g = ="), "foob");
  EXPECT_EQ(decode_base64_fws("Zm9vYg"), "foob");
  EXPECT_EQ(decode_base64_fws("Zm9vYmE"), "fooba");
  EXPECT_EQ(decode_base64_fws("Zm9vYmE="), "fooba");
  EXPECT_EQ(decode_base64_fws(""), "");
  for (const char* text :
       {"Z", "Zm9vY", "Zm9v=", "Zm9vYg=", "Zm9vYg===", "Zm9vYmE==", "Zm=9", "Zm9*", "=", "Zm9v\x80"}) {
    EXPECT_EQ(decode_base64_fws(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace postern::dkim
