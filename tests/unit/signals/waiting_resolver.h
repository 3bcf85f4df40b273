// WaitingResolver: answers from a zone, but only when it is told to, one query after another: so a test sees what was
// asked beforehand, and a task really is suspended.
#pragma once

#include <coroutine>
#include <string>
#include <utility>
#include <vector>

#include "dns/fixture.h"

namespace postern::signals::test {

class WaitingResolver final : public dns::Resolver {
 public:
  explicit WaitingResolver(dns::Zone zone) : zone_(std::move(zone)) {}

  Task<dns::AnswerPtr> query(dns::Name name, dns::Type type, dns::Budget& budget) override {
    if (!budget.take()) co_return dns::failed_answer(dns::Status::limit, "spent");
    asked.push_back(name.text());
    co_await Suspension{waiting_};
    co_return zone_.find(name, type);
  }
  void prefetch(const dns::Name& name, dns::Type /*type*/) override { prefetched.push_back(name.text()); }

  // False where nobody waits.
  bool answer_next() {
    if (!waiting_) return false;
    std::exchange(waiting_, {}).resume();
    return true;
  }

  std::vector<std::string> asked, prefetched;

 private:
  struct Suspension {
    std::coroutine_handle<>& waiting;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept { waiting = handle; }
    void await_resume() const noexcept {}
  };
  dns::Zone zone_;
  std::coroutine_handle<> waiting_;
};

}  // namespace postern::signals::test
