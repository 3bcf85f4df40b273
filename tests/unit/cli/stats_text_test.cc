#include "cli/stats_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace postern::cli {
namespace {

TEST(StatsText, NothingIsSaid) {
  EXPECT_EQ(stats_text(insight::TrafficReport(), false), "No sessions are recorded.\n0 lines, 0 sessions, 0 damaged\n");
}

insight::TrafficReport report() {
  insight::TrafficReport out;
  insight::Statistics& statistics = out.now.statistics;
  statistics.oldest = 1'795'392'000'000;
  statistics.newest = 1'795'392'060'000;
  statistics.sessions = {90, 10};
  statistics.tls = {45, 10};
  statistics.tls_failed = {5, 0};
  statistics.ciphers.add("TLS_AES_256_GCM_SHA384", false, 40);
  statistics.ciphers.add("bad\x1b[31mcipher", false, 5);
  for (int i = 0; i < 40; ++i) statistics.reasons.add("reason" + std::to_string(i), true);
  out.lines.sessions = 100;
  return out;
}

TEST(StatsText, HeadingsNameTheDenominator) {
  const std::string text = stats_text(report(), false, 100);
  EXPECT_NE(text.find("Connections (shares: of all connections of the family)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Cipher (of connections with TLS)\n"), std::string::npos);
  EXPECT_NE(text.find("TLS                55   55.0 %    45   50.0 %    10  100.0 %  ###########\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("without TLS        40   40.0 %"), std::string::npos);
  EXPECT_NE(text.find("15 more: --json"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "a stranger's octets do not reach the terminal";
  EXPECT_EQ(text.find("before"), std::string::npos);
}

TEST(StatsText, ReasonsAreSharesOfAllRefusals) {
  insight::TrafficReport few;
  few.now.statistics.sessions = {1, 0};
  few.now.statistics.reasons.add("unknown_user", false, 75);
  few.now.statistics.reasons.add("greylisted", false, 25);
  const std::string text = stats_text(few, false);
  EXPECT_NE(text.find("Reason (refused recipients, messages and connections; shares: of all refusals)\n"),
            std::string::npos);
  EXPECT_NE(text.find("unknown_user   75  75.0 %    75  75.0 %     0  -"), std::string::npos) << text;
}

TEST(StatsText, SinkholesUsersAndDamagedFilesAreNamed) {
  insight::TrafficReport of = report();
  EXPECT_EQ(stats_text(of, false).find("sinkhole"), std::string::npos);
  EXPECT_EQ(stats_text(of, false).find("of users"), std::string::npos);
  of.now.statistics.sinkhole_sessions = {3, 4};
  of.now.statistics.sinkhole_messages = {1, 1};
  of.now.statistics.submission = {20, 5};
  of.lines.damaged_files = {{.path = "records/20261121T000000Z.jsonl.zst", .problem = "it is cut"}};
  const std::string text = stats_text(of, false);
  EXPECT_NE(text.find("\nsinkhole: 7 connections, 2 messages, not counted above\n"), std::string::npos) << text;
  EXPECT_NE(text.find("of users (submission)"), std::string::npos);
  EXPECT_TRUE(text.ends_with("; not read to its end: records/20261121T000000Z.jsonl.zst\n")) << text;
  insight::TrafficReport sinkhole;
  sinkhole.now.statistics.sinkhole_sessions = {1, 0};
  EXPECT_NE(stats_text(sinkhole, false).find("sinkhole: 1 connections"), std::string::npos);
}

TEST(StatsText, FitsTheTerminal) {
  insight::TrafficReport of = report();
  of.before.emplace();
  of.before->statistics.sessions = {4000, 1000};
  of.now.statistics.ciphers.add("TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384_AND_MORE_OF_IT", true, 10);
  of.now.statistics.sinkhole_sessions = of.before->statistics.sinkhole_sessions = {300'000, 400'000};
  of.now.statistics.sinkhole_messages = {1'000'000, 1};
  for (std::uint8_t i = 0; i < 3; ++i) of.now.prefixes.add(ip::Address::v4({192, 0, 2, i}), 1, true);
  of.now.prefixes.add(*ip::Address::parse("2001:db8:1111:2222:3333:4444:5555:6666"), 1, true);
  record::DeliveryView delivery;
  delivery.transport = "maildir";
  delivery.delivered = 1;
  of.now.deliveries.add(delivery);
  for (const std::size_t width : {80U, 100U}) {
    for (const bool compared : {true, false}) {
      insight::TrafficReport shown;
      shown.now.statistics = of.now.statistics;
      shown.now.prefixes = of.now.prefixes;
      shown.now.deliveries = of.now.deliveries;
      shown.lines = of.lines;
      if (compared) {
        shown.before.emplace();
        shown.before->statistics = of.before->statistics;
      }
      const std::string text = stats_text(shown, false, width);
      for (const std::string_view line : split(text, '\n')) {
        EXPECT_LE(line.size(), width) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
      }
      if (width == 80) EXPECT_NE(text.find("..  "), std::string::npos) << text;
      EXPECT_NE(text.find("2001:db8:1111:2222:3333:4444:5555:6666/128"), std::string::npos) << text;
    }
  }
  EXPECT_NE(stats_text(of, false, 200).find("AND_MORE_OF_IT"), std::string::npos);
  EXPECT_NE(stats_text(of, false, 200).find("####################\n"), std::string::npos);
  EXPECT_EQ(stats_text(of, false, 200), stats_text(of, false)) << "without a terminal nothing is cut";
}

TEST(StatsText, BesideThePeriodBefore) {
  insight::TrafficReport compared = report();
  compared.before.emplace();
  compared.before->statistics.sessions = {40, 10};
  const std::string text = stats_text(compared, false, 200);
  EXPECT_NE(text.find("before"), std::string::npos);
  EXPECT_NE(text.find("    50  +100.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find(" new "), std::string::npos) << "what was not there before";
}

// The row that begins with this, its columns joined by one blank; "" where there is none.
std::string row_of(const std::string& text, const std::string& name) {
  const std::size_t begin = text.find("\n" + name);
  if (begin == std::string::npos) return {};
  std::string out;
  for (const char c : text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1))
    if (c != ' ' || !out.ends_with(' ')) out += c;
  return out;
}

TEST(StatsText, DeliveriesAndPrefixesBesideThoseBefore) {
  insight::TrafficReport compared = report();
  compared.before.emplace();
  const auto delivery = [](insight::Deliveries& to, std::string_view transport, std::uint32_t delivered) {
    record::DeliveryView view;
    view.transport = transport;
    view.delivered = delivered;
    view.queued_ms = view.duration_ms = 10;
    to.add(view);
  };
  delivery(compared.now.deliveries, "maildir", 30);
  delivery(compared.before->deliveries, "maildir", 20);
  delivery(compared.before->deliveries, "lmtp", 7);
  const auto loud = *ip::Address::parse("2001:db8::1"), fresh = *ip::Address::parse("2001:db8:1::1");
  for (int i = 0; i < 6; ++i) compared.now.prefixes.add(loud, 1, false);
  for (int i = 0; i < 4; ++i) compared.now.prefixes.add(fresh, 0, true);
  for (int i = 0; i < 3; ++i) compared.before->prefixes.add(loud, 0, false);
  std::string text = stats_text(compared, false, 200);
  EXPECT_EQ(row_of(text, "maildir"), "maildir 30 0 0 20 +50.0 % 0");
  EXPECT_EQ(row_of(text, "lmtp"), "lmtp 0 0 0 7 -100.0 % 0") << "what is there no more";
  EXPECT_EQ(row_of(text, "local: in the queue"), "local: in the queue 1 10ms 10ms 10ms 10ms 2 10ms 10ms");
  EXPECT_EQ(row_of(text, "2001:db8::1/128"), "2001:db8::1/128 6 60.0 % 6 0 3 +100.0 % ############");
  EXPECT_EQ(row_of(text, "2001:db8:1::1/128"), "2001:db8:1::1/128 4 40.0 % 0 4 0 new ########");
  EXPECT_EQ(row_of(text, "2001:db8::/32"), "2001:db8::/32 10 100.0 % 6 4 3 +233.3 % ####################");
  // Where others were pushed out before, nobody knows whether he was there
  for (std::uint32_t i = 0; i < 3000; ++i)
    compared.before->prefixes.add(
        ip::Address::v6({0x20, 0x02, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}), 0, false);
  text = stats_text(compared, false, 200);
  EXPECT_EQ(row_of(text, "2001:db8:1::1/128"), "2001:db8:1::1/128 4 40.0 % 0 4 ? ########");
  EXPECT_NE(text.find("those before by "), std::string::npos);
  compared.before.reset();
  text = stats_text(compared, false, 200);
  EXPECT_EQ(row_of(text, "maildir"), "maildir 30 0 0");
  EXPECT_EQ(row_of(text, "2001:db8::1/128"), "2001:db8::1/128 6 60.0 % 6 0 ############");
}

}  // namespace
}  // namespace postern::cli
