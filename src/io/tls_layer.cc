#include "io/tls_layer.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/tls_failure.h"
#include "io/tls_impl.h"

namespace postern::io {

namespace {
constexpr std::size_t kMaxClientHello = std::size_t{16} * 1024;  // post-quantum key shares take two KiB
constexpr std::size_t kMaxChain = 16;                            // certificates kept of what a server sent
constexpr std::size_t kMaxOcsp = std::size_t{64} * 1024;         // a stapled response with its certificates
}  // namespace

struct TlsLayer::Impl {
  std::shared_ptr<TlsServerContext> server;
  std::shared_ptr<TlsClientContext> client;
  SslPtr ssl;
  int fd = -1;
  int sys = 0;         // errno of the socket's last failure
  bool ended = false;  // the socket said EOF
  bool drained = false;
  bool would_block = false;
  std::string early;  // comes before what the socket has
  TlsExpect::Proof proof = TlsExpect::Proof::none;
  bool no_record = false;  // proof by DANE, and no record that could give it
  std::string why;         // OpenSSL's words for the last failure
  unsigned long code = 0;  // its number
  TlsFacts facts;

  TlsStep result(int rc, std::size_t octets);
  void collect_facts();
  void collect_proof();
  void collect_server();
  void collect_ticket();
  void demand(const TlsExpect& expect);
  // The handshake failed because the certificate did.
  [[nodiscard]] bool unproved() const {
    return client != nullptr && SSL_get_verify_mode(ssl.get()) != SSL_VERIFY_NONE &&
           SSL_get_verify_result(ssl.get()) != X509_V_OK;
  }
  [[nodiscard]] std::string_view failure() const;
};

namespace {

// The socket as a BIO of our own: no SIGPIPE, and a record of what each read left behind, so that waiting for more
// costs no read that only says EAGAIN.
int socket_read(BIO* bio, char* out, std::size_t size, std::size_t* done) {
  auto& layer = *static_cast<TlsLayer::Impl*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  layer.would_block = false;
  if (!layer.early.empty()) {
    *done = layer.early.copy(out, size);
    layer.early.erase(0, *done);
    if (layer.early.empty()) std::string().swap(layer.early);
    layer.drained = false;
    return 1;
  }
  ssize_t n = 0;
  do n = ::recv(layer.fd, out, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  layer.drained = n < static_cast<ssize_t>(size);
  *done = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (n > 0) return 1;
  if (n == 0) {
    layer.ended = true;
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    layer.would_block = true;
    BIO_set_retry_read(bio);
  } else {
    layer.sys = errno;
  }
  return 0;
}

int socket_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* done) {
  auto& layer = *static_cast<TlsLayer::Impl*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = 0;
  do n = ::send(layer.fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  *done = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (n >= 0) return 1;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    BIO_set_retry_write(bio);
  else
    layer.sys = errno;
  return 0;
}

long socket_ctrl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<TlsLayer::Impl*>(BIO_get_data(bio))->ended ? 1 : 0;
  return 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern socket");
    POSTERN_CHECK(made != nullptr);
    BIO_meth_set_read_ex(made, socket_read);
    BIO_meth_set_write_ex(made, socket_write);
    BIO_meth_set_ctrl(made, socket_ctrl);
    return made;
  }();
  return method;
}

void keep_client_hello(int write, int, int content_type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  if (write != 0 || content_type != SSL3_RT_HANDSHAKE || size < 4) return;
  const std::string_view message(static_cast<const char*>(bytes), size);
  auto& hello = static_cast<TlsLayer::Impl*>(SSL_get_app_data(ssl))->facts.client_hello;
  // The first one: after a HelloRetryRequest the second says less about the client.
  if (message[0] == SSL3_MT_CLIENT_HELLO && hello.empty() && size <= kMaxClientHello) hello = message;
}

std::string group_name(SSL* ssl) {
  const int group = static_cast<int>(SSL_get_negotiated_group(ssl));
  if (group == 0) return {};
  const char* const name = SSL_group_to_name(ssl, group);
  std::string out = name != nullptr ? name : "";
  if (out == "x25519" || out == "x448") out[0] = 'X';
  return out;
}

// OpenSSL says which it could use: it reads a certificate or key (matching type 0), and knows the digests' lengths.
bool add_record(SSL* ssl, const TlsExpect::Tlsa& record) {
  if (record.usage != 2 && record.usage != 3) return false;  // RFC 7672 3.1.3
  return SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching,
                           reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size()) > 0;
}

