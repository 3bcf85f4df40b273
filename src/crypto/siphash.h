// SipHash (Aumasson and Bernstein, 2012): a keyed hash of short inputs, so that nobody who does not know the key can
// choose inputs that meet in one place of a table.
//
// Two strengths with one code: siphash_2_4, as published, and siphash_1_3, which costs about half and is what hash
// tables use where only the placement is at stake and no hash value is ever shown to anyone. Not a signature, not for
// passwords. Thread rule: pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace postern::crypto {

struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
  // The first 8 octets are k0, little endian, as in the reference.
  [[nodiscard]] static SipKey from_bytes(const std::array<std::uint8_t, 16>& bytes);
  [[nodiscard]] std::array<std::uint8_t, 16> bytes() const;
};

[[nodiscard]] std::uint64_t siphash_2_4(const SipKey& key, std::string_view input);
[[nodiscard]] std::uint64_t siphash_1_3(const SipKey& key, std::string_view input);

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;
  explicit constexpr SipState(const SipKey& key)
      : v0(key.k0 ^ 0x736F6D6570736575ULL),
        v1(key.k1 ^ 0x646F72616E646F6DULL),
        v2(key.k0 ^ 0x6C7967656E657261ULL),
        v3(key.k1 ^ 0x7465646279746573ULL) {}
  constexpr void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  template <int Rounds>
  constexpr void absorb(std::uint64_t word) {
    v3 ^= word;
    for (int i = 0; i < Rounds; ++i) round();
    v0 ^= word;
  }
  template <int Rounds>
  [[nodiscard]] constexpr std::uint64_t finish() {
    v2 ^= 0xFF;
    for (int i = 0; i < Rounds; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace detail

// siphash_1_3 of whole words and one octet after them, without a detour over memory: what tables hash, a prefix and its
// level. The same value as siphash_1_3 of the words' octets, little endian, and the octet.
[[nodiscard]] constexpr std::uint64_t siphash_1_3(const SipKey& key, std::uint64_t word, std::uint8_t last) {
  detail::SipState state(key);
  state.absorb<1>(word);
  state.absorb<1>(std::uint64_t{9} << 56U | last);
  return state.finish<3>();
}
[[nodiscard]] constexpr std::uint64_t siphash_1_3(const SipKey& key, std::uint64_t first, std::uint64_t second,
                                                  std::uint8_t last) {
  detail::SipState state(key);
  state.absorb<1>(first);
  state.absorb<1>(second);
  state.absorb<1>(std::uint64_t{17} << 56U | last);
  return state.finish<3>();
}

}  // namespace postern::crypto
