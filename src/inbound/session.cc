#include "inbound/session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/counters.h"
#include "base/log.h"
#include "inbound/demands.h"
#include "ip/proxy_header.h"
#include "record/metrics.h"

namespace postern::inbound {

namespace {

Counter sessions_total("postern_sessions_total");
Counter sessions_refused_total("postern_sessions_refused_total");

}  // namespace

Session::Session(SessionContext& context, std::size_t listener, io::Accepted accepted)
    : Session(context, listener, io::make_stream(context.loop, std::move(accepted.fd)), accepted.peer, accepted.local) {
  record_.syn = std::move(accepted.saved_syn);
}

Session::Session(SessionContext& context, std::size_t listener, std::unique_ptr<io::Stream> stream, ip::Endpoint client,
                 ip::Endpoint server)
    : context_(context),
      runtime_(*context.current),
      listener_(listener),
      stream_(std::move(stream)),
      machine_(runtime_->machine_options.at(listener)),
      start_(Clock::now()) {
  record_.start = wall_now();
  record_.id = Id::make(record_.start);
  record_.listener = settings().listeners.at(listener).role;
  record_.client = client;
  record_.server = server;
  if (!is_sinkhole()) sessions_total.add();
}

// Also where an exception ended run(): what the gate counted is given back.
Session::~Session() {
  if (transaction_ && transaction_->in_flight > 0)
    context_.gate.give_bytes(record_.client.address, transaction_->in_flight);
  if (entered_) context_.gate.leave(record_.client.address);
}

// However run() ends, the look-ups of the judgement have ended before the session goes.
Task<void> Session::run() {
  std::exception_ptr failure;
  try {
    co_await serve();
  } catch (...) {
    failure = std::current_exception();
  }
  end_transaction("disconnected", nullptr);
  record_.facts |= machine_.facts();
  if (judgement_) co_await judgement_->finish();
  if (failure) std::rethrow_exception(failure);
  write_record();
}

// Who is judged: not our own clients, and not this machine itself (where no proxy speaks for somebody).
bool Session::is_stranger() const { return is_charged() && !is_submission() && !is_own_client(); }

// This machine pays for nothing.
bool Session::is_charged() const { return !proxy_itself_ && (!record_.client.address.is_loopback() || record_.proxy); }

Task<void> Session::refuse_connection(Refusal refusal, std::string_view limit) {
  if (!is_sinkhole()) sessions_refused_total.add();
  record_.refusal = refusal.reason;
  log::info(
      "connection_refused",
      {{"id", record_.id.text()}, {"client", record_.client.text()}, {"reason", refusal.reason}, {"limit", limit}});
  machine_.greet(refusal.reply);
  record_.end = "refused";
  if (begins_with_tls())
    std::string().swap(machine_.output());  // nobody there would read words in clear
  else
    co_await flush();
}

Task<void> Session::serve() {
  const auto& proxies = settings().listeners[listener_].proxy_from;
  const bool proxied = std::ranges::any_of(
      proxies, [this](const ip::Prefix& prefix) { return prefix.contains(record_.client.address); });
  bool good = true;
  if (proxied) good = co_await read_proxy_header();
  if (good) {
    // design invariant 8: the id, and where somebody explains it
    const std::string& page = settings().defence.public_url;
    const std::string id = record_.id.text();
    machine_.tag_refusals(page.empty() ? id : id + "; " + page + "/why/" + id);
    const auto full = context_.gate.enter(record_.client.address, settings().sessions);
    entered_ = !full.has_value();
    std::optional<Refusal> refusal;
    std::string_view limit;
    if (full) {
      refusal = refusals::too_many_sessions(*full);
      limit = *full;
    } else if (context_.defence != nullptr && settings().policy && is_stranger()) {
      judgement_ =
          std::make_unique<Judgement>(JudgementContext{.loop = context_.loop,
                                                       .defence = *context_.defence,
                                                       .resolver = context_.authentication.resolver,
                                                       .starttls = runtime_->machine_options[listener_].starttls,
                                                       .sinkhole = is_sinkhole()},
                                      runtime_, record_, start_);
      refusal = judgement_->connect();
      limit = record_.state.budget_level;
    }
    if (refusal) {
      co_await refuse_connection(std::move(*refusal), limit);
    } else {
      // RFC 8314 3.3: the client speaks first, and its handshake may have come with the PROXY header
      if (begins_with_tls()) {
        stream_->put_back(std::exchange(carry_, {}));
        co_await secure(settings().tls);
      }
      if (!over_) co_await converse();
    }
  }
  // After QUIT the client waits for nothing but our end; others may still be sending, and a reset would overtake the
  // reply.
  if (record_.end == "quit")
    stream_->part();
  else
    co_await stream_->close(Deadline::after(seconds(2)));
  if (std::exchange(entered_, false)) context_.gate.leave(record_.client.address);
}

// The proxy speaks first and at once; its header says who the client is. Only peers named in proxy_from get here.
Task<bool> Session::read_proxy_header() {
  const Deadline deadline = Deadline::after(milliseconds(settings().timeouts.proxy_header));
  record_.proxy = record_.client;
  for (;;) {
    const auto got = co_await stream_->receive(deadline);
    if (!got || got->empty()) {
      const bool late = !got && got.error().kind == ErrorKind::timeout;
      record_.end = got ? "eof" : (late ? "timeout" : "reset");
      record_.refusal = "proxy_header_missing";
      co_return false;
    }
    carry_.append(*got);
    ip::ProxyParse parse = ip::parse_proxy_header(carry_);
    if (parse.state == ip::ProxyParse::State::need_more) continue;
    if (parse.state == ip::ProxyParse::State::invalid) {
      log::warning("proxy_header_invalid", {{"peer", record_.client.text()}, {"why", parse.why}});
      record_.end = "refused";
      record_.refusal = "proxy_header_invalid";
      co_return false;
    }
    carry_.erase(0, parse.consumed);
    if (parse.header.source) {
      record_.client = *parse.header.source;
    } else {
      // LOCAL or UNKNOWN: the proxy looks after us on its own account
      record_.proxy.reset();
      proxy_itself_ = true;
    }
    if (parse.header.destination) record_.server = *parse.header.destination;
    co_return true;
  }
}

Task<void> Session::converse() {
  if (judgement_) co_await judgement_->hold_greeting();
  // Who speaks before the greeting is not listening to it; the automaton notes it when the octets come.
  const bool spoke_before = !carry_.empty() || stream_->readable();
  if (spoke_before) record_.facts |= static_cast<std::uint32_t>(smtp::Fact::spoke_before_greeting);
  if (judgement_) judgement_->greeted(spoke_before);
  if (draining_) {  // since it connected: in the PROXY header, or in the queue of the loop
    machine_.greet(refusals::draining().reply);
    record_.end = "drain";
    co_await flush();
    co_return;
  }
  if (may_submit()) machine_.offer_to_submitter(future_release_offer(wall_now()));
  machine_.greet(smtp::Reply(220, {}, settings().hostname + " ESMTP Postern"));
  if (!co_await flush()) co_return;
  record_.greeting_ms = static_cast<std::int32_t>(since_start_ms());

  if (!carry_.empty()) {
    const std::string current = std::exchange(carry_, {});
    co_await take_input(current);
  }
  while (!over_) {
    if (draining_ && (drain_ends_ || !machine_.in_transaction())) {
      hang_up(refusals::draining(), "drain");
      co_await flush();
      co_return;
    }
    receiving_ = true;
    const auto got = co_await stream_->receive(read_deadline());
    receiving_ = false;
    if (!got) {
      ended_by(got.error());
      co_await flush();
      co_return;
    }
    if (got->empty()) {
      end_transaction("disconnected", nullptr);
      record_.end = "eof";
      co_return;
    }
    record_.bytes_in += got->size();
    if (record_.first_octet_ms < 0) record_.first_octet_ms = static_cast<std::int32_t>(since_start_ms());
    co_await take_input(*got);
  }
}

// `input` may lie in the loop's scratch buffer: what is left of it is copied before anything suspends.
Task<void> Session::take_input(std::string_view input) {
  std::optional<std::string> kept;
  const auto keep = [&kept, &input] {
    if (!kept) input = kept.emplace(input);
  };
  while (!over_) {
    if (machine_.output().size() >= smtp::ServerMachine::kOutputMax) {
      keep();
      if (!co_await flush()) co_return;
    }
    const smtp::Event event = machine_.step(input);
    input.remove_prefix(event.consumed);
    if (event.kind == smtp::EventKind::none) {
      if (input.empty()) break;
      continue;  // the replies come first
    }
    if (!wants_suspension(event)) {
      on_event(event);
      continue;
    }
    const smtp::EventKind kind = event.kind;
    const bool has_octets =
        kind == smtp::EventKind::body || kind == smtp::EventKind::auth || kind == smtp::EventKind::auth_line;
    std::string chunk(has_octets ? event.bytes : std::string_view());
    keep();
    if (kind == smtp::EventKind::message_end) {
      co_await finish_message();
    } else if (kind == smtp::EventKind::starttls) {
      const bool injected = !input.empty();
      input = {};
      co_await start_tls(injected);
    } else if (kind == smtp::EventKind::auth) {
      std::optional<std::string> initial;
      if (event.has_initial) initial = std::move(chunk);
      co_await log_in(std::string(event.name), std::move(initial));
    } else if (kind == smtp::EventKind::auth_line) {
      co_await go_on_logging_in(std::move(chunk));
    } else if (kind == smtp::EventKind::rcpt) {
      co_await judgement_->gather(transaction_->authentication.get());
      answer_recipient(event.path.mailbox, event.rcpt);
    } else {
      co_await store_chunk(std::move(chunk));
    }
  }
  co_await flush();
}

bool Session::wants_suspension(const smtp::Event& event) const {
  switch (event.kind) {
    case smtp::EventKind::message_end:
    case smtp::EventKind::starttls:
    case smtp::EventKind::auth:
    case smtp::EventKind::auth_line:
      return true;
    case smtp::EventKind::rcpt:
      return judgement_ && !judgement_->has_gathered();
    case smtp::EventKind::body:
      if (transaction_ && transaction_->kept) return true;
      return transaction_ && transaction_->intake && !transaction_->spoiled &&
             !transaction_->intake->fits(event.bytes.size() +
                                         (transaction_->head ? transaction_->head->held() + kFixUpsMax : 0));
    default:
      return false;
  }
}

void Session::on_event(const smtp::Event& event) {
  switch (event.kind) {
    case smtp::EventKind::hello:
      on_hello(event);
      break;
    case smtp::EventKind::mail:
      on_mail(event);
      break;
    case smtp::EventKind::rcpt:
      answer_recipient(event.path.mailbox, event.rcpt);
      break;
    case smtp::EventKind::data:
      on_data(event);
      break;
    case smtp::EventKind::body:
      on_body(event.bytes);
      break;
    case smtp::EventKind::reset:
      login_.reset();
      end_transaction(event.why.empty() ? "reset" : event.why, nullptr);
      break;
    case smtp::EventKind::quit:
      end_transaction("reset", nullptr);
      record_.end = "quit";
      over_ = true;
      break;
    case smtp::EventKind::close:
      end_transaction("disconnected", nullptr);
      record_.end = "limit";
      record_.refusal = clipped(event.why);
      over_ = true;
      break;
    default:
      POSTERN_CHECK(false);  // the others want suspension
  }
}

void Session::on_hello(const smtp::Event& event) {
  if (record_.hello_ms < 0) {
    record_.hello_ms = static_cast<std::int32_t>(since_start_ms()) - std::max(record_.greeting_ms, 0);
  }
  record_.helo = clipped(event.name);
  record_.extended = event.extended;
  if (judgement_) judgement_->hello();
  machine_.accept_hello();
}

Task<void> Session::start_tls(bool injected) {
  const auto context = settings().tls;
  if (!context) {
    refuse(refusals::tls_unavailable());
    co_return;
  }
  // RFC 3207 4.2: what came after STARTTLS in the clear is not the client's, or not to be believed; it is gone already
  if (injected) record_.facts |= static_cast<std::uint32_t>(smtp::Fact::pipelined_across_starttls);
  machine_.accept();
  if (!co_await flush()) co_return;
  co_await secure(context);
}

// The handshake. What fails ends the session.
Task<void> Session::secure(std::shared_ptr<io::TlsServerContext> context) {
  if (!context) {  // there is always a certificate, be it our own
    record_.end = "tls_failed";
    over_ = true;
    co_return;
  }
  const auto begun = Clock::now();
  const auto done =
      co_await stream_->start_tls_server(context, Deadline::after(milliseconds(settings().timeouts.tls_handshake)));
  record::TlsRecord facts;
  facts.handshake_ms =
      static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - begun).count());
  if (!done) {
    facts.error = clipped(done.error().what);
    if (const io::TlsFacts* const attempt = stream_->tls_attempt()) facts.failure = attempt->failure;
    log::info("tls_failed", {{"id", record_.id.text()}, {"client", record_.client.text()}, {"error", facts.error}});
    record_.tls = std::move(facts);
    if (judgement_) judgement_->tls_failed(stream_->tls_attempt());
    record_.end = "tls_failed";
    over_ = true;
    co_return;
  }
  const io::TlsFacts& known = *stream_->tls();
  facts.version = known.version;
  facts.cipher = known.cipher;
  facts.group = known.group;
  facts.sni = clipped(known.sni);
  facts.alpn = clipped(known.alpn);
  facts.resumed = known.resumed;
  record_.tls = std::move(facts);
  if (judgement_) judgement_->tls(known);
  stream_->forget_client_hello();
  record_.helo.clear();
  record_.extended = false;
  login_.reset();
  machine_.tls_started();
  if (is_submission() && stream_->channel_binding().empty()) machine_.offer_auth(runtime_->auth_without_binding);
}

