// SPF (checks.md 6.9): what the walk of the record (spf_walk.h) found, judged, and the records that mend it.
#include "spf/evaluate.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "check/spf_walk.h"
#include "spf/record.h"

namespace postern::check {

namespace {

using dns::Type;
using spf::TermKind;

constexpr std::size_t kSizeGood = 450, kSizeUdp = 512, kTextsUdp = 1232;

std::vector<std::string_view> words_of(std::string_view text) {
  auto words = split(text, ' ');
  std::erase(words, "");
  return words;
}

std::string_view all_of(spf::Outcome qualifier) { return qualifier == spf::Outcome::softfail ? "~all" : "-all"; }

constexpr const char* kNobody = "v=spf1 -all";

// The record with an end that decides, and without what stands behind it and what `leave_out` has. An "all" that
// authorises everybody or says nothing becomes -all, and one that was not there is put there where there is no redirect
// left. Where nobody is left who may send, the mail hosts may; but a domain that takes no mail sends none (RFC 7505).
std::string mended(const Context& context, const dns::Name& owner, std::string_view text,
                   const std::vector<std::string>& leave_out = {}) {
  const bool own = owner == context.target.domain;
  if (own && context.target.null_mx) return kNobody;
  std::vector<std::string> terms, modifiers;
  std::string end, redirect;
  bool grants = false, granted = false, strict = false;  // `granted`: what is left out did
  const auto words = words_of(text);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto term = spf::parse_term(words[i]);
    if (!term) continue;
    if (std::ranges::find(leave_out, words[i]) != leave_out.end()) {
      granted = granted || term->qualifier == spf::Outcome::pass;  // a redirect, too
      continue;
    }
    if (term->kind == TermKind::redirect) {
      redirect = words[i];
    } else if (term->is_modifier()) {
      modifiers.emplace_back(words[i]);
    } else if (end.empty() && term->kind == TermKind::all) {
      end = all_of(term->qualifier);
      strict = term->qualifier == spf::Outcome::fail || term->qualifier == spf::Outcome::softfail;
    } else if (end.empty()) {
      grants = grants || term->qualifier == spf::Outcome::pass;
      terms.emplace_back(words[i]);
    }
  }
  if (end.empty() && redirect.empty()) end = "-all";
  const bool decided = !end.empty();
  const bool nobody_left = decided && !grants && (!strict || granted);
  if (nobody_left && !context.target.hosts.empty())
    terms.insert(terms.begin(), own ? "mx" : "mx:" + printable(context.target.domain.text()));
  terms.insert(terms.begin(), "v=spf1");
  terms.push_back(decided ? end : redirect);
  terms.insert(terms.end(), modifiers.begin(), modifiers.end());
  return join(terms, " ");
}

// Several records in one; empty where they cannot be joined. The mildest end of theirs is kept.
std::string joined(const std::vector<std::string>& records) {
  std::vector<std::string> terms{"v=spf1"}, modifiers;
  bool softfail = false, any = false;
  for (const std::string& record : records) {
    auto parsed = spf::Record::parse(record);
    if (!parsed || parsed->redirect()) return {};
    if (const auto& explanation = parsed->explanation(); explanation && modifiers.empty())
      modifiers.emplace_back(explanation->text);
    while (const auto term = parsed->next_mechanism()) {
      if (term->kind == TermKind::all) {
        any = true;
        softfail = softfail || term->qualifier != spf::Outcome::fail;
        break;
      }
      if (std::ranges::none_of(terms, [&](const std::string& one) { return iequals(one, term->text); }))
        terms.emplace_back(term->text);
    }
  }
  terms.emplace_back(softfail || !any ? "~all" : "-all");
  terms.insert(terms.end(), modifiers.begin(), modifiers.end());
  return join(terms, " ");
}

// Of the record that decides about strangers: the domain's own, or where its redirect leads.
void judge_all(Context& context, const SpfWalk& walk) {
  const std::string domain = context.report.domain;
  const SpfDecision& decision = walk.decision;
  using State = SpfDecision::State;
  if (decision.state == State::unknown) {
    const std::string why = !walk.error.empty()          ? walk.error
                            : !walk.unknown.empty()      ? join(walk.unknown, "; ")
                            : !walk.not_followed.empty() ? "not followed, for its macros: " + join(walk.not_followed)
                                                         : std::string("the record is not followed to its end");
    return context.add("spf.all", Outcome::not_tested, domain, "what decides is not known: " + why,
                       "see to the redirect first");
  }
  const bool own = decision.domain == context.target.domain;
  const std::string where = own ? std::string() : printable(decision.domain.text()) + ": ";
  const bool can_mend = own || !context.is_foreign(decision.domain);
  const std::string record =
      can_mend ? zone_text(decision.domain, mended(context, decision.domain, decision.text)) : std::string();
  const std::string fix = context.for_owner(decision.domain, "name the hosts that send, and end the record in -all") +
                          (can_mend ? "" : "; else write a record of your own in place of the redirect");
  if (decision.state == State::none)
    return context.add("spf.all", Outcome::fail, domain,
                       where + "no all at the end: the result for strangers is neutral", fix, record);
  if (decision.all == spf::Outcome::pass)
    return context.add("spf.all", Outcome::fail, domain, where + "+all authorises everybody", fix, record);
  if (decision.all == spf::Outcome::neutral)
    return context.add("spf.all", Outcome::fail, domain, where + "?all says nothing about strangers", fix, record);
  bool after = false, all = false, redirect = false;
  for (const std::string_view word : words_of(decision.text)) {
    const auto term = spf::parse_term(word);
    if (!term) continue;  // the version
    redirect = redirect || term->kind == TermKind::redirect;
    after = after || (all && !term->is_modifier());
    all = all || term->kind == TermKind::all;
  }
  if (after || redirect) {
    return context.add("spf.all", Outcome::warn, domain,
                       where + (after ? "terms after all are never tested" : "redirect beside all is ignored"),
                       after ? "take away what stands after all, or put it in front" : "take the redirect away",
                       record);
  }
  context.add("spf.all", Outcome::pass, domain, where + std::string(all_of(decision.all)));
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
      (walk.stopped ? "more than " + std::to_string(kSpfTermsFollowed) : std::to_string(walk.lookups)) + " of 10" +
      (walk.counted.empty() ? "" : ": " + join(walk.counted)) +
      (walk.not_followed.empty() ? "" : "; not followed, for its macros: " + join(walk.not_followed));
  if (walk.lost && walk.lookups <= spf::kTermsMax)
    return context.unknown("spf.lookups", context.report.domain,
                           evidence + "; and what stands in " + join(walk.unknown, "; "), walk.bogus);
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
  const SpfWalk::Voids* what = &walk.void6;
  for (const char* const client : {"2001:db8::1", "192.0.2.1"}) {
    spf::Query query{.client = *ip::Address::parse(client),
                     .identity = spf::Identity::mail_from,
                     .mail_from = "postmaster@" + context.target.domain.text(),
                     .helo = context.target.domain.text(),
                     .receiver = context.options.helo,
                     .now = context.options.now};
    const bool v6 = query.client.is_v6();
    const auto result = co_await spf::check(std::move(query), context.resolver(), context.budget());
    // The walk goes on where a receiver gives up; the terms with macros are the receiver's alone.
    const SpfWalk::Voids& walked = v6 ? walk.void6 : walk.void4;
    const std::uint32_t count = std::max(result.void_lookups, walked.count);
    if (count > voids) what = &walked;
    unknown = unknown || result.outcome == spf::Outcome::temperror;
    voids = std::max(voids, count);
  }
  const std::string evidence = std::to_string(voids) + " of 2, for a sender with " +
                               (what == &walk.void6 ? "IPv6" : "IPv4") +
                               (what->names.empty() ? "" : ": " + join(what->names, "; "));
  if (unknown && voids <= spf::kVoidMax)
    co_return context.unknown("spf.void", context.report.domain,
                              std::to_string(voids) + " of 2, and not all is known" +
                                  (walk.unknown.empty() ? "" : ": " + join(walk.unknown, "; ")),
                              walk.bogus);
  const Outcome outcome = voids > spf::kVoidMax    ? Outcome::fail
                          : voids == spf::kVoidMax ? Outcome::warn
                                                   : Outcome::pass;
  context.add("spf.void", outcome, context.report.domain, voids == 0 ? "0 of 2" : evidence,
              outcome == Outcome::pass ? ""
              : what->names.empty()
                  ? "take away terms that ask about the sender, and name the hosts that send by ip4 and ip6"
              : walk.void_names ? "take away the terms whose names do not exist"
                                : "name these hosts by ip4 and ip6, or give them addresses of both families");
}

void judge_breadth(Context& context, const SpfWalk& walk) {
  const std::string domain = context.report.domain;
  if (!walk.everybody.empty() || !walk.breadth_fail.empty()) {
    std::vector<std::string> words;
    for (const std::string& one : walk.everybody) words.push_back(one + " authorises everybody");
    words.insert(words.end(), walk.breadth_fail.begin(), walk.breadth_fail.end());
    context.add("spf.breadth", Outcome::fail, domain, join(words),
                "authorise the hosts that send, not their continent");
  } else if (!walk.breadth_warn.empty()) {
    context.add("spf.breadth", Outcome::warn, domain, join(walk.breadth_warn), "authorise smaller networks");
  } else if (!walk.unknown.empty()) {
    context.unknown("spf.breadth", domain, join(walk.unknown, "; "), walk.bogus);
  } else {
    context.add("spf.breadth", Outcome::pass, domain,
                std::to_string(walk.networks6.size()) + " IPv6 and " + std::to_string(walk.networks4.size()) +
                    " IPv4 networks and hosts");
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
  if (!four || !context.target.spf_senders_v6.empty() || six.empty() || walk.unlisted) {
    context.add("spf.ipv6", Outcome::pass, domain,
                std::to_string(walk.networks6.size()) + " IPv6 and " + std::to_string(walk.networks4.size()) +
                    " IPv4 networks and hosts");
    return;
  }
  if (!walk.unknown.empty()) return context.unknown("spf.ipv6", domain, join(walk.unknown, "; "), walk.bogus);
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
      context.unknown("spf.helo", subject, describe(host, Type::txt, *answer), bogus_name(host, *answer));
    } else if (std::ranges::any_of(answer->texts, spf::is_spf_record)) {
      context.add("spf.helo", Outcome::pass, subject, describe(host, Type::txt, *answer));
    } else {
      context.add(
          "spf.helo", Outcome::info, subject, describe(host, Type::txt, *answer),
          context.for_owner(host, "publish one: bounces and reports, which have no sender, are judged by this name"),
          zone_text(host, "v=spf1 a -all"));
    }
  }
}

