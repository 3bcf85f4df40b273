#include "outbound/published_tls.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "dane/dane.h"

namespace postern::outbound {

namespace {

constexpr std::size_t kFileMax = 64 << 20;
// Opportunistic TLS encrypts with what there is: old keys and small groups are better than none.
constexpr const char* kLooseCiphers = "DEFAULT:@SECLEVEL=0";

io::TlsExpect::Tlsa expected(const dns::Tlsa& record) {
  return {.usage = record.usage, .selector = record.selector, .matching = record.matching, .data = record.data};
}

json::Value text(std::string_view value) { return json::Value(std::string(value)); }

std::string day_of(WallMs time) { return iso8601(time).substr(0, 10); }

void read_lines(const std::string& path, const std::function<std::size_t(std::string_view)>& load) {
  const auto content = read_file(path, kFileMax);
  if (!content) {
    if (content.error().kind != ErrorKind::not_found) log::warning("tls_state", {{"problem", content.error().what}});
    return;
  }
  if (const std::size_t bad = load(*content); bad > 0)
    log::warning("tls_state", {{"problem", "lines that cannot be read"}, {"file", path}, {"lines", bad}});
}

}  // namespace

struct PublishedTls::Domain final : DomainTls {
  TlsDestination destination;
  std::optional<mtasts::Policy> policy;     // STS
  std::optional<tlsrpt::PolicyResult> sts;  // the same for reports
  bool sts_unknown = false;                 // one is announced, and could not be had; or DNS did not say
  bool sts_late = false;                    // one is announced, and its fetch is not over
  std::map<dns::Name, tlsrpt::PolicyResult> tlsa_of;
  [[nodiscard]] tlsrpt::PolicyResult none() const {
    return {.type = "no-policy-found", .strings = {}, .domain = destination.domain.text(), .mx = {}, .details = {}};
  }
};

Result<std::unique_ptr<PublishedTls>> PublishedTls::make(io::Loop& loop, io::BlockingPool& pool,
                                                         dns::Resolver& resolver, TlsOptions options, Places places) {
  std::unique_ptr<PublishedTls> made(new PublishedTls(loop, pool, resolver, std::move(options), std::move(places)));
  io::TlsClientOptions client;
  client.ca_file = made->options_.ca_file;
  POSTERN_TRY(made->strict_, io::TlsClientContext::make(client));
  client.ciphers = kLooseCiphers;
  POSTERN_TRY(made->loose_, io::TlsClientContext::make(client));
  return made;
}

PublishedTls::PublishedTls(io::Loop& loop, io::BlockingPool& pool, dns::Resolver& resolver, TlsOptions options,
                           Places places)
    : options_(std::move(options)),
      places_(std::move(places)),
      resolver_(resolver),
      sts_(loop, pool, resolver,
           {.file = TlsFiles::policies(places_.data_dir),
            .ca_file = options_.ca_file,
            .port = options_.https_port,
            .fetch = places_.fetch,
            .now = places_.now}),
      memory_({.broken = options_.remember_broken_ms, .verified = options_.remember_verified_ms}),
      memory_file_(loop, pool, TlsFiles::memory(places_.data_dir), [this] { return memory_.text(); }),
      reports_file_(loop, pool, TlsFiles::reports(places_.data_dir), [this] { return reports_.text(); }) {}

PublishedTls::~PublishedTls() = default;

void PublishedTls::load() {
  sts_.load();
  read_lines(memory_file_.path(), [this](std::string_view lines) { return memory_.load(lines); });
  read_lines(reports_file_.path(), [this](std::string_view lines) { return reports_.load(lines); });
  memory_.expire(places_.now());
}

Task<void> PublishedTls::stop() {
  co_await sts_.stop();
  co_await memory_file_.stop();
  co_await reports_file_.stop();
}

Task<std::shared_ptr<DomainTls>> PublishedTls::destination(TlsDestination destination, dns::Budget& budget) {
  auto out = std::make_shared<Domain>();
  out->destination = std::move(destination);
  const TlsDestination& to = out->destination;
  if (!options_.mta_sts || to.by_operator || to.tls_optional || to.domain.is_root()) co_return out;
  StsFound found = co_await sts_.find(to.domain, budget);
  tlsrpt::PolicyResult policy{.type = "sts", .strings = {}, .domain = to.domain.text(), .mx = {}, .details = {}};
  out->sts_unknown = found.unknown;
  out->sts_late = found.late;
  if (!found.failure.empty()) {
    if (found.policy) policy.strings = mtasts::policy_lines(*found.policy);
    count_failure(policy, {.type = found.failure, .reason = found.why});
    out->sts_unknown = !found.policy;
  }
  if (!found.policy) co_return out;
  policy.strings = mtasts::policy_lines(*found.policy);
  policy.mx = found.policy->mx;
  out->sts = std::move(policy);
  out->policy = std::move(found.policy);
  co_return out;
}

TlsPlan PublishedTls::opportunistic(const dns::Name& host) const {
  TlsPlan plan;
  plan.expect = io::TlsExpect(host.text());
  plan.context = loose_;
  plan.strict = strict_;
  return plan;
}

Task<std::optional<TlsPlan>> PublishedTls::dane_plan(std::shared_ptr<Domain> domain, dns::Name host,
                                                     bool addresses_secure, dns::Budget& budget) {
  const TlsDestination& to = domain->destination;
  // RFC 7672 2.2.1: with MX records that were not validated, DANE proves nothing about the domain.
  if (!options_.dane || (!to.mx_secure && !to.by_operator)) co_return std::nullopt;
  const dane::Question question{.host = host, .port = to.port, .addresses_secure = addresses_secure};
  dane::Decision decision = co_await dane::discover(question, resolver_, budget);
  if (decision.need == dane::Need::nothing) co_return std::nullopt;
  tlsrpt::PolicyResult policy{.type = "tlsa", .strings = {}, .domain = to.domain.text(), .mx = {}, .details = {}};
  for (const dns::Tlsa& record : decision.all) {
    if (policy.strings.size() < 20) policy.strings.push_back(dane::presentation(record));
  }
  TlsPlan plan = opportunistic(host);
  plan.kind = TlsPlan::Kind::dane;
  plan.tls_needed = true;
  plan.demand = host.text() + " publishes TLSA records (DANE)";
  if (decision.need == dane::Need::refuse) {
    plan.finding = TlsPlan::Finding{.type = "dnssec-invalid", .reason = decision.why};
    plan.refusal = smtp::Reply(451, {4, 7, 5}, host.text() + " is not used while its " + decision.why);
  }
  for (const dns::Tlsa& record : decision.records) {
    if (io::tls_can_use(expected(record))) plan.expect.tlsa.push_back(expected(record));
  }
  // RFC 7672 2.2: records that cannot be used ask for TLS, and for no proof.
  if (plan.expect.tlsa.empty()) {
    if (!plan.refusal) plan.finding = TlsPlan::Finding{.type = "tlsa-invalid", .reason = "no usable TLSA record"};
  } else {
    plan.expect.name = decision.base.text();
    plan.expect.proof = io::TlsExpect::Proof::dane;
    plan.expect.names =
        to.by_operator ? std::vector<std::string>{} : dane::reference_names(to.domain, to.canonical, decision.base);
    plan.context = strict_;
  }
  domain->tlsa_of.insert_or_assign(host, std::move(policy));
  co_return plan;
}

std::optional<TlsPlan> PublishedTls::sts_plan(const Domain& domain, const dns::Name& host) {
  if (!domain.policy) return std::nullopt;
  const bool allowed = mtasts::allows(*domain.policy, host);
  const bool enforced = domain.policy->mode == mtasts::Mode::enforce;
  TlsPlan plan = opportunistic(host);
  if (!allowed)
    plan.finding = TlsPlan::Finding{.type = "validation-failure", .reason = "the MX host is not in the policy"};
  plan.kind = enforced ? TlsPlan::Kind::sts_enforce : TlsPlan::Kind::sts_testing;
  if (!enforced) return plan;  // RFC 8461 5: delivers as if there were no policy, and reports
  plan.tls_needed = true;
  plan.demand = domain.destination.domain.text() + " has an MTA-STS policy (mode enforce)";
  plan.expect.proof = io::TlsExpect::Proof::pkix;
  plan.context = strict_;
  if (!allowed) {
    // RFC 8461 5: for now; the policy may be mended
    plan.refusal = smtp::Reply(451, {4, 7, 5},
                               host.text() + " is an MX host that the MTA-STS policy of " +
                                   domain.destination.domain.text() + " does not name");
  }
  return plan;
}

// RFC 8689 4.2.1
TlsPlan PublishedTls::required_plan(const Domain& domain, const dns::Name& host) const {
  TlsPlan plan = opportunistic(host);
  plan.kind = TlsPlan::Kind::required;
  plan.tls_needed = true;
  plan.demand = "the message demands TLS with a proof (REQUIRETLS)";
  plan.expect.proof = io::TlsExpect::Proof::pkix;
  plan.context = strict_;
  const TlsDestination& to = domain.destination;
  // RFC 5321 4.1.3: an address literal is the host; no look-up that could be forged leads there
  const bool host_is_certain =
      to.mx_secure || to.by_operator || to.domain.is_root() || (domain.policy && mtasts::allows(*domain.policy, host));
  if (!host_is_certain && domain.sts_unknown) {
    plan.refusal = smtp::Reply(451, {4, 7, 5},
                               "the MTA-STS policy of " + to.domain.text() +
                                   " cannot be had at present, and the message demands TLS with a proof (REQUIRETLS)");
  } else if (!host_is_certain) {
    plan.refusal = smtp::Reply(550, {5, 7, 10},
                               "nothing proves that " + host.text() + " takes mail for " + to.domain.text() +
                                   " (DNSSEC or MTA-STS), and the message demands TLS with a proof (REQUIRETLS)");
  }
  return plan;
}

Task<TlsPlan> PublishedTls::plan(std::shared_ptr<DomainTls> destination, dns::Name host, bool addresses_secure,
                                 dns::Budget& budget) {
  const auto domain = std::static_pointer_cast<Domain>(destination);
  const TlsDestination& to = domain->destination;
  if (to.tls_optional) co_return opportunistic(host);
  auto dane = co_await dane_plan(domain, host, addresses_secure, budget);
  // TLS without a proof is not enough for REQUIRETLS
  const bool proves = dane && (dane->refusal || dane->expect.proof == io::TlsExpect::Proof::dane);
  if (proves) co_return std::move(*dane);
  if (domain->sts_late) {
    // Mail could go in clear to where its domain's owner does not want it
    TlsPlan plan = opportunistic(host);
    plan.tls_needed = true;
    plan.refusal = smtp::Reply(451, {4, 7, 5}, "the MTA-STS policy of " + to.domain.text() + " is still being fetched");
    co_return plan;
  }
  auto sts = sts_plan(*domain, host);
  // Records that cannot be used prove nothing, and do not set a policy aside that does
  if (sts && sts->kind == TlsPlan::Kind::sts_enforce) co_return std::move(*sts);
  if (dane && !to.require_tls) co_return std::move(*dane);
  if (to.require_tls) co_return required_plan(*domain, host);
  if (sts) co_return std::move(*sts);
  TlsPlan plan = opportunistic(host);
  if (const VerifiedTls* const known = memory_.remembered(to.domain, places_.now())) {
    plan.kind = TlsPlan::Kind::remembered;
    plan.tls_needed = true;
    plan.demand = to.domain.text() + " had TLS that verifies (" + known->how + ") until " + day_of(known->last) +
                  ", and mail in clear would be a downgrade. It is asked again until " +
                  day_of(memory_.remembered_until(*known)) + "; if its owner gave TLS up: postern tls forget " +
                  to.domain.text();
  }
  co_return plan;
}

std::optional<std::string> PublishedTls::starttls_breaks(const dns::Name& host, const ip::Address& address) {
  const BrokenTls* const broken = memory_.breaks(host, address, places_.now());
  if (broken == nullptr) return std::nullopt;
  return broken->reason;
}

void PublishedTls::tried(const DomainTls& destination, const TlsPlan& plan, const TlsAttempt& attempt) {
  const auto& domain = static_cast<const Domain&>(destination);
  const WallMs now = places_.now();
  // What we ended ourselves says nothing of the host.
  if (attempt.failure == "cancelled") return;
  // A session in clear for what is remembered is a failure like the one that is remembered, and tells nothing new
  if (plan.refusal || attempt.avoided) return count(domain, plan, attempt);
  const ip::Address& address = attempt.endpoint.address;
  bool changed = false;
  if (attempt.established) {
    changed = memory_.worked(attempt.host, address);
    const bool verified = attempt.facts != nullptr && attempt.facts->verified;
    if (verified && !domain.destination.domain.is_root())
      changed = memory_.verified(domain.destination.domain, attempt.facts->proof, now) || changed;
  } else if (attempt.offered && plan.expect.proof == io::TlsExpect::Proof::none && !plan.tls_needed) {
    changed = memory_.broke(attempt.host, address, attempt.failure, now);
    log::info("starttls_broken", {{"host", attempt.host.text()},
                                  {"address", address.text()},
                                  {"why", attempt.failure},
                                  {"for", human_duration(options_.remember_broken_ms)}});
  }
  if (changed) memory_file_.changed();
  count(domain, plan, attempt);
}

// RFC 8460 4.3: once a connection, under the policy that applied to it.
void PublishedTls::count(const Domain& domain, const TlsPlan& plan, const TlsAttempt& attempt) {
  // RFC 8460 3: reports themselves, and messages that need no TLS, say nothing of the policy.
  const TlsDestination& to = domain.destination;
  if (!places_.count_for_reports || to.tls_optional || to.by_operator) return;
  if (to.domain.is_root()) return;  // an address literal, whose owner cannot ask for reports
  tlsrpt::PolicyResult policy = domain.none();
  if (plan.kind == TlsPlan::Kind::dane) {
    const auto found = domain.tlsa_of.find(attempt.host);
    if (found == domain.tlsa_of.end()) return;
    policy = found->second;
  } else if (domain.sts) {
    policy = *domain.sts;
  }
  const bool by_sts = plan.kind == TlsPlan::Kind::sts_enforce || plan.kind == TlsPlan::Kind::sts_testing;
  const bool verified = attempt.facts != nullptr && attempt.facts->verified;
  const bool worked = attempt.established && (!by_sts || verified);
  // A refusal for another reason is no finding about TLS
  if (plan.refusal && !plan.finding) return;
  if (worked && !plan.finding) {
    reports_.success(policy, places_.now());
    return reports_file_.changed();
  }
  tlsrpt::Failure failure{.type = "validation-failure",
                          .sending_ip = attempt.local ? attempt.local->text() : std::string(),
                          .receiving_host = attempt.host.text(),
                          .receiving_helo = {},
                          .receiving_ip = plan.refusal ? std::string() : attempt.endpoint.address.text(),
                          .information = {},
                          .reason = attempt.why.empty() ? attempt.failure : attempt.why};
  if (plan.finding && (worked || plan.refusal)) {
    failure.type = plan.finding->type;
    failure.reason = plan.finding->reason;
  } else if (!attempt.offered)
    failure.type = "starttls-not-supported";
  else if (attempt.avoided)
    failure.reason = attempt.why;
  else if (attempt.failure.starts_with("certificate-"))
    failure.type = attempt.failure;
  else if (attempt.failure == "timeout" || attempt.failure == "reset")
    return;  // 4.3.4: not of TLS
  else if (attempt.established)
    failure.reason = attempt.facts != nullptr ? attempt.facts->verify_error : std::string();
  failure.reason = printable(failure.reason, 200);
  count_failure(policy, std::move(failure));
}

void PublishedTls::count_failure(const tlsrpt::PolicyResult& policy, tlsrpt::Failure failure) {
  if (!places_.count_for_reports) return;
  reports_.failure(policy, failure, places_.now());
  reports_file_.changed();
}

json::Value list_tls(const std::vector<StsEntry>& policies, const TlsMemory& memory, WallMs now) {
  using json::Value;
  Value::Array sts;
  for (const StsEntry& entry : policies) {
    if (entry.expires() <= now) continue;
    Value::Array mx;
    for (const std::string& pattern : entry.policy.mx) mx.push_back(text(pattern));
    sts.emplace_back(Value::Object{{"domain", text(entry.domain.text())},
                                   {"mode", text(mtasts::to_string(entry.policy.mode))},
                                   {"id", text(entry.id)},
                                   {"mx", Value(std::move(mx))},
                                   {"fetched_ms", Value(entry.fetched)},
                                   {"expires_ms", Value(entry.expires())}});
  }
  Value::Array verified;
  for (const VerifiedTls& entry : memory.verified_list(now)) {
    verified.emplace_back(Value::Object{{"domain", text(entry.domain.text())},
                                        {"how", text(entry.how)},
                                        {"first_ms", Value(entry.first)},
                                        {"last_ms", Value(entry.last)},
                                        {"until_ms", Value(memory.remembered_until(entry))}});
  }
  Value::Array broken;
  for (const BrokenTls& entry : memory.broken_list(now)) {
    broken.emplace_back(Value::Object{{"host", text(entry.host.text())},
                                      {"address", text(entry.address.text())},
                                      {"reason", text(entry.reason)},
                                      {"since_ms", Value(entry.since)},
                                      {"until_ms", Value(entry.until)}});
  }
  return Value(Value::Object{{"policies", Value(std::move(sts))},
                             {"verified", Value(std::move(verified))},
                             {"broken", Value(std::move(broken))}});
}

json::Value PublishedTls::list() const { return list_tls(sts_.list(), memory_, places_.now()); }

std::size_t PublishedTls::forget(const dns::Name& name) {
  const std::size_t remembered = memory_.forget(name);
  if (remembered > 0) memory_file_.changed();
  return remembered + (sts_.forget(name) ? 1 : 0);
}

}  // namespace postern::outbound
