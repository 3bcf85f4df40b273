// MTA-STS and TLS-RPT as they are published (checks.md 6.7, 6.8). The certificates of the mail hosts under the policy
// are judged with the connections.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "check/context.h"
#include "mtasts/mtasts.h"
#include "tlsrpt/record.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;
using mtasts::Mode;

constexpr std::size_t kHostsLooked = 5;
constexpr std::int64_t kDay = 86400, kWeek = 7 * kDay;

// The policy for the hosts that are there, to begin with.
mtasts::Policy first_policy(const Context& context, Mode mode) {
  mtasts::Policy policy{.mode = mode, .max_age = kWeek, .mx = {}};
  for (const MailHost& host : context.target.hosts) policy.mx.push_back(printable(host.name.text()));
  return policy;
}

// The record of that policy: its id is none of those that are published, or nobody would fetch the policy.
std::string record_proposal(const Context& context, const mtasts::Policy& policy, const dns::Answer& published) {
  const auto name = context.target.domain.below("_mta-sts");
  if (!name) return {};
  std::string id = mtasts::policy_id(policy);
  if (std::ranges::any_of(published.texts, [&](const std::string& text) { return text.contains(id); }))
    id = std::to_string(context.options.now / 1000);
  return zone_text(*name, mtasts::record_text(id));
}

// As one line, for people: the file has CRLF where the "; " stand.
std::string policy_proposal(const Context& context, Mode mode) {
  return join(mtasts::policy_lines(first_policy(context, mode)), "; ");
}

// The record alone; false: there is no policy to fetch.
bool judge_record(Context& context, const dns::Name& name, const dns::Answer& answer) {
  const std::string domain = context.report.domain;
  const std::string evidence = describe(name, Type::txt, answer);
  if (is_temporary(answer.status)) {
    context.unknown("mta_sts.record", domain, evidence, bogus_name(name, answer));
    return false;
  }
  std::size_t records = 0;
  bool blank = false;
  for (const std::string& text : answer.texts) {
    if (text.starts_with("v=STSv1")) ++records;
    blank = blank || (!text.starts_with("v=STSv1") && istarts_with(trim(text), "v=STSv1"));
  }
  const auto id = mtasts::choose_id(answer.texts);
  if (id) {
    context.add("mta_sts.record", Outcome::pass, domain, evidence);
    return true;
  }
  if (records == 0 && !blank) {
    context.add("mta_sts.record", Outcome::warn, domain, evidence,
                "publish a policy at https://mta-sts." + domain + std::string(mtasts::kPath) + " (" +
                    policy_proposal(context, Mode::testing) + "), then the record",
                record_proposal(context, first_policy(context, Mode::testing), answer));
    return false;
  }
  context.add("mta_sts.record", Outcome::fail, domain, evidence + ": " + id.error().what,
              records > 1 ? "leave one record"
                          : "the record begins with exactly v=STSv1, and its id is 1 to 32 letters and digits",
              record_proposal(context, first_policy(context, Mode::testing), answer));
  return false;
}

bool is_text_plain(std::string_view type) { return iequals(trim(type.substr(0, type.find(';'))), "text/plain"); }

struct Fetched {
  std::string problem;  // empty: 200
  std::string body, type;
  bool no_way = false;  // from here, to that family
};

Task<Fetched> fetch(Context& context, dns::Name host, std::vector<ip::Address> addresses) {
  outbound::HttpsRequest request{.host = host.text(),
                                 .port = context.options.https_port,
                                 .path = std::string(mtasts::kPath),
                                 .addresses = addresses,
                                 .ca_file = context.options.ca_file,
                                 .deadline_ms = 15000,
                                 .body_max = mtasts::kPolicyMax,
                                 .body = {},
                                 .content_type = {}};
  const HttpsResult answer = co_await context.doors.fetch(std::move(request));
  if (!answer) co_return Fetched{answer.error().what, {}, {}, context.no_way_to(addresses, answer)};
  if (answer->status != 200) {
    const bool redirect = answer->status / 100 == 3;
    co_return Fetched{
        "the server answered " + std::to_string(answer->status) + (redirect ? ": redirects are not followed" : ""),
        {},
        {},
        false};
  }
  co_return Fetched{{}, answer->body, answer->content_type, false};
}

