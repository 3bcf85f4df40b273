// Text helpers: what is written reads back, what is read was written canonically, and what is cut or made printable
// stays within its bound.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "base/text.h"

namespace {

using namespace postern;

void check_encodings(std::string_view text) {
  POSTERN_CHECK(from_hex(to_hex(text)) == text);
  POSTERN_CHECK(from_base64(to_base64(text)) == text);
  if (const auto bytes = from_hex(text)) POSTERN_CHECK(to_hex(*bytes) == lower(text));
  if (const auto bytes = from_base64(text)) POSTERN_CHECK(to_base64(*bytes) == text);
  if (const auto id = Id::parse(text)) POSTERN_CHECK(Id::parse(id->text()) == *id);
}

void check_utf8(std::string_view text, std::size_t max) {
  const bool good = is_utf8(text);
  if (is_ascii(text)) POSTERN_CHECK(good);
  const std::string_view head = utf8_head(text, max);
  POSTERN_CHECK(head.size() <= max && text.starts_with(head));
  POSTERN_CHECK(head.size() + 3 >= std::min(max, text.size()));
  if (good) POSTERN_CHECK(is_utf8(head));
  const std::string shown = printable(text, max);
  POSTERN_CHECK(shown.size() <= 4 * max + 3);
  POSTERN_CHECK(std::ranges::all_of(shown, [](char c) { return c >= ' ' && c <= '~'; }));
}

void check_pieces(std::string_view text, char separator) {
  std::string joined;
  const auto pieces = split(text, separator);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) joined += separator;
    joined += pieces[i];
    POSTERN_CHECK(pieces[i].find(separator) == std::string_view::npos);
  }
  POSTERN_CHECK(joined == text);
  POSTERN_CHECK(trim(trim(text)) == trim(text));
  POSTERN_CHECK(iequals(lower(text), upper(text)) && istarts_with(text, lower(text.substr(0, text.size() / 2))));
  const auto guess = nearest(text, {"starttls", "hostname", "data_dir"});
  if (guess) POSTERN_CHECK(*guess == "starttls" || *guess == "hostname" || *guess == "data_dir");
}

void check_units(std::string_view text) {
  if (const auto number = parse_unsigned(text)) {
    const auto digits = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
    POSTERN_CHECK(std::to_string(*number) == digits);
  }
  if (const auto bytes = parse_bytes(text); bytes && *bytes < 1ULL << 63U) {
    const auto again = parse_bytes(human_bytes(*bytes));
    POSTERN_CHECK(again.has_value());
    // Rounded to a tenth of the unit: at most a twentieth away.
    POSTERN_CHECK(std::max(*again, *bytes) - std::min(*again, *bytes) <= *bytes / 20 + 1);
  }
  if (const auto ms = parse_duration_ms(text)) {
    POSTERN_CHECK(*ms >= 0);
    const auto again = parse_duration_ms(human_duration(*ms));
    POSTERN_CHECK(again && *again <= *ms && human_duration(*again) == human_duration(*ms));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_encodings(text);
  check_utf8(text, size / 2);
  check_utf8(text, size);
  check_pieces(text, size == 0 ? ',' : text.back());
  check_units(text);
  return 0;
}
