#include "load/tls_client.h"

#include <openssl/err.h>

#include <cstdio>
#include <cstdlib>

namespace smtpload {

TlsClient::TlsClient(bool resume) : context_(SSL_CTX_new(TLS_client_method())), resume_(resume) {
  if (context_ == nullptr) {
    ERR_print_errors_fp(stderr);
    std::abort();
  }
  SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);  // a self-signed server is the usual one here
  SSL_CTX_set_mode(context_,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (!resume_) {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    return;
  }
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, keep_ticket);
  SSL_CTX_set_app_data(context_, this);
}

TlsClient::~TlsClient() {
  for (SSL_SESSION* ticket : tickets_) SSL_SESSION_free(ticket);
  SSL_CTX_free(context_);
}

int TlsClient::keep_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (self->tickets_.size() >= kTicketsMax) return 0;  // not kept: OpenSSL frees it
  self->tickets_.push_back(session);
  return 1;
}

SslPtr TlsClient::start(int fd, bool& offered) {
  SslPtr ssl(SSL_new(context_));
  SSL_set_fd(ssl.get(), fd);
  SSL_set_tlsext_host_name(ssl.get(), "mx.example.com");
  offered = false;
  if (resume_ && !tickets_.empty()) {
    // RFC 8446 C.4: a client should use each ticket once. The last one is kept and offered again, for a server that
    // gives no new one when it resumes.
    SSL_SESSION* ticket = tickets_.front();
    offered = SSL_set_session(ssl.get(), ticket) == 1;
    if (tickets_.size() > 1) {
      tickets_.pop_front();
      SSL_SESSION_free(ticket);
    }
  }
  return ssl;
}

}  // namespace smtpload
