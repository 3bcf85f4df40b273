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

enum class Unit : std::uint8_t { none, count, bytes, milliseconds };

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
  std::string_view name;
  bool repeated = false;  // [[name]]
  std::string_view doc;
};

[[nodiscard]] std::span<const Section> sections();
// The keys of a section, in the order of the reference.
[[nodiscard]] std::vector<const Key*> keys_of(std::string_view section);
[[nodiscard]] std::span<const Key> general_keys();         // top, listen, domain, relay, tls, log
[[nodiscard]] std::span<const Key> number_keys();          // limits, timeouts, spool, queue, records
[[nodiscard]] std::span<const Key> authentication_keys();  // dns, authentication
[[nodiscard]] std::array<std::span<const Key>, 3> key_tables();

[[nodiscard]] std::string full_name(const Key& key);
// "50 MiB", "5m", "100"
[[nodiscard]] std::string show_number(Unit unit, std::uint64_t value);
[[nodiscard]] std::string range_text(const Key& key);

// What spans several keys: called once all of them are read.
void check_together(Reader& reader);

}  // namespace postern::config
