#include "delivery/queue.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "base/json.h"
#include "record/delivery_reader.h"
#include "unit/delivery/support.h"
#include "unit/delivery/watched_store.h"

namespace postern::delivery {
namespace {

using test::commit_to;
using test::files_in;
using test::ScriptedServer;
using test::Step;
using test::WatchedStore;

struct QueueTest : ::testing::Test {
  test::TempDir dir;
  io::Loop loop;
  io::BlockingPool pool{2};
  WatchedStore store{loop};
  QueueOptions options;
  std::shared_ptr<const directory::Directory> directory;

  QueueTest() { options.local = {.base_directory = dir.path().string(), .hostname = "mx.example.org"}; }
  void domains(const std::vector<std::pair<std::string, std::string>>& list) {
    std::vector<directory::DomainOptions> out;
    for (const auto& [name, transport] : list) {
      directory::DomainOptions domain;
      domain.name = name;
      domain.deliver = directory::Transport::parse(transport).value();
      domain.mailboxes = {"*"};
      out.push_back(std::move(domain));
    }
    directory = directory::Directory::build(out).value();
  }
  Queue make(record::Writer* records = nullptr) {
    return Queue(loop, pool, store, records, options, [this] { return directory; });
  }
  [[nodiscard]] std::size_t mails(const std::string& domain, const std::string& user) const {
    return files_in(dir.path() / "mail" / domain / user / "new").size();
  }
};

// Runs the queue until `done` holds, then stops it.
Task<bool> until(QueueTest& test, Queue& queue, std::function<bool()> done, Deadline stop = Deadline::never()) {
  queue.start();
  const Deadline deadline = Deadline::after(seconds(30));
  bool in_time = true;
  while (!done() && in_time) in_time = co_await test.store.changed().wait(deadline);
  co_await queue.stop(stop);
  co_return in_time;
}

constexpr const char* kMaildir = "maildir:mail/{domain}/{user}";

TEST_F(QueueTest, DeliversToMaildirAndSinkAndForgetsTheMessage) {
  domains({{"box.example", kMaildir}, {"sink.example", "sink:"}});
  for (int i = 0; i < 20; ++i) {
    test::run(loop, commit_to(store, loop, test::envelope_to({"a@box.example", "b@sink.example", "c@box.example"})));
  }
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(mails("box.example", "a"), 20U);
  EXPECT_EQ(mails("box.example", "c"), 20U);
}

TEST_F(QueueTest, FieldsOfTheEnvelopeStandAboveTheMessage) {
  domains({{"box.example", kMaildir}});
  spool::Envelope envelope = test::envelope_to({"a@box.example"});
  envelope.fields_on_top = "Authentication-Results: mx.example.org; none\r\n";
  test::run(loop, commit_to(store, loop, std::move(envelope)));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  const auto files = files_in(dir.path() / "mail/box.example/a/new");
  ASSERT_EQ(files.size(), 1U);
  std::ifstream in(files[0]);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_TRUE(text.ends_with("\nAuthentication-Results: mx.example.org; none\nA: b\n\nbody\n")) << text;
}

TEST_F(QueueTest, SinkReadsNoBody) {
  domains({{"sink.example", "sink:"}});
  for (int i = 0; i < 600; ++i) test::run(loop, commit_to(store, loop, test::envelope_to({"a@sink.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(store.bodies_opened, 0);
  EXPECT_EQ(store.settle_calls, 600);
}

TEST_F(QueueTest, MessagesThatComeLaterWakeIt) {
  domains({{"box.example", kMaildir}});
  Queue queue = make();
  io::Scope scope(loop);
  bool in_time = false;
  struct Later {
    static Task<void> run(QueueTest& test, Queue& queue, bool& in_time) {
      queue.start();
      co_await commit_to(test.store, test.loop, test::envelope_to({"a@box.example"}));
      in_time = true;
      while (test.mails("box.example", "a") == 0 && in_time) {
        in_time = co_await test.store.changed().wait(Deadline::after(seconds(30)));
      }
      co_await queue.stop();
      test.loop.stop();
    }
  };
  loop.post([&] { scope.spawn(Later::run(*this, queue, in_time)); });
  loop.run();
  EXPECT_TRUE(in_time);
  EXPECT_EQ(mails("box.example", "a"), 1U);
}

// Whoever waits for the first attempt gives up while it runs, or while it waits behind another.
TEST_F(QueueTest, WhatIsGivenUpUntriedIsNeverTried) {
  domains({{"box.example", kMaildir}});
  options.concurrency = 1;
  Queue queue = make();
  FirstAttempts& attempts = queue.first_attempts();
  std::vector<Id> ids;
  int told = 0;
  for (const char* to : {"a@box.example", "b@box.example", "c@box.example"}) {
    spool::Envelope envelope = test::envelope_to({to});
    ids.push_back(envelope.id);
    attempts.expect(envelope.id, [&told](const std::optional<smtp::Reply>&) { ++told; });
    test::run(loop, commit_to(store, loop, std::move(envelope)));
  }
  const auto give_up = [&](const Id& id) {
    return attempts.give_up(id, [&] { EXPECT_TRUE(store.drop(id).has_value()); });
  };
  EXPECT_EQ(give_up(ids[2]), GivenUp::untried);  // before the queue has seen it
  EXPECT_EQ(give_up(ids[2]), GivenUp::ended);
  std::vector<Id> tried;
  std::vector<GivenUp> answers;
  store.on_open_body = [&](const Id& id) {
    tried.push_back(id);
    answers.push_back(give_up(id));
    answers.push_back(give_up(id == ids[0] ? ids[1] : ids[0]));  // which the queue has taken from the store already
  };
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(answers, (std::vector{GivenUp::running, GivenUp::untried}));
  ASSERT_EQ(tried.size(), 1U);
  EXPECT_EQ(mails("box.example", "a") + mails("box.example", "b") + mails("box.example", "c"), 1U);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(give_up(tried[0]), GivenUp::ended);
}

// The client heard 4xx and sends it again: no attempt of ours is repeated, and nobody gets a bounce.
TEST_F(QueueTest, WhatFailsAfterItWasGivenUpIsGone) {
  domains({{"dead.example", "lmtp:unix:" + (dir.path() / "nobody").string()}});
  Queue queue = make();
  spool::Envelope envelope = test::envelope_to({"a@dead.example"});
  queue.first_attempts().expect(envelope.id, [](const std::optional<smtp::Reply>&) { ADD_FAILURE(); });
  store.on_open_body = [&](const Id& id) {
    EXPECT_EQ(queue.first_attempts().give_up(id, [] { ADD_FAILURE(); }), GivenUp::running);
  };
  test::run(loop, commit_to(store, loop, std::move(envelope)));
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(store.bodies_opened, 1);
}

TEST_F(QueueTest, ADeadServerDefersAndStarvesNobody) {
  const std::string dead = "lmtp:unix:" + (dir.path() / "nobody").string();
  domains({{"dead.example", dead}, {"box.example", kMaildir}});
  options.concurrency = 2;
  options.destination_concurrency = 1;
  for (int i = 0; i < 50; ++i) test::run(loop, commit_to(store, loop, test::envelope_to({"a@dead.example"})));
  test::run(loop, commit_to(store, loop, test::envelope_to({"b@box.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settlements.size() == 51; })));
  EXPECT_EQ(mails("box.example", "b"), 1U);
  const auto left = store.list({}, 100);
  EXPECT_EQ(left.size(), 50U);
  for (const spool::QueuedMessage& message : left) {
    EXPECT_FALSE(message.active);
    EXPECT_GT(message.next_attempt, message.arrived);
    const auto envelope = store.load(message.id);
    EXPECT_NE(envelope->recipients[0].last_reply.find("4.4.1"), std::string::npos);
    EXPECT_EQ(envelope->recipients[0].attempts, 1U);
  }
}

TEST_F(QueueTest, DeferredMessagesComeBackWithBackoff) {
  domains({{"dead.example", "lmtp:unix:" + (dir.path() / "nobody").string()}});
  options.retry_first_ms = 2;
  options.retry_max_ms = 8;
  test::run(loop, commit_to(store, loop, test::envelope_to({"a@dead.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls >= 5; })));
  const auto left = store.list({}, 10);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_GE(store.load(left[0].id)->recipients[0].attempts, 5U);
}

TEST_F(QueueTest, ExpiryFailsAndIsHeld) {
  domains({{"dead.example", "lmtp:unix:" + (dir.path() / "nobody").string()}});
  spool::Envelope envelope = test::envelope_to({"a@dead.example"});
  envelope.reverse_path.clear();  // nobody can be told
  envelope.arrived -= options.expire_after_ms + 1;
  test::run(loop, commit_to(store, loop, envelope));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls == 1; })));
  EXPECT_EQ(store.status().failed_recipients, 1U);
  EXPECT_EQ(store.status().messages, 1U);  // not lost: the operator sees it
  EXPECT_EQ(store.next_due(), std::nullopt);
  const auto row = store.list({}, 1).at(0);
  EXPECT_TRUE(store.load(row.id)->recipients[0].last_reply.starts_with("554 5.4.7"));
}

TEST_F(QueueTest, WhatHasNoWayOutIsDeferredWithAReason) {
  domains({{"out.example", "smtp:[::1]:25"}, {"box.example", kMaildir}});
  test::run(loop, commit_to(store, loop,
                            test::envelope_to({"a@out.example", "b@gone.example", "c@box.example", "not an address"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls == 1; })));
  const auto row = store.list({}, 1).at(0);
  const auto envelope = store.load(row.id);
  EXPECT_EQ(row.pending, 3U);
  EXPECT_NE(envelope->recipients[0].last_reply.find("outbound mail is not configured"), std::string::npos);
  EXPECT_NE(envelope->recipients[1].last_reply.find("not one of ours"), std::string::npos);
  EXPECT_EQ(envelope->recipients[2].state, spool::RecipientState::delivered);
  EXPECT_NE(envelope->recipients[3].last_reply.find("4.1.3"), std::string::npos);
}

TEST_F(QueueTest, APermanentRefusalByLmtpIsHeldAsFailed) {
  ScriptedServer server(loop, "220 l\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n550-5.1.1 unknown\r\n550 5.1.1 here\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 kept\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  domains({{"lmtp.example", "lmtp:" + server.endpoint.text()}});
  spool::Envelope envelope = test::envelope_to({"a@lmtp.example", "b@lmtp.example"});
  envelope.reverse_path.clear();  // nobody can be told
  test::run(loop, commit_to(store, loop, std::move(envelope)));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls == 1; })));
  test::run(loop, server.stop());
  const auto row = store.list({}, 1).at(0);
  EXPECT_EQ(row.failed, 1U);
  EXPECT_EQ(row.pending, 0U);
  EXPECT_EQ(store.load(row.id)->recipients[1].last_reply, "550 5.1.1 unknown here");
}

TEST_F(QueueTest, StopGivesUntriedMessagesBack) {
  domains({{"box.example", kMaildir}});
  options.concurrency = 1;
  for (int i = 0; i < 30; ++i) test::run(loop, commit_to(store, loop, test::envelope_to({"a@box.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls >= 1; })));
  EXPECT_EQ(mails("box.example", "a") + store.status().messages, 30U);  // each delivered once, or still there
  for (const spool::QueuedMessage& message : store.list({}, 100)) {
    EXPECT_FALSE(message.active);
    EXPECT_EQ(message.pending, 1U);
  }
}

// A server that takes the connection and says nothing, or stops talking: stop() does not wait for it, and nobody is
// told that an attempt failed.
TEST_F(QueueTest, StopBreaksOffASilentServer) {
  const std::vector<Step> none;
  for (const bool greets : {false, true}) {
    ScriptedServer server(loop, greets ? "220 l\r\n" : "", none, /*hang_up=*/false);
    server.on_change = [this] { store.changed().notify(); };
    domains({{"lmtp.example", "lmtp:" + server.endpoint.text()}});
    test::run(loop, commit_to(store, loop, test::envelope_to({"a@lmtp.example"})));
    Queue queue = make();
    const Deadline now = Deadline::after(milliseconds(0));
    ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return server.connections == 1; }, now)));
    test::run(loop, server.stop());
    EXPECT_EQ(store.settle_calls, 0);
    const auto rows = store.list({}, 10);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_FALSE(rows[0].active);
    EXPECT_EQ(rows[0].pending, 1U);
    const auto envelope = store.load(rows[0].id);
    EXPECT_EQ(envelope->recipients[0].attempts, 0U);
    EXPECT_EQ(envelope->recipients[0].last_reply, "");
    EXPECT_TRUE(store.drop(rows[0].id).has_value());
  }
}

TEST_F(QueueTest, WhatWasAnsweredBeforeTheBreakIsSettled) {
  ScriptedServer server(loop, "220 l\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n250 ok\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 kept\r\n"}},
                        /*hang_up=*/false);
  server.on_change = [this] { store.changed().notify(); };
  domains({{"lmtp.example", "lmtp:" + server.endpoint.text()}});
  spool::Envelope envelope = test::envelope_to({"a@lmtp.example", "b@lmtp.example", "c@lmtp.example"});
  envelope.reverse_path.clear();
  test::run(loop, commit_to(store, loop, std::move(envelope)));
  Queue queue = make();
  const Deadline soon = Deadline::after(seconds(1));  // the first reply is on its way
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return server.answered == 3; }, soon)));
  test::run(loop, server.stop());
  const auto row = store.list({}, 1).at(0);
  EXPECT_FALSE(row.active);
  const auto recipients = store.load(row.id)->recipients;
  ASSERT_EQ(recipients.size(), 3U);
  EXPECT_EQ(recipients[0].state, spool::RecipientState::delivered);
  EXPECT_EQ(recipients[1].state, spool::RecipientState::failed);
  EXPECT_EQ(recipients[2].state, spool::RecipientState::pending);
  EXPECT_EQ(recipients[2].attempts, 0U);
}

TEST_F(QueueTest, EachAttemptIsARecord) {
  ScriptedServer server(loop, "220 l\r\n",
                        {{"LHLO mx.example.org\r\n", "250-l\r\n250 PIPELINING\r\n"},
                         {"DATA\r\n", "250 ok\r\n250 ok\r\n550 5.1.1 unknown\r\n354 go\r\n"},
                         {"\r\n.\r\n", "250 2.0.0 kept\r\n"},
                         {"QUIT\r\n", "221 bye\r\n"}});
  const std::string lmtp = "lmtp:" + server.endpoint.text();
  const std::string nobody = (dir.path() / "nobody").string();
  domains({{"box.example", kMaildir},
           {"sink.example", "sink:"},
           {"lmtp.example", lmtp},
           {"dead.example", "lmtp:unix:" + nobody}});
  const std::string records = (dir.path() / "records").string();
  auto writer = record::Writer::open({.directory = records}).value();
  auto envelope =
      test::envelope_to({"a@box.example", "s@sink.example", "k@lmtp.example", "u@lmtp.example", "d@dead.example"});
  envelope.reverse_path.clear();  // or a notification would have its records too
  const std::string id = envelope.id.text();
  test::run(loop, commit_to(store, loop, std::move(envelope)));
  Queue queue = make(writer.get());
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls == 1; })));
  test::run(loop, server.stop());
  writer->flush();
  std::map<std::string, std::vector<std::string>> said;  // by transport and host: path, state and reply of each
  const auto read = record::read_records(records, [&](std::string_view line) {
    const auto value = json::parse(line);
    EXPECT_TRUE(value.has_value()) << line;
    EXPECT_EQ(value->at("schema").string(), "postern.delivery/1");
    EXPECT_EQ(value->at("message").string(), id);
    EXPECT_EQ(value->at("attempt").integer(), 1) << line;
    EXPECT_TRUE(Id::parse(value->at("id").string()).has_value()) << line;
    std::vector<std::string>& list =
        said[std::string(value->at("transport").string()) + " " + std::string(value->at("host").string())];
    for (const json::Value& outcome : value->at("outcomes").array()) {
      list.push_back(std::string(outcome.at("path").string()) + " " + std::string(outcome.at("state").string()) + " " +
                     std::string(outcome.at("reply").string().substr(0, 9)));
    }
    return true;
  });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->lines, 4U);
  using List = std::vector<std::string>;
  EXPECT_EQ(said.size(), 4U);
  for (const auto& [key, list] : said) {
    if (key.starts_with("maildir ")) EXPECT_EQ(list, List{"a@box.example delivered 250 2.1.5"});
    if (key.starts_with("sink ")) EXPECT_EQ(list.at(0).substr(0, 28), "s@sink.example delivered 250");
    if (key == "lmtp " + server.endpoint.text()) {
      EXPECT_EQ(list, (List{"k@lmtp.example delivered 250 2.0.0", "u@lmtp.example failed 550 5.1.1"}));
    }
    if (key.find(nobody) != std::string::npos) EXPECT_EQ(list, List{"d@dead.example deferred 451 4.4.1"});
  }
  EXPECT_TRUE(said.contains("lmtp " + server.endpoint.text()));
}

