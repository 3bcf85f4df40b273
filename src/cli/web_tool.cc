#include "cli/web_tool.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "check/etiquette.h"
#include "check/proof.h"
#include "check/run.h"
#include "cli/check_live.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/record_source.h"
#include "cli/server_parts.h"
#include "cli/web_answers.h"
#include "cli/web_by_hand.h"
#include "cli/web_files.h"
#include "cli/web_keys.h"
#include "config/config.h"
#include "io/listener.h"
#include "io/process.h"
#include "resolver/context.h"
#include "resolver/unbound.h"
#include "srs/rewriter.h"
#include "web/control_client.h"
#include "web/line.h"
#include "web/password.h"
#include "web/sandbox.h"
#include "web/server.h"
#include "web/site.h"

namespace postern::cli {

namespace {

constexpr std::size_t kSpareFiles = 200;  // descriptors beside those of connections
constexpr std::size_t kPoolThreads = 3;   // records, a backtest, the signals; a pool each for these and for checks
constexpr seconds kStopMax{2};
constexpr std::uint32_t kProofLookups = 5;
constexpr seconds kProofWait{10};
constexpr int kFreshLookups = 4;                // at once, each with a resolver of its own
constexpr std::chrono::minutes kRetryAfter{6};  // whom greylisting puts off in a deeper check

std::shared_ptr<const web::Options> options_of(const config::Config& config) {
  auto options = std::make_shared<web::Options>(config.web);
  if (options->hostname.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) options->hostname = lower(name.data());
  }
  return options;
}

// Nothing where there are none: the check says so then.
std::shared_ptr<const signals::Lists> lists_of(const config::Config& config) {
  return config.lists.empty() ? nullptr : make_lists(config);
}

struct Socket {
  UniqueFd fd;
  bool loopback = false;
};

// Those that whoever keeps us handed over.
Result<std::vector<Socket>> listening_sockets() {
  std::vector<Socket> out;
  const char* const given = std::getenv(kWebSockets);
  for (const std::string_view word : split(given != nullptr ? given : "", ',')) {
    const auto number = parse_unsigned(word, 100'000);
    if (!number) continue;
    UniqueFd fd(static_cast<int>(*number));
    if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
      static_cast<void>(fd.release());
      return fail(ErrorKind::invalid, std::string(kWebSockets) + ": " + std::string(word) + " is no open socket");
    }
    POSTERN_TRY(const ip::Endpoint local, io::local_endpoint(fd.get()));
    out.push_back({.fd = std::move(fd), .loopback = local.address.is_loopback()});
  }
  ::unsetenv(kWebSockets);
  return out;
}

// The certificates that were handed over; nothing where the files are ours to read.
Result<std::optional<std::vector<io::TlsCertificate>>> handed_certificates() {
  const char* const given = std::getenv(kWebCertificates);
  if (given == nullptr) return std::nullopt;
  const auto number = parse_unsigned(given, 100'000);
  ::unsetenv(kWebCertificates);
  if (!number) return fail(ErrorKind::invalid, std::string(kWebCertificates) + " is no number");
  const UniqueFd fd(static_cast<int>(*number));
  return unpack_certificates(fd.get());
}

class Process {
 public:
  explicit Process(std::shared_ptr<const config::Config> config)
      : config_(std::move(config)), options_(options_of(*config_)), lists_(lists_of(*config_)) {}

  Result<void> open() {
    io::raise_file_limit(options_->connections + kSpareFiles);
    POSTERN_TRY(sockets_, listening_sockets());
    POSTERN_TRY(handed_, handed_certificates());
    POSTERN_TRY_VOID(read_certificates());
    if (io::running_as_root() && !config_->user.empty()) {
      POSTERN_TRY_VOID(io::drop_privileges(config_->user));
    }
    if (options_->check) {
      // Kept, so that a record that was published in the morning counts after a restart at noon
      if (auto secret = srs::load_secret(config_->data_dir + "/check.secret"))
        proof_secret_ = std::move(*secret);
      else
        log::warning("web_no_proofs", {{"why", secret.error().what}});
    }
    if (!users_.works())
      log::warning("web_no_peer_users", {{"why", "the kernel tells nobody whose a connection is"},
                                         {"remedy", "set user and password in [web]"}});
    if (io::running_as_root()) log::warning("web_as_root", {{"remedy", "set user = \"postern\" in the configuration"}});
    make_web_files(*config_);
    policy_ = std::make_shared<const config::LoadedPolicy>(config::load_policy(config_->file));
    if (const std::string problem = problem_of(*policy_); !problem.empty())
      log::error("web_policy_not_read", {{"why", problem}, {"remedy", "mend it, and send SIGHUP"}});
    POSTERN_TRY(const web::Sandboxed sandboxed, web::enter_sandbox(web_readable_files(*config_)));
    if (sandboxed == web::Sandboxed::no_kernel)
      log::warning("web_not_sandboxed", {{"why", "this kernel has no Landlock, or it is switched off"}});
    return {};
  }

  void run() {
    pool_ = std::make_unique<io::BlockingPool>(kPoolThreads);
    check_pool_ = std::make_unique<io::BlockingPool>(kPoolThreads);
    if (auto unbound = resolver::Unbound::open(config_->dns); unbound) {
      resolver_ = std::make_unique<resolver::CachedResolver>(*unbound, loop_);
    } else {
      log::warning("web_no_resolver", {{"why", unbound.error().what}});
    }
    site_ = std::make_unique<web::Site>(options_, services());
    server_ =
        std::make_unique<web::Server>(loop_, *site_, web::ServerLimits{.connections = options_->connections}, &users_);
    signals_ = std::make_unique<io::SignalWatcher>(loop_, std::vector<int>{SIGTERM, SIGINT, SIGHUP},
                                                   [this](int signal) { on_signal(signal); });
    loop_.post([this] { start(); });
    loop_.run();
    // A check or a walk over the records may still be under way; nothing here is worth waiting for
    std::fflush(stderr);
    ::_exit(kOk);
  }

 private:
  Result<void> read_certificates() {
    io::TlsServerOptions options = options_->tls;
    if (handed_) options.certificates = *handed_;  // renewed ones come with the next process
    if (options.certificates.empty()) return {};
    POSTERN_TRY(tls_, io::TlsServerContext::make(options));
    return {};
  }

  void start() {
    std::string addresses;
    for (Socket& socket : sockets_) {
      // Not those of the configuration, whose change waits for a restart of the server
      if (const auto local = io::local_endpoint(socket.fd.get()); local)
        addresses += (addresses.empty() ? "" : " ") + local->text();
      web::Server::Tls tls;
      if (!socket.loopback) tls = [this] { return tls_; };
      server_->listen(std::move(socket.fd), std::move(tls));
    }
    tasks_.spawn(site_->follow());
    log::info("web_ready", {{"listening", addresses}});
    io::notify_supervisor("READY=1");
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) return;  // a terminal that goes away tells us, too; whoever keeps us knows what to do
    if (std::exchange(ending_, true)) return;
    site_->stop();
    tasks_.spawn(end());
    tasks_.spawn(give_up());
  }

  Task<void> end() {
    co_await server_->stop();
    loop_.stop();
  }
  Task<void> give_up() {
    co_await io::sleep_until(loop_, Deadline::after(kStopMax));
    loop_.stop();
  }

  web::Services services() {
    web::Services out{.loop = loop_, .pool = *pool_};
    out.control = [this](json::Value request) {
      return web::ask_server(loop_, options_->control_socket, std::move(request));
    };
    const auto answers = [policy = policy_, records = config_->records.directory] {
      return WebAnswers(policy, records);
    };
    out.explain = [answers](const std::string& id) { return answers().explain(id); };
    out.signals = [answers](WallMs since, const std::atomic<bool>& stop) { return answers().signals(since, stop); };
    out.backtest = [answers](const std::string& policy, WallMs since, const std::atomic<bool>& stop) {
      return answers().backtest(policy, since, stop);
    };
    if (resolver_ != nullptr) {
      out.checker = [this](std::string domain, web::Depth depth, check::Observer* observer) {
        check::Options options;
        options.deep = depth != web::Depth::polite;
        options.only_own_hosts = depth == web::Depth::own_hosts;
        options.helo = options_->hostname;
        options.ca_file = config_->outbound_tls.ca_file;
        options.now = wall_now();
        options.validates = resolver::has_anchor(config_->dns);
        if (options.deep) {
          options.retry_after = kRetryAfter;
          // Lists answer so many questions a day to who uses them: the operator's, and those of a domain's owner
          options.lists = lists_;
        }
        const std::string write_to = config_->domains.empty() ? "" : "postmaster@" + config_->domains.front().name;
        return run_with_records(
            std::move(domain), std::move(options),
            check::Services{.loop = loop_, .pool = *check_pool_, .resolver = *resolver_, .etiquette = &etiquette_},
            observer, config_->records.directory, write_to);
      };
      if (proof_secret_.size() >= check::kProofSecretMin) {
        out.proofs.record = [this](const std::string& domain, const std::string& ticket,
                                   WallMs now) -> Result<check::ProofRecord> {
          const auto name = dns::Name::parse(domain);
          if (!name) return fail(ErrorKind::invalid, "no domain name");
          return check::make_proof(proof_secret_, *name, ticket, now + check::kProofLifetimeMs);
        };
        out.proofs.verify = [this](std::string domain, std::string ticket, WallMs now) {
          return verify(std::move(domain), std::move(ticket), now);
        };
      }
    }
    return out;
  }

  // Who has looked before the record was there must not wait until that is forgotten here: what is missing is asked for
  // once more, past what this process remembers.
  Task<check::ProofAnswer> verify(std::string domain, std::string ticket, WallMs now) {
    const auto name = dns::Name::parse(domain);
    if (!name) co_return check::ProofAnswer{};
    dns::Budget budget(kProofLookups, Deadline::after(kProofWait));
    const auto answer = co_await check::verify_proof(proof_secret_, *name, ticket, now, *resolver_, budget);
    if (answer.state != check::Proof::missing || fresh_lookups_ >= kFreshLookups) co_return answer;
    const auto unbound = resolver::Unbound::open(config_->dns);
    if (!unbound) co_return answer;
    const web::Counted under_way(fresh_lookups_);
    resolver::CachedResolver fresh(*unbound, loop_);
    dns::Budget again(kProofLookups, Deadline::after(kProofWait));
    co_return co_await check::verify_proof(proof_secret_, *name, ticket, now, fresh, again);
  }

  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const web::Options> options_;
  std::shared_ptr<const config::LoadedPolicy> policy_;
  std::string proof_secret_;  // empty: visitors get no deeper checks
  int fresh_lookups_ = 0;
  std::vector<Socket> sockets_;
  std::optional<std::vector<io::TlsCertificate>> handed_;
  std::shared_ptr<io::TlsServerContext> tls_;
  io::Loop loop_;
  std::unique_ptr<io::BlockingPool> pool_;
  std::unique_ptr<io::BlockingPool> check_pool_;  // what hosts of strangers hold up keeps nobody from logging in
  io::Scope tasks_{loop_};
  std::unique_ptr<resolver::CachedResolver> resolver_;
  check::Etiquette etiquette_;  // of all checks
  std::shared_ptr<const signals::Lists> lists_;
  std::unique_ptr<web::Site> site_;
  web::PeerUsers users_;  // made before the sandbox
  std::unique_ptr<web::Server> server_;
  std::unique_ptr<io::SignalWatcher> signals_;
  bool ending_ = false;
};

// One line; typed on a terminal it is not shown.
std::string read_secret() {
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  termios before{};
  if (terminal) {
    std::fputs("password: ", stderr);
    ::tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  for (int c = 0; line.size() <= web::kPasswordMax && (c = std::getchar()) != EOF && c != '\n';)
    line += static_cast<char>(c);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputc('\n', stderr);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

int run_web(const WebOptions& options) {
  const bool by_hand = std::getenv(kWebSockets) == nullptr;
  // Whoever started us ends us with him
  if (!by_hand) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const char* const parent = std::getenv(kWebParent);
    if (parent == nullptr || std::to_string(::getppid()) != parent) return kNegative;  // it has gone already
  }
  const auto config = read_web_config(options.config);
  if (config == nullptr) return kNegative;
  log::set_level(config->log_level);
  if (by_hand) return run_web_by_hand(config);
  Process process(config);
  if (const auto opened = process.open(); !opened) {
    log::error("web_start_failed", {{"why", opened.error().what}});
    return kNegative;
  }
  process.run();
  return kOk;
}

int run_web_password(const WebPasswordOptions& options) {
  if (options.token) {
    const std::string token = web::make_token();
    print("# Authorization: Bearer " + token + "\ntoken = \"" + web::token_verifier(token) + "\"\n");
    return kOk;
  }
  const std::string password = read_secret();
  if (password.size() < 8 || password.size() > web::kPasswordMax) {
    complain("a password of the operator has at least 8 characters, and at most " + std::to_string(web::kPasswordMax));
    return kUsage;
  }
  print("user = \"" + options.user + "\"\npassword = \"" + web::password_verifier(password) + "\"\n");
  return kOk;
}

}  // namespace postern::cli
