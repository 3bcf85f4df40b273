// PipeStream: a Stream in memory, for session tests. The test decides what arrives and in which pieces, and reads what
// was sent. It suspends only when nothing has arrived and no end was set, so that most dialogues run without a loop
// turning.
//   PipeStream stream(loop);
//   stream.push("EHLO a\r\nMAIL ");  stream.push("FROM:<>\r\n");   // one receive() each
//   stream.push_split(text, 1);                                    // one octet each
//   stream.end();                                                  // EOF after what was pushed
// Only for tests; header-only, never part of the library.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/stream.h"

namespace postern::io::testing {

class PipeStream final : public Stream {
 public:
  explicit PipeStream(Loop& loop) : loop_(loop) {}

  // What the peer says. Each push is one receive(); an empty one is ignored.
  void push(std::string_view bytes) {
    if (!bytes.empty()) incoming_.emplace_back(bytes);
    wake();
  }
  void push_split(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(std::max<std::size_t>(piece, 1), bytes.size());
      incoming_.emplace_back(bytes.substr(0, n));
      bytes.remove_prefix(n);
    }
    wake();
  }
  // After what was pushed: an orderly end, or an error (closed, timeout, network).
  void end() {
    ended_ = true;
    wake();
  }
  void fail_receive(ErrorKind kind) {
    receive_error_ = kind;
    wake();
  }
  // Every send from now on fails.
  void fail_send(ErrorKind kind) { send_error_ = kind; }
  void fail_handshake(ErrorKind kind) { handshake_error_ = kind; }
  // The facts a handshake will report; one that fails too, as the attempt's.
  void set_tls_facts(TlsFacts facts) { next_facts_ = std::move(facts); }
  // Called with what each send() wrote; may push() the answer.
  void on_send(std::move_only_function<void(std::string_view)> callback) { on_send_ = std::move(callback); }

  [[nodiscard]] const std::string& sent() const { return sent_; }
  [[nodiscard]] std::string take_sent() { return std::exchange(sent_, {}); }
  [[nodiscard]] std::size_t sends() const { return sends_; }
  [[nodiscard]] std::size_t unread() const { return incoming_.size(); }
  [[nodiscard]] bool waiting() const { return static_cast<bool>(waiter_); }  // a receive() is pending
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] Deadline last_deadline() const { return last_deadline_; }  // of the last receive()

  Task<Result<std::string_view>> receive(Deadline deadline) override {
    last_deadline_ = deadline;
    for (;;) {
      if (std::exchange(interrupted_, false)) co_return fail(ErrorKind::cancelled, "receiving: interrupted");
      if (cancelled_) co_return fail(ErrorKind::cancelled, "receiving: cancelled");
      if (!incoming_.empty()) {
        const auto scratch = loop_.scratch();
        std::string& front = incoming_.front();
        const std::size_t n = std::min(front.size(), scratch.size());
        std::memcpy(scratch.data(), front.data(), n);
        if (n == front.size())
          incoming_.pop_front();
        else
          front.erase(0, n);
        co_return std::string_view(scratch.data(), n);
      }
      if (receive_error_) co_return fail(*receive_error_, "receiving: as the test said");
      if (ended_) co_return std::string_view();
      co_await Wait{*this};
    }
  }
  Task<Result<void>> send(std::string_view bytes, Deadline) override {
    if (cancelled_) co_return fail(ErrorKind::cancelled, "sending: cancelled");
    if (send_error_) co_return fail(*send_error_, "sending: as the test said");
    ++sends_;
    sent_ += bytes;
    if (on_send_) on_send_(bytes);
    co_return Result<void>();
  }
  Task<Result<void>> start_tls_server(std::shared_ptr<TlsServerContext>, Deadline) override { return handshake({}); }
  Task<Result<void>> start_tls_client(std::shared_ptr<TlsClientContext>, TlsExpect expect, Deadline) override {
    return handshake(std::move(expect.name));
  }
  Task<void> close(Deadline) override {
    closed_ = true;
    co_return;
  }
  void part() override { closed_ = true; }
  void cancel() override {
    cancelled_ = true;
    wake();
  }
  void interrupt() override {
    if (!waiter_) return;
    interrupted_ = true;
    wake();
  }
  bool readable() override { return !incoming_.empty(); }
  const TlsFacts* tls() const override { return secure_ ? &*facts_ : nullptr; }
  const TlsFacts* tls_attempt() const override { return facts_ ? &*facts_ : nullptr; }
  void forget_client_hello() override {
    if (facts_) facts_->client_hello.clear();
  }
  Loop& loop() override { return loop_; }

 private:
  struct Wait {
    PipeStream& stream;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept { stream.waiter_ = handle; }
    void await_resume() const noexcept {}
  };
  // A member coroutine, so that nothing is captured.
  Task<Result<void>> handshake(std::string name) {
    if (cancelled_) co_return fail(ErrorKind::cancelled, "TLS handshake: cancelled");
    facts_ = next_facts_;
    if (handshake_error_) co_return fail(*handshake_error_, "TLS handshake: as the test said");
    secure_ = true;
    if (!name.empty()) facts_->sni = std::move(name);
    co_return Result<void>();
  }
  // Resumed at once, on the caller's stack: a test sees the answer when push() returns. Not while the session itself is
  // running, as in on_send(): then it finds what was pushed by itself.
  void wake() {
    if (waiter_) std::exchange(waiter_, {}).resume();
  }
  static TlsFacts default_facts() {
    TlsFacts facts;
    facts.version = "TLSv1.3";
    facts.cipher = "TLS_AES_256_GCM_SHA384";
    facts.group = "X25519";
    facts.bits = 256;
    return facts;
  }

  Loop& loop_;
  std::deque<std::string> incoming_;
  std::string sent_;
  std::size_t sends_ = 0;
  std::move_only_function<void(std::string_view)> on_send_;
  std::coroutine_handle<> waiter_;
  Deadline last_deadline_ = Deadline::never();
  std::optional<ErrorKind> receive_error_;
  std::optional<ErrorKind> send_error_;
  std::optional<ErrorKind> handshake_error_;
  TlsFacts next_facts_ = default_facts();
  std::optional<TlsFacts> facts_;
  bool secure_ = false;
  bool ended_ = false;
  bool interrupted_ = false;
  bool cancelled_ = false;
  bool closed_ = false;
};

}  // namespace postern::io::testing
