#include "cli/check_self.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "check/context.h"
#include "cli/key_text.h"
#include "crypto/digest.h"
#include "dane/dane.h"
#include "io/sockaddr.h"
#include "io/tls.h"
#include "mtasts/mtasts.h"
#include "spf/evaluate.h"

namespace postern::cli {

namespace {

using check::Outcome;
using check::Report;
using dns::Type;

constexpr std::uint32_t kLookupsMax = 1000;
constexpr std::size_t kCertificateMax = std::size_t{1} << 20;
constexpr WallMs kFortnightMs = WallMs{14} * 24 * 3600 * 1000;

class SelfJudge {
 public:
  SelfJudge(const SelfFacts& self, const check::Options& options, dns::Resolver& resolver, Report& report)
      : self_(self),
        options_(options),
        resolver_(resolver),
        report_(report),
        budget_(kLookupsMax),
        domain_(*dns::Name::parse(report.domain)),
        host_(dns::Name::from_unicode(self.hostname).value_or(dns::Name())) {}

  Task<void> run() {
    co_await judge_mx();
    co_await judge_host();
    co_await judge_sources();
    co_await judge_keys();
    judge_certificates();
    judge_served();
    co_await judge_tlsa();
    judge_sts();
  }

 private:
  void add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix = {},
           std::string record = {}) {
    report_.findings.push_back(
        {id, outcome, std::move(subject), std::move(evidence), std::move(fix), std::move(record)});
  }
  Task<dns::AnswerPtr> ask(dns::Name name, Type type) { return resolver_.query(std::move(name), type, budget_); }
  [[nodiscard]] bool is_ours(const ip::Address& address) const {
    return std::ranges::find(self_.listen, address) != self_.listen.end();
  }

  Task<void> judge_mx();
  Task<void> judge_host();
  Task<void> judge_sources();
  Task<void> judge_name_of(ip::Address address);
  Task<void> judge_keys();
  void judge_certificates();
  void judge_served();
  Task<void> judge_tlsa();
  void judge_sts();

