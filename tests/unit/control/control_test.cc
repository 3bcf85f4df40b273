// The control socket for real: a server on a loop of its own thread, blocking clients on the test's.
#include "control/control.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "control/metrics_commands.h"
#include "control/protocol.h"
#include "control/record_commands.h"
#include "io/listener.h"

namespace postern::control {
namespace {

using json::Value;

Task<Result<Value>> echo(Value request) {
  co_return Value(Value::Object{{"said", Value(std::string(request.at("text").string()))}});
}
Task<Result<Value>> refuse(Value) { co_return fail(ErrorKind::not_found, "no such thing"); }
Task<Result<Value>> huge(Value) { co_return Value(Value::Object{{"x", Value(std::string(kLineMax, 'x'))}}); }

Task<void> stop_server(Server& server, io::Loop& loop) {
  co_await server.stop();
  loop.stop();
}

class Control : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-control-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/control.sock";
    auto listening = io::bind_unix_listener(path_);
    ASSERT_TRUE(listening) << listening.error().what;
    server_ = std::make_unique<Server>(loop_, std::move(*listening));
    server_->handle("echo", echo);
    server_->handle("refuse", refuse);
    server_->handle("huge", huge);
    add_record_commands(*server_, pool_, [this] {
      flushed_on_ = std::this_thread::get_id();
      ++flushes_;
    });
    add_metrics_command(*server_);
    thread_ = std::thread([this] {
      server_->start();
      loop_.run();
      server_.reset();
    });
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      scope_ = std::make_unique<io::Scope>(loop_);
      scope_->spawn(stop_server(*server_, loop_));
    });
    thread_.join();
    scope_.reset();
  }

  [[nodiscard]] UniqueFd connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
        << std::strerror(errno);
    return fd;
  }
  static void write(const UniqueFd& fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // the server closed: the test reads why
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to and with a newline; what came where the connection ends first.
  static std::string read_line(const UniqueFd& fd) {
    std::string out;
    char c = 0;
    while (::recv(fd.get(), &c, 1, 0) == 1) {
      out.push_back(c);
      if (c == '\n') break;
    }
    return out;
  }

  io::BlockingPool pool_{1};
  std::atomic<int> flushes_ = 0;
  std::atomic<std::thread::id> flushed_on_;
  io::Loop loop_;
  std::string folder_, path_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<io::Scope> scope_;
  std::thread thread_;
};

Value command(const char* name) { return Value(Value::Object{{"command", Value(std::string(name))}}); }

TEST_F(Control, RecordsAreFlushedOnThePoolBeforeTheAnswer) {
  const auto answer = request(path_, Value(Value::Object{{"command", Value(std::string("records.flush"))}}));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(flushes_, 1);
  EXPECT_NE(flushed_on_.load(), thread_.get_id());
}

TEST_F(Control, MetricsAreText) {
  const auto answer = request(path_, Value(Value::Object{{"command", Value(std::string("metrics"))}}));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_NE(answer->at("text").string().find("# TYPE io_accepted_total counter\nio_accepted_total "),
            std::string_view::npos)
      << answer->at("text").string();
}

TEST_F(Control, AsksAndAnswers) {
  const auto answer = request(path_, Value(Value::Object{{"command", Value(std::string("echo"))},
                                                         {"text", Value(std::string("h\xC3\xA9\n\"x"))}}));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_TRUE(answer->at("ok").boolean());
  EXPECT_EQ(answer->at("said").string(), "h\xC3\xA9\n\"x");
}

