#include <algorithm>
#include <cmath>
#include <deque>
#include <iterator>

#include "base/text.h"
#include "policy/check.h"
#include "policy/compiled.h"
#include "policy/fingerprint.h"
#include "policy/parser.h"

namespace postern::policy {

namespace {

using evidence::Action;
using evidence::Signal;
using evidence::Stage;

Setting setting_of(const Decided& decided, const Options& options) {
  Setting setting;
  for (const evidence::CountryCode code : decided.home) setting.home.insert(code);
  const std::size_t lists = std::min(options.lists.size(), evidence::kListsMax);
  setting.lists = static_cast<std::uint32_t>((std::uint64_t{1} << lists) - 1);
  return setting;
}

// The condition, or the problems that it has.
std::optional<Expression> expression_of(const RuleOptions& rule, const evidence::ListNames& lists,
                                        std::vector<Problem>& problems) {
  std::vector<Fault> faults;
  auto expression = parse(rule.when, {.lists = &lists, .stage = rule.stage}, faults);
  for (Fault& fault : faults)
    problems.push_back({place_within(rule.when_place, rule.when, fault.offset), rule.name, std::move(fault.what)});
  return expression;
}

// Whoever is undecided is no stranger by the letter, and a sender can bring that about: his own DNS is his to break.
void doubt_strangers(const RuleOptions& rule, const Expression& expression, std::vector<Problem>& doubts) {
  const auto bit = [](evidence::value::Known known) { return std::uint32_t{1} << static_cast<unsigned>(known); };
  for (const Comparison& comparison : expression.comparisons) {
    if (comparison.signal != Signal::known || comparison.kind != Comparison::Kind::words) continue;
    const bool stranger = (comparison.words & bit(evidence::value::Known::stranger)) != 0;
    if (!stranger || (comparison.words & bit(evidence::value::Known::undecided)) != 0) continue;
    doubts.push_back({place_within(rule.when_place, rule.when, comparison.offset), rule.name,
                      "\"" + std::string(expression.text(comparison)) +
                          "\" tells strangers from who is undecided, which a sender can be by breaking his own DNS; "
                          "write known not in [known, replied_to]"});
  }
}

Rule rule_of(const RuleOptions& options, Expression expression) {
  Program program(expression);
  const Stage stage = options.stage.value_or(expression.stage);
  const auto asks = [&expression](Signal signal) {
    return std::ranges::find(expression.comparisons, signal, &Comparison::signal) != expression.comparisons.end();
  };
  const bool asks_known = asks(Signal::known);
  const bool asks_budget = asks(Signal::budget);
  return {.name = options.name,
          .text = options.text,
          .label = options.label,
          .stage = stage,
          .action = options.action,
          .reason = options.reason,
          .shadow = options.shadow,
          .asks_known = asks_known,
          .asks_budget = asks_budget,
          .limited = {},
          .expression = std::move(expression),
          .program = std::move(program)};
}

Rule rule_of(const PresetRule& preset) {
  std::vector<Fault> faults;
  auto expression = parse(preset.when, {}, faults);
  POSTERN_CHECK(expression.has_value());  // ours, and tested
  RuleOptions options{.name = preset.name, .action = preset.action, .reason = preset.reason};
  options.label = preset.label;
  return rule_of(options, *std::move(expression));
}

}  // namespace

// Puts a Compiled together out of what was checked.
class Compiler {
 public:
  Compiler(const Options& options, std::vector<Problem>& problems) : options_(options), problems_(problems) {}

  std::shared_ptr<const Policy> run() {
    const std::size_t before = problems_.size();
    check_choices(options_, problems_);
    check_pins(options_.pins, problems_);
    if (options_.counts) check_counts(*options_.counts, problems_);
    check_names(options_.rules, problems_);
    const bool sound = problems_.size() == before;
    read_rules();
    if (sound) {
      make_decisions();
      check_shadows();
      check_reach(to_reach_, settings_, problems_);
    }
    if (problems_.size() != before) return nullptr;
    return build();
  }

