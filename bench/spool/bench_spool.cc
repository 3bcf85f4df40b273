// How fast mail becomes durable, and how fast a full spool is ready again.
//
//   bench_spool [--dir D] [--seconds S] [--rounds N] [--size OCTETS] [--at WRITERS] [--json]
//                                                         the journal beside a bare loop of the same writes and syncs
//   bench_spool --recover N [--dir D] [--json]                  N queued messages of 4 KiB: time to open, index
//   per message
//
// The two are measured in turns, because the disk's mood changes. The bare loop writes the octets per group, in the
// pieces per group, that the journal just had, into a file prepared like a segment, and syncs: what remains of the
// difference is the journal's own cost. Both are measured in their steady state: making files is not part of it. CPU is
// user and system time of the whole process: intake, check sums, index, loops and threads.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "io/loop.h"
#include "spool/journal.h"

namespace {

using namespace postern;
using namespace postern::spool;

struct Counts {
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> octets{0};
  std::atomic<std::uint64_t> pieces{0};
  std::atomic<std::uint64_t> files{0};  // new ones that are ready
};

// The real disk, counted; without syncs where a test bed is only being built.
class CountedDisk final : public Disk {
 public:
  explicit CountedDisk(bool syncs) : syncs_(syncs) {}
  Counts counts;
  Result<std::unique_ptr<postern::spool::File>> open(const std::string& path, Open how) override {
    POSTERN_TRY(auto file, real_disk().open(path, how));
    return std::make_unique<Counted>(std::move(file), *this);
  }
  Result<std::vector<std::string>> list(const std::string& path) override { return real_disk().list(path); }
  Result<void> make_directory(const std::string& path) override { return real_disk().make_directory(path); }
  Result<void> rename(const std::string& from, const std::string& to) override { return real_disk().rename(from, to); }
  Result<void> unlink(const std::string& path) override { return real_disk().unlink(path); }
  Result<void> sync_directory(const std::string& path) override {
    return syncs_ ? real_disk().sync_directory(path) : Result<void>();
  }
  Result<Space> space(const std::string& path) override { return real_disk().space(path); }
  Result<std::unique_ptr<postern::spool::File>> lock(const std::string& path) override {
    return real_disk().lock(path);
  }

 private:
  class Counted final : public postern::spool::File {
   public:
    Counted(std::unique_ptr<postern::spool::File> file, CountedDisk& disk) : file_(std::move(file)), disk_(disk) {}
    Result<void> write(std::span<iovec> pieces, std::uint64_t offset) override {
      disk_.counts.pieces += pieces.size();
      for (const iovec& piece : pieces) disk_.counts.octets += piece.iov_len;
      return file_->write(pieces, offset);
    }
    Result<void> sync() override {
      if (!disk_.syncs_) return {};
      ++disk_.counts.syncs;
      return file_->sync();
    }
    Result<void> allocate(std::uint64_t size) override {
      if (!disk_.syncs_) return {};  // a test bed's segments just grow
      Result<void> done = file_->allocate(size);
      ++disk_.counts.files;
      return done;
    }
    Result<std::size_t> read(std::span<char> out, std::uint64_t offset) const override {
      return file_->read(out, offset);
    }
    Result<std::uint64_t> size() const override { return file_->size(); }

   private:
    std::unique_ptr<postern::spool::File> file_;
    CountedDisk& disk_;
  };
  const bool syncs_;
};

double now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }
double cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "bench_spool: %s\n", error.what.c_str());
  std::exit(1);
}

struct Run {
  double rate = 0;    // messages a second
  double cpu_us = 0;  // per message
  double group = 0;   // messages a sync
  double octets = 0;  // a sync
  double pieces = 0;  // a sync
};

Envelope envelope_now() {
  Envelope envelope;
  envelope.id = Id::make(wall_now());
  envelope.arrived = envelope.next_attempt = wall_now();
  envelope.reverse_path = "sender@example.org";
  envelope.client = "[2001:db8::1]:4711";
  envelope.recipients.resize(1);
  envelope.recipients[0].forward_path = "recipient@example.net";
  return envelope;
}

struct Driver {
  Store& store;
  io::Loop& loop;
  const std::string& body;
  double until;
  std::uint64_t done = 0;
};

// One session: takes a message in, and settles it as delivered, so that segments are retired and used again.
Task<void> session(Driver& driver) {
  const Settlement delivered{{{0, RecipientState::delivered, "250 2.0.0 ok"}}, 0};
  while (now() < driver.until) {
    auto intake = driver.store.begin(driver.loop);
    if (!intake) give_up(intake.error());
    const Result<void> appended = co_await (*intake)->append(driver.body);
    if (!appended) give_up(appended.error());
    Envelope envelope = envelope_now();
    const Id id = envelope.id;
    const Result<void> committed = co_await (*intake)->commit(std::move(envelope));
    if (!committed) give_up(committed.error());
    (void)driver.store.settle(id, delivered);
    ++driver.done;
  }
}

