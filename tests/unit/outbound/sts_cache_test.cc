#include "outbound/sts_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "support.h"

namespace postern::outbound {
namespace {

using test::kDay;
using test::kHour;
using test::kStart;
using test::name;
using test::run;

constexpr const char* kEnforce = "version: STSv1\nmode: enforce\nmx: mx.a.org\nmax_age: 604800\n";

// A policy host whose answer is set by the test, and counts how often it was asked.
struct Web {
  std::mutex mutex;
  std::expected<HttpsAnswer, HttpsFailure> answer = HttpsAnswer{200, "text/plain; charset=utf-8", kEnforce};
  HttpsRequest last;
  int asked = 0;
  std::atomic<bool> held = false;  // the answer waits until it is not, or until the request is broken off
  std::atomic<int> under_way = 0;
  std::atomic<int> broken_off = 0;

  StsCache::Fetch fetch() {
    return [this](const HttpsRequest& request) -> std::expected<HttpsAnswer, HttpsFailure> {
      ++under_way;
      while (held && !*request.stop) std::this_thread::yield();
      if (held) {
        ++broken_off;
        return std::unexpected(HttpsFailure{false, "broken off"});
      }
      const std::lock_guard lock(mutex);
      ++asked;
      last = request;
      return answer;
    };
  }
};

class Sts : public ::testing::Test {
 protected:
  Sts() { publish("1"); }
  void publish(const std::string& id) {
    dns.set(R"({"_mta-sts.a.org": {"TXT": ["v=STSv1; id=)" + id +
            R"(;"]}, "mta-sts.a.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}})");
  }
  void open() {
    cache = std::make_unique<StsCache>(
        loop, pool, dns,
        StsCache::Options{
            .file = folder.at("sts"), .ca_file = "roots", .fetch = web.fetch(), .now = [this] { return now; }});
    cache->load();
  }
  StsFound find() {
    if (!cache) open();
    return run(loop, ask());
  }
  Task<StsFound> ask() {
    dns::Budget budget;
    co_return co_await cache->find(name("a.org"), budget);
  }
  static Task<void> until(std::function<bool()> condition) {
    while (!condition()) co_await io::sleep_until(*io::Loop::current(), Deadline::after(milliseconds(1)));
  }
  Task<void> ask_with(dns::Budget& budget, StsFound& out, bool& done) {
    out = co_await cache->find(name("a.org"), budget);
    done = true;
  }
  void close() {
    run(loop, cache->stop());
    cache.reset();
  }
  void TearDown() override {
    if (cache) close();
  }

  testing::TemporaryFolder folder;
  io::Loop loop;
  io::BlockingPool pool{1};
  test::ChangingResolver dns;
  Web web;
  WallMs now = kStart;
  std::unique_ptr<StsCache> cache;
};

TEST_F(Sts, APolicyIsFetchedOnceFromItsHostAtItsAddresses) {
  const StsFound found = find();
  ASSERT_TRUE(found.policy.has_value()) << found.why;
  EXPECT_EQ(found.policy->mode, mtasts::Mode::enforce);
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(web.last.host, "mta-sts.a.org");
  EXPECT_EQ(web.last.path, "/.well-known/mta-sts.txt");
  EXPECT_EQ(web.last.port, 443);
  EXPECT_EQ(web.last.addresses.size(), 2U);
  EXPECT_EQ(web.last.ca_file, "roots");
  EXPECT_EQ(web.last.body_max, mtasts::kPolicyMax);
  EXPECT_TRUE(find().policy.has_value());
  EXPECT_EQ(web.asked, 1);
}

TEST_F(Sts, WithoutARecordNothingIsFetched) {
  for (const char* zone : {"{}", R"({"_mta-sts.a.org": "SERVFAIL"})", R"({"_mta-sts.a.org": {"TXT": ["v=spf1 -all"]}})",
                           R"({"_mta-sts.a.org": {"TXT": ["v=STSv1; id=1", "v=STSv1; id=2"]}})"}) {
    dns.set(zone);
    const StsFound found = find();
    EXPECT_FALSE(found.policy.has_value());
    EXPECT_EQ(found.failure, "");
  }
  EXPECT_EQ(web.asked, 0);
}

// A look-up that failed is not a "no"
TEST_F(Sts, ALookUpThatFailsForNowLeavesItUnknownWithoutAPolicyAtHand) {
  dns.set(R"({"_mta-sts.a.org": "SERVFAIL"})");
  EXPECT_TRUE(find().unknown);
  dns.set(R"({"_mta-sts.a.org": "TIMEOUT"})");
  EXPECT_TRUE(find().unknown);
  dns.set("{}");
  EXPECT_FALSE(find().unknown);
  publish("1");
  EXPECT_FALSE(find().unknown);
  dns.set(R"({"_mta-sts.a.org": "SERVFAIL"})");
  const StsFound kept = find();
  EXPECT_TRUE(kept.policy.has_value());
  EXPECT_FALSE(kept.unknown);
}

