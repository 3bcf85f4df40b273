#include "check/remedies.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "check/catalogue.h"
#include "check/context.h"

namespace postern::check {

namespace {

// Mail that does not arrive; that can be read, or taken for somebody else's; that is refused elsewhere; the rest.
constexpr std::array kByHarm{Category::name,    Category::mx,     Category::dnssec,  Category::reach, Category::dane,
                             Category::mta_sts, Category::smtp,   Category::tls,     Category::spf,   Category::dmarc,
                             Category::dkim,    Category::parity, Category::reverse, Category::dns,   Category::tls_rpt,
                             Category::bimi,    Category::routing};

std::ptrdiff_t harm(const Finding& finding) {
  const Check* const check = find_check(finding.id);
  if (check == nullptr) return kByHarm.size();
  return std::ranges::find(kByHarm, check->category) - kByHarm.begin();
}

// One record mends whatever it is proposed for.
bool one_remedy(const Finding& one, const Finding& other) {
  if (!one.record.empty() || !other.record.empty()) return one.record == other.record;
  return one.outcome == other.outcome && one.fix == other.fix;
}

void add_once(std::vector<std::string>& words, std::string_view word) {
  if (std::ranges::find(words, word) == words.end()) words.emplace_back(word);
}

}  // namespace

RemedyWords words(const Remedy& remedy) {
  std::vector<std::string> ids, titles, subjects, evidence;
  for (const Finding* const one : remedy.findings) {
    const Check* const about = find_check(one->id);
    add_once(ids, one->id);
    add_once(titles, about != nullptr ? about->title : one->id);
    add_once(subjects, one->subject);
    add_once(evidence, one->evidence);
  }
  return {join(ids), join(titles, "; "), join(subjects), join(evidence, "; ")};
}

std::vector<Remedy> remedies(const Report& report) {
  std::vector<Remedy> out;
  for (const Outcome outcome : {Outcome::fail, Outcome::warn}) {
    for (const Finding& finding : report.findings) {
      if (finding.outcome != outcome || finding.fix.empty()) continue;
      const auto same =
          std::ranges::find_if(out, [&](const Remedy& one) { return one_remedy(*one.findings.front(), finding); });
      if (same == out.end()) {
        out.push_back({outcome, {&finding}});
      } else {
        same->findings.push_back(&finding);
      }
    }
  }
  // Of one harm in the order of the report, whose findings lie in one array
  std::ranges::sort(out, {}, [](const Remedy& one) {
    return std::tuple(one.outcome == Outcome::fail ? 0 : 1, harm(*one.findings.front()), one.findings.front());
  });
  return out;
}

}  // namespace postern::check
