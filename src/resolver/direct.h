// Questions to name servers themselves, past every resolver: many at once, each over UDP or TCP, each with its own end.
// For the checker, which wants to know what each server of a zone says over each family. Nothing of it is believed
// further than that: no answer of it reaches a resolver's cache. Thread rule: any thread; blocks until every question
// has its answer or the time is over, so never on a loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns/packet.h"
#include "ip/address.h"

namespace postern::resolver {

inline constexpr std::size_t kDirectQuestionsMax = 256;  // in one call; further ones are not asked

struct DirectQuestion {
  ip::Endpoint server;
  dns::Name name;
  dns::Type type = dns::Type::soa;
  bool tcp = false;
  dns::QueryOptions options;
};

struct DirectAnswer {
  enum class Problem : std::uint8_t {
    none,
    timeout,
    refused,    // nobody listens: ICMP port unreachable, RST
    no_route,   // from here there is no way to that address: our own side, and no fault of the server
    malformed,  // an answer that is none
  };
  Problem problem = Problem::timeout;
  std::string what;                   // of a problem, in words
  std::optional<dns::Packet> packet;  // where there is no problem
  std::size_t octets = 0;             // of the answer
};

// As many answers as questions, in their order. A question over UDP is sent a second time after half of the time.
[[nodiscard]] std::vector<DirectAnswer> ask_directly(const std::vector<DirectQuestion>& questions,
                                                     milliseconds timeout);

}  // namespace postern::resolver
