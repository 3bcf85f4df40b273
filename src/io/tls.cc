#include "io/tls.h"

#include <algorithm>
#include <array>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "io/tls_impl.h"

namespace postern::io {

namespace {

// Forward secrecy first; plain RSA key exchange last, for the old MTAs that would otherwise fall back to clear text.
// Not CCM_8, whose tags of 64 bits are too short (RFC 9325 4.2.1 recommends none of them).
constexpr const char* kServerCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES"
    ":!AESCCM8:!aNULL:!eNULL:!MD5:!DSS";
constexpr const char* kGroups = "X25519:P-256:X448:P-521:P-384";

const LoadedCertificate* choose(const std::vector<LoadedCertificate>& all, std::string_view name, int type) {
  for (const auto& one : all) {
    if (one.type != type) continue;
    for (const auto& pattern : one.names) {
      if (name_matches(pattern, name)) return &one;
    }
  }
  return nullptr;
}

bool use(SSL* ssl, const LoadedCertificate& certificate) {
  return SSL_use_cert_and_key(ssl, certificate.leaf.get(), certificate.key.get(), certificate.chain.get(), 1) == 1;
}

// Chooses by SNI. The context stays the same, so that its ticket keys serve all names.
int choose_certificate(SSL* ssl, void* argument) {
  const auto& context = *static_cast<const TlsServerContext::Impl*>(argument);
  if (context.certificates.size() < 2) return 1;
  const char* const sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (sni == nullptr) return 1;
  const std::string name = lower(sni);
  std::vector<const LoadedCertificate*> chosen;
  for (const auto& one : context.certificates) {
    const bool have = std::any_of(chosen.begin(), chosen.end(), [&](const auto* c) { return c->type == one.type; });
    if (have) continue;
    if (const auto* match = choose(context.certificates, name, one.type)) chosen.push_back(match);
  }
  if (chosen.empty()) return 1;  // nobody's name: the default, which an opportunistic client takes as well
  SSL_certs_clear(ssl);
  return std::all_of(chosen.begin(), chosen.end(), [&](const auto* c) { return use(ssl, *c); }) ? 1 : 0;
}

// RFC 6066 3: acknowledged, which also makes OpenSSL keep the name in the ticket.
int accept_server_name(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

// RFC 7301 3.2: nothing in common is fatal. This is what stops cross-protocol attacks (ALPACA).
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned size,
                void* argument) {
  const auto& context = *static_cast<const TlsServerContext::Impl*>(argument);
  std::string_view rest(reinterpret_cast<const char*>(offered), size);
  while (!rest.empty()) {
    const auto length = static_cast<unsigned char>(rest.front());
    const std::string_view protocol = rest.substr(1, length);
    if (std::find(context.alpn.begin(), context.alpn.end(), protocol) != context.alpn.end()) {
      *out = reinterpret_cast<const unsigned char*>(protocol.data());
      *out_size = static_cast<unsigned char>(protocol.size());
      return SSL_TLSEXT_ERR_OK;
    }
    rest.remove_prefix(std::min(rest.size(), std::size_t{1} + length));
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int version_number(std::string_view version) {
  if (version == "TLSv1") return TLS1_VERSION;
  if (version == "TLSv1.1") return TLS1_1_VERSION;
  if (version == "TLSv1.2") return TLS1_2_VERSION;
  return version == "TLSv1.3" ? TLS1_3_VERSION : 0;
}

// What a client offers that wants to know a server.
Result<void> configure_weak(SSL_CTX* ctx, const std::string& min_version) {
  SSL_CTX_set_security_level(ctx, 0);
  const int version = version_number(min_version);
  if (version == 0 || SSL_CTX_set_min_proto_version(ctx, version) != 1) {
    return fail(ErrorKind::invalid, "TLS minimum version '" + printable(min_version) + "': use TLSv1 to TLSv1.3");
  }
  SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
  return {};
}

Result<void> configure_choice(SSL_CTX* ctx, const TlsClientOptions& options) {
  if (!options.max_version.empty()) {
    const int version = version_number(options.max_version);
    if (version == 0 || SSL_CTX_set_max_proto_version(ctx, version) != 1) {
      return fail(ErrorKind::invalid, "TLS client: no such version '" + printable(options.max_version) + "'");
    }
  }
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(ctx, options.ciphers.c_str()) != 1) {
    return fail(ErrorKind::invalid, "TLS client: ciphers '" + printable(options.ciphers) + "': " + openssl_error());
  }
  if (!options.ciphersuites.empty() && SSL_CTX_set_ciphersuites(ctx, options.ciphersuites.c_str()) != 1) {
    return fail(ErrorKind::invalid,
                "TLS client: cipher suites '" + printable(options.ciphersuites) + "': " + openssl_error());
  }
  if (!options.groups.empty() && SSL_CTX_set1_groups_list(ctx, options.groups.c_str()) != 1) {
    return fail(ErrorKind::invalid, "TLS client: groups '" + printable(options.groups) + "': " + openssl_error());
  }
  return {};
}

}  // namespace

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

Result<void> configure_common(SSL_CTX* ctx, const std::string& min_version) {
  const int version = version_number(min_version);
  if (version < TLS1_2_VERSION)
    return fail(ErrorKind::invalid, "TLS minimum version '" + printable(min_version) + "': use TLSv1.2 or TLSv1.3");
  SSL_CTX_set_min_proto_version(ctx, version);
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A record's header and body in one read.
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set1_groups_list(ctx, kGroups) != 1) return fail(ErrorKind::invalid, "TLS groups: " + openssl_error());
  return {};
}

TlsServerContext::TlsServerContext() : impl_(std::make_unique<Impl>()) {}
TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(const TlsServerOptions& options) {
  if (options.certificates.empty()) return fail(ErrorKind::invalid, "TLS server: no certificate; name at least one");
  std::shared_ptr<TlsServerContext> context(new TlsServerContext());
  Impl& impl = context->impl();
  ERR_clear_error();
  impl.ctx.reset(SSL_CTX_new(TLS_server_method()));
  if (impl.ctx == nullptr) return fail(ErrorKind::network, "TLS server: " + openssl_error());
  SSL_CTX* const ctx = impl.ctx.get();
  POSTERN_TRY_VOID(configure_common(ctx, options.min_version));
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (SSL_CTX_set_cipher_list(ctx, kServerCiphers) != 1) {
    return fail(ErrorKind::invalid, "TLS server: ciphers: " + openssl_error());
  }
  SSL_CTX_set_dh_auto(ctx, 1);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
  // One ticket: a client that speaks SMTP comes back with one connection at a time. The keys are OpenSSL's own, random
  // for each context, and so is the session id context: a ticket of another listener or before a reload is not taken.
  SSL_CTX_set_num_tickets(ctx, 1);
  std::array<unsigned char, 16> id{};
  random_bytes(id.data(), id.size());
  SSL_CTX_set_session_id_context(ctx, id.data(), id.size());

  for (const auto& files : options.certificates) {
    POSTERN_TRY(auto loaded, load_certificate(files));
    impl.certificates.push_back(std::move(loaded));
  }
  // The default: the first, and of other key types the first that shares a name with it (ECDSA beside RSA).
  const auto& first = impl.certificates.front();
  std::vector<int> types;
  for (const auto& one : impl.certificates) {
    const bool kin = &one == &first || std::any_of(one.names.begin(), one.names.end(), [&](const std::string& name) {
      return std::find(first.names.begin(), first.names.end(), name) != first.names.end();
    });
    if (!kin || std::find(types.begin(), types.end(), one.type) != types.end()) continue;
    types.push_back(one.type);
    if (SSL_CTX_use_cert_and_key(ctx, one.leaf.get(), one.key.get(), one.chain.get(), 1) != 1) {
      return fail(ErrorKind::invalid, "TLS certificate: " + openssl_error());
    }
  }
  impl.alpn = options.alpn;
  impl.keep_client_hello = options.keep_client_hello;
  SSL_CTX_set_cert_cb(ctx, choose_certificate, &impl);
  SSL_CTX_set_tlsext_servername_callback(ctx, accept_server_name);
  SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, &impl);
  return context;
}

