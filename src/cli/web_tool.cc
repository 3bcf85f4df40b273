#include "cli/web_tool.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include "cli/web_keys.h"
#include "config/config.h"
#include "io/listener.h"
#include "io/process.h"
#include "resolver/context.h"
#include "resolver/unbound.h"
#include "srs/rewriter.h"
#include "web/control_client.h"
#include "web/password.h"
#include "web/sandbox.h"
#include "web/server.h"
#include "web/site.h"

namespace postern::cli {

namespace {

constexpr std::size_t kSpareFiles = 200;  // descriptors beside those of connections
constexpr std::size_t kPoolThreads = 3;   // records, passwords, a backtest
constexpr seconds kStopMax{2};
constexpr std::uint32_t kProofLookups = 5;
constexpr seconds kProofWait{10};
constexpr int kFreshLookups = 4;                // at once, each with a resolver of its own
constexpr std::chrono::minutes kRetryAfter{6};  // whom greylisting puts off in a deeper check

// The configuration without the files that it names: this process has no keys and no passwords of others.
std::shared_ptr<const config::Config> read_config(const std::string& file) {
  std::FILE* const in = std::fopen(file.c_str(), "rbe");
  if (in == nullptr) {
    complain(fail_errno(ErrorKind::not_found, file + ": cannot be opened", errno).error().what);
    return nullptr;
  }
  std::string text;
  std::array<char, 65536> block;
  for (std::size_t got = 0;
       text.size() <= config::kFileMax && (got = std::fread(block.data(), 1, block.size(), in)) > 0;)
    text.append(block.data(), got);
  std::fclose(in);
  const config::Loaded loaded = config::parse(text, file);
  for (const config::Problem& problem : loaded.problems) complain(problem.text());
  return loaded.config;
}

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

// Those that `postern serve` handed over, else our own.
Result<std::vector<Socket>> listening_sockets(const web::Options& options) {
  std::vector<Socket> out;
  if (const char* const given = std::getenv(kWebSockets); given != nullptr) {
    for (const std::string_view word : split(given, ',')) {
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
  for (const ip::Endpoint& endpoint : options.listen) {
    POSTERN_TRY(UniqueFd fd, io::bind_listener(endpoint, {.backlog = 256, .reuse_port = false, .save_syn = false}));
    out.push_back({.fd = std::move(fd), .loopback = endpoint.address.is_loopback()});
  }
  return out;
}

// The certificates that `postern serve` handed over; nothing where the files are ours to read.
Result<std::optional<std::vector<io::TlsCertificate>>> handed_certificates() {
  const char* const given = std::getenv(kWebCertificates);
  if (given == nullptr) return std::nullopt;
  const auto number = parse_unsigned(given, 100'000);
  ::unsetenv(kWebCertificates);
  if (!number) return fail(ErrorKind::invalid, std::string(kWebCertificates) + " is no number");
  const UniqueFd fd(static_cast<int>(*number));
  return unpack_certificates(fd.get());
}

// What may be read from now on: see docs/web.md.
std::vector<std::string> readable_files(const config::Config& config, bool by_hand) {
  std::vector<std::string> out{config.file,
                               config.records.directory,
                               config.data_dir + "/aggregates",
                               config.data_dir + "/marks.jsonl",
                               config.evidence_file,
                               config.dns.trust_anchor_file,
                               config.outbound_tls.ca_file,
                               "/etc/resolv.conf",
                               "/etc/hosts",
                               "/etc/nsswitch.conf",
                               "/etc/ssl/certs",
                               "/etc/ssl/openssl.cnf",
                               "/usr/lib/ssl",
                               "/usr/share/ca-certificates",
                               "/usr/share/dns",
                               "/usr/share/publicsuffix",
                               "/usr/lib",
                               "/lib",
                               "/dev/urandom",
                               "/dev/null"};
  // Run by hand it reads them anew itself, also where they were replaced by rename(2): a rule is about the file that
  // was there. Under `postern serve` another process is started for that.
  if (by_hand) {
    const auto add_folder = [&out](const std::string& file) {
      const std::size_t slash = file.rfind('/');
      out.push_back(slash == std::string::npos ? "." : slash == 0 ? file : file.substr(0, slash));
    };
    add_folder(config.file);
    for (const io::TlsCertificate& certificate : config.web.tls.certificates) {
      add_folder(certificate.certificate);
      add_folder(certificate.key);
    }
  }
  std::erase(out, "");
  return out;
}

// What the mail server would make later: a rule of the sandbox is about what is there when it is entered.
void make_what_is_read(const config::Config& config) {
  const std::string folder = config.data_dir + "/aggregates";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    log::warning("web_folder_not_made", {{"folder", folder}, {"why", std::strerror(errno)}});
  const std::string marks = config.data_dir + "/marks.jsonl";
  const UniqueFd fd(::open(marks.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) log::warning("web_file_not_made", {{"file", marks}, {"why", std::strerror(errno)}});
}

class Process {
 public:
  explicit Process(std::shared_ptr<const config::Config> config)
      : config_(std::move(config)), options_(options_of(*config_)), lists_(lists_of(*config_)) {}

  Result<void> open() {
    io::raise_file_limit(options_->connections + kSpareFiles);
    is_served_ = std::getenv(kWebSockets) != nullptr;
    POSTERN_TRY(sockets_, listening_sockets(*options_));
    if (sockets_.empty())
      return fail(ErrorKind::invalid,
                  "there is nothing to listen on; write [web] listen = [\"[::1]:8025\", "
                  "\"127.0.0.1:8025\"] in " +
                      config_->file);
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
    make_what_is_read(*config_);
    policy_ = std::make_shared<const config::LoadedPolicy>(config::load_policy(config_->file));
    POSTERN_TRY(const web::Sandboxed sandboxed, web::enter_sandbox(readable_files(*config_, !is_served_)));
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
    if (signal == SIGHUP) return reload();
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

  void reload() {
    const auto config = read_config(config_->file);
    if (config == nullptr) return log::error("web_reload_failed", {{"why", "the configuration before stays in force"}});
    config_ = config;
    policy_ = std::make_shared<const config::LoadedPolicy>(config::load_policy(config_->file));
    lists_ = lists_of(*config);
    auto options = options_of(*config);
    options_ = options;
    if (const auto done = read_certificates(); !done)
      log::error("web_certificate_not_read", {{"why", done.error().what}});
    site_->reload(std::move(options));
    log::info("web_reloaded");
  }

  web::Services services() {
    web::Services out{.loop = loop_, .pool = *pool_};
    out.control = [this](json::Value request) {
      return web::ask_server(loop_, options_->control_socket, std::move(request));
    };
    // Called on the pool, while the loop may put another policy in its place
    const auto answers = [this, records = config_->records.directory] { return WebAnswers(policy_.load(), records); };
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
          // Lists answer so many questions a day to who uses them: no visitor's
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
    auto answer = co_await check::verify_proof(proof_secret_, *name, ticket, now, *resolver_, budget);
    if (answer.state == check::Proof::proved || fresh_lookups_ >= kFreshLookups) co_return answer;
    const auto unbound = resolver::Unbound::open(config_->dns);
    if (!unbound) co_return answer;
    ++fresh_lookups_;
    resolver::CachedResolver fresh(*unbound, loop_);
    dns::Budget again(kProofLookups, Deadline::after(kProofWait));
    answer = co_await check::verify_proof(proof_secret_, *name, ticket, now, fresh, again);
    --fresh_lookups_;
    co_return answer;
  }

  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const web::Options> options_;
  std::atomic<std::shared_ptr<const config::LoadedPolicy>> policy_;
  bool is_served_ = false;    // by `postern serve`
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
  // Whoever started us ends us with him
  if (std::getenv(kWebSockets) != nullptr) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const char* const parent = std::getenv(kWebParent);
    if (parent == nullptr || std::to_string(::getppid()) != parent) return kNegative;  // it has gone already
  }
  const auto config = read_config(options.config);
  if (config == nullptr) return kNegative;
  log::set_level(config->log_level);
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
