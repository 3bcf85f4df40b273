#include "outbound/tls_memory.h"

#include <gtest/gtest.h>

#include "outbound/tls_files.h"

#include "support.h"

namespace postern::outbound {
namespace {

using test::kDay;
using test::kHour;
using test::kStart;
using test::name;

const ip::Address kOne = *ip::Address::parse("2001:db8::1");
const ip::Address kTwo = *ip::Address::parse("192.0.2.1");

TEST(TlsMemory, ABrokenHostIsRememberedForADayAtItsAddress) {
  TlsMemory memory({});
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart), nullptr);
  EXPECT_TRUE(memory.broke(name("mx.a.org"), kOne, "eof", kStart));
  ASSERT_NE(memory.breaks(name("MX.a.org"), kOne, kStart + kDay - 1), nullptr);
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kDay - 1)->reason, "eof");
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kDay), nullptr);
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kTwo, kStart), nullptr);
  EXPECT_EQ(memory.breaks(name("mx2.a.org"), kOne, kStart), nullptr);
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart - 10), nullptr);  // the clock was set back
  EXPECT_TRUE(memory.worked(name("mx.a.org"), kOne));
  EXPECT_FALSE(memory.worked(name("mx.a.org"), kOne));
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart), nullptr);
}

TEST(TlsMemory, WhatANetworkMayHaveDoneCountsForAnHour) {
  TlsMemory memory({});
  for (const char* accident : {"timeout", "reset"}) {
    memory.broke(name("mx.a.org"), kOne, accident, kStart);
    EXPECT_NE(memory.breaks(name("mx.a.org"), kOne, kStart + kHour - 1), nullptr);
    EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kHour), nullptr);
  }
}

TEST(TlsMemory, AnAccidentShortensNothing) {
  TlsMemory memory({});
  memory.broke(name("mx.a.org"), kOne, "eof", kStart);
  EXPECT_FALSE(memory.broke(name("mx.a.org"), kOne, "timeout", kStart + kHour));
  ASSERT_NE(memory.breaks(name("mx.a.org"), kOne, kStart + kDay - 1), nullptr);
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kDay - 1)->reason, "eof");
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kDay), nullptr);
  // Once it is over, or where it is the longer one, it counts
  EXPECT_TRUE(memory.broke(name("mx.a.org"), kOne, "reset", kStart + kDay - kHour / 2));
  EXPECT_NE(memory.breaks(name("mx.a.org"), kOne, kStart + kDay), nullptr);
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + kDay + kHour / 2), nullptr);
  EXPECT_TRUE(memory.broke(name("mx.a.org"), kOne, "timeout", kStart + 3 * kDay));
  EXPECT_EQ(memory.breaks(name("mx.a.org"), kOne, kStart + 3 * kDay + kHour), nullptr);
}

TEST(TlsMemory, ADomainIsRememberedOnceItVerifiedADayApart) {
  TlsMemory memory({});
  EXPECT_TRUE(memory.verified(name("a.org"), "pkix", kStart));
  EXPECT_EQ(memory.remembered(name("a.org"), kStart), nullptr);
  memory.verified(name("a.org"), "pkix", kStart + kDay - 1);
  EXPECT_EQ(memory.remembered(name("a.org"), kStart + kDay), nullptr);
  memory.verified(name("a.org"), "dane 3 1 1", kStart + kDay);
  ASSERT_NE(memory.remembered(name("a.org"), kStart + kDay), nullptr);
  EXPECT_EQ(memory.remembered(name("a.org"), kStart + kDay)->how, "dane 3 1 1");
  EXPECT_NE(memory.remembered(name("a.org"), kStart + 15 * kDay - 1), nullptr);
  EXPECT_EQ(memory.remembered(name("a.org"), kStart + 15 * kDay), nullptr);
  EXPECT_EQ(memory.remembered(name("b.org"), kStart + kDay), nullptr);
  // After it was forgotten it has to be earned anew
  memory.verified(name("a.org"), "pkix", kStart + 40 * kDay);
  EXPECT_EQ(memory.remembered(name("a.org"), kStart + 40 * kDay), nullptr);
}

