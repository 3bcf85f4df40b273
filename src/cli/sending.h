// Sending: what the process needs for mail to servers of others: the resolver of the queue's loop and the sending
// side itself, made of the configuration. `tls` outlives it. Thread rule: the main loop's.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "config/config.h"
#include "delivery/remote.h"
#include "io/loop.h"
#include "outbound/tls_policy.h"
#include "resolver/unbound.h"

namespace postern::cli {

class Sending {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Sending>> open(io::Loop& loop, io::BlockingPool& pool,
                                                             const config::Config& config,
                                                             std::shared_ptr<resolver::Unbound> unbound,
                                                             outbound::TlsPolicy& tls);
  ~Sending();
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  [[nodiscard]] delivery::Remote& remote();
  // What is demanded of connections has changed: those that are kept idle are closed.
  void renew();
  // What is remembered of the families of other servers, as outbound::FamilyMemory::save() writes it.
  [[nodiscard]] std::string families() const;
  void start();
  void reload(const config::Config& config);
  // Once the queue has stopped.
  [[nodiscard]] Task<void> stop();

 private:
  struct Impl;
  explicit Sending(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::cli
