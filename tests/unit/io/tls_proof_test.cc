// What a client demands of a certificate: each way of proving it, and each way of failing to.
#include <gtest/gtest.h>

#include "io/tls.h"
#include "support.h"
#include "unit/tls_authority.h"

namespace postern::io {
namespace {

using postern::test::issue;
using postern::test::Issued;
using postern::test::write_certificates;
using postern::test::write_key;
using test::run_all;
using test::soon;
using test::stream_pair;
using Proof = TlsExpect::Proof;

Task<void> serve(Stream& stream, std::shared_ptr<TlsServerContext> context) {
  (void)co_await stream.start_tls_server(std::move(context), soon());
}
struct Outcome {
  bool ok = false;
  std::string error;
  TlsFacts facts;
};
Task<void> ask(std::unique_ptr<Stream>& stream, std::shared_ptr<TlsClientContext> context, TlsExpect expect,
               Outcome& out) {
  const auto done = co_await stream->start_tls_client(std::move(context), std::move(expect), soon());
  out.ok = done.has_value();
  if (!done) out.error = done.error().what;
  if (const TlsFacts* const facts = stream->tls_attempt()) out.facts = *facts;
  EXPECT_EQ(stream->tls() != nullptr, out.ok);
  stream.reset();  // so that a server that still waits for a handshake does not
}

class TlsProof : public ::testing::Test {
 protected:
  TlsProof() {
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    other_root = issue({.subject = "other root", .dns_names = {}, .authority = true});
    middle = issue({.subject = "middle", .dns_names = {}, .authority = true}, &root);
    good = issue({.subject = "x", .dns_names = {"mx.example.org"}}, &middle);
    expired = issue({.subject = "x", .dns_names = {"mx.example.org"}, .from_days = -20, .to_days = -3}, &middle);
    stranger = issue({.subject = "x", .dns_names = {"mx.example.net"}}, &middle);
    self_signed = issue({.subject = "mx.example.org", .dns_names = {"mx.example.org"}});
    write_certificates(folder.file("root.pem"), {&root});
  }

  // Trusts root.pem: the system's store takes a second to read under the sanitizers.
  Outcome shake(const std::vector<const Issued*>& chain, TlsExpect expect, TlsClientOptions options = {}) {
    if (options.ca_file.empty()) options.ca_file = folder.file("root.pem");
    write_certificates(folder.file("chain.pem"), chain);
    write_key(folder.file("key.pem"), *chain.front());
    TlsServerOptions server;
    server.certificates = {{folder.file("chain.pem"), folder.file("key.pem"), {}}};
    auto server_context = TlsServerContext::make(server);
    auto client_context = TlsClientContext::make(options);
    EXPECT_TRUE(server_context.has_value() && client_context.has_value());
    auto pair = stream_pair(loop);
    Outcome out;
    run_all(loop, serve(*pair.a, *server_context), ask(pair.b, *client_context, std::move(expect), out));
    EXPECT_EQ(out.facts.failure.empty(), out.ok);
    return out;
  }
  Outcome pkix(const std::vector<const Issued*>& chain, const std::string& name = "mx.example.org") {
    TlsExpect expect(name);
    expect.proof = Proof::pkix;
    return shake(chain, expect);
  }
  static TlsExpect::Tlsa record(int usage, int selector, int matching, const Issued& of) {
    return {static_cast<std::uint8_t>(usage), static_cast<std::uint8_t>(selector), static_cast<std::uint8_t>(matching),
            of.association(selector, matching)};
  }
  Outcome dane(const std::vector<const Issued*>& chain, std::vector<TlsExpect::Tlsa> records,
               const std::vector<std::string>& names = {}) {
    TlsExpect expect("mx.example.org");
    expect.proof = Proof::dane;
    expect.tlsa = std::move(records);
    expect.names = names;
    return shake(chain, expect);
  }

