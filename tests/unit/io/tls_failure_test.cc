// What is known of a handshake that failed: a word for why, and the ClientHello. The clients are bare OpenSSL, as
// strangers come, and octets that are no client's.
#include "io/tls_failure.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <functional>
#include <thread>

#include "support.h"

namespace postern::io {
namespace {

using test::make_certificate;
using test::run;
using test::run_all;
using test::short_wait;
using test::soon;
using test::stream_pair;
using test::TempDir;

using Configure = std::function<void(SSL_CTX*, SSL*)>;

void connect_once(int fd, const Configure& configure) {
  SSL_CTX* const ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(ctx, 0);
  configure(ctx, nullptr);
  SSL* const ssl = SSL_new(ctx);
  configure(ctx, ssl);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) == 1) {
    char octet = 0;
    SSL_read(ssl, &octet, 1);
  }
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  ERR_clear_error();
}

Task<void> attempt(Stream& stream, std::shared_ptr<TlsServerContext> context, Deadline deadline, TlsFacts& facts) {
  const auto done = co_await stream.start_tls_server(std::move(context), deadline);
  EXPECT_EQ(done.has_value(), stream.tls() != nullptr);
  EXPECT_NE(stream.tls_attempt(), nullptr);
  if (stream.tls_attempt() != nullptr) facts = *stream.tls_attempt();
  stream.forget_client_hello();
  EXPECT_TRUE(stream.tls_attempt()->client_hello.empty());
  EXPECT_LT(stream.tls_attempt()->client_hello.capacity(), 32U);
}
Task<void> say(Stream& stream, std::string bytes) { EXPECT_TRUE((co_await stream.send(bytes, soon())).has_value()); }
Task<void> cancel(Stream& stream) {
  stream.cancel();
  co_return;
}

class TlsFailure : public ::testing::Test {
 protected:
  std::shared_ptr<TlsServerContext> server(const std::string& min_version = "TLSv1.2") {
    TlsServerOptions options;
    options.certificates = {make_certificate(folder, "mx.example.org")};
    options.min_version = min_version;
    options.keep_client_hello = true;
    auto made = TlsServerContext::make(options);
    EXPECT_TRUE(made.has_value()) << made.error().what;
    return *made;
  }
  TlsFacts visited_by(const Configure& configure, const std::string& min_version = "TLSv1.2") {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    std::thread other([&] {
      const UniqueFd fd(fds[1]);
      connect_once(fd.get(), configure);
    });
    TlsFacts facts;
    {
      const auto stream = make_stream(loop, UniqueFd(fds[0]));
      run(loop, attempt(*stream, server(min_version), soon(), facts));
    }
    other.join();
    return facts;
  }
  std::string said(const std::string& bytes) {
    const auto pair = stream_pair(loop);
    TlsFacts facts;
    run_all(loop, attempt(*pair.a, server(), soon(), facts), say(*pair.b, bytes));
    EXPECT_TRUE(facts.client_hello.empty());
    return std::string(facts.failure);
  }
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }  // the bare clients write to who has hung up
  TempDir folder;
  Loop loop;
};

TEST_F(TlsFailure, ASuccessHasNoFailureAndBothVersionsTellTheirGroup) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsFacts facts = visited_by([version](SSL_CTX* ctx, SSL*) { SSL_CTX_set_max_proto_version(ctx, version); });
    EXPECT_EQ(facts.failure, "");
    EXPECT_EQ(facts.version, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(facts.group, "X25519");
    ASSERT_GT(facts.client_hello.size(), 40U);
    EXPECT_EQ(facts.client_hello[0], SSL3_MT_CLIENT_HELLO);
  }
}

TEST_F(TlsFailure, OursAreNamed) {
  const auto check = [](const TlsFacts& facts, std::string_view word) {
    EXPECT_EQ(facts.failure, word);
    EXPECT_GT(facts.client_hello.size(), 40U) << word;
    EXPECT_TRUE(facts.version.empty());
  };
  check(visited_by([](SSL_CTX* ctx, SSL*) { SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION); }),
        "unsupported_protocol");
  check(visited_by([](SSL_CTX* ctx, SSL*) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); }, "TLSv1.3"),
        "unsupported_protocol");
  check(visited_by([](SSL_CTX* ctx, SSL*) {
          SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
          SSL_CTX_set_cipher_list(ctx, "aNULL");
        }),
        "no_shared_cipher");
  check(visited_by([](SSL_CTX* ctx, SSL*) {
          SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
          SSL_CTX_set1_groups_list(ctx, "ffdhe2048");
        }),
        "no_shared_group");
  check(visited_by([](SSL_CTX*, SSL* ssl) {
          if (ssl != nullptr) SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
        }),
        "no_application_protocol");
}

TEST_F(TlsFailure, AlertsOfTheClientAreNamed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    // The self-signed certificate is in nobody's store.
    const TlsFacts facts = visited_by([version](SSL_CTX* ctx, SSL*) {
      SSL_CTX_set_max_proto_version(ctx, version);
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    });
    EXPECT_EQ(facts.failure, "alert_unknown_ca");
    EXPECT_GT(facts.client_hello.size(), 40U);
  }
}

TEST_F(TlsFailure, OctetsThatAreNoHandshakeAreNamed) {
  EXPECT_EQ(said("EHLO client.example\r\n"), "not_tls");
  EXPECT_EQ(said("GET / HTTP/1.1\r\n\r\n"), "not_tls");
  EXPECT_EQ(said(std::string("\x17\x03\x01\x00\x02hi", 7)), "unexpected_message");
}

TEST_F(TlsFailure, EndsAreNamed) {
  TlsFacts facts;
  auto pair = stream_pair(loop);
  EXPECT_EQ(pair.a->tls_attempt(), nullptr);
  run(loop, attempt(*pair.a, server(), short_wait(), facts));
  EXPECT_EQ(facts.failure, "timeout");
  pair = stream_pair(loop);
  run_all(loop, attempt(*pair.a, server(), soon(), facts), cancel(*pair.a));
  EXPECT_EQ(facts.failure, "cancelled");
  pair = stream_pair(loop);
  pair.b.reset();
  run(loop, attempt(*pair.a, server(), soon(), facts));
  EXPECT_TRUE(facts.failure == "eof" || facts.failure == "reset") << facts.failure;
}

TEST_F(TlsFailure, AClientHelloIsKeptWhereItIsAskedFor) {
  TlsServerOptions options;
  options.certificates = {make_certificate(folder, "mx.example.org")};
  auto without = TlsServerContext::make(options);
  ASSERT_TRUE(without.has_value());
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  std::thread other([&] {
    const UniqueFd fd(fds[1]);
    connect_once(fd.get(), [](SSL_CTX*, SSL*) {});
  });
  TlsFacts facts;
  {
    const auto stream = make_stream(loop, UniqueFd(fds[0]));
    run(loop, attempt(*stream, *without, soon(), facts));
  }
  other.join();
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_TRUE(facts.client_hello.empty());
}

TEST(TlsFailureWord, WhatHasNoWordIsOther) {
  EXPECT_EQ(tls_failure_word(0), "other");
  EXPECT_EQ(tls_failure_word(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER)), "no_shared_cipher");
  EXPECT_EQ(tls_failure_word(ERR_PACK(ERR_LIB_EVP, 0, SSL_R_NO_SHARED_CIPHER)), "other");
  EXPECT_EQ(tls_failure_word(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + 250)), "alert_other");
}

}  // namespace
}  // namespace postern::io
