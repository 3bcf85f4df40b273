#include "dmarcrpt/writer.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "message/report_mail.h"

namespace postern::dmarcrpt {

namespace {

// XML 1.0 2.2: most control characters may not stand in a document at all
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text, kTextMax)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

class Xml {
 public:
  void open(std::string_view name) {
    indent();
    out_.append("<").append(name).append(">\n");
    ++depth_;
  }
  void close(std::string_view name) {
    --depth_;
    indent();
    out_.append("</").append(name).append(">\n");
  }
  void element(std::string_view name, std::string_view text) {
    indent();
    out_.append("<").append(name).append(">").append(escaped(text));
    out_.append("</").append(name).append(">\n");
  }
  void optional(std::string_view name, std::string_view text) {
    if (!text.empty()) element(name, text);
  }
  void raw(std::string_view text) { out_ += text; }
  explicit Xml(int depth = 0) : depth_(depth) {}
  [[nodiscard]] std::string& out() { return out_; }

 private:
  void indent() { out_.append(static_cast<std::size_t>(depth_) * 2, ' '); }
  std::string out_;
  int depth_;
};

constexpr std::array<std::string_view, 7> kDkimResults{"none",    "pass",      "fail",     "policy",
                                                       "neutral", "temperror", "permerror"};
constexpr std::array<std::string_view, 8> kSpfResults{"none",   "pass",    "fail",      "softfail",
                                                      "policy", "neutral", "temperror", "permerror"};
constexpr std::array<std::string_view, 4> kDispositions{"none", "pass", "quarantine", "reject"};
constexpr std::array<std::string_view, 3> kPolicies{"none", "quarantine", "reject"};
constexpr std::array<std::string_view, 5> kReasons{"local_policy", "mailing_list", "other", "policy_test_mode",
                                                   "trusted_forwarder"};

std::string_view one_of(std::span<const std::string_view> words, std::string_view word, std::string_view otherwise) {
  return std::ranges::find(words, word) != words.end() ? word : otherwise;
}

void write_row(Xml& xml, const Row& row) {
  xml.open("record");
  xml.open("row");
  xml.element("source_ip", row.source_ip);
  xml.element("count", std::to_string(row.count));
  xml.open("policy_evaluated");
  xml.element("disposition", one_of(kDispositions, row.disposition, "none"));
  xml.element("dkim", row.dkim == "pass" ? "pass" : "fail");
  xml.element("spf", row.spf == "pass" ? "pass" : "fail");
  for (const std::string_view reason : row.reasons) {
    const auto colon = reason.find(": ");
    xml.open("reason");
    xml.element("type", one_of(kReasons, reason.substr(0, colon), "other"));
    if (colon != std::string_view::npos) xml.element("comment", reason.substr(colon + 2));
    xml.close("reason");
  }
  xml.close("policy_evaluated");
  xml.close("row");
  xml.open("identifiers");
  xml.element("header_from", row.header_from);
  xml.element("envelope_from", row.envelope_from);  // 3.1.1.10: empty for the null reverse-path
  xml.optional("envelope_to", row.envelope_to);
  xml.close("identifiers");
  xml.open("auth_results");
  std::size_t written = 0;
  for (const AuthResult& one : row.dkim_results) {
    if (++written > kResultsMax) break;  // 3.1.3
    xml.open("dkim");
    xml.element("domain", one.domain);
    xml.element("selector", one.selector);
    xml.element("result", one_of(kDkimResults, one.result, "neutral"));
    xml.close("dkim");
  }
  if (!row.spf_results.empty()) {
    const AuthResult& one = row.spf_results.front();
    xml.open("spf");
    xml.element("domain", one.domain);
    xml.element("scope", "mfrom");
    xml.element("result", one_of(kSpfResults, one.result, "neutral"));
    xml.close("spf");
  }
  xml.close("auth_results");
  xml.close("record");
}

void write_policy(Xml& xml, const Report& report) {
  const auto alignment = [](std::string_view word) { return word == "s" ? "s" : "r"; };
  const std::string_view p = one_of(kPolicies, report.policy, "none");
  const std::string_view sp = one_of(kPolicies, report.subdomain_policy, p);
  xml.open("policy_published");
  xml.element("domain", report.domain);
  // 3.1.1.5: "Unspecified tags have their default values"
  xml.element("p", p);
  xml.element("sp", sp);
  xml.element("np", one_of(kPolicies, report.absent_policy, sp));
  xml.element("adkim", alignment(report.adkim));
  xml.element("aspf", alignment(report.aspf));
  xml.element("discovery_method", "treewalk");
  xml.element("fo", report.fo.empty() ? "0" : std::string_view(report.fo));
  xml.element("testing", report.testing == "y" ? "y" : "n");
  xml.close("policy_published");
}

}  // namespace

Written to_xml(const Report& report, std::size_t max) {
  constexpr std::size_t kRestMax = 8192;  // of all but the rows: a dozen texts
  const std::size_t room = max > kRestMax ? max - kRestMax : 0;
  Written out;
  Xml rows(1);
  for (const Row& row : report.rows) {
    const std::size_t before = rows.out().size();
    write_row(rows, row);
    if (rows.out().size() > room) {
      rows.out().resize(before);
      break;
    }
    ++out.rows;
  }
  std::string error(report.error.substr(0, kTextMax));
  if (out.rows < report.rows.size()) {
    std::uint64_t messages = 0;
    for (std::size_t i = out.rows; i < report.rows.size(); ++i) messages += report.rows[i].count;
    error += (error.empty() ? "" : "; ") + std::to_string(report.rows.size() - out.rows) + " records of " +
             std::to_string(messages) + " messages are left out: the report would be too large";
  }
  Xml xml;
  xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  xml.open("feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"");
  xml.element("version", "1.0");
  xml.open("report_metadata");
  xml.element("org_name", report.organization);
  xml.element("email", report.email);
  xml.optional("extra_contact_info", report.contact);
  xml.element("report_id", report.id);
  xml.open("date_range");
  xml.element("begin", std::to_string(report.begin / 1000));
  xml.element("end", std::to_string(report.end / 1000));
  xml.close("date_range");
  xml.optional("error", error);
  xml.optional("generator", report.generator);
  xml.close("report_metadata");
  write_policy(xml, report);
  xml.raw(rows.out());
  xml.close("feedback");
  out.xml = std::move(xml.out());
  return out;
}

std::string file_name(std::string_view submitter, const Report& report) {
  std::string unique;
  for (const char c : report.id) {
    if ((is_alpha(c) || is_digit(c)) && unique.size() < 64) unique += c;
  }
  std::string out(submitter);
  out += '!' + report.domain + '!' + std::to_string(report.begin / 1000) + '!' + std::to_string(report.end / 1000);
  if (!unique.empty()) out += '!' + unique;
  return out + ".xml.gz";
}

std::string report_mail(const MailOptions& options, const Report& report, std::string_view packed) {
  return message::report_mail({.date = options.date,
                               .from = options.from,
                               .to = options.to,
                               .domain = report.domain,
                               .submitter = options.submitter,
                               .id = report.id,
                               .message_id = options.message_id,
                               .fields = {},
                               .content_type = "multipart/mixed;",
                               .boundary = options.boundary,
                               .what = "This is a DMARC aggregate report (RFC 9990) of ",
                               .about = "about mail in the name of ",
                               .packed_type = "application/gzip",
                               .file = file_name(options.submitter, report)},
                              packed);
}

}  // namespace postern::dmarcrpt
