// `postern reports`: what other servers tell of our domains: DMARC aggregate reports and TLS reports, as files, mails
// or folders of them.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/outbound_tools.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/tool_resolver.h"
#include "dmarcrpt/report.h"
#include "gzip/gzip.h"
#include "gzip/zip.h"
#include "message/parts.h"
#include "tlsrpt/report.h"

namespace postern::cli {

namespace {

constexpr std::size_t kFileMax = 64 << 20;
constexpr std::size_t kFilesMax = 100000;
constexpr int kWrappingsMax = 3;  // a mail, an archive, and one in it

std::string day(WallMs time) { return iso8601(time).substr(0, 10); }

struct Sums {
  std::uint64_t pass = 0, fail = 0;
};

class Reports {
 public:
  explicit Reports(bool as_json)
      : as_json_(as_json),
        table_({{"KIND", false},
                {"DAY", false},
                {"FROM", false},
                {"ABOUT", false},
                {"PASS", true},
                {"FAIL", true},
                {"FAILURES", false}},
               colour_wanted()) {}

  // `wrappings` have been taken off already. An archive may hold itself: there must be an end.
  void take(const std::string& file, std::string_view octets, int wrappings = 0) {
    if (wrappings > kWrappingsMax) return problem(file, "archives within archives; unpack it first");
    while (!octets.empty() && (octets.front() == '\n' || octets.front() == '\r' || octets.front() == ' '))
      octets.remove_prefix(1);
    if (gzip::is_gzip(octets)) {
      const auto text = gzip::expand(octets, dmarcrpt::kReportMax);
      if (!text) return problem(file, text.error().what);
      return take(file, *text, wrappings + 1);
    }
    if (gzip::is_zip(octets)) {
      const auto text = gzip::expand_zip(octets, dmarcrpt::kReportMax);
      if (!text) return problem(file, text.error().what);
      return take(file, *text, wrappings + 1);
    }
    if (octets.starts_with('{')) {
      const auto report = tlsrpt::parse_report(octets);
      return report ? show(*report) : problem(file, report.error().what);
    }
    if (octets.starts_with('<') || octets.starts_with("\xEF\xBB\xBF<")) {
      const auto report = dmarcrpt::parse_report(octets);
      return report ? show(*report) : problem(file, report.error().what);
    }
    if (wrappings > 0) return;
    const std::size_t before = found_ + problems_;
    for (const message::Part& part : message::leaf_parts(octets, kFileMax)) {
      const bool text = part.type.starts_with("text/") && part.type != "text/xml" && !part.body.starts_with("<?xml");
      if (!text) take(file, part.body, 1);
    }
    if (found_ + problems_ == before) problem(file, "no report in it");
  }
  void problem(const std::string& file, const std::string& what) {
    ++problems_;
    complain(file + ": " + what);
  }
  int finish() {
    if (!as_json_ && found_ > 0) {
      const std::string rows = table_.take();
      print(rows);
    }
    if (found_ == 0 && problems_ == 0) complain("there are no reports");
    return found_ > 0 && problems_ == 0 ? kOk : kNegative;
  }

 private:
  void row(std::string_view kind, WallMs begin, const std::string& from, const std::string& about, Sums sums,
           const std::string& failures) {
    table_.add({{std::string(kind), Colour::none},
                {day(begin), Colour::dim},
                {printable(from, 60), Colour::none},
                {printable(about, 60), Colour::none},
                {std::to_string(sums.pass), Colour::green},
                {std::to_string(sums.fail), sums.fail > 0 ? Colour::red : Colour::dim},
                {printable(failures, 200), Colour::none}});
  }

