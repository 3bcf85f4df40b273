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
#include "web/line.h"
#include "web/rate.h"
#include "web/site.h"

namespace postern::web {

// Answers that cost a walk over the records: computed once at a time, kept for a while.
struct Kept {
  WallMs at = 0;        // of the last try
  WallMs computed = 0;  // the value
  bool running = false;
  std::uint64_t of_records = 0;              // Impl::records_version when the last try began
  std::shared_ptr<const json::Value> value;  // null: none yet
  std::string problem;
};

// What was kept, as it is shown.
struct Found {
  std::shared_ptr<const json::Value> value;  // null: not computed yet, or `problem` says why there is none
  WallMs at = 0;                             // when it was computed
  WallMs tried = 0;                          // when that was last tried, and came to an end
  bool stale = false;                        // older than it should be: a newer one is being computed
  std::string problem;                       // why there is none, or no newer one
};
constexpr std::string_view kStatisticsPath = "/dashboard/statistics";
// Pieces of the dashboard, which its script fetches anew when sessions have ended.
constexpr std::string_view kOverviewPath = "/dashboard/overview";

constexpr std::size_t kVisitorsWaiting = 16;
constexpr double kPublicCost = 1;  // requests: any answer to anybody

struct Site::Impl {
  Impl(std::shared_ptr<const Options> options, Services services);

  std::shared_ptr<const Options> options;
  Services services;
  Rates rates;
  Rates wrong_passwords;
  // A password costs ten milliseconds of a processor: one at a time, on a thread that does nothing else
  io::BlockingPool passwords{1};
  std::size_t passwords_waiting = 0;
  Clock::time_point told_login_failed{};
  std::uint64_t login_failed_untold = 0;
  CheckRuns checks;
  io::Scope scope;  // computations that outlive the request that began them
  std::atomic<bool> stopping{false};
  std::shared_ptr<const History> history = std::make_shared<History>();
  bool history_whole = false;
  std::map<std::string, Kept, std::less<>> kept;
  std::uint64_t backtests = 0;           // under way
  Line visitors_read{kVisitorsWaiting};  // one walk over the records at a time for all visitors
  Clock::time_point flushed{};
  io::Signal tick;  // wakes the follower at the end

  // Live streams, each with a signal of its own.
  struct Listener {
    explicit Listener(io::Loop& loop) : signal(loop) {}
    io::Signal signal;
    std::uint64_t seen = 0;
  };
  std::list<Listener*> listeners;
  std::uint64_t version = 0;          // of the history, and of what is kept
  std::uint64_t records_version = 0;  // of the history alone

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
  [[nodiscard]] Task<Response> answer_visit(Request request);
  [[nodiscard]] Task<bool> knows(Credentials credentials);
  // Who comes with these credentials; an answer where it cannot be looked into now.
  [[nodiscard]] Task<std::optional<Response>> log_in(Visit& visit, Credentials credentials);
  void tell_login_failed(const ip::Address& client);
  [[nodiscard]] Response refuse(const Visit& visit) const;
  [[nodiscard]] Task<Response> route(Visit visit);
  [[nodiscard]] Task<Response> route_operator(Visit visit);
  [[nodiscard]] Task<Response> route_api(Visit visit);

  // dashboard.cc
  [[nodiscard]] Task<Response> dashboard(Visit visit);
  [[nodiscard]] Task<Response> overview(Visit visit);
  [[nodiscard]] Response live(const Visit& visit);
  [[nodiscard]] std::string overview_html(const Frame& frame, Range range) const;
  // Changes when what overview_html() shows does.
  [[nodiscard]] std::string counted(const Series& series) const;
  [[nodiscard]] std::string statistics_html(const Found& found) const;
  // live.cc
  enum class Patience : std::uint8_t { page, program };
  [[nodiscard]] Task<Found> statistics(Range range, Patience patience);
  // Begins to compute them where they are old and records have come since.
  void renew_statistics(Range range);
  [[nodiscard]] WallMs statistics_at(Range range) const;
  // A walk over the records on the pool: what was kept while it is fresh, else what is computed within `first` (where
  // there is nothing yet) or `older`; then what there is, and a newer one for who asks later.
  using Work = std::move_only_function<Result<std::string>()>;
  [[nodiscard]] Work statistics_work(Range range);
  [[nodiscard]] Task<Found> keep(std::string name, WallMs fresh_ms, Work work, milliseconds first, milliseconds older);
  [[nodiscard]] bool begin_compute(const std::string& name, WallMs fresh_ms, Work work);  // true: under way
  [[nodiscard]] Task<void> compute(std::string name, Work work);
  // What waits for `kept`, and who watches.
  void tell_changed();
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
  [[nodiscard]] std::string proof_html(const Visit& visit, const CheckKey& key) const;
  [[nodiscard]] Task<std::optional<Response>> refuse_deep(const Visit& visit, CheckKey key);
  [[nodiscard]] Task<Response> check(Visit visit);
  [[nodiscard]] Response sts_policy(const Request& request) const;
};

[[nodiscard]] Response html(std::string text, int status = 200);
// What the control socket's error means to who looks at a page.
[[nodiscard]] std::string explain_control(const Error& error);
// RFC 9111 5.1: how old the answer is.
[[nodiscard]] Response with_age(Response out, const Found& found, WallMs now);
// {"error": ...} with a status of its kind.
[[nodiscard]] Response json_error(const Error& error);
[[nodiscard]] Response json_error(int status, std::string_view what);

}  // namespace postern::web
