#include "geo/country_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "geo/formats.h"
#include "support.h"

namespace postern::geo {
namespace {

using test::address;
using test::Folder;
using test::MmdbWriter;

constexpr WallMs kDay = std::int64_t{86400} * 1000;
constexpr WallMs kJune25 = std::int64_t{20629} * kDay;  // 2026-06-25

constexpr std::string_view kGeoip =
    "# This file is made up.\n"
    "#\n"
    "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n"
    "16777216,16777471,AU\n"    // 1.0.0.0/24
    "16777472,16778239,CN\r\n"  // 1.0.1.0 to 1.0.3.255
    "\n"
    "16778240,16778240,??\n"
    "3221225984,3221226239,UK\n";  // 192.0.2.0/24
constexpr std::string_view kGeoip6 =
    "2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,DE\n"
    "2001:db8:1::,2001:db8:1::ff,FR\n"
    "2001:db8:1::100,2001:db8:1::1ff,PT\n"
    "2001:db8:1:0:8000::,2001:db8:1:1:ffff:ffff:ffff:ffff,ES\n"
    "ffff:ffff:ffff:ffff::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,US\n";

std::string country_of(const CountryTable& table, std::string_view text) { return table.country(address(text)).text(); }

Result<CountryTable> load(const std::vector<std::string>& paths) { return CountryTable::load(paths); }

TEST(CountryTable, WithoutDataEverythingIsUnknown) {
  const CountryTable table;
  EXPECT_TRUE(table.empty());
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "ffff::"}) {
    EXPECT_EQ(country_of(table, text), "unknown");
  }
  EXPECT_FALSE(table.age_days(kJune25).has_value());
  EXPECT_NE(table.describe(kJune25).find("tor-geoipdb"), std::string::npos);
}

TEST(CountryTable, ReadsTorFilesOfBothFamilies) {
  const Folder folder;
  const auto table = load({folder.write("geoip", kGeoip), folder.write("geoip6", kGeoip6)});
  ASSERT_TRUE(table.has_value()) << table.error().what;
  const std::vector<std::pair<std::string_view, std::string_view>> expected{
      {"0.255.255.255", "unknown"},
      {"1.0.0.0", "AU"},
      {"1.0.0.255", "AU"},
      {"1.0.1.0", "CN"},
      {"1.0.3.255", "CN"},
      {"1.0.4.0", "unknown"},
      {"192.0.2.77", "GB"},
      {"192.0.3.0", "unknown"},
      {"255.255.255.255", "unknown"},
      {"2001:db7:ffff::", "unknown"},
      {"2001:db8::", "DE"},
      {"2001:db8:0:ffff:ffff:ffff:ffff:ffff", "DE"},
      // three countries within one /64, and one that goes on behind it
      {"2001:db8:1::", "FR"},
      {"2001:db8:1::ff", "FR"},
      {"2001:db8:1::100", "PT"},
      {"2001:db8:1::1ff", "PT"},
      {"2001:db8:1::200", "unknown"},
      {"2001:db8:1:0:7fff::", "unknown"},
      {"2001:db8:1:0:8000::", "ES"},
      {"2001:db8:1:1::", "ES"},
      {"2001:db8:1:1:ffff:ffff:ffff:ffff", "ES"},
      {"2001:db8:1:2::", "unknown"},
      {"ffff:ffff:ffff:ffff::", "US"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "US"},
      {"ffff:ffff:ffff:fffe::", "unknown"},
      // one client has one spelling
      {"::ffff:1.0.0.1", "AU"}};
  for (const auto& [text, country] : expected) EXPECT_EQ(country_of(*table, text), country) << text;
}

TEST(CountryTable, DescribesItsDataAndTheirAge) {
  const Folder folder;
  const std::string v4 = folder.write("geoip", kGeoip);
  const std::string v6 = folder.write("geoip6", kGeoip6);
  const std::array<timespec, 2> times{timespec{kJune25 / 1000 + 86400 * 10, 0},
                                      timespec{kJune25 / 1000 + 86400 * 10, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, v6.c_str(), times.data(), 0), 0);
  const auto table = load({v4, v6});
  ASSERT_TRUE(table.has_value());
  ASSERT_EQ(table->sources().size(), 2U);
  const Source& first = table->sources()[0];
  EXPECT_EQ(first.format, "tor-geoipdb");
  EXPECT_EQ(first.made, kJune25);
  EXPECT_FALSE(first.made_by_mtime);
  EXPECT_EQ(first.ranges, 3U);
  EXPECT_EQ(first.unplaced, 1U);
  EXPECT_EQ(table->sources()[1].made, kJune25 + 10 * kDay);
  EXPECT_TRUE(table->sources()[1].made_by_mtime);
  EXPECT_EQ(table->age_days(kJune25 + 30 * kDay + 5), 30);  // the oldest
  EXPECT_EQ(table->age_days(kJune25 - kDay), 0);
  EXPECT_EQ(table->ranges(ip::Family::v4), 6U);
  const std::string text = table->describe(kJune25 + 30 * kDay);
  EXPECT_NE(text.find(v4 + " (tor-geoipdb of 2026-06-25, 3 ranges)"), std::string::npos) << text;
  EXPECT_NE(text.find("(tor-geoipdb of 2026-07-05 by its time stamp, 5 ranges); 30 days old; "), std::string::npos)
      << text;
  EXPECT_GT(table->memory(), std::size_t{2} * 65536 * 4);
  EXPECT_LT(table->memory(), std::size_t{2} * 65537 * 4 + 1024);
}

