// What mail programs of the domain's own users meet (RFC 8314): other than between servers, whose certificate is wrong
// or missing is warned of, and refused.
#include <algorithm>

#include "base/text.h"
#include "check/judge_impl.h"
#include "check/submission.h"

namespace postern::check {

namespace {

using namespace judging;

bool offers_auth(const std::string& line) { return istarts_with(line, "AUTH ") || iequals(line, "AUTH"); }

class SubmissionJudge {
 public:
  SubmissionJudge(const Options& options, std::vector<Finding>& out) : options_(options), out_(out) {}

  void host(const SubmissionHost& host) {
    const std::string name = printable(host.name.text()) + ":" + std::to_string(host.port);
    if (!host.why_not.empty())
      return add("tls.submission", Outcome::not_tested, name, host.why_not,
                 "publish submission on port 465 (_submissions) or 587 (_submission)");
    if (host.addresses.empty()) {
      const bool unknown = !host.unknown.empty();
      return add("tls.submission", unknown ? Outcome::not_tested : Outcome::fail, name,
                 unknown ? host.unknown : "the name has no address", "name a host that has addresses (RFC 2782)");
    }
    for (const Address& address : host.addresses) {
      const std::string subject =
          printable(host.name.text()) + " [" + address.address.text() + "]:" + std::to_string(host.port);
      if (!address.server)
        add("tls.submission", Outcome::not_tested, subject,
            address.why_not.empty() ? "not connected to" : address.address.text() + " " + address.why_not);
      else
        one(host, *address.server, subject);
    }
  }

 private:
  void add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix = {}) {
    if (evidence.size() > kEvidenceMax) evidence = std::string(utf8_head(evidence, kEvidenceMax - 3)) + "...";
    out_.push_back({.id = id,
                    .outcome = outcome,
                    .subject = std::move(subject),
                    .evidence = std::move(evidence),
                    .fix = outcome != Outcome::pass ? std::move(fix) : std::string(),
                    .record = {}});
  }

  void one(const SubmissionHost& host, const ServerFacts& facts, const std::string& subject) {
    reach(host, facts, subject);
    if (facts.tls) certificate(host, *facts.tls, subject);
    auth(host, facts, subject);
  }

  void reach(const SubmissionHost& host, const ServerFacts& facts, const std::string& subject) {
    constexpr std::string_view kId = "tls.submission";
    if (facts.tls) {
      const bool current = version_class(facts.tls->version) <= Class::sufficient;
      return add(kId, current ? Outcome::pass : Outcome::fail, subject,
                 facts.tls->version + " with " + facts.tls->cipher, "let the server speak TLS 1.2 and 1.3 (RFC 8997)");
    }
    if (facts.our_side) return add(kId, Outcome::not_tested, subject, facts.problem, "check again from elsewhere");
    if (!facts.connected)
      return add(kId, Outcome::fail, subject, facts.problem,
                 "let the server listen here and the firewall pass the port, or take the SRV record away");
    if (facts.banner_code >= 400 && facts.banner_code < 500)
      return add(kId, Outcome::not_tested, subject, facts.problem, "check again later");
    const bool clear = facts.extended && !facts.offers_starttls;
    add(kId, Outcome::fail, subject,
        clear ? "EHLO offers no STARTTLS: " + judging::join(facts.extensions)
              : (facts.tls_problem.empty() ? facts.problem : facts.tls_problem),
        host.tls_first ? "let TLS begin with the connection on this port (RFC 8314 3.3)"
                       : "switch STARTTLS on, and demand it before AUTH (RFC 8314)");
  }

  // RFC 8314 4.1, RFC 7817: mail programs verify
  void certificate(const SubmissionHost& host, const TlsFound& tls, const std::string& subject) {
    constexpr std::string_view kId = "tls.submission_certificate";
    if (tls.chain.empty())
      return add(kId, Outcome::fail, subject, "none that could be read", "give the server a certificate");
    const CertificateFacts& own = tls.chain.front();
    std::vector<std::string> flaws;
    if (!tls.trusted) flaws.push_back("no chain to a trusted root: " + tls.trust_error);
    if (!in_date(own, options_.now)) flaws.push_back("valid from " + day(own.not_before) + " to " + day(own.not_after));
    if (!named(own, host.name.text()))
      flaws.push_back("it is for " + (own.names.empty() ? "no name" : judging::join(own.names)) + ", not for " +
                      printable(host.name.text()));
    add(kId, flaws.empty() ? Outcome::pass : Outcome::fail, subject,
        flaws.empty() ? own.subject + ", until " + day(own.not_after) : judging::join(flaws, "; "),
        "give this server a certificate of a public authority for " + printable(host.name.text()) +
            ": mail programs warn, or do not connect");
  }

  void auth(const SubmissionHost& host, const ServerFacts& facts, const std::string& subject) {
    constexpr std::string_view kId = "smtp.submission_auth";
    if (!host.tls_first && std::ranges::any_of(facts.extensions, offers_auth))
      return add(kId, Outcome::fail, subject, "before TLS: " + *std::ranges::find_if(facts.extensions, offers_auth),
                 "offer AUTH under TLS only (RFC 8314 3.3)");
    if (!facts.extended_tls) return;
    const auto offer = std::ranges::find_if(facts.extensions_tls, offers_auth);
    const bool offered = offer != facts.extensions_tls.end();
    add(kId, offered ? Outcome::pass : Outcome::warn, subject, offered ? "under TLS: " + *offer : "EHLO offers no AUTH",
        "let users log in here: nobody can hand in mail otherwise");
  }

  const Options& options_;
  std::vector<Finding>& out_;
};

}  // namespace

std::vector<Finding> judge_submission(const Target& target, const Options& options) {
  std::vector<Finding> out;
  SubmissionJudge judge(options, out);
  for (const SubmissionHost& host : target.submission) judge.host(host);
  return out;
}

}  // namespace postern::check
