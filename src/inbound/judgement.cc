#include "inbound/judgement_impl.h"

#include <algorithm>
#include <utility>

#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "fingerprint/client_hello.h"
#include "fingerprint/syn.h"
#include "inbound/evidence_of.h"
#include "inbound/head.h"
#include "ip/translated.h"

namespace postern::inbound {

namespace {

namespace value = evidence::value;
using evidence::Signal;
using evidence::Stage;

Counter throttled_total("postern_throttled_total");
Counter greylisted_total("postern_greylisted_total");
Counter policy_refused_total("postern_policy_refused_total");
Counter tagged_total("postern_tagged_total");

constexpr std::size_t kTagsMax = 10;          // in the field
constexpr std::size_t kRoomForMessages = 50;  // decisions of a record that are kept for the ends of DATA

// Also where the recipient is refused for another reason. Not what waits for DNS: that reason stands without it.
bool is_spoken_anyway(const evidence::Verdict& verdict) {
  return verdict.action == evidence::Action::throttle && verdict.reason != evidence::Reason::history;
}

Stage stage_of(policy::Moment moment) {
  switch (moment) {
    case policy::Moment::connect:
      return Stage::connect;
    case policy::Moment::rcpt:
      return Stage::rcpt;
    case policy::Moment::data:
      break;
  }
  return Stage::data;
}

}  // namespace

Judgement::Judgement(JudgementContext context, std::shared_ptr<const Runtime> runtime, record::SessionRecord& record,
                     Clock::time_point start)
    : impl_(std::make_unique<Impl>(context, std::move(runtime), record, start)) {
  record.policy = impl_->policy().fingerprint();
  impl_->lists = impl_->settings().lists;
  if (impl_->lists) record.list_names = impl_->lists->names();
}

Judgement::~Judgement() = default;

// What needs no look-up.
void Judgement::Impl::measure_connection() {
  now.set(Signal::family, client().is_v4() ? value::Family::ipv4 : value::Family::ipv6);
  now.set(Signal::address, kind_of(client()));
  now.set(Signal::protocol, value::Protocol::smtp);
  now.set(Signal::trap, value::YesNo::no);
  if (const auto countries = defence().countries())
    now.set_country(countries->country(ip::untranslated(client())).code());
  // Behind a proxy the SYN is the proxy's
  if (!record.proxy && !record.syn.empty()) {
    const auto syn = fingerprint::parse_syn(record.syn);
    if (syn) {
      now.set_text(Signal::syn, fingerprint::signature(*syn));
      if (const auto systems = defence().systems()) now.set(Signal::os, systems->match(*syn).os);
    }
  }
  add_identity(host_identity(client()));
}

void Judgement::Impl::ask_operator() {
  const auto list = defence().operator_list();
  if (!list) return;
  const bool confirmed = !now.text(Signal::rdns_domain).empty();
  access::Sender asked{.client = client(),
                       .confirmed_name = confirmed ? now.text(Signal::rdns_name) : std::string_view(),
                       .reverse_path = sender ? std::string_view(sender->path) : std::string_view()};
  auto answer = list->lookup(asked, wall_now());
  // A reverse-path that SPF denies is not the domain that the operator meant
  const auto spf = now.get<value::Spf>(Signal::spf);
  const bool unproven = sender && sender->beyond_lookups && spf == value::Spf::unknown;
  if (answer.word == value::Operator::allow && (spf == value::Spf::fail || spf == value::Spf::softfail || unproven)) {
    asked.reverse_path = {};
    answer = list->lookup(asked, wall_now());
  }
  now.set(Signal::verdict_of_operator, answer.word);
}

void Judgement::Impl::add_identity(Identity identity) {
  if (identity.empty() || std::ranges::find(identities, identity) != identities.end()) return;
  identities.push_back(std::move(identity));
}

// A look-up failed, or did not end in time, that could have told who the sender is.
bool Judgement::Impl::history_is_undecided() const {
  if (!sender || !sender->gathered) return false;
  return (reverse_asked && now.is_unknown(Signal::rdns)) || now.get<value::Spf>(Signal::spf) == value::Spf::temperror;
}

void Judgement::Impl::refresh_known(std::string_view our_mailbox) {
  const WallMs time = wall_now();
  const Defence::History history = defence().history(identities, time);
  value::Known known = history.known;
  std::string known_by(history.by);
  // Only where the reverse-path is proven: otherwise whoever knows with whom we write would be let in
  const bool proven = now.get<value::Spf>(Signal::spf) == value::Spf::pass ||
                      now.get<value::Dmarc>(Signal::dmarc) == value::Dmarc::pass;
  if (sender && proven && !sender->path.empty() && !our_mailbox.empty() &&
      defence().replied_to(sender->path, our_mailbox, time)) {
    known = value::Known::replied_to;
    known_by = "mail to " + sender->path;
  }
  if (known == value::Known::known || known == value::Known::replied_to) record.state.known_by = std::move(known_by);
  if (known < value::Known::known && history_is_undecided()) known = value::Known::undecided;
  now.set(Signal::known, known);
}

// Whoever did it is a stranger from here on, and pays as one.
void Judgement::Impl::lose_history(WallMs time) {
  defence().trapped(identities, time);
  refresh_known({});
}

// False, and nothing is taken, where a budget is spent.
bool Judgement::Impl::spend(std::uint32_t units) {
  const Defence::Charge charge =
      defence().charge({.client = client(),
                        .known = is_known(),
                        .identity = identities.size() > 1 ? std::string_view(identities.back()) : std::string_view()},
                       units, wall_now());
  wide_alone = charge.wide_alone;
  record.state.budget_level = charge.level;
  record.state.budget_load = charge.load;
  now.set(Signal::budget, charge.over ? value::Budget::over : value::Budget::within);
  return !charge.over;
}

RefusalFacts Judgement::Impl::facts(std::string_view domain) const {
  RefusalFacts facts;
  facts.client = client().text();
  facts.country = evidence::country_text(static_cast<evidence::CountryCode>(now.number(Signal::country)));
  facts.lists = now.show(Signal::lists, record.list_names);
  facts.budget_level = record.state.budget_level;
  facts.wait_s = record.state.greylist_wait_s;
  facts.author_domain = now.text(Signal::author_domain);
  facts.id = record.id.text();
  facts.public_url = settings().defence.public_url;
  facts.postmaster = "postmaster@" + std::string(domain.empty() ? std::string_view(settings().hostname) : domain);
  return facts;
}

// Asks the policy and writes down what it said, and of what.
evidence::Verdict Judgement::Impl::decide(policy::Moment moment, const policy::For& whose, std::int32_t transaction,
                                          std::int32_t recipient, Effect effect) {
  evidence::Verdict verdict = policy().judge(moment, now, whose);
  ++record.decisions_total;
  const std::size_t room =
      moment == policy::Moment::data ? record::kDecisionsMax : record::kDecisionsMax - kRoomForMessages;
  if (record.decisions.size() >= room) return verdict;
  record::DecisionRecord decision;
  decision.ms = static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - start).count());
  decision.stage = stage_of(moment);
  decision.transaction = transaction;
  decision.recipient = recipient;
  json::Writer writer(decision.changes);
  now.append_changes(told, record.list_names, writer);
  told = now;
  decision.action = verdict.action;
  decision.reason = verdict.reason;
  decision.rule = verdict.rule;
  decision.enforced = effect == Effect::all || (effect == Effect::throttle && is_spoken_anyway(verdict));
  decision.score = verdict.score;
  decision.score_low = verdict.score_low;
  decision.tags.assign(verdict.tags.begin(), verdict.tags.end());
  decision.shadow.assign(verdict.shadow.begin(), verdict.shadow.end());
  record.decisions.push_back(std::move(decision));
  return verdict;
}

