// Presets: rules in the policy language and the choices that go with them (docs/policy.md: presets). Thread rule:
// constants.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/options.h"

namespace postern::policy {

inline constexpr std::string_view kDefaultPreset = "organisation";

// Choices with nothing left open: those of an override, else those of [policy], else the preset's.
struct Decided {
  std::string_view preset;
  std::vector<evidence::CountryCode> home;
  bool refuse_abroad = true;
  bool greylist = true;
  double greylist_at = 0, reject_at = 0;  // infinite: never
  bool dmarc_reject = true;
  OnQuarantine dmarc_quarantine = OnQuarantine::tag;
  RequireTls require_tls = RequireTls::no;
};

[[nodiscard]] std::span<const std::string_view> preset_names();
// `over` may be null. The preset named must be one of preset_names().
[[nodiscard]] Decided decide(const Choices& choices, const Choices* over);

struct PresetRule {
  std::string name;  // "organisation/forged-helo"
  std::string_view when;
  evidence::Action action;
  evidence::Reason reason;
  std::string_view label;  // of a tag
};
// Whether `name` means the rule: its whole name, or the part behind the preset's.
[[nodiscard]] bool means(std::string_view name, std::string_view rule);
// In the order of judging.
[[nodiscard]] std::vector<PresetRule> rules_of(const Decided& decided);

}  // namespace postern::policy