  void show(const tlsrpt::Report& report) {
    ++found_;
    for (const std::string& remark : report.remarks) complain(remark);
    if (as_json_) {
      std::string out = "{\"kind\":\"tls\",\"report\":" + tlsrpt::to_json(report) + "}\n";
      print(out);
      return;
    }
    for (const tlsrpt::PolicyResult& policy : report.policies) {
      std::string failures;
      for (const tlsrpt::Failure& failure : policy.details) {
        failures += (failures.empty() ? "" : ", ") + failure.type + " x" + std::to_string(failure.sessions);
        if (!failure.receiving_host.empty()) failures += " at " + failure.receiving_host;
      }
      row("tls " + policy.type, report.start, report.organization, policy.domain, {policy.successes, policy.failures},
          failures);
    }
  }

  void show(const dmarcrpt::Report& report) {
    ++found_;
    for (const std::string& remark : report.remarks) complain(remark);
    if (as_json_) return write_json(report);
    Sums sums;
    std::string failures;
    for (const dmarcrpt::Row& one : report.rows) {
      if (passed(one)) {
        sums.pass += one.count;
        continue;
      }
      sums.fail += one.count;
      if (failures.size() < 200)
        failures +=
            (failures.empty() ? "" : ", ") + one.source_ip + " x" + std::to_string(one.count) + " " + one.disposition;
    }
    row("dmarc " + report.policy, report.begin, report.organization, report.domain, sums, failures);
  }

  static bool passed(const dmarcrpt::Row& row) { return iequals(row.dkim, "pass") || iequals(row.spf, "pass"); }

  static void write_results(json::Writer& writer, std::string_view key,
                            const std::vector<dmarcrpt::AuthResult>& results) {
    writer.key(key).begin_array();
    for (const dmarcrpt::AuthResult& one : results) {
      writer.begin_object().field("domain", one.domain).field("result", one.result);
      if (!one.selector.empty()) writer.field("selector", one.selector);
      if (!one.scope.empty()) writer.field("scope", one.scope);
      writer.end_object();
    }
    writer.end_array();
  }

  static void write_json(const dmarcrpt::Report& report) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().field("kind", "dmarc").key("report").begin_object();
    writer.field("organization", report.organization).field("email", report.email).field("id", report.id);
    writer.field("begin_ms", report.begin).field("end_ms", report.end).field("domain", report.domain);
    writer.field("p", report.policy).field("sp", report.subdomain_policy).field("np", report.absent_policy);
    writer.key("rows").begin_array();
    for (const dmarcrpt::Row& one : report.rows) {
      writer.begin_object().field("source_ip", one.source_ip).field("count", one.count).field("pass", passed(one));
      writer.field("disposition", one.disposition).field("dkim", one.dkim).field("spf", one.spf);
      writer.field("header_from", one.header_from).field("envelope_from", one.envelope_from);
      writer.key("reasons").begin_array();
      for (const std::string& reason : one.reasons) writer.string(reason);
      writer.end_array();
      write_results(writer, "dkim_results", one.dkim_results);
      write_results(writer, "spf_results", one.spf_results);
      writer.end_object();
    }
    writer.end_array().end_object().end_object();
    out += '\n';
    print(out);
  }

  bool as_json_;
  Table table_;
  std::size_t found_ = 0;
  std::size_t problems_ = 0;
};

// The files of a folder and of those below it, in the order of their names: a Maildir, or saved reports.
std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  std::filesystem::recursive_directory_iterator walk(folder, error);
  for (; !error && walk != std::filesystem::recursive_directory_iterator() && out.size() < kFilesMax;
       walk.increment(error)) {
    std::error_code ignored;
    if (walk->is_regular_file(ignored)) out.push_back(walk->path().string());
  }
  if (error) complain(folder + ": " + error.message());
  std::ranges::sort(out);
  return out;
}

}  // namespace

int run_reports(const ReportsToolOptions& options) {
  Reports reports(options.json);
  for (const std::string& path : options.files) {
    struct stat status{};
    std::vector<std::string> files{path};
    if (path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) files = files_of(path);
    for (const std::string& file : files) {
      const auto octets = read_whole(file, kFileMax);
      if (octets)
        reports.take(file == "-" ? "standard input" : file, *octets);
      else
        reports.problem(file, octets.error().what);
    }
  }
  return reports.finish();
}

}  // namespace postern::cli
