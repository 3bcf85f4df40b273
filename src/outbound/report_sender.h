// Sends the TLS reports of the days that are over (RFC 8460): to the addresses that the domain's record names, by mail
// through the queue, which signs it, or over HTTPS; one that takes it is enough. What cannot be handed in is tried
// again with the next pass, until the collector drops it (Collector::kDaysKept). A domain that asks for no reports is
// forgotten at once. Thread rule: its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/task.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "outbound/https.h"
#include "outbound/published_tls.h"
#include "outbound/report_mail.h"
#include "spool/store.h"

namespace postern::outbound {

class TlsReportSender {
 public:
  static constexpr std::size_t kPerPass = 500;  // reports; the rest goes with the next pass

  struct Places {
    ReportOptions options;
    std::string hostname;
    std::string ca_file;
    StsCache::Fetch post = https_request;
    std::function<WallMs()> now = wall_now;
    ReportSigner signer = {};
  };
  // All of them outlive it; `loop` is the one it is used on.
  TlsReportSender(io::Loop& loop, spool::Store& store, PublishedTls& tls, dns::Resolver& resolver, Places places)
      : loop_(loop), store_(store), tls_(tls), resolver_(resolver), places_(std::move(places)) {}

  // Once an hour or so; returns how many were handed in.
  [[nodiscard]] Task<std::size_t> send_due();
  // A pass under way ends with the report it is at, whose look-ups are broken off.
  void stop() {
    stopping_ = true;
    if (lookups_) lookups_->cancel();
  }

 private:
  enum class Fate : std::uint8_t { sent, unwanted, later };
  [[nodiscard]] Task<Fate> send(tlsrpt::Collector::Due due);
  [[nodiscard]] Task<bool> mail(tlsrpt::Collector::Due due, std::string to, tlsrpt::Report report, std::string packed);
  [[nodiscard]] Task<bool> hand_in(std::string uri, std::string packed, dns::Budget& budget);
  [[nodiscard]] std::string submitter() const;

  io::Loop& loop_;
  spool::Store& store_;
  PublishedTls& tls_;
  dns::Resolver& resolver_;
  Places places_;
  tlsrpt::Collector::Due last_{};  // tried: the next pass begins behind it
  io::BlockingPool web_{1};
  std::optional<dns::Budget> lookups_;  // of the report that a pass is at
  std::atomic<bool> stopping_ = false;
};

}  // namespace postern::outbound
