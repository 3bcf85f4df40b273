// [web] and [mta_sts].
#include <gtest/gtest.h>

#include "config/config.h"
#include "web/password.h"

namespace postern::config {
namespace {

constexpr const char* kBase = R"(hostname = "mx.example.org"
data_dir = "var"
[[listen]]
address = ["[::1]:25"]
[[domain]]
name = "Example.org"
mailboxes = ["alice"]
[[domain]]
name = "bücher.example"
mailboxes = ["bob"]
)";

Loaded with(const std::string& lines) { return parse(kBase + lines, "/etc/postern/postern.toml"); }

void expect_problem(const std::string& lines, std::string_view word) {
  const Loaded loaded = with(lines);
  ASSERT_EQ(loaded.problems.size(), 1U) << lines;
  EXPECT_NE(loaded.problems.front().text().find(word), std::string::npos) << loaded.problems.front().text();
}

TEST(WebKeys, WithoutASectionThereAreNoPages) {
  const Loaded loaded = with("");
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_TRUE(loaded.config->web.listen.empty());
  EXPECT_TRUE(loaded.config->web.sts.empty());
  EXPECT_FALSE(loaded.config->web.authenticates());
}

TEST(WebKeys, LoopbackNeedsNothingMore) {
  const Loaded loaded =
      with("[web]\nlisten = [\"[::1]:8025\", \"127.0.0.1:8025\"]\ncheck = true\nwhy = false\nburst = 20\n");
  ASSERT_NE(loaded.config, nullptr);
  const web::Options& web = loaded.config->web;
  EXPECT_EQ(web.listen.size(), 2U);
  EXPECT_TRUE(web.check);
  EXPECT_FALSE(web.why);
  EXPECT_EQ(web.burst, 20U);
  EXPECT_EQ(web.hostname, "mx.example.org");
  EXPECT_EQ(web.postmaster, "postmaster@example.org");
  EXPECT_EQ(web.records, "/etc/postern/var/records");
  EXPECT_EQ(web.control_socket, "/etc/postern/var/control.sock");
}

TEST(WebKeys, BeyondLoopbackThereIsTls) {
  expect_problem("[web]\nlisten = [\"[::]:443\"]\n", "certificates");
  const Loaded loaded = with("[web]\nlisten = [\"[::]:443\"]\ncertificates = [\"web.pem\"]\n");
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->web.tls.certificates.front().key, "/etc/postern/web.pem");
  EXPECT_EQ(loaded.config->web.tls.alpn, std::vector<std::string>{"http/1.1"});
  EXPECT_TRUE(loaded.config->tls.certificates.empty());
}

TEST(WebKeys, NoPasswordInClear) {
  const std::string verifier = web::password_verifier("correct horse", 10'000);
  expect_problem("[web]\nuser = \"op\"\npassword = \"correct horse\"\n", "postern web password");
  expect_problem("[web]\ntoken = \"abc\"\n", "postern web password --token");
  expect_problem("[web]\nuser = \"op\"\n", "password");
  expect_problem("[web]\npassword = \"" + verifier + "\"\n", "user");
  expect_problem("[web]\nuser = \"a:b\"\npassword = \"" + verifier + "\"\n", "user name");
  expect_problem("[web]\nlisten = [\"[::1]:8025\", \"[::1]:8025\"]\n", "twice");
  const Loaded loaded = with("[web]\nuser = \"op\"\npassword = \"" + verifier + "\"\n");
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_TRUE(loaded.config->web.authenticates());
}

TEST(WebKeys, APolicyForEachDomain) {
  const Loaded loaded = with("[mta_sts]\nmode = \"enforce\"\nmax_age = \"30d\"\n");
  ASSERT_NE(loaded.config, nullptr);
  const auto& sts = loaded.config->web.sts;
  ASSERT_EQ(sts.size(), 2U);
  EXPECT_EQ(sts[0].domain, "example.org");
  EXPECT_EQ(sts[1].domain, "xn--bcher-kva.example");
  EXPECT_EQ(sts[0].policy.mode, mtasts::Mode::enforce);
  EXPECT_EQ(sts[0].policy.max_age, 30 * 86'400);
  EXPECT_EQ(sts[0].policy.mx, std::vector<std::string>{"mx.example.org"});
  const Loaded hosts = with("[mta_sts]\nmode = \"testing\"\nmx = [\"*.Example.net\", \"mx2.example.org\"]\n");
  ASSERT_NE(hosts.config, nullptr);
  EXPECT_EQ(hosts.config->web.sts[0].policy.mx, (std::vector<std::string>{"*.example.net", "mx2.example.org"}));
  expect_problem("[mta_sts]\nmode = \"strict\"\n", "enforce");
  expect_problem("[mta_sts]\nmode = \"enforce\"\nmx = [\"not a host\"]\n", "host name");
}

}  // namespace
}  // namespace postern::config
