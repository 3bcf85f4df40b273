#include "mailauth/mailauth.h"

#include <algorithm>
#include <utility>

#include "dkim/body_hashes.h"

namespace postern::mailauth {
namespace {

spf::Query spf_query(const Envelope& envelope, spf::Identity identity, const std::string& receiver, WallMs now) {
  return {.client = envelope.client,
          .identity = identity,
          .mail_from = envelope.mail_from,
          .helo = envelope.helo,
          .receiver = receiver,
          .now = now};
}

void prefetch_text(std::string_view domain, std::string_view below, dns::Resolver& resolver) {
  std::optional<dns::Name> name = dns::Name::from_unicode(domain);
  if (name && !below.empty()) name = name->below(below);
  if (name && !name->is_root()) resolver.prefetch(*name, dns::Type::txt);
}

}  // namespace

struct MailAuth::Impl {
  explicit Impl(Context c) : context(std::move(c)) {}

  // Of the header, once it is whole. Verifiers refer to header and hashes, so they go first.
  struct Message {
    explicit Message(message::HeaderSection section)
        : header(std::move(section)), dkim(header, hashes), arc(header, hashes), author(dmarc::author_domain(header)) {}
    message::HeaderSection header;
    dkim::BodyHashes hashes;
    dkim::Verifier dkim;
    arc::Verifier arc;
    Result<std::string> author;
  };

  // SPF of the MAIL FROM identity.
  Task<> check_sender(dns::Budget& budget, WallMs now);

  Context context;
  Envelope sender;
  std::unique_ptr<Message> message;
  Facts facts;
};

Task<> MailAuth::Impl::check_sender(dns::Budget& budget, WallMs now) {
  // RFC 7208 2.4: for the null path the MAIL FROM identity is postmaster@HELO, which one check answers.
  const spf::Identity identity = sender.mail_from.empty() ? spf::Identity::helo : spf::Identity::mail_from;
  facts.spf_mail_from =
      co_await spf::check(spf_query(sender, identity, context.host_name, now), context.resolver, budget);
}

MailAuth::MailAuth(Context context) : impl_(std::make_unique<Impl>(std::move(context))) {}
MailAuth::~MailAuth() = default;

void MailAuth::envelope(Envelope envelope) {
  impl_->sender = std::move(envelope);
  impl_->facts.spf_mail_from.reset();
  for (const spf::Identity identity : {spf::Identity::helo, spf::Identity::mail_from}) {
    prefetch_text(spf::domain_of(spf_query(impl_->sender, identity, {}, 0)), {}, impl_->context.resolver);
  }
}

Task<const spf::Evaluation*> MailAuth::early_spf(dns::Budget& budget, WallMs now) {
  Impl& own = *impl_;
  const std::uint32_t asked_before = budget.asked();
  if (!own.facts.spf_mail_from) co_await own.check_sender(budget, now);
  own.facts.dns_lookups += budget.asked() - asked_before;
  co_return &*own.facts.spf_mail_from;
}

void MailAuth::header(message::HeaderSection section) {
  impl_->message = std::make_unique<Impl::Message>(std::move(section));
  const Impl::Message& message = *impl_->message;
  message.dkim.prefetch(impl_->context.resolver);
  message.arc.prefetch(impl_->context.resolver);
  if (message.author) prefetch_text(*message.author, "_dmarc", impl_->context.resolver);
}

void MailAuth::body(std::string_view bytes) {
  if (impl_->message) impl_->message->hashes.add(bytes);
}

// What DMARC hangs on comes first, and of that what a stranger's servers can hold up least: keys are asked for at once,
// one after another comes only SPF. A HELO name of slow servers, or a chain's, may use up what time is left.
Task<void> MailAuth::gather(dns::Budget& budget, WallMs now) {
  Impl& own = *impl_;
  const std::uint32_t asked_before = budget.asked();
  if (!own.message) header(message::HeaderSection());
  own.message->hashes.finish();
  co_await own.message->dkim.fetch_keys(own.context.resolver, budget, own.context.keys);
  const bool known = own.facts.spf_mail_from && own.facts.spf_mail_from->outcome != spf::Outcome::temperror;
  if (!known) co_await own.check_sender(budget, now);
  co_await own.message->arc.fetch_keys(own.context.resolver, budget, own.context.keys);
  if (own.sender.mail_from.empty()) {
    own.facts.spf_helo = own.facts.spf_mail_from;
  } else {
    own.facts.spf_helo = co_await spf::check(spf_query(own.sender, spf::Identity::helo, own.context.host_name, now),
                                             own.context.resolver, budget);
  }
  own.facts.dns_lookups += budget.asked() - asked_before;
}

std::uint32_t MailAuth::cost_us() const {
  return impl_->message ? impl_->message->dkim.cost_us() + impl_->message->arc.cost_us() : 0;
}

void MailAuth::compute(WallMs now) {
  Impl& own = *impl_;
  POSTERN_CHECK(own.message != nullptr);
  own.facts.dkim = own.message->dkim.verify(now / 1000);
  own.facts.dkim_signatures = own.message->dkim.signatures_found();
  own.facts.arc = own.message->arc.verify(now / 1000);
}

Task<Facts> MailAuth::conclude(dns::Budget& budget) {
  Impl& own = *impl_;
  const std::uint32_t asked_before = budget.asked();
  if (own.message->author) {
    dmarc::Input input;
    input.author_domain = *own.message->author;
    const spf::Evaluation& spf = *own.facts.spf_mail_from;
    input.spf = {.domain = spf.domain,
                 .pass = spf.outcome == spf::Outcome::pass,
                 .temporary = spf.outcome == spf::Outcome::temperror};
    for (const dkim::Verdict& verdict : own.facts.dkim) {
      input.dkim.push_back({.domain = verdict.domain,
                            .pass = verdict.outcome == dkim::Outcome::pass,
                            .temporary = verdict.outcome == dkim::Outcome::temperror});
    }
    own.facts.dmarc = co_await dmarc::evaluate(std::move(input), own.context.resolver, budget);
  } else {
    own.facts.dmarc.problem = own.message->author.error().what;
  }
  own.facts.dns_lookups += budget.asked() - asked_before;
  co_return std::move(own.facts);
}

Task<Facts> MailAuth::finish(dns::Budget& budget, WallMs now) {
  co_await gather(budget, now);
  compute(now);
  co_return co_await conclude(budget);
}

}  // namespace postern::mailauth
