// The zone's name servers (checks.md 6.1): who they are, and what each address of each says itself.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "dns/records.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;
using resolver::DirectAnswer;
using resolver::DirectQuestion;
using Problem = DirectAnswer::Problem;

constexpr std::size_t kServersMax = 13, kAddressesMax = 26, kParentsAsked = 4;
constexpr std::size_t kAskedAtOnce = 8;  // addresses, with a socket for each of four questions
constexpr std::uint8_t kNoError = 0;
constexpr std::uint32_t kWeek = 604800, kHour = 3600;

// What one address said. The same four questions to each.
struct Said {
  dns::Name server;
  ip::Address address;
  DirectAnswer soa, soa_tcp, mx, txt_tcp;
};

std::string label(const Said& said) { return printable(said.server.text()) + " [" + said.address.text() + "]"; }

// Empty: an answer of a server that has the zone.
std::string flaw(const DirectAnswer& answer) {
  if (answer.problem != Problem::none) return answer.what;
  if (answer.packet->rcode != kNoError) return "response code " + std::to_string(answer.packet->rcode);
  if (!answer.packet->authoritative) return "not authoritative (lame)";
  return {};
}

bool is_lame(const DirectAnswer& answer) { return answer.problem == Problem::none && !flaw(answer).empty(); }

void judge_reach(Context& context, const std::vector<Said>& all) {
  std::vector<std::string> failures, ours;
  std::size_t good = 0;
  bool lame = false, silent = false;
  for (const Said& said : all) {
    const auto look = [&](const DirectAnswer& answer, const char* over) {
      if (answer.problem == Problem::no_route) {
        ours.push_back(label(said) + ": " + answer.what);
      } else if (const std::string why = flaw(answer); !why.empty()) {
        failures.push_back(label(said) + " over " + over + ": " + why);
        (is_lame(answer) ? lame : silent) = true;
      } else {
        ++good;
      }
    };
    look(said.soa, "UDP");
    look(said.soa_tcp, "TCP");
  }
  const std::string zone = printable(context.zone.text());
  const std::string away = ours.empty() ? std::string() : "; not tested, no way from here: " + join(ours);
  if (failures.empty() && good == 0) {
    context.add("dns.ns_reach", Outcome::not_tested, zone, "no way from here: " + join(ours),
                "run the check where the Internet can be reached");
  } else if (failures.empty()) {
    context.add("dns.ns_reach", Outcome::pass, zone, std::to_string(good) + " answers" + away);
  } else {
    std::vector<std::string> fixes;
    if (lame) fixes.emplace_back("serve the zone on the server that answers without it, or take its NS record away");
    if (silent)
      fixes.emplace_back("let the server answer UDP and TCP port 53 on the address that is silent, or take it away");
    context.add("dns.ns_reach", good == 0 ? Outcome::fail : Outcome::warn, zone, join(failures, "; ") + away,
                join(fixes, "; "));
  }
}

// Servers whose names have no address. Of one whose domain nobody has registered whoever does answers for the zone.
Task<void> judge_lost(Context& context) {
  std::vector<std::pair<dns::Name, dns::AnswerPtr>> lost(context.lost_servers.begin(), context.lost_servers.end());
  for (const auto& [server, answer] : lost) {
    const std::string subject = printable(server.text());
    std::string evidence = describe(server, Type::aaaa, *answer) + ", and no A record";
    const auto owner = context.suffixes().registrable_domain(server);
    const bool gone = answer->status == Status::nxdomain;
    const auto registered = owner && gone ? co_await context.ask(*owner, Type::ns) : nullptr;
    if (registered && registered->status == Status::nxdomain) {
      context.add("dns.ns_reach", Outcome::fail, subject, evidence + "; " + describe(*owner, Type::ns, *registered),
                  "take the NS record away at once, here and at the registrar: whoever registers " +
                      printable(owner->text()) + " owns the zone");
    } else {
      context.add("dns.ns_reach", Outcome::warn, subject, std::move(evidence),
                  context.for_owner(server, "give the name server addresses") +
                      ", or take its NS record away, here and at the registrar");
    }
  }
}

