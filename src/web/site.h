// Site: every page and every answer of the JSON API (docs/web.md), over what it is given: the records, the mail
// server's control socket, and what the caller wires in. It knows no socket. Thread rule: one loop; what blocks runs on
// the pool.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "check/proof.h"
#include "check/run.h"
#include "io/loop.h"
#include "web/check_runs.h"
#include "web/history.h"
#include "web/options.h"
#include "web/server.h"

namespace postern::web {

// The checker, as the pages need it: runs to its end, and tells the observer on its way.
using Checker = CheckRuns::Checker;
// What proves that a visitor has control of a domain (check/proof.h): the TXT record to publish, and whether it is
// there, for a page with that ticket.
struct Proofs {
  std::function<Result<check::ProofRecord>(const std::string& domain, const std::string& ticket, WallMs now)> record;
  std::function<Task<check::ProofAnswer>(std::string domain, std::string ticket, WallMs now)> verify;
};

// What the site asks, so that tests bring their own. The functions that answer JSON texts block, and are called on the
// pool; they end soon with `cancelled` once `stop` is set.
struct Services {
  io::Loop& loop;
  io::BlockingPool& pool;
  // The mail server (control/control.h); nobody_serves() of its error: it does not run.
  std::function<Task<Result<json::Value>>(json::Value request)> control;
  using Text = Result<std::string>;
  std::function<Text(const std::string& id)> explain;                        // as `postern why --json`
  std::function<Text(WallMs since, const std::atomic<bool>& stop)> signals;  // `postern signals --json`
  std::function<Text(const std::string& policy, WallMs since, const std::atomic<bool>& stop)> backtest;  // `replay`
  Checker checker;  // empty: there is none
  Proofs proofs;    // empty: visitors get no deeper tests
  WallMs (*now)() = wall_now;
  Clock::time_point (*clock)() = Clock::now;  // of the rates
};

class Site final : public Handler {
 public:
  Site(std::shared_ptr<const Options> options, Services services);
  ~Site() override;
  [[nodiscard]] Task<Response> answer(Request request) override;
  [[nodiscard]] int must_wait(const Request& request) override;
  [[nodiscard]] Response too_many(const Request& request, int wait_s) override;
  // Follows the records until stop(). One for the life of the site; whoever spawned it joins it.
  [[nodiscard]] Task<void> follow();
  void stop();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::web
