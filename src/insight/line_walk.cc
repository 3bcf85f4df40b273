#include "insight/line_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "insight/log_stream.h"
#include "insight/source_files.h"
#include "record/writer.h"

namespace postern::insight {

namespace {

constexpr std::size_t kBlock = 256 << 10;

bool no_regular_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

// An uncompressed file, opened by whoever comes first and closed when its last piece is done.
class PlainFile {
 public:
  PlainFile(const SourceFile& file, std::size_t pieces) : file_(file), left_(pieces) {}
  [[nodiscard]] const std::string& path() const { return file_.path; }
  struct Opened {
    int fd = -1;
    bool moved = false;    // compressed or removed since it was listed: this caller reads it whole
    bool nothing = false;  // another caller does
  };
  Result<Opened> open() POSTERN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (moved_) return Opened{.nothing = true};
    if (file_.listed && file_.listed->held != nullptr) return Opened{.fd = file_.listed->held->get()};
    if (!fd_.valid()) {
      fd_ = UniqueFd(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd_.valid() && errno == ENOENT && file_.listed) {
        moved_ = true;
        return Opened{.moved = true};
      }
      if (!fd_.valid())
        return fail_errno(errno == ENOENT ? ErrorKind::not_found : ErrorKind::storage, "opening " + path(), errno);
    }
    return Opened{.fd = fd_.get()};
  }
  void done() POSTERN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (--left_ == 0) fd_ = UniqueFd();
  }

 private:
  const SourceFile file_;
  Mutex mutex_;
  UniqueFd fd_ POSTERN_GUARDED_BY(mutex_);
  std::size_t left_ POSTERN_GUARDED_BY(mutex_);
  bool moved_ POSTERN_GUARDED_BY(mutex_) = false;
};

constexpr std::uint64_t kShared = 64 << 10;  // octets of a compressed file that is worth several threads

struct Job {
  std::string path;
  std::shared_ptr<PlainFile> plain;      // null: `packed`, compressed or a pipe
  std::shared_ptr<SharedStream> packed;  // by one thread, and by all that have nothing else to do any more
  bool listed = false;                   // of `packed`: its age may have removed it since
  std::uint64_t begin = 0, end = 0;      // lines that begin in here
};

class Walk {
 public:
  Walk(const Sources& sources, const LineVisitor& line, const Progress& progress)
      : sources_(sources), line_(line), progress_(progress) {}

  Result<void> plan(std::uint64_t piece) {
    POSTERN_TRY(const std::vector<SourceFile> files, list_source_files(sources_));
    for (const SourceFile& file : files) {
      total_ += file.size;
      if (file.path.ends_with(".zst") || no_regular_file(file.path)) {  // a pipe has no size and no places
        jobs_.push_back({.path = file.path,
                         .plain = nullptr,
                         .packed = std::make_shared<SharedStream>(file.path, kind_of(piece)),
                         .listed = file.listed.has_value()});
        helpful_ += file.size > kShared || piece < kShared ? kWalkersMax : 1;
        continue;
      }
      const std::uint64_t pieces = std::max<std::uint64_t>((file.size + piece - 1) / piece, 1);
      helpful_ += pieces;
      const auto plain = std::make_shared<PlainFile>(file, pieces);
      for (std::uint64_t i = 0; i < pieces; ++i)
        jobs_.push_back({.path = file.path,
                         .plain = plain,
                         .packed = {},
                         .begin = i * piece,
                         .end = i + 1 == pieces ? std::max(file.size, i * piece + 1) : (i + 1) * piece});
    }
    return {};
  }

