#include "insight/heavy_prefixes.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <random>

namespace postern::insight {
namespace {

TEST(HeavyPrefixes, FrequentNetworksStayWhoeverPushes) {
  HeavyPrefixes prefixes;
  const auto loud = *ip::Address::parse("2001:db8:1:2::7");
  constexpr std::uint64_t kAll = 40'000;
  std::uint64_t loud_seen = 0;
  for (std::uint64_t i = 0; i < kAll; ++i) {
    if (i % 20 == 0) {
      prefixes.add(loud, 1, true);
      ++loud_seen;
      continue;
    }
    // another /64 each time, in other /48s
    const ip::Address other = ip::Address::v6({0x20, 0x01, 0x0d, 0xb8, static_cast<std::uint8_t>(2 + (i >> 16U)),
                                               static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i), 1});
    prefixes.add(other, 0, false);
  }
  const auto of32 = prefixes.top(0, 10);
  ASSERT_EQ(of32.size(), 1U);
  EXPECT_EQ(of32[0].prefix.text(), "2001:db8::/32");
  EXPECT_EQ(of32[0].counts.connections, kAll);
  EXPECT_EQ(prefixes.error(0), 0U);
  const auto of64 = prefixes.top(3, 10);
  ASSERT_EQ(of64.size(), 1U) << "the others were seen once";
  EXPECT_EQ(of64[0].prefix.text(), "2001:db8:1:2::/64");
  EXPECT_LE(of64[0].counts.connections, loud_seen);
  EXPECT_GE(of64[0].counts.connections + prefixes.error(3), loud_seen);
  EXPECT_EQ(of64[0].counts.accepted, of64[0].counts.connections);
  EXPECT_EQ(of64[0].counts.refused, of64[0].counts.connections);
  EXPECT_LE(prefixes.error(3), kAll / kPrefixesKept);
  EXPECT_GT(prefixes.error(3), 0U);
  EXPECT_TRUE(prefixes.top(5, 10).empty()) << "nobody came over IPv4";
  EXPECT_LE(prefixes.top(3, 1'000'000).size(), 2 * kPrefixesKept);

