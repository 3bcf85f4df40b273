// spoolload: the journal without SMTP.
//
//   spoolload rate DIRECTORY MESSAGES   64 writers commit messages of 4 KiB; then a bare loop repeats the same writes
//   and
//                                       fdatasyncs, group by group, on one thread, into a file that is allocated
//                                       already. One JSON object with both rates.
//   spoolload fill DIRECTORY MESSAGES   leaves that many queued messages, due in a day.
//
// The sizes of the groups are seen where the journal writes them: this program's own pwritev and fdatasync stand before
// the C library's, note, and pass on.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"
#include "spool/journal_store.h"

namespace {

// What the journal wrote between two syncs. A segment that is prepared in advance is written as a whole: not a group.
class Groups {
 public:
  void wrote(int fd, std::size_t size) {
    const std::lock_guard lock(mutex_);
    pending_[fd] += size;
  }
  void synced(int fd) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = std::exchange(pending_[fd], 0);
    if (size > 0 && size < kPrepared) sizes_.push_back(size);
  }
  [[nodiscard]] std::vector<std::size_t> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sizes_, {});
  }

 private:
  static constexpr std::size_t kPrepared = 32 << 20;
  std::mutex mutex_;
  std::map<int, std::size_t> pending_;
  std::vector<std::size_t> sizes_;
};

Groups& groups() {
  static Groups all;
  return all;
}

}  // namespace

extern "C" ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t offset) {
  const ssize_t done = syscall(SYS_pwritev, fd, pieces, count, offset, 0);
  if (done > 0) groups().wrote(fd, static_cast<std::size_t>(done));
  return done;
}

extern "C" int fdatasync(int fd) {
  const long result = syscall(SYS_fdatasync, fd);
  if (result == 0) groups().synced(fd);
  return static_cast<int>(result);
}

namespace {

using postern::Clock;
using postern::Task;

constexpr std::size_t kSize = 4096;
constexpr std::uint64_t kWriters = 64;
constexpr std::size_t kBareFile = 64 << 20;

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

double journal_seconds(const std::string& directory, std::uint64_t messages) {
  postern::spool::JournalOptions options;
  options.directory = directory;
  options.settle_after_ms = 24LL * 3600 * 1000;  // a message that settles is another measurement
  auto store = postern::spool::open_journal(options);
  if (!store) give_up(store.error().what);
  postern::io::Loop loop;
  postern::io::Scope scope(loop);
  static_cast<void>(groups().take());
  const auto began = Clock::now();
  loop.post([&] { scope.spawn(write_all(loop, **store, messages)); });
  loop.run();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  (*store)->close();
  return seconds;
}

double bare_seconds(const std::string& directory, const std::vector<std::size_t>& sizes) {
  const std::string path = directory + "/bare";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::string bytes(std::max<std::size_t>(*std::ranges::max_element(sizes), 1 << 20), '\0');
  for (std::size_t at = 0; at < kBareFile; at += 1 << 20)
    if (pwrite(fd, bytes.data(), 1 << 20, static_cast<off_t>(at)) != 1 << 20) give_up("the bare loop cannot write");
  if (fsync(fd) != 0) give_up("the bare loop cannot sync");
  std::ranges::fill(bytes, 'x');
  std::size_t at = 0;
  const auto began = Clock::now();
  for (const std::size_t size : sizes) {
    if (at + size > kBareFile) at = 0;
    if (pwrite(fd, bytes.data(), size, static_cast<off_t>(at)) != static_cast<ssize_t>(size))
      give_up("the bare loop cannot write");
    if (syscall(SYS_fdatasync, fd) != 0) give_up("the bare loop cannot sync");
    at += size;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  close(fd);
  unlink(path.c_str());
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  std::uint64_t messages = 0;
  if (words.size() == 4) {
    const std::string_view number = words[3];
    std::from_chars(number.begin(), number.end(), messages);
  }
  const std::string_view mode = words.size() > 1 ? words[1] : "";
  if (messages == 0 || (mode != "rate" && mode != "fill")) {
    std::fprintf(stderr, "usage: spoolload rate|fill DIRECTORY MESSAGES\n");
    return 2;
  }
  const double seconds = journal_seconds(words[2], messages);
  const std::vector<std::size_t> sizes = groups().take();
  if (mode == "fill") {
    std::printf("{\"messages\":%llu,\"seconds\":%.3f}\n", static_cast<unsigned long long>(messages), seconds);
    return 0;
  }
  if (sizes.empty())
    give_up("the journal synced nothing that could be seen; does it write by pwritev and fdatasync still?");
  const double bare = bare_seconds(words[2], sizes);
  std::printf(
      "{\"messages\":%llu,\"seconds\":%.4f,\"groups\":%zu,\"bare_seconds\":%.4f,\"rate\":%.1f,\"bare_rate\":%.1f,"
      "\"share\":%.4f}\n",
      static_cast<unsigned long long>(messages), seconds, sizes.size(), bare, static_cast<double>(messages) / seconds,
      static_cast<double>(messages) / bare, bare / seconds);
  return 0;
}
