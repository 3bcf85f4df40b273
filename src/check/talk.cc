#include "check/talk.h"

#include "base/id.h"
#include "base/text.h"

namespace postern::check::probing {

std::string random_octets(std::size_t count) {
  std::string out(count, '\0');
  random_bytes(out.data(), out.size());
  return out;
}

Task<bool> tell(Talk& talk, std::string octets) {
  const auto sent = co_await talk.at->stream->send(octets, Deadline::after(kHandshakeWait));
  co_return sent.has_value();
}

Task<Heard> hear(Talk& talk, Deadline deadline) {
  for (;;) {
    if (!talk.rest.empty()) {
      const auto taken = talk.reader.feed(talk.rest);
      if (!taken) co_return Heard{.how = Heard::How::broken, .record = {}, .why = taken.error().what};
      talk.rest.erase(0, *taken);
      if (talk.reader.complete()) co_return Heard{.how = Heard::How::record, .record = talk.reader.take(), .why = {}};
    }
    const auto received = co_await talk.at->stream->receive(deadline);
    if (!received && received.error().kind == ErrorKind::timeout) co_return Heard{};
    if (!received && received.error().kind == ErrorKind::cancelled)
      co_return Heard{.how = Heard::How::broken, .record = {}, .why = "the time for this check ran out"};
    if (!received || received->empty()) co_return Heard{.how = Heard::How::closed, .record = {}, .why = {}};
    talk.rest += *received;
  }
}

Task<Answer> greet(Talk& talk, Run& run, ServerFacts& facts, hand::ClientHello hello) {
  talk.at = co_await visit(run, facts);
  if (talk.at == nullptr || !co_await begin_tls(*talk.at, facts)) co_return Answer{Came::nothing, facts.deep_ended};
  if (!co_await tell(talk, hand::write_client_hello(hello, random_octets(32))))
    co_return Answer{Came::refused, "the server closed the connection"};
  const Deadline deadline = Deadline::after(kHandshakeWait).earlier(run.deadline);
  for (;;) {
    const Heard heard = co_await hear(talk, deadline);
    switch (heard.how) {
      case Heard::How::silent:
        co_return Answer{Came::nothing, "the server did not answer a ClientHello in time"};
      case Heard::How::broken:
        co_return Answer{Came::nothing, heard.why};
      case Heard::How::closed:
        co_return Answer{Came::refused, "the server closed the connection"};
      case Heard::How::record:
        break;
    }
    const auto state = talk.flight.take(heard.record);
    if (!state) co_return Answer{Came::nothing, state.error().what};
    if (*state == hand::FlightReader::State::alert)
      co_return Answer{Came::refused, "alert " + hand::alert_name(talk.flight.alert())};
    if (*state == hand::FlightReader::State::done) co_return Answer{Came::flight, {}};
  }
}

Task<void> leave(Talk& talk) {
  const std::uint16_t version = talk.flight.flight().version;
  const std::string warning("\1\x5a", 2);  // user_canceled
  const std::string end("\1\0", 2);        // close_notify
  static_cast<void>(co_await tell(talk, hand::write_record(hand::Content::alert, version, warning) +
                                            hand::write_record(hand::Content::alert, version, end)));
  talk.at->stream->part();
}

}  // namespace postern::check::probing
