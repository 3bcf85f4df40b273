#include "inbound/limit_notice.h"

#include "base/text.h"

namespace postern::inbound {

std::string limit_notice_text(const LimitNotice& notice, const std::string& from, const std::string& to,
                              const std::string& hostname, const Id& id, WallMs now) {
  const std::string login = printable(notice.login, 200);
  const bool recipients = notice.limit.starts_with("new_recipients");
  const std::string what = std::to_string(notice.value) + (recipients ? " new recipients" : " messages") +
                           (notice.limit.ends_with("_per_hour") ? " an hour" : " a day");
  return "From: <" + from + ">\r\nTo: <" + to + ">\r\nSubject: The account " + login +
         " has reached a limit for sending mail\r\nDate: " + rfc5322_date(now) + "\r\nMessage-ID: <" + id.text() + "@" +
         hostname +
         ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
         "charset=us-ascii\r\n\r\n"
         "This is the mail server " +
         hostname + ".\r\n\r\nThe account\r\n\r\n    " + login + "\r\n\r\nhas reached the limit of " + what +
         ". Further mail is put off until there is room again.\r\n\r\n    when      " + rfc5322_date(notice.when) +
         "\r\n    client    " + notice.client + "\r\n    session   " + notice.session.text() +
         "\r\n\r\n"
         "If you sent that mail, nothing needs to be done. If you did not, somebody else\r\n"
         "knows the password: change it now, and tell the postmaster.\r\n\r\n"
         "Postmaster: `postern user passwd` sets a new password, `postern why` with the\r\n"
         "session shows what was sent, `postern queue list` what still waits, and\r\n"
         "`[submission] " +
         notice.limit + "` is the limit. There is no second notice\r\nabout this account within a day.\r\n";
}

}  // namespace postern::inbound
