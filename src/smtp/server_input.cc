// From octets to command lines and bodies.
#include <algorithm>

#include "smtp/server_state.h"

namespace postern::smtp {

Event ServerMachine::State::step(std::string_view input) {
  POSTERN_CHECK(waiting == EventKind::none);
  Event event;
  if (!greeted && !input.empty()) fact(Fact::spoke_before_greeting);
  std::size_t used = 0;
  while (event.kind == EventKind::none) {
    if (line_done) {
      std::string().swap(line);  // its views are dead now; an idle session keeps no buffer
      line_done = false;
    }
    if (!reset_why.empty()) {
      event.kind = EventKind::reset;
      event.why = std::exchange(reset_why, {});
      break;
    }
    if (closing != nullptr) {
      event.kind = EventKind::close;
      event.why = closing->word;
      say(*closing);
      end_transaction();
      std::string().swap(line);
      closing = nullptr;
      mode = Mode::closed;
      break;
    }
    if (used > 0 && output.size() >= kOutputMax) break;
    const std::string_view rest = input.substr(used);
    if (mode == Mode::data) {
      if (rest.empty()) break;
      body_data(rest, used, event);
    } else if (mode == Mode::chunk || mode == Mode::discard) {
      if (rest.empty() && transaction.chunk.left() > 0) break;
      body_chunk(rest, used, event);
    } else if (mode == Mode::tls_wait || mode == Mode::closed) {
      // RFC 3207 4.2: what comes between the 220 and the handshake is discarded
      if (mode == Mode::tls_wait && !rest.empty()) fact(Fact::pipelined_across_starttls);
      used = input.size();
      break;
    } else {
      if (rest.empty()) break;
      if (mode == Mode::command && !tls && speaks_tls(rest)) {
        fact(Fact::non_smtp_tls);
        close_soon(texts::kSpeaksTls);
        used = input.size();
        continue;
      }
      std::string_view text;
      const bool in_auth = mode == Mode::auth;
      const LineState state = take_line(rest, used, text);
      if (state == LineState::partial) continue;  // closing, or the input is used up
      more = used < input.size();
      if (state == LineState::too_long) {
        fact(Fact::command_line_too_long);
        if (in_auth) {
          mode = Mode::command;
          reset_why = "auth_failed";
        } else {
          ++commands;
          verb = 'X';
        }
        error(texts::kLineTooLong);
      } else if (in_auth) {
        auth_line(text, event);
      } else {
        command(text, event);
      }
    }
  }
  event.consumed = used;
  return event;
}

// A TLS record of type handshake: 22, version 3.x (RFC 8446 5.1)
bool ServerMachine::State::speaks_tls(std::string_view input) const {
  if (dropped > 0) return false;
  const char first = line.empty() ? input.front() : line.front();
  if (first != '\x16') return false;
  const std::size_t at = line.empty() ? 1 : 0;
  const char second = line.size() > 1 ? line[1] : (at < input.size() ? input[at] : '\0');
  return second == '\x03';
}

ServerMachine::State::LineState ServerMachine::State::take_line(std::string_view input, std::size_t& used,
                                                                std::string_view& out) {
  const std::size_t limit = mode == Mode::auth ? kAuthLineMax : options->limits.command_line;
  // RFC 5321 2.3.8: only CRLF ends a command; an LF alone is part of it (and makes it refused)
  const bool cr_before = dropped > 0 ? dropped_cr : (!line.empty() && line.back() == '\r');
  std::size_t lf = input.find('\n');
  while (lf != std::string_view::npos && !(lf > 0 ? input[lf - 1] == '\r' : cr_before)) lf = input.find('\n', lf + 1);
  const bool ended = lf != std::string_view::npos;
  const std::size_t taken = ended ? lf + 1 : input.size();
  const std::size_t total = dropped + line.size() + taken;
  used += taken;
  if (total > limit) {
    std::string().swap(line);
    dropped = ended ? 0 : total;
    dropped_cr = !ended && input.back() == '\r';
    if (total > kEndlessLineMax) {
      fact(Fact::command_line_too_long);
      dropped = 0;
      close_soon(texts::kEndlessLine);
      return LineState::partial;
    }
    return ended ? LineState::too_long : LineState::partial;
  }
  if (!ended) {
    line.append(input);
    return LineState::partial;
  }
  if (line.empty()) {
    out = input.substr(0, lf - 1);
  } else {
    line.append(input.substr(0, taken));
    out = std::string_view(line).substr(0, line.size() - 2);
    line_done = true;
  }
  return LineState::whole;
}

void ServerMachine::State::auth_line(std::string_view text, Event& event) {
  // RFC 4954 4: "*" cancels, and is answered 501
  if (text == "*") {
    mode = Mode::command;
    reset_why = "auth_cancelled";
    error(texts::kAuthCancelled);
    return;
  }
  const bool printable_line = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  if (!printable_line) {
    mode = Mode::command;
    reset_why = "auth_failed";
    error(texts::kAuthLine);
    return;
  }
  event.kind = EventKind::auth_line;
  event.bytes = text;
  waiting = EventKind::auth;
}

// Counts the octets, and cuts what is handed out at the limit: the rest is read to the message's end and thrown away.
void ServerMachine::State::hand_out(std::string_view bytes, Event& event) {
  const std::uint64_t limit = options->limits.message_size;
  std::size_t wanted = bytes.size();
  if (limit != 0 && transaction.size + bytes.size() > limit) {
    wanted = transaction.size < limit ? static_cast<std::size_t>(limit - transaction.size) : 0;
    transaction.oversize = true;
  }
  transaction.size += bytes.size();
  if (wanted == 0) return;
  event.kind = EventKind::body;
  event.bytes = bytes.substr(0, wanted);
}

void ServerMachine::State::body_data(std::string_view input, std::size_t& used, Event& event) {
  const BodyStep step = transaction.data.step(input);
  used += step.consumed;
  if (!step.bytes.empty()) hand_out(step.bytes, event);
  if (!step.end) return;
  event.kind = EventKind::message_end;
  waiting = EventKind::message_end;
}

void ServerMachine::State::body_chunk(std::string_view input, std::size_t& used, Event& event) {
  // What was handed out last may have been the chunk's last octets: its end is judged in a step of its own
  if (transaction.chunk.left() == 0) {
    end_of_chunk(event);
    return;
  }
  const BodyStep step = transaction.chunk.step(input);
  used += step.consumed;
  if (mode == Mode::discard) return;
  transaction.judge.see(step.bytes);
  hand_out(step.bytes, event);
}

void ServerMachine::State::end_of_chunk(Event& event) {
  if (mode == Mode::discard) {
    mode = Mode::command;
    return;
  }
  if (transaction.last) {
    static_cast<void>(transaction.judge.finish());
    if (!transaction.judge.ends_with_crlf() && transaction.judge.fault() == BodyFault::none) {
      // RFC 3030 ends the message with the octets, RFC 5321 2.3.8 its last line with CRLF
      transaction.judge.see("\r\n");
      if (!transaction.oversize) {
        transaction.size += 2;
        event.kind = EventKind::body;
        event.bytes = "\r\n";
        return;
      }
    }
    event.kind = EventKind::message_end;
    waiting = EventKind::message_end;
    return;
  }
  mode = Mode::command;
  if (transaction.oversize) {
    abort_transaction("too_large");
    bdat_failed = true;
    say(texts::kBdatTooLarge);
    return;
  }
  note(250);
  append_reply(output, 250, {2, 0, 0}, std::to_string(transaction.chunk_size) + " octets received");
}

}  // namespace postern::smtp
