#include "inbound/authentication.h"

#include <utility>

#include "base/text.h"
#include "spool/envelope.h"

namespace postern::inbound {
namespace {

std::string cut(std::string_view text) { return std::string(utf8_head(text, record::kTextMax)); }

record::AuthenticationRecord::Spf spf_record(const spf::Evaluation& evaluation) {
  return {.result = std::string(spf::to_string(evaluation.outcome)),
          .domain = cut(evaluation.domain),
          .mechanism = cut(evaluation.mechanism),
          .problem = cut(evaluation.problem),
          .lookups = evaluation.lookups};
}

record::AuthenticationRecord::Dmarc::Published published_record(const std::optional<dmarc::Record>& record) {
  if (!record || !record->unusable.empty()) return {};
  const auto word = [](const std::optional<dmarc::Policy>& policy) {
    return policy ? std::string(dmarc::to_string(*policy)) : std::string();
  };
  return {.p = std::string(dmarc::to_string(record->policy)),
          .sp = word(record->subdomain_policy),
          .np = word(record->absent_policy),
          .fo = cut(record->fo),
          .strict_dkim = record->strict_dkim,
          .strict_spf = record->strict_spf};
}

record::AuthenticationRecord record_of(const mailauth::Facts& facts) {
  record::AuthenticationRecord record;
  if (facts.spf_helo) record.spf_helo = spf_record(*facts.spf_helo);
  if (facts.spf_mail_from) record.spf = spf_record(*facts.spf_mail_from);
  for (const dkim::Verdict& verdict : facts.dkim) {
    record.dkim.push_back({.result = std::string(dkim::to_string(verdict.outcome)),
                           .domain = cut(verdict.domain),
                           .selector = cut(verdict.selector),
                           .algorithm = cut(verdict.algorithm),
                           .problem = cut(verdict.problem),
                           .bits = verdict.key_bits,
                           .testing = verdict.testing});
  }
  record.dkim_signatures = static_cast<std::uint32_t>(facts.dkim_signatures);
  record.dmarc = {.result = std::string(dmarc::to_string(facts.dmarc.outcome)),
                  .author_domain = cut(facts.dmarc.author_domain),
                  .policy = facts.dmarc.record ? std::string(dmarc::to_string(facts.dmarc.policy)) : std::string(),
                  .policy_domain = cut(facts.dmarc.policy_domain),
                  .problem = cut(facts.dmarc.problem),
                  .testing = facts.dmarc.testing,
                  .spf_aligned = facts.dmarc.spf_aligned,
                  .dkim_aligned = facts.dmarc.dkim_aligned,
                  .published = published_record(facts.dmarc.record)};
  record.arc = {.result = std::string(arc::to_string(facts.arc.outcome)),
                .problem = cut(facts.arc.problem),
                .instances = static_cast<std::uint32_t>(facts.arc.sets.size())};
  record.lookups = facts.dns_lookups;
  return record;
}

}  // namespace

Authentication::Authentication(AuthenticationContext context, std::string host_name, std::string authserv_id,
                               mailauth::Envelope envelope)
    : context_(context),
      authserv_id_(std::move(authserv_id)),
      envelope_(std::move(envelope)),
      auth_({.resolver = *context.resolver, .keys = *context.keys, .host_name = std::move(host_name)}) {
  auth_.envelope(envelope_);
}

void Authentication::header(message::HeaderSection section) { auth_.header(std::move(section)); }
void Authentication::body(std::string_view bytes) { auth_.body(bytes); }

Task<const spf::Evaluation*> Authentication::spf(WallMs now) {
  set_budget(spf::kLookupsMax, kEnvelopeTime);
  const spf::Evaluation* const evaluation = co_await auth_.early_spf(*budget_, now);
  // A temperror is asked once more, so that it takes nothing from the other look-ups of the message.
  if (evaluation->outcome != spf::Outcome::temperror) asked_ += budget_->asked();
  co_return evaluation;
}

Task<Authentication::Outcome> Authentication::finish(WallMs now, bool utf8) {
  const Clock::time_point begun = Clock::now();
  set_budget(dns::Budget::kLookups - asked_, kLookupTime);
  co_await auth_.gather(*budget_, now);
  const Clock::time_point gathered = Clock::now();
  if (context_.pool != nullptr && auth_.cost_us() > kLoopShareUs) {
    mailauth::MailAuth* const auth = &auth_;
    std::move_only_function<bool()> work = [auth, now] {
      auth->compute(now);
      return true;
    };
    co_await context_.pool->run<bool>(std::move(work));
  } else {
    auth_.compute(now);
  }
  Outcome outcome;
  set_budget(dns::Budget::kLookups - asked_ - budget_->asked(), kPolicyTime);
  outcome.facts = co_await auth_.conclude(*budget_);
  const authres::Results results = mailauth::authentication_results(outcome.facts, envelope_, authserv_id_);
  outcome.field = "Authentication-Results: " + authres::format(results, utf8) + "\r\n";
  // A stranger decides how many signatures there are to report, not how large an envelope gets.
  if (outcome.field.size() > spool::Envelope::kFieldsMax) {
    outcome.field =
        "Authentication-Results: " + authres::format({.authserv_id = authserv_id_, .methods = {}}, utf8) + "\r\n";
  }
  outcome.record = record_of(outcome.facts);
  const auto elapsed = [](Clock::duration d) {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(d).count());
  };
  outcome.record.dns_ms = elapsed(gathered - begun);
  outcome.record.ms = elapsed(Clock::now() - begun);
  co_return outcome;
}

void Authentication::set_budget(std::uint32_t lookups, seconds time) {
  budget_ = std::make_unique<dns::Budget>(lookups, Deadline::after(time));
  if (cancelled_) budget_->cancel();
}

void Authentication::cancel() {
  cancelled_ = true;
  if (budget_) budget_->cancel();
}

}  // namespace postern::inbound
