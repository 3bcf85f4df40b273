#include "cli/live_metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"

namespace postern::cli {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::int64_t open_descriptors() {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir("/proc/self/fd"));
  if (dir == nullptr) return 0;
  std::int64_t count = 0;
  while (::readdir(dir.get()) != nullptr) ++count;
  return count - 3;  // ".", "..", and the folder itself
}

// The second number of /proc/self/statm: pages.
std::int64_t resident_bytes() {
  const auto text = read_file("/proc/self/statm", 4096);
  if (!text) return 0;
  const std::string_view numbers = *text;
  const auto from = numbers.find(' ');
  if (from == std::string_view::npos) return 0;
  std::int64_t pages = 0;
  const std::string_view rest = numbers.substr(from + 1);
  std::from_chars(rest.begin(), rest.end(), pages);
  return pages * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

LiveMetrics::LiveMetrics(const spool::Store& store, const resolver::Unbound& resolver) {
  const auto of_store = [&](std::string_view name, auto look) {
    shown_.emplace_back(name, [&store, look] { return static_cast<std::int64_t>(look(store.status())); });
  };
  of_store("postern_queue_messages", [](const spool::StoreStatus& status) { return status.messages; });
  of_store("postern_queue_held", [](const spool::StoreStatus& status) { return status.held; });
  of_store("postern_queue_failed_recipients",
           [](const spool::StoreStatus& status) { return status.failed_recipients; });
  of_store("postern_spool_bytes", [](const spool::StoreStatus& status) { return status.bytes_on_disk; });
  of_store("postern_spool_limit_bytes", [](const spool::StoreStatus& status) { return status.bytes_limit; });
  of_store("postern_spool_sick", [](const spool::StoreStatus& status) { return status.healthy ? 0 : 1; });
  shown_.emplace_back("postern_dns_resolver_dead", [&resolver] { return resolver.held_for_dead() ? 1 : 0; });
  shown_.emplace_back("postern_build_info{version=\"" POSTERN_VERSION "\"}", [] { return 1; });
  shown_.emplace_back("process_start_time_seconds", [started = wall_now() / 1000] { return started; });
  shown_.emplace_back("process_resident_memory_bytes", resident_bytes);
  shown_.emplace_back("process_open_fds", open_descriptors);
}

}  // namespace postern::cli
