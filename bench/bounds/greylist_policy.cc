// greylist_policy PORT DELAY: Postfix's policy protocol (SMTPD_POLICY_README) over the pending table of 8 MiB, on
// loopback, so that ./dev bench can ask it and postgrey the same questions in the same way. One thread, one question at
// a time; no part of Postern. Keys as postgrey's: the client's /24 or /64, sender, recipient, in lower case.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/unique_fd.h"
#include "bounds/pending.h"
#include "crypto/siphash.h"
#include "ip/address.h"

namespace {

using namespace postern;
using namespace postern::bounds;

constexpr std::size_t kRequestMax = 64 << 10;
constexpr crypto::SipKey kTripletKey{1, 2};  // the table hashes under its own secret once more

std::string_view attribute(std::string_view request, std::string_view name) {
  for (const std::string_view line : split(request, '\n')) {
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=')
      return line.substr(name.size() + 1);
  }
  return {};
}

std::string_view answer(Pending& table, std::string_view request, const GreylistTimes& times) {
  const auto client = ip::Address::parse(attribute(request, "client_address"));
  if (!client) return "action=DUNNO\n\n";
  std::string triplet = ip::Prefix(*client, client->is_v4() ? 24 : 64).text();
  triplet += '\0' + lower(attribute(request, "sender")) + '\0' + lower(attribute(request, "recipient"));
  const std::uint64_t key = crypto::siphash_1_3(kTripletKey, triplet);
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  const Pending::State state = table.look(key, now, times);
  if (state.kind == Pending::Kind::due) return "action=DUNNO\n\n";
  if (state.kind == Pending::Kind::unseen) table.note(key, now, times);
  return "action=DEFER_IF_PERMIT Greylisted\n\n";
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void serve(int fd, Pending& table, const GreylistTimes& times) {
  std::string input;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0 || input.size() > kRequestMax) return;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = input.find("\n\n"); end != std::string::npos; end = input.find("\n\n")) {
      if (!send_all(fd, answer(table, std::string_view(input).substr(0, end), times))) return;
      input.erase(0, end + 2);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "greylist_policy PORT DELAY\n");
    return 2;
  }
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 16) != 0) {
    std::perror("greylist_policy");
    return 1;
  }
  Pending table(TableFile::in_memory(8 << 20));
  const GreylistTimes times{.delay = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))};
  for (;;) {
    const UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) continue;
    ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve(client.get(), table, times);
  }
}
