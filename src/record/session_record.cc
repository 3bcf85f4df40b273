// A refused session's record is written on the session's loop, so this is a hot path: no allocation but what `out`
// grows by, keys as literals that need no escaping, one pass.
#include "record/session_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace postern::record {

namespace {

struct FactName {
  smtp::Fact fact;
  std::string_view name;
};
constexpr std::array<FactName, 13> kFactNames = {{
    {smtp::Fact::spoke_before_greeting, "spoke_before_greeting"},
    {smtp::Fact::pipelined_before_ehlo, "pipelined_before_ehlo"},
    {smtp::Fact::pipelined_across_starttls, "pipelined_across_starttls"},
    {smtp::Fact::bare_line_feed_in_command, "bare_line_feed_in_command"},
    {smtp::Fact::bare_carriage_return_in_command, "bare_carriage_return_in_command"},
    {smtp::Fact::nul_in_command, "nul_in_command"},
    {smtp::Fact::non_smtp_http, "non_smtp_http"},
    {smtp::Fact::non_smtp_tls, "non_smtp_tls"},
    {smtp::Fact::helo_twice, "helo_twice"},
    {smtp::Fact::eight_bit_command, "eight_bit_command"},
    {smtp::Fact::pipelined_before_data_reply, "pipelined_before_data_reply"},
    {smtp::Fact::unknown_command, "unknown_command"},
    {smtp::Fact::command_line_too_long, "command_line_too_long"},
}};

// Once a line is this long its lists take no further element. What may follow: the element that was begun (three texts
// of kTextMax, each octet up to six when escaped), the transaction around it, and the rest of the session, with what is
// counted of the elements that are left out. authentication's texts likewise.
constexpr std::size_t kListsEnd = kLineMax - (256 << 10);
// Decisions come before the transactions and leave them the other half: neither can crowd the other out.
constexpr std::size_t kDecisionsEnd = kListsEnd / 2;
// The evidence of one decision: the texts of evidence::Evidence, each octet up to six when escaped, and the names of
// its lists. A longer one is not written, and none after it, since each rests on the one before.
constexpr std::size_t kChangesMax = 64 << 10;

// json::Writer escapes keys, checks commas and is a chain of calls; here the keys are literals and most fields
// optional, so a line is put together directly. Every stranger's text still passes json::append_escaped.
class Line {
 public:
  explicit Line(std::string& out) : out_(out), start_(out.size()) {}
  [[nodiscard]] bool full() const { return size() >= kListsEnd; }
  [[nodiscard]] std::size_t size() const { return out_.size() - start_; }
  // `key` comes with its quotes and colon, and has none to escape.
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    json::append_escaped(out_, utf8_head(value, kTextMax));
  }
  void time(std::string_view key, WallMs value) {
    begin(key);
    out_ += '"';
    append_iso8601(out_, value);
    out_ += '"';
  }
  void id(std::string_view key, const Id& value) {
    if (value.empty()) return;
    begin(key);
    out_ += '"';
    out_ += value.text();
    out_ += '"';
  }
  void address(std::string_view key, const ip::Endpoint& value) {
    begin(key);
    out_ += '"';
    out_ += value.address.text();
    out_ += '"';
  }
  template <class Number>
  void number(std::string_view key, Number value) {
    begin(key);
    digits(value);
  }
  // Left out where it is zero (the reader's default).
  template <class Number>
  void count(std::string_view key, Number value) {
    if (value != 0) number(key, value);
  }
  // The shortest digits that read back as the same float; what is no number is left out.
  void real(std::string_view key, float value) {
    if (value == 0 || !std::isfinite(value)) return;
    number(key, value);
  }
  void json(std::string_view key, std::string_view value) {  // JSON already
    begin(key);
    out_ += value;
  }
  void labels(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    open(key, '[');
    for (std::size_t i = 0; i < values.size() && i < kLabelsMax; ++i) text({}, values[i]);
    close(']');
  }
  void flag(std::string_view key, bool value) {
    if (!value) return;
    begin(key);
    out_ += "true";
  }
  void open(std::string_view key, char bracket) {
    begin(key);
    out_ += bracket;
    comma_ = false;
  }
  void item(char bracket) { open({}, bracket); }
  void close(char bracket) {
    out_ += bracket;
    comma_ = true;
  }
  void element(std::string_view plain) { element({}, plain); }  // an array's string, with nothing to escape
  void element(std::string_view key, std::string_view plain) {
    begin(key);
    out_ += '"';
    out_ += plain;
    out_ += '"';
  }
  void raw(char c) { out_ += c; }
  template <class Number>
  void digits(Number value) {
    std::array<char, 24> text;  // NOLINT: filled by to_chars
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
    out_.append(text.data(), result.ptr);
  }

