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

constexpr WallMs kHour = 3600 * 1000;
constexpr WallMs kDay = 24 * kHour;
constexpr WallMs kStart = 20000 * kDay;

}  // namespace postern::outbound::test
