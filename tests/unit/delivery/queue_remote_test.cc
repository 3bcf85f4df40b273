// The queue and mail for servers of others: how recipients are grouped, and who may use which slots. The sending side
// is a fake.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "delivery/queue.h"
#include "delivery/queue_jobs.h"
#include "spool/ram_store.h"
#include "unit/delivery/support.h"

namespace postern::delivery {
namespace {

class FakeRemote final : public Remote {
 public:
  explicit FakeRemote(io::Loop& loop) : loop_(loop), changed(loop) {}
  std::string destination(const smtp::Domain& domain) const override {
    return domain.name.ends_with(".smart.example") ? "via smart" : domain.text();
  }
  std::size_t concurrency(const std::string&) const override { return window; }
  bool doubtful(const std::string& destination) const override { return dead.contains(destination); }
  Task<Results> deliver(RemoteHop hop, const Attempt& attempt, AttemptNote& note, io::Breaker&) override {
    std::size_t& here = running[hop.destination];
    ++here;
    ++running_in_all;
    most = std::max(most, here);
    most_in_all = std::max(most_in_all, running_in_all);
    std::string& heard = attempts[hop.destination];
    for (const std::uint32_t index : attempt.recipients)
      heard += attempt.envelope->recipients[index].forward_path + " ";
    if (hop.endpoint) heard += "at " + hop.endpoint->text() + " ";
    while (closed) co_await io::sleep_until(loop_, Deadline::after(milliseconds(1)));
    --running[hop.destination];
    --running_in_all;
    ++ended;
    note.rest = rest;
    changed.notify();
    co_return Results(attempt.recipients.size(), reply);
  }

 private:
  io::Loop& loop_;

 public:
  io::Signal changed;
  std::size_t window = 5;
  std::set<std::string> dead;
  smtp::Reply reply{250, {2, 0, 0}, "taken"};
  milliseconds rest{0};
  bool closed = false;
  std::map<std::string, std::size_t> running;
  std::map<std::string, std::string> attempts;
  std::size_t running_in_all = 0, most = 0, most_in_all = 0, ended = 0;
};

struct QueueRemoteTest : testing::Test {
  io::Loop loop;
  io::BlockingPool pool{2};
  std::unique_ptr<spool::Store> store = spool::make_ram_store();
  FakeRemote remote{loop};
  QueueOptions options;
  std::shared_ptr<const directory::Directory> directory;

