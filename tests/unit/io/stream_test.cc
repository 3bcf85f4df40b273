#include "io/stream.h"

#include <gtest/gtest.h>

#include "support.h"

namespace postern::io {
namespace {

using test::Pair;
using test::receive_all;
using test::receive_text;
using test::run;
using test::run_all;
using test::short_wait;
using test::socket_pair;
using test::soon;
using test::stream_pair;

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i % 23);
  return out;
}

Task<void> send_and_close(Stream& stream, std::string bytes) {
  const auto sent = co_await stream.send(bytes, soon());
  EXPECT_TRUE(sent.has_value()) << sent.error().what;
  co_await stream.close(soon());
}
Task<void> expect_all(Stream& stream, std::string bytes) {
  const auto got = co_await receive_all(stream);
  EXPECT_TRUE(got.has_value());
  if (got) EXPECT_TRUE(*got == bytes) << "got " << got->size() << " octets of " << bytes.size();
  co_await stream.close(soon());
}

TEST(Stream, CarriesManyTimesTheSocketBuffer) {
  Loop loop;
  auto [a, b] = socket_pair();
  const int small = 4096;
  ASSERT_EQ(::setsockopt(a.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  const auto sender = make_stream(loop, std::move(a));
  const auto receiver = make_stream(loop, std::move(b));
  const std::string bytes = pattern(std::size_t{3} * 1024 * 1024 + 17);
  run_all(loop, send_and_close(*sender, bytes), expect_all(*receiver, bytes));
}

Task<void> echo_lines(Stream& stream, int count) {
  for (int i = 0; i < count; ++i) {
    const auto got = co_await receive_text(stream);
    EXPECT_TRUE(got.has_value());
    if (!got) co_return;
    EXPECT_TRUE((co_await stream.send(*got, soon())).has_value());
  }
}
Task<void> ask_lines(Stream& stream, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string line = "line " + std::to_string(i) + "\r\n";
    EXPECT_TRUE((co_await stream.send(line, soon())).has_value());
    const auto got = co_await receive_text(stream);
    EXPECT_TRUE(got.has_value());
    if (!got) co_return;
    EXPECT_EQ(*got, line);
  }
}

TEST(Stream, LockstepDialogue) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  run_all(loop, echo_lines(*pair.a, 500), ask_lines(*pair.b, 500));
}

TEST(Stream, OctetsThatArrivedBeforeTheStreamWasMadeAreThere) {
  Loop loop;
  auto [a, b] = socket_pair();
  ASSERT_EQ(::send(a.get(), "early", 5, 0), 5);
  a.reset();
  const auto stream = make_stream(loop, std::move(b));
  const auto first = run(loop, receive_text(*stream));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*first, "early");
  for (int i = 0; i < 2; ++i) {  // the end stays the end
    const auto end = run(loop, receive_text(*stream));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(*end, "");
  }
}

TEST(Stream, AReceiveEndsAtItsDeadlineAndTheStreamStaysGood) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  const auto none = run(loop, receive_text(*pair.a, short_wait()));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().kind, ErrorKind::timeout);
  run_all(loop, echo_lines(*pair.a, 3), ask_lines(*pair.b, 3));
}

TEST(Stream, ADeadlineThatHasPassedWinsOverOctetsThatWait) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  ASSERT_TRUE(run(loop, pair.b->send("x", soon())).has_value());
  const auto late = run(loop, receive_text(*pair.a, Deadline::at(Clock::now() - seconds(1))));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, ErrorKind::timeout);
}

TEST(Stream, ASendThatNobodyReadsEndsAtItsDeadline) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  const std::string bytes = pattern(std::size_t{8} * 1024 * 1024);
  const auto sent = run(loop, pair.a->send(bytes, short_wait()));
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().kind, ErrorKind::timeout);
}

