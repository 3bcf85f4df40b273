// A whole message and its key record, mutated together: [header] NUL [record] NUL [body]. Whatever comes, the verdicts
// keep the promises of dkim/verify.h, and do not change when the same is verified again in other pieces. Then the same
// header and body are signed with a key of ours, which must verify, and must not once a signed octet is changed.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "dkim/sign.h"
#include "dkim/verify.h"
#include "dns/fixture.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

// Answers every name with one record.
class OneRecord final : public dns::Resolver {
 public:
  explicit OneRecord(std::string text) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.texts = {std::move(text)};
    answer_ = std::make_shared<const dns::Answer>(std::move(answer));
  }
  Task<dns::AnswerPtr> query(dns::Name /*name*/, dns::Type /*type*/, dns::Budget& /*budget*/) override {
    co_return answer_;
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}

 private:
  dns::AnswerPtr answer_;
};

std::vector<dkim::Verdict> verify(const std::string& header, std::string_view body, const std::string& record,
                                  std::size_t step) {
  const message::HeaderSection section(header);
  dkim::BodyHashes hashes;
  dkim::Verifier verifier(section, hashes);
  OneRecord resolver(record);
  dns::Budget budget;
  dkim::KeyCache cache;
  verifier.prefetch(resolver);
  run_ready(verifier.fetch_keys(resolver, budget, cache));
  for (std::size_t at = 0; at < body.size(); at += step) hashes.add(body.substr(at, step));
  hashes.finish();
  const auto verdicts = verifier.verify(1'700'000'000);
  require(verdicts.size() == std::min(verifier.signatures_found(), dkim::kSignaturesMax));
  for (const dkim::Verdict& verdict : verdicts) {
    require(verdict.outcome != dkim::Outcome::none);
    require((verdict.outcome == dkim::Outcome::pass) == verdict.problem.empty());
    for (const char c : verdict.problem) require(c >= ' ' && c < 0x7F);
    if (verdict.outcome == dkim::Outcome::pass) {
      require(!verdict.domain.empty() && !verdict.selector.empty() && verdict.algorithm != "rsa-sha1");
      require(verdict.algorithm != "rsa-sha256" || verdict.key_bits >= dkim::kRsaBitsMin);
    }
  }
  return verdicts;
}

struct OwnKey {
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::Algorithm::ed25519);
  std::string record = "v=DKIM1; k=ed25519; p=" + to_base64(key.public_octets());
};

void sign_and_change(std::string header, const std::string& body, std::size_t seed) {
  static const OwnKey own;
  if (header.starts_with("\r\n")) return;
  if (!header.empty() && !header.ends_with("\r\n")) header += "\r\n";
  if (header.contains("\r\n\r\n")) return;  // the rest is no header
  header = "From: a@example.org\r\n" + header;
  const message::HeaderSection section(header);
  dkim::SignOptions options;
  options.header_canon = seed % 2 == 0 ? dkim::Canon::simple : dkim::Canon::relaxed;
  options.body_canon = seed % 4 < 2 ? dkim::Canon::simple : dkim::Canon::relaxed;
  dkim::Signer signer(section, {{"example.org", "own", own.key}}, options);
  signer.body(body);
  const auto fields = signer.finish();
  if (!fields) return;  // more names than may be signed
  const auto passes = [&](const std::string& signature, const std::string& text) {
    const auto verdicts = verify(signature + header, text, own.record, text.size() + 1);
    require(!verdicts.empty());
    return verdicts[0].outcome == dkim::Outcome::pass;
  };
  const std::string& signature = (*fields)[0];
  require(passes(signature, body));
  require(!passes(signature, body + "x"));
  require(!passes(signature, "x" + body));
  std::string changed = signature;
  char& octet = changed[changed.size() - 6 - seed % 70];  // within b=, whose last digit has bits that are padding
  if (is_alpha(octet) || is_digit(octet)) {
    octet = octet == 'A' ? 'B' : 'A';
    require(!passes(changed, body));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t first = all.find('\0');
  if (first == std::string_view::npos) return 0;
  const std::size_t second = all.find('\0', first + 1);
  if (second == std::string_view::npos) return 0;
  const std::string header(all.substr(0, first));
  const std::string record(all.substr(first + 1, second - first - 1));
  const std::string body(all.substr(second + 1));

  const auto whole = verify(header, body, record, body.size() + 1);
  const auto pieces = verify(header, body, record, size % 13 + 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(whole[i].outcome == pieces[i].outcome && whole[i].problem == pieces[i].problem);
  }
  sign_and_change(header, body, size);
  return 0;
}
