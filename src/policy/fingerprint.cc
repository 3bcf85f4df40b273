#include "policy/fingerprint.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "policy/priors.h"

namespace postern::policy {

namespace {

// Names in any order and case mean the same.
void write_recipients(json::Writer& out, const std::vector<std::string>& recipients) {
  std::vector<std::string> names;
  names.reserve(recipients.size());
  for (const std::string& recipient : recipients) names.push_back(lower(recipient));
  std::ranges::sort(names);
  out.begin_array();
  for (const std::string& name : names) out.string(name);
  out.end_array();
}

void write(json::Writer& out, const Decided& decided) {
  std::vector<evidence::CountryCode> home = decided.home;
  std::ranges::sort(home);
  home.erase(std::ranges::unique(home).begin(), home.end());
  out.begin_array();
  for (const evidence::CountryCode code : home) out.string(evidence::country_text(code));
  // to_string(): what never happens is infinite, which JSON has no number for
  out.boolean(decided.greylist).string(std::to_string(decided.greylist_at)).string(std::to_string(decided.reject_at));
  for (const PresetRule& rule : rules_of(decided)) {
    out.string(rule.name).string(rule.when).string(to_string(rule.action)).string(to_string(rule.reason));
    out.string(rule.label);
  }
  out.end_array();
}

void write(json::Writer& out, const RuleOptions& rule) {
  out.begin_array().string(rule.name).string(rule.when).string(rule.stage ? to_string(*rule.stage) : "");
  out.string(to_string(rule.action)).string(to_string(rule.reason)).string(rule.text).string(rule.label);
  out.boolean(rule.shadow);
  write_recipients(out, rule.recipients);
  out.end_array();
}

void write(json::Writer& out, const std::vector<Count>& counts) {
  out.begin_array();
  for (const Count& count : counts) out.string(count.signal).string(count.value).number(count.spam).number(count.ham);
  out.end_array();
}

}  // namespace

std::string fingerprint_of(const Options& options, const std::vector<Decided>& decided) {
  std::string text;
  json::Writer out(text);
  out.begin_array().number(kJudgingVersion);
  for (std::size_t i = 0; i < decided.size(); ++i) {
    if (i > 0) write_recipients(out, options.overrides[i - 1].recipients);
    write(out, decided[i]);
  }
  out.begin_array();
  for (const RuleOptions& rule : options.rules) write(out, rule);
  out.end_array().begin_array();
  for (const PinOptions& pin : options.pins) out.string(pin.signal).string(pin.value).number(pin.nats);
  out.end_array().begin_array();
  for (const Prior& prior : priors()) {
    out.string(evidence::info(prior.signal).name).string(prior.value).number(prior.spam).number(prior.ham);
  }
  out.end_array().begin_array();
  for (const std::string& list : options.lists) out.string(list);
  out.end_array();
  for (const Options::Shadow& one : options.shadow) out.string(one.rule);
  if (options.counts) {
    out.number(options.counts->spam).number(options.counts->ham);
    write(out, options.counts->rows);
    write(out, options.counts->cells);
  }
  out.end_array();
  constexpr std::size_t kDigits = 16;
  return to_hex(crypto::view_of(crypto::Sha256::of(text))).substr(0, kDigits);
}

}  // namespace postern::policy
