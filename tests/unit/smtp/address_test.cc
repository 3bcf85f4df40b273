#include "smtp/address.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern::smtp {
namespace {

TEST(Address, TakesWhatTheEnvelopeMayHold) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a@example.org", "a@example.org"},
      {"A.b+c@EXAMPLE.Org", "A.b+c@example.org"},
      {"!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~@x"},
      {"\"\"@example.org", "\"\"@example.org"},
      {"\"a b\"@example.org", "\"a b\"@example.org"},
      {"\"simple\"@example.org", "simple@example.org"},
      {"\"a\\b\"@example.org", "ab@example.org"},
      {"\"a\\\\b\"@example.org", "\"a\\\\b\"@example.org"},
      {"\"a\\\"b\"@example.org", "\"a\\\"b\"@example.org"},
      {"\"a..b\"@example.org", "\"a..b\"@example.org"},
      {"a@[192.0.2.1]", "a@[192.0.2.1]"},
      {"a@[IPv6:2001:DB8::1]", "a@[IPv6:2001:db8::1]"},
      {"a@[ipv6:2001:db8:0:0:0:0:0:1]", "a@[IPv6:2001:db8::1]"},
      {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
      {"a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
      {"a@1.2.3.4", "a@1.2.3.4"},
      {"a@r3---sn.example", "a@r3---sn.example"},
  };
  for (const auto& [text, canonical] : cases) {
    const auto mailbox = parse_mailbox(text, false);
    ASSERT_TRUE(mailbox) << text << ": " << mailbox.error().what;
    EXPECT_EQ(mailbox->text(), canonical) << text;
    const auto again = parse_mailbox(mailbox->text(), false);
    ASSERT_TRUE(again) << canonical;
    EXPECT_EQ(*again, *mailbox) << canonical;
  }
}

TEST(Address, RefusesTheRest) {
  const std::vector<std::string> cases{"",
                                       "a",
                                       "@",
                                       "a@",
                                       "@example.org",
                                       ".a@x",
                                       "a.@x",
                                       "a..b@x",
                                       "a b@x",
                                       "a@x y",
                                       "a@-x.org",
                                       "a@x-.org",
                                       "a@.x",
                                       "a@x.",
                                       "a@x..y",
                                       "a@x_y",
                                       "a@[1.2.3]",
                                       "a@[1.2.3.4",
                                       "a@1.2.3.4]",
                                       "a@[300.1.1.1]",
                                       "a@[2001:db8::1]",
                                       "a@[IPv6:1.2.3.4]",
                                       "a@[IPv6:::1%lo]",
                                       "a@[X25:1]",
                                       "a@[]",
                                       "a@[IPv6:]",
                                       "\"a@x",
                                       "\"a\"b@x",
                                       "\"a\r\"@x",
                                       "\"a\\\n\"@x",
                                       std::string("a\0b@x", 5),
                                       std::string("a@x\0", 4),
                                       "a@xn---",
                                       "a@xn--a-",
                                       "a(c)@x",
                                       "a@x(c)",
                                       "a\xc3\xbc@x",
                                       "a@\xc3\xbc.example",
                                       "<a@b>",
                                       "a@b@c",
                                       "a@[IPv6:1:2:3:4:5:6::8]",
                                       "a@x\r\n",
                                       "a@[1.2.3.4]x"};
  for (const std::string& text : cases) EXPECT_FALSE(parse_mailbox(text, false)) << text;
}

TEST(Address, Utf8OnlyWhereAsked) {
  EXPECT_FALSE(parse_mailbox("j\xc3\xbcrgen@example.org", false));
  const auto mailbox = parse_mailbox(
      "j\xc3\xbcrgen@B\xc3\x9c"
      "CHER.example",
      true);
  ASSERT_TRUE(mailbox);
  EXPECT_TRUE(mailbox->needs_utf8());
  EXPECT_EQ(mailbox->domain.name, "xn--bcher-kva.example");
  EXPECT_EQ(mailbox->domain, parse_domain("xn--bcher-kva.example", false).value());
  EXPECT_FALSE(parse_mailbox("j\xfcrgen@example.org", true)) << "not UTF-8";
  EXPECT_FALSE(parse_mailbox("a@\xff.example", true));
  EXPECT_FALSE(parse_domain("a\xe2\x80\xaex.example", true)) << "a control for text direction";
  // IDNA 2008, non-transitional: the sharp s is a letter of its own
  EXPECT_EQ(parse_domain("fa\xc3\x9f.example", true).value().name, "xn--fa-hia.example");
}

TEST(Address, LimitsAtNAndOneMore) {
  const auto mailbox = [](std::size_t local) { return parse_mailbox(std::string(local, 'a') + "@x", false); };
  EXPECT_TRUE(mailbox(kLocalPartMax));
  EXPECT_FALSE(mailbox(kLocalPartMax + 1));
  // Of a sender rewritten by a forwarder the path is the limit
  const auto rewritten = [](std::size_t size) {
    const std::string local = "SRS0=" + std::string(size - 5, 'a');
    return parse_path("<" + local + "@x>", true, false);
  };
  EXPECT_TRUE(rewritten(kLocalPartMax + 1));
  EXPECT_TRUE(rewritten(kPathMax - 4));
  EXPECT_FALSE(rewritten(kPathMax - 3));
  EXPECT_TRUE(parse_domain(std::string(63, 'a'), false));
  EXPECT_FALSE(parse_domain(std::string(64, 'a'), false));
  const std::string label = std::string(63, 'a') + ".";
  EXPECT_TRUE(parse_domain(label + label + label + std::string(63, 'a'), false));           // 255
  EXPECT_FALSE(parse_domain(label + label + label + std::string(61, 'a') + ".bb", false));  // 256
  const auto path = [&label](std::size_t last) {  // <a@...> of 256 octets where last is 61
    return parse_path("<a@" + label + label + label + std::string(last, 'b') + ">", true, false);
  };
  ASSERT_TRUE(path(60));
  EXPECT_EQ(path(60)->consumed, kPathMax);
  EXPECT_FALSE(path(61));
}

TEST(Path, SourceRouteNullAndPostmaster) {
  EXPECT_EQ(parse_path("<@a.example,@b.example:c@d.example> SIZE=1", true, false)->path.text(), "c@d.example");
  EXPECT_EQ(parse_path("<@a.example,@b.example:c@d.example> SIZE=1", true, false)->consumed, 35U);
  EXPECT_TRUE(parse_path("<>", true, false)->path.null);
  EXPECT_FALSE(parse_path("<>", false, false));
  const auto postmaster = parse_path("<PostMaster>", false, false);
  ASSERT_TRUE(postmaster);
  EXPECT_TRUE(postmaster->path.mailbox.domain.empty());
  EXPECT_EQ(postmaster->path.text(), "PostMaster");
  EXPECT_FALSE(parse_path("<postmaster>", true, false));
  EXPECT_EQ(parse_path("<\"a>b\"@x>", false, false)->path.mailbox.local, "a>b");
  for (const char* text : {"a@b", "<a@b", "<@a:>", "<@a>", "<@:b@c>", "<a@b,c@d>", "<@a,b:c@d>", "< a@b>", "<a@b >"}) {
    EXPECT_FALSE(parse_path(text, true, false)) << text;
  }
}

TEST(Path, ErrorsAreOnePrintableLine) {
  for (const char* text : {"<a\x01@b>", "<a@b\xff>", "<\"\r\n\"@b>", "<a@x\ny>"}) {
    const auto path = parse_path(text, true, true);
    ASSERT_FALSE(path) << text;
    for (const char c : path.error().what) EXPECT_TRUE(c >= ' ' && c <= '~') << path.error().what;
  }
}

}  // namespace
}  // namespace postern::smtp
