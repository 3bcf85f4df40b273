// The state of one session's judgement, and what its parts share. Its look-ups are judgement_lookups.cc, its decisions
// judgement.cc. Internal to inbound's judgement.
#pragma once

#include <limits>

#include "inbound/judgement.h"
#include "io/loop.h"
#include "signals/helo.h"
#include "signals/identity.h"
#include "signals/lists.h"
#include "signals/reverse_dns.h"

namespace postern::inbound {

// Questions of a session to DNS beside mail authentication (reverse names with their addresses, HELO, lists), since its
// start or its last message that was accepted; what the cache answers counts too. A transaction that begins below it
// asks all of its own.
inline constexpr std::uint32_t kSessionLookupsMax = 300;
// SPF of transactions in a row that bring no message: each may cost a hundred look-ups at names that a stranger chose.
inline constexpr std::uint32_t kSpfAllowance = 5;

// Recipients of a session that do not exist, from which on it is guesses, where they are more than half of it.
inline constexpr std::uint32_t kGuessesOfSession = 5;

// What belongs to one transaction.
struct JudgedSender {
  std::string path;    // without brackets, "" for the null one
  std::string domain;  // A-labels
  bool gathered = false;
  bool beyond_lookups = false;  // the session has spent what it may ask of DNS
  smtp::Path reverse_path;
  signals::Identity identity;
  std::vector<std::string> tags;            // of the message
  std::vector<std::string> recipient_tags;  // of the first recipient that was taken
  std::string data_address, data_domain;    // of the first recipient that was taken: whose verdict DATA gets
  std::string data_named;                   // the same address, as the client wrote it
  bool has_recipient = false;
  // What the first recipient was judged by: the end of DATA is judged for him, whoever was named after him.
  std::int64_t recipient = 0, greylist = 0, known = 0;
  std::uint32_t named = 0, guesses = 0;  // recipients; those of them who do not exist
  bool earns = false;                    // a mailbox of somebody took it; the role accounts take everybody's mail
  bool passed_greylist = false;
  bool accepted = false;
};

struct Judgement::Impl {
  Impl(JudgementContext c, std::shared_ptr<const Runtime> r, record::SessionRecord& session, Clock::time_point begun)
      : context(c),
        runtime(std::move(r)),
        record(session),
        start(begun),
        lookups(std::numeric_limits<std::uint32_t>::max(),
                Deadline::at(begun + milliseconds(runtime->settings.timeouts.session))),
        tasks(c.loop),
        answered(c.loop),
        left(c.loop) {}

  JudgementContext context;
  std::shared_ptr<const Runtime> runtime;
  record::SessionRecord& record;
  Clock::time_point start;

  evidence::Evidence now, told;      // told: of the last decision in the record
  dns::Budget lookups;               // for its deadline and cancel(): gather() counts
  std::uint32_t lookups_before = 0;  // that were asked when a message was last accepted
  io::Scope tasks;
  io::Signal answered;
  io::Signal left;       // of hold_greeting()
  bool leaving = false;  // nobody is to be made to wait
  std::size_t open = 0;  // look-ups under way
  std::uint32_t spf_allowance = kSpfAllowance;

  signals::ReverseDns reverse;
  bool reverse_asked = false;
  signals::HeloForm helo;
  std::uint32_t helos = 0;                           // a client may greet again while its first name is looked up
  std::shared_ptr<const signals::Lists> lists;       // of when the session began: evidence counts by their numbers
  signals::ListVerdicts client_lists, sender_lists;  // sender_lists: of the transaction
  std::vector<Identity> identities;                  // of the session so far, the weakest (its prefix) first
  std::uint32_t recipients = 0, unknown_recipients = 0;
  bool guessed = false;     // so many that what was earned is gone
  bool wide_alone = false;  // of the last spend() that was over
  // A place among the sessions that a wide prefix's budget does not end before it is known who they are.
  struct Doubt {
    Defence* defence = nullptr;
    Doubt() = default;
    Doubt(const Doubt&) = delete;
    Doubt& operator=(const Doubt&) = delete;
    ~Doubt() { leave(); }
    void leave() {
      if (defence != nullptr) defence->leave_doubt();
      defence = nullptr;
    }
  } doubt;

  std::optional<JudgedSender> sender;
  struct Candidate {
    std::string address, domain, named;
    bool word_of_operator = false;
    std::vector<std::string> tags;
  } candidate;  // whom recipient() has just let through

  class Ending {
   public:
    explicit Ending(Impl& impl) : impl_(impl) {}
    ~Ending() {
      if (--impl_.open == 0) impl_.answered.notify();
    }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;

   private:
    Impl& impl_;
  };

  [[nodiscard]] const Settings& settings() const { return runtime->settings; }
  [[nodiscard]] const policy::Policy& policy() const { return *runtime->settings.policy; }
  [[nodiscard]] Defence& defence() const { return context.defence; }
  [[nodiscard]] const ip::Address& client() const { return record.client.address; }
  [[nodiscard]] bool may_look_up() const { return lookups.asked() - lookups_before < kSessionLookupsMax; }
  [[nodiscard]] bool is_known() const {
    const auto known = now.get<evidence::value::Known>(evidence::Signal::known);
    return known == evidence::value::Known::known || known == evidence::value::Known::replied_to ||
           now.get<evidence::value::Operator>(evidence::Signal::verdict_of_operator) ==
               evidence::value::Operator::allow;
  }

  void measure_connection();
  void ask_operator();
  void use_client_hello(std::string_view octets);
  void begin_connection_lookups();
  Task<void> look_up_reverse();
  void ask_lists_about_client();
  void ask_lists_about_sender();
  Task<void> ask_about_client(signals::Lists::Question question);
  Task<void> ask_about_sender(signals::Lists::Question question);
  Task<void> look_up_helo();
  void spawn(Task<void> task);
  Task<void> counted(Task<void> task);
  void add_identity(Identity identity);
  Task<void> until_answered(Deadline deadline);
  void add_tags(const evidence::Verdict& verdict);
  void use_lists();
  void refresh_known(std::string_view our_mailbox);
  void lose_history(WallMs time);
  bool spend(std::uint32_t units);
  void note_hang_up();

  // What becomes of a verdict: nothing (something else is said, or nothing at all), only a throttle, or all of it.
  enum class Effect : std::uint8_t { none, throttle, all };
  evidence::Verdict decide(policy::Moment moment, const policy::For& whose, std::int32_t transaction,
                           std::int32_t recipient, Effect effect);
  [[nodiscard]] bool history_is_undecided() const;
  RefusalFacts facts(std::string_view domain) const;
};

}  // namespace postern::inbound