std::optional<Refusal> Judgement::connect() {
  Impl& own = *impl_;
  own.measure_connection();
  own.record.state.identity = signals::network_identity(own.client()).text;
  own.ask_operator();
  own.refresh_known({});
  own.now.set(Signal::hang_up,
              own.defence().hung_up_before(own.identities.front(), wall_now()) ? value::YesNo::yes : value::YesNo::no);
  // A wide prefix may be full of others; who has a history under his domain's name is not yet known to have it
  if (!own.spend(own.settings().defence.budget.costs.connect) && own.wide_alone && own.defence().enter_doubt()) {
    own.doubt.defence = &own.defence();
    own.spf_allowance = 1;  // nobody has paid for the look-ups
    own.now.set(Signal::budget, value::Budget::unknown);
  }
  // A decision that only lets the session go on is not worth a place in the record: the first recipient's has it all.
  const evidence::Verdict verdict = own.policy().judge(policy::Moment::connect, own.now, {});
  if (verdict.action == evidence::Action::throttle && !own.context.sinkhole) {
    own.decide(policy::Moment::connect, {}, -1, -1, Impl::Effect::all);
    throttled_total.add();
    return policy_refusal(verdict, own.facts({}), /*at_connect=*/true);
  }
  own.begin_connection_lookups();
  return std::nullopt;
}

