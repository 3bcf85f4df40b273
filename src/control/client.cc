// The blocking client of the control socket, for command line tools.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/time.h"
#include "control/control.h"
#include "control/protocol.h"

namespace postern::control {

namespace {

// True when the descriptor is ready for `events`; an error at the deadline.
Result<void> wait_for(int fd, short events, Clock::time_point deadline, const std::string& doing) {
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return fail(ErrorKind::timeout, doing + ": no answer in time; is the server overloaded?");
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno(ErrorKind::network, doing, errno);
  }
}

Result<UniqueFd> connect_to(const std::string& path, const std::string& doing) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::invalid, doing + ": the path is longer than 107 octets; choose a shorter data_dir");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(ErrorKind::network, doing, errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
    return fail_errno(nobody ? ErrorKind::not_found : ErrorKind::network, doing, errno);
  }
  return fd;
}

}  // namespace

bool nobody_serves(const Error& error) {
  return error.kind == ErrorKind::not_found && (error.sys == ENOENT || error.sys == ECONNREFUSED);
}

Result<json::Value> request(const std::string& socket_path, const json::Value& request, int timeout_ms) {
  const std::string doing = "asking the server at " + socket_path;
  const auto deadline = Clock::now() + milliseconds(timeout_ms);
  std::string line = request.text() + "\n";
  if (line.size() > kLineMax) return fail(ErrorKind::limit, doing + ": the request is longer than 1 MiB");
  POSTERN_TRY(const UniqueFd fd, connect_to(socket_path, doing));

  std::string_view left = line;
  while (!left.empty()) {
    POSTERN_TRY_VOID(wait_for(fd.get(), POLLOUT, deadline, doing));
    const ssize_t sent = ::send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (sent < 0 && errno == EPIPE) break;  // it may have said why before it closed
    if (sent < 0) return fail_errno(ErrorKind::network, doing, errno);
    left.remove_prefix(static_cast<std::size_t>(sent));
  }

  std::string answer;
  std::array<char, 65536> block;
  while (answer.find('\n') == std::string::npos) {
    if (answer.size() >= kLineMax) return fail(ErrorKind::protocol, doing + ": the answer is longer than 1 MiB");
    POSTERN_TRY_VOID(wait_for(fd.get(), POLLIN, deadline, doing));
    const ssize_t got = ::recv(fd.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return fail_errno(ErrorKind::network, doing, errno);
    if (got == 0) return fail(ErrorKind::closed, doing + ": it closed the connection without an answer");
    answer.append(block.data(), static_cast<std::size_t>(got));
  }
  auto value = json::parse(std::string_view(answer).substr(0, answer.find('\n')));
  if (!value) return fail(ErrorKind::protocol, doing + ": the answer is not JSON: " + value.error().what);
  if (!value->is_object()) return fail(ErrorKind::protocol, doing + ": the answer is not a JSON object");
  if (!value->at("ok").boolean()) {
    return fail(parse_error_kind(value->at("kind").string()),
                std::string(value->at("error").string("it gave no reason")));
  }
  return value;
}

}  // namespace postern::control
