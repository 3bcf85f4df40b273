// ServerProcess: `postern serve` as an object: opens everything in the order that privileges ask for, serves until a
// signal, reloads, drains. The wiring of the house; decisions live in the modules.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/config.h"

namespace postern::cli {

class ServerProcess {
 public:
  explicit ServerProcess(std::shared_ptr<const config::Config> config);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Sockets and configured keys first (they may need root), then the user is changed, then state is opened.
  [[nodiscard]] Result<void> open();
  // Says "ready", serves, returns after SIGTERM or SIGINT when all is drained and closed.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::cli
