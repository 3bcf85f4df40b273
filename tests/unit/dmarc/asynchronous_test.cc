// The same evaluation with a resolver that answers later, as the real one does; and what is asked ahead.
#include <gtest/gtest.h>

#include <coroutine>
#include <utility>

#include "unit/dmarc/zone.h"

namespace postern::dmarc::test {
namespace {

// Suspends at every query until answer_one().
class Later final : public dns::Resolver {
 public:
  explicit Later(dns::Zone zone) : fixture_(std::move(zone)) {}

  Task<dns::AnswerPtr> query(dns::Name name, dns::Type type, dns::Budget& budget) override {
    struct Wait {
      Later& later;
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> handle) const { later.waiting_ = handle; }
      void await_resume() const {}
    };
    ++queries_;
    co_await Wait{*this};
    co_return co_await fixture_.query(std::move(name), type, budget);
  }
  void prefetch(const dns::Name& name, dns::Type /*type*/) override { ahead_.push_back(name.text()); }

  void answer_one() { std::exchange(waiting_, {}).resume(); }
  [[nodiscard]] bool waits() const { return static_cast<bool>(waiting_); }
  [[nodiscard]] int queries() const { return queries_; }
  [[nodiscard]] const std::vector<std::string>& ahead() const { return ahead_; }

 private:
  dns::FixtureResolver fixture_;
  std::coroutine_handle<> waiting_;
  std::vector<std::string> ahead_;
  int queries_ = 0;
};

template <class T>
T run_later(Later& resolver, Task<T> task) {
  task.start();
  while (!task.done()) {
    EXPECT_TRUE(resolver.waits());
    resolver.answer_one();
  }
  return task.take();
}

TEST(DmarcLaterTest, AnswersThatComeLater) {
  const TestZone zone{{"example.com", "v=DMARC1; p=none; sp=quarantine; np=reject"}};
  Later resolver(zone.zone());
  dns::Budget budget;
  const Evaluation out = run_later(resolver, evaluate({.author_domain = "a.b.example.com",
                                                       .spf = passed("c.example.com"),
                                                       .dkim = {passed("example.net"), temporary("d.example.com")}},
                                                      resolver, budget));
  EXPECT_EQ(brief(out), "pass reject np example.com");
  EXPECT_EQ(resolver.queries(), static_cast<int>(out.walk.size()));

  Later reports(zone.zone());
  dns::Budget another;
  EXPECT_EQ(run_later(reports, report_authorization("example.com", "mailto:a@x.example.com", reports, another)),
            Authorization::own);
  Later organization(zone.zone());
  EXPECT_EQ(run_later(organization, organizational_domain("x.y.example.com", organization, another)).domain,
            "example.com");
}

// The rest of a walk is asked ahead once its first name has no answer that stops it, and only what is not known yet.
TEST(DmarcLaterTest, AsksAheadWhatTheWalkWillAsk) {
  const TestZone zone{{"example.com", "v=DMARC1; p=reject"}};
  const auto ahead = [&zone](std::string_view author, Identifier spf) {
    Later resolver(zone.zone());
    dns::Budget budget;
    (void)run_later(resolver, evaluate({.author_domain = std::string(author), .spf = std::move(spf), .dkim = {}},
                                       resolver, budget));
    return resolver.ahead();
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(ahead("example.com", passed("example.com")), Names{});
  EXPECT_EQ(ahead("a.example.com", {}), (Names{"_dmarc.example.com", "_dmarc.com"}));
  EXPECT_EQ(ahead("a.example.com", passed("x.y.example.com")),
            (Names{"_dmarc.example.com", "_dmarc.com", "_dmarc.y.example.com"}));
}

}  // namespace
}  // namespace postern::dmarc::test
