// Context: what every part of a run shares: how to ask, where findings go, what is known so far. The parts are
// coroutines over dns::Resolver and the two doors below, so that they run without any IO in tests. Internal to check.
// Thread rule: the loop's.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "check/report.h"
#include "check/run.h"
#include "check/target.h"
#include "dns/public_suffix.h"
#include "dns/resolver.h"
#include "outbound/https.h"
#include "resolver/direct.h"

namespace postern::check {

using HttpsResult = std::expected<outbound::HttpsAnswer, outbound::HttpsFailure>;

struct Doors {
  std::function<Task<HttpsResult>(outbound::HttpsRequest)> fetch;
  // Whether there is a way from here to addresses of that family; empty: yes.
  std::function<bool(const ip::Address&)> has_way_to;
  // Empty: name servers are not asked.
  std::function<Task<std::vector<resolver::DirectAnswer>>(std::vector<resolver::DirectQuestion>)> ask_servers;
};

class Context {
 public:
  Context(const Options& run_options, dns::Resolver& resolver, dns::Budget& budget, Doors run_doors,
          Observer* observer = nullptr);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() = default;

  [[nodiscard]] Task<dns::AnswerPtr> ask(dns::Name name, dns::Type type);
  void prefetch(const dns::Name& name, dns::Type type) { resolver_.prefetch(name, type); }
  // Nothing came of a fetch, and from here nothing could: not the fault of whoever is asked.
  [[nodiscard]] bool no_way_to(const std::vector<ip::Address>& addresses, const HttpsResult& result) const;
  // Whoever asks by it: a name of the domain that fails validation is told of (dnssec.domain), once.
  [[nodiscard]] dns::Resolver& resolver() { return telling_; }
  [[nodiscard]] dns::Budget& budget() { return budget_; }

  // `id` is of the catalogue.
  void add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix = {},
           std::string record = {});
  // DNS did not say: `not_tested` with the question and the reason. Where the answer of a name is `bogus`, whoever
  // validates never gets one: a failure, for whom the name belongs to.
  void unknown(std::string_view id, const std::string& subject, const std::string& evidence,
               const std::optional<dns::Name>& bogus = std::nullopt);
  // The first of these names that has failed validation in this run.
  [[nodiscard]] std::optional<dns::Name> bogus_among(const std::vector<dns::Name>& names) const;
  [[nodiscard]] std::optional<dns::Name> bogus_among(const std::vector<std::string>& names) const;
  void add(Finding finding);
  // The name belongs to somebody else's domain: what is wrong there the owner of this one cannot mend himself.
  [[nodiscard]] bool is_foreign(const dns::Name& name) const;
  // `fix`, and before it who is to do it where the name is foreign.
  [[nodiscard]] std::string for_owner(const dns::Name& name, std::string fix) const;
  // One row of the calendar.
  void ends(Ending::What what, std::string subject, WallMs when);

  Report report;
  Target target;
  const Options& options;
  const Doors doors;
  dns::AnswerPtr mx, ns, soa;      // of the domain; never null after check_name()
  dns::Name zone;                  // the zone that the domain is in; the root until it is known
  std::vector<dns::Name> servers;  // of that zone
  std::map<dns::Name, std::vector<ip::Address>> own_addresses;      // of each server
  std::vector<dns::Name> unknown_servers;                           // DNS did not say all addresses of these
  std::vector<std::pair<dns::Name, ip::Address>> server_addresses;  // that may be asked
  bool nothing_known = false;                                       // DNS does not work here: the report is no report
  std::map<dns::Name, dns::AnswerPtr>
      lost_servers;  // of the zone, whose names have no address, with the answer for AAAA
  bool domain_bogus = false;
  bool domain_secure = false;  // what the domain's name says is validated
  std::string spf_text;        // the domain's one SPF record
  std::string spf_error;       // what makes receivers give it up (permerror): whom no term before matches
  bool spf_unknown = false;    // DNS did not say all of it
  bool spf_grants = false;     // it authorises somebody, by a term before that error
  bool spf_closed = false;     // it is sound, authorises nobody, and ends in -all: the domain sends no mail
  std::size_t dkim_keys = 0;   // that were found
  bool dkim_given = false;     // selectors were named, or _domainkey exists: there may be others
  const dns::PublicSuffixList& suffixes() const { return suffixes_; }

 private:
  class Telling final : public dns::Resolver {
   public:
    explicit Telling(Context& context) : context_(context) {}
    Task<dns::AnswerPtr> query(dns::Name name, dns::Type type, dns::Budget& budget) override;
    void prefetch(const dns::Name& name, dns::Type type) override { context_.resolver_.prefetch(name, type); }

