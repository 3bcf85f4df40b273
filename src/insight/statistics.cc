#include "insight/statistics.h"

#include <algorithm>
#include <array>

#include "base/json_scanner.h"

namespace postern::insight {

namespace {

using evidence::Action;
using record::BeyondView;
using record::DecisionView;
using record::RecipientView;
using record::SessionView;
using record::TransactionView;

std::size_t at(bool ipv6) { return ipv6 ? 1 : 0; }

// Of two words the one that says more to the sender.
int strength(Action action) {
  switch (action) {
    case Action::accept:
      return 0;
    case Action::tag:
      return 1;
    case Action::greylist:
      return 2;
    case Action::throttle:
      return 3;
    case Action::reject:
      return 4;
  }
  return 0;
}

std::string_view verdict_of(const SessionView& session) {
  const DecisionView* strongest = nullptr;
  for (const DecisionView& decision : session.decisions) {
    if (!decision.enforced) continue;
    if (strongest == nullptr || strength(decision.action) > strength(strongest->action)) strongest = &decision;
  }
  return strongest == nullptr ? "none" : evidence::to_string(strongest->action);
}

// The members that facts_of() asks for; what is damaged ends the walk.
void read_facts(std::string_view changes, std::string& scratch, SessionFacts& facts) {
  json::Scanner scanner(changes, scratch);
  static_cast<void>(scanner.object([&](std::string_view key) {
    std::string_view text;
    if (key == "country") {
      if (!scanner.string(text)) return false;
      facts.country = evidence::parse_country(text);
    } else if (key == "trap") {
      if (!scanner.string(text)) return false;
      facts.trap = facts.trap || text == "yes";
    } else if (key == "greylist") {
      if (!scanner.string(text)) return false;
      facts.greylist = true;
    } else {
      return scanner.skip();
    }
    return true;
  }));
}

void count_authentication(const TransactionView& transaction, bool ipv6, Statistics& out) {
  if (transaction.dmarc.empty()) return;
  out.spf.add(transaction.spf, ipv6);
  out.dkim.add(transaction.dkim, ipv6);
  out.dmarc.add(transaction.dmarc, ipv6);
  out.arc.add(transaction.arc, ipv6);
}

// Of recipients and messages, listed or not.
struct Answered {
  std::string_view reason;
  std::uint16_t code = 0;
  std::uint64_t count = 1;
};

void add_message(const Answered& answered, bool ipv6, Statistics& out) {
  if (answered.code < 400) return;
  out.reasons.add(answered.reason, ipv6, answered.count);
  (answered.code >= 500 ? out.refused : out.deferred)[at(ipv6)] += answered.count;
}

void add_recipient(const Answered& answered, bool ipv6, Statistics& out) {
  if (answered.code < 400) {
    out.recipients_accepted[at(ipv6)] += answered.count;
    return;
  }
  (answered.code >= 500 ? out.recipients_refused : out.recipients_deferred)[at(ipv6)] += answered.count;
  out.reasons.add(answered.reason, ipv6, answered.count);
}

// What the lists have no room for.
void add_beyond(const BeyondView& row, bool ipv6, Statistics& out) {
  const Answered answered{.reason = row.word, .code = row.code, .count = row.count};
  switch (row.what) {
    case BeyondView::What::recipients:
      return add_recipient(answered, ipv6, out);
    case BeyondView::What::transactions:
      return add_message(answered, ipv6, out);
    case BeyondView::What::spf:
      return out.spf.add(row.word, ipv6, row.count);
    case BeyondView::What::dkim:
      return out.dkim.add(row.word, ipv6, row.count);
    case BeyondView::What::dmarc:
      return out.dmarc.add(row.word, ipv6, row.count);
    case BeyondView::What::arc:
      return out.arc.add(row.word, ipv6, row.count);
  }
}

std::uint64_t swallowed(const SessionView& session) {
  const auto taken = [](std::uint16_t code) { return code >= 200 && code < 300; };
  std::uint64_t out = 0;
  for (const TransactionView& transaction : session.transactions) out += taken(transaction.code) ? 1 : 0;
  for (const BeyondView& row : session.beyond)
    if (row.what == BeyondView::What::transactions && taken(row.code)) out += row.count;
  return out;
}

void write_pair(std::string_view name, const PerFamily& pair, json::Writer& out) {
  out.field(name, sum(pair));
  out.field(std::string(name) + "_ipv4", pair[0]).field(std::string(name) + "_ipv6", pair[1]);
}

}  // namespace

SessionFacts facts_of(const SessionView& session) {
  SessionFacts facts;
  std::string scratch;
  for (const DecisionView& decision : session.decisions)
    if (!decision.changes.empty()) read_facts(decision.changes, scratch, facts);
  return facts;
}

void Statistics::add(const SessionView& session, const SessionFacts& facts) {
  const bool ipv6 = session.ipv6;
  const std::size_t family = at(ipv6);
  oldest = oldest == 0 ? session.start : std::min(oldest, session.start);
  newest = std::max(newest, session.start);
  if (record::is_sinkhole(session.listener)) {
    ++sinkhole_sessions[family];
    sinkhole_messages[family] += swallowed(session);
    return;
  }
  ++sessions[family];
  accepted[family] += session.accepted;
  if (record::is_submission(session.listener)) {
    ++submission[family];
    accepted_submission[family] += session.accepted;
  }
  if (session.tls) {
    ++tls[family];
    accepted_tls[family] += session.accepted;
    tls_versions.add(session.tls_version, ipv6);
    ciphers.add(session.tls_cipher, ipv6);
    groups.add(session.tls_group, ipv6);
  } else if (!session.tls_error.empty()) {
    ++tls_failed[family];
    tls_failures.add(session.tls_failure.empty() ? "other" : session.tls_failure, ipv6);
  }
  if (facts.country != 0) countries.add(evidence::country_text(facts.country), ipv6);
  verdicts.add(verdict_of(session), ipv6);
  reasons.add(session.refusal, ipv6);
  for (const TransactionView& transaction : session.transactions) {
    add_message({.reason = transaction.reason, .code = transaction.code}, ipv6, *this);
    count_authentication(transaction, ipv6, *this);
  }
  bool trap = facts.trap;
  for (const RecipientView& recipient : session.recipients) {
    add_recipient({.reason = recipient.reason, .code = recipient.code}, ipv6, *this);
    trap = trap || recipient.reason == "trap";
  }
  for (const BeyondView& row : session.beyond) {
    add_beyond(row, ipv6, *this);
    trap = trap || (row.what == BeyondView::What::recipients && row.word == "trap");
  }
  if (trap) ++traps[family];
}

void Statistics::merge(const Statistics& other) {
  for (const auto member :
       {&Statistics::sinkhole_sessions, &Statistics::sinkhole_messages, &Statistics::submission,
        &Statistics::accepted_submission, &Statistics::sessions, &Statistics::tls, &Statistics::tls_failed,
        &Statistics::traps, &Statistics::accepted, &Statistics::accepted_tls, &Statistics::deferred,
        &Statistics::refused, &Statistics::recipients_accepted, &Statistics::recipients_deferred,
        &Statistics::recipients_refused})
    insight::add(this->*member, other.*member);
  for (const auto member :
       {&Statistics::tls_versions, &Statistics::ciphers, &Statistics::groups, &Statistics::tls_failures,
        &Statistics::verdicts, &Statistics::reasons, &Statistics::countries, &Statistics::spf, &Statistics::dkim,
        &Statistics::dmarc, &Statistics::arc})
    (this->*member).merge(other.*member);
  if (other.oldest != 0) oldest = oldest == 0 ? other.oldest : std::min(oldest, other.oldest);
  newest = std::max(newest, other.newest);
}

void append_json(const Statistics& statistics, const LineCount& lines, json::Writer& out) {
  out.key("connections").begin_object().field("total", sum(statistics.sessions));
  out.field("ipv4", statistics.sessions[0]).field("ipv6", statistics.sessions[1]);
  write_pair("tls", statistics.tls, out);
  out.end_object();
  out.key("tls").begin_object();
  for (const bool ipv6 : {false, true}) {
    const std::size_t family = at(ipv6);
    const std::uint64_t none = statistics.sessions[family] - statistics.tls[family] - statistics.tls_failed[family];
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object().field("none", none).field("ok", statistics.tls[family]);
    out.field("failed", statistics.tls_failed[family]).end_object();
  }
  out.end_object().key("traps").begin_object().field("total", sum(statistics.traps));
  out.field("ipv4", statistics.traps[0]).field("ipv6", statistics.traps[1]).end_object();
  out.key("messages").begin_object().field("accepted", sum(statistics.accepted));
  out.field("ipv4", statistics.accepted[0]).field("ipv6", statistics.accepted[1]);
  write_pair("tls", statistics.accepted_tls, out);
  write_pair("deferred", statistics.deferred, out);
  write_pair("refused", statistics.refused, out);
  out.end_object();
  out.key("recipients").begin_object();
  write_pair("accepted", statistics.recipients_accepted, out);
  write_pair("deferred", statistics.recipients_deferred, out);
  write_pair("refused", statistics.recipients_refused, out);
  out.end_object();
  write_names("tls_versions", statistics.tls_versions, out);
  write_names("ciphers", statistics.ciphers, out);
  write_names("groups", statistics.groups, out);
  write_names("tls_failures", statistics.tls_failures, out);
  out.key("tls_by_family").begin_object();
  write_by_family("versions", statistics.tls_versions, out);
  write_by_family("ciphers", statistics.ciphers, out);
  write_by_family("groups", statistics.groups, out);
  out.end_object();
  write_by_family("verdicts", statistics.verdicts, out);
  write_by_family("reasons", statistics.reasons, out);
  write_by_family("countries", statistics.countries, out);
  out.key("authentication").begin_object();
  write_by_family("spf", statistics.spf, out);
  write_by_family("dkim", statistics.dkim, out);
  write_by_family("dmarc", statistics.dmarc, out);
  write_by_family("arc", statistics.arc, out);
  out.end_object();
  out.key("submission").begin_object();
  write_pair("connections", statistics.submission, out);
  write_pair("messages", statistics.accepted_submission, out);
  out.end_object();
  out.key("sinkhole").begin_object();
  write_pair("connections", statistics.sinkhole_sessions, out);
  write_pair("messages", statistics.sinkhole_messages, out);
  out.end_object();
  out.key("lines").begin_object().field("total", lines.total()).field("unknown", lines.damaged);
  out.field("sessions", lines.sessions).field("others", lines.others);
  out.key("damaged_files").begin_array();
  for (const DamagedFile& file : lines.damaged_files)
    out.begin_object().field("file", file.path).field("problem", file.problem).end_object();
  out.end_array().end_object();
  if (statistics.oldest > 0) {
    out.field("oldest", iso8601(statistics.oldest)).field("newest", iso8601(statistics.newest));
  }
}

}  // namespace postern::insight