Task<void> sessions(Driver& driver, std::size_t count) {
  io::Scope scope(driver.loop);
  for (std::size_t i = 0; i < count; ++i) scope.spawn(session(driver));
  co_await scope.join();
  driver.loop.stop();
}

std::uint64_t drive(Driver& driver, std::size_t count) {
  io::Scope scope(driver.loop);
  Task<void> all = sessions(driver, count);
  driver.loop.post([&] { scope.spawn(std::move(all)); });
  driver.loop.run();
  return driver.done;
}

// Half of them on each of two loops; returns the messages that were taken in.
std::uint64_t run_sessions(Store& store, const std::string& body, std::size_t concurrent, double until) {
  std::uint64_t first = 0, second = 0;
  std::thread other;
  const std::size_t half = concurrent / 2;
  if (half > 0) {
    other = std::thread([&] {
      io::Loop loop;
      Driver driver{store, loop, body, until};
      second = drive(driver, half);
    });
  }
  io::Loop loop;
  Driver driver{store, loop, body, until};
  first = drive(driver, concurrent - half);
  if (other.joinable()) other.join();
  return first + second;
}

// Before the clock starts: until the files that a journal takes turns with are made, as the bare loop's is.
void run_in(CountedDisk& disk, Store& store, const std::string& body, std::size_t concurrent) {
  constexpr double kSlice = 0.2;
  constexpr std::uint64_t kFiles = 3;  // the intake log's and the meta log's first, and a spare
  do run_sessions(store, body, concurrent, now() + kSlice);
  while (disk.counts.files < kFiles);
}

Run run_journal(const std::string& directory, std::size_t size, std::size_t concurrent, double seconds) {
  CountedDisk disk(true);
  JournalOptions options;
  options.directory = directory + "/journal";
  options.settle_after_ms = 3600 * 1000;
  auto store = open_journal_on(options, disk);
  if (!store) give_up(store.error());
  const std::string body(size, 'x');
  run_in(disk, **store, body, concurrent);
  const std::uint64_t syncs = disk.counts.syncs, octets = disk.counts.octets, pieces = disk.counts.pieces;
  const double from = now();
  const double cpu_from = cpu();
  const auto messages = static_cast<double>(run_sessions(**store, body, concurrent, from + seconds));
  const double elapsed = now() - from;
  Run run;
  run.rate = messages / elapsed;
  run.cpu_us = (cpu() - cpu_from) / messages * 1e6;
  const auto groups = static_cast<double>(disk.counts.syncs - syncs);
  run.group = messages / groups;
  run.octets = static_cast<double>(disk.counts.octets - octets) / groups;
  run.pieces = static_cast<double>(disk.counts.pieces - pieces) / groups;
  (*store)->close();
  store->reset();
  std::filesystem::remove_all(options.directory);
  return run;
}

