// The session's part that is about users: AUTH, whose addresses they may write from, how much, and what is mended in
// their messages (RFC 4954, 6409).
#include <algorithm>
#include <utility>

#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "inbound/sender_identity.h"
#include "inbound/session.h"
#include "message/submission.h"

namespace postern::inbound {

namespace {

Counter logins_total("postern_logins_total");
Counter logins_failed_total("postern_logins_failed_total");
Counter users_limited_total("postern_users_limited_total");

std::string_view period_of(std::string_view limit) { return limit.ends_with("_per_hour") ? "an hour" : "a day"; }

Refusal refusal_of(const SenderIdentity::Authors& authors) {
  using Fault = SenderIdentity::Authors::Fault;
  switch (authors.fault) {
    case Fault::missing:
      return refusals::author_missing();
    case Fault::several:
      return refusals::author_twice();
    case Fault::malformed:
      return refusals::author_malformed();
    default:
      return refusals::author_not_yours(authors.address);
  }
}

}  // namespace

Task<void> Session::log_in(std::string mechanism, std::optional<std::string> initial) {
  const auto known = sasl::parse_mechanism(mechanism);
  POSTERN_CHECK(known && stream_->tls() != nullptr);  // the automaton takes no other, and none in clear
  if (context_.logins == nullptr) {
    refuse(refusals::login_unavailable());
    co_return;
  }
  if (context_.defence != nullptr && is_charged() &&
      context_.defence->charge({.client = record_.client.address}, 0, wall_now()).over) {
    refuse(refusals::too_many_failed_logins());
    co_return;
  }
  const Settings& now = settings();
  std::string binding = stream_->channel_binding();
  const bool plus = !binding.empty() && runtime_->machine_options[listener_].auth.find("-PLUS") != std::string::npos;
  login_ = context_.logins->begin(now.submission, context_.loop,
                                  LoginRequest{.mechanism = *known,
                                               .channel_binding = std::move(binding),
                                               .plus_offered = plus,
                                               .client = record_.client,
                                               .server = record_.server});
  answer_login(co_await login_->start(std::move(initial)));
}

Task<void> Session::go_on_logging_in(std::string line) {
  POSTERN_CHECK(login_ != nullptr);
  answer_login(co_await login_->receive(std::move(line)));
}

void Session::answer_login(LoginStep step) {
  switch (step.kind) {
    case LoginStep::Kind::challenge:
      machine_.challenge(step.text);
      return;
    case LoginStep::Kind::passed:
      logins_total.add();
      record_.login = clipped(step.text);
      log::info("login",
                {{"id", record_.id.text()}, {"client", record_.client.text()}, {"login", printable(record_.login)}});
      if (context_.defence != nullptr) context_.defence->logged_in(record_.client.address, wall_now());
      machine_.accept();
      machine_.authenticated();
      break;
    default:
      login_failed(step);
  }
  login_.reset();
}

// Nothing of what the client sent is logged but the name; where that is not known, nothing.
void Session::login_failed(const LoginStep& step) {
  const bool later = step.kind == LoginStep::Kind::later;
  if (!later) {
    logins_failed_total.add();
    if (context_.defence != nullptr && is_charged()) {
      static_cast<void>(context_.defence->charge({.client = record_.client.address},
                                                 settings().defence.budget.costs.login_failed, wall_now()));
    }
  }
  const std::string id = record_.id.text();
  const std::string client = record_.client.text();
  const std::string name = printable(login_->name(), 64);
  if (later)
    log::warning("login_unavailable", {{"id", id}, {"client", client}, {"why", step.why}});
  else
    log::info("login_failed", {{"id", id}, {"client", client}, {"name", name}, {"why", step.why}});
  machine_.refuse((later                                     ? refusals::login_unavailable()
                   : step.kind == LoginStep::Kind::malformed ? refusals::login_malformed()
                                                             : refusals::login_failed())
                      .reply);
}

void Session::note_limit(const UserLimits::Hit& hit, WallMs now) {
  users_limited_total.add();
  log::warning("user_limit", {{"id", record_.id.text()},
                              {"client", record_.client.text()},
                              {"login", printable(record_.login)},
                              {"limit", hit.limit},
                              {"value", hit.value}});
  if (!hit.first || !context_.tell_limit) return;
  context_.tell_limit({.login = record_.login,
                       .limit = std::string(hit.limit),
                       .value = hit.value,
                       .client = record_.client.text(),
                       .session = record_.id,
                       .when = now});
}

// At MAIL. The null path is for notices that a user's own programs send (RFC 8098 3).
std::optional<Refusal> Session::refuse_sender(const smtp::Path& path) {
  const Settings& live = (*context_.current)->settings;
  const SubmissionOptions& options = live.submission;
  const WallMs now = wall_now();
  if (options.check_sender && !path.null &&
      !SenderIdentity(*live.directory, options, record_.login, now).owns(path.mailbox))
    return refusals::sender_not_yours(path.text());
  const auto user = options.users.find(record_.login);
  const SubmissionLimits& limits = user == options.users.end() ? options.limits : user->second.limits;
  if (context_.logins == nullptr) return std::nullopt;
  const auto hit = context_.logins->limits().message(record_.login, limits, now);
  if (!hit) return std::nullopt;
  note_limit(*hit, now);
  return refusals::too_many_messages_of_yours(hit->value, period_of(hit->limit), hit->wait_ms);
}

// At RCPT, of a recipient who would be taken.
std::optional<Refusal> Session::refuse_new_recipient(const smtp::Mailbox& mailbox) {
  std::string recipient = mailbox.text();
  if (std::ranges::find(transaction_->written_to, recipient) != transaction_->written_to.end()) return std::nullopt;
  const SubmissionOptions& options = (*context_.current)->settings.submission;
  const WallMs now = wall_now();
  const bool known = context_.defence != nullptr && context_.defence->replied_to(recipient, record_.login, now);
  if (!known && context_.logins != nullptr) {
    const auto user = options.users.find(record_.login);
    const SubmissionLimits& limits = user == options.users.end() ? options.limits : user->second.limits;
    if (const auto hit = context_.logins->limits().new_recipient(record_.login, limits, now)) {
      note_limit(*hit, now);
      return refusals::too_many_new_recipients(hit->value, period_of(hit->limit), hit->wait_ms);
    }
  }
  transaction_->written_to.push_back(std::move(recipient));
  return std::nullopt;
}

// The answers of those a user writes to are expected, and he knows them from now on.
void Session::note_writing() {
  if (context_.defence == nullptr) return;
  const WallMs now = wall_now();
  const std::string sender = transaction_->reverse_path.text();
  for (const std::string& recipient : transaction_->written_to) {
    context_.defence->wrote_to(recipient, record_.login, now);
    if (!sender.empty() && sender != record_.login) context_.defence->wrote_to(recipient, sender, now);
  }
}

// Of a header that is whole: what goes on top of it. Spoils the message where its author is not the user.
std::string Session::fix_up(const message::HeaderSection& header) {
  const Settings& live = (*context_.current)->settings;
  if (live.submission.check_sender) {
    const auto authors = SenderIdentity(*live.directory, live.submission, record_.login, wall_now()).check(header);
    if (authors.fault != SenderIdentity::Authors::Fault::none) {
      transaction_->spoiled = refusal_of(authors);
      return {};
    }
  }
  return message::missing_fields(header, wall_now(), transaction_->message, settings().hostname);
}

}  // namespace postern::inbound
