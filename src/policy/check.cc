#include "policy/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"
#include "policy/presets.h"

namespace postern::policy {

namespace {

using evidence::Action;
using evidence::Signal;
using evidence::Type;

constexpr double kThresholdMax = 100;  // nats
constexpr std::array<std::string_view, 4> kReserved{"score", "default", "role", "operator"};

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 64;
  return "\"" + printable(text, kShown) + "\"";
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kRuleNameMax &&
         std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_recipient(std::string_view text) {
  constexpr std::size_t kPathMax = 254;  // RFC 5321 4.5.3.1.3, without the brackets
  const std::size_t at = text.rfind('@');
  const std::string_view domain = at == std::string_view::npos ? text : text.substr(at + 1);
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c != 0x7F; });
  return plain && text.size() <= kPathMax && at != 0 && !domain.empty() && domain.front() != '.' &&
         domain.find('*') == std::string_view::npos;
}

void check_recipients(const std::vector<std::string>& recipients, std::string_view rule, Place place,
                      std::vector<Problem>& problems) {
  std::set<std::string> seen;
  for (const std::string& recipient : recipients) {
    if (!is_recipient(recipient)) {
      problems.push_back({place, std::string(rule),
                          quoted(recipient) + " is no recipient; write a domain as example.org, or an address as "
                                              "bob@example.org"});
    } else if (!seen.insert(lower(recipient)).second) {
      problems.push_back({place, std::string(rule), quoted(recipient) + " is named twice; leave one out"});
    }
  }
}

void check_one(const Choices& choices, Place place, std::vector<Problem>& problems) {
  const auto problem = [&](std::string what) { problems.push_back({place, "", std::move(what)}); };
  if (choices.preset) {
    const auto names = preset_names();
    if (std::ranges::find(names, *choices.preset) == names.end()) {
      const auto near = nearest(*choices.preset, std::vector<std::string>(names.begin(), names.end()));
      problem("there is no preset " + quoted(*choices.preset) + "; " + (near ? "did you mean " + *near + "? " : "") +
              "There are " + listed(names));
    }
  }
  for (const evidence::CountryCode code : choices.home.value_or(std::vector<evidence::CountryCode>())) {
    if (!CountrySet::all().contains(code)) problem("home has a country that is none; write two letters, such as US");
  }
  const auto threshold = [&](std::string_view key, std::optional<double> nats) {
    if (nats && !(*nats > 0 && *nats <= kThresholdMax))
      problem(std::string(key) + " is a number of nats above 0, at most 100; the preset organisation has " +
              (key == "greylist_at" ? "1" : "5"));
  };
  threshold("greylist_at", choices.greylist_at);
  threshold("reject_at", choices.reject_at);
}

void check_together(const Decided& decided, Place place, std::vector<Problem>& problems) {
  if (decided.greylist_at > decided.reject_at && std::isfinite(decided.greylist_at)) {
    problems.push_back({place, "", "greylist_at is above reject_at, so that nothing would ever wait; lower it"});
  }
  if (decided.preset == "strict" && decided.home.empty() && decided.refuse_abroad) {
    problems.push_back(
        {place, "",
         "the preset strict refuses all countries but your own; name them as home = [\"US\", \"CA\"], or "
         "say refuse_abroad = false"});
  }
}

}  // namespace

Place place_within(Place first_octet, std::string_view source, std::size_t offset) {
  const std::string_view before = source.substr(0, offset);
  const auto lines = static_cast<int>(std::ranges::count(before, '\n'));
  const auto within = static_cast<int>(lines == 0 ? offset : offset - before.rfind('\n') - 1);
  const int first_column = lines == 0 ? std::max(first_octet.column, 1) : 1;
  return {.line = first_octet.line == 0 ? 0 : first_octet.line + lines, .column = first_column + within};
}

void check_choices(const Options& options, std::vector<Problem>& problems) {
  if (options.lists.size() > evidence::kListsMax) {
    problems.push_back({{}, "", "more than " + std::to_string(evidence::kListsMax) + " lists; take some away"});
  }
  const std::size_t before = problems.size();
  check_one(options.choices, {}, problems);
  if (problems.size() == before) check_together(decide(options.choices, nullptr), {}, problems);
  if (options.overrides.size() > kOverridesMax)
    problems.push_back({{}, "", "more than " + std::to_string(kOverridesMax) + " [[policy.for]]; join some"});
  std::size_t recipients = 0;
  std::set<std::string> seen;
  for (const OverrideOptions& one : options.overrides) {
    const std::size_t problems_before = problems.size();
    check_one(one.choices, one.place, problems);
    if (one.recipients.empty())
      problems.push_back({one.place, "", "recipients is empty; name domains or addresses that this is for"});
    check_recipients(one.recipients, "", one.place, problems);
    if (problems.size() == problems_before) {
      check_together(decide(options.choices, &one.choices), one.place, problems);
      for (const std::string& recipient : one.recipients) {
        if (!seen.insert(lower(recipient)).second)
          problems.push_back(
              {one.place, "", quoted(recipient) + " stands in another [[policy.for]] already; join them"});
      }
    }
    recipients += one.recipients.size();
  }
  for (const RuleOptions& rule : options.rules) recipients += rule.recipients.size();
  if (recipients > kRecipientsMax) {
    problems.push_back(
        {{}, "", "more than " + std::to_string(kRecipientsMax) + " recipients are named in all; name domains instead"});
  }
}

