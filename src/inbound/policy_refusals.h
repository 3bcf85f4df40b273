// What a verdict sounds like on the wire: reply, reason, one sentence, and a way out: the page that explains the id
// where there is one, else the postmaster, who is always reachable (design invariants 4 and 8). The texts stand in
// docs/refusals.md, generated from refusals::all().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evidence/verdict.h"
#include "inbound/refusals.h"

namespace postern::inbound {

// The facts that a text may name.
struct RefusalFacts {
  std::string client;        // address
  std::string country;       // two letters
  std::string lists;         // names of the lists that the client is on
  std::string budget_level;  // "v6_48"
  std::uint32_t wait_s = 0;  // of a greylist
  std::string author_domain;
  std::string id;          // of the session
  std::string public_url;  // [web] public_url, without a slash at its end; or empty
  std::string postmaster;  // "postmaster@example.org"
};

// The refusal that this verdict asks for; never for accept and tag. `at_connect`: 421, since there is no recipient.
[[nodiscard]] Refusal policy_refusal(const evidence::Verdict& verdict, const RefusalFacts& facts, bool at_connect);

// design invariant 4: DATA has one reply; a recipient that would be judged otherwise comes back in a transaction of its
// own.
[[nodiscard]] Refusal other_policy();

namespace refusals {
// One of each verdict's, for refusals::all().
[[nodiscard]] std::vector<Refusal> of_policy();
}  // namespace refusals

}  // namespace postern::inbound
