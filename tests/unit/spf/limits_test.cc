// Every limit at n and at n + 1, and what ends a check from outside: a spent budget, a cancelled one, time.
#include <gtest/gtest.h>

#include <coroutine>

#include "unit/spf/checked.h"

namespace postern::spf::test {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(SpfLimits, TenTerms) {
  constexpr std::string_view kHost = R"("h.example": {"A": ["198.51.100.1"]})";
  const auto ten = outcome_of("v=spf1" + repeated(" a:h.example", kTermsMax) + " ip4:192.0.2.1 -all", kHost);
  EXPECT_EQ(ten.outcome, Outcome::pass);
  EXPECT_EQ(ten.lookups, kTermsMax);
  const auto eleven = outcome_of("v=spf1" + repeated(" a:h.example", kTermsMax + 1) + " ip4:192.0.2.1 -all", kHost);
  EXPECT_EQ(eleven.outcome, Outcome::permerror);
  EXPECT_EQ(eleven.lookups, kTermsMax);
  EXPECT_NE(eleven.problem.find("a:h.example: more than 10 terms"), std::string::npos) << eleven.problem;
  // Terms that are not reached are not counted.
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.1" + repeated(" a:h.example", 11), kHost).outcome, Outcome::pass);
}

TEST(SpfLimits, EveryKindOfTermCounts) {
  constexpr std::string_view kMore =
      R"("h.example": {"A": ["198.51.100.1"], "MX": [[0, "h.example"]], "TXT": ["v=spf1 ?all"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["h.example"]})";
  for (const auto* term :
       {"a:h.example", "mx:h.example", "ptr:h.example", "exists:%{l}.none.example", "include:h.example"}) {
    const auto got = outcome_of("v=spf1 " + std::string(term), kMore);
    EXPECT_EQ(got.lookups, 1U) << term;
    EXPECT_EQ(outcome_of("v=spf1" + repeated(" a:h.example", 10) + " " + term, kMore).outcome, Outcome::permerror)
        << term;
  }
  const std::string nine = "v=spf1" + repeated(" a:h.example", 9);
  EXPECT_EQ(outcome_of(nine + " redirect=h.example", kMore).outcome, Outcome::neutral);
  EXPECT_EQ(outcome_of(nine + " a:h.example redirect=h.example", kMore).outcome, Outcome::permerror);
  EXPECT_EQ(outcome_of(nine + " a:h.example ip4:1.2.3.4 ip6:::1 x=y -all exp=h.example", kMore).outcome, Outcome::fail);
  // A target that is no name costs its term too.
  EXPECT_EQ(outcome_of(nine + " a:x..example a:h.example", kMore).outcome, Outcome::permerror);
}

TEST(SpfLimits, LoopsEnd) {
  auto got = outcome_of("v=spf1 include:example.org -all");
  EXPECT_EQ(got.outcome, Outcome::permerror);
  EXPECT_EQ(got.trace.back().depth, 0U + kTermsMax);
  got = outcome_of("v=spf1 redirect=r.example", R"("r.example": {"TXT": ["v=spf1 redirect=example.org"]})");
  EXPECT_EQ(got.outcome, Outcome::permerror);
  EXPECT_EQ(got.trace.back().depth, 0U);
}

TEST(SpfLimits, TermsAreCountedOverIncludesAndRedirects) {
  const auto inner = [](int terms) {
    return R"("h.example": {"A": ["198.51.100.1"]}, "i.example": {"TXT": ["v=spf1)" +
           repeated(" a:h.example", static_cast<std::size_t>(terms)) + R"("]})";
  };
  EXPECT_EQ(outcome_of("v=spf1 include:i.example ip4:192.0.2.1", inner(9)).outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 include:i.example ip4:192.0.2.1", inner(10)).outcome, Outcome::permerror);
  EXPECT_EQ(outcome_of("v=spf1 redirect=i.example", inner(9)).outcome, Outcome::neutral);
  EXPECT_EQ(outcome_of("v=spf1 redirect=i.example", inner(10)).outcome, Outcome::permerror);
}

TEST(SpfLimits, TwoVoidLookups) {
  constexpr std::string_view kMore = R"("h.example": {"AAAA": ["2001:db8::1"]})";
  for (const auto* term :
       {"a:none.example", "a:h.example", "mx:none.example", "mx:h.example", "exists:none.example", "ptr"}) {
    const std::string text = " " + std::string(term);
    const auto two = outcome_of("v=spf1" + repeated(text, kVoidMax) + " -all", kMore);
    EXPECT_EQ(two.outcome, Outcome::fail) << term;
    EXPECT_EQ(two.void_lookups, kVoidMax);
    const auto three = outcome_of("v=spf1" + repeated(text, kVoidMax + 1) + " -all", kMore);
    EXPECT_EQ(three.outcome, Outcome::permerror) << term;
    EXPECT_NE(three.problem.find(term), std::string::npos) << three.problem;
  }
  // A failure is no void, nor is an explanation that is missing.
  EXPECT_EQ(outcome_of("v=spf1 a:none.example a:h.example -all exp=none.example", kMore).outcome, Outcome::fail);
}