TEST_F(Control, TheSocketIsTheOwnersAlone) {
  struct stat status = {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Control, ErrorsKeepTheirKind) {
  const auto refused = request(path_, command("refuse"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
  EXPECT_EQ(refused.error().what, "no such thing");
  EXPECT_EQ(refused.error().sys, 0) << "an answer must not look like a missing server";
  const auto unknown = request(path_, command("fly"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::invalid);
  EXPECT_EQ(unknown.error().what, "there is no command \"fly\"; this server may be older than the client");
  EXPECT_EQ(request(path_, Value(Value::Object{})).error().what, "the request has no \"command\"");
  const auto large = request(path_, command("huge"));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::limit);
}

TEST_F(Control, NobodyThereIsToldApart) {
  const auto absent = request(folder_ + "/other.sock", command("echo"));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
  EXPECT_EQ(absent.error().sys, ENOENT);
  stop();
  const auto gone = request(path_, command("echo"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
  const auto long_path = request("/" + std::string(200, 'x'), command("echo"));
  EXPECT_EQ(long_path.error().kind, ErrorKind::invalid);
}

TEST_F(Control, MalformedLinesAreAnsweredAndTheConnectionGoesOn) {
  const UniqueFd fd = connect();
  for (const char* line : {"not json\n", "[1]\n", "\n", "{\"command\": 5}\n", "{\"command\":\"echo\"\n"}) {
    write(fd, line);
    const auto answer = json::parse(read_line(fd));
    ASSERT_TRUE(answer) << line;
    EXPECT_FALSE(answer->at("ok").boolean(true)) << line;
    EXPECT_EQ(answer->at("kind").string(), "invalid") << line;
  }
  std::string deep = "{\"command\":";
  deep += std::string(100, '[') + std::string(100, ']') + "}\n";
  write(fd, deep);
  EXPECT_NE(read_line(fd).find("\"ok\":false"), std::string::npos);
  write(fd, "{\"command\":\"echo\",\"text\":\"still here\"}\n");
  EXPECT_NE(read_line(fd).find("still here"), std::string::npos);
}

TEST_F(Control, AnySplitOfTheInputGivesTheSameAnswers) {
  const std::string two = "{\"command\":\"echo\",\"text\":\"one\"}\n{\"command\":\"echo\",\"text\":\"two\"}\n";
  for (std::size_t at = 0; at <= two.size(); ++at) {
    const UniqueFd fd = connect();
    write(fd, std::string_view(two).substr(0, at));
    write(fd, std::string_view(two).substr(at));
    ASSERT_NE(read_line(fd).find("\"one\""), std::string::npos) << at;
    ASSERT_NE(read_line(fd).find("\"two\""), std::string::npos) << at;
  }
}

TEST_F(Control, ALineHasAtMostOneMebibyte) {
  const std::string head = "{\"command\":\"echo\",\"pad\":\"";
  const std::string tail = "\"}\n";
  const UniqueFd fits = connect();
  write(fits, head + std::string(kLineMax - head.size() - tail.size(), 'x') + tail);
  EXPECT_NE(read_line(fits).find("\"ok\":true"), std::string::npos);
  const UniqueFd longer = connect();
  write(longer, head + std::string(kLineMax - head.size() - tail.size() + 1, 'x') + tail);
  EXPECT_NE(read_line(longer).find("a request line is longer than 1 MiB"), std::string::npos);
  EXPECT_EQ(read_line(longer), "") << "the connection must be closed";
  const auto refused = request(path_, Value(Value::Object{{"command", Value(std::string(kLineMax, 'x'))}}));
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
}

TEST_F(Control, AtMost64Clients) {
  std::vector<UniqueFd> clients;
  const std::string line = "{\"command\":\"echo\",\"text\":\"hi\"}\n";
  for (std::size_t i = 0; i < kClientsMax; ++i) {
    clients.push_back(connect());
    write(clients.back(), line);
    ASSERT_NE(read_line(clients.back()).find("hi"), std::string::npos) << i;
  }
  const UniqueFd more = connect();
  EXPECT_NE(read_line(more).find("too many clients"), std::string::npos);
  EXPECT_EQ(read_line(more), "");
  // One that leaves makes room. Its end reaches the server in its own time, so this asks until there is.
  clients.pop_back();
  std::string answer;
  while (answer.find("hi") == std::string::npos) {
    const UniqueFd again = connect();
    write(again, line);
    answer = read_line(again);
  }
  EXPECT_NE(answer.find("\"ok\":true"), std::string::npos);
}

TEST_F(Control, StoppingEndsIdleClients) {
  const UniqueFd idle = connect();
  write(idle, "{\"command\":\"echo\"}\n");
  EXPECT_NE(read_line(idle).find("\"ok\":true"), std::string::npos);
  stop();
  EXPECT_EQ(read_line(idle), "");
}

}  // namespace
}  // namespace postern::control
