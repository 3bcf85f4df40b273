#include <sys/socket.h>

#include <set>

#include "base/log.h"
#include "control/control.h"
#include "control/protocol.h"
#include "io/listener.h"
#include "io/stream.h"

namespace postern::control {

namespace {

Deadline after_ms(std::int64_t ms) { return Deadline::after(milliseconds(ms)); }

}  // namespace

struct Server::Impl {
  Impl(io::Loop& l, UniqueFd fd) : loop(l), listening(std::move(fd)), scope(l) {}

  io::Loop& loop;
  UniqueFd listening;
  std::map<std::string, Handler, std::less<>> handlers;
  std::unique_ptr<io::Listener> listener;
  io::Scope scope;
  std::set<io::Stream*> streams;
  bool stopping = false;

  void accept(io::Accepted accepted);
  Task<void> serve(std::unique_ptr<io::Stream> stream);
  Task<void> converse(io::Stream& stream);
  Task<std::string> answer(std::string line);
};

void Server::Impl::accept(io::Accepted accepted) {
  if (streams.size() >= kClientsMax) {
    // The socket of a fresh connection has room for one line; nobody waits for a client that is turned away.
    const std::string line =
        error_line(Error{ErrorKind::limit, "too many clients on the control socket; try again later"});
    static_cast<void>(::send(accepted.fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    log::warning("control_refused", {{"reason", "too_many_clients"}, {"clients", streams.size()}});
    return;
  }
  scope.spawn(serve(io::make_stream(loop, std::move(accepted.fd))));
}

Task<void> Server::Impl::serve(std::unique_ptr<io::Stream> stream) {
  streams.insert(stream.get());
  co_await converse(*stream);
  co_await stream->close(after_ms(kCloseMs));
  streams.erase(stream.get());
}

Task<void> Server::Impl::converse(io::Stream& stream) {
  std::string buffer;
  while (!stopping) {
    auto received = co_await stream.receive(after_ms(kIdleMs));
    if (!received || received->empty()) co_return;
    buffer.append(*received);
    std::size_t end = 0;
    while (!stopping && (end = buffer.find('\n')) != std::string::npos && end < kLineMax) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      const std::string reply = co_await answer(std::move(line));
      const auto sent = co_await stream.send(reply, after_ms(kIdleMs));
      if (!sent) co_return;
    }
    if (buffer.size() >= kLineMax && !stopping) {
      const std::string reply = error_line(Error{ErrorKind::limit, "a request line is longer than 1 MiB"});
      static_cast<void>(co_await stream.send(reply, after_ms(kIdleMs)));
      co_return;
    }
  }
}

Task<std::string> Server::Impl::answer(std::string line) {
  auto request = json::parse(line, kDepthMax);
  if (!request) co_return error_line(Error{ErrorKind::invalid, "the request is not JSON: " + request.error().what});
  if (!request->is_object()) co_return error_line(Error{ErrorKind::invalid, "the request is not a JSON object"});
  const auto handler = handlers.find(request->at("command").string());
  if (handler == handlers.end()) {
    co_return error_line(Error{ErrorKind::invalid, unknown_command(request->at("command"))});
  }
  const auto result = co_await handler->second(std::move(*request));
  co_return result ? ok_line(*result) : error_line(result.error());
}

Server::Server(io::Loop& loop, UniqueFd listening) : impl_(std::make_unique<Impl>(loop, std::move(listening))) {}
Server::~Server() = default;

void Server::handle(std::string command, Handler handler) {
  impl_->handlers.insert_or_assign(std::move(command), std::move(handler));
}

void Server::start() {
  Impl* const impl = impl_.get();
  impl_->listener =
      std::make_unique<io::Listener>(impl_->loop, std::move(impl_->listening), false, false,
                                     [impl](io::Accepted accepted) { impl->accept(std::move(accepted)); });
}

Task<void> Server::stop() {
  impl_->stopping = true;
  impl_->listener.reset();
  // Copied: a stream that ends leaves the set. A command that runs is answered first.
  const std::set<io::Stream*> waiting = impl_->streams;
  for (io::Stream* const stream : waiting) {
    if (impl_->streams.contains(stream)) stream->interrupt();
  }
  co_await impl_->scope.join();
}

}  // namespace postern::control
