// The floor of ./dev bench: a server that answers each line of SMTP with a fixed reply and does nothing else. What it
// costs is the kernel's price of such a session on this machine; no server that speaks the protocol can be cheaper.
// Loopback only, no part of Postern.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

void say(int fd, std::string_view text) {
  [[maybe_unused]] const auto sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) std::abort();
}

int listen_on(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    std::perror("responder");
    std::exit(1);
  }
  return fd;
}

// The whole of what it understands: the first letter of a line.
void answer(int fd) {
  std::array<char, 4096> line;
  const auto size = recv(fd, line.data(), line.size(), 0);
  if (size <= 0) {
    close(fd);
    return;
  }
  switch (line.front()) {
    case 'R':
      say(fd, "550 5.1.1 no such mailbox\r\n");
      break;
    case 'Q':
      say(fd, "221 2.0.0 bye\r\n");
      close(fd);
      break;
    default:
      say(fd, "250 2.0.0 ok\r\n");
  }
}

void serve(int listener) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (fd != listener) {
        answer(fd);
        continue;
      }
      const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) continue;
      watch(epoll, client);
      say(client, "220 floor.invalid ESMTP\r\n");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: responder PORT\n", stderr);
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int first = listen_on(port);
  const int second = listen_on(port);
  std::thread(serve, second).detach();
  serve(first);
}
