// What a sender is told of his message, and when (RFC 3461 5.2, RFC 2852 4.1): pure decisions, and the reports made of
// them. Who queues the reports is delivery/notifier.h.
//
//   failed     refused for good, or expired: at once, unless NOTIFY says otherwise
//   delayed    once, after `delay_after_ms` or at the time of DELIVERBY, unless NOTIFY says otherwise
//   delivered  only for NOTIFY=SUCCESS: in a mailbox, or with an LMTP server
//   relayed    only for NOTIFY=SUCCESS: with a server that offers no DSN; or where DELIVERBY's trace asks for it
//   expanded   only for NOTIFY=SUCCESS: an alias of ours stands for several addresses
//
// Nobody is told anything of mail with a null reverse-path (RFC 5321 4.5.5). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "directory/directory.h"
#include "message/dsn.h"
#include "spool/envelope.h"
#include "srs/rewriter.h"

namespace postern::delivery {

struct NoticeOptions {
  std::string from;  // the address in their From field; "": postmaster of the first domain, else MAILER-DAEMON@hostname
  std::int64_t delay_after_ms = 4LL * 3600 * 1000;  // 0: nobody is told of delays
  std::uint64_t return_max = 256 * 1024;            // octets of a message that RET=FULL brings back; beyond, its header
};

// One thing to tell about one recipient.
struct Told {
  std::uint32_t index = 0;  // into Envelope::recipients
  message::DsnAction action = message::DsnAction::failed;
  std::string status;      // "5.1.1"
  std::string remote_mta;  // who said so; "" where it was ourselves
  std::string diagnostic;  // what was said
};

[[nodiscard]] bool wants(const spool::Envelope& envelope, const spool::Recipient& recipient, message::DsnAction action);

// When the sender is told that it takes longer; 0: he is not, or has been.
[[nodiscard]] WallMs late_at(const NoticeOptions& options, const spool::Envelope& envelope,
                             const spool::Recipient& recipient);

// RFC 2852 4.1.3: mode R, and the time is over: no attempt may be made any more.
[[nodiscard]] bool is_too_late(const spool::Envelope& envelope, WallMs now);

// What became of a recipient, as far as telling goes.
struct Became {
  spool::RecipientState state = spool::RecipientState::pending;
  bool local = false;      // it went to a mailbox or an LMTP server of ours
  bool passed_on = false;  // its server took over the notifications
  WallMs now = 0;
};
[[nodiscard]] std::optional<message::DsnAction> action_of(const NoticeOptions& options, const spool::Envelope& envelope,
                                                          const spool::Recipient& recipient, const Became& became);

// Of the first round of a message: the aliases that stand for several. Their recipients are marked kExpanded, one of
// each alias is in the result; its address is the alias.
[[nodiscard]] std::vector<Told> expanded(const spool::Envelope& envelope);

// To whom a notification goes: the recipients of its envelope. Addresses of ours are followed like any other's, ours of
// SRS to whom they stand for. Empty: nobody is there.
[[nodiscard]] std::vector<spool::Recipient> return_recipients(const std::string& reverse_path,
                                                              const directory::Directory& directory,
                                                              const srs::Rewriter* rewriter, WallMs now);

// The reverse-path with which a message leaves for recipients that are, or are not, of ours: rewritten where a
// stranger's message is passed on to a domain of others (srs/rewriter.h).
[[nodiscard]] std::string sender_of_attempt(const spool::Envelope& envelope, bool foreign,
                                            const directory::Directory& directory, const srs::Rewriter* rewriter,
                                            WallMs now);

// One report for each action, of at most message::kDsnRecipientsMax recipients; without ids and what is returned.
[[nodiscard]] std::vector<message::DsnReport> make_reports(const spool::Envelope& envelope,
                                                           const std::vector<Told>& told, WallMs retry_until,
                                                           WallMs now);

}  // namespace postern::delivery
