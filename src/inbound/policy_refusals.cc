#include "inbound/policy_refusals.h"

#include <array>

#include "base/text.h"

namespace postern::inbound {

namespace {

using evidence::Action;
using evidence::Reason;
using smtp::Reply;

constexpr std::size_t kTextMax = 300;  // octets of the operator's own sentence: a reply line has 512 in all

std::string way_out(const RefusalFacts& facts) {
  if (!facts.public_url.empty()) return "; see the page below";
  return "; write to " + facts.postmaster;
}

std::string greylist_text(const RefusalFacts& facts) {
  // No way out is needed: the retry is one. The time lets a queue that can read it wait no longer than it must.
  return "Greylisted; try again in " + std::to_string(facts.wait_s) + " s, your server does so by itself";
}

// What speaks against the sender, without its remedy.
std::string sentence(Reason reason, const RefusalFacts& facts) {
  switch (reason) {
    case Reason::operator_deny:
      return "The operator of this server has denied your server or domain";
    case Reason::country:
      return "Mail from networks in " + facts.country + " is not expected here";
    case Reason::evidence_score:
      return "What is known of your server [" + facts.client + "] speaks against this mail";
    case Reason::dmarc:
      // RFC 9989 7.1: the reply may say that the author's domain asked for it
      return "Neither SPF nor DKIM vouch for " + facts.author_domain +
             ", and its DMARC policy asks to refuse such mail; send through its own servers";
    case Reason::reverse_dns:
      return "Your address [" + facts.client + "] has no reverse DNS name that points back to it";
    case Reason::protocol:
      return "Your client does not wait for its turn to speak, as mail servers do (RFC 5321 4.3.1)";
    case Reason::forged_helo:
      return "Your HELO claims to be this very server; greet with your own name";
    case Reason::list:
      return "Your server [" + facts.client + "] is on a DNS list: " + facts.lists + "; ask there to be taken off";
    case Reason::tls_required:
      return "Must issue a STARTTLS command first";  // RFC 3207 4, verbatim
    case Reason::authentication_required:
      return "Authentication required";  // RFC 4954 6, verbatim
    case Reason::trap:
      return "Your server sends to addresses that never asked for mail";
    case Reason::budget:
      return "Your network has used what it may send here (budget " + facts.budget_level + ")";
    case Reason::greylisted:
      return greylist_text(facts);
    default:
      return "The rules of this server do not allow this mail";
  }
}

smtp::EnhancedCode enhanced(Reason reason) {
  switch (reason) {
    case Reason::tls_required:
    case Reason::authentication_required:
      return {5, 7, 0};
    case Reason::reverse_dns:
      return {5, 7, 25};  // RFC 7372 3.3
    case Reason::protocol:
      return {5, 5, 0};
    default:
      return {5, 7, 1};
  }
}

Refusal reject(const evidence::Verdict& verdict, const RefusalFacts& facts) {
  const Reason reason = verdict.reason;
  const bool demands = reason == Reason::tls_required || reason == Reason::authentication_required;
  const std::string text = verdict.text.empty() ? sentence(reason, facts) : printable(verdict.text, kTextMax);
  return {Reply(demands ? 530 : 550, enhanced(reason), text + way_out(facts)), to_string(reason)};
}

}  // namespace

Refusal policy_refusal(const evidence::Verdict& verdict, const RefusalFacts& facts, bool at_connect) {
  const std::string_view reason = to_string(verdict.reason);
  switch (verdict.action) {
    case Action::reject:
      return reject(verdict, facts);
    case Action::greylist:
      return {Reply(451, {4, 7, 1}, greylist_text(facts)), "greylisted"};
    default:
      break;
  }
  const bool own_words = verdict.reason == Reason::rule && !verdict.text.empty();
  std::string text = own_words                           ? printable(verdict.text, kTextMax)
                     : verdict.reason == Reason::budget  ? sentence(Reason::budget, facts)
                     : verdict.reason == Reason::history ? "DNS does not tell now who your server is"
                                                         : "Not now, by a rule of this server";
  text += at_connect ? "; connect again in some minutes" : "; try again in some minutes";
  // RFC 3463 3.5: 4.4.3 directory server failure
  const smtp::EnhancedCode code =
      verdict.reason == Reason::history ? smtp::EnhancedCode{4, 4, 3} : smtp::EnhancedCode{4, 7, 0};
  return {Reply(at_connect ? 421 : 451, code, text), reason};
}

Refusal other_policy() {
  return {Reply(452, {4, 5, 3}, "This recipient's message is judged by other rules; send to it separately"),
          "other_policy"};
}

namespace refusals {

std::vector<Refusal> of_policy() {
  RefusalFacts facts;
  facts.client = "2001:db8::25";
  facts.country = "AQ";
  facts.lists = "zen";
  facts.budget_level = "v6_48";
  facts.wait_s = 180;
  facts.author_domain = "example.net";
  facts.id = "06ETWZYA4R0G3K7V";
  facts.postmaster = "postmaster@example.org";
  std::vector<Refusal> list;
  const auto add = [&list, &facts](Action action, Reason reason, bool at_connect = false) {
    evidence::Verdict verdict;
    verdict.action = action;
    verdict.reason = reason;
    list.push_back(policy_refusal(verdict, facts, at_connect));
  };
  add(Action::throttle, Reason::budget, true);
  add(Action::throttle, Reason::budget);
  add(Action::throttle, Reason::rule, true);
  add(Action::throttle, Reason::rule);
  add(Action::throttle, Reason::history);
  add(Action::greylist, Reason::greylisted);
  for (const Reason reason : {Reason::rule, Reason::operator_deny, Reason::country, Reason::evidence_score,
                              Reason::dmarc, Reason::reverse_dns, Reason::protocol, Reason::forged_helo, Reason::list,
                              Reason::tls_required, Reason::authentication_required, Reason::trap})
    add(Action::reject, reason);
  list.push_back(other_policy());
  return list;
}

}  // namespace refusals

}  // namespace postern::inbound
