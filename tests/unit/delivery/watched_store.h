// The RAM store with a watch on settle(), and faults.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "spool/ram_store.h"

namespace postern::delivery::test {

inline constexpr std::string_view kMail = "A: b\r\n\r\nbody\r\n";

inline Task<void> commit_to(spool::Store& store, io::Loop& loop, spool::Envelope envelope,
                            std::string_view text = kMail) {
  auto intake = store.begin(loop);
  EXPECT_TRUE(intake.has_value());
  (*intake)->append_now(text);
  const auto committed = co_await (*intake)->commit(std::move(envelope));
  EXPECT_TRUE(committed.has_value());
}

// The store with a watch on settle(), and faults. Everything else goes through.
class WatchedStore final : public spool::Store {
 public:
  explicit WatchedStore(io::Loop& loop) : inner_(spool::make_ram_store()), changed_(loop) {}
  Result<std::unique_ptr<spool::Intake>> begin(io::Loop& loop) override {
    if (begins++ >= begins_good && begin_failures > 0) {
      --begin_failures;
      return fail(ErrorKind::storage, "told so by the test");
    }
    return inner_->begin(loop);
  }
  Result<void> admit(std::uint64_t size) override { return inner_->admit(size); }
  void on_due(std::function<void()> wake) override { inner_->on_due(std::move(wake)); }
  std::vector<Id> take_due(WallMs now, std::size_t max) override { return inner_->take_due(now, max); }
  std::optional<WallMs> next_due() const override { return inner_->next_due(); }
  void release_active(const Id& id) override {
    ++released;
    inner_->release_active(id);
  }
  bool wanted(const Id& id) const override { return inner_->wanted(id); }
  Result<spool::Envelope> load(const Id& id) override {
    if (load_failures > 0) {
      --load_failures;
      return fail(ErrorKind::storage, "told so by the test");
    }
    return inner_->load(id);
  }
  Result<std::unique_ptr<spool::Body>> open_body(const Id& id) override {
    ++bodies_opened;
    if (on_open_body) on_open_body(id);
    return inner_->open_body(id);
  }
  Result<void> settle(const Id& id, const spool::Settlement& settlement) override {
    ++settle_calls;
    if (settle_failures > 0) {
      --settle_failures;
      return fail(ErrorKind::storage, "told so by the test");
    }
    settlements[id].push_back(settlement);
    auto result = inner_->settle(id, settlement);
    changed_.notify();
    return result;
  }
  std::vector<spool::QueuedMessage> list(std::optional<Id> after, std::size_t max) const override {
    return inner_->list(after, max);
  }
  Result<void> hold(const Id& id) override { return inner_->hold(id); }
  Result<void> release(const Id& id) override { return inner_->release(id); }
  Result<void> retry(const Id& id, WallMs now) override { return inner_->retry(id, now); }
  Result<void> drop(const Id& id) override { return inner_->drop(id); }
  spool::StoreStatus status() const override { return inner_->status(); }
  void close() override { inner_->close(); }

  io::Signal& changed() { return changed_; }
  std::map<Id, std::vector<spool::Settlement>> settlements;
  int settle_calls = 0;
  std::atomic<int> released{0}, bodies_opened{0}, load_failures{0};
  int settle_failures = 0;
  std::function<void(const Id&)> on_open_body;  // an attempt begins
  // Failures come after so many that are good, of which the first is the test's own message.
  int begins = 0, begins_good = 1, begin_failures = 0;

 private:
  std::unique_ptr<spool::Store> inner_;
  io::Signal changed_;
};

}  // namespace postern::delivery::test
