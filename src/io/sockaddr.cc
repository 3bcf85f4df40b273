#include "io/sockaddr.h"

#include <ifaddrs.h>

#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/unique_fd.h"

namespace postern::io {

SocketAddress to_socket_address(const ip::Endpoint& endpoint) {
  SocketAddress out;
  if (endpoint.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    const auto octets = endpoint.address.v4_octets();
    std::memcpy(&address.sin_addr, octets.data(), octets.size());
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    address.sin6_scope_id = endpoint.address.scope();
    const auto& octets = endpoint.address.octets();
    std::memcpy(&address.sin6_addr, octets.data(), octets.size());
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  }
  return out;
}

std::optional<ip::Endpoint> from_socket_address(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &in.sin_addr, octets.size());
    return ip::Endpoint{ip::Address::v4(octets), ntohs(in.sin_port)};
  }
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &in.sin6_addr, octets.size());
    return ip::Endpoint{ip::Address::v6(octets, in.sin6_scope_id), ntohs(in.sin6_port)};
  }
  return std::nullopt;
}

std::optional<ip::Address> source_towards(const ip::Address& to) {
  const UniqueFd fd(::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress there = to_socket_address({to, 9});
  SocketAddress here;
  if (fd.get() < 0 || ::connect(fd.get(), there.get(), there.size) != 0 ||
      ::getsockname(fd.get(), here.get(), &here.size) != 0)
    return std::nullopt;
  const auto endpoint = from_socket_address(here);
  return endpoint ? std::optional(endpoint->address) : std::nullopt;
}

std::vector<ip::Address> interface_addresses() {
  std::vector<ip::Address> out;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return out;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    SocketAddress address;
    if (at->ifa_addr->sa_family == AF_INET) {
      address.size = sizeof(sockaddr_in);
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      address.size = sizeof(sockaddr_in6);
    } else {
      continue;
    }
    std::memcpy(&address.storage, at->ifa_addr, address.size);
    if (const auto endpoint = from_socket_address(address)) out.push_back(endpoint->address);
  }
  ::freeifaddrs(first);
  return out;
}

}  // namespace postern::io
