#include "cli/server_process.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "access/operator_file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "bounds/prefix_budgets.h"
#include "cli/data_directory.h"
#include "cli/limit_notices.h"
#include "cli/live_metrics.h"
#include "cli/recovery_progress.h"
#include "cli/sending.h"
#include "cli/server_parts.h"
#include "cli/web_process.h"
#include "control/access_commands.h"
#include "control/control.h"
#include "control/family_commands.h"
#include "control/metrics_commands.h"
#include "control/record_commands.h"
#include "control/tls_commands.h"
#include "control/user_commands.h"
#include "delivery/queue.h"
#include "inbound/login.h"
#include "inbound/pickup.h"
#include "inbound/server.h"
#include "insight/aggregates.h"
#include "insight/marks.h"
#include "io/listener.h"
#include "io/process.h"
#include "outbound/dmarc_reports.h"
#include "outbound/published_tls.h"
#include "outbound/report_sender.h"
#include "record/writer.h"
#include "resolver/unbound.h"
#include "sasl/user_file.h"
#include "spool/journal_store.h"

namespace postern::cli {

namespace {

constexpr seconds kDrain{30};              // what transactions and deliveries may still take after SIGTERM
constexpr seconds kWatchInterval{2};       // how soon a changed mailbox file is noticed
constexpr seconds kDataWatchInterval{30};  // country files are megabytes that change once a week
constexpr seconds kHouseInterval{3600};
constexpr std::size_t kSpareFiles = 1000;  // descriptors beside the sessions': journal, deliveries, records

// Looks whether another server has the spool, before our sockets (SO_REUSEPORT) take connections from it.
Result<void> check_not_running(const config::Config& config) {
  const UniqueFd lock(::open((config.spool.directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!lock.valid()) return {};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(ErrorKind::refused, "the data directory " + config.data_dir +
                                        " is in use by another postern; stop it or choose another data_dir");
  }
  return {};
}

}  // namespace

struct ServerProcess::Impl {
  explicit Impl(std::shared_ptr<const config::Config> loaded)
      : config(std::move(loaded)), pool(4), tasks(loop), closing(loop), stopping(loop), house_stopping(loop) {}

  std::shared_ptr<const config::Config> config;
  io::Loop loop;  // signals, control socket, queue
  io::BlockingPool pool;
  io::Scope tasks;            // reloads and the watcher
  io::Scope closing;          // the shutdown, which waits for them
  io::Signal stopping;        // wakes the watcher at shutdown
  io::Signal house_stopping;  // and the housekeeper
  std::shared_ptr<io::TlsServerContext> tls;
  std::shared_ptr<const directory::Directory> directory;
  std::unique_ptr<spool::Store> store;
  std::unique_ptr<record::Writer> records;
  std::shared_ptr<resolver::Unbound> unbound;
  std::unique_ptr<resolver::CachedResolver> resolver;  // of this loop: for mail that goes out
  std::unique_ptr<outbound::PublishedTls> outbound_tls;
  std::unique_ptr<outbound::TlsReportSender> tls_reports;      // where [reports] tls is on
  std::unique_ptr<outbound::DmarcReportSender> dmarc_reports;  // where [reports] dmarc is on
  std::unique_ptr<inbound::Defence> defence;
  std::unique_ptr<access::OperatorFile> operator_file;
  std::unique_ptr<sasl::UserFile> user_file;
  std::unique_ptr<inbound::Logins> logins;
  std::unique_ptr<inbound::SinkholeStore> sinkhole;
  std::string srs_secret;
  std::shared_ptr<const srs::Rewriter> srs;
  std::unique_ptr<inbound::Pickup> pickup;
  std::shared_ptr<const inbound::Settings> pickup_settings;
  std::unique_ptr<inbound::Server> server;
  std::unique_ptr<Sending> sending;
  std::unique_ptr<delivery::Queue> queue;
  std::unique_ptr<LimitNotices> limit_notices;
  std::unique_ptr<control::Server> control;
  std::unique_ptr<LiveMetrics> live_metrics;  // of the store and the resolver
  std::unique_ptr<WebProcess> web;            // where [web] listens
  std::unique_ptr<io::SignalWatcher> signals;
  bool ending = false;
  std::atomic<bool> house_ends{false};  // looked at on the pool
  bool reloading = false;
  bool reload_again = false;

