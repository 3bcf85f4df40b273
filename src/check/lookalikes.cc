#include "check/lookalikes.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"

namespace postern::check {

namespace {

constexpr std::uint32_t kLookups = 3 * kLookalikesMax;
constexpr std::size_t kShownMax = 40;

struct Pair {
  std::string_view from, to;
};
constexpr auto kAlike = std::to_array<Pair>({{"o", "0"},
                                             {"0", "o"},
                                             {"l", "1"},
                                             {"1", "l"},
                                             {"l", "i"},
                                             {"i", "l"},
                                             {"rn", "m"},
                                             {"m", "rn"},
                                             {"vv", "w"},
                                             {"w", "vv"},
                                             {"cl", "d"},
                                             {"d", "cl"},
                                             {"e", "3"},
                                             {"s", "5"},
                                             {"g", "q"},
                                             {"u", "v"}});
// Other letters that are read as these, one at a time: what registries of the Latin script take.
constexpr auto kMarked = std::to_array<Pair>({{"a", "ä"},
                                              {"a", "á"},
                                              {"c", "ç"},
                                              {"e", "é"},
                                              {"i", "í"},
                                              {"n", "ñ"},
                                              {"o", "ö"},
                                              {"o", "ø"},
                                              {"s", "ş"},
                                              {"u", "ü"},
                                              {"z", "ż"}});
// Letters of the Cyrillic script: a name wholly of them looks the same.
constexpr auto kCyrillic = std::to_array<Pair>({{"a", "а"},
                                                {"c", "с"},
                                                {"e", "е"},
                                                {"i", "і"},
                                                {"j", "ј"},
                                                {"o", "о"},
                                                {"p", "р"},
                                                {"s", "ѕ"},
                                                {"x", "х"},
                                                {"y", "у"}});
constexpr auto kSuffixes =
    std::to_array<std::string_view>({"com", "net", "org", "info", "co", "eu", "de", "io", "biz"});

class Names {
 public:
  Names(std::string_view label, std::string_view suffix) : label_(label), suffix_(suffix) {
    seen_.insert(name(label_, suffix_));
  }
  void add(const std::string& label) { add(label, suffix_); }
  void add(const std::string& label, std::string_view suffix) {
    if (out_.size() == kLookalikesMax || label.empty() || label.starts_with('-') || label.ends_with('-')) return;
    std::string whole = name(label, suffix);
    if (seen_.insert(whole).second) out_.push_back(std::move(whole));
  }
  // Each place where `pair.from` stands, one at a time.
  void replace(const Pair& pair) {
    for (std::size_t at = label_.find(pair.from); at != std::string::npos; at = label_.find(pair.from, at + 1)) {
      std::string other = label_;
      other.replace(at, pair.from.size(), pair.to);
      add(other);
    }
  }
  std::vector<std::string> take() { return std::move(out_); }

 private:
  static std::string name(std::string_view label, std::string_view suffix) {
    return std::string(label) + "." + std::string(suffix);
  }
  std::string label_, suffix_;
  std::set<std::string> seen_;
  std::vector<std::string> out_;
};

// Empty where a letter has no twin.
std::string in_cyrillic(std::string_view label) {
  std::string out;
  for (const char c : label) {
    const auto* const twin = std::ranges::find(kCyrillic, std::string_view(&c, 1), &Pair::from);
    if (twin == kCyrillic.end() && !is_digit(c) && c != '-') return {};
    out += twin != kCyrillic.end() ? twin->to : std::string_view(&c, 1);
  }
  return out;
}

}  // namespace

std::vector<std::string> lookalikes(std::string_view label, std::string_view suffix) {
  Names names(label, suffix);
  const std::string own(label);
  for (const Pair& pair : kAlike) names.replace(pair);
  names.add(in_cyrillic(label));
  for (const std::string_view other : kSuffixes) names.add(own, other);
  for (std::size_t i = 0; i + 1 < own.size(); ++i) {
    std::string swapped = own;
    std::swap(swapped[i], swapped[i + 1]);
    names.add(swapped);
  }
  for (std::size_t i = 0; i < own.size(); ++i) names.add(own.substr(0, i) + own.substr(i + 1));
  for (const Pair& pair : kMarked) names.replace(pair);
  for (std::size_t i = 0; i < own.size(); ++i) names.add(own.substr(0, i + 1) + own.substr(i));
  for (std::size_t i = 1; i < own.size(); ++i) names.add(own.substr(0, i) + "-" + own.substr(i));
  return names.take();
}

Task<void> check_lookalikes(Context& context) {
  const std::string domain = context.report.domain;
  if (!context.options.lookalikes) {
    co_return context.add("name.lookalikes", Outcome::not_tested, domain, "not asked for",
                          "--lookalikes asks DNS for names that look like this one");
  }
  const auto own = context.suffixes().registrable_domain(context.target.domain);
  if (!own || own->labels() < 2) {
    co_return context.add("name.lookalikes", Outcome::not_tested, domain, "nobody registers names beside it", "");
  }
  const std::string text = own->text();
  const std::size_t dot = text.find('.');
  std::vector<std::pair<std::string, dns::Name>> names;
  for (const std::string& one :
       lookalikes(std::string_view(text).substr(0, dot), std::string_view(text).substr(dot + 1))) {
    if (auto name = dns::Name::from_unicode(one)) names.emplace_back(one, *std::move(name));
  }
  // The look-ups of the domain itself are not to end for these
  dns::Budget budget(kLookups, Deadline::after(context.options.deadline));
  for (const auto& [shown, name] : names) context.prefetch(name, dns::Type::mx);
  std::vector<std::string> found;
  std::size_t unknown = 0;
  for (const auto& [shown, name] : names) {
    const auto mx = co_await context.resolver().query(name, dns::Type::mx, budget);
    if (is_temporary(mx->status)) ++unknown;
    if (is_temporary(mx->status) || mx->status == dns::Status::nxdomain) continue;
    const std::string who =
        shown == name.text() ? printable(shown) : printable(shown) + " (" + printable(name.text()) + ")";
    if (mx->status == dns::Status::ok) {
      if (!mx->mx.front().host.is_root()) found.push_back(who + ": mail to " + printable(mx->mx.front().host.text()));
      continue;
    }
    for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
      const auto address = co_await context.resolver().query(name, type, budget);
      if (address->status != dns::Status::ok) continue;
      found.push_back(who + ": " + address->addresses.front().text());
      break;
    }
  }
  const std::string asked = std::to_string(names.size()) + " names that look alike" +
                            (unknown > 0 ? ", of " + std::to_string(unknown) + " DNS did not say" : std::string());
  if (found.empty()) {
    co_return context.add("name.lookalikes", unknown == names.size() ? Outcome::not_tested : Outcome::pass, domain,
                          "none of " + asked + " has mail or addresses");
  }
  const std::size_t count = found.size();
  if (count > kShownMax) found.resize(kShownMax);
  context.add("name.lookalikes", Outcome::info, domain,
              std::to_string(count) + " of " + asked + " are there: " + join(found, "; "),
              "see whose they are: what is typed wrongly goes there, and what comes from there looks like yours");
}

}  // namespace postern::check
