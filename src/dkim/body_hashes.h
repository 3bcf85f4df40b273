// BodyHashes: the body hashes that all signatures of a message ask for, computed in one pass while the body streams
// past. Requests that ask for the same are one. DKIM and ARC share one of these per message. Thread rule: a value of
// one thread. Memory: constant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dkim/canonical.h"

namespace postern::dkim {

class BodyHashes {
 public:
  // Before the first add(). `limit`: l=, in canonical octets (3.4.5). The number names the result.
  [[nodiscard]] std::size_t request(Canon canon, std::optional<std::uint64_t> limit);
  void add(std::string_view bytes);  // any split, CRLF line ends
  void finish();
  // After finish().
  [[nodiscard]] const crypto::Digest& digest(std::size_t request) const;
  // Octets of the canonical body: an l= beyond it is an error of the signature (3.4.5).
  [[nodiscard]] std::uint64_t canonical_octets(Canon canon) const;

 private:
  struct Hash {
    Canon canon;
    std::optional<std::uint64_t> limit;
    std::uint64_t taken = 0;
    crypto::Sha256 sha;
    crypto::Digest digest{};
  };
  struct Stream {
    BodyCanon canon;
    std::uint64_t octets = 0;
    bool used = false;
  };
  void feed(Canon canon, std::string_view octets);
  std::vector<Hash> hashes_;
  Stream simple_{BodyCanon(Canon::simple)}, relaxed_{BodyCanon(Canon::relaxed)};
  std::string scratch_;
};

}  // namespace postern::dkim
