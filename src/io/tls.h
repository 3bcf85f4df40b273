// TLS contexts over OpenSSL 3. Server: several certificates chosen by SNI, the first is the default; TLS 1.2 and later;
// no client certificates, no renegotiation, no compression; stateless tickets whose keys belong to this context (so a
// ticket never crosses listeners); ALPN is refused where it is not smtp-ish (ALPACA). Client: opportunistic by default
// (encrypts, reports what it could not verify), or verifying. Both are immutable once made and shared by all loops:
// a reload makes a new one, sessions keep the old.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace postern::io {

struct TlsCertificate {
  std::string certificate;         // PEM file: leaf and chain
  std::string key;                 // PEM file; may be the same file
  std::vector<std::string> names;  // empty: taken from the certificate (subjectAltName)
  // What is in the files, where somebody else has read them: then they are not opened.
  std::string certificate_text, key_text;
};

struct TlsServerOptions {
  std::vector<TlsCertificate> certificates;  // at least one
  std::string min_version = "TLSv1.2";
  bool keep_client_hello = false;  // in TlsFacts, for fingerprints
  // What a client that offers ALPN must offer one of; others get the alert no_application_protocol. A client that
  // offers nothing is served: hardly any MTA uses ALPN.
  std::vector<std::string> alpn = {"smtp"};
};

class TlsServerContext {
 public:
  // Errors name the file and what is wrong with it (missing, key does not match, expired is a warning).
  [[nodiscard]] static Result<std::shared_ptr<TlsServerContext>> make(const TlsServerOptions& options);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  TlsServerContext();
  std::unique_ptr<Impl> impl_;
};

// What the client demands of the server's certificate, beyond what its context demands of every one. A proof that is
// demanded and not given fails the handshake.
struct TlsExpect {
  enum class Proof : std::uint8_t {
    none,  // whatever the context says
    pkix,  // a chain to a trusted root, for one of the names (RFC 8461 4.1: in subjectAltName)
    // A TLSA record matches (RFC 7672 3.1): names count for usage 2 alone, dates not for usage 3. Records of which
    // tls_can_use() says no prove nothing: where all are such, what to do is the caller's decision (RFC 7672 2.2), and
    // a handshake that demands this proof nevertheless fails.
    dane,
  };
  struct Tlsa {  // RFC 6698 2.1
    std::uint8_t usage = 0, selector = 0, matching = 0;
    std::string data;
  };
  // A name as SNI, and to be verified where the context verifies.
  TlsExpect(std::string server = {}) : name(std::move(server)) {}  // NOLINT(google-explicit-constructor)

  std::string name;
  bool only_sni = false;  // the name is not verified: who asks looks at the certificate himself (TlsFacts::peer_chain)
  Proof proof = Proof::none;
  std::vector<std::string> names;  // further ones that the certificate may have (RFC 7672 3.2.2)
  std::vector<Tlsa> tlsa;
};

// Whether a certificate could ever be proved by this record: usage 2 or 3 (RFC 7672 3.1.3), selector and matching type
// known, a digest of its length, or a certificate or key that can be read.
[[nodiscard]] bool tls_can_use(const TlsExpect::Tlsa& record);

struct TlsClientOptions {
  bool verify = false;  // fail the handshake when the chain or the name does not verify
  std::string ca_file;  // empty: the system's store
  std::string min_version = "TLSv1.2";
  std::string ciphers;  // OpenSSL cipher string for TLS 1.2; empty: default
  // For who wants to know what a server does, not to send mail to it:
  bool weak = false;         // offers all that OpenSSL has: TLS 1.0 and 1.1, short keys, old hashes; min_version may be
                             // TLSv1 and TLSv1.1 then, and a server without RFC 5746 is spoken to
  bool keep_chain = false;   // in TlsFacts
  std::string max_version;   // empty: the latest
  std::string ciphersuites;  // of TLS 1.3, joined by ':'; empty: default
  std::string groups;        // joined by ':'; empty: default
  bool ask_status = false;   // OCSP: TlsFacts::ocsp
  bool renegotiate = false;  // Stream::renegotiate() may be called, also where the server lacks RFC 5746
};

class TlsClientContext {
 public:
  [[nodiscard]] static Result<std::shared_ptr<TlsClientContext>> make(const TlsClientOptions& options);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;
  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  TlsClientContext();
  std::unique_ptr<Impl> impl_;
};

// SHA-256 of the public key (SubjectPublicKeyInfo) of the first certificate in a PEM file: what a TLSA record 3 1 1
// holds.
[[nodiscard]] Result<std::string> certificate_key_digest(const std::string& certificate_file);
// What whoever connects sees of the first certificate in a PEM file.
struct CertificateSummary {
  std::vector<std::string> names;  // dNSName of subjectAltName, lower case; wildcards as they are
  WallMs not_after = 0;
};
[[nodiscard]] Result<CertificateSummary> certificate_summary(const std::string& certificate_file);

// Writes a self-signed ECDSA P-256 certificate for `hostname` (10 years) and its key (0600) unless both files exist.
// Returns true when they were made.
[[nodiscard]] Result<bool> ensure_self_signed(const std::string& certificate_file, const std::string& key_file,
                                              const std::string& hostname);

}  // namespace postern::io
