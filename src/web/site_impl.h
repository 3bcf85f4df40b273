// What the parts of the site share. Internal to web. Thread rule: the site's loop.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "web/access.h"
#include "web/check_runs.h"
#include "web/html.h"
#include "web/rate.h"
#include "web/site.h"

namespace postern::web {

// Answers that cost a walk over the records: computed once at a time, kept for a while.
struct Kept {
  WallMs at = 0;
  bool running = false;
  std::shared_ptr<const json::Value> value;  // null: none yet
  std::string problem;
};

// One at a time: holds a flag from when it was free until it goes out of scope, however that happens.
class Turn {
 public:
  explicit Turn(bool& taken) : mine_(std::exchange(taken, true) ? nullptr : &taken) {}
  ~Turn() {
    if (mine_ != nullptr) *mine_ = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  [[nodiscard]] bool got() const { return mine_ != nullptr; }

 private:
  bool* const mine_;
};

constexpr double kPublicCost = 1;  // requests: any answer to anybody

struct Site::Impl {
  Impl(std::shared_ptr<const Options> options, Services services);

  std::shared_ptr<const Options> options;
  Services services;
  Rates rates;
  CheckRuns checks;
  io::Scope scope;  // computations that outlive the request that began them
  std::atomic<bool> stopping{false};
  std::shared_ptr<const History> history = std::make_shared<History>();
  bool history_whole = false;
  std::map<std::string, Kept, std::less<>> kept;
  std::uint64_t backtests = 0;  // under way
  bool visitor_reads = false;   // one walk over the records at a time for all visitors
  Clock::time_point flushed{};
  io::Signal tick;  // wakes the follower at the end

  // Live streams, each with a signal of its own.
  struct Listener {
    explicit Listener(io::Loop& loop) : signal(loop) {}
    io::Signal signal;
    std::uint64_t seen = 0;
  };
  std::list<Listener*> listeners;
  std::uint64_t version = 0;  // of the history

  // Credentials that were found good, by a keyed hash; a password costs ten milliseconds of a processor.
  std::map<std::string, Clock::time_point> good_credentials;
  std::string credentials_key;

  struct Visit {
    Request request;
    Frame frame;
    bool is_operator = false;
    Entry entry = Entry::closed;
    bool wrong_password = false;
  };

  [[nodiscard]] Task<Response> answer(Request request);
  [[nodiscard]] Task<bool> knows(Credentials credentials);
  [[nodiscard]] Response refuse(const Visit& visit) const;
  [[nodiscard]] Task<Response> route(Visit visit);
  [[nodiscard]] Task<Response> route_operator(Visit visit);
  [[nodiscard]] Task<Response> route_api(Visit visit);

  // dashboard.cc
  [[nodiscard]] Task<Response> dashboard(Visit visit);
  [[nodiscard]] Task<Response> overview(Visit visit);
  [[nodiscard]] Response live(const Visit& visit);
  [[nodiscard]] Task<std::shared_ptr<const json::Value>> statistics(Range range, std::string* problem);
  // A walk over the records on the pool: what was kept, or what is computed within `patience`.
  using Work = std::move_only_function<Result<std::string>()>;
  [[nodiscard]] Task<std::shared_ptr<const json::Value>> keep(std::string name, WallMs fresh_ms, Work work,
                                                              milliseconds patience, std::string* problem);
  [[nodiscard]] Task<void> compute(std::string name, Work work);
  // operator_pages.cc
  [[nodiscard]] Task<Response> queue(Visit visit);
  [[nodiscard]] Task<Response> memory(Visit visit);
  [[nodiscard]] Task<Response> signals(Visit visit);
  [[nodiscard]] Task<Response> backtest(Visit visit);
  [[nodiscard]] Task<Response> metrics();
  // why_page.cc
  [[nodiscard]] Task<Response> why(Visit visit);
  [[nodiscard]] Task<Response> change_by_why(Visit visit, std::string id);
  // check_page.cc
  // False: the client's network has to wait. Nobody pays on this machine itself.
  [[nodiscard]] bool spend(const Request& request, double cost);
  [[nodiscard]] Response too_often(double cost) const;
  [[nodiscard]] std::string hash_of(const Credentials& credentials) const;
  [[nodiscard]] bool remembers(const Credentials& credentials);
  // Sessions that ended just now are in the files afterwards; at most once a second.
  [[nodiscard]] Task<void> flush_records();
  [[nodiscard]] std::string deeper_html(const Visit& visit, const std::string& domain) const;
  [[nodiscard]] Task<std::optional<Response>> refuse_deep(const Visit& visit, std::string domain);
  [[nodiscard]] Task<Response> check(Visit visit);
  [[nodiscard]] Response sts_policy(const Request& request) const;
};

[[nodiscard]] Response html(std::string text, int status = 200);
// What the control socket's error means to who looks at a page.
[[nodiscard]] std::string explain_control(const Error& error);
// {"error": ...} with a status of its kind.
[[nodiscard]] Response json_error(const Error& error);
[[nodiscard]] Response json_error(int status, std::string_view what);

}  // namespace postern::web
