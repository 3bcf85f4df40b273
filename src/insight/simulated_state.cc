#include "insight/simulated_state.h"

#include <algorithm>
#include <optional>
#include <string>

#include "bounds/known_senders.h"
#include "crypto/siphash.h"
#include "insight/fate.h"
#include "insight/judging.h"
#include "insight/outcomes.h"
#include "ip/address.h"
#include "ip/translated.h"
#include "signals/identity.h"
#include "smtp/address.h"

namespace postern::insight {

namespace {

using bounds::Pending;
using evidence::Action;
using evidence::Evidence;
using evidence::Signal;
using evidence::Stage;
using record::DecisionView;
using record::SessionView;
namespace value = evidence::value;

// Any fixed one: nobody aims at a simulation, and two runs must say the same.
constexpr crypto::SipKey kSecret{.k0 = 0x706F737465726E21, .k1 = 0x7265706C6179};
constexpr unsigned kPoolAccepted = 15;   // who has so many messages is a pool: no trap takes its history (defence.cc)
constexpr std::uint32_t kLookAlone = 0;  // a price: nothing is taken
constexpr bounds::GreylistTimes kNearlyAnHour{.delay = 0, .window = 59 * 60};  // messages that earn lie so far apart
constexpr std::uint8_t kOfEarning = 'e';
constexpr unsigned kGuessesMax = 5;            // of transactions, beyond messages
constexpr std::int64_t kGuessesOfSession = 5;  // recipients

smtp::Path path_of(std::string_view text) {
  const auto parsed = smtp::parse_path("<" + std::string(text) + ">", true, true);
  if (parsed) return parsed->path;
  smtp::Path null;
  null.null = true;
  return null;
}

class Tables final : public SimulatedState {
 public:
  explicit Tables(const SimulationOptions& options)
      : options_(options),
        budgets_(bounds::TableFile::in_memory(options.table_bytes, kSecret), options.budget),
        pending_(bounds::TableFile::in_memory(options.table_bytes, kSecret)),
        known_(bounds::TableFile::in_memory(options.table_bytes, kSecret)) {}

  void before(const SessionView& session, const DecisionView& decision, Evidence& evidence) override {
    note_time(session);
    const std::uint32_t now = second_of(session, decision);
    const std::uint64_t key = sender_key(session, evidence);
    if (!evidence.is_unknown(Signal::known)) {
      if (evidence.get<value::Known>(Signal::known) == value::Known::replied_to) {
        known_.note(key, bounds::SenderEvent::replied_to, now);
      }
      evidence.set(Signal::known, known_as(key, now));
    }
    payer_ = payer_of(session, evidence, key, now);
    // A connection that was let in has no decision of its own: it is paid for at the session's first.
    const bool first = !begun_;
    if (first) {
      begun_ = true;
      // Who is refused at a wide prefix alone goes on until it is known who he is.
      over_at_connect_ = !spend(options_.connect, second_of(session.start)) && !narrow_has_room(session.start);
    }
    const bool connecting = decision.stage == Stage::connect;
    if (!connecting && !thrown_out_) turn_to(decision, now);
    const bool over = thrown_out_ || (first && over_at_connect_) || (!connecting && !spend(kLookAlone, now));
    if (!evidence.is_unknown(Signal::budget)) {
      evidence.set(Signal::budget, over ? value::Budget::over : value::Budget::within);
    }
    if (!connecting && !evidence.is_unknown(Signal::greylist)) {
      evidence.set(Signal::greylist, greylist_of(session, decision, evidence, now));
    }
  }

  void after(const SessionView& session, const DecisionView& decision, const Evidence& evidence,
             const evidence::Verdict& verdict) override {
    // Where a budget was spent at connect and the policy throttles, nothing of the session happens.
    if (over_at_connect_ && verdict.action == Action::throttle) thrown_out_ = true;
    over_at_connect_ = false;
    if (thrown_out_) return;
    const std::uint32_t now = second_of(session, decision);
    switch (decision.stage) {
      case Stage::connect:
        break;
      case Stage::data:
        after_message(session, decision, evidence, verdict.action, now);
        break;
      case Stage::helo:
      case Stage::mail:
      case Stage::rcpt:
        after_recipient(session, decision, evidence, verdict, now);
        break;
    }
  }

