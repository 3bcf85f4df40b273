#include "check/mark.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "check/places.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"

namespace postern::check {

namespace {

constexpr std::string_view kLogotype = "1.3.6.1.5.5.7.1.12";  // RFC 3709 4.1
constexpr std::string_view kForBimi = "1.3.6.1.5.5.7.3.31";   // id-kp-BrandIndicatorforMessageIdentification
constexpr std::int64_t kSoonMs = std::int64_t{30} * 86'400'000;
constexpr std::size_t kRootsMax = std::size_t{4} << 20;

std::string day(WallMs time) { return iso8601(time).substr(0, 10); }
std::string hash(std::string_view octets) { return to_hex(crypto::view_of(crypto::Sha256::of(octets))).substr(0, 16); }

// What is wrong with the chain as it was served; `note`: what it leads to.
std::vector<std::string> chain_flaws(const Context& context, const std::vector<crypto::Certificate>& chain,
                                     std::string& note) {
  std::vector<std::string> flaws;
  const WallMs now = context.options.now;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::string who = i == 0 ? "it" : chain[i].subject;
    if (chain[i].not_after <= now) flaws.push_back(who + " expired on " + day(chain[i].not_after));
    if (chain[i].not_before > now) flaws.push_back(who + " begins on " + day(chain[i].not_before));
    if (i + 1 < chain.size() && !crypto::issued_by(chain[i].der, chain[i + 1].der))
      flaws.push_back(who + " was not issued by the certificate behind it");
  }
  if (!crypto::has_extended_usage(chain.front().der, kForBimi))
    flaws.emplace_back("it is no certificate for BIMI (extended key usage " + std::string(kForBimi) + ")");
  // The system's store has the roots of web servers; those of marks are the mailbox providers' own choice.
  if (context.options.ca_file.empty()) {
    note = "issued by " + chain.back().issuer + "; which roots count is each mailbox provider's choice";
    return flaws;
  }
  const auto text = read_file(context.options.ca_file, kRootsMax);
  const auto roots = text ? crypto::read_pem_certificates(*text, 1000) : std::vector<crypto::Certificate>();
  const bool rooted = std::ranges::any_of(roots, [&](const crypto::Certificate& root) {
    return root.der == chain.back().der || crypto::issued_by(chain.back().der, root.der);
  });
  note = "issued by " + chain.back().issuer;
  if (!rooted) flaws.push_back("no root that is trusted here issued it: " + chain.back().issuer);
  return flaws;
}

void judge_chain(Context& context, const std::string& subject, const std::vector<crypto::Certificate>& chain) {
  std::string note;
  const auto flaws = chain_flaws(context, chain, note);
  const WallMs end = chain.front().not_after;
  context.ends(Ending::What::mark_certificate, subject, end);
  if (!flaws.empty()) {
    return context.add("bimi.certificate", Outcome::fail, subject, join(flaws, "; "),
                       "serve the mark certificate, then its issuers, each once, as the authority gave them");
  }
  const bool soon = end - context.options.now < kSoonMs;
  context.add("bimi.certificate", soon ? Outcome::warn : Outcome::pass, subject, "until " + day(end) + ", " + note,
              soon ? "renew it: the authority looks at the mark again, which takes weeks" : "");
}

// The name is the domain, one above it within its organisation, or SELECTOR._bimi.DOMAIN of it.
bool names_domain(const Context& context, const crypto::Certificate& certificate) {
  return std::ranges::any_of(certificate.names, [&](const std::string& text) {
    auto name = dns::Name::parse(text);
    if (!name) return false;
    const std::size_t at = name->text().find("._bimi.");
    if (at != std::string::npos) name = dns::Name::parse(name->text().substr(at + 7));
    if (!name || name->is_root()) return false;
    return context.target.domain == *name || (name->labels() >= 2 && context.target.domain.is_within(*name));
  });
}

void judge_name(Context& context, const std::string& subject, const crypto::Certificate& own) {
  const std::string words = own.names.empty() ? std::string("no name") : join(own.names);
  const bool named = names_domain(context, own);
  context.add("bimi.certificate_name", named ? Outcome::pass : Outcome::fail, subject, words,
              named ? "" : "have a certificate issued for " + context.report.domain);
}

void judge_embedded(Context& context, const std::string& subject, const crypto::Certificate& own,
                    const std::string& logo) {
  const auto extension = crypto::extension(own.der, kLogotype);
  const auto inside = extension ? embedded_logo(*extension)
                                : Result<std::string>(fail(ErrorKind::not_found, "it has no logotype extension"));
  if (!inside) {
    return context.add("bimi.certificate_logo", Outcome::fail, subject, inside.error().what,
                       "ask the authority for a mark certificate with the logo in it");
  }
  if (logo.empty()) {
    return context.add("bimi.certificate_logo", Outcome::not_tested, subject, "the logo at l= could not be had",
                       "serve the logo there");
  }
  const bool same = *inside == logo;
  context.add(
      "bimi.certificate_logo", same ? Outcome::pass : Outcome::fail, subject,
      same ? "the logo in it is the one at l=, SHA-256 " + hash(logo)
           : "the logo in it is another one (SHA-256 " + hash(*inside) + ") than that at l= (" + hash(logo) + ")",
      same ? "" : "serve the logo at l= that the certificate was issued for, octet by octet");
}

}  // namespace

Task<void> check_mark(Context& context, std::string uri, std::string logo) {
  const std::string subject = printable(uri);
  const auto place = co_await find_place(context, "bimi.certificate", uri, "the certificate");
  if (!place) co_return;
  const auto addresses = all_addresses(*place);
  const HttpsResult answer = co_await context.doors.fetch(request_of(context, *place, addresses, kMarkMax));
  if (context.no_way_to(addresses, answer)) {
    co_return context.add("bimi.certificate", Outcome::not_tested, subject,
                          "no way from here: " + printable(answer.error().what, 300),
                          "check again from a host that has this family");
  }
  if (!answer || answer->status != 200) {
    co_return context.add(
        "bimi.certificate", Outcome::fail, subject,
        answer ? "the server answered " + std::to_string(answer->status) : printable(answer.error().what, 300),
        "serve the certificate there");
  }
  const auto chain = crypto::read_pem_certificates(answer->body, kMarkChainMax);
  if (chain.empty()) {
    co_return context.add("bimi.certificate", Outcome::fail, subject, "no certificate in PEM",
                          "serve the mark certificate and its issuers in PEM");
  }
  judge_chain(context, subject, chain);
  judge_name(context, subject, chain.front());
  judge_embedded(context, subject, chain.front(), logo);
}

}  // namespace postern::check
