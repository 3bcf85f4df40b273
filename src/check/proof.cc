#include "check/proof.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hmac.h"

namespace postern::check {

namespace {

constexpr std::string_view kLabel = "_postern-check";
constexpr std::string_view kPrefix = "postern-check=";
constexpr std::size_t kTokenOctets = 20;  // of the HMAC; nobody guesses 160 bits

constexpr std::size_t kTicketOctets = 16;

std::string token(std::string_view secret, const dns::Name& domain, std::string_view ticket, std::int64_t seconds) {
  POSTERN_CHECK(secret.size() >= kProofSecretMin);
  // A name has no NUL in its text form that could end it early: its length is told apart by the prefix.
  const std::string text =
      "postern check proof\n" + std::to_string(seconds) + "\n" + std::string(ticket) + "\n" + domain.text();
  const crypto::Digest digest = crypto::hmac_sha256(secret, text);
  return to_hex(crypto::view_of(digest).substr(0, kTokenOctets));
}

}  // namespace

std::string make_ticket() { return to_hex(crypto::random_octets(kTicketOctets)); }

bool is_ticket(std::string_view text) {
  return text.size() == 2 * kTicketOctets &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

Result<ProofRecord> make_proof(std::string_view secret, const dns::Name& domain, std::string_view ticket,
                               WallMs expires) {
  const auto name = domain.below(kLabel);
  if (!name || domain.is_root()) return fail(ErrorKind::invalid, "the name is too long for a proof below it");
  const std::int64_t seconds = expires / 1000;
  return ProofRecord{*name,
                     std::string(kPrefix) + std::to_string(seconds) + "-" + token(secret, domain, ticket, seconds)};
}

bool is_proof(std::string_view text, std::string_view secret, const dns::Name& domain, std::string_view ticket,
              WallMs now) {
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const auto seconds = parse_unsigned(text.substr(0, dash), INT64_MAX / 1000);
  if (!seconds) return false;
  const auto expires = static_cast<WallMs>(*seconds) * 1000;
  if (expires <= now || expires - now > kProofLifetimeMs) return false;
  return equal_constant_time(text.substr(dash + 1), token(secret, domain, ticket, static_cast<std::int64_t>(*seconds)));
}

Task<ProofAnswer> verify_proof(std::string secret, dns::Name domain, std::string ticket, WallMs now,
                               dns::Resolver& resolver, dns::Budget& budget) {
  const auto name = domain.below(kLabel);
  if (!name || domain.is_root()) co_return ProofAnswer{Proof::missing, "the name is too long for a proof below it"};
  const auto answer = co_await resolver.query(*name, dns::Type::txt, budget);
  const std::string what = "TXT " + printable(name->text()) + ": " + std::string(dns::to_string(answer->status));
  if (is_temporary(answer->status)) co_return ProofAnswer{Proof::unknown, what};
  const bool proved = std::ranges::any_of(
      answer->texts, [&](const std::string& text) { return is_proof(text, secret, domain, ticket, now); });
  if (proved) co_return ProofAnswer{Proof::proved, {}};
  co_return ProofAnswer{Proof::missing, answer->texts.empty() ? what : what + ", and no text there is the proof"};
}

}  // namespace postern::check
