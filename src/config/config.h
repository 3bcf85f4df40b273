// Config: what the operator wrote, as plain option structs of the modules that use them. Read from one TOML file; a
// table of keys (config/keys.h) drives reading, checking, `postern config reference` and what a reload may change.
//
// Every error is collected and told with its place: a file with five mistakes is mended in one go. parse() is pure and
// takes any octets; load() reads the file and what it names. Nothing here opens a socket or writes a file. Thread rule:
// values; a loaded Config is immutable and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "delivery/queue.h"
#include "directory/directory.h"
#include "inbound/options.h"
#include "inbound/pickup_options.h"
#include "io/tls.h"
#include "ip/address.h"
#include "mailauth/signing.h"
#include "outbound/options.h"
#include "outbound/published_tls.h"
#include "outbound/report_sender.h"
#include "policy/options.h"
#include "policy/policy.h"
#include "record/writer.h"
#include "resolver/unbound.h"
#include "signals/lists.h"
#include "spool/journal_store.h"
#include "web/options.h"

namespace postern::config {

inline constexpr std::size_t kFileMax = 16 << 20;  // octets; a list of 200,000 mailboxes is about 5 MiB
inline constexpr std::size_t kProblemsMax = 100;   // told at once

struct Config {
  std::string file;            // as it was named
  std::string base_directory;  // of the file, absolute: relative paths start here

  // Sealed: a change needs a restart (restart_needed() tells).
  std::string hostname;
  std::string data_dir;           // absolute
  std::string user;               // to become when started as root; "" stays
  std::uint32_t threads = 0;      // event loops; 0: one a core
  spool::JournalOptions spool;    // directory: data_dir/spool
  record::WriterOptions records;  // directory: data_dir/records
  delivery::QueueOptions queue;   // local: base_directory and hostname
  resolver::Options dns;
  inbound::PickupOptions pickup;  // folder: data_dir/pickup
  outbound::TlsOptions outbound_tls;
  outbound::ReportOptions reports;

  // Reloadable. `inbound` holds hostname, limits, timeouts, relay_from and the listeners (whose role and addresses are
  // sealed); load() sets its directory, built of `domains`; its tls is made by whoever serves, of `tls`.
  inbound::Settings inbound;
  std::vector<directory::DomainOptions> domains;
  io::TlsServerOptions tls;   // no certificate: a self-signed one in data_dir (see below)
  int certificates_line = 0;  // of `tls.certificates` in the file
  log::Level log_level = log::Level::info;
  policy::Options policy;                       // load() sets its counts, of evidence_file
  std::shared_ptr<const policy::Policy> judge;  // compiled of it
  std::vector<signals::ListOptions> lists;      // in the order of policy.lists
  std::string evidence_file;                    // [policy] evidence; "" where there is none
  outbound::Options outbound;                   // load() reads its passwords; its listeners are found by whoever serves

  std::vector<mailauth::KeyOptions> dkim;  // load() reads their files into inbound.signing
  web::Options web;
  std::optional<mtasts::Mode> sts_mode;  // [mta_sts]; none: no policy is served
  std::int64_t sts_max_age_ms = 7LL * 24 * 3600 * 1000;
  std::vector<std::string> sts_mx;  // empty: the hostname

  bool srs = true;
  std::string srs_domain;  // one of `domains`; "" where there is none

  [[nodiscard]] std::string control_socket() const { return data_dir + "/control.sock"; }
  [[nodiscard]] std::string srs_secret() const { return data_dir + "/srs.secret"; }
  [[nodiscard]] std::string self_signed_certificate() const { return data_dir + "/tls/self-signed.pem"; }
  [[nodiscard]] std::string self_signed_key() const { return data_dir + "/tls/self-signed.key"; }
};

struct Problem {
  std::string file;
  int line = 0;  // 0: the whole file
  int column = 0;
  std::string key;                         // "listen.address"; empty where it is not about a key
  std::string what;                        // the problem and its remedy, one line
  [[nodiscard]] std::string text() const;  // FILE:LINE:COLUMN: key: problem; remedy
};

struct Loaded {
  std::shared_ptr<const Config> config;  // null when there is a problem
  std::vector<Problem> problems;         // in the order of the file
  std::vector<Problem> warnings;         // what is taken, and should be known all the same
  // Also where there are problems, if the file is TOML:
  std::string data_dir;       // tools must find a running server
  std::string pickup_folder;  // and its folder for messages of this machine's programs
  io::TlsServerOptions tls;   // for who checks the certificates
  int certificates_line = 0;
};

// `file` is used for messages and, with its folder made absolute, for relative paths. Mailbox files are not read.
[[nodiscard]] Loaded parse(std::string_view text, const std::string& file);
// Reads the file, parses it, and builds the directory (which reads mailbox files).
[[nodiscard]] Loaded load(const std::string& file);
// The same for callers that stop at an error: all problems, one a line.
[[nodiscard]] Result<std::shared_ptr<const Config>> load_or_explain(const std::string& file);

// [policy] alone, of a whole configuration or of a file that has nothing else; other sections are not checked.
// [defence] is read as well, for who simulates the state that the policy would judge by; its problems are no problem of
// the policy.
struct LoadedPolicy {
  std::optional<policy::Options> policy;        // none where there is a problem
  std::shared_ptr<const policy::Policy> judge;  // compiled of it; null where there is a problem
  std::vector<Problem> problems;
  inbound::DefenceOptions defence;  // defaults where the file says nothing
  std::vector<Problem> defence_problems;
};
[[nodiscard]] LoadedPolicy parse_policy(std::string_view text, const std::string& file);
[[nodiscard]] LoadedPolicy load_policy(const std::string& file);

// The keys whose change between two configurations needs a restart, sorted as in the reference.
[[nodiscard]] std::vector<std::string> restart_needed(const Config& old, const Config& now);

// docs/configuration.md, generated from the table of keys.
[[nodiscard]] std::string reference_markdown();

}  // namespace postern::config
