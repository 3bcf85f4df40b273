#include "dkim/verify.h"

#include <algorithm>

#include "base/text.h"

namespace postern::dkim {
namespace {

// RFC 6008 4: at least the first eight characters of b=, and as many as tell it from the other signatures.
constexpr std::size_t kPrefixMin = 8;
// Canonicalising and hashing a header, octets in a microsecond.
constexpr std::size_t kHeaderOctetsPerUs = 700;
// Making the FieldIndex, fields in a microsecond: what many short fields cost.
constexpr std::size_t kFieldsPerUs = 10;

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// The first of the fetched keys that suits, preferably of a length that is accepted.
const KeyRecord* suitable_key(const FetchedKey& fetched, crypto::Algorithm algorithm, std::string& problem) {
  const KeyRecord* found = nullptr;
  const auto look_at = [&](const std::shared_ptr<const KeyRecord>& record) {
    std::string why_not = unsuitable(*record, algorithm);
    if (why_not.empty()) {
      if (found == nullptr || (is_short(*found) && !is_short(*record))) found = record.get();
    } else if (problem.empty()) {
      problem = std::move(why_not);
    }
  };
  if (fetched.record) look_at(fetched.record);
  for (const auto& record : fetched.others) look_at(record);
  return found;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "none";
    case Outcome::pass:
      return "pass";
    case Outcome::fail:
      return "fail";
    case Outcome::policy:
      return "policy";
    case Outcome::neutral:
      return "neutral";
    case Outcome::temperror:
      return "temperror";
    case Outcome::permerror:
      return "permerror";
  }
  return "none";
}

Verifier::Verifier(const message::HeaderSection& header, BodyHashes& hashes) : header_(header), hashes_(hashes) {
  const auto fields = header.all("DKIM-Signature");
  found_ = fields.size();
  candidates_.resize(std::min(found_, kSignaturesMax));
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& candidate = candidates_[i];
    candidate.field = fields[i];
    Signature signature;
    const auto read = read_signature(fields[i]->body, signature);
    Verdict& verdict = candidate.verdict;
    verdict.domain = signature.domain;
    verdict.selector = signature.selector;
    verdict.auid = signature.auid;
    verdict.algorithm = signature.algorithm;
    verdict.length = signature.length;
    verdict.signature_prefix = signature.signature_base64;  // shortened below
    if (!read) {
      verdict.outcome = Outcome::permerror;
      verdict.problem = read.error().what;
    } else if (signature.historic) {
      // RFC 8301 3.1: "rsa-sha1 MUST NOT be used for signing or verifying"
      verdict.outcome = Outcome::policy;
      verdict.problem = "rsa-sha1 is not acceptable (RFC 8301)";
    } else {
      candidate.hash = hashes.request(signature.body_canon, signature.length);
      candidate.signature = std::move(signature);
    }
  }
  shorten_prefixes();
}

void Verifier::shorten_prefixes() {
  std::vector<std::size_t> lengths(candidates_.size(), kPrefixMin);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    for (std::size_t j = 0; j < candidates_.size(); ++j) {
      if (i == j) continue;
      const std::string& mine = candidates_[i].verdict.signature_prefix;
      lengths[i] = std::max(lengths[i], common_prefix(mine, candidates_[j].verdict.signature_prefix) + 1);
    }
  }
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    std::string& prefix = candidates_[i].verdict.signature_prefix;
    prefix.resize(std::min(prefix.size(), lengths[i]));
  }
}

void Verifier::prefetch(dns::Resolver& resolver) const {
  for (const Candidate& candidate : candidates_) {
    if (candidate.signature) prefetch_key(candidate.signature->selector, candidate.signature->domain, resolver);
  }
}