  void finished(const SessionView& session) override {
    note_time(session);
    if (begun_ && !thrown_out_) {
      const std::uint32_t now = second_of(session.start + session.duration_ms);
      end_transaction(now);
      const bool gone = session.end == "eof" || session.end == "reset" || session.end == "timeout";
      if (session.end == "tls_failed") spend(options_.tls_failed, now);
      if (gone && accepted_ == 0 && !sinkhole_) spend(options_.hang_up, now);
    }
    begun_ = over_at_connect_ = thrown_out_ = sinkhole_ = guessed_ = false;
    accepted_ = 0;
    transaction_.reset();
  }

  [[nodiscard]] Warmth warm() const override {
    const auto since = [this](WallMs memory) -> std::optional<WallMs> {
      if (oldest_ == 0 || oldest_ + memory > newest_) return std::nullopt;
      return oldest_ + memory;
    };
    // A budget forgets within a few times burst / rate.
    constexpr double kMemories = 3;
    const double budget_hours = kMemories * options_.budget.burst / std::max(options_.budget.rate_per_hour, 1e-3);
    return {.budgets = since(static_cast<WallMs>(budget_hours * 3'600'000)),
            .greylist = since(WallMs{options_.greylist.window} * 1000),
            .known = since(WallMs{bounds::KnownSenders::kForgottenAfterHours} * 3'600'000)};
  }

 private:
  void note_time(const SessionView& session) {
    newest_ = std::max(newest_, session.start);
    oldest_ = oldest_ == 0 ? session.start : std::min(oldest_, session.start);
  }
  static std::uint32_t second_of(WallMs time) { return static_cast<std::uint32_t>(time / 1000); }
  static std::uint32_t second_of(const SessionView& session, const DecisionView& decision) {
    return second_of(session.start + decision.ms);
  }
  static std::uint64_t key_of(std::string_view text) { return crypto::siphash_1_3(kSecret, text); }

  bounds::Event payer_of(const SessionView& session, const Evidence& evidence, std::uint64_t identity,
                         std::uint32_t now) const {
    bounds::Event event;
    event.address = ip::untranslated(ip::Address::parse(session.client).value_or(ip::Address()));
    event.known = known_.known(identity, now) ||
                  evidence.get<value::Operator>(Signal::verdict_of_operator) == value::Operator::allow;
    if (!session.identity.empty() && !session.identity.starts_with("net:")) event.identity = identity;
    return event;
  }
  // As the server does (Defence::charge): whether one unit is left; what costs more is taken whole, and nothing where
  // the budget is spent.
  bool spend(std::uint32_t units, std::uint32_t now) {
    payer_.cost = 1;
    if (!budgets_.decide(payer_, now).admitted) return false;
    if (units == 0) return true;
    payer_.cost = units;
    budgets_.charge(payer_, now);
    return true;
  }

  [[nodiscard]] bool narrow_has_room(WallMs now) const {
    if (payer_.known) return false;
    bounds::Event narrow = payer_;
    narrow.cost = 1;
    narrow.narrow = true;
    return budgets_.decide(narrow, second_of(now)).admitted;
  }

  [[nodiscard]] value::Known known_as(std::uint64_t key, std::uint32_t now) const {
    const auto sender = known_.look(key, now);
    if (!sender) return value::Known::stranger;
    if (sender->replied_to) return value::Known::replied_to;
    return sender->known ? value::Known::known : value::Known::seen;
  }

