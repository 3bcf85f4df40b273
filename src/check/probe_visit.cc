// A connection of the deep tests: connect, greeting, EHLO, STARTTLS, QUIT; and the dialogue whose every octet is ours.
#include <algorithm>

#include "base/text.h"
#include "check/probe_impl.h"

namespace postern::check::probing {

namespace {

std::string said(const smtp::Reply& reply) { return printable(reply.line(), 300); }

void end(ServerFacts& facts, std::string why) {
  if (facts.deep_ended.empty()) facts.deep_ended = std::move(why);
}

}  // namespace

bool says_too_much(const smtp::Reply& reply) {
  return reply.code == 421 || reply.code == 450 || reply.code == 451 || reply.code == 454;
}

Task<Result<void>> Dialogue::say(std::string bytes) {
  co_return co_await stream_.send(bytes, Deadline::after(kReplyWait));
}

Task<Result<smtp::Reply>> Dialogue::hear(Deadline deadline) {
  for (;;) {
    if (!rest_.empty()) {
      const auto taken = reader_.feed(rest_);
      if (!taken) co_return std::unexpected(taken.error());
      rest_.erase(0, *taken);
      if (reader_.complete()) co_return reader_.take();
    }
    const auto received = co_await stream_.receive(deadline);
    if (!received) co_return std::unexpected(received.error());
    if (received->empty()) co_return fail(ErrorKind::closed, "the server closed the connection");
    rest_ += *received;
  }
}

Task<Result<smtp::Reply>> Dialogue::ask(std::string line) {
  line += "\r\n";
  const auto sent = co_await say(std::move(line));
  if (!sent) co_return std::unexpected(sent.error());
  co_return co_await hear(Deadline::after(kReplyWait));
}

void Dialogue::forget() {
  rest_.clear();
  reader_ = smtp::ReplyReader();
}

Task<std::unique_ptr<Visit>> visit(Run& run, ServerFacts& facts) {
  if (!facts.deep_ended.empty()) co_return nullptr;
  if (run.breakers.cancelled() || run.deadline.passed(Clock::now())) {
    end(facts, "the time for this check ran out");
    co_return nullptr;
  }
  if (facts.connections >= kDeepConnectionsMax) {
    end(facts, "the limit of connections to one address was reached");
    co_return nullptr;
  }
  ++facts.connections;
  auto out = std::make_unique<Visit>(run.breakers);
  auto stream = co_await io::connect(run.services.loop, facts.endpoint,
                                     Deadline::after(kConnectWait).earlier(run.deadline), &out->hold.breaker);
  if (!stream) {
    end(facts, "rate limited: no further connection: " + printable(stream.error().what));
    co_return nullptr;
  }
  out->stream = std::move(*stream);
  out->dialogue = std::make_unique<Dialogue>(*out->stream);
  const auto greeting = co_await out->dialogue->hear(Deadline::after(kReplyWait));
  if (!greeting) {
    end(facts, "rate limited: no further greeting: " + printable(greeting.error().what));
    co_return nullptr;
  }
  if (greeting->code != 220) {
    end(facts, "rate limited: " + said(*greeting));
    co_return nullptr;
  }
  auto hello = co_await out->dialogue->ask("EHLO " + run.options.helo);
  if (!hello || hello->code != 250) {
    end(facts, "rate limited: EHLO: " + (hello ? said(*hello) : printable(hello.error().what)));
    co_return nullptr;
  }
  out->hello = std::move(*hello);
  co_return out;
}

Task<bool> begin_tls(Visit& visit, ServerFacts& facts) {
  const auto ready = co_await visit.dialogue->ask("STARTTLS");
  if (!ready || ready->code != 220) {
    end(facts, "rate limited: STARTTLS: " + (ready ? said(*ready) : printable(ready.error().what)));
    co_return false;
  }
  co_return true;
}

Task<bool> secure(Visit& visit, ServerFacts& facts, std::shared_ptr<io::TlsClientContext> context,
                  io::TlsExpect expect) {
  if (!co_await begin_tls(visit, facts)) co_return false;
  const auto started =
      co_await visit.stream->start_tls_client(std::move(context), std::move(expect), Deadline::after(kHandshakeWait));
  if (!started && started.error().kind == ErrorKind::cancelled) end(facts, "the time for this check ran out");
  visit.dialogue->forget();
  co_return started.has_value();
}

Task<void> part(Visit& visit) {
  static_cast<void>(co_await visit.dialogue->ask("QUIT"));
  visit.stream->part();
}

}  // namespace postern::check::probing
