// Country: a country code of two letters, where unknown is a value. The codes are those that ISO 3166-1 assigns, and
// the three that address data uses beside them: EU and AP (somewhere in Europe, somewhere in Asia or the Pacific) and
// XK (Kosovo). Whatever else data says (ZZ, ??, codes of countries that are no more) is unknown. UK is read as GB.
// Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postern::geo {

class Country {
 public:
  constexpr Country() = default;  // unknown
  // As data has it: unknown for everything that is no country's code.
  [[nodiscard]] static Country from_data(std::string_view code);
  // As an operator writes it: "US", "us", "UK"; "unknown". Errors say which country may have been meant, also where its
  // name was written.
  [[nodiscard]] static Result<Country> parse(std::string_view text);

  [[nodiscard]] constexpr bool known() const { return code_ != 0; }
  // First letter times 256 plus second letter; 0 for unknown. What evidence and records hold.
  [[nodiscard]] constexpr std::uint16_t code() const { return code_; }
  [[nodiscard]] std::string text() const;       // "US"; "unknown"
  [[nodiscard]] std::string_view name() const;  // "United States"; "unknown"
  friend constexpr bool operator==(const Country&, const Country&) = default;

 private:
  friend class CountryNumbers;
  constexpr explicit Country(std::uint16_t code) : code_(code) {}
  std::uint16_t code_ = 0;
};

// Countries by small numbers, for tables: 0 is unknown, and every country has another one, at most kMax. The numbers
// mean nothing outside of a running program.
class CountryNumbers {
 public:
  static constexpr std::uint8_t kMax = 252;
  [[nodiscard]] static std::uint8_t of(Country country);
  [[nodiscard]] static Country country(std::uint8_t number);  // unknown beyond kMax
};

}  // namespace postern::geo
