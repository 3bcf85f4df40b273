// What the files that judge servers share. Internal to check.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/probe.h"
#include "check/report.h"
#include "check/target.h"

namespace postern::check::judging {

// One address of one host.
struct View {
  const MailHost* host = nullptr;
  const Address* address = nullptr;
  const ServerFacts* server = nullptr;  // null: never connected to
  std::string subject;                  // "mx.example.org [2001:db8::1]"
  [[nodiscard]] bool v6() const { return address->address.is_v6(); }
  [[nodiscard]] const TlsFound* tls() const { return server != nullptr && server->tls ? &*server->tls : nullptr; }
  // The server's own certificate; null where none was seen.
  [[nodiscard]] const CertificateFacts* certificate() const {
    const TlsFound* const found = tls();
    return found != nullptr && !found->chain.empty() ? &found->chain.front() : nullptr;
  }
};

class Judge {
 public:
  Judge(const Target& target, const Options& options);
  [[nodiscard]] std::vector<Finding> run();

 private:
  void add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix = {},
           std::string record = {});

  // judge_server.cc
  void reach(const View& view);
  void reach_host(const MailHost& host);
  // Every address of every host was silent, which a blocked port 25 here looks like, too.
  [[nodiscard]] bool all_silent() const;
  void not_deep();
  void no_deep(const std::string& subject, const std::string& why, const std::string& fix);
  void banner(const View& view);
  void banner_name(const View& view);
  void delay(const View& view);
  void hello(const View& view);
  void extensions(const View& view);
  // judge_server_tls.cc
  void starttls(const View& view);
  void tls(const View& view);
  void key_exchange(const View& view);
  void older(const View& view, const std::string& version, bool master_secret, bool renegotiation);
  void no_older(const View& view);
  // judge_server_holes.cc
  void ocsp(const View& view);
  void early_data(const View& view);
  void deep_holes(const View& view);
  void deep_renegotiation(const View& view);
  // judge_server_certificate.cc
  void certificate(const View& view);
  void certificate_key(const View& view);
  void chain(const View& view);
  void trust(const View& view);
  void sts(const View& view);
  void one_certificate(const MailHost& host);
  void shared_key();
  // judge_server_dane.cc
  void dane(const View& view);
  void dane_host(const MailHost& host);
  void sts_and_dane(const MailHost& host);
  // judge_server_parity.cc
  void parity(const MailHost& host);
  // judge_server_deep.cc
  void deep(const View& view);
  void deep_versions(const View& view);
  void deep_ciphers(const View& view);
  void deep_groups(const View& view);
  void deep_names(const View& view);
  void deep_certificates(const View& view);
  void deep_recipients(const View& view);
  void deep_relay(const View& view);
  void deep_disclosure(const View& view);
  void deep_input(const View& view);

  [[nodiscard]] std::vector<const View*> of(const MailHost& host) const;

  const Target& target_;
  const Options& options_;
  std::vector<View> views_;
  std::vector<Finding> findings_;
};

// "example.org." and friends, as a record to publish has them.
[[nodiscard]] std::string tlsa_record(const dns::Name& host, std::uint16_t port, std::string_view spki);
[[nodiscard]] std::string tlsa_owner(const dns::Name& host, std::uint16_t port);

// How one TLSA record fares against what a server sent.
enum class Fit : std::uint8_t {
  matches,
  no_match,
  unusable,     // usage, selector, matching type or length (RFC 7672 3.1)
  not_named,    // usage 2 matches, and the certificate has none of the names (RFC 7672 3.2.2)
  out_of_date,  // usage 2 matches, and a certificate on the way is expired or not yet valid
};
[[nodiscard]] Fit fit(const dns::Tlsa& record, const std::vector<CertificateFacts>& chain,
                      const std::vector<std::string>& names, WallMs now);
[[nodiscard]] std::vector<std::string> dane_names(const Target& target, const MailHost& host);
// Validated records are there.
[[nodiscard]] bool has_dane(const MailHost& host);
// A record matches; usage 3 alone, or any.
[[nodiscard]] bool dane_proves(const Target& target, const View& view, WallMs now, bool only_ee);

// What a subjectAltName says of the host (RFC 8461 4.1: the common name does not count).
[[nodiscard]] bool named(const CertificateFacts& certificate, std::string_view host);
[[nodiscard]] bool in_date(const CertificateFacts& certificate, WallMs now);
// PKIX with the host's name.
[[nodiscard]] bool pkix(const View& view, WallMs now);

[[nodiscard]] std::string day(WallMs time);                                  // "2026-11-21"
[[nodiscard]] std::string fingerprint(const CertificateFacts& certificate);  // SHA-256, hex
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view between = ", ");
// The reason why nothing is known of an address beyond what reach.connect says; empty where the dialogue went its way.
[[nodiscard]] std::string why_unknown(const View& view);

// The classes of internet.nl (NCSC-NL 2025-05), from good to insufficient.
enum class Class : std::uint8_t { good, sufficient, phase_out, insufficient };
[[nodiscard]] std::string_view to_string(Class level);
[[nodiscard]] Class version_class(std::string_view version);
[[nodiscard]] Class cipher_class(std::string_view cipher);  // OpenSSL's name
[[nodiscard]] Class group_class(std::string_view group, int dh_bits);
[[nodiscard]] Class hash_class(std::string_view hash);
[[nodiscard]] Outcome outcome_of(Class level);  // pass, pass, warn, fail

}  // namespace postern::check::judging