void judge_policy(Context& context, const mtasts::Policy& policy, const std::string& body,
                  const dns::Answer& published) {
  const std::string domain = context.report.domain;
  const std::string mode(to_string(policy.mode));
  mtasts::Policy enforced = policy;
  enforced.mode = Mode::enforce;
  if (policy.mode == Mode::enforce) {
    context.add("mta_sts.mode", Outcome::pass, domain, "mode: enforce");
  } else {
    context.add("mta_sts.mode", policy.mode == Mode::testing ? Outcome::warn : Outcome::info, domain, "mode: " + mode,
                policy.mode == Mode::testing
                    ? "enforce the policy once TLS reports are clean, and change the record's id"
                    : "the policy is being taken back; publish testing or enforce to protect mail",
                policy.mode == Mode::testing ? record_proposal(context, enforced, published) : "");
  }
  // The parser counts more than a year as a year.
  std::int64_t written = policy.max_age;
  for (const std::string_view line : split(body, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != "max_age") continue;
    std::string_view value = line.substr(colon + 1);
    if (value.ends_with('\r')) value.remove_suffix(1);
    if (const auto number = parse_unsigned(trim(value), INT64_MAX)) written = static_cast<std::int64_t>(*number);
    break;
  }
  const std::string age = "max_age: " + std::to_string(written);
  if (written > mtasts::kMaxAgeMax) {
    context.add("mta_sts.max_age", Outcome::fail, domain, age, "at most 31557600, a year");
  } else if (written < kDay) {
    context.add("mta_sts.max_age", Outcome::warn, domain, age,
                "a week or more: an attacker waits for a policy to run out");
  } else if (written < kWeek) {
    context.add("mta_sts.max_age", Outcome::info, domain, age, "weeks are usual");
  } else {
    context.add("mta_sts.max_age", Outcome::pass, domain, age);
  }
  std::vector<std::string> outside, unused;
  for (const MailHost& host : context.target.hosts) {
    if (!mtasts::allows(policy, host.name)) outside.push_back(printable(host.name.text()));
  }
  for (const std::string& pattern : policy.mx) {
    const mtasts::Policy alone{.mode = policy.mode, .max_age = policy.max_age, .mx = {pattern}};
    const bool used = std::ranges::any_of(context.target.hosts,
                                          [&](const MailHost& host) { return mtasts::allows(alone, host.name); });
    if (!used || !is_ascii(pattern)) unused.push_back(printable(pattern));
  }
  if (policy.mode == Mode::none) return;
  mtasts::Policy wider = policy;
  wider.mx.insert(wider.mx.end(), outside.begin(), outside.end());
  if (outside.empty()) {
    context.add("mta_sts.mx", Outcome::pass, domain, join(policy.mx) + " allow every host");
  } else {
    context.add("mta_sts.mx", policy.mode == Mode::enforce ? Outcome::fail : Outcome::warn, domain,
                join(policy.mx) + " do not allow " + join(outside),
                "add a line to the policy, and change the record's id: mx: " + outside.front(),
                record_proposal(context, wider, published));
  }
  if (unused.empty()) {
    context.add("mta_sts.patterns", Outcome::pass, domain, join(policy.mx));
  } else {
    context.add("mta_sts.patterns", Outcome::warn, domain, "no MX host matches " + join(unused),
                "take the lines away, or write them as A-labels");
  }
}

// Where senders do not look: at the domain itself, and below the mail hosts. Each place is a subject of its own, so
// that two runs compare it and the record each for itself.
Task<void> judge_wrong_places(Context& context) {
  std::vector<dns::Name> places{context.target.domain};
  for (std::size_t i = 0; i < context.target.hosts.size() && places.size() <= kHostsLooked; ++i) {
    const dns::Name& host = context.target.hosts[i].name;
    // A host that has mail of its own may have a policy of its own
    if (host == context.target.domain || context.is_foreign(host)) continue;
    const auto below = host.below("_mta-sts");
    if (below) places.push_back(*below);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const dns::Name& place = places[i];
    const auto answer = co_await context.ask(place, Type::txt);
    const std::string subject = "TXT " + printable(place.text());
    if (is_temporary(answer->status) && !is_bogus(*answer))
      context.unknown("mta_sts.record", subject, describe(place, Type::txt, *answer));
    for (const std::string& text : answer->texts) {
      if (!istarts_with(trim(text), "v=STSv1")) continue;
      if (place != context.target.domain) {
        const dns::Name host = place.suffix(place.labels() - 1);
        if ((co_await context.ask(host, Type::mx))->status == Status::ok) break;
      }
      context.add(
          "mta_sts.record", Outcome::warn, subject, printable(text, 200),
          "senders look at _mta-sts." + context.report.domain + " alone: move the record there, or take it away");
      break;
    }
  }
}

}  // namespace

