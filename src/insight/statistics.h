// Statistics: shares by address family, TLS, authentication, verdict and reason, and by country. What `postern stats`
// shows of sessions, and the part of a day's aggregate that is no signal. Two denominators: connections (sessions) and
// messages, and beside them recipients; each field says which. Bounded: names.h. Thread rule: a value; merge() adds
// what another thread counted.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "evidence/evidence.h"
#include "insight/names.h"
#include "insight/sessions.h"

namespace postern::insight {

// What statistics ask of a session's evidence, without putting it together.
struct SessionFacts {
  evidence::CountryCode country = 0;
  bool trap = false;      // a recipient was a spamtrap
  bool greylist = false;  // the greylist was asked
};
[[nodiscard]] SessionFacts facts_of(const record::SessionView& session);

struct Statistics {
  // Sessions of sinkholes are no mail traffic: they are in these two numbers alone. Messages that were swallowed.
  PerFamily sinkhole_sessions{}, sinkhole_messages{};
  // Connections. submission: of users who send mail; the rest came to take part in SMTP. tls: a handshake succeeded;
  // tls_failed: one was begun and failed.
  PerFamily sessions{}, submission{}, tls{}, tls_failed{}, traps{};
  // Messages: answered 250 at their end, of them over TLS and of users, 4xx and 5xx.
  PerFamily accepted{}, accepted_tls{}, accepted_submission{}, deferred{}, refused{};
  // Recipients, by the answer to RCPT.
  PerFamily recipients_accepted{}, recipients_deferred{}, recipients_refused{};
  // Connections with TLS
  Names tls_versions, ciphers, groups;
  Names tls_failures;  // of failed handshakes: words of docs/records.md
  // Of a session the strongest word that was enforced; "none" where nothing was judged.
  Names verdicts;
  // Why recipients, messages and sessions were refused: words of docs/refusals.md and docs/records.md.
  Names reasons;
  Names countries;              // connections, "US"; those whose country is not known are not here
  Names spf, dkim, dmarc, arc;  // messages that were authenticated, by result
  WallMs oldest = 0, newest = 0;

  void add(const record::SessionView& session) { add(session, facts_of(session)); }
  void add(const record::SessionView& session, const SessionFacts& facts);
  void merge(const Statistics& other);
};

void append_json(const Statistics& statistics, const LineCount& lines, json::Writer& out);

}  // namespace postern::insight
