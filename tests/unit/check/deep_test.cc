// The further connections against OpenSSL: what it is told to have is what is found, and it has no holes.
#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "check/probe.h"
#include "dns/fixture.h"
#include "fake_server.h"
#include "unit/io/support.h"
#include "unit/ocsp_response.h"

namespace postern::check {
namespace {

using postern::test::issue;
using postern::test::Issued;
using test::Connection;
using test::FakeServer;

class Deep : public ::testing::Test {
 protected:
  Deep() {
    options.helo = "checker.example";
    options.allow_private = options.deep = true;
    options.ca_file = folder.file("root.pem");
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    own = issue({.subject = "mx", .dns_names = {"mx.example.org"}}, &root);
    postern::test::write_certificates(options.ca_file, {&root});
    SSL_CTX_use_certificate(tls.get(), own.certificate.get());
    SSL_CTX_use_PrivateKey(tls.get(), own.key.get());
    target.domain = *dns::Name::parse("example.org");
    target.hosts.push_back({.name = *dns::Name::parse("mx.example.org"), .addresses = {}, .tlsa = nullptr});
    target.hosts.front().addresses.push_back({*ip::Address::parse("127.0.0.1"), true, {}, {}});
  }
  void serve(Connection& to) {
    to.say("220 mx.example.org\r\n");
    bool secure = false;
    for (std::string line = to.line(); !line.empty(); line = to.line()) {
      if (line == "QUIT") return to.say("221 bye\r\n");
      if (line == "STARTTLS") {
        to.say("220 go\r\n");
        to.forget();
        secure = to.tls(tls.get());
        if (!secure) return;
        continue;
      }
      to.say(line.starts_with("EHLO ") ? (secure ? "250 mx.example.org\r\n" : "250-mx.example.org\r\n250 STARTTLS\r\n")
                                       : "502 no\r\n");
    }
  }
  const ServerFacts& probe() {
    FakeServer server("127.0.0.1", 0, {[this](Connection& to) { serve(to); }});
    options.smtp_port = server.port();
    io::test::run(loop, probe_hosts(target, options, {.loop = loop, .pool = pool, .resolver = resolver}, nullptr));
    return *target.hosts.front().addresses.front().server;
  }
  static std::set<std::string> ciphers(const ServerFacts& facts, std::string_view version) {
    std::set<std::string> out;
    for (const TlsTried& one : facts.tried) {
      if (one.what == TlsTried::What::cipher && one.version == version && one.accepted) out.insert(one.cipher);
    }
    return out;
  }

  io::Loop loop;
  io::BlockingPool pool{1};
  dns::FixtureResolver resolver{dns::Zone()};
  io::test::TempDir folder;
  Options options;
  Target target;
  Issued root, own;
  std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> tls{SSL_CTX_new(TLS_server_method())};
};

TEST_F(Deep, FindsWhatAServerHas) {
  SSL_CTX_set_security_level(tls.get(), 0);
  SSL_CTX_set_min_proto_version(tls.get(), TLS1_1_VERSION);
  const std::string list = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA:AECDH-AES128-SHA";
  SSL_CTX_set_cipher_list(tls.get(), list.c_str());
  SSL_CTX_set_options(tls.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  SSL_CTX_set_max_early_data(tls.get(), 4711);
  const ServerFacts& facts = probe();
  EXPECT_EQ(facts.deep_ended, "");
  EXPECT_EQ(facts.ciphers_open, "");
  EXPECT_EQ(ciphers(facts, "TLSv1.2"),
            (std::set<std::string>{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA", "AECDH-AES128-SHA"}));
  EXPECT_EQ(ciphers(facts, "TLSv1.1"), (std::set<std::string>{"ECDHE-ECDSA-AES256-SHA", "AECDH-AES128-SHA"}));
  EXPECT_EQ(ciphers(facts, "TLSv1"), std::set<std::string>());
  EXPECT_EQ(facts.own_order, true);
  EXPECT_EQ(facts.renegotiations, 10);
  EXPECT_EQ(facts.older_master_secret, true);
  EXPECT_EQ(facts.older_renegotiation, true);
  ASSERT_TRUE(facts.tls.has_value());
  EXPECT_TRUE(facts.tls->ticket);
  EXPECT_EQ(facts.tls->early_data, 4711U);
  ASSERT_EQ(facts.weaknesses.size(), 4U);
  for (const Weakness& one : facts.weaknesses) {
    EXPECT_EQ(one.state, Weakness::State::absent) << one.evidence;
    EXPECT_FALSE(one.evidence.empty());
  }
  ASSERT_EQ(facts.certificates.size(), 1U);
  EXPECT_EQ(facts.certificates.front().der, own.der());
}

TEST_F(Deep, RenegotiationThatIsRefused) {
  SSL_CTX_set_options(tls.get(), SSL_OP_NO_RENEGOTIATION);
  static std::string response;
  response = postern::test::ocsp_response(own, root, V_OCSP_CERTSTATUS_GOOD);
  SSL_CTX_set_tlsext_status_cb(
      tls.get(), +[](SSL* ssl, void*) {
        auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(response.data(), response.size()));
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.size()));
        return SSL_TLSEXT_ERR_OK;
      });
  const ServerFacts& facts = probe();
  EXPECT_EQ(facts.renegotiations, 0);
  EXPECT_NE(facts.renegotiation_end, "");
  ASSERT_TRUE(facts.tls.has_value());
  EXPECT_EQ(facts.tls->ocsp, response);
  EXPECT_EQ(facts.tls->early_data, 0U);
}

TEST_F(Deep, TheNewestVersionAloneHasNoneOfIt) {
  SSL_CTX_set_min_proto_version(tls.get(), TLS1_3_VERSION);
  const ServerFacts& facts = probe();
  EXPECT_EQ(facts.deep_ended, "");
  EXPECT_EQ(ciphers(facts, "TLSv1.2"), std::set<std::string>());
  EXPECT_EQ(ciphers(facts, "TLSv1.3").size(), 3U);
  EXPECT_FALSE(facts.older_renegotiation.has_value());
  ASSERT_EQ(facts.weaknesses.size(), 4U);
  for (const Weakness& one : facts.weaknesses) EXPECT_EQ(one.state, Weakness::State::absent) << one.evidence;
  EXPECT_EQ(facts.renegotiations, 0);
}

}  // namespace
}  // namespace postern::check
