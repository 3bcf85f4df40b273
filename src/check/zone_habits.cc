// What else stands in the zone (checks.md 6.1-15, 6.2-28, 6.12), and what cannot be known from here.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/context.h"
#include "dns/records.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;

constexpr std::uint32_t kTtlLow = 60, kTtlGoodMin = 300, kTtlGoodMax = 86400, kTtlHigh = 172800;
constexpr std::size_t kServersAsked = 2;  // for a whole TTL

// RFC 8659 3: at the name, else at the nearest name above that has one.
Task<dns::AnswerPtr> find_caa(Context& context, dns::Name name, dns::Name& at) {
  dns::AnswerPtr answer;
  for (at = name; at.labels() > 1; at = at.suffix(at.labels() - 1)) {
    answer = co_await context.ask(at, Type::caa);
    if (answer->status != Status::nodata && answer->status != Status::nxdomain) break;
  }
  if (at.labels() <= 1) at = name;
  co_return answer;
}

// RFC 8659 4.2, labels and tags: letters and digits, and hyphens between them.
bool is_ldh(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
}

// RFC 8659 4.2: [issuer] [";" [tag "=" value *(";" tag "=" value)]].
bool is_issue_value(std::string_view value) {
  const auto parts = split(value, ';');
  const std::string_view issuer = trim(parts.front());
  if (!issuer.empty() && !std::ranges::all_of(split(issuer, '.'), is_ldh)) return false;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = trim(parts[i]);
    const std::size_t equals = part.find('=');
    if (part.empty() && i + 1 == parts.size()) continue;
    if (equals == std::string_view::npos || !is_ldh(trim(part.substr(0, equals)))) return false;
    const std::string_view given = trim(part.substr(equals + 1));
    if (!std::ranges::all_of(given, [](char c) { return c > ' ' && c < 0x7F; })) return false;
  }
  return true;
}

Task<void> judge_caa(Context& context, dns::Name name) {
  dns::Name at;
  const auto answer = co_await find_caa(context, name, at);
  const std::string subject = printable(name.text());
  if (!answer) co_return;
  const std::string evidence = describe(at, Type::caa, *answer);
  // In somebody else's zone only he can publish one
  const std::string record = context.is_foreign(name) ? std::string()
                                                      : zone_record(context.zone.is_root() ? name : context.zone, "CAA",
                                                                    "0 issue \"YOUR-CA.example\"");
  if (is_temporary(answer->status) && answer->dropped == 0)
    co_return context.unknown("dns.caa", subject, evidence, bogus_name(at, *answer));
  bool issue = false, malformed = answer->dropped > 0;
  for (const std::string& rdata : answer->rdata) {
    const auto caa = dns::parse_caa(rdata);
    const bool says = caa && (caa->tag == "issue" || caa->tag == "issuewild");
    issue = issue || says;
    malformed = malformed || (says && !is_issue_value(caa->value));
  }
  if (malformed) {
    co_return context.add(
        "dns.caa", Outcome::warn, subject, evidence,
        context.for_owner(name, "put the malformed record right: a certificate authority refuses to issue"), record);
  }
  context.add("dns.caa", issue ? Outcome::pass : Outcome::warn, subject, evidence,
              issue ? ""
                    : context.for_owner(
                          name, "say which certificate authority may issue; accounturi= narrows it to your account"),
              issue ? "" : record);
}

struct Lifetime {
  dns::Name name;
  Type type = Type::mx;
  std::uint32_t ttl = 0;
};

// A resolver that others use, too, counts down: where little is left, the zone's own servers say what was published.
Task<void> ask_for_whole_ttls(Context& context, std::vector<Lifetime>& all) {
  if (!context.doors.ask_servers) co_return;
  std::vector<resolver::DirectQuestion> questions;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].ttl >= kTtlGoodMin || !all[i].name.is_within(context.zone)) continue;
    for (std::size_t n = 0; n < context.server_addresses.size() && n < kServersAsked; ++n) {
      questions.push_back(
          {{context.server_addresses[n].second, context.options.dns_port}, all[i].name, all[i].type, false, {}});
      of.push_back(i);
    }
  }
  if (questions.empty()) co_return;
  const auto answers = co_await context.doors.ask_servers(std::move(questions));
  for (std::size_t i = 0; i < answers.size() && i < of.size(); ++i) {
    if (!answers[i].packet || !answers[i].packet->authoritative) continue;
    Lifetime& one = all[of[i]];
    one.ttl = std::max(one.ttl, dns::records_of(answers[i].packet->answer, one.name, one.type).ttl);
  }
}

Task<void> judge_ttls(Context& context) {
  std::vector<Lifetime> all;
  if (context.mx->status == Status::ok) all.push_back({context.target.domain, Type::mx, context.mx->ttl});
  for (std::size_t i = 0; i < context.target.hosts.size(); ++i) {
    const dns::Name host = context.target.hosts[i].name;
    for (const Type type : {Type::aaaa, Type::a}) {
      const auto answer = co_await context.ask(host, type);
      if (answer->status == Status::ok) all.push_back({host, type, answer->ttl});
    }
  }
  if (all.empty()) co_return;
  co_await ask_for_whole_ttls(context, all);
  std::vector<std::string> warn, info, words;
  for (const Lifetime& one : all) {
    const std::string shown =
        std::string(dns::to_string(one.type)) + " " + printable(one.name.text()) + ": TTL " + std::to_string(one.ttl);
    words.push_back(shown);
    if (one.ttl < kTtlLow || one.ttl > kTtlHigh) {
      warn.push_back(shown);
    } else if (one.ttl < kTtlGoodMin || one.ttl > kTtlGoodMax) {
      info.push_back(shown);
    }
  }
  const std::string domain = context.report.domain;
  if (!warn.empty()) {
    context.add("dns.ttl", Outcome::warn, domain, join(warn), "between five minutes and a day");
  } else if (!info.empty()) {
    context.add("dns.ttl", Outcome::info, domain, join(info), "between five minutes and a day");
  } else {
    context.add("dns.ttl", Outcome::pass, domain, join(words));
  }
}

