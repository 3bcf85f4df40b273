// The dashboard's figures: how old they may be, and what its events carry.
#include <gtest/gtest.h>

#include <filesystem>

#include "unit/web/site_fixture.h"

namespace postern::web {
namespace {

WallMs told_time = 0;

class DashboardTest : public SiteTest {
 protected:
  DashboardTest() {
    told_time = wall_now();
    remake();
  }
  void remake() {
    Services with_time = services();
    with_time.now = [] { return told_time; };
    with_time.signals = [this](WallMs, const std::atomic<bool>&) -> Services::Text {
      ++measured;
      if (fails) return fail(ErrorKind::invalid, "records cannot be read");
      return R"({"signals":[]})";
    };
    site = std::make_unique<Site>(options, std::move(with_time));
  }
  static std::string refusal(const char* id, std::string_view reason) {
    return std::string(R"({"schema":"postern.session/1","id":")") + id + R"(","time":")" + iso8601(told_time - 1000) +
           R"(","duration_ms":9,"listener":"mx","family":"ipv6","client":{"address":"2001:db8::1","port":3},)" +
           R"("server":{"address":"::1","port":25},"transactions":[{"to":[{"path":"a@b","code":550,"reason":")" +
           std::string(reason) + R"("}]}]})" + "\n";
  }
  // Until it is computed.
  std::string statistics(const char* range = "day") {
    for (int i = 0; i < 1000; ++i) {
      Request request = get("/api/statistics");
      request.query.emplace("range", range);
      const Response answer = ask(std::move(request));
      if (answer.status == 200) return answer.body;
    }
    return {};
  }
  std::atomic<int> measured = 0;
  std::atomic<bool> fails = false;
};

TEST_F(DashboardTest, OldFiguresAreNotShownAsNewOnes) {
  folder.write("records/current.jsonl", refusal(kId, "unknown_user"));
  ASSERT_NE(statistics().find("unknown_user"), std::string::npos);
  folder.write("records/current.jsonl", refusal(kId, "relay_denied"));
  EXPECT_NE(statistics().find("unknown_user"), std::string::npos) << "while they are fresh they are kept";
  told_time += 60'000;
  EXPECT_NE(statistics().find("relay_denied"), std::string::npos) << "whoever asks then waits for the new ones";
}

TEST_F(DashboardTest, WhatIsOldSaysSoWhereTheNewOnesTakeLong) {
  folder.write("records/current.jsonl", refusal(kId, "unknown_user"));
  ASSERT_NE(statistics().find("unknown_user"), std::string::npos);
  told_time += 60'000;
  // The one thread of the pool is busy
  std::atomic<bool> go = false;
  pool.submit([&go] { go.wait(false); });
  const Response page = ask(get("/"));
  go = true;
  go.notify_all();
  EXPECT_NE(page.body.find("As of <time"), std::string::npos);
  EXPECT_NE(page.body.find("http-equiv=\"refresh\""), std::string::npos) << "without a script it looks again";
  EXPECT_FALSE(statistics().empty());
}

TEST_F(DashboardTest, ThePageDoesNotWaitForItsFirstFigures) {
  std::atomic<bool> go = false;
  pool.submit([&go] { go.wait(false); });
  const Response page = ask(get("/"));
  go = true;
  go.notify_all();
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("appear here by themselves"), std::string::npos);
  ASSERT_FALSE(statistics().empty());
  const Response part = ask(get("/dashboard/statistics"));
  EXPECT_EQ(part.status, 200);
  EXPECT_TRUE(part.body.starts_with("<div id=\"statistics\" data-as-of=\"" + std::to_string(told_time) + "\">"))
      << part.body.substr(0, 200);
  EXPECT_EQ(ask(stranger(get("/dashboard/statistics"))).status, 403);
}

