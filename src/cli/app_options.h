// The command line in parts: what each command fills, and the functions that describe the commands to CLI11, which
// app.cc, app_tools.cc and app_insight.cc alone include. Internal to them. Thread rule: the main thread.
#pragma once

#include <functional>
#include <string>

#include "cli/access.h"
#include "cli/auth_options.h"
#include "cli/check_tool.h"
#include "cli/client_tools.h"
#include "cli/commands.h"
#include "cli/insight_tools.h"
#include "cli/outbound_tools.h"
#include "cli/send.h"
#include "cli/sendmail.h"
#include "cli/user.h"
#include "cli/web_tool.h"

namespace CLI {
class App;
}

namespace postern::cli {

inline constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

struct Options {
  ServeOptions serve;
  ConfigCheckOptions check;
  CheckToolOptions checker;
  QueueOptions queue;
  AccessOptions access;
  UserOptions user;
  TlsToolOptions tls;
  ReportsToolOptions reports;
  SendOptions send;
  bool no_pipelining = false;
  std::string send_size;
  std::string send_timeout = "30s";
  SpfToolOptions spf;
  DkimToolOptions dkim;
  DmarcToolOptions dmarc;
  ArcToolOptions arc;
  AuthToolOptions auth;
  KeygenOptions keygen;
  FingerprintToolOptions fingerprint;
  CountryToolOptions country;
  WhyOptions why;
  MarkOptions mark;
  StatsOptions stats;
  MetricsOptions metrics;
  SignalsOptions signals;
  ReplayOptions replay;
  WebOptions web;
  WebPasswordOptions web_password;
  std::function<int()> chosen;
};

// -c, with the place where a package puts the file.
void add_config_option(CLI::App& app, std::string& target);

// app_tools.cc: programs that need no server, and those that ask other servers
void add_send(CLI::App& app, Options& options);
void add_spf(CLI::App& app, Options& options);
void add_dkim(CLI::App& app, Options& options);
void add_dmarc(CLI::App& app, Options& options);
void add_arc(CLI::App& app, Options& options);
void add_auth(CLI::App& app, Options& options);
void add_keygen(CLI::App& app, Options& options);
void add_fingerprint(CLI::App& app, Options& options);
void add_country(CLI::App& app, Options& options);
void add_check(CLI::App& app, Options& options);

// app_insight.cc: what records tell
void add_why(CLI::App& app, Options& options);
void add_mark(CLI::App& app, Options& options);
void add_stats(CLI::App& app, Options& options);
void add_metrics(CLI::App& app, Options& options);
void add_signals(CLI::App& app, Options& options);
void add_replay(CLI::App& app, Options& options);

}  // namespace postern::cli