  struct Keys {
    std::uint64_t strong = 0, weak = 0;
  };
  static Keys keys_of(const SessionView& session, const DecisionView& decision, const Evidence& evidence) {
    std::string_view from;
    std::string unlisted;
    std::string_view to = evidence.text(Signal::recipient_address);
    if (const record::TransactionView* const transaction = transaction_of(session, decision)) {
      from = transaction->reverse_path;
      const std::size_t at = transaction->recipients_begin + static_cast<std::size_t>(std::max(decision.recipient, 0));
      if (to.empty() && at < transaction->recipients_end) to = session.recipients[at].path;
    } else if (evidence.get<value::Sender>(Signal::sender) == value::Sender::address) {
      // The domain is all that is known of its sender then.
      unlisted = "unlisted@" + std::string(evidence.text(Signal::sender_domain));
      from = unlisted;
    }
    const smtp::Path path = path_of(from);
    const signals::Identity identity{.kind = signals::IdentityKind::net, .text = sender_of(session, evidence)};
    return {.strong = key_of(signals::strong_key_text(identity, path, to)),
            .weak = key_of(signals::weak_key_text(path, to))};
  }
  [[nodiscard]] value::Greylist greylist_of(const SessionView& session, const DecisionView& decision,
                                            const Evidence& evidence, std::uint32_t now) const {
    // At the end of DATA it is that of the first recipient who was taken.
    if (decision.stage == Stage::data && transaction_ && transaction_->greylist) return *transaction_->greylist;
    const Keys keys = keys_of(session, decision, evidence);
    const Pending::State strong = pending_.look(keys.strong, now, options_.greylist);
    if (strong.kind == Pending::Kind::due) return value::Greylist::due;
    const Pending::State weak = pending_.look(keys.weak, now, bounds::weak_times(options_.greylist));
    if (weak.kind == Pending::Kind::due) return value::Greylist::weak;
    const bool early = strong.kind == Pending::Kind::early || weak.kind == Pending::Kind::early;
    return early ? value::Greylist::early : value::Greylist::first;
  }
  void note_attempt(const SessionView& session, const DecisionView& decision, const Evidence& evidence,
                    std::uint32_t now) {
    // What a budget refuses puts nothing into the greylist.
    if (!spend(1, now)) return;
    const Keys keys = keys_of(session, decision, evidence);
    pending_.note(keys.strong, now, options_.greylist);
    pending_.note(keys.weak, now, options_.greylist);
  }

  // The transaction of a decision that is about one; the one before it ends.
  void turn_to(const DecisionView& decision, std::uint32_t now) {
    const bool at_data = decision.stage == Stage::data;
    if (transaction_ && transaction_->index == decision.transaction &&
        (at_data || !begins_transaction(decision.transaction, decision.recipient)))
      return;
    end_transaction(now);
    transaction_.emplace(Transaction{.index = decision.transaction});
    // None of its recipients is in the record, but somebody was taken, or there would be no message.
    transaction_->taken = at_data;
    transaction_->earns = at_data;
  }
  void end_transaction(std::uint32_t now) {
    // Look-ups were made for it: who goes on like that pays.
    if (transaction_ && !transaction_->accepted && !sinkhole_) {
      spend(1, now);
      if (2 * transaction_->guesses > transaction_->named) note_guess(transaction_->sender, now);
    }
    transaction_.reset();
  }

  void after_recipient(const SessionView& session, const DecisionView& decision, const Evidence& evidence,
                       const evidence::Verdict& verdict, std::uint32_t now) {
    using value::Recipient;
    const auto recipient = evidence.get<Recipient>(Signal::recipient);
    const std::uint16_t code = code_of(session, decision);
    // There alone somebody is taken who is not here: a trap, or whoever the policy was only told of.
    if (!decision.enforced && code != 0 && code < 400) sinkhole_ = true;
    transaction_->sender = sender_key(session, evidence);
    transaction_->pool = is_pool(session);
    ++transaction_->named;
    if (verdict.action == Action::throttle && !sinkhole_) return;
    const bool nobody =
        recipient == Recipient::trap || recipient == Recipient::no_such_user || recipient == Recipient::retired;
    if (nobody) ++transaction_->guesses;
    if (recipient == Recipient::trap || (nobody && !guessed_ && is_guessing(evidence))) {
      if (recipient != Recipient::trap) guessed_ = true;
      lose_history(transaction_->sender, transaction_->pool, now);
      payer_.known = known_.known(transaction_->sender, now) ||
                     evidence.get<value::Operator>(Signal::verdict_of_operator) == value::Operator::allow;
    }
    if (nobody) {
      spend(recipient == Recipient::trap ? options_.trap : options_.unknown_user, now);
    } else if (!decision.enforced) {
      // A domain that is not ours is refused whatever the policy says; nobody is charged for what was only told.
      if (recipient == Recipient::unknown && !(code != 0 && code < 400)) spend(options_.recipient_refused, now);
    } else if (verdict.action == Action::reject) {
      spend(options_.recipient_refused, now);
    } else if (verdict.action == Action::greylist) {
      note_attempt(session, decision, evidence, now);
    } else if (fate_of(decision.action) != Fate::accepted || code < 400) {  // else somebody else refused him
      const auto greylist = evidence.get<value::Greylist>(Signal::greylist);
      if (!transaction_->taken) transaction_->greylist = greylist;
      transaction_->taken = true;
      transaction_->passed_greylist |= greylist == value::Greylist::due || greylist == value::Greylist::weak;
      transaction_->earns |= recipient == Recipient::mailbox && verdict.rule != "operator";
    }
  }

