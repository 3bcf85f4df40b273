// Why: one session, found by its id or that of one of its messages, and explained: what was known at each decision,
// which rules were true or nearly, what the score was made of, what would have changed the verdict, and the way out.
// Rules and terms are those of the policy that judged, where it is still the configured one; of another policy the
// record has the rule's name alone. Thread rule: pure, but for find_session(), which blocks on files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/json.h"
#include "base/result.h"
#include "insight/fate.h"
#include "policy/policy.h"

namespace postern::insight {

struct FoundSession {
  json::Value session;                  // docs/records.md: postern.session/1
  std::vector<json::Value> deliveries;  // of its messages, up to a day after it
};
// By the time in the id, so that only the files of that time are read. Takes the id of a session, of a message or of a
// delivery. Nothing where there is no such line.
[[nodiscard]] Result<std::optional<FoundSession>> find_session(const std::string& records, const Id& id, WallMs now);

struct Why {
  struct Fact {
    evidence::Signal signal{};
    std::string value;
  };
  // Another value of one signal alone with which the mail would have been accepted.
  struct Change {
    evidence::Signal signal{};
    std::string value;                 // as it is
    std::vector<std::string> instead;  // words, or "unknown"
    evidence::Action action{};
  };
  struct Decision {
    std::uint32_t ms = 0;
    evidence::Stage stage{};
    std::string recipient;    // its address; "" where it was about none
    std::vector<Fact> facts;  // what became known since the decision before
    evidence::Action action{};
    evidence::Reason reason{};
    std::string rule;
    bool enforced = false;
    double score = 0, score_low = 0;
    std::vector<std::string> tags, shadow;
    std::optional<policy::Explanation> explanation;  // none where another policy judged
    std::vector<Change> changes;                     // of a verdict that was not to accept
    std::string way_out;                             // likewise
  };
  json::Value session;
  std::vector<json::Value> deliveries;
  std::vector<Decision> decisions;
  bool same_policy = false;  // the one given is the one that judged
  bool judged = false;       // by a policy at all
};

// `policy`: the configured one; may be null. `lists`: its lists. `home`: its home countries, to name them.
[[nodiscard]] Why explain_session(FoundSession found, const policy::Policy* policy, const evidence::ListNames& lists,
                                  const std::vector<evidence::CountryCode>& home);

void append_json(const Why& why, json::Writer& out);

}  // namespace postern::insight
