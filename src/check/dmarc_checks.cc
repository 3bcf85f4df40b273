// DMARC (RFC 9989; checks.md 6.11), and what a domain without mail publishes instead of it (6.2-18).
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/context.h"
#include "dkim/tag_list.h"
#include "dmarc/evaluate.h"
#include "dmarc/record.h"

namespace postern::check {

namespace {

using dmarc::Policy;
using dns::Status;
using dns::Type;

constexpr std::size_t kUrisLooked = 6;
constexpr std::size_t kUrisSane = 2;
constexpr std::array<std::string_view, 3> kRemoved{"pct", "rf", "ri"};

using Tags = std::vector<std::pair<std::string, std::string>>;

std::optional<Policy> policy_of(std::string_view value) {
  // What was meant, where it is no policy: "rejected"
  if (istarts_with(value, "reject")) return Policy::reject;
  if (istarts_with(value, "quar")) return Policy::quarantine;
  if (istarts_with(value, "none")) return Policy::none;
  return std::nullopt;
}

// A string of `tags`, const where they are.
auto find_tag(auto& tags, std::string_view name) {
  const auto found = std::ranges::find(tags, name, [](const auto& tag) { return std::string_view(tag.first); });
  return found == tags.end() ? nullptr : &found->second;
}

bool is_policy(std::string_view name) { return name == "p" || name == "sp" || name == "np"; }

// RFC 9989 4.8.
bool is_tag(std::string_view name, std::string_view value) {
  return !name.empty() && !value.empty() &&
         std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c); }) &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7F; });
}

// Addresses that are not there yet.
void add_addresses(std::string& there, std::string_view more) {
  for (const std::string_view uri : split(more, ',')) {
    const bool known = std::ranges::any_of(split(there, ','), [&](auto one) { return trim(one) == trim(uri); });
    if (!known) there += "," + std::string(trim(uri));
  }
}

// What one text says, or was meant to say; of a tag that stands there twice the stricter policy, or the first value,
// and no test (RFC 6376 3.2: neither counts). Tags that RFC 9989 removed are left out.
Tags tags_in(std::string_view text) {
  Tags out;
  std::size_t tests = 0;
  for (const std::string_view part : split(text, ';')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = lower(trim(part.substr(0, equals)));
    const std::string value(trim(part.substr(equals + 1)));
    const bool policy = is_policy(name);
    if (name == "t" && ++tests > 1) {
      std::erase_if(out, [](const auto& tag) { return tag.first == "t"; });
      continue;
    }
    if (name == "v" || std::ranges::find(kRemoved, name) != kRemoved.end() || !is_tag(name, value) ||
        (policy && !policy_of(value)))
      continue;
    std::string* const before = find_tag(out, name);
    if (before == nullptr) {
      out.emplace_back(name, policy ? std::string(to_string(*policy_of(value))) : value);
    } else if (policy) {
      *before = to_string(std::max(*policy_of(*before), *policy_of(value)));
    } else if (name == "rua" || name == "ruf") {
      add_addresses(*before, value);
    }
  }
  return out;
}

// RFC 9989 4.7: where there is no sp, p stands for it, and for np sp; without p it is none.
Policy policy_in(const Tags& tags, std::string_view name) {
  if (const std::string* const own = find_tag(tags, name)) return *policy_of(*own);
  return name == "p" ? Policy::none : policy_in(tags, name == "np" ? "sp" : "p");
}

bool has(const Tags& tags, std::string_view name, std::string_view value) {
  const std::string* const found = find_tag(tags, name);
  return found != nullptr && iequals(*found, value);
}

// Of several records one. Nothing that stands there gets weaker: of policies and alignments the strictest, a test only
// where all are one; and every address for reports.
Tags tags_of(const std::vector<std::string>& texts) {
  std::vector<Tags> all;
  for (const std::string& text : texts) all.push_back(tags_in(text));
  const bool testing = std::ranges::all_of(all, [](const Tags& tags) { return has(tags, "t", "y"); });
  Tags out;
  for (const Tags& tags : all) {
    for (const auto& [name, value] : tags) {
      std::string* const before = find_tag(out, name);
      if (before != nullptr) {
        if (name == "rua" || name == "ruf") add_addresses(*before, value);
        if ((name == "adkim" || name == "aspf") && iequals(value, "s")) *before = value;
      } else if (is_policy(name)) {
        Policy strictest = Policy::none;
        for (const Tags& one : all) strictest = std::max(strictest, policy_in(one, name));
        out.emplace_back(name, to_string(strictest));
      } else if (name != "t" || testing || all.size() == 1) {
        out.emplace_back(name, value);
      }
    }
  }
  return out;
}

