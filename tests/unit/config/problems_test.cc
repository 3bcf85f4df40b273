// What is wrong with a file is told with its exact place, the key, and what would be right.
#include <gtest/gtest.h>

#include "config/config.h"
#include "config/node.h"
#include "unit/temporary_folder.h"

namespace postern::config {
namespace {

using postern::testing::TemporaryFolder;

// Line 1 to 7.
constexpr const char* kGood = R"(hostname = "mx.example.org"
data_dir = "var"
[[listen]]
address = ["[::1]:25"]
[[domain]]
name = "example.org"
mailboxes = ["alice"]
)";

std::vector<std::string> problems(const std::string& text) {
  const Loaded loaded = parse(text, "f");
  EXPECT_EQ(loaded.config == nullptr, !loaded.problems.empty());
  std::vector<std::string> out;
  for (const Problem& problem : loaded.problems) out.push_back(problem.text());
  return out;
}

// A certificate for an address is rare: who writes one should know that it is looked for.
TEST(ConfigProblems, ANextHopWrittenAsAnAddressThatHasToProveItselfIsAWarning) {
  const auto warnings = [](const std::string& lines) {
    std::string out;
    const Loaded loaded = parse(kGood + lines, "f");
    for (const Problem& warning : loaded.warnings) out += warning.text() + "\n";
    return out;
  };
  const std::string said =
      "is an address, and its certificate must be for that address; where it is for a name, write the name, or set "
      "tls = \"required\"\n";
  const std::string smarthost = "[relay]\nsmarthost = \"[2001:db8::1]:587\"\n";
  const std::string password = "user = \"us\"\npassword_file = \"p\"\n";
  EXPECT_EQ(warnings(smarthost + password), "f:9:13: relay.smarthost: " + said);
  EXPECT_EQ(warnings(smarthost + "tls = \"verified\"\n"), "f:9:13: relay.smarthost: " + said);
  EXPECT_EQ(warnings(smarthost + password + "tls = \"required\"\n"), "");
  EXPECT_EQ(warnings(smarthost), "");
  EXPECT_EQ(warnings("[relay]\nsmarthost = \"smtp.example.net:587\"\n" + password), "");
  EXPECT_EQ(warnings("[[route]]\ndomain = \"a.example\"\nvia = \"192.0.2.1:25\"\ntls = \"verified\"\n"),
            "f:10:7: route.via: " + said);
}

struct Case {
  const char* lines;  // after kGood, from line 8
  const char* problem;
};

void expect_each(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto found = problems(std::string(kGood) + one.lines);
    ASSERT_EQ(found.size(), 1U) << one.lines << (found.empty() ? "" : found[0] + "\n" + found.back());
    EXPECT_EQ(found[0].substr(0, std::string_view(one.problem).size()), one.problem) << one.lines;
  }
}

TEST(Problems, UnknownKeysGetASuggestion) {
  expect_each({
      {"[limits]\nrecipiens = 5\n",
       "f:9:1: limits.recipiens: is not a key of the configuration; did you mean \"recipients\"?"},
      {"  data_dri = \"x\"\n",
       "f:8:3: domain.data_dri: is not a key of the configuration; known here: name, deliver, "},
      {"threads = 2\n",
       "f:8:1: domain.threads: is not a key of the configuration; it belongs at the top of the file, before the first "
       "section"},
      {"[timeouts]\nmessage_size = 5\n",
       "f:9:1: timeouts.message_size: is not a key of the configuration; it belongs in [limits]"},
      {"[log]\nmailboxes = 5\n", "f:9:1: log.mailboxes: is not a key of the configuration; it belongs in [[domain]]"},
      {"[limit]\nerrors = 5\n", "f:8:2: limit: is not a key of the configuration; did you mean \"limits\"?"},
      {"[zzzzzzz]\n",
       "f:8:2: zzzzzzz: is not a key of the configuration; known here: hostname, data_dir, user, threads, "},
      {"mailboxs = [\"x\"]\n",
       "f:8:1: domain.mailboxs: is not a key of the configuration; did you mean \"mailboxes\"?"},
      {"[tls]\ncertificates = [{ certificate = \"a\", kye = \"b\" }]\n",
       "f:9:38: tls.certificates.kye: is not a key here; did you mean \"key\"?"},
  });
}

