// Helpers for delivery's tests: temporary folders, coroutines run to their end on a loop, a body in memory, and an LMTP
// server that plays a script over a real socket on loopback.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"
#include "spool/store.h"

namespace postern::delivery::test {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-delivery-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) out.push_back(entry.path());
  return out;
}

template <class T>
Task<void> keep_and_stop(Task<T> task, std::optional<T>& out, io::Loop& loop) {
  out.emplace(co_await task);
  loop.stop();
}
inline Task<void> wait_and_stop(Task<void> task, io::Loop& loop) {
  co_await task;
  loop.stop();
}
template <class T>
T run(io::Loop& loop, Task<T> task) {
  std::optional<T> out;
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(keep_and_stop(std::move(task), out, loop)); });
  loop.run();
  return std::move(*out);
}
inline void run(io::Loop& loop, Task<void> task) {
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(wait_and_stop(std::move(task), loop)); });
  loop.run();
}

class TextBody final : public spool::Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    if (broken_at && offset >= *broken_at) return fail(ErrorKind::storage, "checksum does not match");
    if (offset >= text_.size()) return std::string();
    return text_.substr(offset, std::min(max, step));
  }
  std::optional<std::uint64_t> broken_at;
  std::size_t step = 64 * 1024;

 private:
  std::string text_;
};

inline spool::Envelope envelope_to(std::vector<std::string> to) {
  spool::Envelope envelope;
  envelope.id = Id::make(wall_now());
  envelope.arrived = wall_now();
  envelope.reverse_path = "sender@example.net";
  for (std::string& path : to) {
    spool::Recipient recipient;
    recipient.forward_path = std::move(path);
    envelope.recipients.push_back(std::move(recipient));
  }
  return envelope;
}

// Says `script[0]` on connect; after that, each time what came in since ends with `until` of the next step, it says the
// step's answer. At the end of the script it closes. Everything that came in is in `heard`.
struct Step {
  std::string until;
  std::string answer;
};
class ScriptedServer {
 public:
  ScriptedServer(io::Loop& loop, std::string greeting, std::vector<Step> steps, bool hang_up = true,
                 const ip::Endpoint& at = {ip::Address::loopback(ip::Family::v6), 0})
      : loop_(loop), greeting_(std::move(greeting)), steps_(std::move(steps)), hang_up_(hang_up), scope_(loop) {
    auto fd = io::bind_listener(at, {});
    EXPECT_TRUE(fd.has_value());
    endpoint = io::local_endpoint(fd->get()).value();
    listener_ = std::make_unique<io::Listener>(loop_, std::move(*fd), false, false, [this](io::Accepted accepted) {
      ++connections;
      if (on_change) on_change();
      scope_.spawn(serve(std::move(accepted.fd)));
    });
  }
  // Before destruction, on the loop.
  Task<void> stop() {
    listener_.reset();
    co_await scope_.join();
  }
  ip::Endpoint endpoint;
  std::string heard;
  std::function<void()> on_change;  // at each connection, and when a step's answer was sent
  int connections = 0;
  std::size_t answered = 0;  // steps

 private:
  Task<void> serve(UniqueFd fd) {
    auto stream = io::make_stream(loop_, std::move(fd));
    const Deadline deadline = Deadline::after(seconds(20));
    std::string since;
    static_cast<void>(co_await stream->send(greeting_, deadline));
    for (const Step& step : steps_) {
      while (!since.ends_with(step.until)) {
        const auto got = co_await stream->receive(deadline);
        if (!got || got->empty()) co_return;
        since += *got;
        heard += *got;
      }
      since.clear();
      static_cast<void>(co_await stream->send(step.answer, deadline));
      ++answered;
      if (on_change) on_change();
    }
    while (!hang_up_) {
      const auto got = co_await stream->receive(deadline);
      if (!got || got->empty()) break;
      heard += *got;
    }
    co_await stream->close(Deadline::after(seconds(1)));
  }
  io::Loop& loop_;
  std::string greeting_;
  std::vector<Step> steps_;
  bool hang_up_;
  io::Scope scope_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace postern::delivery::test
