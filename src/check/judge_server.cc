// Reachability and the dialogue, up to STARTTLS.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/judge_impl.h"

namespace postern::check {

namespace judging {

namespace {

constexpr std::int64_t kSlowBanner = 5'000, kVerySlowBanner = 30'000, kSlowDialogue = 60'000;

std::string ms(std::int64_t time) { return human_duration(std::max<std::int64_t>(time, 0)); }

bool temporary(std::uint16_t code) { return code >= 400 && code < 500; }

// "4.97", "8.18.1/8.18.1;", "10.0.17763.1697": digits on both sides of a dot, and not inside a host name or an address.
bool shows_version(std::string_view banner) {
  const auto words = split(banner, ' ');
  for (std::size_t i = 1; i < words.size(); ++i) {
    for (std::string_view word : split(words[i], '/')) {
      while (!word.empty() && (word.back() == ';' || word.back() == ',' || word.back() == ')')) word.remove_suffix(1);
      const auto dot = word.find('.');
      if (dot == std::string_view::npos || dot == 0 || dot + 1 >= word.size()) continue;
      if (!is_digit(word[dot - 1]) || !is_digit(word[dot + 1])) continue;
      const bool number = std::ranges::all_of(word, [](char c) { return c == '.' || is_digit(c); });
      if (std::ranges::count(word, '.') <= 2 || (number && !ip::Address::parse(word))) return true;
    }
  }
  return false;
}

std::string_view meaning(std::string_view keyword) {
  struct Word {
    std::string_view keyword, meaning;
  };
  static constexpr std::array<Word, 11> kWords{{{"PIPELINING", "several commands at once (RFC 2920)"},
                                                {"8BITMIME", "eight-bit text (RFC 6152)"},
                                                {"SMTPUTF8", "international addresses (RFC 6531)"},
                                                {"SIZE", "the largest message (RFC 1870)"},
                                                {"ENHANCEDSTATUSCODES", "precise codes (RFC 2034)"},
                                                {"DSN", "delivery reports on request (RFC 3461)"},
                                                {"CHUNKING", "messages by BDAT (RFC 3030)"},
                                                {"REQUIRETLS", "TLS all the way (RFC 8689)"},
                                                {"LIMITS", "stated limits (RFC 9422)"},
                                                {"STARTTLS", "encryption (RFC 3207)"},
                                                {"DELIVERBY", "a time limit (RFC 2852)"}}};
  for (const Word& one : kWords) {
    if (one.keyword == keyword) return one.meaning;
  }
  return {};
}

}  // namespace

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

std::string why_unknown(const View& view) {
  const ServerFacts* const facts = view.server;
  if (facts == nullptr) return view.address->why_not.empty() ? "not connected to" : view.address->why_not;
  if (!facts->connected) return "no connection: " + facts->problem;
  if (facts->banner_code != 220)
    return facts->banner_code == 0 ? "no greeting: " + facts->problem
                                   : "the greeting was " + std::to_string(facts->banner_code) + ' ' + facts->banner;
  if (facts->hello_code != 250)
    return "EHLO came to nothing: " + (facts->problem.empty() ? std::to_string(facts->hello_code) : facts->problem);
  return {};
}

Judge::Judge(const Target& target, const Options& options) : target_(target), options_(options) {
  for (const MailHost& host : target.hosts) {
    for (const Address& address : host.addresses) {
      views_.push_back({.host = &host,
                        .address = &address,
                        .server = address.server ? &*address.server : nullptr,
                        .subject = host.name.text() + " [" + address.address.text() + "]"});
    }
  }
}

void Judge::add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix,
                std::string record) {
  if (evidence.size() > kEvidenceMax) evidence = std::string(utf8_head(evidence, kEvidenceMax - 3)) + "...";
  const bool remedy = outcome != Outcome::pass;
  findings_.push_back({.id = id,
                       .outcome = outcome,
                       .subject = std::move(subject),
                       .evidence = std::move(evidence),
                       .fix = remedy ? std::move(fix) : std::string(),
                       .record = std::move(record)});
}

std::vector<const View*> Judge::of(const MailHost& host) const {
  std::vector<const View*> out;
  for (const View& view : views_) {
    if (view.host == &host) out.push_back(&view);
  }
  return out;
}

void Judge::reach(const View& view) {
  const ServerFacts* const facts = view.server;
  if (facts == nullptr || (!facts->connected && facts->our_side)) {
    return add("reach.connect", Outcome::not_tested, view.subject, why_unknown(view),
               view.address->address.is_global() ? "check again from a host that has this family"
                                                 : "publish an address of the Internet: this one leads nowhere in it");
  }
  if (facts->connected)
    return add("reach.connect", Outcome::pass, view.subject, "connected in " + ms(facts->connect_ms));
  const bool other = std::ranges::any_of(views_, [&](const View& one) {
    return one.host == view.host && one.v6() != view.v6() && one.server != nullptr && one.server->connected;
  });
  const bool any =
      std::ranges::any_of(views_, [](const View& one) { return one.server != nullptr && one.server->connected; });
  std::string evidence = "port " + std::to_string(options_.smtp_port) + ": " + facts->problem;
  if (all_silent()) {
    return add(
        "reach.connect", Outcome::not_tested, view.subject,
        evidence + "; every address of every host is silent, which is also what a blocked port 25 here looks like",
        "check again from a host whose provider lets port 25 out");
  }
  if (other) evidence += view.v6() ? "; IPv4 of the same host answers" : "; IPv6 of the same host answers";
  if (!any) evidence += "; no address of any host answered";
  add("reach.connect", Outcome::fail, view.subject, std::move(evidence),
      std::string("let the server listen on ") + view.address->address.text() + " and the firewall pass TCP " +
          std::to_string(options_.smtp_port) + ", or take the address out of DNS");
}

bool Judge::all_silent() const {
  bool any = false;
  for (const View& view : views_) {
    if (view.server == nullptr || (!view.server->connected && view.server->our_side)) continue;
    if (view.server->connected || !view.server->timed_out) return false;
    any = true;
  }
  return any;
}

void Judge::reach_host(const MailHost& host) {
  const auto views = of(host);
  if (views.empty()) return;
  bool answers = false;
  bool unknown = false;
  bool silent = false;
  for (const View* const view : views) {
    const ServerFacts* const facts = view->server;
    if (facts == nullptr || facts->our_side) {
      unknown = true;
      continue;
    }
    answers = answers || facts->banner_code != 0;
    silent = silent || (facts->connected && facts->banner_code == 0);
  }
  const std::string& name = host.name.text();
  if (answers) return add("reach.host", Outcome::pass, name, "a server answers");
  if (unknown) return add("reach.host", Outcome::not_tested, name, "not all of its addresses could be tried from here");
  if (all_silent())
    return add("reach.host", Outcome::not_tested, name,
               "every address of every host is silent: port 25 may be blocked here");
  if (silent)
    return add("reach.host", Outcome::warn, name, "it accepts connections and never greets",
               "take a host that never answers out of the MX records: senders lose minutes on it");
  add("reach.host", Outcome::fail, name, "no address answers",
      "start the server, or take the host out of the MX records");
}

void Judge::banner(const View& view) {
  const ServerFacts& facts = *view.server;
  const std::string said = std::to_string(facts.banner_code) + ' ' + facts.banner;
  if (facts.banner_code == 220) return add("smtp.banner", Outcome::pass, view.subject, said);
  if (temporary(facts.banner_code))
    return add("smtp.banner", Outcome::warn, view.subject, said,
               "the server has enough of us for now: check again later");
  if (facts.banner_code >= 500)
    return add("smtp.banner", Outcome::warn, view.subject, said,
               "it refuses connections from here: where others are refused as well, their mail comes back");
  if (facts.our_side) return add("smtp.banner", Outcome::not_tested, view.subject, facts.problem);
  const bool garbage = facts.problem != "no answer in time" && facts.problem.find("closed") == std::string::npos;
  add("smtp.banner", garbage ? Outcome::fail : Outcome::warn, view.subject, "no greeting: " + facts.problem,
      garbage ? "let an SMTP server answer on this port, with 220 and its name (RFC 5321 3.1)"
              : "see in the server's log why it does not greet; other senders may meet the same");
}

void Judge::banner_name(const View& view) {
  const ServerFacts& facts = *view.server;
  if (facts.banner_code != 220) return;
  const std::string name = lower(facts.banner.substr(0, facts.banner.find_first_of(" \t")));
  const std::string fix = "let the greeting begin with " + view.host->name.text() + " (RFC 5321 4.2)";
  const auto parsed = dns::Name::parse(name);
  if (!parsed || parsed->labels() < 2)
    return add("smtp.banner_name", Outcome::warn, view.subject, "\"" + name + "\" is no full name", fix);
  if (*parsed == view.host->name)
    return add("smtp.banner_name", Outcome::pass, view.subject, "the greeting has the MX host's name");
  if (facts.banner_name_resolves == false)
    return add("smtp.banner_name", Outcome::warn, view.subject, name + " has no address", fix);
  add("smtp.banner_name", Outcome::info, view.subject,
      name + (facts.banner_name_resolves ? " exists, and" : "") + " is not the MX host's name",
      "this is right where it is the name that the address has in reverse DNS");
}

void Judge::delay(const View& view) {
  const ServerFacts& facts = *view.server;
  if (facts.banner_code == 0) return;
  const std::string evidence = "greeting after " + ms(facts.banner_ms) + ", whole dialogue in " + ms(facts.whole_ms);
  if (facts.banner_ms > kVerySlowBanner || facts.whole_ms > kSlowDialogue)
    return add("smtp.delay", Outcome::warn, view.subject, evidence,
               "shorten the delay: some senders give up after 30 s");
  if (facts.banner_ms > kSlowBanner)
    return add("smtp.delay", Outcome::info, view.subject, evidence, "a delay by design (a tarpit) is no fault");
  add("smtp.delay", Outcome::pass, view.subject, evidence);
}

void Judge::hello(const View& view) {
  const ServerFacts& facts = *view.server;
  if (facts.banner_code != 220) return;
  if (facts.extended && facts.tls && !facts.extended_tls)
    return add("smtp.ehlo", facts.our_side ? Outcome::not_tested : Outcome::fail, view.subject,
               "taken in clear; under TLS it came to nothing: " + facts.problem,
               "look in the server's log at what follows STARTTLS: mail over TLS gets no further here");
  if (facts.extended) return add("smtp.ehlo", Outcome::pass, view.subject, "250 " + facts.hello_reply);
  if (facts.hello_code == 250)
    return add("smtp.ehlo", Outcome::warn, view.subject, "EHLO was refused, HELO taken",
               "let the server speak ESMTP: without it there is no TLS");
  if (facts.our_side || temporary(facts.hello_code))
    return add("smtp.ehlo", Outcome::not_tested, view.subject, facts.problem, "check again later");
  add("smtp.ehlo", Outcome::fail, view.subject, facts.problem,
      "a server must take EHLO with any name that is one (RFC 5321 4.1.4)");
}

void Judge::extensions(const View& view) {
  const ServerFacts& facts = *view.server;
  if (!facts.extended) return;
  const auto& lines = facts.extended_tls ? facts.extensions_tls : facts.extensions;
  std::string evidence;
  for (const std::string& line : lines) {
    if (!evidence.empty()) evidence += "; ";
    evidence += line;
    const std::string_view what = meaning(upper(line.substr(0, line.find(' '))));
    if (!what.empty()) evidence += ": " + std::string(what);
  }
  add("smtp.extensions", Outcome::info, view.subject, evidence.empty() ? "none" : evidence);
  const auto offers_auth = [](const std::string& line) {
    return istarts_with(line, "AUTH ") || istarts_with(line, "AUTH=") || iequals(line, "AUTH");
  };
  if (const auto clear = std::ranges::find_if(facts.extensions, offers_auth); clear != facts.extensions.end()) {
    add("smtp.auth_in_clear", Outcome::fail, view.subject, "before TLS: " + *clear,
        "offer AUTH under TLS only, and on ports 465 and 587 rather than on 25 (RFC 8314)");
  } else {
    add("smtp.auth_in_clear", Outcome::pass, view.subject, "no AUTH before TLS");
  }
  const bool version = shows_version(facts.banner);
  add("smtp.software", version ? Outcome::info : Outcome::pass, view.subject, "220 " + facts.banner,
      "the greeting tells a version; nobody needs it");
}

// Whoever reads the report sees what was left out, and why.
void Judge::not_deep() {
  const bool reached =
      std::ranges::any_of(views_, [](const View& one) { return one.server != nullptr && one.server->connected; });
  if (options_.deep || !reached) return;
  no_deep(target_.domain.text(), "needs further connections, which were not asked for",
          "--deep makes them, of domains of yours; on the page, whoever proves control of the domain asks for them");
}

void Judge::no_deep(const std::string& subject, const std::string& why, const std::string& fix) {
  const bool dane = std::ranges::any_of(target_.hosts, has_dane);
  for (const Check& one : server_checks()) {
    if (one.deep && (dane || one.id != "dane.every_certificate")) add(one.id, Outcome::not_tested, subject, why, fix);
  }
}

std::vector<Finding> Judge::run() {
  for (const MailHost& host : target_.hosts) {
    for (const View* const at : of(host)) {
      const View& view = *at;
      reach(view);
      if (view.server == nullptr || !view.server->connected) continue;
      banner(view);
      banner_name(view);
      delay(view);
      hello(view);
      extensions(view);
      starttls(view);
      tls(view);
      ocsp(view);
      early_data(view);
      certificate(view);
      dane(view);
      deep(view);
    }
    reach_host(host);
    one_certificate(host);
    dane_host(host);
    sts_and_dane(host);
    parity(host);
  }
  shared_key();
  not_deep();
  return std::move(findings_);
}

}  // namespace judging

std::vector<Finding> judge_servers(const Target& target, const Options& options) {
  return judging::Judge(target, options).run();
}

}  // namespace postern::check
