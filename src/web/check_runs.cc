#include "web/check_runs.h"

#include <algorithm>
#include <deque>

#include "base/json.h"
#include "base/text.h"
#include "check/catalogue.h"
#include "dns/name.h"
#include "web/rate.h"

namespace postern::web {

namespace {

constexpr std::size_t kDomainMax = 512;  // octets of what was typed

constexpr std::size_t kOperatorRuns = 4;  // beside the line

// The limit of the i-th of an address' networks, from narrow to wide.
std::size_t limit_of(std::size_t narrow, std::size_t i) { return i == 0 ? narrow : 2 * narrow; }

std::string event(std::string_view name, const std::string& data) {
  return "event: " + std::string(name) + "\ndata: " + data + "\n\n";
}

std::string finding_json(const check::Finding& finding) {
  std::string out;
  json::Writer writer(out);
  const check::Check* const about = check::find_check(finding.id);
  writer.begin_object().field("id", finding.id).field("outcome", to_string(finding.outcome));
  writer.field("title", about != nullptr ? about->title : finding.id).field("subject", finding.subject);
  writer.field("evidence", finding.evidence).field("fix", finding.fix).field("record", finding.record).end_object();
  return out;
}

}  // namespace

// No domain has a slash, and no ticket is "own".
std::string CheckKey::run() const {
  if (depth == Depth::polite) return domain;
  return domain + (depth == Depth::deep ? "/deep" : "/deep/own");
}

std::string CheckKey::path() const {
  if (depth == Depth::polite) return domain;
  return domain + "/deep" + (ticket.empty() ? "" : "/" + ticket);
}

struct CheckRuns::Impl {
  Impl(io::Loop& l, Checker c, std::size_t n) : loop(l), checker(std::move(c)), at_once(n), scope(l) {}

  io::Loop& loop;
  Checker checker;
  std::size_t at_once;
  io::Scope scope;
  std::map<std::string, std::shared_ptr<CheckRun>, std::less<>> runs;
  std::deque<std::shared_ptr<CheckRun>> waiting;
  std::size_t running = 0, beside = 0;  // in line; the operator's
  bool stopping = false;
  std::set<io::Signal*> watchers;
  std::map<ip::Prefix, std::size_t> streams;  // of events, by the networks of who watches

  bool too_many_wait(const ip::Address& client) const {
    if (waiting.size() >= kWaitingMax) return true;
    const auto networks = networks_of(client);
    for (std::size_t i = 0; i < networks.size(); ++i) {
      const auto own =
          std::ranges::count_if(waiting, [&](const auto& run) { return networks[i].contains(run->client); });
      if (static_cast<std::size_t>(own) >= limit_of(kWaitingOfNetwork, i)) return true;
    }
    return false;
  }
  void changed(CheckRun& run) {
    ++run.version;
    for (io::Signal* const watcher : watchers) watcher->notify();
  }

  struct Watching final : check::Observer {
    Watching(Impl& o, CheckRun& r) : owner(o), run(r) {}
    Impl& owner;
    CheckRun& run;
    void progress(std::size_t done, std::size_t total, std::string_view what) override {
      run.done = done;
      run.total = total;
      run.step = printable(what, 200);
      owner.changed(run);
    }
    // Whoever but waits (for greylisting to end) gives his place to others.
    void waits(bool now) override {
      if (!run.in_line) return;
      if (now) {
        --owner.running;
        owner.start_next();
      } else {
        ++owner.running;
      }
    }
    void found(const check::Finding& finding) override {
      if (run.findings.size() < check::kFindingsMax) run.findings.push_back(finding);
      owner.changed(run);
    }
  };

  void start_next() {
    while (!stopping && running < at_once && !waiting.empty()) {
      const auto run = waiting.front();
      waiting.pop_front();
      ++running;
      scope.spawn(carry_out(run));
    }
  }
  // The operator waits for nobody; of several of his own the last ones go to the head of the line.
  void start_beside(const std::shared_ptr<CheckRun>& run) {
    std::erase(waiting, run);
    if (beside >= kOperatorRuns) {
      waiting.push_front(run);
      return start_next();
    }
    run->in_line = false;
    ++beside;
    scope.spawn(carry_out(run));
  }

  Task<void> carry_out(std::shared_ptr<CheckRun> run) {
    run->state = CheckRun::State::running;
    changed(*run);
    Watching watching(*this, *run);
    auto report = co_await checker(run->domain, run->depth, &watching);
    run->ended = wall_now();
    if (report) {
      run->report = std::move(*report);
      run->findings.clear();
      run->state = CheckRun::State::done;
    } else {
      run->problem = report.error().what;
      run->state = CheckRun::State::failed;
    }
    changed(*run);
    --(run->in_line ? running : beside);
    start_next();
  }

  // Those that are over give way, the oldest first.
  bool make_room(WallMs now) {
    std::erase_if(runs,
                  [now](const auto& entry) { return entry.second->ended > 0 && entry.second->ended + kKeptMs < now; });
    while (runs.size() >= kRunsMax) {
      auto oldest = runs.end();
      for (auto at = runs.begin(); at != runs.end(); ++at) {
        if (at->second->ended == 0) continue;
        if (oldest == runs.end() || at->second->ended < oldest->second->ended) oldest = at;
      }
      if (oldest == runs.end()) return false;
      runs.erase(oldest);
    }
    return true;
  }
};

namespace {

// What changed of a run since the last time, as events: progress, finding, done.
class RunEvents final : public EventSource {
 public:
  using Streams = std::map<ip::Prefix, std::size_t>;
  RunEvents(std::shared_ptr<const CheckRun> run, io::Loop& loop, std::set<io::Signal*>& watchers, const bool& stopping,
            Streams& streams, std::vector<ip::Prefix> networks)
      : run_(std::move(run)),
        signal_(loop),
        watchers_(watchers),
        stopping_(stopping),
        streams_(streams),
        networks_(std::move(networks)) {
    watchers_.insert(&signal_);
    for (const ip::Prefix& network : networks_) ++streams_[network];
  }
  ~RunEvents() override {
    watchers_.erase(&signal_);
    for (const ip::Prefix& network : networks_)
      if (const auto open = streams_.find(network); --open->second == 0) streams_.erase(open);
  }
  RunEvents(const RunEvents&) = delete;
  RunEvents& operator=(const RunEvents&) = delete;

