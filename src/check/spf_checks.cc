// SPF (checks.md 6.9): the record and all that it includes, walked as RFC 7208 evaluates them, but to the end.
#include "spf/evaluate.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "spf/record.h"

namespace postern::check {

namespace {

using dns::Type;
using spf::TermKind;

constexpr std::size_t kVisitsMax = 40;  // records, includes of includes among them
// Terms that ask, to whose end a record is followed that breaks the limit of ten: how far it is off, and no more.
constexpr std::uint32_t kTermsFollowed = 2 * spf::kTermsMax;
constexpr std::size_t kSendersMax = 200;
constexpr std::size_t kSizeGood = 450, kSizeUdp = 512, kTextsUdp = 1232;

class SpfWalk {
 public:
  explicit SpfWalk(Context& context) : context_(context) {}
  Task<void> visit(dns::Name domain, std::string text, std::size_t depth);

  std::uint32_t lookups = 0;
  std::vector<std::string> counted;  // the terms that asked
  std::vector<std::string> syntax, missing, loops, ptr, crowded, breadth_fail, breadth_warn, unknown, not_followed;
  bool stopped = false;  // there is more, which is not asked for
  bool lost = false;     // an included record is not known: there may be more terms that ask
  bool exists = false;   // a term whose answer depends on the client: nobody can list who it authorises

 private:
  Task<void> mechanism(const spf::Term& term, const dns::Name& domain, std::size_t depth);
  Task<void> follow(std::string_view spec, const spf::MacroUse& use, std::string term, dns::Name from,
                    std::size_t depth);
  Task<void> addresses(dns::Name host, const spf::Term& term);
  void network(const spf::Term& term);
  void grant(const ip::Prefix& prefix);

