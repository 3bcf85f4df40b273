// Verifier: the DKIM signatures of one message. Three phases, so that DNS, hashing and arithmetic each run where they
// should: the constructor reads the header and requests body hashes; fetch_keys() asks DNS; verify() is pure computing
// and may run on another thread. RFC 6376 6.1, RFC 8301, RFC 8463, RFC 8616.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "dkim/body_hashes.h"
#include "dkim/canonical.h"
#include "dkim/header_digest.h"
#include "dkim/key_record.h"
#include "dkim/signature.h"
#include "message/header_section.h"

namespace postern::dkim {

// RFC 8601 2.7.1. `policy`: a signature that RFC 8301 forbids to verify, rsa-sha1 or an RSA key under kRsaBitsMin; the
// arithmetic is not done. `neutral` is never given: a syntax error is PERMFAIL by RFC 6376 6.1.1, so it is permerror.
enum class Outcome : std::uint8_t { none, pass, fail, policy, neutral, temperror, permerror };
[[nodiscard]] std::string_view to_string(Outcome outcome);

inline constexpr std::size_t kSignaturesMax = 10;  // tried per message, top first; further ones are counted only

struct Verdict {
  Outcome outcome = Outcome::none;
  std::string domain, selector, auid, algorithm;  // as far as they could be read
  std::string problem;                            // why it is not a pass: one printable line
  int key_bits = 0;
  bool testing = false;                 // the key says t=y: treat as if unsigned (3.6.1)
  std::optional<std::uint64_t> length;  // l= was used: octets beyond are not signed
  bool body_beyond_length = false;
  std::string signature_prefix;  // header.b: enough of b= to tell signatures apart (RFC 6008)
  std::string key_record;        // as published, for tools
};

class Verifier {
 public:
  // `header` and `hashes` outlive it.
  Verifier(const message::HeaderSection& header, BodyHashes& hashes);
  [[nodiscard]] std::size_t signatures_found() const { return found_; }
  void prefetch(dns::Resolver& resolver) const;
  [[nodiscard]] Task<void> fetch_keys(dns::Resolver& resolver, dns::Budget& budget, KeyCache& cache);
  // After fetch_keys() and hashes.finish(). `now` in seconds; one verdict per signature tried, top first; none: empty.
  // A t= in the future is no fault (3.5: "MAY ignore"); an x= before `now` is.
  [[nodiscard]] std::vector<Verdict> verify(std::int64_t now) const;
  // Microseconds that verify() will take, roughly; whoever is on a loop decides by it where to run it.
  [[nodiscard]] std::uint32_t cost_us() const;

 private:
  struct Candidate {
    const message::Field* field = nullptr;
    Verdict verdict;  // outcome none while undecided
    std::optional<Signature> signature;
    std::size_t hash = 0;
    FetchedKey key;
  };
  void shorten_prefixes();
  [[nodiscard]] Verdict judge(const Candidate& candidate, const FieldIndex& index, std::int64_t now) const;
  const message::HeaderSection& header_;
  BodyHashes& hashes_;
  std::vector<Candidate> candidates_;
  std::size_t found_ = 0;
};

}  // namespace postern::dkim