 private:
  void begin(std::string_view key) {
    if (comma_) out_ += ',';
    comma_ = true;
    out_ += key;
  }
  std::string& out_;
  std::size_t start_;
  bool comma_ = false;
};

void write_tls(Line& line, const TlsRecord& tls) {
  line.open("\"tls\":", '{');
  line.text("\"version\":", tls.version);
  line.text("\"cipher\":", tls.cipher);
  line.text("\"group\":", tls.group);
  line.text("\"sni\":", tls.sni);
  line.text("\"alpn\":", tls.alpn);
  line.flag("\"resumed\":", tls.resumed);
  line.text("\"error\":", tls.error);
  line.text("\"failure\":", tls.failure);
  line.count("\"handshake_ms\":", tls.handshake_ms);
  line.close('}');
}

void write_outline(Line& line, std::string_view key, const std::vector<smtp::Exchange>& outline) {
  if (outline.empty()) return;
  line.open(key, '[');
  const auto shown = std::min(outline.size(), smtp::ServerMachine::kOutlineMax);
  for (std::size_t i = 0; i < shown; ++i) {
    // "E250": verb and code in one word, a third of the octets of an object
    const smtp::Exchange& exchange = outline[i];
    std::array<char, 8> word{};
    word[0] = is_alpha(exchange.verb) ? exchange.verb : '?';
    const auto result = std::to_chars(word.data() + 1, word.data() + word.size(), exchange.code);
    line.element({word.data(), result.ptr});
  }
  line.close(']');
}

void write_recipient(Line& line, const RecipientRecord& recipient) {
  line.item('{');
  line.text("\"path\":", recipient.path);
  line.count("\"code\":", recipient.code);
  line.text("\"enhanced\":", recipient.enhanced);
  line.text("\"reason\":", recipient.reason);
  line.close('}');
}

void write_spf(Line& line, std::string_view key, const std::optional<AuthenticationRecord::Spf>& spf) {
  if (!spf) return;
  line.open(key, '{');
  line.text("\"result\":", spf->result);
  line.text("\"domain\":", spf->domain);
  line.text("\"mechanism\":", spf->mechanism);
  line.text("\"problem\":", spf->problem);
  line.count("\"lookups\":", spf->lookups);
  line.close('}');
}

