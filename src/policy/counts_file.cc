#include "policy/counts_file.h"

#include <cmath>

#include "base/file.h"
#include "base/json.h"

namespace postern::policy {

namespace {

constexpr std::string_view kSchema = "postern.counts/1";
constexpr int kDepthMax = 4;
constexpr double kCountMax = 1e12;

// Three decimals are far below what a count means, and keep the file short and the same on every machine.
double rounded(double count) { return std::round(count * 1000) / 1000; }

void write_counts(json::Writer& out, const Count& count, bool with_signal) {
  out.begin_array();
  if (with_signal) out.string(count.signal);
  out.string(count.value).number(rounded(count.spam)).number(rounded(count.ham)).end_array();
}

bool is_count(const json::Value& value) { return value.is_number() && value.real() >= 0 && value.real() <= kCountMax; }

Result<std::vector<Count>> read_list(const json::Value& list, std::string_view name, bool with_signal) {
  const std::size_t width = with_signal ? 4 : 3;
  if (list.array().size() > kCountsMax) {
    return fail(ErrorKind::limit,
                "more than " + std::to_string(kCountsMax) + " entries in \"" + std::string(name) + "\"");
  }
  std::vector<Count> out;
  for (const json::Value& entry : list.array()) {
    const auto& fields = entry.array();
    const bool whole = fields.size() == width && fields[width - 3].is_string() && is_count(fields[width - 2]) &&
                       is_count(fields[width - 1]) && (!with_signal || fields[0].is_string());
    if (!whole) {
      return fail(ErrorKind::invalid, "entry " + std::to_string(out.size() + 1) + " of \"" + std::string(name) +
                                          "\" is not [" + (with_signal ? "signal, " : "") + "value, spam, ham]");
    }
    out.push_back({.signal = with_signal ? std::string(fields[0].string()) : std::string(),
                   .value = std::string(fields[width - 3].string()),
                   .spam = fields[width - 2].real(),
                   .ham = fields[width - 1].real()});
  }
  return out;
}

}  // namespace

std::string counts_text(const Counts& counts, WallMs now) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("schema", kSchema).field("time", iso8601(now));
  writer.field("spam", rounded(counts.spam)).field("ham", rounded(counts.ham));
  writer.key("rows").begin_array();
  for (const Count& row : counts.rows) {
    out += "\n";
    write_counts(writer, row, true);
  }
  writer.end_array();
  writer.key("cells").begin_array();
  for (const Count& cell : counts.cells) {
    out += "\n";
    write_counts(writer, cell, false);
  }
  writer.end_array().end_object();
  return out + "\n";
}

Result<Counts> parse_counts(std::string_view text) {
  if (text.size() > kCountsFileMax) return fail(ErrorKind::limit, "longer than 4 MiB");
  POSTERN_TRY(const json::Value value, json::parse(text, kDepthMax));
  if (value.at("schema").string() != kSchema) {
    return fail(ErrorKind::invalid, "not a file of counts; `postern signals --write FILE` makes one");
  }
  if (!is_count(value.at("spam")) || !is_count(value.at("ham"))) {
    return fail(ErrorKind::invalid, "\"spam\" and \"ham\" must be numbers from 0 to 10^12");
  }
  Counts out{.spam = value.at("spam").real(), .ham = value.at("ham").real(), .rows = {}, .cells = {}};
  POSTERN_TRY(out.rows, read_list(value.at("rows"), "rows", true));
  POSTERN_TRY(out.cells, read_list(value.at("cells"), "cells", false));
  return out;
}

Result<Counts> read_counts(const std::string& file) {
  POSTERN_TRY(const std::string text, read_file(file, kCountsFileMax));
  auto counts = parse_counts(text);
  if (!counts) return fail(counts.error().kind, file + ": " + counts.error().what);
  return counts;
}

}  // namespace postern::policy
