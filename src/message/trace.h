// Trace fields (RFC 5321 4.4): the Received field we put on top of every message we take. Pure: everything comes in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/time.h"
#include "ip/address.h"

namespace postern::message {

struct ReceivedInfo {
  std::string_view helo;  // as the client wrote it; printed safely, "unknown" when empty
  ip::Address client;
  std::string_view by;    // our hostname
  bool extended = false;  // EHLO
  bool tls = false;
  bool authenticated = false;
  bool utf8 = false;
  bool lmtp = false;
  bool hide_client = false;  // of a user's own message: where he is goes to nobody
  std::string_view tls_version, tls_cipher;
  Id id;                      // of the message
  std::string_view for_path;  // the one recipient, or empty when there are several (RFC 5321 4.4: one only)
  WallMs time = 0;
};

// RFC 3848 and RFC 6531 4.3: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTP, UTF8SMTPS, UTF8SMTPA, UTF8SMTPSA
[[nodiscard]] std::string_view with_protocol(const ReceivedInfo& info);

// "Received: from ...;\r\n ...\r\n", folded, every line under 998 octets, ASCII unless `utf8`.
[[nodiscard]] std::string received_field(const ReceivedInfo& info);

}  // namespace postern::message
