#include "web/http.h"

#include <gtest/gtest.h>

#include "web/message.h"

namespace postern::web {
namespace {

using State = RequestReader::State;

constexpr std::string_view kPost =
    "POST /queue?a=1&b=%20x HTTP/1.1\r\nHost: localhost:8025\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 11\r\n\r\nid=1&b=t+wo";

void expect_post(const Request& request) {
  EXPECT_EQ(request.method, Method::post);
  EXPECT_EQ(request.path, "/queue");
  EXPECT_EQ(request.parameter("a"), "1");
  EXPECT_EQ(request.parameter("b"), " x");
  EXPECT_EQ(request.host(), "localhost");
  EXPECT_EQ(request.body, "id=1&b=t+wo");
  EXPECT_EQ(request.form().at("b"), "t wo");
  EXPECT_TRUE(request.keep_alive);
}

State feed_all(RequestReader& reader, std::string_view text, std::size_t piece) {
  while (!text.empty() && reader.state() != State::refused) {
    const std::size_t size = std::min(piece, text.size());
    reader.feed(text.substr(0, size));
    text.remove_prefix(size);
  }
  return reader.state();
}

TEST(RequestReader, ItDoesNotMatterHowTheOctetsAreCut) {
  for (std::size_t cut = 0; cut <= kPost.size(); ++cut) {
    RequestReader reader;
    reader.feed(kPost.substr(0, cut));
    ASSERT_EQ(reader.feed(kPost.substr(cut)), State::done) << cut;
    expect_post(reader.take());
  }
  RequestReader reader;
  ASSERT_EQ(feed_all(reader, kPost, 1), State::done);
  expect_post(reader.take());
  EXPECT_EQ(reader.state(), State::empty);
}

TEST(RequestReader, RequestsOneBehindTheOther) {
  const std::string two =
      std::string(kPost) + "\r\n" + "GET /why HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n";
  for (std::size_t cut = 0; cut <= two.size(); ++cut) {
    RequestReader reader;
    reader.feed(std::string_view(two).substr(0, cut));
    if (reader.state() == State::done) expect_post(reader.take());
    reader.feed(std::string_view(two).substr(cut));
    ASSERT_EQ(reader.state(), State::done) << cut;
    Request second = reader.take();
    if (second.method == Method::post) {
      ASSERT_EQ(reader.state(), State::done) << cut;
      second = reader.take();
    }
    EXPECT_EQ(second.path, "/why");
    EXPECT_EQ(second.host(), "::1");
    EXPECT_FALSE(second.keep_alive);
  }
}

int refusal(std::string_view text) {
  RequestReader whole;
  RequestReader pieces;
  const State a = whole.feed(text);
  const State b = feed_all(pieces, text, 1);
  EXPECT_EQ(a, b) << text.substr(0, 80);
  if (a != State::refused) return a == State::done ? 200 : 0;
  EXPECT_EQ(whole.status(), pieces.status());
  EXPECT_FALSE(whole.problem().empty());
  return whole.status();
}

TEST(RequestReader, RefusesWhatCouldBeReadInTwoWays) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501);
  EXPECT_EQ(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400);
  EXPECT_EQ(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET http:///why HTTP/1.1\r\nHost: a\r\n\r\n"), 400);  // RFC 9110 4.2.1: an empty host
  EXPECT_EQ(refusal("GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"), 400);  // RFC 9110 4.2.4
  EXPECT_EQ(refusal("EHLO mx.example.org\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/3.7\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
}

TEST(RequestReader, LimitsOfHeadTargetAndBody) {
  const auto with_target = [](std::size_t size) {
    return refusal("GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  EXPECT_EQ(with_target(kTargetMax), 200);
  EXPECT_EQ(with_target(kTargetMax + 1), 414);
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const auto with_head = [&](std::size_t size) {
    return refusal(begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n");
  };
  EXPECT_EQ(with_head(kHeadMax), 200);
  EXPECT_EQ(with_head(kHeadMax + 1), 431);
  const auto with_body = [](std::size_t size) {
    RequestReader reader;
    reader.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    if (reader.state() == State::body) reader.feed(std::string(size, 'b'));
    return reader.state() == State::done ? 200 : reader.status();
  };
  EXPECT_EQ(with_body(kBodyMax), 200);
  EXPECT_EQ(with_body(kBodyMax + 1), 413);
  // Endless: refused long before anybody runs out of memory
  RequestReader endless;
  std::size_t fed = 0;
  while (endless.state() != State::refused && fed < 10 * kHeadMax) {
    endless.feed(std::string(1000, 'a'));
    fed += 1000;
  }
  EXPECT_LT(fed, 3 * kHeadMax);
}

TEST(RequestReader, WhoWaitsForContinueIsToldOnce) {
  RequestReader reader;
  reader.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(reader.expects_continue());
  EXPECT_FALSE(reader.expects_continue());
  EXPECT_EQ(reader.feed("ab"), State::done);
}

TEST(Head, CarriesTheFieldsThatKeepPagesSafe) {
  Response response;
  response.body = "hello";
  response.fields.emplace_back("X-Odd", "one\r\nSet-Cookie: no");
  const std::string head = head_text(response, {.secure = true}, 1'795'210'200'000);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  for (const char* field :
       {"Content-Length: 5\r\n", "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: same-origin\r\n",
        "Strict-Transport-Security: ", "Cache-Control: no-store\r\n", " GMT\r\n"})
    EXPECT_NE(head.find(field), std::string::npos) << field;
  EXPECT_EQ(head.find("unsafe-inline"), std::string::npos);
  EXPECT_EQ(head.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(head_text(response, {}, 0).find("Strict-Transport-Security"), std::string::npos);
}

TEST(RequestReader, UnderstandsATargetInAbsoluteForm) {
  RequestReader reader;
  ASSERT_EQ(reader.feed("GET http://LocalHost:8025/why?id=x HTTP/1.1\r\nHost: localhost:8025\r\n\r\n"),
            RequestReader::State::done);
  const Request request = reader.take();
  EXPECT_EQ(request.path, "/why");
  EXPECT_EQ(request.parameter("id"), "x");
  EXPECT_EQ(request.host(), "localhost");
  ASSERT_EQ(reader.feed("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), RequestReader::State::done);
  EXPECT_EQ(reader.take().path, "/");
  // The authority's letters stand in the scheme, too
  for (const auto& [target, path] : {std::pair("http://h/robots.txt", "/robots.txt"),
                                     {"https://s/why", "/why"},
                                     {"http://tp:80/", "/"},
                                     {"HTTP://p?id=x", "/"}}) {
    ASSERT_EQ(reader.feed("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), RequestReader::State::done);
    EXPECT_EQ(reader.take().path, path) << target;
  }
}

// RFC 9112 3.2.2: an origin server MUST ignore the Host field then.
TEST(RequestReader, ATargetsAuthorityCountsWhateverTheHostFieldSays) {
  RequestReader reader;
  ASSERT_EQ(reader.feed("GET http://Evil.example/queue HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            RequestReader::State::done);
  EXPECT_EQ(reader.take().host(), "evil.example");
  ASSERT_EQ(reader.feed("GET http://localhost/queue HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
            RequestReader::State::done);
  EXPECT_EQ(reader.take().host(), "localhost");
}

// However it is cut: nobody waits for the end of a head that has none.
TEST(RequestReader, RefusesLinesThatEndWithLfAlone) {
  const std::string_view request = "GET / HTTP/1.1\nHost: a\n\n";
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    RequestReader reader;
    reader.feed(request.substr(0, cut));
    reader.feed(request.substr(cut));
    EXPECT_EQ(reader.state(), RequestReader::State::refused) << cut;
    EXPECT_EQ(reader.status(), 400);
  }
  RequestReader reader;
  EXPECT_EQ(reader.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na\nb"), RequestReader::State::done)
      << "a body is none of this";
}

}  // namespace
}  // namespace postern::web