TlsClientContext::TlsClientContext() : impl_(std::make_unique<Impl>()) {}
TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(const TlsClientOptions& options) {
  std::shared_ptr<TlsClientContext> context(new TlsClientContext());
  Impl& impl = context->impl();
  ERR_clear_error();
  impl.ctx.reset(SSL_CTX_new(TLS_client_method()));
  if (impl.ctx == nullptr) return fail(ErrorKind::network, "TLS client: " + openssl_error());
  SSL_CTX* const ctx = impl.ctx.get();
  POSTERN_TRY_VOID(configure_common(ctx, options.weak ? "TLSv1.2" : options.min_version));
  if (options.weak) POSTERN_TRY_VOID(configure_weak(ctx, options.min_version));
  POSTERN_TRY_VOID(configure_choice(ctx, options));
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(ctx);
  } else if (SSL_CTX_load_verify_locations(ctx, options.ca_file.c_str(), nullptr) != 1) {
    return fail(ErrorKind::invalid, "TLS client: CA file " + options.ca_file + ": " + openssl_error());
  }
  ERR_clear_error();
  // Digests for the matching types of RFC 6698; their order of preference is OpenSSL's (RFC 7671 9: the longer one).
  if (SSL_CTX_dane_enable(ctx) != 1) return fail(ErrorKind::network, "TLS client: DANE: " + openssl_error());
  // Without SSL_VERIFY_PEER OpenSSL still verifies and tells; it only goes on afterwards.
  SSL_CTX_set_verify(ctx, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.ask_status) SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
  if (options.renegotiate) {
    SSL_CTX_clear_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
  }
  impl.verify = options.verify;
  impl.keep_chain = options.keep_chain;
  return context;
}

}  // namespace postern::io