TEST(Problems, WrongTypesSayWhatWasFoundAndWhatIsExpected) {
  expect_each({
      {"[limits]\nerrors = \"ten\"\n",
       "f:9:10: limits.errors: found the string \"ten\", expected a whole number without quotes, from 1 to 10000"},
      {"[limits]\nerrors = 1.5\n", "f:9:10: limits.errors: found a number with a fraction, expected a whole number"},
      {"[limits]\nerrors = -1\n", "f:9:10: limits.errors: found the number -1, expected a whole number"},
      {"[limits]\nmessage_size = \"50 mega\"\n",
       "f:9:16: limits.message_size: found the string \"50 mega\", expected a size such as 1048576 or \"1 MiB\", from "
       "1 KiB "
       "to 2 GiB"},
      {"[timeouts]\ncommand = \"soon\"\n",
       "f:9:11: timeouts.command: found the string \"soon\", expected a duration such as \"90s\", \"5m\" or a number "
       "of "
       "seconds, from 100ms to 1d"},
      {"[limits]\nerrors = [5]\n", "f:9:10: limits.errors: found a list, expected a whole number"},
      {"case_sensitive = \"yes\"\n",
       "f:8:18: domain.case_sensitive: found the string \"yes\", expected true or false, without quotes"},
      {"aliases = [\"x\"]\n",
       "f:8:11: domain.aliases: found a list, expected a table such as { postmaster = [\"alice\"] }"},
      {"aliases = { info = 5 }\n",
       "f:8:20: domain.aliases.info: found the number 5, expected a list of local parts and addresses"},
      {"aliases = { info = [5] }\n",
       "f:8:21: domain.aliases.info: found the number 5 in a list of local parts and addresses"},
      {"limits = 5\n", "f:8:1: domain.limits: is not a key"},
      {"[[limits]]\nerrors = 5\n", "f:8:1: limits: found a list, expected the section [limits]"},
      {"[tls]\ncertificates = \"a.pem\"\n",
       "f:9:16: tls.certificates: found the string \"a.pem\", expected a list such as"},
      {"[tls]\ncertificates = [5]\n", "f:9:17: tls.certificates: found the number 5 in a list of certificates"},
  });
  EXPECT_EQ(problems("[listen]\naddress = \"[::1]:25\"\n"),
            (std::vector<std::string>{
                "f:1:1: listen: found a table; there may be several of it, so write [[listen]] with two "
                "brackets"}));
}

