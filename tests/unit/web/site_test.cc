#include "web/site.h"

#include "unit/web/site_fixture.h"
#include "web/url.h"

namespace postern::web {
namespace {

TEST_F(SiteTest, ErrorsBelowApiAreJson) {
  const auto error = [this](Request request, int status) {
    const Response answer = ask(std::move(request));
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.type, "application/json");
    const auto body = json::parse(trim(answer.octets()));
    EXPECT_TRUE(body && !body->at("error").string().empty()) << answer.body;
  };
  error(stranger(get("/api/overview")), 403);
  error(get("/api/nothing"), 404);
  for (const char* path : {"/api/overview", "/api/history", "/api/statistics", "/api/live"}) {
    Request wrong = get(path);
    wrong.query.emplace("range", "foo");
    error(std::move(wrong), 400);
  }
  Request method = get("/api/overview");
  method.method = Method::other;
  error(std::move(method), 405);
  Request foreign = post("/api/queue", "action=hold&id=x");
  foreign.fields["origin"] = "https://evil.example";
  error(std::move(foreign), 403);
  Request often = stranger(get("/api/check/example.org"));
  const Response told = site->too_many(often, 3);
  EXPECT_EQ(told.status, 429);
  EXPECT_EQ(told.type, "application/json");
  EXPECT_EQ(told.fields.front(), std::pair(std::string("Retry-After"), std::string("3")));
  EXPECT_EQ(site->too_many(get("/why"), 3).type, "text/plain; charset=utf-8");
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  site = nullptr;
  error(stranger(get("/api/overview")), 401);
}

TEST_F(SiteTest, TheWhyPageTellsASenderWhatToDoAndNobodyHowItIsDecided) {
  const Response page = ask(stranger(get("/why/" + std::string(kId))));
  ASSERT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("reverse DNS"), std::string::npos);
  EXPECT_NE(page.body.find("192.0.2.9"), std::string::npos);
  EXPECT_NE(page.body.find("postmaster@example.org"), std::string::npos);
  EXPECT_NE(page.body.find("&lt;b&gt;sender"), std::string::npos);
  for (const char* secret : {"alice", "eve@", "7.25", "5.5", "score", "<b>sender", "f00"})
    EXPECT_EQ(page.body.find(secret), std::string::npos) << secret;
  EXPECT_EQ(ask(stranger(get("/why/M7YDGB6VQ0N6K72Z"))).status, 404);
  EXPECT_EQ(ask(stranger(get("/why/nonsense"))).status, 404);
  // Whoever got a message knows its id, and must not learn where it came from
  for (const char* id : {kSubmitted, kTaken, "M7YDGB6VQ0N6K7ZZ"}) {
    const Response taken = ask(stranger(get("/why/" + std::string(id))));
    EXPECT_EQ(taken.status, 404) << id;
    EXPECT_EQ(taken.body.find("192.0.2.77"), std::string::npos) << id;
  }
  Request copied = get("/why");
  copied.query.emplace("id", "[" + std::string(kId) + "; https://x/why/y]");
  EXPECT_EQ(ask(std::move(copied)).status, 303);
  Request change = post("/why/" + std::string(kId), "action=ham");
  change = stranger(std::move(change));
  change.fields["origin"] = "https://mx.example.org";
  EXPECT_EQ(ask(std::move(change)).status, 403);
}

TEST_F(SiteTest, SomeVisitorsWaitForTheirTurnToRead) {
  options->burst = 1000;
  site = std::make_unique<Site>(options, services());
  const std::string path = "/why/" + std::string(kId);
  std::vector<Request> requests(kVisitorsWaiting + 3, stranger(get(path)));
  std::atomic<bool> go = false;
  pool.submit([&go] { go.wait(false); });
  std::vector<int> statuses;
  io::test::run(loop, ask_at_once(
                          *site, requests,
                          [&go] {
                            go = true;
                            go.notify_all();
                          },
                          statuses, loop));
  EXPECT_EQ(std::ranges::count(statuses, 200), kVisitorsWaiting + 1) << "one reads, sixteen wait";
  EXPECT_EQ(std::ranges::count(statuses, 503), 2);
  EXPECT_EQ(ask(stranger(get(path))).status, 200);
}

Task<void> read_and_wait(Site& site, Request request, std::function<void()> open, int& first, Response& second,
                         io::Loop& loop) {
  io::Scope scope(loop);
  scope.spawn(keep_status(site.answer(request), first));
  second = co_await site.answer(std::move(request));
  open();
  co_await scope.join();
}

