#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace postern::cli {

namespace {

constexpr milliseconds kBetween(100);
constexpr std::size_t kBarMin = 10, kBarMax = 40;
constexpr std::size_t kWidthWithoutOne = 80;  // columns, where the terminal does not say

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kWidthWithoutOne;
  return size.ws_col;
}

}  // namespace

std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total, std::int64_t elapsed_ms,
                          std::size_t width) {
  const double share = total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  std::string tail =
      "  " + std::to_string(static_cast<int>(share * 100)) + " %  " + human_bytes(done) + " of " + human_bytes(total);
  if (share > 0 && share < 1 && elapsed_ms > 1000) {
    tail += "  " + human_duration(static_cast<std::int64_t>(static_cast<double>(elapsed_ms) * (1 - share) / share)) +
            " left";
  }
  const std::size_t rest = what.size() + 5 + tail.size();
  const std::size_t bar = std::clamp(width > rest ? width - rest : 0, kBarMin, kBarMax);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(bar));
  std::string line = what + "  [" + std::string(full, '=');
  if (full < bar) line += '>' + std::string(bar - full - 1, ' ');
  return line + "]" + tail;
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1), begun_(Clock::now()), next_(begun_ + kBetween) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - begun_).count();
  std::fprintf(stderr, "\r%s\x1b[K", progress_line(what_, done, total, elapsed, columns() - 1).c_str());
  drawn_ = true;
}

}  // namespace postern::cli
