#include "inbound/sinkhole.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/text.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace postern::inbound {

namespace {

constexpr std::uint64_t kBlock = 4096;       // octets; what a file of one octet takes
constexpr std::size_t kBatch = 1024;         // names of the oldest files that are looked up at once
constexpr std::int64_t kSweepMs = 3600'000;  // between two looks at what is too old
constexpr std::int64_t kDayMs = 24 * 3600'000;
constexpr std::string_view kWhole = ".eml";
constexpr std::string_view kPart = ".part";

std::uint64_t on_disk(std::uint64_t size) { return std::max<std::uint64_t>(1, (size + kBlock - 1) / kBlock) * kBlock; }

// "20261121"
std::string day_of(WallMs time) {
  std::string day = iso8601(time).substr(0, 10);
  std::erase(day, '-');
  return day;
}

bool is_day(std::string_view name) { return name.size() == 8 && std::ranges::all_of(name, is_digit); }

bool is_ours(std::string_view name, std::string_view ending) {
  return name.ends_with(ending) && Id::parse(name.substr(0, name.size() - ending.size())).has_value();
}

template <class Function>
void for_each_name(const std::string& folder, Function function) {
  DIR* const stream = ::opendir(folder.c_str());
  if (stream == nullptr) return;
  // The stream is this function's own, so that nothing else reads from it.
  while (const dirent* entry = ::readdir(stream))
    function(std::string_view(entry->d_name));  // NOLINT(concurrency-mt-unsafe)
  ::closedir(stream);
}

std::uint64_t size_of(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail_errno(ErrorKind::storage, "making " + path, errno);
}

// A body's file; jobs of one body run one after the other.
struct BodyFile {
  std::string day, part, whole;
  UniqueFd fd;
  std::uint64_t size = 0;
  std::uint64_t charged = 0;  // octets that the store counts for it
  bool begun = false;
};

}  // namespace

// Everything but the atomics is for the pool's threads: a look at a large folder takes its time.
struct SinkholeStore::Impl {
  Impl(std::string where, io::BlockingPool& threads, SinkholeBounds bounds)
      : directory(std::move(where)), pool(threads), max_bytes(bounds.bytes), max_days(bounds.days) {}

  const std::string directory;
  io::BlockingPool& pool;
  std::atomic<std::uint64_t> max_bytes;
  std::atomic<std::uint32_t> max_days;
  std::atomic<std::uint64_t> total{0};
  std::atomic<WallMs> swept{0};

  Mutex mutex;
  bool counted POSTERN_GUARDED_BY(mutex) = false;
  std::map<std::string, std::uint64_t> days POSTERN_GUARDED_BY(mutex);  // octets of each
  std::vector<std::string> oldest POSTERN_GUARDED_BY(mutex);            // paths, the oldest last

  Result<void> write(BodyFile& file, std::string_view octets);
  Result<std::string> finish(BodyFile& file);
  void discard(BodyFile& file);
  void sweep(WallMs now);

 private:
  Result<void> begin(BodyFile& file);
  Result<void> charge(BodyFile& file, std::uint64_t size);
  void count() POSTERN_REQUIRES(mutex);
  void give_back(const std::string& day, std::uint64_t octets) POSTERN_REQUIRES(mutex);
  bool remove_oldest() POSTERN_REQUIRES(mutex);
  void find_oldest() POSTERN_REQUIRES(mutex);
  void remove_file(const std::string& path) POSTERN_REQUIRES(mutex);
  void fit() POSTERN_REQUIRES(mutex);
};

// What is there from before; half written files of a process that is gone are taken away.
void SinkholeStore::Impl::count() {
  if (counted) return;
  counted = true;
  std::map<std::string, std::uint64_t> found;
  for_each_name(directory, [&found](std::string_view day) {
    if (is_day(day)) found.emplace(day, 0);
  });
  days = std::move(found);
  for (auto& [day, octets] : days) {
    const std::string folder = directory + "/" + day + "/";
    std::uint64_t sum = 0;
    std::vector<std::string> broken;
    for_each_name(directory + "/" + day, [&](std::string_view name) {
      if (is_ours(name, kWhole)) sum += on_disk(size_of(folder + std::string(name)));
      if (is_ours(name, kPart)) broken.push_back(folder + std::string(name));
    });
    for (const std::string& path : broken) ::unlink(path.c_str());
    octets = sum;
    total += sum;
  }
}

