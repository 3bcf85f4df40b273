// The check page's line: who waits for whom, and what a link to a report shows.
#include <gtest/gtest.h>

#include "unit/web/site_fixture.h"

namespace postern::web {
namespace {

class CheckPageTest : public SiteTest {
 protected:
  CheckPageTest() {
    options->check = true;
    options->checks_at_once = 1;
    options->burst = 1000;
    checks_wait = true;
    site = std::make_unique<Site>(options, services());
  }
  ~CheckPageTest() override {
    site->stop();
    for (io::Signal& gate : gates) gate.notify();
    io::test::run(loop, turn());
  }
  Task<void> turn() { co_await io::sleep_until(loop, Deadline::after(milliseconds(1))); }
  static Request from(const std::string& address, std::string path) {
    Request request = stranger(get(std::move(path)));
    request.peer = request.client = *ip::Address::parse(address);
    return request;
  }
};

TEST_F(CheckPageTest, TheOperatorWaitsForNobody) {
  for (int i = 0; i < 60; ++i) {
    const std::string client = "2001:db8:" + std::to_string(i) + "::1";
    EXPECT_EQ(ask(from(client, "/check/d" + std::to_string(i) + ".example")).status, i < 51 ? 200 : 503) << i;
  }
  EXPECT_EQ(checks, 1) << "50 wait";
  EXPECT_EQ(ask(get("/check/own.example")).status, 200);
  EXPECT_EQ(checks, 2) << "at once";
  EXPECT_EQ(ask(get("/check/d50.example")).status, 200);
  EXPECT_EQ(checks, 3) << "he takes it out of the line";
}

TEST_F(CheckPageTest, OneNetworkDoesNotFillTheLine) {
  int number = 0;
  const auto status = [&](const std::string& address) {
    return ask(from(address, "/check/n" + std::to_string(number++) + ".example")).status;
  };
  EXPECT_EQ(status("2001:db8:1::1"), 200) << "runs";
  for (const int wanted : {200, 200, 200, 503}) EXPECT_EQ(status("2001:db8:1::1"), wanted);
  for (const int wanted : {200, 200, 200, 503}) EXPECT_EQ(status("2001:db8:1:1::1"), wanted);
  EXPECT_EQ(status("2001:db8:1:ffff::1"), 503) << "all of a /48";
  EXPECT_EQ(status("2001:db8:2::1"), 200);
  for (const int wanted : {200, 200, 200, 503}) EXPECT_EQ(status("192.0.2.1"), wanted);
  for (const int wanted : {200, 200, 200, 503}) EXPECT_EQ(status("192.0.2.2"), wanted);
  EXPECT_EQ(status("192.0.2.3"), 503);
}

TEST_F(CheckPageTest, OneNetworkDoesNotTakeAllStreams) {
  EXPECT_EQ(ask(from("2001:db8:1::1", "/check/n.example")).status, 200);
  std::vector<Response> open;
  const auto watch = [&](const std::string& address) {
    open.push_back(ask(from(address, "/api/check/n.example/events")));
    return open.back().status;
  };
  for (std::size_t i = 0; i < kStreamsOfNetwork; ++i) EXPECT_EQ(watch("2001:db8:1::1"), 200);
  EXPECT_EQ(watch("2001:db8:1::1"), 503);
  EXPECT_EQ(watch("2001:db8:3::1"), 200);
  open.erase(open.begin());
  EXPECT_EQ(watch("2001:db8:1::1"), 200);
}

TEST_F(CheckPageTest, AnIpv4NetworkHasTwiceTheStreamsOfAnAddress) {
  EXPECT_EQ(ask(from("192.0.2.1", "/check/n.example")).status, 200);
  std::vector<Response> open;
  const auto watch = [&](const std::string& address) {
    open.push_back(ask(from(address, "/api/check/n.example/events")));
    return open.back().status;
  };
  for (const char* address : {"192.0.2.1", "192.0.2.2"})
    for (std::size_t i = 0; i < kStreamsOfNetwork; ++i) EXPECT_EQ(watch(address), 200) << address;
  EXPECT_EQ(watch("192.0.2.3"), 503);
  EXPECT_EQ(watch("198.51.100.1"), 200);
}

TEST_F(CheckPageTest, VisitorsLeaveHalfOfTheStreamsToTheOperator) {
  EXPECT_EQ(ask(from("2001:db8:1::1", "/check/n.example")).status, 200);
  std::vector<Response> open;
  const auto watch = [&](Request request) {
    open.push_back(ask(std::move(request)));
    return open.back().status;
  };
  const auto visitor = [&](std::size_t i) {
    return watch(from("2001:db8:" + std::to_string(i) + "::1", "/api/check/n.example/events"));
  };
  for (std::size_t i = 0; i < kStreamsMax / 2; ++i) EXPECT_EQ(visitor(i), 200) << i;
  EXPECT_EQ(visitor(kStreamsMax), 503);
  for (std::size_t i = kStreamsMax / 2; i < kStreamsMax; ++i)
    EXPECT_EQ(watch(get(i % 2 == 0 ? "/api/check/n.example/events" : "/api/live")), 200) << i;
  EXPECT_EQ(watch(get("/api/check/n.example/events")), 503);
  EXPECT_EQ(watch(get("/api/live")), 503);
}

TEST_F(CheckPageTest, TheOperatorsFurtherRunsStandAtTheHeadOfTheLine) {
  EXPECT_EQ(ask(from("2001:db8:1::1", "/check/first.example")).status, 200);
  EXPECT_EQ(ask(from("2001:db8:2::1", "/check/second.example")).status, 200);
  EXPECT_EQ(checks, 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(get("/check/own" + std::to_string(i) + ".example")).status, 200);
  EXPECT_EQ(checks, 5) << "four run beside the line";
  gates.front().notify();
  io::test::run(loop, turn());
  EXPECT_EQ(checks, 6);
  EXPECT_NE(ask(get("/check/second.example")).body.find("waiting for its turn"), std::string::npos)
      << "his fifth goes before the visitor's";
}

// Tickets cost nothing: of a domain whose owner has many of them there is one run.
TEST_F(CheckPageTest, AnOwnersTicketsOpenOneRun) {
  proof = check::Proof::proved;
  const std::string one = own_page("/check/own.example/deep"), two = own_page("/check/own.example/deep");
  ASSERT_NE(one, two);
  const Response page = ask(stranger(get(one)));
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("data-events=\"" + one.substr(std::string("/check/").size()) + "/events\""),
            std::string::npos)
      << "each page's events are behind its own ticket";
  const Response other = ask(from("2001:db8:7::1", two));
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body.find("waiting for its turn"), std::string::npos) << "it is the one that runs";
  EXPECT_EQ(depths, std::vector{Depth::own_hosts});
  EXPECT_EQ(ask(from("2001:db8:7::1", "/api" + two + "/events")).status, 200);
  proof = check::Proof::missing;
  EXPECT_EQ(ask(from("2001:db8:7::1", two)).status, 403);
}

TEST_F(CheckPageTest, WhoeverFollowsALinkToAReportThatHasEndedIsTold) {
  Request request = stranger(get("/check/example.org"));
  request.fields.emplace("sec-fetch-site", "cross-site");
  const Response page = ask(std::move(request));
  EXPECT_NE(page.body.find("There is no report of example.org now"), std::string::npos);
  EXPECT_NE(page.body.find("value=\"example.org\""), std::string::npos);
}

}  // namespace
}  // namespace postern::web
