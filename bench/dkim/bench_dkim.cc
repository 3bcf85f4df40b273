// DKIM against the least that it could cost, in one program: the arithmetic on a key that is parsed, and SHA-256 of the
// same octets. `verify_4k` beside `baseline_4k`, `verify_1m_*` beside `sha256_1m`; compare ratios, never runs.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "dkim/sign.h"
#include "dkim/verify.h"
#include "dns/fixture.h"

namespace {

using namespace postern;

enum class Text { base64, prose, flowed, indented };

std::string body_of(std::size_t size, Text kind) {
  std::string body;
  std::uint32_t state = 1;
  const auto letter = [&] {
    state = state * 1664525U + 1013904223U;
    return static_cast<char>('a' + (state >> 24U) % 26);
  };
  while (body.size() < size) {
    if (kind == Text::indented) body.append(4 + body.size() % 8, ' ');
    const std::size_t end = body.size() + 72;
    while (body.size() < end) {
      const bool space = kind != Text::base64 && body.size() % 6 == 5 && body.size() + 1 < end;
      body.push_back(space ? ' ' : letter());
    }
    if (kind == Text::flowed) body.push_back(' ');
    body += "\r\n";
  }
  return body;
}

std::string header_text() {
  std::string header =
      "Received: from mail.example.org (mail.example.org [IPv6:2001:db8::25])\r\n"
      "\tby mx.example.net with ESMTPS id 4f1c2a; Fri, 15 Jan 2027 08:00:02 +0000\r\n"
      "Received: from [192.0.2.7] by mail.example.org with ESMTPSA; Fri, 15 Jan 2027 08:00:01 +0000\r\n"
      "From: Alice Example <alice@example.org>\r\nTo: Bob Example <bob@example.net>\r\n"
      "Subject: The figures of the last quarter, and what we make of them\r\n"
      "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <20270115080000.4f1c2a@mail.example.org>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n"
      "Content-Transfer-Encoding: 8bit\r\nUser-Agent: Example/1.0\r\n"
      "References: <1.a@example.net> <2.b@example.org>\r\nIn-Reply-To: <2.b@example.org>\r\n";
  return header;
}

const crypto::PrivateKey& key_of(crypto::Algorithm algorithm) {
  static const crypto::PrivateKey rsa = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 2048);
  static const crypto::PrivateKey ed = *crypto::PrivateKey::generate(crypto::Algorithm::ed25519);
  return algorithm == crypto::Algorithm::rsa ? rsa : ed;
}

struct Mail {
  std::string header, body;
  dns::Zone zone;
};

Mail signed_mail(std::size_t size, Text kind, dkim::Canon canon, crypto::Algorithm algorithm) {
  Mail mail{.header = header_text(), .body = {}, .zone = {}};
  mail.body = body_of(size > mail.header.size() + 1024 ? size - mail.header.size() - 600 : size, kind);
  const message::HeaderSection section(mail.header);
  const auto& key = key_of(algorithm);
  dkim::SignOptions options;
  options.body_canon = canon;
  dkim::Signer signer(section, {{"example.org", "sel", key}}, options);
  signer.body(mail.body);
  mail.header = (*signer.finish())[0] + mail.header;
  dns::Answer answer;
  answer.status = dns::Status::ok;
  const std::string type = algorithm == crypto::Algorithm::rsa ? "rsa" : "ed25519";
  answer.texts = {"v=DKIM1; k=" + type + "; p=" + to_base64(key.public_octets())};
  mail.zone.set(*dns::Name::parse("sel._domainkey.example.org"), dns::Type::txt, std::move(answer));
  return mail;
}

// Header parsed, key from the cache, everything that a session does.
void verify(benchmark::State& state, const Mail& mail, bool cached = true) {
  dns::FixtureResolver resolver(mail.zone);
  dkim::KeyCache keep(cached ? 4096 : 0);
  for (auto _ : state) {
    const message::HeaderSection header(mail.header);
    dkim::BodyHashes hashes;
    dkim::Verifier verifier(header, hashes);
    dns::Budget budget;
    run_ready(verifier.fetch_keys(resolver, budget, keep));
    hashes.add(mail.body);
    hashes.finish();
    const auto verdicts = verifier.verify(0);
    if (verdicts.size() != 1 || verdicts[0].outcome != dkim::Outcome::pass) state.SkipWithError("not a pass");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(mail.header.size() + mail.body.size()));
}

