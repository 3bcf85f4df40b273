#include "maillog/journal_export.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "maillog/line.h"

namespace postern::maillog {
namespace {

std::string binary(std::string_view name, std::string_view value) {
  std::string out(name);
  out += '\n';
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>(value.size() >> (8 * i) & 0xFFU);
  return out + std::string(value) + "\n";
}

std::string sample() {
  return "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795392000123456\n_HOSTNAME=mx1\nPRIORITY=6\nSYSLOG_IDENTIFIER="
         "postfix/smtpd\n_PID=911\n"
         "MESSAGE=connect from a.example[192.0.2.1]\n\n"
         "__REALTIME_TIMESTAMP=1795392001000000\n_SOURCE_REALTIME_TIMESTAMP=1795392000500000\n_HOSTNAME=mx1\n" +
         binary("SYSLOG_IDENTIFIER", "postfix/qmgr") + binary("MESSAGE", "two\nlines") + binary("EMPTY", "") +
         "\n\n__REALTIME_TIMESTAMP=1795392002000000\nMESSAGE=no identifier\n\n"
         "__REALTIME_TIMESTAMP=1795392003000000\nSYSLOG_IDENTIFIER=a b\nMESSAGE=x\n";
}

const std::string kExpected =
    "2026-11-23T00:00:00.123Z mx1 postfix/smtpd[911]: connect from a.example[192.0.2.1]\n"
    "2026-11-23T00:00:00.500Z mx1 postfix/qmgr: two lines\n"
    "2026-11-23T00:00:02.000Z localhost -: no identifier\n"
    "2026-11-23T00:00:03.000Z localhost a_b: x\n";

TEST(JournalExport, AtEveryCut) {
  const std::string text = sample();
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    JournalExport reader;
    std::string lines;
    reader.feed(std::string_view(text).substr(0, cut), lines);
    reader.feed(std::string_view(text).substr(cut), lines);
    ASSERT_TRUE(reader.finish(lines)) << cut;
    ASSERT_EQ(lines, kExpected) << cut;
    ASSERT_EQ(reader.dropped(), 0U);
  }
}

TEST(JournalExport, OctetByOctet) {
  JournalExport reader;
  std::string lines;
  for (const char c : sample()) reader.feed({&c, 1}, lines);
  EXPECT_TRUE(reader.finish(lines));
  EXPECT_EQ(lines, kExpected);
}

// Wherever an export is cut within a field, that is said, and the entry is dropped; at the end of a field it may end.
TEST(JournalExport, EndsWithinAField) {
  const std::string first = "__REALTIME_TIMESTAMP=1795392000123456\nSYSLOG_IDENTIFIER=a\nMESSAGE=x\n\n";
  const std::string second =
      "__REALTIME_TIMESTAMP=1795392000123456\n" + binary("MESSAGE", "two\nlines") + "SYSLOG_IDENTIFIER=b\n";
  std::size_t ends = 0;
  for (std::size_t size = 0; size <= second.size(); ++size) {
    JournalExport reader;
    std::string lines;
    reader.feed(first + second.substr(0, size), lines);
    const bool whole = reader.finish(lines);
    EXPECT_EQ(std::ranges::count(lines, '\n'), whole && size > 0 ? 2 : 1) << size;
    EXPECT_EQ(reader.dropped(), whole ? 0U : 1U) << size;
    ends += whole ? 1 : 0;
  }
  EXPECT_EQ(ends, 4U);  // before it, and behind each of its fields
}

TEST(JournalExport, WhatMakesNoLineIsCounted) {
  JournalExport reader;
  std::string lines;
  reader.feed(
      "\n\nMESSAGE=no time\nSYSLOG_IDENTIFIER=a\n\n\n__REALTIME_TIMESTAMP=soon\nMESSAGE=x\n\n"
      "__REALTIME_TIMESTAMP=1795392000000000\nSYSLOG_IDENTIFIER=a\n\n",
      lines);
  EXPECT_TRUE(reader.finish(lines));
  EXPECT_EQ(lines, "2026-11-23T00:00:00.000Z localhost a: \n");
  EXPECT_EQ(reader.dropped(), 2U);
}

TEST(JournalExport, LongValuesAreCut) {
  JournalExport reader;
  std::string lines;
  reader.feed("__REALTIME_TIMESTAMP=1\nSYSLOG_IDENTIFIER=" + std::string(10000, 'i') +
                  "\nMESSAGE=" + std::string(1 << 20, 'm') + "\n\n",
              lines);
  EXPECT_LE(lines.size(), kLineMax);
  EXPECT_GT(lines.size(), kLineMax / 2);
}

TEST(JournalExport, Begins) {
  EXPECT_TRUE(JournalExport::begins("__CURSOR="));
  EXPECT_FALSE(JournalExport::begins("Oct  9"));
  EXPECT_FALSE(JournalExport::begins("_"));
}

}  // namespace
}  // namespace postern::maillog
