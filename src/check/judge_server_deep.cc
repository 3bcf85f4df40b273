// What the further connections showed. What they did not get to is not tested, with the reason why they ended.
#include <algorithm>

#include "base/text.h"
#include "check/judge_impl.h"

namespace postern::check::judging {

namespace {

using What = TlsTried::What;

std::vector<const TlsTried*> tried(const ServerFacts& facts, What what) {
  std::vector<const TlsTried*> out;
  for (const TlsTried& one : facts.tried) {
    if (one.what == what) out.push_back(&one);
  }
  return out;
}

const RecipientProbe* find(const ServerFacts& facts, std::string_view what) {
  const auto at = std::ranges::find(facts.probes, what, &RecipientProbe::what);
  return at != facts.probes.end() ? &*at : nullptr;
}

bool taken(const RecipientProbe* probe) { return probe != nullptr && probe->code / 100 == 2; }
bool refused(const RecipientProbe* probe) { return probe != nullptr && probe->code >= 500; }

std::string in_words(const RecipientProbe& probe) {
  const std::string command = probe.what == "null-sender"    ? "MAIL FROM:<>"
                              : probe.what == "relay-as-own" ? "RCPT TO:<" + probe.path + "> from their own postmaster"
                                                             : "RCPT TO:<" + probe.path + '>';
  return command + ": " + probe.reply;
}

std::string why_not(const ServerFacts& facts) {
  return facts.deep_ended.empty() ? "the server's answers left no way to ask" : facts.deep_ended;
}

}  // namespace

void Judge::deep(const View& view) {
  if (!view.server->deep) {
    if (!view.server->deep_ended.empty())
      no_deep(view.subject, view.server->deep_ended, "whoever operates that host checks a domain of its own");
    return;
  }
  if (view.tls() != nullptr) {
    deep_versions(view);
    deep_ciphers(view);
    deep_groups(view);
    deep_names(view);
    deep_certificates(view);
    deep_holes(view);
  }
  deep_recipients(view);
  deep_relay(view);
  deep_disclosure(view);
  deep_input(view);
}

void Judge::deep_versions(const View& view) {
  const auto all = tried(*view.server, What::version);
  if (all.empty()) return add("tls.versions", Outcome::not_tested, view.subject, why_not(*view.server));
  std::string evidence;
  bool current = false;
  bool old = false;
  bool ssl = false;
  for (const TlsTried* const one : all) {
    if (!evidence.empty()) evidence += "; ";
    evidence += one->version + (one->accepted ? " accepted" : " refused");
    const bool sound = version_class(one->version) <= Class::sufficient;
    current = current || (one->accepted && sound);
    old = old || (one->accepted && !sound);
    ssl = ssl || (one->accepted && one->version.starts_with("SSL"));
  }
  // Mail that would go in clear otherwise is better off with an old version than with none
  add("tls.versions",
      !current || ssl ? Outcome::fail
      : old           ? Outcome::warn
                      : Outcome::pass,
      view.subject, evidence,
      ssl ? "switch SSL off (RFC 7568, RFC 6176)"
          : "switch TLS 1.0 and 1.1 off (RFC 8996): hardly a server speaks nothing newer");
}

void Judge::deep_ciphers(const View& view) {
  const ServerFacts& facts = *view.server;
  std::vector<const TlsTried*> accepted;
  for (const TlsTried* const one : tried(facts, What::cipher)) {
    if (one->accepted) accepted.push_back(one);
  }
  if (accepted.empty()) {
    for (const std::string_view id : {"tls.ciphers", "tls.order"})
      add(id, Outcome::not_tested, view.subject, why_not(facts));
    return;
  }
  Class worst = Class::good;
  std::string evidence;
  for (const TlsTried* const one : accepted) {
    const Class level = cipher_class(one->cipher);
    worst = std::max(worst, level);
    // What older versions take of the same is not said again
    const bool said = std::ranges::any_of(accepted, [&](const TlsTried* before) {
      return before->cipher == one->cipher && before->version == "TLSv1.2" && one->version != "TLSv1.2";
    });
    if (said) continue;
    if (!evidence.empty()) evidence += "; ";
    evidence += one->cipher;
    if (one->version != "TLSv1.2" && one->version != "TLSv1.3") evidence += " in " + one->version;
    if (outcome_of(level) != Outcome::pass) evidence += " (" + std::string(to_string(level)) + ')';
  }
  const std::string open = !facts.deep_ended.empty() ? facts.deep_ended : facts.ciphers_open;
  if (!open.empty()) evidence = "the list may be incomplete: " + open + "; " + evidence;
  add("tls.ciphers", outcome_of(worst), view.subject, evidence,
      "allow ECDHE with AES-GCM and ChaCha20 alone, and what TLS 1.3 has");

  if (!facts.own_order) {
    const bool nothing_to_order =
        open.empty() && std::ranges::none_of(accepted, [](const TlsTried* one) { return one->version == "TLSv1.2"; });
    return add("tls.order", nothing_to_order ? Outcome::pass : Outcome::not_tested, view.subject,
               nothing_to_order ? "no cipher of TLS 1.2 is taken: there is nothing to order" : why_not(facts));
  }
  // The order in which TLS 1.2 gave them up, which is the server's where it goes by its own
  std::vector<Class> order;
  for (const TlsTried* const one : accepted) {
    if (one->version == "TLSv1.2") order.push_back(std::max(cipher_class(one->cipher), Class::sufficient));
  }
  const bool one_class = std::ranges::adjacent_find(order, std::ranges::not_equal_to()) == order.end();
  const std::string fix = "let the server go by its own order, the best first";
  if (one_class)
    add("tls.order", Outcome::pass, view.subject, "all ciphers of TLS 1.2 are of one class: order does not matter");
  else if (!*facts.own_order)
    add("tls.order", Outcome::warn, view.subject, "the client's order decides", fix);
  else if (std::ranges::is_sorted(order))
    add("tls.order", Outcome::pass, view.subject, "the server's order decides, and has the better ones first");
  else
    add("tls.order", Outcome::fail, view.subject, "the server prefers worse ciphers to better ones", fix);
}

void Judge::deep_groups(const View& view) {
  Class worst = Class::good;
  std::string evidence;
  for (const TlsTried* const one : tried(*view.server, What::group)) {
    if (!one->accepted) continue;
    worst = std::max(worst, group_class(one->group, 0));
    evidence += (evidence.empty() ? "" : "; ") + one->group;
  }
  for (const TlsTried* const one : tried(*view.server, What::cipher)) {
    if (!one->accepted || one->dh_bits == 0 || one->version == "TLSv1.3") continue;
    worst = std::max(worst, group_class("", one->dh_bits));
    evidence += (evidence.empty() ? "" : "; ") + one->cipher + " with " + std::to_string(one->dh_bits) + " bits";
  }
  if (evidence.empty()) return add("tls.groups", Outcome::not_tested, view.subject, why_not(*view.server));
  add("tls.groups", outcome_of(worst), view.subject, evidence, "offer X25519 and P-256; finite fields from 3072 bits");
}

void Judge::deep_names(const View& view) {
  const auto& all = view.server->other_names;
  if (all.empty()) return add("tls.sni", Outcome::not_tested, view.subject, why_not(*view.server));
  const std::string& host = view.host->name.text();
  std::string evidence;
  bool good = true;
  for (const OtherName& one : all) {
    const std::string who = one.name.empty() ? "without SNI" : "SNI " + one.name;
    if (!evidence.empty()) evidence += "; ";
    if (!one.done) {
      good = false;
      evidence += who + ": no handshake (" + one.trust_error + ")";
      continue;
    }
    const bool right = std::ranges::any_of(one.names, [&](const std::string& pattern) {
      return crypto::matches_host(pattern, host) || crypto::matches_host(pattern, one.name);
    });
    const bool before = view.certificate() != nullptr && named(*view.certificate(), host);
    // Where the host's own name meets none that fits either, nothing is lost
    good = good && (right || !before);
    evidence += who + ": " + (one.names.empty() ? "no name" : join(one.names));
  }
  add("tls.sni", good ? Outcome::pass : Outcome::warn, view.subject, evidence,
      "serve the MX host's certificate by default: many senders give another name, or none");
}

void Judge::deep_certificates(const View& view) {
  const auto& all = view.server->certificates;
  if (!has_dane(*view.host)) return;
  if (all.empty()) return add("dane.every_certificate", Outcome::not_tested, view.subject, why_not(*view.server));
  if (all.size() == 1) {  // dane.match judges it
    return add(
        "dane.every_certificate", Outcome::info, view.subject,
        "one certificate alone is served: " + all.front().key_type + ' ' + fingerprint(all.front()).substr(0, 16));
  }
  const auto names = dane_names(target_, *view.host);
  std::string evidence;
  bool good = true;
  for (const CertificateFacts& one : all) {
    const bool matches = std::ranges::any_of(view.host->tlsa->tlsa, [&](const dns::Tlsa& record) {
      return record.usage != 3 || fit(record, {one}, names, options_.now) == Fit::matches;
    });
    good = good && matches;
    if (!evidence.empty()) evidence += "; ";
    evidence +=
        one.key_type + ' ' + fingerprint(one).substr(0, 16) + (matches ? " matches" : " matches no TLSA record");
    if (!matches)
      add("dane.every_certificate", Outcome::fail, view.subject,
          one.key_type + " certificate " + fingerprint(one).substr(0, 16) +
              " is served as well, and matches no TLSA record",
          "publish its record too: which certificate a sender gets is the handshake's choice",
          tlsa_record(view.host->name, options_.smtp_port, one.spki));
  }
  if (good) add("dane.every_certificate", Outcome::pass, view.subject, evidence);
}

void Judge::deep_recipients(const View& view) {
  const ServerFacts& facts = *view.server;
  const auto judge = [&](std::string_view id, std::string_view what, Outcome bad, const std::string& fix,
                         const std::string& more = {}) {
    const RecipientProbe* const probe = find(facts, what);
    if (probe == nullptr) return add(id, Outcome::not_tested, view.subject, why_not(facts));
    if (taken(probe)) return add(id, Outcome::pass, view.subject, in_words(*probe) + more);
    if (probe->code < 500)
      return add(id, Outcome::info, view.subject, in_words(*probe) + " (greylisted, or a limit)", "try again later");
    add(id, bad, view.subject, in_words(*probe) + more, fix);
  };
  const std::string& domain = target_.domain.text();
  // Told, and no fault: a mail host need not be a mail domain
  const RecipientProbe* const at_host = find(facts, "postmaster-host");
  judge("smtp.null_sender", "null-sender", Outcome::fail,
        "take MAIL FROM:<>: reports of failures come with it (RFC 5321 4.5.5)");
  judge("smtp.postmaster", "postmaster", Outcome::fail,
        "let postmaster@" + domain + " lead to somebody (RFC 5321 4.5.1)",
        at_host == nullptr ? "" : "; " + in_words(*at_host));
  judge("smtp.abuse", "abuse", Outcome::warn, "let abuse@" + domain + " lead to somebody (RFC 2142)");
  const RecipientProbe* const unknown = find(facts, "unknown");
  if (unknown == nullptr)
    add("smtp.unknown_user", Outcome::not_tested, view.subject, why_not(facts));
  else if (refused(unknown))
    add("smtp.unknown_user", Outcome::pass, view.subject, in_words(*unknown));
  else if (taken(unknown))
    add("smtp.unknown_user", Outcome::warn, view.subject, in_words(*unknown),
        "refuse unknown recipients at RCPT: what is taken and cannot be delivered comes back to forged senders");
  else
    add("smtp.unknown_user", Outcome::info, view.subject, in_words(*unknown) + " (greylisted, or a limit)",
        "try again later");
}

void Judge::deep_relay(const View& view) {
  const ServerFacts& facts = *view.server;
  std::string open;
  std::string doubtful;
  std::size_t asked = 0;
  // A domain that takes every local part takes these as well
  const bool catch_all = taken(find(facts, "unknown"));
  for (const RecipientProbe& one : facts.probes) {
    if (!one.what.starts_with("relay")) continue;
    ++asked;
    if (!taken(&one)) continue;
    const bool certain =
        one.what == "relay" || one.what == "relay-as-own" || one.what == "relay-bang" || one.what == "relay-route";
    std::string& into = certain || !catch_all ? open : doubtful;
    into += (into.empty() ? "" : "; ") + in_words(one);
  }
  const std::string fix = "take mail for others only from clients that are yours: an open relay is listed within hours";
  if (!open.empty()) return add("smtp.relay", Outcome::fail, view.subject, open, fix);
  if (!doubtful.empty())
    return add("smtp.relay", Outcome::warn, view.subject, doubtful + " (the domain takes every local part)", fix);
  if (asked == 0) return add("smtp.relay", Outcome::not_tested, view.subject, why_not(facts));
  std::string evidence = std::to_string(asked) + " forms of a foreign address, none taken";
  add("smtp.relay", facts.deep_ended.empty() ? Outcome::pass : Outcome::info, view.subject,
      facts.deep_ended.empty() ? evidence : evidence + "; then: " + facts.deep_ended);
}

void Judge::deep_disclosure(const View& view) {
  const ServerFacts& facts = *view.server;
  if (facts.vrfy_reply.empty()) return add("smtp.vrfy", Outcome::not_tested, view.subject, why_not(facts));
  // RFC 5321 3.5.3: 252 to both says nothing; to the known one alone it says as much as 250
  const bool tells = facts.vrfy_reply.starts_with("25") && facts.vrfy_unknown_reply.starts_with("55");
  const bool lists = facts.expn_reply.starts_with("250");
  add("smtp.vrfy", tells || lists ? Outcome::warn : Outcome::pass, view.subject,
      "VRFY: " + facts.vrfy_reply + "; of an unknown user: " + facts.vrfy_unknown_reply + "; EXPN: " + facts.expn_reply,
      "answer every VRFY with 252 (or 502) and EXPN with 502: they tell strangers who has an address (RFC 5321 3.5.3)");
}

void Judge::deep_input(const View& view) {
  const ServerFacts& facts = *view.server;
  if (facts.injection_answered)
    add("tls.injection", *facts.injection_answered ? Outcome::fail : Outcome::pass, view.subject,
        facts.injection_evidence,
        "renew the server: it takes commands that came in clear for commands under TLS (CVE-2011-0411)");
  else if (facts.offers_starttls)
    add("tls.injection", Outcome::not_tested, view.subject, why_not(facts));
  if (!facts.line_end_taken)
    add("smtp.line_ends", Outcome::not_tested, view.subject,
        facts.deep_ended.empty() ? "no recipient to begin a message with" : facts.deep_ended);
  else if (facts.line_end_taken->empty())
    add("smtp.line_ends", Outcome::pass, view.subject, "LF.LF, LF.CRLF, CR.CR and CR.CRLF end no message");
  else
    add("smtp.line_ends", Outcome::fail, view.subject, *facts.line_end_taken + " ends a message",
        "renew the server or switch to strict line ends: others can smuggle mail in your name (CVE-2023-51764)");
}

}  // namespace postern::check::judging
