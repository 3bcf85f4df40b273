// Helpers for io's tests: run coroutines on a loop to their end, make connected pairs, temporary folders, certificates.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/tls.h"

namespace postern::io::test {

inline Deadline soon() {
  return Deadline::after(seconds(20));
}  // far more than anything takes: a hang fails, slowness not
inline Deadline short_wait() { return Deadline::after(milliseconds(20)); }

inline Task<void> join_and_stop(Scope& scope, Loop& loop) {
  co_await scope.join();
  loop.stop();
}

// Runs tasks together until all have ended.
template <class... Tasks>
void run_all(Loop& loop, Tasks... tasks) {
  Scope scope(loop);
  Scope outer(loop);
  loop.post([&] {
    (scope.spawn(std::move(tasks)), ...);
    outer.spawn(join_and_stop(scope, loop));
  });
  loop.run();
}

template <class T>
Task<void> keep(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await task);
}

template <class T>
T run(Loop& loop, Task<T> task) {
  std::optional<T> out;
  run_all(loop, keep(std::move(task), out));
  return std::move(*out);
}
inline void run(Loop& loop, Task<void> task) { run_all(loop, std::move(task)); }

struct Pair {
  std::unique_ptr<Stream> a;
  std::unique_ptr<Stream> b;
};

inline std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}
inline Pair stream_pair(Loop& loop) {
  auto [a, b] = socket_pair();
  return {make_stream(loop, std::move(a)), make_stream(loop, std::move(b))};
}

inline Task<Result<std::string>> receive_text(Stream& stream, Deadline deadline = soon()) {
  auto got = co_await stream.receive(deadline);
  if (!got) co_return std::unexpected(got.error());
  co_return std::string(*got);
}
// Until the end.
inline Task<Result<std::string>> receive_all(Stream& stream) {
  std::string out;
  for (;;) {
    auto got = co_await stream.receive(soon());
    if (!got) co_return std::unexpected(got.error());
    if (got->empty()) co_return out;
    out += *got;
  }
}

class TempDir {
 public:
  TempDir() {
    path_ = (std::filesystem::temp_directory_path() / "postern_io_XXXXXX").string();
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline TlsCertificate make_certificate(const TempDir& folder, const std::string& name) {
  TlsCertificate out{folder.file(name + ".crt"), folder.file(name + ".key"), {}};
  const auto made = ensure_self_signed(out.certificate, out.key, name);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().what);
  return out;
}

}  // namespace postern::io::test