// EVP_DigestVerify, init included, on a key that OpenSSL has parsed, and SHA-256 of as many octets.
void baseline(benchmark::State& state, const Mail& mail) {
  const std::string text = mail.header + mail.body;
  const auto& key = key_of(crypto::Algorithm::rsa);
  const crypto::Digest digest = crypto::Sha256::of("text");
  // EVP_DigestVerify hashes; a signature over the digest's preimage is the same work.
  const std::string spki = key.public_octets();
  const auto* at = reinterpret_cast<const unsigned char*>(spki.data());
  EVP_PKEY* const pkey = d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
  const std::string signature = *key.sign(digest);
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::Sha256::of(text));
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    if (EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, pkey) != 1 ||
        EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                         reinterpret_cast<const unsigned char*>("text"), 4) != 1) {
      state.SkipWithError("does not verify");
    }
    EVP_MD_CTX_free(context);
  }
  EVP_PKEY_free(pkey);
}

void sha256(benchmark::State& state, std::size_t size) {
  const std::string text = body_of(size, Text::base64);
  for (auto _ : state) benchmark::DoNotOptimize(crypto::Sha256::of(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void sign(benchmark::State& state, crypto::Algorithm algorithm, std::size_t size) {
  const std::string header = header_text();
  const std::string body = body_of(size, Text::prose);
  for (auto _ : state) {
    const message::HeaderSection section(header);
    dkim::Signer signer(section, {{"example.org", "sel", key_of(algorithm)}}, {});
    signer.body(body);
    if (!signer.finish()) state.SkipWithError("not signed");
  }
}

// A megabyte of header, 2000 fields, ten signatures of 500 names each that do not verify.
void hostile(benchmark::State& state) {
  std::string names = "from";
  for (int i = 1; i < 500; ++i) names += ":x-" + std::to_string(i * 4);
  const std::string field = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=sel; h=" + names +
                            "; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n";
  Mail mail = signed_mail(4096, Text::prose, dkim::Canon::relaxed, crypto::Algorithm::rsa);
  mail.header.clear();
  for (int i = 0; i < 10; ++i) mail.header += field;
  mail.header += "From: a@example.org\r\n";
  for (int i = 0; i < 2000; ++i) mail.header += "X-" + std::to_string(i) + ": " + std::string(500, 'v') + "\r\n";
  dns::FixtureResolver resolver(mail.zone);
  dkim::KeyCache keys;
  for (auto _ : state) {
    const message::HeaderSection header(mail.header);
    dkim::BodyHashes hashes;
    dkim::Verifier verifier(header, hashes);
    dns::Budget budget;
    run_ready(verifier.fetch_keys(resolver, budget, keys));
    hashes.finish();
    benchmark::DoNotOptimize(verifier.verify(0));
  }
}

constexpr std::size_t kSmall = 4096, kLarge = std::size_t{1024} * 1024;
using dkim::Canon;
constexpr auto kRsa = crypto::Algorithm::rsa;
constexpr auto kEd = crypto::Algorithm::ed25519;

void register_all() {
  const auto us = [](benchmark::internal::Benchmark* one) { one->Unit(benchmark::kMicrosecond); };
  us(benchmark::RegisterBenchmark(
      "baseline_4k", [](auto& s) { baseline(s, signed_mail(kSmall, Text::prose, Canon::relaxed, kRsa)); }));
  us(benchmark::RegisterBenchmark("verify_4k",
                                  [](auto& s) { verify(s, signed_mail(kSmall, Text::prose, Canon::relaxed, kRsa)); }));
  us(benchmark::RegisterBenchmark(
      "verify_4k_new_key", [](auto& s) { verify(s, signed_mail(kSmall, Text::prose, Canon::relaxed, kRsa), false); }));
  us(benchmark::RegisterBenchmark("verify_4k_ed25519",
                                  [](auto& s) { verify(s, signed_mail(kSmall, Text::prose, Canon::relaxed, kEd)); }));
  us(benchmark::RegisterBenchmark("sha256_1m", [](auto& s) { sha256(s, kLarge); }));
  const std::pair<const char*, Text> kinds[] = {
      {"base64", Text::base64}, {"prose", Text::prose}, {"flowed", Text::flowed}, {"indented", Text::indented}};
  for (const auto& [name, kind] : kinds) {
    for (const Canon canon : {Canon::simple, Canon::relaxed}) {
      us(benchmark::RegisterBenchmark(
          ("verify_1m_" + std::string(name) + "_" + std::string(to_string(canon))).c_str(),
          [text = kind, canon](auto& s) { verify(s, signed_mail(kLarge, text, canon, kRsa)); }));
    }
  }
  us(benchmark::RegisterBenchmark("sign_4k_rsa2048", [](auto& s) { sign(s, kRsa, kSmall); }));
  us(benchmark::RegisterBenchmark("sign_4k_ed25519", [](auto& s) { sign(s, kEd, kSmall); }));
  us(benchmark::RegisterBenchmark("hostile_header", [](auto& s) { hostile(s); }));
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
