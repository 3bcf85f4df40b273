// far: the mail servers of many domains in one process: one listening socket for each address, and one file with the
// time at which each message got its final reply. Below the floor of what a real one costs: a thread and an epoll loop.
// For benchmarks in a network namespace; no part of Postern.
//
// usage: far PORT TIMES < ADDRESSES    one address a line; behind it `silent` where connections are taken and never
// greeted. "ready" is printed when all listen. At SIGTERM the file TIMES gets a line for each message: the address and
// microseconds since 1970.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t kLineMax = 8192;

struct Listener {
  std::string address;
  bool silent = false;
};
struct Session {
  std::size_t listener = 0;
  std::string input, output;
  bool data = false;
};
struct Taken {
  std::size_t listener;
  std::int64_t us;
};

volatile std::sig_atomic_t stopping = 0;
void stop(int /*signal*/) { stopping = 1; }

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int listen_at(const std::string& address, std::uint16_t port) {
  sockaddr_in6 six{};
  sockaddr_in four{};
  const bool is_six = address.find(':') != std::string::npos;
  six.sin6_family = AF_INET6;
  four.sin_family = AF_INET;
  six.sin6_port = four.sin_port = htons(port);
  const int parsed = is_six ? inet_pton(AF_INET6, address.c_str(), &six.sin6_addr)
                            : inet_pton(AF_INET, address.c_str(), &four.sin_addr);
  const int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (is_six) setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one);
  const auto* const name = is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  if (parsed != 1 || fd < 0 || bind(fd, name, is_six ? sizeof six : sizeof four) != 0 || listen(fd, 1024) != 0) {
    std::fprintf(stderr, "far: %s: %s\n", address.c_str(), std::strerror(errno));
    std::exit(1);
  }
  return fd;
}

// The whole of what it understands: the first letter of a line, and the dot that ends a message. False: it is over.
bool answer(Session& session, std::vector<Taken>& taken) {
  std::size_t at = 0;
  const std::string_view input = session.input;
  while (at < input.size()) {
    if (session.data) {
      // The line before stays in the input, so that a dot is known by the line end in front of it
      const std::size_t dot = input.find("\r\n.\r\n", at);
      if (dot == std::string_view::npos) {
        at = std::max(at, input.size() > 4 ? input.size() - 4 : 0);
        break;
      }
      at = dot + 5;
      session.data = false;
      session.output += "250 2.0.0 taken\r\n";
      taken.push_back({session.listener, now_us()});
      continue;
    }
    const std::size_t end = input.find("\r\n", at);
    if (end == std::string_view::npos) {
      if (input.size() - at > kLineMax) return false;
      break;
    }
    const char verb = input[at];
    at = end + 2;
    if (verb == 'E') {
      session.output += "250-far.test\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n";
    } else if (verb == 'D') {
      session.output += "354 go on\r\n";
      session.data = true;
      at -= 2;  // the line end in front of a dot that comes first
    } else if (verb == 'Q') {
      session.output += "221 2.0.0 bye\r\n";
      session.input.clear();
      return false;
    } else {
      session.output += "250 2.0.0 ok\r\n";
    }
  }
  session.input.erase(0, at);
  return true;
}

// False: the connection is over. What it says is little, and the peer reads it: it fits into the socket's buffer.
bool serve(int fd, Session& session, std::vector<Taken>& taken) {
  std::array<char, 65536> block;
  bool open = true;
  while (open) {
    const auto size = recv(fd, block.data(), block.size(), 0);
    if (size < 0 && errno == EAGAIN) break;
    if (size <= 0) return false;
    session.input.append(block.data(), static_cast<std::size_t>(size));
    open = answer(session, taken);
    if (static_cast<std::size_t>(size) < block.size()) break;
  }
  if (!session.output.empty()) {
    const auto sent = send(fd, session.output.data(), session.output.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(session.output.size())) return false;
    session.output.clear();
  }
  return open;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: far PORT TIMES < ADDRESSES\n", stderr);
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct sigaction action{};
  action.sa_handler = stop;  // without SA_RESTART: epoll_wait ends
  sigaction(SIGTERM, &action, nullptr);

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Listener> listeners;
  std::unordered_map<int, std::size_t> by_fd;
  std::unordered_map<int, Session> sessions;
  std::vector<Taken> taken;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Listener listener;
    std::string mode;
    if (!(words >> listener.address)) continue;
    words >> mode;
    listener.silent = mode == "silent";
    const int fd = listen_at(listener.address, static_cast<std::uint16_t>(std::atoi(argv[1])));
    by_fd[fd] = listeners.size();
    listeners.push_back(listener);
    watch(epoll, fd);
  }
  std::puts("ready");
  std::fflush(stdout);
  std::array<epoll_event, 256> events{};
  while (stopping == 0) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 200);
    for (int i = 0; i < count; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (const auto listener = by_fd.find(fd); listener != by_fd.end()) {
        const int client = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) continue;
        watch(epoll, client);
        Session& session = sessions[client] = {};
        session.listener = listener->second;
        if (listeners[listener->second].silent) continue;
        session.output = "220 far.test ESMTP\r\n";
        if (serve(client, session, taken)) continue;
        sessions.erase(client);
        close(client);
        continue;
      }
      const auto found = sessions.find(fd);
      if (found == sessions.end() || serve(fd, found->second, taken)) continue;
      sessions.erase(found);
      close(fd);
    }
  }
  std::FILE* const out = std::fopen(argv[2], "w");
  if (out == nullptr) return 1;
  for (const Taken& one : taken) {
    std::fprintf(out, "%s %lld\n", listeners[one.listener].address.c_str(), static_cast<long long>(one.us));
  }
  return std::fclose(out) == 0 ? 0 : 1;
}
