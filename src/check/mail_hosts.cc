// The name, its MX records, and the addresses they lead to (checks.md 6.1-1, 6.1-2, 6.2).
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "check/context.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;

constexpr std::size_t kHostsMax = 30;      // of a domain; senders try far fewer
constexpr std::size_t kAddressesMax = 20;  // of a host
constexpr std::size_t kAddressesSane = 10;

bool cannot_exist(const dns::Name& host) {
  static constexpr std::array<std::string_view, 7> kNever{"localhost", "invalid",      "test", "example",
                                                          "local",     "msv1.invalid", "onion"};
  return std::ranges::any_of(kNever, [&](std::string_view name) { return host.is_within(*dns::Name::parse(name)); });
}

bool is_literal(const dns::Name& host) {
  std::string_view text = host.text();
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return ip::Address::parse(text).has_value() || text.contains(':');
}

std::string names_of(const std::vector<MailHost>& hosts) {
  std::vector<std::string> names;
  for (const MailHost& host : hosts) names.push_back(printable(host.name.text()));
  return join(names);
}

// RFC 5321 4.1.2, 2.3.5 and RFC 1123 2.1: labels of letters, digits and hyphens, which begin and end with none of
// these. Empty: the name is one of a host.
std::string why_no_host(const dns::Name& name) {
  for (const std::string_view label : split(name.text(), '.')) {
    if (label.starts_with('-') || label.ends_with('-'))
      return "the label " + printable(label) + " begins or ends with a hyphen";
    for (const char c : label) {
      if (!is_alpha(c) && !is_digit(c) && c != '-')
        return "the label " + printable(label) + " has other characters than letters, digits and hyphens";
    }
  }
  return {};
}

void judge_target(Context& context, const dns::Mx& mx) {
  const dns::Name& host = mx.host;
  const std::string subject = printable(host.text());
  const std::string preference = std::to_string(mx.preference) + " ";
  if (is_literal(host)) {
    const auto address = ip::Address::parse(host.text());
    const auto named = context.target.domain.below("mx");
    context.add(
        "mx.target", Outcome::fail, subject, "the MX record names an address",
        "give the host a name" +
            (address && named ? " (" + zone_record(*named, address->is_v4() ? "A" : "AAAA", address->text()) + ")"
                              : std::string()) +
            ", and point MX to the name",
        named ? zone_record(context.target.domain, "MX", preference + printable(named->text()) + ".") : "");
  } else if (cannot_exist(host)) {
    context.add("mx.target", Outcome::fail, subject, "no mail server can have this name (RFC 6761)",
                "point MX to the name of a mail server");
  } else if (const std::string why = why_no_host(host); !why.empty()) {
    std::string better = host.text();
    std::ranges::replace(better, '_', '-');
    const auto named = dns::Name::parse(better);
    const bool only_underscores = named && why_no_host(*named).empty();
    context.add("mx.target", only_underscores ? Outcome::warn : Outcome::fail, subject, "no host name: " + why,
                context.for_owner(host, "give the host a name of letters, digits and hyphens, and point MX to it"),
                only_underscores && !context.is_foreign(host)
                    ? zone_record(context.target.domain, "MX", preference + printable(named->text()) + ".")
                    : "");
  } else {
    context.add("mx.target", Outcome::pass, subject, "a host name");
  }
}

// Who gets the mail where nobody serves the host's name: whoever registers its domain, or has the zone set up at the
// provider whose servers the delegation names.
Task<void> judge_dangling(Context& context, dns::Name host, bool gone, std::string what) {
  const std::string subject = printable(host.text());
  const auto owner = context.suffixes().registrable_domain(host);
  if (!owner) co_return;
  const auto answer = co_await context.ask(*owner, Type::ns);
  const std::string evidence = describe(*owner, Type::ns, *answer);
  const std::string whose = printable(owner->text());
  if (answer->status == Status::nxdomain) {
    context.add("mx.dangling", Outcome::fail, subject, evidence,
                "take the MX record away at once: whoever registers " + whose + " gets the mail");
  } else if (answer->status == Status::servfail || answer->status == Status::refused) {
    context.add("mx.dangling", Outcome::warn, subject, evidence + "; " + what,
                "see who has " + whose +
                    ": its name servers do not serve it, and whoever has it set up there gets the "
                    "mail");
  } else if (is_temporary(answer->status)) {
    context.unknown("mx.dangling", subject, evidence, bogus_name(*owner, *answer));
  } else if (!gone) {
    context.unknown("mx.dangling", subject, evidence + "; " + what);
  } else {
    context.add("mx.dangling", Outcome::pass, subject, evidence);
  }
}

