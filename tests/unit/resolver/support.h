// Helpers of the resolver's tests: an Unbound with one loop's cache, and look-ups run to their end.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "resolver/unbound.h"
#include "unit/io/support.h"

namespace postern::resolver::test {

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

inline Options options_for(const ip::Endpoint& server, std::int64_t timeout_ms = 5000) {
  Options options;
  options.servers = {server};
  options.lookup_timeout_ms = timeout_ms;
  return options;
}

// Sanitizers and a busy machine: a look-up that is answered at all is answered within this.
inline constexpr std::int64_t kPatientMs = 20'000;

struct Asker {
  explicit Asker(const Options& options) {
    auto opened = Unbound::open(options);
    EXPECT_TRUE(opened) << opened.error().what;
    unbound = *std::move(opened);
    resolver = std::make_unique<CachedResolver>(unbound, loop);
  }
  dns::AnswerPtr ask(std::string_view text, dns::Type type) {
    dns::Budget budget;
    return ask(text, type, budget);
  }
  dns::AnswerPtr ask(std::string_view text, dns::Type type, dns::Budget& budget) {
    return io::test::run(loop, resolver->query(name(text), type, budget));
  }
  // From the cache alone, without the loop; what is not there is asked for, and the wait for it given up at once.
  dns::AnswerPtr ask_cached(std::string_view text, dns::Type type) {
    dns::Budget budget(dns::Budget::kLookups, Deadline::at(Clock::time_point::min()));
    return run_ready(resolver->query(name(text), type, budget));
  }
  io::Loop loop;
  std::shared_ptr<Unbound> unbound;
  std::unique_ptr<CachedResolver> resolver;
};

// co_await until(loop, condition): polls, for what another thread brings about.
template <class Condition>
Task<bool> until(io::Loop& loop, Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) co_return true;
    co_await io::sleep_until(loop, Deadline::after(milliseconds(10)));
  }
  co_return false;
}

}  // namespace postern::resolver::test
