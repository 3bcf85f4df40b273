// Who is the operator, who logs in, and what a browser may change.
#include "web/access.h"

#include "unit/web/site_fixture.h"
#include "web/url.h"

namespace postern::web {
namespace {

TEST_F(SiteTest, OverLoopbackTheOperatorsPagesAskForNoPassword) {
  for (const char* page : {"/queue", "/memory", "/why", "/metrics", "/api/overview", "/api/history", "/api/queue"})
    EXPECT_EQ(ask(get(page)).status, 200) << page;
  EXPECT_EQ(ask(get("/nothing")).status, 404);
  EXPECT_EQ(ask(get("/queue", "127.0.0.1")).status, 200);
  EXPECT_EQ(ask(get("/queue", "[::1]:8025")).status, 200);
}

TEST_F(SiteTest, ANameThatPointsHereIsNotLoopback) {
  // DNS rebinding: the browser is on this machine, the page is not ours
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""})
    EXPECT_EQ(ask(get("/queue", host)).status, 403) << host;
}

// Of a machine's users root and the one that the server runs as are the operator; a proxy that says nothing of whom it
// brings has a user of its own.
TEST_F(SiteTest, OtherUsersOfThisMachineAreVisitors) {
  const auto other = [](std::string path) {
    Request request = get(std::move(path));
    request.own = false;
    return request;
  };
  for (const char* page : {"/queue", "/api/overview", "/metrics"}) {
    const Response refused = ask(other(page));
    EXPECT_EQ(refused.status, 403) << page;
    EXPECT_NE(refused.body.find("postern web password"), std::string::npos) << page;
  }
  EXPECT_EQ(ask(other("/why")).status, 200);
  Request change = post("/queue", "action=drop&id=" + std::string(kId));
  change.own = false;
  EXPECT_EQ(ask(std::move(change)).status, 403);
  EXPECT_TRUE(asked.empty());
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  site = nullptr;
  Request login = other("/queue");
  login.fields["authorization"] = "Basic " + to_base64("operator:correct horse");
  EXPECT_EQ(ask(std::move(login)).status, 200);
}

TEST_F(SiteTest, AProxyBringsStrangers) {
  Request request = get("/queue");
  request.fields.emplace("x-forwarded-for", "192.0.2.7");
  EXPECT_EQ(ask(std::move(request)).status, 403);
  options->public_url = "https://postern.example.org";
  site = nullptr;
  EXPECT_EQ(ask(get("/queue")).status, 403);
  EXPECT_EQ(ask(get("/why")).status, 200);
}

TEST_F(SiteTest, WhoComesThroughAProxyIsCountedWhateverHeSaysOfHimself) {
  options->public_url = "https://postern.example.org";
  options->burst = 3;
  site = nullptr;
  ask(get("/why"));
  for (const char* forwarded : {"", "127.0.0.1", "127.0.0.1, ::1"}) {
    Request request = get("/why");
    if (*forwarded != 0) request.fields["x-forwarded-for"] = forwarded;
    int waits = 0;
    for (int i = 0; i < 20; ++i) waits += site->must_wait(request) > 0 ? 1 : 0;
    EXPECT_GT(waits, 10) << forwarded;
  }
  Request last = get("/why");
  last.fields["x-forwarded-for"] = "127.0.0.1, 192.0.2.7";
  EXPECT_EQ(client_of(last, *options).text(), "192.0.2.7") << "the proxy's own word stands last";
}

TEST_F(SiteTest, StrangersSeePublicPagesAlone) {
  EXPECT_EQ(ask(stranger(get("/queue"))).status, 403);
  EXPECT_EQ(ask(stranger(get("/api/why/" + std::string(kId)))).status, 403);
  EXPECT_EQ(ask(stranger(get("/why"))).status, 200);
  EXPECT_EQ(ask(stranger(get("/"))).status, 200);
  EXPECT_EQ(ask(stranger(get("/check"))).status, 403);  // unless it is switched on
  options->why = false;
  site = nullptr;
  EXPECT_EQ(ask(stranger(get("/why"))).status, 403);
}

TEST_F(SiteTest, PasswordAndToken) {
  const std::string token = make_token();
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  options->token = token_verifier(token);
  const auto with = [](Request request, const std::string& authorization) {
    request.fields["authorization"] = authorization;
    return request;
  };
  const Response asked_for = ask(stranger(get("/queue")));
  EXPECT_EQ(asked_for.status, 401);
  EXPECT_EQ(asked_for.fields.front().first, "WWW-Authenticate");
  EXPECT_EQ(ask(get("/queue")).status, 401);  // loopback too, once there is a password
  const std::string good = "Basic " + to_base64("operator:correct horse");
  EXPECT_EQ(ask(with(stranger(get("/queue")), good)).status, 200);
  EXPECT_EQ(ask(with(stranger(get("/queue")), good)).status, 200);
  EXPECT_EQ(ask(with(stranger(get("/queue")), "Basic " + to_base64("operator:wrong"))).status, 401);
  EXPECT_EQ(ask(with(stranger(get("/queue")), "Basic " + to_base64("other:correct horse"))).status, 401);
  EXPECT_EQ(ask(with(stranger(get("/queue")), "Basic !")).status, 401);
  EXPECT_EQ(ask(with(stranger(get("/queue")), "Bearer " + token)).status, 200);
  EXPECT_EQ(ask(with(stranger(get("/queue")), "Bearer x")).status, 401);
  // Guessing ends soon
  int status = 0;
  for (int i = 0; i < 20 && status != 429; ++i) status = ask(with(stranger(get("/queue")), "Bearer x")).status;
  EXPECT_EQ(status, 429);
}