// The records that stand there, or nearly are ones, as one that is right: with a policy of `least` or stricter, and
// with an address for reports where mail is received and none was asked for. `drop` are tags to leave out.
std::string proposal(const Context& context, const std::vector<std::string>& texts, Policy least,
                     const std::vector<std::string_view>& drop = {}) {
  const auto name = context.target.domain.below("_dmarc");
  if (!name) return {};
  Tags tags = tags_of(texts);
  Policy policy = least;
  if (const std::string* const own = find_tag(tags, "p")) policy = std::max(policy, *policy_of(*own));
  std::string out = "v=DMARC1; p=" + std::string(to_string(policy));
  for (const auto& [tag, value] : tags) {
    if (tag != "p" && std::ranges::find(drop, tag) == drop.end()) out += "; " + tag + "=" + value;
  }
  const bool silent = context.target.hosts.empty();
  const bool asks = find_tag(tags, "rua") != nullptr && std::ranges::find(drop, "rua") == drop.end();
  if (!silent && !asks) out += "; rua=mailto:postmaster@" + context.target.domain.text();
  return zone_text(*name, out);
}

// Of the organisation's record the tags alone that are not about its other names.
std::string without_other_names(const std::string& text, Policy policy) {
  std::string out = "v=DMARC1; p=" + std::string(to_string(policy));
  for (const auto& [tag, value] : tags_in(text)) {
    if (!is_policy(tag) && tag != "psd") out += "; " + tag + "=" + value;
  }
  return out;
}

// What a record for the domain itself begins with.
std::string own_text(const Context& context, const dmarc::Evaluation& found) {
  if (found.policy_domain == context.target.domain.text()) return found.record_text;
  return without_other_names(found.record_text, found.policy);
}

void judge_policy(Context& context, const dmarc::Evaluation& found) {
  const std::string domain = context.report.domain;
  const dmarc::Record& record = *found.record;
  const std::string evidence = found.policy_domain + ": " + found.policy_tag + "=" +
                               std::string(to_string(found.policy)) + (record.testing ? ", t=y" : "");
  if (found.policy == Policy::none) {
    context.add("dmarc.policy", Outcome::warn, domain, evidence + ": nothing is protected yet",
                context.target.hosts.empty() ? "publish reject: the domain sends no mail"
                                             : "look at the reports, then publish quarantine, and reject after it",
                proposal(context, {own_text(context, found)},
                         context.target.hosts.empty() ? Policy::reject : Policy::quarantine, {"t"}));
  } else if (record.testing) {
    // RFC 9989 4.7: one step milder, which is none for quarantine
    const bool none_left = found.policy == Policy::quarantine;
    context.add("dmarc.policy", none_left ? Outcome::fail : Outcome::warn, domain,
                evidence + (none_left ? ": applied as none" : ": applied one step milder"),
                "take t=y away when the reports are clean",
                proposal(context, {own_text(context, found)}, found.policy, {"t"}));
  } else {
    context.add("dmarc.policy", Outcome::pass, domain, evidence);
  }
  const Policy sub = record.subdomain_policy.value_or(record.policy);
  const Policy absent = record.absent_policy.value_or(sub);
  if (sub < record.policy || absent < record.policy) {
    std::vector<std::string_view> weaker;  // and only those: np may be stricter than a weak sp
    if (sub < record.policy) weaker.emplace_back("sp");
    if (absent < record.policy) weaker.emplace_back("np");
    context.add("dmarc.subdomains", Outcome::warn, domain,
                "p=" + std::string(to_string(record.policy)) + ", sp=" + std::string(to_string(sub)) +
                    ", np=" + std::string(to_string(absent)),
                "make sp and np as strict as p, or leave them out: names below the domain can be forged",
                found.policy_domain == domain ? proposal(context, {found.record_text}, record.policy, weaker) : "");
  } else {
    context.add("dmarc.subdomains", Outcome::pass, domain, "sp and np are as strict as p");
  }
}

