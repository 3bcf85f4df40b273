#include "record/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "base/counters.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "record/files.h"

namespace postern::record {

namespace {

constexpr auto kTick = std::chrono::seconds(1);  // how late a rotation by day or age may be
constexpr std::int64_t kComplainMs = 60'000;     // one line a minute about a sick disk
constexpr std::int64_t kCleanMs = 3'600'000;     // how often old files are looked for
constexpr std::size_t kLineReserve = 4096;
// Records gather this long, or to this size, before they are written: waking the thread for each costs more than
// writing it.
constexpr auto kGather = std::chrono::milliseconds(20);
constexpr std::size_t kGatherOctets = 256 * 1024;

Counter g_written("postern_records_written_total");
Counter g_dropped("postern_records_dropped_total");

std::int64_t utc_day(WallMs time) { return time / 86'400'000; }

std::int64_t count_lines(std::string_view text) {
  std::int64_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  return lines;
}

}  // namespace

struct Writer::Impl {
  explicit Impl(WriterOptions given)
      : options(std::move(given)), current(options.directory + "/" + std::string(kCurrentName)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    stopping.store(true);
    {
      const MutexLock lock(mutex);
      stop = true;
    }
    wake.notify_all();
    wake_keeper.notify_all();
    if (keeper.joinable()) keeper.join();
    if (thread.joinable()) thread.join();
  }

  template <class Record>
  void append(const Record& record) POSTERN_EXCLUDES(mutex) {
    thread_local std::string line;
    line.clear();
    if (line.capacity() < kLineReserve) line.reserve(kLineReserve);
    append_json(record, line);
    bool notify = false;
    {
      const MutexLock lock(mutex);
      if (pending.size() + line.size() > kPendingMax) {
        g_dropped.add();
        return;
      }
      const bool full = pending.size() < kGatherOctets && pending.size() + line.size() >= kGatherOctets;
      notify = idle || full;
      idle = false;
      pending += line;
      ++appended;
    }
    if (notify) wake.notify_all();
  }

  void flush() POSTERN_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const std::uint64_t target = appended;
    ++flushing;
    wake.notify_all();
    while (finished < target) done.wait(lock);
    --flushing;
  }

