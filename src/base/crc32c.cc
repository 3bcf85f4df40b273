// CRC-32C (declared in base/bytes.h). The processor's instruction takes 8 octets with a latency of 3 cycles but starts
// one a cycle, so three stripes are worked on at once and then joined: the CRC of a stripe is moved past the next one
// by a linear operator on 32 bits ("append n zero octets"), kept as four tables of 256 words.
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"

namespace postern {

static_assert(std::endian::native == std::endian::little, "the word loads below are little endian");

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli, reflected

using Table = std::array<std::uint32_t, 256>;

constexpr std::array<Table, 8> make_slicing_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      tables[t][i] = (tables[t - 1][i] >> 8U) ^ tables[0][tables[t - 1][i] & 0xFFU];
    }
  }
  return tables;
}
constexpr auto kSlicing = make_slicing_tables();

std::uint64_t load64(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.substr(at, 8).data(), 8);
  return word;
}

std::uint32_t table_crc(std::uint32_t crc, std::string_view bytes) {
  while (bytes.size() >= 8) {
    const std::uint64_t word = load64(bytes, 0) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kSlicing[7 - i][(word >> (8 * i)) & 0xFFU];
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) crc = (crc >> 8U) ^ kSlicing[0][(crc ^ static_cast<std::uint8_t>(c)) & 0xFFU];
  return crc;
}

#if defined(__x86_64__)

constexpr std::size_t kLong = 4096;  // octets a stripe; joining costs about as much as 30 octets
constexpr std::size_t kShort = 256;

// What the CRC register becomes when `zeros` zero octets follow, as four tables (one an octet of the register).
constexpr std::array<Table, 4> make_shift_tables(std::size_t zeros) {
  std::array<std::uint32_t, 32> columns{};  // the image of each bit
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = 1U << bit;
    for (std::size_t i = 0; i < zeros; ++i) crc = (crc >> 8U) ^ kSlicing[0][crc & 0xFFU];
    columns[bit] = crc;
  }
  std::array<Table, 4> tables{};
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t value = 1; value < 256; ++value) {
      const auto low = static_cast<std::size_t>(std::countr_zero(value));
      tables[t][value] = tables[t][value & (value - 1)] ^ columns[8 * t + low];
    }
  }
  return tables;
}

const std::array<Table, 4>& long_shift() {
  static const auto tables = make_shift_tables(kLong);
  return tables;
}
const std::array<Table, 4>& short_shift() {
  static const auto tables = make_shift_tables(kShort);
  return tables;
}

std::uint32_t shift(const std::array<Table, 4>& tables, std::uint32_t crc) {
  return tables[0][crc & 0xFFU] ^ tables[1][(crc >> 8U) & 0xFFU] ^ tables[2][(crc >> 16U) & 0xFFU] ^
         tables[3][crc >> 24U];
}

template <std::size_t kStripe>
__attribute__((target("sse4.2"))) std::uint32_t stripes(std::uint32_t crc, std::string_view& bytes,
                                                        const std::array<Table, 4>& tables) {
  while (bytes.size() >= 3 * kStripe) {
    std::uint64_t a = crc;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    const auto block = bytes.substr(0, 3 * kStripe);
    for (std::size_t i = 0; i < kStripe; i += 8) {
      a = __builtin_ia32_crc32di(a, load64(block, i));
      b = __builtin_ia32_crc32di(b, load64(block, i + kStripe));
      c = __builtin_ia32_crc32di(c, load64(block, i + 2 * kStripe));
    }
    crc = shift(tables, static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    crc = shift(tables, crc) ^ static_cast<std::uint32_t>(c);
    bytes.remove_prefix(3 * kStripe);
  }
  return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t hardware_crc(std::uint32_t crc, std::string_view bytes) {
  if (bytes.size() >= 3 * kLong) crc = stripes<kLong>(crc, bytes, long_shift());
  if (bytes.size() >= 3 * kShort) crc = stripes<kShort>(crc, bytes, short_shift());
  std::uint64_t wide = crc;
  while (bytes.size() >= 8) {
    wide = __builtin_ia32_crc32di(wide, load64(bytes, 0));
    bytes.remove_prefix(8);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (const char c : bytes) crc = __builtin_ia32_crc32qi(crc, static_cast<std::uint8_t>(c));
  return crc;
}

#endif

}  // namespace

std::uint32_t detail::crc32c_portable(std::string_view bytes, std::uint32_t crc) { return ~table_crc(~crc, bytes); }

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2") != 0;
  if (hardware) return ~hardware_crc(~crc, bytes);
#endif
  return detail::crc32c_portable(bytes, crc);
}

}  // namespace postern
