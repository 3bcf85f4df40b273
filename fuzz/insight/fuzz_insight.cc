// Record files of any octets: replay, statistics, counts of signals and the simulated state take them, and what they
// say of them is JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "insight/aggregates.h"
#include "insight/countries.h"
#include "insight/replay.h"
#include "insight/signal_value.h"
#include "insight/statistics.h"

namespace {

using namespace postern;
using namespace postern::insight;

const policy::Policy& judge() {
  static const std::shared_ptr<const policy::Policy> policy = [] {
    policy::Options options;
    options.choices.home = {evidence::country_code('U', 'S')};
    std::vector<policy::Problem> problems;
    return policy::Policy::compile(options, problems);
  }();
  POSTERN_CHECK(policy != nullptr);
  return *policy;
}

template <class Visit>
void each_session(std::string_view input, const Visit& visit) {
  record::SessionReader reader;
  while (!input.empty()) {
    const auto end = std::min(input.find('\n'), input.size());
    if (reader.read(input.substr(0, end)) == record::SessionReader::Kind::session) visit(reader.session());
    input.remove_prefix(std::min(end + 1, input.size()));
  }
}

template <class Report>
void check_json(const Report& report) {
  std::string text;
  json::Writer writer(text);
  append_json(report, writer);
  POSTERN_CHECK(json::parse(text).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static const std::unique_ptr<SimulatedState> kNone;
  const auto state = simulate({.table_bytes = 4096});
  for (SimulatedState* const simulated : {kNone.get(), state.get()}) {
    Replay replay(judge(), {"zen"}, {}, simulated);
    std::uint64_t sessions = 0;
    each_session(input, [&](const record::SessionView& session) {
      replay.add(session);
      ++sessions;
    });
    const ReplayReport report = replay.finish({});
    POSTERN_CHECK(report.both().sessions == sessions && report.both().changed <= sessions);
    check_json(report);
  }
  Outcomes outcomes;
  Statistics statistics;
  Countries countries;
  each_session(input, [&](const record::SessionView& session) {
    outcomes.add(session);
    statistics.add(session);
    countries.add(session);
  });
  static_cast<void>(countries.propose());
  SignalStudy study(judge(), {"zen"}, {}, outcomes);
  DayBuilder days(outcomes);
  each_session(input, [&](const record::SessionView& session) {
    study.add(session);
    days.add(session);
  });
  check_json(study.finish({}, 0));
  for (const auto& [number, day] : days.days()) {
    const std::string line = day_line(day, days.names());
    evidence::ListNames names = days.names();
    const auto read = parse_day(line, names);
    POSTERN_CHECK(read && read->tally.events == day.tally.events);
    // Not `line`: octets of a record that are no UTF-8, which no writer of ours makes, are characters from then on.
    const std::string again = day_line(*read, names);
    const auto twice = parse_day(again, names);
    POSTERN_CHECK(twice && day_line(*twice, names) == again);
  }
  return 0;
}