Task<void> judge_wildcard(Context& context) {
  const std::string domain = context.report.domain;
  std::vector<std::string> found, unknown;
  bool everywhere = false;
  std::optional<dns::Name> bogus;
  for (const char* const label : {kNobodysLabel, kNobodysSelector}) {
    const auto name = context.target.domain.below(label);
    if (!name) co_return;
    const auto answer = co_await context.ask(*name, Type::txt);
    const bool selector = label == std::string_view(kNobodysSelector);
    if (answer->status == Status::ok && !(selector && std::ranges::all_of(answer->texts, is_revoked))) {
      found.push_back(describe(*name, Type::txt, *answer));
      everywhere = everywhere || !selector;
    }
    if (is_temporary(answer->status)) unknown.push_back(describe(*name, Type::txt, *answer));
    if (!bogus) bogus = bogus_name(*name, *answer);
  }
  if (!found.empty()) {
    context.add(
        "dns.wildcard", Outcome::warn, domain, join(found, "; "),
        everywhere ? "take the wildcard's TXT record away: it stands at _dmarc, _mta-sts and every DKIM selector, too, "
                     "where they have none of their own"
                   : "take the wildcard's TXT record away: it stands at every DKIM selector that has none of its own");
  } else if (!unknown.empty()) {
    context.unknown("dns.wildcard", domain, join(unknown, "; "), bogus);
  } else {
    context.add("dns.wildcard", Outcome::pass, domain, "no TXT at names that nobody published");
  }
}

Task<void> judge_srv(Context& context) {
  static constexpr std::array<std::string_view, 3> kServices{"_submissions._tcp", "_submission._tcp", "_imaps._tcp"};
  const std::string domain = context.report.domain;
  bool any = false;
  for (const std::string_view service : kServices) {
    const auto name = context.target.domain.below(service);
    if (!name) continue;
    const auto answer = co_await context.ask(*name, Type::srv);
    if (answer->status != Status::ok) continue;
    any = true;
    const std::string evidence = describe(*name, Type::srv, *answer);
    std::vector<std::string> flaws;
    for (const std::string& rdata : answer->rdata) {
      const auto srv = dns::parse_srv(rdata);
      if (!srv || srv->target.is_root()) continue;
      const auto six = co_await context.ask(srv->target, Type::aaaa);
      const auto four = co_await context.ask(srv->target, Type::a);
      const std::string target = printable(srv->target.text());
      if (is_temporary(six->status) || is_temporary(four->status)) continue;
      if (six->addresses.empty() && four->addresses.empty()) {
        flaws.push_back(target + " has no address");
      } else if (four->canonical != srv->target || six->canonical != srv->target) {
        flaws.push_back(target + " is an alias (RFC 2782)");
      }
    }
    context.add("dns.srv", flaws.empty() ? Outcome::pass : Outcome::warn, printable(name->text()),
                flaws.empty() ? evidence : evidence + ": " + join(flaws),
                flaws.empty() ? "" : "name a host that has addresses of its own");
  }
  if (!any && !context.target.hosts.empty()) {
    const auto name = context.target.domain.below(kServices.front());
    context.add(
        "dns.srv", Outcome::info, domain, "no SRV record of submission or IMAP",
        "mail clients configure themselves by it",
        name ? zone_record(*name, "SRV", "0 1 465 " + printable(context.target.hosts.front().name.text()) + ".") : "");
  }
}

}  // namespace

Task<void> check_zone_habits(Context& context) {
  co_await judge_caa(context, context.target.domain);
  for (std::size_t i = 0; i < context.target.hosts.size(); ++i)
    co_await judge_caa(context, context.target.hosts[i].name);
  if (const auto policy_host = context.target.domain.below("mta-sts")) {
    if ((co_await context.ask(*policy_host, Type::aaaa))->status == Status::ok ||
        (co_await context.ask(*policy_host, Type::a))->status == Status::ok) {
      co_await judge_caa(context, *policy_host);
    }
  }
  co_await judge_ttls(context);
  co_await judge_wildcard(context);
  co_await judge_srv(context);
}

void say_what_is_not_tested(Context& context) {
  const std::string domain = context.report.domain;
  const auto say = [&](std::string_view id, const char* why) { context.add(id, Outcome::not_tested, domain, why); };
  say("name.expiry", "registries are asked by RDAP, which this program does not speak");
  if (context.target.hosts.empty()) return;
  say("routing.roa", "route origin authorisations are not in DNS; an RPKI validator knows them");
  say("routing.valid", "needs a view of BGP and an RPKI validator");
  say("routing.networks", "which autonomous system announces an address is not in DNS");
  if (!context.options.lists)
    say("reverse.lists",
        "lists answer to those who use them for their mail: yours ([[policy.list]]) are asked with --config, and by "
        "the "
        "page for the operator and whom the domain belongs to");
  say("dkim.live",
      "needs the records of a gateway that gets its mail, as --config names one; `postern dkim verify FILE` judges one "
      "message");
  say("dkim.age", "DNS does not tell how old a key is; --watch FILE keeps since when each was seen");
  if (context.target.sts) say("mta_sts.id", "needs the policy of the run before; --watch FILE keeps it");
}

}  // namespace postern::check
