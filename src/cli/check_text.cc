// A report for people: what to mend first, then everything by category.
#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "check/catalogue.h"
#include "check/remedies.h"
#include "cli/check_tool.h"
#include "cli/commands.h"
#include "cli/table.h"

namespace postern::cli {

namespace {

using check::Category;
using check::Check;
using check::Finding;
using check::Outcome;
using check::Report;

constexpr std::size_t kFixesMax = 12;
constexpr std::size_t kEvidenceShown = 300, kEvidenceInBrief = 160;

struct Look {
  const char* word;
  Colour colour;
};
Look look_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return {"pass", Colour::green};
    case Outcome::info:
      return {"info", Colour::none};
    case Outcome::not_tested:
      return {"  - ", Colour::dim};
    case Outcome::warn:
      return {"WARN", Colour::yellow};
    case Outcome::fail:
      return {"FAIL", Colour::red};
  }
  return {"?", Colour::none};
}

std::map<Outcome, std::size_t> counts(const Report& report) {
  std::map<Outcome, std::size_t> out;
  for (const Finding& finding : report.findings) ++out[finding.outcome];
  return out;
}

std::string shortened(const std::string& text, std::size_t octets = kEvidenceShown) {
  const std::string_view head = utf8_head(text, octets);
  return head.size() == text.size() ? text : std::string(head) + "...";
}

std::string calendar_text(const Report& report, bool colour) {
  if (report.calendar.empty()) return {};
  std::string out = coloured("What ends when", Colour::bold, colour) + "\n";
  for (const check::Ending& one : report.calendar) {
    const std::int64_t left = one.when - report.started;
    out += "  " + iso8601(one.when).substr(0, 10) + "  " +
           (left < 0 ? std::string("over") : "in " + human_duration(left)) + "  " +
           std::string(check::title(one.what)) + "  " + one.subject + "\n";
  }
  return out;
}

// Records are one line, to be copied.
void append_fix(std::string& out, const Finding& finding, std::size_t indent, bool colour, std::size_t width) {
  const std::string word = finding.outcome >= Outcome::warn ? "mend: " : "note: ";
  if (!finding.fix.empty()) out += folded(word + finding.fix, indent, width);
  if (!finding.record.empty()) out += std::string(indent, ' ') + coloured(finding.record, Colour::bold, colour) + "\n";
}

bool same_category(const Finding& one, const Finding& other) {
  return one.id.substr(0, one.id.find('.')) == other.id.substr(0, other.id.find('.'));
}

std::string first_fixes(const Report& report, bool colour, std::size_t width) {
  constexpr std::size_t kIndent = 6;
  const auto all = check::remedies(report);
  if (all.empty()) return {};
  std::string out = coloured("What to mend first", Colour::bold, colour) + "\n";
  for (std::size_t i = 0; i < std::min(all.size(), kFixesMax); ++i) {
    const Finding& first = *all[i].findings.front();
    const check::RemedyWords words = check::words(all[i]);
    const Look look = look_of(all[i].outcome);
    const std::string number = std::to_string(i + 1);
    out += std::string(number.size() < 2 ? 2 : 1, ' ') + number + ". " + coloured(look.word, look.colour, colour) +
           folded(words.ids + "  " + words.subjects, kIndent + 5, width).substr(kIndent + 4);
    out += folded(shortened(words.evidence, kEvidenceInBrief), kIndent, width);
    append_fix(out, first, kIndent, colour, width);
  }
  if (all.size() > kFixesMax) out += "  and " + std::to_string(all.size() - kFixesMax) + " more below\n";
  return out + "\n";
}

}  // namespace