TEST(SpfLimits, AnMxWhoseHostsHaveNoAddressOfTheFamilyIsNotVoid) {
  constexpr std::string_view kMore = R"("m.example": {"MX": [[1, "a.example"], [2, "b.example"], [3, "c.example"]]},
    "a.example": {"A": ["192.0.2.1"]}, "b.example": {"A": ["192.0.2.2"]}, "c.example": {"A": ["192.0.2.3"]})";
  const auto got = outcome_of("v=spf1 mx:m.example mx:m.example mx:m.example -all", kMore, "2001:db8::1");
  EXPECT_EQ(got.outcome, Outcome::fail);
  EXPECT_EQ(got.void_lookups, 0U);
}

TEST(SpfLimits, TenMxHosts) {
  const auto hosts = [](std::size_t count) {
    std::string mx;
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string host = "h" + std::to_string(i) + ".example";
      mx += (i > 0 ? ", [" : "[") + std::to_string(i) + ", \"" + host + "\"]";
      names += ", \"" + host + R"(": {"A": ["192.0.2.)" + std::to_string(i + 1) + "\"]}";
    }
    return R"("m.example": {"MX": [)" + mx + "]}" + names;
  };
  EXPECT_EQ(outcome_of("v=spf1 mx:m.example -all", hosts(kMxMax), "192.0.2.10").outcome, Outcome::pass);
  // Also where one of the first ten would match: the order of records means nothing.
  const auto over = outcome_of("v=spf1 mx:m.example -all", hosts(kMxMax + 1), "192.0.2.1");
  EXPECT_EQ(over.outcome, Outcome::permerror);
  EXPECT_NE(over.problem.find("more than 10 MX"), std::string::npos);
}

TEST(SpfLimits, TenPtrNames) {
  const auto names = [](std::size_t before) {
    std::string ptr;
    for (std::size_t i = 0; i < before; ++i) ptr += "\"h" + std::to_string(i) + ".example.org\", ";
    return R"("1.2.0.192.in-addr.arpa": {"PTR": [)" + ptr +
           R"("right.example.org"]}, "right.example.org": {"A": ["192.0.2.1"]},
      "exp.example": {"TXT": ["%{p}"]})";
  };
  EXPECT_EQ(outcome_of("v=spf1 ptr -all", names(kPtrMax - 1)).outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ptr -all", names(kPtrMax)).outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 -all exp=exp.example", names(kPtrMax - 1)).explanation, "right.example.org");
  EXPECT_EQ(outcome_of("v=spf1 -all exp=exp.example", names(kPtrMax)).explanation, "unknown");
}

TEST(SpfLimits, LongestRecord) {
  std::string record = "v=spf1 ip4:192.0.2.1 x=";
  record.resize(kRecordMax, 'y');
  EXPECT_EQ(outcome_of(record).outcome, Outcome::pass);
  record += 'y';
  EXPECT_EQ(outcome_of(record).outcome, Outcome::permerror);
}

TEST(SpfLimits, LongestExplanation) {
  for (const std::size_t length : {kExplanationMax, kExplanationMax + 1}) {
    const auto got =
        outcome_of("v=spf1 -all exp=e.example", R"("e.example": {"TXT": [")" + std::string(length, 'x') + "\"]}");
    EXPECT_EQ(got.explanation, std::string(kExplanationMax, 'x'));
  }
}

TEST(SpfLimits, LongestTrace) {
  const auto networks = [](std::size_t count) {
    return outcome_of("v=spf1" + repeated(" ip4:198.51.100.1", count - 1) + " -all").trace;
  };
  const auto full = networks(Evaluation::kTraceMax);
  ASSERT_EQ(full.size(), Evaluation::kTraceMax);
  EXPECT_EQ(full[Evaluation::kTraceMax - 2].term, "ip4:198.51.100.1");
  EXPECT_EQ(full.back().term, "-all");
  EXPECT_EQ(full.back().result, "match");
  const auto over = networks(Evaluation::kTraceMax + 50);
  ASSERT_EQ(over.size(), Evaluation::kTraceMax);
  EXPECT_EQ(over.back().term, "-all");
  EXPECT_EQ(over.back().result, "match");
  // An include that stands in the last place comes back to it.
  const auto nested =
      outcome_of("v=spf1" + repeated(" ip4:198.51.100.1", Evaluation::kTraceMax - 1) + " include:i.example",
                 R"("i.example": {"TXT": ["v=spf1 ip4:198.51.100.1 ip4:192.0.2.1"]})");
  ASSERT_EQ(nested.trace.size(), Evaluation::kTraceMax);
  EXPECT_EQ(nested.trace.back().term, "include:i.example");
  EXPECT_EQ(nested.trace.back().result, "match");
  EXPECT_EQ(nested.trace.back().depth, 0U);
}

