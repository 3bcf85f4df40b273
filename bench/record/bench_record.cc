// What a record costs on its session's loop: the line of a refused session, of an accepted one, and of a delivery.
#include <benchmark/benchmark.h>

#include <string>

#include "record/session_record.h"

namespace {

using namespace postern;
using namespace postern::record;

constexpr WallMs kNow = 1'795'243'208'123;

SessionRecord session() {
  SessionRecord out;
  out.id = Id::make(kNow);
  out.start = kNow;
  out.duration_ms = 41;
  out.listener = "mx";
  out.client = *ip::Endpoint::parse("[2001:db8:85a3::8a2e:370:7334]:47110");
  out.server = *ip::Endpoint::parse("[2001:db8::25]:25");
  out.syn = std::string(84, '\x5a');
  out.helo = "mail-out-17.example.net";
  out.extended = true;
  out.bytes_in = 171;
  out.bytes_out = 402;
  out.first_octet_ms = 20;
  out.greeting_ms = 0;
  out.hello_ms = 20;
  out.end = "quit";
  return out;
}

SessionRecord refused_session() {
  SessionRecord out = session();
  out.facts = static_cast<std::uint32_t>(smtp::Fact::pipelined_before_ehlo);
  out.outline = {{'E', 250}, {'M', 250}, {'R', 550}, {'Q', 221}};
  out.commands = 4;
  TransactionRecord transaction;
  transaction.reverse_path = "offers@shop.example.net";
  transaction.recipients = {{"alice.smith@example.org", 550, "5.1.1", "unknown_user"}};
  transaction.recipients_total = 1;
  transaction.reason = "reset";
  out.transactions.push_back(transaction);
  out.transactions_total = 1;
  return out;
}

SessionRecord accepted_session() {
  SessionRecord out = session();
  out.outline = {{'E', 250}, {'S', 220}, {'E', 250}, {'M', 250}, {'R', 250}, {'R', 250}, {'D', 250}, {'Q', 221}};
  out.commands = 8;
  out.tls = TlsRecord{"TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", "mx.example.org", "", false, "", 3};
  TransactionRecord transaction;
  transaction.message = Id::make(kNow);
  transaction.reverse_path = "list-bounces+alice=example.org@lists.example.net";
  transaction.recipients = {{"alice@example.org", 250, "2.1.5", "ok"}, {"bob@example.org", 250, "2.1.5", "ok"}};
  transaction.recipients_total = 2;
  transaction.size = 34567;
  transaction.code = 250;
  transaction.enhanced = "2.0.0";
  transaction.reason = "accepted";
  transaction.data_ms = 12;
  transaction.commit_ms = 2;
  out.transactions.push_back(transaction);
  out.transactions_total = 1;
  out.accepted = 1;
  return out;
}

template <class Record>
void append(benchmark::State& state, const Record& record) {
  std::string line;
  for (auto _ : state) {
    line.clear();
    append_json(record, line);
    benchmark::DoNotOptimize(line.data());
  }
  state.counters["octets"] = static_cast<double>(line.size());
}

void refused(benchmark::State& state) { append(state, refused_session()); }
BENCHMARK(refused);

void accepted(benchmark::State& state) { append(state, accepted_session()); }
BENCHMARK(accepted);

void delivery(benchmark::State& state) {
  DeliveryRecord record;
  record.id = Id::make(kNow);
  record.message = Id::make(kNow);
  record.start = kNow;
  record.duration_ms = 4;
  record.transport = "maildir";
  record.host = "/var/mail/{domain}/{user}";
  record.outcomes = {{"alice@example.org", "delivered", "250 2.0.0 Delivered"}};
  record.size = 34567;
  record.queued_ms = 9;
  record.attempt = 1;
  append(state, record);
}
BENCHMARK(delivery);

void time_text(benchmark::State& state) {
  std::string out;
  WallMs now = kNow;
  for (auto _ : state) {
    out.clear();
    append_iso8601(out, now++);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(time_text);

}  // namespace

BENCHMARK_MAIN();
