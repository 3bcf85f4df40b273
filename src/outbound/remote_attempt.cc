#include "outbound/remote_attempt.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "outbound/client_auth.h"
#include "outbound/replies.h"

namespace postern::outbound {

namespace {

using State = smtp::ClientMachine::State;

constexpr seconds kRoutingTime{60};

std::string_view family_name(ip::Family family) { return family == ip::Family::v6 ? "IPv6" : "IPv4"; }

// Takes the stream off the breaker before it goes.
class Watch {
 public:
  Watch(io::Breaker& breaker, io::Stream& stream) : breaker_(breaker) { breaker_.watch(&stream); }
  ~Watch() { breaker_.watch(nullptr); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  io::Breaker& breaker_;
};

bool allows(const std::vector<ip::Family>& families, ip::Family family) {
  return families.empty() || std::ranges::find(families, family) != families.end();
}

}  // namespace

RemoteAttempt::RemoteAttempt(Shared& shared, std::shared_ptr<const Options> options, delivery::RemoteHop hop,
                             const delivery::Attempt& attempt, delivery::AttemptNote& note, io::Breaker& breaker)
    : shared_(shared),
      options_(std::move(options)),
      hop_(std::move(hop)),
      attempt_(attempt),
      note_(note),
      breaker_(breaker),
      results_(attempt.recipients.size()),
      blamed_(attempt.recipients.size()) {
  if (!hop_.endpoint) route_ = find_route(*options_, hop_.domain);
  key_ = hop_.destination;
  key_ += ' ' + std::to_string(shared_.pool.generation());
  if (attempt.envelope->require_tls) key_ += " requiretls";
  if (attempt.envelope->tls_optional) key_ += " tls-optional";
}

Task<delivery::Results> RemoteAttempt::run() {
  if (const auto problem = check_body()) co_return delivery::Results(results_.size(), *problem);
  while (!pending().empty() && !breaker_.cancelled()) {
    auto connection = co_await open();
    if (!connection) break;
    co_await use(std::move(*connection));
  }
  settle_rest();
  delivery::Results out;
  out.reserve(results_.size());
  for (std::optional<smtp::Reply>& reply : results_) out.push_back(std::move(*reply));
  co_return out;
}

std::string RemoteAttempt::where(const Candidate& candidate) const {
  const std::string& name = hosts_[candidate.host].name.text();
  const std::string endpoint = ip::Endpoint{candidate.address, port_}.text();
  return name.empty() ? endpoint : name + " " + endpoint;
}

// Of several reasons the most telling one stays: what a server said for now, then that nobody was reached, then what
// was refused for good.
void RemoteAttempt::no_connection(smtp::Reply reply, bool said) {
  const int rank = reply.permanent() ? 0 : said ? 2 : 1;
  if (rank < failure_rank_) return;
  failure_rank_ = rank;
  failure_ = std::move(reply);
}

Task<std::optional<Connection>> RemoteAttempt::open() {
  if (may_reuse_) {
    if (auto idle = shared_.pool.take(key_)) co_return idle;
  }
  if (!std::exchange(looked_up_, true)) co_await find_hosts();
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    while (!breaker_.cancelled()) {
      std::vector<std::size_t> runners;
      std::vector<Contestant> contestants;
      for (std::size_t i = 0; i < levels_[level].size(); ++i) {
        const Candidate& candidate = levels_[level][i];
        if (candidate.done || (only_ && candidate.address.family() != *only_)) continue;
        runners.push_back(i);
        contestants.push_back(contestant(candidate));
      }
      if (runners.empty()) break;
      RaceEnd end = co_await run_race(shared_.loop, shared_.pool.farewells(), std::move(contestants),
                                      options_->timeouts, breaker_);
      learn(end, level, runners);
      if (!end.winner) {
        if (note_.rest.count() > 0) co_return std::nullopt;
        continue;
      }
      Candidate& winner = levels_[level][runners[*end.winner]];
      winner.done = true;  // whatever comes of it, the next one is another
      auto connection = co_await secure(winner, std::move(end.conversation));
      if (connection) co_return connection;
      if (note_.rest.count() > 0) co_return std::nullopt;
    }
  }
  co_return std::nullopt;
}

Contestant RemoteAttempt::contestant(const Candidate& candidate) const {
  const ip::Family family = candidate.address.family();
  Contestant out;
  out.endpoint = {candidate.address, port_};
  for (const ip::Address& source : options_->source) {
    if (source.family() == family) out.source = source;
  }
  const std::string& name = family == ip::Family::v6 ? options_->hello_ipv6 : options_->hello_ipv4;
  out.hello = name.empty() ? options_->hostname : name;
  out.head_start = head_start(shared_.memory.connect_time(hop_.destination, family));
  return out;
}

// What the race tells of addresses and families.
void RemoteAttempt::learn(const RaceEnd& end, std::size_t level, const std::vector<std::size_t>& runners) {
  using What = ContestantEnd::What;
  const WallMs now = wall_now();
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const ContestantEnd& one = end.contestants[i];
    Candidate& candidate = levels_[level][runners[i]];
    const ip::Family family = candidate.address.family();
    FamilyMemory::News news = FamilyMemory::News::none;
    if (one.connect) news = shared_.memory.connected(hop_.destination, family, *one.connect, now);
    if (one.what == What::unreachable || one.what == What::outrun) {
      news = shared_.memory.failed(hop_.destination, family, now);
    }
    if (news == FamilyMemory::News::broken) {
      log::warning("family_broken",
                   {{"family", family_name(family)},
                    {"why", "connections to several destinations fail over it while the other family works"},
                    {"remedy", "mend the host's routing, or set [outbound] families; it comes second for 10 minutes"}});
    } else if (news == FamilyMemory::News::whole) {
      log::info("family_whole", {{"family", family_name(family)}});
    }
    if (one.what == What::unreachable) {
      candidate.done = true;
      no_connection({451, {4, 4, 1}, where(candidate) + ": " + one.error.what}, false);
    } else if (one.what == What::refused) {
      candidate.done = true;
      if (one.reply && one.reply->code >= 400) {
        greeted_ = true;
        session_refused(*one.reply, family);
        no_connection(*one.reply, true);
      } else {
        no_connection({451, {4, 4, 2}, where(candidate) + ": " + one.error.what}, false);
      }
    }
  }
}

