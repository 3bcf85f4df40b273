// WebProcess: the pages' own process, as the server keeps it: the same program, started with the sockets that were
// bound and the certificates that were read before privileges were dropped, restarted where it ends by itself, ended
// with the server. Thread rule: any thread; stop() waits for its end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "io/tls.h"

namespace postern::cli {

class WebProcess {
 public:
  // Reads the certificates now. Where that fails it says so, and the process itself tries.
  WebProcess(std::string config_file, std::vector<UniqueFd> sockets, const io::TlsServerOptions& tls);
  ~WebProcess();
  WebProcess(const WebProcess&) = delete;
  WebProcess& operator=(const WebProcess&) = delete;
  void start();
  // With the configuration as it is now, and the certificates as they are now where this user may read them; else with
  // those in force, as [tls] does.
  void restart(const io::TlsServerOptions& tls);
  void stop();

 private:
  void read_certificates(const io::TlsServerOptions& tls);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::cli
