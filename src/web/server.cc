#include "web/server.h"

#include <map>
#include <set>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "io/listener.h"
#include "web/http.h"

namespace postern::web {

namespace {

constexpr std::int64_t kHandshakeMs = 10'000;
constexpr std::int64_t kCloseMs = 2'000;

Deadline after_ms(std::int64_t ms) { return Deadline::after(milliseconds(ms)); }

ip::Prefix network_of(const ip::Address& address) { return {address, address.is_v4() ? 32 : 64}; }

}  // namespace

struct Server::Impl {
  Impl(io::Loop& l, Handler& h, ServerLimits bounds, const PeerUsers* u)
      : loop(l), handler(h), limits(bounds), users(u), scope(l) {}

  io::Loop& loop;
  Handler& handler;
  ServerLimits limits;
  const PeerUsers* users;
  io::Scope scope;
  std::vector<std::unique_ptr<io::Listener>> listeners;
  std::set<io::Stream*> streams;
  std::map<ip::Prefix, std::uint32_t> networks;
  bool stopping = false;

  struct Connection {
    ip::Endpoint peer, local;
    bool secure = false;
    bool own = false;  // of root or our own user, over loopback
  };
  void accept(io::Accepted accepted, const Tls& tls);
  Task<void> run(std::unique_ptr<io::Stream> stream, Connection connection, std::shared_ptr<io::TlsServerContext> tls);
  Task<void> converse(io::Stream& stream, Connection connection);
  Task<bool> read_request(io::Stream& stream, RequestReader& reader, bool first);
  Task<bool> send_response(io::Stream& stream, Response& response, bool head_only, const HeadOptions& options);
};

void Server::Impl::accept(io::Accepted accepted, const Tls& tls) {
  const ip::Prefix network = network_of(accepted.peer.address);
  // Whoever is turned away here was sent nothing: his browser says so, and tries again
  if (stopping || streams.size() >= limits.connections) {
    log::warning("web_refused", {{"reason", "too_many_connections"}, {"client", accepted.peer.address.text()}});
    return;
  }
  const auto open = networks.find(network);
  if (open != networks.end() && open->second >= limits.per_network && !accepted.peer.address.is_loopback()) {
    log::info("web_refused", {{"reason", "too_many_of_network"}, {"client", accepted.peer.address.text()}});
    return;
  }
  ++networks[network];
  // At once: what has been closed is nobody's
  const bool own = users != nullptr && users->is_own(accepted.peer, accepted.local);
  scope.spawn(run(io::make_stream(loop, std::move(accepted.fd)),
                  Connection{.peer = accepted.peer, .local = accepted.local, .secure = false, .own = own},
                  tls ? tls() : nullptr));
}

Task<void> Server::Impl::run(std::unique_ptr<io::Stream> stream, Connection connection,
                             std::shared_ptr<io::TlsServerContext> tls) {
  streams.insert(stream.get());
  bool good = true;
  if (tls != nullptr) {
    good = (co_await stream->start_tls_server(std::move(tls), after_ms(kHandshakeMs))).has_value();
    connection.secure = good;
  }
  if (good) {
    co_await converse(*stream, connection);
    co_await stream->close(after_ms(kCloseMs));
  }
  streams.erase(stream.get());
  const auto open = networks.find(network_of(connection.peer.address));
  if (open != networks.end() && --open->second == 0) networks.erase(open);
}

// False at the end of the connection. A request that is refused is done as well.
Task<bool> Server::Impl::read_request(io::Stream& stream, RequestReader& reader, bool first) {
  using State = RequestReader::State;
  Deadline deadline = after_ms(first ? kHeadMs : kIdleMs);
  State before = State::empty;
  while (reader.state() != State::done && reader.state() != State::refused) {
    if (reader.state() != before) {
      before = reader.state();
      if (before == State::head) deadline = after_ms(kHeadMs);
      if (before == State::body) deadline = after_ms(kBodyMs);
    }
    if (reader.expects_continue()) {
      const auto sent = co_await stream.send("HTTP/1.1 100 Continue\r\n\r\n", deadline);
      if (!sent) co_return false;
    }
    const auto received = co_await stream.receive(deadline);
    if (!received || received->empty()) co_return false;
    reader.feed(*received);
  }
  co_return true;
}

Task<bool> Server::Impl::send_response(io::Stream& stream, Response& response, bool head_only,
                                       const HeadOptions& options) {
  std::string head = head_text(response, options, wall_now());
  const std::string_view body = head_only || response.status == 304 ? std::string_view() : response.octets();
  // One send for what is small: one packet
  const bool together = body.size() <= 16384;
  if (together) head += body;
  if (const auto sent = co_await stream.send(head, after_ms(kSendMs)); !sent) co_return false;
  if (!together) {
    if (const auto sent = co_await stream.send(body, after_ms(kSendMs)); !sent) co_return false;
  }
  if (response.events == nullptr || head_only) co_return true;
  while (!stopping) {
    const auto next = co_await response.events->next();
    if (!next) break;
    if (const auto sent = co_await stream.send(*next, after_ms(kSendMs)); !sent) co_return false;
  }
  co_return false;
}

Task<void> Server::Impl::converse(io::Stream& stream, Connection connection) {
  RequestReader reader;
  for (std::size_t count = 0; count < kRequestsMax && !stopping; ++count) {
    const bool came = co_await read_request(stream, reader, count == 0);
    if (!came) co_return;
    HeadOptions options{.secure = connection.secure};
    if (reader.state() == RequestReader::State::refused) {
      options.close = true;
      Response refusal = plain(reader.status(), reader.problem());
      static_cast<void>(co_await send_response(stream, refusal, false, options));
      co_return;
    }
    Request request = reader.take();
    request.peer = request.client = connection.peer.address;
    request.local = connection.peer.address.is_loopback() && connection.local.address.is_loopback();
    request.own = request.local && connection.own;
    request.secure = connection.secure;
    const bool head_only = request.method == Method::head;
    options.close = !request.keep_alive || count + 1 == kRequestsMax || stopping;
    Response response;
    if (const int wait = handler.must_wait(request); wait > 0) {
      response = plain(429, "too many requests from your network; wait a moment");
      response.fields.emplace_back("Retry-After", std::to_string(wait));
    } else {
      response = co_await handler.answer(std::move(request));
    }
    const bool good = co_await send_response(stream, response, head_only, options);
    if (!good || options.close) co_return;
  }
}

Server::Server(io::Loop& loop, Handler& handler, ServerLimits limits, const PeerUsers* users)
    : impl_(std::make_unique<Impl>(loop, handler, limits, users)) {}
Server::~Server() = default;

void Server::listen(UniqueFd listening, Tls tls) {
  Impl* const impl = impl_.get();
  impl->listeners.push_back(std::make_unique<io::Listener>(
      impl->loop, std::move(listening), false, false,
      [impl, tls = std::move(tls)](io::Accepted accepted) { impl->accept(std::move(accepted), tls); }));
}

Task<void> Server::stop() {
  impl_->stopping = true;
  impl_->listeners.clear();
  const std::set<io::Stream*> open = impl_->streams;
  for (io::Stream* const stream : open) {
    if (impl_->streams.contains(stream)) stream->interrupt();
  }
  co_await impl_->scope.join();
}

Task<void> Server::serve(io::Stream& stream, ip::Endpoint peer, ip::Endpoint local, bool secure, bool own) {
  co_await impl_->converse(stream, {.peer = peer, .local = local, .secure = secure, .own = own});
}

std::size_t Server::connections() const { return impl_->streams.size(); }

}  // namespace postern::web
