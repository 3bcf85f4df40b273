// Authentication: SPF, DKIM, DMARC and ARC of one message within its session: look-ups begin at MAIL, the body is
// hashed as it streams, and the end waits for what is missing. What comes out is a field and a record. Thread rule: the
// session's loop; long computing goes to the pool.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/task.h"
#include "dkim/key_record.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "mailauth/mailauth.h"
#include "record/session_record.h"

namespace postern::inbound {

// What authentication needs of a worker. Without a resolver nothing is authenticated.
struct AuthenticationContext {
  dns::Resolver* resolver = nullptr;
  dkim::KeyCache* keys = nullptr;
  io::BlockingPool* pool = nullptr;  // null: everything is computed on the loop
};

// Longer computing leaves the loop: others wait on it meanwhile.
inline constexpr std::uint32_t kLoopShareUs = 1500;
// RFC 7208 4.6.4: a limit on the time of an SPF check of at least 20 seconds; here it is one for all look-ups of a
// message but those of DMARC.
inline constexpr seconds kLookupTime{25};
// Whoever sends in another's name chooses MAIL FROM and HELO, and so how slowly SPF is answered. What the author's
// domain says of it (RFC 9989 4.10) has time of its own: otherwise slow servers would make each policy an unknown one.
inline constexpr seconds kPolicyTime{15};
// At RCPT a client waits for the reply, and what is missing is asked once more at the end of the message.
inline constexpr seconds kEnvelopeTime{10};

class Authentication {
 public:
  Authentication(AuthenticationContext context, std::string host_name, std::string authserv_id,
                 mailauth::Envelope envelope);
  // SPF of the envelope, at any time before finish() (mailauth.h, early_spf): the first call waits kEnvelopeTime at
  // most, and then it is a temperror; later ones do not wait. Never null; valid until finish().
  [[nodiscard]] Task<const spf::Evaluation*> spf(WallMs now);
  void header(message::HeaderSection section);
  void body(std::string_view bytes);

  struct Outcome {
    mailauth::Facts facts;
    std::string field;  // "Authentication-Results: ...\r\n"
    record::AuthenticationRecord record;
  };
  // Once, after the last octet.
  [[nodiscard]] Task<Outcome> finish(WallMs now, bool utf8);
  void cancel();  // ends the waits for DNS; what is missing then is unknown

 private:
  void set_budget(std::uint32_t lookups, seconds time);

  AuthenticationContext context_;
  std::string authserv_id_;
  mailauth::Envelope envelope_;
  mailauth::MailAuth auth_;
  std::unique_ptr<dns::Budget> budget_;
  std::uint32_t asked_ = 0;  // of the look-ups of the message, before this budget
  bool cancelled_ = false;
};

}  // namespace postern::inbound
