// What a session's judgement asks DNS, and how long it waits for the answers.
#include <utility>

#include "inbound/evidence_of.h"
#include "inbound/judgement_impl.h"

namespace postern::inbound {

namespace value = evidence::value;
using evidence::Signal;

// Look-ups of their own accord: each is counted, so that gather() knows when all are answered.
void Judgement::Impl::spawn(Task<void> task) {
  ++open;
  tasks.spawn(counted(std::move(task)));
}

Task<void> Judgement::Impl::counted(Task<void> task) {
  const Ending ending(*this);  // also where an exception ends the task
  co_await std::move(task);
}

void Judgement::Impl::begin_connection_lookups() {
  if (context.resolver == nullptr) return;
  if (policy().asks(Signal::rdns) || policy().asks(Signal::rdns_name) || policy().asks(Signal::rdns_domain) ||
      policy().asks(Signal::helo_match) || policy().asks(Signal::lists) || policy().asks(Signal::list_score) ||
      policy().asks(Signal::greylist) || policy().asks(Signal::known)) {
    reverse_asked = defence().suffixes() != nullptr;
    spawn(look_up_reverse());
  }
  ask_lists_about_client();
}

Task<void> Judgement::Impl::look_up_reverse() {
  if (defence().suffixes() == nullptr) co_return;
  reverse = co_await signals::look_up(client(), *defence().suffixes(), *context.resolver, lookups);
  now.set(Signal::rdns, reverse.state);
  if (!reverse.name.is_root()) now.set_text(Signal::rdns_name, reverse.name.text());
  if (reverse.organisation) now.set_text(Signal::rdns_domain, reverse.organisation->text());
}

// A task for each question: a list that does not answer holds up no other.
void Judgement::Impl::ask_lists_about_client() {
  if (!lists || lists->size() == 0 || defence().suffixes() == nullptr) return;
  signals::ListSubjects subjects;
  subjects.client = client();
  for (auto& question : lists->begin(subjects, *defence().suffixes(), *context.resolver, client_lists))
    spawn(ask_about_client(std::move(question)));
}

Task<void> Judgement::Impl::ask_about_client(signals::Lists::Question question) {
  signals::ListVerdict& verdict = client_lists.lists[question.list];
  co_await lists->ask_one(std::move(question), *context.resolver, lookups, verdict);
  use_lists();
}

// Names that became known later than the address: HELO, the reverse name, the domain of the reverse-path.
void Judgement::Impl::ask_lists_about_sender() {
  if (!lists || lists->size() == 0 || defence().suffixes() == nullptr) return;
  signals::ListSubjects subjects;
  subjects.helo = helo.name;
  if (reverse.confirmed) subjects.rdns_name = reverse.name;
  subjects.sender_domain = dns::Name::from_unicode(sender->domain);
  for (auto& question : lists->begin(subjects, *defence().suffixes(), *context.resolver, sender_lists))
    spawn(ask_about_sender(std::move(question)));
}

Task<void> Judgement::Impl::ask_about_sender(signals::Lists::Question question) {
  const std::uint32_t transaction = record.transactions_total;
  const std::size_t list = question.list;
  // Of its own until it is known whose it is; then what other questions found joins it
  signals::ListVerdict verdict{.asked = true};
  co_await lists->ask_one(std::move(question), *context.resolver, lookups, verdict);
  if (transaction != record.transactions_total || sender_lists.lists.empty()) co_return;  // of an earlier sender
  sender_lists.lists[list].add(verdict);
  use_lists();
}

void Judgement::Impl::use_lists() {
  now.set_lists(client_lists.answered() | sender_lists.answered(), client_lists.listed() | sender_lists.listed());
  now.set_number(Signal::list_score, client_lists.answered() != 0 || sender_lists.answered() != 0
                                         ? lists->score(client_lists) + lists->score(sender_lists)
                                         : evidence::kUnknown);
  for (const signals::ListVerdicts* const verdicts : {&client_lists, &sender_lists}) {
    for (std::size_t i = 0; i < verdicts->lists.size(); ++i)
      if (!verdicts->lists[i].problem.empty())
        defence().list_trouble(lists->options(i).zone, verdicts->lists[i].problem);
  }
}

Task<void> Judgement::Impl::look_up_helo() {
  if (defence().suffixes() == nullptr) co_return;
  const std::uint32_t greeting = helos;
  // Copies: what is late may meet a new greeting, or a reverse look-up that is late as well
  const signals::HeloForm form = helo;
  const signals::ReverseDns names = reverse;
  const value::HeloMatch match =
      co_await signals::match_helo(form, client(), names, *defence().suffixes(), *context.resolver, lookups);
  if (greeting == helos) now.set(Signal::helo_match, match);
}

Task<void> Judgement::Impl::until_answered(Deadline deadline) {
  while (open > 0) {
    const bool told_so = co_await answered.wait(deadline);
    if (!told_so) co_return;
  }
}

bool Judgement::has_gathered() const { return impl_->sender && impl_->sender->gathered; }

Task<void> Judgement::gather(Authentication* authentication) {
  Impl& own = *impl_;
  if (own.sender->gathered) co_return;
  own.sender->gathered = true;
  const Deadline deadline = Deadline::after(milliseconds(own.settings().defence.lookup_timeout_ms));
  co_await own.until_answered(deadline);
  const bool may_look_up = own.may_look_up();
  if (own.context.resolver != nullptr && may_look_up) {
    if (own.now.is_unknown(Signal::helo_match) && own.policy().asks(Signal::helo_match)) own.spawn(own.look_up_helo());
    own.ask_lists_about_sender();
  }
  const bool ask_spf = authentication != nullptr && own.spf_allowance > 0;
  // What has not been looked up must not pass for unknown: the session has to end first
  own.sender->beyond_lookups = (authentication != nullptr && !ask_spf) || !may_look_up;
  if (ask_spf) {
    --own.spf_allowance;
    const spf::Evaluation* const spf = co_await authentication->spf(wall_now());
    own.now.set(Signal::spf, spf_of(spf->outcome));
    own.sender->identity = signals::identity_of(own.client(), spf, own.reverse);
  }
  co_await own.until_answered(deadline);
  if (!ask_spf) own.sender->identity = signals::identity_of(own.client(), nullptr, own.reverse);
  // The first that holds and no other: a name stands for nobody whom SPF tells apart from those who share it
  if (own.sender->identity.kind != signals::IdentityKind::net) own.add_identity(own.sender->identity.text);
  own.record.state.identity = own.sender->identity.text;
  own.ask_operator();
}

}  // namespace postern::inbound
