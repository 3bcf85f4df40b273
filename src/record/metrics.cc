#include "record/metrics.h"

#include <algorithm>
#include <array>

#include "base/counters.h"
#include "record/reasons.h"

namespace postern::record {

namespace {

using evidence::Action;

template <std::size_t n>
std::size_t number_of(const std::array<std::string_view, n>& words, std::string_view word) {
  return static_cast<std::size_t>(std::ranges::find(words, word) - words.begin());  // beyond them: the last one's
}

constexpr auto kFamilies = std::to_array<std::string_view>({"ipv4", "ipv6"});
constexpr auto kListeners = std::to_array<std::string_view>({"submission", "submissions", "mx"});
constexpr auto kTls = std::to_array<std::string_view>({"none", "ok", "failed"});
constexpr auto kVerdicts = std::to_array<std::string_view>({"none", "accept", "tag", "greylist", "throttle", "reject"});
constexpr auto kEnds = std::to_array<std::string_view>({"accepted", "deferred", "refused", "abandoned"});
constexpr auto kVersions = std::to_array<std::string_view>({"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "other"});
constexpr auto kMethods = std::to_array<std::string_view>({"spf", "dkim", "dmarc", "arc"});
constexpr auto kResults = std::to_array<std::string_view>(
    {"none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror", "other"});
constexpr auto kTransports = std::to_array<std::string_view>({"maildir", "lmtp", "smtp", "sink", "none", "other"});
constexpr auto kWays = std::to_array<std::string_view>({"local", "ipv4", "ipv6", "none"});
constexpr auto kSecured = std::to_array<std::string_view>({"clear", "anonymous", "certified"});
constexpr auto kStates = std::to_array<std::string_view>({"delivered", "deferred", "failed", "other"});

constexpr std::int64_t kMs = 1000;
constexpr std::int64_t kS = 1'000'000;
constexpr auto kSessionBounds = std::to_array<std::int64_t>(
    {10 * kMs, 50 * kMs, 100 * kMs, 250 * kMs, 500 * kMs, kS, 2500 * kMs, 5 * kS, 10 * kS, 30 * kS, 60 * kS, 300 * kS});
constexpr auto kCommitBounds = std::to_array<std::int64_t>(
    {kMs, 2 * kMs, 5 * kMs, 10 * kMs, 25 * kMs, 50 * kMs, 100 * kMs, 250 * kMs, 500 * kMs, kS, 5 * kS});
constexpr auto kQueueBounds =
    std::to_array<std::int64_t>({10 * kMs, 50 * kMs, 100 * kMs, 500 * kMs, kS, 5 * kS, 10 * kS, 60 * kS, 300 * kS,
                                 1800 * kS, 3600 * kS, 6 * 3600 * kS, 24 * 3600 * kS});
constexpr auto kAttemptBounds = std::to_array<std::int64_t>(
    {kMs, 5 * kMs, 10 * kMs, 50 * kMs, 100 * kMs, 500 * kMs, kS, 5 * kS, 10 * kS, 30 * kS, 60 * kS, 300 * kS});

CounterTable g_sessions("postern_smtp_sessions_total", {{"listener", kListeners},
                                                        {"family", kFamilies},
                                                        {"tls", kTls},
                                                        {"verdict", kVerdicts},
                                                        {"reason", reason_words()}});
CounterTable g_messages(
    "postern_smtp_messages_total",
    {{"listener", kListeners}, {"family", kFamilies}, {"tls", kTls}, {"verdict", kEnds}, {"reason", reason_words()}});
CounterTable g_recipients("postern_smtp_recipients_total", {{"listener", kListeners},
                                                            {"family", kFamilies},
                                                            {"verdict", kEnds},
                                                            {"reason", reason_words()}});
CounterTable g_sinkhole_sessions("postern_sinkhole_sessions_total", {{"family", kFamilies}});
CounterTable g_tls("postern_smtp_tls_sessions_total", {{"family", kFamilies}, {"version", kVersions}});
CounterTable g_authentication("postern_authentication_total", {{"method", kMethods}, {"result", kResults}});
Histogram g_session_time("postern_smtp_session_duration_seconds", kSessionBounds, {"family", kFamilies});
Histogram g_commit_time("postern_smtp_commit_seconds", kCommitBounds);

CounterTable g_deliveries("postern_delivery_recipients_total",
                          {{"transport", kTransports}, {"family", kWays}, {"tls", kSecured}, {"state", kStates}});
Histogram g_queue_time("postern_queue_latency_seconds", kQueueBounds, {"transport", kTransports});
Histogram g_attempt_time("postern_delivery_attempt_seconds", kAttemptBounds, {"transport", kTransports});

enum Tls : std::uint8_t { kPlain, kOk, kFailed };
enum End : std::uint8_t { kAccepted, kDeferred, kRefused, kAbandoned };

// Places in kVerdicts, in which a stronger word stands behind.
std::size_t verdict_number(Action action) {
  switch (action) {
    case Action::accept:
      return 1;
    case Action::tag:
      return 2;
    case Action::greylist:
      return 3;
    case Action::throttle:
      return 4;
    case Action::reject:
      return 5;
  }
  return 0;
}

End end_of(std::uint16_t code) {
  return code == 0 ? kAbandoned : code < 400 ? kAccepted : code < 500 ? kDeferred : kRefused;
}

void count_authentication(const AuthenticationRecord& found) {
  const auto add = [](std::size_t method, std::string_view result) {
    g_authentication.add(method, number_of(kResults, result.empty() ? "none" : result));
  };
  add(0, found.spf ? std::string_view(found.spf->result) : "none");
  add(1, dkim_result(found));
  add(2, found.dmarc.result);
  add(3, found.arc.result);
}

// What the lists of the record have no room for.
void count_beyond(const Beyond& beyond, std::size_t listener, std::size_t family, Tls tls) {
  for (const Answers::Row& row : beyond.transactions.rows)
    g_messages.add_many(row.count, listener, family, tls, end_of(row.code), reason_number(row.word));
  for (const Answers::Row& row : beyond.recipients.rows)
    g_recipients.add_many(row.count, listener, family, end_of(row.code), reason_number(row.word));
  std::size_t method = 0;
  for (const Answers* const answers : {&beyond.spf, &beyond.dkim, &beyond.dmarc, &beyond.arc}) {
    for (const Answers::Row& row : answers->rows)
      g_authentication.add_many(row.count, method, number_of(kResults, row.word));
    ++method;
  }
}

}  // namespace

void count(const SessionRecord& session) {
  const std::size_t family = session.client.address.is_v4() ? 0 : 1;
  if (is_sinkhole(session.listener)) {
    g_sinkhole_sessions.add(family);
    return;
  }
  const std::size_t listener = number_of(kListeners, session.listener);
  const Tls tls = !session.tls ? kPlain : session.tls->error.empty() ? kOk : kFailed;
  // The strongest word that was enforced, and why; without one why the connection was refused.
  std::size_t verdict = 0;
  evidence::Reason why = evidence::Reason::none;
  for (const DecisionRecord& decision : session.decisions) {
    if (!decision.enforced || verdict_number(decision.action) <= verdict) continue;
    verdict = verdict_number(decision.action);
    why = decision.reason;
  }
  const std::string_view reason = verdict > 2 ? evidence::to_string(why) : std::string_view(session.refusal);
  g_sessions.add(listener, family, tls, verdict, reason_number(reason));
  if (tls == kOk) g_tls.add(family, number_of(kVersions, session.tls->version));
  g_session_time.add_ms(session.duration_ms, family);
  for (const TransactionRecord& transaction : session.transactions) {
    g_messages.add(listener, family, tls, end_of(transaction.code), reason_number(transaction.reason));
    for (const RecipientRecord& recipient : transaction.recipients)
      g_recipients.add(listener, family, end_of(recipient.code), reason_number(recipient.reason));
    if (transaction.authentication) count_authentication(*transaction.authentication);
    count_commit(transaction);
  }
  if (!session.beyond.empty()) count_beyond(session.beyond, listener, family, tls);
}

void count_commit(const TransactionRecord& transaction) {
  if (transaction.code == 250) g_commit_time.add_ms(transaction.commit_ms);
}

void count(const DeliveryRecord& delivery) {
  const std::size_t transport = number_of(kTransports, delivery.transport);
  // A server of others that nobody reached has no family
  const std::size_t nowhere = delivery.transport == "smtp" ? 3 : 0;
  const std::size_t way = delivery.family.empty() ? nowhere : delivery.family == "ipv6" ? 2 : 1;
  const std::size_t secured = delivery.tls.empty() ? 0 : delivery.tls_verified ? 2 : 1;
  bool delivered = false;
  for (const DeliveryRecord::Outcome& outcome : delivery.outcomes) {
    g_deliveries.add(transport, way, secured, number_of(kStates, outcome.state));
    delivered = delivered || outcome.state == "delivered";
  }
  if (const auto& beyond = delivery.beyond; beyond.total() > 0) {
    g_deliveries.add_many(beyond.delivered, transport, way, secured, number_of(kStates, "delivered"));
    g_deliveries.add_many(beyond.deferred, transport, way, secured, number_of(kStates, "deferred"));
    g_deliveries.add_many(beyond.failed, transport, way, secured, number_of(kStates, "failed"));
    delivered = delivered || beyond.delivered > 0;
  }
  g_attempt_time.add_ms(delivery.duration_ms, transport);
  if (delivered) g_queue_time.add_ms(delivery.queued_ms, transport);
}

}  // namespace postern::record
