// Traffic: everything that `postern stats` shows of a period, from session and delivery records: counted by several
// threads at once, and beside the period before where that is asked for. Memory is bounded, whatever the records' size:
// names.h, heavy_prefixes.h, greylist_returns.h, kDaysMax. Thread rule: Traffic is a value; read_traffic() blocks, and
// starts and joins its own threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "insight/deliveries.h"
#include "insight/greylist_returns.h"
#include "insight/heavy_prefixes.h"
#include "insight/line_walk.h"
#include "insight/statistics.h"

namespace postern::insight {

inline constexpr std::size_t kTrafficDaysMax = 800;
inline constexpr std::size_t kPrefixesShown = 10;

struct Traffic {
  struct Day {
    PerFamily sessions{}, tls{}, accepted{};
  };
  Statistics statistics;
  Deliveries deliveries;
  HeavyPrefixes prefixes;
  GreylistReturns greylist;
  std::map<std::int64_t, Day> days;  // by days since 1970

  void add(const record::SessionView& session);
  void merge(Traffic&& other);
};

struct TrafficOptions {
  Sources sources;              // `since`: the beginning of the period; all where there is none
  std::optional<WallMs> until;  // its end; what began then or later is passed over
  // Beginning of the period before, which ends at `since`.
  std::optional<WallMs> before_since;
  unsigned threads = walkers();
  std::uint64_t piece = kPiece;  // of a file, as walk_lines() cuts it
};

struct TrafficReport {
  Traffic now;
  std::optional<Traffic> before;
  LineCount lines;         // of the period; damaged ones have none, and are counted wherever they stand
  LineCount before_lines;  // of the period before, without the damaged ones
};

[[nodiscard]] Result<TrafficReport> read_traffic(const TrafficOptions& options, const Progress& progress = {});

// The members of an object: those of append_json(Statistics), and "deliveries", "greylist", "prefixes", "days".
void append_json(const Traffic& traffic, const LineCount& lines, json::Writer& out);

}  // namespace postern::insight