// A refusal of the session as a whole, at the greeting, EHLO or MAIL.
void RemoteAttempt::session_refused(const smtp::Reply& reply, ip::Family family) {
  hear(reply);
  if (blames_family(reply)) shared_.memory.note_refusal(hop_.destination, family, wall_now());
  if (!reply.temporary()) return;
  put_off_over_ = family;
  put_off_words_ = reply.line();
}

Task<Routing> RemoteAttempt::route(dns::Budget& budget) {
  const std::vector<ip::Family>& families =
      route_ != nullptr && !route_->families.empty() ? route_->families : options_->families;
  RoutingRules rules;
  rules.port = static_cast<std::uint16_t>(options_->port);
  rules.allow_loopback = options_->allow_loopback;
  rules.ipv4 = allows(families, ip::Family::v4);
  rules.ipv6 = allows(families, ip::Family::v6);
  rules.nat64 = options_->nat64;
  for (const std::string& text : {options_->hostname, options_->hello_ipv4, options_->hello_ipv6}) {
    const auto name = dns::Name::parse(text);
    if (name && !name->is_root()) rules.own_names.push_back(*name);
  }
  rules.own_endpoints = options_->listeners;
  const auto seed = static_cast<std::uint32_t>(shared_.random());
  by_operator_ = true;
  if (hop_.endpoint) {
    const NextHop hop{{{}, hop_.endpoint->address}, hop_.endpoint->port};
    co_return co_await route_to(shared_.resolver, std::move(rules), hop, seed, budget);
  }
  if (route_ != nullptr && route_->via) {
    co_return co_await route_to(shared_.resolver, std::move(rules), *route_->via, seed, budget);
  }
  by_operator_ = false;
  Routing routing = co_await route_by_mx(shared_.resolver, rules, hop_.domain, seed, budget);
  if (!routing.only_other_family || !options_->other_family_via) co_return routing;
  by_operator_ = true;
  co_return co_await route_to(shared_.resolver, std::move(rules), *options_->other_family_via, seed, budget);
}