void judge_serials(Context& context, const std::vector<Said>& all) {
  std::map<std::uint32_t, std::vector<std::string>> serials;
  for (const Said& said : all) {
    if (!flaw(said.soa).empty()) continue;
    const auto found = dns::records_of(said.soa.packet->answer, context.zone, Type::soa);
    if (found.rdata.empty()) continue;
    if (const auto soa = dns::parse_soa(found.rdata.front())) serials[soa->serial].push_back(label(said));
  }
  if (serials.empty()) return;
  std::vector<std::string> words;
  for (const auto& [serial, who] : serials) words.push_back(std::to_string(serial) + ": " + join(who));
  const bool same = serials.size() == 1;
  context.add("dns.ns_serial", same ? Outcome::pass : Outcome::warn, printable(context.zone.text()), join(words, "; "),
              same ? "" : "see why the zone is not transferred to all of them");
}

// The records as text, in an order of their own, so that two answers compare.
std::string mail_words(const DirectAnswer& answer, const dns::Name& domain, Type type) {
  const auto found = dns::records_of(answer.packet->answer, domain, type);
  std::vector<std::string> words;
  for (const auto& mx : found.mx)
    words.push_back(std::to_string(mx.preference) + " " + printable(mx.host.text()) + ".");
  for (const auto& text : found.texts) words.push_back("\"" + printable(text, 120) + "\"");
  std::ranges::sort(words);
  return words.empty() ? "nothing" : join(words);
}

void judge_mail(Context& context, const std::vector<Said>& all) {
  std::map<std::string, std::vector<std::string>> mx, txt;
  for (const Said& said : all) {
    if (flaw(said.mx).empty()) mx[mail_words(said.mx, context.target.domain, Type::mx)].push_back(label(said));
    if (flaw(said.txt_tcp).empty())
      txt[mail_words(said.txt_tcp, context.target.domain, Type::txt)].push_back(label(said));
  }
  if (mx.empty()) return;
  const auto differ = [](const auto& map, const char* what) {
    std::vector<std::string> words;
    for (const auto& [value, who] : map) words.push_back(std::string(what) + " " + value + " from " + join(who));
    return join(words, "; ");
  };
  const std::string domain = context.report.domain;
  const std::string fix = "bring all name servers to the same version of the zone";
  if (mx.size() > 1) {
    context.add("dns.ns_mail", Outcome::fail, domain, differ(mx, "MX"), fix);
  } else if (txt.size() > 1) {
    context.add("dns.ns_mail", Outcome::warn, domain, differ(txt, "TXT"), fix);
  } else {
    context.add("dns.ns_mail", Outcome::pass, domain, differ(mx, "MX"));
  }
}

void judge_edns(Context& context, const std::vector<Said>& all) {
  std::vector<std::string> flaws;
  bool any = false;
  for (const Said& said : all) {
    if (said.mx.problem != Problem::none) continue;
    any = true;
    if (!said.mx.packet->edns)
      flaws.push_back(label(said) + ": no OPT record, response code " + std::to_string(said.mx.packet->rcode));
    if (said.mx.packet->truncated && !flaw(said.txt_tcp).empty() && said.txt_tcp.problem != Problem::no_route) {
      flaws.push_back(label(said) + ": cut short over UDP, and over TCP: " + flaw(said.txt_tcp));
    }
  }
  if (!any) return;
  context.add("dns.edns", flaws.empty() ? Outcome::pass : Outcome::warn, printable(context.zone.text()),
              flaws.empty() ? "OPT in every answer" : join(flaws, "; "),
              flaws.empty() ? "" : "replace the name server's software, or open TCP port 53");
}

std::set<std::string> ns_names(const std::vector<dns::Record>& section, const dns::Name& zone) {
  std::set<std::string> out;
  for (const auto& name : dns::records_of(section, zone, Type::ns).names) out.insert(printable(name.text()));
  return out;
}

