// Which user is at the other end of a connection over loopback, as the kernel knows it: without a password the
// operator's pages are shown to root and to our own user alone. By NETLINK_SOCK_DIAG (sock_diag(7)), an exact look-up
// of one connection; where that is not to be had, by /proc/net/tcp. Both are opened at the start, before the sandbox.
// Thread rule: one loop; a look-up is a system call or two.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"
#include "ip/address.h"

namespace postern::web {

class PeerUsers {
 public:
  PeerUsers();
  // The user of the socket whose own end is `peer` and whose other end is `local`. Nothing where it is not known, or
  // where the socket is closed by its process already: the kernel calls such a one root's.
  [[nodiscard]] std::optional<std::uint32_t> of(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  // Whether that is root or the user that we run as.
  [[nodiscard]] bool is_own(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  [[nodiscard]] bool works() const { return netlink_.valid() || proc4_.valid() || proc6_.valid(); }
  void forget_netlink() { netlink_.reset(); }  // for tests of the other way

 private:
  [[nodiscard]] std::optional<std::uint32_t> by_netlink(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  [[nodiscard]] std::optional<std::uint32_t> by_proc(const ip::Endpoint& peer, const ip::Endpoint& local) const;

  UniqueFd netlink_, proc4_, proc6_;
  mutable std::uint32_t sequence_ = 0;
};

// A line of /proc/net/tcp or tcp6: its user, where it is the connection. Pure.
[[nodiscard]] std::optional<std::uint32_t> user_in_line(std::string_view line, const ip::Endpoint& peer,
                                                        const ip::Endpoint& local);

}  // namespace postern::web
