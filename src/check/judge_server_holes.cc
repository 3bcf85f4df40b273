// What of TLS is a hole rather than a weakness: compression, renegotiation, early data, and the named attacks. And the
// certificate's status, where it is stapled.
#include <algorithm>

#include "check/judge_impl.h"
#include "check/probe_impl.h"
#include "crypto/ocsp.h"

namespace postern::check::judging {

namespace {

struct Hole {
  Weakness::What what;
  std::string_view id, fix;
};
constexpr std::array<Hole, 4> kHoles{
    {{Weakness::What::compression, "tls.compression", "switch compression off in the TLS library (CRIME)"},
     {Weakness::What::heartbleed, "tls.heartbleed",
      "renew the TLS library, then key and certificate: whoever asked has read the server's memory (CVE-2014-0160)"},
     {Weakness::What::ccs_injection, "tls.ccs_injection", "renew the TLS library (CVE-2014-0224)"},
     {Weakness::What::robot, "tls.robot",
      "switch the key exchange of RSA off (ciphers kRSA) and renew the TLS library: recorded sessions can be read"}}};

Outcome outcome_of(Weakness::State state) {
  switch (state) {
    case Weakness::State::absent:
      return Outcome::pass;
    case Weakness::State::present:
      return Outcome::fail;
    case Weakness::State::unknown:
      break;
  }
  return Outcome::not_tested;
}

}  // namespace

void Judge::ocsp(const View& view) {
  const TlsFound* const found = view.tls();
  const CertificateFacts* const own = view.certificate();
  if (found == nullptr || own == nullptr) return;
  const std::string fix = "let the server staple its certificate's current OCSP response";
  if (found->ocsp.empty()) {
    if (own->must_staple)
      return add("tls.ocsp", Outcome::warn, view.subject,
                 "the certificate demands a stapled response (RFC 7633), and none was sent",
                 "staple the response, or get a certificate without that demand");
    return add("tls.ocsp", Outcome::info, view.subject, "no response is stapled");
  }
  const auto status = crypto::read_ocsp(found->ocsp, own->der);
  if (!status) return add("tls.ocsp", Outcome::warn, view.subject, status.error().what, fix);
  const std::string from = "of " + day(status->this_update);
  const std::string until = status->next_update != 0 ? ", until " + day(status->next_update) : std::string();
  switch (status->says) {
    case crypto::OcspStatus::Says::revoked:
      return add("tls.ocsp", Outcome::fail, view.subject, "the stapled response " + from + " says revoked",
                 "get another certificate, with another key");
    case crypto::OcspStatus::Says::unknown:
      return add("tls.ocsp", Outcome::warn, view.subject, "the stapled response " + from + " does not know it", fix);
    case crypto::OcspStatus::Says::good:
      break;
  }
  const bool old = status->next_update != 0 && status->next_update < options_.now;
  add("tls.ocsp", old ? Outcome::warn : Outcome::pass, view.subject,
      "the stapled response " + from + " says good" + until + (old ? ", which is over" : ""), fix);
}

void Judge::early_data(const View& view) {
  const TlsFound* const found = view.tls();
  if (found == nullptr) return;
  if (found->early_data > 0)
    return add("tls.early_data", Outcome::fail, view.subject,
               "a ticket allows " + std::to_string(found->early_data) + " octets of early data",
               "switch early data (0-RTT) off: whoever listens can play it to the server again");
  if (found->version != "TLSv1.3")
    return add("tls.early_data", Outcome::pass, view.subject, found->version + " has none");
  // Tickets come behind the handshake: without a word under TLS it is not known whether one was on its way
  if (!found->ticket && !view.server->extended_tls)
    return add("tls.early_data", Outcome::not_tested, view.subject, "the server said nothing under TLS");
  add("tls.early_data", Outcome::pass, view.subject,
      found->ticket ? "tickets allow none" : "there is no ticket to begin with");
}

void Judge::deep_holes(const View& view) {
  const ServerFacts& facts = *view.server;
  for (const Hole& hole : kHoles) {
    const auto at = std::ranges::find(facts.weaknesses, hole.what, &Weakness::what);
    if (at != facts.weaknesses.end())
      add(hole.id, outcome_of(at->state), view.subject, at->evidence, std::string(hole.fix));
    else
      add(hole.id, Outcome::not_tested, view.subject,
          facts.deep_ended.empty() ? "the server's answers left no way to ask" : facts.deep_ended);
  }
  deep_renegotiation(view);
}

void Judge::deep_renegotiation(const View& view) {
  const ServerFacts& facts = *view.server;
  constexpr std::string_view kId = "tls.client_renegotiation";
  if (!facts.renegotiations)
    return add(kId, Outcome::not_tested, view.subject,
               !facts.deep_ended.empty()          ? facts.deep_ended
               : !facts.renegotiation_end.empty() ? facts.renegotiation_end
                                                  : "the server's answers left no way to ask");
  const int count = *facts.renegotiations;
  const std::string ended = facts.renegotiation_end.empty() ? std::string() : "; then " + facts.renegotiation_end;
  if (count >= probing::kRenegotiationsMax)
    return add(kId, Outcome::warn, view.subject,
               std::to_string(count) + " in one connection, asked for by the client, were all taken",
               "refuse renegotiation by clients: each costs the server a handshake (CVE-2011-1473)");
  add(kId, Outcome::pass, view.subject,
      count == 0 ? "refused: " + facts.renegotiation_end : std::to_string(count) + " were taken" + ended);
}

}  // namespace postern::check::judging
