// The file in which `postern sendmail` leaves a message for the server: eight octets of magic, the length and the
// checksum of the head, the head (length-prefixed strings), then the message as octets with CRLF line ends. A bounded
// parser: whoever can write to the folder writes what he likes. Thread rule: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/address.h"

namespace postern::inbound {

inline constexpr std::string_view kPickupMagic = "PTPICK01";
inline constexpr std::size_t kPickupFixed = 16;  // magic, length, checksum
inline constexpr std::size_t kPickupHeadMax = 1 << 20;
inline constexpr std::size_t kPickupRecipientsMax = 10'000;
inline constexpr std::string_view kPickupSuffix = ".mail";  // of a whole file; others are being written
inline constexpr std::string_view kPickupTemporary = "tmp-";

struct PickupHead {
  std::string reverse_path;             // as it was given; "" is the null path. Without a domain it gets ours
  std::vector<std::string> recipients;  // likewise; at least one
  std::string full_name;                // for a From that is missing
  std::string envid, ret;               // DSN (RFC 3461), where asked for
  std::uint8_t notify = 0;              // kNotify bits of spool/envelope.h
  friend bool operator==(const PickupHead&, const PickupHead&) = default;
};

// What stands before the message.
[[nodiscard]] std::string encode_pickup(const PickupHead& head);

struct PickupFixed {
  std::uint32_t head_size = 0;
  std::uint32_t checksum = 0;
};
// The first kPickupFixed octets of a file.
[[nodiscard]] Result<PickupFixed> parse_pickup_fixed(std::string_view bytes);
[[nodiscard]] Result<PickupHead> parse_pickup_head(const PickupFixed& fixed, std::string_view head);

// An address as a program wrote it: "root" is root@`domain`. ErrorKind::invalid: it is none. Whoever leaves a file asks
// here first, and can tell his caller; the server, which asks again, cannot.
[[nodiscard]] Result<smtp::Mailbox> complete_address(std::string_view address, std::string_view domain);

}  // namespace postern::inbound