void write_authentication(Line& line, const AuthenticationRecord& found) {
  line.open("\"authentication\":", '{');
  write_spf(line, "\"spf_helo\":", found.spf_helo);
  write_spf(line, "\"spf\":", found.spf);
  if (!found.dkim.empty()) {
    line.open("\"dkim\":", '[');
    for (const AuthenticationRecord::Dkim& dkim : found.dkim) {
      if (line.full()) break;
      line.item('{');
      line.text("\"result\":", dkim.result);
      line.text("\"domain\":", dkim.domain);
      line.text("\"selector\":", dkim.selector);
      line.text("\"algorithm\":", dkim.algorithm);
      line.count("\"bits\":", dkim.bits);
      line.flag("\"testing\":", dkim.testing);
      line.text("\"problem\":", dkim.problem);
      line.close('}');
    }
    line.close(']');
  }
  line.count("\"dkim_signatures\":", found.dkim_signatures);
  line.open("\"dmarc\":", '{');
  line.text("\"result\":", found.dmarc.result);
  line.text("\"author_domain\":", found.dmarc.author_domain);
  line.text("\"policy\":", found.dmarc.policy);
  line.text("\"policy_domain\":", found.dmarc.policy_domain);
  line.flag("\"testing\":", found.dmarc.testing);
  line.flag("\"spf_aligned\":", found.dmarc.spf_aligned);
  line.flag("\"dkim_aligned\":", found.dmarc.dkim_aligned);
  line.text("\"problem\":", found.dmarc.problem);
  if (const auto& published = found.dmarc.published; !published.p.empty()) {
    line.open("\"published\":", '{');
    line.text("\"p\":", published.p);
    line.text("\"sp\":", published.sp);
    line.text("\"np\":", published.np);
    line.text("\"fo\":", published.fo);
    line.flag("\"strict_dkim\":", published.strict_dkim);
    line.flag("\"strict_spf\":", published.strict_spf);
    line.close('}');
  }
  line.close('}');
  line.open("\"arc\":", '{');
  line.text("\"result\":", found.arc.result);
  line.count("\"instances\":", found.arc.instances);
  line.text("\"problem\":", found.arc.problem);
  line.close('}');
  line.count("\"results_removed\":", found.results_removed);
  line.count("\"lookups\":", found.lookups);
  line.count("\"dns_ms\":", found.dns_ms);
  line.count("\"ms\":", found.ms);
  line.close('}');
}

// `left` takes what the line has no room for.
void write_transaction(Line& line, const TransactionRecord& transaction, Beyond& left) {
  line.item('{');
  line.id("\"message\":", transaction.message);
  line.text("\"from\":", transaction.reverse_path);
  if (!transaction.recipients.empty()) {
    line.open("\"to\":", '[');
    const auto shown = std::min(transaction.recipients.size(), kRecipientsMax);
    std::size_t i = 0;
    for (; i < shown && !line.full(); ++i) write_recipient(line, transaction.recipients[i]);
    for (; i < transaction.recipients.size(); ++i)
      left.recipients.add(transaction.recipients[i].code, transaction.recipients[i].reason);
    line.close(']');
  }
  const auto listed = static_cast<std::uint32_t>(transaction.recipients.size());
  line.count("\"recipients\":", std::max(transaction.recipients_total, listed));
  line.count("\"size\":", transaction.size);
  line.count("\"code\":", transaction.code);
  line.text("\"enhanced\":", transaction.enhanced);
  line.text("\"reason\":", transaction.reason);
  line.flag("\"chunked\":", transaction.chunked);
  line.flag("\"utf8\":", transaction.utf8);
  line.count("\"data_ms\":", transaction.data_ms);
  line.count("\"commit_ms\":", transaction.commit_ms);
  if (transaction.authentication) write_authentication(line, *transaction.authentication);
  line.close('}');
}

void write_answers(Line& line, std::string_view list, std::string_view word, const Answers& answers) {
  if (answers.rows.empty()) return;
  line.open(list, '[');
  for (const Answers::Row& row : answers.rows) {
    line.item('{');
    line.count("\"code\":", row.code);
    line.text(word, row.word);
    line.number("\"count\":", row.count);
    line.close('}');
  }
  line.close(']');
}

void write_beyond(Line& line, const Beyond& beyond) {
  if (beyond.empty()) return;
  line.open("\"beyond\":", '{');
  write_answers(line, "\"recipients\":", "\"reason\":", beyond.recipients);
  write_answers(line, "\"transactions\":", "\"reason\":", beyond.transactions);
  write_answers(line, "\"spf\":", "\"result\":", beyond.spf);
  write_answers(line, "\"dkim\":", "\"result\":", beyond.dkim);
  write_answers(line, "\"dmarc\":", "\"result\":", beyond.dmarc);
  write_answers(line, "\"arc\":", "\"result\":", beyond.arc);
  line.close('}');
}

