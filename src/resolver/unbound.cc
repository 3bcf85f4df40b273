#include "resolver/unbound.h"

#include <sys/eventfd.h>
#include <unbound.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/counters.h"
#include "base/log.h"
#include "resolver/translate.h"
#include "resolver/unbound_impl.h"

namespace postern::resolver {

namespace {

Counter lookups("postern_dns_lookups_total");
Counter failures("postern_dns_lookup_failures_total");
Counter deaths("postern_dns_resolver_deaths_total");
constexpr auto kBounds = std::to_array<std::int64_t>(
    {1000, 5000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000});
Histogram lookup_time("postern_dns_lookup_seconds", kBounds);

constexpr seconds kFindOutWithin{1};            // why libunbound said SERVFAIL
constexpr std::size_t kQuestionsForProbes = 8;  // never used up by that
constexpr std::uint8_t kNoError = 0, kServfail = 2, kNxdomain = 3;
constexpr int kClassIn = 1;

struct FreeResult {
  void operator()(ub_result* result) const { ub_resolve_free(result); }
};

bool is_answer(const dns::Answer& answer) {
  return !is_temporary(answer.status) || answer.status == dns::Status::refused || answer.status == dns::Status::bogus;
}

std::vector<ip::Endpoint> probed(const Context& context) {
  return context.servers.empty() ? root_servers() : context.servers;
}

}  // namespace

void Port::close() {
  const MutexLock lock(mutex_);
  loop_ = nullptr;
  receiver_ = nullptr;
}

void Port::deliver(Key key, dns::AnswerPtr answer) {
  const MutexLock lock(mutex_);
  if (loop_ == nullptr) return;
  loop_->post([port = shared_from_this(), k = std::move(key), a = std::move(answer)]() mutable {
    if (port->receiver_ != nullptr) port->receiver_->arrived(k, std::move(a));
  });
}

void Port::tell_nobody_answers() {
  const MutexLock lock(mutex_);
  if (loop_ == nullptr) return;
  loop_->post([port = shared_from_this()] {
    if (port->receiver_ != nullptr) port->receiver_->nobody_answers();
  });
}

Unbound::Impl::Impl(const Options& options, Context made)
    : timeout(std::max<std::int64_t>(options.lookup_timeout_ms, 1)),
      cache_entries(options.cache_entries),
      cache_bytes(options.cache_bytes),
      in_flight_max(options.in_flight_max),
      context(std::move(made)),
      wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      health(timeout),
      prober(probed(context)) {
  POSTERN_CHECK(wake_fd.valid());
  thread = std::thread([this] { run(); });
}

Unbound::Impl::~Impl() {
  {
    const MutexLock lock(mutex);
    stopping = true;
  }
  wake();
  thread.join();
  context.unbound.reset();  // before what its callbacks point to
}

void Unbound::Impl::add(const std::shared_ptr<Port>& port) {
  const MutexLock lock(mutex);
  std::erase_if(ports, [](const auto& other) { return other.expired(); });
  ports.push_back(port);
}

bool Unbound::Impl::submit(std::shared_ptr<Port> port, Key key) {
  if (in_flight.fetch_add(1, std::memory_order_relaxed) >= in_flight_max) {
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  bool first = false;
  {
    const MutexLock lock(mutex);
    first = queue.empty();
    queue.push_back({std::move(port), std::move(key)});
  }
  if (first) wake();
  return true;
}

void Unbound::Impl::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd.get(), &one, sizeof one);
}

bool Unbound::Impl::take_commands(std::vector<Command>& commands) {
  commands.clear();
  const MutexLock lock(mutex);
  commands.swap(queue);
  return !stopping;
}

void Unbound::Impl::run() {
  std::vector<Command> commands;
  while (take_commands(commands)) {
    for (auto& command : commands) start(std::move(command));
    prober.turn(Clock::now());
    look_after_health();
    wait();
  }
}

void Unbound::Impl::wait() {
  const auto until = std::min(health.next(), prober.next());
  int timeout_ms = -1;
  if (until != Clock::time_point::max()) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  descriptors.clear();
  descriptors.push_back({wake_fd.get(), POLLIN, 0});
  descriptors.push_back({broken ? -1 : ub_fd(context.unbound.get()), POLLIN, 0});
  prober.add_to(descriptors);
  if (::poll(descriptors.data(), descriptors.size(), timeout_ms) <= 0) return;
  if (descriptors[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_fd.get(), &count, sizeof count);
  }
  if (descriptors[1].revents != 0 && ub_process(context.unbound.get()) != 0) {
    log::error("internal_error", {{"where", "resolver"}, {"what", "libunbound's thread does not answer any more"}});
    broken = true;
    fail_all();
  }
}

void Unbound::Impl::start(Command command) {
  lookups.add();
  auto made = std::make_unique<Pending>();
  Pending& entry = *made;
  entry.impl = this;
  entry.id = ++last_id;
  entry.port = std::move(command.port);
  entry.key = std::move(command.key);
  entry.name = dns::Name::parse(entry.key.name).value_or(dns::Name());
  entry.started = Clock::now();
  health.lookup_started(entry.started);
  pending.emplace(entry.id, std::move(made));
  const int error = broken ? UB_PIPE
                           : ub_resolve_async(context.unbound.get(), presentation(entry.name).c_str(),
                                              static_cast<int>(entry.key.type), kClassIn, &entry, on_result, nullptr);
  if (error != 0) {
    finish(entry.id, *dns::failed_answer(dns::Status::servfail, std::string("libunbound: ") + ub_strerror(error)));
  }
}

