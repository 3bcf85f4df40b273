// Delivery over LMTP (RFC 2033), one connection for each attempt.
#include "base/log.h"
#include "base/text.h"
#include "delivery/attempt.h"
#include "delivery/conversation.h"

namespace postern::delivery {

namespace {

using Kind = directory::Transport::Kind;
constexpr std::chrono::seconds kConnectTimeout{30};
constexpr std::size_t kBlock = 64 * 1024;

// A failure of the server as a whole says nothing about a recipient, so it is temporary whatever code it came with.
smtp::Reply server_trouble(const directory::Transport& transport, const Error& error) {
  const std::string text = transport.text() + ": " + error.what;
  switch (error.kind) {
    case ErrorKind::protocol:
      return {451, {4, 5, 0}, text};
    case ErrorKind::refused:
      return {451, {4, 3, 2}, text};
    case ErrorKind::storage:
      return {451, {4, 3, 0}, text};
    default:
      return {451, {4, 4, 1}, text + "; is the LMTP server running, and may postern reach it?"};
  }
}

Task<Result<std::unique_ptr<io::Stream>>> open(io::Loop& loop, const directory::Transport& transport,
                                               io::Breaker* breaker) {
  const Deadline deadline = Deadline::after(kConnectTimeout);
  if (transport.kind == Kind::lmtp_unix) co_return co_await io::connect_unix(loop, transport.target, deadline, breaker);
  const auto endpoint = ip::Endpoint::parse(transport.target);
  if (!endpoint) co_return std::unexpected(endpoint.error());
  co_return co_await io::connect(loop, *endpoint, deadline, breaker);
}

struct Unwatch {
  io::Breaker* breaker;
  ~Unwatch() {
    if (breaker != nullptr) breaker->watch(nullptr);
  }
};

}  // namespace

Task<Results> deliver_lmtp(io::Loop& loop, const LocalOptions& options, const directory::Transport& transport,
                           const Attempt& attempt, AttemptNote* note, io::Breaker* breaker) {
  const Unwatch unwatch{breaker};
  const auto unreachable = [&](const Error& error) {
    const smtp::Reply reply = server_trouble(transport, error);
    if (note != nullptr) *note = AttemptNote{.unreachable = true, .text = reply.text};
    return Results(attempt.recipients.size(), reply);
  };
  auto stream = co_await open(loop, transport, breaker);
  if (!stream) co_return unreachable(stream.error());
  Conversation conversation(std::move(*stream), smtp::ClientMachine(smtp::ClientDialect::lmtp, options.hostname));
  const auto greeted = co_await conversation.greet();
  if (!greeted) co_return unreachable(greeted.error());

  const spool::Envelope& envelope = *attempt.envelope;
  smtp::ClientMessage message;
  message.reverse_path = attempt.reverse_path;
  for (const std::uint32_t index : attempt.recipients) {
    message.forward_paths.push_back(envelope.recipients.at(index).forward_path);
  }
  message.size = attempt.body->size();
  message.eight_bit = envelope.eight_bit;
  message.utf8 = envelope.utf8;
  spool::Body* const body = attempt.body;
  const auto source = [body](std::uint64_t offset) -> Result<std::string> {
    if (offset >= body->size()) return std::string();
    auto bytes = body->read(offset, kBlock);
    if (bytes && bytes->empty()) return fail(ErrorKind::storage, "the message in the spool is cut short");
    return bytes;
  };
  const auto sent = co_await conversation.send(std::move(message), source);
  Results results = conversation.machine().results();
  if (!sent) {
    // The machine's own words for a lost connection are the general ones; the stream knows better
    for (smtp::Reply& reply : results) {
      if (reply.code == 451 && reply.enhanced == smtp::EnhancedCode{4, 4, 2}) {
        reply.text = transport.text() + ": " + sent.error().what;
      }
    }
    co_return results;
  }
  co_await conversation.quit();
  co_return results;
}

}  // namespace postern::delivery
