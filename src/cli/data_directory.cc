#include "cli/data_directory.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/process.h"

namespace postern::cli {

Result<void> make_data_directory(const std::string& path, const std::string& user) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return fail_errno(ErrorKind::storage, "making the data directory " + path, errno);
  }
  if (!user.empty() && io::running_as_root()) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry != nullptr && ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
      return fail_errno(ErrorKind::storage, "giving " + path + " to " + user, errno);
    }
  }
  return {};
}

Result<void> become_owner(const config::Loaded& loaded) {
  if (!loaded.config || loaded.config->user.empty() || !io::running_as_root()) return {};
  return io::drop_privileges(loaded.config->user);
}

}  // namespace postern::cli