  Loop loop;
  test::TempDir folder;
  Issued root, other_root, middle, good, expired, stranger, self_signed;
};

TEST_F(TlsProof, WithoutADemandAnyCertificateEncrypts) {
  for (const Issued* leaf : {&expired, &stranger, &self_signed}) {
    const auto out = shake({leaf}, TlsExpect("mx.example.org"));
    EXPECT_TRUE(out.ok) << out.error;
    EXPECT_FALSE(out.facts.verified);
    EXPECT_FALSE(out.facts.verify_error.empty());
    EXPECT_EQ(out.facts.proof, "");
  }
}

TEST_F(TlsProof, WithoutADemandItStillTellsWhatVerifies) {
  const auto out = shake({&good, &middle}, TlsExpect("mx.example.org"));
  EXPECT_TRUE(out.ok);
  EXPECT_TRUE(out.facts.verified);
  EXPECT_EQ(out.facts.proof, "pkix");
}

TEST_F(TlsProof, TheChainIsKeptAsItWasSentWhereAskedFor) {
  EXPECT_TRUE(shake({&good, &middle}, TlsExpect("mx.example.org")).facts.peer_chain.empty());
  const auto out = shake({&good, &middle}, TlsExpect("mx.example.org"), {.keep_chain = true});
  EXPECT_EQ(out.facts.peer_chain, (std::vector<std::string>{good.der(), middle.der()}));
  EXPECT_EQ(out.facts.signature_hash, "SHA256");
  EXPECT_TRUE(out.facts.extended_master_secret);
  EXPECT_TRUE(out.facts.secure_renegotiation);
  EXPECT_FALSE(out.facts.compression);
  EXPECT_EQ(out.facts.dh_bits, 0);
}

TEST_F(TlsProof, ANameForSniAloneIsNotVerified) {
  TlsExpect expect("mx.example.org");
  expect.only_sni = true;
  const auto out = shake({&stranger, &middle}, expect);
  EXPECT_TRUE(out.facts.verified) << out.facts.verify_error;
  EXPECT_EQ(out.facts.sni, "mx.example.org");
  EXPECT_FALSE(shake({&stranger, &middle}, TlsExpect("mx.example.org")).facts.verified);
}

TEST_F(TlsProof, AClientMayBeBoundToOneVersionCipherAndGroup) {
  TlsClientOptions options{.min_version = "TLSv1.2", .weak = true, .max_version = "TLSv1.2", .groups = "P-256"};
  options.ciphers = "ECDHE-ECDSA-AES128-SHA";
  auto out = shake({&good, &middle}, TlsExpect("mx.example.org"), options);
  ASSERT_TRUE(out.ok) << out.error;
  EXPECT_EQ(out.facts.version, "TLSv1.2");
  EXPECT_EQ(out.facts.cipher, "ECDHE-ECDSA-AES128-SHA");
  EXPECT_NE(out.facts.group, "X25519");
  options.ciphers = "ECDHE-ECDSA-AES128-CCM8";  // our own server takes none of these
  EXPECT_FALSE(shake({&good, &middle}, TlsExpect("mx.example.org"), options).ok);
  options = {.min_version = "TLSv1.3", .weak = true, .ciphersuites = "TLS_AES_128_GCM_SHA256"};
  out = shake({&good, &middle}, TlsExpect("mx.example.org"), options);
  ASSERT_TRUE(out.ok) << out.error;
  EXPECT_EQ(out.facts.cipher, "TLS_AES_128_GCM_SHA256");
  // Postern's own server speaks nothing older than TLS 1.2
  options = {.min_version = "TLSv1", .weak = true, .max_version = "TLSv1.1"};
  EXPECT_FALSE(shake({&good, &middle}, TlsExpect("mx.example.org"), options).ok);
}

TEST_F(TlsProof, WhatAClientCannotOfferIsAnError) {
  EXPECT_FALSE(TlsClientContext::make({.min_version = "TLSv1"}).has_value());  // only to look at a server
  EXPECT_TRUE(TlsClientContext::make({.ca_file = folder.file("root.pem"), .min_version = "TLSv1", .weak = true}));
  for (const TlsClientOptions& wrong :
       {TlsClientOptions{.min_version = "SSLv3", .weak = true}, TlsClientOptions{.max_version = "TLSv9"},
        TlsClientOptions{.ciphersuites = "NO_SUCH"}, TlsClientOptions{.groups = "none"}}) {
    EXPECT_FALSE(TlsClientContext::make(wrong).has_value());
  }
}

TEST_F(TlsProof, PkixTakesAChainToTheRootForTheName) {
  const auto out = pkix({&good, &middle});
  EXPECT_TRUE(out.ok) << out.error;
  EXPECT_TRUE(out.facts.verified);
  EXPECT_EQ(out.facts.proof, "pkix");
  EXPECT_EQ(out.facts.sni, "mx.example.org");
}

TEST_F(TlsProof, PkixRefusesEachBadCertificateWithItsWord) {
  const Issued by_other = issue({.subject = "x", .dns_names = {"mx.example.org"}}, &other_root);
  const Issued not_yet = issue({.subject = "x", .dns_names = {"mx.example.org"}, .from_days = 3}, &middle);
  const Issued expired_middle =
      issue({.subject = "old", .dns_names = {}, .from_days = -20, .to_days = -3, .authority = true}, &root);
  const Issued below_expired = issue({.subject = "x", .dns_names = {"mx.example.org"}}, &expired_middle);
  const Issued no_authority = issue({.subject = "x", .dns_names = {"mx.example.org"}}, &good);
  const Issued name_in_subject_only = issue({.subject = "mx.example.org", .dns_names = {}}, &middle);
  const struct {
    std::vector<const Issued*> chain;
    std::string_view word;
  } cases[] = {
      {{&expired, &middle}, "certificate-expired"},
      {{&below_expired, &expired_middle}, "certificate-expired"},
      {{&stranger, &middle}, "certificate-host-mismatch"},
      {{&name_in_subject_only, &middle}, "certificate-host-mismatch"},  // RFC 8461 4.1: subjectAltName
      {{&self_signed}, "certificate-not-trusted"},
      {{&by_other, &other_root}, "certificate-not-trusted"},
      {{&good}, "certificate-not-trusted"},  // the intermediate is missing
      {{&no_authority, &good, &middle}, "certificate-not-trusted"},
      {{&not_yet, &middle}, "validation-failure"},
  };
  for (const auto& one : cases) {
    const auto out = pkix(one.chain);
    EXPECT_FALSE(out.ok) << one.word;
    EXPECT_EQ(out.facts.failure, one.word) << out.error;
    EXPECT_FALSE(out.facts.verified);
    EXPECT_FALSE(out.facts.verify_error.empty());
    EXPECT_EQ(out.facts.proof, "");
    EXPECT_NE(out.error.find("does not verify"), std::string::npos) << out.error;
  }
}

TEST_F(TlsProof, PkixWithoutANameOrAnotherRootFails) {
  EXPECT_FALSE(pkix({&good, &middle}, "").ok);
  write_certificates(folder.file("other.pem"), {&other_root});
  TlsClientOptions options;
  options.ca_file = folder.file("other.pem");
  TlsExpect expect("mx.example.org");
  expect.proof = Proof::pkix;
  EXPECT_EQ(shake({&good, &middle, &root}, expect, options).facts.failure, "certificate-not-trusted");
}

TEST_F(TlsProof, PkixTakesAnyOfTheNamesAndWildcardsOfOneWholeLabel) {
  const Issued wild = issue({.subject = "x", .dns_names = {"*.example.org"}}, &middle);
  EXPECT_TRUE(pkix({&wild, &middle}, "mx.example.org").ok);
  EXPECT_FALSE(pkix({&wild, &middle}, "a.mx.example.org").ok);
  EXPECT_FALSE(pkix({&wild, &middle}, "example.org").ok);
  const Issued partial = issue({.subject = "x", .dns_names = {"m*.example.org"}}, &middle);
  EXPECT_FALSE(pkix({&partial, &middle}, "mx.example.org").ok);
  TlsExpect expect("mx.example.org");
  expect.proof = Proof::pkix;
  expect.names = {"mx.example.net"};
  EXPECT_TRUE(shake({&stranger, &middle}, expect).ok);
}

TEST_F(TlsProof, DaneEndEntityMatchesEachSelectorAndMatchingType) {
  for (const int selector : {0, 1}) {
    for (const int matching : {0, 1, 2}) {
      const auto out = dane({&good, &middle}, {record(3, selector, matching, good)});
      EXPECT_TRUE(out.ok) << selector << matching << out.error;
      EXPECT_EQ(out.facts.proof, "dane 3 " + std::to_string(selector) + " " + std::to_string(matching));
      EXPECT_TRUE(out.facts.verified);
      const auto wrong = dane({&good, &middle}, {record(3, selector, matching, stranger)});
      EXPECT_FALSE(wrong.ok) << selector << matching;
      EXPECT_FALSE(wrong.facts.failure.empty());
      EXPECT_EQ(wrong.facts.proof, "");
    }
  }
}

TEST_F(TlsProof, DaneEndEntityIgnoresNamesDatesAndIssuers) {
  for (const Issued* leaf : {&expired, &stranger, &self_signed}) {
    const auto out = dane({leaf}, {record(3, 1, 1, *leaf)});
    EXPECT_TRUE(out.ok) << out.error;
    EXPECT_TRUE(out.facts.verified);
  }
}

TEST_F(TlsProof, DaneTrustAnchorMatchesEachSelectorAndMatchingType) {
  for (const int selector : {0, 1}) {
    for (const int matching : {0, 1, 2}) {
      for (const Issued* anchor : {&root, &middle}) {
        const auto out = dane({&good, &middle, &root}, {record(2, selector, matching, *anchor)});
        EXPECT_TRUE(out.ok) << selector << matching << out.error;
        EXPECT_EQ(out.facts.proof, "dane 2 " + std::to_string(selector) + " " + std::to_string(matching));
      }
      EXPECT_FALSE(dane({&good, &middle, &root}, {record(2, selector, matching, other_root)}).ok);
    }
  }
}

TEST_F(TlsProof, DaneTrustAnchorMindsNamesDatesAndTheChain) {
  const auto anchor = record(2, 1, 1, root);
  EXPECT_EQ(dane({&expired, &middle, &root}, {anchor}).facts.failure, "certificate-expired");
  EXPECT_EQ(dane({&stranger, &middle, &root}, {anchor}).facts.failure, "certificate-host-mismatch");
  // RFC 7672 3.2.2: the next-hop domain is a reference identifier as well
  EXPECT_TRUE(dane({&stranger, &middle, &root}, {anchor}, {"mx.example.net"}).ok);
  EXPECT_FALSE(dane({&good, &middle}, {anchor}).ok);  // RFC 7672 3.1.2: the anchor must be in the chain
  EXPECT_FALSE(dane({&self_signed}, {anchor}).ok);
  EXPECT_FALSE(dane({&good, &root}, {anchor}).ok);  // a gap
}

TEST_F(TlsProof, ASelfSignedCertificateIsItsOwnTrustAnchorOnlyForItsName) {
  EXPECT_TRUE(dane({&self_signed}, {record(3, 0, 1, self_signed)}).ok);
  const Issued elsewhere = issue({.subject = "mx.example.net", .dns_names = {"mx.example.net"}, .authority = true});
  EXPECT_FALSE(dane({&elsewhere}, {record(2, 0, 1, elsewhere)}).ok);
}

TEST_F(TlsProof, OneOfSeveralRecordsIsEnough) {
  EXPECT_TRUE(dane({&good, &middle}, {record(3, 1, 1, stranger), record(3, 1, 1, good)}).ok);
  EXPECT_TRUE(dane({&good, &middle, &root}, {record(3, 1, 1, stranger), record(2, 0, 1, root)}).ok);
}

TEST_F(TlsProof, DigestAgility) {
  // RFC 7671 9: of two digests over the same selector only the stronger counts; full values always do
  EXPECT_FALSE(dane({&good, &middle}, {record(3, 1, 1, good), record(3, 1, 2, stranger)}).ok);
  EXPECT_TRUE(dane({&good, &middle}, {record(3, 1, 1, stranger), record(3, 1, 2, good)}).ok);
  EXPECT_TRUE(dane({&good, &middle}, {record(3, 1, 1, good), record(3, 0, 2, stranger)}).ok);
  EXPECT_TRUE(dane({&good, &middle}, {record(3, 1, 0, good), record(3, 1, 2, stranger)}).ok);
}

TEST_F(TlsProof, RecordsThatProveNothing) {
  const auto fine = record(3, 1, 1, good);
  const auto with = [&](auto change) {
    auto changed = fine;
    change(changed);
    return changed;
  };
  std::vector<TlsExpect::Tlsa> useless;
  for (const int usage : {0, 1, 4, 255}) useless.push_back(with([&](auto& r) { r.usage = std::uint8_t(usage); }));
  for (const int selector : {2, 255}) useless.push_back(with([&](auto& r) { r.selector = std::uint8_t(selector); }));
  for (const int matching : {3, 255}) useless.push_back(with([&](auto& r) { r.matching = std::uint8_t(matching); }));
  useless.push_back(with([](auto& r) { r.data.clear(); }));
  useless.push_back(with([](auto& r) { r.data.pop_back(); }));
  useless.push_back(with([](auto& r) { r.data += 'x'; }));
  useless.push_back(with([](auto& r) { r.matching = 2; }));
  useless.push_back(with([](auto& r) { r.matching = 0; }));  // a digest is no key
  auto cut = record(2, 0, 0, root);
  EXPECT_TRUE(tls_can_use(cut));
  cut.data.pop_back();
  useless.push_back(cut);
  for (const auto& one : useless) {
    EXPECT_FALSE(tls_can_use(one)) << int(one.usage) << int(one.selector) << int(one.matching);
    const auto out = dane({&good, &middle}, {one});
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.facts.failure, "validation-failure");
  }
  EXPECT_TRUE(tls_can_use(fine));
  EXPECT_FALSE(dane({&good, &middle}, {}).ok);
  useless.push_back(fine);
  EXPECT_TRUE(dane({&good, &middle}, useless).ok);  // and they do not stand in the way of one that does
}

TEST_F(TlsProof, AnAnonymousCipherProvesNothing) {
  TlsClientOptions options;
  options.ciphers = "aNULL:@SECLEVEL=0";
  TlsExpect expect("mx.example.org");
  expect.proof = Proof::pkix;
  EXPECT_FALSE(shake({&self_signed}, expect, options).ok);
}

TEST_F(TlsProof, AVerifyingContextAndDaneTogether) {
  TlsClientOptions options;
  options.verify = true;
  TlsExpect expect("mx.example.org");
  expect.proof = Proof::dane;
  expect.tlsa = {record(3, 1, 1, self_signed)};
  EXPECT_TRUE(shake({&self_signed}, expect, options).ok);  // the record is the proof
  expect.tlsa = {record(3, 1, 1, good)};
  EXPECT_FALSE(shake({&self_signed}, expect, options).ok);
}

}  // namespace
}  // namespace postern::io