TEST_F(QueueTest, OutcomesBeyondTheListAreCounted) {
  domains({{"sink.example", "sink:"}});
  const std::string records = (dir.path() / "records").string();
  auto writer = record::Writer::open({.directory = records}).value();
  std::vector<std::string> recipients;
  for (int i = 0; i < 130; ++i) recipients.push_back("s" + std::to_string(i) + "@sink.example");
  test::run(loop, commit_to(store, loop, test::envelope_to(recipients)));
  Queue queue = make(writer.get());
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.settle_calls == 1; })));
  writer->flush();
  std::uint64_t told = 0, listed = 0;
  const auto read = record::read_records(records, [&](std::string_view line) {
    record::DeliveryReader reader;
    EXPECT_TRUE(reader.read(line)) << line;
    told += reader.delivery().delivered;
    listed += json::parse(line)->at("outcomes").array().size();
    return true;
  });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->lines, 1U);
  EXPECT_EQ(told, 130U);
  EXPECT_EQ(listed, record::kRecipientsMax);
}

TEST_F(QueueTest, AnUnreadableEnvelopeIsPutOffNotSpunOn) {
  domains({{"box.example", kMaildir}});
  options.retry_first_ms = 1;
  store.load_failures = 3;
  test::run(loop, commit_to(store, loop, test::envelope_to({"a@box.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(mails("box.example", "a"), 1U);
}

TEST_F(QueueTest, ASettlementThatFailsIsKeptAndNotDeliveredTwice) {
  domains({{"box.example", kMaildir}});
  store.settle_failures = 1;
  test::run(loop, commit_to(store, loop, test::envelope_to({"a@box.example"})));
  Queue queue = make();
  ASSERT_TRUE(test::run(loop, until(*this, queue, [&] { return store.status().messages == 0; })));
  EXPECT_EQ(mails("box.example", "a"), 1U);
  EXPECT_EQ(store.settle_calls, 2);
}

}  // namespace
}  // namespace postern::delivery
