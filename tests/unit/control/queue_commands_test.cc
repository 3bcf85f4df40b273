#include <gtest/gtest.h>

#include "base/counters.h"
#include "control/control.h"
#include "control/protocol.h"
#include "spool/ram_store.h"

namespace postern::control {
namespace {

using json::Value;

constexpr WallMs kNow = 1'800'000'000'000;

Task<Result<void>> put(io::Loop& loop, spool::Store& store, spool::Envelope envelope) {
  auto intake = store.begin(loop);
  if (!intake) co_return std::unexpected(intake.error());
  const auto appended = co_await (*intake)->append("Subject: x\r\n\r\nbody\r\n");
  if (!appended) co_return appended;
  co_return co_await (*intake)->commit(std::move(envelope));
}

struct Outcome {
  std::optional<Result<void>> result;
};
Task<void> put_and_stop(io::Loop& loop, spool::Store& store, spool::Envelope envelope, Outcome& outcome) {
  outcome.result = co_await put(loop, store, std::move(envelope));
  loop.stop();
}

class QueueCommands : public ::testing::Test {
 protected:
  Id add(std::size_t recipients = 2) {
    spool::Envelope envelope;
    envelope.id = Id::make(kNow + static_cast<WallMs>(++made_));
    envelope.session = Id::make(kNow);
    envelope.arrived = kNow;
    envelope.next_attempt = kNow + 60000;
    envelope.reverse_path = "you@example.net";
    envelope.client = "[2001:db8::1]:4711";
    for (std::size_t i = 0; i < recipients; ++i) {
      spool::Recipient recipient;
      recipient.forward_path = "user" + std::to_string(i) + "@example.org";
      envelope.recipients.push_back(recipient);
    }
    const Id id = envelope.id;
    Outcome outcome;
    io::Scope scope(loop_);
    loop_.post([&] { scope.spawn(put_and_stop(loop_, *store_, std::move(envelope), outcome)); });
    loop_.run();
    EXPECT_TRUE(outcome.result && *outcome.result);
    return id;
  }
  Result<Value> ask(const char* command, Value::Object members = {}) {
    members.emplace("command", Value(std::string(command)));
    return queue_command(*store_, Value(std::move(members)), kNow);
  }
  static Value text(const Id& id) { return Value(id.text()); }

