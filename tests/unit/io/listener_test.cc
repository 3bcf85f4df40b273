#include "io/listener.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "support.h"

namespace postern::io {
namespace {

using test::run;
using test::soon;
using test::TempDir;

Task<void> connect_some(Loop& loop, ip::Endpoint endpoint, int count, std::vector<std::unique_ptr<Stream>>& out) {
  for (int i = 0; i < count; ++i) {
    auto stream = co_await connect(loop, endpoint, soon());
    EXPECT_TRUE(stream.has_value()) << stream.error().what;
    if (!stream) co_return;
    out.push_back(std::move(*stream));
  }
}

TEST(Bind, ATakenAddressIsNamedWithTheRemedy) {
  ListenOptions options;
  options.reuse_port = false;
  const auto first = bind_listener({ip::Address::loopback(ip::Family::v4), 0}, options);
  ASSERT_TRUE(first.has_value()) << first.error().what;
  const auto endpoint = local_endpoint(first->get()).value();
  const auto second = bind_listener(endpoint, options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().sys, EADDRINUSE);
  EXPECT_NE(second.error().what.find(endpoint.text()), std::string::npos);
  EXPECT_NE(second.error().what.find("another server"), std::string::npos);
}

TEST(Bind, SocketsOfBothFamiliesShareAPort) {
  const auto v6 = bind_listener({ip::Address::any(ip::Family::v6), 0}, {});
  ASSERT_TRUE(v6.has_value()) << v6.error().what;
  const auto port = local_endpoint(v6->get())->port;
  // Only possible with IPV6_V6ONLY: a dual socket would occupy the port for IPv4 too.
  const auto v4 = bind_listener({ip::Address::any(ip::Family::v4), port}, {});
  EXPECT_TRUE(v4.has_value()) << v4.error().what;
  int only = 0;
  socklen_t size = sizeof only;
  ASSERT_EQ(::getsockopt(v6->get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, &size), 0);
  EXPECT_EQ(only, 1);
}

// Two loops on two threads; `wanted` connections have to arrive, wherever.
void expect_all_arrive(UniqueFd first, UniqueFd second, bool shared, bool both_must_serve) {
  const auto endpoint = local_endpoint(first.get()).value();
  constexpr int kWanted = 64;
  std::array<Loop, 2> loops;
  std::array<std::atomic<int>, 2> counts{};
  Loop client;
  std::array<UniqueFd, 2> fds{std::move(first), std::move(second)};
  std::array<std::thread, 2> threads;
  std::atomic<int> total{0};
  for (std::size_t i = 0; i < 2; ++i) {
    threads.at(i) = std::thread([&, i] {
      const Listener listener(loops.at(i), std::move(fds.at(i)), shared, true, [&, i](Accepted one) {
        EXPECT_FALSE(one.saved_syn.empty());
        EXPECT_EQ(one.local, endpoint);
        ++counts.at(i);
        if (++total == kWanted) client.stop();
      });
      loops.at(i).run();
    });
  }
  std::vector<std::unique_ptr<Stream>> streams;
  Scope scope(client);
  client.post([&] { scope.spawn(connect_some(client, endpoint, kWanted, streams)); });
  client.run();
  for (auto& loop : loops) loop.stop();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(total.load(), kWanted);
  EXPECT_EQ(counts[0] + counts[1], kWanted);
  if (both_must_serve) {
    EXPECT_GT(counts[0].load(), 0);
    EXPECT_GT(counts[1].load(), 0);
  }
  // The last connect may still be on its way back to its coroutine.
  run(client, scope.join());
}

TEST(Listener, TwoLoopsWithSocketsOfTheirOwn) {
  auto first = bind_listener({ip::Address::loopback(ip::Family::v6), 0}, {});
  ASSERT_TRUE(first.has_value());
  auto second = bind_listener(local_endpoint(first->get()).value(), {});
  ASSERT_TRUE(second.has_value()) << second.error().what;
  expect_all_arrive(std::move(*first), std::move(*second), false, true);
}

TEST(Listener, TwoLoopsShareAnInheritedSocket) {
  ListenOptions options;
  options.reuse_port = false;
  auto first = bind_listener({ip::Address::loopback(ip::Family::v4), 0}, options);
  ASSERT_TRUE(first.has_value());
  UniqueFd second(::dup(first->get()));
  expect_all_arrive(std::move(*first), std::move(second), true, false);
}

TEST(Listener, MayBeDestroyedByItsOwnCallback) {
  Loop loop;
  auto fd = bind_listener({ip::Address::loopback(ip::Family::v4), 0}, {});
  ASSERT_TRUE(fd.has_value());
  const auto endpoint = local_endpoint(fd->get()).value();
  std::unique_ptr<Listener> listener;
  int count = 0;
  listener = std::make_unique<Listener>(loop, std::move(*fd), false, false, [&](const Accepted&) {
    ++count;
    loop.post([&] { listener.reset(); });
  });
  std::vector<std::unique_ptr<Stream>> streams;
  run(loop, connect_some(loop, endpoint, 1, streams));
  while (listener) run(loop, sleep_until(loop, Deadline::after(milliseconds(1))));
  EXPECT_EQ(count, 1);
}

TEST(UnixListener, ReplacesAStaleSocketAndRespectsALiveOne) {
  const TempDir folder;
  const std::string path = folder.file("control.sock");
  {
    const auto first = bind_unix_listener(path);
    ASSERT_TRUE(first.has_value()) << first.error().what;
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const auto second = bind_unix_listener(path);
    ASSERT_FALSE(second.has_value());
    EXPECT_NE(second.error().what.find("another server"), std::string::npos);
  }
  auto again = bind_unix_listener(path);  // the file is left, nobody answers
  ASSERT_TRUE(again.has_value()) << again.error().what;

  Loop loop;
  Accepted accepted;
  const Listener listener(loop, std::move(*again), false, false, [&](Accepted one) { accepted = std::move(one); });
  const auto stream = run(loop, connect_unix(loop, path, soon()));
  ASSERT_TRUE(stream.has_value()) << stream.error().what;
  while (!accepted.fd.valid()) run(loop, sleep_until(loop, Deadline::after(milliseconds(1))));
  EXPECT_TRUE(accepted.saved_syn.empty());
}

TEST(UnixListener, DoesNotRemoveWhatIsNotASocket) {
  const TempDir folder;
  const auto refused = bind_unix_listener(folder.file("."));
  ASSERT_FALSE(refused.has_value());
  EXPECT_FALSE(bind_unix_listener("/" + std::string(200, 'x')).has_value());
}

}  // namespace
}  // namespace postern::io
