#include "inbound/evidence_of.h"

#include <algorithm>

#include "smtp/server_machine.h"

namespace postern::inbound {

namespace {

namespace value = evidence::value;
using evidence::Signal;

// The words of the catalogue are those of the record; another one (of a later version) stays unknown.
void set_word(Signal signal, std::string_view word, evidence::Evidence& out) {
  out.set_number(signal, evidence::find_value(signal, word).value_or(0));
}

// RFC 9989 4.7: t=y asks for one step less.
std::string_view milder(std::string_view policy) {
  if (policy == "reject") return "quarantine";
  return "none";
}

bool has(std::uint32_t facts, smtp::Fact fact) { return (facts & static_cast<std::uint32_t>(fact)) != 0; }

}  // namespace

value::Address kind_of(const ip::Address& address) {
  if (address.is_loopback()) return value::Address::loopback;
  if (address.is_private() || address.is_link_local()) return value::Address::private_use;
  if (address.is_documentation()) return value::Address::documentation;
  return address.is_global() ? value::Address::global : value::Address::reserved;
}

value::Tls tls_of(std::string_view version) {
  if (version == "TLSv1.3") return value::Tls::tls1_3;
  if (version == "TLSv1.2") return value::Tls::tls1_2;
  if (version == "TLSv1.1") return value::Tls::tls1_1;
  if (version == "TLSv1") return value::Tls::tls1_0;
  return value::Tls::unknown;
}

value::Spf spf_of(spf::Outcome outcome) {
  return static_cast<value::Spf>(evidence::find_value(Signal::spf, spf::to_string(outcome)).value_or(0));
}

value::Recipient recipient_of(const directory::Resolution& found) {
  switch (found.disposition) {
    case directory::Disposition::local:
      return found.role_account ? value::Recipient::role : value::Recipient::mailbox;
    case directory::Disposition::unknown_user:
      return value::Recipient::no_such_user;
    case directory::Disposition::retired:
      return value::Recipient::retired;
    case directory::Disposition::trap:
      return value::Recipient::trap;
    case directory::Disposition::foreign:
      break;
  }
  return value::Recipient::unknown;
}

void set_authentication(const record::AuthenticationRecord& found, evidence::Evidence& out) {
  if (found.spf) set_word(Signal::spf, found.spf->result, out);
  const auto passed = std::ranges::find(found.dkim, "pass", &record::AuthenticationRecord::Dkim::result);
  if (passed != found.dkim.end()) {
    out.set(Signal::dkim, value::Dkim::pass);
    // The author's own signature says more than a list's
    const auto own = std::ranges::find_if(passed, found.dkim.end(), [&found](const auto& signature) {
      return signature.result == "pass" && signature.domain == found.dmarc.author_domain;
    });
    out.set_text(Signal::dkim_domain, (own != found.dkim.end() ? own : passed)->domain);
  } else if (found.dkim.empty()) {
    out.set(Signal::dkim, value::Dkim::none);
  } else {
    set_word(Signal::dkim, found.dkim.front().result, out);
  }
  set_word(Signal::dmarc, found.dmarc.result, out);
  if (!found.dmarc.policy.empty())
    set_word(Signal::dmarc_policy, found.dmarc.testing ? milder(found.dmarc.policy) : found.dmarc.policy, out);
  set_word(Signal::arc, found.arc.result, out);
  out.set_text(Signal::author_domain, found.dmarc.author_domain);
}

void set_facts(std::uint32_t facts, evidence::Evidence& out) {
  if (has(facts, smtp::Fact::spoke_before_greeting)) out.set(Signal::early_talk, value::YesNo::yes);
  const bool impatient = has(facts, smtp::Fact::pipelined_before_ehlo) ||
                         has(facts, smtp::Fact::pipelined_before_data_reply) ||
                         has(facts, smtp::Fact::pipelined_across_starttls);
  out.set(Signal::pipelining, impatient ? value::YesNo::yes : value::YesNo::no);
  out.set(Signal::protocol, has(facts, smtp::Fact::non_smtp_http)  ? value::Protocol::http
                            : has(facts, smtp::Fact::non_smtp_tls) ? value::Protocol::tls
                                                                   : value::Protocol::smtp);
}

}  // namespace postern::inbound