void SinkholeStore::Impl::give_back(const std::string& day, std::uint64_t octets) {
  const auto found = days.find(day);
  if (found == days.end()) return;
  octets = std::min(octets, found->second);
  found->second -= octets;
  total -= octets;
}

void SinkholeStore::Impl::remove_file(const std::string& path) {
  const std::uint64_t octets = on_disk(size_of(path));
  if (::unlink(path.c_str()) != 0) return;
  const std::size_t name = path.rfind('/');
  give_back(path.substr(name - 8, 8), octets);
}

void SinkholeStore::Impl::find_oldest() {
  for (auto day = days.begin(); day != days.end() && oldest.empty();) {
    const std::string folder = directory + "/" + day->first;
    bool empty = true;
    std::vector<std::string> paths;
    for_each_name(folder, [&](std::string_view name) {
      if (name != "." && name != "..") empty = false;
      if (!is_ours(name, kWhole)) return;
      // The greatest of those kept is in front, and goes when there is a lesser one: names sort by time.
      paths.push_back(folder + "/" + std::string(name));
      std::ranges::push_heap(paths);
      if (paths.size() <= kBatch) return;
      std::ranges::pop_heap(paths);
      paths.pop_back();
    });
    if (empty && ::rmdir(folder.c_str()) == 0) {
      total -= day->second;
      day = days.erase(day);
    } else {
      ++day;
    }
    oldest = std::move(paths);
  }
  std::ranges::sort(oldest, std::greater{});
}

bool SinkholeStore::Impl::remove_oldest() {
  if (oldest.empty()) find_oldest();
  if (oldest.empty()) return false;
  const std::string path = std::move(oldest.back());
  oldest.pop_back();
  remove_file(path);
  return true;
}

void SinkholeStore::Impl::fit() {
  while (total > max_bytes && remove_oldest()) {
  }
}

Result<void> SinkholeStore::Impl::charge(BodyFile& file, std::uint64_t size) {
  const std::uint64_t wanted = on_disk(size);
  if (wanted <= file.charged) return {};
  const std::uint64_t more = wanted - file.charged;
  const MutexLock lock(mutex);
  total += more;
  days[file.day] += more;
  file.charged = wanted;
  fit();
  if (total <= max_bytes) return {};
  return fail(ErrorKind::limit,
              "the message is larger than the sinkhole's bodies_bytes (" + human_bytes(max_bytes) + ")");
}