void attach(TlsLayer::Impl& layer, SSL_CTX* ctx, int fd) {
  layer.fd = fd;
  layer.ssl.reset(SSL_new(ctx));
  POSTERN_CHECK(layer.ssl != nullptr);
  BIO* const bio = BIO_new(socket_method());
  POSTERN_CHECK(bio != nullptr);
  BIO_set_data(bio, &layer);
  BIO_set_init(bio, 1);
  SSL_set_bio(layer.ssl.get(), bio, bio);
  SSL_set_app_data(layer.ssl.get(), &layer);
}

}  // namespace

TlsStep TlsLayer::Impl::result(int rc, std::size_t octets) {
  if (rc > 0) return {TlsStatus::done, octets};
  switch (SSL_get_error(ssl.get(), rc)) {
    case SSL_ERROR_WANT_READ:
      return {TlsStatus::want_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {TlsStatus::want_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {TlsStatus::closed, 0};
    default:
      break;
  }
  code = ERR_peek_error();
  why = openssl_error();
  return {TlsStatus::failed, 0};
}

std::string_view TlsLayer::Impl::failure() const {
  if (unproved()) return verify_failure_word(SSL_get_verify_result(ssl.get()));
  if (sys == ECONNRESET || sys == EPIPE) return "reset";
  if (sys != 0) return "other";
  // An alert that came before the end says more
  const std::string_view word = tls_failure_word(code);
  return ended && word == "other" ? "eof" : word;
}

void TlsLayer::Impl::collect_facts() {
  SSL* const s = ssl.get();
  facts.version = SSL_get_version(s);
  facts.cipher = SSL_get_cipher_name(s);
  facts.bits = SSL_get_cipher_bits(s, nullptr);
  facts.group = group_name(s);
  facts.resumed = SSL_session_reused(s) == 1;
  const char* const sni = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);
  if (sni != nullptr) facts.sni = sni;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(s, &protocol, &size);
  if (size > 0) facts.alpn.assign(reinterpret_cast<const char*>(protocol), size);
  if (client == nullptr) return;
  collect_proof();
  collect_server();
  X509* const peer = SSL_get0_peer_certificate(s);
  if (peer == nullptr) return;
  const BioPtr text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(peer), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long length = BIO_get_mem_data(text.get(), &data);
  if (length > 0) facts.peer_subject.assign(data, std::min<std::size_t>(static_cast<std::size_t>(length), 512));
}

void TlsLayer::Impl::collect_server() {
  SSL* const s = ssl.get();
  const bool newest = SSL_version(s) >= TLS1_3_VERSION;
  facts.extended_master_secret = newest || SSL_get_extms_support(s) == 1;
  facts.secure_renegotiation = newest || SSL_get_secure_renegotiation_support(s) == 1;
  facts.compression = SSL_get_current_compression(s) != nullptr;
  if (!client->impl().keep_chain) return;
  int hash = NID_undef;
  if (SSL_get_peer_signature_nid(s, &hash) == 1 && hash != NID_undef) facts.signature_hash = OBJ_nid2sn(hash);
  EVP_PKEY* shared = nullptr;
  // NOLINTNEXTLINE(bugprone-multi-level-implicit-pointer-conversion): a macro of OpenSSL's
  if (SSL_get_peer_tmp_key(s, &shared) == 1) {
    const KeyPtr key(shared);
    const int type = EVP_PKEY_get_base_id(shared);
    if (type == EVP_PKEY_DH || type == EVP_PKEY_DHX) facts.dh_bits = EVP_PKEY_get_bits(shared);
  }
  const unsigned char* status = nullptr;
  const long status_size = SSL_get_tlsext_status_ocsp_resp(s, static_cast<void*>(&status));
  if (status != nullptr && status_size > 0 && static_cast<std::size_t>(status_size) <= kMaxOcsp)
    facts.ocsp.assign(reinterpret_cast<const char*>(status), static_cast<std::size_t>(status_size));
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(s);
  facts.peer_chain.clear();
  for (int i = 0; i < sk_X509_num(chain) && facts.peer_chain.size() < kMaxChain; ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(chain, i), &der);
    if (size <= 0) continue;
    facts.peer_chain.emplace_back(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  ERR_clear_error();
}

// OpenSSL puts a ticket into the connection's own session as it reads it.
void TlsLayer::Impl::collect_ticket() {
  const SSL_SESSION* const session = SSL_get0_session(ssl.get());
  if (session == nullptr || SSL_version(ssl.get()) < TLS1_3_VERSION) return;
  facts.ticket = facts.ticket || SSL_SESSION_has_ticket(session) == 1;
  facts.early_data = std::max<std::uint32_t>(facts.early_data, SSL_SESSION_get_max_early_data(session));
}

void TlsLayer::Impl::collect_proof() {
  SSL* const s = ssl.get();
  const long verdict = SSL_get_verify_result(s);
  facts.verified = verdict == X509_V_OK && SSL_get0_peer_certificate(s) != nullptr;
  if (!facts.verified) {
    // Of a handshake that failed for its certificate OpenSSL may not keep the certificate
    facts.verify_error = verdict == X509_V_OK ? "no certificate" : X509_verify_cert_error_string(verdict);
    return;
  }
  facts.proof = "pkix";
  if (proof != TlsExpect::Proof::dane) return;
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  if (SSL_get0_dane_tlsa(s, &usage, &selector, &matching, nullptr, nullptr) < 0) return;
  facts.proof = "dane " + std::to_string(usage) + ' ' + std::to_string(selector) + ' ' + std::to_string(matching);
}

TlsLayer::TlsLayer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsLayer::~TlsLayer() = default;

std::unique_ptr<TlsLayer> TlsLayer::server(std::shared_ptr<TlsServerContext> context, int fd, std::string early) {
  auto impl = std::make_unique<Impl>();
  impl->early = std::move(early);
  attach(*impl, context->impl().ctx.get(), fd);
  SSL_set_accept_state(impl->ssl.get());
  if (context->impl().keep_client_hello) SSL_set_msg_callback(impl->ssl.get(), keep_client_hello);
  impl->server = std::move(context);
  return std::unique_ptr<TlsLayer>(new TlsLayer(std::move(impl)));
}

void TlsLayer::Impl::demand(const TlsExpect& expect) {
  SSL* const s = ssl.get();
  proof = expect.proof;
  std::array<unsigned char, 16> address{};
  const bool is_address = ::inet_pton(AF_INET, expect.name.c_str(), address.data()) == 1 ||
                          ::inet_pton(AF_INET6, expect.name.c_str(), address.data()) == 1;
  if (proof != TlsExpect::Proof::none) SSL_set_verify(s, SSL_VERIFY_PEER, nullptr);
  unsigned host_flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  if (proof == TlsExpect::Proof::pkix) host_flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  SSL_set_hostflags(s, host_flags);
  if (proof == TlsExpect::Proof::dane) {
    // Sets SNI to the TLSA base domain, and it as the first reference identifier (RFC 7672 3.2.2, 8.1).
    no_record = SSL_dane_enable(s, expect.name.c_str()) <= 0;
    // RFC 7672 3.1.1: only the record counts.
    SSL_dane_set_flags(s, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    bool any = false;
    for (const auto& record : expect.tlsa) any = add_record(s, record) || any;
    no_record = no_record || !any;
    ERR_clear_error();
  } else if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), expect.name.c_str());
  } else if (!expect.name.empty()) {
    SSL_set_tlsext_host_name(s, expect.name.c_str());  // RFC 6066 3: names only, never an address
    if (!expect.only_sni) SSL_set1_host(s, expect.name.c_str());
  }
  for (const auto& name : expect.names) SSL_add1_host(s, name.c_str());
  // No name at all would verify against every certificate
  if (proof == TlsExpect::Proof::pkix && expect.name.empty() && expect.names.empty()) no_record = true;
}