Task<void> check_mta_sts(Context& context) {
  const auto name = context.target.domain.below("_mta-sts");
  const auto host = context.target.domain.below("mta-sts");
  if (!name || !host || context.target.hosts.empty()) co_return;
  const auto answer = co_await context.ask(*name, Type::txt);
  co_await judge_wrong_places(context);
  if (!judge_record(context, *name, *answer)) co_return;
  const auto six = co_await context.ask(*host, Type::aaaa);
  const auto four = co_await context.ask(*host, Type::a);
  const std::string addresses = describe(*host, Type::aaaa, *six) + "; " + describe(*host, Type::a, *four);
  const std::string subject = "https://" + host->text() + std::string(mtasts::kPath);
  if (six->addresses.empty() && four->addresses.empty()) {
    if (is_temporary(six->status) || is_temporary(four->status))
      co_return context.unknown("mta_sts.policy", subject, addresses, context.bogus_among(std::vector{*host}));
    co_return context.add("mta_sts.policy", Outcome::fail, subject, addresses,
                          "give the policy host an address and a certificate", zone_record(*host, "AAAA", "ADDRESS"));
  }
  std::map<bool, Fetched> by_family;  // v6 or not
  std::vector<std::string> private_only;
  for (const auto& found : {six, four}) {
    std::vector<ip::Address> reachable;
    for (const ip::Address& address : found->addresses) {
      const std::string why = why_not_global(address);
      if (why.empty() || context.options.allow_private) {
        reachable.push_back(address);
      } else {
        private_only.push_back(address.text() + " " + why);
      }
    }
    if (!reachable.empty()) by_family[found == six] = co_await fetch(context, *host, std::move(reachable));
  }
  if (by_family.empty()) {
    co_return context.add("mta_sts.policy", Outcome::fail, subject, join(private_only),
                          "publish an address that the Internet can reach");
  }
  const Fetched* good = nullptr;
  for (const auto& [v6, fetched] : by_family) {
    if (fetched.problem.empty() && (good == nullptr || v6)) good = &fetched;
  }
  if (good == nullptr) {
    const Fetched* failed = nullptr;
    for (const auto& [v6, fetched] : by_family) {
      if (!fetched.no_way) failed = &fetched;
    }
    if (failed == nullptr) {
      co_return context.add("mta_sts.policy", Outcome::not_tested, subject,
                            "no way from here: " + printable(by_family.rbegin()->second.problem, 300),
                            "check again from a host that has this family");
    }
    co_return context.add("mta_sts.policy", Outcome::fail, subject, printable(failed->problem, 300),
                          "serve the policy there, with a certificate for " + host->text() + ": " +
                              policy_proposal(context, Mode::testing));
  }
  const auto policy = mtasts::parse_policy(good->body);
  if (!policy) {
    co_return context.add("mta_sts.policy", Outcome::fail, subject, policy.error().what,
                          "serve a policy that is one: " + policy_proposal(context, Mode::testing));
  }
  context.target.sts = *policy;
  context.add("mta_sts.policy", Outcome::pass, subject, join(mtasts::policy_lines(*policy), "; "));
  context.add("mta_sts.type", is_text_plain(good->type) ? Outcome::pass : Outcome::warn, subject,
              "Content-Type: " + printable(good->type, 80), is_text_plain(good->type) ? "" : "serve it as text/plain");
  if (by_family.size() == 2) {
    const Fetched& over6 = by_family[true];
    const Fetched& over4 = by_family[false];
    const bool same = over6.problem == over4.problem && over6.body == over4.body;
    const std::string what = !over6.problem.empty()   ? "over IPv6: " + over6.problem
                             : !over4.problem.empty() ? "over IPv4: " + over4.problem
                                                      : "the policies differ";
    if (over6.no_way || over4.no_way) {
      context.add("mta_sts.families", Outcome::not_tested, subject, "no way from here, " + printable(what, 300),
                  "check again from a host that has both families");
    } else {
      context.add("mta_sts.families", same ? Outcome::pass : Outcome::fail, subject,
                  same ? "the same over IPv6 and IPv4" : printable(what, 300),
                  same ? "" : "serve the same policy on every address of the policy host");
    }
  } else if (six->addresses.empty()) {
    context.add("mta_sts.families", Outcome::info, subject, addresses,
                "senders with IPv6 alone cannot fetch the policy", zone_record(*host, "AAAA", "ADDRESS"));
  } else {
    context.add("mta_sts.families", Outcome::pass, subject, addresses);
  }
  judge_policy(context, *policy, good->body, *answer);
}

