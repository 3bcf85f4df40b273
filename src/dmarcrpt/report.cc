#include "dmarcrpt/report.h"

#include <algorithm>

#include "base/text.h"
#include "dmarcrpt/xml.h"

namespace postern::dmarcrpt {

namespace {

using Event = XmlReader::Event;

// The path of the open elements below <feedback>, "record/row/source_ip".
class Path {
 public:
  void push(std::string_view name) {
    marks_.push_back(text_.size());
    if (!text_.empty()) text_ += '/';
    text_ += name;
  }
  void pop() {
    text_.resize(marks_.back());
    marks_.pop_back();
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::size_t> marks_;
};

WallMs seconds_of(std::string_view text) {
  // Some write a fraction
  const auto number = parse_unsigned(text.substr(0, text.find('.')), 100'000'000'000U);
  return number ? static_cast<WallMs>(*number) * 1000 : 0;
}

struct State {
  Report report;
  Row row;
  AuthResult result;
  std::string reason_type, reason_comment;
  bool too_many = false;
};

struct Place {
  std::string_view path;
  std::string Report::* in_report = nullptr;
  std::string Row::* in_row = nullptr;
};

constexpr Place kPlaces[] = {
    {"report_metadata/org_name", &Report::organization},
    {"report_metadata/email", &Report::email},
    {"report_metadata/extra_contact_info", &Report::contact},
    {"report_metadata/report_id", &Report::id},
    {"report_metadata/error", &Report::error},
    {"report_metadata/generator", &Report::generator},
    {"policy_published/domain", &Report::domain},
    {"policy_published/p", &Report::policy},
    {"policy_published/sp", &Report::subdomain_policy},
    {"policy_published/np", &Report::absent_policy},
    {"policy_published/adkim", &Report::adkim},
    {"policy_published/aspf", &Report::aspf},
    {"policy_published/testing", &Report::testing},
    {"policy_published/fo", &Report::fo},
    {"policy_published/discovery_method", &Report::discovery},
    {"record/row/source_ip", nullptr, &Row::source_ip},
    {"record/row/policy_evaluated/disposition", nullptr, &Row::disposition},
    {"record/row/policy_evaluated/dkim", nullptr, &Row::dkim},
    {"record/row/policy_evaluated/spf", nullptr, &Row::spf},
    {"record/identifiers/header_from", nullptr, &Row::header_from},
    {"record/identifiers/envelope_from", nullptr, &Row::envelope_from},
    {"record/identifiers/envelope_to", nullptr, &Row::envelope_to},
};

void take_row(State& state) {
  if (state.report.rows.size() < kRowsMax)
    state.report.rows.push_back(std::move(state.row));
  else
    state.too_many = true;
  state.row = {};
}

void take(State& state, const std::string& path, std::string_view text) {
  const std::string value(utf8_head(text, kTextMax));
  for (const Place& place : kPlaces) {
    if (place.path != path) continue;
    if (place.in_report != nullptr) state.report.*place.in_report = value;
    if (place.in_row != nullptr) state.row.*place.in_row = value;
    return;
  }
  if (path == "report_metadata/date_range/begin") {
    state.report.begin = seconds_of(text);
  } else if (path == "report_metadata/date_range/end") {
    state.report.end = seconds_of(text);
  } else if (path == "record/row/count") {
    state.row.count = parse_unsigned(text, 1'000'000'000'000U).value_or(0);
  } else if (path == "record/row/policy_evaluated/reason/type") {
    state.reason_type = value;
  } else if (path == "record/row/policy_evaluated/reason/comment") {
    state.reason_comment = value;
  } else if (path == "record/row/policy_evaluated/reason") {
    const std::string reason = state.reason_type + (state.reason_comment.empty() ? "" : ": " + state.reason_comment);
    if (!reason.empty() && state.row.reasons.size() < kResultsMax) state.row.reasons.push_back(reason);
    state.reason_type.clear();
    state.reason_comment.clear();
  } else if (path.starts_with("record/auth_results/dkim") || path.starts_with("record/auth_results/spf")) {
    const bool dkim = path.starts_with("record/auth_results/dkim");
    const std::string_view what = std::string_view(path).substr(path.rfind('/') + 1);
    auto& list = dkim ? state.row.dkim_results : state.row.spf_results;
    if (what == "domain") {
      state.result.domain = value;
    } else if (what == "selector") {
      state.result.selector = value;
    } else if (what == "scope") {
      state.result.scope = value;
    } else if (what == "result") {
      state.result.result = value;
    } else if (what == "dkim" || what == "spf") {
      if (list.size() < kResultsMax) list.push_back(state.result);
      state.result = {};
    }
  } else if (path == "record") {
    take_row(state);
  }
}

}  // namespace

Result<Report> parse_report(std::string_view xml) {
  if (xml.size() > kReportMax) return fail(ErrorKind::limit, "DMARC report: larger than 50 MiB");
  XmlReader reader(xml);
  State state;
  Path path;
  bool inside = false;
  std::size_t around = 0;  // elements that <feedback> stands in
  for (;;) {
    const auto event = reader.next();
    if (!event) {
      if (state.report.rows.empty()) return fail(ErrorKind::protocol, "DMARC report: " + event.error().what);
      state.report.remarks.push_back("the rest is broken and left out: " + event.error().what);
      break;
    }
    if (*event == Event::finished) break;
    if (*event == Event::start) {
      if (!inside) {
        // Some mail filters put the start of the schema in front of the report, and never end it
        if (reader.name() == "schema" && reader.depth() == 1) continue;
        if (reader.name() != "feedback")
          return fail(ErrorKind::protocol, "DMARC report: it begins with <" + printable(reader.name(), 80) +
                                               ">, and not with <feedback> (RFC 9990)");
        inside = true;
        around = reader.depth() - 1;
        continue;
      }
      path.push(reader.name());
    } else if (inside && reader.depth() > around) {
      take(state, path.text(), reader.text());
      path.pop();
    } else if (around > 0) {
      break;
    }
  }
  if (!inside) return fail(ErrorKind::protocol, "DMARC report: there is no <feedback> in it (RFC 9990)");
  if (state.too_many)
    state.report.remarks.push_back("more than " + std::to_string(kRowsMax) + " rows; the rest is left out");
  return std::move(state.report);
}

}  // namespace postern::dmarcrpt
