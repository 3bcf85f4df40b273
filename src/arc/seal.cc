#include "arc/seal.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/header_digest.h"
#include "dkim/key_record.h"
#include "dkim/signature.h"

namespace postern::arc {
namespace {

// A space and no tab: dkimpy looks for its set by the text " i=1;".
constexpr std::string_view kFold = "\r\n ";
constexpr std::size_t kColumns = 78;        // RFC 5322 2.1.1
constexpr std::size_t kValueColumns = 900;  // 2.1.1: no line over 998
constexpr std::size_t kBase64Columns = 76;

std::unexpected<Error> invalid(const std::string& what) { return fail(ErrorKind::invalid, "sealing: " + what); }

// A field of tags in the alphabetical order of their names, a= and b= being the first, with one space or fold between
// two tags and none inside a value: b= of the message signature is itself signed by the seal, so that others can make
// the same field. Only values beyond a line are folded.
class TaggedField {
 public:
  TaggedField(std::string_view name, std::string_view algorithm, const std::vector<std::string>& rest) {
    head_ = std::string(name) + ": a=" + std::string(algorithm) + ";" + std::string(kFold) + "b=";
    tail_ = ";" + std::string(kFold);
    std::size_t column = 1;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (i > 0) {
        const bool fits = column + 3 + rest[i].size() <= kColumns;
        tail_ += ';';
        tail_ += fits ? " " : kFold;
        column = fits ? column + 2 : 1;
      }
      tail_ += rest[i];
      column += rest[i].size();
    }
  }
  [[nodiscard]] std::string with(std::string_view base64) const {
    std::string out = head_;
    const std::size_t step = base64.size() <= kValueColumns ? kValueColumns : kBase64Columns;
    for (std::size_t at = 0; at < base64.size(); at += step) {
      if (at > 0) out += kFold;
      out += base64.substr(at, step);
    }
    return out + tail_ + "\r\n";
  }

 private:
  std::string head_, tail_;
};

message::Field field_of(std::string_view name, std::string_view raw) {
  std::string_view body = raw.substr(name.size() + 1);
  body.remove_suffix(std::string_view("\r\n").size());
  return {.name = raw.substr(0, name.size()), .body = body, .raw = raw};
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out = "h=";
  std::size_t column = 0;
  for (const std::string& name : names) {
    if (out.size() > 2) out += ':';
    if (column + name.size() > kValueColumns) {
      out += kFold;
      column = 0;
    }
    out += name;
    column += name.size() + 1;
  }
  return out;
}

// 4.1.2: none of ARC's own, and no Authentication-Results, which others delete.
bool may_be_signed(std::string_view name) {
  return name != "arc-authentication-results" && name != "arc-message-signature" && name != "arc-seal" &&
         name != "authentication-results";
}

bool is_field_name(std::string_view name) {  // RFC 5322 3.6.8; ";" would end the tag
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F && c != ':' && c != ';'; });
}

}  // namespace

Sealer::Sealer(const message::HeaderSection& header, dkim::SigningKey key, SealOptions options)
    : header_(header), key_(std::move(key)), options_(std::move(options)) {
  hash_ = hashes_.request(options_.body_canon, std::nullopt);
}

void Sealer::body(std::string_view bytes) { hashes_.add(bytes); }

Result<void> Sealer::check(const Chain& chain, const Sets& sets) const {
  if (sets.too_many || sets.highest() >= kInstancesMax) {
    return fail(ErrorKind::limit, "sealing: the message has " + std::to_string(kInstancesMax) +
                                      " ARC sets; no more are possible (RFC 8617 4.2.1)");
  }
  // 5.1 step 2
  if (sets.ended()) return fail(ErrorKind::refused, "sealing: the chain ended with cv=fail; it is not extended");
  if (chain.outcome == Outcome::none && sets.any) return invalid("there is a chain, so that cv=none cannot be said");
  if (chain.outcome != Outcome::none && !sets.any)
    return invalid("there is no chain, so that only cv=none can be said");
  if (chain.outcome == Outcome::pass && !sets.problem.empty()) {
    return invalid("a chain that is not whole cannot pass: " + sets.problem);
  }
  if (header_.count("From") == 0) return invalid("the message has no From field (RFC 6376 5.4)");
  if (options_.time < 0) return invalid("t= must not be before 1970");
  if (key_.key.algorithm() == crypto::Algorithm::rsa && key_.key.bits() < dkim::kRsaBitsMin) {
    return invalid("the RSA key of " + printable(key_.selector) + "._domainkey." + printable(key_.domain) + " has " +
                   std::to_string(key_.key.bits()) + " bits; at least 1024 are needed, 2048 are right (RFC 8301)");
  }
  return {};
}

