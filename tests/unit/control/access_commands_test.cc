#include "control/access_commands.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/thread_annotations.h"
#include "io/listener.h"

namespace postern::control {
namespace {

using access::OperatorFile;
using access::OperatorList;
using evidence::value::Operator;
using json::Value;

constexpr WallMs kNow = 1795000000000;

Value request(const std::string& command, const std::string& subject, Value::Object more = {}) {
  more.emplace("command", Value(command));
  if (!subject.empty()) more.emplace("subject", Value(subject));
  return Value(std::move(more));
}

Task<void> stop_server(Server& server, io::Loop& loop) {
  co_await server.stop();
  loop.stop();
}

class AccessCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-access-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(AccessCommands, AnswersSayWhatIsThereNowAndWhatWasBefore) {
  OperatorFile file(folder_);
  const auto first =
      change_access(file, request("deny", "192.0.2.0/24", {{"for_ms", Value(std::int64_t{5000})}}), kNow);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(first->answer.text(), R"({"entry":{"deny":"192.0.2.0/24","kind":"prefix","since":1795000000000,)"
                                  R"("until":1795000005000}})");
  EXPECT_EQ(first->change.list->size(), 1U);
  const auto second =
      change_access(file, request("allow", "192.0.2.0/24", {{"note", Value(std::string("why"))}}), kNow);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->answer.at("entry").at("allow").string(), "192.0.2.0/24");
  EXPECT_EQ(second->answer.at("entry").at("note").string(), "why");
  EXPECT_EQ(second->answer.at("replaced").at("deny").string(), "192.0.2.0/24");
  const auto removed = change_access(file, request("access_remove", "192.0.2.0/24"), kNow);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->answer.at("removed").at("allow").string(), "192.0.2.0/24");
  EXPECT_EQ(change_access(file, request("access_remove", "192.0.2.0/24"), kNow).error().kind, ErrorKind::not_found);
}

TEST_F(AccessCommands, WhatCannotBeIsRefused) {
  OperatorFile file(folder_);
  for (const Value& bad :
       {request("deny", ""), request("deny", "a b"), request("deny", "::/0"), request("fly", "a.example"),
        request("deny", "a.example", {{"for_ms", Value(std::int64_t{0})}}),
        request("deny", "a.example", {{"for_ms", Value(access::kDurationMaxMs + 1)}}),
        request("deny", "a.example", {{"note", Value(std::string(201, 'x'))}})}) {
    const auto done = change_access(file, bad, kNow);
    ASSERT_FALSE(done) << bad.text();
    EXPECT_EQ(done.error().kind, ErrorKind::invalid) << bad.text();
  }
  EXPECT_EQ(file.load().list->size(), 0U);
}

TEST_F(AccessCommands, AListComesInPages) {
  std::vector<access::Entry> entries;
  for (int i = 0; i < 2500; ++i) {
    auto entry = *access::parse_subject("h" + std::to_string(10000 + i) + ".example");
    if (i % 2 == 1) entry.until = kNow;  // over
    entries.push_back(std::move(entry));
  }
  const OperatorList list(std::move(entries));
  std::vector<std::string> seen;
  std::string after;
  int pages = 0;
  do {
    Value::Object more{{"max", Value(std::int64_t{400})}};
    if (!after.empty()) more.emplace("after", Value(after));
    const auto page = list_access(list, request("access_list", "", std::move(more)), kNow);
    ASSERT_TRUE(page);
    EXPECT_LE(page->at("entries").array().size(), 400U);
    for (const Value& entry : page->at("entries").array()) seen.emplace_back(entry.at("allow").string());
    after = page->at("next").string();
    ++pages;
  } while (!after.empty());
  EXPECT_EQ(pages, 4);
  ASSERT_EQ(seen.size(), 1250U);
  EXPECT_EQ(seen.front(), "h10000.example");
  EXPECT_EQ(seen.back(), "h12498.example");
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

// A server on a loop of its own thread: the sessions' list is the newest one when the answer comes.
TEST_F(AccessCommands, TheServerPublishesBeforeItAnswers) {
  io::Loop loop;
  io::BlockingPool pool(3);
  OperatorFile file(folder_);
  Mutex mutex;
  std::shared_ptr<const OperatorList> published = std::make_shared<const OperatorList>();
  const auto current = [&] {
    const MutexLock lock(mutex);
    return published;
  };
  const std::string path = folder_ + "/control.sock";
  auto listening = io::bind_unix_listener(path);
  ASSERT_TRUE(listening) << listening.error().what;
  auto server = std::make_unique<Server>(loop, std::move(*listening));
  add_access_commands(*server, file, pool,
                      {.current = current, .publish = [&](std::shared_ptr<const OperatorList> list) {
                         const MutexLock lock(mutex);
                         published = std::move(list);
                       }});
  std::unique_ptr<io::Scope> scope;
  std::thread thread([&] {
    server->start();
    loop.run();
    server.reset();
    scope.reset();
  });

  const auto done = control::request(path, request("deny", "2001:db8::/32"));
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(current()->lookup({.client = *ip::Address::parse("2001:db8::1")}, wall_now()).word, Operator::deny);
  EXPECT_EQ(control::request(path, request("deny", "::/0")).error().kind, ErrorKind::invalid);
  // Changes that overtake each other on the pool must not bring back an older list.
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&path, client] {
      for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(control::request(path, request("allow", "c" + std::to_string(client * 10 + i) + ".example")));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(current()->size(), 21U);
  EXPECT_EQ(control::request(path, request("access_list", ""))->at("entries").array().size(), 21U);
  ASSERT_TRUE(control::request(path, request("access_remove", "2001:db8::/32")));
  EXPECT_EQ(current()->lookup({.client = *ip::Address::parse("2001:db8::1")}, wall_now()).word, Operator::silent);

  loop.post([&] {
    scope = std::make_unique<io::Scope>(loop);
    scope->spawn(stop_server(*server, loop));
  });
  thread.join();
}

}  // namespace
}  // namespace postern::control
