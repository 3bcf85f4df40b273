// `postern allow` and `postern deny`: the operator's word about a sender, through the control socket of a running
// server, or on the file itself where none runs.
#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"

namespace postern::cli {

struct AccessOptions {
  std::string config;
  std::string word;      // "allow" or "deny"
  std::string subject;   // ADDRESS, DOMAIN or PREFIX
  std::string duration;  // --for, as it was written; "" is for ever
  std::string note;
  bool list = false;  // of both words
  bool remove = false;
  bool json = false;
};
[[nodiscard]] int run_access(const AccessOptions& options);

// "deny  192.0.2.0/24  until 2026-12-21 06:33 UTC  (ticket 7)" of an entry of the control socket.
[[nodiscard]] std::string access_text(const json::Value& entry);

}  // namespace postern::cli
