#include "smtp/client_machine.h"

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "smtp/client_commands.h"
#include "smtp/dot_stuffer.h"
#include "smtp/line_check.h"
#include "smtp/server_offer.h"

namespace postern::smtp {

namespace {

enum class Expect : std::uint8_t { greeting, ehlo, helo, starttls, auth, mail, rcpt, data, final_reply, reset, quit };

Reply lost_reply() { return {451, {4, 4, 2}, "connection to the server was lost before its reply"}; }

}  // namespace

struct ClientMachine::Impl {
  ClientDialect dialect;
  std::string hello_name;
  State state = State::greeting;
  std::string output;
  ServerOffer offer;
  ReplyReader reader;
  Reply last;
  std::optional<Error> error;
  std::deque<Expect> expected{Expect::greeting};
  bool may_pipeline = true;
  bool injected = false;
  ClientStage stop = ClientStage::all;

  // the transaction
  std::vector<std::string> forward_paths;
  std::vector<RecipientParameters> parameters;
  std::vector<Reply> results;
  std::vector<bool> settled;          // the result is final
  std::vector<std::size_t> to_send;   // indexes whose RCPT goes out, in order
  std::vector<std::size_t> accepted;  // RCPT answered 2xx, in order
  std::size_t sent = 0;               // of to_send
  std::size_t answered = 0;           // of to_send
  std::size_t final_replies = 0;      // LMTP: of accepted
  bool mail_answered = false;
  bool mail_refused = false;
  bool data_sent = false;
  bool lone_dot = false;  // the final reply belongs to an empty text, not to the message
  bool strict = false;
  bool dsn_passed = false;
  bool chunk = false;            // BDAT, not DATA
  std::uint64_t chunk_size = 0;  // of the message, as BDAT says it
  std::uint64_t chunk_sent = 0;
  DotStuffer stuffer;
  LineCheck lines;

  Impl(ClientDialect d, std::string name) : dialect(d), hello_name(one_line(std::move(name))) {}

  bool pipelining() const { return may_pipeline && offer.pipelining && stop == ClientStage::all; }

  void command(std::string_view line, Expect expect) {
    output += line;
    output += "\r\n";
    expected.push_back(expect);
  }

  void settle(std::size_t index, const Reply& reply) {
    if (settled[index]) return;
    settled[index] = true;
    results[index] = reply;
  }
  void settle_rest(const Reply& reply) {
    for (std::size_t i = 0; i < results.size(); ++i) settle(i, reply);
  }

  // The connection is of no use any more. Recipients without a result get `reply` where there is one.
  std::unexpected<Error> close(ErrorKind kind, std::string what, const Reply* reply = nullptr) {
    if (reply != nullptr) settle_rest(*reply);
    state = State::closed;
    expected.clear();
    error = Error{kind, std::move(what), 0};
    return std::unexpected(*error);
  }
  std::unexpected<Error> out_of_step(std::string what) {
    const Reply reply(451, {4, 5, 0}, what);
    return close(ErrorKind::protocol, std::move(what), &reply);
  }

  void say_hello() {
    state = State::hello;
    offer = ServerOffer();
    if (dialect == ClientDialect::lmtp) {
      command("LHLO " + hello_name, Expect::ehlo);
    } else {
      command("EHLO " + hello_name, Expect::ehlo);
    }
  }

  Result<void> handle(Reply reply) {
    const Expect expect = expected.front();
    expected.pop_front();
    last = std::move(reply);
    if (expect == Expect::quit) {
      state = State::closed;
      expected.clear();
      return {};
    }
    // RFC 5321 3.8, 4.2.3: 421 may answer any command; the server closes after it
    if (last.code == 421 && expect != Expect::greeting && expect != Expect::ehlo && expect != Expect::helo) {
      static_cast<void>(close(ErrorKind::closed, "server closes the connection: " + last.line(), &last));
      return {};
    }
    switch (expect) {
      case Expect::greeting:
        return on_greeting();
      case Expect::ehlo:
      case Expect::helo:
        return on_hello(expect);
      case Expect::starttls:
        return on_starttls();
      case Expect::auth:
        return on_auth();
      case Expect::mail:
        return on_mail();
      case Expect::rcpt:
        return on_rcpt();
      case Expect::data:
        return on_data();
      case Expect::final_reply:
        return on_final();
      case Expect::reset:
        if (last.code / 100 != 2) {
          static_cast<void>(close(ErrorKind::protocol, "server refused RSET: " + last.line()));
          return {};
        }
        state = State::ready;
        return {};
      case Expect::quit:
        break;
    }
    return {};
  }

