// What the tests of the sending side's TLS share: a loop with a pool, a zone, a clock that is set by hand.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dns/fixture.h"
#include "io/loop.h"
#include "unit/io/support.h"
#include "unit/temporary_folder.h"

namespace postern::outbound::test {

using io::test::run;

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

inline dns::Zone zone(const std::string& json) {
  const auto value = json::parse(json);
  EXPECT_TRUE(value.has_value()) << json;
  auto parsed = dns::Zone::from_json(*value);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().what);
  return parsed ? std::move(*parsed) : dns::Zone();
}

// Its zone can be changed between two questions.
class ChangingResolver final : public dns::Resolver {
 public:
  void set(const std::string& json) { now_ = std::make_unique<dns::FixtureResolver>(zone(json)); }
  Task<dns::AnswerPtr> query(dns::Name asked, dns::Type type, dns::Budget& budget) override {
    return now_->query(std::move(asked), type, budget);
  }
  void prefetch(const dns::Name& /*asked*/, dns::Type /*type*/) override {}

 private:
  std::unique_ptr<dns::FixtureResolver> now_ = std::make_unique<dns::FixtureResolver>(dns::Zone());
};

// Never answers: a look-up ends with its budget.
class SilentResolver final : public dns::Resolver {
 public:
  Task<dns::AnswerPtr> query(dns::Name /*asked*/, dns::Type /*type*/, dns::Budget& budget) override {
    struct Wait final : dns::Budget::Waiter {
      void cancelled() override { signal.notify(); }
      io::Signal signal{*io::Loop::current()};
    } wait;
    budget.add(wait);
    ++asked_;
    (void)co_await wait.signal.wait(budget.deadline());
    budget.remove(wait);
    if (budget.cancelled()) ++broken_off_;
    co_return dns::failed_answer(dns::Status::cancelled, "cancelled");
  }
  void prefetch(const dns::Name& /*asked*/, dns::Type /*type*/) override {}
  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] int broken_off() const { return broken_off_; }

 private:
  int asked_ = 0;
  int broken_off_ = 0;
};

// Until a look-up is under way.
inline Task<void> until_asked(const SilentResolver& resolver) {
  while (resolver.asked() == 0) co_await io::sleep_until(*io::Loop::current(), Deadline::after(milliseconds(1)));
}
template <class Sender>
Task<void> one_pass(Sender& sender) {
  (void)co_await sender.send_due();
}

constexpr WallMs kHour = 3600 * 1000;
constexpr WallMs kDay = 24 * kHour;
constexpr WallMs kStart = 20000 * kDay;

}  // namespace postern::outbound::test
