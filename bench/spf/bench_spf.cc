// How many SPF evaluations a second one core makes with answers at hand: the whole of check_host() for records as they
// are published, and the parser alone.
//
//   bench_spf [--benchmark_filter=...]       items_per_second counts CPU time, so that other load does not show
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "dns/fixture.h"
#include "spf/evaluate.h"
#include "spf/record.h"

namespace {

using namespace postern;
using namespace postern::spf;

constexpr std::string_view kTypical = "v=spf1 include:_spf.example.net ip4:198.51.100.0/24 ip6:2001:db8:1::/48 -all";
constexpr std::string_view kIncluded =
    "v=spf1 ip4:203.0.113.0/26 ip4:203.0.113.64/26 ip4:203.0.113.128/27 ip4:198.51.100.16/28 ip4:198.51.100.128/25 "
    "ip4:192.0.2.0/27 ip4:192.0.2.64/26 ip6:2001:db8:10::/48 ip6:2001:db8:20::/48 ip6:2001:db8:30:40::/64 "
    "ip4:192.0.2.128/25 ~all";

// The resolver's cache, in the cheapest form that there is.
class AnswersAtHand final : public dns::Resolver {
 public:
  void add(std::string_view name, std::string_view text) {
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::ok;
    answer->texts.emplace_back(text);
    answers_.emplace_back(*dns::Name::parse(name), std::move(answer));
  }
  Task<dns::AnswerPtr> query(dns::Name name, dns::Type /*type*/, dns::Budget& budget) override {
    POSTERN_CHECK(budget.take());
    for (const auto& [owner, answer] : answers_) {
      if (owner == name) co_return answer;
    }
    co_return dns::failed_answer(dns::Status::nxdomain, "");
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}

 private:
  std::vector<std::pair<dns::Name, dns::AnswerPtr>> answers_;
};

dns::Zone zone() {
  std::string text = R"({"example.org": {"TXT": [)";
  json::Writer(text).string(kTypical);
  text += R"(]}, "_spf.example.net": {"TXT": [)";
  json::Writer(text).string(kIncluded);
  text += "]}}";
  return *dns::Zone::from_json(*json::parse(text));
}

Query query_from(std::string_view client) {
  Query query;
  query.client = *ip::Address::parse(client);
  query.mail_from = "bounce-12345@example.org";
  query.helo = "mail.example.org";
  query.receiver = "mx.example.com";
  return query;
}

void evaluate(benchmark::State& state, dns::Resolver& resolver, std::string_view client, Outcome expected) {
  const Query query = query_from(client);
  for (auto _ : state) {
    dns::Budget budget;
    auto task = check(query, resolver, budget);
    task.start();
    const Evaluation evaluation = task.take();
    POSTERN_CHECK(evaluation.outcome == expected);
    benchmark::DoNotOptimize(evaluation.trace.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void passes_in_the_include(benchmark::State& state) {  // 11 terms of the include
  dns::FixtureResolver resolver(zone());
  evaluate(state, resolver, "192.0.2.200", Outcome::pass);
}
BENCHMARK(passes_in_the_include);

void no_term_matches(benchmark::State& state) {
  dns::FixtureResolver resolver(zone());
  evaluate(state, resolver, "2001:db8:99::1", Outcome::fail);
}
BENCHMARK(no_term_matches);

void no_term_matches_answers_at_hand(benchmark::State& state) {
  AnswersAtHand resolver;
  resolver.add("example.org", kTypical);
  resolver.add("_spf.example.net", kIncluded);
  evaluate(state, resolver, "2001:db8:99::1", Outcome::fail);
}
BENCHMARK(no_term_matches_answers_at_hand);

// The dearest record that a stranger can publish, for a sender that helps: time that one term holds the loop.
void longest_macros(benchmark::State& state) {
  std::string record = "v=spf1 exists:";
  while (record.size() + 32 < kRecordMax) record += "%{S1r-=}";
  record += ".example.org ip4:192.0.2.1";
  Query query = query_from("192.0.2.1");
  query.mail_from = "a" + std::string(62, '-') + "a@" + std::string(60, 'b') + ".example.org";
  AnswersAtHand resolver;
  resolver.add(std::string(60, 'b') + ".example.org", record);
  for (auto _ : state) {
    dns::Budget budget;
    auto task = check(query, resolver, budget);
    task.start();
    POSTERN_CHECK(task.take().outcome == Outcome::pass);
  }
}
BENCHMARK(longest_macros);

void most_networks(benchmark::State& state) {
  std::string record = "v=spf1";
  while (record.size() + 16 < kRecordMax) record += " ip4:1.2.3.4";
  AnswersAtHand resolver;
  resolver.add("example.org", record);
  evaluate(state, resolver, "192.0.2.1", Outcome::neutral);
}
BENCHMARK(most_networks);

void parse_record(benchmark::State& state) {
  for (auto _ : state) {
    auto record = Record::parse(kIncluded);
    benchmark::DoNotOptimize(record);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_record);

}  // namespace

BENCHMARK_MAIN();