TEST_F(SiteTest, WhoWaitsTooLongForHisTurnIsToldWhenToComeBack) {
  site = std::make_unique<Site>(options, services());
  std::atomic<bool> go = false;
  pool.submit([&go] { go.wait(false); });
  int first = 0;
  Response second;
  io::test::run(loop, read_and_wait(
                          *site, stranger(get("/why/" + std::string(kId))),
                          [&go] {
                            go = true;
                            go.notify_all();
                          },
                          first, second, loop));
  EXPECT_EQ(first, 200);
  EXPECT_EQ(second.status, 503);
  EXPECT_TRUE(std::ranges::find(second.fields, std::pair(std::string("Retry-After"), std::string("3"))) !=
              second.fields.end());
  EXPECT_NE(second.body.find("<meta http-equiv=\"refresh\" content=\"3\">"), std::string::npos);
}

TEST_F(SiteTest, WhoWaitsForTheMailServerKeepsNobodyFromReading) {
  const std::string path = "/why/" + std::string(kId);
  site = std::make_unique<Site>(options, services());
  io::Signal gate(loop);
  control_waits = &gate;
  int first = 0, second = 0;
  const auto both = [](Site& own, Request one, Request two, io::Signal& opens, int& a_status, int& b_status,
                       io::Loop& on) -> Task<void> {
    io::Scope scope(on);
    scope.spawn(keep_status(own.answer(std::move(one)), a_status));
    co_await keep_status(own.answer(std::move(two)), b_status);
    EXPECT_EQ(a_status, 0) << "still waits";
    opens.notify();
    co_await scope.join();
  };
  io::test::run(loop, both(*site, stranger(get(path)), stranger(get(path)), gate, first, second, loop));
  EXPECT_EQ(first, 200);
  EXPECT_EQ(second, 200);
}

TEST_F(SiteTest, TheWhyPageOpensAgainAfterARequestThatDidNotEnd) {
  const std::string path = "/why/" + std::string(kId);
  site = std::make_unique<Site>(options, services());
  control_throws = true;
  int status = 0;
  io::test::run(loop, keep_status(site->answer(stranger(get(path))), status));
  EXPECT_EQ(status, 0) << "it had no answer";
  EXPECT_EQ(ask(stranger(get(path))).status, 200);
}

TEST_F(SiteTest, TheOperatorMarksAndAdmitsThere) {
  const Response page = ask(get("/why/" + std::string(kId)));
  EXPECT_NE(page.body.find("alice@example.org"), std::string::npos);
  EXPECT_EQ(ask(post("/why/" + std::string(kId), "action=spam&note=phish")).status, 303);
  EXPECT_EQ(asked.back(), R"({"command":"mark","id":"M7YDGB6VQ0N6K727","mark":"spam","note":"phish"})");
  EXPECT_EQ(ask(post("/why/" + std::string(kId), "action=allow&subject=192.0.2.9&for=1d")).status, 303);
  EXPECT_EQ(asked.back(),
            R"({"command":"allow","for_ms":86400000,"note":"why M7YDGB6VQ0N6K727","subject":"192.0.2.9"})");
  EXPECT_EQ(ask(post("/why/" + std::string(kId), "action=burn")).status, 400);
}

TEST_F(SiteTest, WithoutTheServerThePagesSaySo) {
  serves = false;
  const Response page = ask(get("/queue"));
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("does not run"), std::string::npos);
  EXPECT_EQ(ask(get("/api/queue")).status, 503);
  EXPECT_EQ(ask(get("/metrics")).status, 503);
  EXPECT_EQ(ask(get("/why/" + std::string(kId))).status, 200);
}

TEST_F(SiteTest, TheDashboardHasTheStatistics) {
  // Computed on the pool; whoever asks before that is told so
  Response figures = ask(get("/api/statistics"));
  while (figures.status == 503) figures = ask(get("/api/statistics"));
  ASSERT_EQ(figures.status, 200);
  EXPECT_TRUE(json::parse(figures.body)->at("reasons").is_object());
  Request month = get("/");
  month.query.emplace("range", "month");
  Response page;
  folder.write(
      "records/current.jsonl",
      R"({"schema":"postern.session/1","id":"M7YDGB6VQ0N6K728","time":")" + iso8601(wall_now() - 1000) +
          R"(","duration_ms":9,"listener":"mx","family":"ipv6","client":{"address":"2001:db8::1","port":3},)" +
          R"("server":{"address":"::1","port":25},"transactions":[{"to":[{"path":"a@b","code":550,"reason":"unknown_user"}]}]})" +
          "\n");
  site = std::make_unique<Site>(options, services());
  while ((page = ask(month)).body.find("being computed") != std::string::npos) {
  }
  EXPECT_NE(page.body.find("<code>unknown_user</code>"), std::string::npos);
  EXPECT_EQ(page.body.find("<code>ipv6</code>"), std::string::npos);
  const std::size_t wide = page.body.find("IPv6 /32"), narrow = page.body.find("IPv6 /128");
  EXPECT_NE(page.body.find("2001:db8::1/128"), std::string::npos);
  EXPECT_NE(narrow, std::string::npos);
  EXPECT_LT(wide, narrow);
}

