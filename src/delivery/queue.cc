#include "delivery/queue.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "delivery/outcome.h"
#include "delivery/queue_jobs.h"
#include "delivery/round_robin.h"
#include "delivery/settling.h"
#include "delivery/slots.h"
#include "record/metrics.h"
#include "spool/topped_body.h"

namespace postern::delivery {

namespace {

using Kind = directory::Transport::Kind;

constexpr std::size_t kBatch = 256;                  // messages taken from the store at once
constexpr std::size_t kMessagesMax = 1024;           // envelopes in memory
constexpr std::size_t kRecipientsMax = 200'000;      // of all of them; one envelope may go over it
constexpr std::size_t kBatchRecipientsMax = 20'000;  // of a batch; the rest of it goes back
constexpr std::size_t kWaitingMax = 200;  // jobs per destination; others are parked, or come back after kCrowdedMs
constexpr std::int64_t kCrowdedMs = 30'000;
constexpr std::int64_t kFreshMs = 30'000;
constexpr std::chrono::seconds kDownFor{60};      // an unreachable server is left alone that long
constexpr std::chrono::seconds kLongestWait{60};  // the wall clock may be set meanwhile

// Leaves those that were answered for good.
void keep_final(std::vector<std::uint32_t>& recipients, Results& results, AttemptNote& note) {
  std::size_t kept = 0;
  note.dsn_passed.resize(results.size(), false);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].temporary()) continue;
    recipients[kept] = recipients[i];
    if (kept != i) results[kept] = std::move(results[i]);
    note.dsn_passed[kept] = note.dsn_passed[i];
    ++kept;
  }
  recipients.resize(kept);
  results.resize(kept);
}

struct Loaded {
  Id id;
  Result<spool::Envelope> envelope;
};

}  // namespace

struct Queue::Impl {
  io::Loop& loop;
  io::BlockingPool& pool;
  spool::Store& store;
  record::Writer* records;
  QueueOptions options;
  std::function<std::shared_ptr<const directory::Directory>()> directory;
  Remote* remote;
  QueueServices services;
  Notifier notifier;
  FirstAttempts first_attempts;
  io::Scope scope;
  io::Signal signal;
  io::Signal all_ended;  // of stop()
  bool started = false;
  bool stopping = false;

  RoundRobin<Job> jobs;
  Parking parking;
  Slots slots{options.concurrency};
  std::size_t messages = 0;    // in work
  std::size_t recipients = 0;  // of them
  struct Down {
    Clock::time_point until;
    smtp::Reply reply;
    bool untried = false;  // it asked for a pause: what waits for it is not counted as tried
  };
  std::map<std::string, Down> down;
  std::set<io::Breaker*> breakers;  // of running attempts
  Settling settling{store};

  // The door for other threads. It outlives the queue, because the store may be calling while the queue goes away; what
  // it posts looks at `open` on the loop's thread, which is where the queue is destroyed.
  struct Door {
    Door(io::Loop& l, io::Signal& s) : loop(l), signal(s) {}
    io::Loop& loop;
    io::Signal& signal;
    std::atomic<bool> open{true};
    std::atomic<bool> knocked{false};
    static void knock(const std::shared_ptr<Door>& door) {
      if (!door->open.load() || door->knocked.exchange(true)) return;
      door->loop.post([door] {
        door->knocked.store(false);
        if (door->open.load()) door->signal.notify();
      });
    }
  };
  std::shared_ptr<Door> door;

  Impl(io::Loop& l, io::BlockingPool& p, spool::Store& s, record::Writer* r, QueueOptions o,
       std::function<std::shared_ptr<const directory::Directory>()> d, Remote* far)
      : loop(l),
        pool(p),
        store(s),
        records(r),
        options(std::move(o)),
        directory(std::move(d)),
        remote(far),
        notifier(l, p, s, options, services),
        scope(l),
        signal(l),
        all_ended(l),
        door(std::make_shared<Door>(l, signal)) {}

