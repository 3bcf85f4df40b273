#include "dkim/white_space.h"

#ifdef __SSE2__
#include <emmintrin.h>

#include <bit>
#endif

namespace postern::dkim {
namespace {

#ifdef __SSE2__
constexpr std::size_t kBlock = 16;

__m128i load(std::string_view sixteen) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(sixteen.data()));  // any alignment
}

// A bit for each octet of the block at `at` that next_changed() looks for; the octet behind the block is looked at.
unsigned changed_in_block(std::string_view text, std::size_t at) {
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i here = load(text.substr(at, kBlock));
  const __m128i next = load(text.substr(at + 1, kBlock));
  const __m128i next_ends = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab)),
                                         _mm_cmpeq_epi8(next, _mm_set1_epi8('\r')));
  const __m128i changed =
      _mm_or_si128(_mm_cmpeq_epi8(here, tab), _mm_and_si128(_mm_cmpeq_epi8(here, space), next_ends));
  return static_cast<unsigned>(_mm_movemask_epi8(changed));
}
#endif

}  // namespace

std::size_t next_changed(std::string_view text, std::size_t from) {
  std::size_t at = from;
#ifdef __SSE2__
  for (; at + kBlock < text.size(); at += kBlock) {
    const unsigned found = changed_in_block(text, at);
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
  }
#endif
  for (; at < text.size(); ++at) {
    if (!is_wsp(text[at])) continue;
    if (text[at] == '\t' || at + 1 == text.size() || is_wsp(text[at + 1]) || text[at + 1] == '\r') return at;
  }
  return text.size();
}

}  // namespace postern::dkim
