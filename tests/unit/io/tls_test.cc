#include "io/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "support.h"

namespace postern::io {
namespace {

using test::make_certificate;
using test::Pair;
using test::receive_text;
using test::run;
using test::run_all;
using test::short_wait;
using test::soon;
using test::stream_pair;
using test::TempDir;

Task<void> serve(Stream& stream, std::shared_ptr<TlsServerContext> context, Result<void>& out) {
  out = co_await stream.start_tls_server(std::move(context), soon());
}
Task<void> ask(Stream& stream, std::shared_ptr<TlsClientContext> context, std::string name, Result<void>& out) {
  out = co_await stream.start_tls_client(std::move(context), std::move(name), soon());
}

struct Outcome {
  Result<void> server;
  Result<void> client;
};

class Tls : public ::testing::Test {
 protected:
  std::shared_ptr<TlsServerContext> server(TlsServerOptions options = {}) {
    if (options.certificates.empty()) options.certificates = {make_certificate(folder, "mx.example.org")};
    auto made = TlsServerContext::make(options);
    EXPECT_TRUE(made.has_value()) << made.error().what;
    return *made;
  }
  static std::shared_ptr<TlsClientContext> client(const TlsClientOptions& options = {}) {
    auto made = TlsClientContext::make(options);
    EXPECT_TRUE(made.has_value()) << made.error().what;
    return *made;
  }
  Outcome shake(std::shared_ptr<TlsServerContext> s, std::shared_ptr<TlsClientContext> c, const std::string& name) {
    pair = stream_pair(loop);
    Outcome out;
    run_all(loop, serve(*pair.a, std::move(s), out.server), ask(*pair.b, std::move(c), name, out.client));
    return out;
  }
  Loop loop;
  TempDir folder;
  Pair pair;
};

Task<void> send_and_close(Stream& stream, std::string bytes) {
  EXPECT_TRUE((co_await stream.send(bytes, soon())).has_value());
  co_await stream.close(soon());
}
Task<void> expect_all(Stream& stream, std::string bytes) {
  const auto got = co_await test::receive_all(stream);
  EXPECT_TRUE(got.has_value());
  if (got) EXPECT_TRUE(*got == bytes) << got->size();
  co_await stream.close(soon());
}

TEST_F(Tls, HandshakeFactsAndBulk) {
  TlsServerOptions options;
  options.keep_client_hello = true;
  const auto out = shake(server(options), client(), "mx.example.org");
  ASSERT_TRUE(out.server.has_value()) << out.server.error().what;
  ASSERT_TRUE(out.client.has_value()) << out.client.error().what;
  const TlsFacts* const facts = pair.a->tls();
  ASSERT_NE(facts, nullptr);
  EXPECT_EQ(facts->version, "TLSv1.3");
  EXPECT_EQ(facts->cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(facts->bits, 256);
  EXPECT_EQ(facts->group, "X25519");
  EXPECT_EQ(facts->sni, "mx.example.org");
  EXPECT_EQ(facts->alpn, "");
  EXPECT_FALSE(facts->resumed);
  ASSERT_GT(facts->client_hello.size(), 40U);
  EXPECT_EQ(facts->client_hello[0], 1);
  ASSERT_NE(pair.b->tls(), nullptr);
  EXPECT_FALSE(pair.b->tls()->verified);
  EXPECT_FALSE(pair.b->tls()->verify_error.empty());
  EXPECT_EQ(pair.b->tls()->peer_subject, "CN=mx.example.org");
  EXPECT_FALSE(pair.a->readable());

  const std::string bytes(std::size_t{2} * 1024 * 1024 + 5, 'x');
  run_all(loop, send_and_close(*pair.a, bytes), expect_all(*pair.b, bytes));
}

TEST_F(Tls, AnUnknownVersionIsAnErrorThatNamesTheKnownOnes) {
  TlsServerOptions options;
  options.certificates = {make_certificate(folder, "mx.example.org")};
  options.min_version = "SSLv3";
  const auto refused = TlsServerContext::make(options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().what.find("TLSv1.2"), std::string::npos);
}

TEST_F(Tls, TheCertificateFollowsTheName) {
  TlsServerOptions options;
  options.certificates = {make_certificate(folder, "mx.example.org"), make_certificate(folder, "mail.example.net")};
  options.certificates[1].names = {"mail.example.net", "*.wild.example"};
  const auto context = server(options);
  const auto subject = [&](const std::string& name) {
    const auto out = shake(context, client(), name);
    EXPECT_TRUE(out.client.has_value() && out.server.has_value()) << name;
    return pair.b->tls() != nullptr ? pair.b->tls()->peer_subject : std::string("none");
  };
  EXPECT_EQ(subject("mx.example.org"), "CN=mx.example.org");
  EXPECT_EQ(subject("MAIL.example.net"), "CN=mail.example.net");
  EXPECT_EQ(subject("a.wild.example"), "CN=mail.example.net");
  EXPECT_EQ(subject("a.b.wild.example"), "CN=mx.example.org");
  EXPECT_EQ(subject("wild.example"), "CN=mx.example.org");
  EXPECT_EQ(subject("other.example"), "CN=mx.example.org");
  EXPECT_EQ(subject(""), "CN=mx.example.org");
}

TEST_F(Tls, AVerifyingClientAcceptsTheRightName) {
  const auto certificate = make_certificate(folder, "mx.example.org");
  TlsClientOptions options;
  options.verify = true;
  options.ca_file = certificate.certificate;
  const auto out = shake(server(), client(options), "mx.example.org");
  ASSERT_TRUE(out.client.has_value()) << out.client.error().what;
  EXPECT_TRUE(pair.b->tls()->verified);
  EXPECT_EQ(pair.b->tls()->verify_error, "");
}

TEST_F(Tls, AVerifyingClientRefusesTheWrongName) {
  const auto certificate = make_certificate(folder, "mx.example.org");
  TlsClientOptions options;
  options.verify = true;
  options.ca_file = certificate.certificate;
  const auto out = shake(server(), client(options), "mx.example.com");
  ASSERT_FALSE(out.client.has_value());
  EXPECT_NE(out.client.error().what.find("ostname"), std::string::npos) << out.client.error().what;
  const auto address = shake(server(), client(options), "::1");
  EXPECT_FALSE(address.client.has_value());
}

TEST_F(Tls, AVerifyingClientRefusesAnUntrustedChain) {
  TlsClientOptions options;
  options.verify = true;
  const auto out = shake(server(), client(options), "mx.example.org");
  ASSERT_FALSE(out.client.has_value());
  EXPECT_EQ(out.client.error().kind, ErrorKind::network);
  EXPECT_NE(out.client.error().what.find("verify"), std::string::npos) << out.client.error().what;
}

Task<void> handshake_error(Stream& stream, std::shared_ptr<TlsServerContext> context, std::optional<Error>& out,
                           Deadline deadline) {
  const auto done = co_await stream.start_tls_server(std::move(context), deadline);
  EXPECT_FALSE(done.has_value());
  if (!done) out = done.error();
  EXPECT_EQ(stream.tls(), nullptr);
}
Task<void> say(Stream& stream, std::string bytes) { EXPECT_TRUE((co_await stream.send(bytes, soon())).has_value()); }
Task<void> cancel(Stream& stream) {
  stream.cancel();
  co_return;
}

TEST_F(Tls, ClearTextInsteadOfAHandshakeIsAnError) {
  pair = stream_pair(loop);
  std::optional<Error> error;
  run_all(loop, handshake_error(*pair.a, server(), error, soon()), say(*pair.b, "EHLO client.example\r\n"));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::network) << error->what;
}

TEST_F(Tls, AHandshakeEndsByDeadlineCancelAndHangup) {
  std::optional<Error> error;
  pair = stream_pair(loop);
  run(loop, handshake_error(*pair.a, server(), error, short_wait()));
  EXPECT_EQ(error->kind, ErrorKind::timeout);
  pair = stream_pair(loop);
  run_all(loop, handshake_error(*pair.a, server(), error, soon()), cancel(*pair.a));
  EXPECT_EQ(error->kind, ErrorKind::cancelled);
  pair = stream_pair(loop);
  pair.b.reset();
  run(loop, handshake_error(*pair.a, server(), error, soon()));
  EXPECT_EQ(error->kind, ErrorKind::closed) << error->what;
}

TEST_F(Tls, CloseNotifyIsAnEndAndItsAbsenceAnError) {
  ASSERT_TRUE(shake(server(), client(), "mx.example.org").server.has_value());
  run_all(loop, send_and_close(*pair.b, "orderly"), expect_all(*pair.a, "orderly"));

  ASSERT_TRUE(shake(server(), client(), "mx.example.org").server.has_value());
  run(loop, say(*pair.b, "cut"));
  pair.b.reset();
  EXPECT_EQ(run(loop, receive_text(*pair.a)).value_or("error"), "cut");
  const auto end = run(loop, receive_text(*pair.a));
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().kind, ErrorKind::closed);
}

// A blocking OpenSSL client on a thread of its own, as strangers come.
struct Visit {
  bool ok = false;
  bool resumed = false;
  std::string alpn;
};
struct SessionFree {
  void operator()(SSL_SESSION* s) const { SSL_SESSION_free(s); }
};
using Session = std::unique_ptr<SSL_SESSION, SessionFree>;

int keep_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<Session*>(SSL_get_app_data(ssl))->reset(session);
  return 1;
}

