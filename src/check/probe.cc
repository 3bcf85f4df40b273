#include "check/probe.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/text.h"
#include "check/probe_impl.h"
#include "delivery/conversation.h"
#include "io/sockaddr.h"

namespace postern::check {

namespace probing {

namespace {

constexpr std::size_t kLineMax = 500;  // of a stranger's line that is kept
constexpr std::size_t kNamesAtOneAddress = 2;

// The hosts that have this address: they are asked one after the other.
struct Job {
  std::vector<std::pair<MailHost*, Address*>> uses;
};

std::int64_t since(Clock::time_point began) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - began).count();
}

// No way out from here: the kernel says so, and this machine has no address of the family that could be used.
bool no_family_here(const Error& error, const ip::Address& to, bool allow_private) {
  if (error.sys != ENETUNREACH && error.sys != EHOSTUNREACH && error.sys != EADDRNOTAVAIL && error.sys != EAFNOSUPPORT)
    return false;
  return error.sys == EAFNOSUPPORT || !has_way_to(to, allow_private);
}

std::string in_words(const Error& error) {
  switch (error.kind) {
    case ErrorKind::cancelled:
      return "the time for this check ran out";
    case ErrorKind::timeout:
      return "no answer in time";
    default:
      return printable(error.what, kLineMax);
  }
}

void note_problem(ServerFacts& facts, const Error& error) {
  facts.problem = in_words(error);
  facts.our_side = facts.our_side || error.kind == ErrorKind::cancelled;
}

std::vector<std::string> without_first(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  for (std::size_t i = 1; i < lines.size(); ++i) out.push_back(printable(lines[i], kLineMax));
  return out;
}

void note_banner(ServerFacts& facts, const smtp::Reply& reply) {
  facts.banner_code = static_cast<std::uint16_t>(reply.code);
  facts.banner = printable(std::string_view(reply.text).substr(0, reply.text.find('\n')), kLineMax);
}

Task<void> start_tls(Run& run, const std::string& host, delivery::Conversation& conversation, ServerFacts& facts) {
  io::TlsExpect expect(host);
  expect.only_sni = true;
  const auto started = co_await conversation.start_tls(run.wide, std::move(expect));
  const io::TlsFacts* const tls = conversation.stream().tls();
  if (tls != nullptr && tls->failure.empty()) {
    facts.starttls_code = 220;
    facts.tls = read_tls(*tls);
    if (started && !conversation.machine().offer().lines.empty()) {
      facts.extended_tls = true;
      facts.extensions_tls = without_first(conversation.machine().offer().lines);
    }
    if (!started) note_problem(facts, started.error());
    co_return;
  }
  if (!started && started.error().kind == ErrorKind::refused) {
    facts.starttls_code = static_cast<std::uint16_t>(conversation.machine().last_reply().code);
    facts.tls_problem = printable(started.error().what, kLineMax);
    co_return;
  }
  const io::TlsFacts* const attempt = conversation.stream().tls_attempt();
  facts.starttls_code = attempt != nullptr ? 220 : 0;
  facts.tls_problem = started ? "no handshake" : in_words(started.error());
  if (attempt != nullptr && !attempt->failure.empty()) facts.tls_problem += " (" + std::string(attempt->failure) + ")";
  if (!started) note_problem(facts, started.error());
}

// One connection, through the code that sends mail.
Task<void> polite(Run& run, std::string host, ServerFacts& facts) {
  ++facts.connections;
  const auto began = Clock::now();
  Hold hold(run.breakers);
  auto stream = co_await io::connect(run.services.loop, facts.endpoint,
                                     Deadline::after(kConnectWait).earlier(run.deadline), &hold.breaker);
  if (!stream) {
    note_problem(facts, stream.error());
    facts.timed_out = stream.error().kind == ErrorKind::timeout;
    facts.our_side = facts.our_side ||
                     no_family_here(stream.error(), facts.endpoint.address, run.options.allow_private) ||
                     (stream.error().kind == ErrorKind::timeout && run.deadline.passed(Clock::now()));
    if (facts.our_side && stream.error().kind == ErrorKind::network) facts.problem += "; no route from here";
    co_return;
  }
  facts.connected = true;
  facts.connect_ms = since(began);
  const delivery::ClientTimeouts timeouts{
      .greeting = kReplyWait, .command = kReplyWait, .block = kReplyWait, .final_reply = kReplyWait};
  delivery::Conversation conversation(std::move(*stream),
                                      smtp::ClientMachine(smtp::ClientDialect::smtp, run.options.helo), timeouts);
  const auto& machine = conversation.machine();
  const auto connected = Clock::now();
  const auto greeted = co_await conversation.hear_greeting();
  if (machine.last_reply().code != 0) {
    facts.banner_ms = since(connected);
    note_banner(facts, machine.last_reply());
  }
  if (!greeted) {
    note_problem(facts, greeted.error());
    facts.whole_ms = since(began);
    co_return;
  }
  const auto hello = co_await conversation.greet();
  if (machine.last_reply().code != 0) facts.hello_code = static_cast<std::uint16_t>(machine.last_reply().code);
  if (!hello) {
    note_problem(facts, hello.error());
    facts.whole_ms = since(began);
    co_return;
  }
  const auto& offer = machine.offer();
  facts.extended = !offer.lines.empty();
  if (facts.extended) facts.hello_reply = printable(offer.lines.front(), kLineMax);
  facts.extensions = without_first(offer.lines);
  facts.offers_starttls = offer.starttls;
  if (offer.starttls) co_await start_tls(run, host, conversation, facts);
  // After a handshake that failed there is nobody to say QUIT to
  if (machine.state() == smtp::ClientMachine::State::ready) co_await conversation.quit();
  facts.whole_ms = since(began);
}

// The name in a greeting (RFC 5321 4.2: the domain comes first).
std::string first_word(const std::string& line) { return lower(line.substr(0, line.find_first_of(" \t"))); }

Task<void> look_up_banner(Run& run, ServerFacts& facts) {
  const auto name = dns::Name::parse(first_word(facts.banner));
  if (!name || name->labels() < 2) co_return;
  dns::Budget budget(4, run.deadline);
  bool unknown = false;
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::AnswerPtr answer = co_await run.services.resolver.query(*name, type, budget);
    if (answer->status == dns::Status::ok) {
      facts.banner_name_resolves = true;
      co_return;
    }
    unknown = unknown || dns::is_temporary(answer->status);
  }
  if (!unknown) facts.banner_name_resolves = false;
}

