// Reports as others send them (SUITES dmarc-reports, tlsrpt): each file that `postern reports` would take is read, and
// what it counts is compared with figures taken from the files by hand; what is broken is refused, and nothing more.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "dmarcrpt/report.h"
#include "dmarcrpt/writer.h"
#include "gzip/gzip.h"
#include "gzip/zip.h"
#include "message/parts.h"
#include "repository.h"
#include "tlsrpt/report.h"

namespace postern {
namespace {

namespace fs = std::filesystem;

fs::path suite(const char* name) { return test::suite_dir(name); }

std::string octets_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string unpacked(std::string octets) {
  if (gzip::is_gzip(octets)) return gzip::expand(octets, dmarcrpt::kReportMax).value_or("");
  if (gzip::is_zip(octets)) return gzip::expand_zip(octets, dmarcrpt::kReportMax).value_or("");
  return octets;
}

std::string report_in(const fs::path& path) {
  std::string octets = unpacked(octets_of(path));
  if (path.extension() != ".eml") return octets;
  for (const message::Part& part : message::leaf_parts(octets, 64 << 20)) {
    std::string inner = unpacked(part.body);
    const auto first = inner.find_first_not_of(" \r\n");
    if (first != std::string::npos && (inner[first] == '<' || inner[first] == '{')) return inner.substr(first);
  }
  return {};
}

std::uint64_t messages(const dmarcrpt::Report& report) {
  std::uint64_t out = 0;
  for (const dmarcrpt::Row& row : report.rows) out += row.count;
  return out;
}

TEST(DmarcReports, OfOthersAreReadAndOursOfThemToo) {
  const fs::path folder = suite("dmarc-reports");
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  // An address without escapes is no XML; the broken one of OpenDMARC is cut
  const std::set<std::string> refused{"invalid_xml.xml"};
  int read = 0;
  for (const char* part : {"opendmarc", "parsedmarc/aggregate", "parsedmarc/aggregate_invalid"}) {
    for (const auto& file : fs::directory_iterator(folder / part)) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("LICENSE")) continue;
      const auto report = dmarcrpt::parse_report(report_in(file.path()));
      EXPECT_EQ(report.has_value(), !refused.contains(name)) << name << (report ? "" : ": " + report.error().what);
      if (!report) continue;
      ++read;
      EXPECT_FALSE(report->rows.empty()) << name;
      EXPECT_EQ(report->remarks.empty(), !name.starts_with("bad.com")) << name;
      // Written as ours it says the same
      const auto back = dmarcrpt::parse_report(dmarcrpt::to_xml(*report, dmarcrpt::kReportMax).xml);
      ASSERT_TRUE(back.has_value()) << name;
      EXPECT_EQ(back->rows.size(), report->rows.size()) << name;
      EXPECT_EQ(messages(*back), messages(*report)) << name;
    }
  }
  EXPECT_EQ(read, 23);
}

TEST(DmarcReports, SayWhatStandsInThem) {
  const fs::path folder = suite("dmarc-reports") / "parsedmarc";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const auto sample = dmarcrpt::parse_report(octets_of(folder / "aggregate" / "rfc9990-sample.xml"));
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->policy + " " + sample->subdomain_policy + " " + sample->absent_policy + " " + sample->testing +
                " " + sample->discovery,
            "quarantine none none n treewalk");
  EXPECT_EQ(sample->rows.at(0).count, 123U);
  EXPECT_EQ(sample->rows.at(0).disposition, "pass");
  // The same report in three wrappings
  const fs::path wrapped = folder / "extract_report";
  const std::string plain = octets_of(wrapped / "nice-input.xml");
  EXPECT_EQ(report_in(wrapped / "nice-input.xml.gz"), plain);
  EXPECT_EQ(report_in(wrapped / "nice-input.xml.zip"), plain);
}

TEST(TlsReports, OfOthersAreRead) {
  const fs::path folder = suite("tlsrpt");
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  struct Expected {
    const char* file;
    const char* organization;
    std::uint64_t successes, failures;
  };
  for (const Expected& one :
       {Expected{"google.com_smtp_tls_report.eml", "Google Inc.", 48, 0}, Expected{"mail.ru.json", "Mail.ru", 0, 1},
        Expected{"rfc8460.json", "Company-X", 5326, 303}, Expected{"smtp_tls.json", "Example Inc.", 0, 3}}) {
    const auto report = tlsrpt::parse_report(report_in(folder / one.file));
    ASSERT_TRUE(report.has_value()) << one.file << ": " << report.error().what;
    EXPECT_EQ(report->organization, one.organization);
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    for (const tlsrpt::PolicyResult& policy : report->policies) {
      successes += policy.successes;
      failures += policy.failures;
    }
    EXPECT_EQ(successes, one.successes) << one.file;
    EXPECT_EQ(failures, one.failures) << one.file;
  }
}

}  // namespace
}  // namespace postern