Task<void> Verifier::fetch_keys(dns::Resolver& resolver, dns::Budget& budget, KeyCache& cache) {
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (!candidates_[i].signature) continue;
    const Signature& signature = *candidates_[i].signature;
    const auto same = std::ranges::find_if(candidates_, [&](const Candidate& other) {
      return other.signature && other.signature->selector == signature.selector &&
             other.signature->domain == signature.domain;
    });
    if (const auto first = static_cast<std::size_t>(same - candidates_.begin()); first < i) {
      candidates_[i].key = candidates_[first].key;
      continue;
    }
    candidates_[i].key = co_await fetch_key(signature.selector, signature.domain, resolver, budget, cache);
  }
}

Verdict Verifier::judge(const Candidate& candidate, const FieldIndex& index, std::int64_t now) const {
  Verdict verdict = candidate.verdict;
  if (!candidate.signature) return verdict;
  const Signature& signature = *candidate.signature;
  const auto end = [&](Outcome outcome, std::string problem) {
    verdict.outcome = outcome;
    verdict.problem = std::move(problem);
    return verdict;
  };
  verdict.key_record = candidate.key.text;
  if (signature.expiry && now > *signature.expiry) {
    return end(Outcome::permerror, "the signature expired (x=" + std::to_string(*signature.expiry) + ")");
  }
  if (!candidate.key.record) {
    return end(candidate.key.temporary ? Outcome::temperror : Outcome::permerror, candidate.key.problem);
  }
  std::string problem;
  const KeyRecord* const key = suitable_key(candidate.key, signature.key_type, problem);
  if (key == nullptr) return end(Outcome::permerror, std::move(problem));
  verdict.key_bits = key->key.bits();
  verdict.testing = key->testing;
  if (is_short(*key)) {
    // RFC 8301 3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid"
    return end(Outcome::policy, "an RSA key of " + std::to_string(verdict.key_bits) + " bits is too short (RFC 8301)");
  }
  if (signature.length) {
    const std::uint64_t octets = hashes_.canonical_octets(signature.body_canon);
    // 3.5 l=: "MUST NOT be larger than the actual number of octets in the canonicalized message body"
    if (*signature.length > octets) return end(Outcome::permerror, "l= is larger than the body");
    verdict.body_beyond_length = *signature.length < octets;
  }
  if (signature.body_hash != crypto::view_of(hashes_.digest(candidate.hash))) {
    return end(Outcome::fail, "body hash did not verify");
  }
  if (!covers_every_from(index, signature.signed_names)) {
    return end(Outcome::fail, "a From field is not signed: h= names fewer than the message has");
  }
  const crypto::Digest digest = header_digest(index, signature.signed_names, signature.header_canon, *candidate.field);
  const KeyTrial trial = signature_holds(candidate.key, signature.key_type, digest, signature.signature);
  if (!trial.verified) return end(Outcome::fail, "signature did not verify");
  verdict.key_bits = trial.record->key.bits();
  verdict.testing = trial.record->testing;
  // 3.6.1 t=s: the domain of i= is d= itself
  if (trial.record->same_domain && signature.auid_domain != signature.domain) {
    return end(Outcome::permerror, "i= is below d=, which the key forbids (t=s)");
  }
  return end(Outcome::pass, {});
}

std::vector<Verdict> Verifier::verify(std::int64_t now) const {
  std::vector<Verdict> verdicts;
  if (candidates_.empty()) return verdicts;
  const FieldIndex index(header_);
  for (const Candidate& candidate : candidates_) verdicts.push_back(judge(candidate, index, now));
  return verdicts;
}

std::uint32_t Verifier::cost_us() const {
  std::size_t cost = 0;
  for (const Candidate& candidate : candidates_) {
    if (!candidate.key.record) continue;
    if (cost == 0) cost = header_.fields().size() / kFieldsPerUs;
    cost += verify_cost_us(candidate.key.record->key) + header_.text().size() / kHeaderOctetsPerUs;
    for (const auto& other : candidate.key.others) cost += verify_cost_us(other->key);
  }
  return static_cast<std::uint32_t>(std::min<std::size_t>(cost, UINT32_MAX));
}

}  // namespace postern::dkim