  Result<> open_current() {
    fd = UniqueFd(::open(current.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + current, errno);
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return fail_errno(ErrorKind::storage, "examining " + current, errno);
    size = static_cast<std::uint64_t>(status.st_size);
    day = utc_day(size == 0 ? options.now() : static_cast<WallMs>(status.st_mtim.tv_sec) * 1000);
    return end_cut_line();
  }

  // A crash may have cut the last line: end it, so that the next record stands on a line of its own.
  Result<> end_cut_line() {
    if (size == 0) return {};
    const UniqueFd reader(::open(current.c_str(), O_RDONLY | O_CLOEXEC));
    char last = '\n';
    if (!reader.valid() || ::pread(reader.get(), &last, 1, static_cast<off_t>(size - 1)) != 1 || last == '\n')
      return {};
    if (::write(fd.get(), "\n", 1) == 1) ++size;
    return {};
  }

  void complain(const Error& error) {
    const WallMs now = wall_now();
    if (now - complained < kComplainMs) return;
    complained = now;
    log::error("records_lost", {{"error", error.what}, {"dropped_total", g_dropped.value()}});
  }

  void rotate() {
    fd.reset();
    const std::string stem = options.directory + "/" + rotation_stem(options.now());
    std::string target = stem + ".jsonl";
    for (int n = 2; ::access(target.c_str(), F_OK) == 0 || ::access((target + ".zst").c_str(), F_OK) == 0; ++n) {
      target = stem + "-" + std::to_string(n) + ".jsonl";
    }
    if (::rename(current.c_str(), target.c_str()) != 0) {
      const int err = errno;
      complain(fail_errno(ErrorKind::storage, "renaming " + current, err).error());
    }
    {
      const MutexLock lock(mutex);
      clean = true;
    }
    wake_keeper.notify_all();
  }

  // Writes whole lines. What could not be written is counted and gone: records are worth less than memory.
  void write_batch(const std::string& batch) {
    if (!fd.valid()) {
      if (auto opened = open_current(); !opened) return lose(batch, opened.error());
    }
    if (size > 0 && (size + batch.size() > options.rotate_bytes || utc_day(options.now()) != day)) {
      rotate();
      if (auto opened = open_current(); !opened) return lose(batch, opened.error());
    }
    if (size == 0) day = utc_day(options.now());  // it may have been opened on an earlier one
    std::string_view rest = batch;
    while (!rest.empty()) {
      const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        const int err = errno;
        // Take back a cut line; where even that fails, the next open ends it with a newline.
        const auto written = std::string_view(batch).substr(0, batch.size() - rest.size());
        const auto whole = written.rfind('\n') == std::string_view::npos ? 0 : written.rfind('\n') + 1;
        g_written.add(count_lines(written.substr(0, whole)));
        static_cast<void>(::ftruncate(fd.get(), static_cast<off_t>(size - (written.size() - whole))));
        fd.reset();
        return lose(std::string_view(batch).substr(whole),
                    fail_errno(ErrorKind::storage, "writing " + current, err).error());
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
      size += static_cast<std::uint64_t>(n);
    }
    g_written.add(count_lines(batch));
  }

  void lose(std::string_view lines, const Error& error) {
    g_dropped.add(count_lines(lines));
    complain(error);
  }

  void write_loop() POSTERN_EXCLUDES(mutex) {
    std::string batch;
    MutexLock lock(mutex);
    for (;;) {
      while (pending.empty() && !stop) {
        idle = true;
        if (wake.wait_for(lock, kTick) == std::cv_status::timeout) break;
      }
      idle = false;
      const auto gathered = std::chrono::steady_clock::now() + kGather;
      while (!pending.empty() && pending.size() < kGatherOctets && !stop && flushing == 0) {
        if (wake.wait_until(lock, gathered) == std::cv_status::timeout) break;
      }
      const bool last = stop;
      batch.swap(pending);
      const std::uint64_t upto = appended;
      lock.unlock();
      if (!batch.empty()) {
        write_batch(batch);
      } else if (fd.valid() && size > 0 && utc_day(options.now()) != day) {
        rotate();
      }
      batch.clear();
      if (batch.capacity() > (1U << 20)) batch.shrink_to_fit();  // a burst's buffer is not kept
      lock.lock();
      finished = upto;
      done.notify_all();
      if (last && pending.empty()) return;
    }
  }

  static bool asked_to_stop(void* self) { return static_cast<Impl*>(self)->stopping.load(); }

  void tidy() {
    const TidyRules rules{options.now() - options.keep_ms, options.max_bytes};
    const auto tidied = tidy_records(options.directory, rules, asked_to_stop, this);
    if (!tidied && tidied.error().kind != ErrorKind::cancelled) {
      log::warning("records_not_tidied", {{"error", tidied.error().what}});
    }
  }

  void keep_loop() POSTERN_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    WallMs tidied = 0;
    while (!stop) {
      const bool due = clean || wall_now() - tidied >= kCleanMs;
      if (!due) {
        static_cast<void>(wake_keeper.wait_for(lock, std::chrono::milliseconds(kCleanMs)));
        continue;
      }
      clean = false;
      lock.unlock();
      tidy();
      lock.lock();
      tidied = wall_now();
    }
  }

  const WriterOptions options;
  const std::string current;

  Mutex mutex;
  std::condition_variable_any wake;
  std::condition_variable_any wake_keeper;
  std::condition_variable_any done;
  std::string pending POSTERN_GUARDED_BY(mutex);
  std::uint64_t appended POSTERN_GUARDED_BY(mutex) = 0;
  std::uint64_t finished POSTERN_GUARDED_BY(mutex) = 0;
  std::uint32_t flushing POSTERN_GUARDED_BY(mutex) = 0;
  bool idle POSTERN_GUARDED_BY(mutex) = false;  // the writing thread waits for the first record
  bool stop POSTERN_GUARDED_BY(mutex) = false;
  bool clean POSTERN_GUARDED_BY(mutex) = false;
  std::atomic<bool> stopping{false};

  // the writing thread's own
  UniqueFd fd;
  std::uint64_t size = 0;
  std::int64_t day = 0;
  WallMs complained = 0;

  std::thread thread;  // writes
  std::thread keeper;  // compresses and removes, so that a gigabyte of it never delays a flush
};

Writer::Writer() = default;
Writer::~Writer() = default;

Result<std::unique_ptr<Writer>> Writer::open(const WriterOptions& options) {
  if (::mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(ErrorKind::storage, "making the record folder " + options.directory, errno);
  }
  auto impl = std::make_unique<Impl>(options);
  POSTERN_TRY_VOID(impl->open_current());
  impl->thread = std::thread([state = impl.get()] { state->write_loop(); });
  impl->keeper = std::thread([state = impl.get()] { state->keep_loop(); });
  std::unique_ptr<Writer> writer(new Writer);
  writer->impl_ = std::move(impl);
  return writer;
}

void Writer::append(const SessionRecord& record) { impl_->append(record); }
void Writer::append(const DeliveryRecord& record) { impl_->append(record); }
void Writer::flush() { impl_->flush(); }

}  // namespace postern::record
