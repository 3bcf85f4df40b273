#include "cli/key_text.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/key_record.h"
#include "dns/name.h"

namespace postern::cli {

namespace {

constexpr std::size_t kZoneStringLength = 72;  // shorter than DNS allows, so that lines stay readable

std::string a_labels(std::string_view name) {
  const auto parsed = dns::Name::from_unicode(name);
  return parsed ? parsed->text() : std::string(name);
}

bool is_label(std::string_view label) {
  return !label.empty() && std::ranges::all_of(label, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

std::string key_name(std::string_view selector, std::string_view domain) {
  return std::string(selector) + "._domainkey." + std::string(domain);
}

bool is_key_name(std::string_view selector, std::string_view domain) {
  const std::string name = key_name(selector, domain);
  const std::vector<std::string_view> labels = split(name, '.');
  return is_utf8(name) && std::ranges::all_of(labels, is_label) && dns::Name::from_unicode(name).has_value();
}

std::string key_record(const crypto::PrivateKey& key) {
  const std::string_view type = key.algorithm() == crypto::Algorithm::rsa ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + std::string(type) + "; p=" + to_base64(key.public_octets());
}

std::string zone_line(std::string_view name, std::string_view record) {
  static_assert(kZoneStringLength <= kCharacterStringMax);
  std::string out = a_labels(name) + ". IN TXT (";
  while (!record.empty()) {
    out += "\n    \"" + std::string(record.substr(0, kZoneStringLength)) + "\"";
    record.remove_prefix(std::min(record.size(), kZoneStringLength));
  }
  return out + " )\n";
}

std::string published_key_problem(const crypto::PrivateKey& key, const dns::Answer& answer) {
  if (answer.status != dns::Status::ok) {
    const std::string why = answer.why.empty() ? std::string() : " (" + printable(answer.why) + ")";
    if (dns::is_temporary(answer.status)) {
      return "DNS did not say: " + std::string(dns::to_string(answer.status)) + why;
    }
    return "not published: " + std::string(dns::to_string(answer.status));
  }
  if (answer.texts.size() > 1) {
    return std::to_string(answer.texts.size()) + " TXT records at the name: verifiers may take any of them; leave one";
  }
  const auto record = dkim::parse_key(answer.texts.empty() ? std::string_view() : answer.texts.front());
  if (!record) return "published, but no key: " + printable(record.error().what);
  // The key is the right one when it verifies what ours signs.
  const crypto::Digest digest = crypto::Sha256::of("postern keygen --check");
  const auto signature = key.sign(digest);
  if (!signature) return printable(signature.error().what);
  if (record->key.algorithm() != key.algorithm() || !record->key.verify(digest, *signature)) {
    return "another key is published";
  }
  if (!record->hashes.empty() && std::ranges::find(record->hashes, "sha256") == record->hashes.end()) {
    return "the record's h= does not allow sha256";
  }
  const auto serves = [](const std::string& service) { return service == "*" || service == "email"; };
  if (!record->services.empty() && std::ranges::none_of(record->services, serves)) {
    return "the record's s= does not allow email";
  }
  return {};
}

}  // namespace postern::cli
