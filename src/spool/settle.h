// What a settlement or an operator's command does to an envelope: pure, shared by the journal and its RAM twin.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "spool/envelope.h"
#include "spool/store.h"

namespace postern::spool {

struct RecipientCounts {
  std::uint32_t pending = 0;
  std::uint32_t failed = 0;
  // Nobody is left to deliver to and nobody to tell: the message leaves the store.
  [[nodiscard]] bool finished() const { return pending == 0 && failed == 0; }
};
[[nodiscard]] RecipientCounts count_recipients(const Envelope& envelope);

// One recipient after a change. `attempts` is absolute, so that applying a change twice is applying it once.
struct RecipientChange {
  std::uint32_t index = 0;
  RecipientState state = RecipientState::pending;
  std::uint32_t attempts = 0;
  std::string reply;
  bool delay_told = false;
  friend bool operator==(const RecipientChange&, const RecipientChange&) = default;
};

// Errors: invalid, when an outcome names a recipient that is not there; nothing is changed then.
[[nodiscard]] Result<std::vector<RecipientChange>> changes_of(const Envelope& envelope, const Settlement& settlement);
// `postern queue retry`: who failed is tried again.
[[nodiscard]] std::vector<RecipientChange> changes_of_retry(const Envelope& envelope);
// A change whose index is out of range is ignored (it can only come from a damaged disk).
void apply_changes(Envelope& envelope, const std::vector<RecipientChange>& changes);

}  // namespace postern::spool
