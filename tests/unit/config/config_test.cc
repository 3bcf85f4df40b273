#include "config/config.h"

#include <gtest/gtest.h>

#include "unit/temporary_folder.h"

namespace postern::config {
namespace {

using postern::testing::TemporaryFolder;

constexpr const char* kSmallest = R"(hostname = "mx.example.org"
data_dir = "var"                   # relative to this file

[[listen]]
role = "mx"                        # mx | submission | submissions | sinkhole
address = ["[::]:25", "0.0.0.0:25"]

[[domain]]
name = "example.org"
deliver = "maildir:var/mail/{domain}/{user}"
mailboxes = ["alice", "bob"]
aliases = { postmaster = ["alice"], abuse = ["alice"] }
)";

std::shared_ptr<const Config> good(const std::string& text) {
  Loaded loaded = parse(text, "/etc/postern/postern.toml");
  for (const Problem& problem : loaded.problems) ADD_FAILURE() << problem.text();
  return loaded.config;
}

// The smallest file with further lines in front (of the top) or behind.
std::string with(const std::string& lines) { return std::string(kSmallest) + lines; }

TEST(Config, TheSmallestUsefulFile) {
  const auto config = good(kSmallest);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->hostname, "mx.example.org");
  EXPECT_EQ(config->inbound.hostname, "mx.example.org");
  EXPECT_EQ(config->base_directory, "/etc/postern");
  EXPECT_EQ(config->data_dir, "/etc/postern/var");
  EXPECT_EQ(config->control_socket(), "/etc/postern/var/control.sock");
  EXPECT_EQ(config->spool.directory, "/etc/postern/var/spool");
  EXPECT_EQ(config->records.directory, "/etc/postern/var/records");
  EXPECT_EQ(config->queue.local.base_directory, "/etc/postern");
  EXPECT_EQ(config->queue.local.hostname, "mx.example.org");
  ASSERT_EQ(config->inbound.listeners.size(), 1U);
  const inbound::ListenerOptions& listener = config->inbound.listeners[0];
  EXPECT_EQ(listener.role, "mx");
  EXPECT_EQ(listener.tls, inbound::TlsMode::starttls);
  ASSERT_EQ(listener.addresses.size(), 2U);
  EXPECT_EQ(listener.addresses[0].text(), "[::]:25");
  EXPECT_EQ(listener.addresses[1].text(), "0.0.0.0:25");
  ASSERT_EQ(config->domains.size(), 1U);
  const directory::DomainOptions& domain = config->domains[0];
  EXPECT_EQ(domain.name, "example.org");
  EXPECT_EQ(domain.line, 9);
  // Relative Maildir paths stay text: delivery starts them in base_directory.
  EXPECT_EQ(domain.deliver.text(), "maildir:var/mail/{domain}/{user}");
  EXPECT_EQ(domain.mailboxes, (std::vector<std::string>{"alice", "bob"}));
  ASSERT_EQ(domain.aliases.size(), 2U);
  EXPECT_EQ(domain.aliases[0].first, "postmaster");
  EXPECT_EQ(domain.aliases[1].second, (std::vector<std::string>{"alice"}));
}

TEST(Config, TheDefaultsAreThoseOfTheModules) {
  const auto config = good(kSmallest);
  const Config defaults;
  EXPECT_EQ(config->inbound.limits.message_size, defaults.inbound.limits.message_size);
  EXPECT_EQ(config->inbound.sessions.v6_64, defaults.inbound.sessions.v6_64);
  EXPECT_EQ(config->inbound.timeouts.command, defaults.inbound.timeouts.command);
  EXPECT_EQ(config->spool.segment_bytes, spool::JournalOptions{}.segment_bytes);
  EXPECT_EQ(config->queue.retry_max_ms, delivery::QueueOptions{}.retry_max_ms);
  EXPECT_EQ(config->records.keep_ms, record::WriterOptions{}.keep_ms);
  EXPECT_EQ(config->threads, 0U);
  EXPECT_EQ(config->log_level, log::Level::info);
  EXPECT_TRUE(config->inbound.relay_from.empty());
  EXPECT_TRUE(config->tls.certificates.empty());
}

TEST(Config, DefaultsThatDependOnOtherKeys) {
  const auto config =
      good("[[listen]]\naddress = \"[::1]:25\"\n[[domain]]\nname = \"example.org\"\nmailboxes = \"*\"\n");
  EXPECT_EQ(config->data_dir, "/var/lib/postern");
  EXPECT_EQ(config->inbound.listeners[0].role, "mx");
  EXPECT_EQ(config->domains[0].deliver.text(), "maildir:/var/lib/postern/mail/{domain}/{user}");
  EXPECT_EQ(config->domains[0].plus, "+");
  EXPECT_FALSE(config->domains[0].case_sensitive);
}

