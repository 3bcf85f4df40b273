#include "outbound/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/log.h"
#include "base/unique_fd.h"

namespace postern::outbound {

namespace {

constexpr seconds kDelay{2};
constexpr seconds kAfterFailure{60};

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "making " + beside, errno);
  while (!text.empty()) {
    const ssize_t n = ::write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "writing " + beside, errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + beside, errno);
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "renaming " + beside, errno);
  return {};
}

StateFile::StateFile(io::Loop& loop, io::BlockingPool& pool, std::string path, std::function<std::string()> render)
    : pool_(pool), path_(std::move(path)), render_(std::move(render)), scope_(loop), hurry_(loop) {}
StateFile::~StateFile() = default;

void StateFile::changed() {
  dirty_ = true;
  if (writing_ || stopping_) return;
  writing_ = true;
  scope_.spawn(write_until_clean());
}

Task<void> StateFile::write_until_clean() {
  seconds delay = kDelay;
  while (dirty_) {
    if (!stopping_) (void)co_await hurry_.wait(Deadline::after(delay));
    dirty_ = false;
    std::move_only_function<Result<void>()> work = [path = path_, text = render_()] {
      return replace_file(path, text);
    };
    const auto done = co_await pool_.run<Result<void>>(std::move(work));
    if (!done) {
      log::warning("state_not_written", {{"file", path_}, {"why", done.error().what}});
      delay = kAfterFailure;
      dirty_ = !stopping_;
    }
  }
  writing_ = false;
}

Task<void> StateFile::stop() {
  stopping_ = true;
  hurry_.notify();
  co_await scope_.join();
  if (!dirty_) co_return;
  writing_ = true;
  co_await write_until_clean();
}

}  // namespace postern::outbound
