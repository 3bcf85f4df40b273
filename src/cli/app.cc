// The command line. The one file that includes CLI11: it fills the option structs of cli/commands.h and calls their
// functions.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <string_view>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/send.h"

namespace postern::cli {

namespace {

constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

struct Options {
  ServeOptions serve;
  ConfigCheckOptions check;
  QueueOptions queue;
  SendOptions send;
  bool no_pipelining = false;
  std::string send_size;
  std::string send_timeout = "30s";
  std::function<int()> chosen;
};

void add_config_option(CLI::App& app, std::string& target) {
  target = kDefaultConfig;
  app.add_option("-c,--config", target, "the configuration file")->type_name("FILE")->capture_default_str();
}

void add_serve(CLI::App& app, Options& options) {
  CLI::App* const serve = app.add_subcommand("serve", "receive, queue and deliver mail, in the foreground");
  serve->group("Server");
  add_config_option(*serve, options.serve.config);
  serve->footer(
      "\"ready\" is written to standard error, and told to the supervisor, once every address is bound.\n"
      "SIGTERM and SIGINT end it once running transactions are done; SIGHUP reads the configuration again.\n\n"
      "Example:\n  postern serve --config /etc/postern/postern.toml");
  serve->callback([&options] { options.chosen = [&options] { return run_serve(options.serve); }; });
}

void add_config(CLI::App& app, Options& options) {
  CLI::App* const config = app.add_subcommand("config", "check a configuration file; list every key");
  config->group("Server");
  config->require_subcommand(1);
  config->footer(
      "Examples:\n"
      "  postern config check /etc/postern/postern.toml\n"
      "  postern config reference | less");

  CLI::App* const check =
      config->add_subcommand("check", "say what is wrong in a file, where, and what would be right");
  options.check.file = kDefaultConfig;
  check->add_option("file,-c,--config", options.check.file, "the configuration file")
      ->type_name("FILE")
      ->capture_default_str();
  check->add_flag("--json", options.check.json, "for machines");
  check->footer(
      "Every problem is a line FILE:LINE:COLUMN: KEY: PROBLEM; REMEDY. Exit code 1 when there is one.\n\n"
      "Example:\n  postern config check /etc/postern/postern.toml");
  check->callback([&options] { options.chosen = [&options] { return run_config_check(options.check); }; });

  CLI::App* const reference =
      config->add_subcommand("reference", "every key with type, default, range and meaning (Markdown)");
  reference->callback([&options] { options.chosen = [] { return run_config_reference(); }; });
}

void add_queue(CLI::App& app, Options& options) {
  CLI::App* const queue = app.add_subcommand("queue", "see and change what waits for delivery");
  queue->group("Queue");
  queue->require_subcommand(1);
  queue->footer(
      "A running server is asked through the control socket in its data_dir; where none runs, the spool itself is "
      "opened.\n\n"
      "Examples:\n"
      "  postern queue list\n"
      "  postern queue show 01JD7M3W8QZK4T2V\n"
      "  postern queue retry --all\n"
      "  postern queue list --json | jq '.messages[] | select(.attempts > 3) | .id'");

  struct Verb {
    const char* name;
    const char* help;
    bool ids;
    bool all;
  };
  static constexpr std::array<Verb, 7> kVerbs = {{
      {"list", "one line a message, oldest first", false, false},
      {"show", "a message's envelope and what became of each recipient", true, false},
      {"retry", "try again now, recipients that failed included", true, true},
      {"hold", "do not try until released", true, true},
      {"release", "end a hold", true, true},
      {"drop", "delete without delivering and without telling anybody", true, true},
      {"status", "totals, space and health of the spool; exit code 1 when storage is failing", false, false},
  }};
  options.queue.config = kDefaultConfig;
  for (const Verb& verb : kVerbs) {
    CLI::App* const command = queue->add_subcommand(verb.name, verb.help);
    command->add_option("-c,--config", options.queue.config, "the configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    command->add_flag("--json", options.queue.json, "for machines");
    if (verb.ids) command->add_option("id", options.queue.ids, "ids of messages")->type_name("ID");
    if (verb.all) command->add_flag("--all", options.queue.all, "every message in the queue");
    if (std::string_view(verb.name) == "list") {
      command->add_option("-n,--max", options.queue.max, "at most this many messages")->type_name("N");
    }
    command->callback([&options, &verb] {
      options.queue.verb = verb.name;
      options.chosen = [&options] { return run_queue(options.queue); };
    });
  }
}

// Sizes and durations as they are written in the configuration.
int start_send(Options& options) {
  SendOptions& send = options.send;
  send.pipelining = !options.no_pipelining;
  if (!options.send_size.empty()) {
    const auto size = parse_bytes(options.send_size);
    if (!size) {
      std::fprintf(stderr, "postern: --size: \"%s\" is not a size; write 5000 or \"5M\"\n",
                   printable(options.send_size).c_str());
      return kUsage;
    }
    send.size = *size;
  }
  const auto timeout = parse_duration_ms(options.send_timeout);
  if (!timeout || *timeout <= 0) {
    std::fprintf(stderr, "postern: --timeout: \"%s\" is not a duration; write \"30s\" or \"5m\"\n",
                 printable(options.send_timeout).c_str());
    return kUsage;
  }
  send.timeout_ms = *timeout;
  return run_send(send);
}

void add_send(CLI::App& app, Options& options) {
  CLI::App* const send = app.add_subcommand("send", "send a test message by SMTP or LMTP and show the dialogue");
  send->group("Tools");
  SendOptions& o = options.send;
  send->add_option("--server", o.server, "where to connect; port 25 if none is given")
      ->type_name("HOST:PORT")
      ->required();
  send->add_option("--to", o.to, "recipient; may be repeated")->type_name("ADDRESS")->allow_extra_args(false);
  send->add_option("--from", o.from, "sender; \"\" is the null path")->type_name("ADDRESS");
  send->add_option("--helo", o.helo, "name to say in EHLO; the host's own by default")->type_name("NAME");
  CLI::Option* const four = send->add_flag("-4", o.ipv4_only, "IPv4 only");
  send->add_flag("-6", o.ipv6_only, "IPv6 only")->excludes(four);
  send->add_flag("--lmtp", o.lmtp, "speak LMTP");
  send->add_flag("--no-pipelining", options.no_pipelining, "one command at a time");
  send->add_option("--timeout", options.send_timeout, "for each reply, and for the connection")
      ->type_name("DURATION")
      ->capture_default_str();
  send->add_option("--quit-after", o.quit_after,
                   "stop early: connect, helo, mail, rcpt or data (then the connection is dropped)")
      ->type_name("STAGE");
  send->add_flag("--json", o.json, "one object instead of the dialogue");

  CLI::Option* const tls = send->add_flag("--tls", o.tls, "STARTTLS, or fail")->group("TLS");
  CLI::Option* const optional =
      send->add_flag("--tls-optional", o.tls_optional, "STARTTLS where it is offered")->group("TLS");
  CLI::Option* const on_connect =
      send->add_flag("--tls-on-connect", o.tls_on_connect, "TLS from the first octet")->group("TLS");
  tls->excludes(optional)->excludes(on_connect);
  optional->excludes(on_connect);
  send->add_flag("--tls-verify", o.tls_verify, "the certificate and its name must verify")->group("TLS");
  send->add_option("--tls-ca", o.tls_ca_file, "certificates to trust instead of the system's")
      ->type_name("FILE")
      ->group("TLS");

  CLI::Option* const data =
      send->add_option("--data", o.data, "send this file; - is standard input")->type_name("FILE")->group("Message");
  send->add_option("--header", o.headers, "field to add to the generated message; may be repeated")
      ->type_name("\"NAME: VALUE\"")
      ->allow_extra_args(false)
      ->group("Message");
  send->add_option_function<std::string>(
          "--body",
          [&o](const std::string& text) {
            o.body = text;
            o.has_body = true;
          },
          "text of the generated message")
      ->type_name("TEXT")
      ->excludes(data)
      ->group("Message");
  send->add_option("--size", options.send_size, "make the generated message at least this large")
      ->type_name("SIZE")
      ->excludes(data)
      ->group("Message");
  send->add_option("--count", o.count, "messages, over one connection")
      ->type_name("N")
      ->capture_default_str()
      ->group("Message");
  send->footer(
      "Exit code 0: every recipient was accepted. 1: refused, or no connection; the output says whether for now or for "
      "good.\n\n"
      "Examples:\n"
      "  postern send --server [::1]:25 --to alice@example.org\n"
      "  postern send --server mx.example.org --to alice@example.org --tls --tls-verify --quit-after rcpt");
  send->callback([&options] { options.chosen = [&options] { return start_send(options); }; });
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Postern: an IPv6-first mail gateway and MTA", "postern");
  app.set_version_flag("-V,--version", "postern " POSTERN_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  app.footer(
      "Exit codes: 0 success, 1 a negative finding or a failure, 2 bad usage.\n"
      "`postern COMMAND --help` tells more; postern(1) tells all.");
  add_serve(app, options);
  add_config(app, options);
  add_queue(app, options);
  add_send(app, options);
  if (argc <= 1) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return options.chosen();
}

}  // namespace postern::cli