TEST(Problems, ValuesThatCannotBe) {
  expect_each({
      {"[limits]\nerrors = 0\n",
       "f:9:10: limits.errors: found the number 0, which is out of range; expected a whole number without quotes, from "
       "1 "
       "to 10000"},
      {"[timeouts]\ncommand = \"50ms\"\n",
       "f:9:11: timeouts.command: found the string \"50ms\", which is out of range;"},
      {"[timeouts]\ncommand = 9223372036854775807\n",
       "f:9:11: timeouts.command: found the number 9223372036854775807, which"},
      {"[log]\nlevel = \"warn\"\n",
       "f:9:9: log.level: \"warn\" is not known; did you mean \"warning\"? expected \"debug\", \"info\", \"warning\" "
       "or \"error\""},
      {"[relay]\nfrom = [\"::1\", \"2001:db8::1/32\"]\n", "f:9:16: relay.from: "},
      {"[relay]\nsmarthost = \"smtp.example.net\"\n",
       "f:9:13: relay.smarthost: \"smtp.example.net\" is neither ADDRESS:PORT nor NAME:PORT; write"},
      {"[relay]\nsmarthost = \"smtp.example.net:99999\"\n", "f:9:13: relay.smarthost: "},
      {"[dns]\nserver = [\"127.0.0.1\"]\n", "f:9:11: dns.server: "},
      {"[dns]\nserver = [\"127.0.0.1:0\"]\n", "f:9:11: dns.server: \"127.0.0.1:0\" has port 0; write the port to use"},
      {"plus = \"ab\"\n", "f:8:8: domain.plus: \"ab\" cannot separate parts of an address; write one of "},
      {"plus = \"@\"\n", "f:8:8: domain.plus: \"@\" cannot separate parts of an address"},
      {"deliver = \"mbox:x\"\n", "f:8:11: domain.deliver: \"mbox:x\" is not a way of delivery; write \"maildir:"},
      {"[tls]\nmin_version = \"TLSv1.1\"\n",
       "f:9:15: tls.min_version: \"TLSv1.1\" is not known; did you mean \"TLSv1.2\"?"},
      {"[tls]\ncertificates = [{ key = \"b\" }]\n", "f:9:17: tls.certificates: names no certificate; write {"},
      {"[[domain]]\nmailboxes = [\"x\"]\n", "f:8:1: domain.name: is missing; write name = \"example.org\""},
      {"[[domain]]\nname = \"a..b\"\nmailboxes = [\"x\"]\n", "f:9:8: domain.name: \"a..b\" is not a domain name"},
      {"[[listen]]\n", "f:8:1: listen.address: names no address; write address = "},
      {"[[listen]]\naddress = [\"[::1]:2525\", \"mx:25\"]\n", "f:9:26: listen.address: "},
  });
}

TEST(Problems, WhatThisReleaseDoesNotHaveIsSaid) {
  expect_each({
      {"[[listen]]\naddress = \"[::1]:2525\"\nrole = \"xm\"\n", "f:10:8: listen.role: \"xm\" is not a role; "},
      {"[relay]\nsmarthost = \"a.example:25\"\nuser = \"us\"\n",
       "f:10:8: relay.user: needs the other of user and password_file beside it"},
      {"[relay]\nuser = \"us\"\npassword_file = \"p\"\n", "f:9:8: relay.user: needs relay.smarthost"},
      {"[relay]\nsmarthost = \"a.example:25\"\nuser = \"us\"\npassword_file = \"p\"\ntls = \"none\"\n",
       "f:12:7: relay.tls: cannot be \"none\" where there is a password"},
      {"[relay]\ntls = \"required\"\n", "f:9:7: relay.tls: needs relay.smarthost"},
      {"[[route]]\nvia = \"mx\"\n", "f:8:1: route.domain: is missing; every one needs it"},
      {"[[route]]\ndomain = \"a b\"\n", "f:9:10: route.domain: \"a b\" is not a domain; "},
      {"[[route]]\ndomain = []\n", "f:9:10: route.domain: names no domain"},
      {"[[route]]\ndomain = \"*\"\nvia = \"a.example\"\n",
       "f:10:7: route.via: \"a.example\" is neither ADDRESS:PORT nor"},
      {"[[route]]\ndomain = \"*\"\nuser = \"us\"\npassword_file = \"p\"\n", "f:10:8: route.user: needs via"},
      {"[[route]]\ndomain = \"*\"\nfamilies = [\"ipv5\"]\n", "f:10:13: route.families: \"ipv5\" is not a family"},
      {"[outbound]\nfamilies = []\n", "f:9:12: outbound.families: names no family"},
      {"[outbound]\nsource = [\"192.0.2.1\", \"192.0.2.2\"]\n",
       "f:9:24: outbound.source: is the second address of its family"},
      {"[outbound]\nsource = \"::\"\n", "f:9:10: outbound.source: \"::\" is not an address to send from"},
      {"[outbound]\nnat64 = \"64:ff9b::/64\"\n", "f:9:9: outbound.nat64: \"64:ff9b::/64\" is not an IPv6 /96"},
      {"[outbound]\nhello_ipv6 = \"[::1]\"\n", "f:9:14: outbound.hello_ipv6: \"[::1]\" is not a host name"},
      {"[[listen]]\naddress = \"[::1]:465\"\ntls = \"on_connect\"\n",
       "f:10:7: listen.tls: \"on_connect\" belongs to the role \"submissions\""},
  });
}

