#include "insight/log_import.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "gzip/gzip.h"
#include "insight/log_stream.h"
#include "unit/temporary_folder.h"

namespace postern::insight {
namespace {

constexpr WallMs kNow = 1795392000000;  // 2026-11-23T00:00:00Z

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// Lines of different lengths, so that pieces end anywhere in them.
std::string log_of(int sessions) {
  std::string out;
  for (int i = 0; i < sessions; ++i) {
    const std::string client =
        std::string(static_cast<std::size_t>(i % 60), 'h') + ".example[192.0.2." + std::to_string(i % 256) + "]";
    out += "Nov 20 08:53:20 mx1 postfix/smtpd[911]: connect from " + client + "\n";
    if (i % 3 == 0)
      out += "Nov 20 08:53:20 mx1 postfix/smtpd[911]: Trusted TLS connection established from " + client +
             ": TLSv1.3 with cipher C" + std::to_string(i % 2) + " (1/1 bits)\n";
    if (i % 7 == 0) out += "\n";
    if (i % 11 == 0) out += "no line of a log\n";
  }
  return out;
}

class LogImportTest : public ::testing::Test {
 protected:
  std::string write_file(const std::string& name, const std::string& text) { return write(name, text); }
  std::string write(const std::string& name, const std::string& text) { return folder_.write(name, text); }
  static LogTally count_all(const std::vector<std::string>& files, unsigned threads) {
    return tally_logs({.files = files, .options = {.time = {.now = kNow}, .keep_unknown = true}, .threads = threads});
  }
  static Result<maillog::Tally> count(const std::vector<std::string>& files, unsigned threads) {
    LogTally all = count_all(files, threads);
    if (!all.unread.empty()) return std::unexpected(all.unread.front().error);
    return std::move(all.tally);
  }
  static void expect_sessions(const Result<maillog::Tally>& tally, std::uint64_t n, const std::string& what) {
    ASSERT_TRUE(tally) << what << ": " << tally.error().what;
    EXPECT_EQ(tally->connections().total(), n) << what;
    EXPECT_EQ(tally->connections_with_tls().total(), (n + 2) / 3) << what;
    EXPECT_EQ(tally->lines.unknown, (n + 10) / 11) << what;
    EXPECT_EQ(tally->lines.total, n + (n + 2) / 3 + (n + 10) / 11) << what;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(LogImportTest, PlainAndPacked) {
  const std::string text = log_of(20'000);  // several pieces, and several blocks
  ASSERT_GT(text.size(), 2 * LogStream::kBlock);
  const std::string half = text.substr(0, text.size() / 2);
  const std::vector<std::string> files{
      write("plain", text), write("packed.gz", gzip::compress(text)),
      write("members", gzip::compress(half) + gzip::compress(text.substr(half.size()))),
      write("packed.zst", zstd(text)), write("frames", zstd(half) + zstd(text.substr(half.size())))};
  for (const std::string& file : files)
    for (const unsigned threads : {1U, 2U, 5U})
      expect_sessions(count({file}, threads), 20'000, file + " " + std::to_string(threads));
  const auto all = count(files, 3);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->connections().total(), 100'000U);
  for (const std::string& file : files) {
    std::string again;
    const auto done = convert_log(
        file, 3, [](unsigned, std::string_view line, std::string& out) { out += std::string(line) + "\n"; },
        [&](std::string_view lines) {
          again += lines;
          return true;
        });
    ASSERT_TRUE(done) << file;
    std::string expected;
    for (std::size_t from = 0; from < text.size();) {  // empty lines are passed over
      const std::size_t end = text.find('\n', from);
      if (end > from) expected += text.substr(from, end + 1 - from);
      from = end + 1;
    }
    EXPECT_TRUE(again == expected) << file;
  }
}

// Whoever reads stops in the middle; a damaged file gives what stands before the damage, in order, and an error.
TEST_F(LogImportTest, ConvertingEndsEarly) {
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += "line " + std::to_string(i) + "\n";
  const std::string packed = zstd(text);
  const LogConverter copy = [](unsigned, std::string_view line, std::string& out) { out += std::string(line) + "\n"; };
  std::string again;
  int writes = 0;
  const auto write = [&](std::string_view lines) {
    again += lines;
    return ++writes < 2;
  };
  EXPECT_TRUE(convert_log(write_file("all.zst", packed), 4, copy, write));
  EXPECT_EQ(writes, 2);
  EXPECT_TRUE(text.starts_with(again));
  EXPECT_LT(again.size(), text.size());
  again.clear();
  writes = -1000;
  const auto cut = convert_log(write_file("cut.zst", packed.substr(0, packed.size() - 9)), 4, copy, write);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, ErrorKind::invalid);
  EXPECT_GT(again.size(), 0U);
  EXPECT_TRUE(text.starts_with(again));
}

// A line that ends before, at and behind the end of a piece is counted once.
TEST_F(LogImportTest, LinesAtTheEndOfAPiece) {
  constexpr std::size_t kPiece = 256 << 10;
  const std::string line = "Nov 20 08:53:20 mx1 postfix/smtpd[911]: connect from a[192.0.2.1]\n";
  for (const int shift : {-2, -1, 0, 1, 2, static_cast<int>(line.size()), 5000}) {
    std::string text;
    while (text.size() + 2 * line.size() < kPiece) text += line;
    std::uint64_t lines = text.size() / line.size();
    // one line whose newline is the octet before `kPiece + shift`
    const std::size_t end = kPiece + static_cast<std::size_t>(shift + static_cast<int>(line.size()));
    std::string last = line;
    last.insert(last.size() - 1, end - text.size() - line.size(), 'x');
    text += last + line + line;
    lines += 3;
    const auto tally = count({write("log", text)}, 2);
    ASSERT_TRUE(tally);
    EXPECT_EQ(tally->lines.total, lines) << shift;
    EXPECT_EQ(tally->connections().total(), lines) << shift;
  }
}

TEST_F(LogImportTest, OverlongLines) {
  const std::string line = "Nov 20 08:53:20 mx1 postfix/smtpd[911]: connect from a[192.0.2.1]\n";
  for (const std::size_t length : {maillog::kLineMax + 1, std::size_t{300'000}, std::size_t{3'000'000}}) {
    const std::string text = line + std::string(length, 'x') + "\n" + line + std::string(length, 'y');
    for (const std::string& file : {write("log", text), write("log.gz", gzip::compress(text))}) {
      const auto tally = count({file}, 2);
      ASSERT_TRUE(tally);
      EXPECT_EQ(tally->connections().total(), 2U) << file << " " << length;
      EXPECT_GE(tally->lines.unknown, 1U) << file << " " << length;
      EXPECT_LE(tally->lines.total, 4U) << file << " " << length;
    }
  }
}

TEST_F(LogImportTest, NoNewlineAtTheEnd) {
  const std::string line = "Nov 20 08:53:20 mx1 postfix/smtpd[911]: connect from a[192.0.2.1]";
  for (const std::string& file : {write("log", line), write("log.zst", zstd(line)), write("two", line + "\n" + line)}) {
    const auto tally = count({file}, 2);
    ASSERT_TRUE(tally);
    EXPECT_EQ(tally->connections().total(), file.ends_with("two") ? 2U : 1U) << file;
  }
  const auto empty = count({write("empty", "")}, 2);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->lines.total, 0U);
}

TEST_F(LogImportTest, UnknownLinesInTheirOrder) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "unknown " + std::to_string(i) + "\n";
  const auto tally = count({write("log", text), write("log.gz", gzip::compress("later\n"))}, 4);
  ASSERT_TRUE(tally);
  ASSERT_EQ(tally->unknown.size(), maillog::kUnknownKept);
  for (std::size_t i = 0; i < tally->unknown.size(); ++i)
    ASSERT_EQ(tally->unknown[i].second, "unknown " + std::to_string(i));
  EXPECT_EQ(tally->lines.unknown, 40'001U);
}

TEST_F(LogImportTest, JournalExport) {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text +=
        "__REALTIME_TIMESTAMP=1795392000123456\nSYSLOG_IDENTIFIER=postfix/smtpd\n_HOSTNAME=mx\nMESSAGE=connect from "
        "a[2001:db8::1]\n\n";
  for (const std::string& file :
       {write("export", text), write("export.gz", gzip::compress(text)), write("export.zst", zstd(text))}) {
    const auto tally = count({file}, 2);
    ASSERT_TRUE(tally);
    EXPECT_EQ(tally->connections().v6, 20'000U) << file;
    EXPECT_EQ(tally->lines.total, 20'000U) << file;
  }
}

// What is damaged or missing takes nothing away from the rest.
TEST_F(LogImportTest, DamagedAmongOthers) {
  const std::string text = log_of(20'000);
  const std::string good = write("good", text);
  for (const std::string& packed : {gzip::compress(text), zstd(text)}) {
    std::string bad = packed;
    for (std::size_t i = 0; i < 64; ++i) bad[bad.size() / 2 + i] = '\0';
    const std::string flipped = write("flipped", bad), cut = write("cut", packed.substr(0, packed.size() / 2));
    for (const unsigned threads : {1U, 4U}) {
      const LogTally all = count_all({good, flipped, folder_.at("nowhere"), cut, good}, threads);
      ASSERT_EQ(all.unread.size(), 3U);
      EXPECT_EQ(all.unread[0].file, flipped);
      EXPECT_TRUE(all.unread[0].counted);
      EXPECT_EQ(all.unread[0].error.kind, ErrorKind::invalid);
      EXPECT_EQ(all.unread[1].file, folder_.at("nowhere"));
      EXPECT_FALSE(all.unread[1].counted);
      EXPECT_TRUE(all.unread[2].counted);
      // about half of each
      EXPECT_GT(all.tally.connections().total(), 40'000U + 15'000U) << threads;
      EXPECT_LT(all.tally.connections().total(), 40'000U + 25'000U) << threads;
    }
  }
  const auto unreadable =
      unreadable_logs({good, folder_.at("nowhere"), folder_.path(), "-", write("bz", "BZh91AYxxxx")});
  ASSERT_EQ(unreadable.size(), 3U);
  EXPECT_EQ(unreadable[0].error.kind, ErrorKind::not_found);
  EXPECT_EQ(unreadable[1].file, folder_.path());
}

TEST_F(LogImportTest, CutJournalExport) {
  const std::string entry =
      "__REALTIME_TIMESTAMP=1795392000123456\nSYSLOG_IDENTIFIER=postfix/smtpd\n_HOSTNAME=mx\nMESSAGE=connect from "
      "a[2001:db8::1]\n\n";
  const std::string no_time = "SYSLOG_IDENTIFIER=postfix/smtpd\nMESSAGE=connect from a[2001:db8::1]\n\n";
  const std::string text = entry + no_time + entry + std::string("__CURSOR=x\nMESSAGE\n\5\0\0\0\0\0\0\0two", 30);
  for (const std::string& file : {write("export", text), write("export.gz", gzip::compress(text))}) {
    const LogTally all = count_all({file}, 2);
    ASSERT_EQ(all.unread.size(), 1U) << file;
    EXPECT_NE(all.unread[0].error.what.find("within an entry"), std::string::npos);
    EXPECT_EQ(all.tally.connections().v6, 2U) << file;
    EXPECT_EQ(all.tally.lines.unknown, 2U) << file;
    EXPECT_EQ(all.tally.lines.total, 4U) << file;
  }
}

TEST_F(LogImportTest, Errors) {
  EXPECT_EQ(count({folder_.path() + "/nothing"}, 1).error().kind, ErrorKind::not_found);
  EXPECT_EQ(count({folder_.path()}, 1).error().kind, ErrorKind::invalid);
  for (const auto& [head, remedy] : {std::pair{"\xFD"
                                               "7zXZ",
                                               "xz -dc"},
                                     {"BZh91AY", "bzip2 -dc"},
                                     {"LPKSHHRH", "journalctl"}}) {
    const auto foreign = count({write("foreign", std::string(head) + std::string(100, 'x'))}, 1);
    ASSERT_FALSE(foreign);
    EXPECT_NE(foreign.error().what.find(remedy), std::string::npos) << foreign.error().what;
  }
  const std::string text = log_of(5000);
  std::string damaged = gzip::compress(text);
  EXPECT_EQ(count({write("cut.gz", damaged.substr(0, damaged.size() / 2))}, 2).error().kind, ErrorKind::invalid);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_EQ(count({write("damaged.gz", damaged)}, 2).error().kind, ErrorKind::invalid);
  const std::string packed = zstd(text);
  EXPECT_EQ(count({write("cut.zst", packed.substr(0, packed.size() / 2))}, 2).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace postern::insight
