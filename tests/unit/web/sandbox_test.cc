// The sandbox by what it refuses: a child enters it and tries, the parent reads what came of it.
#include "web/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <map>

#include "base/text.h"
#include "base/unique_fd.h"
#include "unit/temporary_folder.h"

namespace postern::web {
namespace {

// 0, or errno.
int result_of(long done) { return done < 0 ? errno : 0; }

int open_for(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return result_of(fd.get());
}

int bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  return result_of(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int bind_tcp() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  return result_of(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int connect_to(const sockaddr* address, socklen_t size) {
  const UniqueFd fd(::socket(address->sa_family, SOCK_STREAM, 0));
  return result_of(::connect(fd.get(), address, size));
}

using Attempts = std::map<std::string, std::function<int()>>;

// What the attempts give in a child that was let into the sandbox with these files.
std::map<std::string, int> within(const std::vector<std::string>& readable, const Attempts& attempts) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string told;
    const auto entered = enter_sandbox(readable);
    if (entered && *entered == Sandboxed::yes)
      for (const auto& [name, attempt] : attempts) told += name + "=" + std::to_string(attempt()) + "\n";
    [[maybe_unused]] const auto written = ::write(out.get(), told.data(), told.size());
    ::_exit(0);
  }
  out = UniqueFd();
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t n = 0; (n = ::read(in.get(), block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(n));
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  std::map<std::string, int> results;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      results[std::string(line.substr(0, equals))] =
          static_cast<int>(parse_unsigned(line.substr(equals + 1)).value_or(0));
  }
  EXPECT_EQ(results.size(), attempts.size()) << "the child did not get into the sandbox";
  return results;
}

#define SKIP_BEFORE(version)          \
  if (landlock_version() < (version)) \
  GTEST_SKIP() << "this kernel has Landlock " << landlock_version() << ", not " << (version)

TEST(Sandbox, OpensWhatItWasGivenAndNothingElse) {
  SKIP_BEFORE(1);
  const testing::TemporaryFolder folder;
  const std::string records = folder.write("records/current.jsonl", "{}\n");
  const std::string marks = folder.write("marks.jsonl", "{}\n");
  const std::string key = folder.write("tls/self.key", "secret");
  const std::string program = folder.write("records/program", "#!/bin/sh\n");
  ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
  ASSERT_EQ(::symlink(key.c_str(), folder.at("records/link").c_str()), 0);
  const auto results =
      within({folder.at("records"), marks, folder.at("is not there")},
             {{"given folder", [&] { return open_for(records, O_RDONLY); }},
              {"given file", [&] { return open_for(marks, O_RDONLY); }},
              {"listing", [&] { return open_for(folder.at("records"), O_RDONLY | O_DIRECTORY); }},
              {"other file", [&] { return open_for(key, O_RDONLY); }},
              {"through a link", [&] { return open_for(folder.at("records/link"), O_RDONLY); }},
              {"other listing", [&] { return open_for(folder.at("tls"), O_RDONLY | O_DIRECTORY); }},
              {"passwords", [] { return open_for("/etc/passwd", O_RDONLY); }},
              {"writing", [&] { return open_for(records, O_WRONLY); }},
              {"appending", [&] { return open_for(marks, O_WRONLY | O_APPEND); }},
              {"making", [&] { return open_for(folder.at("records/new"), O_WRONLY | O_CREAT); }},
              {"removing", [&] { return result_of(::unlink(records.c_str())); }},
              {"renaming", [&] { return result_of(::rename(records.c_str(), folder.at("records/b").c_str())); }},
              {"folder", [&] { return result_of(::mkdir(folder.at("records/d").c_str(), 0700)); }},
              {"executing", [&] { return result_of(::execl(program.c_str(), program.c_str(), nullptr)); }},
              {"unix socket", [&] { return bind_unix(folder.at("records/s")); }}});
  for (const auto& [name, error] : results)
    EXPECT_EQ(error, name == "given folder" || name == "given file" || name == "listing" ? 0 : EACCES) << name;
  EXPECT_EQ(folder.read("records/current.jsonl"), "{}\n");
  EXPECT_EQ(folder.read("marks.jsonl"), "{}\n");
}

TEST(Sandbox, ShortensNoFile) {
  SKIP_BEFORE(3);
  const testing::TemporaryFolder folder;
  const std::string records = folder.write("records/current.jsonl", "{}\n");
  const auto results =
      within({folder.at("records")}, {{"truncating", [&] { return result_of(::truncate(records.c_str(), 0)); }}});
  EXPECT_EQ(results, (std::map<std::string, int>{{"truncating", EACCES}}));
  EXPECT_EQ(folder.read("records/current.jsonl"), "{}\n");
}

TEST(Sandbox, ConnectsAndDoesNotListen) {
  SKIP_BEFORE(4);
  const testing::TemporaryFolder folder;
  // A control socket and a server, which are to be reached
  sockaddr_un control{};
  control.sun_family = AF_UNIX;
  folder.at("control.sock").copy(control.sun_path, sizeof control.sun_path - 1);
  const UniqueFd control_socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(control_socket.get(), reinterpret_cast<const sockaddr*>(&control), sizeof control), 0);
  ASSERT_EQ(::listen(control_socket.get(), 5), 0);
  const UniqueFd server(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(server.get(), 5), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto results =
      within({}, {{"control", [&] { return connect_to(reinterpret_cast<const sockaddr*>(&control), sizeof control); }},
                  {"server", [&] { return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address); }},
                  {"listening", bind_tcp}});
  EXPECT_EQ(results, (std::map<std::string, int>{{"control", 0}, {"server", 0}, {"listening", EACCES}}));
}

TEST(Sandbox, SignalsNobodyElse) {
  SKIP_BEFORE(6);
  const pid_t parent = ::getpid();
  const auto results = within({}, {{"signal", [parent] { return result_of(::kill(parent, 0)); }}});
  EXPECT_EQ(results, (std::map<std::string, int>{{"signal", EPERM}}));
}

TEST(Sandbox, GivesUpCapabilities) {
  const auto capabilities = [] {
    std::string text(65536, '\0');
    const UniqueFd fd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(fd.get(), text.data(), text.size()), 0)));
    return text.find("CapEff:\t0000000000000000\n") != std::string::npos &&
                   text.find("NoNewPrivs:\t1\n") != std::string::npos
               ? 0
               : 1;
  };
  SKIP_BEFORE(1);
  EXPECT_EQ(within({"/proc"}, {{"none", capabilities}}), (std::map<std::string, int>{{"none", 0}}));
}

}  // namespace
}  // namespace postern::web
