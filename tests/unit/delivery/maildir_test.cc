#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "delivery/attempt.h"
#include "unit/delivery/support.h"

namespace postern::delivery {
namespace {

namespace fs = std::filesystem;
using test::files_in;

struct MaildirTest : ::testing::Test {
  test::TempDir dir;
  io::Loop loop;
  io::BlockingPool pool{2};
  LocalOptions options;
  MaildirTest() {
    options.base_directory = dir.path().string();
    options.hostname = "mx.example.org";
  }
  Results deliver(const spool::Envelope& envelope, const std::string& text,
                  const std::string& form = "mail/{domain}/{user}", std::size_t step = 64 * 1024,
                  std::optional<std::uint64_t> broken_at = {}) {
    test::TextBody body(text);
    body.step = step;
    body.broken_at = broken_at;
    Attempt attempt;
    attempt.envelope = &envelope;
    for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) attempt.recipients.push_back(i);
    attempt.body = &body;
    return test::run(loop, deliver_maildir(pool, options, form, attempt));
  }
  [[nodiscard]] fs::path box(const std::string& user) const { return dir.path() / "mail" / "example.org" / user; }
};

mode_t mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST_F(MaildirTest, ContentsAndModes) {
  const std::string text = "Received: x\r\nReturn-Path: <forged@example.com>\r\nSubject: y\r\n\r\n.body\r\nline\r\n";
  for (std::size_t step = 1; step <= 7; ++step) {
    const Results results = deliver(test::envelope_to({"alice@example.org"}), text, "mail/{domain}/{user}", step);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].code, 250) << results[0].line();
  }
  const auto files = files_in(box("alice") / "new");
  ASSERT_EQ(files.size(), 7U);
  for (const fs::path& file : files) {
    EXPECT_EQ(
        test::read_file(file),
        "Return-Path: <sender@example.net>\nDelivered-To: alice@example.org\nReceived: x\nSubject: y\n\n.body\nline\n");
    EXPECT_EQ(mode_of(file), 0600U);
  }
  EXPECT_TRUE(files_in(box("alice") / "tmp").empty());
  for (const char* folder : {"", "new", "cur", "tmp"}) EXPECT_EQ(mode_of(box("alice") / folder), 0700U);
  EXPECT_EQ(mode_of(dir.path() / "mail"), 0700U);
}

Task<void> deliver_many(MaildirTest& test, std::vector<spool::Envelope>& envelopes, spool::Body& body,
                        std::vector<Results>& results) {
  io::Scope scope(test.loop);
  struct One {
    static Task<void> run(MaildirTest& test, const spool::Envelope& envelope, spool::Body& body, Results& results) {
      const Attempt attempt{&envelope, {0}, &body};
      results = co_await deliver_maildir(test.pool, test.options, "fixed/deep/{domain}/{user}", attempt);
    }
  };
  for (std::size_t i = 0; i < envelopes.size(); ++i) scope.spawn(One::run(test, envelopes[i], body, results[i]));
  co_await scope.join();
}

// The first messages of new mailboxes, several at once: they make the same folders.
TEST_F(MaildirTest, DeliveriesMakeFoldersSideBySide) {
  std::vector<spool::Envelope> envelopes;
  for (int i = 0; i < 64; ++i) {
    envelopes.push_back(test::envelope_to({"u" + std::to_string(i / 8) + "@d" + std::to_string(i / 32) + ".example"}));
  }
  std::vector<Results> results(envelopes.size());
  test::TextBody body("A: b\r\n\r\nx\r\n");
  test::run(loop, deliver_many(*this, envelopes, body, results));
  for (const Results& one : results) {
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].code, 250) << one[0].line();
  }
  for (int i = 0; i < 8; ++i) {
    const fs::path user =
        dir.path() / "fixed" / "deep" / ("d" + std::to_string(i / 4) + ".example") / ("u" + std::to_string(i));
    EXPECT_EQ(files_in(user / "new").size(), 8U) << user;
    EXPECT_TRUE(files_in(user / "tmp").empty()) << user;
    EXPECT_EQ(mode_of(user / "cur"), 0700U);
  }
}

TEST_F(MaildirTest, NullPathAndUniqueNames) {
  spool::Envelope envelope = test::envelope_to(std::vector<std::string>(50, "bob@example.org"));
  envelope.reverse_path.clear();
  const Results results = deliver(envelope, "A: b\r\n\r\nx\r\n");
  EXPECT_EQ(results.size(), 50U);
  const auto files = files_in(box("bob") / "new");
  EXPECT_EQ(files.size(), 50U);
  for (const fs::path& file : files) {
    EXPECT_TRUE(test::read_file(file).starts_with("Return-Path: <>\n"));
    EXPECT_TRUE(file.filename().string().ends_with(".mx.example.org"));
  }
}