TEST_F(SiteTest, ACheckIsMadeOnceForAll) {
  options->check = true;
  EXPECT_EQ(ask(stranger(get("/check"))).status, 200);
  Request typed = stranger(get("/check"));
  typed.query.emplace("domain", " Example.ORG ");
  const Response to = ask(std::move(typed));
  ASSERT_EQ(to.status, 303);
  EXPECT_EQ(to.fields.front().second, "/check/example.org");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(stranger(get("/check/example.org"))).status, 200);
  EXPECT_EQ(checks, 1);
  EXPECT_EQ(ask(stranger(get("/api/check/example.org"))).status, 200);
  EXPECT_EQ(ask(stranger(get("/check/local"))).status, 400);
  EXPECT_EQ(ask(stranger(get("/check/a b.example"))).status, 400);
  EXPECT_EQ(ask(stranger(get("/check/192.0.2.4"))).status, 400);
  EXPECT_EQ(ask(stranger(get("/check/2001:db8::4"))).status, 400);
  EXPECT_EQ(ask(stranger(get("/check/" + std::string(600, 'a') + ".example"))).status, 400);
  EXPECT_EQ(ask(stranger(get("/api/check/other.example/events"))).status, 404);
  int status = 0;
  for (int i = 0; i < 20 && status != 429; ++i)
    status = ask(stranger(get("/check/d" + std::to_string(i) + ".example"))).status;
  EXPECT_EQ(status, 429);
  site->stop();
}

// Design invariant 3: probes only for the operator, and for who has control of the domain.
TEST_F(SiteTest, DeeperTestsAreForTheOwner) {
  options->check = true;
  EXPECT_EQ(ask(stranger(get("/check/example.org"))).status, 200);
  const Response done = ask(stranger(get("/check/example.org")));
  EXPECT_NE(done.body.find("\"/check/example.org/deep\""), std::string::npos) << done.body;
  EXPECT_EQ(ask(stranger(get("/api/check/example.org/deep"))).status, 403);
  EXPECT_EQ(ask(stranger(get("/api/check/example.org/deep/events"))).status, 403);
  const std::string own = own_page("/check/example.org/deep"), others = own_page("/check/example.org/deep");
  EXPECT_NE(own, others) << "nobody guesses it";
  const Response asked_to_prove = ask(stranger(get(own)));
  EXPECT_EQ(asked_to_prove.status, 403);
  EXPECT_EQ(own.substr(own.rfind('/') + 1), asked_for_ticket);
  EXPECT_NE(
      asked_to_prove.body.find("_postern-check.example.org. 300 IN TXT &quot;token-" + asked_for_ticket + "&quot;"),
      std::string::npos)
      << asked_to_prove.body;
  EXPECT_NE(asked_to_prove.body.find("often an hour"), std::string::npos);
  EXPECT_EQ(ask(stranger(get("/api" + own))).status, 403);
  EXPECT_EQ(ask(stranger(get("/api" + own + "/events"))).status, 403);
  EXPECT_EQ(ask(stranger(get("/check/example.org/deep/nonsense"))).status, 400);
  proof = check::Proof::unknown;
  EXPECT_EQ(ask(stranger(get(own))).status, 503);
  EXPECT_TRUE(depths.empty());
  proof = check::Proof::proved;
  EXPECT_EQ(ask(stranger(get(own))).status, 200);
  EXPECT_EQ(depths, std::vector{Depth::own_hosts}) << "MX records name hosts of others, too";
  EXPECT_EQ(checks, 2) << "the other report stays";
  EXPECT_EQ(ask(stranger(get(own))).status, 200);
  EXPECT_EQ(checks, 2) << "it was kept";
  proof = check::Proof::missing;
  EXPECT_EQ(ask(stranger(get(own))).status, 403) << "nor the report once the record has gone";
  site->stop();
}