  const SelfFacts& self_;
  const check::Options& options_;
  dns::Resolver& resolver_;
  Report& report_;
  dns::Budget budget_;
  dns::Name domain_, host_;
};

Task<void> SelfJudge::judge_mx() {
  const auto mx = co_await ask(domain_, Type::mx);
  const std::string evidence = check::describe(domain_, Type::mx, *mx);
  const std::string record = check::zone_record(domain_, "MX", "10 " + printable(host_.text()) + ".");
  if (is_temporary(mx->status)) co_return add("mx.self", Outcome::not_tested, report_.domain, evidence);
  for (const dns::Mx& one : mx->mx) {
    if (one.host == host_) co_return add("mx.self", Outcome::pass, report_.domain, evidence);
    for (const Type type : {Type::aaaa, Type::a}) {
      const auto found = co_await ask(one.host, type);
      if (std::ranges::any_of(found->addresses, [&](const auto& address) { return is_ours(address); })) {
        co_return add("mx.self", Outcome::pass, report_.domain,
                      evidence + "; " + check::describe(one.host, type, *found));
      }
    }
  }
  add("mx.self", Outcome::fail, report_.domain, evidence + ": none leads to " + printable(host_.text()),
      "point an MX record here", record);
}

Task<void> SelfJudge::judge_host() {
  const std::string subject = printable(host_.text());
  const auto six = co_await ask(host_, Type::aaaa);
  const auto four = co_await ask(host_, Type::a);
  const std::string evidence = check::describe(host_, Type::aaaa, *six) + "; " + check::describe(host_, Type::a, *four);
  if (six->addresses.empty() && four->addresses.empty()) {
    if (is_temporary(six->status) || is_temporary(four->status))
      co_return add("mx.self_address", Outcome::not_tested, subject, evidence);
    const bool v6 = !self_.listen.empty() && self_.listen.front().is_v6();
    co_return add("mx.self_address", Outcome::fail, subject, evidence, "publish our addresses",
                  check::zone_record(host_, v6 || self_.listen.empty() ? "AAAA" : "A",
                                     self_.listen.empty() ? "ADDRESS" : self_.listen.front().text()));
  }
  for (const ip::Address& address : self_.listen) {
    const auto& published = address.is_v6() ? six->addresses : four->addresses;
    if (!published.empty()) continue;
    co_return add("mx.self_address", Outcome::warn, subject, evidence + "; we have " + address.text(),
                  "publish the other family, too",
                  check::zone_record(host_, address.is_v6() ? "AAAA" : "A", address.text()));
  }
  for (const auto& answer : {six, four}) {
    for (const ip::Address& address : answer->addresses) {
      if (self_.listen.empty() || is_ours(address)) continue;
      co_return add("mx.self_address", Outcome::warn, subject, address.text() + " is no address that we listen on",
                    "take the record away, or forward port 25 of that address to us");
    }
  }
  add("mx.self_address", Outcome::pass, subject, evidence);
}

Task<void> SelfJudge::judge_name_of(ip::Address address) {
  const auto reverse = dns::Name::parse(address.reverse_name());
  const auto ptr = co_await ask(*reverse, Type::ptr);
  const std::string record = address.reverse_name() + ". IN PTR " + printable(host_.text()) + ".";
  std::string evidence = check::describe(*reverse, Type::ptr, *ptr);
  if (is_temporary(ptr->status)) co_return add("reverse.self", Outcome::not_tested, address.text(), evidence);
  const Type type = address.is_v6() ? Type::aaaa : Type::a;
  bool confirmed = false;
  for (const dns::Name& name : ptr->names) {
    const auto forward = co_await ask(name, type);
    const bool back = std::ranges::find(forward->addresses, address) != forward->addresses.end();
    evidence += "; " + check::describe(name, type, *forward);
    confirmed = confirmed || back;
    if (back && name == host_) co_return add("reverse.self", Outcome::pass, address.text(), evidence);
  }
  add("reverse.self", confirmed ? Outcome::warn : Outcome::fail, address.text(), evidence,
      confirmed ? "EHLO says " + printable(host_.text()) + ": name the address so, or set hostname to the PTR name"
                : "have whoever owns the network publish the name; large receivers refuse IPv6 without one",
      record);
}

Task<void> SelfJudge::judge_sources() {
  if (self_.sources.empty()) {
    add("reverse.self", Outcome::not_tested, report_.domain,
        "no global address is known here; set source in [outbound]");
    co_return;
  }
  // Of all addresses that are not authorised one record: a name has one
  std::string record, terms;
  std::vector<std::size_t> refused;
  for (const ip::Address& address : self_.sources) {
    co_await judge_name_of(address);
    const auto result = co_await spf::check({.client = address,
                                             .identity = spf::Identity::mail_from,
                                             .mail_from = "postmaster@" + domain_.text(),
                                             .helo = host_.text(),
                                             .receiver = host_.text(),
                                             .now = options_.now},
                                            resolver_, budget_);
    const std::string evidence = "SPF of " + domain_.text() + " for " + address.text() + ": " +
                                 std::string(to_string(result.outcome)) +
                                 (result.mechanism.empty() ? "" : " (" + result.mechanism + ")") +
                                 (result.problem.empty() ? "" : ": " + result.problem);
    if (result.outcome == spf::Outcome::pass) {
      add("spf.self", Outcome::pass, address.text(), evidence);
    } else if (result.outcome == spf::Outcome::temperror) {
      add("spf.self", Outcome::not_tested, address.text(), evidence);
    } else {
      terms += (address.is_v6() ? " ip6:" : " ip4:") + address.text();
      record = result.record.empty() ? "v=spf1 -all" : result.record;
      refused.push_back(report_.findings.size());
      add("spf.self", Outcome::fail, address.text(), evidence, "authorise the address");
    }
  }
  record.insert(std::min(record.find(' '), record.size()), terms);
  for (const std::size_t at : refused) report_.findings.at(at).record = check::zone_text(domain_, record);
}

Task<void> SelfJudge::judge_keys() {
  bool any = false;
  for (const dkim::SigningKey& key : self_.keys) {
    const auto of = dns::Name::from_unicode(key.domain);
    if (!of || !domain_.is_within(*of)) continue;
    any = true;
    const auto name = dns::Name::from_unicode(key_name(key.selector, key.domain));
    if (!name) continue;
    const auto answer = co_await ask(*name, Type::txt);
    const std::string problem = published_key_problem(key.key, *answer);
    const Outcome outcome = problem.empty()                ? Outcome::pass
                            : is_temporary(answer->status) ? Outcome::not_tested
                                                           : Outcome::fail;
    add("dkim.self", outcome, printable(name->text()), problem.empty() ? "the key we sign with" : problem,
        problem.empty() ? "" : "publish the key we sign with",
        problem.empty() ? "" : check::zone_text(*name, key_record(key.key)));
  }
  if (!any) {
    add("dkim.self", Outcome::fail, report_.domain, "no [[dkim]] key signs for the domain",
        "make one: postern keygen dkim --domain " + report_.domain);
  }
}

bool covers(const std::string& pattern, const dns::Name& host) {
  if (!pattern.starts_with("*.")) return pattern == host.text();
  const std::size_t dot = host.text().find('.');
  return dot != std::string::npos && host.text().substr(dot) == pattern.substr(1);
}

void SelfJudge::judge_certificates() {
  const std::string subject = printable(host_.text());
  std::vector<std::string> words;
  for (const SelfCertificate& one : self_.certificates) {
    words.push_back(one.file + ": " + (one.problem.empty() ? check::join(one.names) : one.problem));
    if (!std::ranges::any_of(one.names, [&](const std::string& name) { return covers(name, host_); })) continue;
    const std::string until =
        one.file + ": " + check::join(one.names) + ", until " + iso8601(one.not_after).substr(0, 10);
    if (one.not_after <= options_.now)
      return add("tls.self", Outcome::fail, subject, until + ": it has ended", "renew the certificate");
    if (one.not_after - options_.now < kFortnightMs)
      return add("tls.self", Outcome::warn, subject, until, "see whether the renewal still works");
    return add("tls.self", Outcome::pass, subject, until);
  }
  add("tls.self", Outcome::fail, subject, words.empty() ? "no certificate is configured" : check::join(words, "; "),
      "get a certificate that has " + subject + " among its names, and name it in [tls]");
}

// What the world sees: the run before connected to the MX hosts' addresses, and its findings have the fingerprints.
void SelfJudge::judge_served() {
  static constexpr std::string_view kWord = "SHA-256 ";
  bool any = false;
  for (const ip::Address& address : self_.listen) {
    const std::string place = "[" + address.text() + "]";
    const auto seen = std::ranges::find_if(report_.findings, [&](const check::Finding& finding) {
      return finding.id == "tls.certificate" && finding.subject.ends_with(place) &&
             finding.evidence.find(kWord) != std::string::npos;
    });
    if (seen == report_.findings.end()) continue;
    any = true;
    const std::string served = seen->evidence.substr(seen->evidence.rfind(kWord) + kWord.size(), 64);
    const auto ours = std::ranges::find(self_.certificates, served, &SelfCertificate::fingerprint);
    if (ours != self_.certificates.end()) {
      add("tls.self_served", Outcome::pass, address.text(), ours->file + " is served");
      continue;
    }
    std::string evidence = "served is " + served.substr(0, 16);
    for (const SelfCertificate& one : self_.certificates)
      evidence += "; " + one.file + " is " + (one.fingerprint.empty() ? one.problem : one.fingerprint.substr(0, 16));
    add("tls.self_served", Outcome::fail, address.text(), evidence,
        "reload the server, which still has another certificate; or see who else answers at that address");
  }
  if (!any)
    add("tls.self_served", Outcome::not_tested, report_.domain,
        "no address of ours that an MX record leads to was reached with TLS: is the server running?");
}

Task<void> SelfJudge::judge_tlsa() {
  const auto name = host_.below("_25._tcp");
  if (!name) co_return;
  const auto answer = co_await ask(*name, Type::tlsa);
  const std::string subject = printable(name->text());
  const std::string evidence = check::describe(*name, Type::tlsa, *answer);
  // RFC 7671 8.1: senders get one of the certificates, and each must match
  std::string record, missing;
  bool any = false;
  for (const SelfCertificate& one : self_.certificates) {
    if (one.key_digest.empty()) continue;
    any = true;
    const dns::Tlsa ours{3, 1, 1, one.key_digest};
    if (std::ranges::find(answer->tlsa, ours) != answer->tlsa.end()) continue;
    missing += (missing.empty() ? "" : ", ") + one.file;
    record += (record.empty() ? "" : "\n") + check::zone_record(*name, "TLSA", dane::presentation(ours));
  }
  const bool others = std::ranges::any_of(answer->tlsa, [](const dns::Tlsa& found) {
    return found.usage != 3 || found.selector != 1 || found.matching != 1;
  });
  if (is_temporary(answer->status)) co_return add("dane.self", Outcome::not_tested, subject, evidence);
  if (answer->tlsa.empty())
    co_return add("dane.self", Outcome::info, subject, evidence, "publish it where the zone is signed", record);
  if (any && missing.empty()) co_return add("dane.self", Outcome::pass, subject, evidence);
  if (others)
    co_return add("dane.self", Outcome::not_tested, subject, evidence + ": the check of the server compares these", "",
                  record);
  add("dane.self", Outcome::fail, subject, evidence + ": no record has the key of " + missing,
      "publish this before the key is used: senders refuse a certificate that no record has", record);
}

// The policy was fetched by the run before: its finding has the lines.
void SelfJudge::judge_sts() {
  const auto policy = std::ranges::find_if(report_.findings, [](const check::Finding& finding) {
    return finding.id == "mta_sts.policy" && finding.outcome == Outcome::pass;
  });
  if (policy == report_.findings.end()) return;
  std::string text = policy->evidence;
  for (std::size_t at = text.find("; "); at != std::string::npos; at = text.find("; ", at + 1))
    text.replace(at, 2, "\n");
  const auto parsed = mtasts::parse_policy(text);
  if (!parsed) return;
  const bool allowed = mtasts::allows(*parsed, host_);
  const bool enforced = parsed->mode == mtasts::Mode::enforce;
  add("mta_sts.self",
      allowed    ? Outcome::pass
      : enforced ? Outcome::fail
                 : Outcome::warn,
      printable(host_.text()), policy->evidence,
      allowed ? "" : "add a line to the policy, and change the record's id: mx: " + printable(host_.text()));
}

// SHA-256 of the first certificate in a PEM file, hex; empty where there is none.
std::string fingerprint_of(const std::string& file) {
  static constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END";
  const auto text = read_file(file, kCertificateMax);
  if (!text) return {};
  const std::size_t begin = text->find(kBegin);
  const std::size_t end = begin == std::string::npos ? begin : text->find(kEnd, begin + kBegin.size());
  if (end == std::string::npos) return {};
  std::string lines = text->substr(begin + kBegin.size(), end - begin - kBegin.size());
  std::erase_if(lines, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  const auto der = from_base64(lines);
  return der ? to_hex(crypto::view_of(crypto::Sha256::of(*der))) : std::string();
}

std::vector<ip::Address> global_ones(const std::vector<ip::Address>& all) {
  std::vector<ip::Address> out;
  std::ranges::copy_if(all, std::back_inserter(out), [](const ip::Address& address) { return address.is_global(); });
  return out;
}

}  // namespace

SelfFacts self_facts(const config::Config& config) {
  SelfFacts out;
  out.hostname = config.hostname;
  for (const auto& domain : config.domains) out.domains.push_back(domain.name);
  const auto interfaces = global_ones(io::interface_addresses());
  for (const auto& listener : config.inbound.listeners) {
    if (listener.role != "mx") continue;
    for (const ip::Endpoint& endpoint : listener.addresses) {
      if (!endpoint.address.is_any()) {
        out.listen.push_back(endpoint.address);
        continue;
      }
      for (const ip::Address& address : interfaces) {
        if (address.family() == endpoint.address.family()) out.listen.push_back(address);
      }
    }
  }
  out.listen = global_ones(out.listen);
  for (const ip::Family family : {ip::Family::v6, ip::Family::v4}) {
    bool named = false;
    for (const ip::Address& source : config.outbound.source) {
      if (source.family() != family) continue;
      named = true;
      out.sources.push_back(source);
    }
    if (named) continue;
    std::ranges::copy_if(interfaces, std::back_inserter(out.sources),
                         [family](const ip::Address& a) { return a.family() == family; });
  }
  if (config.inbound.signing != nullptr) out.keys = config.inbound.signing->all();
  std::vector<std::string> files;
  for (const io::TlsCertificate& one : config.tls.certificates) files.push_back(one.certificate);
  if (files.empty()) files.push_back(config.self_signed_certificate());
  for (const std::string& file : files) {
    SelfCertificate one{
        .file = file, .names = {}, .key_digest = {}, .fingerprint = fingerprint_of(file), .problem = {}};
    if (auto summary = io::certificate_summary(file)) {
      one.names = std::move(summary->names);
      one.not_after = summary->not_after;
      one.key_digest = io::certificate_key_digest(file).value_or(std::string());
    } else {
      one.problem = summary.error().what;
    }
    out.certificates.push_back(std::move(one));
  }
  return out;
}

Task<void> judge_self(const SelfFacts& self, const check::Options& options, dns::Resolver& resolver,
                      check::Report& report) {
  SelfJudge judge(self, options, resolver, report);
  co_await judge.run();
  sort_by_catalogue(report);
}

}  // namespace postern::cli
