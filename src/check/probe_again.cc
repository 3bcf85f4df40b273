// The second visit: whoever put us off with 4xx, as greylisting does, is asked once more after a while, and only then
// is anything said of what came of it (checks.md 6.14-105).
#include <algorithm>

#include "base/text.h"
#include "check/probe_impl.h"

namespace postern::check {

namespace {

using namespace probing;

constexpr auto kTold = std::chrono::seconds(10);  // between two lines of progress
constexpr std::size_t kAgainMax = 20;             // addresses

struct Again {
  MailHost* host = nullptr;
  Address* address = nullptr;
  Putting before;
};

std::vector<Again> put_off_hosts(Target& target, const Options& options) {
  std::vector<Again> out;
  for (MailHost& host : target.hosts) {
    for (Address& address : host.addresses) {
      if (!address.server || out.size() == kAgainMax) continue;
      Putting before = put_off(*address.server);
      if (before.kind == PutOff::no || (before.at_recipient && !options.deep)) continue;
      out.push_back({&host, &address, std::move(before)});
    }
  }
  return out;
}

// The recipients alone: what was found out about TLS stands. False: the address was not visited.
Task<bool> recipients_again(Run& run, Again& one) {
  ServerFacts& facts = *one.address->server;
  if (!co_await run.etiquette.enter(run.services.loop, one.address->address, run.deadline)) co_return false;
  const std::string ended = std::exchange(facts.deep_ended, {});
  facts.probes.clear();
  facts.vrfy_reply.clear();
  facts.vrfy_unknown_reply.clear();
  facts.expn_reply.clear();
  facts.line_end_taken.reset();
  co_await deep_smtp(run, one.host->name.text(), facts);
  if (facts.deep_ended.empty()) facts.deep_ended = ended;
  run.etiquette.leave(one.address->address);
  co_return true;
}

Task<void> once_more(Run& run, Again& one, Clock::duration after) {
  if (one.before.at_recipient) {
    if (!co_await recipients_again(run, one)) co_return;
  } else {
    const std::string stranger = one.address->server->stranger;
    co_await one_host(run, *one.host, *one.address, run.options.deep && is_ours_to_test(run, *one.host), true);
    one.address->server->stranger = stranger;
  }
  one.address->server->again_after_ms = std::chrono::duration_cast<milliseconds>(after).count();
  one.address->server->put_off_before = one.before.words;
}

Task<void> wait_for(io::Loop& loop, Clock::time_point until, std::size_t hosts, Observer* observer) {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - loop.now()).count();
    if (left <= 0) co_return;
    if (observer != nullptr) {
      observer->progress(
          0, hosts,
          std::to_string(hosts) +
              (hosts == 1 ? " address put us off; asked again in " : " addresses put us off; asked again in ") +
              human_duration(left));
    }
    co_await io::sleep_until(loop, Deadline::at(std::min(until, loop.now() + kTold)));
  }
}

}  // namespace

Task<void> probe_again(Target& target, const Options& options, Services services, Observer* observer) {
  auto all = put_off_hosts(target, options);
  if (all.empty() || options.retry_after <= Clock::duration::zero()) co_return;
  if (observer != nullptr) observer->waits(true);
  co_await wait_for(services.loop, services.loop.now() + options.retry_after, all.size(), observer);
  if (observer != nullptr) observer->waits(false);
  const auto context = widest(options);
  if (!context) co_return;
  Etiquette own;
  Run run = run_of(target, options, services, own, Deadline::after(options.deadline));
  run.wide = *context;
  io::Scope watch(services.loop);
  io::Signal finished(services.loop);
  watch.spawn(watchdog(finished, run.deadline, run.breakers));
  for (std::size_t i = 0; i < all.size() && !run.deadline.passed(Clock::now()); ++i) {
    if (observer != nullptr) observer->progress(i, all.size(), "again [" + all[i].address->address.text() + "]");
    co_await once_more(run, all[i], options.retry_after);
  }
  finished.notify();
  co_await watch.join();
}

}  // namespace postern::check
