#include "smtp/server_machine.h"

#include <utility>

#include "smtp/server_state.h"

namespace postern::smtp {

void ServerMachine::State::note(int code) {
  const auto number = static_cast<std::uint16_t>(code);
  if (verb == '?') return;  // not the answer to a command: a greeting, a drain
  // DATA is one command with two replies; the second one tells how it went
  if (verb == 'D' && !outline.empty() && outline.back().verb == 'D' && outline.back().code == 354) {
    outline.back().code = number;
    return;
  }
  if (outline.size() < kOutlineMax) outline.push_back({verb, number});
}

void ServerMachine::State::say(const ServerText& text, std::string_view detail) {
  note(text.code);
  const std::string_view suffix = text.code >= 400 ? std::string_view(tag) : std::string_view();
  if (detail.empty()) {
    append_reply(output, text.code, text.enhanced, text.text, suffix);
    return;
  }
  std::string joined(text.text);
  joined += detail;
  append_reply(output, text.code, text.enhanced, joined, suffix);
}

void ServerMachine::State::say(const Reply& reply) {
  note(reply.code);
  append_reply(output, reply.code, reply.enhanced, reply.text,
               reply.code >= 400 ? std::string_view(tag) : std::string_view());
}

void ServerMachine::State::count_error() {
  if (++errors > options->limits.errors) close_soon(texts::kTooManyErrors);
}

void ServerMachine::State::error(const ServerText& text, std::string_view detail) {
  count_error();
  // The 421 that follows at once is the one reply to the command that was too many
  if (closing == nullptr) say(text, detail);
}

void ServerMachine::State::close_soon(const ServerText& text) {
  if (closing == nullptr) closing = &text;
}

void ServerMachine::State::abort_transaction(std::string_view why) {
  if (transaction.open) reset_why = why;
  end_transaction();
}

bool ServerMachine::State::answer(EventKind kind) {
  if (waiting != kind) return false;
  waiting = EventKind::none;
  return true;
}

// RFC 5321 4.1.1.1: the keywords offered now
void ServerMachine::State::say_hello() {
  note(250);
  const ServerOptions& o = *options;
  if (!extended) {
    append_reply(output, 250, {}, o.hostname);
    return;
  }
  std::string text = o.hostname;
  text += "\nPIPELINING\nSIZE ";
  text += std::to_string(o.limits.message_size);
  text += "\n8BITMIME\nENHANCEDSTATUSCODES";
  if (o.smtputf8) text += "\nSMTPUTF8";
  if (o.chunking) text += "\nCHUNKING";
  if (o.dsn) text += "\nDSN";
  // RFC 8689 3: only over a channel that is protected itself
  if (tls) text += "\nREQUIRETLS";
  if (!future_release.empty()) text += "\nDELIVERBY\nFUTURERELEASE " + future_release + "\nMT-PRIORITY";
  // RFC 3207 4.2: not offered once TLS is up
  if (o.starttls && !tls) text += "\nSTARTTLS";
  // RFC 4954 4: mechanisms that send a password only where it cannot be read
  if (!auth.empty() && tls) text.append("\nAUTH ").append(auth);
  // RFC 9422 3
  text +=
      "\nLIMITS MAILMAX=" + std::to_string(o.limits.transactions) + " RCPTMAX=" + std::to_string(o.limits.recipients);
  text += "\nHELP";
  append_reply(output, 250, {}, text);
}

ServerMachine::ServerMachine(const ServerOptions& options) : state_(std::make_unique<State>(options)) {}
ServerMachine::ServerMachine(ServerMachine&&) noexcept = default;
ServerMachine& ServerMachine::operator=(ServerMachine&&) noexcept = default;
ServerMachine::~ServerMachine() = default;

void ServerMachine::tag_refusals(std::string_view tag) { state_->tag = tag; }
void ServerMachine::offer_to_submitter(std::string_view future_release) { state_->future_release = future_release; }

void ServerMachine::greet(const Reply& greeting) {
  State& s = *state_;
  POSTERN_CHECK(!s.greeted);
  s.greeted = true;
  // Replies to one who did not wait stand behind the greeting
  std::string early = std::exchange(s.output, {});
  const char verb = std::exchange(s.verb, '?');
  s.say(greeting);
  s.verb = verb;
  s.output += early;
}

Event ServerMachine::step(std::string_view input) { return state_->step(input); }

void ServerMachine::accept() {
  State& s = *state_;
  switch (s.waiting) {
    case EventKind::hello:
      accept_hello();
      return;
    case EventKind::mail:
      accept({texts::kSenderOk.code, texts::kSenderOk.enhanced, "Ok"});
      return;
    case EventKind::rcpt:
      accept({texts::kRecipientOk.code, texts::kRecipientOk.enhanced, "Ok"});
      return;
    case EventKind::data:
      accept({texts::kSendBody.code, {}, std::string(texts::kSendBody.text)});
      return;
    case EventKind::message_end:
      accept({texts::kOk.code, texts::kOk.enhanced, "Ok"});
      return;
    case EventKind::starttls:
      accept({texts::kTlsReady.code, texts::kTlsReady.enhanced, std::string(texts::kTlsReady.text)});
      return;
    case EventKind::auth:
      accept({texts::kAuthenticated.code, texts::kAuthenticated.enhanced, std::string(texts::kAuthenticated.text)});
      return;
    default:
      POSTERN_CHECK(false);
  }
}

void ServerMachine::accept(const Reply& reply) {
  State& s = *state_;
  const EventKind kind = std::exchange(s.waiting, EventKind::none);
  switch (kind) {
    case EventKind::hello:
      s.waiting = EventKind::hello;
      accept_hello();
      return;
    case EventKind::mail:
      s.transaction.open = true;  // on_mail() made it anew
      s.bdat_failed = false;
      s.empty_commands = 0;
      ++s.transactions;
      break;
    case EventKind::rcpt:
      ++s.transaction.recipients;
      break;
    case EventKind::data:
      if (s.transaction.chunked) {
        s.mode = State::Mode::chunk;  // the chunk's own reply comes behind its octets
        return;
      }
      if (s.more) s.fact(Fact::pipelined_before_data_reply);
      s.mode = State::Mode::data;
      break;
    case EventKind::message_end:
      s.end_transaction();
      s.mode = State::Mode::command;
      break;
    case EventKind::starttls:
      if (s.more) s.fact(Fact::pipelined_across_starttls);
      s.mode = State::Mode::tls_wait;
      break;
    case EventKind::auth:
      s.mode = State::Mode::command;
      break;
    default:
      POSTERN_CHECK(false);
  }
  s.say(reply);
}

void ServerMachine::refuse(const Reply& reply) {
  State& s = *state_;
  const EventKind kind = std::exchange(s.waiting, EventKind::none);
  POSTERN_CHECK(kind != EventKind::none);
  s.say(reply);
  switch (kind) {
    case EventKind::rcpt:
      if (++s.refused_recipients > s.options->limits.refused_recipients) s.close_soon(texts::kTooManyRefused);
      break;
    case EventKind::mail:
      s.transaction.utf8 = false;
      break;
    case EventKind::data:
      if (s.more && !s.transaction.chunked) s.fact(Fact::pipelined_before_data_reply);
      if (s.transaction.chunked) {
        // RFC 3030 2: the octets of a refused chunk are read and thrown away, and so are the chunks behind it
        const std::uint64_t size = s.transaction.chunk_size;
        s.bdat_failed = !s.transaction.last;
        s.end_transaction();
        s.discard_chunk(size);
      } else {
        s.end_transaction();
      }
      break;
    case EventKind::message_end:
      s.end_transaction();
      s.mode = State::Mode::command;
      break;
    case EventKind::auth:
      s.mode = State::Mode::command;
      s.count_error();
      break;
    default:
      break;
  }
}

void ServerMachine::accept_hello() {
  State& s = *state_;
  POSTERN_CHECK(s.answer(EventKind::hello));
  if (s.hello) s.fact(Fact::helo_twice);
  // Octets behind the first hello were sent before its answer could be read (RFC 2920 3.1 for EHLO)
  if (s.more && !s.hello) s.fact(Fact::pipelined_before_ehlo);
  s.hello = true;
  s.extended = s.pending_extended;
  // RFC 5321 4.1.4: a hello within the session ends the transaction like RSET
  s.abort_transaction("hello");
  s.bdat_failed = false;
  s.say_hello();
}

void ServerMachine::challenge(std::string_view base64) {
  State& s = *state_;
  POSTERN_CHECK(s.answer(EventKind::auth));
  s.mode = State::Mode::auth;
  // No entry in the outline: the command is answered by what ends the exchange. RFC 2034 4: 334 has no enhanced code.
  s.output += "334 ";
  s.output += base64;
  s.output += "\r\n";
}

void ServerMachine::tls_started() {
  State& s = *state_;
  // RFC 3207 4.2: nothing learnt in the clear is kept
  s.abort_transaction("starttls");
  std::string().swap(s.line);
  s.line_done = false;
  s.dropped = 0;
  s.dropped_cr = false;
  s.hello = s.extended = s.authed = s.bdat_failed = s.more = false;
  s.waiting = EventKind::none;
  s.tls = true;
  if (s.mode != State::Mode::closed) s.mode = State::Mode::command;
}

void ServerMachine::authenticated() { state_->authed = true; }
void ServerMachine::offer_auth(std::string_view mechanisms) { state_->auth = mechanisms; }

void ServerMachine::shut_down(const Reply& reply) {
  State& s = *state_;
  s.waiting = EventKind::none;
  s.verb = '?';
  s.say(reply);
  s.end_transaction();
  s.reset_why = {};
  s.closing = nullptr;
  s.mode = State::Mode::closed;
}

std::string& ServerMachine::output() { return state_->output; }
std::uint32_t ServerMachine::facts() const { return state_->facts; }
const std::vector<Exchange>& ServerMachine::outline() const { return state_->outline; }
const std::vector<std::string>& ServerMachine::errors_kept() const { return state_->errors_kept; }
std::uint32_t ServerMachine::command_count() const { return state_->commands; }
std::uint32_t ServerMachine::error_count() const { return state_->errors; }
bool ServerMachine::tls() const { return state_->tls; }
bool ServerMachine::in_transaction() const { return state_->transaction.open; }
bool ServerMachine::in_body() const {
  return state_->mode == State::Mode::data || state_->mode == State::Mode::chunk ||
         state_->mode == State::Mode::discard;
}
bool ServerMachine::smtputf8() const { return state_->transaction.utf8; }
BodyFault ServerMachine::body_fault() const {
  const State::Transaction& t = state_->transaction;
  return t.chunked ? t.judge.fault() : t.data.fault();
}
std::uint64_t ServerMachine::body_size() const { return state_->transaction.size; }
bool ServerMachine::oversize() const { return state_->transaction.oversize; }

std::size_t ServerMachine::memory() const {
  const State& s = *state_;
  const auto heap = [](const std::string& text) { return text.capacity() > 15 ? text.capacity() + 1 : 0; };
  std::size_t kept = s.errors_kept.capacity() * sizeof(std::string);
  for (const std::string& text : s.errors_kept) kept += heap(text);
  return sizeof(State) + heap(s.line) + heap(s.tag) + heap(s.future_release) + heap(s.output) +
         s.outline.capacity() * sizeof(Exchange) + kept;
}

}  // namespace postern::smtp
