// smtpload: a bounded SMTP load generator for loopback: one thread, epoll, a fixed number of sessions at a time.
// It prints one JSON object. In the mode `hold` it prints {"held":N} once all sessions are up, keeps them until
// standard input ends, and then prints its result.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "load/options.h"
#include "load/session.h"
#include "load/tls_client.h"

namespace smtpload {
namespace {

constexpr long kOpeningMax = 200;  // sessions of `hold` on their way up at once: no listener's backlog overflows

std::string make_message(const Options& options) {
  std::string message =
      "From: <" + options.from + ">\r\nTo: <" + options.to +
      ">\r\nDate: Sat, 21 Nov 2026 00:00:00 +0000\r\nSubject: load\r\nMessage-ID: <load@example.net>\r\n\r\n";
  const std::size_t head = message.size();
  while (message.size() - head < options.size) {
    const std::size_t left = options.size - (message.size() - head);
    const std::size_t text = std::min<std::size_t>(76, left > 2 ? left - 2 : 0);
    message.append(text, static_cast<char>('a' + (message.size() / 78) % 26)).append("\r\n");
  }
  return message + ".\r\n";
}

float percentile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  const auto rank = std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(rank));
  return values[rank];
}

class Driver {
 public:
  explicit Driver(const Options& options)
      : options_(options), message_(make_message(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (options.tls != Tls::off) tls_ = std::make_unique<TlsClient>(options.tls == Tls::resumed);
  }
  ~Driver() { close(epoll_); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void run() {
    const Clock::time_point end = began_ + std::chrono::milliseconds(static_cast<long>(options_.limit_seconds * 1000));
    bool announced = false;
    for (;;) {
      open_more();
      if (running_.empty()) break;
      if (options_.mode == Mode::hold && held_ > 0 && held_ == static_cast<long>(running_.size()) &&
          started_ == options_.sessions) {
        if (!announced) {
          std::printf("{\"held\":%ld}\n", held_);
          std::fflush(stdout);
          announced = true;
        }
        if (input_ended()) break;
      }
      if (Clock::now() > end) {
        if (totals_.first_error.empty()) totals_.first_error = "the time limit is over";
        break;
      }
      wait();
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - began_).count();
  }

  int report() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    std::string error;
    for (const char c : totals_.first_error)
      if (c >= ' ' && c != '"' && c != '\\') error += c;
    std::printf(
        "{\"seconds\":%.4f,\"sessions\":%ld,\"failed\":%ld,\"unfinished\":%zu,\"accepted\":%ld,\"refused\":%ld,"
        "\"held\":%ld,"
        "\"tls_full\":%ld,\"tls_resumed\":%ld,\"tickets_offered\":%ld,\"final_p50_ms\":%.3f,\"final_p99_ms\":%.3f,"
        "\"session_p50_ms\":%.3f,\"session_p99_ms\":%.3f,\"client_cpu\":%.3f,\"error\":\"%s\"}\n",
        seconds_, totals_.sessions, totals_.failed, options_.mode == Mode::hold ? 0 : running_.size(), totals_.accepted,
        totals_.refused, held_, totals_.tls_full, totals_.tls_resumed, totals_.tickets_offered,
        percentile(totals_.final_ms, 0.5), percentile(totals_.final_ms, 0.99), percentile(totals_.session_ms, 0.5),
        percentile(totals_.session_ms, 0.99), seconds(usage.ru_utime) + seconds(usage.ru_stime), error.c_str());
    return totals_.first_error.empty() ? 0 : 1;
  }

 private:
  void open_more() {
    while (started_ < options_.sessions && static_cast<long>(running_.size()) < options_.concurrency) {
      if (options_.mode == Mode::hold && static_cast<long>(running_.size()) - held_ >= kOpeningMax) return;
      ++started_;
      auto session = std::make_unique<Session>(options_, tls_.get(), message_, totals_);
      const int fd = session->fd();
      if (fd < 0) continue;
      epoll_event event{};
      event.events = EPOLLOUT | EPOLLIN;
      event.data.fd = fd;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      running_[fd] = {std::move(session), event.events, false};
    }
  }

  void wait() {
    std::array<epoll_event, 512> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), 200);
    for (int i = 0; i < count; ++i) {
      const auto found = running_.find(events[static_cast<std::size_t>(i)].data.fd);
      if (found == running_.end()) continue;
      Entry& entry = found->second;
      const Session::Progress progress = entry.session->advance();
      if (progress == Session::Progress::ended) {
        if (entry.held) --held_;
        running_.erase(found);  // closing the socket takes it out of the epoll set
        continue;
      }
      if (progress == Session::Progress::held && !entry.held) {
        entry.held = true;
        ++held_;
      }
      const std::uint32_t wanted = progress == Session::Progress::want_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
      if (wanted != entry.events) {
        entry.events = wanted;
        epoll_event event{};
        event.events = wanted;
        event.data.fd = found->first;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, found->first, &event);
      }
    }
  }

  static bool input_ended() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 0) <= 0) return false;
    char octet = 0;
    return read(STDIN_FILENO, &octet, 1) == 0;
  }

  struct Entry {
    std::unique_ptr<Session> session;
    std::uint32_t events = 0;
    bool held = false;
  };
  const Options& options_;
  const std::string message_;
  std::unique_ptr<TlsClient> tls_;
  int epoll_;
  std::map<int, Entry> running_;
  long started_ = 0, held_ = 0;
  Totals totals_;
  Clock::time_point began_ = Clock::now();
  double seconds_ = 0;
};

}  // namespace
}  // namespace smtpload

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::optional<smtpload::Options> options = smtpload::parse_options(argc, argv);
  if (!options) return 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  smtpload::Driver driver(*options);
  driver.run();
  return driver.report();
}