std::string proposal(const Context& context) {
  return zone_text(context.target.domain, context.target.hosts.empty() ? kNobody : "v=spf1 mx -all");
}

}  // namespace

Task<void> check_spf(Context& context) {
  const std::string domain = context.report.domain;
  const auto answer = co_await context.ask(context.target.domain, Type::txt);
  const std::string evidence = describe(context.target.domain, Type::txt, *answer);
  if (is_temporary(answer->status)) {
    context.spf_unknown = true;
    co_return context.unknown("spf.record", domain, evidence, bogus_name(context.target.domain, *answer));
  }
  std::vector<std::string> records, nearly;
  for (const std::string& text : answer->texts) {
    if (spf::is_spf_record(text)) {
      records.push_back(text);
    } else if (istarts_with(trim(text), "v=spf1") || istarts_with(text, "spf2.0/")) {
      nearly.push_back(printable(text));
    }
  }
  co_await judge_helo(context);
  std::ranges::sort(records);  // answers have them in turns
  if (records.size() > 1) {
    const std::string one = context.target.null_mx ? kNobody : joined(records);
    context.spf_error = "several records";
    co_return context.add("spf.record", Outcome::fail, domain, evidence,
                          one.empty()
                              ? "keep one of them: several are an error, and none of them counts"
                              : "put one in place of all of them: several are an error, and none of them counts",
                          one.empty() ? "" : zone_text(context.target.domain, one));
  }
  if (records.empty()) {
    co_return context.add(
        "spf.record", Outcome::fail, domain, evidence,
        nearly.empty() ? "publish an SPF record" : "the record must begin with \"v=spf1 \", with nothing in front",
        proposal(context));
  }
  context.spf_text = records.front();
  context.add("spf.record", nearly.empty() ? Outcome::pass : Outcome::warn, domain,
              nearly.empty() ? printable(context.spf_text, 1000) : join(nearly),
              nearly.empty() ? "" : "take the other record away; nobody reads it");
  SpfWalk walk(context);
  co_await walk.begin(context.spf_text);
  context.spf_error = walk.error;
  context.spf_unknown = !walk.unknown.empty();
  context.spf_grants = walk.reached;
  context.spf_closed = !walk.somebody && walk.error.empty() && walk.unknown.empty() &&
                       walk.decision.state == SpfDecision::State::decided && walk.decision.all == spf::Outcome::fail;
  judge_list(context, "spf.syntax", Outcome::fail, walk.syntax, "the record and all that it includes",
             "put the term right: any error makes the whole record count for nothing");
  judge_lookups(context, walk);
  if (!walk.syntax.empty()) co_return;
  if (!walk.unknown.empty()) context.unknown("spf.include", domain, join(walk.unknown, "; "), walk.bogus);
  std::vector<std::string> broken = walk.missing;
  broken.insert(broken.end(), walk.loops.begin(), walk.loops.end());
  if (!broken.empty()) {
    context.add("spf.include", Outcome::fail, domain, join(broken, "; "),
                "take the term away, or repair the record it leads to: the result is permerror",
                walk.broken.empty() ? ""
                                    : zone_text(context.target.domain,
                                                mended(context, context.target.domain, context.spf_text, walk.broken)));
  } else if (walk.unknown.empty()) {
    context.add("spf.include", Outcome::pass, domain, "every include and redirect leads to a record");
  }
  judge_list(context, "spf.mx_hosts", Outcome::fail, walk.crowded, "no mx term has more than ten hosts",
             "name the addresses by ip4 and ip6");
  judge_list(context, "spf.ptr", Outcome::warn, walk.ptr, "no ptr",
             "name the addresses by ip4 and ip6, or the hosts by a");
  judge_all(context, walk);
  co_await judge_voids(context, walk);
  judge_breadth(context, walk);
  judge_parity(context, walk);
  judge_size(context, *answer);
}

}  // namespace postern::check
