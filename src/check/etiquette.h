// Etiquette: what this process remembers of the mail servers' addresses that its checks visit, so that nobody has to
// bear more of them than one (checks.md 6.14-105): one connection at a time to an address, whoever's check it is; at
// most two polite ones a minute; and what one showed is good for ten minutes, for every domain whose mail goes there.
// The further connections of a deep run are what somebody asked for of hosts of his: they come one after the other, in
// the same stay, and are not counted.
//
// Bounded: kAddressesMax addresses and kFactsMax facts; the oldest give way, those in use never. Thread rule: one
// loop's at a time; it knows no loop itself, so that it may outlive one.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "check/server_facts.h"
#include "io/loop.h"
#include "ip/address.h"

namespace postern::check {

class Etiquette {
 public:
  static constexpr std::size_t kAddressesMax = 10'000, kFactsMax = 500;
  struct Limits {
    std::size_t visits = 2;  // within `window`
    Clock::duration window = std::chrono::seconds(60);
    Clock::duration kept = std::chrono::minutes(10);  // facts
  };

  Etiquette() : Etiquette(Limits{}) {}
  explicit Etiquette(Limits limits) : limits_(limits) {}
  Etiquette(const Etiquette&) = delete;
  Etiquette& operator=(const Etiquette&) = delete;
  ~Etiquette() = default;

  // Waits until no other check is at the address. False: somebody still was at the deadline. After true: leave().
  [[nodiscard]] Task<bool> enter(io::Loop& loop, ip::Address address, Deadline deadline);
  void leave(const ip::Address& address);
  // During a stay, before each polite connection: waits until it may be made. False, without waiting: not before the
  // deadline.
  [[nodiscard]] Task<bool> may_visit(io::Loop& loop, ip::Address address, Deadline deadline);

  // During a stay, before a connection to another service than mail's, submission: false where there were as many as
  // visits may be within the window. It does not wait: what is not visited is not tested.
  [[nodiscard]] bool may_visit_beside(const ip::Address& address, Clock::time_point now);

  // What a visit under that host name showed within the last minutes; null where there is nothing. Good until the next
  // remember(). `port` is part of the endpoint in the facts.
  [[nodiscard]] const ServerFacts* known(const ip::Endpoint& endpoint, std::string_view host, Clock::time_point now);
  void remember(std::string_view host, const ServerFacts& facts, Clock::time_point now);

  [[nodiscard]] std::size_t addresses() const { return addresses_.size(); }
  [[nodiscard]] std::size_t facts() const { return facts_.size(); }

 private:
  struct Place {
    bool occupied = false;
    std::deque<Clock::time_point> visits;  // of the window
    std::deque<Clock::time_point> beside;  // the same, of other services
    std::vector<io::Signal*> waiting;
  };
  struct Remembered {
    ServerFacts facts;
    Clock::time_point at;
  };
  using Key = std::pair<std::string, std::string>;  // endpoint, host
  void make_room(Clock::time_point now);
  void forget_visits(Place& place, Clock::time_point now) const;

  Limits limits_;
  std::map<ip::Address, Place> addresses_;
  std::map<Key, Remembered> facts_;
};

// How a server that says 4xx means it, from the reply. Words are what servers write; without any, RFC 6647 2.1's
// 450 and 451 with 4.7.1 or 4.2.0 at RCPT are greylisting, 421 and 454 a limit.
enum class PutOff : std::uint8_t { no, greylisted, limited, later };
[[nodiscard]] PutOff put_off(std::uint16_t code, std::string_view reply);
[[nodiscard]] std::string_view to_string(PutOff kind);  // "greylisting", "a limit", "a passing refusal"

// The reply that put us off on this visit, "RCPT TO:<postmaster@example.org>: 451 4.7.1 ..."; empty: none did.
struct Putting {
  PutOff kind = PutOff::no;
  std::string words;
  bool at_recipient = false;  // the dialogue until there went its way
};
[[nodiscard]] Putting put_off(const ServerFacts& facts);

}  // namespace postern::check