TEST_F(Sts, ANewIdFetchesAgain) {
  (void)find();
  web.answer->body = "version: STSv1\nmode: none\nmax_age: 604800\n";
  EXPECT_TRUE(find().policy.has_value());
  publish("2");
  EXPECT_FALSE(find().policy.has_value());  // none: as though there were no policy
  EXPECT_EQ(web.asked, 2);
  EXPECT_FALSE(find().policy.has_value());
  EXPECT_EQ(web.asked, 2);  // and it is remembered as well
}

TEST_F(Sts, APolicyThatCannotBeFetchedIsReportedAndNotAskedForAgainAtOnce) {
  web.answer = std::unexpected(HttpsFailure{false, "no route"});
  StsFound found = find();
  EXPECT_FALSE(found.policy.has_value());
  EXPECT_EQ(found.failure, "sts-policy-fetch-error");
  EXPECT_EQ(found.why, "no route");
  now += StsCache::kRetryMs - 1;
  EXPECT_EQ(find().failure, "sts-policy-fetch-error");
  EXPECT_EQ(web.asked, 1);
  now += 1;
  (void)find();
  EXPECT_EQ(web.asked, 2);
  publish("2");  // 3.3: per version
  web.answer = HttpsAnswer{200, "text/plain", kEnforce};
  EXPECT_TRUE(find().policy.has_value());
  EXPECT_EQ(web.asked, 3);
}

TEST_F(Sts, EachWayOfFailingHasItsWord) {
  const struct {
    std::expected<HttpsAnswer, HttpsFailure> answer;
    std::string_view word;
  } cases[] = {
      {std::unexpected(HttpsFailure{true, "expired"}), "sts-webpki-invalid"},
      {HttpsAnswer{404, "text/plain", kEnforce}, "sts-policy-fetch-error"},
      {HttpsAnswer{301, "text/plain", kEnforce}, "sts-policy-fetch-error"},
      {HttpsAnswer{201, "text/plain", kEnforce}, "sts-policy-fetch-error"},
      {HttpsAnswer{200, "text/html", kEnforce}, "sts-policy-invalid"},
      {HttpsAnswer{200, "", kEnforce}, "sts-policy-invalid"},
      {HttpsAnswer{200, "text/plain", "mode: enforce"}, "sts-policy-invalid"},
  };
  int id = 10;
  for (const auto& one : cases) {
    publish(std::to_string(++id));
    web.answer = one.answer;
    const StsFound found = find();
    EXPECT_EQ(found.failure, one.word) << found.why;
    EXPECT_FALSE(found.policy.has_value());
    EXPECT_FALSE(found.why.empty());
  }
}

TEST_F(Sts, AHostWithoutAddressesIsAFailure) {
  dns.set(R"({"_mta-sts.a.org": {"TXT": ["v=STSv1; id=1"]}})");
  EXPECT_EQ(find().failure, "sts-policy-fetch-error");
  EXPECT_EQ(web.asked, 0);
}

// RFC 8461 3.3, 5.1, and what the field got wrong: an attacker must not be able to take a policy away
TEST_F(Sts, APolicyStaysInForceWhileEverythingFails) {
  (void)find();
  web.answer = std::unexpected(HttpsFailure{false, "blocked"});
  dns.set(R"({"_mta-sts.a.org": "SERVFAIL"})");
  EXPECT_TRUE(find().policy.has_value());
  dns.set("{}");
  EXPECT_TRUE(find().policy.has_value());
  publish("2");
  StsFound found = find();
  EXPECT_TRUE(found.policy.has_value());
  EXPECT_EQ(found.failure, "sts-policy-fetch-error");
  now += 7 * kDay - 1;
  EXPECT_TRUE(find().policy.has_value());
  now += 1;
  EXPECT_FALSE(find().policy.has_value());  // max_age is over
}

TEST_F(Sts, AfterADayItIsFetchedAgainInTheBackground) {
  (void)find();
  now += kDay + kHour;
  web.answer->body = "version: STSv1\nmode: testing\nmx: mx.a.org\nmax_age: 86400\n";
  EXPECT_EQ(find().policy->mode, mtasts::Mode::enforce);  // nobody waits for it
  run(loop, until([this] { return cache->list().at(0).policy.mode == mtasts::Mode::testing; }));
  EXPECT_EQ(web.asked, 2);
  EXPECT_EQ(find().policy->mode, mtasts::Mode::testing);
}

TEST_F(Sts, TheFileOutlivesTheProcess) {
  (void)find();
  close();
  web.answer = std::unexpected(HttpsFailure{false, "blocked"});
  open();
  EXPECT_TRUE(find().policy.has_value());
  EXPECT_EQ(web.asked, 1);
  EXPECT_EQ(cache->list().size(), 1U);
  EXPECT_TRUE(cache->forget(name("a.org")));
  EXPECT_FALSE(cache->forget(name("a.org")));
  close();
  EXPECT_EQ(folder.read("sts"), "");
}

