// MessageSigning: what we sign of a message as it comes in: DKIM signatures of our own mail (of users, relay clients
// and this machine, whose author is of a domain that has keys), and the ARC set of what an alias passes on to others.
// The body is hashed as it streams; the signatures are made at the end, on the pool, because RSA takes a millisecond.
// Thread rule: the session's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "arc/seal.h"
#include "base/task.h"
#include "io/loop.h"
#include "mailauth/signing.h"

namespace postern::inbound {

class MessageSigning {
 public:
  // `header`: as it is stored, and so as it leaves. `pool` may be null.
  MessageSigning(std::string header, io::BlockingPool* pool) : header_(std::move(header)), pool_(pool) {}

  // Each once, before the body, and false where there is no key for it.
  [[nodiscard]] bool sign(const mailauth::SigningKeys& keys, WallMs now);
  [[nodiscard]] bool seal(const mailauth::SigningKeys& keys, std::string_view domain, bool utf8, WallMs now);

  void body(std::string_view bytes);
  [[nodiscard]] std::size_t memory() const { return header_.text().size(); }

  // Once. The fields that go on top, those of ARC above those of DKIM; `id` is for the log, where something cannot be
  // signed: the message goes without. `chain` and `results`: what authentication found, without them nothing is sealed.
  [[nodiscard]] Task<std::string> finish(const arc::Chain* chain, std::string_view results, std::string id);

 private:
  [[nodiscard]] std::string make(const arc::Chain* chain, std::string_view results, const std::string& id);
  message::HeaderSection header_;
  io::BlockingPool* pool_;
  std::optional<dkim::Signer> signer_;
  std::optional<arc::Sealer> sealer_;
};

}  // namespace postern::inbound