void judge_glue(Context& context, const dns::Packet& referral) {
  std::vector<std::string> flaws;
  bool inside = false;
  std::map<std::string, std::set<std::string>> given;
  for (const auto& record : referral.additional) {
    for (const Type type : {Type::aaaa, Type::a}) {
      for (const auto& address : dns::records_of({record}, record.owner, type).addresses) {
        given[record.owner.text()].insert(address.text());
      }
    }
  }
  for (const dns::Name& server : context.servers) {
    if (!server.is_within(context.zone)) continue;
    inside = true;
    const auto known = context.own_addresses.find(server);
    if (known == context.own_addresses.end()) continue;
    for (const auto& address : known->second) {
      if (!given[server.text()].contains(address.text()))
        flaws.push_back(printable(server.text()) + " has " + address.text() + ", and the delegation has not");
      given[server.text()].erase(address.text());
    }
    for (const std::string& address : given[server.text()])
      flaws.push_back("the delegation says " + address + " for " + printable(server.text()));
  }
  if (!inside) {
    context.add("dns.glue", Outcome::pass, printable(context.zone.text()),
                "no server is inside the zone: none is needed");
    return;
  }
  context.add("dns.glue", flaws.empty() ? Outcome::pass : Outcome::warn, printable(context.zone.text()),
              flaws.empty() ? "as the zone has it" : join(flaws, "; "),
              flaws.empty() ? "" : "tell the registrar the addresses of the name servers, both families");
}

// The referral of a server of the zone above.
Task<void> judge_delegation(Context& context) {
  const std::string zone = printable(context.zone.text());
  dns::Name parent;
  dns::AnswerPtr servers;
  for (std::size_t labels = context.zone.labels() - 1; labels > 0; --labels) {
    parent = context.zone.suffix(labels);
    servers = co_await context.ask(parent, Type::ns);
    if (servers->status == Status::ok) break;
  }
  if (!servers || servers->status != Status::ok) {
    co_return context.add("dns.delegation", Outcome::not_tested, zone, "the servers of the zone above are not known");
  }
  std::vector<DirectQuestion> questions;
  for (const dns::Name& server : servers->names) {
    for (const Type type : {Type::aaaa, Type::a}) {
      const auto found = co_await context.ask(server, type);
      for (const auto& address : found->addresses) {
        if (questions.size() == kParentsAsked) break;
        if (!why_not_global(address).empty() && !context.options.allow_private) continue;
        questions.push_back({{address, context.options.dns_port}, context.zone, Type::ns, false, {}});
      }
    }
  }
  auto answers = co_await context.doors.ask_servers(std::move(questions));
  const auto referral = std::ranges::find_if(answers, [&](const DirectAnswer& answer) {
    return answer.packet && !answer.packet->authoritative && !ns_names(answer.packet->authority, context.zone).empty();
  });
  if (referral == answers.end()) {
    const bool own =
        std::ranges::any_of(answers, [](const DirectAnswer& a) { return a.packet && a.packet->authoritative; });
    co_return context.add("dns.delegation", Outcome::not_tested, zone,
                          own ? "the servers of " + printable(parent.text()) +
                                    " serve the zone themselves: there is no delegation to be seen"
                              : "the servers of " + printable(parent.text()) + " gave no referral");
  }
  const auto above = ns_names(referral->packet->authority, context.zone);
  std::set<std::string> below;
  for (const dns::Name& server : context.servers) below.insert(printable(server.text()));
  const auto list = [](const std::set<std::string>& names) { return join({names.begin(), names.end()}); };
  context.add("dns.delegation", above == below ? Outcome::pass : Outcome::warn, zone,
              "above: " + list(above) + "; in the zone: " + list(below),
              above == below ? "" : "have the same name servers in the zone and at the registrar");
  judge_glue(context, *referral->packet);
}