TEST_F(Sts, ADamagedFileLosesItsDamagedLinesOnly) {
  const StsEntry entry{
      .domain = name("b.org"), .id = "7", .policy = *mtasts::parse_policy(kEnforce), .fetched = kStart, .used = kStart};
  folder.write("sts", "rubbish\n" + to_line(entry) + "\n{\"domain\":\"c.org\",\"mode\":\"enforce\"}\n");
  open();
  ASSERT_EQ(cache->list().size(), 1U);
  EXPECT_EQ(to_line(cache->list()[0]), to_line(entry));
}

Task<void> ask_into(StsCache& cache, StsFound& out) {
  dns::Budget budget;
  out = co_await cache.find(name("a.org"), budget);
}

Task<void> ask_for(StsCache& cache, dns::Name domain, dns::Budget& budget, StsFound& out) {
  out = co_await cache.find(std::move(domain), budget);
}

TEST_F(Sts, TwoThatAskAtOnceShareAFetch) {
  open();
  StsFound one;
  StsFound two;
  StsFound three;
  io::test::run_all(loop, ask_into(*cache, one), ask_into(*cache, two), ask_into(*cache, three));
  EXPECT_TRUE(one.policy && two.policy && three.policy);
  EXPECT_EQ(web.asked, 1);
}

// A stop cancels the budgets of those who wait: neither they nor the request may hold it up.
TEST_F(Sts, ACancelledBudgetEndsTheWaitAndTheRequest) {
  open();
  web.held = true;
  dns::Budget budget;
  StsFound found;
  bool done = false;
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(ask_with(budget, found, done)); });
  run(loop, until([&] { return web.under_way == 1; }));
  EXPECT_FALSE(done);
  budget.cancel();
  run(loop, scope.join());
  EXPECT_TRUE(found.late);
  EXPECT_EQ(found.failure, "") << "it says nothing of the host";
  run(loop, until([&] { return web.broken_off == 1; }));
  // and it is not taken for a failure that has to be waited out
  web.held = false;
  EXPECT_TRUE(find().policy.has_value());
}

TEST_F(Sts, WhoIsBrokenOffTakesNoFetchFromOthers) {
  open();
  web.held = true;
  dns::Budget budgets[2];
  StsFound found[2];
  bool done[2] = {};
  io::Scope scope(loop);
  loop.post([&] {
    for (int i = 0; i < 2; ++i) scope.spawn(ask_with(budgets[i], found[i], done[i]));
  });
  run(loop, until([&] { return web.under_way == 1; }));
  budgets[0].cancel();
  run(loop, until([&] { return done[0]; }));
  EXPECT_FALSE(done[1]);
  web.held = false;
  run(loop, scope.join());
  EXPECT_TRUE(found[0].late);
  EXPECT_TRUE(found[1].policy.has_value());
  EXPECT_EQ(web.broken_off, 0);
}

Task<StsFound> ask_until(StsCache& cache, Deadline deadline) {
  dns::Budget budget(dns::Budget::kLookups, deadline);
  co_return co_await cache.find(name("a.org"), budget);
}

TEST_F(Sts, PatienceEndsAndTheFetchGoesOn) {
  open();
  web.held = true;
  const StsFound late = run(loop, ask_until(*cache, Deadline::after(milliseconds(0))));
  EXPECT_TRUE(late.late);
  EXPECT_EQ(late.failure, "");
  web.held = false;
  EXPECT_TRUE(find().policy.has_value());
  EXPECT_EQ(web.asked, 1);
  // A policy at hand is used meanwhile
  publish("2");
  web.held = true;
  const StsFound kept = run(loop, ask_until(*cache, Deadline::after(milliseconds(0))));
  EXPECT_FALSE(kept.late);
  EXPECT_TRUE(kept.policy.has_value());
  EXPECT_EQ(kept.failure, "");
}

TEST_F(Sts, AsManyAsThereAreThreadsAreFetchedAtATimeAndAStopEndsThemAll) {
  open();
  web.held = true;
  std::string zone = "{";
  for (std::size_t i = 0; i < StsCache::kThreads; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".org";
    zone += (i > 0 ? "," : "") + (R"("_mta-sts.)" + domain) + R"(": {"TXT": ["v=STSv1; id=1;"]}, "mta-sts.)" + domain +
            R"(": {"A": ["192.0.2.1"]})";
  }
  dns.set(zone + "}");
  dns::Budget budget;
  std::vector<StsFound> found(StsCache::kThreads);
  io::Scope scope(loop);
  loop.post([&] {
    for (std::size_t i = 0; i < StsCache::kThreads; ++i)
      scope.spawn(ask_for(*cache, name("d" + std::to_string(i) + ".org"), budget, found[i]));
  });
  run(loop, until([&] { return web.under_way == static_cast<int>(StsCache::kThreads); }));
  // The end of the service: all of them at once
  run(loop, cache->stop());
  run(loop, scope.join());
  for (const StsFound& one : found) EXPECT_TRUE(one.late);
  EXPECT_EQ(web.broken_off, static_cast<int>(StsCache::kThreads));
}

}  // namespace
}  // namespace postern::outbound
