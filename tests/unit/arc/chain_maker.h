// Messages with ARC chains for tests: sealed by Sealer, or forged with any tags, signed properly all the same.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "arc/seal.h"
#include "arc/sets.h"
#include "arc/verify.h"
#include "base/text.h"
#include "dkim/header_digest.h"
#include "dns/fixture.h"
#include "repository.h"

namespace postern::arc::test {

inline const crypto::PrivateKey& ed25519_key() {
  static const crypto::PrivateKey key = crypto::PrivateKey::generate(crypto::Algorithm::ed25519).value();
  return key;
}
// 512, 1023, 1024, 2048 or 8192 bits: made beforehand, because making the long one takes minutes and the short ones are
// refused. They sign test mail and nothing else.
inline const crypto::PrivateKey& rsa_key(int bits) {
  static std::map<int, crypto::PrivateKey> keys;
  const auto found = keys.find(bits);
  if (found != keys.end()) return found->second;
  std::ifstream in(postern::test::source_dir() / "tests/unit/arc/data" / ("rsa" + std::to_string(bits) + ".pem"));
  const std::string pem{std::istreambuf_iterator<char>(in), {}};
  return keys.emplace(bits, crypto::PrivateKey::parse(pem).value()).first->second;
}
inline std::string record_of(const crypto::PrivateKey& key) {
  const std::string type = key.algorithm() == crypto::Algorithm::rsa ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + type + "; p=" + to_base64(key.public_octets());
}

struct Mail {
  std::string header =
      "Received: by 192.0.2.1; Tue, 3 Jan 2017 12:22:54 -0800\r\n"
      "From: John <jqd@d1.example>\r\nTo: arc@dmarc.example\r\nSubject: Example\r\n 1\r\n"
      "Date: Thu, 14 Jan 2015 15:00:01 -0800\r\nMIME-Version: 1.0\r\n";
  std::string body = "Hey gang,\r\nThis is a test  message. \r\n--J.\r\n\r\n";
};

class World {
 public:
  World() { publish("sel", "example.org", record_of(ed25519_key())); }
  void publish(const std::string& selector, const std::string& domain, std::string record) {
    dns::Answer answer{.status = dns::Status::ok};
    answer.texts.push_back(std::move(record));
    zone.set(*dns::Name::parse(selector + "._domainkey." + domain), dns::Type::txt, std::move(answer));
  }
  void fail(const std::string& selector, const std::string& domain, dns::Status status) {
    zone.set_all(*dns::Name::parse(selector + "._domainkey." + domain), status);
  }
  Chain validate(const Mail& mail, std::optional<std::int64_t> now = std::nullopt) {
    const message::HeaderSection header(mail.header);
    dns::FixtureResolver resolver(zone);
    dkim::BodyHashes hashes;
    Verifier verifier(header, hashes);
    verifier.prefetch(resolver);
    dns::Budget budget;
    run_ready(verifier.fetch_keys(resolver, budget, cache));
    asked = budget.asked();
    hashes.add(mail.body);
    hashes.finish();
    const Chain chain = verifier.verify(now);
    EXPECT_EQ(verifier.has_chain(), chain.outcome != Outcome::none);
    EXPECT_EQ(chain.outcome == Outcome::fail, !chain.problem.empty());
    EXPECT_TRUE(!chain.temporary || chain.outcome == Outcome::fail);
    cost = verifier.cost_us();
    return chain;
  }
  std::string outcome(const Mail& mail) { return std::string(to_string(validate(mail).outcome)); }

