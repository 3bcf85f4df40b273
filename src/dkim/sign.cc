#include "dkim/sign.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/header_digest.h"
#include "dkim/key_record.h"
#include "dkim/quoted_printable.h"
#include "dkim/signature.h"
#include "dns/name.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kFieldName = "DKIM-Signature";

std::unexpected<Error> invalid(std::string what) { return fail(ErrorKind::invalid, std::move(what)); }

bool is_field_name(std::string_view name) {  // RFC 5322 3.6.8; ";" would end the tag
  const auto fits = [](char c) { return c > ' ' && c < 0x7F && c != ':' && c != ';'; };
  return !name.empty() && std::ranges::all_of(name, fits);
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return iequals(one, name); });
}

// The part of i= behind its "@", within the signing domain.
Result<std::string> encoded_auid(std::string_view auid, const std::string& signing_domain) {
  const std::size_t at = auid.rfind('@');
  const auto domain = at == std::string_view::npos ? std::nullopt : signing_name(auid.substr(at + 1), 2);
  const auto name = domain ? dns::Name::parse(*domain) : std::nullopt;
  const auto parent = dns::Name::parse(signing_domain);
  if (!name || !parent || !name->is_within(*parent)) {
    return invalid("signing: i=" + printable(auid) + " is no address within " + signing_domain);
  }
  return encode_quoted_printable(auid.substr(0, at)) + "@" + *domain;
}

}  // namespace

const std::vector<std::string>& default_signed_names() {
  static const std::vector<std::string> names{
      "from",       "reply-to",    "subject",    "date",         "to",           "cc",
      "message-id", "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding"};
  return names;
}

const std::vector<std::string>& list_and_resent_names() {
  static const std::vector<std::string> names{
      "sender",      "resent-date",      "resent-from",           "resent-to",      "resent-cc", "list-id",
      "list-help",   "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner",
      "list-archive"};
  return names;
}

std::vector<std::string> names_to_sign(const message::HeaderSection& header, const std::vector<std::string>& names,
                                       bool oversign) {
  std::vector<std::string> all;
  const FieldIndex index(header);
  const auto add = [&](std::string_view written, bool once_more) {
    const std::string name = lower(written);
    if (lists(all, name)) return;  // an operator's list may name one twice
    const std::size_t count = index.find(name).size() + (once_more && name != "dkim-signature" ? 1 : 0);
    all.insert(all.end(), count, name);
  };
  // 5.4: "The From header field MUST be signed"
  if (!names.empty() && !lists(names, "from")) add("from", oversign);
  for (const std::string& name : names.empty() ? default_signed_names() : names) add(name, oversign);
  if (names.empty()) {
    for (const std::string& name : list_and_resent_names()) add(name, false);
  }
  return all;
}

Signer::Signer(const message::HeaderSection& header, std::vector<SigningKey> keys, SignOptions options)
    : header_(header), keys_(std::move(keys)), options_(std::move(options)) {
  hash_ = hashes_.request(options_.body_canon, std::nullopt);
}

void Signer::body(std::string_view bytes) { hashes_.add(bytes); }

Result<void> Signer::check() const {
  if (header_.count("From") == 0) return invalid("signing: the message has no From field (RFC 6376 5.4)");
  if (options_.expiry && *options_.expiry <= options_.time) {
    return invalid("signing: x= must be later than t= (RFC 6376 3.5)");
  }
  if (options_.time < 0) return invalid("signing: t= must not be before 1970");
  for (const std::string& name : options_.names) {
    if (!is_field_name(name)) return invalid("signing: \"" + printable(name) + "\" is no name of a field");
  }
  for (const SigningKey& key : keys_) {
    if (key.key.algorithm() == crypto::Algorithm::rsa && key.key.bits() < kRsaBitsMin) {
      // RFC 8301 3.2
      return invalid("signing: the RSA key of " + printable(key.selector) + "._domainkey." + printable(key.domain) +
                     " has " + std::to_string(key.key.bits()) + " bits; at least 1024 are needed, 2048 are right");
    }
  }
  return {};
}

Result<std::string> Signer::sign(const SigningKey& key, const std::vector<std::string>& names) {
  const auto domain = signing_name(key.domain, 2);
  if (!domain) return invalid("signing: \"" + printable(key.domain) + "\" is no domain");
  const auto selector = signing_name(key.selector, 1);
  if (!selector) return invalid("signing: \"" + printable(key.selector) + "\" is no selector");
  FieldWriter field(kFieldName);
  field.tag("v", "1");
  field.tag("a", key.key.algorithm() == crypto::Algorithm::rsa ? "rsa-sha256" : "ed25519-sha256");
  field.tag("c", std::string(to_string(options_.header_canon)) + "/" + std::string(to_string(options_.body_canon)));
  field.tag("d", *domain);
  field.tag("s", *selector);
  if (!options_.auid.empty()) {
    POSTERN_TRY(const std::string auid, encoded_auid(options_.auid, *domain));
    field.tag("i", auid);
  }
  if (options_.time > 0) field.tag("t", std::to_string(options_.time));
  if (options_.expiry) field.tag("x", std::to_string(*options_.expiry));
  field.list("h", names);
  field.tag("bh", to_base64(crypto::view_of(hashes_.digest(hash_))));
  field.begin_signature();
  const std::string_view raw = field.text();
  const message::Field own{
      .name = raw.substr(0, kFieldName.size()), .body = raw.substr(kFieldName.size() + 1), .raw = raw};
  POSTERN_TRY(const std::string signature, key.key.sign(header_digest(header_, names, options_.header_canon, own)));
  field.signature(to_base64(signature));
  return field.text() + "\r\n";
}

Result<std::vector<std::string>> Signer::finish() {
  POSTERN_TRY_VOID(check());
  hashes_.finish();
  const std::vector<std::string> names = names_to_sign(header_, options_.names, options_.oversign);
  if (names.size() > kSignedNamesMax) {
    return invalid("signing: the message has more than " + std::to_string(kSignedNamesMax) + " fields to sign");
  }
  std::vector<std::string> fields;
  for (const SigningKey& key : keys_) {
    POSTERN_TRY(std::string field, sign(key, names));
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace postern::dkim
