// The TlsPolicy of a server: what domains publish (DANE, MTA-STS), what the message asks (REQUIRETLS, TLS-Required:
// no), and what is remembered of hosts and domains. docs/tls.md says the same for operators.
//
//   TLS-Required: no     opportunistic, whatever is published (RFC 8689 4.2.2)
//   DANE                 MX and addresses validated, TLSA records there (RFC 7672); a failed look-up: not this host
//   MTA-STS enforce      the host is one of the policy's, and its certificate valid for its name (RFC 8461)
//   REQUIRETLS           one of the two above, or validated MX records and a valid certificate; else not this host
//   remembered           TLS verified before: not in clear
//   opportunistic        encrypts with any certificate; in clear where STARTTLS is missing or lately broken
//
// What it knows is kept in data_dir: mta-sts.jsonl, tls-memory.jsonl, tls-reports.jsonl. Thread rule: its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "outbound/sts_cache.h"
#include "outbound/tls_memory.h"
#include "outbound/tls_policy.h"
#include "tlsrpt/collector.h"

namespace postern::outbound {

struct TlsOptions {
  bool dane = true;
  bool mta_sts = true;
  std::int64_t remember_verified_ms = std::int64_t{14} * 24 * 3600 * 1000;  // 0: not at all
  std::int64_t remember_broken_ms = std::int64_t{24} * 3600 * 1000;
  std::string ca_file;             // roots for MTA-STS and REQUIRETLS; empty: the system's
  std::uint16_t https_port = 443;  // of policy hosts and reports; another one is for tests
};

class PublishedTls final : public TlsPolicy {
 public:
  struct Places {
    std::string data_dir;
    bool count_for_reports = false;  // TLS reports are to be sent
    StsCache::Fetch fetch = https_request;
    std::function<WallMs()> now = wall_now;
  };
  // Errors: a CA file that cannot be read. Pool and resolver outlive it.
  [[nodiscard]] static Result<std::unique_ptr<PublishedTls>> make(io::Loop& loop, io::BlockingPool& pool,
                                                                  dns::Resolver& resolver, TlsOptions options,
                                                                  Places places);
  ~PublishedTls() override;

  void load();  // the files; blocks, before the loop runs
  [[nodiscard]] Task<void> stop();

  [[nodiscard]] Task<std::shared_ptr<DomainTls>> destination(TlsDestination destination, dns::Budget& budget) override;
  [[nodiscard]] Task<TlsPlan> plan(std::shared_ptr<DomainTls> destination, dns::Name host, bool addresses_secure,
                                   dns::Budget& budget) override;
  [[nodiscard]] std::optional<std::string> starttls_breaks(const dns::Name& host, const ip::Address& address) override;
  void tried(const DomainTls& destination, const TlsPlan& plan, const TlsAttempt& attempt) override;

  // For `postern tls`: {"policies": [...], "verified": [...], "broken": [...]}
  [[nodiscard]] json::Value list() const;
  // Forgets a host or a domain, everywhere; how many entries.
  std::size_t forget(const dns::Name& name);

  [[nodiscard]] tlsrpt::Collector& reports() { return reports_; }
  void reports_changed() { reports_file_.changed(); }
  [[nodiscard]] const TlsOptions& options() const { return options_; }

 private:
  PublishedTls(io::Loop& loop, io::BlockingPool& pool, dns::Resolver& resolver, TlsOptions options, Places places);
  struct Domain;
  [[nodiscard]] TlsPlan opportunistic(const dns::Name& host) const;
  // Nothing where DANE does not apply.
  [[nodiscard]] Task<std::optional<TlsPlan>> dane_plan(std::shared_ptr<Domain> domain, dns::Name host,
                                                       bool addresses_secure, dns::Budget& budget);
  [[nodiscard]] std::optional<TlsPlan> sts_plan(const Domain& domain, const dns::Name& host);
  [[nodiscard]] TlsPlan required_plan(const Domain& domain, const dns::Name& host) const;
  void count(const Domain& domain, const TlsPlan& plan, const TlsAttempt& attempt);
  void count_failure(const tlsrpt::PolicyResult& policy, tlsrpt::Failure failure);

  TlsOptions options_;
  Places places_;
  dns::Resolver& resolver_;
  std::shared_ptr<io::TlsClientContext> strict_, loose_;
  StsCache sts_;
  TlsMemory memory_;
  StateFile memory_file_;
  tlsrpt::Collector reports_;
  StateFile reports_file_;
};

// The same list from the files, where no server runs.
[[nodiscard]] json::Value list_tls(const std::vector<StsEntry>& policies, const TlsMemory& memory, WallMs now);
struct TlsFiles {  // blocks
  [[nodiscard]] static std::string memory(const std::string& data_dir) { return data_dir + "/tls-memory.jsonl"; }
  [[nodiscard]] static std::string policies(const std::string& data_dir) { return data_dir + "/mta-sts.jsonl"; }
  [[nodiscard]] static std::string reports(const std::string& data_dir) { return data_dir + "/tls-reports.jsonl"; }
};

}  // namespace postern::outbound
