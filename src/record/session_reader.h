// SessionReader: a session's line, read for statistics and replay: what they need, by view, without a document and,
// once its lists have room, without an allocation. Several hundred thousand lines a second. `why`, which shows one
// line, reads it with json::parse().
//
// Takes any octets. Lists are bounded by the writer's own limits (kDecisionsMax, kTransactionsMax, kRecipientsMax,
// kAnswersMax); what goes beyond them is skipped. Thread rule: one reader a thread; what it returns lives until the
// next read() and as long as the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_scanner.h"
#include "base/time.h"
#include "evidence/verdict.h"
#include "record/session_record.h"

namespace postern::record {

// Keys and their meanings: docs/records.md. What is absent has the value that is written here.
struct DecisionView {
  std::uint32_t ms = 0;
  evidence::Stage stage = evidence::Stage::connect;
  std::int32_t transaction = -1, recipient = -1;
  std::string_view changes;  // JSON, for Evidence::apply(); "" where nothing changed
  evidence::Action action = evidence::Action::accept;
  evidence::Reason reason = evidence::Reason::none;
  std::string_view rule;
  bool enforced = false;
  float score = 0, score_low = 0;
  std::string_view tags, shadow;  // JSON arrays; "" where empty
  bool understood = true;         // false: a stage, action or reason of a later version
};

struct RecipientView {
  std::string_view path, reason;
  std::uint16_t code = 0;
};

struct TransactionView {
  std::string_view message, reverse_path, reason;
  std::uint32_t recipients_total = 0;
  std::uint64_t size = 0;
  std::uint16_t code = 0;
  std::uint32_t recipients_begin = 0, recipients_end = 0;  // in SessionView::recipients
  // Of its authentication; "" where nothing was authenticated. dkim: "pass" where any signature passed, else that of
  // the first one, "none" without one.
  std::string_view spf, dkim, dmarc, arc;
};

// So many were answered, or found, so beyond what the lists have room for (Beyond).
struct BeyondView {
  enum class What : std::uint8_t { recipients, transactions, spf, dkim, dmarc, arc };
  What what = What::recipients;
  std::uint16_t code = 0;
  std::string_view word;
  std::uint32_t count = 0;
};

struct SessionView {
  std::string_view id;
  WallMs start = 0;
  std::uint32_t duration_ms = 0;
  std::string_view listener, client, helo, login, end, refusal, policy;
  bool ipv6 = false;
  bool tls = false;  // a handshake succeeded
  std::string_view tls_version, tls_cipher, tls_group;
  std::string_view tls_error, tls_failure;  // of one that failed: a sentence, and its word
  std::vector<DecisionView> decisions;
  std::vector<TransactionView> transactions;
  std::vector<RecipientView> recipients;
  std::vector<BeyondView> beyond;
  std::uint32_t decisions_total = 0, transactions_total = 0, accepted = 0;
  std::string_view identity, budget_level;
  float budget_load = 0;
  std::uint32_t greylist_wait_s = 0;
};

class SessionReader {
 public:
  enum class Kind : std::uint8_t {
    session,
    other,    // a line of another schema
    damaged,  // no JSON, or without id or time
  };
  [[nodiscard]] Kind read(std::string_view line);
  [[nodiscard]] const SessionView& session() const { return view_; }

 private:
  SessionView view_;
  std::string scratch_;
};

}  // namespace postern::record