TEST(CountryTable, ReadsRegistryStatistics) {
  const Folder folder;
  const auto table = load({folder.write("delegated",
                                        "2|ripencc|1782345599|6|19830705|20260625|+0200\n"
                                        "# comment\n"
                                        "ripencc|*|ipv4|*|2|summary\n"
                                        "ripencc|*|asn|*|1|summary\n"
                                        "ripencc|FR|asn|1|1|20010101|allocated\n"
                                        "ripencc|NL|ipv4|192.0.2.0|768|20010101|allocated|id-1\n"
                                        "ripencc||ipv4|203.0.113.0|256||available\n"
                                        "ripencc|SE|ipv4|255.255.255.255|1|20010101|assigned\n"
                                        "ripencc|DE|ipv6|2001:db8::|32|20010101|allocated|id-2\n"
                                        "ripencc|AT|ipv6|2001:db8:8000::|33|20010101|assigned|id-3\n"
                                        "ripencc|ZZ|ipv6|2001:dba::|32||reserved|\n"
                                        "ripencc|IT|ipv6|2001:db9::1|128|20010101|assigned\n")});
  ASSERT_TRUE(table.has_value()) << table.error().what;
  for (const auto& [text, country] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"192.0.1.255", "unknown"},
                                                                  {"192.0.2.0", "NL"},
                                                                  {"192.0.4.255", "NL"},
                                                                  {"192.0.5.0", "unknown"},
                                                                  {"203.0.113.5", "unknown"},
                                                                  {"255.255.255.255", "SE"},
                                                                  {"255.255.255.254", "unknown"},
                                                                  {"2001:db8::", "DE"},
                                                                  {"2001:db8:7fff:ffff::", "DE"},
                                                                  {"2001:db8:8000::", "AT"},
                                                                  {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "AT"},
                                                                  {"2001:db9::", "unknown"},
                                                                  {"2001:db9::1", "IT"},
                                                                  {"2001:db9::2", "unknown"},
                                                                  {"2001:dba::1", "unknown"}}) {
    EXPECT_EQ(country_of(*table, text), country) << text;
  }
  EXPECT_EQ(table->sources()[0].format, "RIR statistics");
  EXPECT_EQ(table->sources()[0].made, kJune25);
  EXPECT_EQ(table->sources()[0].ranges, 5U);
  EXPECT_EQ(table->sources()[0].unplaced, 2U);
}

TEST(CountryTable, ReadsMaxMindDatabases) {
  MmdbWriter writer;
  const std::size_t us = writer.data("country", "US");
  const std::size_t registered = writer.data("registered_country", "MX");
  const std::size_t plain = writer.data("country_code", "JP", true);
  const std::size_t nothing = writer.data("continent", "EU");
  const auto prefix = [](std::string_view text) { return *ip::Prefix::parse(text); };
  writer.add(prefix("192.0.2.0/24"), us);
  writer.add(prefix("198.51.100.0/25"), registered);
  writer.add(prefix("2001:db8::/32"), us);
  writer.add(prefix("2001:db8:5::/48"), plain);
  writer.add(prefix("2001:db8:6:7::9/128"), registered);
  writer.add(prefix("2001:dbf::/32"), nothing);
  writer.alias(*ip::Prefix::parse("2002::/16"));
  const Folder folder;
  const auto table = load({folder.write("country.mmdb", writer.file(static_cast<std::uint64_t>(kJune25) / 1000))});
  ASSERT_TRUE(table.has_value()) << table.error().what;
  for (const auto& [text, country] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"192.0.1.255", "unknown"},
                                                                  {"192.0.2.0", "US"},
                                                                  {"192.0.2.255", "US"},
                                                                  {"192.0.3.0", "unknown"},
                                                                  {"198.51.100.127", "MX"},
                                                                  {"198.51.100.128", "unknown"},
                                                                  {"2001:db8::", "US"},
                                                                  {"2001:db8:5::1", "JP"},
                                                                  {"2001:db8:5:ffff:ffff:ffff:ffff:ffff", "JP"},
                                                                  {"2001:db8:6:7::8", "US"},
                                                                  {"2001:db8:6:7::9", "MX"},
                                                                  {"2001:db8:6:7::a", "US"},
                                                                  {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "US"},
                                                                  {"2001:db9::", "unknown"},
                                                                  {"2001:dbf::1", "unknown"},
                                                                  {"2002:c000:201::1", "unknown"}}) {
    EXPECT_EQ(country_of(*table, text), country) << text;
  }
  EXPECT_EQ(table->sources()[0].format, "MaxMind DB");
  EXPECT_EQ(table->sources()[0].made, kJune25);
  EXPECT_FALSE(table->sources()[0].made_by_mtime);

  MmdbWriter four(4);
  four.add(prefix("192.0.2.128/25"), four.data("country", "NO"));
  const auto small = load({folder.write("four.mmdb", four.file(1))});
  ASSERT_TRUE(small.has_value()) << small.error().what;
  EXPECT_EQ(country_of(*small, "192.0.2.127"), "unknown");
  EXPECT_EQ(country_of(*small, "192.0.2.128"), "NO");
}