void judge_tags(Context& context, const dmarc::Evaluation& found) {
  static constexpr std::array<std::string_view, 12> kKnown{"v",  "p",   "sp",  "np",  "adkim", "aspf",
                                                           "fo", "rua", "ruf", "psd", "t",     "n"};
  const std::string domain = context.report.domain;
  std::vector<std::string> removed, unknown;
  if (const auto tags = dkim::TagList::parse(found.record_text)) {
    for (const dkim::Tag& tag : tags->tags()) {
      const std::string name = lower(tag.name);
      if (std::ranges::find(kRemoved, name) != kRemoved.end()) {
        removed.push_back(printable(name));
      } else if (std::ranges::find(kKnown, name) == kKnown.end()) {
        unknown.push_back(printable(name));
      }
    }
  }
  const auto& remarks = found.record->remarks;
  if (!removed.empty()) {
    context.add("dmarc.tags", Outcome::warn, domain, join(removed) + ": removed in RFC 9989",
                "take the tags away: nobody heeds them any more",
                found.policy_domain == domain ? proposal(context, {found.record_text}, found.policy) : "");
  } else if (!remarks.empty()) {
    context.add("dmarc.tags", Outcome::warn, domain, join(remarks, "; "), "put the values right: they are ignored");
  } else if (!unknown.empty()) {
    context.add("dmarc.tags", Outcome::info, domain, "unknown tags, which are ignored: " + join(unknown));
  } else {
    context.add("dmarc.tags", Outcome::pass, domain, "tags of RFC 9989 alone");
  }
}

// Whether mail for the domain of a mailto can be delivered. Empty: it can, or nobody knows.
Task<std::string> no_way_to(Context& context, const std::string& uri) {
  const auto host = dmarc::destination_host(uri);
  const auto name = host ? dns::Name::from_unicode(*host) : std::nullopt;
  if (!name || name->is_root()) co_return printable(uri) + " names no domain";
  const auto mx = co_await context.ask(*name, Type::mx);
  if (mx->status == Status::ok) {
    if (mx->mx.front().host.is_root()) co_return describe(*name, Type::mx, *mx) + ": the domain takes no mail";
    co_return "";
  }
  if (is_bogus(*mx)) co_return describe(*name, Type::mx, *mx);
  if (is_temporary(mx->status)) co_return "";
  for (const Type type : {Type::aaaa, Type::a}) {
    const auto answer = co_await context.ask(*name, type);
    if (answer->status == Status::ok || is_temporary(answer->status)) co_return "";
  }
  co_return describe(*name, Type::mx, *mx) + ", and no address";
}

// The URIs as they stand in the record: what the parser dropped is what is wrong.
std::vector<std::string> malformed_uris(const std::string& text) {
  std::vector<std::string> out;
  const auto tags = dkim::TagList::parse(text);
  if (!tags) return out;
  for (const char* const tag : {"rua", "ruf"}) {
    const auto value = tags->get(tag);
    if (!value) continue;
    for (std::string_view uri : split(*value, ',')) {
      uri = trim(uri);
      const std::size_t size = uri.rfind('!');
      if (size != std::string_view::npos) uri = uri.substr(0, size);
      if (!dmarc::is_reporting_uri(uri)) out.push_back(printable(uri));
    }
  }
  return out;
}

Task<void> judge_reports(Context& context, const dmarc::Evaluation& found) {
  const std::string domain = context.report.domain;
  const dmarc::Record& record = *found.record;
  const auto malformed = malformed_uris(found.record_text);
  std::vector<std::string> warnings, fixes;
  if (record.rua.size() > kUrisSane) {
    warnings.push_back(std::to_string(record.rua.size()) + " addresses; receivers heed two at least");
    fixes.emplace_back("name two addresses at most");
  }
  std::vector<std::string> uris = record.rua;
  uris.insert(uris.end(), record.ruf.begin(), record.ruf.end());
  if (uris.size() > kUrisLooked) uris.resize(kUrisLooked);
  const std::size_t too_many = warnings.size();
  for (const std::string& uri : uris) {
    if (istarts_with(uri, "http"))
      warnings.push_back(printable(uri) + ": reports come by mail alone, nobody sends them there");
    if (!istarts_with(uri, "mailto:")) continue;
    std::string problem = co_await no_way_to(context, uri);
    if (!problem.empty()) warnings.push_back(std::move(problem));
  }
  if (warnings.size() > too_many) fixes.emplace_back("name an address that takes mail");
  const bool silent = context.target.hosts.empty() && found.policy == Policy::reject;
  if (!malformed.empty()) {
    context.add("dmarc.rua", Outcome::fail, domain, "no addresses for reports: " + join(malformed),
                "write mailto:ADDRESS, several with commas between them");
  } else if (record.rua.empty() && silent) {
    context.add("dmarc.rua", Outcome::info, domain,
                "no rua: of a domain without mail, all of which is rejected, no report is missed");
  } else if (record.rua.empty()) {
    const std::string text = own_text(context, found);
    context.add("dmarc.rua", Outcome::warn, domain, "no rua",
                "ask for aggregate reports: without them nobody knows what would fail",
                context.target.hosts.empty() ? "" : proposal(context, {text}, found.policy));
  } else if (!warnings.empty()) {
    context.add("dmarc.rua", Outcome::warn, domain, join(warnings, "; "), join(fixes, ", and "));
  } else {
    context.add("dmarc.rua", Outcome::pass, domain, join(record.rua));
  }
  for (const std::string& uri : uris) {
    const auto there =
        co_await dmarc::report_destination(found.policy_domain, uri, context.resolver(), context.budget());
    const std::string evidence = there.asked.empty() ? printable(uri) : "TXT " + printable(there.asked);
    if (there.authorization == dmarc::Authorization::unknown) {
      context.unknown("dmarc.external", printable(uri), evidence + ": " + there.problem,
                      context.bogus_among(std::vector{there.asked}));
    } else if (there.authorization == dmarc::Authorization::denied) {
      const auto name = dns::Name::parse(there.asked);
      context.add("dmarc.external", Outcome::fail, printable(uri), evidence + ": " + there.problem,
                  "the receiver of the reports must publish that it takes them; until then nobody sends any",
                  name ? zone_text(*name, "v=DMARC1") : "");
    } else {
      context.add(
          "dmarc.external", Outcome::pass, printable(uri),
          evidence + (there.authorization == dmarc::Authorization::own ? ": of the same organisation" : ": granted"));
    }
  }
  context.add("dmarc.ruf", record.ruf.empty() ? Outcome::pass : Outcome::info, domain,
              record.ruf.empty() ? "no ruf" : join(record.ruf),
              record.ruf.empty()
                  ? ""
                  : "failure reports have senders, recipients and subjects in them; few receivers send any");
}

