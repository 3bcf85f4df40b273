// ARC validation (RFC 8617 5.2): the chain of one message, in the same three phases as dkim/verify.h: the constructor
// reads the header, checks the structure and requests body hashes; fetch_keys() asks DNS; verify() is pure computing
// and may run on another thread.
//
// What fails a chain is the newest message signature, any seal, or the structure; older message signatures are looked
// at only to tell since when the message is unchanged. Work is linear in the header whatever the chain. Thread rule: a
// value of one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arc/sets.h"
#include "authres/authres.h"
#include "dkim/body_hashes.h"
#include "dkim/key_record.h"
#include "dkim/verify.h"
#include "message/header_section.h"

namespace postern::arc {

enum class Outcome : std::uint8_t { none, pass, fail };
[[nodiscard]] std::string_view to_string(Outcome outcome);

// Octets of header that are hashed for the message signatures of older sets, which are optional (5.2 step 5).
inline constexpr std::size_t kOldestPassOctetsMax = std::size_t{1} << 20;

// Octets of ARC-Authentication-Results that are read into Set::results, the newest first; all of them are sealed.
inline constexpr std::size_t kResultsOctetsMax = std::size_t{128} * 1024;

struct Set {  // one instance
  std::uint32_t instance = 0;
  std::string domain, selector;  // of its seal
  std::string cv;                // as the seal says
  authres::Results results;      // its ARC-Authentication-Results, what of it could be read
};

struct Chain {
  Outcome outcome = Outcome::none;
  bool temporary = false;         // failed because DNS did not answer: still a fail (5.2.1), but of today
  std::string problem;            // why not pass
  std::vector<Set> sets;          // i=1 first; as far as the chain could be read
  std::uint32_t oldest_pass = 0;  // 5.2 step 5: the oldest AMS that still verifies; 0: all do, or not determined
  bool oldest_pass_known = false;
};

class Verifier {
 public:
  // `header` and `hashes` outlive it.
  Verifier(const message::HeaderSection& header, dkim::BodyHashes& hashes);
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  ~Verifier() = default;
  [[nodiscard]] bool has_chain() const;
  void prefetch(dns::Resolver& resolver) const;
  [[nodiscard]] Task<void> fetch_keys(dns::Resolver& resolver, dns::Budget& budget, dkim::KeyCache& cache);
  // After fetch_keys() and hashes.finish(). With `now`, in seconds, an AMS that has expired (x=) fails.
  [[nodiscard]] Chain verify(std::optional<std::int64_t> now = std::nullopt) const;
  // Microseconds that verify() will take, roughly.
  [[nodiscard]] std::uint32_t cost_us() const;

 private:
  struct Instance {
    dkim::Signature seal, message;
    bool message_read = false;  // of older sets it need not be valid
    std::optional<std::size_t> hash;
    std::size_t seal_key = 0, message_key = 0;  // in keys_
  };
  struct Key {
    std::string domain, selector;
    bool wanted = false;  // older message signatures are checked with what keys there are
    dkim::FetchedKey key;
  };
  void refuse(std::string problem);
  void read_instance(std::size_t index);
  [[nodiscard]] std::size_t key_of(const dkim::Signature& signature, bool wanted);
  [[nodiscard]] std::size_t older_signatures_checked() const;
  [[nodiscard]] std::string message_problem(std::size_t at, const dkim::FieldIndex& index) const;
  [[nodiscard]] std::string seals_problem(Chain& chain) const;
  void read_results(Chain& chain) const;
  void find_oldest_pass(const dkim::FieldIndex& index, Chain& chain) const;

  const message::HeaderSection& header_;
  dkim::BodyHashes& hashes_;
  Sets sets_;
  std::vector<Instance> instances_;  // as sets_.sets; empty where the chain is decided without keys
  std::vector<Key> keys_;            // the newest message signature's first
  Chain early_;                      // what is known without keys
};

}  // namespace postern::arc
