// [defence], traps and retired mailboxes, sinkholes, and the public URL.
#include <gtest/gtest.h>

#include "config/config.h"
#include "unit/config/lines.h"
#include "unit/temporary_folder.h"

namespace postern::config {
namespace {

using postern::testing::TemporaryFolder;
using testing::Case;
using testing::expect_each;
using testing::good;
using testing::kBase;

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

TEST(DefenceConfig, Defaults) {
  const inbound::DefenceOptions defence = good("")->inbound.defence;
  EXPECT_EQ(defence.greeting_delay_ms, 0);
  EXPECT_EQ(defence.lookup_timeout_ms, 5000);
  EXPECT_EQ(defence.country_files, (std::vector<std::string>{"/usr/share/tor/geoip", "/usr/share/tor/geoip6"}));
  EXPECT_EQ(defence.p0f_file, "/etc/p0f/p0f.fp");
  EXPECT_EQ(defence.budget.scale, 0U);
  EXPECT_EQ(defence.greylist.delay_ms, 180000);
  EXPECT_EQ(defence.tables.known_bytes, 8U << 20);
  EXPECT_EQ(defence.public_url, "");
}

TEST(DefenceConfig, EveryKey) {
  const auto config = good(R"([defence]
greeting_delay = "2s"
timeout = "1500ms"
country_files = ["geo.mmdb", "/srv/geoip"]
p0f_file = "p0f.fp"
[defence.budget]
burst = 40
rate_per_hour = 120
scale = 400
cost_connect = 2
cost_message = 3
cost_recipient_refused = 5
cost_unknown_user = 6
cost_trap = 0
cost_tls_failed = 7
[defence.greylist]
delay = "15m"
window = "2h"
[defence.tables]
budgets_bytes = "1 MiB"
pending_bytes = "2 MiB"
known_bytes = "3 MiB"
[web]
public_url = "https://Postern.example.org:8443/why/"
)");
  ASSERT_NE(config, nullptr);
  const inbound::DefenceOptions& defence = config->inbound.defence;
  EXPECT_EQ(defence.greeting_delay_ms, 2000);
  EXPECT_EQ(defence.lookup_timeout_ms, 1500);
  EXPECT_EQ(defence.country_files, (std::vector<std::string>{"/etc/postern/geo.mmdb", "/srv/geoip"}));
  EXPECT_EQ(defence.p0f_file, "/etc/postern/p0f.fp");
  EXPECT_EQ(defence.budget.burst, 40U);
  EXPECT_EQ(defence.budget.rate_per_hour, 120U);
  EXPECT_EQ(defence.budget.scale, 400U);
  EXPECT_EQ(defence.budget.costs.connect, 2U);
  EXPECT_EQ(defence.budget.costs.message, 3U);
  EXPECT_EQ(defence.budget.costs.recipient_refused, 5U);
  EXPECT_EQ(defence.budget.costs.unknown_user, 6U);
  EXPECT_EQ(defence.budget.costs.trap, 0U);
  EXPECT_EQ(defence.budget.costs.tls_failed, 7U);
  EXPECT_EQ(defence.greylist.delay_ms, inbound::kGreylistDelayMaxMs);
  EXPECT_EQ(defence.greylist.window_ms, 2 * 3600 * 1000);
  EXPECT_EQ(defence.tables.budgets_bytes, 1U << 20);
  EXPECT_EQ(defence.tables.pending_bytes, 2U << 20);
  EXPECT_EQ(defence.tables.known_bytes, 3U << 20);
  EXPECT_EQ(defence.public_url, "https://Postern.example.org:8443/why");
  EXPECT_EQ(good("[defence]\np0f_file = \"\"\ncountry_files = []\n")->inbound.defence.p0f_file, "");
}

TEST(DefenceConfig, TablesAndFilesNeedARestart) {
  const auto old = good("");
  EXPECT_TRUE(
      restart_needed(*old,
                     *good("[defence]\ntimeout = 1\n[defence.budget]\ncost_connect = 2\n[defence.greylist]\n"
                           "delay = 60\n[policy]\npreset = \"provider\"\n[web]\npublic_url = \"https://a.example\"\n"))
          .empty());
  EXPECT_EQ(restart_needed(*old, *good("[defence.budget]\nburst = 1\nscale = 2\n")),
            (std::vector<std::string>{"defence.budget.burst", "defence.budget.scale"}));
  EXPECT_EQ(restart_needed(*old, *good("[defence]\ncountry_files = []\np0f_file = \"\"\n[defence.tables]\n"
                                       "known_bytes = \"1 MiB\"\n")),
            (std::vector<std::string>{"defence.country_files", "defence.p0f_file", "defence.tables.known_bytes"}));
}

TEST(DefenceConfig, ThePublicUrl) {
  for (const char* url : {"https://a.example", "https://[2001:db8::1]:8443", "https://192.0.2.1:8443/x-y_z/~a%20b"}) {
    EXPECT_EQ(good("[web]\npublic_url = \"" + std::string(url) + "\"\n")->inbound.defence.public_url, url);
  }
  std::vector<Case> cases = {
      {"[web]\npublic_url = \"http://a.example\"\n",
       "f:9:14: web.public_url: is a URL in clear; refusals should name a page that can be trusted"}};
  for (const std::string url :
       {"", "a.example", "https://", "https:///x", "https://a b", "https://a.example/?x=1", "https://a.example/#x",
        "https://user@a.example", "https://a.example:x", "ftp://a.example"}) {
    cases.push_back({"[web]\npublic_url = \"" + url + "\"\n",
                     "f:9:14: web.public_url: \"" + url + "\" is not the URL of a site; write https://HOST"});
  }
  const std::string longest = "https://a.example/" + std::string(200 - 18, 'x');
  EXPECT_EQ(good("[web]\npublic_url = \"" + longest + "\"\n")->inbound.defence.public_url, longest);
  cases.push_back({"[web]\npublic_url = \"" + longest + "x\"\n", "f:9:14: web.public_url: "});
  expect_each(cases);
}

TEST(DefenceConfig, WhatIsWrongHasAPlace) {
  expect_each({
      {"[defence]\ngreeting_delay = \"31s\"\n",
       "f:9:18: defence.greeting_delay: found the string \"31s\", which is out of range; expected a duration"},
      {"[defence.greylist]\ndelay = \"16m\"\n",
       "f:9:9: defence.greylist.delay: found the string \"16m\", which is out of range; expected a duration such as "
       "\"90s\", \"5m\" or a number of seconds, from 1s to 15m"},
      {"[defence.greylist]\nwindow = \"5h\"\n",
       "f:9:10: defence.greylist.window: found the string \"5h\", which is out"},
      {"[defence.budget]\ncost_trpa = 5\n",
       "f:9:1: defence.budget.cost_trpa: is not a key of the configuration; did you mean \"cost_trap\"?"},
      {"[defence]\nburst = 5\n",
       "f:9:1: defence.burst: is not a key of the configuration; it belongs in [defence.budget]"},
      {"[defence]\nbudgets = 5\n",
       "f:9:1: defence.budgets: is not a key of the configuration; did you mean \"budget\"?"},
      {"[defence]\nbudget = 5\n", "f:9:10: defence.budget: found the number 5, expected the section [defence.budget]"},
      {"[defence]\ncountry_files = [\"a\", \"\"]\n", "f:9:23: defence.country_files: names no file"},
  });
}

TEST(DefenceConfig, TrapsAndRetiredMailboxes) {
  const auto config = good(
      "traps = [\"bait\", \"Sales2004\"]\nretired = { bob = 2024-01-31, \"c.d\" = 1969-12-31 }\n"
      "trap_after = \"90d\"\n[[domain]]\nname = \"bait.example\"\ntrap = true\ntrap_after = 0\n");
  ASSERT_EQ(config->domains.size(), 2U);
  const directory::DomainOptions& domain = config->domains[0];
  EXPECT_EQ(domain.traps, (std::vector<std::string>{"bait", "Sales2004"}));
  ASSERT_EQ(domain.retired.size(), 2U);
  EXPECT_EQ(domain.retired[0].first, "bob");
  EXPECT_EQ(domain.retired[0].second, 1706659200000);  // 2024-01-31T00:00:00Z
  EXPECT_EQ(domain.retired[1].second, -kDayMs);
  EXPECT_EQ(domain.trap_after_ms, 90 * kDayMs);
  EXPECT_FALSE(domain.trap);
  EXPECT_TRUE(config->domains[1].trap);
  EXPECT_EQ(config->domains[1].trap_after_ms, 0);
  expect_each({
      {"retired = { bob = \"2024-01-31\" }\n",
       "f:8:19: domain.retired.bob: found the string \"2024-01-31\", expected the date since which nobody has it, such "
       "as 2024-01-31, without quotes"},
      {"retired = { bob = 12:30:00 }\n", "f:8:19: domain.retired.bob: found a date or time, expected the date since"},
      {"retired = [\"bob\"]\n", "f:8:11: domain.retired: found a list, expected a table such as { bob = 2024-01-31 }"},
      {"trap_after = \"1h\"\n",
       "f:8:14: domain.trap_after: found the string \"1h\", which is out of range; expected a "
       "duration such as \"90s\", \"5m\" or a number of seconds, from 1d to 36500d, or 0 for never"},
      {"trap = \"yes\"\n", "f:8:8: domain.trap: found the string \"yes\", expected true or false, without quotes"},
      {"traps = 5\n", "f:8:9: domain.traps: found the number 5, expected a list of local parts that nobody has"},
  });
  const TemporaryFolder folder;
  const Loaded loaded = load(folder.write("f", std::string(kBase) + "traps = [\"abuse\"]\n"));
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_TRUE(
      loaded.problems[0].text().ends_with("f:6: domain example.org: traps: \"abuse\" is a role account, which is "
                                          "always reachable; take it out"))
      << loaded.problems[0].text();
}

TEST(DefenceConfig, Sinkholes) {
  const auto config = good(R"([[listen]]
role = "sinkhole"
address = "[::1]:2525"
[[listen]]
address = "[::1]:2526"
role = "sinkhole"
domains = ["Bait.example", "*"]
keep_bodies = true
bodies_bytes = "5 MiB"
bodies_days = 7
)");
  ASSERT_EQ(config->inbound.listeners.size(), 3U);
  EXPECT_EQ(config->inbound.listeners[0].role, "mx");
  const inbound::SinkholeOptions& any = config->inbound.listeners[1].sinkhole;
  EXPECT_EQ(config->inbound.listeners[1].role, "sinkhole");
  EXPECT_EQ(any.domains, (std::vector<std::string>{"*"}));
  EXPECT_FALSE(any.keep_bodies);
  const inbound::SinkholeOptions& some = config->inbound.listeners[2].sinkhole;
  EXPECT_EQ(some.domains, (std::vector<std::string>{"bait.example", "*"}));
  EXPECT_TRUE(some.keep_bodies);
  EXPECT_EQ(some.bodies_bytes, 5U << 20);
  EXPECT_EQ(some.bodies_days, 7U);
  const std::string sinkhole = "[[listen]]\nrole = \"sinkhole\"\naddress = \"[::1]:2525\"\n";
  const std::string other = "[[listen]]\nrole = \"sinkhole\"\naddress = \"[::1]:2526\"\n";
  EXPECT_EQ(good(sinkhole + "keep_bodies = true\n" + other + "bodies_days = 5\n")->inbound.listeners.size(), 3U)
      << "bounds of who keeps nothing bind nobody";
  expect_each({
      {"[[listen]]\naddress = \"[::1]:2525\"\nkeep_bodies = true\n",
       "f:10:15: listen.keep_bodies: belongs to listeners with role = \"sinkhole\"; take it out, or set the role"},
      {sinkhole + "domains = []\n", "f:11:11: listen.domains: names no domain, so that nothing would be taken"},
      {sinkhole + "domains = [\"a b\"]\n", "f:11:12: listen.domains: \"a b\" is neither a domain name nor \"*\""},
      {sinkhole + "bodies_days = 0\n",
       "f:11:15: listen.bodies_days: found the number 0, which is out of range; expected"},
      {sinkhole + "bodies_bytes = \"1 KiB\"\n",
       "f:11:16: listen.bodies_bytes: found the string \"1 KiB\", which is out"},
      {sinkhole + "keep_bodies = true\n" + other + "keep_bodies = true\nbodies_days = 5\n",
       "f:15:15: listen.keep_bodies: another sinkhole keeps bodies in the same folder under other bounds"},
  });
}

TEST(DefenceConfig, ASinkholeTakesWhatItIsFor) {
  inbound::SinkholeOptions options;
  EXPECT_TRUE(options.takes(smtp::Domain{"any.example", {}}));
  options.domains = {"bait.example", "[192.0.2.1]"};
  EXPECT_TRUE(options.takes(smtp::Domain{"bait.example", {}}));
  EXPECT_TRUE(options.takes(smtp::Domain{"", ip::Address::parse("192.0.2.1")}));
  EXPECT_FALSE(options.takes(smtp::Domain{"a.bait.example", {}}));
  EXPECT_TRUE(options.takes(smtp::Domain{})) << "RFC 5321 4.5.1: <postmaster>";
}

}  // namespace
}  // namespace postern::config
