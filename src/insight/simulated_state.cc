#include "insight/simulated_state.h"

#include <algorithm>
#include <string>

#include "bounds/known_senders.h"
#include "crypto/siphash.h"
#include "insight/fate.h"
#include "insight/outcomes.h"
#include "ip/address.h"
#include "signals/identity.h"
#include "smtp/address.h"

namespace postern::insight {

namespace {

using bounds::Pending;
using evidence::Evidence;
using evidence::Signal;
using evidence::Stage;
using record::DecisionView;
using record::SessionView;
namespace value = evidence::value;

// Any fixed one: nobody aims at a simulation, and two runs must say the same.
constexpr crypto::SipKey kSecret{.k0 = 0x706F737465726E21, .k1 = 0x7265706C6179};
constexpr std::int32_t kNone = -2;        // no transaction; -1 is "about none"
constexpr std::uint32_t kWeakDelays = 3;  // the weak key waits for so many delays

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
    // A connection that was let in has no decision of its own: it is paid for at the session's first.
    const bool admitted = begun_ ? budgets_.decide(event_of(session, evidence, 0, now), now).admitted
                                 : budgets_.take(event_of(session, evidence, options_.connect, now), now).admitted;
    begun_ = true;
    if (!evidence.is_unknown(Signal::budget)) {
      evidence.set(Signal::budget, admitted ? value::Budget::within : value::Budget::over);
    }
    if (decision.stage != Stage::connect && !evidence.is_unknown(Signal::greylist)) {
      evidence.set(Signal::greylist, greylist_of(session, decision, evidence, now));
    }
  }

  void after(const SessionView& session, const DecisionView& decision, const Evidence& evidence,
             const evidence::Verdict& verdict) override {
    const std::uint32_t now = second_of(session, decision);
    const Fate fate = fate_of(verdict.action);
    if (!decision.enforced) return;  // nobody is charged for what was only told
    switch (decision.stage) {
      case Stage::connect:
        break;
      case Stage::data:
        // The message came because somebody was accepted then; now perhaps nobody would be.
        if (fate != Fate::accepted || decision.transaction != accepted_in_) break;
        charge(session, evidence, options_.message, now);
        known_.note(sender_key(session, evidence), bounds::SenderEvent::accepted, now);
        break;
      case Stage::helo:
      case Stage::mail:
      case Stage::rcpt:
        after_recipient(session, decision, evidence, verdict.action, now);
        break;
    }
  }

  void finished(const SessionView& session) override {
    note_time(session);
    accepted_in_ = kNone;
    begun_ = false;
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
  static std::uint32_t second_of(const SessionView& session, const DecisionView& decision) {
    return static_cast<std::uint32_t>((session.start + decision.ms) / 1000);
  }
  static std::uint64_t key_of(std::string_view text) { return crypto::siphash_1_3(kSecret, text); }

  bounds::Event event_of(const SessionView& session, const Evidence& evidence, double cost, std::uint32_t now) const {
    const std::uint64_t identity = sender_key(session, evidence);
    bounds::Event event;
    event.address = ip::Address::parse(session.client).value_or(ip::Address());
    event.known = known_.known(identity, now);
    if (!session.identity.empty() && !session.identity.starts_with("net:")) event.identity = identity;
    event.cost = cost;
    return event;
  }
  void charge(const SessionView& session, const Evidence& evidence, double cost, std::uint32_t now) {
    if (cost > 0) budgets_.charge(event_of(session, evidence, cost, now), now);
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
    std::string_view to;
    if (decision.transaction >= 0 && static_cast<std::size_t>(decision.transaction) < session.transactions.size()) {
      const auto& transaction = session.transactions[static_cast<std::size_t>(decision.transaction)];
      from = transaction.reverse_path;
      const std::size_t at = transaction.recipients_begin + static_cast<std::size_t>(std::max(decision.recipient, 0));
      if (at < transaction.recipients_end) to = session.recipients[at].path;
    }
    const smtp::Path path = path_of(from);
    const signals::Identity identity{.kind = signals::IdentityKind::net, .text = sender_of(session, evidence)};
    return {.strong = key_of(signals::strong_key_text(identity, path, to)),
            .weak = key_of(signals::weak_key_text(path, to))};
  }
  [[nodiscard]] value::Greylist greylist_of(const SessionView& session, const DecisionView& decision,
                                            const Evidence& evidence, std::uint32_t now) const {
    const Keys keys = keys_of(session, decision, evidence);
    const Pending::State strong = pending_.look(keys.strong, now, options_.greylist);
    if (strong.kind == Pending::Kind::due) return value::Greylist::due;
    bounds::GreylistTimes longer = options_.greylist;
    longer.delay *= kWeakDelays;
    if (pending_.look(keys.weak, now, longer).kind == Pending::Kind::due) return value::Greylist::weak;
    return strong.kind == Pending::Kind::early ? value::Greylist::early : value::Greylist::first;
  }

  void after_recipient(const SessionView& session, const DecisionView& decision, const Evidence& evidence,
                       evidence::Action action, std::uint32_t now) {
    const std::uint64_t sender = sender_key(session, evidence);
    const auto recipient = evidence.get<value::Recipient>(Signal::recipient);
    if (recipient == value::Recipient::trap || recipient == value::Recipient::retired) {
      charge(session, evidence, options_.trap, now);
      known_.note(sender, bounds::SenderEvent::trapped, now);
    } else if (recipient == value::Recipient::no_such_user) {
      charge(session, evidence, options_.unknown_user, now);
    } else if (fate_of(action) == Fate::refused) {
      charge(session, evidence, options_.recipient_refused, now);
    }
    if (action == evidence::Action::greylist) {
      const Keys keys = keys_of(session, decision, evidence);
      pending_.note(keys.strong, now, options_.greylist);
      pending_.note(keys.weak, now, options_.greylist);
    } else if (fate_of(action) == Fate::accepted) {
      accepted_in_ = decision.transaction;
      const auto greylist = evidence.get<value::Greylist>(Signal::greylist);
      if (greylist == value::Greylist::due || greylist == value::Greylist::weak) {
        known_.note(sender, bounds::SenderEvent::passed, now);
      }
    }
  }

  SimulationOptions options_;
  bounds::PrefixBudgets budgets_;
  Pending pending_;
  bounds::KnownSenders known_;
  WallMs oldest_ = 0, newest_ = 0;
  bool begun_ = false;                // the session at hand has paid for its connection
  std::int32_t accepted_in_ = kNone;  // the session's last transaction with a recipient who would be accepted
};

}  // namespace

std::unique_ptr<SimulatedState> simulate(const SimulationOptions& options) { return std::make_unique<Tables>(options); }

}  // namespace postern::insight