Task<void> Judgement::hold_greeting() {
  Impl& own = *impl_;
  const milliseconds delay(own.settings().defence.greeting_delay_ms);
  if (delay <= milliseconds(0) || own.is_known() || own.leaving) co_return;
  static_cast<void>(co_await own.left.wait(Deadline::after(delay)));
}

void Judgement::let_go() {
  impl_->leaving = true;
  impl_->left.notify();
}

void Judgement::greeted(bool spoke_before) {
  impl_->now.set(Signal::early_talk, spoke_before ? value::YesNo::yes : value::YesNo::no);
}

void Judgement::hello() {
  Impl& own = *impl_;
  ++own.helos;
  const ip::Address our_address = own.record.server.address;
  const auto our_name = dns::Name::from_unicode(own.settings().hostname);
  signals::OwnHost us{.names = {}, .addresses = std::span(&our_address, 1)};
  if (our_name) us.names = std::span(&*our_name, 1);
  own.helo = signals::classify_helo(own.record.helo, own.client(), us);
  own.now.set_text(Signal::helo_name, own.record.helo);
  own.now.set(Signal::helo, own.helo.state);
  own.now.set(Signal::helo_match, value::HeloMatch::unknown);
}

void Judgement::tls(const io::TlsFacts& facts) {
  impl_->now.set(Signal::tls, tls_of(facts.version));
  impl_->now.set_text(Signal::cipher, facts.cipher);
  impl_->now.set_text(Signal::tls_group, facts.group);
  impl_->use_client_hello(facts.client_hello);
}

// The session ends with it; its record is what tells.
void Judgement::tls_failed(const io::TlsFacts* attempt) {
  Impl& own = *impl_;
  own.now.set(Signal::tls, value::Tls::failed);
  if (attempt != nullptr) own.use_client_hello(attempt->client_hello);
  // What a budget refuses is not written into the tables either
  if (own.spend(own.settings().defence.budget.costs.tls_failed))
    own.defence().tls_failed(own.identities.front(), wall_now());
}

void Judgement::Impl::use_client_hello(std::string_view octets) {
  if (octets.empty()) return;
  const auto hello = fingerprint::parse_client_hello(octets);
  if (hello) now.set_text(Signal::ja4, fingerprint::ja4(*hello));
}

