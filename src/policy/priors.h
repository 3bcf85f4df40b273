// Priors: what signals are held to be worth before anything was measured here. They are opinions, not measurements:
// each stands for kPriorEvents events of spam and as many of ham, so that a few hundred counted ones outweigh them.
// They can delay mail, together; they can refuse none, because a refusal rests on measured counts alone (score.h).
// Thread rule: constants.
#pragma once

#include <span>
#include <string_view>

#include "evidence/signals.h"

namespace postern::policy {

inline constexpr double kPriorEvents = 10;

struct Prior {
  evidence::Signal signal;
  std::string_view value;  // a word of the signal; of country "home" or "abroad"
  double spam, ham;        // of kPriorEvents each
};

[[nodiscard]] std::span<const Prior> priors();

}  // namespace postern::policy
