// check_servers: what the checker finds out of mail hosts, without any DNS: for tests that have servers and no zones.
//   check_servers DOMAIN --port N [--deep] [--ca FILE] [--helo NAME] [--timeout SECONDS]
//                 [--host NAME[=ADDRESS[,ADDRESS...]] [--tlsa "3 1 1 HEX"]...]...
//                 [--submissions NAME=ADDRESS[,...]] [--submission NAME=ADDRESS[,...]]
// Prints {"servers":[...],"findings":[...]}: the facts of each address, and the findings as `postern check` has them.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "check/judge_impl.h"
#include "check/submission.h"
#include "dns/fixture.h"

namespace {

using namespace postern;
using namespace postern::check;

[[noreturn]] void usage(const std::string& what) {
  std::fprintf(stderr, "check_servers: %s\n", what.c_str());
  std::exit(2);
}

std::string_view word(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::info:
      return "info";
    case Outcome::not_tested:
      return "not_tested";
    case Outcome::warn:
      return "warn";
    case Outcome::fail:
      return "fail";
  }
  return "";
}

void add_host(Target& target, const std::string& text) {
  const auto equals = text.find('=');
  MailHost host;
  const auto name = dns::Name::parse(text.substr(0, equals));
  if (!name) usage("no name: " + text);
  host.name = *name;
  if (equals != std::string::npos) {
    for (const std::string_view one : split(std::string_view(text).substr(equals + 1), ',')) {
      const auto address = ip::Address::parse(one);
      if (!address) usage("no address: " + std::string(one));
      Address added;
      added.address = *address;
      host.addresses.push_back(std::move(added));
    }
  }
  host.tlsa = std::make_shared<dns::Answer>();
  target.hosts.push_back(std::move(host));
}

void add_submission(Target& target, const std::string& text, bool tls_first) {
  add_host(target, text);
  SubmissionHost host;
  host.name = target.hosts.back().name;
  host.addresses = std::move(target.hosts.back().addresses);
  host.tls_first = tls_first;
  host.port = tls_first ? 465 : 587;
  target.hosts.pop_back();
  target.submission.push_back(std::move(host));
}

void add_tlsa(Target& target, const std::string& text) {
  const auto fields = split(text, ' ');
  if (target.hosts.empty() || fields.size() != 4) usage("--tlsa \"3 1 1 HEX\" behind its --host");
  dns::Tlsa record;
  record.usage = static_cast<std::uint8_t>(parse_unsigned(fields[0], 255).value_or(255));
  record.selector = static_cast<std::uint8_t>(parse_unsigned(fields[1], 255).value_or(255));
  record.matching = static_cast<std::uint8_t>(parse_unsigned(fields[2], 255).value_or(255));
  record.data = from_hex(fields[3]).value_or("");
  dns::Answer answer = *target.hosts.back().tlsa;
  answer.status = dns::Status::ok;
  answer.security = dns::Security::secure;
  answer.ttl = 3600;
  answer.tlsa.push_back(std::move(record));
  target.hosts.back().tlsa = std::make_shared<dns::Answer>(std::move(answer));
}

void write_server(json::Writer& out, const MailHost& host, const Address& address) {
  out.begin_object().field("host", host.name.text()).field("address", address.address.text());
  if (address.server) {
    const ServerFacts& facts = *address.server;
    out.field("problem", facts.problem).field("connections", facts.connections).field("deep_ended", facts.deep_ended);
    if (facts.tls) {
      out.field("version", facts.tls->version).field("cipher", facts.tls->cipher).field("group", facts.tls->group);
      out.field("trusted", facts.tls->trusted);
      if (!facts.tls->chain.empty()) out.field("fingerprint", judging::fingerprint(facts.tls->chain.front()));
    }
    out.key("tried").begin_array();
    for (const TlsTried& one : facts.tried) {
      static constexpr std::array kWhat{"version", "cipher", "group"};
      out.begin_object().field("what", kWhat[static_cast<std::size_t>(one.what)]).field("version", one.version);
      out.field("cipher", one.cipher).field("group", one.group).field("accepted", one.accepted);
      out.field("suite", one.suite).end_object();
    }
    out.end_array();
  }
  out.end_object();
}

std::string print(const Target& target, const std::vector<Finding>& findings) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("servers").begin_array();
  for (const MailHost& host : target.hosts) {
    for (const Address& address : host.addresses) write_server(out, host, address);
  }
  out.end_array().key("findings").begin_array();
  for (const Finding& one : findings) {
    out.begin_object().field("id", one.id).field("outcome", word(one.outcome)).field("subject", one.subject);
    out.field("evidence", one.evidence).field("fix", one.fix).field("record", one.record).end_object();
  }
  out.end_array().end_object();
  return text;
}

Task<void> go(Target& target, const Options& options, Services services) {
  co_await probe_hosts(target, options, services, nullptr);
  co_await visit_submission(target, options, services, Deadline::after(options.deadline));
  services.loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  Target target;
  Options options;
  options.allow_private = true;
  options.helo = "checker.example";
  options.now = wall_now();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] { return i + 1 < words.size() ? words[++i] : (usage("no value"), std::string()); };
    if (words[i] == "--deep")
      options.deep = true;
    else if (words[i] == "--port")
      options.smtp_port = static_cast<std::uint16_t>(parse_unsigned(value(), 65535).value_or(0));
    else if (words[i] == "--ca")
      options.ca_file = value();
    else if (words[i] == "--helo")
      options.helo = value();
    else if (words[i] == "--timeout")
      options.deadline = seconds(parse_unsigned(value(), 3600).value_or(60));
    else if (words[i] == "--host")
      add_host(target, value());
    else if (words[i] == "--submissions")
      add_submission(target, value(), true);
    else if (words[i] == "--submission")
      add_submission(target, value(), false);
    else if (words[i] == "--tlsa")
      add_tlsa(target, value());
    else
      target.domain = dns::Name::parse(words[i]).value_or(dns::Name());
  }
  if (target.domain.is_root() || (target.hosts.empty() && target.submission.empty()))
    usage("DOMAIN and --host are needed");
  io::Loop loop;
  io::BlockingPool pool(1);
  dns::FixtureResolver resolver{dns::Zone()};
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(go(target, options, {.loop = loop, .pool = pool, .resolver = resolver})); });
  loop.run();
  auto findings = judge_servers(target, options);
  for (Finding& one : judge_submission(target, options)) findings.push_back(std::move(one));
  std::puts(print(target, findings).c_str());
}