TEST_F(SiteTest, TheOperatorsDeeperTestsAreSeenByNobodyElse) {
  options->check = true;
  EXPECT_EQ(ask(get("/check/own.example/deep")).status, 200) << "the operator needs no proof";
  EXPECT_EQ(depths.back(), Depth::deep);
  proof = check::Proof::proved;
  const std::string own = own_page("/check/own.example/deep");
  EXPECT_EQ(ask(stranger(get(own))).status, 200);
  EXPECT_EQ(depths.back(), Depth::own_hosts) << "not what was kept of the operator's";
  EXPECT_EQ(checks, 2);
  site->stop();
}

// A browser without JavaScript, on a clock of its own: pays for each request as the server has it pay, follows
// redirects, and looks again when the page says so.
class PlainBrowser {
 public:
  PlainBrowser(io::Loop& loop, Site& site) : loop_(loop), site_(site) { ticks = Clock::now(); }
  static Clock::time_point clock() { return ticks; }
  static Clock::time_point ticks;

  Response load(Request request) {
    if (site_.must_wait(request) > 0) return plain(429, "");
    Response out = io::test::run(loop_, site_.answer(request));
    refused += out.status == 429 ? 1 : 0;
    if (out.status != 303) return out;
    const std::string& to = out.fields.front().second;
    request.path = to;
    request.query.clear();
    return load(request);
  }
  // Until the page looks no more again: how often it did. The check ends after `length`.
  int watch(const Request& request, seconds length, io::Signal& end) {
    auto ends = ticks + length;
    for (int looks = 0;; ++looks) {
      if (ticks >= ends) {
        end.notify();
        ends = Clock::time_point::max();
      }
      const Response page = load(request);
      last = page.status;
      constexpr std::string_view kAgain = "<meta http-equiv=\"refresh\" content=\"";
      const std::size_t at = page.body.find(kAgain);
      if (at == std::string::npos) return looks;
      ticks += seconds(std::stoi(page.body.substr(at + kAgain.size())));
    }
  }
  int last = 0, refused = 0;

 private:
  io::Loop& loop_;
  Site& site_;
};

Clock::time_point PlainBrowser::ticks;

TEST_F(SiteTest, AVisitorWithoutJavaScriptSeesTwoWholeDeepRunsToTheirEnd) {
  options->check = true;
  // By the defaults two runs one after the other; one where little is forgotten meanwhile
  const std::vector<std::string> domains{"one.example", "two.example"};
  for (const auto& [per_minute, runs] : {std::pair(Options().requests_per_minute, 2), std::pair(20U, 1)}) {
    options->requests_per_minute = per_minute;
    io::Signal end(loop);
    check_waits = &end;
    proof = check::Proof::missing;
    Services with_clock = services();
    with_clock.clock = PlainBrowser::clock;
    site = std::make_unique<Site>(options, std::move(with_clock));
    PlainBrowser browser(loop, *site);
    const Request style = stranger(get("/assets/style.css"));
    for (const std::string& domain : std::span(domains).first(static_cast<std::size_t>(runs))) {
      EXPECT_EQ(browser.load(stranger(get("/check"))).status, 200);
      EXPECT_EQ(browser.load(style).status, 200);
      Request typed = stranger(get("/check"));
      typed.query.emplace("domain", domain);
      EXPECT_EQ(browser.load(typed).status, 200);
      EXPECT_GT(browser.watch(stranger(get("/check/" + domain)), seconds(10), end), 0);
      EXPECT_EQ(browser.last, 200) << domain;
      // The record is not there yet; then it is, and the deeper tests take ten minutes
      proof = check::Proof::missing;
      const Request deep = stranger(get(own_page("/check/" + domain + "/deep")));
      for (int i = 0; i < 3; ++i) EXPECT_EQ(browser.load(deep).status, 403);
      proof = check::Proof::proved;
      EXPECT_GT(browser.watch(deep, seconds(600), end), 600 / (2 * 6));
      EXPECT_EQ(browser.last, 200) << domain;
      EXPECT_EQ(browser.load(deep).status, 200) << "once more, as it was kept";
    }
    EXPECT_EQ(browser.refused, 0);
    site->stop();
  }
}

TEST_F(SiteTest, PagesOfOtherSitesStartNoCheck) {
  options->check = true;
  Request request = get("/check/example.org");
  request.fields.emplace("sec-fetch-site", "cross-site");
  EXPECT_EQ(ask(std::move(request)).status, 200) << "the form";
  EXPECT_EQ(checks, 0);
  Request api = get("/api/check/example.org");
  api.fields.emplace("sec-fetch-site", "same-site");
  EXPECT_EQ(ask(std::move(api)).status, 403);
  Request typed = get("/check/example.org");
  typed.fields.emplace("sec-fetch-site", "none");
  EXPECT_EQ(ask(std::move(typed)).status, 200);
  EXPECT_EQ(checks, 1);
  site->stop();
}