Task<void> RemoteAttempt::find_hosts() {
  dns::Budget budget(kRoutingLookups, Deadline::after(kRoutingTime));
  dns::Budget* const asked = &budget;
  breaker_.also([asked] { asked->cancel(); });
  Routing routing = co_await route(budget);
  if (!routing.refusal) co_await plan_tls(routing, budget);
  breaker_.also({});
  for (const std::string& line : routing.dropped) {
    log::debug("host_left_out", {{"destination", hop_.destination}, {"what", line}});
  }
  if (routing.refusal) no_connection(*routing.refusal, false);
  levels_ = order_candidates(hosts_, shared_.memory.order(hop_.destination, wall_now()));
  if (!refused_at_) co_return;
  for (std::vector<Candidate>& level : levels_) {
    for (Candidate& one : level) one.done = one.done || ip::Endpoint{one.address, port_} == *refused_at_;
  }
}

Task<void> RemoteAttempt::plan_tls(Routing& routing, dns::Budget& budget) {
  TlsDestination destination;
  const std::string& name =
      by_operator_ ? (routing.hosts.empty() ? std::string() : routing.hosts.front().name.text()) : hop_.domain.name;
  destination.domain = dns::Name::parse(name).value_or(dns::Name());
  destination.by_operator = by_operator_;
  destination.mx_secure = routing.mx_secure;
  destination.require_tls = attempt_.envelope->require_tls;
  destination.tls_optional = attempt_.envelope->tls_optional;
  destination.canonical = routing.canonical;
  destination.port = port_ = routing.port;
  domain_tls_ = co_await shared_.tls.destination(std::move(destination), budget);
  for (MxHost& host : routing.hosts) {
    TlsPlan plan = co_await shared_.tls.plan(domain_tls_, host.name, host.addresses_secure, budget);
    // RFC 6125 1.7.2, RFC 5280 4.2.1.6: who is called by an address is proved by an iPAddress
    if (host.literal) plan.expect.name = host.literal->text();
    plan = by_operator(std::move(plan));
    if (plan.refusal) {
      greeted_ = true;  // it is not the network that is in the way
      // Behind a host that may be used it would hardly have been come to
      if (hosts_.empty() && !breaker_.cancelled())
        shared_.tls.tried(*domain_tls_, plan, {.host = host.name, .endpoint = {}});
      no_connection(*plan.refusal, true);
      continue;
    }
    hosts_.push_back(std::move(host));
    plans_.push_back(std::move(plan));
  }
}

// What the operator demands of the way, on top of what the domain publishes.
TlsPlan RemoteAttempt::by_operator(TlsPlan plan) const {
  TlsDemand demand = route_ == nullptr ? TlsDemand::published : route_->tls;
  // A password goes only to a server that proves who it is; the operator may content himself with encryption
  if (route_ != nullptr && !route_->user.empty() && demand == TlsDemand::published) demand = TlsDemand::verified;
  if (demand == TlsDemand::required) plan.tls_needed = true;
  if (demand == TlsDemand::verified) {
    plan.tls_needed = true;
    if (plan.expect.proof == io::TlsExpect::Proof::none) {
      plan.expect.proof = io::TlsExpect::Proof::pkix;
      plan.context = plan.strict;
    }
  }
  // A password is never sent in clear
  if (route_ != nullptr && !route_->user.empty()) plan.tls_needed = true;
  return plan;
}

