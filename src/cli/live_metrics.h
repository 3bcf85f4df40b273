// LiveMetrics: the gauges of `postern serve`: queue and spool, resolver, the process itself. Read when somebody asks
// for the metrics; must be destroyed before what it looks at. Thread rule: asked on any thread.
#pragma once

#include <deque>

#include "base/counters.h"
#include "resolver/unbound.h"
#include "spool/store.h"

namespace postern::cli {

class LiveMetrics {
 public:
  LiveMetrics(const spool::Store& store, const resolver::Unbound& resolver);

 private:
  std::deque<LiveValue> shown_;
};

}  // namespace postern::cli
