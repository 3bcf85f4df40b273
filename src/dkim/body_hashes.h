// BodyHashes: the body hashes that all signatures of a message ask for, computed in one pass while the body streams
// past. Requests that ask for the same are one, and requests that differ in l= only share one SHA-256, so that a body
// is hashed at most twice whatever a message asks for. DKIM and ARC share one of these per message. Thread rule: a
// value of one thread. Memory: constant.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dkim/canonical.h"

namespace postern::dkim {

class BodyHashes {
 public:
  BodyHashes();
  ~BodyHashes();
  BodyHashes(BodyHashes&&) noexcept;
  BodyHashes& operator=(BodyHashes&&) noexcept;

  // Before the first add(). `limit`: l=, in canonical octets (3.4.5). The number names the result.
  [[nodiscard]] std::size_t request(Canon canon, std::optional<std::uint64_t> limit);
  void add(std::string_view bytes);  // any split, CRLF line ends
  void finish();                     // again: nothing happens
  // After finish().
  [[nodiscard]] const crypto::Digest& digest(std::size_t request) const;
  // Octets of the canonical body: an l= beyond it is an error of the signature (3.4.5). 0 where nobody asked for it.
  [[nodiscard]] std::uint64_t canonical_octets(Canon canon) const;
  [[nodiscard]] bool wanted() const { return !requests_.empty(); }  // false: add() has nothing to do

 private:
  class Stream;
  struct Request {
    Canon canon = Canon::simple;
    std::optional<std::uint64_t> limit;
    crypto::Digest digest{};
  };
  std::vector<Request> requests_;
  std::unique_ptr<Stream> simple_, relaxed_;  // as far as someone asked
  bool started_ = false, finished_ = false;
};

}  // namespace postern::dkim
