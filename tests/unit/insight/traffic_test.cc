#include "insight/traffic.h"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <set>

#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(Quantiles, AreExactBelowThirtyTwoAndAtMostASixteenthTooHigh) {
  Quantiles some;
  EXPECT_EQ(some.at(0.5), 0U);
  for (std::uint64_t i = 1; i <= 20; ++i) some.add(i);
  EXPECT_EQ(some.at(0.5), 10U);
  EXPECT_EQ(some.at(0.05), 1U);
  EXPECT_EQ(some.at(0), 1U);
  EXPECT_EQ(some.at(1), 20U);
  for (const std::uint64_t value :
       std::initializer_list<std::uint64_t>{31, 32, 33, 1000, 65535, 65536, 86'400'000, UINT32_MAX}) {
    Quantiles one;
    one.add(value);
    one.add(UINT32_MAX);
    EXPECT_GE(one.at(0.5), value);
    EXPECT_LE(one.at(0.5), value + value / 16) << value;
  }
  Quantiles beyond;
  beyond.add(std::uint64_t{UINT32_MAX} * 7);
  EXPECT_EQ(beyond.count(), 1U);
  EXPECT_EQ(beyond.most(), std::uint64_t{UINT32_MAX} * 7);
  Quantiles merged = some;
  merged.merge(some);
  EXPECT_EQ(merged.count(), 40U);
  EXPECT_EQ(merged.at(0.5), 10U);
}

// A line of each kind: `greylist` told at RCPT, or mail that was taken.
std::string greylisted(const policy::Policy& policy, WallMs at, const std::string& from,
                       const std::string& client = "192.0.2.1") {
  Session session(policy, at, client, "spf:a.example");
  session.with(Signal::greylist, value::Greylist::first);
  return session.connect().mail(from).line();
}

std::string accepted(const policy::Policy& policy, WallMs at, const std::string& from,
                     value::Greylist greylist = value::Greylist::due) {
  Session session(policy, at, "192.0.2.1", "spf:a.example");
  session.with(Signal::greylist, greylist);
  return session.connect().mail(from).line();
}

policy::RuleOptions greylist_all() {
  policy::RuleOptions rule;
  rule.name = "all";
  rule.when = "greylist == first";
  rule.action = evidence::Action::greylist;
  return rule;
}

GreylistReturns::Report returns_of(const std::string& lines) {
  GreylistReturns returns;
  read_lines(lines, [&](const record::SessionView& session) { returns.add(session, facts_of(session).greylist); });
  return returns.report();
}

