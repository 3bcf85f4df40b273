// What of a session's mail is signed, sealed, and passed on under an address of ours.
#include <utility>

#include "base/log.h"
#include "inbound/session.h"

namespace postern::inbound {

spool::Origin Session::origin() const {
  if (is_submission()) return spool::Origin::login;
  return is_own_client() ? spool::Origin::relay : spool::Origin::stranger;
}

// What comes to an address that the forwarding of ours made goes to whom it stands for; `found` says so then.
std::optional<Refusal> Session::returned_to(const smtp::Mailbox& mailbox, directory::Resolution& found) const {
  const Settings& live = (*context_.current)->settings;
  if (is_sinkhole() || live.srs == nullptr || found.disposition == directory::Disposition::foreign) return std::nullopt;
  const srs::Reversed reversed = live.srs->reverse(mailbox, wall_now());
  switch (reversed.state) {
    case srs::State::other:
      return std::nullopt;
    case srs::State::good:
      found.disposition = directory::Disposition::local;
      found.targets = {{.mailbox = reversed.sender, .transport = live.directory->transport(reversed.sender)}};
      return std::nullopt;
    case srs::State::expired:
      found.disposition = directory::Disposition::unknown_user;
      return refusals::expired_return_path();
    case srs::State::forged:
      break;
  }
  found.disposition = directory::Disposition::unknown_user;
  return refusals::forged_return_path();
}

// `header`: as it is stored.
void Session::begin_signing(std::string_view header) {
  Transaction& transaction = *transaction_;
  const Settings& live = (*context_.current)->settings;
  if (live.signing == nullptr || !transaction.intake) return;
  const bool ours = origin() != spool::Origin::stranger;
  const bool passed_on = !ours && live.seal_forwarded && !transaction.forwards_from.empty();
  if (!ours && (!passed_on || !transaction.authentication)) return;
  auto signing = std::make_unique<MessageSigning>(std::string(header), context_.authentication.pool);
  const bool any = ours ? signing->sign(*live.signing, wall_now())
                        : signing->seal(*live.signing, transaction.forwards_from,
                                        transaction.needs_utf8(transaction.recipients), wall_now());
  if (!any) return;
  transaction.header_octets += signing->memory();
  transaction.signing = std::move(signing);
}

// Above the Authentication-Results, which a seal repeats.
Task<void> Session::sign(spool::Envelope& envelope) {
  Transaction& transaction = *transaction_;
  constexpr std::string_view kName = "Authentication-Results: ";
  std::string_view results = envelope.fields_on_top;
  const bool authenticated = transaction.chain.has_value() && results.starts_with(kName);
  if (authenticated) {
    results.remove_prefix(kName.size());
    results.remove_suffix(2);
  }
  const std::string fields =
      co_await transaction.signing->finish(authenticated ? &*transaction.chain : nullptr, results, envelope.id.text());
  if (fields.size() + envelope.fields_on_top.size() > spool::Envelope::kFieldsMax) {
    log::warning("not_signed", {{"id", envelope.id.text()}, {"why", "its results alone are too many octets"}});
    co_return;
  }
  envelope.fields_on_top.insert(0, fields);
}

}  // namespace postern::inbound