Visit visit(int fd, int version, Session& session, const std::string& alpn = {}) {
  Visit out;
  SSL_CTX* const ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(ctx, version);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, keep_session);
  SSL* const ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, "mx.example.org");
  if (!alpn.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()), static_cast<unsigned>(alpn.size()));
  }
  if (session) SSL_set_session(ssl, session.get());
  SSL_set_app_data(ssl, &session);
  SSL_set_fd(ssl, fd);
  out.ok = SSL_connect(ssl) == 1 && SSL_write(ssl, "hi", 2) == 2;
  std::array<char, 16> answer{};
  out.ok = out.ok && SSL_read(ssl, answer.data(), answer.size()) == 2;  // the ticket comes before it
  out.resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  if (size > 0) out.alpn.assign(reinterpret_cast<const char*>(name), size);
  SSL_shutdown(ssl);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  return out;
}

Task<void> receive_visit(Stream& stream, std::shared_ptr<TlsServerContext> context, TlsFacts& facts) {
  const auto up = co_await stream.start_tls_server(std::move(context), soon());
  if (!up) co_return;
  facts = *stream.tls();
  const auto got = co_await receive_text(stream);
  if (got) (void)co_await stream.send(*got, soon());
  co_await stream.close(soon());
}

class Visitors : public Tls, public ::testing::WithParamInterface<int> {
 protected:
  Visit come(const std::shared_ptr<TlsServerContext>& context, Session& session, TlsFacts& facts,
             const std::string& alpn = {}) {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    Visit out;
    std::thread other([&, version = GetParam()] {
      const UniqueFd fd(fds[1]);
      out = visit(fd.get(), version, session, alpn);
    });
    {
      const auto stream = make_stream(loop, UniqueFd(fds[0]));
      run(loop, receive_visit(*stream, context, facts));
    }
    other.join();
    return out;
  }
};

