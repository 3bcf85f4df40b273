// ClientHellos, as messages and in records: what is read has a fingerprint of 36 characters, and in either form the
// same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fingerprint/client_hello.h"

using namespace postern;
using namespace postern::fingerprint;

namespace {

std::string in_records(std::string_view message, std::size_t size) {
  std::string out;
  while (!message.empty()) {
    const std::string_view part = message.substr(0, size);
    message.remove_prefix(part.size());
    out +=
        std::string("\x16\x03\x01", 3) + static_cast<char>(part.size() >> 8U) + static_cast<char>(part.size() & 0xFFU);
    out += part;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto hello = parse_client_hello(bytes);
  if (!hello) {
    POSTERN_CHECK(!hello.error().what.empty());
    return 0;
  }
  POSTERN_CHECK(size <= kClientHelloMax);
  const std::string print = ja4(*hello);
  POSTERN_CHECK(print.size() == 36 && print[10] == '_' && print[23] == '_');
  POSTERN_CHECK(std::ranges::all_of(print, [](char c) { return c > ' ' && c <= '~'; }));
  POSTERN_CHECK(ja4_raw(*hello).starts_with(print.substr(0, 11)));
  if (bytes.front() != 1) return 0;
  for (const std::size_t piece : {std::size_t{16384}, std::size_t{100}}) {
    const std::string records = in_records(bytes, piece);
    if (records.size() > kClientHelloMax) continue;
    const auto again = parse_client_hello(records);
    POSTERN_CHECK(again.has_value() && ja4(*again) == print);
  }
  return 0;
}