TEST(TlsMemory, ZeroSwitchesTheRatchetOff) {
  TlsMemory memory({.broken = kDay, .verified = 0});
  EXPECT_FALSE(memory.verified(name("a.org"), "pkix", kStart));
  EXPECT_FALSE(memory.verified(name("a.org"), "pkix", kStart + kDay));
  EXPECT_EQ(memory.remembered(name("a.org"), kStart + kDay), nullptr);
}

TEST(TlsMemory, ForgettingTakesEverythingUnderAName) {
  TlsMemory memory({});
  memory.broke(name("a.org"), kOne, "eof", kStart);
  memory.broke(name("a.org"), kTwo, "eof", kStart);
  memory.broke(name("b.org"), kTwo, "eof", kStart);
  memory.verified(name("a.org"), "pkix", kStart);
  EXPECT_EQ(memory.forget(name("a.org")), 3U);
  EXPECT_EQ(memory.forget(name("a.org")), 0U);
  EXPECT_EQ(memory.broken_list(kStart).size(), 1U);
}

TEST(TlsMemory, ItsFileIsReadBack) {
  TlsMemory memory({});
  memory.broke(name("a.org"), kOne, "a \"reason\"\n", kStart);
  memory.verified(name("a.org"), "pkix", kStart);
  memory.verified(name("a.org"), "pkix", kStart + kDay);
  TlsMemory again({});
  EXPECT_EQ(again.load(memory.text() + "\nrubbish\n{}\n{\"host\":\"a\",\"address\":\"b\"}\n"), 3U);
  EXPECT_EQ(again.text(), memory.text());
  EXPECT_NE(again.breaks(name("a.org"), kOne, kStart), nullptr);
  EXPECT_NE(again.remembered(name("a.org"), kStart + kDay), nullptr);
}

// A smarthost or a recipient's domain may be written as an address
TEST(TlsMemory, AHostWithoutANameIsKeptUnderItsAddress) {
  const ip::Address other = *ip::Address::parse("192.0.2.77");
  TlsMemory memory({});
  memory.broke(dns::Name(), kOne, "eof", kStart);
  memory.broke(dns::Name(), other, "eof", kStart);
  TlsMemory again({});
  EXPECT_EQ(again.load(memory.text()), 0U);
  EXPECT_EQ(again.text(), memory.text());
  EXPECT_NE(again.breaks(dns::Name(), other, kStart), nullptr);
  for (const ip::Address& address : {kOne, other}) {
    const auto called = parse_tls_name(address.text());
    ASSERT_TRUE(called.has_value()) << called.error().what;
    EXPECT_EQ(again.forget(*called), 1U) << address.text();
  }
  EXPECT_EQ(again.text(), "");
  EXPECT_EQ(again.load("{\"address\":\"192.0.2.1\",\"reason\":\"eof\",\"since\":1,\"until\":2}\n"), 1U);
}

TEST(TlsMemory, IsBoundedAndTheOldestLeave) {
  TlsMemory memory({});
  for (std::size_t i = 0; i < TlsMemory::kEntriesMax + 1000; ++i) {
    const dns::Name host = name("h" + std::to_string(i) + ".org");
    memory.broke(host, kOne, "eof", kStart + static_cast<WallMs>(i));
    memory.verified(host, "pkix", kStart + static_cast<WallMs>(i));
  }
  const auto list = memory.broken_list(kStart + static_cast<WallMs>(TlsMemory::kEntriesMax) + 1000);
  EXPECT_LE(list.size(), TlsMemory::kEntriesMax);
  EXPECT_GT(list.size(), TlsMemory::kEntriesMax / 2);
  EXPECT_EQ(memory.breaks(name("h0.org"), kOne, kStart), nullptr);
  EXPECT_NE(memory.breaks(name("h" + std::to_string(TlsMemory::kEntriesMax + 999) + ".org"), kOne,
                          kStart + TlsMemory::kEntriesMax + 999),
            nullptr);
}

TEST(TlsMemory, ExpireDropsWhatIsOver) {
  TlsMemory memory({});
  memory.broke(name("a.org"), kOne, "eof", kStart);
  memory.verified(name("a.org"), "pkix", kStart);
  EXPECT_FALSE(memory.expire(kStart + kHour));
  EXPECT_TRUE(memory.expire(kStart + kDay));
  EXPECT_NE(memory.text(), "");
  EXPECT_TRUE(memory.expire(kStart + 14 * kDay));
  EXPECT_EQ(memory.text(), "");
}

}  // namespace
}  // namespace postern::outbound
