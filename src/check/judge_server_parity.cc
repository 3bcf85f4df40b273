// The two families side by side: whoever is reached over IPv6 should meet the same server. What is worse over IPv6 is a
// failure, any other difference a warning.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/judge_impl.h"

namespace postern::check::judging {

namespace {

struct Side {
  std::vector<const View*> views;
  std::size_t tested = 0, reached = 0;
  std::set<std::string> extensions, tls, certificates;
  int proof = -1;  // 0: an address does not match its TLSA records; -1: not known
  int encrypted = -1;
  Class weakest = Class::good;
  std::int64_t fastest = -1;
};

// Lines in any order; a limit is part of the line.
std::string list(const ServerFacts& facts) {
  auto lines = facts.extended_tls ? facts.extensions_tls : facts.extensions;
  for (auto& line : lines) line = upper(line);
  std::ranges::sort(lines);
  return (facts.extended ? "" : "(no EHLO)") + join(lines);
}

void note(Side& side, const View& view, const Target& target, WallMs now) {
  side.views.push_back(&view);
  const ServerFacts* const facts = view.server;
  if (facts == nullptr || (!facts->connected && facts->our_side)) return;
  ++side.tested;
  if (!facts->connected) return;
  ++side.reached;
  if (side.fastest < 0 || facts->connect_ms < side.fastest) side.fastest = facts->connect_ms;
  if (!why_unknown(view).empty()) return;
  side.extensions.insert(list(*facts));
  // As tls.starttls has it: a server that has enough of us for now, or a problem of ours, tells nothing of the family
  const bool later = facts->starttls_code >= 400 && facts->starttls_code < 500;
  if (!facts->tls && facts->offers_starttls && (facts->our_side || later)) return;
  side.encrypted = facts->tls && side.encrypted != 0 ? 1 : 0;
  if (!facts->tls) return;
  side.weakest = std::max({side.weakest, version_class(facts->tls->version), cipher_class(facts->tls->cipher)});
  side.tls.insert(facts->tls->version + ' ' + facts->tls->cipher);
  if (const CertificateFacts* const own = view.certificate()) side.certificates.insert(fingerprint(*own).substr(0, 16));
  if (has_dane(*view.host)) side.proof = dane_proves(target, view, now, false) && side.proof != 0 ? 1 : 0;
}

std::string both(const std::set<std::string>& six, const std::set<std::string>& four) {
  return "IPv6: " + join({six.begin(), six.end()}, " | ") + "; IPv4: " + join({four.begin(), four.end()}, " | ");
}

}  // namespace

void Judge::parity(const MailHost& host) {
  Side six;
  Side four;
  for (const View* const view : of(host)) note(view->v6() ? six : four, *view, target_, options_.now);
  if (six.views.empty() || four.views.empty()) return;
  const std::string& name = host.name.text();
  const std::string same = "let both families lead to the same server with the same configuration";
  if (six.tested == 0 || four.tested == 0) {
    return add("parity.reach", Outcome::not_tested, name,
               std::string(six.tested == 0 ? "IPv6" : "IPv4") + " could not be tried from here");
  }
  const std::string counts = "IPv6: " + std::to_string(six.reached) + " of " + std::to_string(six.tested) +
                             " addresses answer; IPv4: " + std::to_string(four.reached) + " of " +
                             std::to_string(four.tested);
  const bool six_worse =
      six.reached < six.tested && four.reached > 0 && six.reached * four.tested < four.reached * six.tested;
  const bool equal = six.reached * four.tested == four.reached * six.tested;
  add("parity.reach",
      six_worse ? Outcome::fail
      : equal   ? Outcome::pass
                : Outcome::warn,
      name, counts, "repair the family that does not answer: senders choose IPv6 first, and wait");
  if (six.reached == 0 || four.reached == 0) return;
  if (!six.extensions.empty() && !four.extensions.empty())
    add("parity.extensions", six.extensions == four.extensions ? Outcome::pass : Outcome::warn, name,
        six.extensions == four.extensions ? "the same extensions and limits" : both(six.extensions, four.extensions),
        same);
  if (six.encrypted >= 0 && four.encrypted >= 0) {
    const bool worse = six.encrypted < four.encrypted || six.weakest > four.weakest;
    const bool alike = six.tls == four.tls && six.encrypted == four.encrypted;
    add("parity.tls",
        worse   ? Outcome::fail
        : alike ? Outcome::pass
                : Outcome::warn,
        name,
        six.encrypted == four.encrypted || (six.tls.empty() && four.tls.empty())
            ? both(six.tls, four.tls)
            : std::string(worse ? "TLS over IPv4 only" : "TLS over IPv6 only"),
        same);
  }
  if (!six.certificates.empty() && !four.certificates.empty())
    add("parity.certificate", six.certificates == four.certificates ? Outcome::pass : Outcome::warn, name,
        both(six.certificates, four.certificates), same);
  if (six.proof >= 0 && four.proof >= 0) {
    const auto word = [](int proof) { return proof == 1 ? "matches" : "does not match"; };
    add("parity.dane",
        six.proof < four.proof    ? Outcome::fail
        : six.proof == four.proof ? Outcome::pass
                                  : Outcome::warn,
        name, std::string("IPv6 ") + word(six.proof) + ", IPv4 " + word(four.proof), same);
  }
  const bool slow = six.fastest > 2 * four.fastest + 100;
  add("parity.latency", slow ? Outcome::warn : Outcome::pass, name,
      "connected over IPv6 in " + std::to_string(six.fastest) + " ms, over IPv4 in " + std::to_string(four.fastest) +
          " ms",
      "the way over IPv6 is much longer: a tunnel, or a worse peering");
}

}  // namespace postern::check::judging
