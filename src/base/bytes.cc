#include "base/bytes.h"

#include <array>
#include <bit>
#include <cstring>

namespace postern {

std::uint64_t BinaryReader::number(std::size_t width) {
  if (failed_ || bytes_.size() < width) {
    fail();
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) value = (value << 8U) | static_cast<std::uint8_t>(bytes_[i - 1]);
  bytes_.remove_prefix(width);
  return value;
}

std::uint64_t BinaryReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const std::uint64_t octet = number(1);
    if (failed_) return 0;
    // the tenth octet holds one bit; more would be lost silently
    if (shift == 63 && octet > 1) break;
    value |= (octet & 0x7FU) << shift;
    if ((octet & 0x80U) == 0) return value;
  }
  fail();
  return 0;
}

std::string_view BinaryReader::bytes(std::size_t n) {
  if (failed_ || bytes_.size() < n) {
    fail();
    return {};
  }
  const auto out = bytes_.substr(0, n);
  bytes_.remove_prefix(n);
  return out;
}

std::string_view BinaryReader::string(std::size_t max) {
  const std::uint64_t length = varint();
  if (length > max || length > bytes_.size()) {
    fail();
    return {};
  }
  return bytes(static_cast<std::size_t>(length));
}

void BinaryWriter::number(std::uint64_t value, std::size_t width) {
  std::array<char, 8> octets{};
  for (std::size_t i = 0; i < width; ++i) octets.at(i) = static_cast<char>(value >> (8 * i));
  out_.append(octets.data(), width);
}

void BinaryWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>(value | 0x80U);
    value >>= 7U;
  }
  out_ += static_cast<char>(value);
}

}  // namespace postern
