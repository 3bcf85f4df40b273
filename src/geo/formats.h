// The file formats that country_table.h reads, one parser each (tor_file.cc, registry_file.cc, mmdb_file.cc). Internal
// to geo and its fuzz targets. Thread rule: pure functions, but for the reading of the file.
//
// Errors say the line where there is one, and not the file, which the caller puts in front: "12: ...".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "geo/ranges.h"

namespace postern::geo {

enum class Format : std::uint8_t { unknown, tor, registry, mmdb };
// By its content.
[[nodiscard]] Format sniff(std::string_view content);

// What a file says of itself.
struct FileFacts {
  std::optional<WallMs> made;  // when the data was made
  std::size_t ranges = 0;      // with a country
  std::size_t unplaced = 0;    // ranges whose country is none, or is not told
};

// Text files: no line is longer than this.
inline constexpr std::size_t kLineMax = 1024;

// tor-geoipdb's geoip and geoip6: FIRST,LAST,CC a line, IPv4 addresses as decimal numbers, IPv6 in text, # comments.
[[nodiscard]] Result<FileFacts> read_tor(std::string_view text, Ranges& out);
// RIR statistics exchange format, delegated and delegated-extended: registry|cc|type|start|value|date|status...
[[nodiscard]] Result<FileFacts> read_registry(std::string_view text, Ranges& out);
// MaxMind DB: country.iso_code, or registered_country.iso_code, or country_code of each network.
[[nodiscard]] Result<FileFacts> read_mmdb(const std::string& path, Ranges& out);

namespace detail {
// Calls `line(text, number)` for each line that is no comment and not blank, and `comment(text)` for the others.
// Stops at the first error; errors get the line number in front.
template <class Line, class Comment>
Result<void> for_each_line(std::string_view text, Line line, Comment comment) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.ends_with('\r')) one.remove_suffix(1);
    if (one.empty() || one.front() == '#') {
      comment(one.substr(0, kLineMax));
      continue;
    }
    Result<void> done;
    if (one.size() > kLineMax)
      done = fail(ErrorKind::limit, "the line is longer than " + std::to_string(kLineMax) + " octets");
    else
      done = line(one);
    if (!done) return fail(done.error().kind, std::to_string(number) + ": " + done.error().what);
  }
  return {};
}
// The part up to the separator, which is taken off `rest` with it.
[[nodiscard]] std::string_view take_field(std::string_view& rest, char separator);
}  // namespace detail

}  // namespace postern::geo
