// Which addresses a user may send as: his own, those that lead to him by an alias or a plus, and those that the
// operator gave him ([[login]] identities). Thread rule: pure.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "directory/directory.h"
#include "inbound/submission_options.h"
#include "message/header_section.h"
#include "smtp/address.h"

namespace postern::inbound {

class SenderIdentity {
 public:
  // All of them outlive it. `login`: as it was authenticated.
  SenderIdentity(const directory::Directory& directory, const SubmissionOptions& options, std::string_view login,
                 WallMs now);
  [[nodiscard]] bool owns(const smtp::Mailbox& address) const;

  struct Authors {
    enum class Fault : std::uint8_t {
      none,
      missing,    // no From, or none with an address
      several,    // several From fields
      malformed,  // From is no list of addresses
      foreign,    // `address` is not the user's
    };
    Fault fault = Fault::none;
    std::string address;
  };
  // RFC 5322 3.6.2: the authors of From, and Sender where there is one.
  [[nodiscard]] Authors check(const message::HeaderSection& header) const;

 private:
  [[nodiscard]] Authors check_field(std::string_view body) const;
  const directory::Directory& directory_;
  const SubmissionOptions& options_;
  std::string login_;
  WallMs now_;
};

}  // namespace postern::inbound
