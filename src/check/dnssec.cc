// DNSSEC as the zone has it (checks.md 6.1-9 to 6.1-13). Validation is the resolver's; here are the choices of whoever
// signs, and the time that is left.
#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "dns/records.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;

constexpr std::array<std::uint8_t, 4> kGoodAlgorithms{13, 14, 15, 16};  // RFC 8624 3.1
constexpr std::array<std::uint8_t, 2> kOldAlgorithms{8, 10};
constexpr std::uint16_t kIterationsFail = 100;  // RFC 9276 3.2
constexpr std::int64_t kDaySeconds = 86400;

bool in(auto list, std::uint8_t what) { return std::ranges::find(list, what) != list.end(); }

void judge_algorithms(Context& context, const dns::Answer& keys) {
  const std::string zone = printable(context.zone.text());
  std::set<int> good, old, bad;
  for (const std::string& rdata : keys.rdata) {
    const auto key = dns::parse_dnskey(rdata);
    if (!key) continue;
    (in(kGoodAlgorithms, key->algorithm)  ? good
     : in(kOldAlgorithms, key->algorithm) ? old
                                          : bad)
        .insert(key->algorithm);
  }
  const std::string evidence = describe(context.zone, Type::dnskey, keys);
  if (!bad.empty()) {
    context.add("dnssec.algorithm", Outcome::fail, zone, evidence, "roll to algorithm 13 (ECDSAP256SHA256)");
  } else if (!old.empty()) {
    context.add("dnssec.algorithm", Outcome::info, zone, evidence, "algorithm 13 makes answers smaller");
  } else if (!good.empty()) {
    context.add("dnssec.algorithm", Outcome::pass, zone, evidence);
  }
}

void judge_digests(Context& context, const dns::Answer& ds) {
  const std::string zone = printable(context.zone.text());
  std::set<int> digests;
  for (const std::string& rdata : ds.rdata) {
    if (const auto one = dns::parse_ds(rdata)) digests.insert(one->digest_type);
  }
  if (digests.empty()) return;
  const bool good = digests.contains(2) || digests.contains(4);
  context.add("dnssec.digest", good ? Outcome::pass : Outcome::fail, zone, describe(context.zone, Type::ds, ds),
              good ? "" : "have a DS record with digest type 2 (SHA-256) published");
}

void judge_nsec3(Context& context, const dns::Answer& answer) {
  const std::string zone = printable(context.zone.text());
  const std::string evidence = describe(context.zone, Type::nsec3param, answer);
  if (is_temporary(answer.status))
    return context.unknown("dnssec.nsec3", zone, evidence, bogus_name(context.zone, answer));
  const auto parameters = answer.rdata.empty() ? std::nullopt : dns::parse_nsec3param(answer.rdata.front());
  if (!parameters) return context.add("dnssec.nsec3", Outcome::pass, zone, "NSEC");
  const std::string words = std::to_string(parameters->iterations) + " iterations, salt of " +
                            std::to_string(parameters->salt.size()) + " octets";
  if (parameters->iterations == 0) return context.add("dnssec.nsec3", Outcome::pass, zone, words);
  context.add("dnssec.nsec3", parameters->iterations > kIterationsFail ? Outcome::fail : Outcome::warn, zone, words,
              "sign with 0 iterations and no salt: the others protect nothing",
              zone_record(context.zone, "NSEC3PARAM", "1 0 0 -"));
}

