// Statistics: shares by address family, TLS version, cipher, verdict and reason, and by country. What `postern stats`
// shows, and the part of a day's aggregate that is no signal. Bounded: kNamesMax names of each kind, further ones are
// counted as "other". Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "insight/outcomes.h"
#include "insight/sessions.h"

namespace postern::insight {

inline constexpr std::size_t kNamesMax = 200;

using PerFamily = std::array<std::uint64_t, 2>;  // IPv4, IPv6

// Names with a count for each family.
class Names {
 public:
  void add(std::string_view name, bool ipv6, std::uint64_t count = 1);
  [[nodiscard]] const std::map<std::string, PerFamily, std::less<>>& all() const { return names_; }

 private:
  std::map<std::string, PerFamily, std::less<>> names_;
};

struct Statistics {
  PerFamily sessions{}, tls{}, accepted{};  // accepted: messages
  Names tls_versions, ciphers;
  // Of a session the strongest word that was enforced; "none" where nothing was judged.
  Names verdicts;
  // Why recipients, messages and sessions were refused: words of docs/refusals.md and docs/records.md.
  Names reasons;
  WallMs oldest = 0, newest = 0;

  void add(const record::SessionView& session);
};

void append_json(const Statistics& statistics, const LineCount& lines, json::Writer& out);

// What `home` would have cost: mail by the country of the client, as far as it is known what it was.
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
