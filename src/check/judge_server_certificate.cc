// Certificates: dates, keys, chain, trust, names; what MTA-STS makes of them; whether all addresses have the same one.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "check/judge_impl.h"
#include "crypto/digest.h"

namespace postern::check::judging {

namespace {

constexpr WallMs kDay = 24LL * 60 * 60 * 1000;
constexpr WallMs kSoon = 7 * kDay, kBefore = 14 * kDay, kLong = 398 * kDay;

std::string why_not_trusted(const TlsFound& found) {
  return found.trust_error.empty() ? "it does not verify" : found.trust_error;
}

bool opportunistic_only(const Target& target) { return !target.sts || target.sts->mode == mtasts::Mode::none; }

}  // namespace

std::string day(WallMs time) { return iso8601(time).substr(0, 10); }

std::string fingerprint(const CertificateFacts& certificate) {
  return to_hex(crypto::view_of(crypto::Sha256::of(certificate.der)));
}

bool named(const CertificateFacts& certificate, std::string_view host) {
  return std::ranges::any_of(certificate.names,
                             [&](const std::string& pattern) { return crypto::matches_host(pattern, host); });
}

bool in_date(const CertificateFacts& certificate, WallMs now) {
  return certificate.not_before <= now && now <= certificate.not_after;
}

bool pkix(const View& view, WallMs now) {
  const CertificateFacts* const own = view.certificate();
  return own != nullptr && view.tls()->trusted && in_date(*own, now) && named(*own, view.host->name.text());
}

void Judge::certificate(const View& view) {
  const TlsFound* const found = view.tls();
  if (found == nullptr) return;
  const CertificateFacts* const own = view.certificate();
  if (own == nullptr) {
    add("tls.certificate", Outcome::fail, view.subject,
        found->unreadable > 0 ? "the certificate cannot be read" : "the server sends no certificate",
        "give the server a certificate");
    return;
  }
  const WallMs now = options_.now;
  add("tls.certificate", Outcome::info, view.subject,
      "subject " + own->subject + ", issuer " + own->issuer + ", SHA-256 " + fingerprint(*own));
  // Those that live for days alone are renewed when a third is left
  const WallMs lifetime = own->not_after - own->not_before;
  const std::string dates = day(own->not_before) + " to " + day(own->not_after);
  const std::string renew = "renew the certificate, and let something watch its end";
  if (own->not_before > now) {
    add("tls.dates", Outcome::fail, view.subject, "not valid yet: " + dates,
        "look at this machine's clock and the server's");
  } else if (own->not_after < now) {
    add("tls.dates", Outcome::fail, view.subject, "expired: " + dates, renew);
  } else if (own->not_after - now < std::min(kSoon, lifetime / 6)) {
    add("tls.dates", Outcome::fail, view.subject, "expires soon: " + dates, renew);
  } else if (own->not_after - now < std::min(kBefore, lifetime / 3)) {
    add("tls.dates", Outcome::warn, view.subject, "should have been renewed: " + dates, renew);
  } else {
    add("tls.dates", Outcome::pass, view.subject, dates);
  }
  if (lifetime > kLong)
    add("tls.lifetime", Outcome::info, view.subject, "valid for longer than 398 days: " + dates,
        "nothing must be done; public authorities issue no such certificates any more");
  else
    add("tls.lifetime", Outcome::pass, view.subject, std::to_string(lifetime / kDay) + " days: " + dates);
  certificate_key(view);
  chain(view);
  trust(view);
  sts(view);
}

void Judge::certificate_key(const View& view) {
  const CertificateFacts& own = *view.certificate();
  const std::string key =
      own.key_type + (own.curve.empty() ? "" : ' ' + own.curve) + ", " + std::to_string(own.key_bits) + " bits";
  if (own.key_type.starts_with("RSA")) {
    const Outcome outcome = own.key_bits >= 3072 ? Outcome::pass : own.key_bits >= 2048 ? Outcome::warn : Outcome::fail;
    add("tls.key", outcome, view.subject, key, "use an RSA key of 3072 bits or more, or ECDSA with P-256");
  } else if (own.key_type == "EC") {
    add("tls.key",
        own.key_bits >= 256   ? Outcome::pass
        : own.key_bits >= 224 ? Outcome::warn
                              : Outcome::fail,
        view.subject, key, "use P-256 or larger");
  } else if (own.key_type == "ED25519" || own.key_type == "ED448") {
    add("tls.key", Outcome::info, view.subject, key, "few senders can use it: serve RSA or ECDSA beside it");
  } else {
    add("tls.key", Outcome::fail, view.subject, key, "use RSA or ECDSA");
  }
  Class worst = Class::good;
  std::vector<std::string> said;
  for (const CertificateFacts& one : view.tls()->chain) {
    // A root's own signature proves nothing to anybody
    if (one.self_issued && &one != &own) continue;
    if (one.signature_hash.empty()) continue;
    worst = std::max(worst, hash_class(one.signature_hash));
    said.push_back(one.signature_hash);
  }
  add("tls.certificate_signature", outcome_of(worst), view.subject, said.empty() ? "no hash" : join(said),
      "have the certificate issued anew, signed with SHA-256");
}

void Judge::chain(const View& view) {
  const TlsFound& found = *view.tls();
  const auto& sent = found.chain;
  for (std::size_t i = 0; i + 1 < sent.size(); ++i) {
    if (crypto::issued_by(sent[i].der, sent[i + 1].der)) continue;
    return add("tls.chain", Outcome::warn, view.subject,
               "certificate " + std::to_string(i + 1) + " (" + sent[i].subject +
                   ") is not issued by the next one sent (" + sent[i + 1].subject + ")",
               "put the certificates in order: the server's own, its issuer, that one's issuer");
  }
  std::string evidence = std::to_string(sent.size()) + (sent.size() == 1 ? " certificate" : " certificates");
  if (found.unreadable > 0) evidence += ", and some that cannot be read";
  const bool incomplete = sent.size() == 1 && !sent.front().self_issued && !found.trusted;
  if (incomplete)
    return add("tls.chain", Outcome::warn, view.subject, evidence + "; the issuer is not sent: " + sent.front().issuer,
               "send the issuer's certificate as well (the file that is called fullchain)");
  // Of an end that is unknown here nobody can tell whether it is a private root or one certificate too few
  const bool open_end = sent.size() > 1 && !sent.back().self_issued && !found.trusted && found.unreadable == 0;
  if (open_end)
    return add("tls.chain", Outcome::info, view.subject,
               evidence + "; the issuer of the last one is neither sent nor trusted here: " + sent.back().issuer,
               "send that certificate as well, unless it is the root");
  add("tls.chain", found.unreadable > 0 ? Outcome::warn : Outcome::pass, view.subject, evidence,
      "send certificates only, in DER order");
}

void Judge::trust(const View& view) {
  const TlsFound& found = *view.tls();
  const CertificateFacts& own = *view.certificate();
  const std::string& host = view.host->name.text();
  const bool needed = !opportunistic_only(target_) && !dane_proves(target_, view, options_.now, true);
  // RFC 8461 5: `enforce` is what makes senders refuse
  const Outcome bad = !needed                                      ? Outcome::info
                      : target_.sts->mode == mtasts::Mode::enforce ? Outcome::fail
                                                                   : Outcome::warn;
  if (found.trusted)
    add("tls.trust", Outcome::pass, view.subject, "the chain ends at a root that is trusted here");
  else
    add("tls.trust", bad, view.subject, why_not_trusted(found),
        needed ? "MTA-STS needs a certificate of a public authority"
               : "senders without DANE or MTA-STS do not look; MTA-STS would need a certificate of a public authority");
  const std::string names = own.names.empty() ? "no subjectAltName" : join(own.names);
  if (named(own, host))
    add("tls.name", Outcome::pass, view.subject, names);
  else
    add("tls.name", bad, view.subject, host + " is not among: " + names,
        "have a certificate issued whose subjectAltName has " + host);
}

void Judge::sts(const View& view) {
  if (opportunistic_only(target_)) return;
  const bool enforce = target_.sts->mode == mtasts::Mode::enforce;
  if (pkix(view, options_.now))
    return add("mta_sts.certificate", Outcome::pass, view.subject,
               "trusted, in date, and for " + view.host->name.text());
  const TlsFound& found = *view.tls();
  const CertificateFacts& own = *view.certificate();
  std::string why = !found.trusted                ? why_not_trusted(found)
                    : !in_date(own, options_.now) ? "not in date: " + day(own.not_before) + " to " + day(own.not_after)
                                                  : "the name is not in it";
  add("mta_sts.certificate", enforce ? Outcome::fail : Outcome::warn, view.subject,
      "mode " + std::string(mtasts::to_string(target_.sts->mode)) + ": " + why,
      "serve a certificate of a public authority for " + view.host->name.text() +
          ", or set the policy to testing until it is there");
}

void Judge::one_certificate(const MailHost& host) {
  std::map<std::string, std::vector<std::string>> by_key;
  std::map<std::string, std::vector<std::string>> by_certificate;
  for (const View* const view : of(host)) {
    const CertificateFacts* const own = view->certificate();
    if (own == nullptr) continue;
    // An ECDSA and an RSA certificate side by side are one thing, and which one is sent may change
    by_certificate[fingerprint(*own)].push_back(view->address->address.text());
    by_key[own->spki].push_back(view->address->address.text());
  }
  if (by_certificate.empty()) return;
  const std::string& name = host.name.text();
  if (by_certificate.size() == 1) {
    if (by_certificate.begin()->second.size() > 1)
      add("tls.same_certificate", Outcome::pass, name, "all addresses serve " + by_certificate.begin()->first);
    return;
  }
  std::string evidence;
  for (const auto& [print, addresses] : by_certificate) {
    if (!evidence.empty()) evidence += "; ";
    evidence += join(addresses) + ": " + print.substr(0, 16);
  }
  if (by_key.size() == 1) evidence += "; the key is the same";
  add("tls.same_certificate", Outcome::warn, name, evidence,
      "serve the same certificate on all addresses of a name, or senders meet different proofs by chance");
}

void Judge::shared_key() {
  std::map<std::string, std::set<std::string>> hosts;
  for (const View& view : views_) {
    if (view.certificate() != nullptr) hosts[view.certificate()->spki].insert(view.host->name.text());
  }
  std::set<std::string> all;
  bool shared = false;
  for (const auto& [key, names] : hosts) {
    all.insert(names.begin(), names.end());
    if (names.size() < 2) continue;
    shared = true;
    add("tls.shared_key", Outcome::info, target_.domain.text(), "one key for " + join({names.begin(), names.end()}),
        "keys of their own let the hosts change them one after the other (with DANE that is the safer way)");
  }
  if (!shared && all.size() > 1)
    add("tls.shared_key", Outcome::pass, target_.domain.text(),
        join({all.begin(), all.end()}) + " have keys of their own");
}

}  // namespace postern::check::judging