TEST(Config, EveryGeneralKey) {
  const auto config = good(R"(
hostname = "MX.Example.org"
data_dir = "/srv/postern"
user = "mail"
threads = 3
[[listen]]
role = "mx"
address = ["[2001:db8::1]:25"]
tls = "none"
proxy_from = ["127.0.0.1", "2001:db8:9::/48"]
[[listen]]
address = "192.0.2.1:2525"
[[domain]]
name = "one.example"
deliver = "lmtp:unix:run/lmtp"
mailboxes_file = "boxes"
plus = "-"
case_sensitive = true
[[domain]]
name = "two.example"
deliver = "sink:"
mailboxes = ["*"]
aliases = { zulu = "a@b.example", alpha = ["x", "y"] }
[relay]
from = ["2001:db8:1::/64", "192.0.2.7"]
smarthost = "[2001:db8::1]:587"
[tls]
certificates = ["both.pem", { certificate = "c.pem", key = "/k.pem", names = ["MX.example.org"] }]
min_version = "TLSv1.3"
[log]
level = "warning"
[dns]
server = ["127.0.0.1:5300"]
)");
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->hostname, "mx.example.org");
  EXPECT_EQ(config->data_dir, "/srv/postern");
  EXPECT_EQ(config->user, "mail");
  EXPECT_EQ(config->threads, 3U);
  ASSERT_EQ(config->inbound.listeners.size(), 2U);
  EXPECT_EQ(config->inbound.listeners[0].tls, inbound::TlsMode::none);
  ASSERT_EQ(config->inbound.listeners[0].proxy_from.size(), 2U);
  EXPECT_EQ(config->inbound.listeners[0].proxy_from[1].text(), "2001:db8:9::/48");
  EXPECT_EQ(config->inbound.listeners[1].addresses[0].text(), "192.0.2.1:2525");
  ASSERT_EQ(config->domains.size(), 2U);
  EXPECT_EQ(config->domains[0].deliver.text(), "lmtp:unix:/etc/postern/run/lmtp");
  EXPECT_EQ(config->domains[0].mailboxes_file, "/etc/postern/boxes");
  EXPECT_EQ(config->domains[0].plus, "-");
  EXPECT_TRUE(config->domains[0].case_sensitive);
  // The order of the file, not of the alphabet: the first alias may become postmaster.
  EXPECT_EQ(config->domains[1].aliases[0].first, "zulu");
  EXPECT_EQ(config->domains[1].aliases[0].second, (std::vector<std::string>{"a@b.example"}));
  EXPECT_EQ(config->domains[1].aliases[1].first, "alpha");
  ASSERT_EQ(config->inbound.relay_from.size(), 2U);
  EXPECT_EQ(config->inbound.relay_from[0].text(), "2001:db8:1::/64");
  EXPECT_EQ(config->outbound.smarthost->via->text(), "[2001:db8::1]:587");
  ASSERT_EQ(config->tls.certificates.size(), 2U);
  EXPECT_EQ(config->tls.certificates[0].certificate, "/etc/postern/both.pem");
  EXPECT_EQ(config->tls.certificates[0].key, "/etc/postern/both.pem");
  EXPECT_EQ(config->tls.certificates[1].certificate, "/etc/postern/c.pem");
  EXPECT_EQ(config->tls.certificates[1].key, "/k.pem");
  EXPECT_EQ(config->tls.certificates[1].names, (std::vector<std::string>{"mx.example.org"}));
  EXPECT_EQ(config->tls.min_version, "TLSv1.3");
  EXPECT_EQ(config->log_level, log::Level::warning);
  ASSERT_EQ(config->dns.servers.size(), 1U);
  EXPECT_EQ(config->dns.servers[0].text(), "127.0.0.1:5300");
  EXPECT_EQ(good(with("[relay]\nsmarthost = \"SMTP.example.net:587\"\n"))->outbound.smarthost->via->text(),
            "smtp.example.net:587");
}

TEST(Config, LoadFillsInTheDirectory) {
  const TemporaryFolder folder;
  const std::string boxes = folder.write("boxes", "carol\n");
  const std::string file =
      folder.write("postern.toml", with("[[domain]]\nname = \"example.net\"\nmailboxes_file = \"boxes\"\n"));
  const Loaded loaded = load(file);
  ASSERT_TRUE(loaded.config) << loaded.problems.front().text();
  ASSERT_TRUE(loaded.config->inbound.directory);
  EXPECT_EQ(loaded.config->inbound.directory->mailbox_count(), 3U);
  EXPECT_EQ(loaded.config->inbound.directory->watched_files(), (std::vector<std::string>{boxes}));
  EXPECT_EQ(loaded.config->base_directory, folder.path());
  EXPECT_EQ(loaded.data_dir, folder.path() + "/var");
}

