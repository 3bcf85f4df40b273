#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/result.h"
#include "cli/commands.h"

namespace postern::cli {

namespace {

int g_problem = 0;  // errno of the first write by print() that failed

// Its reader has closed it: asked of the descriptor, since not all that writes keeps its errno.
bool reader_is_gone() {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

void complain(const std::string& what) { std::fprintf(stderr, "postern: %s\n", what.c_str()); }

void print(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && g_problem == 0) g_problem = errno;
}

int finish_output(int code) {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (!flushed && g_problem == 0) g_problem = errno;
  if (flushed && std::ferror(stdout) == 0) return code;
  if (g_problem == EPIPE || reader_is_gone()) return code;
  const auto failure = g_problem == 0 ? fail(ErrorKind::storage, "writing standard output failed")
                                      : fail_errno(ErrorKind::storage, "writing standard output", g_problem);
  complain(failure.error().what + "; what was written there is not whole");
  return code == kOk ? kNegative : code;
}

}  // namespace postern::cli