Run run_bare(const std::string& directory, const Run& like, double seconds) {
  constexpr std::uint64_t kSegment = std::uint64_t{64} << 20;
  const std::string path = directory + "/bare";
  auto opened = real_disk().open(path, Disk::Open::create);
  if (!opened) give_up(opened.error());
  postern::spool::File& file = **opened;
  Result<void> done = file.allocate(kSegment);
  if (done) done = file.sync();
  if (!done) give_up(done.error());
  const auto pieces = static_cast<std::size_t>(std::max(1.0, like.pieces));
  // A group's octets are as many as the journal's, not one message's written again and again out of the cache.
  const auto piece = static_cast<std::size_t>(like.octets / static_cast<double>(pieces));
  std::string octets(pieces * piece, 'x');
  std::vector<iovec> group(pieces);
  std::uint64_t at = 0, groups = 0;
  const double from = now();
  const double cpu_from = cpu();
  while (now() - from < seconds) {
    for (std::size_t i = 0; i < pieces; ++i) group[i] = {octets.data() + i * piece, piece};
    if (at + octets.size() > kSegment) at = 0;
    done = file.write(group, at);
    if (done) done = file.sync();
    if (!done) give_up(done.error());
    at += octets.size();
    ++groups;
  }
  const double messages = static_cast<double>(groups) * like.group;
  Run run = like;
  run.rate = messages / (now() - from);
  run.cpu_us = (cpu() - cpu_from) / messages * 1e6;
  opened->reset();
  (void)real_disk().unlink(path);
  return run;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void compare(const std::string& directory, double seconds, int rounds, bool json, std::size_t only_size,
             std::size_t only_at) {
  if (!json)
    std::printf("%7s %5s | %10s %10s %6s | %8s %8s | %7s\n", "size", "at", "bare/s", "journal/s", "ratio", "bare us",
                "cpu us", "group");
  for (const std::size_t size : {std::size_t{4096}, std::size_t{50} * 1024}) {
    for (const std::size_t concurrent : {std::size_t{1}, std::size_t{16}, std::size_t{64}, std::size_t{256}}) {
      if ((only_size != 0 && size != only_size) || (only_at != 0 && concurrent != only_at)) continue;
      std::vector<double> bare, journal, ratio, bare_cpu, journal_cpu, group;
      for (int i = 0; i < rounds; ++i) {
        const Run one = run_journal(directory, size, concurrent, seconds);
        const Run other = run_bare(directory, one, seconds);
        journal.push_back(one.rate);
        bare.push_back(other.rate);
        ratio.push_back(one.rate / other.rate);
        journal_cpu.push_back(one.cpu_us);
        bare_cpu.push_back(other.cpu_us);
        group.push_back(one.group);
      }
      std::printf(json ? "{\"size\":%zu,\"concurrent\":%zu,\"bare_per_s\":%.0f,\"journal_per_s\":%.0f,\"ratio\":%.3f,"
                         "\"bare_cpu_us\":%.1f,\"journal_cpu_us\":%.1f,\"group\":%.1f}\n"
                       : "%7zu %5zu | %10.0f %10.0f %6.2f | %8.1f %8.1f | %7.1f\n",
                  size, concurrent, median(bare), median(journal), median(ratio), median(bare_cpu), median(journal_cpu),
                  median(group));
      std::fflush(stdout);
    }
  }
}

Task<void> fill(Store& store, io::Loop& loop, const std::string& body, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto intake = store.begin(loop);
    if (!intake) give_up(intake.error());
    (*intake)->append_now(body);
    const Result<void> done = co_await (*intake)->commit(envelope_now());
    if (!done) give_up(done.error());
  }
}

Task<void> fill_all(Store& store, io::Loop& loop, const std::string& body, std::size_t count) {
  constexpr std::size_t kTogether = 256;
  io::Scope scope(loop);
  for (std::size_t i = 0; i < kTogether; ++i) {
    scope.spawn(fill(store, loop, body, count / kTogether + (i < count % kTogether ? 1 : 0)));
  }
  co_await scope.join();
  loop.stop();
}

void recover_many(const std::string& directory, std::size_t count, bool json) {
  JournalOptions options;
  options.directory = directory + "/journal";
  options.settle_after_ms = 24LL * 3600 * 1000;
  {
    CountedDisk disk(false);
    auto store = open_journal_on(options, disk);
    if (!store) give_up(store.error());
    const std::string body(4096, 'x');
    io::Loop loop;
    io::Scope scope(loop);
    Task<void> all = fill_all(**store, loop, body, count);
    loop.post([&] { scope.spawn(std::move(all)); });
    loop.run();
  }
  const double from = now();
  const double cpu_from = cpu();
  auto store = open_journal_on(options, real_disk());
  if (!store) give_up(store.error());
  const double elapsed = now() - from;
  const double used = cpu() - cpu_from;
  const StoreStatus status = (*store)->status();
  std::printf(
      json ? "{\"messages\":%llu,\"open_s\":%.3f,\"cpu_s\":%.3f,\"index_octets_per_message\":%.1f,\"octets\":%llu}\n"
           : "%llu messages ready in %.2f s (%.2f s CPU), index %.1f octets a message, %llu octets of log\n",
      static_cast<unsigned long long>(status.messages), elapsed, used,
      static_cast<double>(status.index_bytes) / static_cast<double>(std::max<std::uint64_t>(1, status.messages)),
      static_cast<unsigned long long>(status.bytes_on_disk));
  (*store)->close();
}

}  // namespace

int main(int argc, char** argv) {
  std::string base = std::filesystem::temp_directory_path().string();
  double seconds = 1;
  int rounds = 3;
  std::size_t recover = 0;
  std::size_t size = 0, at = 0;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--json") {
      json = true;
      continue;
    }
    if (argument == "--dir") base = value;
    if (argument == "--seconds") seconds = std::atof(value);
    if (argument == "--rounds") rounds = std::max(1, std::atoi(value));
    if (argument == "--size") size = std::strtoull(value, nullptr, 10);
    if (argument == "--at") at = std::strtoull(value, nullptr, 10);
    if (argument == "--recover") recover = std::strtoull(value, nullptr, 10);
    ++i;
  }
  log::set_level(log::Level::warning);
  std::string directory = base + "/postern-bench-spool-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "bench_spool: no temporary folder below %s\n", base.c_str());
    return 1;
  }
  if (recover > 0) {
    recover_many(directory, recover, json);
  } else {
    compare(directory, seconds, rounds, json, size, at);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
