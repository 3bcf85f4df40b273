// DANE: what the published records say of the chain that each address served (RFC 7672 3), and the next records to
// publish. The same rules as the sending side's, in digests of what was sent.
#include <algorithm>

#include "base/text.h"
#include "check/judge_impl.h"
#include "crypto/digest.h"
#include "dane/dane.h"

namespace postern::check::judging {

namespace {

std::string selected(const CertificateFacts& certificate, std::uint8_t selector, std::uint8_t matching) {
  const std::string& bytes = selector == 0 ? certificate.der : certificate.spki;
  if (matching == 0) return bytes;
  if (matching == 1) return std::string(crypto::view_of(crypto::Sha256::of(bytes)));
  return crypto::sha512(bytes);
}

bool is(const dns::Tlsa& record, const CertificateFacts& certificate) {
  return selected(certificate, record.selector, record.matching) == record.data;
}

// How many certificates of the chain lie on the way from the server's own one to the anchor, which counts as well where
// it was sent. 0: the record's anchor is not on the way. RFC 7671 5.2: the anchor's certificate must be sent, but for
// records that hold all of it.
std::size_t way_to_anchor(const dns::Tlsa& record, const std::vector<CertificateFacts>& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0 && !crypto::issued_by(chain[i - 1].der, chain[i].der)) return 0;
    if (i > 0 && is(record, chain[i])) return i + 1;
    if (record.matching != 0) continue;
    const bool whole = record.selector == 0 ? crypto::issued_by(chain[i].der, record.data)
                                            : crypto::signed_by(chain[i].der, record.data);
    if (whole) return i + 1;
  }
  return 0;
}

bool is_named(const CertificateFacts& own, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    // RFC 7672 3.2.2: the common name counts where there is no dNSName
    return own.names.empty() ? crypto::matches_host(own.common_name, name) : named(own, name);
  });
}

std::string short_form(const dns::Tlsa& record) {
  return std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' + std::to_string(record.matching) +
         ' ' + to_hex(std::string_view(record.data).substr(0, 8)) + (record.data.size() > 8 ? "..." : "");
}

std::string_view in_words(Fit fit) {
  switch (fit) {
    case Fit::matches:
      return "matches";
    case Fit::no_match:
      return "matches nothing that was sent";
    case Fit::unusable:
      return "cannot be used";
    case Fit::not_named:
      return "matches an issuer, but the certificate has not the host's name";
    case Fit::out_of_date:
      return "matches an issuer, but the chain is not in date";
  }
  return "";
}

bool usable(const dns::Tlsa& record) { return dane::usable(record); }

std::vector<dns::Tlsa> distinct(const std::vector<dns::Tlsa>& records) {
  std::vector<dns::Tlsa> out;
  for (const dns::Tlsa& one : records) {
    if (usable(one) && std::ranges::find(out, one) == out.end()) out.push_back(one);
  }
  return out;
}

}  // namespace

Fit fit(const dns::Tlsa& record, const std::vector<CertificateFacts>& chain, const std::vector<std::string>& names,
        WallMs now) {
  if (!usable(record)) return Fit::unusable;
  if (chain.empty()) return Fit::no_match;
  // RFC 7672 3.1.1: neither names nor dates count
  if (record.usage == 3) return is(record, chain.front()) ? Fit::matches : Fit::no_match;
  const std::size_t way = way_to_anchor(record, chain);
  if (way == 0) return Fit::no_match;
  if (!is_named(chain.front(), names)) return Fit::not_named;
  const bool dated = std::all_of(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(way),
                                 [now](const CertificateFacts& one) { return in_date(one, now); });
  return dated ? Fit::matches : Fit::out_of_date;
}

std::vector<std::string> dane_names(const Target& target, const MailHost& host) {
  // RFC 7672 3.2.2, as the sending side has it (outbound/published_tls.cc)
  const dns::Name& base = host.tlsa_base.is_root() ? host.name : host.tlsa_base;
  std::vector<std::string> out{base.text()};
  if (!target.mx_secure) return out;
  for (std::string& name : dane::reference_names(target.domain, target.canonical, base)) out.push_back(std::move(name));
  return out;
}

bool has_dane(const MailHost& host) {
  return host.tlsa != nullptr && host.tlsa->status == dns::Status::ok && host.tlsa->security == dns::Security::secure &&
         !host.tlsa->tlsa.empty();
}

bool dane_proves(const Target& target, const View& view, WallMs now, bool only_ee) {
  if (!has_dane(*view.host) || view.tls() == nullptr) return false;
  const auto names = dane_names(target, *view.host);
  return std::ranges::any_of(view.host->tlsa->tlsa, [&](const dns::Tlsa& record) {
    return (!only_ee || record.usage == 3) && fit(record, view.tls()->chain, names, now) == Fit::matches;
  });
}

std::string tlsa_owner(const dns::Name& host, std::uint16_t port) {
  return '_' + std::to_string(port) + "._tcp." + host.text() + '.';
}

std::string tlsa_record(const dns::Name& host, std::uint16_t port, std::string_view spki) {
  return tlsa_owner(host, port) + " IN TLSA 3 1 1 " + to_hex(crypto::view_of(crypto::Sha256::of(spki)));
}