std::string why_given_up(const Context& context) {
  return context.spf_error.empty() ? std::string() : " (" + context.spf_error + ")";
}

void judge_possible(Context& context) {
  const std::string domain = context.report.domain;
  const std::string keys = std::to_string(context.dkim_keys) + " DKIM keys found";
  // RFC 7208 4.6.2: a match ends the evaluation, before whatever error stands behind it
  const std::string given_up = why_given_up(context);
  const std::string spf = context.spf_grants
                              ? "SPF authorises hosts" + (given_up.empty() ? "" : " before it is given up" + given_up)
                          : context.spf_unknown        ? "what SPF says is not known"
                          : !context.spf_error.empty() ? "SPF counts for nothing" + given_up
                          : context.spf_text.empty()   ? "no SPF record"
                                                       : "SPF authorises nobody";
  if (context.spf_grants || context.dkim_keys > 0) {
    context.add("dmarc.possible", Outcome::pass, domain, spf + ", " + keys);
  } else if (context.spf_closed) {
    context.add("dmarc.possible", Outcome::pass, domain, "the domain sends no mail: " + printable(context.spf_text));
  } else if (context.spf_unknown) {
    context.add("dmarc.possible", Outcome::not_tested, domain, spf + ", " + keys, "ask again later");
  } else if (context.dkim_given) {
    context.add("dmarc.possible", Outcome::info, domain,
                spf + "; _domainkey exists, but no key at the selectors that were asked",
                "name the selector with --selector");
  } else {
    context.add("dmarc.possible", Outcome::fail, domain, spf + ", and no DKIM key: no mail of the domain can pass",
                context.target.null_mx      ? "say that the domain sends nothing: v=spf1 -all"
                : context.spf_error.empty() ? "sign with DKIM, and publish an SPF record that names who sends"
                                            : "sign with DKIM, and put the SPF record right");
  }
}

// Of what stands at the domain itself: a subject of its own, so that two runs compare it and the record each for
// itself.
std::string misplaced_subject(const Context& context) { return "TXT " + context.report.domain; }

// Records that belong to _dmarc and stand at the domain itself, where nobody looks.
Task<std::vector<std::string>> misplaced_records(Context& context) {
  std::vector<std::string> out;
  const auto answer = co_await context.ask(context.target.domain, Type::txt);
  if (is_temporary(answer->status) && !is_bogus(*answer))
    context.unknown("dmarc.record", misplaced_subject(context), describe(context.target.domain, Type::txt, *answer));
  for (const std::string& text : answer->texts) {
    if (istarts_with(trim(text), "v=DMARC1")) out.emplace_back(trim(text));
  }
  std::ranges::sort(out);
  co_return out;
}