void judge_set(Context& context) {
  const std::string zone = printable(context.zone.text());
  std::set<std::string> networks4, networks6;
  std::vector<std::string> with6, words;
  for (const dns::Name& server : context.servers) {
    bool six = false;
    std::vector<std::string> addresses;
    for (const auto& address : context.own_addresses[server]) {
      six = six || address.is_v6();
      (address.is_v4() ? networks4 : networks6).insert(ip::Prefix(address, address.is_v4() ? 24 : 48).text());
      addresses.push_back(address.text());
    }
    if (six) with6.push_back(printable(server.text()));
    words.push_back(printable(server.text()) + " (" + join(addresses) + ")");
  }
  // A name without an address serves nothing
  const std::size_t count = context.servers.size() - context.lost_servers.size();
  context.add("dns.ns_count", count >= 2 ? Outcome::pass : Outcome::warn, zone,
              std::to_string(count) + (context.lost_servers.empty() ? "" : " with addresses") + ": " + join(words),
              count >= 2 ? "" : "a second name server, in another network");
  // Each family that is there: resolvers that have it alone see no others
  const bool spread = networks4.size() != 1 && networks6.size() != 1 && networks4.size() + networks6.size() > 0;
  const std::vector<dns::Name>& unsure = context.unknown_servers;
  const std::string unknown =
      unsure.empty() ? std::string() : "; DNS did not say all addresses of " + printable(unsure.front().text());
  if (!spread && !unsure.empty()) {
    context.unknown("dns.ns_networks", zone, join(words) + unknown, context.bogus_among(unsure));
  } else {
    context.add("dns.ns_networks", spread ? Outcome::pass : Outcome::warn, zone, join(words),
                spread ? "" : "put a name server into another network, in both families");
  }
  if (with6.size() < 2 && !unsure.empty()) {
    context.unknown("dns.ns_ipv6", zone, join(words) + unknown, context.bogus_among(unsure));
  } else if (with6.size() >= 2) {
    context.add("dns.ns_ipv6", Outcome::pass, zone, join(with6));
  } else {
    const auto without = std::ranges::find_if(context.servers, [&](const dns::Name& server) {
      return std::ranges::find(with6, printable(server.text())) == with6.end();
    });
    context.add("dns.ns_ipv6", Outcome::fail, zone,
                with6.empty() ? "none has an IPv6 address: " + join(words) : "one alone: " + with6.front(),
                without == context.servers.end()
                    ? std::string("give a second name server an IPv6 address, too")
                    : context.for_owner(*without, "give two name servers IPv6 addresses, and the registrar their glue"),
                without == context.servers.end() || context.is_foreign(*without)
                    ? ""
                    : zone_record(*without, "AAAA", "ADDRESS"));
  }
}

void judge_soa(Context& context, const dns::Answer& answer) {
  const std::string zone = printable(context.zone.text());
  const auto soa = answer.rdata.empty() ? std::nullopt : dns::parse_soa(answer.rdata.front());
  if (!soa)
    return context.unknown("dns.soa", zone, describe(context.zone, Type::soa, answer),
                           bogus_name(context.zone, answer));
  std::vector<std::string> odd;
  if (soa->expire < kWeek || soa->expire > 4 * kWeek)
    odd.push_back("expire " + std::to_string(soa->expire) + " is outside one to four weeks");
  if (soa->minimum > kHour) odd.push_back("negative answers are kept for " + std::to_string(soa->minimum) + " seconds");
  context.add("dns.soa", odd.empty() ? Outcome::pass : Outcome::info, zone,
              odd.empty() ? describe(context.zone, Type::soa, answer) : join(odd, "; "),
              odd.empty() ? "" : "expire of two weeks and a minimum of an hour are usual");
}

}  // namespace

