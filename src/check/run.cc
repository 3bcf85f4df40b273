#include "check/run.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/catalogue.h"
#include "check/context.h"
#include "check/etiquette.h"
#include "check/lookalikes.h"
#include "check/probe.h"
#include "check/submission.h"

namespace postern::check {

namespace {

constexpr milliseconds kServerTimeout{3000};

Task<HttpsResult> fetch_on(io::BlockingPool& pool, outbound::HttpsRequest request) {
  std::move_only_function<HttpsResult()> work = [request] { return outbound::https_request(request); };
  co_return co_await pool.run<HttpsResult>(std::move(work));
}

using DirectAnswers = std::vector<resolver::DirectAnswer>;
Task<DirectAnswers> ask_on(io::BlockingPool& pool, std::vector<resolver::DirectQuestion> questions) {
  std::move_only_function<DirectAnswers()> work = [asked = std::move(questions)] {
    return resolver::ask_directly(asked, kServerTimeout);
  };
  co_return co_await pool.run<DirectAnswers>(std::move(work));
}

Doors doors_of(const Options& options, Services services) {
  Doors doors;
  io::BlockingPool& pool = services.pool;
  doors.fetch = [&pool](outbound::HttpsRequest request) { return fetch_on(pool, std::move(request)); };
  doors.has_way_to = [allow = options.allow_private](const ip::Address& to) { return has_way_to(to, allow); };
  if (options.ask_name_servers) {
    doors.ask_servers = [&pool](std::vector<resolver::DirectQuestion> questions) {
      return ask_on(pool, std::move(questions));
    };
  }
  return doors;
}

class Steps {
 public:
  explicit Steps(Observer* observer) : observer_(observer) {}
  void add(std::size_t count) { total_ += count; }
  void begin(std::string_view what) {
    if (observer_ != nullptr) observer_->progress(done_, total_, what);
  }
  void waits(bool now) {
    if (observer_ != nullptr) observer_->waits(now);
  }
  void end(std::string_view what) {
    ++done_;
    begin(what);
  }

 private:
  Observer* observer_;
  std::size_t done_ = 0, total_ = 0;
};

// The probe counts addresses, a scale of its own: of it the run shows the words alone.
class ProbeWords final : public Observer {
 public:
  explicit ProbeWords(Steps& steps) : steps_(steps) {}
  void progress(std::size_t, std::size_t, std::string_view what) override { steps_.begin(what); }
  void found(const Finding&) override {}
  void waits(bool now) override { steps_.waits(now); }