   private:
    Context& context_;
  };
  void tell_bogus(const dns::Name& name, dns::Type type, const dns::Answer& answer);

  dns::Resolver& resolver_;
  Telling telling_{*this};
  std::vector<dns::Name> told_bogus_;
  std::set<dns::Name> bogus_;  // every one, at most as many as look-ups
  dns::Budget& budget_;
  Observer* observer_;
  dns::PublicSuffixList suffixes_;
};

// The parts, in the order in which they need each other's facts.
[[nodiscard]] Task<bool> check_name(Context& context);        // name.*; false: there is nothing more to ask
[[nodiscard]] Task<void> check_mail_hosts(Context& context);  // mx.*, fills in target.hosts
[[nodiscard]] Task<void> check_reverse(Context& context);     // reverse.* of the mail hosts
// The zone, its servers and their addresses: for those parts that ask them. Found once.
[[nodiscard]] Task<void> find_zone(Context& context);
[[nodiscard]] Task<void> check_name_servers(Context& context);  // dns.ns_*, dns.delegation, ...; after find_zone
[[nodiscard]] Task<void> check_dnssec(Context& context);        // after find_zone
[[nodiscard]] Task<void> check_zone_habits(Context& context);   // dns.caa, dns.ttl, dns.wildcard, dns.srv, ...
[[nodiscard]] Task<void> check_tlsa(Context& context);          // dane.* as far as DNS tells
// dane.present: after the servers were visited, whose keys it proposes.
void judge_dane_present(Context& context);
[[nodiscard]] Task<void> check_mta_sts(Context& context);
[[nodiscard]] Task<void> check_tls_rpt(Context& context);
// tls_rpt.endpoint: those of `uris` that are https; of check_tls_rpt
[[nodiscard]] Task<void> check_endpoints(Context& context, std::vector<std::string> uris);
[[nodiscard]] Task<void> check_security_txt(Context& context);  // the domain's own web server
[[nodiscard]] Task<void> check_spf(Context& context);           // after mail hosts; fills in target.spf_senders_*
[[nodiscard]] Task<void> check_lists(Context& context);         // reverse.lists, where options.lists has some
[[nodiscard]] Task<void> check_senders(Context& context);       // reverse.sender*, after check_spf
[[nodiscard]] Task<void> check_dkim(Context& context);
[[nodiscard]] Task<void> check_dmarc(Context& context);  // after check_dkim and check_spf
[[nodiscard]] Task<void> check_bimi(Context& context);
void say_what_is_not_tested(Context& context);

// Names that nobody publishes: what answers there is a wildcard.
inline constexpr const char* kNobodysLabel = "postern-check-nobody";
inline constexpr const char* kNobodysSelector = "postern-check-nobody._domainkey";

// --- words ---

// Where options.validates is not set.
inline constexpr const char* kNobodyValidates =
    "nothing is validated here: no trust anchor, no signatures from the resolver, or dnssec is off";
inline constexpr const char* kValidateHere =
    "have dns-root-data on the host that checks, and a resolver that hands over signatures (--dns, [dns])";

// Of what fails validation.
inline constexpr const char* kMendSignatures =
    "repair the signatures of the zone, or take its DS record away: whoever validates gets no answer";
[[nodiscard]] inline bool is_bogus(const dns::Answer& answer) { return answer.status == dns::Status::bogus; }
// The name whose owner is to mend it; nullopt where the answer does not fail validation.
[[nodiscard]] std::optional<dns::Name> bogus_name(const dns::Name& asked, const dns::Answer& answer);

// A DKIM key record whose p= is empty (RFC 6376 3.6.1). One that stands at every selector that has none of its own says
// what is true.
[[nodiscard]] bool is_revoked(const std::string& text);

// "MX example.org: 10 mx1.example.org., TTL 300, validated"; "AAAA mx1.example.org: NODATA, TTL 60".
[[nodiscard]] std::string describe(const dns::Name& name, dns::Type type, const dns::Answer& answer);
// "mx1.example.org. IN AAAA 2001:db8::25"
[[nodiscard]] std::string zone_record(const dns::Name& name, std::string_view type, std::string_view value);
// A TXT record, in strings of at most 255 octets.
[[nodiscard]] std::string zone_text(const dns::Name& name, std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");
// Empty: mail may go to it. Else what kind of address it is: "is a private address (RFC 4193)".
[[nodiscard]] std::string why_not_global(const ip::Address& address);

}  // namespace postern::check
