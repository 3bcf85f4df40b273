#include "cli/web_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/unique_fd.h"
#include "io/process.h"

namespace postern::cli {

std::vector<std::string> web_readable_files(const config::Config& config) {
  std::vector<std::string> out{config.file,
                               config.records.directory,
                               config.data_dir + "/aggregates",
                               config.data_dir + "/marks.jsonl",
                               config.evidence_file,
                               config.dns.trust_anchor_file,
                               config.outbound_tls.ca_file,
                               "/etc/resolv.conf",
                               "/etc/hosts",
                               "/etc/nsswitch.conf",
                               "/etc/ssl/certs",
                               "/etc/ssl/openssl.cnf",
                               "/usr/lib/ssl",
                               "/usr/share/ca-certificates",
                               "/usr/share/dns",
                               "/usr/share/publicsuffix",
                               "/usr/lib",
                               "/lib",
                               "/dev/urandom",
                               "/dev/null"};
  std::erase(out, "");
  return out;
}

void make_web_files(const config::Config& config) {
  struct stat owner{};
  const bool give = io::running_as_root() && ::stat(config.data_dir.c_str(), &owner) == 0;
  for (const std::string& folder : {config.records.directory, config.data_dir + "/aggregates"}) {
    const bool made = ::mkdir(folder.c_str(), 0700) == 0;
    if (!made && errno == EEXIST) continue;
    if (!made || (give && ::lchown(folder.c_str(), owner.st_uid, owner.st_gid) != 0))
      log::warning("web_folder_not_made", {{"folder", folder}, {"why", std::strerror(errno)}});
  }
  const std::string marks = config.data_dir + "/marks.jsonl";
  const UniqueFd fd(::open(marks.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == EEXIST) return;
  if (!fd.valid() || (give && ::fchown(fd.get(), owner.st_uid, owner.st_gid) != 0))
    log::warning("web_file_not_made", {{"file", marks}, {"why", std::strerror(errno)}});
}

}  // namespace postern::cli
