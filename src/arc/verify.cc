#include "arc/verify.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/header_digest.h"

namespace postern::arc {
namespace {

// Canonicalising and hashing a header, octets in a microsecond.
constexpr std::size_t kHeaderOctetsPerUs = 400;
// Making the index of the fields, fields in a microsecond.
constexpr std::size_t kFieldsPerUs = 10;
// Reading Authentication-Results likewise.
constexpr std::size_t kResultsOctetsPerUs = 40;

std::string named(std::string_view name, std::uint32_t instance, std::string_view what) {
  return std::string(name) + " i=" + std::to_string(instance) + ": " + std::string(what);
}

bool lists(const std::vector<std::string>& names, std::string_view wanted) {
  return std::ranges::find(names, wanted) != names.end();
}

// 4.1.2: as DKIM-Signature; v= means nothing, and i= is the instance.
Result<void> read_message_signature(const dkim::TagList& tags, dkim::Signature& out) {
  POSTERN_TRY_VOID(dkim::read_signer_tags(tags, out));
  POSTERN_TRY_VOID(dkim::read_content_tags(tags, out));
  if (out.historic) return fail(ErrorKind::invalid, "rsa-sha1 is not acceptable (RFC 8301)");
  // 4.1.2 forbids all three fields of ARC; a seal cannot have been there when its own set's message was signed, so that
  // an AMS which covers one is refused. Signing the other two is the signer's fault, and common.
  if (lists(out.signed_names, "arc-seal")) return fail(ErrorKind::invalid, "h= covers ARC-Seal (RFC 8617 4.1.2)");
  return {};
}

// 4.1.3: i=, a=, b=, cv=, d=, s=, t=; an h= MUST result in fail. Other tags are passed over (RFC 6376 3.2).
Result<void> read_seal(const dkim::TagList& tags, dkim::Signature& out) {
  if (tags.find("h") != nullptr) return fail(ErrorKind::invalid, "h= is not allowed (RFC 8617 4.1.3)");
  POSTERN_TRY_VOID(dkim::read_signer_tags(tags, out));
  if (out.historic) return fail(ErrorKind::invalid, "rsa-sha1 is not acceptable (RFC 8301)");
  if (const auto time = tags.get("t"); time && (time->empty() || !std::ranges::all_of(*time, is_digit))) {
    return fail(ErrorKind::invalid, "t=" + printable(*time, 40) + " is not a time");
  }
  return {};
}

// 5.2 step 3 C
std::string status_problem(const FieldSet& set) {
  const auto status = set.seal_tags.get("cv");
  const std::string_view wanted = set.instance == 1 ? "none" : "pass";
  if (!status) return named(kSealName, set.instance, "there is no cv=");
  if (*status == wanted) return {};
  return named(kSealName, set.instance, "cv=" + printable(*status, 20) + ", which must be " + std::string(wanted));
}

// 5.2 steps 1 to 3. Empty: the chain is whole.
std::string structure_problem(const Sets& sets) {
  if (sets.too_many) return sets.problem;
  if (sets.ended()) return "the chain ended: " + named(kSealName, sets.highest(), "cv=fail");
  if (!sets.problem.empty()) return sets.problem;
  for (const FieldSet& set : sets.sets) {
    if (std::string problem = status_problem(set); !problem.empty()) return problem;
  }
  return {};
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
  }
  return "none";
}

Verifier::Verifier(const message::HeaderSection& header, dkim::BodyHashes& hashes)
    : header_(header), hashes_(hashes), sets_(collect(header)) {
  for (const FieldSet& set : sets_.sets) {
    early_.sets.push_back({.instance = set.instance,
                           .domain = std::string(set.seal_tags.get("d").value_or("")),
                           .selector = std::string(set.seal_tags.get("s").value_or("")),
                           .cv = std::string(set.seal_tags.get("cv").value_or("")),
                           .results = {}});
  }
  if (!sets_.any) return;
  if (std::string problem = structure_problem(sets_); !problem.empty()) {
    refuse(std::move(problem));
    return;
  }
  instances_.resize(sets_.sets.size());
  early_.outcome = Outcome::pass;  // as far as can be known without keys
  for (std::size_t i = instances_.size(); i > 0 && early_.outcome == Outcome::pass; --i) read_instance(i - 1);
}

void Verifier::refuse(std::string problem) {
  early_.outcome = Outcome::fail;
  early_.problem = std::move(problem);
  instances_.clear();
  keys_.clear();
}

// From the newest to the oldest.
void Verifier::read_instance(std::size_t index) {
  const FieldSet& set = sets_.sets[index];
  Instance& instance = instances_[index];
  const bool newest = index + 1 == instances_.size();
  const auto read = read_message_signature(set.message_tags, instance.message);
  instance.message_read = read.has_value();
  if (newest && !read) return refuse(named(kMessageName, set.instance, read.error().what));
  if (const auto seal = read_seal(set.seal_tags, instance.seal); !seal) {
    return refuse(named(kSealName, set.instance, seal.error().what));
  }
  early_.sets[index].domain = instance.seal.domain;
  early_.sets[index].selector = instance.seal.selector;
  if (read) instance.message_key = key_of(instance.message, newest);
  instance.seal_key = key_of(instance.seal, true);
  // Older ones share the two hashes over the whole body that others ask for; one with l= is not looked at.
  if (newest || (read && !instance.message.length && index + 1 + older_signatures_checked() >= instances_.size())) {
    instance.hash = hashes_.request(instance.message.body_canon, instance.message.length);
  }
}

std::size_t Verifier::key_of(const dkim::Signature& signature, bool wanted) {
  const auto found = std::ranges::find_if(
      keys_, [&](const Key& key) { return key.domain == signature.domain && key.selector == signature.selector; });
  if (found == keys_.end()) {
    keys_.push_back({.domain = signature.domain, .selector = signature.selector, .wanted = wanted, .key = {}});
    return keys_.size() - 1;
  }
  found->wanted = found->wanted || wanted;
  return static_cast<std::size_t>(found - keys_.begin());
}

std::size_t Verifier::older_signatures_checked() const {
  return std::min(kOldestPassOctetsMax / std::max<std::size_t>(header_.text().size(), 1), sets_.sets.size() - 1);
}

bool Verifier::has_chain() const { return sets_.any; }

void Verifier::prefetch(dns::Resolver& resolver) const {
  for (const Key& key : keys_) {
    if (key.wanted) dkim::prefetch_key(key.selector, key.domain, resolver);
  }
}

Task<void> Verifier::fetch_keys(dns::Resolver& resolver, dns::Budget& budget, dkim::KeyCache& cache) {
  for (Key& key : keys_) {
    if (!key.wanted) continue;
    key.key = co_await dkim::fetch_key(key.selector, key.domain, resolver, budget, cache);
    if (!key.key.record) co_return;  // one is enough to fail the chain
  }
}

// Empty: it verifies.
std::string Verifier::message_problem(std::size_t at, const dkim::FieldIndex& index) const {
  const Instance& instance = instances_[at];
  const dkim::Signature& signature = instance.message;
  const dkim::FetchedKey& key = keys_[instance.message_key].key;
  if (!key.record) return key.problem.empty() ? std::string("the key was not fetched") : key.problem;
  // RFC 6376 3.5 l=
  if (signature.length && *signature.length > hashes_.canonical_octets(signature.body_canon)) {
    return "l= is larger than the body";
  }
  if (signature.body_hash != crypto::view_of(hashes_.digest(*instance.hash))) return "body hash did not verify";
  // 4.1.2: the semantics of DKIM. Who puts a From field on top of a sealed message does not get its chain.
  if (!dkim::covers_every_from(index, signature.signed_names)) {
    return "a From field is not signed: h= names fewer than the message has";
  }
  const crypto::Digest digest =
      dkim::header_digest(index, signature.signed_names, signature.header_canon, *sets_.sets[at].message);
  const auto trial = dkim::signature_holds(key, signature.key_type, digest, signature.signature);
  if (trial.verified) return {};
  return trial.problem.empty() ? std::string("signature did not verify") : trial.problem;
}

// 5.2 step 6, "beginning with the greatest instance value". Empty: all verify.
std::string Verifier::seals_problem(Chain& chain) const {
  std::vector<crypto::Digest> digests;
  SealHash hash;
  for (const FieldSet& set : sets_.sets) digests.push_back(hash.add(*set.results, *set.message, *set.seal));
  for (std::size_t i = instances_.size(); i > 0; --i) {
    const dkim::Signature& seal = instances_[i - 1].seal;
    const dkim::FetchedKey& key = keys_[instances_[i - 1].seal_key].key;
    const std::uint32_t number = sets_.sets[i - 1].instance;
    if (!key.record) {
      chain.temporary = key.temporary;
      return named(kSealName, number, key.problem.empty() ? std::string("the key was not fetched") : key.problem);
    }
    const auto trial = dkim::signature_holds(key, seal.key_type, digests[i - 1], seal.signature);
    if (trial.verified) continue;
    return named(kSealName, number, trial.problem.empty() ? std::string("signature did not verify") : trial.problem);
  }
  return {};
}

// 5.2 step 5. What cannot be looked at cheaply leaves it unknown.
void Verifier::find_oldest_pass(const dkim::FieldIndex& index, Chain& chain) const {
  for (std::size_t i = instances_.size() - 1; i > 0; --i) {
    const Instance& instance = instances_[i - 1];
    if (instance.message_read) {
      if (!instance.hash || !keys_[instance.message_key].key.record) return;
      if (message_problem(i - 1, index).empty()) continue;
    }
    chain.oldest_pass = sets_.sets[i].instance;
    chain.oldest_pass_known = true;
    return;
  }
  chain.oldest_pass_known = true;
}

// As far as that is cheap: the fields may be as long as a header is.
void Verifier::read_results(Chain& chain) const {
  std::size_t octets = 0;
  for (std::size_t i = chain.sets.size(); i > 0; --i) {
    const message::Field* const field = sets_.sets[i - 1].results;
    if (field == nullptr || octets + field->body.size() > kResultsOctetsMax) continue;
    octets += field->body.size();
    if (auto read = authres::parse_arc_lenient(field->body)) chain.sets[i - 1].results = std::move(read->results);
  }
}

Chain Verifier::verify(std::optional<std::int64_t> now) const {
  Chain chain = early_;
  read_results(chain);
  if (instances_.empty()) return chain;
  const Instance& newest = instances_.back();
  const auto refuse = [&chain](std::string problem) {
    chain.outcome = Outcome::fail;
    chain.problem = std::move(problem);
    return chain;
  };
  if (now && newest.message.expiry && *now > *newest.message.expiry) {
    return refuse(named(kMessageName, sets_.highest(), "it expired (x=)"));
  }
  const dkim::FieldIndex index(header_);
  if (const std::string problem = message_problem(instances_.size() - 1, index); !problem.empty()) {  // step 4
    const dkim::FetchedKey& key = keys_[newest.message_key].key;
    chain.temporary = !key.record && key.temporary;
    return refuse(named(kMessageName, sets_.highest(), problem));
  }
  if (std::string problem = seals_problem(chain); !problem.empty()) return refuse(std::move(problem));
  find_oldest_pass(index, chain);
  return chain;
}

std::uint32_t Verifier::cost_us() const {
  std::size_t cost = 0;
  const auto add = [&](const Key& key) {
    if (!key.key.record) return;
    cost += dkim::verify_cost_us(key.key.record->key);
    for (const auto& other : key.key.others) cost += dkim::verify_cost_us(other->key);
  };
  const std::size_t header = header_.text().size() / kHeaderOctetsPerUs;
  for (const Instance& instance : instances_) {
    add(keys_[instance.seal_key]);
    if (!instance.hash) continue;
    add(keys_[instance.message_key]);
    cost += header;
  }
  if (!instances_.empty()) cost += header + header_.fields().size() / kFieldsPerUs;  // the seals, the index
  std::size_t results = 0;
  for (const FieldSet& set : sets_.sets) results += set.results != nullptr ? set.results->body.size() : 0;
  cost += std::min(results, kResultsOctetsMax) / kResultsOctetsPerUs;
  return static_cast<std::uint32_t>(std::min<std::size_t>(cost, UINT32_MAX));
}

}  // namespace postern::arc