  // RFC 5321 3.1: whoever is refused here says QUIT, and the server waits for it; after 421 it does not.
  Result<void> refused(std::string_view stage) {
    if (last.code != 421) output += "QUIT\r\n";
    const std::string text = std::string(stage) + last.line();
    return close(last.code >= 400 ? ErrorKind::refused : ErrorKind::protocol, text);
  }

  Result<void> on_greeting() {
    if (last.code != 220) return refused("server's greeting: ");
    if (stop == ClientStage::greeting) {
      state = State::ready;
    } else {
      say_hello();
    }
    return {};
  }

  Result<void> on_hello(Expect expect) {
    if (last.code == 250) {
      if (expect == Expect::ehlo) offer = parse_offer(last);
      state = State::ready;
      return {};
    }
    // RFC 5321 3.2, 4.1.4: a server that does not know EHLO is greeted with HELO; RFC 2033 4.1: LMTP has no such way
    if (last.permanent() && expect == Expect::ehlo && dialect == ClientDialect::smtp) {
      command("HELO " + hello_name, Expect::helo);
      return {};
    }
    return refused(dialect == ClientDialect::lmtp ? "reply to LHLO: " : "reply to EHLO: ");
  }

  Result<void> on_starttls() {
    if (last.code == 220) {
      state = State::tls;
      return {};
    }
    if (last.code < 400) return out_of_step("server answered STARTTLS with " + last.line());
    state = State::ready;
    return {};
  }

  Result<void> on_auth() {
    if (last.code == 334) return {};
    if (last.code / 100 == 3) return out_of_step("server answered AUTH with " + last.line());
    state = State::ready;
    return {};
  }

  Result<void> on_mail() {
    mail_answered = true;
    if (last.code / 100 == 3) return out_of_step("server answered MAIL with " + last.line());
    if (last.code >= 400) {
      mail_refused = true;
      settle_rest(last);
    } else if (stop == ClientStage::mail) {
      settle_rest(last);
    }
    return pump();
  }

  Result<void> on_rcpt() {
    const std::size_t index = to_send[answered++];
    if (last.code / 100 == 3) return out_of_step("server answered RCPT with " + last.line());
    if (last.code < 300) {
      accepted.push_back(index);
      if (stop == ClientStage::rcpt) settle(index, last);
    } else {
      Reply reply = last;
      // RFC 5321 4.5.3.1.10: 552 to RCPT means "too many recipients" with old servers, and is temporary then
      if (reply.code == 552 && (!reply.enhanced.present() || reply.enhanced == EnhancedCode{5, 5, 3})) {
        reply.code = 452;
        reply.enhanced = {4, 5, 3};
      }
      settle(index, reply);
    }
    return pump();
  }

  Result<void> on_data() {
    if (last.code < 300 || (last.code < 400 && last.code != 354)) {
      return out_of_step("server answered DATA with " + last.line());
    }
    if (last.code != 354) {
      for (const std::size_t index : accepted) settle(index, last);
      return end_transaction();
    }
    if (stop == ClientStage::data) {
      settle_rest(last);
      static_cast<void>(close(ErrorKind::cancelled, "stopped after DATA, as asked"));
      return {};
    }
    if (!mail_refused && !accepted.empty()) {
      state = State::body;
      expected.push_back(Expect::final_reply);
      return {};
    }
    // RFC 2920 3.1: 354 although nothing was accepted is answered with a lone dot. Where a recipient was accepted
    // without a sender that would deliver an empty message, and LMTP has no reply to wait for: hang up.
    if (!accepted.empty() || dialect == ClientDialect::lmtp) {
      static_cast<void>(out_of_step("server takes DATA without a sender or recipient it accepted"));
      return {};
    }
    lone_dot = true;
    output += ".\r\n";
    state = State::final_reply;
    expected.push_back(Expect::final_reply);
    return {};
  }

  Result<void> on_final() {
    if (state == State::body) {
      // RFC 5321 4.1.1.4: the reply belongs behind the dot. A refusal that comes before is believed, a promise is not.
      const std::string what = "server answered in the middle of the message: " + last.line();
      if (last.code < 400) return out_of_step(what);
      static_cast<void>(close(ErrorKind::protocol, what, &last));
      return {};
    }
    if (lone_dot) {
      state = State::ready;
      return {};
    }
    if (last.code / 100 == 3) return out_of_step("server answered the message with " + last.line());
    if (dialect == ClientDialect::smtp) {
      for (const std::size_t index : accepted) settle(index, last);
      state = State::ready;
      return {};
    }
    // RFC 2033 4.2: one reply for each accepted recipient, in the order of their RCPT
    settle(accepted[final_replies++], last);
    if (final_replies == accepted.size()) {
      state = State::ready;
    } else {
      expected.push_back(Expect::final_reply);
    }
    return {};
  }

