#include "delivery/settling.h"

#include "base/log.h"

namespace postern::delivery {

namespace {
constexpr std::chrono::seconds kStoreRest{5};  // after the store failed
}

void Settling::settle(const Id& id, spool::Settlement settlement) {
  const auto settled = store_.settle(id, settlement);
  if (settled || settled.error().kind == ErrorKind::not_found) return;  // dropped by the operator meanwhile
  log::error("settle_failed", {{"id", id.text()}, {"error", settled.error().what}});
  rest_until_ = Clock::now() + kStoreRest;
  kept_.emplace_back(id, std::move(settlement));
}

void Settling::again() {
  for (auto& [id, settlement] : std::exchange(kept_, {})) settle(id, std::move(settlement));
}

void Settling::put_off(const Id& id, const Error& error, std::int64_t retry_ms) {
  if (error.kind == ErrorKind::not_found) return;
  log::error("envelope_unreadable", {{"id", id.text()}, {"error", error.what}});
  if (store_.settle(id, {{}, wall_now() + retry_ms})) return;
  store_.release_active(id);
  rest_until_ = Clock::now() + kStoreRest;
}

}  // namespace postern::delivery
