#include "web/peer_user.h"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/listener.h"

namespace postern::web {

namespace {

constexpr std::size_t kProcMax = 8 << 20;  // octets of /proc/self/net/tcp that are read
constexpr std::uint32_t kNobody = 65534;   // also every user that our user namespace does not know

// Only of a connection whose process still has it: of a closed one (FIN_WAIT, TIME_WAIT) the kernel says root.
bool is_held(std::uint8_t state) { return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT; }

void put(std::array<__be32, 4>& into, const ip::Address& address) {
  const auto& octets = address.octets();
  // An IPv4 address stands in the first word
  std::memcpy(into.data(), octets.data() + (address.is_v4() ? 12 : 0), address.is_v4() ? 4 : 16);
}

// As the kernel prints it: 32-bit words in the machine's order, upper case.
std::string proc_text(const ip::Endpoint& endpoint) {
  std::array<__be32, 4> words{};
  put(words, endpoint.address);
  std::string out;
  std::array<char, 16> text{};
  const auto hex = [&](unsigned value, int digits) {
    const int size = std::snprintf(text.data(), text.size(), "%0*X", digits, value);
    out.append(text.data(), static_cast<std::size_t>(size));
  };
  for (std::size_t i = 0; i < (endpoint.address.is_v4() ? 1U : 4U); ++i) hex(words.at(i), 8);
  out += ':';
  hex(endpoint.port, 4);
  return out;
}

}  // namespace

namespace {

// A connection of our own over loopback, as a server and its client have it.
struct OwnConnection {
  explicit OwnConnection(ip::Family family) {
    auto bound = io::bind_listener({ip::Address::loopback(family), 0}, {.backlog = 1, .reuse_port = false});
    if (!bound) return;
    listening = std::move(*bound);
    const auto at = io::local_endpoint(listening.get());
    if (!at) return;
    local = *at;
    client = UniqueFd(::socket(family == ip::Family::v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    // It stands when connect() returns, also before it is accepted
    if (!client.valid() || ::getsockname(listening.get(), raw, &size) != 0 || ::connect(client.get(), raw, size) != 0)
      return;
    const auto from = io::local_endpoint(client.get());
    if (!from) return;
    peer = *from;
    stands = true;
  }
  UniqueFd listening, client;
  ip::Endpoint peer, local;
  bool stands = false;
};

}  // namespace

// /proc/net is none where /proc shows processes alone (proc(5), subset=pid); what it points to is there.
PeerUsers::PeerUsers(int protocol)
    : netlink_(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)),
      proc4_(::open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC)),
      proc6_(::open("/proc/self/net/tcp6", O_RDONLY | O_CLOEXEC)) {
  for (const ip::Family family : {ip::Family::v6, ip::Family::v4}) {
    const OwnConnection own(family);
    if (!own.stands) continue;  // there is no such family here
    // A kernel without tcp_diag opens the socket, and answers nothing
    if (netlink_.valid() && !by_netlink(own.peer, own.local)) netlink_.reset();
    works_ = is_own(own.peer, own.local);
    return;
  }
}

std::optional<std::uint32_t> PeerUsers::by_netlink(const ip::Endpoint& peer, const ip::Endpoint& local) const {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 body;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.head.nlmsg_seq = ++sequence_;
  request.body.sdiag_family = peer.address.is_v4() ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id.idiag_sport = htons(peer.port);
  request.body.id.idiag_dport = htons(local.port);
  std::array<__be32, 4> words{};
  put(words, peer.address);
  std::memcpy(request.body.id.idiag_src, words.data(), sizeof words);
  words = {};
  put(words, local.address);
  std::memcpy(request.body.id.idiag_dst, words.data(), sizeof words);
  request.body.id.idiag_cookie[0] = request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(netlink_.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request)) return std::nullopt;
  // The kernel has answered when send() returns
  alignas(nlmsghdr) std::array<char, 8192> buffer{};
  while (true) {
    const ssize_t got = ::recv(netlink_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    nlmsghdr head{};
    std::memcpy(&head, buffer.data(), sizeof head);
    if (head.nlmsg_seq != sequence_) continue;  // an answer that nobody waited for
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || head.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)) ||
        static_cast<std::size_t>(got) < NLMSG_LENGTH(sizeof(inet_diag_msg)))
      return std::nullopt;
    inet_diag_msg found{};
    std::memcpy(&found, buffer.data() + NLMSG_HDRLEN, sizeof found);
    // Without an inode it was closed while the kernel wrote this. A listener is found where there is no connection.
    if (!is_held(found.idiag_state) || found.idiag_inode == 0) return std::nullopt;
    if (found.id.idiag_sport != request.body.id.idiag_sport || found.id.idiag_dport != request.body.id.idiag_dport)
      return std::nullopt;
    return found.idiag_uid;
  }
}

std::optional<std::uint32_t> user_in_line(std::string_view line, const ip::Endpoint& peer, const ip::Endpoint& local) {
  // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
  std::array<std::string_view, 10> words;
  std::size_t count = 0;
  while (count < words.size()) {
    line = trim(line);
    if (line.empty()) break;
    const std::size_t end = line.find(' ');
    words.at(count++) = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end);
  }
  if (count < words.size() || words[1] != proc_text(peer) || words[2] != proc_text(local)) return std::nullopt;
  if ((words[3] != "01" && words[3] != "08") || words[9] == "0") return std::nullopt;
  const auto user = parse_unsigned(words[7], UINT32_MAX);
  return user ? std::optional(static_cast<std::uint32_t>(*user)) : std::nullopt;
}

std::optional<std::uint32_t> PeerUsers::by_proc(const ip::Endpoint& peer, const ip::Endpoint& local) const {
  const auto look = [&](const UniqueFd& file) -> std::optional<std::uint32_t> {
    if (!file.valid() || ::lseek(file.get(), 0, SEEK_SET) != 0) return std::nullopt;
    std::string pending;
    std::array<char, 65536> block;
    for (std::size_t read = 0; read < kProcMax;) {
      const ssize_t got = ::read(file.get(), block.data(), block.size());
      if (got <= 0) break;
      read += static_cast<std::size_t>(got);
      pending.append(block.data(), static_cast<std::size_t>(got));
      std::size_t begin = 0;
      for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1)
        if (const auto user = user_in_line(std::string_view(pending).substr(begin, end - begin), peer, local))
          return user;
      pending.erase(0, begin);
    }
    return std::nullopt;
  };
  return look(peer.address.is_v4() ? proc4_ : proc6_);
}

std::optional<std::uint32_t> PeerUsers::of(const ip::Endpoint& peer, const ip::Endpoint& local) const {
  if (netlink_.valid())
    if (const auto user = by_netlink(peer, local)) return user;
  return by_proc(peer, local);
}

bool PeerUsers::is_own(const ip::Endpoint& peer, const ip::Endpoint& local) const {
  if (!peer.address.is_loopback() || !local.address.is_loopback()) return false;
  const auto user = of(peer, local);
  return user && (*user == 0 || (*user == ::geteuid() && *user != kNobody));
}

}  // namespace postern::web