std::unique_ptr<TlsLayer> TlsLayer::client(std::shared_ptr<TlsClientContext> context, const TlsExpect& expect, int fd) {
  auto impl = std::make_unique<Impl>();
  attach(*impl, context->impl().ctx.get(), fd);
  SSL_set_connect_state(impl->ssl.get());
  impl->demand(expect);
  impl->client = std::move(context);
  return std::unique_ptr<TlsLayer>(new TlsLayer(std::move(impl)));
}

bool tls_can_use(const TlsExpect::Tlsa& record) {
  static const SslCtxPtr context = [] {
    SslCtxPtr made(SSL_CTX_new(TLS_client_method()));
    POSTERN_CHECK(made != nullptr && SSL_CTX_dane_enable(made.get()) == 1);
    return made;
  }();
  const SslPtr ssl(SSL_new(context.get()));
  POSTERN_CHECK(ssl != nullptr && SSL_dane_enable(ssl.get(), "host.invalid") > 0);
  const bool usable = add_record(ssl.get(), record);
  ERR_clear_error();
  return usable;
}

TlsStep TlsLayer::handshake() {
  ERR_clear_error();
  if (impl_->no_record) {
    impl_->facts.failure = "validation-failure";
    impl_->facts.verify_error = impl_->proof == TlsExpect::Proof::dane ? "no usable TLSA record" : "no name to verify";
    impl_->why = impl_->facts.verify_error;
    return {TlsStatus::failed, 0};
  }
  const TlsStep step = impl_->result(SSL_do_handshake(impl_->ssl.get()), 0);
  if (step.status == TlsStatus::done) {
    impl_->collect_facts();
    // Verification is OpenSSL's; that it took place is ours to see to: an anonymous cipher has no certificate.
    if (impl_->proof != TlsExpect::Proof::none && !impl_->facts.verified) {
      impl_->facts.failure = "validation-failure";
      impl_->why = "the certificate does not verify: " + impl_->facts.verify_error;
      return {TlsStatus::failed, 0};
    }
    SSL_set_msg_callback(impl_->ssl.get(), nullptr);
    // What SSL_MODE_RELEASE_BUFFERS would free at the next read that finds nothing: we wait without trying.
    SSL_free_buffers(impl_->ssl.get());
  } else if (step.status == TlsStatus::failed || step.status == TlsStatus::closed) {
    impl_->facts.failure = impl_->failure();
    if (impl_->unproved()) impl_->collect_proof();
  }
  return step;
}