  QueueRemoteTest() {
    directory::DomainOptions inner;
    inner.name = "inner.example";
    inner.deliver = directory::Transport::parse("smtp:[2001:db8::5]:2525").value();
    inner.mailboxes = {"*"};
    directory = directory::Directory::build({inner}).value();
    options.local.hostname = "mx.ours.example";
    options.destination_concurrency = 1000;
  }
  Task<void> put(std::vector<std::string> to) {
    auto intake = store->begin(loop);
    (*intake)->append_now("A: b\r\n\r\nbody\r\n");
    const auto committed = co_await (*intake)->commit(test::envelope_to(std::move(to)));
    EXPECT_TRUE(committed.has_value());
  }
  // Until `done`, asked after every attempt; then the queue stops.
  Task<bool> run(std::function<bool()> done) {
    Queue queue(loop, pool, *store, nullptr, options, [this] { return directory; }, &remote);
    queue.start();
    const Deadline deadline = Deadline::after(seconds(30));
    bool in_time = true;
    while (!done() && in_time) in_time = co_await remote.changed.wait(deadline);
    remote.closed = false;
    co_await queue.stop();
    co_return in_time;
  }
};

TEST_F(QueueRemoteTest, RecipientsAreGroupedByTheWayTheyGo) {
  test::run(loop, put({"a@x.example", "b@inner.example", "c@Y.example", "d@x.example", "e@one.smart.example",
                       "f@[192.0.2.1]", "g@two.smart.example"}));
  ASSERT_TRUE(test::run(loop, run([&] { return remote.ended == 5; })));
  const std::map<std::string, std::string> expected = {
      {"x.example", "a@x.example d@x.example "},
      {"smtp:[2001:db8::5]:2525", "b@inner.example at [2001:db8::5]:2525 "},
      {"y.example", "c@Y.example "},
      {"via smart", "e@one.smart.example g@two.smart.example "},
      {"[192.0.2.1]", "f@[192.0.2.1] "}};
  EXPECT_EQ(remote.attempts, expected);
  EXPECT_EQ(store->status().messages, 0U);
}

TEST_F(QueueRemoteTest, ALongQueueForOneDestinationLosesNoTime) {
  constexpr std::size_t kMessages = 1500;
  for (std::size_t i = 0; i < kMessages; ++i) test::run(loop, put({"a@x.example"}));
  test::run(loop, put({"b@y.example"}));
  bool other_was_late = true;
  ASSERT_TRUE(test::run(loop, run([&] {
                          if (remote.attempts.contains("y.example") && remote.ended < kMessages) other_was_late = false;
                          return remote.ended == kMessages + 1;
                        })));
  EXPECT_EQ(store->status().messages, 0U) << "none was put off";
  EXPECT_LE(remote.most, remote.window);
  EXPECT_FALSE(other_was_late) << "what is parked stands in nobody's way";
}

Task<void> tell_when(FakeRemote& remote, io::Loop& loop, std::size_t running) {
  while (remote.running_in_all < running) co_await io::sleep_until(loop, Deadline::after(milliseconds(1)));
  remote.changed.notify();
}

Task<void> tell_when_tried(FakeRemote& remote, io::Loop& loop, std::string destination) {
  while (!remote.attempts.contains(destination)) co_await io::sleep_until(loop, Deadline::after(milliseconds(1)));
  remote.changed.notify();
}

TEST_F(QueueRemoteTest, WhatIsParkedAtTheStopStaysDue) {
  remote.closed = true;
  for (int i = 0; i < 400; ++i) test::run(loop, put({"a@x.example"}));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(tell_when(remote, loop, remote.window)); });
  ASSERT_TRUE(test::run(loop, run([&] { return remote.running_in_all == remote.window; })));
  EXPECT_EQ(remote.most, remote.window);
  const auto rows = store->list({}, 1000);
  EXPECT_EQ(rows.size() + remote.ended, 400U);
  for (const spool::QueuedMessage& row : rows) {
    EXPECT_FALSE(row.active);
    EXPECT_EQ(row.attempts, 0U);
  }
  test::run(loop, scope.join());
}

TEST_F(QueueRemoteTest, WhatIsHeldOrDroppedWhileItWaitsDoesNotGoOut) {
  remote.window = 1;
  remote.closed = true;
  for (const char* to : {"a@x.example", "b@x.example", "c@x.example", "d@x.example"}) test::run(loop, put({to}));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(tell_when(remote, loop, 1)); });
  Id held, dropped;
  std::string tried;
  ASSERT_TRUE(test::run(loop, run([&] {
                          if (remote.closed && remote.running_in_all == 0) return false;
                          if (remote.closed) {
                            std::vector<Id> waiting;
                            for (const spool::QueuedMessage& row : store->list({}, 10)) {
                              const std::string to = store->load(row.id)->recipients[0].forward_path + " ";
                              if (remote.attempts["x.example"] != to) waiting.push_back(row.id);
                            }
                            EXPECT_EQ(waiting.size(), 3U);
                            held = waiting.at(0);
                            dropped = waiting.at(2);
                            tried = remote.attempts["x.example"] + store->load(waiting[1])->recipients[0].forward_path +
                                    " ";
                            EXPECT_TRUE(store->hold(held));
                            EXPECT_TRUE(store->drop(dropped));
                            remote.closed = false;
                          }
                          return remote.ended == 2;
                        })));
  EXPECT_EQ(remote.attempts["x.example"], tried);
  const auto left = store->list({}, 10);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].id, held);
  EXPECT_TRUE(left[0].held);
  EXPECT_FALSE(left[0].active);
  EXPECT_EQ(left[0].attempts, 0U);
}