Task<void> expect_receive_kind(Stream& stream, ErrorKind kind) {
  const auto got = co_await stream.receive(soon());
  EXPECT_FALSE(got.has_value());
  if (!got) EXPECT_EQ(got.error().kind, kind) << got.error().what;
}
Task<void> expect_send_kind(Stream& stream, std::string bytes, ErrorKind kind) {
  const auto sent = co_await stream.send(bytes, soon());
  EXPECT_FALSE(sent.has_value());
  if (!sent) EXPECT_EQ(sent.error().kind, kind) << sent.error().what;
}
Task<void> cancel(Stream& stream) {
  stream.cancel();
  co_return;
}
Task<void> interrupt(Stream& stream) {
  stream.interrupt();
  co_return;
}

TEST(Stream, CancelEndsWhatIsPendingAndWhatComesLater) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  run_all(loop, expect_receive_kind(*pair.a, ErrorKind::cancelled),
          expect_send_kind(*pair.a, pattern(std::size_t{8} * 1024 * 1024), ErrorKind::cancelled), cancel(*pair.a));
  run(loop, expect_receive_kind(*pair.a, ErrorKind::cancelled));
  run(loop, expect_send_kind(*pair.a, "x", ErrorKind::cancelled));
  run(loop, pair.a->close(soon()));
}

TEST(Stream, InterruptEndsAPendingReceiveOnceAndTheStreamStaysGood) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  run(loop, interrupt(*pair.a));  // nothing is pending: nothing happens, now and later
  run_all(loop, echo_lines(*pair.a, 1), ask_lines(*pair.b, 1));
  run_all(loop, expect_receive_kind(*pair.a, ErrorKind::cancelled), interrupt(*pair.a));
  run_all(loop, echo_lines(*pair.a, 2), ask_lines(*pair.b, 2));
}

TEST(Stream, ReadableTakesNothing) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  EXPECT_FALSE(pair.a->readable());
  ASSERT_TRUE(run(loop, pair.b->send("x", soon())).has_value());
  EXPECT_TRUE(pair.a->readable());
  EXPECT_TRUE(pair.a->readable());
  EXPECT_EQ(run(loop, receive_text(*pair.a)).value_or("error"), "x");
  EXPECT_FALSE(pair.a->readable());
  EXPECT_EQ(pair.a->tls(), nullptr);
}

TEST(Stream, SendingToAPeerThatLeftIsClosed) {
  Loop loop;
  Pair pair = stream_pair(loop);
  pair.b.reset();
  run(loop, expect_send_kind(*pair.a, "x", ErrorKind::closed));
}

Task<void> close_at(Stream& stream, Deadline deadline, bool& done) {
  co_await stream.close(deadline);
  done = true;
}

TEST(Stream, CloseWaitsForThePeersEndNoLongerThanItsDeadline) {
  Loop loop;
  const Pair pair = stream_pair(loop);
  bool done = false;
  run(loop, close_at(*pair.a, short_wait(), done));
  EXPECT_TRUE(done);
  EXPECT_EQ(run(loop, receive_text(*pair.b)).value_or("error"), "");
}

struct TcpPair {
  Pair streams;
  Accepted accepted;
};
Task<void> connect_to(Loop& loop, ip::Endpoint endpoint, std::unique_ptr<Stream>& out) {
  auto stream = co_await connect(loop, endpoint, soon());
  EXPECT_TRUE(stream.has_value()) << stream.error().what;
  if (stream) out = std::move(*stream);
}
Task<void> wait_for(Signal& signal) { EXPECT_TRUE(co_await signal.wait(soon())); }

