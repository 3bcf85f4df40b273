#include "crypto/rsa_der.h"

#include <cstdint>

namespace postern::crypto {
namespace {

constexpr std::uint8_t kInteger = 0x02, kBitString = 0x03, kObjectId = 0x06, kSequence = 0x30;
constexpr std::string_view kRsaEncryption("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01", 9);  // 1.2.840.113549.1.1.1
constexpr std::size_t kLengthOctetsMax = 4;

std::uint8_t octet(char c) { return static_cast<std::uint8_t>(c); }

// Takes one element of that tag off `rest`: its content. Indefinite lengths are no DER.
std::optional<std::string_view> take(std::string_view& rest, std::uint8_t tag) {
  if (rest.size() < 2 || octet(rest[0]) != tag) return std::nullopt;
  std::size_t length = octet(rest[1]);
  rest.remove_prefix(2);
  if (length >= 0x80) {
    std::size_t count = length & 0x7FU;
    if (count == 0 || count > kLengthOctetsMax || count > rest.size()) return std::nullopt;
    length = 0;
    for (; count > 0; --count) {
      length = (length << 8U) | octet(rest[0]);
      rest.remove_prefix(1);
    }
  }
  if (length > rest.size()) return std::nullopt;
  const std::string_view content = rest.substr(0, length);
  rest.remove_prefix(length);
  return content;
}

// A sign bit is read as a part of the number, as everyone does: some makers of keys leave the leading zero out.
std::optional<std::string_view> take_number(std::string_view& rest) {
  auto number = take(rest, kInteger);
  if (!number) return std::nullopt;
  const std::size_t first = number->find_first_not_of('\0');
  if (first == std::string_view::npos) return std::nullopt;
  number->remove_prefix(first);
  return number;
}

}  // namespace

std::optional<RsaNumbers> rsa_numbers(std::string_view der) {
  auto key = take(der, kSequence);
  if (!key || !der.empty()) return std::nullopt;
  std::string_view rest = *key;
  if (rest.starts_with(static_cast<char>(kSequence))) {  // SubjectPublicKeyInfo: the algorithm stands first
    auto algorithm = take(rest, kSequence);
    if (!algorithm) return std::nullopt;
    // The parameters, NULL by RFC 3279 2.3.1, tell nothing.
    if (take(*algorithm, kObjectId) != kRsaEncryption) return std::nullopt;
    auto bits = take(rest, kBitString);
    if (!bits || !rest.empty() || !bits->starts_with('\0')) return std::nullopt;
    bits->remove_prefix(1);
    key = take(*bits, kSequence);
    if (!key || !bits->empty()) return std::nullopt;
    rest = *key;
  }
  const auto modulus = take_number(rest);
  if (!modulus) return std::nullopt;
  const auto exponent = take_number(rest);
  if (!exponent || !rest.empty()) return std::nullopt;
  return RsaNumbers{.modulus = *modulus, .exponent = *exponent};
}

}  // namespace postern::crypto
