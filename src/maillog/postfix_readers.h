// What the readers of Postfix's daemons share; internal to the module. Each fills an event that is empty, and says
// whether it fits; where it does not the event may be filled in part.
#pragma once

#include "maillog/event.h"

namespace postern::maillog {
inline void forget(Event& event) { event = Event{}; }
inline void note(Event& event) {
  forget(event);
  event.kind = Kind::noted;
}

// "warning: ...", "fatal: ...": any daemon may say it.
bool read_level(std::string_view message, Event& event);
bool is_action(std::string_view word);  // "reject", "milter-hold"
// "reject: RCPT from host[addr]: 550 5.1.1 ...", behind the queue id.
bool read_action(std::string_view text, Kind kind, Event& event);
// "Anonymous TLS connection established from host[addr]: ..."; `in` is the kind of those from clients.
bool read_tls(std::string_view text, Kind in, Event& event);
// What smtp says of a server, behind the queue id or without one.
bool read_conversation(std::string_view rest, Event& event);
// "to=<a@b>, relay=..., status=sent (250 ...)", behind the queue id.
bool read_delivery(std::string_view rest, Event& event);

void read_smtpd(std::string_view message, Event& event);
void read_smtp(std::string_view message, bool also_conversations, Event& event);
void read_postscreen(std::string_view message, Event& event);
void read_tlsproxy(std::string_view message, Event& event);
void read_dnsblog(std::string_view message, Event& event);

}  // namespace postern::maillog
