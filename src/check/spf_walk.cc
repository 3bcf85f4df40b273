#include "check/spf_walk.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postern::check {

namespace {

using dns::Type;
using spf::TermKind;

constexpr std::size_t kVisitsMax = 40;  // records, includes of includes among them
constexpr std::size_t kSendersMax = 200;
constexpr std::size_t kNetworksCounted = 20000;
// Networks with fewer bits are too many addresses, or nearly so.
constexpr int kFail4 = 8, kFail6 = 32, kWarn4 = 16, kWarn6 = 48;

bool asks(TermKind kind) {
  return kind == TermKind::include || kind == TermKind::a || kind == TermKind::mx || kind == TermKind::ptr ||
         kind == TermKind::exists;
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

void SpfWalk::give_up(std::string why) {
  if (error.empty()) error = std::move(why);
}

void SpfWalk::is_unknown(const dns::Name& name, Type type, const dns::Answer& answer) {
  if (!is_temporary(answer.status)) return;
  unknown.push_back(describe(name, type, answer));
  if (!bogus) bogus = bogus_name(name, answer);
}

void SpfWalk::count(std::string shown) {
  ++lookups;
  if (lookups > spf::kTermsMax) give_up("more than ten terms ask DNS");
  stopped = lookups > kSpfTermsFollowed;
  if (!stopped) counted.push_back(std::move(shown));
}

void SpfWalk::is_void(const dns::Name& name, Type type, const dns::Answer& answer, bool six, bool four) {
  if (!dns::is_void(answer.status)) return;
  const std::string shown = describe(name, type, answer);
  if (six) void6.add(shown);
  if (four) void4.add(shown);
  void_names = void_names && answer.status == dns::Status::nxdomain;
  if (void6.count > spf::kVoidMax && void4.count > spf::kVoidMax)
    give_up("more than two terms ask for what does not exist");
}

void SpfWalk::Voids::add(const std::string& shown) {
  ++count;
  add_once(names, shown);
}

// RFC 7208 4.6.2: terms are evaluated from the left, so that whom one of them matches never comes to what is wrong
// behind it. A syntax error comes before all terms of its record (4.6), as it does here.
void SpfWalk::authorise() {
  somebody = true;
  reached = reached || error.empty();
}

void SpfWalk::grant(const ip::Prefix& prefix, std::string_view term) {
  const bool v4 = prefix.address().is_v4();
  somebody = true;  // also of whom the void questions of his family are too many
  if ((v4 ? void4 : void6).count <= spf::kVoidMax) authorise();
  auto& counted_networks = v4 ? networks4 : networks6;
  auto& list = v4 ? context_.target.spf_senders_v4 : context_.target.spf_senders_v6;
  std::string text = prefix.text();
  if (counted_networks.size() < kNetworksCounted && counted_networks.insert(text).second && list.size() < kSendersMax)
    list.push_back(std::move(text));
  if (prefix.length() < (v4 ? kFail4 : kFail6)) {
    add_once(breadth_fail, printable(term));
  } else if (prefix.length() < (v4 ? kWarn4 : kWarn6)) {
    add_once(breadth_warn, printable(term));
  }
}

Task<void> SpfWalk::addresses(dns::Name host, const spf::Term& term, bool grants, bool counts) {
  for (const Type type : {Type::aaaa, Type::a}) {
    const auto answer = co_await context_.ask(host, type);
    is_unknown(host, type, *answer);
    if (counts) is_void(host, type, *answer, type == Type::aaaa, type == Type::a);
    for (const ip::Address& address : answer->addresses) {
      if (grants) grant({address, address.is_v4() ? term.cidr4 : term.cidr6}, term.text);
    }
  }
}

// Where an include or a redirect leads.
Task<SpfDecision> SpfWalk::follow(const spf::Term& term, const At& from, bool grants) {
  const std::string shown = printable(term.text);
  const SpfDecision unknown_decision{.state = SpfDecision::State::unknown, .domain = {}, .text = {}};
  const auto lead_nowhere = [&](std::vector<std::string>& list, std::string what) {
    if (from.top) broken.emplace_back(term.text);
    give_up(what);
    list.push_back(std::move(what));
  };
  if (term.use.any) {
    not_followed.push_back(shown);
    if (grants) authorise_unlisted();
    co_return unknown_decision;
  }
  const auto name = dns::Name::parse(term.domain_spec);
  if (!name || name->is_root()) {
    lead_nowhere(missing, shown + " names no domain");
    co_return unknown_decision;
  }
  if (path_.contains(name->text())) {
    lead_nowhere(loops, printable(from.domain.text()) + ": " + shown + " leads back to where it came from");
    co_return unknown_decision;
  }
  if (++visits_ > kVisitsMax) co_return unknown_decision;
  const auto answer = co_await context_.ask(*name, Type::txt);
  is_unknown(*name, Type::txt, *answer);
  if (is_temporary(answer->status)) {
    lost = true;
    co_return unknown_decision;
  }
  is_void(*name, Type::txt, *answer, true, true);
  std::vector<std::string> records;
  std::ranges::copy_if(answer->texts, std::back_inserter(records), spf::is_spf_record);
  if (records.size() != 1) {
    lead_nowhere(missing,
                 shown + (records.empty() ? " has no SPF record (" + std::string(dns::to_string(answer->status)) + ")"
                                          : " has several SPF records"));
    co_return unknown_decision;
  }
  co_return co_await visit({*name, grants, false}, std::move(records.front()));
}

// Without macros: it matches everybody, or nobody. RFC 7208 5.7: A is asked for, whatever the family of the client.
Task<void> SpfWalk::exists(const spf::Term& term, bool grants) {
  const auto name = dns::Name::parse(term.domain_spec);
  if (!name) co_return;
  const auto answer = co_await context_.ask(*name, Type::a);
  is_unknown(*name, Type::a, *answer);
  is_void(*name, Type::a, *answer, true, true);
  if (grants && !answer->addresses.empty()) authorise_unlisted();
}

Task<void> SpfWalk::mechanism(const spf::Term& term, const At& at) {
  const std::string shown = printable(term.text);
  // RFC 7208 4.6.2: a match has the result of its qualifier, so that -include and ?a authorise nobody
  const bool grants = at.grants && term.qualifier == spf::Outcome::pass;
  if (asks(term.kind)) {
    count(shown);
    if (stopped) co_return;
  }
  if (term.kind == TermKind::ip4 || term.kind == TermKind::ip6) {
    std::array<std::uint8_t, 4> four{};
    std::copy(term.network.end() - 4, term.network.end(), four.begin());
    const bool v4 = term.kind == TermKind::ip4;
    if (grants)
      grant({v4 ? ip::Address::v4(four) : ip::Address::v6(term.network), v4 ? term.cidr4 : term.cidr6}, term.text);
  } else if (term.kind == TermKind::ptr) {
    ptr.push_back(printable(at.domain.text()) + ": " + shown);
    if (grants) authorise_unlisted();
  } else if (term.kind == TermKind::include) {
    (void)co_await follow(term, at, grants);
  } else if (term.use.any) {
    if (grants) authorise_unlisted();
  } else if (term.kind == TermKind::exists) {
    co_await exists(term, grants);
  } else if (term.kind == TermKind::a || term.kind == TermKind::mx) {
    const auto host = term.domain_spec.empty() ? at.domain : dns::Name::parse(term.domain_spec);
    if (!host) co_return;
    if (term.kind == TermKind::a) co_return co_await addresses(*host, term, grants, true);
    const auto answer = co_await context_.ask(*host, Type::mx);
    is_unknown(*host, Type::mx, *answer);
    is_void(*host, Type::mx, *answer, true, true);
    if (answer->mx.size() > spf::kMxMax) {
      crowded.push_back(shown + " has " + std::to_string(answer->mx.size()) + " hosts");
      give_up(crowded.back());
    }
    for (std::size_t i = 0; i < answer->mx.size() && i < spf::kMxMax; ++i) {
      const dns::Name exchange = answer->mx[i].host;
      if (!exchange.is_root()) co_await addresses(exchange, term, grants, false);
    }
  }
}

Task<SpfDecision> SpfWalk::visit(At at, std::string text) {
  SpfDecision out{.state = SpfDecision::State::none, .domain = at.domain, .text = text};
  auto record = spf::Record::parse(text);
  if (!record) {
    syntax.push_back(printable(at.domain.text()) + ": " + printable(record.error().term) +
                     (record.error().term.empty() ? "" : ": ") + std::string(record.error().reason));
    give_up(syntax.back());
    out.state = SpfDecision::State::unknown;
    co_return out;
  }
  path_.insert(at.domain.text());
  while (const auto term = record->next_mechanism()) {
    if (stopped) break;
    if (term->kind == TermKind::all) {  // RFC 7208 5.1: what follows is never tested
      out.state = SpfDecision::State::decided;
      out.all = term->qualifier;
      if (at.grants && out.all == spf::Outcome::pass) {
        authorise_unlisted();
        everybody.push_back(printable(at.domain.text()) + ": " + printable(term->text));
      }
      break;
    }
    co_await mechanism(*term, at);
  }
  if (stopped) {
    out.state = SpfDecision::State::unknown;
  } else if (record->redirect()) {
    const spf::Term redirect = *record->redirect();
    count(printable(redirect.text));
    out = co_await follow(redirect, at, at.grants);
  }
  path_.erase(at.domain.text());
  co_return out;
}

Task<void> SpfWalk::begin(std::string text) {
  decision = co_await visit({context_.target.domain, true, true}, std::move(text));
}

}  // namespace postern::check
