#include "control/family_commands.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/thread_annotations.h"
#include "io/listener.h"
#include "unit/temporary_folder.h"

namespace postern::control {
namespace {

using json::Value;

Task<void> stop_server(Server& server, io::Loop& loop) {
  co_await server.stop();
  loop.stop();
}

// A control socket that knows the command, on a loop of its own thread.
class FamilyCommands : public ::testing::Test {
 protected:
  FamilyCommands() {
    auto listening = io::bind_unix_listener(path_);
    EXPECT_TRUE(listening) << listening.error().what;
    server_ = std::make_unique<Server>(loop_, std::move(*listening));
    add_family_commands(*server_, [this] {
      const MutexLock lock(mutex_);
      return lines_;
    });
    thread_ = std::thread([this] {
      server_->start();
      loop_.run();
      server_.reset();
      scope_.reset();
    });
  }
  ~FamilyCommands() override {
    loop_.post([this] {
      scope_ = std::make_unique<io::Scope>(loop_);
      scope_->spawn(stop_server(*server_, loop_));
    });
    thread_.join();
  }
  // The names in the answer, in its order. `max` below zero: not said.
  std::vector<std::string> ask(const std::string& lines, std::int64_t max = -1) {
    {
      const MutexLock lock(mutex_);
      lines_ = lines;
    }
    Value::Object request{{"command", Value(std::string("families_list"))}};
    if (max >= 0) request.emplace("max", Value(max));
    const auto answer = control::request(path_, Value(std::move(request)));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().what);
    std::vector<std::string> out;
    if (!answer) return out;
    last_ = answer->text();
    for (const Value& row : answer->at("destinations").array()) out.emplace_back(row.at("destination").string());
    return out;
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_.at("control.sock");
  std::string last_;
  Mutex mutex_;
  std::string lines_ POSTERN_GUARDED_BY(mutex_);
  io::Loop loop_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<io::Scope> scope_;
  std::thread thread_;
};

std::string line_of(const std::string& name) {
  return R"({"destination":")" + name +
         R"(","ipv6":{"success":0.5,"connect_ms":12.5},"ipv4":{"success":1,"refused_at":7}})" + "\n";
}

TEST_F(FamilyCommands, ThoseUsedLastComeFirstAsTheyAreRemembered) {
  EXPECT_EQ(ask(line_of("old.example") + line_of("new.example")),
            (std::vector<std::string>{"new.example", "old.example"}));
  const auto answer = json::parse(last_);
  ASSERT_TRUE(answer);
  const Value& row = answer->at("destinations").array().front();
  EXPECT_EQ(row.at("ipv6").at("success").real(), 0.5);
  EXPECT_EQ(row.at("ipv6").at("connect_ms").real(), 12.5);
  EXPECT_EQ(row.at("ipv4").at("refused_at").integer(), 7);
}

TEST_F(FamilyCommands, NothingIsRememberedAndDamagedLinesCostThemselvesAlone) {
  EXPECT_TRUE(ask("").empty());
  EXPECT_NE(last_.find(R"("destinations":[])"), std::string::npos) << last_;
  EXPECT_EQ(ask(line_of("a.example") + "\n{\"destination\":\n[[[[[[]]]]]]\n" + line_of("b.example")),
            (std::vector<std::string>{"b.example", "a.example"}));
}

TEST_F(FamilyCommands, AtMostSoManyAsWereAskedForAndAThousand) {
  std::string lines;
  for (int i = 0; i < 1005; ++i) lines += line_of("d" + std::to_string(i) + ".example");
  EXPECT_EQ(ask(lines, 2), (std::vector<std::string>{"d1004.example", "d1003.example"}));
  EXPECT_EQ(ask(lines, 0).size(), 1U);
  EXPECT_EQ(ask(lines, 1000).size(), 1000U);
  EXPECT_EQ(ask(lines, 1001).size(), 1000U);
  const auto all = ask(lines);
  ASSERT_EQ(all.size(), 1000U);
  EXPECT_EQ(all.back(), "d5.example");
}

}  // namespace
}  // namespace postern::control