  Result<Walked> run(unsigned threads) {
    threads = static_cast<unsigned>(std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(helpful_, 1)));
    {
      std::vector<std::jthread> others;
      for (unsigned walker = 1; walker < threads; ++walker) others.emplace_back([this, walker] { work(walker); });
      work(0);
    }
    const MutexLock lock(mutex_);
    if (error_) return std::unexpected(*error_);
    std::ranges::sort(damaged_, {}, &DamagedFile::path);
    return Walked{.overlong = overlong_.load(), .damaged = std::move(damaged_)};
  }

 private:
  void work(unsigned walker) {
    std::string buffer;
    for (;;) {
      const std::size_t number = next_.fetch_add(1);
      if (number >= jobs_.size() || ended_.load(std::memory_order_relaxed)) break;
      const Job& job = jobs_[number];
      note(job, job.plain == nullptr ? blocks_of(walker, *job.packed, job.listed, buffer) : piece(walker, job, buffer));
    }
    // What the others are still at
    for (const Job& job : jobs_)
      if (job.packed != nullptr && !ended_.load(std::memory_order_relaxed))
        note(job, blocks_of(walker, *job.packed, job.listed, buffer));
  }
  void note(const Job& job, const Result<void>& done) {
    if (done) return;
    const Error& error = done.error();
    const MutexLock lock(mutex_);
    if (error.kind == ErrorKind::cancelled || error.kind == ErrorKind::not_found) {
      ended_ = true;
      if (!error_) error_ = error;
      return;
    }
    // The pieces of one file fail one by one
    if (std::ranges::find(damaged_, job.path, &DamagedFile::path) == damaged_.end())
      damaged_.push_back({.path = job.path, .problem = error.what});
  }

  [[nodiscard]] bool stopped() const {
    return ended_.load(std::memory_order_relaxed) ||
           (sources_.stop != nullptr && sources_.stop->load(std::memory_order_relaxed));
  }
  static std::unexpected<Error> cancelled() { return fail(ErrorKind::cancelled, "reading the records was stopped"); }
  void on_disk(unsigned walker, std::uint64_t octets) {
    const std::uint64_t done = done_.fetch_add(octets, std::memory_order_relaxed) + octets;
    if (walker == 0 && progress_) progress_(std::min(done, total_), total_);
  }

  static LogStream::Kind kind_of(std::uint64_t piece) {
    return {.block = std::min<std::uint64_t>(piece, kBlock), .line_max = record::kLineMax, .records = true};
  }

  Result<void> blocks_of(unsigned walker, SharedStream& stream, bool listed, std::string& buffer) {
    for (;;) {
      if (stopped()) return cancelled();
      const auto next = stream.next(buffer);
      if (!next && listed && next.error().kind == ErrorKind::not_found) return {};
      POSTERN_TRY(const SharedStream::Block block, next);
      on_disk(walker, block.fresh);
      overlong_ += block.overlong;
      if (block.text.empty()) return {};
      for (std::string_view text = block.text; !text.empty();) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end > record::kLineMax)
          ++overlong_;
        else if (end > 0)
          line_(walker, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
      }
    }
  }

  Result<void> piece(unsigned walker, const Job& job, std::string& buffer) {
    POSTERN_TRY(const PlainFile::Opened opened, job.plain->open());
    Result<void> result;
    if (opened.moved) {
      SharedStream packed(job.plain->path() + ".zst", kind_of(kBlock));
      result = blocks_of(walker, packed, true, buffer);
    } else if (!opened.nothing) {
      result = lines_of(walker, job, opened.fd, buffer);
    }
    job.plain->done();
    return result;
  }

  // The lines that begin from job.begin to job.end; the last one is read to its end, which lies beyond.
  Result<void> lines_of(unsigned walker, const Job& job, int fd, std::string& buffer) {
    std::uint64_t base = job.begin > 0 ? job.begin - 1 : 0;  // of the buffer, in the file
    std::size_t have = 0;                                    // octets in the buffer, of a line that is not whole
    std::uint64_t counted = job.begin;
    bool passing_over = job.begin > 0;  // up to a line end: what began before, or is too long
    bool overlong = false;
    for (;;) {
      if (stopped()) return cancelled();
      buffer.resize(std::max(buffer.size(), have + kBlock));
      const ssize_t n = ::pread(fd, buffer.data() + have, kBlock, static_cast<off_t>(base + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(ErrorKind::storage, "reading " + job.plain->path(), errno);
      const std::string_view text = std::string_view(buffer).substr(0, have + static_cast<std::size_t>(n));
      const std::uint64_t reached = std::min(base + text.size(), job.end);
      if (reached > counted) {
        on_disk(walker, reached - counted);
        counted = reached;
      }
      std::size_t at = 0;
      std::size_t end = text.find('\n', have);
      while (end != std::string_view::npos) {
        if (passing_over) {
          passing_over = false;
          if (std::exchange(overlong, false)) ++overlong_;
        } else if (end - at > record::kLineMax) {
          ++overlong_;
        } else if (end > at) {
          line_(walker, text.substr(at, end - at));
        }
        at = end + 1;
        if (base + at >= job.end) return {};
        end = text.find('\n', at);
      }
      const std::string_view rest = text.substr(at);
      if (n == 0) {
        // A last line without its newline was cut by a crash or is being written: its reader judges it.
        if (overlong || rest.size() > record::kLineMax)
          ++overlong_;
        else if (!passing_over && !rest.empty())
          line_(walker, rest);
        return {};
      }
      if (passing_over && !overlong && base + text.size() >= job.end) return {};  // no line begins here
      base += at;
      if (passing_over || rest.size() > record::kLineMax) {
        overlong = overlong || !passing_over;
        passing_over = true;
        base += rest.size();
        have = 0;
        continue;
      }
      if (at > 0 && !rest.empty()) std::memmove(buffer.data(), rest.data(), rest.size());
      have = rest.size();
    }
  }

  const Sources& sources_;
  const LineVisitor& line_;
  const Progress& progress_;
  std::vector<Job> jobs_;
  std::uint64_t total_ = 0;
  std::size_t helpful_ = 0;  // threads that may find something to do
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> done_{0}, overlong_{0};
  std::atomic<bool> ended_{false};
  Mutex mutex_;
  std::optional<Error> error_ POSTERN_GUARDED_BY(mutex_);
  std::vector<DamagedFile> damaged_ POSTERN_GUARDED_BY(mutex_);
};

}  // namespace

unsigned walkers() { return std::clamp(std::thread::hardware_concurrency(), 1U, kWalkersMax); }

Result<Walked> walk_lines(const Sources& sources, unsigned threads, const LineVisitor& line, const Progress& progress,
                          std::uint64_t piece) {
  Walk walk(sources, line, progress);
  POSTERN_TRY_VOID(walk.plan(std::max<std::uint64_t>(piece, 1)));
  return walk.run(threads);
}

}  // namespace postern::insight
