// What the pages may read, by a child that enters the sandbox and tries.
#include "cli/web_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/unique_fd.h"
#include "unit/temporary_folder.h"
#include "web/sandbox.h"

namespace postern::cli {
namespace {

config::Config config_in(const testing::TemporaryFolder& folder) {
  config::Config config;
  config.file = folder.at("postern.toml");
  config.data_dir = folder.at("var");
  config.records.directory = folder.at("var/records");
  return config;
}

bool opens(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd.valid();
}

// The data beside the configuration, as in a folder that somebody tries Postern in.
TEST(WebFiles, NothingBesideThemIsRead) {
  if (web::landlock_version() < 1) GTEST_SKIP() << "this kernel has no Landlock";
  const testing::TemporaryFolder folder;
  const config::Config config = config_in(folder);
  folder.write("postern.toml", "");
  folder.write("dkim.key", "secret");
  for (const char* secret : {"check.secret", "spool/journal.1", "tls/self.key", "srs.secret"})
    folder.write("var/" + std::string(secret), "secret");
  make_web_files(config);
  const pid_t child = ::fork();
  if (child == 0) {
    int wrong = 0;
    if (!web::enter_sandbox(web_readable_files(config))) ::_exit(100);
    // Made after it was entered, too
    for (const char* readable : {"postern.toml", "var/marks.jsonl", "var/records", "var/aggregates"})
      if (!opens(folder.at(readable))) wrong += 1;
    for (const char* secret :
         {"dkim.key", "var", "var/check.secret", "var/spool/journal.1", "var/tls/self.key", "var/srs.secret", ""})
      if (opens(folder.at(secret))) wrong += 10;
    ::_exit(wrong);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "ones: not read and should be; tens: read and should not be";
}

TEST(WebFiles, WhatIsMadeByRootBelongsToTheMailServer) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can be another user";
  const testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder.at("var"));
  ASSERT_EQ(::chown(folder.at("var").c_str(), 1234, 2345), 0);
  folder.write("var/marks.jsonl", "{}\n");
  make_web_files(config_in(folder));
  for (const char* made : {"records", "aggregates"}) {
    struct stat status{};
    ASSERT_EQ(::stat(folder.at("var/" + std::string(made)).c_str(), &status), 0) << made;
    EXPECT_EQ(status.st_uid, 1234U) << made;
    EXPECT_EQ(status.st_gid, 2345U) << made;
    EXPECT_EQ(status.st_mode & 07777U, 0700U) << made;
  }
  struct stat status{};
  ASSERT_EQ(::stat(folder.at("var/marks.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U) << "what was there is left as it was";
  EXPECT_EQ(folder.read("var/marks.jsonl"), "{}\n");
  std::filesystem::remove(folder.at("var/marks.jsonl"));
  make_web_files(config_in(folder));
  ASSERT_EQ(::stat(folder.at("var/marks.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234U);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

}  // namespace
}  // namespace postern::cli
