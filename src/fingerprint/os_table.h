// OsTable: which operating system a SYN looks like. First our own table of systems that are in use, keyed on the layout
// of the TCP options, which survives NAT and which nobody tunes; window, scale and TTL only tell relatives with the
// same layout apart. Then p0f's database where it is installed, for what is older or rarer. The flow label of IPv6, the
// segment size and ECN are never a reason for or against a system.
//
// What it means: the kernel that opened the connection. Behind a proxy or a tunnel that ends TCP it is that one's; a
// Windows machine behind such a Linux box is Linux to us, and rightly so: the SMTP client is what we talk to. Where no
// SYN was saved (SYN cookies, a PROXY header, a socket without TCP_SAVE_SYN) the system is unknown, which is nobody's
// fault (design invariant 6); unrecognised is a SYN that nobody knows. docs/fingerprints.md tells operators.
// Thread rule: immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "evidence/signals.h"
#include "fingerprint/p0f_database.h"
#include "fingerprint/syn.h"

namespace postern::fingerprint {

using Os = evidence::value::Os;

// How a system was recognised.
enum class How : std::uint8_t {
  none,    // not
  exact,   // our table: layout, window and TTL
  layout,  // our table: the layout, with another window or TTL than the system's own
  p0f,     // p0f's database: a specific signature
  p0f_generic,
  p0f_fuzzy,
};

struct OsMatch {
  Os os = Os::unknown;
  std::string label;  // for people: "Windows 10/11, Server 2016 or later"; empty where os is unknown or unrecognised
  How how = How::none;
};

[[nodiscard]] std::string_view to_string(Os os);
[[nodiscard]] std::string_view to_string(How how);

class OsTable {
 public:
  explicit OsTable(std::shared_ptr<const P0fDatabase> database = nullptr) : database_(std::move(database)) {}
  [[nodiscard]] OsMatch match(const SynFacts& syn) const;
  // unknown where nothing was saved, or where it is no SYN.
  [[nodiscard]] OsMatch match(std::string_view saved) const;

 private:
  std::shared_ptr<const P0fDatabase> database_;
};

}  // namespace postern::fingerprint
