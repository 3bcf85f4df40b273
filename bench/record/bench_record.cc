// What a record costs on its session's loop: the line of a refused session, of an accepted one, and of a delivery.
#include <benchmark/benchmark.h>

#include <string>

#include "evidence/evidence.h"
#include "record/metrics.h"
#include "record/session_reader.h"
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

SessionRecord judged_session();

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

// What a refused session costs when it ends: its record, as a judged one is with its evidence, and the metrics.
void refused_and_counted(benchmark::State& state) {
  SessionRecord record = judged_session();
  record.transactions.front().message = {};
  record.transactions.front().code = 0;
  record.transactions.front().reason = "rset";
  record.transactions.front().recipients = {{"alice.smith@example.org", 550, "5.7.1", "evidence"}};
  record.accepted = 0;
  record.decisions.back().action = evidence::Action::reject;
  record.decisions.back().reason = evidence::Reason::evidence_score;
  std::string line;
  for (auto _ : state) {
    line.clear();
    append_json(record, line);
    count(record);
    benchmark::DoNotOptimize(line.data());
  }
  state.counters["octets"] = static_cast<double>(line.size());
}

void counted(benchmark::State& state) {
  const SessionRecord record = refused_session();
  for (auto _ : state) count(record);
}
BENCHMARK(counted);
BENCHMARK(counted)->Threads(2);

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

std::string changes(const evidence::Evidence& after, const evidence::Evidence& before) {
  std::string out;
  json::Writer writer(out);
  after.append_changes(before, {"zen", "dbl"}, writer);
  return out;
}

// Three decisions with whole evidence: the line that replay is measured with.
SessionRecord judged_session() {
  using evidence::Signal;
  namespace value = evidence::value;
  SessionRecord out = accepted_session();
  evidence::Evidence at_connect;
  at_connect.set(Signal::family, value::Family::ipv6);
  at_connect.set(Signal::address, value::Address::global);
  at_connect.set_country(evidence::country_code('U', 'S'));
  at_connect.set(Signal::rdns, value::Rdns::confirmed);
  at_connect.set_text(Signal::rdns_name, "mail-out-17.example.net");
  at_connect.set_text(Signal::rdns_domain, "example.net");
  at_connect.set(Signal::os, value::Os::linux);
  at_connect.set_text(Signal::syn, "6:64:0:1440:mss*45,7:mss,sok,ts,nop,ws:flow:0");
  at_connect.set(Signal::early_talk, value::YesNo::no);
  at_connect.set_lists(3, 0);
  at_connect.set_number(Signal::list_score, 0);
  at_connect.set(Signal::budget, value::Budget::within);
  at_connect.set(Signal::known, value::Known::seen);
  at_connect.set(Signal::verdict_of_operator, value::Operator::silent);
  evidence::Evidence at_rcpt = at_connect;
  at_rcpt.set(Signal::helo, value::Helo::name);
  at_rcpt.set(Signal::helo_match, value::HeloMatch::ptr);
  at_rcpt.set_text(Signal::helo_name, out.helo);
  at_rcpt.set(Signal::protocol, value::Protocol::smtp);
  at_rcpt.set(Signal::pipelining, value::YesNo::no);
  at_rcpt.set(Signal::tls, value::Tls::tls1_3);
  at_rcpt.set_text(Signal::cipher, "TLS_AES_256_GCM_SHA384");
  at_rcpt.set_text(Signal::ja4, "t13i310900_e8f1e7e78f70_1f22a2ca17c4");
  at_rcpt.set(Signal::sender, value::Sender::address);
  at_rcpt.set_text(Signal::sender_domain, "lists.example.net");
  at_rcpt.set(Signal::spf, value::Spf::pass);
  at_rcpt.set(Signal::recipient, value::Recipient::mailbox);
  at_rcpt.set_text(Signal::recipient_domain, "example.org");
  at_rcpt.set_text(Signal::recipient_address, "alice@example.org");
  at_rcpt.set(Signal::greylist, value::Greylist::due);
  at_rcpt.set_number(Signal::recipients, 1);
  evidence::Evidence at_data = at_rcpt;
  at_data.set(Signal::dkim, value::Dkim::pass);
  at_data.set_text(Signal::dkim_domain, "lists.example.net");
  at_data.set(Signal::dmarc, value::Dmarc::pass);
  at_data.set(Signal::dmarc_policy, value::DmarcPolicy::reject);
  at_data.set_text(Signal::author_domain, "example.net");
  at_data.set_number(Signal::size, 34567);
  out.policy = "0123456789abcdef";
  out.state = {.identity = "spf:lists.example.net", .budget_level = "v6_64", .budget_load = 0.01F};
  out.decisions = {
      {.stage = evidence::Stage::connect, .changes = changes(at_connect, {}), .rule = "default"},
      {.ms = 41,
       .stage = evidence::Stage::rcpt,
       .transaction = 0,
       .recipient = 0,
       .changes = changes(at_rcpt, at_connect),
       .rule = "score",
       .score = -2.5F,
       .score_low = -1.25F},
      {.ms = 57,
       .stage = evidence::Stage::data,
       .transaction = 0,
       .changes = changes(at_data, at_rcpt),
       .rule = "score",
       .score = -3.5F,
       .score_low = -2.25F},
  };
  return out;
}

void judged(benchmark::State& state) { append(state, judged_session()); }
BENCHMARK(judged);
BENCHMARK(refused_and_counted);

void read_session(benchmark::State& state) {
  std::string line;
  append_json(judged_session(), line);
  line.pop_back();
  SessionReader reader;
  for (auto _ : state) {
    if (reader.read(line) != SessionReader::Kind::session) state.SkipWithError("the line was not read");
    benchmark::DoNotOptimize(reader.session());
  }
  state.counters["octets"] = static_cast<double>(line.size());
}
BENCHMARK(read_session);

void read_session_and_evidence(benchmark::State& state) {
  std::string line;
  append_json(judged_session(), line);
  line.pop_back();
  SessionReader reader;
  const evidence::Evidence nothing;
  evidence::Evidence evidence;
  evidence::ListNames names{"zen", "dbl"};
  std::string scratch;
  for (auto _ : state) {
    if (reader.read(line) != SessionReader::Kind::session) state.SkipWithError("the line was not read");
    evidence = nothing;
    for (const DecisionView& decision : reader.session().decisions) {
      json::Scanner scanner(decision.changes, scratch);
      if (!evidence.apply(scanner, names)) state.SkipWithError("the evidence was not read");
      benchmark::DoNotOptimize(evidence);
    }
  }
}
BENCHMARK(read_session_and_evidence);

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
