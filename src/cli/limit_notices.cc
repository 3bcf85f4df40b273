#include "cli/limit_notices.h"

#include <set>

#include "base/log.h"
#include "base/text.h"
#include "delivery/notices.h"

namespace postern::cli {

void LimitNotices::tell(inbound::LimitNotice notice) {
  loop_.post([this, notice = std::move(notice)]() mutable { scope_.spawn(send(std::move(notice))); });
}

Task<void> LimitNotices::send(inbound::LimitNotice notice) {
  const WallMs now = wall_now();
  const std::shared_ptr<const directory::Directory> directory = places_.directory();
  for (const std::string& to : std::set{places_.from, notice.login}) {
    if (!is_ascii(to)) continue;
    for (const spool::Recipient& recipient : delivery::return_recipients(to, *directory, nullptr, now)) {
      const Id id = Id::make(now);
      const auto queued = co_await outbound::queue_report(
          loop_, store_, {.id = id, .now = now, .from = {}, .to = recipient.forward_path, .signer = places_.signer},
          inbound::limit_notice_text(notice, places_.from, to, places_.hostname, id, now));
      if (queued)
        log::info("user_limit_told", {{"id", id.text()}, {"login", printable(notice.login)}, {"to", "<" + to + ">"}});
      else
        log::error("user_limit_not_told", {{"login", printable(notice.login)}, {"error", queued.error().what}});
    }
  }
}

}  // namespace postern::cli
