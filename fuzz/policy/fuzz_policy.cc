// The text of a condition, and evidence: whatever the text is, it is refused with a place inside of it, or it compiles;
// what compiles says the same along the tree and as a program, is never both true and said to be unreachable, and
// stands in a policy that judges the same evidence the same way twice.
//
// Input: the condition up to the first NUL, then octets that choose the evidence, one or two a signal.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "policy/parser.h"
#include "policy/policy.h"
#include "policy/program.h"
#include "policy/reach.h"
#include "policy/truth.h"

using namespace postern;
using namespace postern::policy;

namespace {

const evidence::ListNames kLists{"zen", "dwl", "sbl"};

class Octets {
 public:
  explicit Octets(std::string_view octets) : octets_(octets) {}
  std::size_t next() {
    if (at_ >= octets_.size()) return 0;
    return static_cast<unsigned char>(octets_[at_++]);
  }

 private:
  std::string_view octets_;
  std::size_t at_ = 0;
};

// Texts that a condition may be about, and its own words.
std::string_view text_of(std::size_t octet, std::string_view source) {
  constexpr std::array<std::string_view, 4> kTexts{"mail.example.org", "example.org", "MX.example", "a"};
  if (octet % 8 < kTexts.size()) return kTexts.at(octet % 8);
  const std::size_t begin = source.empty() ? 0 : octet % source.size();
  return source.substr(begin, octet / 8);
}

evidence::Evidence evidence_from(Octets octets, std::string_view source) {
  evidence::Evidence evidence;
  for (const evidence::SignalInfo& info : evidence::signals()) {
    const std::size_t octet = octets.next();
    if (octet == 0) continue;
    switch (info.type) {
      case evidence::Type::category:
        evidence.set_number(info.signal, static_cast<std::int64_t>(octet % info.values.size()));
        break;
      case evidence::Type::country:
        evidence.set_country(
            evidence::country_code(static_cast<char>('A' + octet % 26), static_cast<char>('A' + octets.next() % 26)));
        break;
      case evidence::Type::number:
        evidence.set_number(info.signal,
                            static_cast<std::int64_t>(octet) - (info.signal == evidence::Signal::list_score ? 128 : 1));
        break;
      case evidence::Type::names:
        evidence.set_lists(static_cast<std::uint32_t>(octet % 8), static_cast<std::uint32_t>(octet / 8 % 8));
        break;
      case evidence::Type::text:
        evidence.set_text(info.signal, text_of(octet, source));
        break;
    }
  }
  return evidence;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view source = all.substr(0, all.find('\0'));
  const Octets octets(all.substr(std::min(source.size() + 1, all.size())));

  Setting setting;
  setting.lists = (1U << kLists.size()) - 1;
  for (const char second : {'S', 'A', 'B'}) setting.home.insert(evidence::country_code('U', second));

  std::vector<Fault> faults;
  const auto expression = parse(source, {.lists = &kLists}, faults);
  POSTERN_CHECK(expression.has_value() == faults.empty());
  for (const Fault& fault : faults) {
    POSTERN_CHECK(fault.offset <= source.size() && !fault.what.empty());
    POSTERN_CHECK(std::ranges::all_of(fault.what, [](char c) { return c >= 0x20 && c < 0x7F; }));
  }

  Options options;
  options.choices.preset = "none";
  options.lists = kLists;
  options.rules.push_back({.name = "fuzzed", .when = std::string(source), .action = evidence::Action::reject});
  std::vector<Problem> problems;
  const auto policy = Policy::compile(options, problems);
  POSTERN_CHECK((policy == nullptr) == !problems.empty());
  if (!expression) {
    POSTERN_CHECK(policy == nullptr);
    return 0;
  }

  const evidence::Evidence evidence = evidence_from(octets, source);
  const Truth truth = truth_of(*expression, evidence, setting);
  POSTERN_CHECK(Program(*expression).holds(evidence, setting) == (truth == Truth::yes));
  POSTERN_CHECK(against(*expression, evidence, setting).empty() == (truth == Truth::yes));
  Reach reach(setting);
  for (const Demand demand : {Demand::yes, Demand::no, Demand::not_yes, Demand::not_no}) {
    const std::array asked{Reach::Asked{&*expression, demand}};
    if (allows(demand, truth)) POSTERN_CHECK(reach.possible(asked).value_or(true));
  }
  if (policy) {
    const For bob{.address = "bob@example.org", .domain = "example.org"};
    const auto moment = expression->stage == evidence::Stage::data ? Moment::data : Moment::rcpt;
    const auto one = policy->judge(moment, evidence, bob);
    const auto other = policy->judge(moment, evidence, bob);
    POSTERN_CHECK(one.action == other.action && one.rule == other.rule && one.matched == other.matched);
  }
  return 0;
}