void write_decision(Line& line, const DecisionRecord& decision) {
  line.item('{');
  line.count("\"ms\":", decision.ms);
  line.element("\"stage\":", evidence::to_string(decision.stage));
  if (decision.transaction >= 0) line.number("\"transaction\":", decision.transaction);
  if (decision.recipient >= 0) line.number("\"recipient\":", decision.recipient);
  if (decision.changes.size() > 2) line.json("\"evidence\":", decision.changes);
  line.element("\"action\":", evidence::to_string(decision.action));
  if (decision.reason != evidence::Reason::none) line.element("\"reason\":", evidence::to_string(decision.reason));
  line.text("\"rule\":", decision.rule);
  line.flag("\"enforced\":", decision.enforced);
  line.real("\"score\":", decision.score);
  line.real("\"score_low\":", decision.score_low);
  line.labels("\"tags\":", decision.tags);
  line.labels("\"shadow\":", decision.shadow);
  line.close('}');
}

void write_decisions(Line& line, const SessionRecord& record) {
  if (!record.decisions.empty()) {
    line.open("\"decisions\":", '[');
    const auto shown = std::min(record.decisions.size(), kDecisionsMax);
    for (std::size_t i = 0; i < shown && line.size() < kDecisionsEnd; ++i) {
      if (record.decisions[i].changes.size() > kChangesMax) break;
      write_decision(line, record.decisions[i]);
    }
    line.close(']');
  }
  const auto listed = static_cast<std::uint32_t>(record.decisions.size());
  line.count("\"decisions_total\":", std::max(record.decisions_total, listed));
  line.text("\"policy\":", record.policy);
  const StateRecord& state = record.state;
  if (state.identity.empty() && state.budget_level.empty() && state.greylist_wait_s == 0) return;
  line.open("\"state\":", '{');
  line.text("\"identity\":", state.identity);
  line.text("\"known_by\":", state.known_by);
  line.text("\"budget_level\":", state.budget_level);
  line.real("\"budget_load\":", state.budget_load);
  line.count("\"greylist_wait_s\":", state.greylist_wait_s);
  line.close('}');
}

void write_endpoint(Line& line, std::string_view key, const ip::Endpoint& endpoint) {
  line.open(key, '{');
  line.address("\"address\":", endpoint);
  line.number("\"port\":", endpoint.port);
  line.close('}');
}

}  // namespace

void DeliveryRecord::Counts::add(std::string_view state) {
  if (state == "delivered") ++delivered;
  if (state == "deferred") ++deferred;
  if (state == "failed") ++failed;
}

std::vector<std::string_view> fact_names(std::uint32_t facts) {
  std::vector<std::string_view> out;
  for (const FactName& entry : kFactNames) {
    if ((facts & static_cast<std::uint32_t>(entry.fact)) != 0) out.push_back(entry.name);
  }
  return out;
}

