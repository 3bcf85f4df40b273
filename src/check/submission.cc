#include "check/submission.h"

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "check/probe_impl.h"
#include "dns/records.h"

namespace postern::check {

namespace {

using namespace probing;

constexpr std::size_t kLineMax = 300;
constexpr auto kPatience = std::chrono::seconds(20);  // for one thing; a mail program's user waits no longer

Task<void> find_addresses(Context& context, SubmissionHost& host) {
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const auto answer = co_await context.ask(host.name, type);
    if (dns::is_temporary(answer->status)) host.unknown = describe(host.name, type, *answer);
    for (const ip::Address& address : answer->addresses) {
      if (host.addresses.size() == kSubmissionAddressesMax) break;
      std::string why = why_not_global(address);
      const bool reachable = why.empty() || context.options.allow_private;
      host.addresses.push_back({address, reachable, std::move(why), {}});
    }
  }
}

std::string in_words(const Error& error) {
  if (error.kind == ErrorKind::cancelled) return "the time for this check ran out";
  if (error.kind == ErrorKind::timeout) return "no answer in time";
  return printable(error.what, kLineMax);
}

void note_problem(ServerFacts& facts, const Error& error) {
  facts.problem = in_words(error);
  facts.our_side = error.kind == ErrorKind::cancelled;
}

std::vector<std::string> extensions(const smtp::Reply& reply) {
  std::vector<std::string> out;
  for (const std::string_view line : split(reply.text, '\n')) out.push_back(printable(line, kLineMax));
  if (!out.empty()) out.erase(out.begin());
  return out;
}

struct Stay {
  explicit Stay(Breakers& all) : hold(all) {}
  Hold hold;
  std::unique_ptr<io::Stream> stream;
  std::unique_ptr<Dialogue> dialogue;
};

// EHLO; false: it came to nothing, and the facts say why.
Task<bool> hello(Stay& at, Run& run, ServerFacts& facts, std::vector<std::string>& offered) {
  const auto said = co_await at.dialogue->say("EHLO " + run.options.helo + "\r\n");
  const auto reply = said ? co_await at.dialogue->hear(Deadline::after(kPatience))
                          : Result<smtp::Reply>(std::unexpected(said.error()));
  if (!reply) {
    note_problem(facts, reply.error());
    co_return false;
  }
  facts.hello_code = static_cast<std::uint16_t>(reply->code);
  if (reply->code != 250) {
    facts.problem = "EHLO: " + printable(reply->line(), kLineMax);
    co_return false;
  }
  offered = extensions(*reply);
  co_return true;
}

Task<bool> greeting(Stay& at, ServerFacts& facts) {
  const auto reply = co_await at.dialogue->hear(Deadline::after(kPatience));
  if (!reply) {
    note_problem(facts, reply.error());
    co_return false;
  }
  facts.banner_code = static_cast<std::uint16_t>(reply->code);
  facts.banner = printable(reply->line(), kLineMax);
  if (reply->code != 220) facts.problem = "the greeting was " + facts.banner;
  co_return reply->code == 220;
}

Task<bool> handshake(Stay& at, Run& run, const std::string& host, ServerFacts& facts) {
  io::TlsExpect expect(host);
  expect.only_sni = true;
  const auto started = co_await at.stream->start_tls_client(run.wide, std::move(expect), Deadline::after(kPatience));
  at.dialogue->forget();
  const io::TlsFacts* const tls = at.stream->tls();
  if (started && tls != nullptr) {
    facts.tls = read_tls(*tls);
    co_return true;
  }
  facts.tls_problem = started ? "no handshake" : in_words(started.error());
  if (!started) note_problem(facts, started.error());
  co_return false;
}

Task<void> goodbye(Stay& at) {
  if (co_await at.dialogue->say("QUIT\r\n")) static_cast<void>(co_await at.dialogue->hear(Deadline::after(kPatience)));
  at.stream->part();
}

Task<void> one_visit(Run& run, const std::string& host, bool tls_first, ServerFacts& facts) {
  ++facts.connections;
  Stay at(run.breakers);
  auto stream = co_await io::connect(run.services.loop, facts.endpoint,
                                     Deadline::after(kPatience).earlier(run.deadline), &at.hold.breaker);
  if (!stream) {
    note_problem(facts, stream.error());
    facts.timed_out = stream.error().kind == ErrorKind::timeout;
    const int sys = stream.error().sys;
    const bool no_way = sys == ENETUNREACH || sys == EHOSTUNREACH || sys == EADDRNOTAVAIL || sys == EAFNOSUPPORT;
    if (no_way && !has_way_to(facts.endpoint.address, run.options.allow_private)) {
      facts.our_side = true;
      facts.problem += "; no route from here";
    }
    co_return;
  }
  facts.connected = true;
  at.stream = std::move(*stream);
  at.dialogue = std::make_unique<Dialogue>(*at.stream);
  if (tls_first) {
    if (!co_await handshake(at, run, host, facts) || !co_await greeting(at, facts)) co_return;
    if (co_await hello(at, run, facts, facts.extensions_tls)) facts.extended_tls = true;
    co_return co_await goodbye(at);
  }
  if (!co_await greeting(at, facts) || !co_await hello(at, run, facts, facts.extensions)) co_return;
  facts.extended = true;
  facts.offers_starttls =
      std::ranges::any_of(facts.extensions, [](const std::string& line) { return iequals(line, "STARTTLS"); });
  if (!facts.offers_starttls) co_return co_await goodbye(at);
  if (!co_await at.dialogue->say("STARTTLS\r\n")) co_return;
  const auto ready = co_await at.dialogue->hear(Deadline::after(kPatience));
  if (!ready) co_return note_problem(facts, ready.error());
  facts.starttls_code = static_cast<std::uint16_t>(ready->code);
  if (ready->code != 220) {
    facts.tls_problem = facts.problem = "STARTTLS: " + printable(ready->line(), kLineMax);
    co_return co_await goodbye(at);
  }
  if (!co_await handshake(at, run, host, facts)) co_return;
  if (co_await hello(at, run, facts, facts.extensions_tls)) facts.extended_tls = true;
  co_await goodbye(at);
}

void not_visited(ServerFacts& facts, std::string why) {
  facts.our_side = true;
  facts.problem = std::move(why);
}

// Whatever the zone says of it, an address is visited no more often than etiquette allows.
Task<void> one_address(Run& run, const SubmissionHost& host, Address& address) {
  ServerFacts& facts = address.server.emplace();
  facts.endpoint = {address.address, host.port};
  const std::string name = host.name.text();
  const auto recalled = [&] {
    const ServerFacts* const known =
        run.options.deep ? nullptr : run.etiquette.known(facts.endpoint, name, Clock::now());
    if (known == nullptr) return false;
    facts = *known;
    facts.recalled = true;
    return true;
  };
  if (recalled()) co_return;
  if (run.breakers.cancelled() || run.deadline.passed(Clock::now()))
    co_return not_visited(facts, "the time for this check ran out");
  if (!co_await run.etiquette.enter(run.services.loop, address.address, run.deadline))
    co_return not_visited(facts, "another check is at this address, and was until the time ran out");
  const AtAddress stay(run.etiquette, address.address);
  if (recalled()) co_return;
  if (!run.etiquette.may_visit_beside(address.address, Clock::now()))
    co_return not_visited(facts, "its address was visited for submission twice within the last minute");
  co_await one_visit(run, name, host.tls_first, facts);
  if (!facts.our_side) run.etiquette.remember(name, facts, Clock::now());
}

Task<void> all_visits(Target& target, Run& run) {
  for (SubmissionHost& host : target.submission) {
    if (!host.why_not.empty()) continue;
    for (Address& address : host.addresses) {
      if (address.reachable_kind) co_await one_address(run, host, address);
    }
  }
}

}  // namespace

