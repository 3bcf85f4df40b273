// DMARC evaluations a second on answers that are there at once: what the evaluation itself costs.
#include <benchmark/benchmark.h>

#include <memory>

#include "dmarc/evaluate.h"

namespace {

using namespace postern;

constexpr std::string_view kRecord =
    "v=DMARC1; p=reject; sp=quarantine; adkim=r; aspf=r; rua=mailto:dmarc-a@example.com,mailto:x@r.example.net; "
    "ruf=mailto:dmarc-f@example.com; fo=1; pct=100";

// A resolver that answers from a small table without making answers: what a cache does.
class Cached final : public dns::Resolver {
 public:
  Cached() {
    none_ = std::make_shared<const dns::Answer>(dns::Answer{.status = dns::Status::nxdomain});
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.texts = {std::string(kRecord)};
    record_ = std::make_shared<const dns::Answer>(std::move(answer));
  }
  Task<dns::AnswerPtr> query(dns::Name name, dns::Type /*type*/, dns::Budget& budget) override {
    (void)budget.take();
    co_return name.text() == "_dmarc.example.com" ? record_ : none_;
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}

 private:
  dns::AnswerPtr none_, record_;
};

void evaluate(benchmark::State& state, const char* author, const char* spf, const char* dkim) {
  Cached resolver;
  for (auto _ : state) {
    dns::Budget budget;
    dmarc::Input input{
        .author_domain = author, .spf = {.domain = spf, .pass = true}, .dkim = {{.domain = dkim, .pass = true}}};
    const auto out = run_ready(dmarc::evaluate(std::move(input), resolver, budget));
    benchmark::DoNotOptimize(out.outcome);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(evaluate, identical, "example.com", "example.com", "example.com");
BENCHMARK_CAPTURE(evaluate, relaxed, "mail.example.com", "bounce.example.com", "example.com");
BENCHMARK_CAPTURE(evaluate, deep, "a.b.c.d.e.f.g.h.example.com", "x.y.z.example.com", "example.com");
BENCHMARK_CAPTURE(evaluate, unaligned, "example.com", "bounce.example.net", "example.net");
BENCHMARK_CAPTURE(evaluate, no_record, "a.example.org", "a.example.org", "example.org");

void parse_record(benchmark::State& state) {
  for (auto _ : state) {
    const auto record = dmarc::parse_record(kRecord);
    benchmark::DoNotOptimize(record->policy);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_record);

void author_domain(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 15; ++i) text += "X-Some-Field: with a value of sixty octets or so, which nobody reads 0123\r\n";
  text += "From: =?utf-8?q?J=C3=BCrgen_Q=2E?= Public <j.q.public@mail.example.com>\r\n";
  const message::HeaderSection header(std::move(text));
  for (auto _ : state) {
    const auto domain = dmarc::author_domain(header);
    benchmark::DoNotOptimize(domain->data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(author_domain);

}  // namespace

BENCHMARK_MAIN();