constexpr std::size_t kAliasesMax = 10;

// A name that cannot be looked up may be an alias that leads round in a circle, or too far. Empty: it is not.
Task<std::string> alias_circle(Context& context, dns::Name name) {
  std::vector<std::string> way{printable(name.text())};
  std::set<dns::Name> seen{name};
  while (seen.size() <= kAliasesMax) {
    const auto answer = co_await context.ask(name, Type::cname);
    if (answer->status != Status::ok || answer->names.empty()) co_return "";
    name = answer->names.front();
    way.push_back(printable(name.text()));
    if (!seen.insert(name).second) co_return "CNAME in a circle: " + join(way, " -> ");
  }
  co_return "CNAME through more than " + std::to_string(kAliasesMax) + " names: " + join(way, " -> ");
}

// What a host leads to. Findings about the host alone are made here.
Task<MailHost> look_at(Context& context, dns::Name name, std::uint16_t preference) {
  MailHost host{.name = std::move(name), .preference = preference, .addresses = {}, .tlsa = {}};
  const std::string subject = printable(host.name.text());
  const std::string service = "_" + std::to_string(context.options.smtp_port) + "._tcp";
  const auto tlsa_name = host.name.below(service);
  context.prefetch(host.name, Type::a);
  if (tlsa_name) context.prefetch(*tlsa_name, Type::tlsa);
  const auto six = co_await context.ask(host.name, Type::aaaa);
  const auto four = co_await context.ask(host.name, Type::a);
  host.is_alias = six->canonical != host.name && !six->canonical.is_root();
  if (!host.is_alias) host.is_alias = four->canonical != host.name && !four->canonical.is_root();
  host.unknown6 = is_temporary(six->status);
  host.unknown4 = is_temporary(four->status);
  host.secure = six->security == dns::Security::secure && four->security == dns::Security::secure;
  const std::string evidence = describe(host.name, Type::aaaa, *six) + "; " + describe(host.name, Type::a, *four);
  const auto bogus = is_bogus(*six) ? bogus_name(host.name, *six) : bogus_name(host.name, *four);
  const std::string circle =
      six->status == Status::servfail && !host.is_alias ? co_await alias_circle(context, host.name) : std::string();
  // That way there is no address, whoever asks
  if (!circle.empty()) host.unknown6 = host.unknown4 = false;
  const bool unknown = host.unknown6 || host.unknown4;
  if (bogus) {
    context.add("dnssec.mx", Outcome::fail, subject, evidence, context.for_owner(*bogus, kMendSignatures));
  } else if (host.secure) {
    context.add("dnssec.mx", Outcome::pass, subject, evidence);
  } else if (is_temporary(six->status) || is_temporary(four->status)) {
    context.unknown("dnssec.mx", subject, evidence);
  } else if (!context.options.validates) {
    context.add("dnssec.mx", Outcome::not_tested, subject, kNobodyValidates, kValidateHere);
  } else {
    context.add("dnssec.mx", Outcome::warn, subject, evidence,
                context.for_owner(host.name, "sign the zone of the mail host: DANE needs it"));
  }
  for (const auto& answer : {six, four}) {
    for (const ip::Address& address : answer->addresses) {
      // The address type makes IPv4 of ::ffff:192.0.2.1: in an AAAA record there can be no other IPv4
      if (answer == six && address.is_v4()) {
        context.add(
            "mx.address", Outcome::fail, subject + " [::ffff:" + address.text() + "]",
            "AAAA ::ffff:" + address.text() + " is a v4-mapped address (RFC 4291 2.5.5.2), which nobody can reach",
            context.for_owner(host.name, "publish an IPv6 address, or take this one away"));
        continue;
      }
      if (host.addresses.size() == kAddressesMax) break;
      std::string why = why_not_global(address);
      const bool reachable = why.empty() || context.options.allow_private;
      host.addresses.push_back({address, reachable, std::move(why), {}});
    }
  }
  if (!circle.empty()) {
    context.add("mx.alias", Outcome::fail, subject, circle,
                context.for_owner(host.name,
                                  "give the name addresses in place of the CNAME record: no mail can be "
                                  "delivered to it"));
  } else if (host.is_alias) {
    context.add("mx.alias", Outcome::warn, subject, evidence,
                "point the MX record to the name that has the addresses, or give this name addresses of its own",
                zone_record(context.target.domain, "MX",
                            std::to_string(preference) + " " +
                                printable((six->canonical != host.name ? six : four)->canonical.text()) + "."));
  } else if (host.unknown6 && host.unknown4) {
    context.unknown("mx.alias", subject, evidence, bogus);
  } else {
    context.add("mx.alias", Outcome::pass, subject, "no CNAME");
  }
  if (!host.addresses.empty()) {
    context.add("mx.resolves", Outcome::pass, subject, evidence);
  } else if (unknown) {
    context.unknown("mx.resolves", subject, evidence, bogus);
  } else {
    const bool elsewhere = context.is_foreign(host.name) || !circle.empty();
    context.add("mx.resolves", Outcome::fail, subject, circle.empty() ? evidence : circle,
                "give the host addresses, or take its MX record away",
                elsewhere ? "" : zone_record(host.name, "AAAA", "ADDRESS"));
  }
  const bool gone = six->status == Status::nxdomain || four->status == Status::nxdomain;
  if (gone || unknown) {
    co_await judge_dangling(context, host.name, gone, evidence);
  } else if (context.suffixes().registrable_domain(host.name)) {
    context.add("mx.dangling", Outcome::pass, subject, "the name exists");
  }
  // RFC 7672 2.2.2: at the expanded name first, where every step to it is validated.
  host.tlsa = dns::failed_answer(Status::nodata, "the name is too long");
  if (tlsa_name) host.tlsa = co_await context.ask(*tlsa_name, Type::tlsa);
  if (host.is_alias && host.secure) {
    const auto expanded = six->canonical.below(service);
    if (expanded) {
      auto there = co_await context.ask(*expanded, Type::tlsa);
      if (there->status == Status::ok) {
        host.tlsa = std::move(there);
        host.tlsa_base = six->canonical;
      }
    }
  }
  co_return host;
}

