#include "record/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/unique_fd.h"

namespace postern::record {

namespace {

constexpr std::size_t kBlock = 256 << 10;
constexpr int kScansMax = 100;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Sorts "S", "S-2", ..., "S-10" as they were made.
struct StemOrder {
  static std::pair<std::string_view, std::size_t> key(std::string_view stem) {
    return {stem.substr(0, stem.find('-')), stem.size()};
  }
  bool operator()(const RecordFile& a, const RecordFile& b) const {
    if (a.current != b.current) return b.current;
    const auto ka = key(a.stem);
    const auto kb = key(b.stem);
    if (ka != kb) return ka < kb;
    if (a.stem != b.stem) return a.stem < b.stem;
    return !a.compressed && b.compressed;
  }
};

Result<> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "writing " + path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> compress_into(int in, int out, const std::string& path, bool (*stop)(void*), void* context) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (zstd == nullptr) return fail(ErrorKind::limit, "compressing " + path + ": out of memory");
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, 3);
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_checksumFlag, 1);
  std::string plain(kBlock, '\0');
  std::string packed(ZSTD_CStreamOutSize(), '\0');
  for (;;) {
    if (stop(context)) return fail(ErrorKind::cancelled, "compressing " + path + ": stopped");
    const ssize_t n = ::read(in, plain.data(), plain.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "reading " + path, errno);
    ZSTD_inBuffer input{plain.data(), static_cast<std::size_t>(n), 0};
    const auto mode = n == 0 ? ZSTD_e_end : ZSTD_e_continue;
    std::size_t left = 1;
    while (mode == ZSTD_e_end ? left != 0 : input.pos < input.size) {
      ZSTD_outBuffer output{packed.data(), packed.size(), 0};
      left = ZSTD_compressStream2(zstd.get(), &output, &input, mode);
      if (ZSTD_isError(left) != 0) {
        return fail(ErrorKind::storage, "compressing " + path + ": " + ZSTD_getErrorName(left));
      }
      POSTERN_TRY_VOID(write_all(out, std::string_view(packed).substr(0, output.pos), path + ".zst"));
    }
    if (n == 0) return {};
  }
}

struct HeldFile {
  std::shared_ptr<const UniqueFd> fd;  // null: there is none
  struct stat status{};
};

HeldFile hold_current(const std::string& directory) {
  HeldFile out;
  UniqueFd fd(::open((directory + "/" + std::string(kCurrentName)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::fstat(fd.get(), &out.status) != 0 || !S_ISREG(out.status.st_mode)) return out;
  out.fd = std::make_shared<const UniqueFd>(std::move(fd));
  return out;
}

// As the folder shows them, in no order. The current one is the held one, or it is left out.
Result<std::vector<RecordFile>> scan_folder(const std::string& directory, const HeldFile& current) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(directory.c_str()));
  if (dir == nullptr) return fail_errno(ErrorKind::storage, "opening the record folder " + directory, errno);
  std::vector<RecordFile> files;
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    std::string_view name = entry->d_name;
    RecordFile file;
    file.path = directory + "/" + std::string(name);
    file.current = name == kCurrentName;
    file.compressed = name.ends_with(".zst");
    if (file.compressed) name.remove_suffix(4);
    if (!name.ends_with(".jsonl") || name.starts_with('.')) continue;
    name.remove_suffix(6);
    file.stem = name;
    struct stat status{};
    if (::stat(file.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (file.current) {
      if (current.fd == nullptr || current.status.st_ino != status.st_ino) continue;
      file.held = current.fd;
    } else if (current.fd != nullptr && current.status.st_ino == status.st_ino) {
      continue;  // rotated since it was held: the next scan sees it
    }
    file.size = static_cast<std::uint64_t>(status.st_size);
    file.inode = status.st_ino;
    file.modified = static_cast<WallMs>(status.st_mtim.tv_sec) * 1000;
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &RecordFile::path);
  return files;
}

bool same_files(const std::vector<RecordFile>& a, const std::vector<RecordFile>& b) {
  const auto key = [](const RecordFile& file) { return std::pair(std::string_view(file.path), file.inode); };
  return std::ranges::equal(a, b, {}, key, key);
}

}  // namespace

std::string rotation_stem(WallMs time) {
  std::string out;
  for (const char c : iso8601(time).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out + "Z";
}

Result<std::vector<RecordFile>> list_record_files(const std::string& directory) {
  // A folder that changes while it is read may show a file under neither of its names. Two scans that see the same
  // files are one moment: a file that went never comes back. The bound is for a folder that never rests.
  std::vector<RecordFile> files;
  for (int scan = 0; scan < kScansMax; ++scan) {
    auto current = hold_current(directory);
    POSTERN_TRY(auto seen, scan_folder(directory, current));
    const bool settled = scan > 0 && same_files(files, seen);
    files = std::move(seen);
    if (settled) break;
  }
  std::ranges::sort(files, StemOrder{});
  const auto doubles =
      std::ranges::unique(files, [](const RecordFile& a, const RecordFile& b) { return a.stem == b.stem; });
  files.erase(doubles.begin(), doubles.end());
  return files;
}

Result<> compress_file(const std::string& path, bool (*stop)(void*), void* context) {
  const std::string target = path + ".zst";
  const std::string temporary = target + ".tmp";
  const UniqueFd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.valid()) return fail_errno(ErrorKind::storage, "opening " + path, errno);
  const UniqueFd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out.valid()) return fail_errno(ErrorKind::storage, "creating " + temporary, errno);
  auto done = compress_into(in.get(), out.get(), path, stop, context);
  // The plain file goes only when the other is safe, and keeps its time: `keep` counts from the records' age.
  if (done && ::fdatasync(out.get()) != 0) done = fail_errno(ErrorKind::storage, "syncing " + temporary, errno);
  if (done) {
    struct stat status{};
    if (::fstat(in.get(), &status) == 0) {
      const timespec times[2] = {status.st_atim, status.st_mtim};
      static_cast<void>(::futimens(out.get(), times));  // a wrong time only shifts `keep`
    }
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      done = fail_errno(ErrorKind::storage, "renaming " + temporary, errno);
    }
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  if (::unlink(path.c_str()) != 0) return fail_errno(ErrorKind::storage, "removing " + path, errno);
  return {};
}

Result<> tidy_records(const std::string& directory, const TidyRules& rules, bool (*stop)(void*), void* context) {
  // One file that cannot be compressed must not keep the others from it, nor old ones from being removed.
  Result<> outcome;
  POSTERN_TRY(auto files, list_record_files(directory));
  for (const RecordFile& file : files) {
    if (stop(context)) return outcome;
    if (file.current || file.compressed) continue;
    if (auto packed = compress_file(file.path, stop, context); !packed) outcome = std::move(packed);
  }
  POSTERN_TRY(files, list_record_files(directory));
  std::uint64_t total = 0;
  for (const RecordFile& file : files) total += file.size;
  for (const RecordFile& file : files) {
    if (file.current || (file.modified >= rules.oldest && total <= rules.max_bytes)) continue;
    if (::unlink(file.path.c_str()) != 0) {
      outcome = fail_errno(ErrorKind::storage, "removing " + file.path, errno);
      continue;
    }
    total -= file.size;
  }
  return outcome;
}

}  // namespace postern::record
