#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

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

}  // namespace postern
