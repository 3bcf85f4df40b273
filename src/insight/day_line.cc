// The line of a day: Day as JSON and back.
//   {"schema":"postern.day/1","day":"2026-11-21","settled":true,
//    "sessions":[900,100],"tls":[800,90],"accepted":[200,40],
//    "tls_versions":{"TLSv1.3":[700,90]},"ciphers":{...},"verdicts":{"reject":[500,10]},"reasons":{...},
//    "tls_failed":[1,0],"groups":{"x25519":[700,90]},"countries":{"US":[300,40]},"spf":{"pass":[150,30]}, ...
//    "events":[40,4,30,6,200,20],
//    "signals":{"rdns":{"generic":[30,3,1,0,50,2]},"ja4":{"t13d1516h2_8daaf6152771_b186095e22b6":[9,0,0,0,4,0]}},
//    "cells":[["windows","generic","BR","stranger",30,3,0,0,12,1]]}
// Lines of before a signal or a count was counted lack it, and are read; who does not know a signal or value passes
// over it. So the schema stays the same as long as what is there keeps its meaning. Of a text at most kTextsKept values
// and kOthers. Pairs are IPv4 and IPv6; six numbers are those of spam, of ham, and of what nobody knows.
#include <algorithm>
#include <cmath>

#include "insight/aggregates.h"

namespace postern::insight {

namespace {

using evidence::ListNames;
using evidence::Signal;

constexpr std::string_view kSchema = "postern.day/1";
constexpr int kDepthMax = 5;
constexpr std::array<Truth, 3> kOrder{Truth::spam, Truth::ham, Truth::unknown};
constexpr double kCountMax = 1e12;

struct PairKey {
  std::string_view key;
  PerFamily Statistics::* member;
};
constexpr std::array<PairKey, 11> kPairs{{{"sessions", &Statistics::sessions},
                                          {"tls", &Statistics::tls},
                                          {"accepted", &Statistics::accepted},
                                          {"tls_failed", &Statistics::tls_failed},
                                          {"traps", &Statistics::traps},
                                          {"accepted_tls", &Statistics::accepted_tls},
                                          {"deferred", &Statistics::deferred},
                                          {"refused", &Statistics::refused},
                                          {"recipients_accepted", &Statistics::recipients_accepted},
                                          {"recipients_deferred", &Statistics::recipients_deferred},
                                          {"recipients_refused", &Statistics::recipients_refused}}};
struct NamesKey {
  std::string_view key;
  Names Statistics::* member;
};
constexpr std::array<NamesKey, 11> kNames{{{"tls_versions", &Statistics::tls_versions},
                                           {"ciphers", &Statistics::ciphers},
                                           {"verdicts", &Statistics::verdicts},
                                           {"reasons", &Statistics::reasons},
                                           {"groups", &Statistics::groups},
                                           {"tls_failures", &Statistics::tls_failures},
                                           {"countries", &Statistics::countries},
                                           {"spf", &Statistics::spf},
                                           {"dkim", &Statistics::dkim},
                                           {"dmarc", &Statistics::dmarc},
                                           {"arc", &Statistics::arc}}};

void write_row(const Row& row, json::Writer& out) {
  for (const Truth truth : kOrder)
    for (const bool ipv6 : {false, true})
      out.number(static_cast<std::int64_t>(std::llround(std::min(row.of(truth, ipv6), kCountMax))));
}

void write_texts(std::string_view name, const TextRows& texts, json::Writer& out) {
  if (texts.empty()) return;
  out.key(name).begin_object();
  for (const auto& [text, row] : texts.kept()) {
    out.key(text).begin_array();
    write_row(row, out);
    out.end_array();
  }
  out.end_object();
}

void write_pair(std::string_view key, const PerFamily& pair, json::Writer& out) {
  out.key(key).begin_array().number(pair[0]).number(pair[1]).end_array();
}

void write_pairs(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const auto& [name, pair] : names.all()) write_pair(name, pair, out);
  out.end_object();
}

std::optional<double> read_count(const json::Value& value) {
  const double count = value.real(-1);
  if (!(count >= 0 && count <= kCountMax)) return std::nullopt;
  return count;
}

// Six numbers from `at`, whole ones; false where they are not there.
bool read_row(const json::Value::Array& numbers, std::size_t at, Row& out) {
  if (numbers.size() != at + 6) return false;
  for (const Truth truth : kOrder) {
    for (const bool ipv6 : {false, true}) {
      const auto count = read_count(numbers[at++]);
      if (!count) return false;
      out.counts[static_cast<std::size_t>(truth)][ipv6 ? 1 : 0] = std::round(*count);
    }
  }
  return true;
}

PerFamily read_pair(const json::Value& value) {
  PerFamily out{};
  const auto& numbers = value.array();
  for (std::size_t i = 0; i < out.size() && i < numbers.size(); ++i)
    out.at(i) = static_cast<std::uint64_t>(read_count(numbers[i]).value_or(0));
  return out;
}

void read_names(const json::Value& value, Names& out) {
  for (const auto& [name, pair] : value.object()) {
    const PerFamily counts = read_pair(pair);
    if (counts[0] > 0) out.add(name, false, counts[0]);
    if (counts[1] > 0) out.add(name, true, counts[1]);
  }
}

void read_signals(const json::Value& value, Tally& tally, ListNames& names) {
  for (const auto& [name, rows] : value.object()) {
    const auto signal = evidence::find_signal(name);
    if (!signal) continue;
    if (const auto text = counted_text(*signal)) {
      for (const auto& [word, counts] : rows.object()) {
        Row row;
        if (read_row(counts.array(), 0, row)) tally.texts.at(*text).add(word, row);
      }
      continue;
    }
    for (const auto& [word, counts] : rows.object()) {
      const auto slot = find_slot(*signal, word, names);
      Row row;
      if (slot && read_row(counts.array(), 0, row)) tally.signals.at(static_cast<std::size_t>(*signal))[*slot] = row;
    }
  }
}

void read_cells(const json::Value& value, Tally& tally) {
  for (const json::Value& entry : value.array()) {
    const auto& fields = entry.array();
    Row row;
    if (fields.size() < 4 || !read_row(fields, 4, row) || tally.cells.size() >= kCellsMax) continue;
    const auto os = evidence::find_value(Signal::os, fields[0].string());
    const auto rdns = evidence::find_value(Signal::rdns, fields[1].string());
    const auto known = evidence::find_value(Signal::known, fields[3].string());
    if (!os || !rdns || !known) continue;
    tally.cells[{.os = *os, .rdns = *rdns, .known = *known, .country = evidence::parse_country(fields[2].string())}] =
        row;
  }
}

}  // namespace