TEST(CountryTable, ADamagedDatabaseIsAnErrorAndNoLoop) {
  MmdbWriter writer;
  writer.add(*ip::Prefix::parse("2001:db8::/32"), writer.data("country", "US"));
  writer.loop(*ip::Prefix::parse("2001:db9::/32"));
  const Folder folder;
  const auto looped = load({folder.write("a.mmdb", writer.file(1))});
  ASSERT_FALSE(looped.has_value());
  EXPECT_NE(looped.error().what.find("a.mmdb: the database is damaged: its tree leads back into itself"),
            std::string::npos)
      << looped.error().what;

  MmdbWriter astray;
  astray.add(*ip::Prefix::parse("2001:db8::/32"), 5000);
  EXPECT_FALSE(load({folder.write("b.mmdb", astray.file(1))}).has_value());
  MmdbWriter whole;
  whole.add(*ip::Prefix::parse("2001:db8::/32"), whole.data("country", "US"));
  const std::string bytes = whole.file(1);
  ASSERT_TRUE(load({folder.write("c.mmdb", bytes)}).has_value());
  EXPECT_FALSE(load({folder.write("c.mmdb", bytes.substr(300))}).has_value());
}

TEST(CountryTable, SeveralFilesAreOneTableAndTheNarrowerRangeHolds) {
  const Folder folder;
  const auto table =
      load({folder.write("wide", "3221225472,3238002687,US\n"), folder.write("near", "3221225984,3221226239,CA\n")});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(country_of(*table, "192.0.1.255"), "US");
  EXPECT_EQ(country_of(*table, "192.0.2.0"), "CA");
  EXPECT_EQ(country_of(*table, "192.0.3.0"), "US");
}

TEST(CountryTable, ErrorsNameTheFileAndTheLine) {
  const Folder folder;
  const auto complaint = [&](std::string_view content) {
    const auto table = load({folder.write("file", content)});
    EXPECT_FALSE(table.has_value()) << content;
    if (table) return std::string();
    const std::string& what = table.error().what;
    EXPECT_TRUE(what.starts_with(folder.at("file") + ":")) << what;
    return what.substr(folder.at("file").size() + 1);
  };
  EXPECT_EQ(
      complaint("# x\n1,2,US\n\n3,x,US\n"),
      "4: \"x\" is neither an IPv4 address as a decimal number nor an IPv6 address; a line is FIRST,LAST,COUNTRY");
  EXPECT_EQ(complaint("1,2,US\n3,2,US\n"), "2: the range ends before it begins");
  EXPECT_EQ(complaint("1,4294967296,US\n").substr(0, 15), "1: \"4294967296\"");
  EXPECT_EQ(complaint("1,2,USA\n"), "1: \"USA\" is no country code; a line is FIRST,LAST,COUNTRY");
  EXPECT_EQ(complaint("::1,2,US\n").substr(0, 6), "1: \"2\"");
  EXPECT_EQ(complaint("1,2,US\n" + std::string(kLineMax + 1, 'x')), "2: the line is longer than 1024 octets");
  EXPECT_EQ(complaint("2|a|b|c|d|e\nripencc|FR|ipv4|1.0.0.0|0|20010101|allocated\n"),
            "2: \"0\" is no number of addresses");
  EXPECT_EQ(complaint("r|FR|ipv4|255.255.255.0|257|20010101|allocated\n"), "1: \"257\" is no number of addresses");
  EXPECT_EQ(complaint("r|FR|ipv4|::1|1|20010101|allocated\n"), "1: \"::1\" is no IPv4 address");
  EXPECT_EQ(complaint("r|FR|ipv6|2001:db8::1|64|20010101|allocated\n"),
            "1: \"2001:db8::1\" has bits set after the prefix length");
  EXPECT_EQ(complaint("r|FR|ipv6|2001:db8::|129|20010101|allocated\n"), "1: \"129\" is no length of an IPv6 prefix");
  EXPECT_EQ(complaint("r|FR|ipv9|2001:db8::|12|20010101|allocated\n"), "1: \"ipv9\" is neither ipv4, ipv6 nor asn");
  EXPECT_EQ(complaint("r|FR|ipv6|2001:db8::\n").substr(0, 32), "1: \"r...\" has too few fields; a ");
  EXPECT_EQ(complaint("\x1f\x8b\x08"), " the file is compressed; unpack it");
  EXPECT_NE(complaint("").find("no country data"), std::string::npos);
  EXPECT_NE(complaint("hello\n").find("no country data"), std::string::npos);

  const auto missing = load({folder.at("none")});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_EQ(missing.error().what, "opening " + folder.at("none") + ": No such file or directory");
  const std::vector<std::string> many(CountryTable::kFilesMax + 1, folder.at("file"));
  EXPECT_EQ(load(many).error().kind, ErrorKind::limit);
}

