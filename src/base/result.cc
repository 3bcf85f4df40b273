#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace postern {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::closed:
      return "closed";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::limit:
      return "limit";
    case ErrorKind::storage:
      return "storage";
    case ErrorKind::network:
      return "network";
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::refused:
      return "refused";
  }
  return "unknown";
}

std::unexpected<Error> fail_errno(ErrorKind kind, std::string_view doing, int err) {
  std::string what(doing);
  what += ": ";
  what += std::generic_category().message(err);
  return fail(kind, std::move(what), err);
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "postern: internal error: %s is false at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace postern
