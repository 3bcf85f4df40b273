// For the tests of signing and verifying: keys made once a program, a zone with their records, and the whole way of a
// message through a Verifier.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "dkim/sign.h"
#include "dkim/verify.h"
#include "dns/fixture.h"

namespace postern::dkim::test {

inline constexpr std::int64_t kNow = 1'800'000'000;
inline constexpr std::string_view kHeader =
    "Received: from a\r\n by b; now\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.net\r\n"
    "Subject:  A   test\r\n of folding \r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n";
inline constexpr std::string_view kBody = "Hello  there \r\n\r\n\tindented\r\n-- \r\n\r\n\r\n";

inline const crypto::PrivateKey& rsa_key(int bits = 2048) {
  static const crypto::PrivateKey usual = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 2048);
  static const crypto::PrivateKey shorter = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 1024);
  return bits == 2048 ? usual : shorter;
}
inline const crypto::PrivateKey& ed25519_key() {
  static const crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::Algorithm::ed25519);
  return key;
}
// 512 bits: what nobody makes any more, and RFC 8301 refuses.
inline const crypto::PrivateKey& short_key() {
  static const crypto::PrivateKey key = *crypto::PrivateKey::parse(
      "-----BEGIN PRIVATE KEY-----\n"
      "MIIBUwIBADANBgkqhkiG9w0BAQEFAASCAT0wggE5AgEAAkEA1slKDk9KqGHolqyq\n"
      "4oKjIE+I7N+yE2uP2Umz/9+lZ3cr2iHwdUcTVH0UqtjVAdlI01CFHuCgeF/zDkvl\n"
      "9EiOnwIDAQABAkBJRkaDdz2LEEvfC20I9XRdU4Ts+quvwGRExsYnps6w6vDRgfpR\n"
      "GkXt1LnUzcnhxgA1XbGNaDn6ozz8TY8+MmKBAiEA9rDia6jAvI5MA5kStm3aPVjx\n"
      "MZgatjhogccP5Qw9WL8CIQDe5DH8n2ekG0fm5JLQvumQlJ3yjg7QIkYtYoCMdlli\n"
      "IQIgfQLYSsxil2rY1H3uwKncjXgUChjVeIAPXay9vkm8kMsCIG9mWAFt3kvsAqTI\n"
      "6wP/1xaW4NZg39BwwOhgCeWqJQRhAiB1dHce0q2cjcyCkMoclCgiCF/5VRNYKfW6\n"
      "6zuhDlWG0w==\n"
      "-----END PRIVATE KEY-----\n");
  return key;
}

inline std::string record_of(const crypto::PrivateKey& key, std::string_view more = "") {
  const std::string type = key.algorithm() == crypto::Algorithm::rsa ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + type + "; " + std::string(more) + "p=" + to_base64(key.public_octets());
}

class Zone {
 public:
  void add(std::string_view name, std::vector<std::string> texts) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.texts = std::move(texts);
    zone_.set(*dns::Name::parse(name), dns::Type::txt, std::move(answer));
  }
  void fail(std::string_view name, dns::Status status) { zone_.set_all(*dns::Name::parse(name), status); }
  [[nodiscard]] const dns::Zone& zone() const { return zone_; }

 private:
  dns::Zone zone_;
};

// The keys above at rsa., small., ed., short._domainkey.example.org.
inline Zone usual_zone() {
  Zone zone;
  zone.add("rsa._domainkey.example.org", {record_of(rsa_key())});
  zone.add("small._domainkey.example.org", {record_of(rsa_key(1024))});
  zone.add("short._domainkey.example.org", {record_of(short_key())});
  zone.add("ed._domainkey.example.org", {record_of(ed25519_key())});
  return zone;
}

inline std::vector<Verdict> verify(const std::string& header, std::string_view body, const Zone& zone,
                                   std::int64_t now = kNow) {
  const message::HeaderSection section(header);
  BodyHashes hashes;
  Verifier verifier(section, hashes);
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget;
  KeyCache cache;
  verifier.prefetch(resolver);
  run_ready(verifier.fetch_keys(resolver, budget, cache));
  hashes.add(body);
  hashes.finish();
  return verifier.verify(now);
}

inline Result<std::vector<std::string>> sign(const std::string& header, std::string_view body,
                                             std::vector<SigningKey> keys, SignOptions options = {}) {
  const message::HeaderSection section(header);
  Signer signer(section, std::move(keys), std::move(options));
  signer.body(body);
  return signer.finish();
}

// A signature over kHeader and kBody whose field is exactly `field` ("DKIM-Signature: ... b=" to its end), bh= put in
// for "BH"; for fields that no signer of ours would write.
inline std::string hand_signed(std::string field, const crypto::PrivateKey& key = rsa_key(),
                               std::string_view header = kHeader, std::string_view body = kBody) {
  const auto tags_at = field.find(':') + 1;
  Signature signature;
  const auto put = [&](std::string_view what, const std::string& with) {
    if (const auto at = field.find(what); at != std::string::npos) field.replace(at, what.size(), with);
  };
  // Read with placeholders first, for c=, l= and h=; an invalid field keeps the defaults.
  std::string readable = field + "AAAA";
  if (const auto at = readable.find("bh=BH"); at != std::string::npos) readable.replace(at, 5, "bh=AAAA");
  (void)read_signature(std::string_view(readable).substr(tags_at), signature);
  BodyHashes hashes;
  const std::size_t number = hashes.request(signature.body_canon, signature.length);
  hashes.add(body);
  hashes.finish();
  put("bh=BH", "bh=" + to_base64(crypto::view_of(hashes.digest(number))));
  const message::HeaderSection section{std::string(header)};
  const std::string_view raw = field;
  const message::Field own{.name = raw.substr(0, tags_at - 1), .body = raw.substr(tags_at), .raw = raw};
  const auto octets = key.sign(header_digest(section, signature.signed_names, signature.header_canon, own));
  return field + to_base64(*octets) + "\r\n";
}

}  // namespace postern::dkim::test