Task<void> check_tls_rpt(Context& context) {
  const std::string domain = context.report.domain;
  const auto name = context.target.domain.below("_smtp._tls");
  if (!name || context.target.hosts.empty()) co_return;
  const auto answer = co_await context.ask(*name, Type::txt);
  const std::string evidence = describe(*name, Type::txt, *answer);
  const std::string proposal = zone_text(*name, "v=TLSRPTv1; rua=mailto:postmaster@" + domain);
  if (is_temporary(answer->status))
    co_return context.unknown("tls_rpt.record", domain, evidence, bogus_name(*name, *answer));
  std::vector<std::string> meant, good;
  for (const std::string& text : answer->texts) {
    if (istarts_with(trim(text), "v=TLSRPT")) meant.push_back(text);
    if (tlsrpt::choose_record({&text, 1})) good.push_back(text);
  }
  std::ranges::sort(good);  // answers have them in turns
  const auto record = tlsrpt::choose_record(answer->texts);
  if (!record) {
    if (meant.empty()) {
      co_return context.add("tls_rpt.record", Outcome::warn, domain, evidence,
                            "ask for TLS reports: nobody else tells when TLS towards you fails", proposal);
    }
    co_return context.add(
        "tls_rpt.record", Outcome::fail, domain, evidence + ": " + record.error().what,
        meant.size() > 1 ? "keep one of the records: with several nobody sends reports" : "put the record right",
        good.empty() ? proposal : zone_text(*name, good.front()));
  }
  context.add("tls_rpt.record", Outcome::pass, domain, evidence);
  for (const std::string& uri : record->rua) {
    const std::string subject = printable(uri);
    const auto address = tlsrpt::mail_address(uri);
    const auto target = tlsrpt::https_target(uri);
    const std::string host_text = address  ? address->substr(address->rfind('@') + 1)
                                  : target ? target->host
                                           : std::string();
    const auto host = dns::Name::from_unicode(host_text);
    if (!host || host->is_root()) {
      context.add("tls_rpt.destination", Outcome::warn, subject, "the address names no domain",
                  "name an address that takes mail", proposal);
      continue;
    }
    dns::AnswerPtr found;
    if (address) {
      found = co_await context.ask(*host, Type::mx);
      if (found->status == Status::ok && !found->mx.front().host.is_root()) {
        context.add("tls_rpt.destination", Outcome::pass, subject, describe(*host, Type::mx, *found));
        continue;
      }
      if (is_temporary(found->status)) {
        context.unknown("tls_rpt.destination", subject, describe(*host, Type::mx, *found), bogus_name(*host, *found));
        continue;
      }
      if (found->status == Status::ok) {
        context.add("tls_rpt.destination", Outcome::warn, subject,
                    describe(*host, Type::mx, *found) + ": the domain takes no mail", "name an address that takes mail",
                    proposal);
        continue;
      }
    }
    const auto six = co_await context.ask(*host, Type::aaaa);
    const auto four = co_await context.ask(*host, Type::a);
    const std::string where = describe(*host, Type::aaaa, *six) + "; " + describe(*host, Type::a, *four);
    if (is_temporary(six->status) || is_temporary(four->status)) {
      context.unknown("tls_rpt.destination", subject, where, context.bogus_among(std::vector{*host}));
    } else if (six->addresses.empty() && (target || four->addresses.empty())) {
      context.add("tls_rpt.destination", Outcome::warn, subject, where,
                  four->addresses.empty() ? "name a place that exists" : "give the host an IPv6 address", proposal);
    } else {
      context.add("tls_rpt.destination", Outcome::pass, subject, where);
    }
  }
  co_await check_endpoints(context, record->rua);
}

}  // namespace postern::check