 private:
  void read_rules() {
    for (const RuleOptions& options : options_.rules) {
      if (read_.size() == kRulesMax) return;
      check_rule(options, problems_);
      auto expression = expression_of(options, options_.lists, problems_);
      if (!expression) continue;
      check_budget(options, *expression, problems_);
      doubt_strangers(options, *expression, doubts_);
      read_.push_back(rule_of(options, *std::move(expression)));
      to_reach_.push_back({&options, &read_.back()});
    }
  }

  void make_decisions() {
    decided_.push_back(decide(options_.choices, nullptr));
    for (const OverrideOptions& one : options_.overrides) decided_.push_back(decide(options_.choices, &one.choices));
    for (const Decided& decided : decided_) settings_.push_back(setting_of(decided, options_));
  }

  [[nodiscard]] bool is_shadow(const PresetRule& rule) const {
    return std::ranges::any_of(options_.shadow, [&](const Options::Shadow& one) { return means(one.rule, rule.name); });
  }

  void check_shadows() {
    std::vector<std::string> names;
    for (const Decided& decided : decided_)
      for (PresetRule& rule : rules_of(decided)) names.push_back(std::move(rule.name));
    for (const Options::Shadow& one : options_.shadow) {
      const bool found = std::ranges::any_of(names, [&](const std::string& name) { return means(one.rule, name); });
      if (found) continue;
      std::vector<std::string> words = names;
      for (const std::string& name : names) words.push_back(name.substr(name.find('/') + 1));
      const auto near = nearest(one.rule, words);
      problems_.push_back({one.place, "",
                           "no preset in use has a rule \"" + one.rule + "\"; " +
                               (near ? "did you mean \"" + *near + "\"?" : "docs/policy.md has the rules")});
    }
  }

  std::shared_ptr<const Policy> build() {
    auto compiled =
        std::make_shared<Compiled>(Score(options_.counts.value_or(Counts()), options_.pins, settings_.front().home));
    std::size_t limited = 0;
    for (std::size_t i = 0; i < read_.size(); ++i) {
      Rule& rule = read_[i];
      if (!options_.rules[i].recipients.empty()) {
        rule.limited = limited++;
        for (const std::string& recipient : options_.rules[i].recipients)
          compiled->scopes_.limit(recipient, *rule.limited);
      }
      compiled->rules_.push_back(std::move(rule));
    }
    // The rules of each preset stand behind the configured ones, once, however many profiles have them.
    std::vector<std::vector<std::size_t>> of_profile;
    for (const Decided& decided : decided_) {
      std::vector<std::size_t>& numbers = of_profile.emplace_back();
      for (const PresetRule& preset : rules_of(decided)) {
        const auto found = std::ranges::find(compiled->rules_, preset.name, &Rule::name);
        numbers.push_back(static_cast<std::size_t>(found - compiled->rules_.begin()));
        if (found != compiled->rules_.end()) continue;
        compiled->rules_.push_back(rule_of(preset));
        compiled->rules_.back().shadow = is_shadow(preset);
      }
    }
    for (std::size_t i = 0; i < compiled->rules_.size(); ++i) compiled->rules_[i].number = i;
    for (std::size_t i = 0; i < decided_.size(); ++i) add_profile(*compiled, i, of_profile[i]);
    for (std::size_t i = 0; i < options_.overrides.size(); ++i) {
      for (const std::string& recipient : options_.overrides[i].recipients)
        POSTERN_CHECK(compiled->scopes_.set_profile(recipient, i + 1));
    }
    compiled->find_asked();
    compiled->doubts_ = std::move(doubts_);
    compiled->fingerprint_ = fingerprint_of(options_, decided_);
    return compiled;
  }

