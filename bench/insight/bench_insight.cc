// Replay and signals over a record file that lies uncompressed in the page cache: sessions a second of one core.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "insight/fate.h"
#include "insight/judging.h"
#include "insight/replay.h"
#include "insight/signal_value.h"
#include "insight/traffic.h"

namespace {

using namespace postern;
using namespace postern::insight;
using evidence::Signal;
namespace value = evidence::value;

constexpr WallMs kNow = 1'795'243'208'123;
constexpr int kSessions = 100'000;
constexpr unsigned kSenders = 20'000;
constexpr int kRules = 50;

// The default preset, and as many rules of an operator as the figures ask for, of which few are ever true.
std::shared_ptr<const policy::Policy> policy_of() {
  policy::Options options;
  for (int i = 0; i < kRules; ++i) {
    policy::RuleOptions rule;
    rule.name = "rule" + std::to_string(i);
    rule.when = "os == windows and rdns in [none, generic] and sender_domain == \"d" + std::to_string(i) + ".example\"";
    rule.action = evidence::Action::greylist;
    options.rules.push_back(rule);
  }
  options.lists = {"zen", "dbl"};
  std::vector<policy::Problem> problems;
  auto policy = policy::Policy::compile(options, problems);
  for (const policy::Problem& problem : problems) std::fprintf(stderr, "%s\n", problem.what.c_str());
  return policy;
}

class RecordedTraffic {
 public:
  explicit RecordedTraffic(const policy::Policy& policy) : policy_(policy) {}
  std::string line(std::mt19937& random, int number) {
    const unsigned sender = random() % kSenders;
    const std::string domain = "s" + std::to_string(sender) + ".example";
    record_ = record::SessionRecord();
    record_.id = Id::make(kNow + number);
    record_.start = kNow + number * 100;
    record_.duration_ms = 41;
    record_.listener = "mx";
    record_.client = *ip::Endpoint::parse("[2001:db8:85a3::" + std::to_string(sender % 9999) + "]:47110");
    record_.server = *ip::Endpoint::parse("[2001:db8::25]:25");
    record_.syn = std::string(84, '\x5a');
    record_.helo = "mail." + domain;
    record_.extended = true;
    record_.outline = {{'E', 250}, {'S', 220}, {'E', 250}, {'M', 250}, {'R', 250}, {'D', 250}, {'Q', 221}};
    record_.commands = 7;
    record_.tls = record::TlsRecord{"TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", "mx.example.org", "", false, "", 3};
    record_.policy = policy_.fingerprint();
    record_.state.identity = "spf:" + domain;
    record_.end = "quit";
    evidence_ = before_ = evidence::Evidence();
    connect(random, sender);
    judge(evidence::Stage::connect);
    mail(domain);
    judge(evidence::Stage::rcpt);
    if (fate_of(record_.decisions.back().action) == Fate::accepted) {
      data(domain);
      judge(evidence::Stage::data);
    }
    std::string out;
    record::append_json(record_, out);
    return out;
  }

 private:
  void connect(std::mt19937& random, unsigned sender) {
    evidence_.set(Signal::family, value::Family::ipv6);
    evidence_.set(Signal::address, value::Address::global);
    evidence_.set_country(
        std::array{evidence::country_code('U', 'S'), evidence::country_code('B', 'R')}.at(sender % 2));
    evidence_.set(Signal::rdns, static_cast<value::Rdns>(1 + sender % 5));
    evidence_.set_text(Signal::rdns_name, record_.helo);
    evidence_.set(Signal::os, sender % 3 == 0 ? value::Os::windows : value::Os::linux);
    evidence_.set(Signal::early_talk, value::YesNo::no);
    evidence_.set_lists(3, random() % 8 == 0 ? 1 : 0);
    evidence_.set_number(Signal::list_score, 0);
    evidence_.set(Signal::budget, value::Budget::within);
    evidence_.set(Signal::known, static_cast<value::Known>(1 + random() % 4));
    evidence_.set(Signal::verdict_of_operator, value::Operator::silent);
  }
  void mail(const std::string& domain) {
    evidence_.set(Signal::helo, value::Helo::name);
    evidence_.set(Signal::helo_match, value::HeloMatch::ptr);
    evidence_.set_text(Signal::helo_name, record_.helo);
    evidence_.set(Signal::protocol, value::Protocol::smtp);
    evidence_.set(Signal::pipelining, value::YesNo::no);
    evidence_.set(Signal::tls, value::Tls::tls1_3);
    evidence_.set(Signal::sender, value::Sender::address);
    evidence_.set_text(Signal::sender_domain, domain);
    evidence_.set(Signal::spf, value::Spf::pass);
    evidence_.set(Signal::recipient, value::Recipient::mailbox);
    evidence_.set_text(Signal::recipient_domain, "example.org");
    evidence_.set_text(Signal::recipient_address, "alice@example.org");
    evidence_.set(Signal::greylist, value::Greylist::due);
    evidence_.set_number(Signal::recipients, 1);
    record::TransactionRecord& transaction = record_.transactions.emplace_back();
    transaction.reverse_path = "list@" + domain;
    transaction.recipients = {{"alice@example.org", 250, "2.1.5", "ok"}};
    transaction.recipients_total = 1;
  }
  void data(const std::string& domain) {
    evidence_.set(Signal::dkim, value::Dkim::pass);
    evidence_.set_text(Signal::dkim_domain, domain);
    evidence_.set(Signal::dmarc, value::Dmarc::pass);
    evidence_.set(Signal::dmarc_policy, value::DmarcPolicy::reject);
    evidence_.set_number(Signal::size, 34567);
    record_.transactions.back().message = Id::make(kNow);
    record_.transactions.back().code = 250;
    record_.transactions.back().reason = "accepted";
    record_.accepted = 1;
  }
  void judge(evidence::Stage stage) {
    const evidence::Verdict verdict = policy_.judge(moment_of(stage), evidence_, recipient_of(evidence_));
    record::DecisionRecord& decision = record_.decisions.emplace_back();
    decision.stage = stage;
    if (stage != evidence::Stage::connect) decision.transaction = 0;
    if (stage == evidence::Stage::rcpt) decision.recipient = 0;
    json::Writer writer(decision.changes);
    evidence_.append_changes(before_, {"zen", "dbl"}, writer);
    before_ = evidence_;
    decision.action = verdict.action;
    decision.reason = verdict.reason;
    decision.rule = verdict.rule;
    decision.score = verdict.score;
    decision.score_low = verdict.score_low;
  }
  const policy::Policy& policy_;
  record::SessionRecord record_;
  evidence::Evidence evidence_, before_;
};

// One file for all benchmarks, removed at the end.
class RecordFile {
 public:
  explicit RecordFile(const policy::Policy& policy)
      : path_((std::filesystem::temp_directory_path() / "postern_bench_insight_XXXXXX").string()) {
    const int fd = ::mkstemp(path_.data());
    if (fd < 0) std::abort();
    std::ofstream out(path_, std::ios::binary);
    std::mt19937 random(1);
    RecordedTraffic traffic(policy);
    for (int i = 0; i < kSessions; ++i) out << traffic.line(random, i);
    ::close(fd);
  }
  ~RecordFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;
  [[nodiscard]] Sources sources() const { return {.paths = {path_}, .since = {}}; }
  [[nodiscard]] double octets() const { return static_cast<double>(std::filesystem::file_size(path_)) / kSessions; }

