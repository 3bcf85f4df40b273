// The tools that tell what is known of a client without asking anyone: fingerprint (a saved SYN, a ClientHello) and
// country. Option structs that app.cc fills, and the function that carries each out. Exit codes: 0 recognised, 1 not, 2
// bad usage; with --batch 0 whatever was found.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/batch.h"
#include "fingerprint/p0f_database.h"

namespace postern::cli {

struct FingerprintToolOptions {
  std::string syn;           // hex digits
  std::string client_hello;  // hex digits
  std::string p0f;           // a file; empty: where p0f's package installs it, if it does
  bool batch = false;
  bool json = false;
};
[[nodiscard]] int run_fingerprint(const FingerprintToolOptions& options);

// {"id", "syn_hex", "client_hello_hex"}, either or both -> {"id", "os", "label", "signature", ..., "ja4", ...}. An
// empty "syn_hex" is a SYN that was not saved. Without a database only our own table is asked.
[[nodiscard]] BatchAnswer fingerprint_batch(std::shared_ptr<const fingerprint::P0fDatabase> database);

struct CountryToolOptions {
  std::vector<std::string> addresses;
  std::vector<std::string> files;  // none: where tor-geoipdb's package installs them
  bool json = false;
};
[[nodiscard]] int run_country(const CountryToolOptions& options);

}  // namespace postern::cli
