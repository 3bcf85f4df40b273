#include "cli/check_live.h"

#include <algorithm>
#include <ranges>

#include "base/json.h"
#include "base/text.h"
#include "dns/name.h"
#include "insight/sessions.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::cli {

namespace {

constexpr std::uint64_t kLinesBetweenLooks = 256;

// RFC 7489 3.1.1, RFC 9989 4.4.1: the DMARC verdict said that one aligns; this finds which.
bool related(const std::string& signer, std::string_view author) {
  const auto one = dns::Name::parse(signer);
  const auto other = dns::Name::parse(author);
  return one && other && !one->is_root() && (one->is_within(*other) || other->is_within(*one));
}

void count_message(const json::Value& authentication, std::string_view domain, LiveMail& out) {
  const json::Value& dmarc = authentication.at("dmarc");
  if (dmarc.at("author_domain").string() != domain) return;
  ++out.messages;
  if (!dmarc.at("dkim_aligned").boolean()) return;
  ++out.signed_by_it;
  if (!authentication.at("dkim").is_array()) return;
  for (const json::Value& signature : authentication.at("dkim").array()) {
    if (signature.at("result").string() != "pass") continue;
    if (!related(lower(signature.at("domain").string()), domain)) continue;
    const std::string selector = printable(signature.at("selector").string(), 100);
    if (out.selectors.size() < kLiveSelectorsMax || out.selectors.contains(selector)) {
      ++out.selectors[selector];
    } else {
      ++out.others;
    }
  }
}

std::string shown(const LiveMail& mail) {
  std::string out = std::to_string(mail.signed_by_it) + " of " + std::to_string(mail.messages) +
                    (mail.messages == 1 ? " message" : " messages") +
                    " of the last 30 days had a valid signature of it";
  std::string selectors;
  for (const auto& [selector, count] : mail.selectors)
    selectors += (selectors.empty() ? "" : ", ") + selector + " (" + std::to_string(count) + ")";
  if (mail.others > 0) selectors += ", others (" + std::to_string(mail.others) + ")";
  if (!selectors.empty()) out += "; selectors: " + selectors;
  if (mail.cut) out += "; there was no time to read the older records";
  return out + "; whether l= was used is not in the records";
}

}  // namespace

void count_live_mail(std::string_view line, std::string_view domain, WallMs since, LiveMail& out) {
  // Most lines are of others: no document is made of them
  if (!line.contains("\"author_domain\":\"" + std::string(domain) + "\"")) return;
  const auto value = json::parse(line);
  if (!value || value->at("schema").string() != "postern.session/1") return;
  const auto start = parse_iso8601(value->at("time").string());
  if (!start || *start < since || !value->at("transactions").is_array()) return;
  for (const json::Value& transaction : value->at("transactions").array())
    count_message(transaction.at("authentication"), domain, out);
}

Result<LiveMail> read_live_mail(const std::string& records, const std::string& domain, WallMs now, Deadline deadline) {
  LiveMail out;
  const WallMs since = now - kLiveMs;
  POSTERN_TRY(const auto files, record::list_record_files(insight::record_folder(records)));
  std::uint64_t lines = 0;
  for (const record::RecordFile& file : files | std::views::reverse) {
    if (!file.current && file.modified < since) continue;
    if (deadline.passed(Clock::now())) out.cut = true;
    if (out.cut) break;
    const auto each = [&](std::string_view line) {
      if (++lines % kLinesBetweenLooks == 0 && deadline.passed(Clock::now())) out.cut = true;
      if (!out.cut) count_live_mail(line, domain, since, out);
      return !out.cut;
    };
    if (const auto read = record::read_records(file, each); !read && !out.cut) return std::unexpected(read.error());
  }
  return out;
}

Task<Result<check::Report>> run_with_records(std::string domain, check::Options options, check::Services services,
                                             check::Observer* observer, std::string records, std::string write_to) {
  const bool allowed = options.deep;
  auto report = co_await check::run(std::move(domain), std::move(options), services, observer);
  if (!report || !allowed) co_return report;
  std::move_only_function<Result<LiveMail>()> work = [records, of = report->domain] {
    return read_live_mail(records, of, wall_now(), Deadline::after(kLiveReading));
  };
  const auto mail = co_await services.pool.run<Result<LiveMail>>(std::move(work));
  judge_live(*report, mail, write_to);
  co_return report;
}

void judge_live(check::Report& report, const Result<LiveMail>& mail, const std::string& write_to) {
  check::Finding finding{"dkim.live", check::Outcome::not_tested, report.domain, "", "", ""};
  if (!mail) {
    finding.evidence = "the records could not be read: " + printable(mail.error().what, 300);
  } else if (mail->messages == 0) {
    finding.evidence = mail->cut ? "no message of it is in the newest records; there was no time to read the older ones"
                                 : "no message of it was received here within 30 days";
    finding.fix = write_to.empty() ? "" : "send one to " + write_to;
  } else {
    finding.evidence = shown(*mail);
    finding.outcome = mail->signed_by_it > 0 ? check::Outcome::pass : check::Outcome::warn;
    if (mail->signed_by_it == 0) finding.fix = "sign with DKIM in the name of the domain; or see who else writes in it";
  }
  const auto place = std::ranges::find(report.findings, finding.id, &check::Finding::id);
  if (place == report.findings.end()) {
    report.findings.push_back(std::move(finding));
    check::sort_by_catalogue(report);
  } else {
    *place = std::move(finding);
  }
}

}  // namespace postern::cli
