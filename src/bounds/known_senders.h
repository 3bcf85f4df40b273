// KnownSenders: who has earned to be spared, and what we remember of him. The key is a hash of an identity (an SPF or
// DKIM domain, a confirmed name, a prefix), not of an address or a mail: pools of machines are one sender.
//
// A sender is known after two passes through the greylist at least an hour apart, or five accepted messages, or when
// somebody of ours has written to him, or when he is pinned (the operator said so; an authenticated client). Known is
// forgotten 36 days after it was last seen. A spam trap ends it at once: then both, passes and messages, must be earned
// again; a pin stands above that.
//
// An entry is 16 octets, of which 8 are the whole hash: so entries move to a table of another size. They have a file of
// their own, so that no flood of first attempts (pending.h) reaches them, and an entry is made only by what costs
// something: a pass, an accepted message, our own mail, a pin. A trap or a TLS failure of somebody who has no entry
// makes none.
//
// Of the 8 entries that a newcomer may replace goes, in this order: an empty one; a forgotten one; the least known of
// those not yet known, of these the oldest; and only where all 8 are known, the one seen longest ago. A pinned one goes
// for a pinned one alone.
//
// Clock: Unix seconds; last seen in hours, passes in minutes. A clock that went back makes nobody forgotten and counts
// no pass. Thread rule: any thread, no lock; of events at the same moment for one sender, one may get lost.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "bounds/lines.h"
#include "bounds/table_file.h"

namespace postern::bounds {

enum class SenderEvent : std::uint8_t {
  passed,      // came again after the greylist's delay
  accepted,    // a message was accepted
  replied_to,  // one of ours sent mail to him
  pinned,      // the operator's word, or an authenticated client
  unpinned,    // takes the pin away, and nothing else
  trapped,     // hit a spam trap, or failed as spammers do: what was earned is gone
  tls_failed,  // a handshake failed
  tls_succeeded,
  accepted_again,  // a message more than count: it is no merit, and takes back a guess
  guessed,         // a transaction that named those who do not exist, and brought no message
};

struct Sender {
  bool known = false;
  bool replied_to = false;
  bool pinned = false;
  bool demoted = false;         // was trapped, and has not earned it all again
  unsigned accepted = 0;        // up to 15
  unsigned passes = 0;          // up to 3, at least an hour apart
  unsigned tls_failures = 0;    // up to 3, within about an hour of each other
  unsigned guesses = 0;         // up to 7, each accepted message takes one back
  std::uint32_t hours_ago = 0;  // last seen
};

class KnownSenders {
 public:
  static constexpr std::size_t kEntryBytes = 16;
  static constexpr unsigned kPassesToBeKnown = 2;
  static constexpr unsigned kAcceptedToBeKnown = 5;
  static constexpr std::uint32_t kMinutesBetweenPasses = 60;
  static constexpr std::uint32_t kForgottenAfterHours = 36 * 24;

  explicit KnownSenders(TableFile table);
  [[nodiscard]] static TableFormat format();  // carries entries over to any size

  // nullopt: never seen, or forgotten. Writes nothing.
  [[nodiscard]] std::optional<Sender> look(std::uint64_t key, std::uint32_t now) const;
  [[nodiscard]] bool known(std::uint64_t key, std::uint32_t now) const;
  // What the sender is after the event; nullopt where he has no entry and the event makes none, or none gives way.
  std::optional<Sender> note(std::uint64_t key, SenderEvent event, std::uint32_t now);

  struct Gauges {
    std::uint64_t newcomers = 0;
    std::uint64_t known_evicted = 0;  // known senders that a newcomer pushed out: the table is too small
    std::uint64_t turned_away = 0;    // newcomers for whom nobody gave way
  };
  [[nodiscard]] Gauges gauges() const;

  struct Shares {  // of all entries, from a sample of lines
    double known = 0;
    double learning = 0;
    double forgotten = 0;
  };
  [[nodiscard]] Shares shares(std::uint32_t now) const;
  [[nodiscard]] const TableFile& table() const { return table_; }

 private:
  [[nodiscard]] std::uint64_t hash_of(std::uint64_t key) const;

  TableFile table_;
  std::span<Line> lines_;
  struct Counters {
    Gauge newcomers, known_evicted, turned_away;
  };
  std::unique_ptr<Counters> counters_ = std::make_unique<Counters>();
};

}  // namespace postern::bounds
