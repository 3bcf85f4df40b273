// The command line: the commands of the server, and run(). With app_tools.cc and app_insight.cc the only files that
// include CLI11: they fill the option structs of cli/commands.h and call their functions.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string_view>

#include "base/text.h"
#include "cli/app_options.h"
#include "cli/check_tool.h"
#include "cli/output.h"

namespace postern::cli {

void add_config_option(CLI::App& app, std::string& target) {
  target = kDefaultConfig;
  app.add_option("-c,--config", target, "the configuration file")->type_name("FILE")->capture_default_str();
}

namespace {

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

void add_tls(CLI::App& app, Options& options) {
  CLI::App* const tls = app.add_subcommand("tls", "what is remembered of other servers' TLS; what to publish of ours");
  tls->group("Queue");
  tls->require_subcommand(0, 1);
  tls->footer(
      "A running server is asked through the control socket in its data_dir; where none runs, its files are read.\n\n"
      "Examples:\n"
      "  postern tls\n"
      "  postern tls forget example.org\n"
      "  postern tls records example.org --mode enforce");
  TlsToolOptions& o = options.tls;
  o.config = kDefaultConfig;
  tls->add_option("-c,--config", o.config, "the configuration file")->type_name("FILE")->capture_default_str();
  tls->add_flag("--json", o.json, "for machines");
  tls->callback([&options, tls] {
    if (!tls->get_subcommands().empty()) return;
    options.tls.verb = "list";
    options.chosen = [&options] { return run_tls(options.tls); };
  });
  struct Verb {
    const char* name;
    const char* help;
    const char* names;
  };
  static constexpr std::array<Verb, 3> kVerbs = {{
      {"list", "MTA-STS policies, domains that get no mail in clear, hosts whose STARTTLS fails", nullptr},
      {"forget", "forget hosts and domains", "NAME"},
      {"records", "the DNS records and the MTA-STS policy of a domain of ours", "DOMAIN"},
  }};
  for (const Verb& verb : kVerbs) {
    CLI::App* const command = tls->add_subcommand(verb.name, verb.help);
    command->add_option("-c,--config", o.config, "the configuration file")->type_name("FILE")->capture_default_str();
    command->add_flag("--json", o.json, "for machines");
    const bool records = std::string_view(verb.name) == "records";
    if (verb.names != nullptr) {
      auto* const names =
          command->add_option("name", o.names, "of a host or a domain")->type_name(verb.names)->required();
      if (records) names->expected(1);
    }
    if (records) {
      command->add_option("--mx", o.mx, "an MX host, or *.DOMAIN, in place of our host name; may be repeated")
          ->type_name("HOST")
          ->allow_extra_args(false);
      command->add_option("--mode", o.mode, "of the policy: testing, enforce or none")->capture_default_str();
      command->add_option("--max-age", o.max_age, "how long others keep the policy")
          ->type_name("TIME")
          ->capture_default_str();
      command->add_option("--rua", o.rua, "where TLS reports go; postmaster of the domain by default")
          ->type_name("URI");
    }
    command->callback([&options, &verb] {
      options.tls.verb = verb.name;
      options.chosen = [&options] { return run_tls(options.tls); };
    });
  }
}

void add_reports(CLI::App& app, Options& options) {
  CLI::App* const reports = app.add_subcommand("reports", "what others tell of our domains: DMARC and TLS reports");
  reports->group("Insight");
  ReportsToolOptions& o = options.reports;
  reports->add_option("file", o.files, "reports, mails with reports, folders of them (a Maildir); - is standard input")
      ->type_name("FILE")
      ->required();
  reports->add_flag("--json", o.json, "for machines: an object a report, a line each");
  reports->footer(
      "Exit code 0: all could be read. 1: not, or there is none. 2: bad usage.\n\n"
      "Examples:\n"
      "  postern reports ~/Maildir/.reports\n"
      "  postern reports --json google.com*.xml.gz | jq '.report.rows[] | select(.pass | not)'");
  reports->callback([&options, &o] { options.chosen = [&o] { return run_reports(o); }; });
}

void add_access(CLI::App& app, Options& options) {
  struct Word {
    const char* name;
    const char* help;
  };
  static constexpr std::array<Word, 2> kWords = {
      {{"allow", "let a sender in, whatever the policy says"}, {"deny", "refuse a sender, whatever the policy says"}}};
  AccessOptions& o = options.access;
  for (const Word& word : kWords) {
    CLI::App* const command = app.add_subcommand(word.name, word.help);
    command->group("Senders");
    add_config_option(*command, o.config);
    command->add_option("about", o.subject, "whom: a client's address or prefix, a domain, or a sender's address")
        ->type_name("ADDRESS|DOMAIN|PREFIX");
    command->add_option("--for", o.duration, "how long; for ever by default")->type_name("DURATION");
    command->add_option("--note", o.note, "why, for people")->type_name("TEXT");
    command->add_flag("--list", o.list, "show the entries, of both words");
    command->add_flag("--remove", o.remove, "take the entry away, whichever word it is");
    command->add_flag("--json", o.json, "for machines");
    command->footer(
        "A running server knows at once. A domain stands for all below it, as the sender's and as the client's name "
        "in\n"
        "reverse DNS. Of several entries the one about the client's address counts before the one about its name, and\n"
        "that before those about the sender, which anybody can forge.\n\n"
        "Examples:\n"
        "  postern allow bob@example.org --note \"ticket 7\"\n"
        "  postern deny 2001:db8:1::/48 --for 30d\n"
        "  postern deny --list");
    command->callback([&options, &word] {
      options.access.word = word.name;
      options.chosen = [&options] { return run_access(options.access); };
    });
  }
}

void add_user(CLI::App& app, Options& options) {
  struct Verb {
    const char* name;
    const char* help;
  };
  static constexpr std::array<Verb, 4> kVerbs = {{{"add", "let somebody log in"},
                                                  {"passwd", "give a user another password"},
                                                  {"remove", "let a user log in no more"},
                                                  {"list", "show who may log in"}}};
  CLI::App* const user = app.add_subcommand("user", "who may log in to send mail");
  user->group("Users");
  user->require_subcommand(1);
  user->footer(
      "A running server knows at once. Passwords are not kept, only what SCRAM-SHA-256 needs to check them.\n\n"
      "Example:\n  postern user add alice@example.org --password-stdin < password");
  UserOptions& o = options.user;
  for (const Verb& verb : kVerbs) {
    CLI::App* const command = user->add_subcommand(verb.name, verb.help);
    add_config_option(*command, o.config);
    if (std::string_view(verb.name) != "list")
      command->add_option("user", o.user, "who logs in")->type_name("ADDRESS")->required();
    if (std::string_view(verb.name) == "add" || std::string_view(verb.name) == "passwd")
      command->add_flag("--password-stdin", o.password_stdin, "the password is a line of standard input");
    command->add_flag("--json", o.json, "for machines");
    command->callback([&options, &verb] {
      options.user.verb = verb.name;
      options.chosen = [&options] { return run_user(options.user); };
    });
  }
}

void add_web(CLI::App& app, Options& options) {
  CLI::App* const web = app.add_subcommand("web", "serve the pages: dashboard, why, check");
  web->group("Server");
  add_config_option(*web, options.web.config);
  web->require_subcommand(0, 1);
  web->footer(
      "`postern serve` starts it where [web] has a listen; by hand it is for a server that runs without pages.\n"
      "It has no keys and no spool: it reads the records, and asks the server through its control socket.\n\n"
      "Examples:\n  postern web --config /etc/postern/postern.toml\n  postern web password");
  CLI::App* const password = web->add_subcommand("password", "read a password, and print what [web] keeps of it");
  password->add_option("--user", options.web_password.user, "the operator's user name")->capture_default_str();
  password->add_flag("--token", options.web_password.token, "make a token for programs instead");
  web->callback([&options, password] {
    const bool secret = password->parsed();
    options.chosen = [&options, secret] {
      return secret ? run_web_password(options.web_password) : run_web(options.web);
    };
  });
}

int carry_out(int argc, char** argv) {
  // Programs call it by sendmail's name and with sendmail's arguments, which are no arguments of ours
  std::vector<std::string> words(argv, argv + argc);
  const std::string name = words.empty() ? std::string() : words[0].substr(words[0].rfind('/') + 1);
  if (name == "sendmail") return run_sendmail({words.begin() + 1, words.end()});
  if (words.size() > 1 && words[1] == "sendmail") return run_sendmail({words.begin() + 2, words.end()});

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
  add_access(app, options);
  add_user(app, options);
  // Carried out above; here it is for the list of commands
  app.add_subcommand("sendmail", "take a message of a program of this machine, as sendmail(8) does")->group("Client");
  add_tls(app, options);
  add_reports(app, options);
  add_send(app, options);
  add_spf(app, options);
  add_dkim(app, options);
  add_dmarc(app, options);
  add_arc(app, options);
  add_auth(app, options);
  add_keygen(app, options);
  add_fingerprint(app, options);
  add_country(app, options);
  add_check(app, options);
  add_why(app, options);
  add_mark(app, options);
  add_stats(app, options);
  add_metrics(app, options);
  add_signals(app, options);
  add_replay(app, options);
  add_web(app, options);
  if (argc <= 1) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  const auto bad_usage = [&](const std::string& why) -> int {
    if (std::ranges::find(words, "--nagios") == words.end()) return kUsage;
    // 2 would be CRITICAL, and standard error is not shown
    print(nagios_unknown(why));
    return kNagiosUnknown;
  };
  const auto is_named = [&](const CLI::App* command) { return command->check_name(words[1]); };
  if (!words[1].starts_with('-') && app.get_subcommands(is_named).empty()) {
    const std::string why = "there is no command \"" + printable(words[1], 40) + "\"; `postern --help` lists them";
    complain(why);
    return bad_usage(why);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : bad_usage(error.what());
  }
  return options.chosen();
}

}  // namespace

int run(int argc, char** argv) { return finish_output(carry_out(argc, argv)); }

}  // namespace postern::cli
