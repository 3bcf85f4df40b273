#include "cli/web_by_hand.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/web_process.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/process.h"

namespace postern::cli {

namespace {

class ByHand {
 public:
  explicit ByHand(std::shared_ptr<const config::Config> config) : config_(std::move(config)) {}

  Result<void> open() {
    if (config_->web.listen.empty())
      return fail(ErrorKind::invalid,
                  "there is nothing to listen on; write [web] listen = [\"[::1]:8025\", \"127.0.0.1:8025\"] in " +
                      config_->file);
    // A start by hand that cannot succeed ends at once; a certificate that goes bad later does not end the pages
    if (!config_->web.tls.certificates.empty()) {
      POSTERN_TRY(const auto context, io::TlsServerContext::make(config_->web.tls));
    }
    std::vector<UniqueFd> sockets;
    for (const ip::Endpoint& endpoint : config_->web.listen) {
      POSTERN_TRY(UniqueFd fd, io::bind_listener(endpoint, {.backlog = 256, .reuse_port = false, .save_syn = false}));
      sockets.push_back(std::move(fd));
    }
    web_ = std::make_unique<WebProcess>(config_->file, std::move(sockets), config_->web.tls);
    if (io::running_as_root() && !config_->user.empty()) {
      POSTERN_TRY_VOID(io::drop_privileges(config_->user));
    }
    return {};
  }

  void run() {
    const io::SignalWatcher signals(loop_, {SIGTERM, SIGINT, SIGHUP}, [this](int signal) {
      if (signal == SIGHUP)
        reload();
      else
        loop_.stop();
    });
    web_->start();
    io::notify_supervisor("READY=1");
    loop_.run();
    io::notify_supervisor("STOPPING=1");
    web_->stop();
  }

 private:
  void reload() {
    auto config = read_web_config(config_->file);
    if (config == nullptr) return log::error("web_reload_failed", {{"why", "the configuration before stays in force"}});
    if (const std::string problem = problem_of(config::load_policy(config_->file)); !problem.empty())
      return log::error("web_policy_not_read",
                        {{"why", problem}, {"remedy", "the one before stays in force; mend it"}});
    if (config->web.listen != config_->web.listen)
      log::warning("restart_needed", {{"key", "web.listen"}, {"why", "its change takes effect at the next start"}});
    config_ = std::move(config);
    log::set_level(config_->log_level);
    web_->restart(config_->web.tls);
    log::info("web_reloaded");
  }

  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<WebProcess> web_;
  io::Loop loop_;
};

}  // namespace

std::shared_ptr<const config::Config> read_web_config(const std::string& file) {
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

std::string problem_of(const config::LoadedPolicy& policy) {
  if (policy.judge != nullptr) return {};
  return policy.problems.empty() ? "it cannot be read" : policy.problems.front().text();
}

int run_web_by_hand(std::shared_ptr<const config::Config> config) {
  ByHand process(std::move(config));
  if (const auto opened = process.open(); !opened) {
    log::error("web_start_failed", {{"why", opened.error().what}});
    return kNegative;
  }
  process.run();
  return kOk;
}

}  // namespace postern::cli
