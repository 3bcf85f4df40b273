// LimitNotices: sends the notices of accounts that have reached a limit of [submission] to the postmaster and to the
// user, as mail of our own with a null reverse-path. Thread rule: the queue's loop; tell() from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "directory/directory.h"
#include "inbound/limit_notice.h"
#include "io/loop.h"
#include "outbound/report_mail.h"
#include "spool/store.h"

namespace postern::cli {

class LimitNotices {
 public:
  struct Places {
    std::string hostname;
    std::string from;  // the postmaster, whom notices come from and go to
    std::function<std::shared_ptr<const directory::Directory>()> directory;
    outbound::ReportSigner signer;
  };
  LimitNotices(io::Loop& loop, spool::Store& store, Places places)
      : loop_(loop), store_(store), places_(std::move(places)), scope_(loop) {}

  void tell(inbound::LimitNotice notice);
  // After the sessions have ended.
  [[nodiscard]] Task<void> stop() { return scope_.join(); }

 private:
  [[nodiscard]] Task<void> send(inbound::LimitNotice notice);
  io::Loop& loop_;
  spool::Store& store_;
  Places places_;
  io::Scope scope_;
};

}  // namespace postern::cli