  void after_message(const SessionView& session, const DecisionView& decision, const Evidence& evidence, Action action,
                     std::uint32_t now) {
    if (!decision.enforced) {
      sinkhole_ = true;
    } else if (transaction_->taken) {  // the message came because somebody was accepted; now perhaps nobody would be
      if (action == Action::reject) spend(options_.recipient_refused, now);
      if (action == Action::greylist) note_attempt(session, decision, evidence, now);
      // What could not be stored was not accepted by anybody.
      const record::TransactionView* const transaction = transaction_of(session, decision);
      const bool stored =
          fate_of(decision.action) != Fate::accepted || transaction == nullptr || transaction->code < 400;
      if (fate_of(action) == Fate::accepted && stored) {
        spend(options_.message, now);
        transaction_->accepted = true;
        ++accepted_;
        const bool trapped = evidence.get<value::YesNo>(Signal::trap) == value::YesNo::yes;
        if (transaction_->earns && !trapped) {
          const std::uint64_t sender = sender_key(session, evidence);
          if (transaction_->passed_greylist) known_.note(sender, bounds::SenderEvent::passed, now);
          note_accepted(sender, now);
        }
      }
    }
    end_transaction(now);
  }

  // One message an hour is a merit (Defence::accepted).
  void note_accepted(std::uint64_t sender, std::uint32_t now) {
    const std::uint64_t hour = crypto::siphash_1_3(kSecret, sender, kOfEarning);
    const bool again = pending_.look(hour, now, kNearlyAnHour).kind != Pending::Kind::unseen;
    if (!again) pending_.note(hour, now, kNearlyAnHour);
    known_.note(sender, again ? bounds::SenderEvent::accepted_again : bounds::SenderEvent::accepted, now);
  }

  // More than one machine: only such have users of others whom a demotion would harm.
  static bool is_pool(const SessionView& session) {
    return session.identity.starts_with("spf:") || session.identity.starts_with("rdns:");
  }
  static bool is_guessing(const Evidence& evidence) {
    const std::int64_t unknown = evidence.number(Signal::unknown_recipients);
    return unknown >= kGuessesOfSession && 2 * unknown > evidence.number(Signal::recipients);
  }
  void lose_history(std::uint64_t sender, bool pool, std::uint32_t now) {
    const auto found = known_.look(sender, now);
    // Whoever has an account at a large pool could take its history from it with one letter.
    if (found && found->accepted >= kPoolAccepted && pool) return;
    known_.note(sender, bounds::SenderEvent::trapped, now);
  }
  void note_guess(std::uint64_t sender, std::uint32_t now) {
    const auto found = known_.note(sender, bounds::SenderEvent::guessed, now);
    if (found && found->guesses >= kGuessesMax) lose_history(sender, transaction_->pool, now);
  }

  // What is remembered of the transaction at hand.
  struct Transaction {
    std::int32_t index = -1;  // in the record
    bool taken = false;       // it has a recipient who would be accepted
    bool earns = false, passed_greylist = false, accepted = false;
    bool pool = false;
    std::uint64_t sender = 0;
    std::uint32_t named = 0, guesses = 0;     // recipients
    std::optional<value::Greylist> greylist;  // of the first who is taken
  };

  SimulationOptions options_;
  bounds::PrefixBudgets budgets_;
  Pending pending_;
  bounds::KnownSenders known_;
  WallMs oldest_ = 0, newest_ = 0;
  // Of the session at hand:
  bool begun_ = false;  // it has paid for its connection
  bool over_at_connect_ = false, thrown_out_ = false, sinkhole_ = false, guessed_ = false;
  std::uint32_t accepted_ = 0;  // messages
  bounds::Event payer_;         // as of the last decision
  std::optional<Transaction> transaction_;
};

}  // namespace

std::unique_ptr<SimulatedState> simulate(const SimulationOptions& options) { return std::make_unique<Tables>(options); }

}  // namespace postern::insight