void Unbound::Impl::on_result(void* pending, int error, ub_result* result) {
  const std::unique_ptr<ub_result, FreeResult> owned(result);
  auto& entry = *static_cast<Pending*>(pending);
  Impl& impl = *entry.impl;
  impl.ended(entry, translate(entry.name, entry.key.type, error, result, impl.context));
}

void Unbound::Impl::ended(Pending& entry, dns::Answer answer) {
  if (dns::are_signatures_stripped(answer)) warn_of_stripping(answer);
  // A plain SERVFAIL; those that translate() makes have no canonical name, and say why.
  if (answer.status == dns::Status::servfail && answer.canonical == entry.name) {
    find_out_why(entry, std::move(answer));
  } else {
    finish(entry.id, std::move(answer));
  }
}

void Unbound::Impl::warn_of_stripping(const dns::Answer& answer) {
  if (warned_of_stripping) return;
  warned_of_stripping = true;
  log::warning("dns_no_signatures",
               {{"what", "the servers hand over no DNSSEC signatures, so that signed names are bogus: " + answer.why},
                {"remedy", "name other servers in [dns], set recurse = true, or dnssec = false"}});
}

// libunbound says SERVFAIL also where a server refused, and where none answered. Asked once more without it, a server
// says which it was. Recursing, there are too many servers to ask.
void Unbound::Impl::find_out_why(Pending& entry, dns::Answer answer) {
  const auto now = Clock::now();
  if (context.servers.empty() || prober.open() + kQuestionsForProbes >= Prober::kQuestionsMax ||
      now - entry.started >= timeout) {
    finish(entry.id, std::move(answer));
    return;
  }
  const auto deadline = std::min(now + kFindOutWithin, entry.started + timeout);
  const bool asked = prober.ask(entry.name, entry.key.type, deadline, [this, id = entry.id](auto code) {
    if (!code) {
      finish(id, *dns::failed_answer(dns::Status::timeout, "no server answered"));
      return;
    }
    health.server_answered(Clock::now());
    if (*code == kNoError || *code == kNxdomain) {
      finish(id, *dns::failed_answer(dns::Status::servfail, "the answer of the server leads nowhere"));
    } else if (*code == kServfail) {
      finish(id, *dns::failed_answer(dns::Status::servfail, "the server says SERVFAIL"));
    } else {
      finish(id,
             *dns::failed_answer(dns::Status::refused, "the server refuses: response code " + std::to_string(*code)));
    }
  });
  if (!asked) finish(entry.id, std::move(answer));
}

void Unbound::Impl::finish(std::uint64_t id, dns::Answer answer) {
  const auto found = pending.find(id);
  if (found == pending.end()) return;
  const std::unique_ptr<Pending> entry = std::move(found->second);
  pending.erase(found);
  in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (is_temporary(answer.status)) failures.add();
  const auto now = Clock::now();
  lookup_time.add_us(std::chrono::duration_cast<std::chrono::microseconds>(now - entry->started).count());
  health.lookup_ended(now, entry->started, is_answer(answer));
  entry->port->deliver(std::move(entry->key), std::make_shared<const dns::Answer>(std::move(answer)));
}

// Only once libunbound is broken: no callback comes any more.
void Unbound::Impl::fail_all() {
  std::vector<std::uint64_t> ids;
  ids.reserve(pending.size());
  for (const auto& [id, entry] : pending) ids.push_back(id);
  for (const auto id : ids) finish(id, *dns::failed_answer(dns::Status::servfail, "libunbound's thread ended"));
}

void Unbound::Impl::probe() {
  const auto now = Clock::now();
  (void)prober.ask(dns::Name(), dns::Type::ns, now + std::max<Clock::duration>(timeout / 2, seconds(1)),
                   [this](auto code) {
                     if (code) health.server_answered(Clock::now());
                   });
  if (health.dead() && health.probes_are_futile()) canary.store(true, std::memory_order_relaxed);
}

void Unbound::Impl::look_after_health() {
  for (auto act = health.poll(Clock::now()); act != Health::Act::nothing; act = health.poll(Clock::now())) probe();
  if (health.dead() == dead.load(std::memory_order_relaxed)) return;
  dead.store(health.dead(), std::memory_order_relaxed);
  if (!health.dead()) {
    canary.store(false, std::memory_order_relaxed);
    log::info("dns_alive", {{"what", "a server answers again"}});
    return;
  }
  deaths.add();
  log::warning("dns_dead", {{"what", "no server has answered for " + std::to_string(timeout.count()) + " ms"},
                            {"remedy", "mail flows, names are unknown; see servers in [dns] or /etc/resolv.conf"}});
  std::vector<std::shared_ptr<Port>> open;
  {
    const MutexLock lock(mutex);
    for (const auto& port : ports) {
      if (auto strong = port.lock()) open.push_back(std::move(strong));
    }
  }
  for (const auto& port : open) port->tell_nobody_answers();
}

Unbound::Unbound(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Unbound::~Unbound() = default;
bool Unbound::held_for_dead() const { return impl_->dead.load(std::memory_order_relaxed); }

Result<std::shared_ptr<Unbound>> Unbound::open(const Options& options) {
  POSTERN_TRY(Context context, make_context(options));
  return std::shared_ptr<Unbound>(new Unbound(std::make_unique<Impl>(options, std::move(context))));
}

}  // namespace postern::resolver