std::string day_line(const Day& day, const ListNames& names) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("schema", kSchema).field("day", iso8601(day.number * kDayMs).substr(0, 10));
  out.field("settled", day.settled);
  for (const auto& [key, member] : kPairs) write_pair(key, day.statistics.*member, out);
  for (const auto& [key, member] : kNames) write_pairs(key, day.statistics.*member, out);
  out.key("events").begin_array();
  write_row(day.tally.events, out);
  out.end_array().key("signals").begin_object();
  for (const evidence::SignalInfo& info : evidence::signals()) {
    if (const auto counted = counted_text(info.signal)) {
      write_texts(info.name, day.tally.texts.at(*counted), out);
      continue;
    }
    const auto& rows = day.tally.signals.at(static_cast<std::size_t>(info.signal));
    if (rows.empty()) continue;
    out.key(info.name).begin_object();
    for (const auto& [slot, row] : rows) {
      out.key(slot_name(info.signal, slot, names)).begin_array();
      write_row(row, out);
      out.end_array();
    }
    out.end_object();
  }
  out.end_object().key("cells").begin_array();
  for (const auto& [cell, row] : day.tally.cells) {
    out.begin_array().string(slot_name(Signal::os, cell.os, names)).string(slot_name(Signal::rdns, cell.rdns, names));
    out.string(evidence::country_text(cell.country)).string(slot_name(Signal::known, cell.known, names));
    write_row(row, out);
    out.end_array();
  }
  out.end_array().end_object();
  return text;
}

std::optional<Day> parse_day(std::string_view line, ListNames& names) {
  const auto value = json::parse(line, kDepthMax);
  if (!value || value->at("schema").string() != kSchema) return std::nullopt;
  const auto time = parse_iso8601(value->at("day").string());
  if (!time || *time % kDayMs != 0) return std::nullopt;
  Day day{.number = *time / kDayMs, .settled = value->at("settled").boolean(), .statistics = {}, .tally = {}};
  for (const auto& [key, member] : kPairs) day.statistics.*member = read_pair(value->at(key));
  for (const auto& [key, member] : kNames) read_names(value->at(key), day.statistics.*member);
  if (!read_row(value->at("events").array(), 0, day.tally.events)) return std::nullopt;
  read_signals(value->at("signals"), day.tally, names);
  read_cells(value->at("cells"), day.tally);
  return day;
}

}  // namespace postern::insight