Task<std::optional<smtp::Reply>> RemoteAttempt::start_tls(std::size_t host, const ip::Endpoint& endpoint,
                                                          delivery::Conversation& conversation,
                                                          Connection& connection) {
  const TlsPlan& plan = plans_[host];
  const dns::Name& name = hosts_[host].name;
  const bool forgone = route_ != nullptr && route_->tls == TlsDemand::none && !plan.tls_needed;
  connection.tls_policy = forgone ? "none" : to_string(plan.kind);
  if (forgone) co_return std::nullopt;
  TlsAttempt tried{.host = name,
                   .endpoint = endpoint,
                   .local = conversation.stream().local_address(),
                   .offered = conversation.machine().offer().starttls};
  if (const auto broke = plan.tls_needed ? std::nullopt : shared_.tls.starttls_breaks(name, endpoint.address)) {
    tried.avoided = true;
    tried.failure = *broke;
    tried.why = "STARTTLS broke here lately (" + *broke + "), and was not asked for";
    shared_.tls.tried(*domain_tls_, plan, tried);
    co_return std::nullopt;
  }
  if (!tried.offered) {
    tried.failure = "starttls_not_offered";
    tried.why = "the server does not offer STARTTLS";
  } else {
    const auto started = co_await conversation.start_tls(plan.context, plan.expect);
    tried.established = conversation.stream().tls() != nullptr;
    tried.facts = conversation.stream().tls_attempt();
    if (!started && !breaker_.cancelled()) {
      tried.why = started.error().what;
      tried.failure = tried.facts != nullptr && !tried.facts->failure.empty() ? std::string(tried.facts->failure)
                      : tried.facts == nullptr                                ? "starttls_refused"
                                                                              : "other";
    }
  }
  if (breaker_.cancelled()) co_return smtp::Reply(451, {4, 4, 2}, "broken off");
  shared_.tls.tried(*domain_tls_, plan, tried);
  if (tried.established && tried.failure.empty()) {
    const io::TlsFacts& agreed = *conversation.stream().tls();
    connection.tls = agreed.version;
    connection.tls_cipher = agreed.cipher;
    connection.tls_verified = agreed.verified;
    co_return std::nullopt;
  }
  // RFC 3207 4.1: without a demand the mail goes in clear where STARTTLS is refused; a handshake that broke has taken
  // the connection with it
  if (!plan.tls_needed && conversation.machine().state() == State::ready) co_return std::nullopt;
  const std::string_view why = plan.tls_needed ? "demanded by the configuration" : to_string(plan.kind);
  smtp::Reply reply =
      plan.tls_needed && !plan.demand.empty()
          ? unmet_reply(plan, tried)
          : smtp::Reply(451, {4, 7, 5}, endpoint.text() + ": TLS (" + std::string(why) + "): " + tried.why);
  reply.text += literal_remedy(plan, hosts_[host], tried);
  co_return reply;
}

// Hardly a certificate has an address in it, and who wrote the address may not know that this is what is looked for.
std::string RemoteAttempt::literal_remedy(const TlsPlan& plan, const MxHost& host, const TlsAttempt& attempt) const {
  const bool unproved = plan.expect.proof == io::TlsExpect::Proof::pkix &&
                        (attempt.failure.starts_with("certificate-") || attempt.failure == "validation-failure");
  if (!host.literal || !unproved) return {};
  std::string text = "; the certificate must be for the address " + host.literal->text();
  if (!by_operator_ || hop_.endpoint) return text;
  text += ": name the server instead";
  return plan.kind == TlsPlan::Kind::required ? text : text + ", or set tls = \"required\"";
}

Task<std::optional<smtp::Reply>> RemoteAttempt::log_in(delivery::Conversation& conversation) {
  if (route_ == nullptr || route_->user.empty()) co_return std::nullopt;
  const auto done = co_await authenticate(conversation, shared_.blocking, route_->user, route_->password);
  if (done) co_return std::nullopt;
  // A wrong password is the operator's to mend: mail waits meanwhile
  co_return smtp::Reply(451, {4, 7, 8}, "logging in as " + route_->user + ": " + done.error().what);
}

Task<std::optional<Connection>> RemoteAttempt::secure(Candidate candidate,
                                                      std::unique_ptr<delivery::Conversation> conversation) {
  greeted_ = true;
  Connection connection;
  connection.host_name = hosts_[candidate.host].name.text();
  connection.endpoint = {candidate.address, port_};
  std::optional<smtp::Reply> problem;
  {
    const Watch watch(breaker_, conversation->stream());
    const auto greeted = co_await conversation->greet();
    if (!greeted) {
      const smtp::Reply& reply = conversation->machine().last_reply();
      if (greeted.error().kind == ErrorKind::refused && reply.code >= 400) {
        problem = reply;
        session_refused(reply, candidate.address.family());
      } else {
        problem = smtp::Reply(451, {4, 4, 2}, where(candidate) + ": " + greeted.error().what);
      }
    } else {
      problem = co_await start_tls(candidate.host, connection.endpoint, *conversation, connection);
      if (!problem) problem = co_await log_in(*conversation);
    }
  }
  connection.conversation = std::move(conversation);
  if (!problem) co_return connection;
  if (!breaker_.cancelled()) {
    shared_.pace.strained(hop_.destination);
    no_connection(std::move(*problem), true);
  }
  shared_.pool.dismiss(std::move(connection));
  co_return std::nullopt;
}

}  // namespace postern::outbound
