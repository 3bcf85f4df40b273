// Certificates as a server sends them: two in one input, the first with its length in front. What is read is printable
// and within its bounds, and reading it again from its own octets gives the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "crypto/certificate.h"

namespace {
void must(bool condition) {
  if (!condition) std::abort();
}
bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 2) return 0;
  const std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(data[0]) << 8U | data[1], size - 2);
  const std::string_view first = input.substr(2, length);
  const std::string_view second = input.substr(2 + length);
  static_cast<void>(crypto::issued_by(first, second));
  static_cast<void>(crypto::signed_by(first, second));
  const auto read = crypto::read_certificate(first);
  if (!read) return 0;
  must(read->der == first);
  must(read->names.size() <= crypto::kCertificateNamesMax);
  for (const std::string* const text : {&read->subject, &read->issuer, &read->common_name}) must(is_printable(*text));
  for (const std::string& name : read->names) {
    must(is_printable(name));
    static_cast<void>(crypto::matches_host(name, "mx.example.org"));
  }
  must(read->key_bits >= 0);
  const auto again = crypto::read_certificate(read->der);
  must(again && again->spki == read->spki && again->names == read->names);
  return 0;
}
