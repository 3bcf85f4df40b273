// The process and its surroundings: signals on a loop, sd_notify, inherited sockets, dropping privileges, limits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/loop.h"

namespace postern::io {

// Calls `handler(signo)` on the loop's thread for each of `signals` (SIGTERM, SIGINT, SIGHUP). SIGPIPE and SIGXFSZ are
// ignored for good.
class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, std::vector<int> signals, std::function<void(int)> handler);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// sd_notify(3): "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STOPPING=1", "STATUS=...". Nothing without
// NOTIFY_SOCKET.
void notify_supervisor(std::string_view state);

// sd_listen_fds(3): descriptors passed by the supervisor, with their names (LISTEN_FDNAMES). Once per process.
struct InheritedSocket {
  UniqueFd fd;
  std::string name;
};
[[nodiscard]] std::vector<InheritedSocket> inherited_sockets();

// Started as root with a user to become: initgroups, setgid, setuid, no way back, dumpable off, NO_NEW_PRIVS on.
[[nodiscard]] Result<void> drop_privileges(const std::string& user);
[[nodiscard]] bool running_as_root();

// Raises RLIMIT_NOFILE to its hard limit (or `wanted`, where permitted); returns what is in force.
std::size_t raise_file_limit(std::size_t wanted);

}  // namespace postern::io