Task<bool> Session::flush() {
  std::string& output = machine_.output();
  if (output.empty()) co_return true;
  record_.bytes_out += output.size();
  const Timeouts& timeouts = settings().timeouts;
  // However many replies a client takes slowly, the session's own end holds; its 421 still has its time
  const Deadline last = Deadline::at(start_ + milliseconds(timeouts.session) + milliseconds(timeouts.write));
  const auto sent = co_await stream_->send(output, Deadline::after(milliseconds(timeouts.write)).earlier(last));
  std::string().swap(output);  // an idle session owns no buffer
  if (sent) co_return true;
  if (!over_) ended_by(sent.error());
  over_ = true;
  co_return false;
}

void Session::hang_up(const Refusal& refusal, std::string_view end) {
  machine_.shut_down(refusal.reply);
  end_transaction(refusal.reason, &refusal.reply);
  record_.end = end;
  over_ = true;
}

// A receive or send that failed ends the session, in any state, in the middle of BDAT too; nothing is acknowledged.
void Session::ended_by(const Error& error) {
  if (error.kind == ErrorKind::timeout) {
    const bool whole = Clock::now() >= start_ + milliseconds(settings().timeouts.session);
    hang_up(whole                ? refusals::session_timeout()
            : machine_.in_body() ? refusals::data_timeout()
                                 : refusals::command_timeout(),
            "timeout");
    return;
  }
  if (error.kind == ErrorKind::cancelled && draining_) {
    hang_up(refusals::draining(), "drain");
    return;
  }
  end_transaction("disconnected", nullptr);
  record_.end = error.kind == ErrorKind::cancelled ? "drain" : "reset";
  over_ = true;
}