  dns::Zone zone;
  dkim::KeyCache cache;
  std::uint32_t asked = 0, cost = 0;
};

inline authres::Results results_of(std::string_view arc) {
  return {.authserv_id = "mx.example.org",
          .version = 1,
          .methods = {{.method = "arc",
                       .version = 1,
                       .result = std::string(arc),
                       .comment = "as found",
                       .reason = {},
                       .properties = {{"smtp", "remote-ip", "2001:db8::1"}}}}};
}

inline Result<std::vector<std::string>> seal(const Mail& mail, const Chain& chain, SealOptions options = {},
                                             const crypto::PrivateKey& key = ed25519_key(),
                                             const std::string& selector = "sel") {
  const message::HeaderSection header(mail.header);
  if (options.time == 0) options.time = 12345;
  Sealer sealer(header, {.domain = "example.org", .selector = selector, .key = key}, std::move(options));
  sealer.body(mail.body);
  return sealer.finish(chain, results_of(to_string(chain.outcome)));
}

inline Mail with(const std::vector<std::string>& fields, Mail mail) {
  std::string text;
  for (const std::string& field : fields) text += field;
  mail.header.insert(0, text);
  return mail;
}
// A chain of `sets` on top, each sealed after validation.
inline Mail sealed(World& world, std::size_t sets, Mail mail = {}) {
  for (std::size_t i = 0; i < sets; ++i) {
    const auto fields = seal(mail, world.validate(mail));
    EXPECT_TRUE(fields.has_value()) << i << ": " << (fields ? "" : fields.error().what);
    if (!fields) return mail;
    mail = with(*fields, std::move(mail));
  }
  return mail;
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

// The values of the three fields of the next set, as tests want to bend them: "{b}" and "{bh}" are filled in.
struct Forged {
  std::string results = " i=1; mx.example.org; arc=none";
  std::string message =
      " a=ed25519-sha256; b={b}; bh={bh}; c=relaxed/relaxed; d=example.org; h=from:to:subject; i=1; s=sel; t=12345";
  std::string seal = " a=ed25519-sha256; b={b}; cv=none; d=example.org; i=1; s=sel; t=12345";
};

inline std::string fill(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

inline message::Field field_view(const std::string& raw) {
  return {.name = std::string_view(raw).substr(0, raw.find(':')),
          .body = std::string_view(raw).substr(raw.find(':') + 1, raw.size() - raw.find(':') - 3),
          .raw = raw};
}

// The fields of one forged set, signed as far as their tags can be read. `names` and canons are what the AMS says.
struct Forge {
  std::vector<std::string> names = {"from", "to", "subject"};
  dkim::Canon header_canon = dkim::Canon::relaxed, body_canon = dkim::Canon::relaxed;
  std::optional<std::uint64_t> length;
  const crypto::PrivateKey* message_key = &ed25519_key();
  const crypto::PrivateKey* seal_key = &ed25519_key();

  [[nodiscard]] Mail add(const Forged& forged, Mail mail) const {
    const std::string aar = std::string(kResultsName) + ":" + forged.results + "\r\n";
    const message::HeaderSection header(aar + mail.header);  // the AMS may cover its own AAR
    dkim::BodyHashes hashes;
    const std::size_t hash = hashes.request(body_canon, length);
    hashes.add(mail.body);
    hashes.finish();
    const std::string ams_open = fill(std::string(kMessageName) + ":" + forged.message + "\r\n", "{bh}",
                                      to_base64(crypto::view_of(hashes.digest(hash))));
    const std::string ams_own = fill(ams_open, "{b}", "");
    const auto digest = dkim::header_digest(header, names, header_canon, field_view(ams_own));
    const std::string ams = fill(ams_open, "{b}", to_base64(message_key->sign(digest).value()));
    const std::string as_open = std::string(kSealName) + ":" + forged.seal + "\r\n";
    const std::string as_own = fill(as_open, "{b}", "");
    SealHash seals;
    const Sets sets = collect(header);
    for (const FieldSet& set : sets.sets) {
      if (set.results != nullptr && set.message != nullptr && set.seal != nullptr) {
        static_cast<void>(seals.add(*set.results, *set.message, *set.seal));
      }
    }
    const auto sealed = seals.add(field_view(aar), field_view(ams), field_view(as_own));
    return with({fill(as_open, "{b}", to_base64(seal_key->sign(sealed).value())), ams, aar}, std::move(mail));
  }
};

}  // namespace postern::arc::test