void Judge::dane(const View& view) {
  const CertificateFacts* const own = view.certificate();
  const bool published = has_dane(*view.host);
  if (!published && own == nullptr) return;
  const std::string record = own == nullptr ? "" : tlsa_record(view.host->name, options_.smtp_port, own->spki);
  if (!published) {
    return add("dane.match", Outcome::info, view.subject,
               "no validated TLSA records; this one would match what is served now",
               "in a zone with DNSSEC publish this, and the next key's beside it before every change", record);
  }
  if (own == nullptr) {
    const std::string unknown = why_unknown(view);
    const ServerFacts& facts = *view.server;
    const bool no_tls = unknown.empty() && !facts.our_side && (facts.starttls_code < 400 || facts.starttls_code >= 500);
    if (!no_tls)
      return add("dane.match", Outcome::not_tested, view.subject, unknown.empty() ? facts.tls_problem : unknown,
                 "check again later");
    return add("dane.match", Outcome::fail, view.subject,
               "TLSA records are published, and there is no certificate to match",
               "repair STARTTLS, or take the TLSA records away: senders that know DANE do not deliver here");
  }
  const auto names = dane_names(target_, *view.host);
  std::string evidence;
  bool any = false;
  bool any_usable = false;
  for (const dns::Tlsa& one : view.host->tlsa->tlsa) {
    const Fit how = fit(one, view.tls()->chain, names, options_.now);
    any = any || how == Fit::matches;
    any_usable = any_usable || how != Fit::unusable;
    if (!evidence.empty()) evidence += "; ";
    evidence += short_form(one) + ' ' + std::string(in_words(how));
  }
  if (any) return add("dane.match", Outcome::pass, view.subject, evidence);
  if (!any_usable)
    return add("dane.match", Outcome::warn, view.subject, evidence + " (RFC 7672 2.2: TLS without proof)",
               "publish a record that proves the certificate", record);
  add("dane.match", Outcome::fail, view.subject, evidence,
      "publish the record of the key that is served, now: senders that know DANE do not deliver here", record);
}

void Judge::dane_host(const MailHost& host) {
  if (!has_dane(host)) return;
  const std::string& name = host.name.text();
  const auto records = distinct(host.tlsa->tlsa);
  const auto names = dane_names(target_, host);
  std::vector<dns::Tlsa> stale;
  std::vector<dns::Tlsa> anchors;
  bool seen = false;
  const CertificateFacts* own = nullptr;
  bool intermediate = false;
  bool any_way = false;  // a record of usage 2 is on the way from what is served
  for (const dns::Tlsa& record : records) {
    bool matched = false;
    for (const View* const view : of(host)) {
      if (view->certificate() == nullptr) continue;
      seen = true;
      own = view->certificate();
      const auto& chain = view->tls()->chain;
      matched = matched || fit(record, chain, names, options_.now) != Fit::no_match;
      // Of RSA beside ECDSA the deeper tests see both, the one connection one
      matched = matched || std::ranges::any_of(view->server->certificates, [&](const CertificateFacts& one) {
                  return record.usage == 3 && is(record, one);
                });
      if (record.usage != 2) continue;
      any_way = any_way || way_to_anchor(record, chain) > 1;
      const std::size_t way = way_to_anchor(record, chain);
      if (way > 1 && way <= chain.size() && !chain[way - 1].self_issued) intermediate = true;
    }
    if (record.usage == 2) anchors.push_back(record);
    if (!matched) stale.push_back(record);
  }
  if (seen && !stale.empty()) {
    std::string evidence;
    for (const dns::Tlsa& one : stale) evidence += (evidence.empty() ? "" : "; ") + short_form(one);
    add("dane.stale", Outcome::info, name, "match nothing that was served: " + evidence,
        options_.deep ? "this is right for the next key; what is left of an old one may go"
                      : "this is right for the next key, or for a certificate of another kind (RSA beside ECDSA, which "
                        "--deep tells); what is left of an old one may go");
  } else if (seen && !records.empty()) {
    add("dane.stale", Outcome::pass, name, "every usable record matches what was served");
  }
  if (intermediate && anchors.size() < 2)
    add("dane.intermediates", Outcome::warn, name, "the only record of usage 2 is that of an intermediate authority",
        "publish the records of all intermediates that the authority may issue from next, or one 3 1 1 of your own key",
        own != nullptr ? tlsa_record(host.name, options_.smtp_port, own->spki) : std::string());
  else if (any_way)
    add("dane.intermediates", Outcome::pass, name,
        intermediate ? std::to_string(anchors.size()) + " records of usage 2" : "the record of usage 2 is a root's");
  if (own == nullptr) return;
  const WallMs age = options_.now - own->not_before;
  if (age >= 0 && age < 2 * WallMs{1000} * host.tlsa->ttl)
    add("dane.young_certificate", Outcome::info, name,
        "the certificate is younger than two TTLs of its TLSA records (" + std::to_string(host.tlsa->ttl) + " s)",
        "keep the old record until two TTLs have passed: caches still have the set without the new one");
  else if (age >= 0)
    add("dane.young_certificate", Outcome::pass, name, "the certificate is of " + day(own->not_before));
}

void Judge::sts_and_dane(const MailHost& host) {
  if (!has_dane(host) || !target_.sts || target_.sts->mode != mtasts::Mode::enforce) return;
  for (const View* const view : of(host)) {
    if (view->certificate() == nullptr) continue;
    const bool by_dane = dane_proves(target_, *view, options_.now, false);
    const bool by_sts = pkix(*view, options_.now);
    if (by_dane == by_sts) {
      add("mta_sts.agrees", Outcome::pass, view->subject, by_dane ? "both prove the certificate" : "neither proves it");
    } else {
      add("mta_sts.agrees", Outcome::fail, view->subject,
          std::string(by_dane ? "DANE proves the certificate, MTA-STS does not"
                              : "MTA-STS proves the certificate, DANE does not"),
          "let the certificate satisfy both: which one counts is the sender's choice");
    }
  }
}

}  // namespace postern::check::judging
