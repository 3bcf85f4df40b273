// Judgement: the defence of one session. It gathers evidence as the session goes on, asks the policy at the three
// moments at which something can be said (the connection, a recipient, the end of the message), keeps budgets,
// greylist and history up to date, and writes each decision with its evidence into the session's record.
//
// Look-ups begin as soon as their question is known and are waited for at the first RCPT, all together and no longer
// than [defence] timeout; what has not come then is unknown. The client waits for no other thing.
//
// Sessions of our own clients and of loopback have none. Thread rule: the session's loop. finish() before destruction.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "directory/directory.h"
#include "dns/resolver.h"
#include "evidence/evidence.h"
#include "inbound/authentication.h"
#include "inbound/defence.h"
#include "inbound/policy_refusals.h"
#include "inbound/runtime.h"
#include "io/stream.h"
#include "policy/policy.h"
#include "record/session_record.h"
#include "smtp/address.h"

namespace postern::inbound {

// What a worker has for it.
struct JudgementContext {
  io::Loop& loop;
  Defence& defence;
  dns::Resolver* resolver = nullptr;  // null: what has to be looked up is unknown
  bool starttls = false;              // is offered by the listener
  bool sinkhole = false;              // observes, refuses nothing, and takes each recipient for a trap
};

class Judgement {
 public:
  // `record` is the session's: client, SYN, HELO, TLS and facts are read from it, decisions go into it.
  Judgement(JudgementContext context, std::shared_ptr<const Runtime> runtime, record::SessionRecord& record,
            Clock::time_point start);
  ~Judgement();
  Judgement(const Judgement&) = delete;
  Judgement& operator=(const Judgement&) = delete;

  // Takes the price of a connection, begins the look-ups. A refusal only where a budget is spent (421).
  [[nodiscard]] std::optional<Refusal> connect();
  // Holds the greeting back, to see who does not wait for it: not at all for known senders, until let_go() at most.
  [[nodiscard]] Task<void> hold_greeting();
  void let_go();  // at a drain
  void greeted(bool spoke_before);
  void hello();
  void tls(const io::TlsFacts& facts);
  void tls_failed(const io::TlsFacts* attempt);  // null: nothing of it is known

  // MAIL: the reverse-path without its brackets.
  void mail(const smtp::Path& path);
  // Until everything is known that a recipient's verdict may rest on; at most the timeout. `authentication` may be
  // null.
  [[nodiscard]] Task<void> gather(Authentication* authentication);
  [[nodiscard]] bool has_gathered() const;  // for this transaction

  // RCPT, after gather(). Nothing: the policy has no objection. Recipients that are refused anyway are told all the
  // same, because the attempt says something of the sender; a spent budget comes before even that.
  [[nodiscard]] std::optional<Refusal> recipient(const smtp::Mailbox& mailbox, const directory::Resolution& found,
                                                 std::uint32_t errors, std::size_t transaction, std::size_t index);
  // The recipient that recipient() let through was taken. The first one's evidence is that of the end of DATA.
  void recipient_taken();
  // The end of DATA.
  [[nodiscard]] std::optional<Refusal> message(const record::AuthenticationRecord* authentication, std::uint64_t size,
                                               std::size_t transaction);
  // Of the last message(): fields for the operator's filters, "" where there is no tag.
  [[nodiscard]] std::string tag_field() const;
  // 250 was said.
  void accepted();
  void end_transaction();

  void cancel();  // ends the waits
  // Before destruction: ends and joins the look-ups; writes down what is known where nothing was decided.
  [[nodiscard]] Task<void> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::inbound
