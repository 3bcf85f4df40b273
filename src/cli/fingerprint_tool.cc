// postern fingerprint: what a saved SYN and a ClientHello tell, for one of them or a batch.
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "cli/auth_text.h"
#include "cli/client_tools.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "fingerprint/client_hello.h"
#include "fingerprint/os_table.h"

namespace postern::cli {

namespace {

using fingerprint::ClientHello;
using fingerprint::OsMatch;
using fingerprint::OsTable;
using fingerprint::P0fDatabase;
using fingerprint::SynFacts;

using Database = std::shared_ptr<const P0fDatabase>;

// Hex digits as tools print them, also with blanks or colons between octets.
Result<std::string> octets_of(std::string_view what, std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != ':' && c != '\n' && c != '\r' && c != '\t') digits += c;
  }
  auto octets = from_hex(digits);
  if (!octets) return fail(ErrorKind::invalid, std::string(what) + ": not hexadecimal digits, two for each octet");
  return std::move(*octets);
}

struct SynReport {
  OsMatch match;
  std::optional<SynFacts> facts;  // none where it is no SYN
  std::string problem;            // then
  std::optional<P0fDatabase::Match> p0f;
};

SynReport report_on(std::string_view saved, const Database& database) {
  SynReport out;
  if (saved.empty()) {
    out.problem = "no SYN was saved";
    return out;
  }
  const auto syn = fingerprint::parse_syn(saved);
  if (!syn) {
    out.problem = syn.error().what;
    return out;
  }
  out.facts = *syn;
  out.match = OsTable(database).match(*syn);
  if (database) out.p0f = database->match(*syn);
  return out;
}

std::string_view quality_word(P0fDatabase::Quality quality) {
  switch (quality) {
    case P0fDatabase::Quality::specific:
      return "specific";
    case P0fDatabase::Quality::generic:
      return "generic";
    case P0fDatabase::Quality::fuzzy:
      break;
  }
  return "fuzzy";
}

void write_syn(json::Writer& writer, const SynReport& report, bool with_p0f) {
  writer.field("os", fingerprint::to_string(report.match.os));
  writer.field("label", report.match.label).field("how", fingerprint::to_string(report.match.how));
  if (!report.facts) {
    writer.field("signature", "").field("problem", report.problem);
    return;
  }
  const SynFacts& syn = *report.facts;
  writer.field("signature", fingerprint::signature(syn));
  writer.field("version", syn.family == ip::Family::v4 ? 4 : 6);
  writer.field("ttl", syn.ttl).field("initial_ttl", syn.initial_ttl()).field("distance", syn.distance());
  writer.field("mss", syn.mss).field("window", syn.window).field("window_scale", syn.window_scale);
  writer.field("options", syn.options.text()).field("quirks", syn.quirks.text()).field("payload", syn.payload);
  if (!with_p0f) return;
  writer.key("p0f");
  if (!report.p0f) {
    writer.null();
    return;
  }
  writer.begin_object().field("os", report.p0f->text()).field("match", quality_word(report.p0f->quality));
  writer.field("line", report.p0f->line).end_object();
}

void write_hello(json::Writer& writer, const ClientHello& hello) {
  writer.field("ja4", ja4(hello)).field("ja4_raw", ja4_raw(hello));
  writer.key("tls_versions").begin_array();
  if (hello.versions.empty()) writer.string(fingerprint::version_name(hello.legacy_version));
  for (const std::uint16_t version : hello.versions) writer.string(fingerprint::version_name(version));
  writer.end_array().field("sni", hello.has_server_name).field("server_name", hello.server_name);
  writer.key("alpn").begin_array();
  for (const std::string& name : hello.alpn) writer.string(name);
  writer.end_array();
}

Task<Result<void>> answer_fingerprint(Database database, const BatchCase& given, json::Writer& writer) {
  const json::Value& syn = given.line.at("syn_hex");
  const json::Value& hello = given.line.at("client_hello_hex");
  if (!syn.is_string() && !hello.is_string()) {
    co_return fail(ErrorKind::invalid, "syn_hex: must be there, a string of hexadecimal digits; or client_hello_hex");
  }
  if (syn.is_string()) {
    POSTERN_CO_TRY(const std::string saved, octets_of("syn_hex", syn.string()));
    write_syn(writer, report_on(saved, database), database != nullptr);
  }
  if (hello.is_string()) {
    POSTERN_CO_TRY(const std::string octets, octets_of("client_hello_hex", hello.string()));
    const auto parsed = fingerprint::parse_client_hello(octets);
    if (parsed)
      write_hello(writer, *parsed);
    else
      writer.key("ja4").null().field("tls_problem", parsed.error().what);
  }
  co_return Result<void>();
}