  Task<void> run();
  Task<std::vector<Loaded>> load(std::vector<Id> ids);
  void admit(Loaded loaded, const directory::Directory& current, WallMs now);
  RemoteHop far_hop(const directory::Transport* transport, const smtp::Domain& domain) const;
  directory::Transport far_transport(const directory::Transport* transport, const smtp::Domain& domain) const;
  void enqueue(Job job);
  bool may_run(const Job& job, std::size_t running) const;
  void dispatch();
  Task<void> work(Job job);
  bool park(const std::string& destination, const Message& message);
  bool in_short_supply(const std::string& destination) const;
  void finish_job(const Job& job);
  void hand_back(Message& message);
  void finish(std::shared_ptr<Message> message);
  Task<void> tell_and_close(std::shared_ptr<Message> message);
  void close(Message& message);
  void account(Message& message, const directory::Transport* transport, const std::vector<std::uint32_t>& indexes,
               const Results& results, WallMs start, std::uint32_t duration_ms, const AttemptNote* note = nullptr);
  void put_back(const Job& job, const Down& why);
  void defer_all(const Job& job, const smtp::Reply& reply);
  Task<Results> attempt(const Job& job, AttemptNote& note, io::Breaker& breaker);
  Task<void> break_off(Deadline deadline);
};