  void add_profile(Compiled& compiled, std::size_t number, const std::vector<std::size_t>& of_preset) {
    Profile& profile = compiled.profiles_.emplace_back();
    profile.decided = decided_[number];
    profile.setting = settings_[number];
    profile.scored = std::isfinite(profile.decided.reject_at) || std::isfinite(profile.decided.greylist_at);
    const auto add = [&profile](const Rule& rule) {
      if (rule.judges_at(Moment::connect)) profile.at_connect.push_back(&rule);
      if (rule.judges_at(Moment::rcpt)) profile.at_rcpt.push_back(&rule);
      if (rule.judges_at(Moment::data)) profile.at_data.push_back(&rule);
    };
    for (std::size_t i = 0; i < options_.rules.size(); ++i) add(compiled.rules_[i]);
    for (const std::size_t i : of_preset) add(compiled.rules_[i]);
    // What accepts matters where something follows that could decide otherwise.
    const auto delays = [&profile](const Rule* rule) {
      return rule->action == Action::greylist && !rule->shadow && profile.decided.greylist;
    };
    const bool followed = profile.scored || std::ranges::any_of(profile.at_rcpt, delays);
    std::ranges::copy_if(profile.at_rcpt, std::back_inserter(profile.earlier), [&](const Rule* rule) {
      return delays(rule) || (followed && rule->action == Action::accept && !rule->shadow);
    });
  }

  const Options& options_;
  std::vector<Problem>& problems_;
  std::vector<Problem> doubts_;
  std::deque<Rule> read_;
  std::vector<RuleToReach> to_reach_;
  std::vector<Decided> decided_;  // of everybody, then of each override
  std::vector<Setting> settings_;
};

void Compiled::find_asked() {
  const auto ask = [this](Signal signal) { asked_.set(static_cast<std::size_t>(signal)); };
  const auto ask_all = [&ask](const Expression& expression) {
    for (const Comparison& comparison : expression.comparisons) ask(comparison.signal);
  };
  ask(Signal::recipient);
  ask(Signal::verdict_of_operator);
  bool delays = false;
  for (const Profile& profile : profiles_) {
    for (const auto* const rules : {&profile.at_rcpt, &profile.at_data}) {
      for (const Rule* const rule : *rules) {
        ask_all(rule->expression);
        if (rule->action == Action::greylist && profile.decided.greylist) delays = true;
        if (rule->stage != Stage::data && std::ranges::find(profile.earlier, rule) == profile.earlier.end()) continue;
        if (rule->limited) limited_at_data_.push_back(*rule->limited);
        for (const Comparison& comparison : rule->expression.comparisons) {
          if (comparison.signal == Signal::recipient || comparison.signal == Signal::recipient_domain ||
              comparison.signal == Signal::recipient_address) {
            recipient_matters_at_data_ = true;
          }
        }
      }
    }
    if (!profile.scored) continue;
    if (profile.decided.greylist && std::isfinite(profile.decided.greylist_at)) delays = true;
    for (const evidence::SignalInfo& info : evidence::signals()) {
      if (score_.uses(info.signal)) ask(info.signal);
    }
  }
  if (delays) {
    for (const Signal signal : {Signal::greylist, Signal::sender, Signal::os, Signal::rdns, Signal::known}) ask(signal);
  }
  // The points are counted from what the lists say.
  if (asks(Signal::list_score) && profiles_.front().setting.lists != 0) ask(Signal::lists);
}

std::vector<Problem> Compiled::warnings() const {
  std::vector<Problem> warnings = doubts_;
  if (std::ranges::any_of(profiles_, [](const Profile& one) { return one.decided.require_tls != RequireTls::no; })) {
    warnings.push_back({{},
                        "",
                        "require_tls: RFC 3207 section 4 forbids a publicly referenced MX to require TLS; mail from "
                        "servers without it is refused"});
  }
  return warnings;
}

std::shared_ptr<const Policy> Policy::compile(const Options& options, std::vector<Problem>& problems) {
  return Compiler(options, problems).run();
}

}  // namespace postern::policy
