#include "resolver/prober.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dns/wire.h"
#include "io/sockaddr.h"

namespace postern::resolver {

namespace {

constexpr std::size_t kDatagramMax = 4096;
constexpr int kDatagramsRead = 4;  // from one socket in one turn

UniqueFd connected(const ip::Endpoint& server) {
  io::SocketAddress address = io::to_socket_address(server);
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Connected: the kernel drops what comes from elsewhere.
  if (fd.valid() && ::connect(fd.get(), address.get(), address.size) != 0) fd.reset();
  return fd;
}

}  // namespace

Prober::Prober(std::vector<ip::Endpoint> servers) : servers_(std::move(servers)) {
  if (servers_.size() > kServersAsked) servers_.resize(kServersAsked);
}

bool Prober::ask(const dns::Name& name, dns::Type type, Clock::time_point deadline, Done done) {
  if (questions_.size() >= kQuestionsMax) return false;
  Question question;
  if (::getrandom(&question.id, sizeof question.id, 0) != sizeof question.id) return false;
  const std::string packet = dns::query_packet(question.id, name, type);
  for (const auto& server : servers_) {
    UniqueFd fd = connected(server);
    if (!fd.valid() || ::send(fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) continue;
    question.sockets.push_back(std::move(fd));
  }
  if (question.sockets.empty()) return false;
  question.deadline = deadline;
  question.done = std::move(done);
  questions_.push_back(std::move(question));
  return true;
}

void Prober::add_to(std::vector<pollfd>& descriptors) const {
  for (const auto& question : questions_) {
    for (const auto& fd : question.sockets) descriptors.push_back({fd.get(), POLLIN, 0});
  }
}

std::optional<std::uint8_t> Prober::read(const Question& question) {
  std::array<char, kDatagramMax> buffer{};
  for (const auto& fd : question.sockets) {
    for (int i = 0; i < kDatagramsRead; ++i) {
      const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (got < 0) break;  // nothing yet, or an ICMP error: no answer either way
      const auto code = dns::reply_code({buffer.data(), static_cast<std::size_t>(got)}, question.id);
      if (code) return code;
    }
  }
  return std::nullopt;
}

void Prober::turn(Clock::time_point now) {
  std::vector<std::pair<Done, std::optional<std::uint8_t>>> ended;
  std::erase_if(questions_, [&](Question& question) {
    const auto code = read(question);
    if (!code && now < question.deadline) return false;
    ended.emplace_back(std::move(question.done), code);
    return true;
  });
  for (auto& [done, code] : ended) done(code);
}

Clock::time_point Prober::next() const {
  auto earliest = Clock::time_point::max();
  for (const auto& question : questions_) earliest = std::min(earliest, question.deadline);
  return earliest;
}

std::vector<ip::Endpoint> root_servers() {
  std::vector<ip::Endpoint> out;
  // a, k and l.root-servers.net, stable for decades (RFC 9609 tells how they are published).
  for (const char* text : {"198.41.0.4", "193.0.14.129", "2001:503:ba3e::2:30", "2001:7fd::1"}) {
    if (const auto address = ip::Address::parse(text)) out.push_back({*address, 53});
  }
  return out;
}

}  // namespace postern::resolver