TEST(Problems, OfUsersAndTheirMail) {
  expect_each({
      {"[[listen]]\naddress = \"[::1]:587\"\nrole = \"submission\"\ntls = \"none\"\n",
       "f:11:7: listen.tls: without TLS nobody could log in"},
      {"[[listen]]\naddress = \"[::1]:465\"\nrole = \"submissions\"\ntls = \"starttls\"\n",
       "f:11:7: listen.tls: the role \"submissions\" begins with TLS (RFC 8314)"},
      {"[auth]\nmechanisms = [\"PLAIN\", \"PLAN\"]\n",
       "f:9:24: auth.mechanisms: \"PLAN\" is not a mechanism that is served; did you mean \"PLAIN\"?"},
      {"[auth]\nmechanisms = []\n", "f:9:14: auth.mechanisms: names no mechanism"},
      {"[auth]\ndovecot = \"unix:\"\n", "f:9:11: auth.dovecot: names no socket"},
      {"[submission]\ndomain = \"a b\"\n", "f:9:10: submission.domain: \"a b\" is not a domain name"},
      {"[[login]]\nidentities = [\"*\"]\n", "f:8:1: login.name: is missing; every one needs it"},
      {"[[login]]\nname = \"a\"\nidentities = [\"b@example.org\", \"nobody\"]\n",
       "f:10:32: login.identities: \"nobody\" is no address"},
      {"[[login]]\nname = \"a\"\nidentities = [\"*@\"]\n", "f:10:15: login.identities: \"*@\" names no domain"},
      {"[[login]]\nname = \"a\"\n[[login]]\nname = \"A\"\n", "f:11:8: login.name: \"a\" is there already"},
      {"[[login]]\nname = \"a\"\nmessages_per_day = 1000001\n", "f:10:20: login.messages_per_day: "},
      {"[sendmail]\npickup = \"\"\n", "f:9:10: sendmail.pickup: names no folder"},
  });
}

TEST(Problems, AcrossKeys) {
  expect_each({
      {"[[listen]]\naddress = [\"[::2]:25\", \"[::1]:25\"]\n",
       "f:9:11: listen.address: [::1]:25 is listened on twice; take one of them out"},
      {"[[listen]]\naddress = [\"[::2]:25\", \"[::2]:25\"]\n", "f:9:11: listen.address: [::2]:25 is listened on twice"},
      {"[queue]\nretry_first = \"5h\"\n", "f:9:15: queue.retry_first: is larger than queue.retry_max; "},
      {"[queue]\nretry_max = \"30s\"\n", "f:9:13: queue.retry_first: is larger than queue.retry_max; "},
      {"[queue]\nexpire_after = \"1h\"\n", "f:9:16: queue.retry_max: is larger than queue.expire_after; "},
      {"[queue]\nconcurrency = 5\n", "f:9:15: queue.destination_concurrency: is larger than queue.concurrency; "},
      {"[records]\nmax_bytes = \"100 MiB\"\n", "f:9:13: records.rotate_bytes: is larger than records.max_bytes; "},
      {"[spool]\nmax_bytes = \"8 MiB\"\n", "f:9:13: spool.segment_bytes: is larger than spool.max_bytes; "},
      {"[limits]\nbytes_in_flight = \"1 MiB\"\n", "f:9:19: limits.message_size: is larger than limits.bytes_in_flight"},
  });
}

