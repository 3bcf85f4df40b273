#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/text.h"
#include "resolver/cache.h"
#include "resolver/unbound.h"
#include "resolver/unbound_impl.h"

namespace postern::resolver {

using dns::AnswerPtr;
using dns::Status;

namespace {

Counter stale_answers("postern_dns_stale_answers_total");

// One query() that waits. A cancelled budget, an answer and the end of patience all come through its signal.
struct Wait final : dns::Budget::Waiter {
  Wait(io::Loop& loop, const AnswerPtr& cancelled) : signal(loop), cancelled_answer(cancelled) {}
  void cancelled() override { give(cancelled_answer); }
  void give(const AnswerPtr& given) {
    if (answer) return;
    answer = given;
    signal.notify();
  }
  io::Signal signal;
  AnswerPtr answer;
  const AnswerPtr& cancelled_answer;
};

struct Flight {
  Clock::time_point deadline;  // of those who wait; libunbound may take longer, and its answer is kept then, too
  std::vector<Wait*> waits;
};

}  // namespace

struct CachedResolver::Impl final : Receiver {
  Impl(std::shared_ptr<Unbound> owner, io::Loop& owner_loop)
      : unbound(std::move(owner)),
        shared(unbound->impl()),
        loop(owner_loop),
        cache(shared.cache_entries, shared.cache_bytes),
        port(std::make_shared<Port>(loop, *this)) {
    shared.add(port);
  }
  ~Impl() { port->close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void arrived(const Key& key, AnswerPtr answer) override;
  void nobody_answers() override;
  Flight* begin(const Key& key, Clock::time_point now);
  Task<AnswerPtr> ask(Key key, dns::Budget& budget);
  AnswerPtr while_dead(const Key& key, Clock::time_point now);
  AnswerPtr conclude(const Key& key, Wait& wait);

  std::shared_ptr<Unbound> unbound;
  Unbound::Impl& shared;
  io::Loop& loop;
  Cache cache;
  std::unordered_map<Key, Flight, KeyHash, KeyEqual> flights;
  std::shared_ptr<Port> port;

  const AnswerPtr cancelled = dns::failed_answer(Status::cancelled, "cancelled");
  const AnswerPtr spent = dns::failed_answer(Status::limit, "the look-ups of this message are spent");
  const AnswerPtr late = dns::failed_answer(Status::limit, "the time of this message is spent");
  const AnswerPtr crowded = dns::failed_answer(Status::limit, "too many look-ups are under way");
  const AnswerPtr unavailable = dns::failed_answer(Status::unavailable, "no server has answered for a while");
};

void CachedResolver::Impl::arrived(const Key& key, AnswerPtr answer) {
  const auto flight = flights.find(key);
  if (flight != flights.end()) {
    for (Wait* const wait : flight->second.waits) wait->give(answer);
    flights.erase(flight);
  }
  cache.put({key.name, key.type}, std::move(answer), loop.now());
}

void CachedResolver::Impl::nobody_answers() {
  const auto now = loop.now();
  for (auto& [key, flight] : flights) {
    if (flight.waits.empty()) continue;
    const AnswerPtr answer = while_dead(key, now);
    for (Wait* const wait : flight.waits) wait->give(answer);
    flight.waits.clear();
  }
}

AnswerPtr CachedResolver::Impl::while_dead(const Key& key, Clock::time_point now) {
  const AnswerPtr* stale = cache.find_stale({key.name, key.type}, now);
  if (stale == nullptr) return unavailable;
  stale_answers.add();
  return *stale;
}

// The look-up that is under way, or a new one; nullptr where there are too many.
Flight* CachedResolver::Impl::begin(const Key& key, Clock::time_point now) {
  const auto [flight, is_new] = flights.try_emplace(key);
  if (is_new && !shared.submit(port, key)) {
    flights.erase(flight);
    return nullptr;
  }
  if (is_new || now >= flight->second.deadline) flight->second.deadline = now + shared.timeout;
  return &flight->second;
}

Task<AnswerPtr> CachedResolver::Impl::ask(Key key, dns::Budget& budget) {
  const auto now = loop.now();
  if (shared.dead.load(std::memory_order_relaxed)) {
    if (shared.canary.load(std::memory_order_relaxed) && shared.canary.exchange(false)) (void)begin(key, now);
    co_return while_dead(key, now);
  }
  if (budget.deadline().passed(now)) co_return late;
  Flight* const flight = begin(key, now);
  if (flight == nullptr) co_return crowded;
  Wait wait(loop, cancelled);
  flight->waits.push_back(&wait);
  budget.add(wait);
  const Deadline until = Deadline::at(flight->deadline).earlier(budget.deadline());
  (void)co_await wait.signal.wait(until);
  budget.remove(wait);
  co_return conclude(key, wait);
}

AnswerPtr CachedResolver::Impl::conclude(const Key& key, Wait& wait) {
  const auto flight = flights.find(key);
  if (flight != flights.end()) std::erase(flight->second.waits, &wait);
  if (wait.answer) return std::move(wait.answer);
  const auto now = loop.now();
  if (flight == flights.end() || now < flight->second.deadline) {
    return dns::failed_answer(Status::timeout, "the time of this message is spent");
  }
  auto answer = dns::failed_answer(Status::timeout, "no answer for " + std::string(to_string(key.type)) + " " +
                                                        printable(key.name) + " within " +
                                                        std::to_string(shared.timeout.count()) + " ms");
  cache.put({key.name, key.type}, answer, now);
  return answer;
}

CachedResolver::CachedResolver(std::shared_ptr<Unbound> unbound, io::Loop& loop)
    : impl_(std::make_unique<Impl>(std::move(unbound), loop)) {}
CachedResolver::~CachedResolver() = default;

Task<AnswerPtr> CachedResolver::query(dns::Name name, dns::Type type, dns::Budget& budget) {
  Impl& impl = *impl_;
  if (!budget.take()) co_return budget.cancelled() ? impl.cancelled : impl.spent;
  if (const AnswerPtr* hit = impl.cache.find({name.text(), type}, impl.loop.now())) {
    // Behind a failure there may be an answer that serves until somebody answers again.
    if (!is_temporary((*hit)->status) || !impl.shared.dead.load(std::memory_order_relaxed)) co_return *hit;
  }
  co_return co_await impl.ask(Key{name.text(), type}, budget);
}

void CachedResolver::prefetch(const dns::Name& name, dns::Type type) {
  Impl& impl = *impl_;
  if (impl.shared.dead.load(std::memory_order_relaxed)) return;
  // What a stranger's header names, dozens a message, must not take the room from look-ups that somebody waits for.
  if (!impl.shared.has_room_for_prefetch()) return;
  const auto now = impl.loop.now();
  if (impl.cache.find({name.text(), type}, now) == nullptr) (void)impl.begin(Key{name.text(), type}, now);
}

}  // namespace postern::resolver