TEST(Config, RelativeFileNamesStartInTheWorkingDirectory) {
  const Loaded loaded = parse(kSmallest, "postern.toml");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->base_directory, std::filesystem::current_path().string());
  EXPECT_EQ(parse(kSmallest, "a/postern.toml").config->base_directory,
            (std::filesystem::current_path() / "a").string());
  EXPECT_EQ(parse(kSmallest, "/postern.toml").config->data_dir, "/var");
}

TEST(Config, ReloadTellsWhatNeedsARestart) {
  const auto old = good(kSmallest);
  EXPECT_TRUE(restart_needed(*old, *old).empty());
  const auto reloadable =
      good(with("[[domain]]\nname = \"b.example\"\nmailboxes = [\"x\"]\n[limits]\nrecipients = 7\n"
                "[timeouts]\ncommand = 60\n[log]\nlevel = \"debug\"\n[relay]\nfrom = \"::1\"\n"
                "[tls]\nmin_version = \"TLSv1.3\"\n"));
  EXPECT_TRUE(restart_needed(*old, *reloadable).empty());
  EXPECT_EQ(reloadable->inbound.limits.recipients, 7U);
  const auto sealed = good(R"(
hostname = "other.example.org"
data_dir = "elsewhere"
user = "mail"
threads = 2
[[listen]]
address = ["[::]:25"]
[[domain]]
name = "example.org"
mailboxes = ["alice"]
[spool]
max_bytes = "1 GiB"
[queue]
concurrency = 12
[records]
keep = "1d"
)");
  EXPECT_EQ(restart_needed(*old, *sealed),
            (std::vector<std::string>{"hostname", "data_dir", "user", "threads", "listen.address", "spool.max_bytes",
                                      "queue.concurrency", "records.keep"}));
  const auto more = good(with("[[listen]]\naddress = [\"[::1]:2525\"]\n"));
  EXPECT_EQ(restart_needed(*old, *more), (std::vector<std::string>{"listen.role", "listen.address"}));
  const auto clear =
      good(std::string(kSmallest).replace(std::string(kSmallest).find("[[domain]]"), 0, "tls = \"none\"\n"));
  EXPECT_TRUE(restart_needed(*old, *clear).empty());
}

TEST(Config, WaysOut) {
  const auto config = good(with(R"([relay]
smarthost = "smart.example:587"
tls = "verified"
[outbound]
families = ["ipv6"]
other_family_via = "[2001:db8::7]:25"
nat64 = "64:ff9b::/96"
source = ["2001:db8::5", "192.0.2.5"]
hello_ipv6 = "SIX.example.org"
idle = "2s"
port = 2525
[[route]]
domain = ["Example.NET", ".example.net", "*", "[192.0.2.1]"]
via = "[2001:db8::9]:26"
families = ["ipv4", "ipv6"]
[[route]]
domain = "example.com"
via = "mx"
tls = "required"
)"));
  ASSERT_TRUE(config);
  const outbound::Options& options = config->outbound;
  EXPECT_EQ(options.hostname, "mx.example.org");
  EXPECT_EQ(options.smarthost->tls, outbound::TlsDemand::verified);
  EXPECT_EQ(options.families, std::vector{ip::Family::v6});
  EXPECT_EQ(options.other_family_via->text(), "[2001:db8::7]:25");
  EXPECT_EQ(options.nat64->text(), "64:ff9b::/96");
  EXPECT_EQ(options.source.size(), 2U);
  EXPECT_EQ(options.hello_ipv6, "six.example.org");
  EXPECT_EQ(options.idle_ms, 2000);
  EXPECT_EQ(options.port, 2525U);
  ASSERT_EQ(options.routes.size(), 2U);
  EXPECT_EQ(options.routes[0].domains, (std::vector<std::string>{"example.net", ".example.net", "*", "[192.0.2.1]"}));
  EXPECT_EQ(options.routes[0].via->text(), "[2001:db8::9]:26");
  EXPECT_FALSE(options.routes[1].via);
  EXPECT_EQ(options.routes[1].tls, outbound::TlsDemand::required);
  EXPECT_FALSE(good(with("[relay]\nfrom = [\"::1\"]\n"))->outbound.smarthost);
}

}  // namespace
}  // namespace postern::config
