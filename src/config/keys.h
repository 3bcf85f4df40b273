// The table of keys: name, type, default, range, whether a reload takes it, and what it means. Reading a file, `config
// check`, docs/configuration.md and restart_needed() all go through it, so that none of them can know a key that
// another does not.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/reader.h"

namespace postern::config {

struct Key {
  std::string_view section;  // "" for the top of the file
  std::string_view name;
  bool reload = true;  // false: a change needs a restart
  std::string_view doc;

  // A number (unit is not none): bounds in octets, milliseconds or as they are.
  Unit unit = Unit::none;
  std::uint64_t min = 0, max = 0;
  std::uint64_t (*get)(const Config&) = nullptr;
  void (*set)(Config&, std::uint64_t) = nullptr;
  std::string_view zero = {};  // what 0 stands for, where it is special (0 is then allowed besides min to max)

  // Anything else.
  std::string_view type = {};      // in words
  std::string_view fallback = {};  // the default, in words or as TOML
  void (*read)(Reader&, const Node&) = nullptr;
  std::string (*show)(const Config&) = nullptr;  // for keys that need a restart: tells two values apart
};

struct Section {
  std::string_view name;  // "policy.rule" stands within [policy]
  bool repeated = false;  // [[name]]
  std::string_view doc;
  // Of a repeated section: reads one of it, with read_section() for its keys.
  void (*read)(Reader&, const Section&, const Node&) = nullptr;
};

[[nodiscard]] std::span<const Section> sections();
// The keys of a section, in the order of the reference.
[[nodiscard]] std::vector<const Key*> keys_of(std::string_view section);
[[nodiscard]] std::span<const Key> general_keys();         // top, listen, domain, tls, log
[[nodiscard]] std::span<const Key> number_keys();          // limits, timeouts, spool, queue, records
[[nodiscard]] std::span<const Key> authentication_keys();  // dns, authentication
[[nodiscard]] std::span<const Key> policy_keys();          // policy and what stands within
[[nodiscard]] std::span<const Key> list_keys();            // policy.list
[[nodiscard]] std::span<const Key> signing_keys();         // dkim, forwarding, notices
[[nodiscard]] std::span<const Key> defence_keys();         // defence, traps, sinkholes, web
[[nodiscard]] std::span<const Key> outbound_keys();        // relay, outbound, route
[[nodiscard]] std::span<const Key> outbound_tls_keys();    // outbound: TLS towards other servers; reports
[[nodiscard]] std::span<const Key> submission_keys();      // auth, submission, login, sendmail
[[nodiscard]] std::span<const Key> web_keys();             // web, mta_sts
[[nodiscard]] std::array<std::span<const Key>, 11> key_tables();

[[nodiscard]] std::string full_name(const Key& key);
[[nodiscard]] std::string range_text(const Key& key);

// Reads the keys of one section, and tells which ones it does not know.
void read_section(Reader& reader, const Section& section, const Node& node);

// The same for one of a repeated section: forgets the places of the one before, and tells which of the keys that every
// one needs are missing. True where all is well.
bool read_repeated(Reader& reader, const Section& section, const Node& node,
                   std::initializer_list<std::string_view> needed);
// True where there is room for one more; tells it once where there is not.
bool has_room(Reader& reader, const Section& section, const Node& node, std::size_t have, std::size_t max);

// The sections that may be repeated, one of it each (sections.cc, keys_policy.cc, keys_lists.cc, keys_outbound.cc).
void read_listener(Reader& reader, const Section& section, const Node& node);
void read_domain(Reader& reader, const Section& section, const Node& node);
void read_rule(Reader& reader, const Section& section, const Node& node);
void read_override(Reader& reader, const Section& section, const Node& node);
void read_pin(Reader& reader, const Section& section, const Node& node);
void read_list(Reader& reader, const Section& section, const Node& node);
void read_route(Reader& reader, const Section& section, const Node& node);
void read_dkim(Reader& reader, const Section& section, const Node& node);
void read_login(Reader& reader, const Section& section, const Node& node);
// A list of certificates, as [tls] and [web] have it.
void read_certificate_list(Reader& reader, const Node& node, std::vector<io::TlsCertificate>& into);
// The limits that a [[login]] does not name, once [submission] is read.
void fill_in_users(Reader& reader);

// What spans several keys: called once all of them are read.
void check_together(Reader& reader);
void check_signing(Reader& reader);
void check_web(Reader& reader);
void check_policy(Reader& reader);    // the same for [policy] alone
void check_outbound(Reader& reader);  // and for [relay]
// What [web] takes of the rest; `first_domain`: of those with mail, or empty.
void derive_web(Config& config, const std::string& first_domain);
// Compiles [policy], where nothing is wrong with its keys; tells what is wrong with it, where it stands (policy.cc).
// With `counts` the file of evidence is read before.
[[nodiscard]] std::shared_ptr<const policy::Policy> compile_policy(Reader& reader, bool counts);

}  // namespace postern::config