Result<std::vector<std::string>> Sealer::names_signed() const {
  std::vector<std::string> names;
  if (options_.names.empty()) {
    names = dkim::names_to_sign(header_, {}, true);
    std::erase_if(names, [](const std::string& name) { return !may_be_signed(name) || name == "dkim-signature"; });
    // 4.1.2: "SHOULD include any DKIM-Signature header fields already present"
    names.insert(names.end(), header_.count("DKIM-Signature"), "dkim-signature");
    if (names.size() > dkim::kSignedNamesMax) names.resize(dkim::kSignedNamesMax);
    return names;
  }
  for (const std::string& written : options_.names) {
    names.push_back(lower(written));
    if (!is_field_name(written)) return invalid("\"" + printable(written) + "\" is no name of a field");
    if (!may_be_signed(names.back())) return invalid("h= must not cover " + printable(written) + " (RFC 8617 4.1.2)");
  }
  if (std::ranges::find(names, "from") == names.end()) return invalid("h= must cover From (RFC 6376 5.4)");
  if (names.size() > dkim::kSignedNamesMax) {
    return invalid("h= has more than " + std::to_string(dkim::kSignedNamesMax) + " names");
  }
  return names;
}

Result<std::vector<std::string>> Sealer::finish(const Chain& chain, const authres::Results& results) {
  return finish(chain, authres::format(results, options_.utf8));
}

Result<std::vector<std::string>> Sealer::finish(const Chain& chain, std::string_view payload) {
  const Sets sets = collect(header_);
  POSTERN_TRY_VOID(check(chain, sets));
  if (const auto read = authres::parse(payload); !read) return invalid(read.error().what);
  POSTERN_TRY(const std::vector<std::string> names, names_signed());
  const auto domain = dkim::signing_name(key_.domain, 2);
  if (!domain) return invalid("\"" + printable(key_.domain) + "\" is no domain");
  const auto selector = dkim::signing_name(key_.selector, 1);
  if (!selector) return invalid("\"" + printable(key_.selector) + "\" is no selector");
  const std::string_view algorithm = key_.key.algorithm() == crypto::Algorithm::rsa ? "rsa-sha256" : "ed25519-sha256";

  // 5.1 step 3
  const std::string instance = "i=" + std::to_string(sets.highest() + 1);
  const std::string aar = std::string(kResultsName) + ": " + instance + "; " + std::string(payload) + "\r\n";

  hashes_.finish();
  const std::string canon =
      std::string(dkim::to_string(options_.header_canon)) + "/" + std::string(dkim::to_string(options_.body_canon));
  std::vector<std::string> tags = {"bh=" + to_base64(crypto::view_of(hashes_.digest(hash_))),
                                   "c=" + canon,
                                   "d=" + *domain,
                                   list_of(names),
                                   instance,
                                   "s=" + *selector};
  if (options_.time > 0) tags.push_back("t=" + std::to_string(options_.time));
  const TaggedField message(kMessageName, algorithm, tags);
  const std::string unsigned_message = message.with({});
  POSTERN_TRY(const std::string message_signature,
              key_.key.sign(dkim::header_digest(header_, names, options_.header_canon,
                                                field_of(kMessageName, unsigned_message))));
  const std::string ams = message.with(to_base64(message_signature));

  tags = {"cv=" + std::string(to_string(chain.outcome)), "d=" + *domain, instance, "s=" + *selector};
  if (options_.time > 0) tags.push_back("t=" + std::to_string(options_.time));
  const TaggedField seal(kSealName, algorithm, tags);
  const std::string unsigned_seal = seal.with({});
  SealHash hash;
  // 5.1.2: the seal of a failed chain covers its own set alone
  if (chain.outcome == Outcome::pass) {
    for (const FieldSet& set : sets.sets) static_cast<void>(hash.add(*set.results, *set.message, *set.seal));
  }
  const crypto::Digest digest =
      hash.add(field_of(kResultsName, aar), field_of(kMessageName, ams), field_of(kSealName, unsigned_seal));
  POSTERN_TRY(const std::string seal_signature, key_.key.sign(digest));
  return std::vector<std::string>{seal.with(to_base64(seal_signature)), ams, aar};
}

}  // namespace postern::arc