// RFC 5321 4.1.1.1, 4.1.4: who we say we are, as a server can look it up.
Task<void> look_up_ourselves(Run& run, ServerFacts& facts) {
  const auto source = io::source_towards(facts.endpoint.address);
  if (!source) co_return;
  facts.visitor = source->text();
  // Behind a translator nobody sees this address
  const auto helo = dns::Name::parse(lower(run.options.helo));
  const auto reverse = dns::Name::parse(source->reverse_name());
  if ((!source->is_global() && !run.options.allow_private) || !reverse) co_return;
  dns::Budget budget(4, run.deadline);
  const dns::AnswerPtr ptr = co_await run.services.resolver.query(*reverse, dns::Type::ptr, budget);
  if (dns::is_temporary(ptr->status)) co_return;
  facts.visitor_named = helo && std::ranges::find(ptr->names, *helo) != ptr->names.end();
  if (!*facts.visitor_named) co_return;
  const dns::AnswerPtr forward =
      co_await run.services.resolver.query(*helo, source->is_v4() ? dns::Type::a : dns::Type::aaaa, budget);
  if (dns::is_temporary(forward->status)) {
    facts.visitor_named.reset();
  } else {
    facts.visitor_named = std::ranges::find(forward->addresses, *source) != forward->addresses.end();
  }
}

void not_visited(ServerFacts& facts, std::string why) {
  facts.our_side = true;
  facts.problem = std::move(why);
}

}  // namespace

bool is_ours_to_test(const Run& run, const MailHost& host) {
  return !run.options.only_own_hosts || host.name.is_within(run.name);
}