  // Sends what may go now. RFC 2920 3.1: RCPT may follow MAIL without waiting, DATA may be last of the group.
  Result<void> pump() {
    if (state != State::envelope) return {};
    const std::size_t window = pipelining() ? kPipelineMax : 1;
    while (expected.size() < window && !mail_refused && stop != ClientStage::mail && sent < to_send.size()) {
      if (!pipelining() && !mail_answered) break;
      const std::size_t index = to_send[sent++];
      command(rcpt_command(forward_paths[index], index < parameters.size() ? &parameters[index] : nullptr, offer),
              Expect::rcpt);
    }
    const bool all_sent = sent == to_send.size();
    const bool hope = !accepted.empty() || answered < sent;
    const bool wanted = !mail_refused && !data_sent && stop > ClientStage::rcpt;
    if (chunk && all_sent && wanted && expected.empty() && !accepted.empty()) {
      // RFC 3030 2: no reply to wait for before the octets. Not ahead of the recipients' replies: a message that
      // nobody takes would be sent in vain.
      data_sent = true;
      command("BDAT " + std::to_string(chunk_size) + " LAST", Expect::final_reply);
      state = State::body;
      return {};
    }
    if (!chunk && all_sent && hope && wanted && expected.size() < window) {
      data_sent = true;
      command("DATA", Expect::data);
    }
    if (expected.empty()) return end_transaction();
    return {};
  }

  // Every reply is here and there is no message to send.
  Result<void> end_transaction() {
    if (stop < ClientStage::all || mail_refused) {
      state = State::ready;
      return {};
    }
    command("RSET", Expect::reset);
    return {};
  }

  // In the middle of the message: hanging up is the only way not to finish it.
  void not_sendable() {
    const Reply reply(554, {5, 6, 0},
                      "the stored message has a bare CR or LF, or another length than it had; not sent");
    output.clear();
    static_cast<void>(close(ErrorKind::invalid, reply.text, &reply));
  }

  Result<void> refuse_locally(const Reply& reply) {
    settle_rest(reply);
    return fail(ErrorKind::refused, reply.line());
  }

