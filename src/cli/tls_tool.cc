// `postern tls`: what is remembered of the TLS of other servers, and what to publish for our own.
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/data_directory.h"
#include "cli/key_text.h"
#include "cli/outbound_tools.h"
#include "cli/output.h"
#include "cli/table.h"
#include "config/config.h"
#include "control/control.h"
#include "dane/dane.h"
#include "io/process.h"
#include "io/tls.h"
#include "mtasts/mtasts.h"
#include "outbound/tls_files.h"

namespace postern::cli {

namespace {

using json::Value;

std::string moment(WallMs time) {
  std::string out = iso8601(time).substr(0, 16);
  if (out.size() > 10) out[10] = ' ';
  return out + " UTC";
}

// The running server, or its files where none runs.
Result<Value> ask(const config::Loaded& loaded, const Value& request) {
  auto answer = control::request(loaded.data_dir + "/control.sock", request);
  const bool nobody = !answer && control::nobody_serves(answer.error());
  if (!nobody) return answer;
  POSTERN_TRY_VOID(become_owner(loaded));
  if (request.at("command").string() == "tls_list") {
    const outbound::TlsOptions options = loaded.config ? loaded.config->outbound_tls : outbound::TlsOptions();
    return outbound::list_tls_files(loaded.data_dir, options.remember_verified_ms, wall_now());
  }
  POSTERN_TRY(const dns::Name name, outbound::parse_tls_name(request.at("name").string()));
  return outbound::forget_in_tls_files(loaded.data_dir, name);
}

int failed(const Error& error) {
  complain(error.what);
  return error.kind == ErrorKind::invalid ? kUsage : kNegative;
}

Value shown(const Value& answer) {
  Value::Object members = answer.object();
  members.erase("ok");
  return Value(std::move(members));
}

std::string patterns(const Value& policy) {
  std::string out;
  for (const Value& mx : policy.at("mx").array()) out += (out.empty() ? "" : " ") + printable(mx.string(), 260);
  return out;
}

int list(const config::Loaded& loaded, bool as_json) {
  const auto answer = ask(loaded, Value(Value::Object{{"command", Value(std::string("tls_list"))}}));
  if (!answer) return failed(answer.error());
  if (as_json) {
    print(shown(*answer).text() + "\n");
    return kOk;
  }
  const bool colour = colour_wanted();
  std::string out;
  Table policies({{"MTA-STS POLICY OF", false}, {"MODE", false}, {"UNTIL", false}, {"HOSTS", false}}, colour);
  for (const Value& policy : answer->at("policies").array()) {
    const std::string mode(policy.at("mode").string());
    policies.add({{printable(policy.at("domain").string()), Colour::none},
                  {mode, mode == "enforce" ? Colour::green : Colour::none},
                  {moment(policy.at("expires_ms").integer()), Colour::dim},
                  {patterns(policy), Colour::none}});
  }
  if (!answer->at("policies").array().empty()) out += policies.take() + "\n";
  Table verified({{"NOT IN CLEAR", false}, {"VERIFIED BY", false}, {"LAST", false}, {"UNTIL", false}}, colour);
  for (const Value& entry : answer->at("verified").array()) {
    verified.add({{printable(entry.at("domain").string()), Colour::none},
                  {printable(entry.at("how").string()), Colour::green},
                  {moment(entry.at("last_ms").integer()), Colour::none},
                  {moment(entry.at("until_ms").integer()), Colour::dim}});
  }
  if (!answer->at("verified").array().empty()) out += verified.take() + "\n";
  Table broken({{"STARTTLS FAILS AT", false}, {"ADDRESS", false}, {"REASON", false}, {"UNTIL", false}}, colour);
  for (const Value& entry : answer->at("broken").array()) {
    broken.add({{printable(entry.at("host").string()), Colour::none},
                {printable(entry.at("address").string()), Colour::none},
                {printable(entry.at("reason").string()), Colour::yellow},
                {moment(entry.at("until_ms").integer()), Colour::dim}});
  }
  if (!answer->at("broken").array().empty()) out += broken.take() + "\n";
  if (out.empty()) out = "Nothing is remembered of the TLS of other servers.\n\n";
  out.pop_back();
  print(out);
  return kOk;
}

int forget(const config::Loaded& loaded, const TlsToolOptions& options) {
  int code = kOk;
  std::int64_t forgotten = 0;
  for (const std::string& name : options.names) {
    const auto answer =
        ask(loaded, Value(Value::Object{{"command", Value(std::string("tls_forget"))}, {"name", Value(name)}}));
    if (answer)
      forgotten += answer->at("forgotten").integer();
    else
      code = std::max(code, failed(answer.error()));
  }
  if (options.json) print(Value(Value::Object{{"forgotten", Value(forgotten)}}).text() + "\n");
  return code;
}

struct Published {
  std::string name, type, value;
};

Result<std::vector<Published>> records(const config::Config& config, const TlsToolOptions& options,
                                       const dns::Name& domain, const mtasts::Policy& policy) {
  std::vector<Published> out;
  out.push_back({"_mta-sts." + domain.text(), "TXT", mtasts::record_text(mtasts::policy_id(policy))});
  const std::string rua = options.rua.empty() ? "mailto:postmaster@" + domain.text() : options.rua;
  out.push_back({"_smtp._tls." + domain.text(), "TXT", "v=TLSRPTv1; rua=" + rua});
  std::vector<std::string> files;
  for (const io::TlsCertificate& certificate : config.tls.certificates) files.push_back(certificate.certificate);
  if (files.empty()) files.push_back(config.self_signed_certificate());
  for (const std::string& file : files) {
    POSTERN_TRY(const std::string digest, io::certificate_key_digest(file));
    out.push_back({"_25._tcp." + config.hostname, "TLSA",
                   dane::presentation({.usage = 3, .selector = 1, .matching = 1, .data = digest})});
  }
  return out;
}

std::string zone_text(const Published& record) {
  if (record.type == "TXT") return zone_line(record.name, record.value);
  return record.name + ". IN " + record.type + " " + record.value + "\n";
}

int show_records(const config::Loaded& loaded, const TlsToolOptions& options) {
  if (!loaded.config) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  const auto domain = outbound::parse_tls_name(options.names.front());
  if (!domain) return failed(domain.error());
  const auto age = parse_duration_ms(options.max_age);
  std::vector<std::string> hosts = options.mx;
  if (hosts.empty()) hosts.push_back(loaded.config->hostname);
  std::string text =
      "version: STSv1\nmode: " + options.mode + "\nmax_age: " + std::to_string(age.value_or(-1000) / 1000) + "\n";
  for (const std::string& host : hosts) text += "mx: " + host + "\n";
  const auto policy = mtasts::parse_policy(text);
  if (!policy) return failed({ErrorKind::invalid, policy.error().what, 0});
  const auto published = records(*loaded.config, options, *domain, *policy);
  if (!published) {
    complain(published.error().what);
    return kNegative;
  }
  const std::string url = "https://mta-sts." + domain->text() + std::string(mtasts::kPath);
  if (options.json) {
    Value::Array rows;
    for (const Published& record : *published) {
      rows.emplace_back(
          Value::Object{{"name", Value(record.name)}, {"type", Value(record.type)}, {"value", Value(record.value)}});
    }
    print(Value(Value::Object{{"records", Value(std::move(rows))},
                              {"policy_url", Value(url)},
                              {"policy", Value(mtasts::policy_text(*policy))}})
              .text() +
          "\n");
    return kOk;
  }
  std::string out = "; In the zones of " + domain->text() + " and of " + loaded.config->hostname +
                    ". TLSA counts only where the zone is signed (DNSSEC),\n; and must be changed before the key is.\n";
  for (const Published& record : *published) out += zone_text(record);
  out += "\n; At " + url + ", as text/plain, with CRLF line ends:\n" + mtasts::policy_text(*policy);
  print(out);
  return kOk;
}

}  // namespace

int run_tls(const TlsToolOptions& options) {
  const config::Loaded loaded = config::load(options.config);
  if (options.verb == "records") return show_records(loaded, options);
  if (loaded.data_dir.empty()) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  if (options.verb == "forget") return forget(loaded, options);
  return list(loaded, options.json);
}

}  // namespace postern::cli