std::string report_text(const Report& report, bool verbose, bool colour, std::size_t width) {
  auto number = counts(report);
  std::string out = coloured(report.unicode, Colour::bold, colour);
  if (report.unicode != report.domain) out += " (" + report.domain + ")";
  const Look worst = look_of(check::worst(report));
  out += ": " + coloured(worst.word, worst.colour, colour) + "  " + std::to_string(number[Outcome::fail]) + " fail, " +
         std::to_string(number[Outcome::warn]) + " warn, " + std::to_string(number[Outcome::info]) + " info, " +
         std::to_string(number[Outcome::pass]) + " pass, " + std::to_string(number[Outcome::not_tested]) +
         " not tested, in " + human_duration(report.ended - report.started) + "\n";
  if (!report.complete) {
    out +=
        check::nothing_known(report)
            ? "Nothing could be found out: DNS did not answer here. This says nothing of the domain.\n"
            : "The time or the look-ups of this run were spent before everything was asked: what follows is not all.\n";
  }
  out += "\n" + first_fixes(report, colour, width);
  constexpr std::size_t kIndent = 8;
  std::optional<Category> category;
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    const Finding& finding = report.findings[i];
    const Check* const check = check::find_check(finding.id);
    if (check == nullptr) continue;
    if (category != check->category) {
      category = check->category;
      const Look look = look_of(check::worst(report, *category));
      out += coloured(check::title(*category), Colour::bold, colour) + "  " + coloured(look.word, look.colour, colour) +
             "\n";
    }
    const Look look = look_of(finding.outcome);
    std::string heading(check->title);
    // What passes for several hosts or addresses is one line.
    std::size_t same = 1;
    if (!verbose && finding.outcome == Outcome::pass) {
      while (i + 1 < report.findings.size() && report.findings[i + 1].id == finding.id &&
             report.findings[i + 1].outcome == Outcome::pass) {
        ++i;
        ++same;
      }
    }
    if (same > 1) {
      heading += " (" + std::to_string(same) + " of them)";
    } else if (finding.subject != report.domain) {
      heading += " (" + finding.subject + ")";
    }
    const bool fits = width == 0 || kIndent + columns_of(heading) + 2 + finding.id.size() <= width;
    out += "  " + coloured(look.word, look.colour, colour) + "  " +
           (fits ? heading + "  " : folded(heading, kIndent, width).substr(kIndent) + std::string(kIndent, ' ')) +
           coloured(finding.id, Colour::dim, colour) + "\n";
    const bool whole = verbose || finding.outcome >= Outcome::warn;
    if (!whole && finding.outcome == Outcome::pass) continue;
    // What was not tested for one reason says it once
    const Finding* const next = i + 1 < report.findings.size() ? &report.findings[i + 1] : nullptr;
    if (!verbose && finding.outcome == Outcome::not_tested && next != nullptr && next->outcome == finding.outcome &&
        next->evidence == finding.evidence && next->fix == finding.fix && next->subject == finding.subject &&
        same_category(finding, *next))
      continue;
    out += folded(verbose ? finding.evidence : shortened(finding.evidence), kIndent, width);
    append_fix(out, finding, kIndent, colour, width);
    if (verbose)
      out += folded("rule: " + std::string(check->rule) + " [" + std::string(check->reference) + "]", kIndent, width);
  }
  out += calendar_text(report, colour);
  if (report.left_out > 0) out += std::to_string(report.left_out) + " more findings are left out\n";
  return out;
}

std::string changes_text(const std::vector<check::Change>& changes, bool colour) {
  if (changes.empty()) return "No change since the last run.\n";
  std::string out;
  for (const check::Change& change : changes) {
    const Colour tint = change.kind == check::Change::Kind::worse    ? Colour::red
                        : change.kind == check::Change::Kind::better ? Colour::green
                                                                     : Colour::yellow;
    out += coloured(to_string(change.kind), tint, colour) + "  " + std::string(change.id) + "  " + change.subject +
           ": " + std::string(to_string(change.before)) + " -> " + std::string(to_string(change.after)) + "\n";
    if (!change.evidence_before.empty()) out += "    was: " + shortened(change.evidence_before) + "\n";
    if (!change.evidence_after.empty()) out += "    is:  " + shortened(change.evidence_after) + "\n";
  }
  return out;
}

int nagios_code(const Report& report) {
  const Outcome worst = check::worst(report);
  // What fails does so whatever else was not asked
  if (worst != Outcome::fail && (!report.complete || report.findings.empty())) return kNagiosUnknown;
  return worst == Outcome::fail ? 2 : worst == Outcome::warn ? 1 : 0;
}

std::string nagios_line(const Report& report) {
  static constexpr std::array<const char*, 4> kWords{"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  auto number = counts(report);
  std::string out = "CHECK " + std::string(kWords.at(static_cast<std::size_t>(nagios_code(report)))) + " - " +
                    report.domain + ": " + std::to_string(number[Outcome::fail]) + " fail, " +
                    std::to_string(number[Outcome::warn]) + " warn";
  std::vector<std::string_view> named;
  for (const Outcome outcome : {Outcome::fail, Outcome::warn}) {
    for (const Finding& finding : report.findings) {
      if (finding.outcome != outcome || named.size() == 5 || std::ranges::find(named, finding.id) != named.end())
        continue;
      out += (named.empty() ? ": " : ", ") + std::string(finding.id);
      named.push_back(finding.id);
    }
  }
  // Performance data: value[UOM];warn;crit
  out += " | fail=" + std::to_string(number[Outcome::fail]) + ";;0 warn=" + std::to_string(number[Outcome::warn]) +
         ";0 pass=" + std::to_string(number[Outcome::pass]) +
         " not_tested=" + std::to_string(number[Outcome::not_tested]) +
         " time=" + std::to_string(report.ended - report.started) + "ms";
  return out + "\n";
}

std::string nagios_unknown(std::string_view why) { return "CHECK UNKNOWN - " + printable(why, 500) + "\n"; }

}  // namespace postern::cli
