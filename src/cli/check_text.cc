// A report for people: what to mend first, then everything by category.
#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "check/catalogue.h"
#include "cli/check_tool.h"
#include "cli/table.h"

namespace postern::cli {

namespace {

using check::Category;
using check::Check;
using check::Finding;
using check::Outcome;
using check::Report;

constexpr std::size_t kFixesMax = 12;
constexpr std::size_t kEvidenceShown = 300;

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

std::string shortened(const std::string& text) {
  const std::string_view head = utf8_head(text, kEvidenceShown);
  return head.size() == text.size() ? text : std::string(head) + "...";
}

void append_fix(std::string& out, const Finding& finding, const std::string& indent, bool colour) {
  if (!finding.fix.empty()) out += indent + "mend: " + finding.fix + "\n";
  if (!finding.record.empty()) out += indent + coloured(finding.record, Colour::bold, colour) + "\n";
}

constexpr std::array<const char*, 4> kEndings{"certificate", "DNSSEC signatures", "security.txt", "mark certificate"};

std::string calendar_text(const Report& report, bool colour) {
  if (report.calendar.empty()) return {};
  std::string out = coloured("What ends when", Colour::bold, colour) + "\n";
  for (const check::Ending& one : report.calendar) {
    const std::int64_t left = one.when - report.started;
    out += "  " + iso8601(one.when).substr(0, 10) + "  " +
           (left < 0 ? std::string("over") : "in " + human_duration(left)) + "  " +
           kEndings.at(static_cast<std::size_t>(one.what)) + "  " + one.subject + "\n";
  }
  return out;
}

std::string first_fixes(const Report& report, bool colour) {
  std::string out;
  std::size_t shown = 0, more = 0;
  for (const Outcome outcome : {Outcome::fail, Outcome::warn}) {
    for (const Finding& finding : report.findings) {
      if (finding.outcome != outcome || finding.fix.empty()) continue;
      if (shown == kFixesMax) {
        ++more;
        continue;
      }
      ++shown;
      const Look look = look_of(outcome);
      out += "  " + std::to_string(shown) + ". " + coloured(look.word, look.colour, colour) + " " + finding.subject +
             ": " + finding.fix + "\n";
      if (!finding.record.empty()) out += "       " + coloured(finding.record, Colour::bold, colour) + "\n";
    }
  }
  if (shown == 0) return {};
  if (more > 0) out += "  and " + std::to_string(more) + " more below\n";
  return coloured("What to mend first", Colour::bold, colour) + "\n" + out + "\n";
}

}  // namespace

std::string report_text(const Report& report, bool verbose, bool colour) {
  auto number = counts(report);
  std::string out = coloured(report.unicode, Colour::bold, colour);
  if (report.unicode != report.domain) out += " (" + report.domain + ")";
  const Look worst = look_of(check::worst(report));
  out += ": " + coloured(worst.word, worst.colour, colour) + "  " + std::to_string(number[Outcome::fail]) + " fail, " +
         std::to_string(number[Outcome::warn]) + " warn, " + std::to_string(number[Outcome::info]) + " info, " +
         std::to_string(number[Outcome::pass]) + " pass, " + std::to_string(number[Outcome::not_tested]) +
         " not tested, in " + human_duration(report.ended - report.started) + "\n";
  if (!report.complete) {
    out += check::nothing_known(report)
               ? "Nothing could be found out: DNS did not answer here. This says nothing of the domain.\n"
               : "The time was over before everything was asked: what follows is not all.\n";
  }
  out += "\n" + first_fixes(report, colour);
  std::optional<Category> category;
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    const Finding& finding = report.findings[i];
    const Check* const check = check::find_check(finding.id);
    if (check == nullptr) continue;
    if (category != check->category) {
      category = check->category;
      const Look look = look_of(check::worst(report, *category));
      out += coloured(check::title(*category), Colour::bold, colour) + "  " +
             coloured(look.word, look.colour, colour) + "\n";
    }
    const Look look = look_of(finding.outcome);
    out += "  " + coloured(look.word, look.colour, colour) + "  " + std::string(check->title);
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
      out += " (" + std::to_string(same) + " of them)";
    } else if (finding.subject != report.domain) {
      out += " (" + finding.subject + ")";
    }
    out += "  " + coloured(finding.id, Colour::dim, colour) + "\n";
    const bool whole = verbose || finding.outcome >= Outcome::warn;
    if (!whole && finding.outcome == Outcome::pass) continue;
    out += "        " + (verbose ? finding.evidence : shortened(finding.evidence)) + "\n";
    append_fix(out, finding, "        ", colour);
    if (verbose) out += "        rule: " + std::string(check->rule) + " [" + std::string(check->reference) + "]\n";
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
  if (!report.complete || report.findings.empty()) return 3;
  const Outcome worst = check::worst(report);
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

}  // namespace postern::cli