// Property: the compact table says what a list of ranges says, for made-up files in any order.
TEST(CountryTable, SaysWhatALinearTableSays) {
  std::mt19937_64 random(7);  // NOLINT(*-msc51-cpp): the same cases every time
  const Folder folder;
  for (int round = 0; round < 60; ++round) {
    struct One {
      ip::Prefix prefix;
      std::string country;
    };
    std::vector<One> ranges;
    std::string file = "2|r|1|1|1|20260625|+0\n";
    for (std::size_t n = 1 + random() % 40; n > 0; --n) {
      const bool v4 = (random() & 1U) != 0;
      // Few distinct octets, so that prefixes nest, also within a /64
      std::array<std::uint8_t, 16> octets{};
      for (const std::size_t i : {0, 1, 4, 7, 8, 15}) octets.at(i) = static_cast<std::uint8_t>(random() % 3 * 127);
      const ip::Address base =
          v4 ? ip::Address::v4({octets[0], octets[1], octets[4], octets[15]}) : ip::Address::v6(octets);
      const ip::Prefix prefix(base, static_cast<int>(random() % static_cast<std::uint64_t>(base.bits() + 1)));
      const Country country = CountryNumbers::country(static_cast<std::uint8_t>(1 + random() % 250));
      const std::string value =
          v4 ? std::to_string(std::uint64_t{1} << (32 - prefix.length())) : std::to_string(prefix.length());
      file +=
          "r|" + country.text() + (v4 ? "|ipv4|" : "|ipv6|") + prefix.address().text() + "|" + value + "||assigned\n";
      ranges.push_back({prefix, country.text()});
    }
    const auto table = load({folder.write("file", file)});
    ASSERT_TRUE(table.has_value()) << table.error().what << "\n" << file;
    for (int i = 0; i < 400; ++i) {
      std::array<std::uint8_t, 16> octets{};
      for (const std::size_t at : {0, 1, 4, 7, 8, 15})
        octets.at(at) = static_cast<std::uint8_t>(random() % 3 * 127 + random() % 2);
      const ip::Address client =
          (i & 1) != 0 ? ip::Address::v4({octets[0], octets[1], octets[4], octets[15]}) : ip::Address::v6(octets);
      std::string expected = "unknown";
      int longest = -1;
      for (const One& one : ranges) {
        if (!one.prefix.contains(client) || one.prefix.length() < longest) continue;
        longest = one.prefix.length();
        expected = one.country;
      }
      ASSERT_EQ(table->country(client).text(), expected) << client.text() << "\n" << file;
    }
  }
}

TEST(CountryTable, ReadsWhatDebianInstalls) {
  const auto table = CountryTable::load();
  ASSERT_TRUE(table.has_value()) << table.error().what;
  if (table->empty()) GTEST_SKIP() << "tor-geoipdb is not installed";
  EXPECT_GT(table->ranges(ip::Family::v4), 100'000U);
  EXPECT_GT(table->ranges(ip::Family::v6), 50'000U);
  EXPECT_LT(table->memory(), std::size_t{16} << 20);
  // Registries' own networks, where they have been for decades
  EXPECT_EQ(country_of(*table, "193.0.6.139"), "NL");
  EXPECT_EQ(country_of(*table, "2001:67c:2e8:22::c100:68b"), "NL");
  EXPECT_EQ(country_of(*table, "127.0.0.1"), "unknown");
  EXPECT_EQ(country_of(*table, "fe80::1"), "unknown");
}

}  // namespace
}  // namespace postern::geo
