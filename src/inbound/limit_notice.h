// LimitNotice: the mail that says that an account has run into a limit of [submission], to its user and to the
// postmaster: a limit that is reached all of a sudden is how a stolen password shows. Pure; who sends it is the
// caller's business. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/id.h"
#include "base/time.h"

namespace postern::inbound {

struct LimitNotice {
  std::string login;
  std::string limit;  // "messages_per_hour"
  std::uint32_t value = 0;
  std::string client;  // "[2001:db8::1]:4711"
  Id session;
  WallMs when = 0;
};

// Called on any thread.
using TellLimit = std::function<void(LimitNotice)>;

// A message with CRLF line ends, from `from` to `to`; `id` and `hostname` make its Message-ID.
[[nodiscard]] std::string limit_notice_text(const LimitNotice& notice, const std::string& from, const std::string& to,
                                            const std::string& hostname, const Id& id, WallMs now);

}  // namespace postern::inbound
