#include "record/session_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace postern::record {

namespace {

using json::Scanner;

constexpr std::string_view kSchema = "postern.session/1";

// Numbers beyond the type's range are held to it: no line of ours has them.
template <class Number>
bool number(Scanner& scanner, Number& out) {
  std::int64_t value = out;
  if (!scanner.integer(value)) return false;
  if constexpr (sizeof(Number) < sizeof value) {
    value = std::clamp<std::int64_t>(value, std::numeric_limits<Number>::min(), std::numeric_limits<Number>::max());
  } else {
    value = std::max<std::int64_t>(value, 0);
  }
  out = static_cast<Number>(value);
  return true;
}

bool real(Scanner& scanner, float& out) {
  double value = out;
  if (!scanner.real(value)) return false;
  constexpr double kMost = std::numeric_limits<float>::max();
  out = static_cast<float>(std::clamp(value, -kMost, kMost));
  return true;
}

// A word of `parse`; one that it does not know is told in `understood`.
template <class Word, class Parse>
bool word(Scanner& scanner, Word& out, const Parse& parse, bool& understood) {
  std::string_view text;
  if (!scanner.string(text)) return false;
  if (const auto known = parse(text))
    out = *known;
  else
    understood = false;
  return true;
}

bool decision_member(Scanner& scanner, std::string_view key, DecisionView& out) {
  switch (key.size()) {
    case 2:
      if (key == "ms") return number(scanner, out.ms);
      break;
    case 4:
      if (key == "rule") return scanner.string(out.rule);
      if (key == "tags") return scanner.raw(out.tags);
      break;
    case 5:
      if (key == "stage") return word(scanner, out.stage, evidence::parse_stage, out.understood);
      if (key == "score") return real(scanner, out.score);
      break;
    case 6:
      if (key == "action") return word(scanner, out.action, evidence::parse_action, out.understood);
      if (key == "reason") return word(scanner, out.reason, evidence::parse_reason, out.understood);
      if (key == "shadow") return scanner.raw(out.shadow);
      break;
    case 8:
      if (key == "evidence") return scanner.raw(out.changes);
      if (key == "enforced") return scanner.boolean(out.enforced);
      break;
    case 9:
      if (key == "recipient") return number(scanner, out.recipient);
      if (key == "score_low") return real(scanner, out.score_low);
      break;
    case 11:
      if (key == "transaction") return number(scanner, out.transaction);
      break;
    default:
      break;
  }
  return scanner.skip();
}

bool read_decisions(Scanner& scanner, SessionView& view) {
  return scanner.array([&] {
    if (view.decisions.size() >= kDecisionsMax) return scanner.skip();
    DecisionView& decision = view.decisions.emplace_back();
    return scanner.object([&](std::string_view key) { return decision_member(scanner, key, decision); });
  });
}

bool read_recipients(Scanner& scanner, SessionView& view, TransactionView& transaction) {
  // Of a key that stands twice the last one holds.
  view.recipients.resize(transaction.recipients_begin);
  const bool whole = scanner.array([&] {
    if (view.recipients.size() - transaction.recipients_begin >= kRecipientsMax) return scanner.skip();
    RecipientView& recipient = view.recipients.emplace_back();
    return scanner.object([&](std::string_view key) {
      if (key == "path") return scanner.string(recipient.path);
      if (key == "code") return number(scanner, recipient.code);
      if (key == "reason") return scanner.string(recipient.reason);
      return scanner.skip();
    });
  });
  transaction.recipients_end = static_cast<std::uint32_t>(view.recipients.size());
  return whole;
}

bool read_result(Scanner& scanner, std::string_view& out) {
  return scanner.object([&](std::string_view key) { return key == "result" ? scanner.string(out) : scanner.skip(); });
}

bool read_authentication(Scanner& scanner, TransactionView& out) {
  out.spf = out.dkim = out.dmarc = out.arc = "none";
  return scanner.object([&](std::string_view key) {
    if (key == "spf") return read_result(scanner, out.spf);
    if (key == "dmarc") return read_result(scanner, out.dmarc);
    if (key == "arc") return read_result(scanner, out.arc);
    if (key != "dkim") return scanner.skip();
    bool first = true;
    return scanner.array([&] {
      std::string_view result = "none";
      if (!read_result(scanner, result)) return false;
      if (std::exchange(first, false) || result == "pass") out.dkim = result;
      return true;
    });
  });
}

bool read_transactions(Scanner& scanner, SessionView& view) {
  return scanner.array([&] {
    if (view.transactions.size() >= kTransactionsMax) return scanner.skip();
    TransactionView& transaction = view.transactions.emplace_back();
    transaction.recipients_begin = transaction.recipients_end = static_cast<std::uint32_t>(view.recipients.size());
    return scanner.object([&](std::string_view key) {
      if (key == "message") return scanner.string(transaction.message);
      if (key == "from") return scanner.string(transaction.reverse_path);
      if (key == "to") return read_recipients(scanner, view, transaction);
      if (key == "recipients") return number(scanner, transaction.recipients_total);
      if (key == "size") return number(scanner, transaction.size);
      if (key == "code") return number(scanner, transaction.code);
      if (key == "reason") return scanner.string(transaction.reason);
      if (key == "authentication") return read_authentication(scanner, transaction);
      return scanner.skip();
    });
  });
}

bool read_answers(Scanner& scanner, BeyondView::What what, SessionView& view) {
  constexpr std::size_t kClasses = 6;  // "other", by the first digit of the code
  std::erase_if(view.beyond, [what](const BeyondView& row) { return row.what == what; });
  std::size_t rows = 0;
  return scanner.array([&] {
    if (++rows > kAnswersMax + kClasses) return scanner.skip();
    BeyondView& row = view.beyond.emplace_back();
    row.what = what;
    return scanner.object([&](std::string_view key) {
      if (key == "code") return number(scanner, row.code);
      if (key == "reason" || key == "result") return scanner.string(row.word);
      if (key == "count") return number(scanner, row.count);
      return scanner.skip();
    });
  });
}

bool read_beyond(Scanner& scanner, SessionView& view) {
  using What = BeyondView::What;
  view.beyond.clear();
  return scanner.object([&](std::string_view key) {
    if (key == "recipients") return read_answers(scanner, What::recipients, view);
    if (key == "transactions") return read_answers(scanner, What::transactions, view);
    if (key == "spf") return read_answers(scanner, What::spf, view);
    if (key == "dkim") return read_answers(scanner, What::dkim, view);
    if (key == "dmarc") return read_answers(scanner, What::dmarc, view);
    if (key == "arc") return read_answers(scanner, What::arc, view);
    return scanner.skip();
  });
}

bool read_tls(Scanner& scanner, SessionView& view) {
  const bool whole = scanner.object([&](std::string_view key) {
    if (key == "version") return scanner.string(view.tls_version);
    if (key == "cipher") return scanner.string(view.tls_cipher);
    if (key == "group") return scanner.string(view.tls_group);
    if (key == "error") return scanner.string(view.tls_error);
    if (key == "failure") return scanner.string(view.tls_failure);
    return scanner.skip();
  });
  view.tls = view.tls_error.empty() && !view.tls_version.empty();
  return whole;
}

bool read_state(Scanner& scanner, SessionView& view) {
  return scanner.object([&](std::string_view key) {
    if (key == "identity") return scanner.string(view.identity);
    if (key == "budget_level") return scanner.string(view.budget_level);
    if (key == "budget_load") return real(scanner, view.budget_load);
    if (key == "greylist_wait_s") return number(scanner, view.greylist_wait_s);
    return scanner.skip();
  });
}

bool read_time(Scanner& scanner, WallMs& out) {
  std::string_view text;
  if (!scanner.string(text)) return false;
  out = parse_iso8601(text).value_or(-1);
  return true;
}

bool session_member(Scanner& scanner, std::string_view key, SessionView& view) {
  switch (key.size()) {
    case 2:
      if (key == "id") return scanner.string(view.id);
      break;
    case 3:
      if (key == "tls") return read_tls(scanner, view);
      if (key == "end") return scanner.string(view.end);
      break;
    case 4:
      if (key == "time") return read_time(scanner, view.start);
      if (key == "helo") return scanner.string(view.helo);
      break;
    case 5:
      if (key == "login") return scanner.string(view.login);
      if (key == "state") return read_state(scanner, view);
      break;
    case 6:
      if (key == "client") {
        return scanner.object(
            [&](std::string_view part) { return part == "address" ? scanner.string(view.client) : scanner.skip(); });
      }
      if (key == "family") {
        std::string_view family;
        if (!scanner.string(family)) return false;
        view.ipv6 = family == "ipv6";
        return true;
      }
      if (key == "policy") return scanner.string(view.policy);
      if (key == "beyond") return read_beyond(scanner, view);
      break;
    case 7:
      if (key == "refusal") return scanner.string(view.refusal);
      break;
    case 8:
      if (key == "listener") return scanner.string(view.listener);
      if (key == "accepted") return number(scanner, view.accepted);
      break;
    case 9:
      if (key == "decisions") return read_decisions(scanner, view);
      break;
    case 11:
      if (key == "duration_ms") return number(scanner, view.duration_ms);
      break;
    case 12:
      if (key == "transactions") return read_transactions(scanner, view);
      break;
    case 15:
      if (key == "decisions_total") return number(scanner, view.decisions_total);
      break;
    case 18:
      if (key == "transactions_total") return number(scanner, view.transactions_total);
      break;
    default:
      break;
  }
  return scanner.skip();
}

// Empties the view and keeps the room of its lists.
void clear(SessionView& view) {
  std::vector<DecisionView> decisions = std::move(view.decisions);
  std::vector<TransactionView> transactions = std::move(view.transactions);
  std::vector<RecipientView> recipients = std::move(view.recipients);
  decisions.clear();
  transactions.clear();
  recipients.clear();
  std::vector<BeyondView> beyond = std::move(view.beyond);
  beyond.clear();
  view = SessionView{};
  view.start = -1;
  view.decisions = std::move(decisions);
  view.transactions = std::move(transactions);
  view.recipients = std::move(recipients);
  view.beyond = std::move(beyond);
}

}  // namespace

SessionReader::Kind SessionReader::read(std::string_view line) {
  clear(view_);
  Scanner scanner(line, scratch_);
  std::string_view schema;
  bool other = false;
  const bool whole = scanner.object([&](std::string_view key) {
    if (key != "schema") return session_member(scanner, key, view_);
    if (!scanner.string(schema)) return false;
    other = schema != kSchema;
    return !other;  // the rest of such a line means something else
  });
  if (other) return Kind::other;
  if (!whole || !scanner.finished() || view_.id.empty() || view_.start < 0) return Kind::damaged;
  return schema.empty() ? Kind::other : Kind::session;
}

}  // namespace postern::record
