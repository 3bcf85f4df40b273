// What a refused sender is told on the why page: for each reason word of docs/refusals.md what was refused and what he
// can change. Written for him, not for the operator: no score, no limit, no list of what was measured, so that nobody
// learns how to be refused less often without being a better sender. Thread rule: constant.
#pragma once

#include <span>
#include <string_view>

namespace postern::web {

struct ReasonText {
  std::string_view word;
  std::string_view title;   // "This mailbox does not exist"
  std::string_view what;    // one or two sentences
  std::string_view change;  // what the sender, or who runs his server, does
};

[[nodiscard]] std::span<const ReasonText> reason_texts();
// Never null: of a word that is not known, a text that says so.
[[nodiscard]] const ReasonText& reason_text(std::string_view word);

}  // namespace postern::web