// RFC 9989 4.10.1: a record without a policy and without an address for reports is one that nobody processes. `meant`
// is what stands at the domain's own _dmarc.
Task<void> judge_unusable(Context& context, const dmarc::Evaluation& found, std::vector<std::string> meant) {
  std::string organisation;  // the evaluation says no more than its record
  for (const std::string& asked : found.walk) {
    const auto place = dns::Name::parse(asked);
    if (!meant.empty() || !place || place->labels() < 2) continue;
    const auto answer = co_await context.ask(*place, Type::txt);
    if (std::ranges::find(answer->texts, found.record_text) == answer->texts.end()) continue;
    organisation = printable(place->suffix(place->labels() - 1).text());
  }
  if (meant.empty())
    meant.push_back(without_other_names(found.record_text, policy_in(tags_in(found.record_text), "sp")));
  context.add("dmarc.record", Outcome::fail, context.report.domain, printable(found.record_text) + ": " + found.problem,
              organisation.empty()
                  ? "put the record right"
                  : "put the record of " + organisation + " right, or publish one for the domain itself",
              proposal(context, meant, context.target.hosts.empty() ? Policy::reject : Policy::none));
}

}  // namespace

Task<void> check_dmarc(Context& context) {
  const std::string domain = context.report.domain;
  const auto name = context.target.domain.below("_dmarc");
  if (!name) co_return;
  const auto answer = co_await context.ask(*name, Type::txt);
  const std::string evidence = describe(*name, Type::txt, *answer);
  const auto found = co_await dmarc::evaluate({.author_domain = context.target.domain.text(), .spf = {}, .dkim = {}},
                                              context.resolver(), context.budget());
  if (found.outcome == dmarc::Outcome::temperror)
    co_return context.unknown("dmarc.record", domain, evidence + "; " + found.problem, context.bogus_among(found.walk));
  std::size_t records = 0;
  std::vector<std::string> others, meant;  // `meant`: records, and what nearly is one
  for (const std::string& text : answer->texts) {
    const bool one = dmarc::parse_record(text).has_value();
    if (one || istarts_with(trim(text), "v=DMARC1")) meant.emplace_back(trim(text));
    if (one) {
      ++records;
    } else {
      others.push_back(printable(text, 100));
    }
  }
  std::ranges::sort(meant);  // answers have them in turns
  std::ranges::sort(others);
  const auto misplaced = co_await misplaced_records(context);
  std::optional<Policy> policy;
  if (records > 1) {
    context.add("dmarc.record", Outcome::fail, domain, evidence,
                "put one in place of all of them: several count as none", proposal(context, meant, Policy::none));
  } else if (!found.record && !found.record_text.empty()) {
    co_await judge_unusable(context, found, meant);
  } else if (!found.record) {
    context.add("dmarc.record", Outcome::fail, domain,
                evidence + (others.empty() ? "; asked: " + join(found.walk) : ""),
                meant.empty() ? "publish a DMARC record" : "the record must begin with exactly v=DMARC1",
                proposal(context, meant.empty() ? misplaced : meant,
                         context.target.hosts.empty() ? Policy::reject : Policy::none));
  } else {
    const bool stray = !others.empty();
    context.add(
        "dmarc.record", stray ? Outcome::warn : Outcome::pass, domain,
        found.policy_domain + ": " + printable(found.record_text, 500) + (stray ? "; also " + join(others) : ""),
        stray ? "take the other texts away" : "");
    policy = found.policy;
    judge_policy(context, found);
    judge_tags(context, found);
    co_await judge_reports(context, found);
    judge_possible(context);
  }
  if (!misplaced.empty()) {
    context.add("dmarc.record", Outcome::warn, misplaced_subject(context),
                printable(misplaced.front(), 300) + ": a DMARC record at the domain itself",
                policy ? "take it away: the record at _dmarc counts" : "move it to _dmarc, where it is looked for",
                policy ? "" : proposal(context, meant.empty() ? misplaced : meant, Policy::none));
  }
  if (!context.target.null_mx) co_return;
  if (context.spf_unknown)
    co_return context.add("mx.null_policy", Outcome::not_tested, domain, "what SPF says is not known",
                          "ask again later");
  const bool spf_closed = context.spf_closed;
  const std::string given_up = why_given_up(context);
  if (spf_closed && policy == Policy::reject) {
    context.add("mx.null_policy", Outcome::pass, domain, "v=spf1 -all and a policy of reject");
  } else {
    context.add(
        "mx.null_policy", Outcome::warn, domain,
        (context.spf_text.empty() ? given_up.empty() ? "no SPF record" : "SPF counts for nothing"
                                  : printable(context.spf_text)) +
            given_up + "; DMARC policy " + std::string(policy ? to_string(*policy) : "missing"),
        "say that the domain sends nothing either",
        spf_closed ? proposal(context, meant, Policy::reject) : zone_text(context.target.domain, "v=spf1 -all"));
  }
}

}  // namespace postern::check