TEST(GreylistReturns, ACaseIsFromTheFirstRefusalToTheAcceptance) {
  const auto policy = compile(preset("none", {greylist_all()}));
  const std::string lines =
      greylisted(*policy, kMonday, "x@a.example") + greylisted(*policy, kMonday + 60'000, "x@a.example") +
      greylisted(*policy, kMonday, "never@a.example") + accepted(*policy, kMonday + 300'000, "x@a.example") +
      accepted(*policy, kMonday + 400'000, "x@a.example") +  // no return any more
      accepted(*policy, kMonday + 500'000, "other@a.example");
  const auto report = returns_of(lines);
  EXPECT_EQ(report.families[0].cases, 2U);
  EXPECT_EQ(report.families[0].told, 3U);
  EXPECT_EQ(report.families[0].returned, 1U);
  EXPECT_EQ(report.families[0].delay.most(), 300'000U);
  EXPECT_EQ(report.families[1].cases, 0U);
  EXPECT_EQ(report.not_held, 0U);
}

TEST(GreylistReturns, WhatIsHeldIsBounded) {
  const auto policy = compile(preset("none", {greylist_all()}));
  const std::string lines = greylisted(*policy, kMonday, "x@a.example") + greylisted(*policy, kMonday, "y@a.example") +
                            greylisted(*policy, kMonday, "z@a.example");
  GreylistReturns returns(2);
  read_lines(lines, [&](const record::SessionView& session) { returns.add(session, true); });
  EXPECT_EQ(returns.report().families[0].told, 2U);
  EXPECT_EQ(returns.report().not_held, 1U);
  GreylistReturns sum(3);
  GreylistReturns again = returns;
  sum.merge(std::move(again));
  sum.merge(std::move(returns));
  EXPECT_EQ(sum.report().families[0].told, 3U);
  EXPECT_EQ(sum.report().not_held, 3U);
}

TEST(GreylistReturns, OrderOfReadingDoesNotMatterAndTimeDoes) {
  const auto policy = compile(preset("none", {greylist_all()}));
  const std::string told = greylisted(*policy, kMonday, "x@a.example");
  const std::string later = accepted(*policy, kMonday + 5, "x@a.example");
  const std::string before = accepted(*policy, kMonday - 5, "x@a.example");
  const std::string together = accepted(*policy, kMonday, "x@a.example");
  EXPECT_EQ(returns_of(later + told).families[0].returned, 1U);
  EXPECT_EQ(returns_of(told + before).families[0].returned, 0U);
  EXPECT_EQ(returns_of(told + together).families[0].returned, 0U);
  GreylistReturns first;
  GreylistReturns second;
  read_lines(later, [&](const record::SessionView& session) { first.add(session, true); });
  read_lines(told, [&](const record::SessionView& session) { second.add(session, true); });
  first.merge(std::move(second));
  EXPECT_EQ(first.report().families[0].returned, 1U);
}

TEST(LineWalk, EachLineOnceHoweverTheFileIsCut) {
  const Folder folder;
  std::string text = "\n";
  std::multiset<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    const std::string line = std::to_string(i) + std::string(static_cast<std::size_t>(i * 7 % 40), 'x');
    expected.insert(line);
    text += line + (i % 9 == 0 ? "\n\n" : "\n");
  }
  expected.insert("cut");
  text += "cut";
  const std::string path = folder.write("lines.jsonl", text);
  // In two frames, the first of them cut anywhere
  const std::string packed = folder.write("lines.jsonl.zst", zstd(text.substr(0, 333)) + zstd(text.substr(333)));
  for (std::uint64_t piece = 1; piece <= 140; ++piece) {
    std::mutex mutex;
    std::multiset<std::string> seen;
    const auto walked = walk_lines(
        {.paths = {piece % 2 == 0 ? path : packed}, .since = {}}, 3,
        [&](unsigned walker, std::string_view line) {
          EXPECT_LT(walker, 3U);
          const std::scoped_lock lock(mutex);
          seen.emplace(line);
        },
        {}, (piece + 1) / 2);
    ASSERT_TRUE(walked);
    EXPECT_EQ(walked->overlong, 0U);
    EXPECT_TRUE(walked->damaged.empty());
    ASSERT_EQ(seen, expected) << piece;
  }
}

TEST(LineWalk, LinesAtTheLimitAndOneBeyond) {
  const Folder folder;
  const std::string at_limit(record::kLineMax, 'a');
  const std::string beyond(record::kLineMax + 1, 'b');
  const std::string text = "x\n" + at_limit + "\n" + beyond + "\ny\n" + beyond;
  const std::string plain = folder.write("long.jsonl", text), packed = folder.write("long.jsonl.zst", zstd(text));
  const std::vector<std::pair<std::string, std::uint64_t>> ways{
      {plain, kPiece}, {plain, 100'000}, {plain, std::uint64_t{1} << 20U}, {packed, kPiece}, {packed, 100'000}};
  for (const auto& [path, piece] : ways) {
    std::mutex mutex;
    std::multiset<std::size_t> sizes;
    std::uint64_t done = 0;
    const auto walked = walk_lines(
        {.paths = {path}, .since = {}}, 2,
        [&](unsigned, std::string_view line) {
          const std::scoped_lock lock(mutex);
          sizes.insert(line.size());
        },
        [&](std::uint64_t now, std::uint64_t total) {
          EXPECT_GE(now, done);
          EXPECT_LE(now, total);
          done = now;
        },
        piece);
    ASSERT_TRUE(walked);
    EXPECT_EQ(walked->overlong, 2U) << piece;
    EXPECT_EQ(sizes, (std::multiset<std::size_t>{1, 1, record::kLineMax})) << piece;
  }
}

TEST(LineWalk, StopsAndFails) {
  const Folder folder;
  const std::string path = folder.write("a.jsonl", "a\nb\n");
  const std::atomic<bool> stop = true;
  const auto stopped = walk_lines({.paths = {path}, .since = {}, .stop = &stop}, 2, [](unsigned, std::string_view) {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  const auto missing =
      walk_lines({.paths = {folder.at("no.jsonl")}, .since = {}}, 2, [](unsigned, std::string_view) {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  // A pipe has no size
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(::write(ends[1], "a\nbc\n", 5), 5);
  ::close(ends[1]);
  std::vector<std::string> lines;
  EXPECT_TRUE(walk_lines({.paths = {"/proc/self/fd/" + std::to_string(ends[0])}, .since = {}}, 2,
                         [&](unsigned, std::string_view line) { lines.emplace_back(line); }));
  ::close(ends[0]);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc"}));
  const std::string good = zstd("a\nb\n");
  for (const std::string& bad : {std::string("this is not zstd"), good.substr(0, good.size() - 2), good + "x"}) {
    folder.write("b.jsonl.zst", bad);
    std::mutex mutex;
    std::multiset<std::string> seen;
    const auto walked = walk_lines({.paths = {path, folder.at("b.jsonl.zst"), path}, .since = {}}, 3,
                                   [&](unsigned, std::string_view line) {
                                     const std::scoped_lock lock(mutex);
                                     seen.emplace(line);
                                   });
    ASSERT_TRUE(walked) << bad.size();
    ASSERT_EQ(walked->damaged.size(), 1U) << bad.size();
    EXPECT_EQ(walked->damaged[0].path, folder.at("b.jsonl.zst"));
    EXPECT_NE(walked->damaged[0].problem.find("b.jsonl.zst is damaged"), std::string::npos);
    EXPECT_GE(seen.count("a"), 2U) << "the files beside it are read";
    EXPECT_GE(seen.count("b"), 2U);
  }
  folder.write("b.jsonl.zst", "");
  EXPECT_TRUE(walk_lines({.paths = {folder.at("b.jsonl.zst")}, .since = {}}, 1, [](unsigned, std::string_view) {}));
}

std::string delivery(WallMs at, const std::string& transport, const std::string& family, const std::string& tls,
                     bool verified, const std::string& state, std::uint32_t queued_ms) {
  record::DeliveryRecord record;
  record.id = Id::make(at);
  record.message = Id::make(at);
  record.start = at;
  record.duration_ms = 7;
  record.transport = transport;
  record.tls = tls;
  record.tls_verified = verified;
  if (transport == "smtp") record.destination = "example.net";
  record.family = family;
  record.tls_policy = verified ? "dane" : "opportunistic";
  record.outcomes = {{"a@example.net", state, ""}, {"b@example.net", "delivered", ""}};
  record.queued_ms = queued_ms;
  record.attempt = 1;
  std::string line;
  record::append_json(record, line);
  return line;
}

TEST(Traffic, ThreadsAndPiecesDoNotChangeWhatIsCounted) {
  const auto policy = compile(preset("none", {greylist_all()}));
  std::string lines;
  for (int i = 0; i < 200; ++i) {
    const std::string who = "x" + std::to_string(i) + "@a.example";
    lines += greylisted(*policy, kMonday + i * kHour / 10, who);
    if (i % 2 == 0) lines += accepted(*policy, kMonday + i * kHour / 10 + 60'000, who);
    lines += delivery(kMonday + i * 1000, i % 3 == 0 ? "smtp" : "maildir", i % 3 == 0 ? "ipv6" : "",
                      i % 3 == 0 ? "TLSv1.3" : "", i % 6 == 0, i % 5 == 0 ? "deferred" : "delivered", 100);
    if (i % 50 == 0) lines += "{\"schema\":\"postern.session/1\",\"cut\n";
  }
  const Folder folder;
  const std::string path = folder.write("current.jsonl", lines);
  std::string first;
  for (const unsigned threads : {1U, 2U, 5U}) {
    const auto report = read_traffic({.sources = {.paths = {path, path}, .since = {}}, .threads = threads});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->lines.sessions, 600U);
    EXPECT_EQ(report->lines.others, 400U);
    EXPECT_EQ(report->lines.damaged, 8U);
    EXPECT_EQ(sum(report->now.statistics.sessions), 600U);
    EXPECT_EQ(report->now.deliveries.attempts, 400U);
    EXPECT_EQ(report->now.deliveries.remote, (PerFamily{0, 134}));
    EXPECT_EQ(report->now.deliveries.verified, (PerFamily{0, 68}));
    EXPECT_EQ(report->now.deliveries.recipients.deferred, 80U);
    EXPECT_EQ(report->now.deliveries.queued[1].count(), 134U);
    EXPECT_EQ(report->now.greylist.report().families[0].cases, 200U);
    EXPECT_EQ(report->now.greylist.report().families[0].returned, 100U);
    EXPECT_EQ(report->now.days.size(), 1U);
    std::string json;
    json::Writer writer(json);
    writer.begin_object();
    append_json(report->now, report->lines, writer);
    writer.end_object();
    EXPECT_TRUE(json::parse(json)) << json;
    if (first.empty()) first = json;
    EXPECT_EQ(json, first) << threads;
  }
}

// What the order of records decides (who came back after how long) is told as one thread tells it, however files are
// packed and cut, and whichever thread reads what.
TEST(Traffic, AreTheSameFromCompressedFilesCutAnywhere) {
  const auto policy = compile(preset("none", {greylist_all()}));
  std::mt19937_64 random(11);
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i) {
    // Few senders, so that cases of one follow each other; sometimes at the same millisecond
    const std::string who = "x" + std::to_string(random() % 40) + "@a.example";
    const WallMs at = kMonday + static_cast<WallMs>(random() % 900) * 1000;
    lines.push_back(random() % 3 == 0 ? greylisted(*policy, at, who) : accepted(*policy, at, who));
    if (i % 5 == 0) lines.push_back(delivery(at, "smtp", "ipv6", "TLSv1.3", i % 2 == 0, "deferred", 100));
    if (i % 60 == 0) lines.push_back("{\"schema\":\"postern.session/1\",\"cut\n");
  }
  const auto told = [](const std::vector<std::string>& paths, unsigned threads, std::uint64_t piece) {
    TrafficOptions options;
    options.sources.paths = paths;
    options.threads = threads;
    options.piece = piece;
    const auto report = read_traffic(options);
    if (!report) return report.error().what;
    std::string json;
    json::Writer writer(json);
    writer.begin_object();
    append_json(report->now, report->lines, writer);
    writer.end_object();
    return json;
  };
  const Folder folder;
  std::string all;
  for (const std::string& line : lines) all += line;
  const std::string expected = told({folder.write("all.jsonl", all)}, 1, kPiece);
  EXPECT_NE(expected.find("\"returned\":"), std::string::npos);
  for (int round = 0; round < 25; ++round) {
    // Files in another order and of any length, each in frames that end anywhere
    std::shuffle(lines.begin(), lines.end(), random);
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < lines.size();) {
      const std::size_t end = std::min<std::size_t>(lines.size(), i + 1 + random() % 250);
      std::string text;
      for (; i < end; ++i) text += lines[i];
      const std::size_t cut = random() % text.size();
      const std::string name = std::to_string(paths.size()) + ".jsonl";
      paths.push_back(random() % 4 == 0
                          ? folder.write(name, text)
                          : folder.write(name + ".zst", zstd(text.substr(0, cut)) + zstd(text.substr(cut))));
    }
    const std::uint64_t piece = 1 + random() % (random() % 2 == 0 ? 300 : 100'000);
    EXPECT_EQ(told(paths, 1 + static_cast<unsigned>(random() % 5), piece), expected) << piece;
  }
}

TEST(Traffic, PeriodsAreHalfOpenAndTheOneBeforeStandsApart) {
  const auto policy = compile(preset("none"));
  std::string lines;
  for (int hour = 0; hour < 10; ++hour) {
    lines += accepted(*policy, kMonday + hour * kHour, "x@a.example");
    lines += delivery(kMonday + hour * kHour, "maildir", "", "", false, "delivered", 5);
  }
  const Folder folder;
  TrafficOptions options;
  options.sources = {.paths = {folder.write("current.jsonl", lines)}, .since = kMonday + 4 * kHour};
  options.until = kMonday + 7 * kHour;
  options.before_since = kMonday + kHour;
  const auto report = read_traffic(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(sum(report->now.statistics.sessions), 3U);
  EXPECT_EQ(report->now.statistics.oldest, kMonday + 4 * kHour);
  EXPECT_EQ(report->now.statistics.newest, kMonday + 6 * kHour);
  EXPECT_EQ(report->now.deliveries.attempts, 3U);
  EXPECT_EQ(report->lines.sessions, 3U);
  EXPECT_EQ(report->lines.others, 3U);
  ASSERT_TRUE(report->before);
  EXPECT_EQ(sum(report->before->statistics.sessions), 3U);
  EXPECT_EQ(report->before->statistics.oldest, kMonday + kHour);
  EXPECT_EQ(report->before->deliveries.attempts, 3U);
  EXPECT_EQ(report->before_lines.sessions, 3U);
  EXPECT_EQ(report->before_lines.others, 3U);
  options.before_since.reset();
  EXPECT_FALSE(read_traffic(options)->before);
}

TEST(Traffic, ADamagedFileIsToldAndTheRestIsCounted) {
  const auto policy = compile(preset("none"));
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += accepted(*policy, kMonday + i * 1000, "x@a.example");
  const Folder folder;
  const std::string good = folder.write("20261121T000000Z.jsonl", lines);
  // A whole frame, then one that was cut
  const std::string cut = zstd(lines);
  const std::string bad =
      folder.write("20261121T010000Z.jsonl.zst", zstd(lines) + cut.substr(0, cut.size() - cut.size() / 4));
  for (const unsigned threads : {1U, 3U}) {
    const auto report = read_traffic({.sources = {.paths = {good, bad}, .since = {}}, .threads = threads});
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_GE(report->lines.sessions, 80U);
    EXPECT_LT(report->lines.sessions, 120U);
    ASSERT_EQ(report->lines.damaged_files.size(), 1U);
    EXPECT_EQ(report->lines.damaged_files[0].path, bad);
    EXPECT_NE(report->lines.damaged_files[0].problem.find("remove it or restore it"), std::string::npos);
    std::string json;
    json::Writer writer(json);
    writer.begin_object();
    append_json(report->now, report->lines, writer);
    writer.end_object();
    const auto value = json::parse(json);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->at("lines").at("damaged_files").array().at(0).at("file").string(), bad);
  }
  // One after the other too, where that is wanted
  std::uint64_t seen = 0;
  const auto visit = [&seen](const record::SessionView&) { ++seen; };
  EXPECT_FALSE(read_sessions({.paths = {bad, good}, .since = {}}, visit));
  seen = 0;
  const auto read = read_sessions({.paths = {bad, good}, .since = {}}, visit, {}, Damage::told);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->damaged_files.size(), 1U);
  EXPECT_EQ(read->damaged_files[0].path, bad);
  EXPECT_EQ(read->sessions, seen);
  EXPECT_GE(seen, 80U);
}

TEST(Traffic, ASinkholeStandsApart) {
  const auto policy = compile(preset("none"));
  Session sink(*policy, kMonday, "192.0.2.66", "");
  sink.record().listener = "sinkhole";
  sink.record().transactions = {{.code = 250, .reason = "sinkhole"}};
  const Folder folder;
  const std::string path = folder.write("current.jsonl", accepted(*policy, kMonday, "x@a.example") + sink.line());
  const auto report = read_traffic({.sources = {.paths = {path}, .since = {}}, .threads = 1});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->lines.sessions, 2U);
  EXPECT_EQ(report->now.statistics.sinkhole_messages, (PerFamily{1, 0}));
  ASSERT_EQ(report->now.days.size(), 1U);
  EXPECT_EQ(report->now.days.begin()->second.sessions, (PerFamily{1, 0}));
  ASSERT_EQ(report->now.prefixes.top(kPrefixLevels.size() - 1, 10).size(), 1U);
}

}  // namespace
}  // namespace postern::insight