Task<void> Queue::Impl::run() {
  while (!stopping) {
    if (slots.step(Clock::now())) dispatch();
    if (!settling.resting(Clock::now())) settling.again();
    const bool full = messages + settling.kept() >= kMessagesMax || recipients >= kRecipientsMax;
    if (!full && !settling.resting(Clock::now())) {
      const std::size_t most = std::min(kBatch, kMessagesMax - messages - settling.kept());
      std::vector<Id> ids = parking.any_returning() ? parking.take_returning(most) : store.take_due(wall_now(), most);
      if (!ids.empty()) {
        std::vector<Loaded> batch = co_await load(std::move(ids));
        const std::shared_ptr<const directory::Directory> current = directory();
        const WallMs now = wall_now();
        // RFC 6710 4.1: what is more urgent goes first; of the same priority, what came first
        std::vector<std::pair<int, std::size_t>> order;
        for (std::size_t i = 0; i < batch.size(); ++i) {
          order.emplace_back(batch[i].envelope ? -batch[i].envelope->priority : 0, i);
        }
        std::ranges::sort(order);
        for (const auto& [priority, i] : order) admit(std::move(batch[i]), *current, now);
        dispatch();
        continue;
      }
    }
    Deadline deadline = Deadline::after(kLongestWait);
    if (settling.resting(Clock::now())) {
      deadline = Deadline::at(settling.rest_until());
    } else if (!full) {
      if (const auto due = store.next_due()) {
        deadline =
            deadline.earlier(Deadline::after(milliseconds(std::clamp<std::int64_t>(*due - wall_now(), 0, 60'000))));
      }
    }
    if (const auto at = slots.look_again(); at && !slots.room_for_doubtful()) {
      deadline = deadline.earlier(Deadline::at(*at));
    }
    co_await signal.wait(deadline);
  }
  for (const Id& id : parking.clear()) store.release_active(id);
  settling.again();
}

// Memory for messages is half full, and nothing was delivered there lately: what waits for it must not fill the rest.
bool Queue::Impl::in_short_supply(const std::string& destination) const {
  return messages > kMessagesMax / 2 && remote != nullptr && remote->doubtful(destination);
}

// True where the message has only its id left in memory.
bool Queue::Impl::park(const std::string& destination, const Message& message) {
  const bool enough =
      jobs.waiting(destination) >= kWaitingMax || (jobs.contains(destination) && in_short_supply(destination));
  if (!enough || !parking.add(destination, message.envelope.id)) return false;
  --messages;
  recipients -= message.envelope.recipients.size();
  return true;
}

// Envelopes are read on the pool; what would make the batch too large goes back untried.
Task<std::vector<Loaded>> Queue::Impl::load(std::vector<Id> ids) {
  spool::Store* const from = &store;
  co_return co_await pool.run<std::vector<Loaded>>([from, &ids] {
    std::vector<Loaded> batch;
    batch.reserve(ids.size());
    std::size_t recipients = 0;
    for (const Id& id : ids) {
      if (recipients > kBatchRecipientsMax) {
        from->release_active(id);
        continue;
      }
      batch.push_back({id, from->load(id)});
      if (batch.back().envelope) recipients += batch.back().envelope->recipients.size();
    }
    return batch;
  });
}

// Groups the message's recipients by destination. What needs no attempt (sink, nowhere to go) is decided at once.
void Queue::Impl::admit(Loaded loaded, const directory::Directory& current, WallMs now) {
  if (stopping) return store.release_active(loaded.id);
  if (!loaded.envelope) {
    return settling.put_off(loaded.id, loaded.envelope.error(), jittered(options.retry_first_ms));
  }
  if (loaded.envelope->held) return store.release_active(loaded.id);  // since it was taken
  auto message = std::make_shared<Message>();
  message->envelope = std::move(*loaded.envelope);
  const spool::Envelope& envelope = message->envelope;
  ++messages;
  recipients += envelope.recipients.size();
  message->jobs = 1;  // held by this function, so that no job ends the message while others are being made

  const bool too_late = is_too_late(envelope, now);
  std::vector<std::uint32_t> sunk;
  Groups groups;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    const spool::Recipient& recipient = envelope.recipients[i];
    if (recipient.state != spool::RecipientState::pending) continue;
    const auto mailbox = smtp::parse_mailbox(recipient.forward_path, /*utf8=*/true);
    const directory::Transport* const transport = mailbox ? current.transport(*mailbox) : nullptr;
    if (too_late) {
      account(*message, transport, {i}, {too_late_reply()}, now, 0);
      continue;
    }
    if (auto refusal = local_refusal(envelope, i, mailbox, current, now)) {
      account(*message, transport, {i}, {std::move(*refusal)}, now, 0);
      continue;
    }
    const bool far = mailbox && (transport == nullptr || transport->kind == Kind::smtp) && !mailbox->domain.empty();
    if (far && remote != nullptr) {
      groups.add(message, far_transport(transport, mailbox->domain), far_hop(transport, mailbox->domain), i);
    } else if (transport == nullptr || far) {
      account(*message, transport, {i}, {no_way_reply(recipient.forward_path, mailbox.has_value(), transport)}, now, 0);
    } else if (transport->kind == Kind::sink) {
      sunk.push_back(i);
    } else {
      groups.add(message, *transport, std::nullopt, i);
    }
  }
  if (!sunk.empty()) {
    static const directory::Transport kSink;
    account(*message, &kSink, sunk, Results(sunk.size(), sink_reply()), now, 0);
  }
  // With nothing settled yet it may wait outside
  const bool untouched = message->outcomes.empty() && message->delay_ms < 0;
  if (untouched && groups.jobs.size() == 1 && park(groups.jobs.front().destination, *message)) return;
  for (Job& job : groups.jobs) {
    ++message->jobs;
    enqueue(std::move(job));
  }
  if (--message->jobs == 0) finish(std::move(message));
}

RemoteHop Queue::Impl::far_hop(const directory::Transport* transport, const smtp::Domain& domain) const {
  if (transport == nullptr) return {remote->destination(domain), domain, std::nullopt};
  const auto endpoint = ip::Endpoint::parse(transport->target);
  return {transport->text(), domain, endpoint ? std::optional(*endpoint) : std::nullopt};
}

directory::Transport Queue::Impl::far_transport(const directory::Transport* transport,
                                                const smtp::Domain& domain) const {
  return transport != nullptr ? *transport : directory::Transport{Kind::smtp, remote->destination(domain)};
}

void Queue::Impl::put_back(const Job& job, const Down& why) {
  // What expires, or whose sender is due to hear of it, is not put off without a word
  const bool due = std::ranges::any_of(job.recipients, [&](std::uint32_t index) {
    const spool::Envelope& envelope = job.message->envelope;
    const WallMs late = late_at(options.notices, envelope, envelope.recipients[index]);
    const WallMs now = wall_now();
    return (late != 0 && now >= late) || now >= envelope.sending_since() + options.expire_after_ms;
  });
  if (why.untried && !due) {
    const auto left = std::chrono::duration_cast<milliseconds>(why.until - Clock::now()).count();
    job.message->try_again_in(jittered(std::max<std::int64_t>(left, 1)));
  } else {
    defer_all(job, why.reply);
  }
  finish_job(job);
}

void Queue::Impl::enqueue(Job job) {
  if (const auto at = down.find(job.destination); at != down.end()) {
    if (Clock::now() < at->second.until) return put_back(job, at->second);
    down.erase(at);
  }
  if (jobs.waiting(job.destination) >= kWaitingMax) {
    // Untried; others behind it may go elsewhere
    job.message->try_again_in(jittered(kCrowdedMs));
    return finish_job(job);
  }
  // A disk that hangs must not hold every slot either
  const std::size_t limit = job.transport.kind == Kind::maildir ? std::max<std::size_t>(1, options.concurrency / 2)
                                                                : options.destination_concurrency;
  const std::string destination = job.destination;
  const auto ahead = [priority = job.message->envelope.priority](const Job& other) {
    return priority > other.message->envelope.priority;
  };
  jobs.add(destination, std::max<std::size_t>(1, limit), std::move(job), ahead);
}

// Servers of others have their own limit, and those that may be dead have a share between them.
bool Queue::Impl::may_run(const Job& job, std::size_t running) const {
  if (!job.hop) return true;
  if (running >= std::max<std::size_t>(1, remote->concurrency(job.destination))) return false;
  if (!remote->doubtful(job.destination)) return true;
  return slots.room_for_doubtful() && (running == 0 || !slots.many_doubtful());
}

void Queue::Impl::dispatch() {
  slots.step(Clock::now());
  while (!stopping && slots.room()) {
    auto job = jobs.next([this](const Job& first, std::size_t running) { return may_run(first, running); });
    if (!job) return;
    first_attempts.begin(job->message->envelope.id);  // before the look at what is wanted
    if (!store.wanted(job->message->envelope.id)) {
      jobs.done(job->destination);
      finish_job(*job);  // as if it had not been tried
      continue;
    }
    scope.spawn(work(std::move(*job)));
  }
}

Task<Results> Queue::Impl::attempt(const Job& job, AttemptNote& note, io::Breaker& breaker) {
  const Id id = job.message->envelope.id;
  spool::Store* const from = &store;
  Result<std::unique_ptr<spool::Body>> body = fail(ErrorKind::storage, "not read");
  if (wall_now() - job.message->envelope.arrived < kFreshMs) {
    body = from->open_body(id);  // its octets are in the page cache still: cheaper than a way to the pool and back
  } else {
    body = co_await pool.run<Result<std::unique_ptr<spool::Body>>>([from, id] { return from->open_body(id); });
  }
  if (!body) {
    co_return Results(job.recipients.size(),
                      smtp::Reply(451, {4, 3, 0}, "reading the message from the spool: " + body.error().what));
  }
  const std::unique_ptr<spool::Body> whole = spool::with_fields_on_top(std::move(*body), job.message->envelope);
  const spool::Envelope& envelope = job.message->envelope;
  const std::shared_ptr<const directory::Directory> current = directory();
  const auto first = smtp::parse_mailbox(envelope.recipients.at(job.recipients.front()).forward_path, /*utf8=*/true);
  const bool foreign = first && current->transport(*first) == nullptr;
  const std::shared_ptr<const srs::Rewriter> rewriter = services.rewriter ? services.rewriter() : nullptr;
  const Attempt attempt{&envelope, job.recipients, whole.get(),
                        sender_of_attempt(envelope, foreign, *current, rewriter.get(), wall_now())};
  if (job.hop) co_return co_await remote->deliver(*job.hop, attempt, note, breaker);
  if (job.transport.kind == Kind::maildir) {
    co_return co_await deliver_maildir(pool, options.local, job.transport.target, attempt);
  }
  co_return co_await deliver_lmtp(loop, options.local, job.transport, attempt, &note, &breaker);
}

Task<void> Queue::Impl::work(Job job) {
  const WallMs start = wall_now();
  const Clock::time_point begun = Clock::now();
  const Slots::Handle slot = slots.begin(begun, job.hop.has_value(), job.hop && remote->doubtful(job.destination));
  AttemptNote note;
  Results results;
  io::Breaker breaker;
  breakers.insert(&breaker);
  try {
    results = co_await attempt(job, note, breaker);
  } catch (const std::exception& error) {
    // Out of memory, most likely: an attempt that ends in the middle must still give its message back
    results.assign(job.recipients.size(), smtp::Reply(451, {4, 3, 0}, std::string("internal error: ") + error.what()));
  }
  breakers.erase(&breaker);
  const auto spent = std::chrono::duration_cast<milliseconds>(Clock::now() - begun).count();
  if (breaker.cancelled()) {
    // Not the server's fault: no attempt is counted against those without a final answer
    note.unreachable = false;
    note.rest = milliseconds(0);
    keep_final(job.recipients, results, note);
  }
  if (!results.empty()) {
    account(*job.message, &job.transport, job.recipients, results, start, static_cast<std::uint32_t>(spent), &note);
  }
  slots.end(slot);
  jobs.done(job.destination);
  if ((note.unreachable || note.rest.count() > 0) && !results.empty()) {
    const bool untried = !note.unreachable;
    std::erase_if(down, [now = Clock::now()](const auto& entry) { return entry.second.until <= now; });
    const Down why{Clock::now() + (untried ? note.rest : milliseconds(kDownFor)), results.front(), untried};
    down[job.destination] = why;
    // Those behind it are told at once instead of each waiting for a connection that does not come
    for (const Job& waiting : jobs.take_waiting(job.destination)) put_back(waiting, why);
  }
  if (down.contains(job.destination)) {
    parking.call_back(job.destination, kParkedMax);
  } else if (jobs.waiting(job.destination) <= kWaitingMax / 2) {
    const bool one = job.hop && in_short_supply(job.destination);
    parking.call_back(job.destination, one ? 1 : kWaitingMax / 2);
  }
  finish_job(job);
  dispatch();
  signal.notify();
}

void Queue::Impl::defer_all(const Job& job, const smtp::Reply& reply) {
  account(*job.message, &job.transport, job.recipients, Results(job.recipients.size(), reply), wall_now(), 0);
}

void Queue::Impl::finish_job(const Job& job) {
  if (--job.message->jobs == 0) finish(job.message);
}

// Turns replies into outcomes, a record, and a log line for each recipient.
void Queue::Impl::account(Message& message, const directory::Transport* transport,
                          const std::vector<std::uint32_t>& indexes, const Results& results, WallMs start,
                          std::uint32_t duration_ms, const AttemptNote* note) {
  POSTERN_CHECK(results.size() == indexes.size());
  const Judgement judgement{options, message.envelope, transport, start, duration_ms, note};
  record::DeliveryRecord record = judgement.record();
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    Verdict verdict = judgement.verdict(indexes[i], results[i]);
    if (verdict.outcome.state == spool::RecipientState::pending) message.try_again_in(verdict.delay_ms);
    if (results[i].positive())
      message.taken = true;
    else if (!message.refusal || (results[i].temporary() && message.refusal->permanent()))
      message.refusal = results[i];
    judgement.log(verdict);
    if (services.taken_elsewhere && note != nullptr && note->family &&
        verdict.outcome.state == spool::RecipientState::delivered)
      services.taken_elsewhere(message.envelope, message.envelope.recipients[indexes[i]]);
    if (auto told = judgement.tell(verdict, i)) message.told.push_back(std::move(*told));
    record.attempt = std::max(record.attempt, verdict.attempt);
    if (record.outcomes.size() < record::kRecipientsMax) {
      record.outcomes.push_back(
          {message.envelope.recipients[indexes[i]].forward_path, std::string(verdict.word), verdict.outcome.reply});
    } else {
      record.beyond.add(verdict.word);
    }
    message.outcomes.push_back(std::move(verdict.outcome));
  }
  record::count(record);
  if (records != nullptr) records->append(record);
}

// Nobody took it, and its sender's server is still there to be told: no message of ours is needed for that.
void Queue::Impl::hand_back(Message& message) {
  message.outcomes.clear();
  for (std::uint32_t i = 0; i < message.envelope.recipients.size(); ++i)
    message.outcomes.push_back({.index = i, .state = spool::RecipientState::dropped, .reply = {}});
  message.delay_ms = -1;
  close(message);
}

void Queue::Impl::finish(std::shared_ptr<Message> message) {
  if (const FirstAttemptEnded ended = first_attempts.take(message->envelope.id)) {
    if (!message->taken) {
      hand_back(*message);
      return ended(message->refusal.value_or(
          smtp::Reply(451, {4, 3, 2}, "The server behind this one has no room for the message now")));
    }
    ended(std::nullopt);
  }
  const bool tried = !message->outcomes.empty() || message->delay_ms >= 0;
  if (tried) std::ranges::move(expanded(message->envelope), std::back_inserter(message->told));
  if (message->told.empty()) return close(*message);
  scope.spawn(tell_and_close(std::move(message)));
}

// The news are in the store before what they are about is settled.
Task<void> Queue::Impl::tell_and_close(std::shared_ptr<Message> message) {
  Notifier::Outcome outcome = Notifier::Outcome::later;
  try {
    outcome = co_await notifier.tell(message->envelope, message->told, directory());
  } catch (const std::exception& error) {
    log::error("notification_failed", {{"id", message->envelope.id.text()}, {"error", error.what()}});
  }
  if (outcome != Notifier::Outcome::told) {
    for (const Told& told : message->told) {
      const auto found = std::ranges::find(message->outcomes, told.index, &spool::RecipientOutcome::index);
      if (found == message->outcomes.end()) continue;
      found->delay_told = false;
      if (found->state != spool::RecipientState::bounced) continue;
      if (outcome == Notifier::Outcome::nobody) {
        found->state = spool::RecipientState::failed;
        continue;
      }
      // The failure is not settled without its notification: the attempt is repeated, and then that. Who was told in
      // another report of this round is not told again.
      found->state = spool::RecipientState::pending;
      message->try_again_in(jittered(options.retry_first_ms));
    }
  }
  close(*message);
  signal.notify();
}

void Queue::Impl::close(Message& message) {
  --messages;
  recipients -= message.envelope.recipients.size();
  const Id id = message.envelope.id;
  if (message.outcomes.empty() && message.delay_ms < 0) return store.release_active(id);
  const WallMs next = wall_now() + std::max<std::int64_t>(0, message.delay_ms);
  settling.settle(id, {std::move(message.outcomes), next});
  if (settling.kept() > 0) signal.notify();
}

Queue::Queue(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, record::Writer* records, QueueOptions options,
             std::function<std::shared_ptr<const directory::Directory>()> directory, Remote* remote)
    : impl_(std::make_unique<Impl>(loop, pool, store, records, std::move(options), std::move(directory), remote)) {}

Queue::~Queue() {
  impl_->door->open.store(false);
  impl_->store.on_due({});
}

void Queue::use(QueueServices services) { impl_->services = std::move(services); }

void Queue::start() {
  POSTERN_CHECK(!impl_->started);
  impl_->started = true;
  impl_->store.on_due([door = impl_->door] { Impl::Door::knock(door); });
  impl_->scope.spawn(impl_->run());
}

FirstAttempts& Queue::first_attempts() { return impl_->first_attempts; }

void Queue::wake() { Impl::Door::knock(impl_->door); }

void Queue::retry_now() {
  impl_->down.clear();
  impl_->signal.notify();
}

Task<void> Queue::Impl::break_off(Deadline deadline) {
  const bool ended = co_await all_ended.wait(deadline);
  if (ended || breakers.empty()) co_return;
  log::warning("deliveries_broken_off",
               {{"running", breakers.size()}, {"why", "they did not end in time at the stop"}});
  for (io::Breaker* breaker : breakers) breaker->cancel();
}

Task<void> Queue::stop(Deadline deadline) {
  Impl& queue = *impl_;
  queue.stopping = true;
  for (const Job& job : queue.jobs.take_all_waiting()) queue.finish_job(job);
  queue.signal.notify();
  io::Scope closing(queue.loop);
  closing.spawn(queue.break_off(deadline));
  co_await queue.scope.join();
  queue.all_ended.notify();
  co_await closing.join();
}

}  // namespace postern::delivery
