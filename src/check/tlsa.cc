// TLSA records as DNS has them (checks.md 6.6). Whether they match a server's chain is judged with the connection.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "check/judge_impl.h"
#include "dane/dane.h"

namespace postern::check {

namespace {

using dns::Status;

constexpr std::uint32_t kTtlGood = 3600, kTtlBad = 86400;

// Why a record is of no use; empty where it is of use.
std::string flaw(const dns::Tlsa& record) {
  if (record.usage < 2) return "usage " + std::to_string(record.usage) + " is ignored for mail";
  if (record.usage > 3) return "there is no usage " + std::to_string(record.usage);
  if (record.selector > 1) return "there is no selector " + std::to_string(record.selector);
  if (record.matching > 2) return "there is no matching type " + std::to_string(record.matching);
  if (record.matching == 1 && record.data.size() != 32)
    return "a SHA-256 digest has 32 octets, not " + std::to_string(record.data.size());
  if (record.matching == 2 && record.data.size() != 64)
    return "a SHA-512 digest has 64 octets, not " + std::to_string(record.data.size());
  if (!dane::usable(record)) return "its data are no certificate and no key";
  return {};
}

void judge_records(Context& context, const MailHost& host, const dns::Name& name) {
  const std::string subject = printable(name.text());
  const dns::Answer& answer = *host.tlsa;
  const std::string evidence = describe(name, dns::Type::tlsa, answer);
  std::vector<std::string> failures, warnings, remarks;
  std::set<std::string> usable;
  if (answer.dropped > 0) failures.push_back(std::to_string(answer.dropped) + " records without data");
  for (const dns::Tlsa& record : answer.tlsa) {
    const std::string shown = dane::presentation(record).substr(0, 40);
    if (const std::string why = flaw(record); !why.empty()) {
      (record.usage < 2 ? warnings : failures).push_back(shown + ": " + why);
      continue;
    }
    if (record.matching == 0) warnings.push_back(shown + ": a whole certificate or key makes answers large");
    if (record.selector == 0) warnings.push_back(shown + ": selector 0 breaks whenever the certificate is renewed");
    if (record.matching == 2) remarks.push_back(shown + ": SHA-512 is not known everywhere, SHA-256 is");
    usable.insert(dane::presentation(record));
  }
  if (!failures.empty()) {
    failures.insert(failures.end(), warnings.begin(), warnings.end());
    context.add(
        "dane.syntax", Outcome::fail, subject, join(failures, "; "),
        context.for_owner(name, "take these records away, or put them right: 3 1 1 and a SHA-256 digest of the key"));
  } else if (!warnings.empty()) {
    context.add("dane.syntax", Outcome::warn, subject, join(warnings, "; "),
                context.for_owner(name, "publish 3 1 1 with a SHA-256 digest of the key"));
  } else if (!remarks.empty()) {
    context.add("dane.syntax", Outcome::info, subject, join(remarks, "; "), "3 1 1 is what every sender knows");
  } else {
    context.add("dane.syntax", Outcome::pass, subject, evidence);
  }
  if (usable.size() == 1) {
    context.add("dane.rollover", Outcome::info, subject, "one usable record",
                context.for_owner(name, "publish the digest of the next key, too, before keys are changed"));
  } else if (usable.size() > 1) {
    context.add("dane.rollover", Outcome::pass, subject, std::to_string(usable.size()) + " distinct usable records");
  }
  const std::string ttl = "TTL " + std::to_string(answer.ttl);
  if (answer.ttl > kTtlBad) {
    context.add("dane.ttl", Outcome::warn, subject, ttl,
                context.for_owner(name, "lower it to an hour: a wrong record stops mail as long as it lives"));
  } else if (answer.ttl > kTtlGood) {
    context.add("dane.ttl", Outcome::info, subject, ttl, "an hour or less makes changes of keys quick");
  } else {
    context.add("dane.ttl", Outcome::pass, subject, ttl);
  }
}

// Of the certificates that its addresses served.
std::set<std::string> keys_of(const MailHost& host) {
  std::set<std::string> out;
  for (const Address& one : host.addresses) {
    if (one.server && one.server->tls && !one.server->tls->chain.empty())
      out.insert(one.server->tls->chain.front().spki);
  }
  return out;
}

}  // namespace

Task<void> check_tlsa(Context& context) {
  const Target& target = context.target;
  if (target.hosts.empty()) co_return;
  const std::string domain = context.report.domain;
  const std::string service = "_" + std::to_string(context.options.smtp_port) + "._tcp";
  bool with = false;
  for (std::size_t i = 0; i < target.hosts.size(); ++i) {
    const MailHost& host = target.hosts[i];
    const auto asked = host.name.below(service);
    if (!asked) continue;
    const dns::Name name = host.tlsa->canonical.is_root() ? *asked : host.tlsa->canonical;
    const std::string subject = printable(name.text());
    const std::string evidence = describe(name, dns::Type::tlsa, *host.tlsa);
    if (is_temporary(host.tlsa->status)) continue;
    if (host.tlsa->status != Status::ok) {
      // A set of which nothing but records without data is left.
      if (host.tlsa->dropped > 0) {
        context.add("dane.syntax", Outcome::fail, subject, evidence,
                    "take the records without data away: some servers fail on them");
      }
      continue;
    }
    with = true;
    if (host.tlsa->security == dns::Security::secure) {
      context.add("dane.secure", Outcome::pass, subject, evidence);
    } else if (!context.options.validates) {
      context.add("dane.secure", Outcome::not_tested, subject, kNobodyValidates, kValidateHere);
    } else {
      context.add("dane.secure", Outcome::fail, subject, evidence,
                  context.for_owner(name, "sign the zone and have its DS record published, or take the records away"));
    }
    judge_records(context, host, name);
    if (host.is_alias) {
      const bool expanded = !name.is_within(host.name);
      context.add("dane.alias", expanded ? Outcome::pass : Outcome::info, subject,
                  expanded ? "found at the name that the alias leads to" : "found at the alias itself",
                  expanded ? "" : "publish the records at the name that the MX record's alias leads to");
    }
  }
  if (!with) co_return;
  if (target.mx_secure || target.implicit_mx) {
    context.add("dane.mx_secure", Outcome::pass, domain, describe(target.domain, dns::Type::mx, *context.mx));
  } else if (!context.options.validates) {
    context.add("dane.mx_secure", Outcome::not_tested, domain, kNobodyValidates, kValidateHere);
  } else {
    context.add("dane.mx_secure", Outcome::warn, domain, describe(target.domain, dns::Type::mx, *context.mx),
                "sign the zone of the domain: whoever forges its MX records chooses the server else");
  }
}

void judge_dane_present(Context& context) {
  const Target& target = context.target;
  if (target.hosts.empty()) return;
  const std::string domain = context.report.domain;
  const std::string service = "_" + std::to_string(context.options.smtp_port) + "._tcp";
  std::vector<std::string> with, without, unknown;
  const MailHost* first = nullptr;  // without records, one whose key was seen before others
  std::set<std::string> keys;       // of it
  bool any_insecure = false;
  std::optional<dns::Name> bogus;
  for (const MailHost& host : target.hosts) {
    const auto asked = host.name.below(service);
    if (!asked || !host.tlsa) continue;
    any_insecure = any_insecure || !host.secure;
    if (is_temporary(host.tlsa->status)) {
      unknown.push_back(describe(*asked, dns::Type::tlsa, *host.tlsa));
      if (!bogus) bogus = bogus_name(*asked, *host.tlsa);
      continue;
    }
    (host.tlsa->status == Status::ok ? with : without).push_back(printable(host.name.text()));
    if (host.tlsa->status == Status::ok) continue;
    std::set<std::string> seen = keys_of(host);
    if (first != nullptr && (!keys.empty() || seen.empty())) continue;
    first = &host;
    keys = std::move(seen);
  }
  if (!unknown.empty()) return context.unknown("dane.present", domain, join(unknown, "; "), bogus);
  if (without.empty()) return context.add("dane.present", Outcome::pass, domain, join(with));
  // The key that is served now makes the record; nobody else knows another one
  const std::string record =
      keys.empty() ? std::string() : judging::tlsa_record(first->name, context.options.smtp_port, *keys.begin());
  const std::string how = keys.empty()      ? ": 3 1 1 and the SHA-256 digest of each server's key"
                          : keys.size() > 1 ? ", one for each key that the host's addresses serve"
                                            : "";
  const auto fix = [&](std::string what) { return context.for_owner(first->name, std::move(what) + how); };
  if (!with.empty()) {
    context.add("dane.present", Outcome::fail, domain, "none: " + join(without),
                fix("publish them for every host, as an attacker chooses the one without"), record);
  } else if (any_insecure || !target.mx_secure) {
    context.add("dane.present", Outcome::warn, domain,
                context.options.validates ? "none, and the zones are not signed"
                                          : "none; whether the zones are signed is not known here",
                fix("sign the zones, then publish TLSA records"), record);
  } else {
    context.add("dane.present", Outcome::fail, domain, "none, and the zones are signed",
                fix("publish TLSA records, as all that they need is there"), record);
  }
}

}  // namespace postern::check
