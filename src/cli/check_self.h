// `postern check --self`: what a configuration says of us, beside what DNS says: before going live. Thread rule: facts
// are values; the judgement is the resolver's loop's.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "check/report.h"
#include "check/run.h"
#include "config/config.h"
#include "dkim/sign.h"
#include "dns/resolver.h"
#include "ip/address.h"

namespace postern::cli {

struct SelfCertificate {
  std::string file;
  std::vector<std::string> names;
  WallMs not_after = 0;
  std::string key_digest;   // raw octets, as TLSA 3 1 1 has them
  std::string fingerprint;  // SHA-256 of the certificate, hex
  std::string problem;      // of a file that cannot be read
};

struct SelfFacts {
  std::string hostname;
  std::vector<std::string> domains;
  std::vector<ip::Address> listen;   // global addresses that mail is taken on
  std::vector<ip::Address> sources;  // that our mail comes from
  std::vector<dkim::SigningKey> keys;
  std::vector<SelfCertificate> certificates;
};

// Reads the certificates, and asks this host for its addresses where the configuration names none.
[[nodiscard]] SelfFacts self_facts(const config::Config& config);

// Adds the findings of ours (*.self) about report.domain.
[[nodiscard]] Task<void> judge_self(const SelfFacts& self, const check::Options& options, dns::Resolver& resolver,
                                    check::Report& report);

}  // namespace postern::cli
