#include "resolver/cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "resolver/context.h"

namespace postern::resolver {
namespace {

using dns::Status;
using dns::Type;

Clock::time_point at(std::int64_t s) { return Clock::time_point() + seconds(1000 + s); }

dns::AnswerPtr made(Status status, std::uint32_t ttl, const std::string& text = {}) {
  dns::Answer answer;
  answer.status = status;
  answer.ttl = ttl;
  if (!text.empty()) answer.texts.push_back(text);
  return std::make_shared<const dns::Answer>(std::move(answer));
}

constexpr std::size_t kPlenty = std::size_t{1} << 20;

TEST(Lifetime, Bounds) {
  EXPECT_EQ(lifetime(*made(Status::ok, 0)), seconds(1));
  EXPECT_EQ(lifetime(*made(Status::ok, 300)), seconds(300));
  EXPECT_EQ(lifetime(*made(Status::ok, 86400)), seconds(86400));
  EXPECT_EQ(lifetime(*made(Status::ok, 86401)), seconds(86400));
  EXPECT_EQ(lifetime(*made(Status::nxdomain, 900)), seconds(900));
  EXPECT_EQ(lifetime(*made(Status::nodata, 901)), seconds(900));
  EXPECT_EQ(lifetime(*made(Status::nodata, 0)), seconds(1));
  EXPECT_EQ(lifetime(*made(Status::servfail, 300)), seconds(5));
  EXPECT_EQ(lifetime(*made(Status::timeout, 0)), seconds(5));
  EXPECT_EQ(lifetime(*made(Status::bogus, 3000)), seconds(30));
  EXPECT_EQ(lifetime(*made(Status::unavailable, 300)), seconds(0));
  EXPECT_EQ(lifetime(*made(Status::cancelled, 300)), seconds(0));
}

TEST(Cache, KeepsByNameAndTypeUntilItExpires) {
  Cache cache(10, kPlenty);
  cache.put({"a", Type::a}, made(Status::ok, 10), at(0));
  EXPECT_EQ(cache.find({"a", Type::mx}, at(0)), nullptr);
  EXPECT_EQ(cache.find({"b", Type::a}, at(0)), nullptr);
  ASSERT_NE(cache.find({"a", Type::a}, at(9)), nullptr);
  EXPECT_EQ(cache.find({"a", Type::a}, at(10)), nullptr);
  cache.put({"u", Type::a}, made(Status::unavailable, 10), at(0));
  EXPECT_EQ(cache.find({"u", Type::a}, at(0)), nullptr);
}

TEST(Cache, StaleForAnHourAndBehindAFailure) {
  Cache cache(10, kPlenty);
  cache.put({"a", Type::txt}, made(Status::ok, 10, "good"), at(0));
  cache.put({"a", Type::txt}, made(Status::servfail, 0), at(20));
  EXPECT_EQ((*cache.find({"a", Type::txt}, at(21)))->status, Status::servfail);
  ASSERT_NE(cache.find_stale({"a", Type::txt}, at(10 + 3599)), nullptr);
  EXPECT_EQ((*cache.find_stale({"a", Type::txt}, at(21)))->texts.at(0), "good");
  EXPECT_EQ(cache.find_stale({"a", Type::txt}, at(10 + 3600)), nullptr);
  cache.put({"b", Type::txt}, made(Status::timeout, 0), at(0));
  EXPECT_EQ(cache.find_stale({"b", Type::txt}, at(1)), nullptr);
}

TEST(Cache, EntriesAreBoundedAndTheLeastRecentlyUsedLeaves) {
  Cache cache(3, kPlenty);
  for (const char* name : {"a", "b", "c"}) cache.put({name, Type::a}, made(Status::ok, 100), at(0));
  EXPECT_NE(cache.find({"a", Type::a}, at(1)), nullptr);
  cache.put({"d", Type::a}, made(Status::ok, 100), at(1));
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.find({"b", Type::a}, at(1)), nullptr);
  for (const char* name : {"a", "c", "d"}) EXPECT_NE(cache.find({name, Type::a}, at(1)), nullptr) << name;
}

TEST(Cache, OctetsAreBounded) {
  Cache cache(1000, 100'000);
  for (int i = 0; i < 50; ++i) {
    cache.put({"n" + std::to_string(i), Type::txt}, made(Status::ok, 100, std::string(9000, 'x')), at(0));
    EXPECT_LE(cache.bytes(), 100'000U);
  }
  EXPECT_GE(cache.size(), 8U);
  EXPECT_LE(cache.size(), 11U);
  cache.put({"huge", Type::txt}, made(Status::ok, 100, std::string(200'000, 'x')), at(0));
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
  cache.put({"a", Type::txt}, made(Status::ok, 100, "x"), at(0));
  const std::size_t once = cache.bytes();
  cache.put({"a", Type::txt}, made(Status::ok, 100, "x"), at(0));
  EXPECT_EQ(cache.bytes(), once);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(Context, ServersInResolvConf) {
  const auto servers = servers_in(
      "# comment\nsearch example.org\nnameserver 192.0.2.53\n\tnameserver\t2001:db8::53 # here\nnameserver fe80::1%2\n"
      "nameservers 192.0.2.1\nnameserver not-an-address\nnameserver");
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_EQ(servers[0].text(), "192.0.2.53:53");
  EXPECT_EQ(servers[1].text(), "[2001:db8::53]:53");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "nameserver 192.0.2.1\n";
  EXPECT_EQ(servers_in(many).size(), kServersMax);
}

TEST(Context, Presentation) {
  EXPECT_EQ(presentation(dns::Name()), ".");
  EXPECT_EQ(presentation(*dns::Name::parse("_25._tcp.mx-1.example.org")), "_25._tcp.mx-1.example.org.");
  EXPECT_EQ(presentation(*dns::Name::parse(std::string_view("a b\\\0\xFF.org", 10))), "a\\032b\\092\\000\\255.org.");
}

}  // namespace
}  // namespace postern::resolver