  Task<std::optional<std::string>> next() override {
    if (ended_ || stopping_) co_return std::nullopt;
    while (!first_ && version_ == run_->version) {
      const bool told = co_await signal_.wait(Deadline::after(milliseconds(kKeepAliveMs)));
      if (stopping_) co_return std::nullopt;
      if (!told) co_return std::string(": waiting\n\n");
    }
    first_ = false;
    version_ = run_->version;
    co_return changes();
  }

 private:
  std::string changes() {
    std::string out;
    for (; told_ < run_->findings.size(); ++told_) out += event("finding", finding_json(run_->findings[told_]));
    if (run_->state == CheckRun::State::done || run_->state == CheckRun::State::failed) {
      ended_ = true;
      return out + event("done", run_->state == CheckRun::State::done ? "{\"ok\":true}" : "{\"ok\":false}");
    }
    std::string data;
    json::Writer writer(data);
    writer.begin_object().field("state", run_->state == CheckRun::State::waiting ? "waiting" : "running");
    writer.field("done", run_->done).field("total", run_->total).field("step", run_->step).end_object();
    return out + event("progress", data);
  }

  std::shared_ptr<const CheckRun> run_;
  io::Signal signal_;
  std::set<io::Signal*>& watchers_;
  const bool& stopping_;
  Streams& streams_;
  const std::vector<ip::Prefix> networks_;
  bool first_ = true;
  std::uint64_t version_ = 0;
  std::size_t told_ = 0;
  bool ended_ = false;
};

}  // namespace

CheckRuns::CheckRuns(io::Loop& loop, Checker checker, std::size_t at_once)
    : impl_(std::make_unique<Impl>(loop, std::move(checker), std::max<std::size_t>(at_once, 1))) {}
CheckRuns::~CheckRuns() = default;

Result<std::string> CheckRuns::canonical(std::string_view domain) {
  domain = trim(domain);
  if (domain.size() > kDomainMax) domain = domain.substr(0, kDomainMax + 1);  // which is no name either
  POSTERN_TRY(const dns::Name name, check::mail_domain(domain));
  // Nobody's mail is at a top-level domain, and whoever types one meant another
  if (name.labels() < 2)
    return fail(ErrorKind::invalid, "\"" + name.text() + "\" is no domain name with a dot; write example.org");
  return name.text();
}

Result<std::shared_ptr<const CheckRun>> CheckRuns::ask(const CheckKey& key, const Asker& asker, WallMs now) {
  if (find(key, now) != nullptr) {
    const std::shared_ptr<CheckRun>& known = impl_->runs.find(key.run())->second;
    if (asker.is_operator && known->state == CheckRun::State::waiting) impl_->start_beside(known);
    return std::shared_ptr<const CheckRun>(known);
  }
  if (!impl_->checker) return fail(ErrorKind::not_found, "the checker is not part of this server");
  if (!asker.is_operator && impl_->too_many_wait(asker.client))
    return fail(ErrorKind::limit, "too many domains wait to be checked; try again in some minutes");
  if (!impl_->make_room(now)) return fail(ErrorKind::limit, "too many domains are being checked");
  auto run = std::make_shared<CheckRun>();
  run->domain = key.domain;
  run->key = key.run();
  run->depth = key.depth;
  run->client = asker.client;
  run->begun = now;
  impl_->runs.insert_or_assign(run->key, run);
  if (asker.is_operator) {
    impl_->start_beside(run);
  } else {
    impl_->waiting.push_back(run);
    impl_->start_next();
  }
  return std::shared_ptr<const CheckRun>(std::move(run));
}

std::shared_ptr<const CheckRun> CheckRuns::find(const CheckKey& key, WallMs now) const {
  const auto found = impl_->runs.find(key.run());
  if (found == impl_->runs.end()) return nullptr;
  const CheckRun& run = *found->second;
  if (run.ended > 0 && run.ended + kKeptMs < now) return nullptr;
  return found->second;
}

std::unique_ptr<EventSource> CheckRuns::watch(std::shared_ptr<const CheckRun> run, const Asker& asker) {
  std::vector<ip::Prefix> networks;
  if (!asker.is_operator) networks = networks_of(asker.client);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const auto open = impl_->streams.find(networks[i]);
    if (open != impl_->streams.end() && open->second >= limit_of(kStreamsOfNetwork, i)) return nullptr;
  }
  return std::make_unique<RunEvents>(std::move(run), impl_->loop, impl_->watchers, impl_->stopping, impl_->streams,
                                     std::move(networks));
}

std::size_t CheckRuns::watched() const { return impl_->watchers.size(); }

void CheckRuns::stop() {
  impl_->stopping = true;
  impl_->waiting.clear();
  for (io::Signal* const watcher : impl_->watchers) watcher->notify();
}

Task<void> CheckRuns::join() { co_await impl_->scope.join(); }

}  // namespace postern::web
