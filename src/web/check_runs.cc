#include "web/check_runs.h"

#include <algorithm>
#include <deque>

#include "base/json.h"
#include "base/text.h"
#include "check/catalogue.h"
#include "dns/name.h"

namespace postern::web {

namespace {

constexpr std::size_t kDomainMax = 512;  // octets of what was typed

// No domain has a slash.
std::string key_of(std::string_view domain, bool deep) { return std::string(domain) + (deep ? "/deep" : ""); }

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

struct CheckRuns::Impl {
  Impl(io::Loop& l, Checker c, std::size_t n) : loop(l), checker(std::move(c)), at_once(n), scope(l) {}

  io::Loop& loop;
  Checker checker;
  std::size_t at_once;
  io::Scope scope;
  std::map<std::string, std::shared_ptr<CheckRun>, std::less<>> runs;
  std::deque<std::shared_ptr<CheckRun>> waiting;
  std::size_t running = 0;
  bool stopping = false;
  std::set<io::Signal*> watchers;

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
    --running;
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
  RunEvents(std::shared_ptr<const CheckRun> run, io::Loop& loop, std::set<io::Signal*>& watchers, const bool& stopping)
      : run_(std::move(run)), signal_(loop), watchers_(watchers), stopping_(stopping) {
    watchers_.insert(&signal_);
  }
  ~RunEvents() override { watchers_.erase(&signal_); }
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
  const auto name = domain.size() <= kDomainMax ? dns::Name::from_unicode(domain) : std::nullopt;
  // What DNS would take and mail does not: one label, octets that no host name has
  const bool good = name && name->labels() >= 2 && std::ranges::all_of(name->text(), [](char c) {
                      return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
                    });
  if (good) return name->text();
  return fail(ErrorKind::invalid, "\"" + printable(domain, 100) + "\" is no domain; type one such as example.org");
}

Result<std::shared_ptr<const CheckRun>> CheckRuns::ask(std::string_view domain, Depth depth, WallMs now) {
  POSTERN_TRY(const std::string name, canonical(domain));
  if (auto known = find(name, depth != Depth::polite, now)) return known;
  if (!impl_->checker) return fail(ErrorKind::not_found, "the checker is not part of this server");
  if (impl_->waiting.size() >= kWaitingMax || !impl_->make_room(now))
    return fail(ErrorKind::limit, "too many domains wait to be checked; try again in some minutes");
  auto run = std::make_shared<CheckRun>();
  run->domain = name;
  run->depth = depth;
  run->begun = now;
  impl_->runs.insert_or_assign(key_of(name, run->deep()), run);
  impl_->waiting.push_back(run);
  impl_->start_next();
  return std::shared_ptr<const CheckRun>(std::move(run));
}

std::shared_ptr<const CheckRun> CheckRuns::find(std::string_view domain, bool deep, WallMs now) const {
  const auto found = impl_->runs.find(key_of(domain, deep));
  if (found == impl_->runs.end()) return nullptr;
  const CheckRun& run = *found->second;
  if (run.ended > 0 && run.ended + kKeptMs < now) return nullptr;
  return found->second;
}

std::unique_ptr<EventSource> CheckRuns::watch(std::shared_ptr<const CheckRun> run) {
  return std::make_unique<RunEvents>(std::move(run), impl_->loop, impl_->watchers, impl_->stopping);
}

std::size_t CheckRuns::watched() const { return impl_->watchers.size(); }

void CheckRuns::stop() {
  impl_->stopping = true;
  impl_->waiting.clear();
  for (io::Signal* const watcher : impl_->watchers) watcher->notify();
}

Task<void> CheckRuns::join() { co_await impl_->scope.join(); }

}  // namespace postern::web
