// Which user is at the other end of a connection over loopback, as the kernel knows it: without a password the
// operator's pages are shown to root and to our own user alone. By NETLINK_SOCK_DIAG (sock_diag(7)), an exact look-up
// of one connection; where that is not to be had, by /proc/self/net/tcp. Both are opened, and tried on a connection of
// our own, at the start, before the sandbox. Thread rule: one loop; a look-up is a system call or two.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"
#include "ip/address.h"

namespace postern::web {

class PeerUsers {
 public:
  explicit PeerUsers(int protocol = NETLINK_SOCK_DIAG);  // another: for tests of a kernel that answers nothing
  // The user of the socket whose own end is `peer` and whose other end is `local`. Nothing where it is not known, or
  // where the socket is closed by its process already: the kernel calls such a one root's.
  [[nodiscard]] std::optional<std::uint32_t> of(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  // Whether that is root or the user that we run as.
  [[nodiscard]] bool is_own(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  // Whether a connection of our own was found to be that at the start.
  [[nodiscard]] bool works() const { return works_; }
  [[nodiscard]] bool has_netlink() const { return netlink_.valid(); }
  void forget_netlink() { netlink_.reset(); }  // for tests of the other way

 private:
  [[nodiscard]] std::optional<std::uint32_t> by_netlink(const ip::Endpoint& peer, const ip::Endpoint& local) const;
  [[nodiscard]] std::optional<std::uint32_t> by_proc(const ip::Endpoint& peer, const ip::Endpoint& local) const;

  UniqueFd netlink_, proc4_, proc6_;
  bool works_ = false;
  mutable std::uint32_t sequence_ = 0;
};

// A line of /proc/self/net/tcp or tcp6: its user, where it is the connection. Pure.
[[nodiscard]] std::optional<std::uint32_t> user_in_line(std::string_view line, const ip::Endpoint& peer,
                                                        const ip::Endpoint& local);

}  // namespace postern::web
