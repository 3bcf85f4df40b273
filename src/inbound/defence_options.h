// What the configuration says about the state and the measurements that the defence rests on: [defence] and what stands
// below it, and [web] public_url. What is done with the measurements is policy::Options. Plain values: config fills
// them, a reload replaces them whole; sizes of tables and names of files are taken at the start alone.
// Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postern::inbound {

// The prices of what a client does, in units of its budget. An event that is refused is charged nothing more.
struct BudgetCosts {
  std::uint32_t connect = 1;
  std::uint32_t recipient_refused = 2;
  std::uint32_t unknown_user = 4;
  std::uint32_t trap = 50;  // two and a half times a fresh client's whole budget
  std::uint32_t tls_failed = 1;
  std::uint32_t hang_up = 1;
  std::uint32_t message = 1;
  std::uint32_t login_failed = 4;
};

// What one IPv6 address, or one IPv4 address, may spend; wider prefixes have a multiple of it. A steady client may
// spend `rate_per_hour`, one that was idle `burst` at once. Both are multiplied by `scale`.
struct BudgetOptions {
  std::uint32_t burst = 20;          // units
  std::uint32_t rate_per_hour = 60;  // units
  std::uint32_t scale = 0;           // 0: that of the policy's preset (budget_scale)
  BudgetCosts costs;
};

inline constexpr std::int64_t kGreylistDelayMaxMs = 15 * 60 * 1000;  // some large senders give up after half an hour
inline constexpr std::int64_t kGreylistWindowMaxMs = 4 * 3600 * 1000 + 16 * 60 * 1000;  // what the table can tell

struct GreylistOptions {
  std::int64_t delay_ms = 180 * 1000;             // at most kGreylistDelayMaxMs
  std::int64_t window_ms = 4LL * 60 * 60 * 1000;  // a retry later than this begins anew
};

// Octets of the memory-mapped tables below data_dir. A table that is too small forgets, and lets mail through.
struct TableOptions {
  std::uint64_t budgets_bytes = 8ULL << 20;
  std::uint64_t pending_bytes = 8ULL << 20;  // greylist: 4 octets an entry
  std::uint64_t known_bytes = 8ULL << 20;    // known senders
};

struct DefenceOptions {
  std::int64_t greeting_delay_ms = 0;     // wait for who talks before the greeting; never for loopback
  std::int64_t lookup_timeout_ms = 5000;  // of all look-ups of a signal together; later answers are unknown
  // Where Debian's tor-geoipdb puts its tables. A file that is not there leaves countries unknown.
  std::vector<std::string> country_files = {"/usr/share/tor/geoip", "/usr/share/tor/geoip6"};
  std::string p0f_file = "/etc/p0f/p0f.fp";  // where Debian's p0f puts it; "" or absent: the own table alone
  BudgetOptions budget;
  GreylistOptions greylist;
  TableOptions tables;
  std::string public_url;  // "https://postmaster.example.org", without a slash at its end; "" where there is none
};

}  // namespace postern::inbound