class TcpStream : public ::testing::TestWithParam<ip::Family> {
 protected:
  void SetUp() override {
    auto fd = bind_listener({ip::Address::loopback(GetParam()), 0}, {});
    ASSERT_TRUE(fd.has_value()) << fd.error().what;
    endpoint = local_endpoint(fd->get()).value();
    Signal arrived(loop);
    const Listener listener(loop, std::move(*fd), false, true, [&](Accepted one) {
      accepted = std::move(one);
      arrived.notify();
    });
    run_all(loop, connect_to(loop, endpoint, client), wait_for(arrived));
    ASSERT_NE(client, nullptr);
    server = make_stream(loop, std::move(accepted.fd));
  }
  Loop loop;
  ip::Endpoint endpoint;
  Accepted accepted;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

TEST_P(TcpStream, CarriesBulkBothWaysAtOnce) {
  const std::string bytes = pattern(std::size_t{4} * 1024 * 1024);
  run_all(loop, send_and_close(*server, bytes), expect_all(*client, bytes));
}

TEST_P(TcpStream, KnowsBothEndsAndTheSyn) {
  EXPECT_EQ(accepted.peer.address, ip::Address::loopback(GetParam()));
  EXPECT_NE(accepted.peer.port, 0);
  EXPECT_EQ(accepted.local, endpoint);
  ASSERT_GE(accepted.saved_syn.size(), 40U);
  const auto version = static_cast<unsigned char>(accepted.saved_syn[0]) >> 4U;
  EXPECT_EQ(version, GetParam() == ip::Family::v4 ? 4U : 6U);
}

TEST_P(TcpStream, AResetIsClosed) {
  auto [a, b] = socket_pair();
  Signal never(loop);
  // Closing with octets unread makes the kernel send RST.
  ASSERT_TRUE(run(loop, client->send("unread", soon())).has_value());
  while (!server->readable()) run(loop, sleep_until(loop, short_wait()));
  server.reset();
  run(loop, expect_receive_kind(*client, ErrorKind::closed));
}

TEST_P(TcpStream, TheLastReplyArrivesThoughThePeerStillTalks) {
  ASSERT_TRUE(run(loop, client->send(pattern(300000), soon())).has_value());
  run_all(loop, send_and_close(*server, "221 bye\r\n"), expect_all(*client, "221 bye\r\n"));
}

INSTANTIATE_TEST_SUITE_P(Families, TcpStream, ::testing::Values(ip::Family::v4, ip::Family::v6),
                         [](const auto& family) { return family.param == ip::Family::v4 ? "v4" : "v6"; });

TEST(Connect, RefusedNamesTheEndpoint) {
  Loop loop;
  ip::Endpoint endpoint;
  {
    const auto fd = bind_listener({ip::Address::loopback(ip::Family::v6), 0}, {});
    ASSERT_TRUE(fd.has_value());
    endpoint = local_endpoint(fd->get()).value();
  }
  const auto stream = run(loop, connect(loop, endpoint, soon()));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().kind, ErrorKind::network);
  EXPECT_EQ(stream.error().sys, ECONNREFUSED);
  EXPECT_NE(stream.error().what.find(endpoint.text()), std::string::npos);
}

TEST(Connect, FromASourceOfTheOtherFamilyIsInvalid) {
  Loop loop;
  const auto stream = run(loop, connect_from(loop, ip::Address::loopback(ip::Family::v4),
                                             {ip::Address::loopback(ip::Family::v6), 25}, soon()));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().kind, ErrorKind::invalid);
}

TEST(Connect, FromASource) {
  Loop loop;
  auto fd = bind_listener({ip::Address::loopback(ip::Family::v4), 0}, {});
  ASSERT_TRUE(fd.has_value());
  const auto endpoint = local_endpoint(fd->get()).value();
  Accepted accepted;
  Signal arrived(loop);
  const Listener listener(loop, std::move(*fd), false, false, [&](Accepted one) {
    accepted = std::move(one);
    arrived.notify();
  });
  const auto source = ip::Address::parse("127.0.0.9");
  ASSERT_TRUE(source.has_value());
  const auto stream = run(loop, connect_from(loop, *source, endpoint, soon()));
  ASSERT_TRUE(stream.has_value()) << stream.error().what;
  run(loop, wait_for(arrived));
  EXPECT_EQ(accepted.peer.address, *source);
  EXPECT_TRUE(accepted.saved_syn.empty());
}

}  // namespace
}  // namespace postern::io