TEST(SpfLimits, ShownTermsAreCut) {
  const auto got = outcome_of("v=spf1 x=y exists:" + std::string(300, 'z') + ".example -all");
  ASSERT_FALSE(got.trace.empty());
  EXPECT_EQ(got.trace[0].term.substr(0, kTermShownMax), "exists:" + std::string(kTermShownMax - 7, 'z'));
  EXPECT_LE(got.trace[0].term.size(), kTermShownMax + 3);
}

// The worst that a stranger can publish: ten mx terms with ten hosts each, %{p} in one, ten names to validate, exp.
TEST(SpfLimits, TheMostThatACheckAsks) {
  std::string zone = R"({"example.org": {"TXT": ["v=spf1 mx:%{p}.m.example)" +
                     repeated(" mx:unknown.m.example", kTermsMax - 1) +
                     R"( -all exp=e.example"]}, "e.example": {"TXT": ["done"]}, "unknown.m.example": {"MX": [)";
  std::string ptr;
  std::string hosts;
  for (int i = 0; i < 10; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example";
    zone += (i > 0 ? ", [0, \"" : "[0, \"") + host + "\"]";
    ptr += (i > 0 ? ", \"" : "\"") + host + "\"";
    hosts += ", \"" + host + R"(": {"A": ["198.51.100.1"]})";
  }
  zone += R"(]}, "1.2.0.192.in-addr.arpa": {"PTR": [)" + ptr + "]}" + hosts + "}";
  const auto got = checked(query_of("192.0.2.1", "u@example.org"), zone_of(zone));
  EXPECT_EQ(got.evaluation.outcome, Outcome::fail);
  EXPECT_EQ(got.evaluation.explanation, "done");
  EXPECT_EQ(got.asked, kLookupsMax);
}

TEST(SpfLimits, ASpentBudgetIsTemporary) {
  const auto zone = zone_of(
      R"({"example.org": {"TXT": ["v=spf1 a:h.example ptr -all exp=e.example"]}, "h.example": {"A": ["198.51.100.1"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["x.example.org"]}, "e.example": {"TXT": ["why"]}})");
  const auto query = query_of("192.0.2.1", "u@example.org");
  for (std::uint32_t left = 0; left < 4; ++left) {  // TXT, A, PTR, A of the name
    const auto got = checked(query, zone, left);
    EXPECT_EQ(got.evaluation.outcome, Outcome::temperror) << left;
    EXPECT_NE(got.evaluation.problem, "") << left;
    EXPECT_EQ(got.asked, left);
  }
  // The explanation alone may be missing: the result stays.
  EXPECT_EQ(checked(query, zone, 4).evaluation.outcome, Outcome::fail);
  EXPECT_EQ(checked(query, zone, 4).evaluation.explanation, "");
  EXPECT_EQ(checked(query, zone, 5).evaluation.explanation, "why");
}

// Answers only when it is told to, as a real one does; a cancelled budget ends the wait.
class WaitingResolver final : public dns::Resolver {
 public:
  explicit WaitingResolver(dns::Zone zone) : zone_(std::move(zone)) {}

  Task<dns::AnswerPtr> query(dns::Name name, dns::Type type, dns::Budget& budget) override {
    if (budget.cancelled()) co_return dns::failed_answer(dns::Status::cancelled, "cancelled");
    Wait wait(*this, budget);
    co_await wait;
    if (budget.cancelled()) co_return dns::failed_answer(dns::Status::cancelled, "cancelled");
    if (late_) co_return dns::failed_answer(dns::Status::timeout, "the time is over");
    co_return zone_.find(name, type);
  }
  void prefetch(const dns::Name& name, dns::Type /*type*/) override { prefetched_.push_back(name.text()); }

  [[nodiscard]] bool waiting() const { return static_cast<bool>(waiting_); }
  void answer() { std::exchange(waiting_, {}).resume(); }
  void time_is_over() { late_ = true; }
  std::vector<std::string> prefetched_;

