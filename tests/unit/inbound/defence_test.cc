// What the defence remembers, in tables of memory alone.
#include "inbound/defence.h"

#include <gtest/gtest.h>

#include <array>

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
  EXPECT_EQ(defence.known(host, kStart), Known::stranger);
  for (int i = 0; i < 10; ++i) defence.logged_in(client, kStart);
  EXPECT_EQ(defence.known(host, kStart), Known::seen) << "as often as one likes within the hour";
  defence.logged_in(client, kStart + kHour);
  EXPECT_EQ(defence.known(host, kStart + kHour), Known::known);
  const std::array<Identity, 1> neighbour{host_identity(*ip::Address::parse("2001:db8:0:1::1"))};
  EXPECT_EQ(defence.known(neighbour, kStart + kHour), Known::stranger);
  EXPECT_EQ(host_identity(*ip::Address::parse("192.0.2.1")), "host:192.0.2.1/32");
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

}  // namespace
}  // namespace postern::inbound
