#include "dns/resolver.h"

namespace postern::dns {

void Budget::cancel() {
  cancelled_ = true;
  // A waiter may remove itself, and others, while it hears of it.
  while (!waiters_.empty()) {
    Waiter& waiter = *waiters_.back();
    waiters_.pop_back();
    waiter.cancelled();
  }
}

}  // namespace postern::dns
