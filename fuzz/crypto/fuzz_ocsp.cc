// A stapled OCSP response as a server sends it, about a certificate: both in one input, the certificate first with its
// length in front. Nothing is read of what is over the limit, and the same is read twice.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "crypto/ocsp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 2) return 0;
  const std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(data[0]) << 8U | data[1], size - 2);
  const std::string_view certificate = input.substr(2, length);
  const std::string_view response = input.substr(2 + length);
  const auto read = crypto::read_ocsp(response, certificate);
  const auto again = crypto::read_ocsp(response, certificate);
  if (read.has_value() != again.has_value()) std::abort();
  if (read && (response.size() > crypto::kOcspMax || read->says != again->says)) std::abort();
  return 0;
}