TEST_F(MaildirTest, HostileNamesStayInside) {
  const Results results = deliver(test::envelope_to({"\"../../../../escape\"@example.org", "\"a/b\"@example.org",
                                                     "\".\"@example.org", "\"..\"@example.org"}),
                                  "A: b\r\n\r\nx\r\n");
  for (const smtp::Reply& reply : results) EXPECT_EQ(reply.code, 250) << reply.line();
  std::set<std::string> names;
  for (const fs::path& path : files_in(dir.path() / "mail" / "example.org")) names.insert(path.filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"%2E", "%2E.", "%2E.%2F..%2F..%2F..%2Fescape", "a%2Fb"}));
  EXPECT_EQ(files_in(dir.path()).size(), 1U);
}

TEST_F(MaildirTest, SymbolicLinksAreRefused) {
  const fs::path elsewhere = dir.path() / "elsewhere";
  fs::create_directories(elsewhere / "new");
  fs::create_directories(box("x").parent_path());
  fs::create_directory_symlink(elsewhere, box("link"));
  fs::create_directories(box("inner"));
  fs::create_directory_symlink(elsewhere / "new", box("inner") / "new");
  const Results results = deliver(test::envelope_to({"link@example.org", "inner@example.org"}), "A: b\r\n\r\nx\r\n");
  for (const smtp::Reply& reply : results) {
    EXPECT_EQ(reply.code, 451);
    EXPECT_NE(reply.text.find("symbolic link"), std::string::npos) << reply.text;
  }
  EXPECT_TRUE(files_in(elsewhere / "new").empty());
  // the operator's own part may be a link
  fs::create_directory_symlink(elsewhere, dir.path() / "mine");
  EXPECT_EQ(deliver(test::envelope_to({"a@example.org"}), "A: b\r\n\r\n", "mine/{user}")[0].code, 250);
  EXPECT_EQ(files_in(elsewhere / "a" / "new").size(), 1U);
}

TEST_F(MaildirTest, AFileWhereAFolderBelongs) {
  fs::create_directories(box("x").parent_path());
  std::ofstream(box("carol")) << "a file";
  const Results results = deliver(test::envelope_to({"carol@example.org", "dave@example.org"}), "A: b\r\n\r\n");
  EXPECT_EQ(results[0].code, 451);
  EXPECT_NE(results[0].text.find("carol"), std::string::npos);
  EXPECT_EQ(results[1].code, 250);  // one recipient's trouble is not another's
}

TEST_F(MaildirTest, NoRightToWrite) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere: run as another user to test EACCES";
  fs::create_directories(box("erin"));
  fs::permissions(box("erin"), fs::perms::owner_read | fs::perms::owner_exec);
  const Results results = deliver(test::envelope_to({"erin@example.org"}), "A: b\r\n\r\n");
  EXPECT_EQ(results[0].code, 451);
  EXPECT_NE(results[0].text.find("right to write"), std::string::npos) << results[0].text;
}

TEST_F(MaildirTest, AFullDiskIsTemporaryAndLeavesNothing) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Results results =
      deliver(test::envelope_to({"alice@example.org"}), "A: b\r\n\r\n" + std::string(5000, 'x') + "\r\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(results[0].code, 452);
  EXPECT_EQ(results[0].enhanced, (smtp::EnhancedCode{4, 3, 1}));
  EXPECT_TRUE(files_in(box("alice") / "new").empty());
  EXPECT_TRUE(files_in(box("alice") / "tmp").empty());
}

TEST_F(MaildirTest, ABrokenBodyIsNeverHalfDelivered) {
  const Results results = deliver(test::envelope_to({"alice@example.org"}), "A: b\r\n\r\n" + std::string(5000, 'x'),
                                  "mail/{domain}/{user}", 1000, 3000);
  EXPECT_EQ(results[0].code, 451);
  EXPECT_TRUE(files_in(box("alice") / "new").empty());
  EXPECT_TRUE(files_in(box("alice") / "tmp").empty());
}

TEST_F(MaildirTest, AnEnvelopeWithLineEndsCannotAddFields) {
  spool::Envelope envelope = test::envelope_to({"alice@example.org"});
  envelope.reverse_path = "a@b\nX-Injected: 1";
  ASSERT_EQ(deliver(envelope, "A: b\r\n\r\n")[0].code, 250);
  const std::string text = test::read_file(files_in(box("alice") / "new").at(0));
  EXPECT_TRUE(text.starts_with("Return-Path: <a@b?X-Injected: 1>\nDelivered-To: ")) << text;
}

}  // namespace
}  // namespace postern::delivery
