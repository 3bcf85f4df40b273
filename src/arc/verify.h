// ARC validation (RFC 8617 5.2): the chain of one message, in the same three phases as dkim/verify.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "authres/authres.h"
#include "dkim/body_hashes.h"
#include "dkim/key_record.h"
#include "dkim/verify.h"
#include "message/header_section.h"

namespace postern::arc {

enum class Outcome : std::uint8_t { none, pass, fail };
[[nodiscard]] std::string_view to_string(Outcome outcome);

inline constexpr std::uint32_t kInstancesMax = 50;  // 4.2.1

struct Set {  // one instance
  std::uint32_t instance = 0;
  std::string domain, selector;  // of its seal
  std::string cv;                // as the seal says
  authres::Results results;      // its ARC-Authentication-Results, empty where it could not be parsed
};

struct Chain {
  Outcome outcome = Outcome::none;
  bool temporary = false;         // failed because DNS did not answer
  std::string problem;            // why not pass
  std::vector<Set> sets;          // i=1 first; as far as the chain could be read
  std::uint32_t oldest_pass = 0;  // 5.2: the oldest AMS that still verifies; 0: all do, or not determined
};

class Verifier {
 public:
  // `header` and `hashes` outlive it.
  Verifier(const message::HeaderSection& header, dkim::BodyHashes& hashes);
  [[nodiscard]] bool has_chain() const;
  void prefetch(dns::Resolver& resolver) const;
  [[nodiscard]] Task<void> fetch_keys(dns::Resolver& resolver, dns::Budget& budget, dkim::KeyCache& cache);
  [[nodiscard]] Chain verify() const;
  [[nodiscard]] std::uint32_t cost_us() const;

 private:
  struct Instance;
  const message::HeaderSection& header_;
  dkim::BodyHashes& hashes_;
  std::vector<Instance> instances_;
  Chain early_;  // decided without keys
 public:
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  ~Verifier();
};

}  // namespace postern::arc