void Judgement::mail(const smtp::Path& path) {
  Impl& own = *impl_;
  own.sender.emplace();
  JudgedSender& sender = *own.sender;
  sender.reverse_path = path;
  sender.path = path.null ? std::string() : path.mailbox.text();
  own.now.set(Signal::sender, path.null ? value::Sender::null : value::Sender::address);
  sender.domain = path.null ? std::string() : path.mailbox.domain.text();
  own.now.set_text(Signal::sender_domain, sender.domain);
  own.now.set(Signal::spf, value::Spf::unknown);
  own.sender_lists = {};
  if (own.lists) own.use_lists();
  for (const Signal signal : {Signal::dkim, Signal::dmarc, Signal::dmarc_policy, Signal::arc})
    own.now.set_number(signal, 0);
  own.now.set_text(Signal::dkim_domain, {});
  own.now.set_text(Signal::author_domain, {});
  own.now.set_number(Signal::size, evidence::kUnknown);
  if (!own.record.tls && own.context.starttls) {  // plain says nothing where nothing else is offered
    own.now.set(Signal::tls, value::Tls::plain);
    own.now.set(Signal::tls_retry, own.defence().tls_failed_before(own.identities.front(), wall_now())
                                       ? value::YesNo::yes
                                       : value::YesNo::no);
  }
}

std::optional<Refusal> Judgement::recipient(const smtp::Mailbox& mailbox, const directory::Resolution& found,
                                            std::uint32_t errors, std::size_t transaction, std::size_t index) {
  Impl& own = *impl_;
  JudgedSender& sender = *own.sender;
  // As the record has them: replay judges for the same. What is put behind an address makes no other one of it.
  const std::string address(utf8_head(found.address.empty() ? mailbox.text() : found.address, evidence::kTextMax));
  const std::string domain(utf8_head(mailbox.domain.text(), evidence::kTextMax));
  const BudgetCosts& costs = own.settings().defence.budget.costs;
  ++own.recipients;
  ++sender.named;
  const bool nobody = directory::is_nobody(found.disposition);
  if (nobody) ++own.unknown_recipients;
  const bool trap = found.disposition == directory::Disposition::trap;
  if (trap) own.now.set(Signal::trap, value::YesNo::yes);
  own.now.set(Signal::recipient, recipient_of(found));
  own.now.set_text(Signal::recipient_address, address);
  own.now.set_text(Signal::recipient_domain, domain);
  own.now.set_number(Signal::errors, errors);
  own.now.set_number(Signal::unknown_recipients, own.unknown_recipients);
  own.now.set_number(Signal::recipients, own.recipients);
  own.now.set_number(Signal::messages, own.record.accepted);
  set_facts(own.record.facts, own.now);
  // As it was named: whoever writes as alice+shop is answered there
  const std::string named = mailbox.text();
  own.refresh_known(found.disposition == directory::Disposition::local ? std::string_view(named) : std::string_view());
  own.spend(0);
  if (own.is_known() && own.doubt.defence != nullptr) {
    own.doubt.leave();
    own.spf_allowance = kSpfAllowance;
  }
  if (sender.beyond_lookups) {
    own.now.set(Signal::budget, value::Budget::over);
    own.record.state.budget_level = "lookups";
  }

  const std::string strong = signals::strong_key_text(sender.identity, sender.reverse_path, address);
  const std::string weak = signals::weak_key_text(sender.reverse_path, address);
  const WallMs time = wall_now();
  const Defence::Greylisting greylisting = own.defence().greylist(strong, weak, own.settings().defence.greylist, time);
  own.now.set(Signal::greylist, greylisting.state);

  // Neither is the policy's to decide: a recipient that is not here, and a sinkhole's
  const bool refused_anyway = nobody || found.disposition == directory::Disposition::foreign || own.context.sinkhole;
  const evidence::Verdict verdict = own.decide(policy::Moment::rcpt, {.address = address, .domain = domain},
                                               static_cast<std::int32_t>(transaction), static_cast<std::int32_t>(index),
                                               own.context.sinkhole ? Impl::Effect::none
                                               : refused_anyway     ? Impl::Effect::throttle
                                                                    : Impl::Effect::all);
  if (is_spoken_anyway(verdict) || (verdict.action == evidence::Action::throttle && !refused_anyway)) {
    if (!own.context.sinkhole) {
      throttled_total.add();
      return policy_refusal(verdict, own.facts(domain), /*at_connect=*/false);
    }
  }
  if (trap) own.lose_history(time);
  if (refused_anyway) {
    if (nobody) ++sender.guesses;
    if (nobody && !own.guessed && own.unknown_recipients >= kGuessesOfSession &&
        2 * own.unknown_recipients > own.recipients) {
      own.guessed = true;
      own.lose_history(time);
    }
    own.spend(trap ? costs.trap : nobody ? costs.unknown_user : costs.recipient_refused);
    return std::nullopt;
  }
  switch (verdict.action) {
    case evidence::Action::reject:
      own.spend(costs.recipient_refused);
      policy_refused_total.add();
      return policy_refusal(verdict, own.facts(domain), /*at_connect=*/false);
    case evidence::Action::greylist: {
      // What a budget refuses puts nothing into the greylist: it could push others out otherwise
      if (own.spend(1)) own.defence().note_attempt(strong, weak, own.settings().defence.greylist, time);
      own.record.state.greylist_wait_s =
          greylisting.wait_s != 0 ? greylisting.wait_s
                                  : static_cast<std::uint32_t>(own.settings().defence.greylist.delay_ms / 1000);
      greylisted_total.add();
      return policy_refusal(verdict, own.facts(domain), /*at_connect=*/false);
    }
    default:
      break;
  }
  const policy::For whose{.address = address, .domain = domain};
  if (sender.has_recipient &&
      !own.policy().same_at_data({.address = sender.data_address, .domain = sender.data_domain}, whose))
    return other_policy();
  const bool same_tags = std::ranges::equal(verdict.tags, sender.recipient_tags);
  if (sender.has_recipient && !same_tags) return other_policy();
  sender.passed_greylist |= greylisting.state == value::Greylist::due || greylisting.state == value::Greylist::weak;
  own.candidate = {.address = address,
                   .domain = domain,
                   .named = named,
                   .word_of_operator = verdict.rule == "operator",
                   .tags = {verdict.tags.begin(), verdict.tags.end()}};
  return std::nullopt;
}

