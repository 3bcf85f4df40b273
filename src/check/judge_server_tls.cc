// STARTTLS and what was negotiated on the one polite connection.
#include <algorithm>

#include "check/judge_impl.h"

namespace postern::check::judging {

void Judge::starttls(const View& view) {
  const ServerFacts& facts = *view.server;
  const std::string unknown = why_unknown(view);
  if (!unknown.empty()) return add("tls.starttls", Outcome::not_tested, view.subject, unknown, "check again later");
  if (!facts.offers_starttls)
    return add("tls.starttls", Outcome::fail, view.subject,
               facts.extended ? "EHLO offers no STARTTLS: " + join(facts.extensions) : "no EHLO, no STARTTLS",
               "give the server a certificate and switch STARTTLS on");
  if (facts.tls)
    return add("tls.starttls", Outcome::pass, view.subject, facts.tls->version + " with " + facts.tls->cipher);
  if (facts.our_side) return add("tls.starttls", Outcome::not_tested, view.subject, facts.tls_problem);
  if (facts.starttls_code >= 400 && facts.starttls_code < 500)
    return add("tls.starttls", Outcome::not_tested, view.subject, facts.tls_problem, "check again later");
  add("tls.starttls", Outcome::fail, view.subject, "STARTTLS is offered, and TLS fails: " + facts.tls_problem,
      "look in the server's log at this handshake: the certificate's files, or the versions and ciphers it allows");
}

void Judge::tls(const View& view) {
  const TlsFound* const found = view.tls();
  if (found == nullptr) return;
  const Class version = version_class(found->version);
  add("tls.version", outcome_of(version), view.subject,
      found->version + " was negotiated: " + std::string(to_string(version)), "let the server speak TLS 1.2 and 1.3");
  const Class cipher = cipher_class(found->cipher);
  add("tls.cipher", outcome_of(cipher), view.subject, found->cipher + ": " + std::string(to_string(cipher)),
      "prefer ECDHE with AES-GCM or ChaCha20");
  key_exchange(view);
  if (found->version != "TLSv1.3")
    older(view, found->version, found->extended_master_secret, found->secure_renegotiation);
  else if (view.server->older_master_secret && view.server->older_renegotiation)
    older(view, "an older version", *view.server->older_master_secret, *view.server->older_renegotiation);
  else
    no_older(view);
}

// TLS 1.3 was negotiated, which has both by nature, and nothing is known of older versions.
void Judge::no_older(const View& view) {
  const ServerFacts& facts = *view.server;
  const auto is_version = [](const TlsTried& one) { return one.what == TlsTried::What::version; };
  const bool newest_alone = facts.deep_ended.empty() && std::ranges::any_of(facts.tried, is_version) &&
                            std::ranges::none_of(facts.tried, [&](const TlsTried& one) {
                              return is_version(one) && one.accepted && one.version != "TLSv1.3";
                            });
  const std::string evidence =
      newest_alone ? "TLS 1.3 alone is taken, which has it by nature"
      : facts.deep_ended.empty()
          ? "TLS 1.3 was negotiated, which has it by nature; --deep looks at older versions"
          : "TLS 1.3 was negotiated, which has it by nature; of older versions: " + facts.deep_ended;
  for (const std::string_view id : {"tls.extended_master_secret", "tls.renegotiation"})
    add(id, newest_alone ? Outcome::pass : Outcome::not_tested, view.subject, evidence);
}

void Judge::older(const View& view, const std::string& version, bool master_secret, bool renegotiation) {
  add("tls.extended_master_secret", master_secret ? Outcome::pass : Outcome::fail, view.subject,
      version + (master_secret ? " with it" : " without it"), "renew the TLS library: RFC 7627");
  add("tls.renegotiation", renegotiation ? Outcome::pass : Outcome::fail, view.subject,
      version + (renegotiation ? ": RFC 5746 is supported" : ": RFC 5746 is not supported"),
      "renew the TLS library: RFC 5746");
}

void Judge::key_exchange(const View& view) {
  const TlsFound& found = *view.tls();
  if (!found.group.empty() || found.dh_bits > 0) {
    const Class group = group_class(found.group, found.dh_bits);
    std::string name = found.group.empty() ? "finite field" : found.group;
    if (found.dh_bits > 0) name += ", " + std::to_string(found.dh_bits) + " bits";
    add("tls.group", outcome_of(group), view.subject, name + ": " + std::string(to_string(group)),
        "offer X25519 and P-256; finite-field groups with 3072 bits or more");
  }
  if (found.signature_hash.empty()) return;
  const Class hash = hash_class(found.signature_hash);
  add("tls.signature", outcome_of(hash), view.subject, "the handshake is signed with " + found.signature_hash,
      "let the server sign with SHA-256 or better");
}

}  // namespace postern::check::judging
