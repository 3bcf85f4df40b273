#include "cli/web_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "base/time.h"
#include "cli/web_keys.h"
#include "cli/web_tool.h"

extern "C" char** environ;  // POSIX; no header declares it everywhere

namespace postern::cli {

namespace {

constexpr seconds kFirstWait{1};
constexpr seconds kLongestWait{60};
constexpr seconds kGoodRun{60};  // whoever ran that long begins with the first wait again
constexpr seconds kStopMax{5};

}  // namespace

struct WebProcess::Impl {
  std::string file;
  std::vector<UniqueFd> sockets;
  UniqueFd certificates;  // under the mutex; none: the process reads them itself
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  pid_t child = -1;  // all below under the mutex
  bool stopping = false, again = false, ended = false;

  // The environment with the sockets' numbers, and without what is the server's own.
  [[nodiscard]] std::vector<std::string> environment() const {
    std::vector<std::string> out;
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view entry(*at);
      if (entry.starts_with("NOTIFY_SOCKET=") || entry.starts_with("LISTEN_") || entry.starts_with("WATCHDOG_") ||
          entry.starts_with(kWebSockets) || entry.starts_with(kWebParent) || entry.starts_with(kWebCertificates))
        continue;
      out.emplace_back(entry);
    }
    std::string numbers = std::string(kWebSockets) + "=";
    for (const UniqueFd& fd : sockets) numbers += (numbers.ends_with('=') ? "" : ",") + std::to_string(fd.get());
    out.push_back(std::move(numbers));
    if (certificates.valid()) out.push_back(std::string(kWebCertificates) + "=" + std::to_string(certificates.get()));
    out.push_back(std::string(kWebParent) + "=" + std::to_string(::getpid()));
    return out;
  }

  pid_t spawn() {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Onto itself: close-on-exec is taken off in the child alone
    for (const UniqueFd& fd : sockets) ::posix_spawn_file_actions_adddup2(&actions, fd.get(), fd.get());
    if (certificates.valid()) ::posix_spawn_file_actions_adddup2(&actions, certificates.get(), certificates.get());
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::vector<std::string> variables = environment();
    std::vector<char*> environment_pointers;
    for (std::string& variable : variables) environment_pointers.push_back(variable.data());
    environment_pointers.push_back(nullptr);
    std::vector<std::string> words{"postern", "web", "--config", file};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = -1;
    // Of this program, also where its file was replaced by a newer one
    const int error =
        ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments.data(), environment_pointers.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error == 0) return pid;
    log::error("web_not_started", {{"why", std::strerror(error)}});
    return -1;
  }

  void run() {
    auto wait = kFirstWait;
    while (true) {
      const auto began = Clock::now();
      {
        const std::lock_guard lock(mutex);
        if (stopping) break;
        child = spawn();
      }
      // Not reaped yet, so that nobody else can have its number while somebody signals it
      siginfo_t info{};
      if (child > 0)
        while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
        }
      std::unique_lock lock(mutex);
      int status = 0;
      if (child > 0) ::waitpid(child, &status, 0);
      child = -1;
      if (stopping) break;
      if (again) {
        again = false;
        continue;
      }
      if (Clock::now() - began > kGoodRun) wait = kFirstWait;
      log::error("web_ended", {{"status", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)},
                               {"again_in_s", wait.count()}});
      changed.wait_for(lock, wait, [this] { return stopping || again; });
      again = false;
      wait = std::min(wait * 2, kLongestWait);
    }
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
  }
};

WebProcess::WebProcess(std::string config_file, std::vector<UniqueFd> sockets, const io::TlsServerOptions& tls)
    : impl_(std::make_unique<Impl>()) {
  impl_->file = std::move(config_file);
  impl_->sockets = std::move(sockets);
  read_certificates(tls);
}
WebProcess::~WebProcess() { stop(); }

void WebProcess::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void WebProcess::read_certificates(const io::TlsServerOptions& tls) {
  if (tls.certificates.empty()) {  // those of an earlier configuration are none of this one
    const std::lock_guard lock(impl_->mutex);
    impl_->certificates = {};
    return;
  }
  auto packed = pack_certificates(tls);
  if (!packed) {
    log::error("web_certificate_not_read",
               {{"why", packed.error().what}, {"remedy", "let the service's user read it, or restart"}});
    return;
  }
  const std::lock_guard lock(impl_->mutex);
  impl_->certificates = std::move(*packed);
}

void WebProcess::restart(const io::TlsServerOptions& tls) {
  read_certificates(tls);
  const std::lock_guard lock(impl_->mutex);
  impl_->again = true;
  if (impl_->child > 0) ::kill(impl_->child, SIGTERM);
  impl_->changed.notify_all();
}

void WebProcess::stop() {
  if (!impl_->thread.joinable()) return;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->stopping = true;
    if (impl_->child > 0) ::kill(impl_->child, SIGTERM);
    impl_->changed.notify_all();
    const bool over = impl_->changed.wait_for(lock, kStopMax, [this] { return impl_->ended; });
    if (!over && impl_->child > 0) ::kill(impl_->child, SIGKILL);
  }
  impl_->thread.join();
}

}  // namespace postern::cli
