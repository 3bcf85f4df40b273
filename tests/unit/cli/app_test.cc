// What scripts rely on: exit codes of good and bad usage, and that nothing is run for bad usage.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace postern::cli {
namespace {

struct Ran {
  int code = -1;
  std::string out, err;
};

Ran run_with(const std::vector<std::string>& arguments) {
  std::vector<std::string> storage{"postern"};
  storage.insert(storage.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : storage) argv.push_back(argument.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Ran ran;
  ran.code = run(static_cast<int>(argv.size()), argv.data());
  ran.out = ::testing::internal::GetCapturedStdout();
  ran.err = ::testing::internal::GetCapturedStderr();
  return ran;
}

TEST(App, HelpAndVersionSucceed) {
  const Ran help = run_with({"--help"});
  EXPECT_EQ(help.code, kOk);
  for (const char* command :
       {"serve", "config", "queue", "allow", "deny", "send", "spf", "dkim", "dmarc", "arc", "auth", "keygen"}) {
    EXPECT_NE(help.out.find(command), std::string::npos) << command;
    const Ran own = run_with({command, "--help"});
    EXPECT_EQ(own.code, kOk) << command;
    EXPECT_NE(own.out.find("Example"), std::string::npos) << command << "\n" << own.out;
  }
  const Ran version = run_with({"--version"});
  EXPECT_EQ(version.code, kOk);
  EXPECT_TRUE(version.out.starts_with("postern ")) << version.out;
}

TEST(App, BadUsageIsTwo) {
  EXPECT_EQ(run_with({}).code, kUsage);
  EXPECT_EQ(run_with({"fly"}).code, kUsage);
  EXPECT_EQ(run_with({"serve", "--cofnig", "x"}).code, kUsage);
  EXPECT_EQ(run_with({"queue"}).code, kUsage);
  EXPECT_EQ(run_with({"queue", "list", "extra"}).code, kUsage);
  EXPECT_EQ(run_with({"queue", "list", "--max", "many"}).code, kUsage);
  EXPECT_EQ(run_with({"config"}).code, kUsage);
  EXPECT_EQ(run_with({"send", "--to", "a@example.org"}).code, kUsage);
  EXPECT_EQ(run_with({"send", "--server", "[::1]:9", "--to", "a@example.org", "--timeout", "soon"}).code, kUsage);
  EXPECT_EQ(run_with({"send", "--server", "[::1]:9", "--to", "a@example.org", "-4", "-6"}).code, kUsage);
}

TEST(App, TheToolsOfMailAuthenticationSayWhatIsMissing) {
  for (const char* command : {"spf", "dkim", "dmarc", "arc", "auth"}) {
    const Ran ran = run_with({command});
    EXPECT_EQ(ran.code, kUsage) << command;
    EXPECT_NE(ran.err.find("--batch"), std::string::npos) << ran.err;
    EXPECT_EQ(run_with({command, "--now", "soon"}).code, kUsage);
    EXPECT_EQ(run_with({command, "--zone", "a", "--dns", "b"}).code, kUsage);
  }
  EXPECT_EQ(run_with({"keygen"}).code, kUsage);
  EXPECT_EQ(run_with({"dkim", "verify", "a", "sign", "b"}).code, kUsage);
  EXPECT_EQ(run_with({"dkim", "verify", "/nonexistent", "--zone", "/nonexistent"}).code, kUsage);
}

TEST(App, QueueVerbsCheckTheirArgumentsBeforeTheyTouchAnything) {
  for (const char* verb : {"retry", "hold", "release", "drop"}) {
    const Ran nothing = run_with({"queue", verb, "--config", "/nonexistent"});
    EXPECT_EQ(nothing.code, kUsage) << verb;
    EXPECT_NE(nothing.err.find("--all"), std::string::npos) << nothing.err;
    const Ran both = run_with({"queue", verb, "0000000000000000", "--all", "--config", "/nonexistent"});
    EXPECT_EQ(both.code, kUsage) << verb;
  }
  EXPECT_EQ(run_with({"queue", "show", "--config", "/nonexistent"}).code, kUsage);
  EXPECT_EQ(run_with({"queue", "show", "--all"}).code, kUsage);
  const Ran bad = run_with({"queue", "show", "nonsense", "--config", "/nonexistent"});
  EXPECT_EQ(bad.code, kUsage);
  EXPECT_NE(bad.err.find("\"nonsense\" is not an id"), std::string::npos) << bad.err;
}

TEST(App, AllowAndDenyCheckTheirArgumentsBeforeTheyTouchAnything) {
  const auto bad = [](const std::vector<std::string>& arguments) {
    for (const char* word : {"allow", "deny"}) {
      std::vector<std::string> all{word, "--config", "/nonexistent"};
      all.insert(all.end(), arguments.begin(), arguments.end());
      const Ran ran = run_with(all);
      EXPECT_EQ(ran.code, kUsage) << ran.err;
      EXPECT_FALSE(ran.err.empty());
    }
  };
  bad({});
  bad({"a b"});
  bad({"192.0.2.1/24"});
  bad({"example.org", "--for", "soon"});
  bad({"example.org", "--for", "0s"});
  bad({"example.org", "--for", "20000d"});
  bad({"example.org", "--list"});
  bad({"--list", "--remove"});
  bad({"--remove"});
  bad({"example.org", "--remove", "--note", "x"});
  const Ran missing = run_with({"deny", "example.org", "--config", "/nonexistent"});
  EXPECT_EQ(missing.code, kNegative);
  EXPECT_EQ(missing.err, "postern: /nonexistent: cannot be opened: No such file or directory\n");
}

TEST(App, AnUnknownCommandIsNamed) {
  const Ran ran = run_with({"stat", "--json"});
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_EQ(ran.err, "postern: there is no command \"stat\"; `postern --help` lists them\n");
}

TEST(App, AMissingFileIsAFailureAndNotBadUsage) {
  const Ran queue = run_with({"queue", "list", "--config", "/nonexistent/postern.toml"});
  EXPECT_EQ(queue.code, kNegative);
  EXPECT_EQ(queue.err, "postern: /nonexistent/postern.toml: cannot be opened: No such file or directory\n");
  const Ran check = run_with({"config", "check", "/nonexistent/postern.toml"});
  EXPECT_EQ(check.code, kNegative);
  EXPECT_EQ(check.out, "/nonexistent/postern.toml: cannot be opened: No such file or directory\n");
  const Ran as_json = run_with({"config", "check", "--json", "--config", "/nonexistent/postern.toml"});
  EXPECT_EQ(as_json.code, kNegative);
  EXPECT_EQ(as_json.out,
            "{\"ok\":false,\"problems\":[{\"file\":\"/nonexistent/postern.toml\",\"line\":0,\"column\":0,\"key\":\"\","
            "\"problem\":\"cannot be opened: No such file or directory\"}],\"warnings\":[]}\n");
}

TEST(App, TheReferenceIsPrinted) {
  const Ran ran = run_with({"config", "reference"});
  EXPECT_EQ(ran.code, kOk);
  EXPECT_TRUE(ran.out.starts_with("# Configuration\n")) << ran.out.substr(0, 80);
}

// In a process of its own, whose standard output is that file.
int run_into(const char* file, std::vector<std::string> arguments) {
  if (std::freopen(file, "w", stdout) == nullptr) return 99;
  arguments.insert(arguments.begin(), "postern");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return run(static_cast<int>(argv.size()), argv.data());
}

TEST(AppDeathTest, WhatCannotBeWrittenIsAFailure) {
  for (const auto& words : {std::vector<std::string>{"config", "reference"}, {"metrics", "--reference"}, {"--help"}}) {
    EXPECT_EXIT(_exit(run_into("/dev/full", words)), ::testing::ExitedWithCode(kNegative),
                "writing standard output: No space left on device; what was written there is not whole")
        << words.front();
    EXPECT_EXIT(_exit(run_into("/dev/null", words)), ::testing::ExitedWithCode(kOk), "^$") << words.front();
  }
  EXPECT_EXIT(_exit(run_into("/dev/full", {"fly"})), ::testing::ExitedWithCode(kUsage), "there is no command .fly.")
      << "nothing was written";
}

TEST(AppDeathTest, AReaderWhoIsGoneHearsNothing) {
  const auto into_a_closed_pipe = [] {
    std::array<int, 2> ends{};
    std::signal(SIGPIPE, SIG_IGN);
    if (::pipe(ends.data()) != 0 || ::dup2(ends[1], STDOUT_FILENO) < 0) _exit(99);
    ::close(ends[0]);
    ::close(ends[1]);
    std::vector<std::string> words{"postern", "config", "reference"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    _exit(run(static_cast<int>(argv.size()), argv.data()));
  };
  EXPECT_EXIT(into_a_closed_pipe(), ::testing::ExitedWithCode(kOk), "^$");
}

}  // namespace
}  // namespace postern::cli
