#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/text.h"
#include "base/unique_fd.h"

namespace postern {

Result<std::string> read_file(const std::string& path, std::size_t max) {
  const std::string name = printable(path, 1024);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    return fail_errno(error == ENOENT ? ErrorKind::not_found : ErrorKind::storage, "opening " + name, error);
  }
  std::string text;
  struct stat status{};
  // The size is a hint: what is read counts.
  if (::fstat(fd.get(), &status) == 0 && status.st_size > 0) {
    text.reserve(std::min(static_cast<std::size_t>(status.st_size) + 1, max + 1));
  }
  std::array<char, 65536> block;
  while (text.size() <= max) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::storage, "reading " + name, errno);
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return fail(ErrorKind::limit, name + " is larger than " + human_bytes(max));
}

Result<void> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + folder, errno);
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "making " + fresh, errno);
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(ErrorKind::storage, "writing " + fresh, errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + fresh, errno);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "renaming " + fresh, errno);
  return sync_folder_of(path);
}

Result<UniqueFd> lock_file(const std::string& path, std::int64_t timeout_ms) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + path, errno);
  constexpr std::int64_t kStepMs = 10;
  for (std::int64_t waited = 0;; waited += kStepMs) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(ErrorKind::storage, "locking " + path, errno);
    if (waited >= timeout_ms) {
      return fail(ErrorKind::timeout,
                  "locking " + path + ": another process has it for too long; see who with fuser(1)");
    }
    const timespec step{0, kStepMs * 1'000'000};
    ::nanosleep(&step, nullptr);
  }
}

}  // namespace postern
