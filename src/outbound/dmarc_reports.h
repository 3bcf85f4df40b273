// Sends the DMARC aggregate reports of the days that are over (RFC 9990): counts a day from the session records once it
// is complete, asks the policy domain's record again for where reports are wanted, and puts a mail into the queue for
// each address that may have one. What is done is kept in data_dir/dmarc-reports.jsonl, so that a restart repeats
// nothing; where the last seconds of that file are lost a report goes out twice, with the same name and id (3.5.4).
// Thread rule: its loop; the records are read on the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/task.h"
#include "dmarcrpt/day.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "outbound/report_mail.h"
#include "outbound/state_file.h"
#include "spool/store.h"

namespace postern::outbound {

// When the reports of a day begin to go out: half an hour after its end, for sessions that ran past it, and a time of
// this host and day, so that not all the world's reports leave at midnight.
[[nodiscard]] WallMs dmarc_reports_due(std::int64_t day, std::string_view hostname);
inline constexpr WallMs kReportsSpread = WallMs{4} * 3600 * 1000;

// The sessions of one UTC day. Blocks. `stop` may be null.
[[nodiscard]] Result<dmarcrpt::Day> read_dmarc_day(const std::string& records, std::int64_t day,
                                                   const std::atomic<bool>* stop);

class DmarcReportSender {
 public:
  static constexpr std::size_t kPerPass = 1000;    // domains; the rest goes with the next pass
  static constexpr std::size_t kAddressesMax = 5;  // RFC 9990 3.5: "up to the Receiver's limits on supported URIs"
  static constexpr std::int64_t kDaysBack = 2;     // days that are reported after a time without service

  struct Places {
    ReportOptions options;
    std::string hostname;
    std::string data_dir;
    std::string records;  // the folder
    std::string generator = "Postern";
    std::function<WallMs()> now = wall_now;
    ReportSigner signer = {};
  };
  // All of them outlive it; `loop` is the one it is used on.
  DmarcReportSender(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, dns::Resolver& resolver,
                    Places places);

  void load();  // what was done before; blocks, before the loop runs
  // Once an hour or so; returns how many domains got reports. A domain whose DNS does not answer is tried again until
  // the next day's reports are due.
  [[nodiscard]] Task<std::size_t> send_due();
  // A pass under way ends with the domain it is at, whose look-ups are broken off.
  void end() {
    stopping_ = true;
    if (lookups_) lookups_->cancel();
  }
  [[nodiscard]] Task<void> stop();  // after that; before destruction

 private:
  enum class Fate : std::uint8_t { sent, unwanted, later };
  [[nodiscard]] Task<bool> count(std::int64_t day);
  [[nodiscard]] Task<Fate> send(std::string domain, bool last_try);
  [[nodiscard]] Task<std::vector<std::string>> addresses(std::string domain, bool& unknown);
  [[nodiscard]] std::string state() const;
  void close_day(std::int64_t day);

  io::Loop& loop_;
  io::BlockingPool& pool_;
  spool::Store& store_;
  dns::Resolver& resolver_;
  Places places_;
  std::int64_t done_ = 0;          // the last day that is closed
  std::int64_t open_ = 0;          // the day that `settled_` is about
  std::set<std::string> settled_;  // its domains that need nothing more
  std::string last_;               // its domain that was tried last: the next pass begins behind it
  std::unique_ptr<dmarcrpt::Day> counted_;
  std::optional<dns::Budget> lookups_;  // of the domain that a pass is at
  StateFile file_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace postern::outbound
