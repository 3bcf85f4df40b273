// What becomes of a message that a program of this machine left: its header is mended (RFC 6409 8), addresses get their
// domain, and those of ours are looked up as RCPT would. Pure, but for the settings it is given. Thread rule: pure.
#pragma once

#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "inbound/head.h"
#include "inbound/options.h"
#include "inbound/pickup_file.h"
#include "spool/envelope.h"

namespace postern::inbound {

struct PickupContext {
  const Settings& settings;
  Id id;  // of the message
  WallMs now = 0;
  std::uint32_t owner = 0;  // of the file: who sends
};

struct MendedHeader {
  // Our Received field; Date, Message-ID and From where they are missing; the header without blind copies; and what
  // came after it
  std::string text;
  bool tls_optional = false;  // it says so (RFC 8689 5)
};
// `header_octets` as for Head::part().
[[nodiscard]] MendedHeader mend_pickup_header(const PickupContext& context, const PickupHead& pickup, Head& head,
                                              std::uint64_t header_octets);
// The domain that an address without one gets: the first of ours.
[[nodiscard]] const std::string& pickup_domain(const Settings& settings);
// ErrorKind::invalid where the sender is no address. Recipients whose address cannot be read, and those of ours who do
// not exist, are left to the queue, which fails them and tells the sender.
[[nodiscard]] Result<spool::Envelope> make_pickup_envelope(const PickupContext& context, const PickupHead& pickup);
// Nobody is left who could be answered: the queue makes no attempt and tells the sender. `reply`: "554 5.4.6 ...".
void refuse_all(spool::Envelope& envelope, std::string_view reply);

}  // namespace postern::inbound
