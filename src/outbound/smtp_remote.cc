#include "outbound/smtp_remote.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "base/unique_fd.h"
#include "outbound/remote_attempt.h"

namespace postern::outbound {

namespace {

constexpr seconds kSaveInterval{300};

Result<std::string> read_memory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::string();
    return fail_errno(ErrorKind::storage, "opening " + path, errno);
  }
  std::string text;
  std::array<char, 65536> block;
  while (text.size() < kMemoryFileMax) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::storage, "reading " + path, errno);
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Whole or not at all. Not synced: what is lost with the power is learned again.
Result<void> write_memory(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "making " + fresh, errno);
  while (!text.empty()) {
    const ssize_t put = ::write(fd.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(ErrorKind::storage, "writing " + fresh, errno);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "renaming " + fresh, errno);
  return {};
}

}  // namespace

const RouteOptions* find_route(const Options& options, const smtp::Domain& domain) {
  const RouteOptions* best = nullptr;
  std::size_t best_length = 0;
  const std::string name = domain.text();
  for (const RouteOptions& route : options.routes) {
    for (const std::string& pattern : route.domains) {
      const bool below = pattern.starts_with('.') && name.size() > pattern.size() && name.ends_with(pattern);
      if (name != pattern && !below && pattern != "*") continue;
      // The name itself, then the longest of those above it
      const std::size_t length = name == pattern ? SIZE_MAX : pattern.size();
      if (best != nullptr && length <= best_length) continue;
      best = &route;
      best_length = length;
    }
  }
  if (best != nullptr) return best;
  return options.smarthost ? &*options.smarthost : nullptr;
}

struct SmtpRemote::Impl {
  Shared shared;
  io::BlockingPool& pool;
  std::shared_ptr<const Options> options;
  io::Scope scope;
  io::Signal stopping_signal;
  bool stopping = false;
  bool started = false;

  Impl(io::Loop& loop, io::BlockingPool& blocking, Options chosen, dns::Resolver& resolver, TlsPolicy& tls,
       std::size_t destination_concurrency)
      : shared{loop,
               resolver,
               tls,
               FamilyMemory(),
               Pace(destination_concurrency),
               ConnectionPool(loop, chosen.idle_ms),
               blocking,
               std::minstd_rand(std::random_device{}())},
        pool(blocking),
        options(std::make_shared<const Options>(std::move(chosen))),
        scope(loop),
        stopping_signal(loop) {}

  Task<void> keep_memory() {
    while (!stopping) {
      co_await stopping_signal.wait(Deadline::after(kSaveInterval));
      if (stopping) break;
      co_await save();
    }
  }

  Task<void> save() {
    if (options->memory_file.empty() || !shared.memory.changed()) co_return;
    const std::string text = shared.memory.save();
    shared.memory.saved();
    const std::string path = options->memory_file;
    const auto written = co_await pool.run<Result<void>>([&path, &text] { return write_memory(path, text); });
    if (!written) log::warning("families_not_saved", {{"why", written.error().what}});
  }
};

SmtpRemote::SmtpRemote(io::Loop& loop, io::BlockingPool& pool, Options options, dns::Resolver& resolver, TlsPolicy& tls,
                       std::size_t destination_concurrency)
    : impl_(std::make_unique<Impl>(loop, pool, std::move(options), resolver, tls, destination_concurrency)) {}

SmtpRemote::~SmtpRemote() = default;

void SmtpRemote::start() {
  Impl& own = *impl_;
  POSTERN_CHECK(!std::exchange(own.started, true));
  if (!own.options->memory_file.empty()) {
    const auto text = read_memory(own.options->memory_file);
    if (text) {
      own.shared.memory.load(*text, wall_now());
    } else {
      log::warning("families_not_read", {{"why", text.error().what}});
    }
  }
  own.shared.pool.start();
  own.scope.spawn(own.keep_memory());
}

void SmtpRemote::reload(Options options) {
  impl_->options = std::make_shared<const Options>(std::move(options));
  impl_->shared.pool.renew();
}

void SmtpRemote::renew_connections() { impl_->shared.pool.renew(); }

Task<void> SmtpRemote::stop() {
  Impl& own = *impl_;
  own.stopping = true;
  own.stopping_signal.notify();
  co_await own.shared.pool.stop();
  co_await own.scope.join();
  co_await own.save();
}

std::string SmtpRemote::destination(const smtp::Domain& domain) const {
  const RouteOptions* const route = find_route(*impl_->options, domain);
  if (route == nullptr || !route->via) return domain.text();
  // Domains share a next hop only where they share all that is demanded of it
  std::string text = "via " + route->via->text();
  if (!route->user.empty()) text += " as " + route->user;
  if (route->tls != TlsDemand::published) text += " tls " + std::to_string(static_cast<int>(route->tls));
  if (route->families.size() == 1) text += route->families.front() == ip::Family::v6 ? " ipv6" : " ipv4";
  return text;
}

std::size_t SmtpRemote::concurrency(const std::string& destination) const {
  return impl_->shared.pace.window(destination);
}

bool SmtpRemote::doubtful(const std::string& destination) const {
  return impl_->shared.pace.doubtful(destination, Clock::now());
}

Task<delivery::Results> SmtpRemote::deliver(delivery::RemoteHop hop, const delivery::Attempt& attempt,
                                            delivery::AttemptNote& note, io::Breaker& breaker) {
  RemoteAttempt one(impl_->shared, impl_->options, std::move(hop), attempt, note, breaker);
  co_return co_await one.run();
}

const FamilyMemory& SmtpRemote::memory() const { return impl_->shared.memory; }

std::size_t SmtpRemote::idle_connections() const { return impl_->shared.pool.idle(); }

}  // namespace postern::outbound
