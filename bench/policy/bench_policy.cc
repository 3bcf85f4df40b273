// What judging costs: all verdicts of a session (connect, RCPT, the end of DATA) from evidence that is at hand, with 50
// configured rules in front of the preset and the score; and what makes a policy out of them, which a reload waits for.
//
//   bench_policy [--benchmark_filter=...]
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace {

using namespace postern;
using namespace postern::policy;
using evidence::Action;
using evidence::Evidence;
using evidence::Signal;
namespace value = evidence::value;

// Conditions as operators write them; with 50 rules every one stands there five times, with other numbers in it.
constexpr std::array<std::string_view, 10> kConditions{
    "os == windows and country not in home and rdns in [none, generic] and errors > ",
    "rdns_domain within \"example.net\" and tls in [tls1_2, tls1_3] and recipients > ",
    "country in [CN, RU, BR, IN] and known not in [known, replied_to] and recipients > 1",
    "helo in [bare_address, localhost] and not (spf == pass or known == known) and errors >= ",
    "lists has zen and list_score >= 3 and messages > ",
    "sender_domain in [example.com, example.net, \"example.edu\"] and spf in [fail, softfail] and recipients > ",
    "early_talk == yes or pipelining == yes and errors > ",
    "helo_name ends with \".invalid\" or unknown_recipients > 1",
    "dkim == none and spf == none and dmarc == none and size > 2000",
    "author_domain within \"example.com\" and dkim != pass and size > 1",
};
constexpr std::size_t kRules = 50;

Options options_with(std::size_t rules) {
  Options options;
  options.lists = {"zen", "dwl", "sbl"};
  options.choices.home = {evidence::country_code('U', 'S'), evidence::country_code('C', 'A')};
  for (std::size_t i = 0; i < rules; ++i) {
    RuleOptions rule{.name = "rule" + std::to_string(i), .when = std::string(kConditions.at(i % kConditions.size()))};
    rule.when += std::to_string(50 - i / kConditions.size());  // falling: each may be reached
    rule.action = Action::reject;
    options.rules.push_back(std::move(rule));
  }
  return options;
}

std::shared_ptr<const Policy> policy_of(const Options& options) {
  std::vector<Problem> problems;
  auto policy = Policy::compile(options, problems);
  POSTERN_CHECK(policy != nullptr);
  return policy;
}

// A good sender: no rule decides, so that all are asked, and the score too.
Evidence session() {
  Evidence evidence;
  evidence.set(Signal::family, value::Family::ipv6);
  evidence.set(Signal::address, value::Address::global);
  evidence.set_country(evidence::country_code('U', 'S'));
  evidence.set(Signal::rdns, value::Rdns::mail);
  evidence.set_text(Signal::rdns_name, "mail-ot1-f41.mail.example.com");
  evidence.set_text(Signal::rdns_domain, "example.com");
  evidence.set(Signal::os, value::Os::linux);
  evidence.set(Signal::early_talk, value::YesNo::no);
  evidence.set_lists(7, 0);
  evidence.set_number(Signal::list_score, 0);
  evidence.set(Signal::budget, value::Budget::within);
  evidence.set(Signal::known, value::Known::stranger);
  evidence.set(Signal::verdict_of_operator, value::Operator::silent);
  return evidence;
}

Evidence recipient(Evidence evidence) {
  evidence.set(Signal::helo, value::Helo::name);
  evidence.set(Signal::helo_match, value::HeloMatch::ptr);
  evidence.set_text(Signal::helo_name, "mail-ot1-f41.mail.example.com");
  evidence.set(Signal::protocol, value::Protocol::smtp);
  evidence.set(Signal::pipelining, value::YesNo::no);
  evidence.set(Signal::tls, value::Tls::tls1_3);
  evidence.set(Signal::sender, value::Sender::address);
  evidence.set_text(Signal::sender_domain, "example.com");
  evidence.set(Signal::spf, value::Spf::pass);
  evidence.set(Signal::recipient, value::Recipient::mailbox);
  evidence.set_text(Signal::recipient_domain, "example.org");
  evidence.set(Signal::greylist, value::Greylist::first);
  evidence.set(Signal::trap, value::YesNo::no);
  for (const Signal count : {Signal::errors, Signal::unknown_recipients, Signal::messages})
    evidence.set_number(count, 0);
  evidence.set_number(Signal::recipients, 1);
  return evidence;
}

Evidence message(Evidence evidence) {
  evidence.set(Signal::dkim, value::Dkim::pass);
  evidence.set_text(Signal::dkim_domain, "example.com");
  evidence.set(Signal::dmarc, value::Dmarc::pass);
  evidence.set(Signal::dmarc_policy, value::DmarcPolicy::reject);
  evidence.set(Signal::arc, value::Arc::none);
  evidence.set_text(Signal::author_domain, "example.com");
  evidence.set_number(Signal::size, 4096);
  return evidence;
}

void session_of(benchmark::State& state) {
  const auto policy = policy_of(options_with(static_cast<std::size_t>(state.range(0))));
  const Evidence at_connect = session();
  const Evidence at_rcpt = recipient(at_connect);
  const Evidence at_data = message(at_rcpt);
  const For bob{.address = "bob@example.org", .domain = "example.org"};
  for (auto _ : state) {
    const auto connect = policy->judge(Moment::connect, at_connect, {});
    const auto rcpt = policy->judge(Moment::rcpt, at_rcpt, bob);
    const auto data = policy->judge(Moment::data, at_data, bob);
    POSTERN_CHECK(connect.action == Action::accept && rcpt.rule == "default" && data.rule == "default");
    POSTERN_CHECK(rcpt.score != 0 && data.score != 0);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_of)->Arg(0)->Arg(kRules);

void compile(benchmark::State& state) {
  const Options options = options_with(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(policy_of(options));
}
BENCHMARK(compile)->Arg(kRules)->Arg(500)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