  // Also where nothing is rewritten any more: what was, comes back.
  std::shared_ptr<const srs::Rewriter> make_rewriter() const {
    if (config->srs_domain.empty()) return nullptr;
    return std::make_shared<const srs::Rewriter>(srs_secret, config->srs_domain);
  }

  std::shared_ptr<const inbound::Runtime> make_runtime() const {
    inbound::Settings settings = config->inbound;
    settings.srs = srs;
    settings.hostname = config->hostname;
    settings.tls = tls;
    settings.directory = directory;
    settings.policy = make_policy(*config);
    settings.lists = make_lists(*config);
    return inbound::make_runtime(std::move(settings));
  }

  // The queue's loop is ours; the keys are looked up there, and used on the pool.
  delivery::QueueServices queue_services() {
    delivery::QueueServices services;
    services.signer = [this]() -> std::function<std::string(std::string_view)> {
      if (config->inbound.signing == nullptr) return {};
      return [keys = config->inbound.signing](std::string_view message) {
        auto fields = mailauth::sign_message(*keys, message, wall_now());
        if (fields) return std::move(*fields);
        log::warning("not_signed", {{"why", fields.error().what}});
        return std::string();
      };
    };
    services.rewriter = [this] { return config->srs ? srs : nullptr; };
    // Whoever one of ours has written to is expected to answer. Not what an alias passes on: that is others' mail
    services.taken_elsewhere = [this](const spool::Envelope& envelope, const spool::Recipient& recipient) {
      if (envelope.origin == spool::Origin::stranger || envelope.origin == spool::Origin::own) return;
      if (envelope.reverse_path.empty()) return;
      defence->wrote_to(recipient.forward_path, envelope.reverse_path, wall_now());
    };
    return services;
  }

  std::shared_ptr<const inbound::Settings> make_pickup_settings() const {
    auto settings = std::make_shared<inbound::Settings>(config->inbound);
    settings->hostname = config->hostname;
    settings->directory = directory;
    return settings;
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      request_reload();
    } else if (!ending) {
      ending = true;
      log::info("stopping", {{"signal", signal}});
      io::notify_supervisor("STOPPING=1");
      closing.spawn(shut_down());
    }
  }

  void request_reload() {
    if (ending) return;
    if (reloading) {
      reload_again = true;
      return;
    }
    reloading = true;
    tasks.spawn(reload());
  }

