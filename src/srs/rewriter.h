// Rewriter: the Sender Rewriting Scheme, for mail that an alias passes on to a domain of others. Passed on with its own
// reverse-path it would fail SPF there, because we are no server of the sender's domain; with one of ours,
// notifications come back here, and reverse() tells to whom they go.
//
//   SRS0=HASH=DAY=domain=local@ours     of a sender local@domain
//   SRS1=HASH=host=REST@ours            of a sender SRS0REST@host, who is somebody's rewritten one already: the hop
//                                       before is named and no chain grows
//
// HASH is a keyed hash (HMAC-SHA-256, 40 bits of it, base32), so that nobody makes an address by which we pass on his
// mail; DAY is the day modulo 1024 in base32: an address is good for kDaysMax days. Servers on the way may change the
// case of a local part: nothing here depends on it but the local part of the sender. No RFC; the scheme is that of
// libsrs2, whose hash is another one, which is nobody's business but the maker's.
// Thread rule: immutable, shared by all threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "smtp/address.h"

namespace postern::srs {

inline constexpr int kDaysMax = 21;          // servers give up after 5 days; a bounce of theirs after 5 more
inline constexpr std::size_t kHashSize = 8;  // characters
inline constexpr std::size_t kSecretMin = 16;

enum class State : std::uint8_t {
  other,    // no address of this scheme
  good,     // `sender` is whom it stands for
  expired,  // made by us, too long ago
  forged,   // not made by us, or damaged
};

struct Reversed {
  State state = State::other;
  smtp::Mailbox sender;
};

class Rewriter {
 public:
  // `secret` has at least kSecretMin octets; `domain` is one of ours, in canonical form.
  Rewriter(std::string secret, std::string domain);
  // The reverse-path to pass the message on with. What would be over the length of a path stays as it is.
  [[nodiscard]] std::string forward(const smtp::Mailbox& sender, WallMs now) const;
  // Of a recipient in any domain of ours.
  [[nodiscard]] Reversed reverse(const smtp::Mailbox& recipient, WallMs now) const;
  [[nodiscard]] const std::string& domain() const { return domain_; }

 private:
  [[nodiscard]] std::string hash(std::string_view what) const;
  std::string secret_;
  std::string domain_;
};

// "SRS0=...", "srs1+...": whether a local part is of this scheme, whoever made it.
[[nodiscard]] bool is_rewritten(std::string_view local);

// The secret in `path`, made (0600) where there is no such file. Blocks. Errors name the file and the remedy.
[[nodiscard]] Result<std::string> load_secret(const std::string& path);

}  // namespace postern::srs
