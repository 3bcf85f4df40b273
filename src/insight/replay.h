// Replay: yesterday's traffic under another policy. The evidence of each decision is taken from the record and judged
// anew; the policy that judged then gives each verdict again exactly, so what differs is what the new one would do.
// One walk; what became of a sender later is asked at its end.
//
// It cannot know what did not happen: a sender who is newly told to come again was never asked to, and a message newly
// let in at RCPT was never seen. Both are counted as such. Budgets, greylist and history are as they were recorded,
// unless a SimulatedState lets them evolve anew.
// Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "insight/fate.h"
#include "insight/judging.h"
#include "insight/outcomes.h"
#include "insight/sessions.h"
#include "insight/simulated_state.h"
#include "policy/policy.h"

namespace postern::insight {

inline constexpr std::size_t kListedMax = 10'000;     // senders named of each kind; further ones are counted
inline constexpr std::size_t kEventsMax = 8'000'000;  // sessions that the confusion rests on: 16 octets each

// A sender whose mail fares otherwise.
struct ChangedSender {
  std::string identity, sender_domain, client;  // client: of the first session
  bool ipv6 = false;
  std::string session;  // id of the first, for `postern why`
  std::uint64_t sessions = 0;
  WallMs first = 0, last = 0;
  Fate before = Fate::accepted;
  std::string rule, reason;  // of the new policy
  bool unfinished = false;   // nobody knows what the end of DATA would have said
  std::uint64_t key = 0;     // of the sender
  Truth later = Truth::unknown;
  Signs signs = 0;
};

struct ChangedSenders {
  std::vector<ChangedSender> listed;  // in the order of their first session
  std::uint64_t sessions = 0;         // of all senders, also those not listed
  std::uint64_t not_listed = 0;       // sessions of senders beyond kListedMax
};

// Deliveries by truth, by what was and by what would be.
struct Confusion {
  std::array<std::array<std::array<std::uint64_t, kFates>, kFates>, 3> counts{};  // [truth][before][after]
  [[nodiscard]] std::uint64_t before(Truth truth, Fate fate) const;
  [[nodiscard]] std::uint64_t after(Truth truth, Fate fate) const;
  [[nodiscard]] std::uint64_t total(Truth truth) const;
};

// How long mail of senders who came back was delayed.
struct Delays {
  static constexpr std::array<std::int64_t, 6> kBounds{300, 900, 3600, 4 * 3600, 24 * 3600, INT64_MAX};  // seconds
  std::array<std::uint64_t, kBounds.size()> back{};
  std::uint64_t not_back = 0;   // not within the records
  std::uint64_t not_asked = 0;  // newly delayed: nobody told them then
};

struct ReplayReport {
  LineCount lines;
  std::uint64_t skipped = 0;  // words of evidence that this version does not know
  struct PerFamily {
    std::uint64_t sessions = 0, judged = 0, changed = 0;  // judged: with decisions. changed: another action somewhere
    std::uint64_t newly_refused = 0, newly_delayed = 0, newly_accepted = 0;  // sessions
    Confusion sessions_by_truth;
    Confusion sender_days;  // the first session of a sender a day: what shares and their intervals rest on
  };
  std::array<PerFamily, 2> families;  // IPv4, IPv6
  std::uint64_t decisions = 0, decisions_changed = 0;
  std::uint64_t reasons_changed = 0;   // the same action for another reason or by another rule
  std::uint64_t scores_changed = 0;    // the same action, reason and rule; another score, tag or shadow rule
  std::uint64_t not_understood = 0;    // decisions with words of a later version; not compared
  std::uint64_t by_this_policy = 0;    // sessions that the very policy judged then
  std::uint64_t not_in_confusion = 0;  // sessions beyond kEventsMax
  ChangedSenders newly_refused, newly_delayed, newly_accepted;
  Delays delays_before, delays_after;
  WallMs oldest = 0, newest = 0;
  Warmth warm;  // of a simulated state
  bool simulated = false;

  [[nodiscard]] PerFamily both() const;
};

class Replay {
 public:
  // `lists`: the names of the policy's lists, by number. `state`: null takes what was recorded. All must live longer.
  Replay(const policy::Policy& policy, evidence::ListNames lists, Marks marks = {}, SimulatedState* state = nullptr);
  void add(const record::SessionView& session);
  [[nodiscard]] ReplayReport finish(const LineCount& lines);

 private:
  struct Event {
    std::uint64_t key;
    Signs own;
    std::uint8_t before, after, ipv6, first_of_day;
  };
  class DelayBook {
   public:
    void delayed(std::uint64_t key, WallMs at);
    void accepted(std::uint64_t key, WallMs at, Delays& out);
    [[nodiscard]] std::uint64_t open() const { return waiting_; }

   private:
    SenderTable<WallMs> since_{kSendersMax};  // 0: does not wait
    std::uint64_t waiting_ = 0;
  };

  void judge(const record::SessionView& session);
  void compare(const record::DecisionView& decision, const evidence::Verdict& verdict);
  void note_changes(const record::SessionView& session);
  void note_delay(const record::SessionView& session, const Delivery& delivery);
  void list(const record::SessionView& session, const Delivery& delivery);

  const policy::Policy& policy_;
  SimulatedState* state_;
  EvidenceWalk walk_;
  Whose whose_;
  Outcomes outcomes_;
  SenderDays sender_days_;
  ReplayReport report_;
  std::vector<evidence::Action> actions_;
  std::vector<Delivery> deliveries_;
  // Of the session at hand: rule and reason of each new verdict (views into the policy), and its sender.
  struct Judged {
    std::string_view rule;
    evidence::Reason reason;
  };
  std::vector<Judged> judged_;
  std::string sender_domain_;
  std::uint64_t key_ = 0;
  Signs own_signs_ = 0;
  std::vector<Event> events_;
  std::map<std::pair<int, std::string>, std::size_t> listed_;  // by kind and sender: its place in the list
  DelayBook book_before_, book_after_;
  std::string scratch_;
};

// The report as {"sessions","changed","newly_refused":[...],...}; docs/insight.md has every key.
void append_json(const ReplayReport& report, json::Writer& out);

}  // namespace postern::insight