TEST_F(SiteTest, APublicPageHasAWayToLogIn) {
  options->check = true;
  for (const char* page : {"/why", "/check", "/"})
    EXPECT_EQ(ask(stranger(get(page))).body.find("Operator"), std::string::npos) << "there is none: " << page;
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  site = nullptr;
  EXPECT_NE(ask(stranger(get("/"))).body.find("Operator"), std::string::npos);
  const std::string path = "/why/" + std::string(kId);
  EXPECT_NE(ask(stranger(get(path))).body.find("href=\"/login?to=" + percent_encode(path) + "\""), std::string::npos);
  EXPECT_NE(ask(stranger(get("/check"))).body.find("/login?to="), std::string::npos);
  const auto login = [&](const std::string& to) {
    Request request = stranger(get("/login"));
    request.query.emplace("to", to);
    return request;
  };
  const Response asked_for = ask(login(path));
  EXPECT_EQ(asked_for.status, 401);
  Request with = login(path);
  with.fields["authorization"] = "Basic " + to_base64("operator:correct horse");
  const Response back = ask(with);
  ASSERT_EQ(back.status, 303);
  EXPECT_EQ(back.fields.front().second, path);
  for (const char* elsewhere : {"https://evil.example/", "//evil.example", "/\\evil.example", ""}) {
    Request other = login(elsewhere);
    other.fields = with.fields;
    EXPECT_EQ(ask(std::move(other)).fields.front().second, "/") << elsewhere;
  }
}

// Wrong passwords of a /48 count together; the operator at the machine itself is not kept out by them.
TEST_F(SiteTest, GuessingFromManyNetworksEndsSoon) {
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  const auto login = [](Request request, const std::string& password) {
    request.fields["authorization"] = "Basic " + to_base64("operator:" + password);
    return request;
  };
  int looked_at = 0;
  for (int i = 0; i < 60; ++i) {
    Request request = login(stranger(get("/queue")), "wrong");
    request.peer = request.client = *ip::Address::parse("2001:db8:0:" + std::to_string(i) + "00::1");
    looked_at += ask(std::move(request)).status == 401 ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 24);
  EXPECT_EQ(ask(login(get("/queue"), "correct horse")).status, 200);
}

TEST_F(SiteTest, GuessingFromAnIpv4NetworkEndsSoon) {
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  int looked_at = 0;
  for (int i = 0; i < 40; ++i) {
    Request request = stranger(get("/queue"));
    request.fields["authorization"] = "Basic " + to_base64("operator:wrong");
    request.peer = request.client = *ip::Address::parse("192.0.2." + std::to_string(i));
    looked_at += ask(std::move(request)).status == 401 ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 24) << "a /24 has twice what an address has";
}

Clock::time_point stands_still;

TEST_F(SiteTest, ARightPasswordIsNoWrongOne) {
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  options->burst = 1000;
  stands_still = Clock::now();
  Services with_clock = services();
  with_clock.clock = [] { return stands_still; };
  site = std::make_unique<Site>(options, std::move(with_clock));
  const auto login = [this](const std::string& password) {
    Request request = stranger(get("/queue"));
    request.fields["authorization"] = "Basic " + to_base64("operator:" + password);
    return ask(std::move(request)).status;
  };
  for (int i = 0; i < 11; ++i) EXPECT_EQ(login("wrong"), 401);
  EXPECT_EQ(login("correct horse"), 200);
  EXPECT_EQ(login("wrong"), 401) << "the twelfth wrong one";
  EXPECT_EQ(login("wrong"), 429);
  EXPECT_EQ(login("correct horse"), 200) << "it is remembered";
}

TEST_F(SiteTest, SomePasswordsWaitToBeLookedAt) {
  options->user = "operator";
  options->password = password_verifier("correct horse", 10'000);
  site = std::make_unique<Site>(options, services());
  std::vector<Request> requests;
  for (int i = 0; i < 18; ++i) {
    requests.push_back(stranger(get("/queue")));
    requests.back().fields["authorization"] = "Basic " + to_base64("operator:wrong");
    requests.back().peer = requests.back().client = *ip::Address::parse("2001:db8:" + std::to_string(i) + "::1");
  }
  std::vector<int> statuses;
  for (int twice = 0; twice < 2; ++twice) {
    io::test::run(loop, ask_at_once(*site, requests, [] {}, statuses, loop));
    EXPECT_EQ(std::ranges::count(statuses, 401), 16);
    EXPECT_EQ(std::ranges::count(statuses, 503), 2);
  }
}

TEST_F(SiteTest, NothingIsChangedFromAnotherSite) {
  const std::string body = "action=hold&id=" + std::string(kId);
  EXPECT_EQ(ask(post("/queue", body)).status, 303);
  EXPECT_NE(asked.back().find("queue.hold"), std::string::npos);
  Request other = post("/queue", body);
  other.fields["origin"] = "https://evil.example";
  EXPECT_EQ(ask(other).status, 403);
  other.fields["origin"] = "null";
  EXPECT_EQ(ask(other).status, 403);
  other.fields["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(ask(other).status, 403);
  other.fields["sec-fetch-site"] = "same-origin";  // a browser whose referrer policy hides even that
  EXPECT_EQ(ask(other).status, 303);
  other = post("/queue", body);
  other.fields["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(ask(other).status, 403);
  other = post("/queue", body);
  other.fields.erase("origin");
  EXPECT_EQ(ask(other).status, 403);  // neither says where it comes from
  other.fields["x-postern"] = "1";
  EXPECT_EQ(ask(other).status, 303);
  Request unknown = post("/api/queue", "action=burn&id=x");
  EXPECT_EQ(ask(std::move(unknown)).status, 400);
}

}  // namespace
}  // namespace postern::web