void Judgement::recipient_taken() {
  Impl& own = *impl_;
  JudgedSender& sender = *own.sender;
  sender.earns |=
      own.now.get<value::Recipient>(Signal::recipient) == value::Recipient::mailbox && !own.candidate.word_of_operator;
  if (sender.has_recipient) return;
  sender.has_recipient = true;
  sender.recipient_tags = std::move(own.candidate.tags);
  sender.tags = sender.recipient_tags;
  if (sender.tags.size() > kTagsMax) sender.tags.resize(kTagsMax);
  sender.data_address = own.candidate.address;
  sender.data_domain = own.candidate.domain;
  sender.data_named = own.candidate.named;
  sender.recipient = own.now.number(Signal::recipient);
  sender.greylist = own.now.number(Signal::greylist);
  sender.known = own.now.number(Signal::known);
}

void Judgement::Impl::add_tags(const evidence::Verdict& verdict) {
  for (const std::string_view tag : verdict.tags)
    if (sender->tags.size() < kTagsMax && std::ranges::find(sender->tags, tag) == sender->tags.end())
      sender->tags.emplace_back(tag);
}

std::optional<Refusal> Judgement::message(const record::AuthenticationRecord* authentication, std::uint64_t size,
                                          std::size_t transaction) {
  Impl& own = *impl_;
  JudgedSender& sender = *own.sender;
  own.now.set_number(Signal::size, static_cast<std::int64_t>(size));
  set_facts(own.record.facts, own.now);
  own.now.set_number(Signal::recipient, sender.recipient);
  own.now.set_text(Signal::recipient_address, sender.data_address);
  own.now.set_text(Signal::recipient_domain, sender.data_domain);
  own.now.set_number(Signal::greylist, sender.greylist);
  own.now.set_number(Signal::known, sender.known);
  if (authentication != nullptr) {
    set_authentication(*authentication, own.now);
    // Only the author's own signature: any other may be that of a message which somebody sends once more
    if (authentication->dmarc.dkim_aligned && !own.now.text(Signal::author_domain).empty())
      own.add_identity("dkim:" + std::string(own.now.text(Signal::author_domain)));
    own.ask_operator();  // SPF may have come out otherwise than it stood at RCPT
    own.refresh_known(sender.data_named);
  }
  const evidence::Verdict verdict = own.decide(
      policy::Moment::data, {.address = sender.data_address, .domain = sender.data_domain},
      static_cast<std::int32_t>(transaction), -1, own.context.sinkhole ? Impl::Effect::none : Impl::Effect::all);
  if (own.context.sinkhole) return std::nullopt;
  own.add_tags(verdict);
  if (verdict.action == evidence::Action::accept || verdict.action == evidence::Action::tag) return std::nullopt;
  if (verdict.action == evidence::Action::reject) own.spend(own.settings().defence.budget.costs.recipient_refused);
  if (verdict.action == evidence::Action::greylist) {
    if (own.spend(1))
      own.defence().note_attempt(signals::strong_key_text(sender.identity, sender.reverse_path, sender.data_address),
                                 signals::weak_key_text(sender.reverse_path, sender.data_address),
                                 own.settings().defence.greylist, wall_now());
    own.record.state.greylist_wait_s = static_cast<std::uint32_t>(own.settings().defence.greylist.delay_ms / 1000);
    greylisted_total.add();
  } else {
    policy_refused_total.add();
  }
  return policy_refusal(verdict, own.facts(sender.data_domain), /*at_connect=*/false);
}