Task<void> find_submission(Context& context) {
  for (const bool tls_first : {true, false}) {
    const auto service = context.target.domain.below(tls_first ? "_submissions._tcp" : "_submission._tcp");
    if (!service) continue;
    const auto answer = co_await context.ask(*service, dns::Type::srv);
    if (answer->status != dns::Status::ok) continue;
    for (const std::string& rdata : answer->rdata) {
      const auto srv = dns::parse_srv(rdata);
      if (!srv || srv->target.is_root()) continue;  // RFC 2782: the service is not offered
      if (context.target.submission.size() == kSubmissionHostsMax) co_return;
      SubmissionHost host;
      host.name = srv->target;
      host.port = srv->port;
      host.tls_first = tls_first;
      if (srv->port != 465 && srv->port != 587)
        host.why_not = "port " + std::to_string(srv->port) + " is none of submission: it is not visited";
      else
        co_await find_addresses(context, host);
      context.target.submission.push_back(std::move(host));
    }
  }
}

Task<void> visit_submission(Target& target, const Options& options, Services services, Deadline deadline) {
  if (target.submission.empty()) co_return;
  Etiquette own;
  Run run = run_of(target, options, services, own, deadline);
  const auto context = widest(options);
  if (!context) {
    for (SubmissionHost& host : target.submission) host.why_not = context.error().what;
    co_return;
  }
  run.wide = *context;
  io::Scope watch(services.loop);
  io::Signal finished(services.loop);
  watch.spawn(watchdog(finished, run.deadline, run.breakers));
  co_await all_visits(target, run);
  finished.notify();
  co_await watch.join();
}

}  // namespace postern::check
