// Outcomes: the ground truth that the records themselves hold. What a sender was is often known only later: it hit a
// trap, or earned to be known, or one of ours wrote to it. Two walks: the first adds every session and gathers what
// became of each sender; the second asks what a session was.
//
// A sender is an identity (SPF pool domain, confirmed organisation, else its network), as the session recorded it.
// Signs, strongest first:
//   marked         the operator said so of this session or one of its messages
//   trap           it named a spamtrap
//   retired        it named a mailbox that was retired
//   unknown_users  it named kUnknownUsers mailboxes or more that do not exist, and more such than others
//   replied_to     one of ours has written to the sender
//   known          the sender has a good history
//   retried        it came back after it was greylisted, and its mail was accepted: shown, and no part of the truth,
//                  since bots do it as well
// The session's own signs go before those of its sender. Signs of both sides on one level leave the truth unknown: a
// provider whose users are of both kinds teaches nothing.
//
// What a signal is worth must not be measured by itself: whoever asks leaves out the signs that rest on it (rests_on).
// Memory: up to kSendersMax entries, 24 octets and as much again of free room each; senders beyond that are counted,
// and are strangers. Thread rule: one thread fills; then any thread may ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "evidence/evidence.h"
#include "insight/marks.h"
#include "insight/sender_table.h"
#include "insight/sessions.h"
#include "record/session_reader.h"

namespace postern::insight {

inline constexpr std::size_t kSendersMax = 2'000'000;
inline constexpr std::int64_t kUnknownUsers = 5;
inline constexpr WallMs kDayMs = 86'400'000;

enum class Truth : std::uint8_t { unknown, spam, ham };
[[nodiscard]] std::string_view to_string(Truth truth);

// Bits.
enum class Sign : std::uint16_t {
  marked_spam = 1,
  marked_ham = 2,
  trap = 4,
  retired = 8,
  unknown_users = 16,
  replied_to = 32,
  known = 64,
  retried = 128,
};
using Signs = std::uint16_t;
[[nodiscard]] constexpr Signs bit(Sign sign) { return static_cast<Signs>(sign); }
[[nodiscard]] std::string text_of(Signs signs);  // "trap, known"; "" of none

// The signs that rest on a signal: they are left out where its worth is measured.
[[nodiscard]] Signs rests_on(evidence::Signal signal);

// The sender of a session, as the greylist knows him: what the record says, but for a DKIM domain, which only those
// sessions have that came to a message; where that is all, what the evidence says; else "net:" and the /64 or /24.
// `last`: the session's evidence at its last decision.
[[nodiscard]] std::string sender_of(const record::SessionView& session, const evidence::Evidence& last);
[[nodiscard]] std::uint64_t sender_key(const record::SessionView& session, const evidence::Evidence& last);

// The one event that a sender is for training and for shares each day: the first of its sessions on a UTC day that was
// judged about mail. Sessions come roughly in time order; a late one of the day before is recognised.
// Else one loud sender would be the statistics.
class SenderDays {
 public:
  // Whether this session is that event. Asked once a session.
  [[nodiscard]] bool first(const record::SessionView& session, std::uint64_t key);
  [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }  // for lack of room

 private:
  struct Nothing {};
  struct Day {
    std::int64_t number = -1;
    SenderTable<Nothing> seen{kSendersMax};
  };
  Day today_, yesterday_;
  std::uint64_t passed_over_ = 0;
};

class Outcomes {
 public:
  explicit Outcomes(Marks marks = {}) : marks_(std::move(marks)) {}
  void add(const record::SessionView& session);  // first walk, in the order of the records
  // The same where the evidence at the session's last decision is at hand; `key`: sender_key(). Returns signs_of().
  Signs add(const record::SessionView& session, std::uint64_t key, const evidence::Evidence& last);

  // What the session itself shows. `last`: its evidence at its last decision.
  [[nodiscard]] Signs signs_of(const record::SessionView& session, const evidence::Evidence& last) const;
  // What became known of its sender, at any time.
  [[nodiscard]] Signs signs_of_sender(std::uint64_t key) const;
  [[nodiscard]] static Truth truth(Signs own, Signs of_sender, Signs left_out = 0);
  [[nodiscard]] Truth truth(const record::SessionView& session, const evidence::Evidence& last) const {
    return truth(signs_of(session, last), signs_of_sender(sender_key(session, last)));
  }

  [[nodiscard]] std::size_t senders() const { return senders_.size(); }
  [[nodiscard]] std::uint64_t not_held() const { return not_held_; }  // senders beyond the limit
  [[nodiscard]] WallMs newest() const { return newest_; }             // start of the newest session; 0 of none
  [[nodiscard]] WallMs oldest() const { return oldest_; }

 private:
  struct History {
    std::uint32_t greylisted_s = 0;  // when it was last told to come again, Unix seconds; 0 never
    Signs signs = 0;
  };
  Marks marks_;
  SenderTable<History> senders_{kSendersMax};
  EvidenceWalk walk_;
  std::uint64_t not_held_ = 0;
  WallMs newest_ = 0, oldest_ = 0;
};

}  // namespace postern::insight