TEST_F(SiteTest, MtaStsPoliciesGoByTheHost) {
  options->sts.push_back({.domain = "example.org",
                          .policy = {.mode = mtasts::Mode::enforce, .max_age = 604800, .mx = {"mx.example.org"}}});
  const std::string path(mtasts::kPath);
  const Response policy = ask(stranger(get(path)));
  EXPECT_EQ(policy.status, 404);
  Request asked_for = stranger(get(path));
  asked_for.fields["host"] = "MTA-STS.Example.org:443";
  const Response served = ask(std::move(asked_for));
  ASSERT_EQ(served.status, 200);
  EXPECT_EQ(served.type, "text/plain");
  const auto parsed = mtasts::parse_policy(served.body);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, options->sts.front().policy);
}

TEST_F(SiteTest, FilesAreServedPackedAndNotTwice) {
  Request style = get("/assets/style.css");
  const Response plain_file = ask(style);
  EXPECT_EQ(plain_file.status, 200);
  EXPECT_GT(plain_file.octets().size(), 1000U);
  style.fields["accept-encoding"] = "gzip";
  const Response packed = ask(style);
  EXPECT_LT(packed.octets().size(), plain_file.octets().size() / 2);
  for (const auto& [name, value] : packed.fields)
    if (name == "ETag") style.fields["if-none-match"] = value;
  EXPECT_EQ(ask(style).status, 304);
  EXPECT_EQ(ask(get("/assets/../options.h")).status, 404);
}

TEST_F(SiteTest, PublicUrlsPathStandsBeforeEverything) {
  options->public_url = "https://example.org/mail";
  const Response page = ask(stranger(get("/mail/why")));
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("action=\"/mail/why\""), std::string::npos);
  EXPECT_EQ(ask(stranger(get("/why"))).status, 200);  // the proxy may take it off
}

// The connection itself, over a stream in memory.
TEST_F(SiteTest, AConnectionAnswersRequestsInOrderAndEndsAfterARefusal) {
  site = std::make_unique<Site>(options, services());
  Server server(loop, *site, {});
  const ip::Endpoint local = *ip::Endpoint::parse("[::1]:8025");
  const std::string one = "GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string two = one + "HEAD /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" + "GET / HTTP/1.1\r\n\r\n" + one;
  for (const std::size_t piece : {two.size(), std::size_t{1}, std::size_t{7}}) {
    io::testing::PipeStream stream(loop);
    stream.push_split(two, piece);
    stream.end();
    io::test::run(loop, server.serve(stream, local, local, false));
    const std::string& sent = stream.sent();
    std::size_t answers = 0;
    for (std::size_t at = 0; (at = sent.find("HTTP/1.1 ", at)) != std::string::npos; ++at) ++answers;
    EXPECT_EQ(answers, 3U);  // nothing behind what could not be read
    EXPECT_NE(sent.find("HTTP/1.1 400 "), std::string::npos);
    EXPECT_EQ(sent.find("Disallow"), sent.rfind("Disallow"));  // HEAD has no body
  }
}

TEST_F(SiteTest, OneConnectionHasSoManyRequests) {
  site = std::make_unique<Site>(options, services());
  Server server(loop, *site, {});
  const ip::Endpoint local = *ip::Endpoint::parse("[::1]:8025");
  io::testing::PipeStream stream(loop);
  for (std::size_t i = 0; i < kRequestsMax + 1; ++i) stream.push("GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
  stream.end();
  io::test::run(loop, server.serve(stream, local, local, false, true));
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = stream.sent().find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, kRequestsMax);
  EXPECT_NE(stream.sent().find("Connection: close"), std::string::npos);
}

TEST_F(SiteTest, ANetworkThatAsksTooMuchWaits) {
  options->burst = 10;
  options->requests_per_minute = 1;
  site = std::make_unique<Site>(options, services());
  Server server(loop, *site, {});
  io::testing::PipeStream stream(loop);
  for (int i = 0; i < 12; ++i) stream.push("GET /robots.txt HTTP/1.1\r\nHost: mx\r\n\r\n");
  stream.end();
  const ip::Endpoint peer = *ip::Endpoint::parse("[2001:db8::9]:1");
  io::test::run(loop, server.serve(stream, peer, peer, false));
  EXPECT_NE(stream.sent().find("HTTP/1.1 429"), std::string::npos);
  EXPECT_NE(stream.sent().find("Retry-After: "), std::string::npos);
}

}  // namespace
}  // namespace postern::web