  io::Loop loop_;
  std::unique_ptr<spool::Store> store_ = spool::make_ram_store();
  int made_ = 0;
};

TEST_F(QueueCommands, ListShowsWhatIsThere) {
  EXPECT_TRUE(ask("queue.list")->at("messages").array().empty());
  const Id id = add();
  const auto answer = ask("queue.list");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->at("messages").array().size(), 1U);
  const Value& row = answer->at("messages").array()[0];
  EXPECT_EQ(row.at("id").string(), id.text());
  EXPECT_EQ(row.at("arrived_ms").integer(), kNow);
  EXPECT_EQ(row.at("next_attempt_ms").integer(), kNow + 60000);
  EXPECT_EQ(row.at("size").integer(), 20);
  EXPECT_EQ(row.at("pending").integer(), 2);
  EXPECT_EQ(row.at("failed").integer(-1), 0);
  EXPECT_FALSE(row.at("held").boolean(true));
  EXPECT_TRUE(answer->at("next").is_null());
}

TEST_F(QueueCommands, ListComesInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(add(1).text());
  std::vector<std::string> seen;
  std::string after;
  std::size_t pages = 0;
  do {
    Value::Object members{{"max", Value(std::int64_t{2})}};
    if (!after.empty()) members.emplace("after", Value(after));
    const auto page = ask("queue.list", std::move(members));
    ASSERT_TRUE(page);
    EXPECT_LE(page->at("messages").array().size(), 2U);
    for (const Value& row : page->at("messages").array()) seen.emplace_back(row.at("id").string());
    after = page->at("next").string();
    ASSERT_LT(++pages, 10U);
  } while (!after.empty());
  EXPECT_EQ(seen, ids);
}

TEST_F(QueueCommands, ShowTellsTheEnvelope) {
  const Id id = add(3);
  const auto message = ask("queue.show", {{"id", text(id)}});
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_EQ(message->at("reverse_path").string(), "you@example.net");
  EXPECT_EQ(message->at("client").string(), "[2001:db8::1]:4711");
  EXPECT_EQ(message->at("recipients_total").integer(), 3);
  ASSERT_EQ(message->at("recipients").array().size(), 3U);
  EXPECT_EQ(message->at("recipients").array()[2].at("path").string(), "user2@example.org");
  EXPECT_EQ(message->at("recipients").array()[2].at("state").string(), "pending");
  EXPECT_TRUE(message->at("next_recipient").is_null());
  const auto rest = ask("queue.show", {{"id", text(id)}, {"from", Value(std::int64_t{2})}});
  ASSERT_EQ(rest->at("recipients").array().size(), 1U);
  EXPECT_TRUE(
      ask("queue.show", {{"id", text(id)}, {"from", Value(std::int64_t{99})}})->at("recipients").array().empty());
  EXPECT_EQ(ask("queue.show", {{"id", text(id)}, {"from", Value(std::int64_t{-1})}})->at("recipients").array().size(),
            3U);
}

TEST_F(QueueCommands, ManyRecipientsComeInSeveralAnswersThatFitALine) {
  const Id id = add(5000);
  std::size_t seen = 0;
  std::int64_t next = 0;
  do {
    const auto message = ask("queue.show", {{"id", text(id)}, {"from", Value(next)}});
    ASSERT_TRUE(message);
    EXPECT_LT(ok_line(*message).size(), kLineMax);
    const auto& recipients = message->at("recipients").array();
    ASSERT_FALSE(recipients.empty());
    EXPECT_EQ(recipients[0].at("path").string(), "user" + std::to_string(seen) + "@example.org");
    seen += recipients.size();
    next = message->at("next_recipient").integer();
  } while (next > 0);
  EXPECT_EQ(seen, 5000U);
}

TEST_F(QueueCommands, HoldReleaseRetryDrop) {
  const Id id = add();
  const auto row = [&] { return ask("queue.list")->at("messages").array().at(0); };
  EXPECT_EQ(ask("queue.hold", {{"id", text(id)}})->at("changed").integer(), 1);
  EXPECT_TRUE(row().at("held").boolean());
  EXPECT_EQ(ask("queue.status")->at("held").integer(), 1);
  static Counter counted("postern_test_counted_total");
  counted.add(3);
  EXPECT_EQ(ask("queue.status")->at("counters").at("postern_test_counted_total").integer(), 3);
  EXPECT_TRUE(store_->take_due(kNow + 3600000, 10).empty());
  EXPECT_TRUE(ask("queue.release", {{"id", text(id)}}));
  EXPECT_FALSE(row().at("held").boolean(true));
  EXPECT_TRUE(store_->take_due(kNow, 10).empty());
  EXPECT_TRUE(ask("queue.retry", {{"id", text(id)}}));
  EXPECT_EQ(store_->take_due(kNow, 10), (std::vector<Id>{id}));
  store_->release_active(id);
  EXPECT_TRUE(ask("queue.drop", {{"id", text(id)}}));
  EXPECT_TRUE(ask("queue.list")->at("messages").array().empty());
  EXPECT_EQ(ask("queue.drop", {{"id", text(id)}}).error().kind, ErrorKind::not_found);
}

TEST_F(QueueCommands, AllOfThem) {
  for (int i = 0; i < 7; ++i) add(1);
  EXPECT_EQ(ask("queue.hold", {{"all", Value(true)}})->at("changed").integer(), 7);
  EXPECT_EQ(ask("queue.status")->at("held").integer(), 7);
  EXPECT_EQ(ask("queue.release", {{"all", Value(true)}})->at("changed").integer(), 7);
  EXPECT_EQ(ask("queue.drop", {{"all", Value(true)}})->at("changed").integer(), 7);
  EXPECT_EQ(ask("queue.status")->at("messages").integer(), 0);
  EXPECT_EQ(ask("queue.drop", {{"all", Value(true)}})->at("changed").integer(), 0);
}

TEST_F(QueueCommands, WhatCannotBeIsSaid) {
  const auto error = [&](const char* command, Value::Object members = {}) {
    const auto answer = ask(command, std::move(members));
    return answer ? std::string("(no error)")
                  : std::string(to_string(answer.error().kind)) + ": " + answer.error().what;
  };
  EXPECT_EQ(error("queue.fly"), "invalid: there is no command \"queue.fly\"");
  EXPECT_EQ(error("queue.show"), "invalid: the request has no \"id\"");
  EXPECT_EQ(error("queue.drop"), "invalid: the request has no \"id\"");
  EXPECT_EQ(error("queue.drop", {{"all", Value(false)}}), "invalid: the request has no \"id\"");
  EXPECT_EQ(error("queue.hold", {{"id", Value(std::string("nonsense"))}}),
            "invalid: \"nonsense\" is not an id; an id has 16 letters and digits, as `postern queue list` shows it");
  EXPECT_TRUE(error("queue.list", {{"after", Value(std::string("x"))}}).starts_with("invalid: \"x\" is not an id"));
  EXPECT_TRUE(error("queue.show", {{"id", Value(std::string("0000000000000001"))}}).starts_with("not_found: "));
}

}  // namespace
}  // namespace postern::control