// The zone of a visitor may give a host of his any address, also that of somebody else's server. One that is his says
// so itself: in its greeting, to EHLO, or by a name in its certificate.
bool names_the_domain(const Run& run, const ServerFacts& facts) {
  const auto within = [&run](std::string_view text) {
    if (text.starts_with("*.")) text.remove_prefix(2);
    const auto name = dns::Name::parse(text);
    return name && name->is_within(run.name);
  };
  if (within(first_word(facts.banner)) || within(first_word(facts.hello_reply))) return true;
  return facts.tls && !facts.tls->chain.empty() && std::ranges::any_of(facts.tls->chain.front().names, within);
}

Task<void> one_host(Run& run, MailHost& host, Address& address, bool deep_here, bool fresh) {
  ServerFacts& facts = address.server.emplace();
  facts.endpoint = {address.address, run.options.smtp_port};
  const std::string name = host.name.text();
  if (const ServerFacts* const known = fresh ? nullptr : run.etiquette.known(facts.endpoint, name, Clock::now())) {
    facts = *known;
    facts.recalled = true;
    co_return;
  }
  if (run.breakers.cancelled() || run.deadline.passed(Clock::now()))
    co_return not_visited(facts, "the time for this check ran out");
  if (!co_await run.etiquette.enter(run.services.loop, address.address, run.deadline))
    co_return not_visited(facts, "another check is at this address, and was until the time ran out");
  const AtAddress stay(run.etiquette, address.address);
  // Whoever was there before us may have seen what we came for
  if (const ServerFacts* const known = fresh ? nullptr : run.etiquette.known(facts.endpoint, name, Clock::now())) {
    facts = *known;
    facts.recalled = true;
    co_return;
  }
  if (!co_await run.etiquette.may_visit(run.services.loop, address.address, run.deadline))
    co_return not_visited(facts, "this address was connected to twice within a minute; check again later");
  facts.visited = wall_now();
  co_await polite(run, name, facts);
  if (facts.banner_code == 220) co_await look_up_banner(run, facts);
  if (facts.connected) co_await look_up_ourselves(run, facts);
  if (!facts.our_side) run.etiquette.remember(name, facts, Clock::now());
  if (!run.options.deep || !facts.connected || facts.banner_code != 220) co_return;
  if (!is_ours_to_test(run, host))
    facts.deep_ended = "control was proved of " + run.domain + ", not of hosts elsewhere";
  if (!deep_here) co_return;
  if (run.options.only_own_hosts && !names_the_domain(run, facts)) {
    facts.deep_ended = "control was proved of " + run.domain + ", and the server at this address names no host of it";
    co_return;
  }
  facts.deep = true;
  if (facts.tls) co_await deep_tls(run, host.name.text(), facts);
  co_await deep_smtp(run, host.name.text(), facts);
  if (facts.tls) co_await deep_old_ciphers(run, host.name.text(), facts);
}

Task<void> watchdog(io::Signal& finished, Deadline deadline, Breakers& all) {
  if (!co_await finished.wait(deadline)) all.cancel();
}

namespace {

struct Work {
  std::vector<Job> jobs;
  std::size_t next = 0, done = 0;
};

Task<void> worker(Run& run, Work& work, Observer* observer) {
  while (work.next < work.jobs.size()) {
    Job& job = work.jobs[work.next++];
    const auto deep_use =
        std::ranges::find_if(job.uses, [&](const auto& use) { return is_ours_to_test(run, *use.first); });
    const auto deep_at = static_cast<std::size_t>(deep_use - job.uses.begin());
    for (std::size_t i = 0; i < job.uses.size(); ++i) {
      auto& [host, address] = job.uses[i];
      if (i < kNamesAtOneAddress) {
        co_await one_host(run, *host, *address, i == deep_at, run.options.deep);
        continue;
      }
      ServerFacts& facts = address->server.emplace();
      facts.endpoint = {address->address, run.options.smtp_port};
      not_visited(facts, "this address was connected to for " + std::to_string(i) + " other names already");
    }
    ++work.done;
    if (observer != nullptr)
      observer->progress(work.done, work.jobs.size(), "[" + job.uses.front().second->address.text() + "]");
  }
}

std::vector<Job> jobs_of(Target& target) {
  std::vector<Job> jobs;
  std::map<ip::Address, std::size_t> known;
  for (MailHost& host : target.hosts) {
    for (Address& address : host.addresses) {
      if (!address.reachable_kind) continue;
      const auto [at, fresh] = known.try_emplace(address.address, jobs.size());
      if (fresh) {
        if (jobs.size() == kAddressesMax) {
          known.erase(at);
          address.why_not = "more than " + std::to_string(kAddressesMax) + " addresses";
          continue;
        }
        jobs.emplace_back();
      }
      jobs[at->second].uses.emplace_back(&host, &address);
    }
  }
  return jobs;
}

}  // namespace