  HeavyPrefixes other;
  for (int i = 0; i < 5000; ++i) other.add(*ip::Address::parse("192.0.2.1"), 0, false);
  other.add(loud, 0, false);
  other.merge(prefixes);
  EXPECT_EQ(other.top(6, 1)[0].prefix.text(), "192.0.2.0/24");
  EXPECT_EQ(other.top(6, 1)[0].counts.connections, 5000U);
  EXPECT_EQ(other.top(5, 1)[0].prefix.text(), "192.0.0.0/16");
  EXPECT_EQ(other.top(3, 1)[0].prefix.text(), "2001:db8:1:2::/64");
  EXPECT_GE(other.top(3, 1)[0].counts.connections + other.error(3), loud_seen + 1);
}

// Beside counts of everything: nothing is told too high or is short by more than the error, what is not told has no
// more than twice the error, and the error keeps its bound.
void expect_within_bounds(const HeavyPrefixes& told, const std::vector<ip::Address>& clients) {
  for (std::size_t level = 0; level < kPrefixLevels.size(); ++level) {
    std::map<ip::Prefix, std::uint64_t> exact;
    std::uint64_t all = 0;
    for (const ip::Address& client : clients) {
      if (client.family() != kPrefixLevels.at(level).family) continue;
      ++exact[ip::Prefix(client, kPrefixLevels.at(level).length)];
      ++all;
    }
    const std::uint64_t error = told.error(level);
    EXPECT_LE(error, all / (kPrefixesKept + 1)) << level;
    if (exact.size() <= 2 * kPrefixesKept) {
      EXPECT_EQ(error, 0U) << level;
    }
    const auto rows = told.top(level, 1'000'000);
    EXPECT_LE(rows.size(), 2 * kPrefixesKept) << level;
    std::map<ip::Prefix, std::uint64_t> shown;
    for (const auto& row : rows) {
      ASSERT_TRUE(exact.contains(row.prefix)) << row.prefix.text();
      shown[row.prefix] = row.counts.connections;
      EXPECT_LE(row.counts.connections, exact[row.prefix]) << row.prefix.text();
    }
    for (const auto& [prefix, count] : exact)
      EXPECT_GE(shown.contains(prefix) ? shown[prefix] + error : 2 * error, count) << prefix.text();
  }
}

// As several threads count, in pieces that are merged.
HeavyPrefixes count_in_pieces(const std::vector<ip::Address>& clients, std::size_t pieces) {
  std::vector<HeavyPrefixes> parts(pieces);
  for (std::size_t i = 0; i < clients.size(); ++i) parts.at(i * 31 % pieces).add(clients[i], 1, false);
  HeavyPrefixes out;
  for (const HeavyPrefixes& part : parts) out.merge(part);
  return out;
}

TEST(HeavyPrefixes, TellWhatCountingEverythingTells) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 4; ++round) {
    // A few come often and most hardly ever; each network has its own loud and quiet hosts
    const double skew = 1.0 + 0.5 * round;
    const auto rank = [&] {
      const double u = std::uniform_real_distribution<double>(1e-9, 1)(random);
      return static_cast<std::uint64_t>(std::min(std::pow(u, -1 / skew), 60'000.0));
    };
    std::vector<ip::Address> clients;
    for (int i = 0; i < 30'000; ++i) {
      const std::uint64_t network = rank() * 0x9E3779B97F4A7C15ULL, host = rank() * 0xC2B2AE3D27D4EB4FULL;
      std::array<std::uint8_t, 16> octets{0x20, 0x01};
      for (std::size_t k = 2; k < 8; ++k) octets.at(k) = static_cast<std::uint8_t>(network >> (8 * k));
      for (std::size_t k = 8; k < 16; ++k) octets.at(k) = static_cast<std::uint8_t>(host >> (8 * (k - 8)));
      if (i % 3 == 0)
        clients.push_back(ip::Address::v4({octets.at(2), octets.at(3), octets.at(8), octets.at(9)}));
      else
        clients.push_back(ip::Address::v6(octets));
    }
    for (const std::size_t pieces : {1U, 2U, 7U}) expect_within_bounds(count_in_pieces(clients, pieces), clients);
  }
}

TEST(HeavyPrefixes, NobodyIsPushedOutByAddressesThatAreMadeForIt) {
  // One loud address, in the /64 and the /24 of those who change theirs with every connection; first, in between, last
  const auto loud6 = *ip::Address::parse("2001:db8::1");
  const auto loud4 = *ip::Address::parse("192.0.2.1");
  for (const auto when : {0, 1, 2}) {
    std::vector<ip::Address> clients;
    const auto loud = [&] {
      clients.push_back(loud6);
      clients.push_back(loud4);
    };
    constexpr std::uint32_t kMade = 20'000, kLoud = 120;
    if (when == 0)
      for (std::uint32_t i = 0; i < kLoud; ++i) loud();
    for (std::uint32_t i = 0; i < kMade; ++i) {
      if (when == 1 && i % (kMade / kLoud) == 0) loud();
      // The host bits differ at the top alone, and twice in a row, so that each outlives the first reduction
      const auto octet = [i](unsigned by) { return static_cast<std::uint8_t>((i / 2) >> by); };
      clients.push_back(ip::Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, octet(8), octet(0)}));
      clients.push_back(ip::Address::v4({192, octet(8), octet(0), 9}));
    }
    if (when == 2)
      for (std::uint32_t i = 0; i < kLoud; ++i) loud();
    for (const std::size_t pieces : {1U, 4U}) {
      const HeavyPrefixes told = count_in_pieces(clients, pieces);
      expect_within_bounds(told, clients);
      EXPECT_EQ(told.top(4, 1).at(0).prefix.text(), "2001:db8::1/128") << when;
      EXPECT_EQ(told.top(7, 1).at(0).prefix.text(), "192.0.2.1/32") << when;
      EXPECT_EQ(told.top(4, 2).size(), 1U) << "nobody else's address is frequent";
    }
  }
}

}  // namespace
}  // namespace postern::insight
