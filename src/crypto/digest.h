// Sha256: streaming SHA-256 over EVP, with the algorithm fetched once a process. Thread rule: a value of one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace postern::crypto {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  // Ends the computation; update() after it is a bug.
  [[nodiscard]] Digest finish();
  [[nodiscard]] Sha256 copy() const;  // of the state so far

  [[nodiscard]] static Digest of(std::string_view bytes);

 private:
  struct Impl;
  explicit Sha256(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] inline std::string_view view_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace postern::crypto