TEST(Problems, AFileWithoutListenersTakesNoMail) {
  EXPECT_EQ(
      problems("hostname = \"mx.example.org\"\n"),
      (std::vector<std::string>{"f: listen: there is no [[listen]], so that no mail could come in; write one with "
                                "address = [\"[::]:25\", \"0.0.0.0:25\"]"}));
}

TEST(Problems, AllAreToldInTheOrderOfTheFile) {
  const auto found =
      problems("hostnam = 1\ndata_dir = 5\n[[listen]]\naddress = [\"x\", \"y\"]\n[limits]\nerrors = 0\n");
  ASSERT_EQ(found.size(), 5U);
  EXPECT_TRUE(found[0].starts_with("f:1:1: hostnam: ")) << found[0];
  EXPECT_TRUE(found[1].starts_with("f:2:12: data_dir: ")) << found[1];
  EXPECT_TRUE(found[2].starts_with("f:4:12: listen.address: ")) << found[2];
  EXPECT_TRUE(found[3].starts_with("f:4:17: listen.address: ")) << found[3];
  EXPECT_TRUE(found[4].starts_with("f:6:10: limits.errors: ")) << found[4];
}

TEST(Problems, VeryManyAreCounted) {
  std::string text(kGood);
  text += "[limits]\n";
  for (std::size_t i = 0; i < kProblemsMax + 3; ++i) text += "zzzzzz" + std::to_string(i) + " = 1\n";
  const auto found = problems(text);
  ASSERT_EQ(found.size(), kProblemsMax + 1);
  EXPECT_EQ(found.back(), "f: and 3 more problems");
}

TEST(Problems, SyntaxErrorsHaveAPlace) {
  for (const auto& [text, place] : std::vector<std::pair<std::string, std::string>>{{"hostname = \n", "f:1:"},
                                                                                    {"a = 1\nb = \"x\n", "f:2:"},
                                                                                    {"[limits\n", "f:1:"},
                                                                                    {"a = 1\na = 2\n", "f:2:"},
                                                                                    {"a = \"\xFF\"\n", "f:1:"}}) {
    const auto found = problems(text);
    ASSERT_EQ(found.size(), 1U) << text;
    EXPECT_TRUE(found[0].starts_with(place)) << found[0];
    EXPECT_EQ(found[0].find('\n'), std::string::npos);
  }
}

TEST(Problems, AStringThatDoesNotEndIsNamedWhereItBegins) {
  const std::vector<std::string> wanted = {
      "f:2:5: a string begins here and does not end on its line; write the closing quote"};
  for (const char quote : {'"', '\''}) {
    const std::string begin = std::string("a = 1\nb = ") + quote + "text";
    for (const char* rest : {"\n", "\r\nc = 2\n", ""}) EXPECT_EQ(problems(begin + rest), wanted) << begin << rest;
    EXPECT_FALSE(refuse_unparsed(begin + quote).has_value());
    EXPECT_EQ(refuse_unparsed(begin + "\\").has_value(), true) << "an escape is the last octet";
    EXPECT_FALSE(refuse_unparsed(begin + "\\\\" + quote + "\n").has_value()) << "an escape before the quote";
    EXPECT_FALSE(refuse_unparsed("b = " + std::string(3, quote) + "text\n" + std::string(3, quote)).has_value());
  }
}

