// Node: a TOML value with its place, free of the TOML library, so that only toml.cc pays for including it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::config {

struct Place {
  int line = 0;
  int column = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { string, integer, real, boolean, time, array, table } kind = Kind::table;
  Place place;
  std::string text;  // string
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::optional<std::int64_t> day;  // time, where it has a date: days since 1970
  std::vector<Node> items;          // array
  std::vector<Member> members;      // table, in the order of the file

  // "the string \"ten\"", "a list", for what was found instead of what was expected
  [[nodiscard]] std::string describe() const;
};

struct Member {
  std::string name;
  Place place;  // of the key
  Node value;
};

struct TomlError {
  Place place;
  std::string what;
};

// Levels of tables: deeper files are refused before the parser sees them, because it recurses.
inline constexpr std::size_t kTomlDepthMax = 64;

[[nodiscard]] std::expected<Node, TomlError> parse_toml(std::string_view text);

// What the library must not see: a key or header with more than kTomlDepthMax parts, or octets over 127 outside strings
// and comments. Its place and what is wrong; nothing where the text may be parsed.
[[nodiscard]] std::optional<TomlError> refuse_unparsed(std::string_view text);

}  // namespace postern::config
