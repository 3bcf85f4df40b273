// What the configuration says about judging mail, as plain values: [policy] and what stands below it. config fills
// them, Policy::compile() turns them into something that is evaluated, `postern replay` compiles two of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/evidence.h"
#include "evidence/verdict.h"

namespace postern::policy {

inline constexpr std::size_t kRulesMax = 500;
inline constexpr std::size_t kExpressionMax = 4096;  // octets
inline constexpr std::size_t kRuleNameMax = 64;      // octets
inline constexpr std::size_t kReplyTextMax = 200;    // octets of a rule's own sentence: a reply line holds more than it
inline constexpr std::size_t kOverridesMax = 1000;
inline constexpr std::size_t kRecipientsMax = 100'000;  // named by rules and overrides, in all

// Where in the file something stands, for messages; 0 where it comes from a preset.
struct Place {
  int line = 0, column = 0;
};

// [[policy.rule]]
struct RuleOptions {
  std::string name;  // letters, digits, '-', '_'; unique
  std::string when;
  std::optional<evidence::Stage> stage;  // none: the earliest at which all that `when` asks is known
  evidence::Action action = evidence::Action::accept;
  evidence::Reason reason = evidence::Reason::rule;  // rules of presets name theirs
  std::string text;                                  // of the reply; empty: that of the reason
  std::string label;                                 // of a tag
  bool shadow = false;                               // evaluated and recorded, not enforced
  std::vector<std::string> recipients;               // "example.org", "bob@example.org"; empty: all
  Place place, when_place;                           // when_place: of the first octet within the quotes
};

// [[policy.pin]]: a weight set by hand in place of the measured one.
struct PinOptions {
  std::string signal, value;
  double nats = 0;
  Place place;
};

enum class OnQuarantine : std::uint8_t { tag, reject };  // of DMARC p=quarantine; never a quarantine
enum class RequireTls : std::uint8_t { no, ipv4, ipv6, both };

// What a preset decides, and [policy] or an override may decide otherwise.
struct Choices {
  std::optional<std::string> preset;  // personal, organisation, provider, strict, none
  std::optional<std::vector<evidence::CountryCode>> home;
  std::optional<bool> refuse_abroad;  // false: `home` serves rules and score, and nobody is refused for his country
  std::optional<bool> greylist;       // false: what would be greylisted is accepted
  std::optional<double> greylist_at;  // nats, of the evidence
  std::optional<double> reject_at;
  std::optional<bool> dmarc_reject;  // refuse where DMARC fails and the author's domain asks for it
  std::optional<OnQuarantine> dmarc_quarantine;
  std::optional<RequireTls> require_tls;

  friend bool operator==(const Choices&, const Choices&) = default;
};

// [[policy.for]]: other choices for some recipients.
struct OverrideOptions {
  std::vector<std::string> recipients;  // "example.org", "bob@example.org"
  Choices choices;
  Place place;
};

// How often a value was seen in spam and in ham: one row of `postern signals --write`.
struct Count {
  std::string signal, value;
  double spam = 0, ham = 0;
};
struct Counts {
  double spam = 0, ham = 0;  // events in all
  std::vector<Count> rows;
  // The joint table of os, rdns, country and known (docs/policy.md: score); a cell's value is its
  // name, "os=windows rdns=generic country=abroad known=stranger" (policy/score.h: cell_name), its signal is empty.
  std::vector<Count> cells;
};

struct Options {
  Choices choices;
  std::vector<RuleOptions> rules;
  std::vector<OverrideOptions> overrides;
  std::vector<PinOptions> pins;
  struct Shadow {
    std::string rule;  // of a preset: "organisation/country", or "country" of whichever preset
    Place place;
  };
  std::vector<Shadow> shadow;    // rules of presets that are evaluated and recorded, not enforced
  evidence::ListNames lists;     // names of [[policy.list]]
  std::optional<Counts> counts;  // measured; none: the priors alone
};

struct Problem {
  Place place;
  std::string rule;  // its name, where it is about one
  std::string what;  // the problem and its remedy, one line
};

}  // namespace postern::policy
