// Records: whatever a session or a delivery was made of, its record is exactly one line, at most kLineMax octets, that
// parses and says the same numbers.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "record/session_reader.h"
#include "record/session_record.h"

namespace {

using namespace postern;
using namespace postern::record;

// Hands out the input piece by piece; zeros and empty texts once it is used up.
class Source {
 public:
  explicit Source(std::string_view input) : input_(input), wide_(input.size() % 32 == 31) {}
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (; width > 0 && !input_.empty(); --width) {
      value = (value << 8U) | static_cast<std::uint8_t>(input_.front());
      input_.remove_prefix(1);
    }
    return value;
  }
  bool flag() { return number(1) % 2 == 1; }
  // Short as it stands in the input, or made long by repetition, so that small inputs reach the bounds.
  std::string text() {
    const std::uint64_t size = number(1);
    const auto piece = input_.substr(0, size % 64);
    input_.remove_prefix(piece.size());
    std::string out;
    for (std::uint64_t i = 0; i < (size >= 192 ? 12 : 1); ++i) out += piece;
    return out;
  }
  // A full line takes 50 milliseconds to read back: only inputs of one length in 32 make them, or all would.
  std::size_t count() {
    const std::uint64_t wanted = number(1);
    return wide_ && wanted >= 250 ? kRecipientsMax + 1 : wanted % 4;
  }
  Id id() {
    Id out;
    for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(number(1));
    return out;
  }
  ip::Endpoint endpoint() {
    ip::Endpoint out;
    if (flag()) {
      out.address = ip::Address::v4({1, 2, 3, static_cast<std::uint8_t>(number(1))});
    } else {
      std::array<std::uint8_t, 16> octets{};
      for (auto& octet : octets) octet = static_cast<std::uint8_t>(number(1));
      out.address = ip::Address::v6(octets, static_cast<std::uint32_t>(number(1)));
    }
    out.port = static_cast<std::uint16_t>(number(2));
    return out;
  }

 private:
  std::string_view input_;
  bool wide_;
};

TransactionRecord transaction_from(Source& source) {
  TransactionRecord out;
  out.message = source.id();
  out.reverse_path = source.text();
  const RecipientRecord recipient{source.text(), static_cast<std::uint16_t>(source.number(2)), source.text(),
                                  source.text()};
  out.recipients.assign(source.count(), recipient);
  out.recipients_total = static_cast<std::uint32_t>(source.number(4));
  out.size = source.number(8);
  out.code = static_cast<std::uint16_t>(source.number(2));
  out.enhanced = source.text();
  out.reason = source.text();
  out.chunked = source.flag();
  out.data_ms = static_cast<std::uint32_t>(source.number(4));
  return out;
}

SessionRecord session_from(Source& source) {
  SessionRecord out;
  const std::size_t transactions = source.count();
  const TransactionRecord transaction = transaction_from(source);
  // Few with all recipients, or many with few: either fills a line, and both at once would only be slow.
  const bool crowded = transaction.recipients.size() > 3;
  out.transactions.assign(crowded ? std::min<std::size_t>(transactions, 2) : transactions, transaction);
  out.id = source.id();
  out.start = static_cast<WallMs>(source.number(8)) >> source.number(1) % 64;
  out.client = source.endpoint();
  out.server = source.endpoint();
  if (source.flag()) out.proxy = source.endpoint();
  out.listener = source.text();
  out.syn = source.text();
  out.helo = source.text();
  out.login = source.text();
  out.end = source.text();
  out.refusal = source.text();
  out.facts = static_cast<std::uint32_t>(source.number(4));
  out.outline.assign(source.number(2) % 300,
                     {static_cast<char>(source.number(1)), static_cast<std::uint16_t>(source.number(2))});
  out.commands = static_cast<std::uint32_t>(source.number(4));
  out.first_octet_ms = static_cast<std::int32_t>(source.number(4));
  out.bytes_in = source.number(8);
  if (source.flag()) {
    out.tls = TlsRecord{source.text(), source.text(), source.text(), source.text(),
                        source.text(), source.flag(), source.text(), 5};
  }
  const auto changes = [&source] {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().field("helo_name", source.text()).field("errors", source.number(2)).end_object();
    return text;
  };
  out.decisions.assign(source.count(), {.ms = static_cast<std::uint32_t>(source.number(4)),
                                        .stage = static_cast<evidence::Stage>(source.number(1) % evidence::kStages),
                                        .transaction = static_cast<std::int32_t>(source.number(4)),
                                        .recipient = static_cast<std::int32_t>(source.number(4)),
                                        .changes = changes(),
                                        .action = static_cast<evidence::Action>(source.number(1) % 5),
                                        .reason = static_cast<evidence::Reason>(source.number(1) % 16),
                                        .rule = source.text(),
                                        .enforced = source.flag(),
                                        .score = static_cast<float>(source.number(4)) / 3,
                                        .tags = {source.text()}});
  for (Answers* list : {&out.beyond.recipients, &out.beyond.transactions, &out.beyond.dmarc})
    for (std::size_t rows = source.number(1) % 32; rows > 0; --rows)
      list->add(static_cast<std::uint16_t>(source.number(2)), source.text(), static_cast<std::uint32_t>(rows));
  out.policy = source.text();
  out.state.identity = source.text();
  return out;
}

