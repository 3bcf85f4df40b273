// The command line: one-shot tools.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <string_view>

#include "base/text.h"
#include "cli/app_options.h"

namespace postern::cli {

namespace {

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

}  // namespace

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

namespace {

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

}  // namespace

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
  CLI::Option* const json = command->add_flag("--json", o.json, "for machines")->excludes(nagios);
  command->add_flag("--prometheus", o.prometheus, "metrics, for node_exporter's textfile collector")
      ->excludes(nagios)
      ->excludes(json);
  command->add_flag("--lookalikes", o.lookalikes, "also ask DNS for names that look like this one");
  command->add_flag("--list", o.list, "every check with its rule (Markdown)");
  command->add_flag("-v,--verbose", o.verbose, "evidence and rule of everything");
  command
      ->add_option("-c,--config", o.config,
                   "read hostname, [dns] and [[policy.list]] of this configuration, and its records")
      ->type_name("FILE");
  command->add_option("--dns", o.dns, "ask this resolver; the system's by default")->type_name("HOST:PORT");
  command->add_option("--helo", o.helo, "name to say in EHLO; the host's own by default")->type_name("NAME");
  command->add_option("--timeout", o.timeout, "for the whole run")->type_name("DURATION")->capture_default_str();
  command->add_flag("--retry-greylisted", o.retry_greylisted,
                    "visit addresses that answer 4xx once more, six minutes later");
  command->add_option("--retry-after", o.retry_after, "how much later that is")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group("Laboratory");
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

}  // namespace postern::cli
