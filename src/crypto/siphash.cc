#include "crypto/siphash.h"

namespace postern::crypto {

namespace {

std::uint64_t little_endian(std::string_view octets) {  // at most 8
  std::uint64_t word = 0;
  for (std::size_t i = octets.size(); i > 0; --i) word = word << 8U | static_cast<std::uint8_t>(octets[i - 1]);
  return word;
}

template <int Compress, int Finish>
std::uint64_t siphash(const SipKey& key, std::string_view input) {
  detail::SipState state(key);
  const std::uint64_t length = static_cast<std::uint64_t>(input.size()) << 56U;
  for (; input.size() >= 8; input.remove_prefix(8)) state.absorb<Compress>(little_endian(input.substr(0, 8)));
  state.absorb<Compress>(length | little_endian(input));
  return state.finish<Finish>();
}

}  // namespace

SipKey SipKey::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {little_endian(view.substr(0, 8)), little_endian(view.substr(8))};
}

std::array<std::uint8_t, 16> SipKey::bytes() const {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(k0 >> (8 * i));
    out[i + 8] = static_cast<std::uint8_t>(k1 >> (8 * i));
  }
  return out;
}

std::uint64_t siphash_2_4(const SipKey& key, std::string_view input) { return siphash<2, 4>(key, input); }
std::uint64_t siphash_1_3(const SipKey& key, std::string_view input) { return siphash<1, 3>(key, input); }

}  // namespace postern::crypto
