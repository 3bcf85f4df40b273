// A whole session: octets in random pieces, a caller that decides by the input, TLS and the end anywhere. The automaton
// never takes more than it was given, never leaves a transaction behind a message, and speaks only whole reply lines.
#include <cstdint>
#include <string>

#include "base/result.h"
#include "smtp/server_machine.h"

using namespace postern::smtp;

namespace {

class Driver {
 public:
  explicit Driver(std::string_view choices) : choices_(choices), machine_(options()) {
    if (!choices_.empty() && choices_[0] % 2 == 0) machine_.tag_refusals("0123456789ABCDEF");
    if (choices_.size() % 2 == 0) machine_.offer_to_submitter("604800 2026-12-01T00:00:00Z");
    machine_.greet(Reply(220, {}, "mx"));
  }

  void run(std::string_view input) {
    while (!input.empty() && !over_) {
      const std::string_view part = input.substr(0, 1 + next() % 64);
      input.remove_prefix(part.size());
      feed(part);
      if (next() % 97 == 0) {
        machine_.tls_started();
        POSTERN_CHECK(!machine_.in_transaction() && machine_.tls());
      }
    }
    if (next() % 2 == 0) machine_.shut_down(Reply(421, {4, 0, 0}, "Over"));
    check_output();
    POSTERN_CHECK(machine_.outline().size() <= ServerMachine::kOutlineMax);
  }

 private:
  static const ServerOptions& options() {
    static const ServerOptions value = [] {
      ServerOptions o;
      o.hostname = "mx.example.org";
      o.auth = "PLAIN LOGIN";
      o.limits.message_size = 200;
      o.limits.text_line = 100;
      o.limits.command_line = 300;
      o.limits.recipients = 3;
      o.limits.commands = 200;
      return o;
    }();
    return value;
  }
  unsigned next() {
    state_ = state_ * 1664525U + 1013904223U;
    const unsigned c = choices_.empty() ? 0U : static_cast<unsigned char>(choices_[at_++ % choices_.size()]);
    return (state_ >> 16U) ^ c;
  }
  void feed(std::string_view part) {
    for (;;) {
      const Event event = machine_.step(part);
      POSTERN_CHECK(event.consumed <= part.size());
      part.remove_prefix(event.consumed);
      if (event.kind == EventKind::none) {
        if (part.empty()) break;
        POSTERN_CHECK(machine_.output().size() >= ServerMachine::kOutputMax);
        check_output();
        continue;
      }
      handle(event);
      if (over_) break;
    }
    check_output();
  }
  void decide() {
    if (next() % 5 != 0)
      machine_.accept();
    else
      machine_.refuse(Reply(next() % 2 == 0 ? 550 : 451, {5, 1, 1}, std::string(next() % 700, 'x') + "\ny\x01"));
  }
  void handle(const Event& event) {
    switch (event.kind) {
      case EventKind::none:
        return;
      case EventKind::body:
        POSTERN_CHECK(!event.bytes.empty() && machine_.in_transaction());
        size_ += event.bytes.size();
        POSTERN_CHECK(size_ <= 202);
        return;
      case EventKind::data:
        size_ = 0;
        POSTERN_CHECK(machine_.in_transaction());
        decide();
        return;
      case EventKind::message_end:
        POSTERN_CHECK(machine_.in_transaction() && size_ <= machine_.body_size());
        POSTERN_CHECK(machine_.oversize() || size_ == machine_.body_size());
        decide();
        POSTERN_CHECK(!machine_.in_transaction() && !machine_.in_body());
        POSTERN_CHECK(machine_.body_fault() == BodyFault::none && machine_.body_size() == 0);
        return;
      case EventKind::rcpt:
        POSTERN_CHECK(machine_.in_transaction() && !event.path.null);
        decide();
        return;
      case EventKind::auth:
      case EventKind::auth_line:
        POSTERN_CHECK(machine_.tls());
        if (next() % 3 == 0)
          machine_.challenge("Zm9v");
        else if (next() % 2 == 0) {
          machine_.accept();
          machine_.authenticated();
        } else
          machine_.refuse(Reply(535, {5, 7, 8}, "No"));
        return;
      case EventKind::reset:
        POSTERN_CHECK(!event.why.empty());
        return;
      case EventKind::close:
      case EventKind::quit:
        POSTERN_CHECK(!machine_.in_transaction());
        over_ = true;
        return;
      default:
        decide();
        return;
    }
  }
  void check_output() {
    std::string_view rest = machine_.output();
    while (!rest.empty()) {
      const auto end = rest.find("\r\n");
      POSTERN_CHECK(end != std::string_view::npos && end >= 4 && end <= 510);
      const std::string_view line = rest.substr(0, end);
      POSTERN_CHECK(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
      POSTERN_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
      rest.remove_prefix(end + 2);
    }
    machine_.output().clear();
  }

  std::string_view choices_;
  ServerMachine machine_;
  std::size_t at_ = 0;
  std::uint32_t state_ = 7;
  std::uint64_t size_ = 0;
  bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  // The first line is the decisions, the rest is the client
  const std::string_view choices = all.substr(0, all.find('\n'));
  if (choices.size() == all.size()) return 0;
  Driver(choices).run(all.substr(choices.size() + 1));
  return 0;
}
