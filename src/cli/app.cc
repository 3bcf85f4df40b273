// The command line. The one file that includes CLI11: it fills the option structs of cli/commands.h and calls their
// functions.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <string_view>

#include "base/text.h"
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

namespace postern::cli {

namespace {

constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

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

constexpr const char* kBatchHelp =
    "With --batch each line of standard input is an object {\"id\", ...} and gets one line of output with the same "
    "\"id\":\n"
    "  \"ip\", \"helo\", \"mail_from\", \"message_base64\" or \"message_path\", \"now\", and \"zone\", what DNS says "
    "for it:\n"
    "  {NAME: {TYPE: [VALUE...]} | \"SERVFAIL\" | \"TIMEOUT\"}. A line that cannot be answered gets {\"id\", "
    "\"error\"}.\n";
constexpr const char* kMessageHelp = "FILE \"-\" is standard input. Bare LF line ends are taken as CRLF.\n";

void add_resolver_options(CLI::App& app, AuthCommon& common) {
  CLI::Option* const dns =
      app.add_option("--dns", common.dns, "ask this resolver; the system's by default")->type_name("HOST:PORT");
  app.add_option("--zone", common.zone, "take DNS from this JSON file, and ask nobody")
      ->type_name("FILE")
      ->excludes(dns);
  app.add_flag("--json", common.json, "for machines");
}

void add_common(CLI::App& app, AuthCommon& common) {
  add_resolver_options(app, common);
  app.add_flag("--batch", common.batch, "JSON lines on standard input, one answer each");
  app.add_option("--now", common.now, "the time to verify at, in seconds since 1970")->type_name("UNIXTIME");
}

// What CLI11 cannot say: needed unless --batch.
int need(bool given, const char* what) {
  if (given) return kOk;
  std::fprintf(stderr, "postern: %s; --help tells more\n", what);
  return kUsage;
}

void add_spf(CLI::App& app, Options& options) {
  CLI::App* const spf = app.add_subcommand("spf", "may this host send for this domain? (RFC 7208)");
  spf->group("Authentication");
  SpfToolOptions& o = options.spf;
  spf->add_option("--ip", o.ip, "address of the client")->type_name("ADDRESS");
  spf->add_option("--from", o.from, "MAIL FROM; without it HELO is checked")->type_name("ADDRESS");
  spf->add_option("--helo", o.helo, "what the client said in HELO")->type_name("NAME");
  spf->add_option("--receiver", o.receiver, "our host name, for %{r} in explanations")->type_name("NAME");
  add_common(*spf, o.common);
  spf->footer(std::string("Exit code 0: pass. 1: any other result. 2: bad usage.\n\n") + kBatchHelp +
              "\nExample:\n  postern spf --ip 2001:db8::25 --from alice@example.org --helo mx.example.org");
  spf->callback([&options, &o] {
    options.chosen = [&o] {
      if (const int code = need(o.common.batch || !o.ip.empty(), "spf needs --ip, or --batch"); code != kOk)
        return code;
      return run_spf(o);
    };
  });
}

void add_dkim(CLI::App& app, Options& options) {
  CLI::App* const dkim = app.add_subcommand("dkim", "verify or sign a message (RFC 6376, 8301, 8463)");
  dkim->group("Authentication");
  dkim->require_subcommand(0, 1);
  DkimToolOptions& o = options.dkim;
  add_common(*dkim, o.common);
  dkim->footer(std::string(kMessageHelp) + kBatchHelp +
               "dkim --batch verifies; dkim sign --batch reads \"domain\", \"selector\", \"private_key\", \"time\", "
               "\"headers\", \"canon\".\n"
               "Exit code 0: a signature verifies. 1: none does. 2: bad usage.\n\n"
               "Examples:\n"
               "  postern dkim verify message.eml\n"
               "  postern dkim sign message.eml --domain example.org --selector s1 --key s1.example.org.pem");
  CLI::App* const verify = dkim->add_subcommand("verify", "each signature, with the reason where it fails");
  verify->fallthrough();
  verify->add_option("file", o.file, "the message")->type_name("FILE");
  CLI::App* const sign = dkim->add_subcommand("sign", "the fields that stand in front of the signed message");
  sign->fallthrough();
  sign->add_option("file", o.file, "the message")->type_name("FILE");
  sign->add_option("--domain", o.domains, "d=; one for all keys, or one for each")
      ->type_name("DOMAIN")
      ->allow_extra_args(false);
  sign->add_option("--selector", o.selectors, "s=; one for each key")->type_name("NAME")->allow_extra_args(false);
  sign->add_option("--key", o.keys, "private key, PEM; may be repeated")->type_name("FILE")->allow_extra_args(false);
  sign->add_option("--headers", o.headers, "fields to sign, exactly these; a safe list, over-signed, by default")
      ->type_name("A:B:C");
  sign->add_option("--canon", o.canon, "canonicalisation of header and body")->capture_default_str();
  sign->add_option("--time", o.time, "t=, seconds since 1970; 0 leaves it out")->type_name("UNIXTIME");
  sign->add_option("--expiry", o.expiry, "x=, seconds since 1970")->type_name("UNIXTIME");
  sign->add_flag("--no-oversign", o.no_oversign, "name each field as often as it occurs, not once more");
  sign->add_flag("--message", o.message, "write the signed message, not only its new fields");
  dkim->callback([&options, &o, sign, verify] {
    o.sign = sign->parsed();
    const bool chosen = o.sign || verify->parsed();
    options.chosen = [&o, chosen] {
      const bool given = o.common.batch || (chosen && !o.file.empty());
      if (const int code = need(given, "dkim needs verify FILE or sign FILE, or --batch"); code != kOk) return code;
      return run_dkim(o);
    };
  });
}

void add_dmarc(CLI::App& app, Options& options) {
  CLI::App* const dmarc = app.add_subcommand("dmarc", "the policy of a domain, and what it says of results (RFC 9989)");
  dmarc->group("Authentication");
  DmarcToolOptions& o = options.dmarc;
  dmarc->add_option("--from", o.from, "the author: an address or a domain")->type_name("ADDRESS|DOMAIN");
  dmarc->add_option("--spf", o.spf, "what SPF found: pass:example.org")->type_name("RESULT:DOMAIN");
  dmarc->add_option("--dkim", o.dkim, "what DKIM found; may be repeated")
      ->type_name("RESULT:DOMAIN")
      ->allow_extra_args(false);
  add_common(*dmarc, o.common);
  dmarc->footer(
      std::string("Without --spf and --dkim it finds the policy: exit code 0 where there is one. With them: 0 "
                  "where DMARC passes, 1 otherwise.\n\n") +
      kBatchHelp +
      "  In place of a message: \"header_from\", \"spf\": {\"result\", \"domain\"}, \"dkim\": [{\"result\", "
      "\"domain\"}].\n"
      "\nExamples:\n"
      "  postern dmarc --from example.org\n"
      "  postern dmarc --from alice@news.example.org --spf fail:example.net --dkim pass:example.org");
  dmarc->callback([&options, &o] {
    options.chosen = [&o] {
      if (const int code = need(o.common.batch || !o.from.empty(), "dmarc needs --from, or --batch"); code != kOk)
        return code;
      return run_dmarc(o);
    };
  });
}

void add_arc(CLI::App& app, Options& options) {
  CLI::App* const arc = app.add_subcommand("arc", "verify or extend a message's ARC chain (RFC 8617)");
  arc->group("Authentication");
  arc->require_subcommand(0, 1);
  ArcToolOptions& o = options.arc;
  add_common(*arc, o.common);
  arc->footer(
      std::string(kMessageHelp) + kBatchHelp +
      "arc --batch verifies; arc seal --batch reads \"domain\", \"selector\", \"private_key\", \"authserv_id\", "
      "\"results\", \"cv\", \"time\", \"headers\".\n"
      "Exit code 0: the chain is valid. 1: it failed, or there is none. 2: bad usage.\n\n"
      "Examples:\n"
      "  postern arc verify message.eml\n"
      "  postern arc seal message.eml --domain example.org --selector s1 --key s1.example.org.pem "
      "--authserv-id mx.example.org");
  CLI::App* const verify = arc->add_subcommand("verify", "the chain, set by set");
  verify->fallthrough();
  verify->add_option("file", o.file, "the message")->type_name("FILE");
  CLI::App* const seal = arc->add_subcommand("seal", "the three fields that stand in front of the sealed message");
  seal->fallthrough();
  seal->add_option("file", o.file, "the message")->type_name("FILE");
  seal->add_option("--domain", o.domain, "d=")->type_name("DOMAIN");
  seal->add_option("--selector", o.selector, "s=")->type_name("NAME");
  seal->add_option("--key", o.key, "private key, PEM")->type_name("FILE");
  seal->add_option("--authserv-id", o.authserv_id, "whose results are sealed")->type_name("NAME");
  seal->add_option("--results", o.results,
                   "\"spf=pass smtp.mailfrom=example.org; dkim=...\"; by default those of the message's "
                   "Authentication-Results fields with that authserv-id")
      ->type_name("TEXT");
  seal->add_option("--cv", o.cv, "none, pass or fail, in the place of validating the chain");
  seal->add_option("--headers", o.headers, "fields that the message signature covers; a safe list by default")
      ->type_name("A:B:C");
  seal->add_option("--time", o.time, "t=, seconds since 1970")->type_name("UNIXTIME");
  seal->add_flag("--message", o.message, "write the sealed message, not only its new fields");
  arc->callback([&options, &o, seal, verify] {
    o.seal = seal->parsed();
    const bool chosen = o.seal || verify->parsed();
    options.chosen = [&o, chosen] {
      const bool given = o.common.batch || (chosen && !o.file.empty());
      if (const int code = need(given, "arc needs verify FILE or seal FILE, or --batch"); code != kOk) return code;
      return run_arc(o);
    };
  });
}

void add_auth(CLI::App& app, Options& options) {
  CLI::App* const auth = app.add_subcommand("auth", "SPF, DKIM, ARC and DMARC of one message, with reasons");
  auth->group("Authentication");
  AuthToolOptions& o = options.auth;
  auth->add_option("--ip", o.ip, "address of the client")->type_name("ADDRESS");
  auth->add_option("--from", o.from, "MAIL FROM; \"\" is the null path")->type_name("ADDRESS");
  auth->add_option("--helo", o.helo, "what the client said in HELO")->type_name("NAME");
  auth->add_option("--receiver", o.receiver, "our host name, and the authserv-id")->type_name("NAME");
  auth->add_option("file", o.file, "the message")->type_name("FILE");
  add_common(*auth, o.common);
  auth->footer(std::string(kMessageHelp) +
               "Exit code 0: DMARC passes, or SPF or DKIM where there is no policy. 1: not. 2: bad usage.\n\n" +
               kBatchHelp +
               "\nExample:\n"
               "  postern auth --ip 2001:db8::25 --from alice@example.org --helo mx.example.org message.eml");
  auth->callback([&options, &o] {
    options.chosen = [&o] {
      const bool given = o.common.batch || (!o.ip.empty() && !o.file.empty());
      if (const int code = need(given, "auth needs --ip and FILE, or --batch"); code != kOk) return code;
      return run_auth(o);
    };
  });
}

void add_keygen(CLI::App& app, Options& options) {
  CLI::App* const keygen = app.add_subcommand("keygen", "make a DKIM key, and the TXT record that publishes it");
  keygen->group("Authentication");
  KeygenOptions& o = options.keygen;
  keygen->add_option("--type", o.type, "rsa, ed25519 or both")->capture_default_str();
  keygen->add_option("--bits", o.bits, "length of an RSA key")->capture_default_str();
  keygen->add_option("--domain", o.domain, "who signs")->type_name("DOMAIN")->required();
  keygen->add_option("--selector", o.selector, "which of its keys this is; with --type both NAME-rsa and NAME-ed25519")
      ->type_name("NAME")
      ->required();
  keygen->add_option("--out", o.out, "folder of SELECTOR.DOMAIN.pem")->type_name("DIR")->capture_default_str();
  keygen->add_flag("--force", o.force, "replace a key that is there");
  keygen->add_flag("--check", o.check, "make nothing: is the key in that folder the one that DNS publishes?");
  add_resolver_options(*keygen, o.common);
  keygen->footer(
      "The key file is readable by its owner alone. The record is printed as a zone file has it.\n"
      "Exit code 0: made, or published as it should be. 1: not. 2: bad usage.\n\n"
      "Examples:\n"
      "  postern keygen --domain example.org --selector s2026 --out /etc/postern/keys\n"
      "  postern keygen --domain example.org --selector s2026 --out /etc/postern/keys --check");
  keygen->callback([&options, &o] { options.chosen = [&o] { return run_keygen(o); }; });
}

void add_fingerprint(CLI::App& app, Options& options) {
  CLI::App* const command =
      app.add_subcommand("fingerprint", "the operating system behind a saved SYN, and the JA4 of a ClientHello");
  command->group("Tools");
  FingerprintToolOptions& o = options.fingerprint;
  command->add_option("syn,--syn", o.syn, "IP and TCP headers of a SYN, as records have them")->type_name("HEX");
  command->add_option("--client-hello", o.client_hello, "a ClientHello, as a message or in TLS records")
      ->type_name("HEX");
  command->add_option("--p0f", o.p0f, "p0f's database; /etc/p0f/p0f.fp by default, if it is there")->type_name("FILE");
  command->add_flag("--batch", o.batch, "JSON lines on standard input, one answer each");
  command->add_flag("--json", o.json, "for machines");
  command->footer(
      "Exit code 0: recognised. 1: not. 2: bad usage.\n\n"
      "With --batch each line of standard input is {\"id\", \"syn_hex\", \"client_hello_hex\"}, either or both, and "
      "gets {\"id\", \"os\", \"label\", \"signature\", \"ja4\", ...}.\n\n"
      "Example:\n  postern fingerprint "
      "4500003c1c4640004006b1e6c0000201c6336402d4310019a1b2c3d400000000a002faf0fe300000020405b40402080a3f1e2d0c00000000"
      "01030307");
  command->callback([&options, &o] {
    options.chosen = [&o] {
      const bool given = o.batch || !o.syn.empty() || !o.client_hello.empty();
      if (const int code = need(given, "fingerprint needs a SYN, --client-hello, or --batch"); code != kOk) return code;
      return run_fingerprint(o);
    };
  });
}

void add_country(CLI::App& app, Options& options) {
  CLI::App* const command = app.add_subcommand("country", "the countries of addresses, and how old the data is");
  command->group("Tools");
  CountryToolOptions& o = options.country;
  command->add_option("address", o.addresses, "none: tell about the data only")->type_name("ADDRESS");
  command
      ->add_option(
          "--file", o.files,
          "geoip or geoip6 of tor-geoipdb (its own by default), registry statistics, or .mmdb; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_flag("--json", o.json, "for machines");
  command->footer(
      "Exit code 0: every address has a country. 1: not, or there is no data. 2: bad usage.\n\n"
      "Example:\n  postern country 192.0.2.1 2001:db8::1");
  command->callback([&options, &o] { options.chosen = [&o] { return run_country(o); }; });
}

// Which records, and whose; what is named last is the records.
void add_check(CLI::App& app, Options& options) {
  CLI::App* const command =
      app.add_subcommand("check", "is a domain's mail set-up sane? DNS, both families, TLS, policies");
  command->group("Tools");
  CheckToolOptions& o = options.checker;
  command->add_option("domain", o.domains, "the domain")->type_name("DOMAIN");
  command->add_flag("--deep", o.deep,
                    "further connections and RCPT probes: of domains of yours, or of who asked for it");
  command->add_flag(
      "--self", o.self,
      "beside the configuration: what it says of our hosts, keys and certificates; of every [[domain]] by default");
  command->add_option("--selector", o.selectors, "a DKIM selector, beside common ones; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--watch", o.watch, "keep the report there, and show what changed since the last run")
      ->type_name("FILE");
  CLI::Option* const nagios = command->add_flag("--nagios", o.nagios, "one line and an exit code for monitoring");
  command->add_flag("--json", o.json, "for machines")->excludes(nagios);
  command->add_flag("--list", o.list, "every check with its rule (Markdown)");
  command->add_flag("-v,--verbose", o.verbose, "evidence and rule of everything");
  command->add_option("-c,--config", o.config, "read hostname and [dns] of this configuration")->type_name("FILE");
  command->add_option("--dns", o.dns, "ask this resolver; the system's by default")->type_name("HOST:PORT");
  command->add_option("--helo", o.helo, "name to say in EHLO; the host's own by default")->type_name("NAME");
  command->add_option("--timeout", o.timeout, "for the whole run")->type_name("DURATION")->capture_default_str();
  command->add_option("--port", o.port, "of mail servers")
      ->type_name("PORT")
      ->capture_default_str()
      ->group("Laboratory");
  command->add_option("--https-port", o.https_port, "of policy hosts")
      ->type_name("PORT")
      ->capture_default_str()
      ->group("Laboratory");
  command->add_option("--dns-port", o.dns_port, "of the domain's name servers")
      ->type_name("PORT")
      ->capture_default_str()
      ->group("Laboratory");
  command->add_option("--ca", o.ca_file, "certificates to trust instead of the system's")
      ->type_name("FILE")
      ->group("Laboratory");
  command->add_flag("--private", o.allow_private, "connect to private addresses, too")->group("Laboratory");
  command->add_flag("--no-name-servers", o.no_name_servers, "ask the resolver alone")->group("Laboratory");
  command->add_option("--now", o.now, "the time to judge at, in seconds since 1970")
      ->type_name("UNIXTIME")
      ->group("Laboratory");
  command->footer(
      "Exit code 0: nothing fails. 1: something does, or with --watch became worse. 2: bad usage.\n"
      "With --nagios 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\n"
      "Examples:\n"
      "  postern check example.org\n"
      "  postern check example.org --selector 2026a --watch /var/lib/postern/check-example.org.json\n"
      "  postern check --self --config /etc/postern/postern.toml");
  command->callback([&options, &o] {
    options.chosen = [&o] {
      if (o.self && o.config.empty()) o.config = kDefaultConfig;
      return run_check(o);
    };
  });
}

void add_record_options(CLI::App& app, RecordOptions& common, bool records) {
  common.config = kDefaultConfig;
  app.add_option_function<std::string>(
         "-c,--config",
         [&common](const std::string& file) {
           common.config = file;
           common.config_given = true;
         },
         "the configuration file: its policy, and its records where none are named")
      ->type_name("FILE");
  app.add_flag("--json", common.json, "for machines");
  app.add_option("--now", common.now, "the time to reckon with, in seconds since 1970")->type_name("UNIXTIME");
  if (!records) return;
  app.add_option("--since", common.since, "sessions from then on: 7d, 2026-11-21, 2026-11-21T06:43:08Z")
      ->type_name("TIME");
  app.add_option("records", common.records, "files, folders of records, or data_dirs")->type_name("RECORDS");
}

void add_why(CLI::App& app, Options& options) {
  CLI::App* const why = app.add_subcommand("why", "what is behind an id: the session in words, and the way out");
  why->group("Insight");
  add_record_options(*why, options.why.common, false);
  why->add_option("--records", options.why.common.records, "look in these, not in those of the configuration")
      ->type_name("RECORDS")
      ->allow_extra_args(false);
  why->add_option("id", options.why.id, "of a session, a message or a delivery")->type_name("ID")->required();
  why->footer(
      "Rules and score are explained where the policy of the configuration is the one that judged.\n"
      "Exit code 0: found. 1: there is no such record. 2: bad usage.\n\n"
      "Example:\n  postern why M7YDGB6VQ0N6K727");
  why->callback([&options] { options.chosen = [&options] { return run_why(options.why); }; });
}

void add_mark(CLI::App& app, Options& options) {
  CLI::App* const mark = app.add_subcommand("mark", "say of a session or a message that it was ham or spam");
  mark->group("Insight");
  MarkOptions& o = options.mark;
  add_config_option(*mark, o.config);
  mark->add_option("--data-dir", o.data_dir, "in place of the configuration's")->type_name("DIR");
  mark->add_option("id", o.id, "of a session or a message")->type_name("ID")->required();
  mark->add_option("word", o.word, "ham or spam")->type_name("ham|spam")->required();
  mark->add_option("--note", o.note, "for whoever reads the marks")->type_name("TEXT");
  mark->footer(
      "Marks are the ground truth of `postern signals` and `postern replay`; they change nothing of what is judged.\n"
      "The last mark of an id holds.\n\nExample:\n  postern mark M7YDGB6VQ0N6K727 spam --note \"phishing\"");
  mark->callback([&options] { options.chosen = [&options] { return run_mark(options.mark); }; });
}

void add_maillog_options(CLI::App& app, MaillogOptions& o) {
  CLI::Option* const files =
      app.add_option(
             "--maillog", o.files,
             "count logs of Postfix or Exim, not records: plain, gzip, zstd or journal export; - is standard input")
          ->type_name("FILE...");
  app.add_flag("--lines", o.lines, "each line of the logs as a JSON object")->needs(files);
  app.add_flag("--all", o.all, "of the logs every table, not one screen")->needs(files);
  app.add_flag("--unknown", o.unknown, "show lines of the logs that are not understood")->needs(files);
  app.add_option("--threads", o.threads, "how many count; as many as there are processors")
      ->type_name("N")
      ->needs(files);
  for (const char* of_records : {"--compare", "--countries", "records"}) files->excludes(app.get_option(of_records));
}

void add_stats(CLI::App& app, Options& options) {
  CLI::App* const stats =
      app.add_subcommand("stats", "connections and messages by family, TLS, verdict, reason; delays");
  stats->group("Insight");
  add_record_options(*stats, options.stats.common, true);
  stats->add_option("--until", options.stats.until, "only what began before this; as --since")->type_name("TIME");
  stats->add_flag("--compare", options.stats.compare, "beside the period of the same length before --since");
  stats->add_flag("--countries", options.stats.countries, "propose [policy] home, with the mail it would have cost");
  add_maillog_options(*stats, options.stats.maillog);
  stats->footer(
      "Examples:\n  postern stats --since 7d --compare\n  postern stats --since 2026-11-01 --until 2026-12-01 --json\n "
      " postern stats --countries var/records\n"
      "  postern stats --maillog /var/log/mail.log /var/log/mail.log.*.gz");
  stats->callback([&options] { options.chosen = [&options] { return run_stats(options.stats); }; });
}

void add_metrics(CLI::App& app, Options& options) {
  CLI::App* const metrics = app.add_subcommand("metrics", "what a running server counts, as Prometheus reads it");
  metrics->group("Insight");
  add_config_option(*metrics, options.metrics.config);
  metrics->add_flag("--reference", options.metrics.reference, "all metrics and their meaning, as Markdown");
  metrics->footer("Example:\n  postern metrics --config /etc/postern/postern.toml");
  metrics->callback([&options] { options.chosen = [&options] { return run_metrics(options.metrics); }; });
}

void add_signals(CLI::App& app, Options& options) {
  CLI::App* const signals = app.add_subcommand("signals", "what each signal is worth, measured on your own traffic");
  signals->group("Insight");
  add_record_options(*signals, options.signals.common, true);
  signals->add_option("--write", options.signals.write, "write the counts, for [policy] evidence = FILE")
      ->type_name("FILE");
  signals->footer(
      "A row that says \"no evidence yet\" may be chance; \"need about n more\" are events, one a sender and day.\n\n"
      "Examples:\n"
      "  postern signals --config /etc/postern/postern.toml\n"
      "  postern signals var/records --write evidence.json");
  signals->callback([&options] { options.chosen = [&options] { return run_signals(options.signals); }; });
}

void add_replay(CLI::App& app, Options& options) {
  CLI::App* const replay = app.add_subcommand("replay", "what another policy would have made of recorded traffic");
  replay->group("Insight");
  add_record_options(*replay, options.replay.common, true);
  replay->add_option("--policy", options.replay.policy, "a configuration, or its [policy] alone")
      ->type_name("NEW.toml")
      ->required();
  replay->add_flag("--resimulate", options.replay.resimulate,
                   "let budgets, greylist and known senders evolve anew, from cold");
  replay->footer(
      "The policy that judged gives every verdict again, so what differs is the new policy's doing.\n\n"
      "Examples:\n"
      "  postern replay --policy new.toml --since 7d\n"
      "  postern replay --policy new.toml var/records --json | jq '.newly_refused[] | select(.later != \"spam\")'");
  replay->callback([&options] { options.chosen = [&options] { return run_replay(options.replay); }; });
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

}  // namespace

int run(int argc, char** argv) {
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return options.chosen();
}

}  // namespace postern::cli
