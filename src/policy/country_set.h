// CountrySet: a set of country codes as bits, asked in constant time. Thread rule: a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "evidence/evidence.h"

namespace postern::policy {

class CountrySet {
 public:
  void insert(evidence::CountryCode code) {
    const std::size_t at = place(code);
    if (at < kPlaces) bits_.at(at / kWord) |= std::uint64_t{1} << (at % kWord);
  }
  // False for unknown, and for what is no two letters.
  [[nodiscard]] bool contains(evidence::CountryCode code) const {
    const std::size_t at = place(code);
    return at < kPlaces && (bits_[at / kWord] >> (at % kWord) & 1U) != 0;
  }
  [[nodiscard]] bool empty() const { return *this == CountrySet(); }
  friend bool operator==(const CountrySet&, const CountrySet&) = default;

  // Set algebra for the question whether a rule can be true.
  void keep(const CountrySet& other) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_.at(i) &= other.bits_.at(i);
  }
  void remove(const CountrySet& other) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_.at(i) &= ~other.bits_.at(i);
  }
  [[nodiscard]] static CountrySet all() {
    CountrySet set;
    for (std::size_t at = 0; at < kPlaces; ++at) set.bits_.at(at / kWord) |= std::uint64_t{1} << (at % kWord);
    return set;
  }

 private:
  static constexpr std::size_t kLetters = 26;
  static constexpr std::size_t kPlaces = kLetters * kLetters;
  static constexpr std::size_t kWord = 64;
  static constexpr std::size_t place(evidence::CountryCode code) {
    const auto first = static_cast<std::size_t>(code >> 8U) - 'A';  // wraps around where it is no letter
    const auto second = static_cast<std::size_t>(code & 0xFFU) - 'A';
    return first < kLetters && second < kLetters ? first * kLetters + second : kPlaces;
  }
  std::array<std::uint64_t, (kPlaces + kWord - 1) / kWord> bits_{};
};

}  // namespace postern::policy
