#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/unique_fd.h"
#include "spool/disk.h"

namespace postern::spool {
namespace {

// Drops the first `done` octets from the pieces.
std::span<iovec> advance(std::span<iovec> pieces, std::size_t done) {
  while (!pieces.empty() && done >= pieces.front().iov_len) {
    done -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (done > 0) {
    iovec& first = pieces.front();
    const std::span<char> rest = std::span(static_cast<char*>(first.iov_base), first.iov_len).subspan(done);
    first = {rest.data(), rest.size()};
  }
  return pieces;
}

class RealFile final : public File {
 public:
  RealFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] Result<void> write(std::span<iovec> pieces, std::uint64_t offset) override {
    while (!pieces.empty()) {
      const auto count = static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX));
      const ssize_t done = ::pwritev(fd_.get(), pieces.data(), count, static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return fail_errno(ErrorKind::storage, "writing " + path_, errno);
      if (done == 0) return fail(ErrorKind::storage, "writing " + path_ + ": the disk took no octets", ENOSPC);
      offset += static_cast<std::uint64_t>(done);
      pieces = advance(pieces, static_cast<std::size_t>(done));
    }
    return {};
  }

  [[nodiscard]] Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + path_, errno);
    return {};
  }

  [[nodiscard]] Result<void> allocate(std::uint64_t size) override {
    // First the blocks, so that a full disk says so at once; then zeroes: an extent that is reserved but unwritten
    // costs a file system transaction at each fdatasync (docs/spool.md has the measurement).
    const int error = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
    if (error != 0) return fail_errno(ErrorKind::storage, "reserving space for " + path_, error);
    std::string zeroes(std::min<std::uint64_t>(size, std::uint64_t{1} << 20), '\0');
    for (std::uint64_t at = 0; at < size; at += zeroes.size()) {
      iovec piece{zeroes.data(), std::min<std::uint64_t>(zeroes.size(), size - at)};
      POSTERN_TRY_VOID(write({&piece, 1}, at));
    }
    return {};
  }

  [[nodiscard]] Result<std::size_t> read(std::span<char> out, std::uint64_t offset) const override {
    std::size_t have = 0;
    while (have < out.size()) {
      const auto rest = out.subspan(have);
      const ssize_t got = ::pread(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(ErrorKind::storage, "reading " + path_, errno);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    return have;
  }

  [[nodiscard]] Result<std::uint64_t> size() const override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return fail_errno(ErrorKind::storage, "looking at " + path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

class RealDisk final : public Disk {
 public:
  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    const int flags = how == Open::read ? O_RDONLY : how == Open::write ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + path, errno);
    return std::make_unique<RealFile>(std::move(fd), path);
  }

  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) return fail_errno(ErrorKind::storage, "reading the folder " + directory, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const found = ::readdir(stream)) {
      std::string name(static_cast<const char*>(found->d_name));
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return fail_errno(ErrorKind::storage, "reading the folder " + directory, error);
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] Result<void> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail_errno(ErrorKind::storage, "making the folder " + path, errno);
    }
    return {};
  }
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return fail_errno(ErrorKind::storage, "renaming " + from + " to " + to, errno);
    }
    return {};
  }
  [[nodiscard]] Result<void> unlink(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return fail_errno(ErrorKind::storage, "removing " + path, errno);
    return {};
  }
  [[nodiscard]] Result<void> sync_directory(const std::string& path) override {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0)
      return fail_errno(ErrorKind::storage, "syncing the folder " + path, errno);
    return {};
  }
  [[nodiscard]] Result<Space> space(const std::string& path) override {
    struct statvfs status{};
    if (::statvfs(path.c_str(), &status) != 0)
      return fail_errno(ErrorKind::storage, "asking for space on " + path, errno);
    return Space{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
  }
  [[nodiscard]] Result<std::unique_ptr<File>> lock(const std::string& path) override {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + path, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return fail_errno(ErrorKind::storage, "locking " + path, errno);
      return fail(ErrorKind::storage, "locking " + path + ": another postern has this spool open; stop it first",
                  EWOULDBLOCK);
    }
    return std::make_unique<RealFile>(std::move(fd), path);
  }
};

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

}  // namespace postern::spool
