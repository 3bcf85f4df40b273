#include "base/id.h"

#include <sys/random.h>

#include <cstring>

#include "base/result.h"

namespace postern {

namespace {
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::uint64_t kTimeMask = (1ULL << 40U) - 1;

int digit(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') return 0;
  if (c == 'I' || c == 'L') return 1;
  const auto at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}
}  // namespace

void random_bytes(void* out, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(out);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = getrandom(bytes + done, size - done, 0);
    POSTERN_CHECK(n > 0);
    done += static_cast<std::size_t>(n);
  }
}

Id Id::make(WallMs now) {
  struct Pool {
    std::array<std::uint8_t, 500> bytes{};
    std::size_t used = 500;
  };
  thread_local Pool pool;
  if (pool.used + 5 > pool.bytes.size()) {
    random_bytes(pool.bytes.data(), pool.bytes.size());
    pool.used = 0;
  }
  Id id;
  const std::uint64_t time = static_cast<std::uint64_t>(now) & kTimeMask;
  for (std::size_t i = 0; i < 5; ++i) id.bytes[i] = static_cast<std::uint8_t>(time >> (32 - 8 * i));
  std::memcpy(id.bytes.data() + 5, pool.bytes.data() + pool.used, 5);
  pool.used += 5;
  return id;
}

std::string Id::text() const {
  std::string out(kTextSize, '0');
  for (std::size_t half = 0; half < 2; ++half) {  // 5 bytes are 8 digits
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 5; ++i) bits = (bits << 8U) | bytes[half * 5 + i];
    for (std::size_t i = 0; i < 8; ++i) out[half * 8 + i] = kAlphabet[(bits >> (35 - 5 * i)) & 31U];
  }
  return out;
}

std::optional<Id> Id::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Id id;
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const int value = digit(text[half * 8 + i]);
      if (value < 0) return std::nullopt;
      bits = (bits << 5U) | static_cast<std::uint64_t>(value);
    }
    for (std::size_t i = 0; i < 5; ++i) id.bytes[half * 5 + i] = static_cast<std::uint8_t>(bits >> (32 - 8 * i));
  }
  return id;
}

WallMs Id::time(WallMs near) const {
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 5; ++i) low = (low << 8U) | bytes[i];
  constexpr WallMs window = 1LL << 40;
  const WallMs base = near - (near & static_cast<WallMs>(kTimeMask));
  WallMs best = base + static_cast<WallMs>(low);
  if (best > near + window / 2) best -= window;
  if (best < near - window / 2) best += window;
  return best;
}

}  // namespace postern