 private:
  Steps& steps_;
};

// Ends the look-ups of a run when its time is over, whatever waits.
Task<void> watch(io::Signal& over, Deadline deadline, dns::Budget& budget) {
  if (!co_await over.wait(deadline)) budget.cancel();
}

Task<void> step(Task<void> task, Steps& steps, std::string_view what) {
  co_await std::move(task);
  steps.end(what);
}

// SPF, DKIM and DMARC need each other's facts.
Task<void> authentication(Context& context) {
  co_await check_spf(context);
  co_await check_senders(context);
  co_await check_dkim(context);
  co_await check_dmarc(context);
  co_await check_bimi(context);
}

// Each certificate once, however many addresses serve it.
void note_certificates(Context& context) {
  std::set<std::string_view> seen;
  for (const MailHost& host : context.target.hosts) {
    for (const Address& address : host.addresses) {
      if (!address.server || !address.server->tls || address.server->tls->chain.empty()) continue;
      const auto& own = address.server->tls->chain.front();
      if (seen.insert(own.der).second)
        context.ends(Ending::What::certificate, host.name.text() + " [" + address.address.text() + "]", own.not_after);
    }
  }
}

// One after the other: they may share addresses.
Task<void> all_servers(Context& context, const Options& options, Services services, Observer& words) {
  const Deadline deadline = Deadline::after(options.deadline);
  co_await probe_hosts(context.target, options, services, &words);
  co_await find_submission(context);
  co_await visit_submission(context.target, options, services, deadline);
}

// False where the time ran out. A second visit to who put us off comes behind that and has a time of its own.
Task<bool> all_parts(Context& context, const Options& options, Services services, Observer* observer, Deadline deadline,
                     io::Signal& over) {
  // What is still asked when the time is over is not answered, also where that ends the run at once
  const auto in_time = [&] { return !context.budget().cancelled() && !deadline.passed(services.loop.now()); };
  Steps steps(observer);
  steps.add(12);
  steps.begin("the name");
  const bool there = co_await check_name(context);
  steps.end("mail hosts");
  if (!there) co_return in_time();
  co_await check_mail_hosts(context);
  co_await find_zone(context);
  steps.end("servers");
  ProbeWords words(steps);
  io::Scope scope(services.loop);
  // One connection to each address, while DNS is asked for the rest. It touches the hosts' `server` alone.
  scope.spawn(step(all_servers(context, options, services, words), steps, "servers"));
  scope.spawn(step(check_reverse(context), steps, "reverse names"));
  scope.spawn(step(check_name_servers(context), steps, "name servers"));
  if (options.lists) {
    steps.add(1);
    scope.spawn(step(check_lists(context), steps, "block lists"));
  }
  scope.spawn(step(check_dnssec(context), steps, "DNSSEC"));
  scope.spawn(step(check_zone_habits(context), steps, "the zone"));
  scope.spawn(step(check_tlsa(context), steps, "DANE"));
  scope.spawn(step(check_security_txt(context), steps, "security.txt"));
  scope.spawn(step(check_lookalikes(context), steps, "names that look alike"));
  scope.spawn(step(check_mta_sts(context), steps, "MTA-STS"));
  scope.spawn(step(authentication(context), steps, "SPF, DKIM, DMARC"));
  co_await check_tls_rpt(context);
  co_await scope.join();
  const bool complete = in_time();
  over.notify();  // what is left asks DNS nothing
  co_await probe_again(context.target, options, services, &words);
  judge_dane_present(context);
  for (Finding& finding : judge_patience(context.target, options)) context.add(std::move(finding));
  note_certificates(context);
  for (Finding& finding : judge_servers(context.target, options)) context.add(std::move(finding));
  for (Finding& finding : judge_submission(context.target, options)) context.add(std::move(finding));
  say_what_is_not_tested(context);
  co_return complete;
}

}  // namespace

Result<dns::Name> mail_domain(std::string_view text) {
  const auto name = dns::Name::from_unicode(text);
  const bool good =
      name && !name->is_root() && !ip::Address::parse(text) && std::ranges::all_of(name->text(), [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
      });
  if (good) return *name;
  const bool more = text.find_first_of("@/:") != std::string_view::npos;
  return fail(ErrorKind::invalid, "\"" + printable(text, 100) + "\" is no domain name; write " +
                                      (more ? "the domain alone: example.org" : "example.org"));
}

Task<Result<Report>> run(std::string domain, Options options, Services services, Observer* observer) {
  const auto name = mail_domain(domain);
  if (!name) co_return std::unexpected(name.error());
  if (options.now == 0) options.now = wall_now();
  const Deadline deadline = Deadline::at(services.loop.now() + options.deadline);
  dns::Budget budget(lookups_max(options), deadline);
  Context context(options, services.resolver, budget, doors_of(options, services), observer);
  context.target.domain = *name;
  context.report.domain = context.report.unicode = name->text();
  context.report.deep = options.deep;
  context.report.judged = context.report.keys_since = options.now;
  context.report.started = wall_now();
  Etiquette own;
  if (services.etiquette == nullptr) services.etiquette = &own;
  io::Signal over(services.loop);
  io::Scope watcher(services.loop);
  watcher.spawn(watch(over, deadline, budget));
  const bool in_time = co_await all_parts(context, options, services, observer, deadline, over);
  context.report.complete = in_time && !context.nothing_known && !budget.refused();
  over.notify();
  co_await watcher.join();
  if (dns::are_signatures_stripped(*context.mx))
    co_return fail(ErrorKind::network,
                   "the servers that are asked hand over no DNSSEC signatures, so that no answer can "
                   "be told from a forged one: " +
                       context.mx->why);
  context.report.ended = wall_now();
  sort_by_catalogue(context.report);
  co_return std::move(context.report);
}

}  // namespace postern::check