void check_pins(const std::vector<PinOptions>& pins, std::vector<Problem>& problems) {
  std::set<std::string> seen;
  for (const PinOptions& pin : pins) {
    const auto problem = [&](std::string what) { problems.push_back({pin.place, "", std::move(what)}); };
    const auto signal = evidence::find_signal(pin.signal);
    if (!signal) {
      std::vector<std::string> names;
      for (const evidence::SignalInfo& one : evidence::signals()) names.emplace_back(one.name);
      const auto near = nearest(pin.signal, names);
      problem("unknown signal " + quoted(pin.signal) +
              (near ? "; did you mean " + *near + "?" : "; docs/policy.md has the list of signals"));
      continue;
    }
    const evidence::SignalInfo& info = evidence::info(*signal);
    if (*signal == Signal::verdict_of_operator || *signal == Signal::greylist || *signal == Signal::budget) {
      problem(std::string(info.name) + " has no weight: it is obeyed, not scored; take the pin away");
    } else if (info.type == Type::category) {
      if (evidence::find_value(*signal, pin.value).value_or(0) == 0) {
        problem(std::string(info.name) + " cannot be pinned at " + quoted(pin.value) + "; its values are " +
                listed(info.values.subspan(1)));
      }
    } else if (info.type == Type::country) {
      if (pin.value != "home" && pin.value != "abroad" && evidence::parse_country(pin.value) == 0)
        problem("country cannot be pinned at " + quoted(pin.value) + "; write home, abroad, or two letters");
    } else {
      problem(
          std::string(info.name) + " has no words to pin; write a [[policy.rule]] about it" +
          (*signal == Signal::list_score || *signal == Signal::lists ? ", or a weight in its [[policy.list]]" : ""));
    }
    if (!(std::abs(pin.nats) <= kPinMax)) problem("nats of a pin lie between -20 and 20");
    if (!seen.insert(pin.signal + "=" + lower(pin.value)).second)
      problem(pin.signal + " == " + pin.value + " is pinned twice; leave one out");
  }
}

void check_counts(const Counts& counts, std::vector<Problem>& problems) {
  const auto count = [](double n) { return std::isfinite(n) && n >= 0; };
  const auto fits = [&](const Count& row) {
    return count(row.spam) && count(row.ham) && row.spam <= counts.spam && row.ham <= counts.ham;
  };
  if (!count(counts.spam) || !count(counts.ham))
    problems.push_back({{}, "", "the counts' events are no numbers; write them anew with postern signals --write"});
  for (const auto* const rows : {&counts.rows, &counts.cells}) {
    for (const Count& row : *rows) {
      if (fits(row)) continue;
      problems.push_back({{},
                          "",
                          "the counts of " + quoted(row.signal + " " + row.value) +
                              " are negative or more than all events; write them anew with postern signals "
                              "--write"});
    }
  }
}

void check_rule(const RuleOptions& rule, std::vector<Problem>& problems) {
  const auto problem = [&](std::string what) { problems.push_back({rule.place, rule.name, std::move(what)}); };
  if (!is_name(rule.name)) {
    problem("the name " + quoted(rule.name) + " is none; use letters, digits, - and _, at most " +
            std::to_string(kRuleNameMax));
  } else if (std::ranges::find(kReserved, lower(rule.name)) != kReserved.end()) {
    problem("the name " + quoted(rule.name) + " stands for what judges beside the rules; use another one");
  }
  const bool tag = rule.action == Action::tag;
  const bool spoken = rule.action != Action::accept && !tag;
  if (tag && !is_name(rule.label))
    problem("a tag needs a label of letters, digits, - and _, at most " + std::to_string(kRuleNameMax));
  if (!tag && !rule.label.empty()) problem("a label is for the action tag; take it away");
  if (!spoken && !rule.text.empty())
    problem("nothing is said where the action is " + std::string(to_string(rule.action)) + "; take the text away");
  if (rule.text.size() > kReplyTextMax ||
      !std::ranges::all_of(rule.text, [](char c) { return c >= 0x20 && c < 0x7F; })) {
    problem("text is one sentence of printable ASCII, at most " + std::to_string(kReplyTextMax) + " characters");
  }
  check_recipients(rule.recipients, rule.name, rule.place, problems);
}

void check_budget(const RuleOptions& rule, const Expression& expression, std::vector<Problem>& problems) {
  if (rule.action != evidence::Action::reject) return;
  for (const Comparison& comparison : expression.comparisons) {
    if (comparison.signal != evidence::Signal::budget) continue;
    problems.push_back({place_within(rule.when_place, rule.when, comparison.offset), rule.name,
                        "a spent budget is told with 421 or 451, never for good; write then = \"throttle\""});
    return;
  }
}

void check_names(const std::vector<RuleOptions>& rules, std::vector<Problem>& problems) {
  if (rules.size() > kRulesMax)
    problems.push_back({rules[kRulesMax].place, rules[kRulesMax].name,
                        "more than " + std::to_string(kRulesMax) + " rules; join some with or"});
  std::set<std::string> seen;
  for (const RuleOptions& rule : rules) {
    if (!rule.name.empty() && !seen.insert(lower(rule.name)).second)
      problems.push_back({rule.place, rule.name, "another rule has this name; records tell rules by name"});
  }
}

}  // namespace postern::policy
