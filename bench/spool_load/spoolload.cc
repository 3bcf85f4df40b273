// spoolload DIRECTORY MESSAGES: leaves that many messages of 4 KiB queued in a spool, due in a day, for the measurement
// of a start on a full queue. One JSON object says how many and how long it took. The journal's rate is bench_spool's.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"
#include "spool/journal_store.h"

namespace {

using postern::Clock;
using postern::Task;

constexpr std::size_t kSize = 4096;
constexpr std::uint64_t kWriters = 64;

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "spoolload: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

Task<void> write_messages(postern::io::Loop& loop, postern::spool::Store& store, std::uint64_t& left,
                          const std::string& body) {
  while (left > 0) {
    --left;
    auto intake = store.begin(loop);
    if (!intake) give_up(intake.error().what);
    const auto appended = co_await (*intake)->append(body);
    if (!appended) give_up(appended.error().what);
    const postern::WallMs now = postern::wall_now();
    postern::spool::Envelope envelope;
    envelope.id = postern::Id::make(now);
    envelope.session = postern::Id::make(now);
    envelope.arrived = now;
    envelope.next_attempt = now + 24LL * 3600 * 1000;
    envelope.reverse_path = "sender@example.org";
    envelope.recipients.push_back({.forward_path = "user@example.com"});
    const auto committed = co_await (*intake)->commit(std::move(envelope));
    if (!committed) give_up(committed.error().what);
  }
}

Task<void> write_all(postern::io::Loop& loop, postern::spool::Store& store, std::uint64_t messages) {
  const std::string body(kSize, 'x');
  std::uint64_t left = messages;
  postern::io::Scope writers(loop);
  for (std::uint64_t i = 0; i < kWriters; ++i) writers.spawn(write_messages(loop, store, left, body));
  co_await writers.join();
  loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  std::uint64_t messages = 0;
  if (words.size() == 3) {
    const std::string_view number = words[2];
    std::from_chars(number.begin(), number.end(), messages);
  }
  if (messages == 0) {
    std::fprintf(stderr, "usage: spoolload DIRECTORY MESSAGES\n");
    return 2;
  }
  postern::spool::JournalOptions options;
  options.directory = words[1];
  options.settle_after_ms = 24LL * 3600 * 1000;  // they stay in the intake log
  auto store = postern::spool::open_journal(options);
  if (!store) give_up(store.error().what);
  postern::io::Loop loop;
  postern::io::Scope scope(loop);
  const auto began = Clock::now();
  loop.post([&] { scope.spawn(write_all(loop, **store, messages)); });
  loop.run();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  (*store)->close();
  std::printf("{\"messages\":%llu,\"seconds\":%.3f}\n", static_cast<unsigned long long>(messages), seconds);
  return 0;
}
