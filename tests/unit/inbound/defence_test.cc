// What the defence remembers, in tables of memory alone.
#include "inbound/defence.h"

#include <gtest/gtest.h>

#include <array>

namespace postern::inbound {
namespace {

using evidence::value::Known;

constexpr WallMs kStart = 1'750'000'000'000;
constexpr WallMs kHour = 3600LL * 1000;

TEST(Defence, LoginsAnHourApartMakeAHostKnown) {
  Defence defence{DefenceOptions{}};
  const ip::Address client = *ip::Address::parse("2001:db8::1");
  const std::array<Identity, 1> host{host_identity(client)};
  EXPECT_EQ(host[0], "host:2001:db8::/64");
  EXPECT_EQ(defence.history(host, kStart).known, Known::stranger);
  for (int i = 0; i < 10; ++i) defence.logged_in(client, kStart);
  EXPECT_EQ(defence.history(host, kStart).known, Known::seen) << "as often as one likes within the hour";
  defence.logged_in(client, kStart + kHour);
  EXPECT_EQ(defence.history(host, kStart + kHour).known, Known::known);
  EXPECT_EQ(defence.history(host, kStart + kHour).by, host[0]);
  const std::array<Identity, 1> neighbour{host_identity(*ip::Address::parse("2001:db8:0:1::1"))};
  EXPECT_EQ(defence.history(neighbour, kStart + kHour).known, Known::stranger);
  EXPECT_EQ(host_identity(*ip::Address::parse("192.0.2.1")), "host:192.0.2.1/32");
}

TEST(Defence, MessagesOfAnHourEarnAsOne) {
  Defence defence{DefenceOptions{}};
  const std::array<Identity, 1> sender{"spf:burst.example"};
  for (int i = 0; i < 100; ++i) defence.accepted(sender, kStart + i * 1000);
  EXPECT_EQ(defence.history(sender, kStart).known, Known::seen);
  for (int hours = 1; hours < 4; ++hours) defence.accepted(sender, kStart + hours * kHour);
  EXPECT_EQ(defence.history(sender, kStart + 4 * kHour).known, Known::seen);
  defence.accepted(sender, kStart + 4 * kHour);
  EXPECT_EQ(defence.history(sender, kStart + 4 * kHour).known, Known::known);
}

TEST(Defence, TheKnownHaveAMultipleOfTheNarrowBudgets) {
  Defence defence{DefenceOptions{}};
  const auto admitted = [&](const char* client, bool known) {
    const ip::Address address = *ip::Address::parse(client);
    int count = 0;
    while (count < 10'000 && !defence.charge({.client = address, .known = known}, 1, kStart).over) ++count;
    return count;
  };
  EXPECT_EQ(admitted("192.0.2.1", false), 20);
  EXPECT_NEAR(admitted("192.0.2.2", true), 20 * kKnownMultiple, 2);
}

TEST(Defence, AnswersAreExpectedHoweverTheAddressIsWritten) {
  Defence defence{DefenceOptions{}};
  defence.wrote_to("Fred@Friend.example", "alice@example.org", kStart);
  EXPECT_TRUE(defence.replied_to("fred@friend.example", "Alice@Example.org", kStart));
  EXPECT_TRUE(defence.replied_to("prvs=1234abcdef=FRED@friend.example", "alice@example.org", kStart));
  EXPECT_FALSE(defence.replied_to("frida@friend.example", "alice@example.org", kStart));
  EXPECT_FALSE(defence.replied_to("fred@friend.example", "bob@example.org", kStart));
}

// A machine has no users of others whom its demotion would harm, however much it has sent.
TEST(Defence, ATrapSparesPoolsAndNoMachine) {
  Defence defence{DefenceOptions{}};
  const std::array<Identity, 4> all{"host:192.0.2.1/32", "name:vmi7.hoster.example", "rdns:pool.example",
                                    "spf:pool.example"};
  WallMs now = kStart;
  for (int i = 0; i < 20; ++i) defence.accepted(all, now += kHour);
  for (const Identity& one : all) EXPECT_EQ(defence.history(std::array{one}, now).known, Known::known) << one;
  defence.trapped(all, now);
  EXPECT_EQ(defence.history(std::array{all[0]}, now).known, Known::seen);
  EXPECT_EQ(defence.history(std::array{all[1]}, now).known, Known::seen);
  EXPECT_EQ(defence.history(std::array{all[2]}, now).known, Known::known);
  EXPECT_EQ(defence.history(std::array{all[3]}, now).known, Known::known);
}

}  // namespace
}  // namespace postern::inbound
