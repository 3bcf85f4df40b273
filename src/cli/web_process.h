// WebProcess: the pages' own process, as the server keeps it: the same program, started with the sockets that were
// bound before privileges were dropped, restarted where it ends by itself, ended with the server. Thread rule: any
// thread; stop() waits for its end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace postern::cli {

class WebProcess {
 public:
  WebProcess(std::string config_file, std::vector<UniqueFd> sockets);
  ~WebProcess();
  WebProcess(const WebProcess&) = delete;
  WebProcess& operator=(const WebProcess&) = delete;
  void start();
  void restart();  // with the configuration as it is now
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::cli
