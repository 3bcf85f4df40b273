#include "geo/country.h"

#include <gtest/gtest.h>

#include <set>

namespace postern::geo {
namespace {

TEST(Country, IsTwoLettersOrUnknown) {
  EXPECT_FALSE(Country().known());
  EXPECT_EQ(Country().text(), "unknown");
  EXPECT_EQ(Country().name(), "unknown");
  EXPECT_EQ(Country().code(), 0);
  const Country us = Country::from_data("US");
  EXPECT_TRUE(us.known());
  EXPECT_EQ(us.text(), "US");
  EXPECT_EQ(us.name(), "United States");
  EXPECT_EQ(us.code(), 'U' * 256 + 'S');
  EXPECT_EQ(Country::from_data("us"), us);
}

TEST(Country, DataThatNamesNoCountryIsUnknown) {
  for (const char* code : {"??", "ZZ", "", "U", "USA", "A1", "CS", "SU", "*", "\xff\xff"}) {
    EXPECT_FALSE(Country::from_data(code).known()) << code;
  }
  EXPECT_EQ(Country::from_data("UK"), Country::from_data("GB"));
  for (const char* code : {"EU", "AP", "XK"}) EXPECT_TRUE(Country::from_data(code).known()) << code;
}

TEST(Country, WhatAnOperatorWritesIsCheckedAndCorrected) {
  EXPECT_EQ(Country::parse("ca")->text(), "CA");
  EXPECT_EQ(Country::parse("UK")->text(), "GB");
  EXPECT_FALSE(Country::parse("unknown")->known());
  const auto complaint = [](std::string_view text) {
    const auto parsed = Country::parse(text);
    EXPECT_FALSE(parsed.has_value()) << text;
    return parsed ? "" : parsed.error().what;
  };
  EXPECT_EQ(complaint("Germany"), "there is no country \"Germany\"; did you mean DE (Germany)?");
  EXPECT_EQ(complaint("germny"), "there is no country \"germny\"; did you mean DE (Germany)?");
  EXPECT_EQ(complaint("portu"), "there is no country \"portu\"; did you mean PT (Portugal)?");
  EXPECT_EQ(complaint("ZQ"), "there is no country \"ZQ\"; write its two letters of ISO 3166-1, such as US, or unknown");
  EXPECT_EQ(complaint(""), "there is no country \"\"; write its two letters of ISO 3166-1, such as US, or unknown");
  EXPECT_EQ(complaint("\r\n"),
            "there is no country \"\\x0d\\x0a\"; write its two letters of ISO 3166-1, such as US, or unknown");
}

TEST(Country, EveryNumberIsACountryOfItsOwn) {
  std::set<std::uint16_t> seen;
  for (int number = 1; number <= CountryNumbers::kMax; ++number) {
    const Country country = CountryNumbers::country(static_cast<std::uint8_t>(number));
    EXPECT_TRUE(country.known()) << number;
    EXPECT_EQ(CountryNumbers::of(country), number);
    EXPECT_EQ(Country::from_data(country.text()), country);
    EXPECT_FALSE(country.name().empty());
    seen.insert(country.code());
  }
  EXPECT_EQ(seen.size(), CountryNumbers::kMax);
  EXPECT_FALSE(CountryNumbers::country(0).known());
  EXPECT_FALSE(CountryNumbers::country(CountryNumbers::kMax + 1).known());
  EXPECT_EQ(CountryNumbers::of(Country()), 0);
}

}  // namespace
}  // namespace postern::geo
