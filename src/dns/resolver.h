// Resolver: asks DNS. An interface, so that SPF and its kin read as straight code and run without any IO in tests
// (dns/fixture.h); the real one is resolver/ over libunbound. Answers are never null and never errors: a failure is an
// Answer with a temporary status. Thread rule: a Resolver belongs to one loop and is used on its thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "dns/answer.h"

namespace postern::dns {

// Budget: what one message (or one tool run) may ask of DNS: a number of look-ups, answered from a cache or not, and a
// time. Counted, so that a stranger's records cannot make us ask without end. cancel() ends every wait on it at once.
// It outlives the look-ups made on it. Thread rule: the loop's.
class Budget {
 public:
  explicit Budget(std::uint32_t lookups = kLookups, Deadline deadline = Deadline::never())
      : left_(lookups), deadline_(deadline) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;
  ~Budget() = default;

  static constexpr std::uint32_t kLookups =
      400;  // SPF twice at its worst (2 x 123), ten signatures, a chain of 50 and the walks of DMARC fit

  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] Deadline deadline() const { return deadline_; }
  [[nodiscard]] std::uint32_t asked() const { return asked_; }
  // One look-up more was wanted than there were: something is not known for that reason alone.
  [[nodiscard]] bool refused() const { return refused_; }

  // For resolvers: false when nothing is left.
  [[nodiscard]] bool take() {
    if (cancelled_) return false;
    if (left_ == 0) {
      refused_ = true;
      return false;
    }
    --left_;
    ++asked_;
    return true;
  }
  // For resolvers: who waits on this budget hears of cancel(), once. A waiter removes itself before it is destroyed,
  // and its cancelled() resumes nobody at once: what it would wake may end the Budget.
  class Waiter {
   public:
    virtual void cancelled() = 0;

   protected:
    ~Waiter() = default;
  };
  void add(Waiter& waiter) { waiters_.push_back(&waiter); }
  void remove(Waiter& waiter) { std::erase(waiters_, &waiter); }

 private:
  std::uint32_t left_;
  std::uint32_t asked_ = 0;
  Deadline deadline_;
  bool cancelled_ = false, refused_ = false;
  std::vector<Waiter*> waiters_;
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // CNAMEs are followed. Every look-up has its own deadline, and the budget's.
  [[nodiscard]] virtual Task<AnswerPtr> query(Name name, Type type, Budget& budget) = 0;
  // Begins a look-up whose answer will be wanted soon, so that several run at once under straight code: a query() for
  // it joins it. Costs nothing of a budget until then.
  virtual void prefetch(const Name& name, Type type) = 0;
};

}  // namespace postern::dns
