// The control socket: data_dir/control.sock (0600), one JSON object a line each way. The server side dispatches
// commands to handlers that run on its loop; the client side is what `postern queue` and its kin use. Requests:
//   {"command": "queue.list", ...}   ->   {"ok": true, ...} or {"ok": false, "error": "...", "kind": "not_found"}
// A line is at most 1 MiB, a client waits at most its deadline, at most 64 clients at once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "spool/store.h"

namespace postern::control {

using Handler = std::function<Task<Result<json::Value>>(json::Value request)>;

class Server {
 public:
  Server(io::Loop& loop, UniqueFd listening);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  void handle(std::string command, Handler handler);  // before start()
  void start();
  [[nodiscard]] Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Blocking, for command line tools: connects, sends, reads one line. The answer where it is ok, else the server's error
// with its kind. ErrorKind::not_found with sys set (ENOENT, ECONNREFUSED) when no server listens there.
[[nodiscard]] Result<json::Value> request(const std::string& socket_path, const json::Value& request,
                                          int timeout_ms = 10000);
// Of that error: no server listens, and a tool may work on the files itself.
[[nodiscard]] bool nobody_serves(const Error& error);

// queue.list {after?, max?} (at most 1000 rows; "next" is the `after` of the rest), queue.show {id, from?} (recipients
// from index `from`; "next_recipient" where more follow), queue.hold|release|retry|drop {id} or {all: true},
// queue.status. Also used without a server, directly on a store opened under its lock.
[[nodiscard]] Result<json::Value> queue_command(spool::Store& store, const json::Value& request, WallMs now);
void add_queue_commands(Server& server, spool::Store& store, std::function<void()> wake);

}  // namespace postern::control
