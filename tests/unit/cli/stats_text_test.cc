#include "cli/stats_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(StatsText, SharesAndBars) {
  EXPECT_EQ(percent(0), "0.0 %");
  EXPECT_EQ(percent(0.0325), "3.3 %");
  EXPECT_EQ(percent(1), "100.0 %");
  EXPECT_EQ(percent(0.9999), "100.0 %");
  EXPECT_EQ(share_of(1, 3), "33.3 %");
  EXPECT_EQ(share_of(0, 0), "-");
  EXPECT_EQ(bar(0, 10, 10), "");
  EXPECT_EQ(bar(1, 10, 10), "#");
  EXPECT_EQ(bar(1, 100'000, 10), "#") << "what is not nothing is seen";
  EXPECT_EQ(bar(10, 10, 10), "##########");
  EXPECT_EQ(bar(11, 10, 10), "##########");
  EXPECT_EQ(bar(1, 0, 10), "");
}

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
  const std::string text = stats_text(report(), false);
  EXPECT_NE(text.find("Connections (shares: of all connections of the family)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Cipher (of connections with TLS)\n"), std::string::npos);
  EXPECT_NE(text.find("TLS                55   55.0 %    45   50.0 %    10  100.0 %  ###########\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("without TLS        40   40.0 %"), std::string::npos);
  EXPECT_NE(text.find("15 more: --json"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "a stranger's octets do not reach the terminal";
  EXPECT_EQ(text.find("before"), std::string::npos);
}

TEST(StatsText, BesideThePeriodBefore) {
  insight::TrafficReport compared = report();
  compared.before.emplace();
  compared.before->statistics.sessions = {40, 10};
  const std::string text = stats_text(compared, false);
  EXPECT_NE(text.find("before"), std::string::npos);
  EXPECT_NE(text.find("    50  +100.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find(" new "), std::string::npos) << "what was not there before";
}

}  // namespace
}  // namespace postern::cli
