#include "tlsrpt/report.h"

#include <algorithm>

#include "base/text.h"

namespace postern::tlsrpt {

namespace {

std::string text_of(const json::Value& value) { return std::string(utf8_head(value.string(), kTextMax)); }
std::uint64_t count_of(const json::Value& value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer(), 0));
}

// An array of strings, or a string alone, which is what many write.
std::vector<std::string> texts_of(const json::Value& value, std::vector<std::string>& remarks) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(text_of(value));
  for (const json::Value& one : value.array()) {
    if (out.size() >= kStringsMax) {
      remarks.emplace_back("more than " + std::to_string(kStringsMax) + " strings of a policy; the rest is left out");
      break;
    }
    if (one.is_string()) out.push_back(text_of(one));
  }
  return out;
}

void texts(json::Writer& writer, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  writer.key(key).begin_array();
  for (const std::string& value : values) writer.string(value);
  writer.end_array();
}

void optional_field(json::Writer& writer, std::string_view key, const std::string& value) {
  if (!value.empty()) writer.field(key, value);
}

// 4.4: RFC 3339, "2016-04-01T00:00:00Z"
std::string date_time(WallMs time) { return iso8601(time).substr(0, 19) + "Z"; }

std::optional<WallMs> read_time(const json::Value& value) {
  const std::string_view text = value.string();
  if (const auto time = parse_iso8601(text)) return time;
  // With an offset, or a blank in the place of the T: the seconds are what counts
  if (text.size() < 19) return std::nullopt;
  std::string plain(text.substr(0, 19));
  if (plain[10] == ' ') plain[10] = 'T';
  return parse_iso8601(plain + "Z");
}

Failure read_failure(const json::Value& value) {
  return {.type = text_of(value.at("result-type")),
          .sending_ip = text_of(value.at("sending-mta-ip")),
          .receiving_host = text_of(value.at("receiving-mx-hostname")),
          .receiving_helo = text_of(value.at("receiving-mx-helo")),
          .receiving_ip = text_of(value.at("receiving-ip")),
          .information = text_of(value.at("additional-information")),
          .reason = text_of(value.at("failure-reason-code")),
          .sessions = count_of(value.at("failed-session-count"))};
}

}  // namespace

void write_policy(json::Writer& writer, const PolicyResult& policy) {
  writer.begin_object();
  writer.key("policy").begin_object().field("policy-type", policy.type);
  texts(writer, "policy-string", policy.strings);
  writer.field("policy-domain", policy.domain);
  texts(writer, "mx-host", policy.mx);
  writer.end_object();
  writer.key("summary")
      .begin_object()
      .field("total-successful-session-count", policy.successes)
      .field("total-failure-session-count", policy.failures)
      .end_object();
  if (!policy.details.empty()) {
    writer.key("failure-details").begin_array();
    for (const Failure& failure : policy.details) {
      writer.begin_object().field("result-type", failure.type);
      optional_field(writer, "sending-mta-ip", failure.sending_ip);
      optional_field(writer, "receiving-mx-hostname", failure.receiving_host);
      optional_field(writer, "receiving-mx-helo", failure.receiving_helo);
      optional_field(writer, "receiving-ip", failure.receiving_ip);
      writer.field("failed-session-count", failure.sessions);
      optional_field(writer, "additional-information", failure.information);
      optional_field(writer, "failure-reason-code", failure.reason);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
}

PolicyResult read_policy(const json::Value& value, std::vector<std::string>& remarks) {
  const json::Value& policy = value.at("policy");
  PolicyResult out;
  out.type = text_of(policy.at("policy-type"));
  out.strings = texts_of(policy.at("policy-string"), remarks);
  out.domain = text_of(policy.at("policy-domain"));
  out.mx = texts_of(policy.at("mx-host"), remarks);
  out.successes = count_of(value.at("summary").at("total-successful-session-count"));
  out.failures = count_of(value.at("summary").at("total-failure-session-count"));
  for (const json::Value& detail : value.at("failure-details").array()) {
    if (out.details.size() >= kDetailsMax) {
      remarks.emplace_back("more than " + std::to_string(kDetailsMax) + " details of a policy; the rest is left out");
      break;
    }
    out.details.push_back(read_failure(detail));
  }
  return out;
}

std::string to_json(const Report& report) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .field("organization-name", report.organization)
      .key("date-range")
      .begin_object()
      .field("start-datetime", date_time(report.start))
      .field("end-datetime", date_time(report.end))
      .end_object()
      .field("contact-info", report.contact)
      .field("report-id", report.id)
      .key("policies")
      .begin_array();
  for (const PolicyResult& policy : report.policies) write_policy(writer, policy);
  writer.end_array().end_object();
  return out;
}

Result<Report> parse_report(std::string_view json) {
  if (json.size() > kReportMax) return fail(ErrorKind::limit, "TLS report: larger than 10 MiB");
  auto parsed = json::parse(json, 16);
  if (!parsed) return fail(ErrorKind::protocol, "TLS report: " + parsed.error().what);
  if (!parsed->is_object()) return fail(ErrorKind::protocol, "TLS report: not a JSON object");
  if (!parsed->at("policies").is_array())
    return fail(ErrorKind::protocol, "TLS report: it has no \"policies\" (RFC 8460 4.4)");
  const auto start = read_time(parsed->at("date-range").at("start-datetime"));
  const auto end = read_time(parsed->at("date-range").at("end-datetime"));
  if (!start || !end) return fail(ErrorKind::protocol, "TLS report: its \"date-range\" cannot be read");
  Report out;
  out.organization = text_of(parsed->at("organization-name"));
  out.contact = text_of(parsed->at("contact-info"));
  out.id = text_of(parsed->at("report-id"));
  out.start = *start;
  out.end = *end;
  for (const json::Value& policy : parsed->at("policies").array()) {
    if (out.policies.size() >= kPoliciesMax) {
      out.remarks.emplace_back("more than " + std::to_string(kPoliciesMax) + " policies; the rest is left out");
      break;
    }
    out.policies.push_back(read_policy(policy, out.remarks));
  }
  return out;
}

std::string file_name(std::string_view submitter, const Report& report, std::string_view domain) {
  std::string unique;
  for (const char c : report.id) {
    if (is_alpha(c) || is_digit(c)) unique += c;
  }
  std::string out(submitter);
  out += '!';
  out += domain;
  out += '!' + std::to_string(report.start / 1000) + '!' + std::to_string(report.end / 1000);
  if (!unique.empty()) out += '!' + unique.substr(0, 64);
  return out + ".json.gz";
}

}  // namespace postern::tlsrpt
