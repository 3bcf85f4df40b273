#include "cli/batch.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/field_output.h"

namespace postern::cli {

namespace {

constexpr std::size_t kReadSize = std::size_t{256} << 10;

// The fields that `answer` wrote, without the braces around them.
Task<void> run_answer(const BatchAnswer& answer, const BatchCase& given, dns::Resolver& resolver, std::string& out,
                      Result<void>& result) {
  json::Writer writer(out);
  writer.begin_object();
  result = co_await answer(given, resolver, writer);
  writer.end_object();
}

bool write_out(std::string& out) {
  std::string_view left = out;
  while (!left.empty()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, left.data(), left.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    left.remove_prefix(static_cast<std::size_t>(wrote));
  }
  out.clear();
  return true;
}

}  // namespace

bool has_message(const BatchCase& given) {
  return given.line.at("message_base64").is_string() || given.line.at("message_path").is_string();
}

Result<MessageInput> case_message(const BatchCase& given) {
  const json::Value& base64 = given.line.at("message_base64");
  if (base64.is_string()) {
    auto octets = from_base64(base64.string());
    if (!octets) {  // MIME's form, with line ends
      std::string text(base64.string());
      std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' '; });
      octets = from_base64(text);
    }
    if (!octets) return fail(ErrorKind::invalid, "message_base64: is not base64 (RFC 4648 4, padded)");
    return message_input(std::move(*octets));
  }
  const json::Value& path = given.line.at("message_path");
  if (!path.is_string()) return fail(ErrorKind::invalid, "a message is missing: give message_base64 or message_path");
  if (!given.paths) return fail(ErrorKind::invalid, "message_path: files are not read here");
  const std::string name(path.string());
  if (name.empty() || name == "-" || name.find('\0') != std::string::npos) {
    return fail(ErrorKind::invalid, "message_path: is not the name of a file");
  }
  POSTERN_TRY(std::string octets, read_whole(name, kMessageMax));
  return message_input(std::move(octets));
}

Result<std::string> case_string(const BatchCase& given, std::string_view key) {
  const json::Value& value = given.line.at(key);
  if (!value.is_string()) return fail(ErrorKind::invalid, std::string(key) + ": a string is missing");
  return std::string(value.string());
}

Result<std::vector<std::string>> case_names(const BatchCase& given, std::string_view key) {
  const json::Value& value = given.line.at(key);
  std::vector<std::string> names;
  if (value.is_string()) {
    names = names_of(value.string());
  } else if (value.is_array()) {
    for (const json::Value& name : value.array()) {
      if (!name.is_string()) return fail(ErrorKind::invalid, std::string(key) + ": must be a list of strings");
      names.emplace_back(trim(name.string()));
    }
  } else if (!value.is_null()) {
    return fail(ErrorKind::invalid, std::string(key) + ": must be a list, or names with colons between them");
  }
  return names;
}

Result<void> Batch::try_answer(std::string_view line, json::Value& id, std::string& fields) {
  if (line.size() > kBatchLineMax) {
    return fail(ErrorKind::limit, "the line is longer than " + human_bytes(kBatchLineMax));
  }
  auto parsed = json::parse(line);
  if (!parsed) return fail(ErrorKind::invalid, parsed.error().what);
  if (!parsed->is_object()) return fail(ErrorKind::invalid, "the line is no JSON object");
  BatchCase given{.line = std::move(*parsed), .paths = paths_};
  id = given.line.at("id");

  const json::Value& now = given.line.at("now");
  if (!now.is_null() && !now.is_number()) return fail(ErrorKind::invalid, "now: must be seconds since 1970");
  // A fraction is cut off; a time beyond what a double holds exactly is nobody's time.
  constexpr double kFar = 1e15;
  if (now.is_number() && !(now.real() > -kFar && now.real() < kFar)) return fail(ErrorKind::invalid, "now: is no time");
  given.now = now.is_number() ? static_cast<std::int64_t>(now.real()) : now_.value_or(wall_now() / 1000);

  Result<void> result;
  const json::Value& zone = given.line.at("zone");
  if (!zone.is_null()) {
    auto own = dns::Zone::from_json(zone);
    if (!own) return fail(ErrorKind::invalid, "zone: " + own.error().what);
    dns::FixtureResolver fixture(std::move(*own));
    run_ready(run_answer(answer_, given, fixture, fields, result));
    return result;
  }
  POSTERN_TRY(dns::Resolver* const resolver, resolver_.get());
  resolver_.run(run_answer(answer_, given, *resolver, fields, result));
  return result;
}

void Batch::answer(std::string_view line, std::string& out) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (trim(line).empty()) return;
  json::Value id;
  std::string fields;
  const Result<void> result = try_answer(line, id, fields);
  json::Writer writer(out);
  writer.begin_object().key("id");
  id.write(writer);
  if (!result) {
    writer.field("error", printable(result.error().what, 1024)).end_object();
  } else if (fields.size() > 2) {
    out.push_back(',');
    out.append(fields, 1);
  } else {
    writer.end_object();
  }
  out.push_back('\n');
}

int Batch::run() {
  std::string pending, out;
  bool skipping = false;  // the rest of a line that is too long
  std::vector<char> buffer(kReadSize);
  while (true) {
    if (!write_out(out)) return complain("standard output: cannot be written", kNegative);
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return complain("standard input: cannot be read", kNegative);
    if (got == 0) break;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      if (!skipping) pending.append(part);
      if (pending.size() > kBatchLineMax) skipping = true;
      if (end == std::string_view::npos) continue;
      answer(pending, out);
      pending.clear();
      skipping = false;
    }
  }
  answer(pending, out);  // a last line without LF
  return write_out(out) ? kOk : complain("standard output: cannot be written", kNegative);
}

int run_batch(const AuthCommon& common, BatchAnswer answer) {
  auto resolver = ToolResolver::open(common);
  if (!resolver) return complain(resolver.error().what, kUsage);
  return Batch(std::move(answer), **resolver, common.now).run();
}

int complain(std::string_view what, int code) {
  std::fprintf(stderr, "postern: %s\n", printable(what, 4096).c_str());
  return code;
}

}  // namespace postern::cli
