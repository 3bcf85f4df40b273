// Bounded binary reading and writing (little endian), and CRC-32C. Used by every on-disk format.
// The reader never moves past its end: a short read sets failed() and every later read returns zero or empty, so that a
// parser reads straight on and checks once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

class BinaryReader {
 public:
  explicit BinaryReader(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
  std::uint64_t varint();                 // LEB128, at most 10 octets
  std::string_view bytes(std::size_t n);  // a view into the input
  // varint length, then the octets; fails if the length is over `max`
  std::string_view string(std::size_t max);
  [[nodiscard]] std::size_t remaining() const { return bytes_.size(); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool complete() const { return !failed_ && bytes_.empty(); }
  void fail() {
    failed_ = true;
    bytes_ = {};
  }

 private:
  std::uint64_t number(std::size_t width);
  std::string_view bytes_;
  bool failed_ = false;
};

class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out) : out_(out) {}
  void u8(std::uint8_t value) { number(value, 1); }
  void u16(std::uint16_t value) { number(value, 2); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  void varint(std::uint64_t value);
  void bytes(std::string_view value) { out_.append(value); }
  void string(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }

 private:
  void number(std::uint64_t value, std::size_t width);
  std::string& out_;
};

// CRC-32C (Castagnoli), with the SSE4.2 instruction where the processor has it. `crc` continues an earlier result.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

namespace detail {
// The same by tables alone: what crc32c() does on other processors. Here for the test that compares the two.
[[nodiscard]] std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc = 0);
}  // namespace detail

}  // namespace postern