std::string Judgement::tag_field() const {
  if (!impl_->sender || impl_->sender->tags.empty()) return {};
  tagged_total.add();
  std::string field(kTagField);
  field += ':';
  for (const std::string& tag : impl_->sender->tags) field += (field.ends_with(':') ? " " : ", ") + tag;
  return field + "\r\n";
}

void Judgement::accepted() {
  Impl& own = *impl_;
  own.sender->accepted = true;
  own.spend(own.settings().defence.budget.costs.message);
  if (own.now.get<value::YesNo>(Signal::trap) == value::YesNo::yes || !own.sender->earns) return;
  const WallMs time = wall_now();
  if (own.sender->passed_greylist) {
    // Of who is no more than an address, the host remembers it: the greylist's prefix has neighbours in it
    const bool nameless = own.sender->identity.kind == signals::IdentityKind::net;
    own.defence().passed_greylist(nameless ? own.identities.front() : own.sender->identity.text, time);
  }
  own.defence().accepted(own.identities, time);
}

void Judgement::end_transaction() {
  Impl& own = *impl_;
  // Look-ups were made for it: who goes on like that pays
  if (own.sender && own.sender->gathered && !own.sender->accepted && !own.context.sinkhole) {
    own.spend(1);
    if (2 * own.sender->guesses > own.sender->named) own.defence().guessed(own.identities, wall_now());
  }
  if (own.sender && own.sender->accepted) {
    own.spf_allowance = kSpfAllowance;
    own.lookups_before = own.lookups.asked();
  }
  own.sender.reset();
  // What the last message proved is not true of the next; the host stays
  own.identities.resize(1);
}

void Judgement::cancel() {
  let_go();
  impl_->lookups.cancel();
}

// How the session ended says something of the next one.
void Judgement::Impl::note_hang_up() {
  const bool theirs = record.end == "eof" || record.end == "reset" || record.end == "timeout";
  if (!theirs || record.accepted > 0 || context.sinkhole) return;
  // What a budget refuses is not written into the tables either
  if (spend(settings().defence.budget.costs.hang_up)) defence().hung_up(identities.front(), wall_now());
}

Task<void> Judgement::finish() {
  Impl& own = *impl_;
  cancel();
  co_await own.tasks.join();
  // A session that never named a recipient: what is known of it stands in the record all the same
  own.note_hang_up();
  if (own.record.decisions_total == 0) {
    set_facts(own.record.facts, own.now);
    if (own.doubt.defence != nullptr) own.now.set(Signal::budget, value::Budget::over);  // nobody was to show himself
    own.decide(policy::Moment::connect, {}, -1, -1, Impl::Effect::none);
  }
}

}  // namespace postern::inbound
