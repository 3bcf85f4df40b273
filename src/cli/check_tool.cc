// `postern check DOMAIN`.
#include "cli/check_tool.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "check/catalogue.h"
#include "check/etiquette.h"
#include "check/run.h"
#include "cli/check_live.h"
#include "cli/check_self.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "config/config.h"
#include "dns/name.h"
#include "io/loop.h"
#include "resolver/context.h"
#include "resolver/unbound.h"
#include "signals/lists.h"

namespace postern::cli {

namespace {

constexpr std::size_t kWatchMax = std::size_t{16} << 20;
constexpr std::size_t kPoolThreads = 4;

// One line on standard error that shows how far the run is, where that is a terminal.
class ProgressLine final : public check::Observer {
 public:
  explicit ProgressLine(std::string domain) : domain_(std::move(domain)), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() override {
    if (drawn_) std::fputs("\r\x1b[K", stderr);
  }
  void progress(std::size_t done, std::size_t total, std::string_view what) override {
    if (!terminal_) return;
    const std::string line = "\r\x1b[K" + domain_ + "  " + std::to_string(done) + " of " + std::to_string(total) +
                             "  " + printable(what, 60);
    std::fputs(line.c_str(), stderr);
    drawn_ = true;
  }
  void found(const check::Finding&) override {}

 private:
  std::string domain_;
  bool terminal_;
  bool drawn_ = false;
};

Result<check::Options> options_of(const CheckToolOptions& given, const config::Config* config) {
  check::Options out;
  out.deep = given.deep;
  out.lookalikes = given.lookalikes;
  for (const std::string& selector : given.selectors) {
    if (!is_key_name(selector, "example"))
      return fail(ErrorKind::invalid,
                  "--selector: \"" + printable(selector) + "\" is no selector; it is the s= of a DKIM signature");
  }
  out.selectors = given.selectors;
  out.smtp_port = given.port;
  out.https_port = given.https_port;
  out.dns_port = given.dns_port;
  out.allow_private = given.allow_private;
  out.ask_name_servers = !given.no_name_servers;
  out.ca_file = given.ca_file;
  out.now = given.now ? *given.now * 1000 : wall_now();
  out.helo = given.helo;
  if (out.helo.empty() && config != nullptr) out.helo = config->hostname;
  if (out.helo.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) out.helo = name.data();
  }
  if (config != nullptr && !config->lists.empty()) {
    POSTERN_TRY(signals::Lists lists, signals::Lists::compile(config->lists));
    out.lists = std::make_shared<const signals::Lists>(std::move(lists));
  }
  const auto timeout = parse_duration_ms(given.timeout);
  if (!timeout || *timeout <= 0) {
    return fail(ErrorKind::invalid,
                "--timeout: \"" + printable(given.timeout) + "\" is not a duration; write \"30s\" or \"2m\"");
  }
  out.deadline = milliseconds(*timeout);
  if (given.retry_greylisted) {
    const auto after = parse_duration_ms(given.retry_after);
    if (!after || *after <= 0) {
      return fail(ErrorKind::invalid,
                  "--retry-after: \"" + printable(given.retry_after) + "\" is not a duration; write \"6m\"");
    }
    out.retry_after = milliseconds(*after);
  }
  return out;
}

Result<resolver::Options> resolver_of(const CheckToolOptions& given, const config::Config* config) {
  resolver::Options out;
  if (config != nullptr) out = config->dns;
  if (!given.dns.empty()) {
    auto server = ip::Endpoint::parse(given.dns);
    if (!server) return fail(ErrorKind::invalid, "--dns: " + server.error().what);
    out.servers = {*server};
    out.recurse = false;
  }
  return out;
}

struct Outcomes {
  Result<check::Report> report = fail(ErrorKind::cancelled, "not run");
};

Task<void> run_one(std::string domain, check::Options options, check::Services services, check::Observer* observer,
                   const SelfFacts* self, Outcomes& out) {
  out.report = co_await check::run(std::move(domain), options, services, observer);
  if (out.report && self != nullptr) co_await judge_self(*self, options, services.resolver, *out.report);
  services.loop.stop();
}

Result<check::Report> check_domain(const CheckToolOptions& given, const std::string& domain,
                                   const config::Config* config, const SelfFacts* self, check::Etiquette& etiquette,
                                   bool validate = true) {
  POSTERN_TRY(check::Options options, options_of(given, config));
  POSTERN_TRY(resolver::Options resolver_options, resolver_of(given, config));
  resolver_options.dnssec &= validate;
  options.validates = resolver::has_anchor(resolver_options);
  POSTERN_TRY(std::shared_ptr<resolver::Unbound> unbound, resolver::Unbound::open(resolver_options));
  io::Loop loop;
  io::BlockingPool pool(kPoolThreads);
  resolver::CachedResolver resolver(std::move(unbound), loop);
  Outcomes out;
  ProgressLine progress(printable(domain));
  check::Observer* const observer = given.json || given.nagios || given.prometheus ? nullptr : &progress;
  io::Scope scope(loop);
  loop.post([&] {
    scope.spawn(run_one(domain, options, check::Services{loop, pool, resolver, &etiquette}, observer, self, out));
  });
  loop.run();
  if (!out.report && out.report.error().kind == ErrorKind::network && options.validates) {
    complain(out.report.error().what + "; what follows is not validated");
    return check_domain(given, domain, config, self, etiquette, false);
  }
  if (out.report && config != nullptr) {
    const std::string write_to = config->domains.empty() ? "" : "postmaster@" + config->domains.front().name;
    judge_live(
        *out.report,
        read_live_mail(config->records.directory, out.report->domain, wall_now(), Deadline::after(options.deadline)),
        write_to);
  }
  return std::move(out.report);
}

std::string json_text(const check::Report& report) {
  std::string out;
  json::Writer writer(out);
  append_json(report, writer);
  return out + "\n";
}

// Nagios shows its operator what stands on standard output.
void refuse(const CheckToolOptions& given, const std::string& why) {
  if (given.nagios)
    print(nagios_unknown(why));
  else
    complain(why);
}

// What a symbolic link names, there or not: it stays a link.
std::string behind_links(const std::string& path) {
  std::filesystem::path out = path;
  std::error_code none;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(out, none); ++links)
    out = out.parent_path() / std::filesystem::read_symlink(out, none);
  return out.string();
}

