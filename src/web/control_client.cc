#include "web/control_client.h"

#include <cerrno>

#include "control/protocol.h"
#include "io/stream.h"

namespace postern::web {

json::Value command(std::string name) {
  return json::Value(json::Value::Object{{"command", json::Value(std::move(name))}});
}

Task<Result<json::Value>> ask_server(io::Loop& loop, std::string socket_path, json::Value request,
                                     milliseconds deadline) {
  const Deadline until = Deadline::after(deadline);
  auto connected = co_await io::connect_unix(loop, std::move(socket_path), until);
  if (!connected) {
    Error error = connected.error();
    if (error.sys == ENOENT || error.sys == ECONNREFUSED) error.kind = ErrorKind::not_found;
    co_return std::unexpected(std::move(error));
  }
  io::Stream& stream = **connected;
  const std::string line = request.text() + "\n";
  if (const auto sent = co_await stream.send(line, until); !sent) co_return std::unexpected(sent.error());
  std::string answer;
  while (answer.find('\n') == std::string::npos) {
    if (answer.size() >= control::kLineMax) co_return fail(ErrorKind::protocol, "the server's answer is over 1 MiB");
    const auto received = co_await stream.receive(until);
    if (!received) co_return std::unexpected(received.error());
    if (received->empty()) co_return fail(ErrorKind::closed, "the mail server closed without an answer");
    answer.append(*received);
  }
  auto value = json::parse(std::string_view(answer).substr(0, answer.find('\n')));
  if (!value || !value->is_object()) co_return fail(ErrorKind::protocol, "the mail server's answer is not JSON");
  if (!value->at("ok").boolean())
    co_return fail(control::parse_error_kind(value->at("kind").string()),
                   std::string(value->at("error").string("it gave no reason")));
  co_return std::move(*value);
}

}  // namespace postern::web
