#include "base/id.h"

#include <gtest/gtest.h>

#include <set>

#include "base/time.h"

namespace postern {
namespace {

constexpr WallMs kNow = 1'795'243'208'123;  // 2026-11-21T06:40:08.123Z

TEST(Id, SortsByTimeInBothForms) {
  Id last = Id::make(kNow);
  for (WallMs t = kNow + 1; t < kNow + 200; ++t) {
    const Id next = Id::make(t);
    EXPECT_LT(last, next);
    EXPECT_LT(last.text(), next.text());
    last = next;
  }
}

TEST(Id, TextIsReadBack) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const Id id = Id::make(kNow);
    EXPECT_EQ(id.text().size(), Id::kTextSize);
    EXPECT_EQ(Id::parse(id.text()), id);
    seen.insert(id.text());
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Id, LookAlikesAndRefusals) {
  EXPECT_EQ(Id::parse("oOiIlL0123456789"), Id::parse("0011110123456789"));
  EXPECT_EQ(Id::parse("abcdefghjkmnpqrs"), Id::parse("ABCDEFGHJKMNPQRS"));
  for (const char* text :
       {"", "0", "000000000000000", "00000000000000000", "U000000000000000", "000000000000000-", "0000 00000000000"}) {
    EXPECT_FALSE(Id::parse(text)) << text;
  }
  EXPECT_TRUE(Id::parse("0000000000000000")->empty());
}

TEST(Id, TimeInItsWindow) {
  const Id id = Id::make(kNow);
  EXPECT_EQ(id.time(kNow), kNow);
  EXPECT_EQ(id.time(kNow + 500'000'000'000), kNow);  // read almost 16 years later
  EXPECT_EQ(id.time(kNow - 500'000'000'000), kNow);
  const WallMs wrap = 2LL << 40;  // the counter begins anew here
  EXPECT_EQ(Id::make(wrap - 1).time(wrap + 5), wrap - 1);
  EXPECT_EQ(Id::make(wrap + 1).time(wrap - 5), wrap + 1);
}

TEST(Time, Formats) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso8601(951'782'400'007), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(rfc5322_date(951'782'400'007), "Tue, 29 Feb 2000 00:00:00 +0000");
}

}  // namespace
}  // namespace postern
