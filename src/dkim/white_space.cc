#include "dkim/white_space.h"

#ifdef __SSE2__
#include <emmintrin.h>

#include <bit>
#include <cstdint>
#endif

namespace postern::dkim {
namespace {

#ifdef __SSE2__
constexpr std::size_t kVector = 16, kBlock = 64;

__m128i load(std::string_view block, std::size_t at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(&block[at]));  // any alignment
}

// Each octet of the vector at `at` that may be a place: a tab, or a space in front of any octet up to the space. That
// takes in some that are none, a space in front of a control character, and is one comparison less.
__m128i places(std::string_view block, std::size_t at) {
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i here = load(block, at);
  const __m128i next = load(block, at + 1);
  const __m128i next_low = _mm_cmpeq_epi8(_mm_min_epu8(next, space), next);
  return _mm_or_si128(_mm_cmpeq_epi8(here, _mm_set1_epi8('\t')), _mm_and_si128(_mm_cmpeq_epi8(here, space), next_low));
}

// The first place in a block of 64, which has one more octet behind it; 64 where there is none.
std::size_t first_place(std::string_view block) {
  const __m128i a = places(block, 0);
  const __m128i b = places(block, kVector);
  const __m128i c = places(block, 2 * kVector);
  const __m128i d = places(block, 3 * kVector);
  if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0) return kBlock;
  const auto bits = [](__m128i vector) { return std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(vector))}; };
  return static_cast<std::size_t>(std::countr_zero(bits(a) | bits(b) << 16U | bits(c) << 32U | bits(d) << 48U));
}
#endif

}  // namespace

std::size_t next_changed(std::string_view text, std::size_t from) {
  std::size_t at = from;
#ifdef __SSE2__
  for (; at + kBlock < text.size(); at += kBlock) {
    const std::size_t place = first_place(text.substr(at, kBlock + 1));
    if (place != kBlock) return at + place;
  }
#endif
  for (; at < text.size(); ++at) {
    if (!is_wsp(text[at])) continue;
    if (text[at] == '\t' || at + 1 == text.size() || is_wsp(text[at + 1]) || text[at + 1] == '\r') return at;
  }
  return text.size();
}

}  // namespace postern::dkim
