#include "base/file_watch.h"

#include <sys/stat.h>

#include <utility>

namespace postern {

std::vector<FileStamp> file_stamps(std::span<const std::string> paths) {
  std::vector<FileStamp> out;
  for (const std::string& path : paths) {
    FileStamp& stamp = out.emplace_back();
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    stamp.present = true;
    stamp.modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    stamp.size = static_cast<std::uint64_t>(status.st_size);
    stamp.device = status.st_dev;
    stamp.inode = status.st_ino;
  }
  return out;
}

bool FileWatch::due(std::vector<FileStamp> now) {
  const bool settled = now == seen_;
  seen_ = std::move(now);
  if (!settled || seen_.size() != loaded_.size()) return false;
  bool changed = false;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (loaded_[i].present && !seen_[i].present) return false;  // gone: it may be on its way back
    changed = changed || (seen_[i].present && seen_[i] != loaded_[i]);
  }
  if (changed) loaded_ = seen_;
  return changed;
}

}  // namespace postern
