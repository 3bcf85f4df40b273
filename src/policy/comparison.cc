#include "policy/comparison.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "base/text.h"
#include "geo/country.h"

namespace postern::policy {

namespace {

using evidence::Signal;
using evidence::SignalInfo;
using evidence::Type;
using Kind = Comparison::Kind;

constexpr std::string_view kUnknownWord = "unknown";
constexpr std::int64_t kNumberMin = std::numeric_limits<std::int64_t>::min() + 1;  // the one below it is unknown
constexpr std::int64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

std::string joined(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

bool is_unknown_word(const Token& value) { return value.kind == TokenKind::word && value.text == kUnknownWord; }

std::string name_of(Type type) {
  switch (type) {
    case Type::category:
      return "a word";
    case Type::country:
      return "a country";
    case Type::number:
      return "a number";
    case Type::names:
      return "a set of lists";
    case Type::text:
      break;
  }
  return "a text";
}

class Interpreter {
 public:
  Interpreter(const WrittenComparison& written, const ParseOptions& options, std::vector<Fault>& faults)
      : written_(written), options_(options), faults_(faults) {}

  std::optional<Comparison> run() {
    const std::size_t before = faults_.size();
    const auto signal = evidence::find_signal(written_.signal.text);
    if (!signal || written_.signal.kind == TokenKind::quoted) {
      fault(written_.signal, "unknown signal " + shown(written_.signal) + suggestion());
      return std::nullopt;
    }
    info_ = &evidence::info(*signal);
    result_.signal = *signal;
    result_.negated = written_.negated;
    if (options_.stage && info_->stage > *options_.stage) {
      fault(written_.signal, name() + " is known at stage " + std::string(to_string(info_->stage)) +
                                 " only; this rule is of stage " + std::string(to_string(*options_.stage)));
    }
    if (written_.relation == Relation::is) {
      known_or_unknown();
    } else if (fits()) {
      values();
    }
    if (faults_.size() != before) return std::nullopt;
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::string name() const { return std::string(info_->name); }
  void fault(const Token& at, std::string what) { faults_.push_back({at.offset, std::move(what)}); }

  [[nodiscard]] std::string suggestion() const {
    std::vector<std::string> names;
    for (const SignalInfo& one : evidence::signals()) names.emplace_back(one.name);
    const auto near = nearest(written_.signal.text, names);
    return near ? "; did you mean " + *near + "?" : "; docs/policy.md has the list of signals";
  }

  // `is known`, `is not unknown`
  void known_or_unknown() {
    const Token& value = written_.values.front();
    result_.kind = Kind::known;
    if (is_unknown_word(value)) {
      result_.negated = !result_.negated;
    } else if (value.text != "known" || value.kind != TokenKind::word) {
      fault(value, "after \"is\" stands known or unknown; to compare, write " + name() +
                       " == " + std::string(value.kind == TokenKind::end ? "..." : value.text));
    }
  }

  // Whether the relation means something for the signal's type.
  bool fits() {
    const Type type = info_->type;
    switch (written_.relation) {
      case Relation::equal:
      case Relation::in:
        if (type != Type::names) return true;
        break;
      case Relation::less:
      case Relation::at_most:
      case Relation::greater:
      case Relation::at_least:
        if (type == Type::number) return true;
        break;
      case Relation::in_home:
        if (type == Type::country) return true;
        break;
      case Relation::has:
        if (type == Type::names) return true;
        break;
      case Relation::starts_with:
      case Relation::ends_with:
      case Relation::within:
      case Relation::contains:
        if (type == Type::text) return true;
        break;
      case Relation::is:
        return true;
    }
    fault(written_.sign, name() + " is " + name_of(type) + ", which " + shown(written_.sign) +
                             " does not suit; write for example " + example());
    return false;
  }

  [[nodiscard]] std::string example() const {
    switch (info_->type) {
      case Type::category:
        return name() + " == " + std::string(info_->values.back());
      case Type::country:
        return "country in [US, CA], or country in home";
      case Type::number:
        return name() + " >= 3";
      case Type::names:
        return options_.lists != nullptr && !options_.lists->empty() ? "lists has " + options_.lists->front()
                                                                     : "lists has any";
      case Type::text:
        break;
    }
    return name() + " within \"example.org\"";
  }

  void values() {
    if (written_.relation == Relation::in_home) {
      result_.kind = Kind::home;
      return;
    }
    switch (info_->type) {
      case Type::category:
        result_.kind = Kind::words;
        break;
      case Type::country:
        result_.kind = Kind::countries;
        break;
      case Type::number:
        result_.kind = Kind::numbers;
        break;
      case Type::names:
        return list(written_.values.front());
      case Type::text:
        result_.kind = Kind::texts;
        result_.test = test();
        break;
    }
    const bool may_be_unknown = written_.relation == Relation::equal || written_.relation == Relation::in;
    std::size_t known = 0;
    for (const Token& value : written_.values) {
      if (may_be_unknown && is_unknown_word(value)) {
        if (result_.with_unknown) fault(value, "\"unknown\" stands twice in the list; leave one out");
        result_.with_unknown = true;
        continue;
      }
      ++known;
      one(value);
    }
    if (result_.kind == Kind::numbers) {
      std::ranges::sort(result_.numbers, {}, &Interval::first);
      join_neighbours();
    }
    if (known == 0) {  // "== unknown" is "is unknown"
      result_.kind = Kind::known;
      result_.with_unknown = false;
      result_.negated = !result_.negated;
    }
  }

  void one(const Token& value) {
    switch (info_->type) {
      case Type::category:
        return word(value);
      case Type::country:
        return country(value);
      case Type::number:
        return number(value);
      case Type::text:
        return text(value);
      case Type::names:
        return;
    }
  }

  void twice(const Token& value) { fault(value, shown(value) + " stands twice in the list; leave one out"); }

  void word(const Token& value) {
    const auto number = evidence::find_value(result_.signal, value.text);
    if (!number || *number == 0) {
      std::vector<std::string> words;
      for (const std::string_view one : info_->values.subspan(1)) words.emplace_back(one);
      const auto near = nearest(value.text, words);
      fault(value, name() + " cannot be " + shown(value) + "; " + (near ? "did you mean " + *near + "? " : "") +
                       (near ? "It" : "it") + " is one of " + joined(info_->values.subspan(1)) + ", or unknown");
      return;
    }
    const std::uint32_t bit = 1U << *number;
    if ((result_.words & bit) != 0) twice(value);
    result_.words |= bit;
  }

  void country(const Token& value) {
    if (value.text == "home" && value.kind == TokenKind::word) {
      fault(value, "home is a set of countries; write country in home");
      return;
    }
    const auto parsed = geo::Country::parse(value.text);
    if (!parsed) {
      fault(value, parsed.error().what);
      return;
    }
    if (result_.countries.contains(parsed->code())) twice(value);
    result_.countries.insert(parsed->code());
  }

  void number(const Token& value) {
    const auto read = parse_number(value);
    if (!read) return;
    Interval interval{*read, *read};
    switch (written_.relation) {
      case Relation::less:
        interval = {kNumberMin, *read - 1};
        break;
      case Relation::at_most:
        interval.first = kNumberMin;
        break;
      case Relation::greater:
        interval = {*read + 1, kNumberMax};
        break;
      case Relation::at_least:
        interval.last = kNumberMax;
        break;
      default:
        if (std::ranges::find(result_.numbers, interval) != result_.numbers.end()) twice(value);
        break;
    }
    result_.numbers.push_back(interval);
  }

  std::optional<std::int64_t> parse_number(const Token& value) {
    constexpr std::uint64_t kLargest = std::uint64_t{1} << 62U;
    std::string_view digits = value.text;
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    auto read = parse_unsigned(digits, kLargest);
    // sizes as the configuration writes them
    if (!read && !negative && result_.signal == Signal::size) {
      read = parse_bytes(digits);
      if (read && *read > kLargest) read.reset();
    }
    if (!read || value.kind != TokenKind::word) {
      fault(value,
            name() + " is a number; " + shown(value) + " is none" +
                (result_.signal == Signal::size ? ", write for example 200000 or 5MiB" : ", write for example 3"));
      return std::nullopt;
    }
    return negative ? -static_cast<std::int64_t>(*read) : static_cast<std::int64_t>(*read);
  }

  void join_neighbours() {
    std::vector<Interval> joined;
    for (const Interval& next : result_.numbers) {
      if (!joined.empty() && joined.back().last + 1 == next.first)
        joined.back().last = next.last;
      else
        joined.push_back(next);
    }
    result_.numbers = std::move(joined);
  }

  [[nodiscard]] TextTest test() const {
    switch (written_.relation) {
      case Relation::starts_with:
        return TextTest::starts_with;
      case Relation::ends_with:
        return TextTest::ends_with;
      case Relation::within:
        return TextTest::within;
      case Relation::contains:
        return TextTest::contains;
      default:
        return TextTest::equals;
    }
  }

  void text(const Token& value) {
    if (value.text.empty()) {
      fault(value, "an empty text is what is unknown; write " + name() + " is unknown");
      return;
    }
    if (value.text.size() > evidence::kTextMax) {
      fault(value, "longer than the " + std::to_string(evidence::kTextMax) + " octets that are kept of a text");
      return;
    }
    if (result_.test == TextTest::within && (value.text.front() == '.' || value.text.back() == '.')) {
      fault(value, "within takes a domain without dots around it, and means it and what is below it");
      return;
    }
    std::string lowered = lower(value.text);
    if (std::ranges::find(result_.texts, lowered) != result_.texts.end()) twice(value);
    result_.texts.push_back(std::move(lowered));
  }

  void list(const Token& value) {
    if (value.kind == TokenKind::word && value.text == "any") {
      result_.kind = Kind::any_listed;
      return;
    }
    result_.kind = Kind::listed;
    const evidence::ListNames none;
    const evidence::ListNames& lists = options_.lists != nullptr ? *options_.lists : none;
    const auto found = std::ranges::find(lists, value.text);
    if (found != lists.end()) {
      result_.list = static_cast<std::uint8_t>(found - lists.begin());
      return;
    }
    if (lists.empty()) {
      fault(value, "there is no list " + shown(value) + ", nor another one; configure it as a [[policy.list]]");
      return;
    }
    const auto near = nearest(value.text, lists);
    const std::vector<std::string_view> names(lists.begin(), lists.end());
    fault(value, "there is no list " + shown(value) + "; " +
                     (near ? "did you mean " + *near + "?" : "there are " + joined(names) + ", and any"));
  }

  const WrittenComparison& written_;
  const ParseOptions& options_;
  std::vector<Fault>& faults_;
  const SignalInfo* info_ = nullptr;
  Comparison result_;
};

}  // namespace

std::optional<Comparison> interpret(const WrittenComparison& written, const ParseOptions& options,
                                    std::vector<Fault>& faults) {
  return Interpreter(written, options, faults).run();
}

}  // namespace postern::policy
