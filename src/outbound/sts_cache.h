// StsCache: the MTA-STS policies (RFC 8461) of the domains that we send to: found by DNS, fetched over HTTPS, kept on
// disk until their max_age is over, fetched again when the record's id changes, and once a day where they are used. A
// policy that is still valid stays in force while DNS or the policy host fails (3.3, 5.1): that is what it is for.
//
// Bounded: kEntriesMax policies; the one used longest ago leaves first. Fetches run on a pool of their own, kThreads at
// a time, each within 20 seconds; a failed one is not repeated within ten minutes (3.3). Nobody waits longer than
// kPatience, nor longer than his budget: a fetch goes on without him, unless he was the last who waited for it and was
// broken off. Thread rule: its loop.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "mtasts/mtasts.h"
#include "outbound/https.h"
#include "outbound/state_file.h"

namespace postern::outbound {

struct StsEntry {
  dns::Name domain;
  std::string id;
  mtasts::Policy policy;
  WallMs fetched = 0;
  WallMs used = 0;
  [[nodiscard]] WallMs expires() const { return fetched + policy.max_age * 1000; }
};

struct StsFound {
  std::optional<mtasts::Policy> policy;  // of mode enforce or testing; none applies otherwise
  std::string failure;                   // of RFC 8460 4.3.2.2: a policy is announced, and could not be had
  std::string why;                       // for people
  bool unknown = false;                  // DNS did not say whether there is one, and none is at hand
  bool late = false;                     // one is announced, its fetch is not over, and none is at hand
};

// The file: a JSON object a line. What cannot be read is passed over and counted.
[[nodiscard]] std::string to_line(const StsEntry& entry);
[[nodiscard]] std::optional<StsEntry> parse_sts_entry(std::string_view line);

class StsCache {
 public:
  static constexpr std::size_t kEntriesMax = 10000;
  static constexpr WallMs kRefreshMs = WallMs{24} * 3600 * 1000;
  static constexpr WallMs kRetryMs = WallMs{10} * 60 * 1000;
  static constexpr std::size_t kThreads = 8;
  static constexpr std::size_t kFlightsMax = 500;  // fetches under way and waiting for a thread
  static constexpr seconds kPatience{25};          // for a fetch, and a little for the threads and the look-ups

  using Fetch = std::function<std::expected<HttpsAnswer, HttpsFailure>(const HttpsRequest&)>;
  struct Options {
    std::string file;  // data_dir/mta-sts.jsonl
    std::string ca_file;
    std::uint16_t port = 443;
    Fetch fetch = https_request;
    std::function<WallMs()> now = wall_now;
  };
  // `resolver` and `pool` (for the file) outlive this.
  StsCache(io::Loop& loop, io::BlockingPool& pool, dns::Resolver& resolver, Options options);
  ~StsCache();
  StsCache(const StsCache&) = delete;
  StsCache& operator=(const StsCache&) = delete;

  void load();  // blocks on the file; before the loop runs
  // The policy of a domain that mail is about to be sent to. May wait for a fetch; two that ask at once share it.
  [[nodiscard]] Task<StsFound> find(dns::Name domain, dns::Budget& budget);
  [[nodiscard]] std::vector<StsEntry> list() const;  // by domain
  bool forget(const dns::Name& domain);
  // Ends fetches, and with them every wait, and writes the file.
  [[nodiscard]] Task<void> stop();

 private:
  struct Flight;
  struct Attempt {
    std::string id;
    WallMs when = 0;
    std::string failure, why;
  };
  struct Wait;
  // Whether it landed while we waited.
  [[nodiscard]] Task<bool> fetch(dns::Name domain, std::string id, dns::Budget& budget);
  [[nodiscard]] std::shared_ptr<Flight> take_off(const dns::Name& domain, const std::string& id);
  [[nodiscard]] Task<void> fly(dns::Name domain, std::string id, std::shared_ptr<Flight> flight);
  [[nodiscard]] Task<void> fetch_once(dns::Name domain, std::string id, std::shared_ptr<Flight> flight);
  void break_off(const dns::Name& domain, const std::shared_ptr<Flight>& flight);
  [[nodiscard]] Task<std::vector<ip::Address>> addresses(dns::Name host, dns::Budget& budget);
  void keep(StsEntry entry);
  void note_failure(const dns::Name& domain, const std::string& id, std::string failure, std::string why);
  [[nodiscard]] StsEntry* valid(const dns::Name& domain, WallMs now);
  [[nodiscard]] bool tried_lately(const dns::Name& domain, const std::string& id) const;
  [[nodiscard]] std::string render() const;

  dns::Resolver& resolver_;
  Options options_;
  std::map<dns::Name, StsEntry> entries_;
  std::map<dns::Name, Attempt> failed_;
  std::map<dns::Name, std::shared_ptr<Flight>> flights_;
  io::BlockingPool web_{kThreads};
  io::Scope fetches_;
  StateFile file_;
  bool stopping_ = false;
};

}  // namespace postern::outbound
