#include "signals/reverse_dns.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace postern::signals {

using evidence::value::Rdns;

namespace {

struct Candidate {
  dns::Name name;
  GenericName form;
  bool host = false;
  // The order in which a confirmed one is preferred.
  [[nodiscard]] int rank() const { return !host ? 3 : form.generic ? 2 : form.mail_like ? 0 : 1; }
};

dns::Type address_type(const ip::Address& client) { return client.is_v4() ? dns::Type::a : dns::Type::aaaa; }

bool has_address(const dns::Answer& answer, const ip::Address& client) {
  // Octets alone: a link-local client has a scope, which DNS cannot say.
  return std::ranges::any_of(answer.addresses, [&client](const ip::Address& address) {
    return address.family() == client.family() && address.octets() == client.octets();
  });
}

std::vector<Candidate> candidates_of(const ReverseDns& found, const ip::Address& client,
                                     const dns::PublicSuffixList& suffixes) {
  std::vector<Candidate> out;
  for (const dns::Name& name : found.names) {
    const Candidate candidate{name, judge_name(name, client, suffixes), is_host_name(name)};
    out.insert(std::ranges::upper_bound(out, candidate.rank(), {}, &Candidate::rank), candidate);
  }
  return out;
}

Rdns state_of(const Candidate& best, bool confirmed) {
  if (best.form.generic) return Rdns::generic;
  if (!confirmed) return Rdns::unconfirmed;
  return best.form.mail_like ? Rdns::mail : Rdns::confirmed;
}

}  // namespace

bool is_host_name(const dns::Name& name) {
  return !name.is_root() && std::ranges::all_of(name.text(), [](char c) {
    return is_digit(c) || is_alpha(c) || c == '-' || c == '_' || c == '.';
  });
}

std::string_view problem_word(dns::Status status) {
  switch (status) {
    case dns::Status::servfail:
      return "servfail";
    case dns::Status::refused:
      return "refused";
    case dns::Status::timeout:
      return "timeout";
    case dns::Status::bogus:
      return "bogus";
    case dns::Status::unavailable:
      return "unavailable";
    case dns::Status::limit:
      return "limit";
    case dns::Status::cancelled:
      return "cancelled";
    case dns::Status::ok:
    case dns::Status::nodata:
    case dns::Status::nxdomain:
      break;
  }
  return {};
}

Task<ReverseDns> look_up(ip::Address client, const dns::PublicSuffixList& suffixes, dns::Resolver& resolver,
                         dns::Budget& budget) {
  ReverseDns out;
  const auto reverse = dns::Name::parse(client.reverse_name());
  POSTERN_CHECK(reverse.has_value());
  const dns::AnswerPtr pointers = co_await resolver.query(*reverse, dns::Type::ptr, budget);
  if (dns::is_temporary(pointers->status)) {
    out.problem = problem_word(pointers->status);
    co_return out;
  }
  bool too_many = false;
  for (const dns::Name& name : pointers->names) {
    if (name.is_root() || std::ranges::find(out.names, name) != out.names.end()) continue;
    too_many = out.names.size() == kNamesMax;
    if (too_many) break;
    out.names.push_back(name);
  }
  if (out.names.empty()) {
    out.state = Rdns::none;
    co_return out;
  }

  const std::vector<Candidate> candidates = candidates_of(out, client, suffixes);
  const dns::Type type = address_type(client);
  for (const Candidate& candidate : candidates)
    if (candidate.host) resolver.prefetch(candidate.name, type);
  const Candidate* best = &candidates.front();
  // What could have been confirmed, had DNS answered: names of a host's own, and generic ones.
  std::string_view missing = too_many ? "too_many" : "";
  std::string_view missing_generic = missing;
  for (const Candidate& candidate : candidates) {
    if (!candidate.host) continue;
    const dns::AnswerPtr answer = co_await resolver.query(candidate.name, type, budget);
    if (dns::is_temporary(answer->status)) {
      (candidate.form.generic ? missing_generic : missing) = problem_word(answer->status);
    }
    if (!has_address(*answer, client)) continue;
    best = &candidate;
    out.confirmed = true;
    break;  // those before it, which would have been better, are not; those behind it are no better
  }
  out.name = best->name;
  out.form = best->form;
  if (out.confirmed) out.organisation = suffixes.registrable_domain(out.name);
  out.state = state_of(*best, out.confirmed);
  const bool settled = out.state == Rdns::confirmed || out.state == Rdns::mail;
  if (!settled && !missing.empty()) out.problem = missing;
  if (out.state == Rdns::unconfirmed && out.problem.empty()) out.problem = missing_generic;
  if (!out.problem.empty()) out.state = Rdns::unknown;
  co_return out;
}

}  // namespace postern::signals
