#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "srs/rewriter.h"

namespace postern::srs {

namespace {

constexpr std::size_t kOctets = 32;

Result<void> write_secret(const std::string& path, std::string_view text) {
  // Complete under its name or not there at all: half a secret would be another one
  const std::string made = path + ".new";
  ::unlink(made.c_str());
  {
    const UniqueFd fd(::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return fail_errno(ErrorKind::storage, "making " + made, errno);
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(fd.get()) != 0) {
      return fail_errno(ErrorKind::storage, "writing " + made, errno);
    }
  }
  if (::rename(made.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "naming " + path, errno);
  const std::string folder = path.substr(0, path.rfind('/'));
  const UniqueFd fd(::open(folder.empty() ? "/" : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0)
    return fail_errno(ErrorKind::storage, "writing the folder " + folder, errno);
  return {};
}

}  // namespace

Result<std::string> load_secret(const std::string& path) {
  auto text = read_file(path, 4096);
  if (!text && text.error().kind == ErrorKind::not_found) {
    std::string octets(kOctets, '\0');
    random_bytes(octets.data(), octets.size());
    std::string hex = to_hex(octets);
    POSTERN_TRY_VOID(write_secret(path, hex + "\n"));
    return hex;
  }
  if (!text) return std::unexpected(text.error());
  std::string secret(trim(std::string_view(*text).substr(0, text->find('\n'))));
  if (secret.size() < kSecretMin) {
    return fail(ErrorKind::invalid, path + ": is shorter than " + std::to_string(kSecretMin) +
                                        " octets; remove it, and a new secret is made at the next start");
  }
  return secret;
}

}  // namespace postern::srs
