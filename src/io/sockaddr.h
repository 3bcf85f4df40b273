// ip::Endpoint to and from the kernel's socket addresses. For io, and for what has sockets of its own.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <vector>

#include "ip/address.h"

namespace postern::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] SocketAddress to_socket_address(const ip::Endpoint& endpoint);
// nullopt for other families (a unix socket has no address).
[[nodiscard]] std::optional<ip::Endpoint> from_socket_address(const SocketAddress& address);

// The address that a packet to `to` would leave from: asked of the kernel's routes, nothing is sent.
[[nodiscard]] std::optional<ip::Address> source_towards(const ip::Address& to);

// The addresses of this host's interfaces, now. Empty where the system does not tell.
[[nodiscard]] std::vector<ip::Address> interface_addresses();

}  // namespace postern::io