Result<void> SinkholeStore::Impl::begin(BodyFile& file) {
  if (file.begun) return {};
  POSTERN_TRY_VOID(make_folder(directory));
  {
    const MutexLock lock(mutex);
    count();
    days.try_emplace(file.day, 0);
    // Under the lock, which who takes empty folders away has too.
    POSTERN_TRY_VOID(make_folder(directory + "/" + file.day));
    file.fd = UniqueFd(::open(file.part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  }
  if (!file.fd.valid()) return fail_errno(ErrorKind::storage, "making " + file.part, errno);
  file.begun = true;
  return charge(file, 0);
}

Result<void> SinkholeStore::Impl::write(BodyFile& file, std::string_view octets) {
  POSTERN_TRY_VOID(begin(file));
  POSTERN_TRY_VOID(charge(file, file.size + octets.size()));
  while (!octets.empty()) {
    const ssize_t wrote = ::write(file.fd.get(), octets.data(), octets.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(ErrorKind::storage, "writing " + file.part, errno);
    file.size += static_cast<std::uint64_t>(wrote);
    octets.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<std::string> SinkholeStore::Impl::finish(BodyFile& file) {
  POSTERN_TRY_VOID(begin(file));
  file.fd.reset();
  const MutexLock lock(mutex);
  struct stat before{};
  const bool replaces = ::lstat(file.whole.c_str(), &before) == 0;
  if (::rename(file.part.c_str(), file.whole.c_str()) != 0) {
    return fail_errno(ErrorKind::storage, "renaming " + file.part, errno);
  }
  if (replaces) give_back(file.day, on_disk(static_cast<std::uint64_t>(before.st_size)));
  file.begun = false;  // there is nothing left to discard
  return file.whole;
}

void SinkholeStore::Impl::discard(BodyFile& file) {
  if (!file.begun) return;
  file.fd.reset();
  file.begun = false;
  const MutexLock lock(mutex);
  ::unlink(file.part.c_str());
  give_back(file.day, file.charged);
}

void SinkholeStore::Impl::sweep(WallMs now) {
  const MutexLock lock(mutex);
  count();
  const std::string first_kept = day_of(now - static_cast<WallMs>(max_days) * kDayMs);
  for (auto day = days.begin(); day != days.end() && day->first < first_kept;) {
    const std::string folder = directory + "/" + day->first;
    std::vector<std::string> paths;
    for_each_name(folder, [&](std::string_view name) {
      if (is_ours(name, kWhole)) paths.push_back(folder + "/" + std::string(name));
    });
    for (const std::string& path : paths) remove_file(path);
    if (::rmdir(folder.c_str()) == 0) {
      total -= day->second;
      day = days.erase(day);
    } else {
      ++day;
    }
  }
  oldest.clear();
  fit();
}

namespace {

class Body final : public SinkholeBody {
 public:
  using Store = std::shared_ptr<SinkholeStore::Impl>;
  Body(Store store, std::shared_ptr<BodyFile> file) : store_(std::move(store)), file_(std::move(file)) {}
  ~Body() override {
    if (finished_) return;
    store_->pool.submit([store = store_, file = file_] { store->discard(*file); });
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  Task<Result<void>> append(std::string_view octets) override {
    if (error_) co_return std::unexpected(*error_);
    buffer_.append(octets);
    if (buffer_.size() < kPieceSize) co_return Result<void>();
    co_return co_await flush();
  }

  Task<Result<std::string>> finish() override {
    if (!error_) static_cast<void>(co_await flush());
    if (error_) co_return std::unexpected(*error_);
    std::move_only_function<Result<std::string>()> work = [store = store_, file = file_] {
      return store->finish(*file);
    };
    auto done = co_await store_->pool.run<Result<std::string>>(std::move(work));
    if (done)
      finished_ = true;
    else
      error_ = done.error();
    co_return done;
  }

 private:
  Task<Result<void>> flush() {
    std::move_only_function<Result<void>()> work = [store = store_, file = file_, octets = std::move(buffer_)] {
      return store->write(*file, octets);
    };
    buffer_.clear();
    auto done = co_await store_->pool.run<Result<void>>(std::move(work));
    if (!done) error_ = done.error();
    co_return done;
  }

  Store store_;
  std::shared_ptr<BodyFile> file_;
  std::string buffer_;
  std::optional<Error> error_;
  bool finished_ = false;
};

}  // namespace

SinkholeStore::SinkholeStore(std::string directory, io::BlockingPool& pool, SinkholeBounds bounds)
    : impl_(std::make_shared<Impl>(std::move(directory), pool, bounds)) {}
SinkholeStore::~SinkholeStore() = default;

std::unique_ptr<SinkholeBody> SinkholeStore::begin(const Id& id, WallMs now) {
  WallMs swept = impl_->swept;
  if ((now - swept >= kSweepMs || now < swept) && impl_->swept.compare_exchange_strong(swept, now)) {
    impl_->pool.submit([impl = impl_, now] { impl->sweep(now); });
  }
  auto file = std::make_shared<BodyFile>();
  file->day = day_of(now);
  const std::string path = impl_->directory + "/" + file->day + "/" + id.text();
  file->part = path + std::string(kPart);
  file->whole = path + std::string(kWhole);
  return std::make_unique<Body>(impl_, std::move(file));
}

Task<void> SinkholeStore::sweep(WallMs now) {
  impl_->swept = now;
  std::move_only_function<bool()> work = [impl = impl_, now] {
    impl->sweep(now);
    return true;
  };
  const std::shared_ptr<Impl> impl = impl_;
  co_await impl->pool.run<bool>(std::move(work));
}

void SinkholeStore::set_bounds(SinkholeBounds bounds) {
  impl_->max_bytes = bounds.bytes;
  impl_->max_days = bounds.days;
}

std::uint64_t SinkholeStore::bytes() const { return impl_->total; }

}  // namespace postern::inbound