void judge_families(Context& context) {
  const auto& hosts = context.target.hosts;
  const std::string domain = context.report.domain;
  std::vector<dns::Name> without6, without4, unknown6, unknown4;
  for (const MailHost& host : hosts) {
    const auto has = [&](bool v6) {
      return std::ranges::any_of(host.addresses, [v6](const Address& a) { return a.address.is_v6() == v6; });
    };
    if (!has(true)) (host.unknown6 ? unknown6 : without6).push_back(host.name);
    if (!has(false)) (host.unknown4 ? unknown4 : without4).push_back(host.name);
  }
  const bool none6 = without6.size() == hosts.size();
  // Of a host in somebody else's zone there is nothing that could be published here
  const auto record_of = [&](const std::vector<dns::Name>& names, const char* type) {
    const auto own = std::ranges::find_if_not(names, [&](const dns::Name& name) { return context.is_foreign(name); });
    return own == names.end() ? std::string() : zone_record(*own, type, "ADDRESS");
  };
  const std::string record = record_of(without6, "AAAA");
  const auto whose = [&](const std::vector<dns::Name>& names, std::string fix) {
    return record_of(names, "A").empty() ? context.for_owner(names.front(), std::move(fix)) : fix;
  };
  const auto listed = [](const std::vector<dns::Name>& names) {
    std::vector<std::string> out;
    for (const dns::Name& name : names) out.push_back(printable(name.text()));
    return join(out);
  };
  if (without6.empty() && !unknown6.empty()) {
    context.unknown("mx.ipv6", domain, "DNS did not say whether there is an AAAA record: " + listed(unknown6),
                    context.bogus_among(unknown6));
  } else if (without6.empty()) {
    context.add("mx.ipv6", Outcome::pass, domain, "every MX host has an AAAA record: " + names_of(hosts));
  } else {
    context.add("mx.ipv6", none6 ? Outcome::fail : Outcome::warn, domain, "no IPv6 address: " + listed(without6),
                whose(without6, "give every mail host an IPv6 address, with a PTR record, and listen on it"), record);
  }
  if (without4.empty() && !unknown4.empty()) {
    context.unknown("mx.ipv4", domain, "DNS did not say whether there is an A record: " + listed(unknown4),
                    context.bogus_among(unknown4));
  } else if (without4.empty()) {
    context.add("mx.ipv4", Outcome::pass, domain, "every MX host has an A record");
  } else {
    context.add("mx.ipv4", without4.size() == hosts.size() ? Outcome::warn : Outcome::info, domain,
                "no A record: " + listed(without4),
                whose(without4, "senders without IPv6 cannot deliver; give one host at least an IPv4 address, too"),
                record_of(without4, "A"));
  }
}

std::string network_of(const ip::Address& address) { return ip::Prefix(address, address.is_v4() ? 24 : 48).text(); }

