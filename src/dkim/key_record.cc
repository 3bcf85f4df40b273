#include "dkim/key_record.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/tag_list.h"

namespace postern::dkim {
namespace {

std::unexpected<Error> invalid(std::string what) { return fail(ErrorKind::invalid, std::move(what)); }

std::vector<std::string> owned_list(std::string_view value) {
  std::vector<std::string> items;
  for (const std::string_view item : colon_list(value)) items.emplace_back(item);
  return items;
}

Result<crypto::PublicKey> read_key(std::string_view type, std::string_view data) {
  const auto octets = decode_base64_fws(data);
  if (!octets) return invalid("p= is not base64");
  if (type == "rsa") return crypto::PublicKey::rsa_from_der(*octets);
  if (type == "ed25519") return crypto::PublicKey::ed25519_from_raw(*octets);  // RFC 8463 4.2
  return invalid("k=" + printable(type, 40) + " is not a known type of key");
}

bool lists(const std::vector<std::string>& items, std::string_view wanted) {
  return std::ranges::find(items, wanted) != items.end();
}

std::optional<dns::Name> key_name(std::string_view selector, std::string_view domain) {
  std::string name(selector);
  name += "._domainkey.";
  name += domain;
  return dns::Name::parse(name);
}

}  // namespace

Result<KeyRecord> parse_key(std::string_view record) {
  if (record.size() > kKeyRecordOctetsMax) {
    return invalid("longer than " + std::to_string(kKeyRecordOctetsMax) + " octets");
  }
  POSTERN_TRY(const TagList tags, TagList::parse(record));
  // 3.6.1: v= is the first tag if it is there, and exactly DKIM1. Said first, because it is how a record of another
  // protocol shows.
  if (const auto version = tags.get("v")) {
    if (*version != "DKIM1") return invalid("v=" + printable(*version, 40) + " is not DKIM1");
    if (tags.tags().front().name != "v") return invalid("v= is not the first tag");
  }
  const auto data = tags.get("p");
  if (!data) return invalid("there is no p=");
  // 6.1.2 step 7
  if (data->empty()) return fail(ErrorKind::refused, "the key is revoked (p= is empty)");
  KeyRecord key;
  POSTERN_TRY(key.key, read_key(tags.get("k").value_or("rsa"), *data));
  if (const auto hashes = tags.get("h")) key.hashes = owned_list(*hashes);
  if (const auto services = tags.get("s")) key.services = owned_list(*services);
  if (const auto flags = tags.get("t")) {
    for (const std::string_view flag : colon_list(*flags)) {
      if (flag == "y") key.testing = true;
      if (flag == "s") key.same_domain = true;
    }
  }
  return key;
}

std::string unsuitable(const KeyRecord& record, crypto::Algorithm algorithm) {
  if (!record.services.empty() && !lists(record.services, "*") && !lists(record.services, "email")) {
    return "the key is not for email (s=)";
  }
  if (!record.hashes.empty() && !lists(record.hashes, "sha256")) return "the key is not for sha256 (h=)";
  if (record.key.algorithm() != algorithm) {
    return record.key.algorithm() == crypto::Algorithm::rsa ? "the key is RSA, the signature is not"
                                                            : "the key is Ed25519, the signature is not";
  }
  return {};
}

bool is_short(const KeyRecord& record) {
  return record.key.algorithm() == crypto::Algorithm::rsa && record.key.bits() < kRsaBitsMin;
}

KeyTrial signature_holds(const FetchedKey& fetched, crypto::Algorithm algorithm, const crypto::Digest& digest,
                         std::string_view signature) {
  KeyTrial trial;
  const auto try_with = [&](const std::shared_ptr<const KeyRecord>& record) {
    if (!record) return false;
    std::string problem = unsuitable(*record, algorithm);
    if (!problem.empty()) {
      if (trial.problem.empty()) trial.problem = std::move(problem);
      return false;
    }
    const bool holds = !is_short(*record) && record->key.verify(digest, signature);
    if (trial.record == nullptr || holds) trial.record = record.get();
    return holds;
  };
  trial.verified = try_with(fetched.record) || std::ranges::any_of(fetched.others, try_with);
  if (!fetched.record) trial.problem = fetched.problem;
  return trial;
}

std::uint32_t verify_cost_us(const crypto::PublicKey& key) {
  if (key.algorithm() == crypto::Algorithm::ed25519) return 120;
  // 2048 bits: some 18, and the square of the length from there
  const auto units = (static_cast<std::uint32_t>(key.bits()) + 511) / 512;
  return 2 + units * units;
}

FetchedKey KeyCache::parse(const std::string& record) {
  if (const auto found = by_record_.find(record); found != by_record_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->key;
  }
  FetchedKey key;
  key.text = record.substr(0, kKeyRecordOctetsMax);
  auto parsed = parse_key(record);
  if (parsed) {
    key.record = std::make_shared<const KeyRecord>(std::move(*parsed));
  } else {
    key.problem = std::move(parsed).error().what;
  }
  if (record.size() > kKeyRecordOctetsMax || max_ == 0) return key;
  if (entries_.size() == max_) {
    by_record_.erase(entries_.back().record);
    entries_.pop_back();
  }
  entries_.push_front({.record = record, .key = std::move(key)});
  by_record_.emplace(entries_.front().record, entries_.begin());
  return entries_.front().key;
}

Task<FetchedKey> fetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver,
                           dns::Budget& budget, KeyCache& cache) {
  FetchedKey result;
  const auto name = key_name(selector, domain);
  if (!name) {
    result.problem = "no key: selector and domain make no DNS name";
    co_return result;
  }
  const dns::AnswerPtr answer = co_await resolver.query(*name, dns::Type::txt, budget);
  const std::string where = printable(name->text(), dns::kNameMax);
  if (answer->status != dns::Status::ok) {
    result.temporary = dns::is_temporary(answer->status);
    result.problem = (result.temporary ? "could not look up the key at " : "no key at ") + where + ": " +
                     std::string(dns::to_string(answer->status));
    if (result.temporary && !answer->why.empty()) result.problem += " (" + printable(answer->why) + ")";
    co_return result;
  }
  bool revoked = false;
  for (const std::string& text : answer->texts) {
    FetchedKey parsed = cache.parse(text);
    if (parsed.record) {
      if (!result.record) {
        parsed.others = std::move(result.others);
        result = std::move(parsed);
      } else {
        result.others.push_back(std::move(parsed.record));
      }
      if (result.others.size() + 1 == kKeysPerNameMax) break;
    } else if (!result.record) {
      // Of several that are no keys, a revoked one tells most.
      const bool is_revoked = parsed.problem.contains("revoked");
      if (result.problem.empty() || (is_revoked && !revoked)) {
        revoked = is_revoked;
        result.text = std::move(parsed.text);
        result.problem = "unusable key at " + where + ": " + parsed.problem;
      }
    }
  }
  if (!result.record && result.problem.empty()) result.problem = "no key at " + where;
  co_return result;
}

void prefetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver) {
  if (const auto name = key_name(selector, domain)) resolver.prefetch(*name, dns::Type::txt);
}

}  // namespace postern::dkim
