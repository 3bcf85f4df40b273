#include <gtest/gtest.h>

#include "directory/directory.h"

namespace postern::directory {
namespace {

TEST(Transport, EveryFormIsReadAndWrittenBack) {
  const std::pair<const char*, Transport> cases[] = {
      {"maildir:var/mail/{domain}/{user}", {Transport::Kind::maildir, "var/mail/{domain}/{user}"}},
      {"maildir:/srv/all", {Transport::Kind::maildir, "/srv/all"}},
      {"lmtp:[::1]:24", {Transport::Kind::lmtp_tcp, "[::1]:24"}},
      {"lmtp:127.0.0.1:24", {Transport::Kind::lmtp_tcp, "127.0.0.1:24"}},
      {"lmtp:unix:/run/lmtp.sock", {Transport::Kind::lmtp_unix, "/run/lmtp.sock"}},
      {"smtp:[2001:db8::5]:25", {Transport::Kind::smtp, "[2001:db8::5]:25"}},
      {"sink:", {Transport::Kind::sink, ""}},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = Transport::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().what;
    EXPECT_EQ(*parsed, expected) << text;
    EXPECT_EQ(parsed->text(), text);
  }
}

TEST(Transport, WhatIsWrongIsNamedWithARemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is not a way of delivery"},
      {"mbox:/var/mail", "is not a way of delivery"},
      {"maildir", "is not a way of delivery"},
      {"maildir:", "names no folder"},
      {"maildir:mail/{usr}", "neither {user} nor {domain}"},
      {"maildir:mail/{user", "neither {user} nor {domain}"},
      {"maildir:mail/user}", "neither {user} nor {domain}"},
      {"lmtp:", "does not name an address and port"},
      {"lmtp:localhost:24", "does not name an address and port"},
      {"lmtp:[::1]:0", "names port 0"},
      {"lmtp:unix:", "names no socket"},
      {"smtp:mx.example.org:25", "does not name an address and port"},
      {"sink:/dev/null", "has something after \"sink:\""},
      {"maildir:a\nb", "contains a control character"},
  };
  for (const auto& [text, problem] : cases) {
    const auto parsed = Transport::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
    EXPECT_NE(parsed.error().what.find(problem), std::string::npos) << parsed.error().what;
    EXPECT_NE(parsed.error().what.find("write \"maildir:"), std::string::npos) << parsed.error().what;
    EXPECT_EQ(parsed.error().what.find('\n'), std::string::npos);
  }
}

TEST(Transport, ASocketPathHasAtMost107Octets) {
  EXPECT_TRUE(Transport::parse("lmtp:unix:/" + std::string(106, 'a')));
  EXPECT_FALSE(Transport::parse("lmtp:unix:/" + std::string(107, 'a')));
}

}  // namespace
}  // namespace postern::directory
