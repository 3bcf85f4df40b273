// Result<T>: a value or an Error. It is how every module reports what a peer, a disk or a configuration did wrong.
//
// Not for bugs in Postern itself: those are POSTERN_CHECK, which aborts with the place. Not an SMTP reply: a refusal
// that is spoken on the wire is smtp::Reply, a value with its own type. Thread rule: values, no shared state.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace postern {

enum class ErrorKind : std::uint8_t {
  closed,     // the peer closed, or the thing was closed under us
  timeout,    // a deadline passed
  cancelled,  // we stopped it ourselves (drain, shutdown)
  protocol,   // the peer broke its protocol
  limit,      // a stated limit was reached
  storage,    // disk: always a temporary failure towards the peer
  network,    // connect, resolve, TLS: temporary
  invalid,    // an input or configuration is wrong; `what` says where and what would be right
  not_found,
  refused,  // the other side said no for good
};

[[nodiscard]] std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::invalid;
  std::string what;  // names the thing, the place and, where there is one, the remedy; one line
  int sys = 0;       // errno, where the cause was a system call
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string what, int sys = 0) {
  return std::unexpected<Error>(Error{kind, std::move(what), sys});
}
// "opening /x/y: No such file or directory"
[[nodiscard]] std::unexpected<Error> fail_errno(ErrorKind kind, std::string_view doing, int err);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace postern

// An invariant of our own code. Aborts in every build: a broken invariant must not go on to lose mail.
#define POSTERN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::postern::check_failed(#condition, __FILE__, __LINE__))

// POSTERN_TRY(auto x, expression): x is the value, or the error is returned from this function.
// POSTERN_CO_TRY is the same inside a coroutine; `expression` must not contain co_await (name a local first).
#define POSTERN_TRY_JOIN2(a, b) a##b
#define POSTERN_TRY_JOIN(a, b) POSTERN_TRY_JOIN2(a, b)
#define POSTERN_TRY_IMPL(target, expression, name, ret)                      \
  auto name = (expression);                                                  \
  if (!name) ret std::unexpected<::postern::Error>(std::move(name).error()); \
  target = std::move(*name)
#define POSTERN_TRY(target, expression) \
  POSTERN_TRY_IMPL(target, expression, POSTERN_TRY_JOIN(try_result_, __LINE__), return)
#define POSTERN_CO_TRY(target, expression) \
  POSTERN_TRY_IMPL(target, expression, POSTERN_TRY_JOIN(try_result_, __LINE__), co_return)
#define POSTERN_TRY_VOID(expression)                                                                     \
  if (auto POSTERN_TRY_JOIN(try_void_, __LINE__) = (expression); !POSTERN_TRY_JOIN(try_void_, __LINE__)) \
  return std::unexpected<::postern::Error>(std::move(POSTERN_TRY_JOIN(try_void_, __LINE__)).error())
#define POSTERN_CO_TRY_VOID(expression)                                                                  \
  if (auto POSTERN_TRY_JOIN(try_void_, __LINE__) = (expression); !POSTERN_TRY_JOIN(try_void_, __LINE__)) \
  co_return std::unexpected<::postern::Error>(std::move(POSTERN_TRY_JOIN(try_void_, __LINE__)).error())
