// What the defence remembers, in tables of memory alone.
#include "inbound/defence.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "unit/temporary_folder.h"

namespace postern::inbound {
namespace {

using evidence::value::Greylist;
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

// All of IPv4 comes from one /64 there (RFC 6052 2.1), and one client must not pay for another.
TEST(Defence, BehindATranslatorTheAddressInsideCounts) {
  DefenceOptions options;
  options.budget.scale = 1;
  Defence defence{options};
  const auto address = [](const char* text) { return *ip::Address::parse(text); };
  EXPECT_EQ(host_identity(address("64:ff9b::8.8.8.8")), "host:8.8.8.8/32");
  EXPECT_EQ(host_identity(address("64:ff9b::127.0.0.1")), "host:64:ff9b::/64") << "not an address of the prefix";
  const ip::Address loud = address("64:ff9b::8.8.8.8");
  for (int i = 0; i < 100; ++i) defence.charge({.client = loud}, 1, kStart);
  const auto charge = defence.charge({.client = loud}, 1, kStart);
  EXPECT_TRUE(charge.over);
  EXPECT_EQ(charge.level, "v4_32");
  EXPECT_TRUE(defence.charge({.client = address("8.8.8.8")}, 1, kStart).over) << "the same, as it comes by itself";
  EXPECT_FALSE(defence.charge({.client = address("64:ff9b::9.9.9.9")}, 1, kStart).over);
}

TEST(Defence, NobodyWaitsMoreThanAQuarterOfAnHour) {
  Defence defence{DefenceOptions{}};
  GreylistOptions options;
  options.delay_ms = kGreylistDelayMaxMs;
  defence.note_attempt("strong", "weak", options, kStart);
  const WallMs quarter = kStart + kGreylistDelayMaxMs;
  EXPECT_EQ(defence.greylist("strong", "weak", options, quarter).state, Greylist::due);
  EXPECT_EQ(defence.greylist("another", "weak", options, quarter).state, Greylist::weak);
  EXPECT_EQ(defence.greylist("another", "weak", options, quarter - 60'000).state, Greylist::early);
}

TEST(Defence, ABrokenFileOfSystemsLeavesThePresentOne) {
  const postern::testing::TemporaryFolder folder;
  DefenceOptions options;
  options.country_files = {};
  options.p0f_file = folder.path() + "/p0f.fp";
  const auto write = [&](std::string_view text) { std::ofstream(options.p0f_file, std::ios::trunc) << text; };
  Defence defence{options};
  const auto own_table = defence.systems();
  ASSERT_NE(own_table, nullptr);
  write("broken\n");
  defence.reload_files(options);
  EXPECT_EQ(defence.systems(), own_table);
  write("classes = unix\n[tcp:request]\nlabel = s:unix:Penguin:\nsig = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n");
  defence.reload_files(options);
  const auto read = defence.systems();
  EXPECT_NE(read, own_table);
  write("broken\n");
  defence.reload_files(options);
  EXPECT_EQ(defence.systems(), read);
  ASSERT_EQ(std::remove(options.p0f_file.c_str()), 0);
  defence.reload_files(options);
  EXPECT_NE(defence.systems(), read) << "whoever takes the file away does not want it";
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
