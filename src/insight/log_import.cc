#include "insight/log_import.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "base/thread_annotations.h"
#include "insight/log_stream.h"

namespace postern::insight {

namespace {

using maillog::Tally;

// Large enough that the threads seldom meet, small enough to stay in the cache.
constexpr std::size_t kPiece = 256 << 10;
constexpr unsigned kPlaceBits = 48;  // of a place: the octet in the file; above: which file

std::size_t find_newline(std::string_view text, std::size_t from) {
  const void* const found = std::memchr(text.data() + from, '\n', text.size() - from);
  return found == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// The lines of `text` that begin before `limit`; the last one may have no newline.
void add_lines(Tally& tally, std::string_view text, std::size_t from, std::size_t limit, std::uint64_t place) {
  while (from < limit) {
    const std::size_t end = find_newline(text, from);
    if (end - from > maillog::kLineMax)
      tally.add_overlong();
    else
      tally.add(text.substr(from, end - from), place + from);
    from = end + 1;
  }
}

Result<std::size_t> read_at(const LogStream& file, std::span<char> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::pread(file.fd(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "reading " + file.path(), errno);
    if (n == 0) break;  // the file became shorter
    done += static_cast<std::size_t>(n);
  }
  return done;
}

// The first error of any thread.
class FirstError {
 public:
  void set(Error error) {
    const MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  [[nodiscard]] std::optional<Error> take() {
    const MutexLock lock(mutex_);
    return std::move(error_);
  }

 private:
  Mutex mutex_;
  std::optional<Error> error_ POSTERN_GUARDED_BY(mutex_);
};

// Which pieces of a plain file are taken, and how much is done.
struct Pieces {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> failed{false};
};

// Lines that begin in [offset, offset + kPiece) are this piece's.
Result<void> add_piece(const LogStream& file, std::uint64_t offset, std::string& buffer, Tally& tally,
                       std::uint64_t place) {
  // One octet before, to see whether a line begins with the piece; at its end the rest of the last line.
  const std::uint64_t before = offset > 0 ? 1 : 0;
  const std::uint64_t wanted =
      std::min<std::uint64_t>(before + kPiece + maillog::kLineMax, file.size() - offset + before);
  // The rest of the last line is short: it is read where it is needed, not with every piece.
  constexpr std::size_t kShortRest = 4096;
  std::size_t first = std::min<std::uint64_t>(wanted, before + kPiece + kShortRest);
  POSTERN_TRY(std::size_t got, read_at(file, std::span(buffer).first(first), offset - before));
  if (got == first && first < wanted &&
      std::memchr(buffer.data() + before + kPiece, '\n', got - before - kPiece) == nullptr) {
    POSTERN_TRY(const std::size_t rest,
                read_at(file, std::span(buffer).subspan(got, wanted - got), offset - before + got));
    got += rest;
  }
  const std::string_view text(buffer.data(), got);
  if (text.size() <= before) return {};
  const std::size_t from = before == 0 ? 0 : find_newline(text, 0) + 1;
  add_lines(tally, text, from, std::min(text.size(), before + kPiece), place + offset - before);
  return {};
}

void add_pieces(const LogStream& file, Pieces& pieces, Tally& tally, std::uint64_t place, FirstError& error,
                const std::function<void()>& tell) {
  std::string buffer(kPiece + maillog::kLineMax + 1, '\0');
  while (!pieces.failed.load(std::memory_order_relaxed)) {
    const std::uint64_t offset = pieces.next.fetch_add(kPiece, std::memory_order_relaxed);
    if (offset >= file.size()) return;
    if (auto added = add_piece(file, offset, buffer, tally, place); !added) {
      error.set(std::move(added).error());
      pieces.failed = true;
      return;
    }
    pieces.done.fetch_add(std::min<std::uint64_t>(kPiece, file.size() - offset), std::memory_order_relaxed);
    if (tell) tell();
  }
}

unsigned thread_count(unsigned wanted) {
  if (wanted == 0) wanted = std::max(1U, std::thread::hardware_concurrency());
  return std::min(wanted, kThreadsMax);
}

struct Sizes {
  std::uint64_t done = 0, total = 0;
};

// Those that are there; a pipe has none.
Sizes sizes_of(const std::vector<std::string>& files) {
  Sizes sizes;
  for (const std::string& file : files) {
    struct stat status{};
    if (file != "-" && ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      sizes.total += static_cast<std::uint64_t>(status.st_size);
  }
  return sizes;
}

Result<void> tally_plain(const LogStream& file, std::vector<Tally>& tallies, std::uint64_t place,
                         const std::function<void(std::uint64_t)>& tell) {
  Pieces pieces;
  FirstError error;
  std::vector<std::jthread> threads;
  const std::size_t useful = std::min<std::size_t>(tallies.size(), file.size() / kPiece + 1);
  for (std::size_t i = 1; i < useful; ++i)
    threads.emplace_back([&, i] { add_pieces(file, pieces, tallies[i], place, error, {}); });
  add_pieces(file, pieces, tallies[0], place, error, [&] { tell(pieces.done.load(std::memory_order_relaxed)); });
  threads.clear();  // joins
  if (auto failed = error.take()) return std::unexpected(std::move(*failed));
  return {};
}

// Blocks of what is packed or comes through a pipe, by all threads in turn, and what came of it.
using OnBlock = std::function<Result<void>(std::size_t walker, const SharedStream::Block& block)>;
Result<void> share(std::unique_ptr<LogStream> file, std::size_t walkers, const OnBlock& on_block) {
  SharedStream stream(std::move(file));
  FirstError error;
  std::atomic<bool> failed{false};
  const auto work = [&](std::size_t walker) {
    std::string buffer;
    while (!failed.load(std::memory_order_relaxed)) {
      const auto block = stream.next(buffer);
      if (block && block->text.empty() && block->overlong == 0) return;
      const Result<void> done = block ? on_block(walker, *block) : std::unexpected(block.error());
      if (done) continue;
      error.set(done.error());
      failed = true;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t walker = 1; walker < walkers; ++walker) threads.emplace_back([&work, walker] { work(walker); });
    work(0);
  }
  if (auto first = error.take()) return std::unexpected(std::move(*first));
  return {};
}

Result<void> tally_stream(std::unique_ptr<LogStream> file, std::vector<Tally>& tallies, std::uint64_t place,
                          const std::function<void(std::uint64_t)>& tell) {
  return share(std::move(file), tallies.size(),
               [&](std::size_t walker, const SharedStream::Block& block) -> Result<void> {
                 Tally& tally = tallies[walker];
                 add_lines(tally, block.text, 0, block.text.size(), place + block.offset);
                 for (std::uint64_t n = block.overlong; n > 0; --n) tally.add_overlong();
                 if (walker == 0) tell(block.read);
                 return {};
               });
}

// Texts that are made in any order and written in theirs. Nobody holds more than one, so memory is a text a thread.
class InOrder {
 public:
  explicit InOrder(std::function<bool(std::string_view)> write) : write_(std::move(write)) {}
  // Waits for its turn. False: whoever reads has had enough.
  bool write(std::uint64_t number, std::string_view text) POSTERN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (next_ != number && !ended_) turn_.wait(lock);
    if (!ended_ && !text.empty()) ended_ = !write_(text);
    ++next_;
    turn_.notify_all();
    return !ended_;
  }

 private:
  const std::function<bool(std::string_view)> write_;
  Mutex mutex_;
  std::condition_variable_any turn_;
  std::uint64_t next_ POSTERN_GUARDED_BY(mutex_) = 0;
  bool ended_ POSTERN_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::vector<UnreadLog> unreadable_logs(const std::vector<std::string>& files) {
  std::vector<UnreadLog> out;
  for (const std::string& file : files) {
    if (file == "-") continue;
    struct stat status{};
    // A pipe is not opened: that would wait for whoever writes into it.
    const bool there = ::stat(file.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && ::access(file.c_str(), R_OK) == 0) continue;
    if (auto opened = LogStream::open(file); !opened) out.push_back({.file = file, .error = std::move(opened).error()});
  }
  return out;
}

LogTally tally_logs(const LogImport& import, const Progress& progress) {
  std::vector<Tally> tallies;
  for (unsigned i = thread_count(import.threads); i > 0; --i) tallies.emplace_back(import.options);
  std::vector<UnreadLog> unread;
  Sizes sizes = sizes_of(import.files);
  for (std::size_t i = 0; i < import.files.size(); ++i) {
    auto file = LogStream::open(import.files[i]);
    if (!file) {
      unread.push_back({.file = import.files[i], .error = std::move(file).error()});
      continue;
    }
    const std::uint64_t size = (*file)->size();
    const std::uint64_t place = std::uint64_t{i} << kPlaceBits;
    const auto tell = [&](std::uint64_t done) {
      if (progress) progress(sizes.done + done, std::max(sizes.total, sizes.done + done));
    };
    auto done = (*file)->seekable_plain() ? tally_plain(**file, tallies, place, tell)
                                          : tally_stream(*std::move(file), tallies, place, tell);
    if (!done) unread.push_back({.file = import.files[i], .error = std::move(done).error(), .counted = true});
    sizes.done += size;
  }
  for (std::size_t i = 1; i < tallies.size(); ++i) tallies[0].add(tallies[i]);
  return {.tally = std::move(tallies[0]), .unread = std::move(unread)};
}

Result<void> convert_log(const std::string& file, unsigned threads, const LogConverter& line,
                         const std::function<bool(std::string_view text)>& write) {
  const unsigned walkers = thread_count(threads);
  std::vector<std::string> made(walkers);
  bool enough = false;  // this thread's, behind the joins of share()
  POSTERN_TRY(auto stream, LogStream::open(file));
  InOrder in_order([&](std::string_view text) {
    enough = !write(text);
    return !enough;
  });
  const auto on_block = [&](std::size_t walker, const SharedStream::Block& block) -> Result<void> {
    std::string& out = made[walker];
    out.clear();
    for (std::size_t from = 0; from < block.text.size();) {
      const std::size_t end = find_newline(block.text, from);
      if (end > from)
        line(static_cast<unsigned>(walker), block.text.substr(from, std::min(end - from, maillog::kLineMax)), out);
      from = end + 1;
    }
    if (in_order.write(block.number, out)) return {};
    return fail(ErrorKind::cancelled, "whoever reads has had enough");
  };
  auto done = share(std::move(stream), walkers, on_block);
  return enough ? Result<void>() : std::move(done);
}

}  // namespace postern::insight
