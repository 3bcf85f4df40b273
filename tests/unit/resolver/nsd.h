// Zones served by a real nsd on loopback, signed with ldns-signzone. Everything lives in one temporary folder; nsd runs
// in the foreground as our child and is ended by its process id.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "dns/wire.h"
#include "ip/address.h"

extern char** environ;

namespace postern::resolver::test {

namespace fs = std::filesystem;

inline pid_t spawn(const std::vector<std::string>& words, const fs::path& output) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  if (posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

inline bool run_program(const std::vector<std::string>& words, const fs::path& output) {
  int status = -1;
  const pid_t pid = spawn(words, output);
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline std::string content(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Nsd {
 public:
  static constexpr const char* kNsd = "/usr/sbin/nsd";
  static constexpr const char* kSign = "/usr/bin/ldns-signzone";
  static constexpr const char* kKeygen = "/usr/bin/ldns-keygen";
  static bool installed() { return fs::exists(kNsd) && fs::exists(kSign) && fs::exists(kKeygen); }

  Nsd() {
    std::string pattern = ::testing::TempDir() + "postern_nsd_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~Nsd() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  Nsd(const Nsd&) = delete;
  Nsd& operator=(const Nsd&) = delete;

  // `records` below a SOA and an NS, with names relative to the zone.
  void add(const std::string& zone, const std::string& records) {
    std::ofstream(file(zone)) << "$ORIGIN " << zone
                              << ".\n$TTL 300\n@ SOA ns.nsd.test. h.nsd.test. 1 3600 900 86400 120\n"
                              << "@ NS ns.nsd.test.\n"
                              << records << "\n";
    zones_[zone] = file(zone);
  }
  // Signs it; returns the trust anchor, a DNSKEY record. Further options of ldns-signzone may follow.
  std::string sign(const std::string& zone, const std::vector<std::string>& options = {}) {
    const fs::path keys = dir_ / (zone + ".keyname");
    const auto here = fs::current_path();
    fs::current_path(dir_);  // ldns-keygen writes where it stands
    EXPECT_TRUE(run_program({kKeygen, "-k", "-a", "ECDSAP256SHA256", zone}, keys)) << content(keys);
    fs::current_path(here);
    std::string base = content(keys);
    base.erase(base.find_last_not_of('\n') + 1);
    const fs::path key = dir_ / base;
    std::vector<std::string> words{kSign, "-f", file(zone) + ".signed"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {file(zone), key.string()});
    EXPECT_TRUE(run_program(words, dir_ / "sign.log")) << content(dir_ / "sign.log");
    zones_[zone] = file(zone) + ".signed";
    const std::string anchor = content(key.string() + ".key");
    return anchor.substr(0, anchor.find_first_of(";\n"));
  }
  // In the file as it will be served.
  void edit(const std::string& zone, const std::string& from, const std::string& to) {
    std::string text = content(zones_[zone]);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    std::ofstream(zones_[zone]) << text;
  }

  void start() {
    port_ = free_port();
    std::ofstream conf(dir_ / "nsd.conf");
    conf << "server:\n  ip-address: 127.0.0.1\n  port: " << port_
         << "\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n"
         << "  zonesdir: \"" << dir_.string() << "\"\n  database: \"\"\n  pidfile: \"" << (dir_ / "pid").string()
         << "\"\n  xfrdfile: \"" << (dir_ / "xfrd").string() << "\"\n  zonelistfile: \"" << (dir_ / "list").string()
         << "\"\n  xfrdir: \"" << dir_.string() << "\"\n  logfile: \"" << (dir_ / "log").string()
         << "\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n";
    for (const auto& [zone, path] : zones_) conf << "zone:\n  name: " << zone << "\n  zonefile: \"" << path << "\"\n";
    conf.close();
    pid_ = spawn({kNsd, "-d", "-c", (dir_ / "nsd.conf").string()}, dir_ / "out");
    ASSERT_GT(pid_, 0);
    for (int i = 0; i < 1000 && !answers(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(answers()) << content(dir_ / "log") << content(dir_ / "out");
  }
  [[nodiscard]] ip::Endpoint endpoint() const { return {ip::Address::loopback(ip::Family::v4), port_}; }

 private:
  [[nodiscard]] std::string file(const std::string& zone) const { return (dir_ / (zone + ".zone")).string(); }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  // Free for TCP; for UDP most likely, too.
  static std::uint16_t free_port() {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }
  [[nodiscard]] bool answers() const {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port_);
    const timeval wait{0, 50'000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    const std::string query = dns::query_packet(1, *dns::Name::parse(zones_.begin()->first), dns::Type::ns);
    char buffer[512];
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::send(fd.get(), query.data(), query.size(), 0) > 0 && ::recv(fd.get(), buffer, sizeof buffer, 0) > 0;
  }

  fs::path dir_;
  std::map<std::string, std::string> zones_;  // and the file that is served
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace postern::resolver::test