void Breakers::add(io::Breaker& breaker) {
  all_.push_back(&breaker);
  if (cancelled_) breaker.cancel();
}
void Breakers::remove(io::Breaker& breaker) { std::erase(all_, &breaker); }
void Breakers::cancel() {
  cancelled_ = true;
  for (io::Breaker* const one : std::vector<io::Breaker*>(all_)) one->cancel();
}

namespace {

// OpenSSL has two names for some, by version of TLS.
std::string one_name(const std::string& group) {
  for (const auto& [long_name, name] : {std::pair{"secp224r1", "P-224"},
                                        {"secp256r1", "P-256"},
                                        {"prime256v1", "P-256"},
                                        {"secp384r1", "P-384"},
                                        {"secp521r1", "P-521"}}) {
    if (group == long_name) return name;
  }
  return group;
}

}  // namespace

Result<std::shared_ptr<io::TlsClientContext>> widest(const Options& options) {
  return io::TlsClientContext::make({.ca_file = options.ca_file,
                                     .min_version = "TLSv1",
                                     .ciphers = "ALL:!aNULL:!eNULL",
                                     .weak = true,
                                     .keep_chain = true,
                                     .ask_status = true});
}

TlsFound read_tls(const io::TlsFacts& facts) {
  TlsFound out;
  out.version = facts.version;
  out.cipher = facts.cipher;
  out.group = one_name(facts.group);
  out.dh_bits = facts.dh_bits;
  out.signature_hash = facts.signature_hash;
  out.trusted = facts.verified;
  out.trust_error = facts.verify_error;
  out.extended_master_secret = facts.extended_master_secret;
  out.secure_renegotiation = facts.secure_renegotiation;
  out.ocsp = facts.ocsp;
  out.ticket = facts.ticket;
  out.early_data = facts.early_data;
  for (const std::string& der : facts.peer_chain) {
    auto certificate = crypto::read_certificate(der);
    if (certificate)
      out.chain.push_back(std::move(*certificate));
    else
      ++out.unreadable;
  }
  return out;
}

}  // namespace probing

bool has_way_to(const ip::Address& to, bool allow_private) {
  return std::ranges::any_of(io::interface_addresses(), [&](const ip::Address& own) {
    if (own.family() != to.family() || own.is_loopback() || own.is_link_local()) return false;
    // A private address of IPv4 may be translated on the way
    return own.is_global() || own.is_v4() || (allow_private && !to.is_global());
  });
}

Task<void> probe_hosts(Target& target, const Options& options, Services services, Observer* observer) {
  using namespace probing;
  Etiquette own;
  Run run = run_of(target, options, services, own, Deadline::after(options.deadline));
  Work work{.jobs = jobs_of(target)};
  if (work.jobs.empty()) co_return;
  const auto context = widest(options);
  if (!context) {
    for (Job& job : work.jobs) {
      for (auto& [host, address] : job.uses) {
        ServerFacts& facts = address->server.emplace();
        facts.endpoint = {address->address, options.smtp_port};
        facts.our_side = true;
        facts.problem = context.error().what;
      }
    }
    co_return;
  }
  run.wide = *context;
  io::Scope workers(services.loop);
  io::Scope watch(services.loop);
  io::Signal finished(services.loop);
  watch.spawn(watchdog(finished, run.deadline, run.breakers));
  for (std::size_t i = 0; i < std::min(kAtOnce, work.jobs.size()); ++i) workers.spawn(worker(run, work, observer));
  co_await workers.join();
  finished.notify();
  co_await watch.join();
}

}  // namespace postern::check