TEST(Problems, DepthIsBounded) {
  std::string key = "a";
  for (std::size_t i = 0; i < kTomlDepthMax; ++i) key += ".a";
  EXPECT_FALSE(refuse_unparsed(key + " = 1").has_value());
  EXPECT_EQ(refuse_unparsed("x = \"a\"\n" + key + ".a = 1")->place, (Place{2, static_cast<int>(key.size() + 1)}));
  EXPECT_FALSE(refuse_unparsed("x = \"" + key + ".a\" # " + key + ".a\ny = '''" + key + ".a'''\n").has_value());
  EXPECT_EQ(refuse_unparsed("x = \"\xC3\xBC\" # \xC3\xBC\n\xC3\xBC = 1")->place, (Place{2, 1}));
  EXPECT_FALSE(refuse_unparsed("\xEF\xBB\xBFx = '\xC3\xBC'").has_value());
  const auto found = problems("[" + key + ".a]\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("a key has more than 64 parts"), std::string::npos);
  std::string huge;
  for (int i = 0; i < 1000000; ++i) huge += "a.";
  EXPECT_EQ(problems(huge + "a = 1\n").size(), 1U);
  EXPECT_EQ(problems("a = " + std::string(100000, '[')).size(), 1U);
}

TEST(Problems, SizeIsBounded) {
  const std::string text = std::string(kGood) + "#";
  EXPECT_TRUE(problems(text + std::string(kFileMax - text.size(), 'x')).empty());
  EXPECT_EQ(problems(text + std::string(kFileMax - text.size() + 1, 'x')),
            (std::vector<std::string>{"f: is over 16 MiB; move long lists of mailboxes to a mailboxes_file"}));
}

TEST(Problems, FilesThatCannotBeRead) {
  const Loaded missing = load("/nonexistent/postern.toml");
  ASSERT_EQ(missing.problems.size(), 1U);
  EXPECT_EQ(missing.problems[0].text(), "/nonexistent/postern.toml: cannot be opened: No such file or directory");
  EXPECT_EQ(missing.data_dir, "");
  const TemporaryFolder folder;
  const Loaded directory = load(folder.path());
  ASSERT_EQ(directory.problems.size(), 1U);
  EXPECT_EQ(directory.problems[0].text(), folder.path() + ": cannot be read: Is a directory");
}

TEST(Problems, OfTheDirectoryHaveALineToo) {
  const TemporaryFolder folder;
  const std::string boxes = folder.write("boxes", "carol\nx@y\n");
  const std::string file =
      folder.write("f.toml", std::string(kGood) +
                                 "aliases = { sales = [\"alcie\"] }\n"
                                 "[[domain]]\nname = \"EXAMPLE.org\"\nmailboxes = [\"x\"]\n"
                                 "[[domain]]\nname = \"empty.example\"\n"
                                 "[[domain]]\nname = \"file.example\"\nmailboxes_file = \"boxes\"\n"
                                 "[[domain]]\nname = \"none.example\"\nmailboxes_file = \"/nonexistent/boxes\"\n");
  const Loaded loaded = load(file);
  std::vector<std::string> found;
  for (const Problem& problem : loaded.problems) found.push_back(problem.text());
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], boxes + ":2: \"x@y\" is an address; write what stands before the @ alone");
  EXPECT_EQ(found[1], file + ":10: domain example.org: is configured twice, first at line 6; join the two");
  EXPECT_TRUE(found[2].starts_with(file + ":13: domain empty.example: has no mailbox and no alias")) << found[2];
  EXPECT_EQ(found[3], file +
                          ":18: domain none.example: opening mailboxes_file /nonexistent/boxes: No such file or "
                          "directory; write that file, or remove the key");
  EXPECT_EQ(loaded.data_dir, folder.path() + "/var");
  const auto explained = load_or_explain(file);
  ASSERT_FALSE(explained);
  EXPECT_EQ(explained.error().what, found[0] + "\n" + found[1] + "\n" + found[2] + "\n" + found[3]);
}

TEST(Problems, ADataDirMustHaveRoomForItsSocket) {
  const auto path = [](std::size_t size) { return "/" + std::string(size - 1, 'd'); };
  const auto file = [](const std::string& dir) {
    return "data_dir = \"" + dir + "\"\n[[listen]]\naddress = \"[::1]:25\"\n";
  };
  EXPECT_TRUE(problems(file(path(94))).empty());
  const auto found = problems(file(path(95)));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("is too long for the control socket"), std::string::npos);
}

}  // namespace
}  // namespace postern::config