Task<void> judge_signatures(Context& context) {
  const std::string zone = printable(context.zone.text());
  std::vector<resolver::DirectQuestion> questions;
  for (const auto& [server, address] : context.server_addresses) {
    if (questions.size() >= 8) break;
    const ip::Endpoint there{address, context.options.dns_port};
    dns::QueryOptions options;
    options.dnssec = true;
    questions.push_back({there, context.zone, Type::soa, true, options});
    questions.push_back({there, context.zone, Type::dnskey, true, options});
  }
  auto answers = co_await context.doors.ask_servers(std::move(questions));
  std::optional<std::int64_t> least;
  std::string evidence;
  const std::int64_t now = context.options.now / 1000;
  for (const auto& answer : answers) {
    if (!answer.packet) continue;
    for (const std::string& rdata : dns::records_of(answer.packet->answer, context.zone, Type::rrsig).rdata) {
      const auto sig = dns::parse_rrsig(rdata);
      if (!sig) continue;
      // RFC 4034 3.1.5: serial number arithmetic
      const std::int64_t left = static_cast<std::int32_t>(sig->expires - static_cast<std::uint32_t>(now));
      if (least && left >= *least) continue;
      least = left;
      evidence = "RRSIG of " + std::string(dns::to_string(static_cast<Type>(sig->covered))) + " by key " +
                 std::to_string(sig->key_tag) + (left < 0 ? " ended " : " ends ") +
                 iso8601((now + left) * 1000).substr(0, 19) + "Z, " +
                 (left < 0 ? human_duration(-left * 1000) + " ago" : "in " + human_duration(left * 1000));
    }
  }
  if (!least) co_return context.add("dnssec.signatures", Outcome::not_tested, zone, "no name server gave signatures");
  context.ends(Ending::What::signatures, zone, (now + *least) * 1000);
  const Outcome outcome = *least < kDaySeconds       ? Outcome::fail
                          : *least < 3 * kDaySeconds ? Outcome::warn
                                                     : Outcome::pass;
  context.add("dnssec.signatures", outcome, zone, evidence,
              outcome == Outcome::pass ? ""
              : *least < 0             ? "sign the zone again: whoever validates knows no such domain any more"
                                       : "see whether the signer still runs: the domain vanishes when they end");
}

void judge_denial(Context& context) {
  const std::string service = "_" + std::to_string(context.options.smtp_port) + "._tcp";
  for (const MailHost& host : context.target.hosts) {
    const auto name = host.name.below(service);
    if (!name || !host.secure) continue;
    const std::string evidence = describe(*name, Type::tlsa, *host.tlsa);
    const Status status = host.tlsa->status;
    if (status == Status::bogus || status == Status::servfail) {
      context.add(
          "dnssec.denial", Outcome::fail, printable(host.name.text()), evidence,
          context.for_owner(host.name, "repair what the name servers say of this name: DANE clients defer all mail"));
    } else if (is_temporary(status)) {
      context.unknown("dnssec.denial", printable(host.name.text()), evidence);
    } else {
      context.add("dnssec.denial", Outcome::pass, printable(host.name.text()), evidence);
    }
  }
}

}  // namespace

Task<void> check_dnssec(Context& context) {
  const std::string zone = printable(context.zone.text());
  if (!context.options.validates) {
    for (const char* const id :
         {"dnssec.domain", "dnssec.algorithm", "dnssec.digest", "dnssec.nsec3", "dnssec.signatures", "dnssec.denial"}) {
      context.add(id, Outcome::not_tested, zone, kNobodyValidates, kValidateHere);
    }
    co_return;
  }
  judge_denial(context);
  const auto ds = co_await context.ask(context.zone, Type::ds);
  const auto keys = co_await context.ask(context.zone, Type::dnskey);
  const std::string evidence =
      describe(context.zone, Type::ds, *ds) + "; " + describe(context.zone, Type::dnskey, *keys);
  if (context.domain_bogus) co_return;  // said already
  if (!context.domain_secure) {
    const bool unknown_algorithm = ds->status == Status::ok;
    context.add("dnssec.domain", Outcome::warn, zone, evidence,
                unknown_algorithm ? "no validator here knows the algorithms of the DS records: roll to algorithm 13"
                : keys->status == Status::ok ? "the zone is signed: have its DS record published"
                                             : "sign the zone, and have its DS record published");
    if (!unknown_algorithm && keys->status != Status::ok) co_return;
  } else {
    context.add("dnssec.domain", Outcome::pass, zone, evidence);
  }
  judge_algorithms(context, *keys);
  judge_digests(context, *ds);
  judge_nsec3(context, *co_await context.ask(context.zone, Type::nsec3param));
  if (context.doors.ask_servers) co_await judge_signatures(context);
}

}  // namespace postern::check
