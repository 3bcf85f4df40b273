// SimulatedState: the memory that judging reads (budgets, greylist, known senders), evolving anew over recorded
// sessions from cold, in their order in time. Replay asks it before each decision and tells it what came of it. The
// evidence then has the simulated state in the place of the recorded one; everything else stays as recorded.
//
// What it cannot know: sessions that were refused at connect have no further decisions, and a sender who would newly be
// told to come again does not do so in the records. Thread rule: one thread.
#pragma once

#include <optional>

#include "evidence/evidence.h"
#include "evidence/verdict.h"
#include "record/session_reader.h"

namespace postern::insight {

class SimulatedState {
 public:
  virtual ~SimulatedState() = default;
  // Puts the state of this moment over the signals budget, greylist and known, where they were measured.
  virtual void before(const record::SessionView& session, const record::DecisionView& decision,
                      evidence::Evidence& evidence) = 0;
  virtual void after(const record::SessionView& session, const record::DecisionView& decision,
                     const evidence::Evidence& evidence, const evidence::Verdict& verdict) = 0;
  virtual void finished(const record::SessionView& session) = 0;
  // From when on the state is as full as if it had always run; none where the records do not reach that far.
  [[nodiscard]] virtual std::optional<WallMs> warm_since() const = 0;
};

}  // namespace postern::insight
