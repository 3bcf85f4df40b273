// Countries: what a set of home countries would have cost: mail by the country of the client, as far as it is known
// what the mail was. What `postern stats --countries` shows. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/json.h"
#include "insight/outcomes.h"
#include "insight/sessions.h"

namespace postern::insight {

class Countries {
 public:
  explicit Countries(Marks marks = {}) : outcomes_(std::move(marks)) {}
  void add(const record::SessionView& session);

  struct Country {
    evidence::CountryCode code = 0;
    std::uint64_t messages = 0;                        // accepted
    std::uint64_t sender_days = 0, ham = 0, spam = 0;  // one a sender and day
    bool proposed = false;
  };
  struct Proposal {
    std::vector<Country> countries;  // most ham first, then most messages
    // Of the wanted mail (sender-days of ham) of known countries: what would have been refused.
    std::uint64_t ham = 0, ham_lost = 0;
    std::uint64_t spam = 0, spam_refused = 0;
    std::uint64_t exempt = 0;           // of ham_lost, senders who were known or replied to: they pass all the same
    std::uint64_t unknown_country = 0;  // sender-days; never refused
  };
  // Proposes the fewest countries that hold all but `loss` of the wanted mail, and every country that somebody of ours
  // has written to.
  [[nodiscard]] Proposal propose(double loss = 0.001) const;

 private:
  struct Event {
    std::uint64_t key;
    Signs own;
    evidence::CountryCode code;
  };
  Outcomes outcomes_;
  EvidenceWalk walk_;
  SenderDays sender_days_;
  std::vector<Event> events_;
  std::map<evidence::CountryCode, std::uint64_t> messages_;
};

void append_json(const Countries::Proposal& proposal, json::Writer& out);

}  // namespace postern::insight