 private:
  class Wait final : public dns::Budget::Waiter {
   public:
    Wait(WaitingResolver& resolver, dns::Budget& budget) : resolver_(resolver), budget_(budget) { budget.add(*this); }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() { budget_.remove(*this); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { resolver_.waiting_ = handle; }
    void await_resume() const noexcept {}
    void cancelled() override { resolver_.answer(); }

   private:
    WaitingResolver& resolver_;
    dns::Budget& budget_;
  };
  dns::Zone zone_;
  std::coroutine_handle<> waiting_;
  bool late_ = false;
};

constexpr std::string_view kWaitingZone = R"({
  "example.org": {"TXT": ["v=spf1 include:i.example include:j.example. mx:m.example ptr exists:%{p}.p.example -all exp=e.example"]},
  "i.example": {"TXT": ["v=spf1 a:h.example ~all"]}, "j.example": {"TXT": ["v=spf1 ~all"]}, "h.example": {"A": ["198.51.100.1"]},
  "m.example": {"MX": [[0, "h.example"], [0, "."]]}, "1.2.0.192.in-addr.arpa": {"PTR": ["x.example.org", "y.example"]},
  "unknown.p.example": {"AAAA": ["::1"]}, "e.example": {"TXT": ["%{p}: no"]}})";

TEST(SpfLimits, CancelledAtEveryWait) {
  const auto query = query_of("192.0.2.1", "u@example.org");
  std::size_t waits = 0;
  bool finished = false;
  for (std::size_t at = 0; !finished && at < 100; ++at) {
    WaitingResolver resolver(zone_of(kWaitingZone));
    dns::Budget budget;
    auto task = check(query, resolver, budget);
    task.start();
    for (std::size_t i = 0; i < at && resolver.waiting(); ++i) resolver.answer();
    finished = !resolver.waiting();
    if (finished) {
      ASSERT_TRUE(task.done());
      const auto got = task.take();
      EXPECT_EQ(got.outcome, Outcome::fail);
      EXPECT_EQ(got.explanation, "unknown: no");
      continue;
    }
    ++waits;
    budget.cancel();
    ASSERT_TRUE(task.done()) << at;
    const auto got = task.take();
    const bool explaining = at >= 10;
    EXPECT_EQ(got.outcome, explaining ? Outcome::fail : Outcome::temperror) << at;
  }
  EXPECT_TRUE(finished);
  // TXT, TXT, A, TXT, MX, A, PTR, A of the one name below, A of the other for %{p}, A of exists, TXT of exp
  EXPECT_EQ(waits, 11U);
}

TEST(SpfLimits, TimeThatIsOverIsTemporary) {
  const auto query = query_of("192.0.2.1", "u@example.org");
  for (std::size_t at = 0; at < 6; ++at) {  // up to the mx; under ptr a failure is no match (5.5)
    WaitingResolver resolver(zone_of(kWaitingZone));
    dns::Budget budget;
    auto task = check(query, resolver, budget);
    task.start();
    for (std::size_t i = 0; i < at; ++i) resolver.answer();
    resolver.time_is_over();
    while (resolver.waiting()) resolver.answer();
    ASSERT_TRUE(task.done());
    const auto got = task.take();
    EXPECT_EQ(got.outcome, Outcome::temperror) << at;
    EXPECT_NE(got.problem.find("timeout"), std::string::npos) << got.problem;
  }
}

TEST(SpfLimits, WhatIsPrefetched) {
  WaitingResolver resolver(zone_of(kWaitingZone));
  dns::Budget budget;
  auto task = check(query_of("192.0.2.1", "u@example.org"), resolver, budget);
  task.start();
  EXPECT_TRUE(resolver.prefetched_.empty());
  resolver.answer();
  EXPECT_EQ(resolver.prefetched_, std::vector<std::string>{"j.example"});
  while (resolver.waiting()) resolver.answer();
  EXPECT_EQ(resolver.prefetched_, (std::vector<std::string>{"j.example", "h.example", "x.example.org"}));
  EXPECT_EQ(budget.asked(), 0U);  // this resolver takes nothing
}

TEST(SpfLimits, TenPrefetchesOfIncludes) {
  std::string zone = R"({"example.org": {"TXT": ["v=spf1)";
  for (int i = 0; i < 15; ++i) zone += " include:i" + std::to_string(i) + ".example";
  zone += R"("]}, "i0.example": {"TXT": ["v=spf1)";
  for (int i = 0; i < 15; ++i) zone += " include:j" + std::to_string(i) + ".example";
  zone += R"("]}, "j0.example": {"TXT": ["v=spf1 include:k0.example include:k1.example"]}})";
  WaitingResolver resolver(zone_of(zone));
  dns::Budget budget;
  auto task = check(query_of("192.0.2.1", "u@example.org"), resolver, budget);
  task.start();
  while (resolver.waiting()) resolver.answer();
  // Nine beside the first one, and one of the next record.
  EXPECT_EQ(resolver.prefetched_.size(), kTermsMax);
  EXPECT_EQ(resolver.prefetched_.back(), "j1.example");
}

}  // namespace
}  // namespace postern::spf::test