// Older figures do not hide that newer ones cannot be had.
TEST_F(DashboardTest, WhatCannotBeComputedAnyMoreSaysWhy) {
  folder.write("records/current.jsonl", refusal(kId, "unknown_user"));
  ASSERT_NE(statistics().find("unknown_user"), std::string::npos);
  const std::string records = folder.at("records");
  std::filesystem::rename(records, records + ".away");
  told_time += 60'000;
  Response page = ask(get("/"));
  // It may take longer than the page waits
  for (int i = 0; i < 1000 && page.body.find("being computed") != std::string::npos; ++i) page = ask(get("/"));
  EXPECT_NE(page.body.find("newer figures cannot be computed: "), std::string::npos);
  EXPECT_NE(page.body.find("<code>unknown_user</code>"), std::string::npos) << "the older ones are there";
  EXPECT_EQ(page.body.find("http-equiv=\"refresh\""), std::string::npos) << "nothing is under way";
  EXPECT_NE(page.body.find("data-as-of=\"" + std::to_string(told_time) + "\""), std::string::npos)
      << "a script fetches what is said of it";
  std::filesystem::rename(records + ".away", records);
  told_time += 6'000;
  EXPECT_FALSE(statistics().empty());
}

// The script's pieces are those of the page, and a chart has its figures also where there are none.
TEST_F(DashboardTest, TheScriptFetchesPiecesOfThePage) {
  const Response piece = ask(get("/dashboard/overview"));
  EXPECT_EQ(piece.status, 200);
  EXPECT_TRUE(piece.body.starts_with("<section")) << piece.body.substr(0, 100);
  EXPECT_NE(ask(get("/")).body.find(piece.body), std::string::npos);
  for (const char* id : {"filling", "tiles", "by-verdict", "by-family", "by-tls", "cross", "recent"})
    EXPECT_NE(piece.body.find(" id=\"" + std::string(id) + "\""), std::string::npos) << id;
  for (const char* part : {"<ul class=\"legend\">", "<div class=\"drawn\">", "<div class=\"figures\">"}) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = piece.body.find(part, at)) != std::string::npos; ++at) ++count;
    EXPECT_EQ(count, 3U) << part;
  }
  EXPECT_NE(piece.body.find("Nothing in this time."), std::string::npos);
  EXPECT_EQ(ask(stranger(get("/dashboard/overview"))).status, 403);
  Request week = get("/dashboard/overview");
  week.query.emplace("range", "week");
  EXPECT_NE(ask(week).body.find("data-range=\"week\""), std::string::npos);
}

TEST_F(DashboardTest, AnErrorOfTheSignalsIsNoWaiting) {
  fails = true;
  Response page = ask(get("/signals"));
  EXPECT_NE(page.body.find("cannot be measured: records cannot be read"), std::string::npos);
  EXPECT_EQ(page.body.find("http-equiv=\"refresh\""), std::string::npos);
  fails = false;
  told_time += 6'000;
  page = ask(get("/signals"));
  EXPECT_EQ(page.body.find("cannot be measured"), std::string::npos) << "it is tried again soon";
  EXPECT_EQ(measured, 2);
}

TEST_F(DashboardTest, EventsCarryTheSumsAndTheNewestSteps) {
  Request request = get("/api/live");
  request.query.emplace("range", "week");
  const Response live = ask(std::move(request));
  ASSERT_NE(live.events, nullptr);
  const auto first = io::test::run(loop, live.events->next());
  ASSERT_TRUE(first.has_value());
  const std::size_t begin = first->find("data: ");
  const auto told = json::parse(first->substr(begin + 6, first->find('\n', begin) - begin - 6));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->at("range").string(), "week");
  EXPECT_EQ(told->at("step_ms").integer(), step_of(Range::week));
  EXPECT_EQ(told->at("last").array().size(), 3U);
  Request piece = get("/dashboard/overview");
  piece.query.emplace("range", "week");
  EXPECT_NE(ask(std::move(piece)).body.find("data-counted=\"" + std::string(told->at("counted").string()) + "\""),
            std::string::npos)
      << "what the page shows is what the event tells of";
  EXPECT_EQ(told->at("sums").array().size(), 2U);
  EXPECT_EQ(told->at("sums").array()[1].array().size(), kTlsWords);
  EXPECT_EQ(told->at("sums").array()[1].array()[0].array().size(), kWords);
  EXPECT_FALSE(statistics("week").empty());
  site->stop();
}

}  // namespace
}  // namespace postern::web