void append_json(const SessionRecord& record, std::string& out) {
  Line line(out);
  line.item('{');
  line.text("\"schema\":", "postern.session/1");
  line.id("\"id\":", record.id);
  line.time("\"time\":", record.start);
  line.number("\"duration_ms\":", record.duration_ms);
  line.text("\"listener\":", record.listener);
  line.text("\"family\":", record.client.address.is_v4() ? "ipv4" : "ipv6");
  write_endpoint(line, "\"client\":", record.client);
  write_endpoint(line, "\"server\":", record.server);
  if (record.proxy) write_endpoint(line, "\"proxy\":", *record.proxy);
  line.text("\"syn\":", to_hex(std::string_view(record.syn).substr(0, kTextMax / 2)));
  line.text("\"helo\":", record.helo);
  line.flag("\"extended\":", record.extended);
  if (record.tls) write_tls(line, *record.tls);
  line.text("\"login\":", record.login);
  if (record.facts != 0) {
    line.open("\"facts\":", '[');
    for (const FactName& entry : kFactNames) {
      if ((record.facts & static_cast<std::uint32_t>(entry.fact)) != 0) line.element(entry.name);
    }
    line.close(']');
  }
  write_outline(line, "\"outline\":", record.outline);
  if (!record.errors_kept.empty()) {
    line.open("\"odd\":", '[');
    for (const std::string& text : record.errors_kept) line.text({}, printable(text, kTextMax));
    line.close(']');
  }
  line.count("\"commands\":", record.commands);
  line.count("\"errors\":", record.errors);
  write_decisions(line, record);
  Beyond left = record.beyond;
  if (!record.transactions.empty()) {
    line.open("\"transactions\":", '[');
    const auto shown = std::min(record.transactions.size(), kTransactionsMax);
    std::size_t i = 0;
    for (; i < shown && !line.full(); ++i) write_transaction(line, record.transactions[i], left);
    for (; i < record.transactions.size(); ++i) left.add(record.transactions[i]);
    line.close(']');
  }
  const auto listed = static_cast<std::uint32_t>(record.transactions.size());
  line.count("\"transactions_total\":", std::max(record.transactions_total, listed));
  write_beyond(line, left);
  line.count("\"accepted\":", record.accepted);
  line.count("\"bytes_in\":", record.bytes_in);
  line.count("\"bytes_out\":", record.bytes_out);
  if (record.first_octet_ms >= 0) line.number("\"first_octet_ms\":", record.first_octet_ms);
  if (record.greeting_ms >= 0) line.number("\"greeting_ms\":", record.greeting_ms);
  if (record.hello_ms >= 0) line.number("\"hello_ms\":", record.hello_ms);
  line.text("\"end\":", record.end);
  line.text("\"refusal\":", record.refusal);
  line.close('}');
  line.raw('\n');
}

void append_json(const DeliveryRecord& record, std::string& out) {
  Line line(out);
  line.item('{');
  line.text("\"schema\":", "postern.delivery/1");
  line.id("\"id\":", record.id);
  line.id("\"message\":", record.message);
  line.time("\"time\":", record.start);
  line.number("\"duration_ms\":", record.duration_ms);
  line.text("\"transport\":", record.transport);
  line.text("\"host\":", record.host);
  line.text("\"tls\":", record.tls);
  line.text("\"tls_cipher\":", record.tls_cipher);
  line.flag("\"tls_verified\":", record.tls_verified);
  if (!record.destination.empty()) {
    line.text("\"destination\":", record.destination);
    line.text("\"host_name\":", record.host_name);
    line.text("\"family\":", record.family);
    line.text("\"tls_policy\":", record.tls_policy);
  }
  if (!record.outcomes.empty()) {
    line.open("\"outcomes\":", '[');
    const auto shown = std::min(record.outcomes.size(), kRecipientsMax);
    std::size_t i = 0;
    for (; i < shown && !line.full(); ++i) {
      line.item('{');
      line.text("\"path\":", record.outcomes[i].path);
      line.text("\"state\":", record.outcomes[i].state);
      line.text("\"reply\":", record.outcomes[i].reply);
      line.close('}');
    }
    line.close(']');
    line.number("\"recipients\":", record.outcomes.size());
    DeliveryRecord::Counts left = record.beyond;
    for (; i < record.outcomes.size(); ++i) left.add(record.outcomes[i].state);
    if (left.total() > 0) {
      line.open("\"beyond\":", '{');
      line.count("\"delivered\":", left.delivered);
      line.count("\"deferred\":", left.deferred);
      line.count("\"failed\":", left.failed);
      line.close('}');
    }
  }
  line.count("\"size\":", record.size);
  line.count("\"queued_ms\":", record.queued_ms);
  line.count("\"attempt\":", record.attempt);
  line.close('}');
  line.raw('\n');
}

}  // namespace postern::record
