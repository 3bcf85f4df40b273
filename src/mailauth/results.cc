// What the Authentication-Results field says of the facts (RFC 8601 2.7, RFC 8617 10.2, RFC 9989).
#include "base/text.h"
#include "mailauth/mailauth.h"

namespace postern::mailauth {
namespace {

using authres::Method;
using authres::Property;

constexpr std::size_t kReasonMax = 200;  // octets of explanation a method may carry
constexpr std::size_t kValueMax = 256;   // of any value a stranger chose

std::string clipped(std::string_view text) { return std::string(utf8_head(text, kValueMax)); }

Method method_of(std::string_view name, std::string_view result) {
  Method method;
  method.method = name;
  method.result = result;
  return method;
}

Method spf_method(const spf::Evaluation& evaluation, Property identity) {
  Method method = method_of("spf", spf::to_string(evaluation.outcome));
  if (!evaluation.problem.empty()) {
    method.reason = printable(evaluation.problem, kReasonMax);
  } else if (!evaluation.mechanism.empty()) {
    method.comment = printable(evaluation.mechanism_domain + ": " + evaluation.mechanism, kReasonMax);
  }
  identity.value = clipped(identity.value);
  method.properties.push_back(std::move(identity));
  return method;
}

Method dkim_method(const dkim::Verdict& verdict) {
  Method method = method_of("dkim", dkim::to_string(verdict.outcome));
  // RFC 6376 3.6.1: a signature under a key in test mode is to be treated as if it were not there.
  if (verdict.testing && verdict.outcome == dkim::Outcome::pass) method.comment = "key in test mode";
  if (verdict.key_bits > 0 && method.comment.empty()) method.comment = std::to_string(verdict.key_bits) + " bits";
  if (!verdict.problem.empty()) method.reason = printable(verdict.problem, kReasonMax);
  const auto add = [&method](std::string_view name, const std::string& value) {
    if (!value.empty()) method.properties.push_back({"header", std::string(name), clipped(value)});
  };
  add("d", verdict.domain);
  add("i", verdict.auid);
  add("s", verdict.selector);
  add("a", verdict.algorithm);
  add("b", verdict.signature_prefix);  // RFC 6008: which of several signatures this is about
  return method;
}

Method dmarc_method(const dmarc::Evaluation& evaluation) {
  Method method = method_of("dmarc", dmarc::to_string(evaluation.outcome));
  if (!evaluation.problem.empty()) {
    method.reason = printable(evaluation.problem, kReasonMax);
  } else if (evaluation.record) {
    method.comment = evaluation.policy_tag + "=" + std::string(dmarc::to_string(evaluation.policy)) + " at " +
                     printable(evaluation.policy_domain, kReasonMax) + (evaluation.testing ? " t=y" : "");
  }
  if (!evaluation.author_domain.empty()) {
    method.properties.push_back({"header", "from", clipped(evaluation.author_domain)});
  }
  if (evaluation.record) {
    // RFC 9989 9.1: the policy after its options were applied
    method.properties.push_back(
        {"policy", "dmarc", std::string(dmarc::to_string(dmarc::effective_policy(evaluation)))});
  }
  return method;
}

Method arc_method(const arc::Chain& chain, const ip::Address& client) {
  Method method = method_of("arc", arc::to_string(chain.outcome));
  if (!chain.problem.empty()) method.reason = printable(chain.problem, kReasonMax);
  if (!chain.sets.empty()) method.comment = "i=" + std::to_string(chain.sets.back().instance);
  // RFC 8617 6: the address is for who seals next, and for reports
  method.properties.push_back({"smtp", "remote-ip", client.text()});
  if (chain.outcome == arc::Outcome::pass && chain.oldest_pass_known) {
    method.properties.push_back({"header", "oldest-pass", std::to_string(chain.oldest_pass)});
  }
  return method;
}

}  // namespace

authres::Results authentication_results(const Facts& facts, const Envelope& envelope, std::string_view authserv_id) {
  authres::Results results;
  results.authserv_id = std::string(authserv_id);
  if (facts.spf_helo && facts.spf_helo->outcome != spf::Outcome::none) {
    results.methods.push_back(spf_method(*facts.spf_helo, {"smtp", "helo", envelope.helo}));
  }
  if (facts.spf_mail_from && !envelope.mail_from.empty()) {
    results.methods.push_back(spf_method(*facts.spf_mail_from, {"smtp", "mailfrom", envelope.mail_from}));
  }
  for (const dkim::Verdict& verdict : facts.dkim) results.methods.push_back(dkim_method(verdict));
  if (facts.dkim.empty()) results.methods.push_back(method_of("dkim", "none"));
  results.methods.push_back(dmarc_method(facts.dmarc));
  if (facts.arc.outcome != arc::Outcome::none) results.methods.push_back(arc_method(facts.arc, envelope.client));
  return results;
}

}  // namespace postern::mailauth
