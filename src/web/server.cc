#include "web/server.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "io/listener.h"
#include "web/http.h"
#include "web/rate.h"

namespace postern::web {

namespace {

constexpr std::int64_t kHandshakeMs = 10'000;
constexpr std::int64_t kCloseMs = 2'000;
constexpr std::size_t kReserved = 8;     // places for root and our own user over loopback
constexpr std::size_t kLeavingMax = 64;  // beyond all places, for a turn of the loop
constexpr seconds kBetweenWarnings{1};

Deadline after_ms(std::int64_t ms) { return Deadline::after(milliseconds(ms)); }

// Of the i-th of an address' networks, from narrow to wide.
std::uint32_t limit_of(const ServerLimits& limits, std::size_t i) {
  return limits.per_network << std::min<std::size_t>(i, 2);
}

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
  // Who has not said what he wants gives way where there is no room: he comes back.
  struct Open {
    bool own = false, reads = true, leaves = false;
    Clock::time_point since = Clock::now();
  };
  std::map<io::Stream*, Open> streams;
  std::map<ip::Prefix, std::uint32_t> networks;
  bool stopping = false;
  std::size_t leaving = 0;
  Clock::time_point told_full{};

  struct Connection {
    ip::Endpoint peer, local;
    bool secure = false;
    bool own = false;  // of root or our own user, over loopback
  };
  // What a connection takes of the limits, given back however it ends.
  class Place {
   public:
    Place(Impl& impl, io::Stream& stream, const Connection& connection)
        : impl_(impl), stream_(stream), networks_(networks_of(connection.peer.address)) {
      impl_.streams.emplace(&stream_, Open{.own = connection.own});
      for (const ip::Prefix& network : networks_) ++impl_.networks[network];
    }
    ~Place() {
      if (impl_.leaves(stream_)) --impl_.leaving;
      impl_.streams.erase(&stream_);
      for (const ip::Prefix& network : networks_)
        if (const auto open = impl_.networks.find(network); --open->second == 0) impl_.networks.erase(open);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Impl& impl_;
    io::Stream& stream_;
    const std::vector<ip::Prefix> networks_;
  };
  void accept(io::Accepted accepted, const Tls& tls);
  Task<void> run(std::unique_ptr<io::Stream> stream, Connection connection, std::shared_ptr<io::TlsServerContext> tls);
  Task<void> converse(io::Stream& stream, Connection connection);
  [[nodiscard]] bool make_room(const io::Accepted& accepted, bool own);
  void reads(io::Stream& stream, bool now);
  [[nodiscard]] bool leaves(io::Stream& stream) const;
  Task<bool> read_request(io::Stream& stream, RequestReader& reader, bool first);
  Task<bool> send_response(io::Stream& stream, Response& response, bool head_only, const HeadOptions& options);
};

void Server::Impl::reads(io::Stream& stream, bool now) {
  const auto open = streams.find(&stream);
  if (open == streams.end()) return;
  open->second.reads = now;
  open->second.since = Clock::now();
}

bool Server::Impl::leaves(io::Stream& stream) const {
  const auto open = streams.find(&stream);
  return open != streams.end() && open->second.leaves;
}

// The last places are our own's. Beside them whoever has been silent for longest gives way to who comes.
bool Server::Impl::make_room(const io::Accepted& accepted, bool own) {
  const std::size_t reserved = std::min<std::size_t>(kReserved, limits.connections / 4);
  if (streams.size() - leaving < limits.connections - (own ? 0 : reserved)) return true;
  auto longest = streams.end();
  for (auto at = streams.begin(); at != streams.end(); ++at) {
    const Open& open = at->second;
    // Our own gives way to our own alone, and where nobody else is left
    if ((open.own && !own) || !open.reads || open.leaves) continue;
    if (longest == streams.end() ||
        std::pair(open.own, open.since) < std::pair(longest->second.own, longest->second.since))
      longest = at;
  }
  if (longest != streams.end() && leaving < kLeavingMax) {
    // It ends when the loop comes to it, which is soon: in its handshake, too
    longest->second.leaves = true;
    ++leaving;
    longest->first->cancel();
    return true;
  }
  if (const auto now = Clock::now(); now - told_full >= kBetweenWarnings) {
    told_full = now;
    log::warning("web_refused", {{"reason", "too_many_connections"}, {"client", accepted.peer.address.text()}});
  }
  return false;
}

void Server::Impl::accept(io::Accepted accepted, const Tls& tls) {
  if (stopping) return;
  // At once: what has been closed is nobody's
  const bool own = users != nullptr && users->is_own(accepted.peer, accepted.local);
  const auto of = networks_of(accepted.peer.address);
  // Whoever is turned away here was sent nothing: his browser says so, and tries again
  for (std::size_t i = 0; i < of.size() && !accepted.peer.address.is_loopback(); ++i) {
    const auto open = networks.find(of[i]);
    if (open == networks.end() || open->second < limit_of(limits, i)) continue;
    log::info("web_refused", {{"reason", "too_many_of_network"}, {"client", accepted.peer.address.text()}});
    return;
  }
  if (!make_room(accepted, own)) return;
  scope.spawn(run(io::make_stream(loop, std::move(accepted.fd)),
                  Connection{.peer = accepted.peer, .local = accepted.local, .secure = false, .own = own},
                  tls ? tls() : nullptr));
}

Task<void> Server::Impl::run(std::unique_ptr<io::Stream> stream, Connection connection,
                             std::shared_ptr<io::TlsServerContext> tls) {
  const Place place(*this, *stream, connection);
  bool good = true;
  if (tls != nullptr) {
    good = (co_await stream->start_tls_server(std::move(tls), after_ms(kHandshakeMs))).has_value();
    connection.secure = good;
  }
  if (good) {
    co_await converse(*stream, connection);
    // Who had to give way is not waited for
    if (!leaves(*stream)) co_await stream->close(after_ms(kCloseMs));
  }
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
    reads(stream, true);
    const bool came = co_await read_request(stream, reader, count == 0);
    reads(stream, false);
    // What is not answered is not carried out
    if (!came || leaves(stream)) co_return;
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
      response = handler.too_many(request, wait);
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
  // Whoever has asked gets his answer. cancel() resumes nobody at once
  for (const auto& [stream, open] : impl_->streams)
    if (open.reads) stream->cancel();
  co_await impl_->scope.join();
}

Task<void> Server::serve(io::Stream& stream, ip::Endpoint peer, ip::Endpoint local, bool secure, bool own) {
  co_await impl_->converse(stream, {.peer = peer, .local = local, .secure = secure, .own = own});
}

std::size_t Server::connections() const { return impl_->streams.size(); }

}  // namespace postern::web
