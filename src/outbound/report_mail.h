// What reports to the owners of other domains have in common: how they are configured, and their way into the queue as
// mail of our own, which is signed there. Thread rule: the loop's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"
#include "spool/store.h"

namespace postern::outbound {

struct ReportOptions {
  bool tls = false;          // RFC 8460
  bool dmarc = false;        // RFC 9990
  std::string from;          // the address that reports come from and answers go to
  std::string organization;  // in the report; empty: the domain of `from`
};

[[nodiscard]] std::string submitter_of(const std::string& from);  // its domain

// Gives what makes the fields that sign a message of ours, to stand on its top (RFC 8460 3, RFC 9990: reports are
// signed). May be empty, and may give none.
using ReportSigner = std::function<std::function<std::string(std::string_view message)>()>;

struct ReportEnvelope {
  Id id;
  WallMs now = 0;
  std::string from, to;
  bool tls_optional = false;
  ReportSigner signer = {};
};
// On stable storage when it returns without error.
[[nodiscard]] Task<Result<void>> queue_report(io::Loop& loop, spool::Store& store, ReportEnvelope report,
                                              std::string text);

}  // namespace postern::outbound
