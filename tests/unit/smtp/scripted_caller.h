// A caller of ServerMachine that answers each event by rules, and writes down what happened: replies as "S: ", events
// as "E: ". Body octets are gathered into one entry, so that the transcript does not depend on how the input was split.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "smtp/server_machine.h"

namespace postern::smtp::test {

struct Rule {
  enum class Action { accept, refuse, challenge };
  std::string kind;   // hello, mail, rcpt, data, message_end, starttls, auth, auth_line
  std::string match;  // path or name; empty: any
  Action action = Action::accept;
  Reply reply;         // refuse
  std::string base64;  // challenge
};

// Facts that tell how octets arrived; they differ between splits by their nature.
inline constexpr std::uint32_t kArrivalFacts = static_cast<std::uint32_t>(Fact::pipelined_before_ehlo) |
                                               static_cast<std::uint32_t>(Fact::pipelined_across_starttls) |
                                               static_cast<std::uint32_t>(Fact::pipelined_before_data_reply);

class ScriptedCaller {
 public:
  explicit ScriptedCaller(const ServerOptions& options, std::vector<Rule> rules = {})
      : machine(options), rules_(std::move(rules)) {}

  void greet() {
    machine.greet(Reply(220, {}, "mx.example.org ESMTP"));
    drain();
  }
  void feed(std::string_view input) {
    for (;;) {
      const Event event = machine.step(input);
      input.remove_prefix(event.consumed);
      drain();
      if (event.kind == EventKind::none) {
        if (input.empty()) break;
        continue;  // the replies were many: they went first
      }
      handle(event);
      drain();
    }
  }
  // Sends and tells the reply that came for it.
  std::string talk(std::string_view input) {
    replies.clear();
    feed(input);
    return replies;
  }
  void start_tls() {
    machine.tls_started();
    feed({});
  }
  std::string finish() {
    flush_body();
    return transcript_;
  }
  [[nodiscard]] bool has(Fact fact) const { return (machine.facts() & static_cast<std::uint32_t>(fact)) != 0; }

  ServerMachine machine;
  std::string replies;
  std::vector<std::string> messages;  // the bodies that were accepted
  std::vector<BodyFault> faults;      // of each message_end
  std::vector<std::string> paths;     // recipients that were accepted
  std::string why;                    // of the last close or reset
  bool closed = false;

 private:
  void entry(const std::string& text) {
    flush_body();
    transcript_ += "E: " + text + "\n";
  }
  void flush_body() {
    if (body_open_) transcript_ += "E: body " + printable(pending_, 4096) + "\n";
    body_open_ = false;
    pending_.clear();
  }
  void drain() {
    std::string& out = machine.output();
    if (out.empty()) return;
    flush_body();
    replies += out;
    std::string_view rest = out;
    while (!rest.empty()) {
      const auto end = rest.find("\r\n");
      transcript_ += "S: " + printable(rest.substr(0, end), 1024) + "\n";
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    }
    out.clear();
  }
  void decide(std::string_view kind, std::string_view subject) {
    for (const Rule& rule : rules_) {
      if (rule.kind != kind || (!rule.match.empty() && rule.match != subject)) continue;
      if (rule.action == Rule::Action::refuse) {
        machine.refuse(rule.reply);
        return;
      }
      if (rule.action == Rule::Action::challenge) {
        machine.challenge(rule.base64);
        return;
      }
      break;
    }
    if (kind == "rcpt") paths.emplace_back(subject);
    if (kind == "message_end") messages.push_back(body_);
    machine.accept();
    if (kind.starts_with("auth")) machine.authenticated();
  }
  void handle(const Event& event) {
    switch (event.kind) {
      case EventKind::none:
        return;
      case EventKind::hello:
        entry(std::string(event.extended ? "ehlo " : "helo ") + std::string(event.name));
        decide("hello", event.name);
        return;
      case EventKind::mail: {
        std::string text = "mail <" + printable(event.path.text()) + ">";
        if (event.mail.size) text += " size=" + std::to_string(*event.mail.size);
        if (event.mail.body == BodyType::seven_bit) text += " 7bit";
        if (event.mail.body == BodyType::eight_bit) text += " 8bit";
        if (event.mail.utf8) text += " utf8";
        if (!event.mail.auth.empty()) text += " auth=" + event.mail.auth;
        if (!event.mail.ret.empty()) text += " ret=" + event.mail.ret;
        if (!event.mail.envid.empty()) text += " envid=" + event.mail.envid;
        if (event.mail.require_tls) text += " requiretls";
        if (event.mail.deliver_by) {
          text += " by=" + std::to_string(*event.mail.deliver_by) + (event.mail.return_if_late ? ";R" : ";N") +
                  (event.mail.trace_relays ? "T" : "");
        }
        if (event.mail.hold_for) text += " hold_for=" + std::to_string(*event.mail.hold_for);
        if (event.mail.hold_until) text += " hold_until=" + iso8601(*event.mail.hold_until);
        if (event.mail.priority) text += " priority=" + std::to_string(*event.mail.priority);
        entry(text);
        decide("mail", event.path.text());
        return;
      }
      case EventKind::rcpt:
        entry("rcpt <" + printable(event.path.text()) + ">" +
              (event.rcpt.notify != 0 ? " notify=" + std::to_string(event.rcpt.notify) : "") +
              (event.rcpt.orcpt.empty() ? "" : " orcpt=" + printable(event.rcpt.orcpt)));
        decide("rcpt", event.path.text());
        return;
      case EventKind::data:
        entry(event.chunked ? "data chunked" : "data");
        body_.clear();
        decide("data", "");
        return;
      case EventKind::body:
        body_ += event.bytes;
        pending_ += event.bytes;
        body_open_ = true;
        return;
      case EventKind::message_end: {
        const BodyFault fault = machine.body_fault();
        faults.push_back(fault);
        entry("message_end size=" + std::to_string(machine.body_size()) + (machine.oversize() ? " oversize" : "") +
              (fault == BodyFault::none ? "" : " fault=" + std::to_string(static_cast<int>(fault))));
        if (machine.oversize())
          machine.refuse(Reply(552, {5, 3, 4}, "Message is too large"));
        else if (fault != BodyFault::none)
          machine.refuse(Reply(550, {5, 6, 0}, "Message has a fault"));
        else
          decide("message_end", "");
        return;
      }
      case EventKind::starttls:
        entry("starttls");
        decide("starttls", "");
        return;
      case EventKind::auth:
        entry("auth " + std::string(event.name) + (event.has_initial ? " initial=" + std::string(event.bytes) : ""));
        decide("auth", event.name);
        return;
      case EventKind::auth_line:
        entry("auth_line " + std::string(event.bytes));
        decide("auth_line", event.bytes);
        return;
      case EventKind::reset:
        why = event.why;
        entry("reset " + why);
        return;
      case EventKind::quit:
        entry("quit");
        closed = true;
        return;
      case EventKind::close:
        why = event.why;
        entry("close");
        closed = true;
        return;
    }
  }

  std::vector<Rule> rules_;
  std::string transcript_;
  std::string body_;
  std::string pending_;
  bool body_open_ = false;
};

}  // namespace postern::smtp::test