 private:
  std::string path_;
};

struct Ground {
  std::shared_ptr<const policy::Policy> policy = policy_of();
  RecordFile file{*policy};
};
Ground& ground() {
  static Ground ground;
  return ground;
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * kSessions);
  state.counters["octets"] = ground().file.octets();
}

void read(benchmark::State& state) {
  const Sources sources = ground().file.sources();
  for (auto _ : state) {
    const auto lines =
        read_sessions(sources, [](const record::SessionView& session) { benchmark::DoNotOptimize(session); });
    if (!lines || lines->sessions != kSessions) state.SkipWithError("not all sessions were read");
  }
  count(state);
}
BENCHMARK(read)->Unit(benchmark::kMillisecond);

void replay(benchmark::State& state) {
  const Sources sources = ground().file.sources();
  for (auto _ : state) {
    Replay run(*ground().policy, {"zen", "dbl"});
    const auto lines = read_sessions(sources, [&run](const record::SessionView& session) { run.add(session); });
    const ReplayReport report = run.finish(lines.value_or(LineCount{}));
    if (report.both().sessions != kSessions || report.both().changed != 0 || report.scores_changed != 0) {
      state.SkipWithError("the same policy did not reproduce every verdict");
    }
  }
  count(state);
}
BENCHMARK(replay)->Unit(benchmark::kMillisecond);

void signals(benchmark::State& state) {
  const Sources sources = ground().file.sources();
  for (auto _ : state) {
    Outcomes outcomes;
    auto lines = read_sessions(sources, [&](const record::SessionView& session) { outcomes.add(session); });
    SignalStudy study(*ground().policy, {"zen", "dbl"}, {}, outcomes);
    lines = read_sessions(sources, [&](const record::SessionView& session) { study.add(session); });
    if (study.finish(lines.value_or(LineCount{}), kNow).rows.empty()) state.SkipWithError("no signal was counted");
  }
  count(state);
}
BENCHMARK(signals)->Unit(benchmark::kMillisecond);

// The same file through read(2) alone, as `cat` does: what a walk cannot be faster than.
void cat(benchmark::State& state) {
  std::string buffer(256 << 10, '\0');
  for (auto _ : state) {
    const int fd = ::open(ground().file.sources().paths.front().c_str(), O_RDONLY | O_CLOEXEC);
    std::uint64_t octets = 0;
    for (ssize_t n = 1; n > 0; octets += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0)))
      n = ::read(fd, buffer.data(), buffer.size());
    ::close(fd);
    if (octets == 0) state.SkipWithError("the file was not read");
  }
  count(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kSessions * ground().file.octets()));
}
BENCHMARK(cat)->Unit(benchmark::kMillisecond)->UseRealTime();

// The statistics of the whole file on `threads` threads: wall time counts.
void stats(benchmark::State& state) {
  TrafficOptions options;
  options.sources = ground().file.sources();
  options.threads = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    const auto report = read_traffic(options);
    if (!report || sum(report->now.statistics.sessions) != kSessions) state.SkipWithError("not all sessions were read");
  }
  count(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kSessions * ground().file.octets()));
}
BENCHMARK(stats)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

// --write=FILE --octets=N: no benchmark, but such records in a file, for `./dev bench stats`.
int main(int argc, char** argv) {
  std::string path;
  std::uint64_t octets = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("--write=")) path = word.substr(8);
    if (word.starts_with("--octets=")) octets = std::strtoull(argv[i] + 9, nullptr, 10);
  }
  if (!path.empty()) {
    const auto policy = policy_of();
    std::ofstream out(path, std::ios::binary);
    std::mt19937 random(1);
    RecordedTraffic traffic(*policy);
    std::uint64_t written = 0;
    for (int i = 0; written < octets; ++i) {
      const std::string line = traffic.line(random, i);
      out << line;
      written += line.size();
    }
    return out.flush() ? 0 : 1;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