std::string syn_text(const SynReport& report, bool with_p0f, bool colour) {
  Lines lines(colour);
  lines.heading("SYN", fingerprint::to_string(report.match.os), report.match.label);
  if (!report.facts) {
    lines.line("problem", report.problem);
    return lines.take();
  }
  const SynFacts& syn = *report.facts;
  lines.line("signature", fingerprint::signature(syn));
  switch (report.match.how) {
    case fingerprint::How::exact:
      lines.line("known by", "the layout of its options, with window and TTL");
      break;
    case fingerprint::How::layout:
      lines.line("known by", "the layout of its options; window or TTL are not the system's own");
      break;
    case fingerprint::How::none:
      lines.line("known by", "nobody; docs/fingerprints.md says how to learn it");
      break;
    default:
      lines.line("known by", "p0f's database");
      break;
  }
  if (with_p0f) {
    lines.line("p0f", report.p0f ? report.p0f->text() + " (" + std::string(quality_word(report.p0f->quality)) +
                                       ", line " + std::to_string(report.p0f->line) + ")"
                                 : "not known");
  }
  return lines.take();
}

std::string hello_text(const ClientHello& hello, bool colour) {
  Lines lines(colour);
  lines.heading("ClientHello", ja4(hello), "");
  lines.line("JA4_r", ja4_raw(hello));
  std::string versions;
  for (const std::uint16_t version : hello.versions) {
    versions += (versions.empty() ? "" : ", ") + fingerprint::version_name(version);
  }
  lines.line("versions", versions.empty() ? fingerprint::version_name(hello.legacy_version) : versions);
  if (hello.has_server_name) lines.line("SNI", printable(hello.server_name));
  std::string protocols;
  for (const std::string& name : hello.alpn) protocols += (protocols.empty() ? "" : ", ") + printable(name, 64);
  lines.line("ALPN", protocols);
  return lines.take();
}

// The database of --p0f, or the package's where it is installed.
Result<Database> open_database(const std::string& path) {
  auto read = P0fDatabase::load(path.empty() ? P0fDatabase::kDebianPath : path);
  if (!read && path.empty() && read.error().kind == ErrorKind::not_found) return Database();
  if (!read) return std::unexpected(std::move(read).error());
  return std::make_shared<const P0fDatabase>(std::move(*read));
}

}  // namespace

BatchAnswer fingerprint_batch(Database database) {
  return [database = std::move(database)](const BatchCase& given, dns::Resolver&, json::Writer& writer) {
    return answer_fingerprint(database, given, writer);
  };
}

int run_fingerprint(const FingerprintToolOptions& options) {
  auto database = open_database(options.p0f);
  if (!database) return complain(database.error().what, kUsage);
  if (options.batch) {
    ToolResolver nobody{dns::Zone()};
    return Batch(fingerprint_batch(std::move(*database)), nobody, std::nullopt).run();
  }
  bool recognised = true;
  std::string text, object;
  json::Writer writer(object);
  writer.begin_object();
  if (!options.syn.empty()) {
    const auto saved = octets_of("--syn", options.syn);
    if (!saved) return complain(saved.error().what, kUsage);
    const SynReport report = report_on(*saved, *database);
    recognised = report.match.how != fingerprint::How::none;
    write_syn(writer, report, *database != nullptr);
    text = syn_text(report, *database != nullptr, colour_wanted());
  }
  if (!options.client_hello.empty()) {
    const auto octets = octets_of("--client-hello", options.client_hello);
    if (!octets) return complain(octets.error().what, kUsage);
    const auto hello = fingerprint::parse_client_hello(*octets);
    if (!hello) return complain("--client-hello: " + hello.error().what, kNegative);
    write_hello(writer, *hello);
    text += hello_text(*hello, colour_wanted());
  }
  writer.end_object();
  print(options.json ? object + "\n" : text);
  return recognised ? kOk : kNegative;
}

}  // namespace postern::cli