Task<void> find_zone(Context& context) {
  dns::AnswerPtr ns = context.ns;
  context.zone = context.target.domain;
  // Where DNS does not say, the zone above is not this one
  while (is_void(ns->status) && context.zone.labels() > 1) {
    context.zone = context.zone.suffix(context.zone.labels() - 1);
    ns = co_await context.ask(context.zone, Type::ns);
  }
  for (const dns::Name& server : ns->names) {
    if (context.servers.size() == kServersMax) break;
    context.prefetch(server, Type::aaaa);
    context.prefetch(server, Type::a);
    context.servers.push_back(server);
  }
  std::ranges::sort(context.servers);  // answers have them in turns
  for (std::size_t i = 0; i < context.servers.size(); ++i) {
    const dns::Name server = context.servers[i];
    auto& addresses = context.own_addresses[server];
    bool unknown = false;
    dns::AnswerPtr six;
    for (const Type type : {Type::aaaa, Type::a}) {
      const auto found = co_await context.ask(server, type);
      if (type == Type::aaaa) six = found;
      for (const auto& address : found->addresses) {
        if (addresses.size() < kAddressesMax) addresses.push_back(address);
      }
      unknown = unknown || is_temporary(found->status);
    }
    if (unknown) context.unknown_servers.push_back(server);
    if (!unknown && addresses.empty()) context.lost_servers[server] = six;
    for (const auto& address : addresses) {
      if (context.server_addresses.size() == kAddressesMax) break;
      // Many names may have one address: it is asked once
      if (std::ranges::any_of(context.server_addresses, [&](const auto& known) { return known.second == address; }))
        continue;
      if (why_not_global(address).empty() || context.options.allow_private)
        context.server_addresses.emplace_back(server, address);
    }
  }
}

Task<void> check_name_servers(Context& context) {
  const std::string zone = printable(context.zone.text());
  if (context.servers.empty())
    co_return context.unknown("dns.ns_count", zone, describe(context.zone, Type::ns, *context.ns),
                              bogus_name(context.zone, *context.ns));
  judge_set(context);
  co_await judge_lost(context);
  judge_soa(context, *co_await context.ask(context.zone, Type::soa));
  if (!context.doors.ask_servers) co_return;
  std::vector<Said> all;
  const auto& addresses = context.server_addresses;
  for (std::size_t begin = 0; begin < addresses.size(); begin += kAskedAtOnce) {
    const std::size_t end = std::min(begin + kAskedAtOnce, addresses.size());
    std::vector<DirectQuestion> questions;
    for (std::size_t i = begin; i < end; ++i) {
      const ip::Endpoint there{addresses[i].second, context.options.dns_port};
      questions.push_back({there, context.zone, Type::soa, false, {}});
      questions.push_back({there, context.zone, Type::soa, true, {}});
      questions.push_back({there, context.target.domain, Type::mx, false, {}});
      questions.push_back({there, context.target.domain, Type::txt, true, {}});
    }
    auto answers = co_await context.doors.ask_servers(std::move(questions));
    for (std::size_t i = 0; begin + i < end && 4 * i + 3 < answers.size(); ++i) {
      const auto& [server, address] = addresses[begin + i];
      all.push_back({server, address, std::move(answers[4 * i]), std::move(answers[4 * i + 1]),
                     std::move(answers[4 * i + 2]), std::move(answers[4 * i + 3])});
    }
  }
  if (all.empty() && !context.unknown_servers.empty())
    co_return context.unknown("dns.ns_reach", zone, "DNS did not say the name servers' addresses",
                              context.bogus_among(context.unknown_servers));
  const auto own = std::ranges::find_if_not(context.servers, [&](const auto& one) { return context.is_foreign(one); });
  if (all.empty())
    co_return context.add(
        "dns.ns_reach", Outcome::fail, zone, "no name server has an address that the Internet can reach",
        own == context.servers.end()
            ? context.for_owner(context.servers.front(), "give the name servers addresses") + ", or name others"
            : "give the name servers addresses");
  judge_reach(context, all);
  judge_serials(context, all);
  judge_mail(context, all);
  judge_edns(context, all);
  co_await judge_delegation(context);
}

}  // namespace postern::check
