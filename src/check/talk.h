// A connection whose TLS is made by hand (check/hand.h). Internal to check.
#pragma once

#include <memory>
#include <string>

#include "check/hand.h"
#include "check/probe_impl.h"

namespace postern::check::probing {

struct Talk {
  std::unique_ptr<Visit> at;
  hand::RecordReader reader;
  hand::FlightReader flight;
  std::string rest;
};

struct Heard {
  enum class How : std::uint8_t { record, closed, silent, broken };
  How how = How::silent;
  hand::Record record;
  std::string why;  // of broken
};

enum class Came : std::uint8_t {
  nothing,  // no connection, silence, or no TLS: `why`
  refused,  // an alert, or the end of the connection
  flight,   // up to ServerHelloDone
};

struct Answer {
  Came came = Came::nothing;
  std::string why;  // in words, of nothing and refused
};

[[nodiscard]] Task<bool> tell(Talk& talk, std::string octets);
[[nodiscard]] Task<Heard> hear(Talk& talk, Deadline deadline);
// Connects, STARTTLS, a hello, and the server's first flight.
[[nodiscard]] Task<Answer> greet(Talk& talk, Run& run, ServerFacts& facts, hand::ClientHello hello);
// We go no further: an alert that says so (RFC 5246 7.2.2), and the end.
[[nodiscard]] Task<void> leave(Talk& talk);
[[nodiscard]] std::string random_octets(std::size_t count);

}  // namespace postern::check::probing