void judge_addresses(Context& context) {
  std::size_t count = 0;
  std::map<std::string, std::set<std::string>> hosts_of;  // by address
  std::set<std::string> networks4, networks6;
  for (const MailHost& host : context.target.hosts) {
    for (const Address& one : host.addresses) {
      ++count;
      const std::string subject = printable(host.name.text()) + " [" + one.address.text() + "]";
      const std::string why = why_not_global(one.address);
      if (why.empty()) {
        context.add("mx.address", Outcome::pass, subject, "a global address");
      } else {
        context.add("mx.address", Outcome::fail, subject, one.address.text() + " " + why,
                    "publish an address that the Internet can reach, or take this one away");
      }
      hosts_of[one.address.text()].insert(printable(host.name.text()));
      (one.address.is_v4() ? networks4 : networks6).insert(network_of(one.address));
    }
  }
  std::vector<std::string> shared;
  for (const auto& [address, names] : hosts_of) {
    if (names.size() > 1) shared.push_back(address + " of " + join({names.begin(), names.end()}));
  }
  std::set<std::string> seen;
  for (const dns::Mx& mx : context.mx->mx) {
    if (!seen.insert(mx.host.text()).second) shared.push_back(printable(mx.host.text()) + " twice");
  }
  const std::string domain = context.report.domain;
  if (shared.empty()) {
    context.add("mx.duplicates", Outcome::pass, domain, "no name and no address twice");
  } else {
    context.add("mx.duplicates", Outcome::warn, domain, join(shared, "; "),
                "name each host once: a second record for it is no second host");
  }
  if (count == 0) return;  // mx.resolves says so
  const std::size_t left_out = context.target.hosts_left_out;
  if (left_out > 0 || count > kAddressesSane) {
    context.add("mx.count", Outcome::warn, domain,
                std::to_string(count) + " addresses" +
                    (left_out > 0 ? " of the first " + std::to_string(kHostsMax) + " mail hosts; " +
                                        std::to_string(left_out) + " more were not looked at"
                                  : ""),
                "publish ten addresses or fewer; senders do not try them all");
  } else {
    context.add("mx.count", Outcome::pass, domain, std::to_string(count) + " addresses");
  }
  const bool spread = networks4.size() > 1 || networks6.size() > 1;
  std::vector<std::string> networks(networks6.begin(), networks6.end());
  networks.insert(networks.end(), networks4.begin(), networks4.end());
  context.add("mx.networks", spread ? Outcome::pass : Outcome::info, domain, join(networks),
              spread ? "" : "a second host in another network receives while the first cannot");
}

Task<bool> has_address(Context& context, dns::Name name) {
  for (const Type type : {Type::aaaa, Type::a}) {
    if ((co_await context.ask(name, type))->status == Status::ok) co_return true;
  }
  co_return false;
}

Task<void> judge_null(Context& context, bool alone, std::uint16_t preference) {
  const std::string domain = context.report.domain;
  const std::string evidence = describe(context.target.domain, Type::mx, *context.mx);
  if (!alone || preference != 0) {
    context.add("mx.null", Outcome::fail, domain, evidence,
                alone ? "a null MX has preference 0" : "a null MX stands alone; take it away, or the others",
                alone ? zone_record(context.target.domain, "MX", "0 .") : "");
    co_return;
  }
  const bool used = co_await has_address(context, context.target.domain);
  context.add("mx.null", used ? Outcome::pass : Outcome::info, domain, evidence,
              used ? "" : "a domain without addresses receives no mail anyway");
}

Task<void> no_mx(Context& context) {
  const std::string domain = context.report.domain;
  const std::string evidence = describe(context.target.domain, Type::mx, *context.mx);
  if (co_await has_address(context, context.target.domain)) {
    context.target.implicit_mx = true;
    context.add("mx.null", Outcome::info, domain, evidence + ", and an address: who sends there tries it",
                "where the domain takes no mail, say so by a null MX (MX 0 .); else by a real one where it goes");
    context.target.hosts.push_back(co_await look_at(context, context.target.domain, 0));
    context.add("mx.present", Outcome::warn, domain, evidence + "; mail goes to the domain's own address",
                "publish an MX record, or a null MX where the domain takes no mail",
                zone_record(context.target.domain, "MX", "10 " + domain + "."));
    co_return;
  }
  context.add("mx.present", Outcome::info, domain, evidence + ", and no address: the domain takes no mail");
  context.add("mx.null", Outcome::info, domain, evidence, "say that the domain takes no mail",
              zone_record(context.target.domain, "MX", "0 ."));
}

}  // namespace

