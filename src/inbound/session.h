// Session: one SMTP connection, from accept to the record. A coroutine that joins the automaton (smtp::ServerMachine),
// the stream (io), the directory and the spool, and writes down what happened. Protocol order is the automaton's; what
// is said to whom is decided here. Thread rule: lives on one loop; drain() and cancel() are called on that loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "inbound/authentication.h"
#include "inbound/gate.h"
#include "inbound/judgement.h"
#include "inbound/limit_notice.h"
#include "inbound/login.h"
#include "inbound/refusals.h"
#include "inbound/runtime.h"
#include "inbound/transaction.h"
#include "io/listener.h"
#include "io/stream.h"
#include "record/writer.h"
#include "smtp/server_machine.h"
#include "spool/store.h"

namespace postern::inbound {

// Asks to be told, once and on any thread, how the first attempt on a message ends, before it is committed: nothing
// where somebody's mail was taken, else the refusal, and the message is gone then. An empty `ended` takes it back.
using ExpectFirstAttempt =
    std::function<void(const Id& message, std::function<void(std::optional<smtp::Reply>)> ended)>;
// Whoever asked has no more time: a message that nobody has tried leaves the store, so that its client, who sends it
// again, does not send it twice. True where the attempt has ended, and the answer is on its way all the same; else none
// comes. Any thread.
using GiveUpFirstAttempt = std::function<bool(const Id& message)>;

// What outlives every session of a worker.
struct SessionContext {
  io::Loop& loop;
  spool::Store& store;
  Gate& gate;
  record::Writer* records = nullptr;
  std::shared_ptr<const Runtime>* current = nullptr;  // replaced by a reload, on the loop
  AuthenticationContext authentication = {};
  Defence* defence = nullptr;         // null: nobody is judged
  SinkholeStore* sinkhole = nullptr;  // null: no bodies are kept
  Logins* logins = nullptr;           // null: nobody can log in
  ExpectFirstAttempt expect = {};     // empty: no 250 waits for a next hop
  GiveUpFirstAttempt give_up = {};    // with `expect`
  TellLimit tell_limit = {};          // empty: nobody is told
};

class Session {
 public:
  Session(SessionContext& context, std::size_t listener, io::Accepted accepted);
  // For tests: over any stream.
  Session(SessionContext& context, std::size_t listener, std::unique_ptr<io::Stream> stream, ip::Endpoint client,
          ip::Endpoint server);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Task<void> run();
  void drain();       // says 421 as soon as no transaction is open
  void drain_ends();  // says 421 as soon as it can, in a transaction too
  void cancel();      // ends at once; what was not acknowledged is forgotten

 private:
  [[nodiscard]] Task<bool> read_proxy_header();
  [[nodiscard]] Task<void> converse();
  [[nodiscard]] Task<void> take_input(std::string_view input);
  void on_event(const smtp::Event& event);
  [[nodiscard]] bool wants_suspension(const smtp::Event& event) const;
  [[nodiscard]] Task<void> store_chunk(std::string chunk);
  void on_hello(const smtp::Event& event);
  void on_mail(const smtp::Event& event);
  [[nodiscard]] directory::Resolution resolve(const smtp::Mailbox& mailbox) const;
  void answer_recipient(const smtp::Mailbox& mailbox, const smtp::RcptParams& params);
  void note_limit(const UserLimits::Hit& hit, WallMs now);
  [[nodiscard]] std::optional<Refusal> returned_to(const smtp::Mailbox& mailbox, directory::Resolution& found) const;
  void begin_signing(std::string_view header);
  [[nodiscard]] Task<void> sign(spool::Envelope& envelope);
  // With what right the client gives us mail.
  [[nodiscard]] spool::Origin origin() const;
  // It may send to the world, and ask for more than delivery.
  [[nodiscard]] bool may_submit() const { return origin() != spool::Origin::stranger; }
  void swallow();
  [[nodiscard]] Task<void> keep_body(std::string_view octets);
  [[nodiscard]] Task<void> finish_swallowing();
  [[nodiscard]] Task<std::optional<Refusal>> commit(spool::Envelope envelope);
  void on_data(const smtp::Event& event);
  [[nodiscard]] std::string_view watch_body(std::string_view bytes);
  void end_header();
  [[nodiscard]] Task<void> store(std::string_view bytes);
  [[nodiscard]] bool is_own_client() const;
  [[nodiscard]] bool is_stranger() const;
  [[nodiscard]] bool is_sinkhole() const { return settings().listeners[listener_].role == "sinkhole"; }
  [[nodiscard]] bool is_submission() const { return settings().listeners[listener_].is_submission(); }
  [[nodiscard]] bool begins_with_tls() const { return settings().listeners[listener_].tls == TlsMode::on_connect; }
  [[nodiscard]] Task<void> serve();
  [[nodiscard]] Task<void> refuse_connection(Refusal refusal, std::string_view limit);
  void begin_authentication();
  [[nodiscard]] Task<void> authenticate(spool::Envelope& envelope);
  [[nodiscard]] const std::string& authserv_id() const;
  void on_body(std::string_view bytes);
  [[nodiscard]] std::optional<Refusal> judge_message();
  [[nodiscard]] bool header_is_too_large() const;
  [[nodiscard]] Task<void> finish_message();
  [[nodiscard]] Task<void> start_tls(bool injected);
  [[nodiscard]] Task<void> secure(std::shared_ptr<io::TlsServerContext> context);
  [[nodiscard]] Task<void> log_in(std::string mechanism, std::optional<std::string> initial);
  [[nodiscard]] Task<void> go_on_logging_in(std::string line);
  void answer_login(LoginStep step);
  void login_failed(const LoginStep& step);
  [[nodiscard]] bool is_charged() const;
  [[nodiscard]] std::optional<Refusal> refuse_sender(const smtp::Path& path);
  [[nodiscard]] std::optional<Refusal> refuse_new_recipient(const smtp::Mailbox& mailbox);
  [[nodiscard]] std::string fix_up(const message::HeaderSection& header);
  void note_writing();
  [[nodiscard]] Task<bool> flush();
  void refuse(const Refusal& refusal);
  void end_transaction(std::string_view reason, const smtp::Reply* reply);
  void hang_up(const Refusal& refusal, std::string_view end);
  void ended_by(const Error& error);
  void write_record();
  [[nodiscard]] Deadline read_deadline() const;
  [[nodiscard]] std::uint32_t since_start_ms() const;
  [[nodiscard]] const Settings& settings() const { return runtime_->settings; }

  SessionContext& context_;
  std::shared_ptr<const Runtime> runtime_;
  std::size_t listener_;
  std::unique_ptr<io::Stream> stream_;
  smtp::ServerMachine machine_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<Judgement> judgement_;  // of strangers
  std::unique_ptr<LoginAttempt> login_;   // while AUTH goes on
  std::string carry_;                     // input that a suspension interrupted; empty while idle
  record::SessionRecord record_;
  Clock::time_point start_;
  bool entered_ = false;  // counted by the gate
  bool over_ = false;
  bool proxy_itself_ = false;  // its health check, not somebody behind it
  bool draining_ = false;
  io::Signal* next_hop_answers_ = nullptr;  // while the end of a message waits for the server behind us
  bool drain_ends_ = false;
  bool receiving_ = false;
};

}  // namespace postern::inbound