DeliveryRecord delivery_from(Source& source) {
  DeliveryRecord out;
  const DeliveryRecord::Outcome outcome{source.text(), source.text(), source.text()};
  out.outcomes.assign(source.count(), outcome);
  out.id = source.id();
  out.message = source.id();
  out.start = static_cast<WallMs>(source.number(6));
  out.transport = source.text();
  out.host = source.text();
  out.tls = source.text();
  out.size = source.number(8);
  return out;
}

json::Value one_line(const std::string& line) {
  POSTERN_CHECK(line.ends_with('\n') && line.find('\n') == line.size() - 1);
  POSTERN_CHECK(line.size() <= kLineMax);
  auto value = json::parse(std::string_view(line).substr(0, line.size() - 1));
  POSTERN_CHECK(value && value->is_object());
  return *std::move(value);
}

// The reader that has no document sees the same record.
void read_back(const SessionRecord& record, const std::string& line, const json::Value& value) {
  SessionReader reader;
  const auto kind = reader.read(line);
  if (record.id.empty() || !parse_iso8601(value.at("time").string())) {
    POSTERN_CHECK(kind == SessionReader::Kind::damaged);
    return;
  }
  POSTERN_CHECK(kind == SessionReader::Kind::session);
  const SessionView& view = reader.session();
  POSTERN_CHECK(view.start == record.start && view.client == record.client.address.text());
  POSTERN_CHECK(view.helo == value.at("helo").string() && view.identity == value.at("state").at("identity").string());
  POSTERN_CHECK(view.transactions.size() == value.at("transactions").array().size());
  POSTERN_CHECK(view.decisions.size() == value.at("decisions").array().size());
  for (std::size_t i = 0; i < view.decisions.size(); ++i) {
    const DecisionView& read = view.decisions[i];
    const DecisionRecord& written = record.decisions[i];
    POSTERN_CHECK(read.understood && read.ms == written.ms && read.stage == written.stage);
    POSTERN_CHECK(read.transaction == std::max(written.transaction, -1));
    POSTERN_CHECK(read.action == written.action && read.reason == written.reason && read.score == written.score);
    POSTERN_CHECK(read.changes == written.changes && read.enforced == written.enforced);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  {
    Source source(input);
    const SessionRecord record = session_from(source);
    std::string line;
    append_json(record, line);
    const json::Value value = one_line(line);
    POSTERN_CHECK(value.at("schema").string() == "postern.session/1");
    POSTERN_CHECK(value.at("commands").integer() == record.commands);
    POSTERN_CHECK(value.at("transactions_total").integer() == static_cast<std::int64_t>(record.transactions.size()));
    POSTERN_CHECK(value.at("transactions").array().size() <= kTransactionsMax);
    POSTERN_CHECK(value.at("facts").array().size() == fact_names(record.facts).size());
    POSTERN_CHECK(ip::Address::parse(value.at("client").at("address").string()) == record.client.address);
    POSTERN_CHECK(value.at("decisions").array().size() <= kDecisionsMax);
    read_back(record, line, value);
    std::uint64_t named = 0;
    for (const json::Value& transaction : value.at("transactions").array()) {
      POSTERN_CHECK(transaction.at("to").array().size() <= kRecipientsMax);
      named += transaction.at("to").array().size();
    }
    // Who is not listed is counted
    for (const json::Value& row : value.at("beyond").at("recipients").array())
      named += static_cast<std::uint64_t>(row.at("count").integer());
    std::uint64_t all = 0;
    for (const TransactionRecord& transaction : record.transactions) all += transaction.recipients.size();
    for (const Answers::Row& row : record.beyond.recipients.rows) all += row.count;
    POSTERN_CHECK(named == all);
  }
  Source source(input);
  const DeliveryRecord record = delivery_from(source);
  std::string line;
  append_json(record, line);
  const json::Value value = one_line(line);
  POSTERN_CHECK(value.at("schema").string() == "postern.delivery/1");
  POSTERN_CHECK(value.at("outcomes").array().size() <= kRecipientsMax);
  return 0;
}
