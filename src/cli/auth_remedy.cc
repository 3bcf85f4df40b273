// The remedies: a function of the result and of the counts beside it, and only where those leave no doubt.
#include "cli/auth_text.h"

namespace postern::cli {

std::string_view spf_remedy(const spf::Evaluation& evaluation) {
  switch (evaluation.outcome) {
    case spf::Outcome::none:
      return "publish a TXT record \"v=spf1 ... -all\" at this domain that names its senders";
    case spf::Outcome::permerror:
      if (evaluation.lookups > spf::kTermsMax) {
        return "name addresses (ip4:, ip6:) in the place of include:, a and mx, until 10 look-ups are enough";
      }
      if (evaluation.void_lookups > spf::kVoidMax) return "take out the names that do not exist any more";
      return "mend the record: as it stands, every receiver treats it as an error";
    case spf::Outcome::temperror:
      return "DNS did not answer: see whether the domain's name servers do, and ask again";
    case spf::Outcome::fail:
    case spf::Outcome::softfail:
      return "if this host may send for the domain, its address belongs into the record";
    case spf::Outcome::neutral:
      return "a record that ends in -all or ~all says more than this one does";
    case spf::Outcome::pass:
      break;
  }
  return {};
}

std::string_view dkim_remedy(const dkim::Verdict& verdict) {
  switch (verdict.outcome) {
    case dkim::Outcome::temperror:
      return "DNS did not answer: see whether the signer's name servers do, and ask again";
    case dkim::Outcome::policy:
      if (verdict.key_bits > 0 && verdict.key_bits < dkim::kRsaBitsMin) {
        return "the signer needs a longer key: 2048 bits, or Ed25519 beside it (postern keygen)";
      }
      return "the signer has to use rsa-sha256 or ed25519-sha256 (RFC 8301)";
    case dkim::Outcome::fail:
      if (verdict.problem.find("body") != std::string::npos) {
        return "the body was changed after signing: look for list footers, content filters and re-encoding";
      }
      return "a signed field was changed after signing, or the published key is not the one that signed";
    case dkim::Outcome::permerror:
    case dkim::Outcome::neutral:
      return verdict.key_record.empty() ? "the signer has to publish the key, or mend the signature"
                                        : "the signer has to mend the key record or the signature";
    case dkim::Outcome::none:
    case dkim::Outcome::pass:
      break;
  }
  return {};
}

std::string_view dmarc_remedy(const dmarc::Evaluation& evaluation) {
  switch (evaluation.outcome) {
    case dmarc::Outcome::fail:
      return "SPF or DKIM has to pass for a domain aligned with the author's: sign with d= of that domain";
    case dmarc::Outcome::temperror:
      return "DNS did not answer: ask again";
    case dmarc::Outcome::permerror:
      return "mend the record, or the From field";
    case dmarc::Outcome::none:
      return evaluation.problem.empty() ? "publish \"v=DMARC1; p=none; rua=mailto:...\" at _dmarc of the domain" : "";
    case dmarc::Outcome::pass:
      break;
  }
  return {};
}

std::string_view arc_remedy(const arc::Chain& chain) {
  if (chain.outcome != arc::Outcome::fail) return {};
  if (chain.temporary) return "DNS did not answer: ask again";
  return "a chain that failed stays failed: go by SPF, DKIM and DMARC alone";
}

}  // namespace postern::cli
