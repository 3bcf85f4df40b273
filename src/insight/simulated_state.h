// SimulatedState: the memory that judging reads (budgets, greylist, known senders), evolving anew over recorded
// sessions from cold, in their order in time. Replay asks it before each decision and tells it what came of it. The
// evidence then has the simulated state in the place of the recorded one; everything else stays as recorded.
//
// What an event costs, and when it is refused, is what the session that judges does (inbound/judgement.cc): whoever
// changes the one changes the other.
//
// What it cannot know: sessions that were refused at connect have no further decisions; nor have those with more than a
// record keeps; a sender who would newly be told to come again does not do so in the records; mail of ours to a sender
// is in no session's record, so replied_to stays as it was recorded. A session has one identity, from its beginning on:
// the recorded one. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"
#include "evidence/evidence.h"
#include "evidence/verdict.h"
#include "record/session_reader.h"

namespace postern::insight {

// From when on each table is as full as if it had always run; none where the records do not reach that far.
struct Warmth {
  std::optional<WallMs> budgets, greylist, known;
};

class SimulatedState {
 public:
  virtual ~SimulatedState() = default;
  // Puts the state of this moment over the signals budget, greylist and known, where they were measured.
  virtual void before(const record::SessionView& session, const record::DecisionView& decision,
                      evidence::Evidence& evidence) = 0;
  virtual void after(const record::SessionView& session, const record::DecisionView& decision,
                     const evidence::Evidence& evidence, const evidence::Verdict& verdict) = 0;
  virtual void finished(const record::SessionView& session) = 0;
  [[nodiscard]] virtual Warmth warm() const = 0;
};

// What it rests on: the numbers of [defence] in the configuration.
struct SimulationOptions {
  bounds::BudgetOptions budget;
  // Prices, in units; budget.known is the server's too.
  std::uint32_t connect = 1, recipient_refused = 2, unknown_user = 4, trap = 50, tls_failed = 1, hang_up = 1,
                message = 1;
  bounds::GreylistTimes greylist;
  std::uint64_t table_bytes = 8 << 20;  // of each of the three tables
};
// The tables of the server (bounds/), in memory, cold, under a fixed secret: two runs say the same.
[[nodiscard]] std::unique_ptr<SimulatedState> simulate(const SimulationOptions& options);

}  // namespace postern::insight
