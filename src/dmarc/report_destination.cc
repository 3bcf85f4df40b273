// Who may get reports: RFC 9990 4.
#include "base/text.h"
#include "dmarc/discovery.h"
#include "dmarc/evaluate.h"

namespace postern::dmarc {
namespace {

Destination refused(Destination out, std::string why) {
  out.authorization = Authorization::denied;
  out.problem = std::move(why);
  return out;
}

Destination not_known(Destination out, std::string why) {
  out.authorization = Authorization::unknown;
  out.problem = std::move(why);
  return out;
}

// Steps 6 to 9: one record that begins with v=DMARC1 grants; its rua says where to instead, on the same host only.
Destination judged(Destination out, const dns::Answer& answer, const dns::Name& host) {
  for (const std::string& text : answer.texts) {
    const auto record = parse_record(text);
    if (!record) continue;
    out.authorization = Authorization::granted;
    for (const std::string& uri : record->rua) {
      const auto there = destination_host(uri);
      if (!there || dns::Name::from_unicode(*there) != host) {
        // "MUST NOT generate a report to either the original or the override URI"
        out.uris.clear();
        return refused(std::move(out), "the grant sends reports on to another host: " + printable(uri, 80));
      }
      if (out.uris.size() < kUrisMax) out.uris.push_back(uri);
    }
  }
  if (out.authorization == Authorization::granted) return out;
  std::string why = "no record that begins with v=DMARC1 at " + printable(out.asked);
  return refused(std::move(out), std::move(why));
}

}  // namespace

std::string_view to_string(Authorization authorization) {
  switch (authorization) {
    case Authorization::own:
      return "own";
    case Authorization::granted:
      return "granted";
    case Authorization::unknown:
      return "unknown";
    case Authorization::denied:
      break;
  }
  return "denied";
}

Task<Destination> report_destination(std::string policy_domain, std::string uri, dns::Resolver& resolver,
                                     dns::Budget& budget) {
  Destination out;
  const auto policy = dns::Name::from_unicode(policy_domain);
  if (!policy || policy->is_root()) {
    co_return refused(std::move(out), "no domain name: " + printable(policy_domain, 80));
  }
  const auto text = destination_host(uri);
  const auto host = text ? dns::Name::from_unicode(*text) : std::nullopt;
  if (!host || host->is_root()) {
    co_return refused(std::move(out), "a reporting URI without a host name: " + printable(uri, 80));
  }
  out.host = host->text();
  if (*host == *policy) {
    out.authorization = Authorization::own;
    co_return out;
  }
  // Organizational domains can only be the same where the last label is.
  if (host->suffix(1) == policy->suffix(1)) {
    Discovery discovery(resolver, budget);
    const Walk* const ours = co_await discovery.walk(*policy);
    if (!ours->failure.empty()) co_return not_known(std::move(out), ours->failure);
    if (host->is_within(ours->organization)) {
      const Walk* const theirs = co_await discovery.walk(*host);
      if (!theirs->failure.empty()) co_return not_known(std::move(out), theirs->failure);
      if (theirs->organization == ours->organization) {
        out.authorization = Authorization::own;
        co_return out;
      }
    }
  }
  // Steps 2 to 4. A wildcard at *._report._dmarc.host answers by itself.
  const auto asked = host->below(policy->text() + "._report._dmarc");
  if (!asked) co_return refused(std::move(out), "the name that would have to grant it is too long");
  out.asked = asked->text();
  const dns::AnswerPtr answer = co_await resolver.query(*asked, dns::Type::txt, budget);
  if (dns::is_temporary(answer->status)) {
    std::string why = printable(out.asked) + ": " + std::string(dns::to_string(answer->status));
    co_return not_known(std::move(out), std::move(why));
  }
  co_return judged(std::move(out), *answer, *host);
}

Task<Authorization> report_authorization(std::string policy_domain, std::string uri, dns::Resolver& resolver,
                                         dns::Budget& budget) {
  const Destination out = co_await report_destination(std::move(policy_domain), std::move(uri), resolver, budget);
  co_return out.authorization;
}

}  // namespace postern::dmarc