  Task<void> reload() {
    do {
      reload_again = false;
      const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
      io::notify_supervisor("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now));
      const std::string file = config->file;
      std::move_only_function<config::Loaded()> work = [file] { return config::load(file); };
      const config::Loaded loaded = co_await pool.run<config::Loaded>(std::move(work));
      adopt(loaded);
      io::notify_supervisor("READY=1");
    } while (reload_again && !ending);
    reloading = false;
  }

  void adopt(const config::Loaded& loaded) {
    if (!loaded.config) {
      for (const config::Problem& problem : loaded.problems) log::error("reload_failed", {{"problem", problem.text()}});
      log::error("reload_failed", {{"problem", "the configuration in force before stays in force"}});
      return;
    }
    for (const config::Problem& warning : loaded.warnings) log::warning("config", {{"warning", warning.text()}});
    for (const std::string& key : config::restart_needed(*config, *loaded.config)) {
      log::warning("restart_needed", {{"key", key}, {"why", "its change takes effect at the next start"}});
    }
    auto context = make_tls(*loaded.config);
    if (context) {
      tls = std::move(*context);
    } else {
      // After the change of user a key may be out of reach; mail keeps flowing under the certificate that is loaded.
      log::error("certificate_reload_failed",
                 {{"why", context.error().what}, {"remedy", "let the service's user read it, or restart"}});
    }
    // What is sealed stays as it was opened.
    auto next = std::make_shared<config::Config>(*loaded.config);
    next->hostname = config->hostname;
    next->data_dir = config->data_dir;
    next->inbound.hostname = config->hostname;
    for (std::size_t i = 0; i < next->inbound.listeners.size() && i < config->inbound.listeners.size(); ++i) {
      if (next->inbound.listeners[i].role != config->inbound.listeners[i].role)
        next->inbound.listeners[i].tls = config->inbound.listeners[i].tls;
      next->inbound.listeners[i].role = config->inbound.listeners[i].role;
      next->inbound.listeners[i].addresses = config->inbound.listeners[i].addresses;
    }
    // Sessions know their listener by its place: a list of another length waits for the restart.
    if (next->inbound.listeners.size() != config->inbound.listeners.size()) {
      next->inbound.listeners = config->inbound.listeners;
    }
    config = next;
    directory = config->inbound.directory;
    srs = make_rewriter();
    log::set_level(config->log_level);
    sinkhole->set_bounds(sinkhole_bounds(*config));
    pickup_settings = make_pickup_settings();
    server->reload(make_runtime());
    sending->reload(*config);
    queue->wake();
    if (web != nullptr) web->restart(config->web.tls);
    log::info("reloaded", {{"mailboxes", directory->mailbox_count()}});
  }

  // Mailbox files are reloaded when they change; a stat(2) of each every two seconds is cheaper than an inotify watch
  // on folders that rename over them.
  Task<void> watch_files() {
    std::vector<FileStamp> seen = file_stamps(directory->watched_files());
    FileWatch data(file_stamps(data_files()));
    const std::vector<std::string> user_files = {user_file->path()};
    FileWatch users(file_stamps(user_files));
    Clock::time_point look = Clock::now() + kDataWatchInterval;
    while (!ending) {
      const bool told = co_await stopping.wait(Deadline::after(kWatchInterval));
      if (told) break;
      if (Clock::now() >= look) {
        look = Clock::now() + kDataWatchInterval;
        if (data.due(file_stamps(data_files()))) co_await read_data_files();
      }
      if (users.due(file_stamps(user_files))) co_await read_users();
      std::vector<FileStamp> now = file_stamps(directory->watched_files());
      if (now == seen) continue;
      seen = std::move(now);
      request_reload();
    }
  }

  // Changed by somebody else than the control socket: `postern user` beside a server that it did not find, or an
  // editor.
  Task<void> read_users() {
    std::move_only_function<sasl::UserFile::Loaded()> work = [this] { return user_file->load(); };
    const sasl::UserFile::Loaded loaded = co_await pool.run<sasl::UserFile::Loaded>(std::move(work));
    for (const Error& problem : loaded.problems) log::error("users", {{"problem", problem.what}});
    // A file that cannot be read, or not in whole, locks nobody out: those in force stay
    if (loaded.problems.empty()) logins->set_users(loaded.users);
  }

  // Countries and signatures of operating systems, which packages update under us.
  std::vector<std::string> data_files() const {
    std::vector<std::string> files = config->inbound.defence.country_files;
    if (!config->inbound.defence.p0f_file.empty()) files.push_back(config->inbound.defence.p0f_file);
    return files;
  }

  Task<void> read_data_files() {
    const inbound::DefenceOptions options = config->inbound.defence;
    std::move_only_function<bool()> work = [this, options] {
      defence->reload_files(options);
      return true;
    };
    co_await pool.run<bool>(std::move(work));
  }

  // Once an hour: the days whose records are complete are summed up, which outlives them; and the operator hears where
  // a table is too small.
  Task<void> keep_house() {
    while (!ending) {
      const double saturation = defence->budgets_saturation();
      if (saturation > bounds::PrefixBudgets::kSaturationAlarm) {
        log::warning(
            "budgets_saturated",
            {{"saturation", std::to_string(saturation)},
             {"remedy", "raise [defence.tables] budgets_bytes (docs/state.md); until then prefixes are forgotten"}});
      }
      std::move_only_function<Result<insight::AggregateCount>()> work =
          [records = config->records.directory, data = config->data_dir,
           stop = &house_ends]() -> Result<insight::AggregateCount> {
        POSTERN_TRY(const insight::Marks marks, insight::Marks::read(data + "/marks.jsonl"));
        return insight::aggregate_days(records, data + "/aggregates", marks, wall_now(), {}, stop);
      };
      const auto done = co_await pool.run<Result<insight::AggregateCount>>(std::move(work));
      if (!done && !ending) log::warning("aggregates_not_written", {{"why", done.error().what}});
      if (tls_reports != nullptr && !ending) co_await tls_reports->send_due();
      if (dmarc_reports != nullptr && !ending) co_await dmarc_reports->send_due();
      if (ending) co_return;
      const bool told = co_await house_stopping.wait(Deadline::after(kHouseInterval));
      if (told) co_return;
    }
  }

  Task<void> shut_down() {
    stopping.notify();
    house_ends = true;
    pickup->stop();
    house_stopping.notify();
    if (tls_reports != nullptr) tls_reports->stop();
    if (dmarc_reports != nullptr) dmarc_reports->end();
    std::move_only_function<bool()> drain = [this] {
      server->stop(kDrain);
      return true;
    };
    // Side by side, so that sessions, deliveries and pages have the same time. What the sessions still accept waits in
    // the spool for the next start.
    io::Scope ends(loop);
    ends.spawn(queue->stop(Deadline::after(kDrain)));
    if (web != nullptr) ends.spawn(end_web());
    co_await pool.run<bool>(std::move(drain));
    co_await ends.join();
    co_await limit_notices->stop();
    co_await sending->stop();
    co_await control->stop();
    co_await tasks.join();
    co_await outbound_tls->stop();
    if (dmarc_reports != nullptr) co_await dmarc_reports->stop();
    loop.stop();
  }

  Task<void> end_web() {
    std::move_only_function<bool()> end = [this] {
      web->stop();
      return true;
    };
    co_await pool.run<bool>(std::move(end));
  }

  void log_ready() const {
    std::string addresses;
    for (const auto& listener : config->inbound.listeners) {
      for (const ip::Endpoint& address : listener.addresses) {
        if (!addresses.empty()) addresses += ' ';
        addresses += address.text();
      }
    }
    log::info("ready", {{"hostname", config->hostname},
                        {"listening", addresses},
                        {"queued", store->status().messages},
                        {"mailboxes", directory->mailbox_count()}});
  }
};

ServerProcess::ServerProcess(std::shared_ptr<const config::Config> config)
    : impl_(std::make_unique<Impl>(std::move(config))) {}

ServerProcess::~ServerProcess() = default;

Result<void> ServerProcess::open() {
  Impl& own = *impl_;
  const config::Config& config = *own.config;
  log::set_level(config.log_level);
  const std::size_t files = io::raise_file_limit(config.inbound.sessions.total + kSpareFiles);
  if (files < config.inbound.sessions.total + kSpareFiles) {
    log::warning("file_limit", {{"have", files},
                                {"want", config.inbound.sessions.total + kSpareFiles},
                                {"remedy", "raise LimitNOFILE or lower the session limit"}});
  }
  POSTERN_TRY_VOID(make_data_directory(config.data_dir, config.user));
  POSTERN_TRY_VOID(check_not_running(config));

  const std::size_t threads = config.threads > 0 ? config.threads : std::max(1U, std::thread::hardware_concurrency());
  // What needs root: keys that the configuration names, and ports below 1024.
  if (!config.tls.certificates.empty()) {
    POSTERN_TRY(own.tls, make_tls(config));
  }
  if (!config.user.empty() && io::running_as_root()) {
    const passwd* entry = ::getpwnam(config.user.c_str());
    if (entry == nullptr) {
      return fail(ErrorKind::invalid, "user = \"" + config.user +
                                          "\": there is no such user on this system; create it "
                                          "(deploy/systemd has a sysusers file) or take the key out");
    }
  }
  inbound::BoundListeners bound;
  POSTERN_TRY(bound, inbound::bind_listeners(config.inbound.listeners, threads, io::inherited_sockets()));
  if (!config.web.listen.empty()) {
    std::vector<UniqueFd> sockets;
    for (const ip::Endpoint& endpoint : config.web.listen) {
      // Mail does not wait for pages
      auto socket = io::bind_listener(endpoint, {.backlog = 256, .reuse_port = false, .save_syn = false});
      if (socket)
        sockets.push_back(std::move(*socket));
      else
        log::error("web_not_listening", {{"address", endpoint.text()}, {"why", socket.error().what}});
    }
    if (!sockets.empty()) own.web = std::make_unique<WebProcess>(config.file, std::move(sockets), config.web.tls);
  }
  if (io::running_as_root()) {
    if (config.user.empty()) {
      log::warning("running_as_root",
                   {{"remedy", "set user = \"postern\" in the configuration, or use the systemd unit"}});
    } else {
      POSTERN_TRY_VOID(io::drop_privileges(config.user));
    }
  }
  if (!own.tls) {
    POSTERN_TRY(own.tls, make_tls(config));
  }

  spool::JournalOptions journal = config.spool;
  {
    RecoveryProgress progress;
    journal.progress = [&progress](std::uint64_t done, std::uint64_t total) { progress.show(done, total); };
    POSTERN_TRY(own.store, spool::open_journal(journal));
  }
  POSTERN_TRY(own.records, record::Writer::open(config.records));
  POSTERN_TRY(UniqueFd socket, io::bind_unix_listener(config.control_socket()));

  own.directory = config.inbound.directory;
  own.control = std::make_unique<control::Server>(own.loop, std::move(socket));
  control::add_queue_commands(*own.control, *own.store, [impl = impl_.get()] { impl->queue->retry_now(); });
  control::add_record_commands(*own.control, own.pool, [records = own.records.get()] { records->flush(); });
  control::add_mark_command(*own.control, own.pool, config.data_dir + "/marks.jsonl");
  // One for the life of the process, also where authentication is off: a reload may switch it on.
  POSTERN_TRY(own.unbound, resolver::Unbound::open(config.dns));
  own.live_metrics = std::make_unique<LiveMetrics>(*own.store, *own.unbound);
  control::add_metrics_command(*own.control);
  own.resolver = std::make_unique<resolver::CachedResolver>(own.unbound, own.loop);
  POSTERN_TRY(own.outbound_tls,
              outbound::PublishedTls::make(own.loop, own.pool, *own.resolver, config.outbound_tls,
                                           {.data_dir = config.data_dir, .count_for_reports = config.reports.tls}));
  own.outbound_tls->load();
  outbound::ReportOptions reports = config.reports;
  if (reports.from.empty())
    reports.from = "postmaster@" + (config.domains.empty() ? config.hostname : config.domains.front().name);
  if (reports.tls) {
    own.tls_reports = std::make_unique<outbound::TlsReportSender>(
        own.loop, *own.store, *own.outbound_tls, *own.resolver,
        outbound::TlsReportSender::Places{.options = reports,
                                          .hostname = config.hostname,
                                          .ca_file = config.outbound_tls.ca_file,
                                          .signer = own.queue_services().signer});
  }
  if (reports.dmarc) {
    own.dmarc_reports = std::make_unique<outbound::DmarcReportSender>(
        own.loop, own.pool, *own.store, *own.resolver,
        outbound::DmarcReportSender::Places{.options = reports,
                                            .hostname = config.hostname,
                                            .data_dir = config.data_dir,
                                            .records = config.records.directory,
                                            .generator = "Postern " POSTERN_VERSION,
                                            .signer = own.queue_services().signer});
    own.dmarc_reports->load();
  }
  control::add_tls_commands(*own.control, *own.outbound_tls, [impl = impl_.get()] { impl->sending->renew(); });
  POSTERN_TRY(own.sending, Sending::open(own.loop, own.pool, config, own.unbound, *own.outbound_tls));
  control::add_family_commands(*own.control, [impl = impl_.get()] { return impl->sending->families(); });
  own.queue = std::make_unique<delivery::Queue>(
      own.loop, own.pool, *own.store, own.records.get(), config.queue, [impl = impl_.get()] { return impl->directory; },
      &own.sending->remote());
  POSTERN_TRY(own.srs_secret, srs::load_secret(config.srs_secret()));
  own.srs = own.make_rewriter();
  own.queue->use(own.queue_services());
  own.limit_notices =
      std::make_unique<LimitNotices>(own.loop, *own.store,
                                     LimitNotices::Places{.hostname = config.hostname,
                                                          .from = config.queue.notices.from,
                                                          .directory = [impl = impl_.get()] { return impl->directory; },
                                                          .signer = own.queue_services().signer});
  inbound::DefenceOptions defence = config.inbound.defence;
  if (defence.budget.scale == 0)
    defence.budget.scale = inbound::budget_scale(config.policy.choices.preset.value_or("organisation"));
  own.defence = std::make_unique<inbound::Defence>(defence, config.data_dir);
  own.operator_file = std::make_unique<access::OperatorFile>(config.data_dir);
  const access::OperatorFile::Loaded words = own.operator_file->load();
  for (const Error& problem : words.problems) log::error("operator_list", {{"problem", problem.what}});
  own.defence->set_operator_list(words.list);
  control::add_access_commands(*own.control, *own.operator_file, own.pool,
                               {.current = [impl = impl_.get()] { return impl->defence->operator_list(); },
                                .publish =
                                    [impl = impl_.get()](std::shared_ptr<const access::OperatorList> list) {
                                      impl->defence->set_operator_list(std::move(list));
                                    }});
  own.user_file = std::make_unique<sasl::UserFile>(config.data_dir);
  POSTERN_TRY(std::string secret, own.user_file->secret());
  own.logins = std::make_unique<inbound::Logins>(own.pool, std::move(secret));
  const sasl::UserFile::Loaded users = own.user_file->load();
  for (const Error& problem : users.problems) log::error("users", {{"problem", problem.what}});
  own.logins->set_users(users.users);
  control::add_user_commands(
      *own.control, *own.user_file, own.pool,
      {.current = [impl = impl_.get()] { return impl->logins->users(); },
       .publish = [impl = impl_.get()](
                      std::shared_ptr<const sasl::Users> list) { impl->logins->set_users(std::move(list)); }});
  own.sinkhole =
      std::make_unique<inbound::SinkholeStore>(config.data_dir + "/sinkhole", own.pool, sinkhole_bounds(config));
  own.pickup_settings = own.make_pickup_settings();
  own.pickup = std::make_unique<inbound::Pickup>(own.loop, own.pool, *own.store, config.pickup,
                                                 [impl = impl_.get()] { return impl->pickup_settings; });
  POSTERN_TRY_VOID(own.pickup->prepare());
  own.server = std::make_unique<inbound::Server>(
      *own.store, std::move(bound),
      inbound::Shared{
          .records = own.records.get(),
          .make_resolver = [unbound = own.unbound](
                               io::Loop& loop) { return std::make_unique<resolver::CachedResolver>(unbound, loop); },
          .pool = &own.pool,
          .defence = own.defence.get(),
          .sinkhole = own.sinkhole.get(),
          .logins = own.logins.get(),
          .expect =
              [queue = own.queue.get()](const Id& message, delivery::FirstAttemptEnded ended) {
                if (ended)
                  queue->first_attempts().expect(message, std::move(ended));
                else
                  queue->first_attempts().forget(message);
              },
          .give_up =
              [queue = own.queue.get(), store = own.store.get()](const Id& message) {
                return queue->first_attempts().give_up(message, [&] { static_cast<void>(store->drop(message)); }) ==
                       delivery::GivenUp::ended;
              },
          .tell_limit =
              [notices = own.limit_notices.get()](inbound::LimitNotice notice) { notices->tell(std::move(notice)); }});
  return {};
}

void ServerProcess::run() {
  Impl& own = *impl_;
  own.signals = std::make_unique<io::SignalWatcher>(own.loop, std::vector<int>{SIGTERM, SIGINT, SIGHUP},
                                                    [&own](int signal) { own.on_signal(signal); });
  own.loop.post([&own] {
    own.control->start();
    if (own.web != nullptr) own.web->start();
    own.sending->start();
    own.queue->start();
    own.tasks.spawn(own.watch_files());
    own.tasks.spawn(own.keep_house());
    own.tasks.spawn(own.pickup->run());
    own.server->start(own.make_runtime());
    own.log_ready();
    io::notify_supervisor("READY=1");
  });
  own.loop.run();
  own.signals.reset();
  own.store->close();
  own.records->flush();
  log::info("stopped");
}

}  // namespace postern::cli
