// A DNS server for tests: UDP on loopback, on a thread of its own, authoritative as a test's own server is (AA, no RA).
// What it says is a function of name and type.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "dns/wire.h"
#include "ip/address.h"

namespace postern::resolver::test {

struct Record {
  dns::Type type;
  std::string rdata;
  std::string owner = "\xC0\x0C";  // the name asked for
};

struct Said {
  int rcode = 0;
  std::vector<Record> records;
  unsigned ttl = 300;
  bool silent = false;
  int delay_ms = 0;
};

inline std::string be16(std::size_t n) { return {static_cast<char>((n >> 8U) & 0xFFU), static_cast<char>(n & 0xFFU)}; }
inline std::string wire(std::string_view name) {
  std::string out;
  dns::append_name(out, *dns::Name::parse(name));
  return out;
}

class DnsServer {
 public:
  using Zone = std::function<Said(const std::string& name, dns::Type type)>;

  explicit DnsServer(Zone zone) : zone_(std::move(zone)) {
    socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    stop_.reset(eventfd(0, EFD_CLOEXEC));
    thread_ = std::thread([this] { run(); });
  }
  ~DnsServer() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  [[nodiscard]] ip::Endpoint endpoint() const { return {ip::Address::loopback(ip::Family::v4), port_}; }
  void set_silent(bool silent) { silent_ = silent; }
  // How often it was asked for a name, also while silent.
  [[nodiscard]] int asked(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return asked_[name];
  }

 private:
  void run() {
    std::array<char, 4096> buffer{};
    for (;;) {
      std::array<pollfd, 2> fds{pollfd{socket_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
      ::poll(fds.data(), fds.size(), late_.empty() ? -1 : 10);
      if (fds[1].revents != 0) return;
      send_late();
      if (fds[0].revents == 0) continue;
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto got =
          ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got > 12) answer({buffer.data(), static_cast<std::size_t>(got)}, from);
    }
  }
  void answer(std::string_view query, const sockaddr_in& to) {
    const auto name = dns::read_name(query, 12);
    if (!name || !name->name || query.size() < name->end + 4) return;
    const auto type = static_cast<dns::Type>((static_cast<unsigned char>(query[name->end]) << 8U) |
                                             static_cast<unsigned char>(query[name->end + 1]));
    {
      const std::lock_guard lock(mutex_);
      ++asked_[name->name->text()];
    }
    if (silent_) return;
    const Said said = zone_(name->name->text(), type);
    if (said.silent) return;
    std::string out(query.substr(0, 2));
    out += {static_cast<char>(0x84U | (static_cast<unsigned char>(query[2]) & 1U)), static_cast<char>(said.rcode)};
    out += be16(1) + be16(said.records.size()) + be16(0) + be16(0);
    out += query.substr(12, name->end + 4 - 12);
    for (const auto& record : said.records) {
      out += record.owner + be16(static_cast<std::size_t>(record.type)) + be16(1) + be16(0) + be16(said.ttl) +
             be16(record.rdata.size()) + record.rdata;
    }
    late_.push_back({std::chrono::steady_clock::now() + std::chrono::milliseconds(said.delay_ms), out, to});
    send_late();
  }
  void send_late() {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(late_, [&](const Late& late) {
      if (now < late.when) return false;
      ::sendto(socket_.get(), late.packet.data(), late.packet.size(), 0, reinterpret_cast<const sockaddr*>(&late.to),
               sizeof late.to);
      return true;
    });
  }

  struct Late {
    std::chrono::steady_clock::time_point when;
    std::string packet;
    sockaddr_in to;
  };
  Zone zone_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::uint16_t port_ = 0;
  std::atomic<bool> silent_{false};
  std::mutex mutex_;
  std::map<std::string, int> asked_;
  std::vector<Late> late_;
  std::thread thread_;
};

}  // namespace postern::resolver::test