void Session::drain() {
  draining_ = true;
  if (judgement_) judgement_->let_go();
  if (receiving_ && !machine_.in_transaction()) stream_->interrupt();
}

void Session::drain_ends() {
  draining_ = drain_ends_ = true;
  if (next_hop_answers_ != nullptr) next_hop_answers_->notify();
  // DNS may take longer than there is time for the 421
  if (transaction_ && transaction_->authentication) transaction_->authentication->cancel();
  if (judgement_) judgement_->cancel();
  if (login_) login_->cancel();
  if (receiving_) stream_->interrupt();
}

void Session::cancel() {
  draining_ = drain_ends_ = true;
  if (next_hop_answers_ != nullptr) next_hop_answers_->notify();
  if (transaction_ && transaction_->authentication) transaction_->authentication->cancel();
  if (judgement_) judgement_->cancel();
  if (login_) login_->cancel();
  stream_->cancel();
}

void Session::write_record() {
  record_.outline = machine_.outline();
  record_.errors_kept = machine_.errors_kept();
  record_.commands = machine_.command_count();
  record_.errors = machine_.error_count();
  record_.duration_ms = since_start_ms();
  record::count(record_);
  if (context_.records != nullptr) context_.records->append(record_);
}

Deadline Session::read_deadline() const {
  const Timeouts& timeouts = settings().timeouts;
  const std::int64_t wait = machine_.in_body() ? timeouts.data_block : timeouts.command;
  return Deadline::after(milliseconds(wait)).earlier(Deadline::at(start_ + milliseconds(timeouts.session)));
}

std::uint32_t Session::since_start_ms() const {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - start_).count());
}

}  // namespace postern::inbound
