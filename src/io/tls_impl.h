// What tls_layer.cc needs of the contexts, and small OpenSSL helpers. Internal to io.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "io/tls.h"

namespace postern::io {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

struct X509StackFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using ChainPtr = std::unique_ptr<STACK_OF(X509), X509StackFree>;

struct LoadedCertificate {
  X509Ptr leaf;
  KeyPtr key;
  ChainPtr chain;
  std::vector<std::string> names;  // lower case; "*.example.org" stands for one label
  int type = 0;                    // EVP_PKEY_EC, EVP_PKEY_RSA, ...
};

// Reads certificate, chain and key and checks that they belong together. Errors name the file and the remedy.
[[nodiscard]] Result<LoadedCertificate> load_certificate(const TlsCertificate& files);
[[nodiscard]] bool name_matches(const std::string& pattern, std::string_view name);

struct TlsServerContext::Impl {
  SslCtxPtr ctx;
  std::vector<LoadedCertificate> certificates;
  std::vector<std::string> alpn;
  bool keep_client_hello = false;
};

struct TlsClientContext::Impl {
  SslCtxPtr ctx;
  bool verify = false;
  bool keep_chain = false;
};

// The oldest error of this thread's queue, in words, and empties the queue.
[[nodiscard]] std::string openssl_error();
// Options that both sides share; an error names a version that is not known.
[[nodiscard]] Result<void> configure_common(SSL_CTX* ctx, const std::string& min_version);

}  // namespace postern::io
