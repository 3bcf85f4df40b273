#include "inbound/gate.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::inbound {
namespace {

ip::Address address(const std::string& text) {
  const auto parsed = ip::Address::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return *parsed;
}

SessionLimits wide() {
  SessionLimits limits;
  limits.total = limits.v6_64 = limits.v6_56 = limits.v6_48 = limits.v6_32 = limits.v4_32 = limits.v4_24 = 1000000;
  return limits;
}

// Opens sessions from distinct addresses made by `make(i)` and expects `limit` to stop number `at` + 1, by its name.
template <class Make>
void expect_stops_at(SessionLimits limits, std::uint32_t at, std::string_view name, Make make) {
  Gate gate;
  for (std::uint32_t i = 0; i < at; ++i) ASSERT_EQ(gate.enter(make(i), limits), std::nullopt) << i;
  EXPECT_EQ(gate.enter(make(at), limits), name);
  EXPECT_EQ(gate.sessions(), at);  // the refused one counts nowhere
  gate.leave(make(0));
  EXPECT_EQ(gate.enter(make(at), limits), std::nullopt);
}

TEST(Gate, EachLimitHoldsAtNAndNPlusOne) {
  SessionLimits limits = wide();
  limits.v6_64 = 3;
  expect_stops_at(limits, 3, "v6_64", [](std::uint32_t i) { return address("2001:db8::" + std::to_string(i + 1)); });
  limits = wide();
  limits.v6_56 = 4;
  expect_stops_at(limits, 4, "v6_56",
                  [](std::uint32_t i) { return address("2001:db8:0:" + std::to_string(i) + "::1"); });
  limits = wide();
  limits.v6_48 = 5;
  expect_stops_at(limits, 5, "v6_48",
                  [](std::uint32_t i) { return address("2001:db8:0:" + std::to_string(i * 10) + "00::1"); });
  limits = wide();
  limits.v6_32 = 6;
  expect_stops_at(limits, 6, "v6_32", [](std::uint32_t i) { return address("2001:db8:" + std::to_string(i) + "::1"); });
  limits = wide();
  limits.v6_64 = limits.v6_32 = 1;
  limits.v4_32 = 2;  // behind a translator (RFC 6052): the address inside
  expect_stops_at(limits, 2, "v4_32", [](std::uint32_t) { return address("64:ff9b::8.8.8.8"); });
  limits = wide();
  limits.v4_32 = 2;
  expect_stops_at(limits, 2, "v4_32", [](std::uint32_t) { return address("192.0.2.1"); });
  limits = wide();
  limits.v4_24 = 7;
  expect_stops_at(limits, 7, "v4_24", [](std::uint32_t i) { return address("192.0.2." + std::to_string(i)); });
  limits = wide();
  limits.total = 8;
  expect_stops_at(limits, 8, "total", [](std::uint32_t i) { return address("192.0." + std::to_string(i) + ".1"); });
}

TEST(Gate, FamiliesAndNeighboursDoNotCountAgainstEachOther) {
  SessionLimits limits = wide();
  limits.v6_64 = limits.v4_32 = 1;
  Gate gate;
  EXPECT_EQ(gate.enter(address("2001:db8::1"), limits), std::nullopt);
  EXPECT_EQ(gate.enter(address("2001:db8:0:1::1"), limits), std::nullopt);
  EXPECT_EQ(gate.enter(address("192.0.2.1"), limits), std::nullopt);
  EXPECT_EQ(gate.enter(address("::ffff:192.0.2.1"), limits), "v4_32");  // one client, one spelling
}

TEST(Gate, LoopbackIsNeverChargedPerPrefix) {
  SessionLimits limits = wide();
  limits.v6_64 = limits.v4_32 = limits.v4_24 = limits.v6_32 = 1;
  Gate gate;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(gate.enter(ip::Address::loopback(ip::Family::v6), limits), std::nullopt);
    EXPECT_EQ(gate.enter(ip::Address::loopback(ip::Family::v4), limits), std::nullopt);
  }
  EXPECT_EQ(gate.tracked_prefixes(), 0U);
}

TEST(Gate, MemoryGoesWithTheSessions) {
  const SessionLimits limits = wide();
  Gate gate;
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(gate.enter(address("2001:" + std::to_string(i) + "::1"), limits), std::nullopt);
  }
  EXPECT_LE(gate.tracked_prefixes(), 2000U);
  for (int i = 0; i < 500; ++i) gate.leave(address("2001:" + std::to_string(i) + "::1"));
  EXPECT_EQ(gate.tracked_prefixes(), 0U);
  EXPECT_EQ(gate.sessions(), 0U);
}

TEST(Gate, BytesInFlightStopAtTheirLimit) {
  SessionLimits limits = wide();
  limits.bytes_in_flight = 100;
  Gate gate;
  const ip::Address here = ip::Address::loopback(ip::Family::v6);  // not charged per prefix
  EXPECT_TRUE(gate.take_bytes(here, 60, 0, limits));
  EXPECT_TRUE(gate.take_bytes(here, 40, 0, limits));
  EXPECT_FALSE(gate.take_bytes(here, 1, 40, limits));
  EXPECT_EQ(gate.bytes(), 100U);
  gate.give_bytes(here, 40);
  EXPECT_TRUE(gate.take_bytes(here, 40, 0, limits));
}

TEST(Gate, OneSiteHoldsNoMoreThanItsShareOfBytes) {
  SessionLimits limits = wide();
  limits.bytes_in_flight = 100;
  for (const bool six : {true, false}) {
    Gate gate;
    const ip::Address a = address(six ? "2001:db8::1" : "192.0.2.1");
    const ip::Address neighbour = address(six ? "2001:db8:0:99::1" : "192.0.2.200");
    const ip::Address other = address(six ? "2001:db8:1::1" : "192.0.3.1");
    for (const ip::Address& client : {a, neighbour, other}) ASSERT_EQ(gate.enter(client, limits), std::nullopt);
    EXPECT_TRUE(gate.take_bytes(a, 20, 0, limits));
    EXPECT_TRUE(gate.take_bytes(a, 40, 20, limits));          // one message alone may grow
    EXPECT_FALSE(gate.take_bytes(neighbour, 10, 0, limits));  // the site holds more than 25
    EXPECT_TRUE(gate.take_bytes(other, 10, 0, limits));       // everybody else goes on
    gate.give_bytes(a, 35);
    EXPECT_TRUE(gate.take_bytes(neighbour, 10, 0, limits));   // exactly 25 are held
    EXPECT_FALSE(gate.take_bytes(neighbour, 10, 0, limits));  // and now 35
    EXPECT_TRUE(gate.take_bytes(neighbour, 10, 10, limits));
    gate.give_bytes(a, 25);
    gate.give_bytes(neighbour, 20);
    gate.give_bytes(other, 10);
    for (const ip::Address& client : {a, neighbour, other}) gate.leave(client);
    EXPECT_EQ(gate.bytes(), 0U);
    EXPECT_EQ(gate.tracked_prefixes(), 0U);
  }
}

}  // namespace
}  // namespace postern::inbound
