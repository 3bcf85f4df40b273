// ReverseNames: the names that the client's address points to, and which of them point back (RFC 7208 5.5). PTR is
// asked once an evaluation, and the addresses of a name at most once, however many terms want to know: at most 1 + 10
// look-ups in all. Thread rule: the resolver's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "ip/address.h"

namespace postern::spf {

class ReverseNames {
 public:
  ReverseNames(const ip::Address& client, dns::Resolver& resolver, dns::Budget& budget)
      : client_(client), resolver_(resolver), budget_(budget) {}

  // What the PTR look-up said; asks it if nobody has yet.
  [[nodiscard]] Task<dns::Status> load();

  enum class Found : std::uint8_t { no, yes, stopped };  // stopped: the budget is spent, or we were cancelled
  // Is a validated name `target` itself, or below it?
  [[nodiscard]] Task<Found> within(dns::Name target);
  // 7.3, %{p}: a validated name, `domain` itself before one below it before any other; "unknown" where there is none.
  [[nodiscard]] Task<std::string> preferred(dns::Name domain);

 private:
  enum class State : std::uint8_t { unknown, valid, invalid, stopped };
  struct Candidate {
    dns::Name name;
    State state = State::unknown;
  };
  [[nodiscard]] Task<State> validate(std::size_t index);
  [[nodiscard]] dns::Type address_type() const { return client_.is_v4() ? dns::Type::a : dns::Type::aaaa; }

  ip::Address client_;
  dns::Resolver& resolver_;
  dns::Budget& budget_;
  bool loaded_ = false;
  dns::Status status_ = dns::Status::nodata;
  std::vector<Candidate> candidates_;  // at most kPtrMax
};

}  // namespace postern::spf
