#include "delivery/conversation.h"

namespace postern::delivery {

using State = smtp::ClientMachine::State;

namespace {

constexpr std::size_t kBlockMin = 32 * 1024;

Result<void> why_closed(const smtp::ClientMachine& machine) {
  if (machine.error()) return std::unexpected(*machine.error());
  return fail(ErrorKind::closed, "the server closed the connection");
}

}  // namespace

Conversation::Conversation(std::unique_ptr<io::Stream> stream, smtp::ClientMachine machine, ClientTimeouts timeouts,
                           Watcher watcher)
    : stream_(std::move(stream)), machine_(std::move(machine)), timeouts_(timeouts), watcher_(std::move(watcher)) {}

Deadline Conversation::deadline() const {
  switch (machine_.state()) {
    case State::greeting:
    case State::hello:
      return Deadline::after(timeouts_.greeting);
    case State::body:
      return Deadline::after(timeouts_.block);
    case State::final_reply:
      return Deadline::after(timeouts_.final_reply);
    default:
      return Deadline::after(timeouts_.command);
  }
}

Task<Result<void>> Conversation::flush() {
  if (machine_.output().empty()) co_return Result<void>{};
  // Swapped out, not referenced: the machine's buffer may be written to by nobody while it is sent
  std::string bytes;
  bytes.swap(machine_.output());
  if (watcher_) watcher_(true, bytes);
  const auto sent = co_await stream_->send(bytes, Deadline::after(timeouts_.block));
  co_return sent;
}

Task<Result<void>> Conversation::take(Deadline deadline) {
  const auto flushed = co_await flush();
  if (!flushed) co_return flushed;
  const auto received = co_await stream_->receive(deadline);
  if (!received) co_return std::unexpected(received.error());
  if (received->empty()) co_return fail(ErrorKind::closed, "the server closed the connection");
  if (watcher_) watcher_(false, *received);
  co_return machine_.receive(*received);
}

Task<Result<void>> Conversation::hear_greeting() {
  while (machine_.state() == State::greeting) {
    const auto taken = co_await take(deadline());
    if (!taken) {
      static_cast<void>(co_await flush());
      co_return taken;
    }
  }
  if (machine_.state() == State::closed) co_return why_closed(machine_);
  co_return Result<void>{};
}

Task<Result<void>> Conversation::auth(std::string mechanism, std::string initial_base64) {
  machine_.auth(mechanism, initial_base64);
  co_return co_await auth_reply();
}

Task<Result<void>> Conversation::auth_response(std::string base64) {
  machine_.auth_response(base64);
  co_return co_await auth_reply();
}

Task<Result<void>> Conversation::auth_reply() {
  while (machine_.state() == State::auth && machine_.last_reply().code != 334) {
    const auto taken = co_await take(deadline());
    if (!taken) co_return taken;
  }
  if (machine_.state() == State::closed) co_return why_closed(machine_);
  co_return Result<void>{};
}

Task<Result<void>> Conversation::greet() {
  while (machine_.state() != State::ready) {
    if (machine_.state() == State::closed) co_return why_closed(machine_);
    const auto taken = co_await take(deadline());
    if (!taken) {
      // The QUIT that answers a refusal; the refusal is the news, not whether QUIT arrived
      static_cast<void>(co_await flush());
      co_return taken;
    }
  }
  co_return Result<void>{};
}

Task<Result<void>> Conversation::start_tls(std::shared_ptr<io::TlsClientContext> context, io::TlsExpect expect) {
  machine_.starttls();
  while (machine_.state() == State::starttls) {
    const auto taken = co_await take(deadline());
    if (!taken) co_return taken;
  }
  if (machine_.state() == State::ready) {
    co_return fail(ErrorKind::refused, "the server refused STARTTLS: " + machine_.last_reply().line());
  }
  if (machine_.state() != State::tls) co_return why_closed(machine_);
  const auto started = co_await stream_->start_tls_client(std::move(context), std::move(expect), deadline());
  if (!started) co_return started;
  const auto fresh = machine_.tls_started();
  if (!fresh) co_return fresh;
  co_return co_await greet();
}

Task<Result<void>> Conversation::start_tls_at_once(std::shared_ptr<io::TlsClientContext> context,
                                                   io::TlsExpect expect) {
  co_return co_await stream_->start_tls_client(std::move(context), std::move(expect),
                                               Deadline::after(timeouts_.greeting));
}

Task<Result<void>> Conversation::send(smtp::ClientMessage message, BodySource body) {
  // An error here is a refusal of our own, already in the results
  if (!machine_.send_message(message)) co_return Result<void>{};
  std::uint64_t offset = 0;
  while (machine_.state() != State::ready) {
    if (machine_.state() == State::closed) co_return why_closed(machine_);
    if (machine_.state() == State::body && !stream_->readable()) {
      const auto bytes = body(offset);
      // No dot is sent: the server must not take half a message for a whole one
      if (!bytes) co_return std::unexpected(bytes.error());
      offset += bytes->size();
      if (bytes->empty()) {
        machine_.end_body();
      } else {
        machine_.body(*bytes);
        // A small message goes out with its end, in one write
        if (machine_.output().size() < kBlockMin && machine_.state() == State::body) continue;
      }
      const auto flushed = co_await flush();
      if (!flushed) co_return flushed;
      continue;
    }
    const auto taken = co_await take(deadline());
    if (!taken) co_return taken;
  }
  co_return Result<void>{};
}

Task<void> Conversation::quit() {
  machine_.quit();
  // Courtesy only, so it gets little time
  const Deadline deadline = Deadline::after(std::chrono::seconds(5));
  while (machine_.state() == State::quitting) {
    const auto taken = co_await take(deadline);
    if (!taken) break;
  }
  co_await stream_->close(deadline);
}

}  // namespace postern::delivery
