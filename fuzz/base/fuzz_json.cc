// JSON: what is parsed is written as text that parses to the same, at its own depth and at none below; any octets,
// escaped, are a JSON string; errors are one printable line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/text.h"

namespace {

using namespace postern;

int depth(const json::Value& value) {
  int deepest = 0;
  for (const json::Value& item : value.array()) deepest = std::max(deepest, depth(item));
  for (const auto& [name, item] : value.object()) deepest = std::max(deepest, depth(item));
  return value.is_array() || value.is_object() ? deepest + 1 : 0;
}

void check_document(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) {
    for (const char c : value.error().what) POSTERN_CHECK(c >= ' ' && c <= '~');
    POSTERN_CHECK(value.error().what.size() < 1000);
    return;
  }
  POSTERN_CHECK(is_utf8(text));
  const std::string written = value->text();
  const int levels = depth(*value);
  POSTERN_CHECK(levels <= 64);
  const auto again = json::parse(written, levels);
  POSTERN_CHECK(again && again->text() == written);
  if (levels > 0) POSTERN_CHECK(!json::parse(written, levels - 1));
  POSTERN_CHECK(std::ranges::none_of(written, [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_document(text);
  std::string escaped;
  json::append_escaped(escaped, text);
  const auto string = json::parse(escaped);
  POSTERN_CHECK(string && string->is_string());
  if (is_utf8(text)) POSTERN_CHECK(string->string() == text);
  POSTERN_CHECK(escaped.size() <= 6 * size + 2);
  return 0;
}