  void forget_transaction(const ClientMessage& message) {
    forward_paths = message.forward_paths;
    parameters = message.parameters;
    results.assign(forward_paths.size(), lost_reply());
    settled.assign(forward_paths.size(), false);
    to_send.clear();
    accepted.clear();
    sent = answered = final_replies = 0;
    mail_answered = mail_refused = data_sent = lone_dot = dsn_passed = false;
    strict = message.strict;
    chunk = strict && dialect == ClientDialect::smtp && offer.chunking && pipelining() && message.size > 0;
    chunk_size = message.size;
    chunk_sent = 0;
    stuffer = DotStuffer();
    lines = LineCheck();
  }
};

ClientMachine::ClientMachine(ClientDialect dialect, std::string hello_name)
    : impl_(std::make_unique<Impl>(dialect, std::move(hello_name))) {}
ClientMachine::ClientMachine(ClientMachine&&) noexcept = default;
ClientMachine& ClientMachine::operator=(ClientMachine&&) noexcept = default;
ClientMachine::~ClientMachine() = default;

void ClientMachine::forgo_pipelining() { impl_->may_pipeline = false; }
void ClientMachine::stop_after(ClientStage stage) { impl_->stop = stage; }
std::string& ClientMachine::output() { return impl_->output; }
ClientMachine::State ClientMachine::state() const { return impl_->state; }
const ServerOffer& ClientMachine::offer() const { return impl_->offer; }
const Reply& ClientMachine::last_reply() const { return impl_->last; }
const std::optional<Error>& ClientMachine::error() const { return impl_->error; }
bool ClientMachine::pipelining() const { return impl_->pipelining(); }
const std::vector<Reply>& ClientMachine::results() const { return impl_->results; }
bool ClientMachine::dsn_passed() const { return impl_->dsn_passed; }
bool ClientMachine::mail_answered() const { return impl_->mail_answered; }
bool ClientMachine::mail_refused() const { return impl_->mail_refused; }

Result<void> ClientMachine::receive(std::string_view input) {
  Impl& m = *impl_;
  while (!input.empty()) {
    if (m.state == State::closed) {
      if (m.error) return std::unexpected(*m.error);
      return {};  // behind the 221: nothing of interest
    }
    if (m.state == State::tls) {
      // RFC 3207 4.2, CVE-2021-38371 and its kin: what stands behind the 220 was not sent under TLS and is never read
      m.injected = true;
      return m.close(ErrorKind::protocol,
                     "server sent octets in clear behind its 220 to STARTTLS (response injection)");
    }
    const auto taken = m.reader.feed(input);
    if (!taken) return m.out_of_step(taken.error().what);
    input.remove_prefix(*taken);
    if (!m.reader.complete()) return {};
    Reply reply = m.reader.take();
    if (m.expected.empty()) {
      m.last = std::move(reply);
      const bool timed_out = m.last.code == 421;  // RFC 5321 3.8: the server may close an idle session with 421
      const auto closed = m.close(
          timed_out ? ErrorKind::closed : ErrorKind::protocol,
          (timed_out ? "server closes the connection: " : "server sent a reply nobody asked for: ") + m.last.line());
      if (timed_out) return {};
      return closed;
    }
    POSTERN_TRY_VOID(m.handle(std::move(reply)));
  }
  return {};
}

void ClientMachine::starttls() {
  POSTERN_CHECK(impl_->state == State::ready);
  impl_->state = State::starttls;
  impl_->command("STARTTLS", Expect::starttls);
}

Result<void> ClientMachine::tls_started() {
  Impl& m = *impl_;
  if (m.injected) return std::unexpected(*m.error);
  // In state greeting: TLS came before the first octet (implicit TLS), there is nothing to forget
  if (m.state == State::greeting) return {};
  POSTERN_CHECK(m.state == State::tls);
  // RFC 3207 4.2: all knowledge of the server from before is discarded, EHLO is said anew
  m.reader = ReplyReader();
  m.last = Reply();
  m.say_hello();
  return {};
}

void ClientMachine::auth(std::string_view mechanism, std::string_view initial_base64) {
  POSTERN_CHECK(impl_->state == State::ready);
  std::string line = "AUTH " + one_line(std::string(mechanism));
  if (!initial_base64.empty()) line += " " + one_line(std::string(initial_base64));
  impl_->state = State::auth;
  impl_->last = Reply();
  impl_->command(line, Expect::auth);
}

void ClientMachine::auth_response(std::string_view base64) {
  POSTERN_CHECK(impl_->state == State::auth && impl_->last.code == 334);
  impl_->last = Reply();
  impl_->command(one_line(std::string(base64)), Expect::auth);
}

Result<void> ClientMachine::send_message(const ClientMessage& message) {
  Impl& m = *impl_;
  POSTERN_CHECK(m.state == State::ready && !message.forward_paths.empty());
  m.forget_transaction(message);
  if (!safe_path(message.reverse_path)) {
    return m.refuse_locally({553, {5, 1, 7}, "sender's address cannot be sent: " + printable(message.reverse_path)});
  }
  for (std::size_t i = 0; i < m.forward_paths.size(); ++i) {
    const std::string& path = m.forward_paths[i];
    if (path.empty() || !safe_path(path)) {
      m.settle(i, {553, {5, 1, 3}, "recipient's address cannot be sent: " + printable(path)});
      continue;
    }
    m.to_send.push_back(i);
  }
  if (m.to_send.empty()) return fail(ErrorKind::refused, m.results.front().line());
  if (const auto reply = cannot_take(message, m.offer)) return m.refuse_locally(*reply);
  m.dsn_passed = m.offer.dsn;
  m.state = State::envelope;
  m.command(mail_command(message, m.offer), Expect::mail);
  return m.pump();
}

void ClientMachine::body(std::string_view bytes) {
  Impl& m = *impl_;
  if (m.state != State::body) return;
  if (m.strict && !m.lines.add(bytes)) return m.not_sendable();
  if (!m.chunk) return m.stuffer.add(bytes, m.output);
  m.chunk_sent += bytes.size();
  if (m.chunk_sent > m.chunk_size) return m.not_sendable();
  m.output += bytes;
  // The chunk is whole: the reply may come before anybody says that this was the end
  if (m.chunk_sent < m.chunk_size || m.chunk_size == 0) return;
  if (m.strict && !m.lines.finish()) return m.not_sendable();
  m.state = State::final_reply;
}

void ClientMachine::end_body() {
  Impl& m = *impl_;
  if (m.state != State::body) return;
  if (m.strict && !m.lines.finish()) return m.not_sendable();
  // RFC 3030 2: exactly as many octets as were announced
  if (m.chunk && m.chunk_sent != m.chunk_size) return m.not_sendable();
  if (!m.chunk) m.stuffer.finish(m.output);
  m.state = State::final_reply;
}

void ClientMachine::quit() {
  // Inside the message QUIT would be text: hanging up is the only way out
  if (impl_->state == State::body || impl_->state == State::closed || impl_->state == State::quitting) return;
  impl_->state = State::quitting;
  impl_->expected.clear();
  impl_->command("QUIT", Expect::quit);
}

void ClientMachine::reset() {
  POSTERN_CHECK(impl_->state == State::ready);
  impl_->state = State::envelope;
  impl_->command("RSET", Expect::reset);
}

}  // namespace postern::smtp
