#include "dkim/header_digest.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace postern::dkim {
namespace {

TEST(FieldIndex, FindsByNameTopFirst) {
  const message::HeaderSection header(
      "b: 1\r\nReceived-SPF: x\r\nB: 2\r\nReceived: y\r\nbb: 3\r\nno field\r\nb : 4\r\n");
  const FieldIndex index(header);
  std::string bodies;
  for (const FieldIndex::Entry& entry : index.find("b")) bodies += entry.field->body;
  EXPECT_EQ(bodies, " 1 2 4");
  EXPECT_EQ(index.find("received").size(), 1U);  // names that share their first eight octets
  EXPECT_EQ(index.find("received-spf").size(), 1U);
  EXPECT_TRUE(index.find("c").empty());
  EXPECT_TRUE(index.find("").empty());
}

// h= may name a field 500 times in each of ten signatures, and a megabyte of header may be that field alone.
TEST(FieldIndex, AFieldThatIsThereVeryOftenIsFoundAsFast) {
  std::string text;
  for (int i = 0; i < 250'000; ++i) text += "a:\r\n";
  const message::HeaderSection header(std::move(text));
  const FieldIndex index(header);
  const Clock::time_point begun = Clock::now();
  std::size_t found = 0;
  for (int i = 0; i < 20'000; ++i) found += index.find("a").size();
  EXPECT_EQ(found, std::size_t{20'000} * 250'000);
  EXPECT_LT(Clock::now() - begun, seconds(5));  // thousandths of one; counting them took minutes
}

TEST(CoversEveryFrom, CountsThem) {
  const message::HeaderSection none("To: a\r\n");
  const message::HeaderSection two("From: a\r\nTo: b\r\nFROM: c\r\n");
  EXPECT_TRUE(covers_every_from(FieldIndex(none), {"from"}));
  EXPECT_FALSE(covers_every_from(FieldIndex(two), {"from", "to"}));
  EXPECT_TRUE(covers_every_from(FieldIndex(two), {"from", "to", "from"}));
  EXPECT_TRUE(covers_every_from(FieldIndex(two), {"from", "from", "from"}));
}

}  // namespace
}  // namespace postern::dkim
