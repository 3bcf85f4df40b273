#include "web/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/unique_fd.h"

namespace postern::web {

namespace {

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadFolder = LANDLOCK_ACCESS_FS_READ_DIR;
// All of the first version: what is handled and not allowed is refused.
constexpr std::uint64_t kHandled =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

// Of later versions; Debian's headers have some of the names, and the kernel may be newer than they are.
constexpr std::uint64_t kTruncate = 1ULL << 14U;  // third version: truncate(2) is no writing before it
constexpr std::uint64_t kDevices = 1ULL << 15U;   // fifth: ioctl(2) of devices
constexpr std::uint64_t kBindTcp = 1ULL << 0U;    // fourth
constexpr std::uint64_t kScopes = 3;              // sixth: abstract unix sockets and signals of others
struct RulesetAttributes {
  std::uint64_t handled_access_fs = kHandled;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

// What this version of Landlock can refuse, and how much of the attributes it knows.
std::pair<RulesetAttributes, std::size_t> attributes_of(long version) {
  RulesetAttributes out;
  if (version >= 3) out.handled_access_fs |= kTruncate;
  if (version >= 5) out.handled_access_fs |= kDevices;
  // Connecting stays allowed: the check page connects to the servers of domains, and the resolver to name servers
  if (version >= 4) out.handled_access_net = kBindTcp;
  if (version >= 6) out.scoped = kScopes;
  return {out, (version >= 6 ? 3 : version >= 4 ? 2 : 1) * sizeof(std::uint64_t)};
}

Result<void> allow(int ruleset, const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return {};
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(status.st_mode) ? kReadFile | kReadFolder : kReadFile;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return fail_errno(ErrorKind::invalid, "Landlock: allowing " + path, errno);
  return {};
}

}  // namespace

int landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<Sandboxed> enter_sandbox(const std::vector<std::string>& readable) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno(ErrorKind::invalid, "giving up the way to more rights", errno);
  // What was kept for ports below 1024: the sockets are bound
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0)
    return fail_errno(ErrorKind::invalid, "giving up capabilities", errno);
  const auto [attributes, size] = attributes_of(landlock_version());
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) {
    // ENOSYS: not built in; EOPNOTSUPP: switched off at boot; EPERM: a container's filter
    if (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM) return Sandboxed::no_kernel;
    return fail_errno(ErrorKind::invalid, "Landlock: making a ruleset", errno);
  }
  for (const std::string& path : readable) POSTERN_TRY_VOID(allow(ruleset.get(), path));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail_errno(ErrorKind::invalid, "Landlock: entering", errno);
  return Sandboxed::yes;
}

}  // namespace postern::web
