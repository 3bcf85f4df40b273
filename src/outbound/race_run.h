// The race of outbound/race.h with sockets: connects, hears the greeting, and keeps the first that has greeted with
// 220. Losers are let go before they have heard EHLO from us, with a FIN and not a reset where there is a choice.
// Thread rule: the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/conversation.h"
#include "io/loop.h"
#include "outbound/options.h"
#include "outbound/race.h"

namespace postern::outbound {

struct Contestant {
  ip::Endpoint endpoint;
  std::optional<ip::Address> source;
  std::string hello;  // the name to say
  milliseconds head_start{0};
};

struct ContestantEnd {
  enum class What : std::uint8_t {
    not_begun,    // or broken off without a verdict
    unreachable,  // no connection
    refused,      // connected, and did not greet with 220
    outrun,       // begun before the winner, and not connected when that had greeted
    won,
  } what = What::not_begun;
  std::optional<milliseconds> connect;  // how long it took, where it connected
  Error error;
  std::optional<smtp::Reply> reply;  // refused: the greeting
};

struct RaceEnd {
  std::vector<ContestantEnd> contestants;
  std::optional<std::size_t> winner;
  std::unique_ptr<delivery::Conversation> conversation;  // of the winner, greeted
};

// `farewells` owns the closing of losers; `breaker` ends all of it.
[[nodiscard]] Task<RaceEnd> run_race(io::Loop& loop, io::Scope& farewells, std::vector<Contestant> contestants,
                                     Timeouts timeouts, io::Breaker& breaker);

[[nodiscard]] delivery::ClientTimeouts client_timeouts(const Timeouts& timeouts);

}  // namespace postern::outbound
