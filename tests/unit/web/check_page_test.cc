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

TEST_F(CheckPageTest, WhoeverFollowsALinkToAReportThatHasEndedIsTold) {
  Request request = stranger(get("/check/example.org"));
  request.fields.emplace("sec-fetch-site", "cross-site");
  const Response page = ask(std::move(request));
  EXPECT_NE(page.body.find("There is no report of example.org now"), std::string::npos);
  EXPECT_NE(page.body.find("value=\"example.org\""), std::string::npos);
}

}  // namespace
}  // namespace postern::web
