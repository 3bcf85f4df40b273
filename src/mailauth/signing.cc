#include "mailauth/signing.h"

#include "base/file.h"
#include "base/text.h"
#include "dkim/key_record.h"
#include "dmarc/evaluate.h"

namespace postern::mailauth {

void SigningKeys::add(dkim::SigningKey key) {
  std::vector<dkim::SigningKey>& list = keys_[key.domain];
  list.push_back(std::move(key));
}

std::size_t SigningKeys::size() const {
  std::size_t count = 0;
  for (const auto& [domain, list] : keys_) count += list.size();
  return count;
}

std::vector<dkim::SigningKey> SigningKeys::all() const {
  std::vector<dkim::SigningKey> out;
  for (const auto& [domain, list] : keys_) out.insert(out.end(), list.begin(), list.end());
  return out;
}

std::vector<dkim::SigningKey> SigningKeys::of(std::string_view domain) const {
  while (!domain.empty()) {
    if (const auto found = keys_.find(domain); found != keys_.end()) return found->second;
    const std::size_t dot = domain.find('.');
    domain = dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
  }
  return {};
}

std::optional<dkim::SigningKey> SigningKeys::sealing(std::string_view domain) const {
  const std::vector<dkim::SigningKey> keys = of(domain);
  for (const dkim::SigningKey& key : keys) {
    if (key.key.algorithm() == crypto::Algorithm::rsa) return key;
  }
  if (keys.empty()) return std::nullopt;
  return keys.front();
}

Result<dkim::SigningKey> read_signing_key(const KeyOptions& options) {
  auto text = read_file(options.file, kKeyFileMax);
  if (!text) {
    return fail(text.error().kind, text.error().what + "; make one with `postern keygen --domain " + options.domain +
                                       " --selector " + options.selector + "`, and let the service's user read it");
  }
  auto key = crypto::PrivateKey::parse(*text);
  if (!key) return fail(key.error().kind, options.file + ": " + key.error().what);
  if (key->algorithm() == crypto::Algorithm::rsa && key->bits() < dkim::kRsaBitsMin) {
    return fail(ErrorKind::invalid, options.file + ": the RSA key has " + std::to_string(key->bits()) +
                                        " bits, and verifiers take none under 1024 (RFC 8301 3.2); make another one "
                                        "with `postern keygen`");
  }
  return dkim::SigningKey{.domain = options.domain, .selector = options.selector, .key = std::move(*key)};
}

std::string signing_domain(const message::HeaderSection& header) {
  return dmarc::author_domain(header).value_or(std::string());
}

Result<std::string> sign_message(const SigningKeys& keys, std::string_view message, WallMs now) {
  const std::size_t end = message.starts_with("\r\n") ? 0 : message.find("\r\n\r\n");
  const message::HeaderSection header{std::string(message.substr(0, end == std::string_view::npos ? end : end + 2))};
  std::vector<dkim::SigningKey> found = keys.of(signing_domain(header));
  if (found.empty()) return std::string();
  dkim::SignOptions options;
  options.time = now / 1000;
  dkim::Signer signer(header, std::move(found), std::move(options));
  if (end != std::string_view::npos) signer.body(message.substr(end == 0 ? 2 : end + 4));
  POSTERN_TRY(const std::vector<std::string> fields, signer.finish());
  std::string out;
  for (const std::string& field : fields) out += field;
  return out;
}

}  // namespace postern::mailauth