bool TlsLayer::begin_again() {
  ERR_clear_error();
  const bool begun = SSL_renegotiate(impl_->ssl.get()) == 1;
  if (!begun) impl_->why = openssl_error();
  return begun;
}

void TlsLayer::give_up(ErrorKind why) {
  impl_->facts.failure = why == ErrorKind::timeout     ? "timeout"
                         : why == ErrorKind::cancelled ? "cancelled"
                         : why == ErrorKind::closed    ? "reset"
                                                       : "other";
}

std::string TlsLayer::channel_binding() const {
  SSL* const ssl = impl_->ssl.get();
  // RFC 9266 4.2: unique for a connection in TLS 1.2 only with the extended master secret (RFC 7627)
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return {};
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  std::string out(32, '\0');
  const unsigned char no_context = 0;
  const int done = SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                              kLabel.data(), kLabel.size(), &no_context, 0, 1);
  ERR_clear_error();
  return done == 1 ? out : std::string();
}

void TlsLayer::forget_client_hello() { std::string().swap(impl_->facts.client_hello); }

TlsStep TlsLayer::read(std::span<char> out) {
  ERR_clear_error();
  std::size_t octets = 0;
  const int rc = SSL_read_ex(impl_->ssl.get(), out.data(), out.size(), &octets);
  if (rc == 1 && impl_->client != nullptr && impl_->client->impl().keep_chain) impl_->collect_ticket();
  return impl_->result(rc, octets);
}

TlsStep TlsLayer::write(std::string_view bytes) {
  ERR_clear_error();
  std::size_t octets = 0;
  const int rc = SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &octets);
  return impl_->result(rc, octets);
}

void TlsLayer::say_goodbye() {
  ERR_clear_error();
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

bool TlsLayer::pending() const { return SSL_has_pending(impl_->ssl.get()) == 1; }
bool TlsLayer::drained() const { return impl_->drained; }
bool TlsLayer::would_block() const { return impl_->would_block; }
const TlsFacts& TlsLayer::facts() const { return impl_->facts; }

Error TlsLayer::error() const {
  if (impl_->sys != 0) {
    const bool left = impl_->sys == ECONNRESET || impl_->sys == EPIPE;
    return fail_errno(left ? ErrorKind::closed : ErrorKind::network, "socket", impl_->sys).error();
  }
  // RFC 8446 6.1: an end without close_notify may be a truncation by somebody on the way.
  if (impl_->ended) return {ErrorKind::closed, "the peer closed the connection without close_notify", 0};
  if (impl_->no_record || impl_->unproved()) {
    return {ErrorKind::network, "the certificate does not verify: " + impl_->facts.verify_error, 0};
  }
  return {ErrorKind::network, impl_->why, 0};
}

}  // namespace postern::io
