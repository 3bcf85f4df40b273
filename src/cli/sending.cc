#include "cli/sending.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "io/sockaddr.h"
#include "io/tls.h"
#include "outbound/identity_check.h"
#include "outbound/smtp_remote.h"
#include "outbound/tls_policy.h"

namespace postern::cli {

namespace {

constexpr seconds kIdentityTime{30};

// Mail that would lead back to one of our own listeners is a loop.
outbound::Options options_of(const config::Config& config) {
  outbound::Options options = config.outbound;
  const std::vector<ip::Address> addresses = io::interface_addresses();
  for (const inbound::ListenerOptions& listener : config.inbound.listeners) {
    for (const ip::Endpoint& endpoint : listener.addresses) {
      if (!endpoint.address.is_any()) options.listeners.push_back(endpoint);
      for (const ip::Address& address : addresses) {
        if (!endpoint.address.is_any() || address.family() != endpoint.address.family()) continue;
        options.listeners.push_back({address, endpoint.port});
      }
    }
  }
  return options;
}

}  // namespace

struct Sending::Impl {
  Impl(io::Loop& loop, io::BlockingPool& pool, const config::Config& config, std::shared_ptr<resolver::Unbound> unbound,
       outbound::TlsPolicy& tls)
      : names(std::move(unbound), loop),
        remote(loop, pool, options_of(config), names, tls, config.queue.destination_concurrency),
        budget(outbound::kIdentityLookups, Deadline::after(kIdentityTime)),
        scope(loop) {
    // Only where mail goes out, and our own name and address are what others see
    const bool submits = std::ranges::any_of(config.inbound.listeners, &inbound::ListenerOptions::is_submission);
    checks_identity = (submits || !config.inbound.relay_from.empty()) && !config.outbound.smarthost;
    identity = config.outbound;
  }

  // Receivers look at the name and the address that mail comes from; what they would find wrong is said at start.
  Task<void> check_identity() {
    const std::vector<std::string> problems =
        co_await outbound::check_identity(names, identity, io::interface_addresses(), budget);
    if (budget.cancelled()) co_return;
    for (const std::string& problem : problems) log::warning("outbound_identity", {{"problem", problem}});
  }

  resolver::CachedResolver names;
  outbound::SmtpRemote remote;
  outbound::Options identity;
  bool checks_identity = false;
  dns::Budget budget;
  io::Scope scope;
};

Sending::Sending(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sending::~Sending() = default;

Result<std::unique_ptr<Sending>> Sending::open(io::Loop& loop, io::BlockingPool& pool, const config::Config& config,
                                               std::shared_ptr<resolver::Unbound> unbound, outbound::TlsPolicy& tls) {
  return std::unique_ptr<Sending>(new Sending(std::make_unique<Impl>(loop, pool, config, std::move(unbound), tls)));
}

delivery::Remote& Sending::remote() { return impl_->remote; }

void Sending::renew() { impl_->remote.renew_connections(); }
std::string Sending::families() const { return impl_->remote.memory().save(); }

void Sending::start() {
  impl_->remote.start();
  if (impl_->checks_identity) impl_->scope.spawn(impl_->check_identity());
}

void Sending::reload(const config::Config& config) { impl_->remote.reload(options_of(config)); }

Task<void> Sending::stop() {
  impl_->budget.cancel();
  co_await impl_->scope.join();
  co_await impl_->remote.stop();
}

}  // namespace postern::cli