Task<bool> check_name(Context& context) {
  const dns::Name& domain = context.target.domain;
  context.prefetch(domain, Type::ns);
  context.prefetch(domain, Type::soa);
  context.mx = co_await context.ask(domain, Type::mx);
  context.ns = co_await context.ask(domain, Type::ns);
  context.soa = co_await context.ask(domain, Type::soa);
  const auto unicode = domain.unicode();
  if (unicode) context.report.unicode = *unicode;
  if (const std::string why = why_no_host(domain); !why.empty()) {
    context.add("name.syntax", Outcome::fail, printable(domain.text()), "no domain of mail: " + why,
                "labels have letters, digits and hyphens, and begin and end with a letter or digit");
  } else if (unicode) {
    context.add("name.syntax", Outcome::pass, domain.text(),
                domain.text() + (*unicode == domain.text() ? "" : " is " + *unicode));
  } else {
    context.add("name.syntax", Outcome::fail, domain.text(), "a label begins with xn-- and is no A-label",
                "make the name again from its U-labels (IDNA 2008)");
  }
  if (dns::are_signatures_stripped(*context.mx)) co_return false;  // run() says what that means
  const std::string evidence =
      describe(domain, Type::soa, *context.soa) + "; " + describe(domain, Type::mx, *context.mx);
  context.domain_bogus =
      std::ranges::any_of(std::array{context.mx, context.ns, context.soa},
                          [](const dns::AnswerPtr& answer) { return answer->status == Status::bogus; });
  const Status status = is_temporary(context.mx->status) ? context.soa->status : context.mx->status;
  if (status == Status::nxdomain) {
    context.add("name.exists", Outcome::fail, domain.text(), evidence, "register the domain, or look at its spelling");
    co_return false;
  }
  // The resolver here has no server that answers, or the run's time or look-ups are spent: it says nothing of the name.
  const auto ours = [](Status one) {
    return one == Status::unavailable || one == Status::limit || one == Status::cancelled;
  };
  if (is_temporary(status) && (ours(context.mx->status) || ours(context.soa->status))) {
    context.nothing_known = true;
    context.add("name.exists", Outcome::not_tested, domain.text(), evidence,
                "see whether DNS works on the host that checks, then check again");
    co_return false;
  }
  if (is_temporary(status)) {
    context.add("name.exists", Outcome::fail, domain.text(), evidence,
                status == Status::bogus     ? kMendSignatures
                : status == Status::timeout ? "no name server answers: bring them up, and look at their delegation"
                                            : "the name servers do not answer as they should: look at their logs");
    co_return false;
  }
  context.add("name.exists", Outcome::pass, domain.text(), evidence);
  context.domain_secure = context.mx->security == dns::Security::secure;
  co_return true;
}

Task<void> check_mail_hosts(Context& context) {
  Target& target = context.target;
  const std::string domain = context.report.domain;
  const std::string evidence = describe(target.domain, Type::mx, *context.mx);
  target.mx_secure = context.mx->security == dns::Security::secure;
  target.canonical = context.mx->canonical;
  if (context.mx->status == Status::bogus) {
    co_return context.add("mx.present", Outcome::fail, domain, evidence, kMendSignatures);
  }
  if (is_temporary(context.mx->status)) co_return context.unknown("mx.present", domain, evidence);
  if (context.mx->status != Status::ok) {
    co_await no_mx(context);
  } else {
    std::vector<dns::Mx> records = context.mx->mx;
    std::ranges::sort(records);
    const auto null = std::ranges::find_if(records, [](const dns::Mx& mx) { return mx.host.is_root(); });
    if (null != records.end()) {
      target.null_mx = records.size() == 1;
      co_await judge_null(context, records.size() == 1, null->preference);
    } else {
      context.add("mx.null", Outcome::pass, domain, "no null MX, and mail is received");
    }
    context.add("mx.present", target.null_mx ? Outcome::info : Outcome::pass, domain, evidence);
    std::set<std::string> seen;
    std::erase_if(records, [&](const dns::Mx& mx) { return mx.host.is_root() || !seen.insert(mx.host.text()).second; });
    if (records.size() > kHostsMax) {
      target.hosts_left_out = records.size() - kHostsMax;
      records.resize(kHostsMax);
    }
    for (const dns::Mx& mx : records) {
      judge_target(context, mx);
      context.prefetch(mx.host, Type::aaaa);
    }
    for (const dns::Mx& mx : records) target.hosts.push_back(co_await look_at(context, mx.host, mx.preference));
  }
  if (target.hosts.empty()) co_return;
  judge_families(context);
  judge_addresses(context);
}

}  // namespace postern::check