// The exit code by change; nullopt: there was no run before.
Result<std::optional<int>> watched(const CheckToolOptions& given, check::Report& report) {
  std::optional<int> code;
  const auto before = read_file(given.watch, kWatchMax);
  if (!before && before.error().kind != ErrorKind::not_found) return std::unexpected(before.error());
  std::optional<check::Report> last;
  if (before) {
    const auto parsed = json::parse(*before);
    auto read = parsed ? check::parse_report(*parsed) : Result<check::Report>(std::unexpected(parsed.error()));
    if (!read)
      return fail(ErrorKind::invalid, given.watch + ": " + read.error().what + "; remove the file to begin anew");
    last = *std::move(read);
    if (last->domain != report.domain) {
      return fail(ErrorKind::invalid,
                  given.watch + ": is of " + printable(last->domain) + "; each domain has a file of its own");
    }
    check::judge_history(*last, report);
    const auto changes = check::compare(*last, report);
    if (!given.json && !given.nagios && !given.prometheus) print(changes_text(changes, colour_wanted()));
    const bool worse = std::ranges::any_of(
        changes, [](const check::Change& change) { return change.kind == check::Change::Kind::worse; });
    code = worse ? kNegative : kOk;
  }
  // A run that was broken off is no measure for the next one.
  if (report.complete) {
    check::Report kept = report;
    if (last) check::keep_tested(*last, kept);
    POSTERN_TRY_VOID(replace_file(behind_links(given.watch), json_text(kept)));
  }
  return code;
}

int show(const CheckToolOptions& given, check::Report report, std::vector<check::Report>& measured) {
  std::optional<int> by_change;
  if (!given.watch.empty()) {
    const auto changed = watched(given, report);
    if (!changed) {
      refuse(given, changed.error().what);
      return given.nagios ? kNagiosUnknown : changed.error().kind == ErrorKind::invalid ? kUsage : kNegative;
    }
    by_change = *changed;
  }
  if (given.prometheus) {
    measured.push_back(std::move(report));
    return kOk;
  }
  if (given.nagios) {
    print(nagios_line(report));
    return nagios_code(report);
  }
  if (given.json) {
    print(json_text(report));
  } else if (!by_change) {
    print(report_text(report, given.verbose, colour_wanted(), terminal_width().value_or(0)));
  }
  if (by_change) return *by_change;
  return check::worst(report) == check::Outcome::fail ? kNegative : kOk;
}

}  // namespace

int run_check(const CheckToolOptions& given) {
  if (given.list) {
    print(check::catalogue_markdown());
    return kOk;
  }
  const int unusable = given.nagios ? kNagiosUnknown : kUsage;
  std::shared_ptr<const config::Config> config;
  if (!given.config.empty()) {
    auto loaded = config::load_or_explain(given.config);
    if (!loaded) {
      refuse(given, loaded.error().what);
      return unusable;
    }
    config = *std::move(loaded);
  }
  std::vector<std::string> domains = given.domains;
  std::optional<SelfFacts> self;
  if (given.self) {
    self = self_facts(*config);
    if (domains.empty()) domains = self->domains;
  }
  if (domains.empty()) {
    refuse(given, "check needs a domain; --help tells more");
    return unusable;
  }
  if (domains.size() > 1 && !given.watch.empty()) {
    refuse(given, "--watch keeps one domain; give each its own file");
    return unusable;
  }
  int code = kOk;
  check::Etiquette etiquette;
  std::vector<check::Report> measured;
  for (const std::string& domain : domains) {
    auto report = check_domain(given, domain, config.get(), self ? &*self : nullptr, etiquette);
    if (!report) {
      refuse(given, report.error().what);
      code = std::max(code, given.nagios                                ? kNagiosUnknown
                            : report.error().kind == ErrorKind::invalid ? kUsage
                                                                        : kNegative);
      continue;
    }
    code = std::max(code, show(given, *std::move(report), measured));
  }
  if (!measured.empty()) print(prometheus_text(measured));
  return code;
}

}  // namespace postern::cli