TEST_F(QueueRemoteTest, WhoeverAsksForAPauseHasOneAndOthersAreNotCountedAsTried) {
  remote.window = 1;
  remote.reply = smtp::Reply(451, {4, 7, 28}, "rate limit");
  remote.rest = seconds(3600);
  for (int i = 0; i < 20; ++i) test::run(loop, put({"a@x.example"}));
  ASSERT_TRUE(test::run(loop, run([&] { return remote.ended == 1; })));
  const auto rows = store->list({}, 100);
  ASSERT_EQ(rows.size(), 20U);
  std::size_t tried = 0;
  for (const spool::QueuedMessage& row : rows) {
    const auto envelope = store->load(row.id);
    if (envelope->recipients[0].attempts > 0) {
      ++tried;
    } else if (row.next_attempt > wall_now()) {
      EXPECT_GT(row.next_attempt, wall_now() + 3000 * 1000);
    }
  }
  EXPECT_EQ(tried, 1U);
}

TEST_F(QueueRemoteTest, DeadDestinationsCannotHoldAllSlots) {
  options.concurrency = 8;
  remote.closed = true;
  for (int i = 0; i < 20; ++i) {
    const std::string domain = "dead" + std::to_string(i) + ".example";
    remote.dead.insert(domain);
    test::run(loop, put({"a@" + domain}));
  }
  for (int i = 0; i < 2; ++i) test::run(loop, put({"a@living" + std::to_string(i) + ".example"}));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(tell_when(remote, loop, 8)); });
  ASSERT_TRUE(test::run(loop, run([&] { return remote.running_in_all == 8; })));
  std::size_t living = 0;
  for (const auto& [destination, heard] : remote.attempts) living += destination.starts_with("living") ? 1 : 0;
  EXPECT_EQ(living, 2U);
  EXPECT_EQ(remote.most_in_all, 8U) << "six of the dead, and the two that live";
  test::run(loop, scope.join());
}

TEST_F(QueueRemoteTest, ManyMessagesForTheDeadLeaveMemoryForOthers) {
  // More of them than envelopes are kept in memory, all before the one that counts
  remote.closed = true;
  options.concurrency = 8;
  for (int i = 0; i < 1500; ++i) {
    const std::string domain = "dead" + std::to_string(i % 10) + ".example";
    remote.dead.insert(domain);
    test::run(loop, put({"a@" + domain}));
  }
  test::run(loop, put({"a@living.example"}));
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(tell_when_tried(remote, loop, "living.example")); });
  ASSERT_TRUE(test::run(loop, run([&] { return remote.attempts.contains("living.example"); })));
  EXPECT_LT(remote.ended, 1500U) << "it did not wait for the others";
  EXPECT_LE(remote.most_in_all, 10U + 1) << "one each, where many are in doubt";
  test::run(loop, scope.join());
}

TEST(Parking, HoldsItsBoundAndItsOrder) {
  Parking parking;
  std::vector<Id> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(Id::make(1'790'000'000'000 + i));
    ASSERT_TRUE(parking.add(i < 3 ? "a" : "b", ids.back()));
  }
  parking.call_back("a", 2);
  parking.call_back("none", 2);
  EXPECT_EQ(parking.take_returning(1), std::vector{ids[0]});
  EXPECT_TRUE(parking.any_returning());
  EXPECT_EQ(parking.size(), 4U);
  EXPECT_EQ(parking.clear().size(), 4U);
  EXPECT_EQ(parking.size(), 0U);
  for (std::size_t i = 0; i < kParkedMax; ++i) ASSERT_TRUE(parking.add("a", ids[0]));
  EXPECT_FALSE(parking.add("a", ids[0]));
}

}  // namespace
}  // namespace postern::delivery