  Context& context_;
  std::set<std::string> path_;
  std::size_t visits_ = 0;
};

void SpfWalk::grant(const ip::Prefix& prefix) {
  auto& list = prefix.address().is_v4() ? context_.target.spf_senders_v4 : context_.target.spf_senders_v6;
  std::string text = prefix.text();
  if (list.size() < kSendersMax && std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

void SpfWalk::network(const spf::Term& term) {
  const bool v4 = term.kind == TermKind::ip4;
  const int bits = v4 ? term.cidr4 : term.cidr6;
  std::array<std::uint8_t, 4> four{};
  std::copy(term.network.end() - 4, term.network.end(), four.begin());
  grant({v4 ? ip::Address::v4(four) : ip::Address::v6(term.network), bits});
  if (bits < (v4 ? 8 : 32)) {
    breadth_fail.emplace_back(term.text);
  } else if (bits < (v4 ? 16 : 48)) {
    breadth_warn.emplace_back(term.text);
  }
}

Task<void> SpfWalk::addresses(dns::Name host, const spf::Term& term) {
  for (const Type type : {Type::aaaa, Type::a}) {
    const auto answer = co_await context_.ask(host, type);
    if (is_temporary(answer->status)) unknown.push_back(describe(host, type, *answer));
    for (const ip::Address& address : answer->addresses) {
      grant({address, address.is_v4() ? term.cidr4 : term.cidr6});
    }
  }
}

Task<void> SpfWalk::follow(std::string_view spec, const spf::MacroUse& use, std::string term, dns::Name from,
                           std::size_t depth) {
  if (use.any) {
    not_followed.push_back(std::move(term));
    co_return;
  }
  const auto name = dns::Name::parse(spec);
  if (!name || name->is_root()) {
    missing.push_back(term + " names no domain");
    co_return;
  }
  if (path_.contains(name->text()) || *name == from) {
    loops.push_back(printable(from.text()) + ": " + term);
    co_return;
  }
  if (++visits_ > kVisitsMax) co_return;
  const auto answer = co_await context_.ask(*name, Type::txt);
  if (is_temporary(answer->status)) {
    lost = true;
    unknown.push_back(describe(*name, Type::txt, *answer));
    co_return;
  }
  std::vector<std::string> records;
  std::ranges::copy_if(answer->texts, std::back_inserter(records), spf::is_spf_record);
  if (records.size() != 1) {
    missing.push_back(term + (records.empty()
                                  ? " has no SPF record (" + std::string(dns::to_string(answer->status)) + ")"
                                  : " has several SPF records"));
    co_return;
  }
  co_await visit(*name, std::move(records.front()), depth + 1);
}

Task<void> SpfWalk::mechanism(const spf::Term& term, const dns::Name& domain, std::size_t depth) {
  const std::string shown = printable(term.text);
  const bool asks = term.kind == TermKind::include || term.kind == TermKind::a || term.kind == TermKind::mx ||
                    term.kind == TermKind::ptr || term.kind == TermKind::exists;
  if (asks) {
    ++lookups;
    stopped = lookups > kTermsFollowed;
    if (stopped) co_return;
    counted.push_back(shown);
  }
  if (term.kind == TermKind::ip4 || term.kind == TermKind::ip6) {
    if (term.qualifier == spf::Outcome::pass) network(term);
  } else if (term.kind == TermKind::ptr) {
    ptr.push_back(printable(domain.text()) + ": " + shown);
  } else if (term.kind == TermKind::exists ||
             ((term.kind == TermKind::a || term.kind == TermKind::mx) && term.use.any)) {
    exists = true;
  } else if (term.kind == TermKind::include) {
    co_await follow(term.domain_spec, term.use, shown, domain, depth);
  } else if (term.kind == TermKind::a || term.kind == TermKind::mx) {
    const auto host = term.domain_spec.empty() ? domain : dns::Name::parse(term.domain_spec);
    if (!host || term.qualifier != spf::Outcome::pass) co_return;
    if (term.kind == TermKind::a) co_return co_await addresses(*host, term);
    const auto answer = co_await context_.ask(*host, Type::mx);
    if (is_temporary(answer->status)) unknown.push_back(describe(*host, Type::mx, *answer));
    if (answer->mx.size() > spf::kMxMax)
      crowded.push_back(shown + " has " + std::to_string(answer->mx.size()) + " hosts");
    for (std::size_t i = 0; i < answer->mx.size() && i < spf::kMxMax; ++i) {
      const dns::Name exchange = answer->mx[i].host;
      if (!exchange.is_root()) co_await addresses(exchange, term);
    }
  }
}

Task<void> SpfWalk::visit(dns::Name domain, std::string text, std::size_t depth) {
  auto record = spf::Record::parse(text);
  if (!record) {
    syntax.push_back(printable(domain.text()) + ": " + printable(record.error().term) +
                     (record.error().term.empty() ? "" : ": ") + std::string(record.error().reason));
    co_return;
  }
  path_.insert(domain.text());
  while (const auto term = record->next_mechanism()) {
    if (stopped || term->kind == TermKind::all) break;  // RFC 7208 5.1: what follows is never tested
    co_await mechanism(*term, domain, depth);
  }
  if (record->redirect() && !stopped) {
    ++lookups;
    const spf::Term redirect = *record->redirect();
    counted.push_back(printable(redirect.text));
    co_await follow(redirect.domain_spec, redirect.use, printable(redirect.text), domain, depth);
  }
  path_.erase(domain.text());
}

void judge_all(Context& context, const std::string& text) {
  const std::string domain = context.report.domain;
  auto record = spf::Record::parse(text);
  if (!record) return;
  std::optional<spf::Outcome> all;
  bool after = false;
  while (const auto term = record->next_mechanism()) {
    if (all) after = true;
    if (term->kind == TermKind::all && !all) all = term->qualifier;
  }
  bool redirect = false;
  for (const std::string_view term : split(text, ' ')) redirect = redirect || istarts_with(term, "redirect=");
  const auto proposed = [&] {
    std::string out;
    for (const std::string_view term : split(text, ' ')) {
      if (term.empty() ||
          (term.size() <= 4 && istarts_with(term.substr(term.size() - std::min<std::size_t>(3, term.size())), "all")))
        continue;
      out += std::string(term) + " ";
    }
    return zone_text(context.target.domain, out + "-all");
  };
  if (!all && redirect) {
    context.add("spf.all", Outcome::pass, domain, "redirect decides");
  } else if (!all) {
    context.add("spf.all", Outcome::fail, domain, "no all at the end: the result for strangers is neutral",
                "end the record in -all", proposed());
  } else if (*all == spf::Outcome::pass) {
    context.add("spf.all", Outcome::fail, domain, "+all authorises everybody", "end the record in -all", proposed());
  } else if (*all == spf::Outcome::neutral) {
    context.add("spf.all", Outcome::fail, domain, "?all says nothing about strangers", "end the record in -all",
                proposed());
  } else if (after || redirect) {
    context.add("spf.all", Outcome::warn, domain,
                after ? "terms after all are never tested" : "redirect beside all is ignored",
                "take away what stands after all", proposed());
  } else {
    context.add("spf.all", Outcome::pass, domain, *all == spf::Outcome::fail ? "-all" : "~all");
  }
}

void judge_list(Context& context, std::string_view id, Outcome bad, const std::vector<std::string>& what,
                std::string good, std::string fix) {
  if (what.empty()) {
    context.add(id, Outcome::pass, context.report.domain, std::move(good));
  } else {
    context.add(id, bad, context.report.domain, join(what, "; "), std::move(fix));
  }
}

void judge_lookups(Context& context, const SpfWalk& walk) {
  const std::string evidence =
      (walk.stopped ? "more than " + std::to_string(kTermsFollowed) : std::to_string(walk.lookups)) + " of 10" +
      (walk.counted.empty() ? "" : ": " + join(walk.counted)) +
      (walk.not_followed.empty() ? "" : "; not followed, for its macros: " + join(walk.not_followed));
  if (walk.lost && walk.lookups <= spf::kTermsMax)
    return context.unknown("spf.lookups", context.report.domain,
                           evidence + "; and what stands in " + join(walk.unknown, "; "));
  const Outcome outcome = walk.lookups > spf::kTermsMax        ? Outcome::fail
                          : walk.lookups + 1 >= spf::kTermsMax ? Outcome::warn
                                                               : Outcome::pass;
  context.add("spf.lookups", outcome, context.report.domain, evidence,
              outcome == Outcome::pass
                  ? ""
                  : "replace includes and host names by ip4 and ip6, or take away what no longer sends");
}

Task<void> judge_voids(Context& context, const SpfWalk& walk) {
  std::uint32_t voids = 0;
  bool unknown = !walk.unknown.empty();
  std::string problem;
  for (const char* const client : {"2001:db8::1", "192.0.2.1"}) {
    spf::Query query{.client = *ip::Address::parse(client),
                     .identity = spf::Identity::mail_from,
                     .mail_from = "postmaster@" + context.target.domain.text(),
                     .helo = context.target.domain.text(),
                     .receiver = context.options.helo,
                     .now = context.options.now};
    const auto result = co_await spf::check(std::move(query), context.resolver(), context.budget());
    if (result.void_lookups > voids) problem = result.problem;
    unknown = unknown || result.outcome == spf::Outcome::temperror;
    voids = std::max(voids, result.void_lookups);
  }
  if (unknown && voids <= spf::kVoidMax)
    co_return context.unknown("spf.void", context.report.domain,
                              std::to_string(voids) + " of 2, and not all is known" +
                                  (walk.unknown.empty() ? "" : ": " + join(walk.unknown, "; ")));
  const Outcome outcome = voids > spf::kVoidMax    ? Outcome::fail
                          : voids == spf::kVoidMax ? Outcome::warn
                                                   : Outcome::pass;
  context.add("spf.void", outcome, context.report.domain,
              std::to_string(voids) + " of 2" + (problem.empty() ? "" : ": " + problem),
              outcome == Outcome::pass ? "" : "take away the terms whose names do not exist any more");
}

void judge_breadth(Context& context, const SpfWalk& walk) {
  const std::string domain = context.report.domain;
  if (!walk.breadth_fail.empty()) {
    context.add("spf.breadth", Outcome::fail, domain, join(walk.breadth_fail),
                "authorise the hosts that send, not their continent");
  } else if (!walk.breadth_warn.empty()) {
    context.add("spf.breadth", Outcome::warn, domain, join(walk.breadth_warn), "authorise smaller networks");
  } else {
    context.add("spf.breadth", Outcome::pass, domain,
                std::to_string(context.target.spf_senders_v6.size()) + " IPv6 and " +
                    std::to_string(context.target.spf_senders_v4.size()) + " IPv4 networks and hosts");
  }
}

void judge_parity(Context& context, const SpfWalk& walk) {
  const std::string domain = context.report.domain;
  std::vector<std::string> six;
  for (const MailHost& host : context.target.hosts) {
    for (const Address& one : host.addresses) {
      if (one.address.is_v6()) six.push_back(one.address.text());
    }
  }
  const bool four = !context.target.spf_senders_v4.empty();
  if (!four || !context.target.spf_senders_v6.empty() || six.empty() || walk.exists || !walk.not_followed.empty()) {
    context.add("spf.ipv6", Outcome::pass, domain,
                std::to_string(context.target.spf_senders_v6.size()) + " IPv6 and " +
                    std::to_string(context.target.spf_senders_v4.size()) + " IPv4 networks and hosts");
    return;
  }
  std::string text = context.spf_text;
  const std::size_t at = text.find(' ');
  if (at != std::string::npos) text.insert(at, " ip6:" + six.front());
  context.add("spf.ipv6", Outcome::warn, domain, "IPv4 senders alone, and the mail hosts have " + join(six),
              "authorise the IPv6 addresses that send: mail that goes over IPv6 fails SPF else",
              zone_text(context.target.domain, text));
}

void judge_size(Context& context, const dns::Answer& answer) {
  std::size_t all = 0;
  for (const std::string& text : answer.texts) all += text.size() + 1 + text.size() / 255;
  const std::size_t size = context.spf_text.size();
  const std::string evidence = std::to_string(size) + " octets; all TXT records of the name " + std::to_string(all);
  if (size > kSizeGood || all > kTextsUdp) {
    context.add("spf.size", Outcome::warn, context.report.domain, evidence,
                size > kSizeUdp    ? "shorten the record: it does not fit into 512 octets"
                : size > kSizeGood ? "shorten the record before it does not fit into 512 octets"
                                   : "take away TXT records that proved something once");
  } else {
    context.add("spf.size", Outcome::pass, context.report.domain, evidence);
  }
}

Task<void> judge_helo(Context& context) {
  for (std::size_t i = 0; i < context.target.hosts.size(); ++i) {
    const dns::Name host = context.target.hosts[i].name;
    const auto answer = co_await context.ask(host, Type::txt);
    const std::string subject = printable(host.text());
    if (is_temporary(answer->status)) {
      context.unknown("spf.helo", subject, describe(host, Type::txt, *answer));
    } else if (std::ranges::any_of(answer->texts, spf::is_spf_record)) {
      context.add("spf.helo", Outcome::pass, subject, describe(host, Type::txt, *answer));
    } else {
      context.add("spf.helo", Outcome::info, subject, describe(host, Type::txt, *answer),
                  "bounces and reports, which have no sender, are judged by this name",
                  zone_text(host, "v=spf1 a -all"));
    }
  }
}

std::string proposal(const Context& context) {
  return zone_text(context.target.domain, context.target.hosts.empty() ? "v=spf1 -all" : "v=spf1 mx -all");
}

}  // namespace

Task<void> check_spf(Context& context) {
  const std::string domain = context.report.domain;
  const auto answer = co_await context.ask(context.target.domain, Type::txt);
  const std::string evidence = describe(context.target.domain, Type::txt, *answer);
  if (is_temporary(answer->status)) co_return context.unknown("spf.record", domain, evidence);
  std::vector<std::string> records, nearly;
  for (const std::string& text : answer->texts) {
    if (spf::is_spf_record(text)) {
      records.push_back(text);
    } else if (istarts_with(trim(text), "v=spf1") || istarts_with(text, "spf2.0/")) {
      nearly.push_back(printable(text));
    }
  }
  co_await judge_helo(context);
  if (records.size() != 1) {
    const std::string fix = !nearly.empty() ? "the record must begin with \"v=spf1 \", with nothing in front"
                            : records.empty()
                                ? "publish an SPF record"
                                : "join the records into one: several are an error, and none of them counts";
    co_return context.add("spf.record", Outcome::fail, domain, evidence, fix, records.empty() ? proposal(context) : "");
  }
  context.spf_text = records.front();
  context.add("spf.record", nearly.empty() ? Outcome::pass : Outcome::warn, domain,
              nearly.empty() ? printable(context.spf_text, 1000) : join(nearly),
              nearly.empty() ? "" : "take the other record away; nobody reads it");
  SpfWalk walk(context);
  co_await walk.visit(context.target.domain, context.spf_text, 0);
  context.spf_grants = !context.target.spf_senders_v4.empty() || !context.target.spf_senders_v6.empty() ||
                       walk.exists || !walk.not_followed.empty() || !walk.ptr.empty();
  judge_list(context, "spf.syntax", Outcome::fail, walk.syntax, "the record and all that it includes",
             "put the term right: any error makes the whole record count for nothing");
  judge_lookups(context, walk);
  if (!walk.syntax.empty()) co_return;
  if (!walk.unknown.empty()) context.unknown("spf.include", domain, join(walk.unknown, "; "));
  std::vector<std::string> broken = walk.missing;
  for (const std::string& loop : walk.loops) broken.push_back(loop + " leads back to where it came from");
  if (walk.unknown.empty() || !broken.empty()) {
    judge_list(context, "spf.include", Outcome::fail, broken, "every include and redirect leads to a record",
               "take the term away, or repair the record it leads to: the result is permerror");
  }
  judge_list(context, "spf.mx_hosts", Outcome::fail, walk.crowded, "no mx term has more than ten hosts",
             "name the addresses by ip4 and ip6");
  judge_list(context, "spf.ptr", Outcome::warn, walk.ptr, "no ptr",
             "name the addresses by ip4 and ip6, or the hosts by a");
  judge_all(context, context.spf_text);
  co_await judge_voids(context, walk);
  judge_breadth(context, walk);
  judge_parity(context, walk);
  judge_size(context, *answer);
}

}  // namespace postern::check