TEST_P(Visitors, ComeBackWithTheirTicketEveryTime) {
  const auto context = server();
  Session session;
  TlsFacts facts;
  ASSERT_TRUE(come(context, session, facts).ok);
  EXPECT_FALSE(facts.resumed);
  for (int i = 0; i < 20; ++i) {
    const Visit again = come(context, session, facts);
    EXPECT_TRUE(again.ok);
    EXPECT_TRUE(again.resumed);
    EXPECT_TRUE(facts.resumed);
    EXPECT_EQ(facts.sni, "mx.example.org");
  }
  EXPECT_EQ(facts.version, GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
}

TEST_P(Visitors, ATicketOfAnotherContextIsNotTaken) {
  Session session;
  TlsFacts facts;
  ASSERT_TRUE(come(server(), session, facts).ok);
  const Visit other = come(server(), session, facts);
  EXPECT_TRUE(other.ok);
  EXPECT_FALSE(other.resumed);
  EXPECT_FALSE(facts.resumed);
}

TEST_P(Visitors, AlpnOfAnotherProtocolIsRefused) {
  const auto context = server();
  Session session;
  TlsFacts facts;
  const Visit smtp = come(context, session, facts, std::string("\x08http/1.1\x04smtp"));
  EXPECT_TRUE(smtp.ok);
  EXPECT_EQ(smtp.alpn, "smtp");
  EXPECT_EQ(facts.alpn, "smtp");
  session.reset();
  EXPECT_FALSE(come(context, session, facts, std::string("\x08http/1.1")).ok);
}

INSTANTIATE_TEST_SUITE_P(Versions, Visitors, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "tls12" : "tls13"; });

TEST_F(Tls, SelfSignedIsMadeOnceAndTheKeyIsPrivate) {
  const std::string certificate = folder.file("c.pem");
  const std::string key = folder.file("k.pem");
  EXPECT_TRUE(ensure_self_signed(certificate, key, "mx.example.org").value());
  EXPECT_FALSE(ensure_self_signed(certificate, key, "mx.example.org").value());
  struct stat status{};
  ASSERT_EQ(::stat(key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(::unlink(certificate.c_str()), 0);  // cut short after the key
  EXPECT_TRUE(ensure_self_signed(certificate, key, "mx.example.org").value());
  ASSERT_EQ(::unlink(key.c_str()), 0);
  EXPECT_FALSE(ensure_self_signed(certificate, key, "mx.example.org").has_value());
  EXPECT_FALSE(ensure_self_signed(folder.file("x"), folder.file("y"), "a,DNS:b").has_value());
}

TEST_F(Tls, ErrorsNameTheFile) {
  const auto good = make_certificate(folder, "mx.example.org");
  const auto other = make_certificate(folder, "other.example");
  std::ofstream(folder.file("rubbish")) << "not a certificate";
  const auto error = [](const TlsCertificate& files) {
    TlsServerOptions options;
    options.certificates = {files};
    const auto made = TlsServerContext::make(options);
    EXPECT_FALSE(made.has_value());
    return made ? std::string() : made.error().what;
  };
  EXPECT_NE(error({folder.file("absent"), good.key, {}}).find(folder.file("absent")), std::string::npos);
  EXPECT_NE(error({good.certificate, folder.file("rubbish"), {}}).find(folder.file("rubbish")), std::string::npos);
  EXPECT_NE(error({folder.file("rubbish"), good.key, {}}).find(folder.file("rubbish")), std::string::npos);
  EXPECT_NE(error({good.certificate, other.key, {}}).find("does not belong"), std::string::npos);
  EXPECT_FALSE(TlsServerContext::make({}).has_value());
}

}  // namespace
}  // namespace postern::io
