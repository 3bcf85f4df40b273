// Fate: what verdicts meant for the mail of a session. A session asks for deliveries, one a recipient; each was
// accepted, told to come again, or refused, by the decision at RCPT or by that at the end of DATA. Replay compares the
// fates under two policies. Thread rule: pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "evidence/verdict.h"
#include "record/session_reader.h"

namespace postern::insight {

enum class Fate : std::uint8_t { accepted, delayed, refused };
inline constexpr std::size_t kFates = 3;
[[nodiscard]] std::string_view to_string(Fate fate);
[[nodiscard]] constexpr Fate fate_of(evidence::Action action) {
  switch (action) {
    case evidence::Action::greylist:
    case evidence::Action::throttle:
      return Fate::delayed;
    case evidence::Action::reject:
      return Fate::refused;
    case evidence::Action::accept:
    case evidence::Action::tag:
      break;
  }
  return Fate::accepted;
}

// One recipient's delivery, or, where the session was ended at connect, the session.
struct Delivery {
  Fate before = Fate::accepted, after = Fate::accepted;
  // The decisions that made them so, by number in the session.
  std::size_t decided_before = 0, decided_after = 0;
  // It would go further than it did: what would have been said there nobody knows.
  bool unfinished = false;
};

// The transaction that a decision was about; null where it was about none, or the record does not list it.
[[nodiscard]] const record::TransactionView* transaction_of(const record::SessionView& session,
                                                            const record::DecisionView& decision);
// What the recipient of a decision was answered; 0 where it has none, or it is not listed.
[[nodiscard]] std::uint16_t code_of(const record::SessionView& session, const record::DecisionView& decision);

// `after`: the action of each decision under the other policy. Decisions that were only told, and recipients who were
// refused for another reason than policy (they do not exist), make none. `out` is emptied first.
void deliveries_of(const record::SessionView& session, std::span<const evidence::Action> after,
                   std::vector<Delivery>& out);

}  // namespace postern::insight
