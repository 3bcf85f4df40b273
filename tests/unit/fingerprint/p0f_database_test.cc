#include "fingerprint/p0f_database.h"

#include <gtest/gtest.h>

#include "support.h"

namespace postern::fingerprint {
namespace {

using test::facts;
using Quality = P0fDatabase::Quality;

constexpr std::string_view kDatabase =
    "; made up\n"
    "classes = win,unix\n"
    "[mtu]\n"
    "label = Ethernet\n"
    "sig   = 1500\n"
    "\n"
    "[tcp:request]\n"
    "label = g:unix:Penguin:any\n"
    "sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0\n"
    "label = s:unix:Penguin:new\r\n"
    "sig   = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0\n"
    "label = s:unix:Puffin:\n"
    "sig   = *:64:0:1400:mtu*4,*:mss,nop:df,id+:*\n"
    "sig   = 4:50+5:0:*:%8192,*:mss,eol+2::0\n"
    "sig   = 6:60:0:*:16384,3:mss,eol+1:flow:0\n"
    "label = s:!:Mapper:scan\n"
    "sys   = @unix,@win\n"
    "sig   = *:64-:0:1460:1024,0:mss:df,id+:0\n"
    "[tcp:response]\n"
    "sig   = whatever this is\n";

class Database : public ::testing::Test {
 protected:
  std::string match(std::string_view text) const {
    const auto found = database->match(facts(text));
    if (!found) return "none";
    return found->text() + (found->quality == Quality::generic ? " (generic)"
                            : found->quality == Quality::fuzzy ? " (fuzzy)"
                                                               : "");
  }
  Result<P0fDatabase> database = P0fDatabase::parse(kDatabase);
};

TEST_F(Database, ReadsTheSignaturesOfSyns) {
  ASSERT_TRUE(database.has_value()) << database.error().what;
  EXPECT_EQ(database->size(), 6U);
}

TEST_F(Database, SpecificComesBeforeGenericAndGenericBeforeFuzzy) {
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"), "Penguin new");
  EXPECT_EQ(match("4:64+0:0:1460:29201,7:mss,sok,ts,nop,ws:df,id+:0"), "Penguin any (generic)");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df:0"), "Penguin any (fuzzy)");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:id-:0"), "Penguin any (fuzzy)");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+,ecn:0"), "Penguin any (fuzzy)");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+,seq-:0"), "none");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:+"), "none");
  EXPECT_EQ(match("4:64+0:4:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"), "none");
  EXPECT_EQ(match("4:64+0:0:1460:29200,7:mss,sok,ts,nop:df,id+:0"), "none");
}

TEST_F(Database, ADistanceThatCannotBeIsFuzzy) {
  EXPECT_EQ(match("4:29+35:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"), "Penguin new");
  EXPECT_EQ(match("4:28+36:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"), "Penguin any (fuzzy)");
  EXPECT_EQ(match("4:65+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"), "Penguin any (fuzzy)");
}

TEST_F(Database, TheFlowLabelIsNoDifference) {
  EXPECT_EQ(match("6:64+0:0:1440:28800,7:mss,sok,ts,nop,ws:flow:0"), "Penguin new");
  EXPECT_EQ(match("6:64+0:0:1440:28800,7:mss,sok,ts,nop,ws::0"), "Penguin new");
  EXPECT_EQ(match("6:60+0:0:1440:16384,3:mss,eol+1:flow:0"), "Puffin");
  EXPECT_EQ(match("6:60+0:0:1440:16384,3:mss,eol+1::0"), "Puffin");
}

TEST_F(Database, WindowsAndVersionsAreCompared) {
  EXPECT_EQ(match("4:64+0:0:1400:5760,1:mss,nop:df,id+:+"), "Puffin");  // 4 * (1400 + 40)
  EXPECT_EQ(match("4:64+0:0:1400:5600,1:mss,nop:df,id+:0"), "none");    // of the segment
  EXPECT_EQ(match("4:64+0:0:1399:5756,1:mss,nop:df,id+:0"), "none");
  EXPECT_EQ(match("4:55+9:0:1460:24576,1:mss,eol+2::0"), "Puffin");
  EXPECT_EQ(match("4:55+9:0:1460:24577,1:mss,eol+2::0"), "none");
  EXPECT_EQ(match("6:55+9:0:1460:24576,1:mss,eol+2::0"), "none");
  EXPECT_EQ(match("4:60+4:0:1440:16384,3:mss,eol+1::0"), "none");
}

TEST_F(Database, AToolIsWhatItIsOrItIsNot) {
  EXPECT_EQ(match("4:64+0:0:1460:1024,0:mss:df,id+:0"), "Mapper scan");
  EXPECT_EQ(match("4:3+29:0:1460:1024,0:mss:df,id+:0"), "Mapper scan");
  EXPECT_EQ(match("4:65+63:0:1460:1024,0:mss:df,id+:0"), "none");
  EXPECT_EQ(match("4:64+0:0:1460:1024,0:mss:df:0"), "none");
}

TEST_F(Database, AMatchNamesItsLine) {
  const auto found = database->match(facts("4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->line, 11U);
  EXPECT_EQ(found->group, "unix");
}

TEST(P0fDatabase, ErrorsNameTheLine) {
  const auto complaint = [](std::string_view line) {
    const auto read = P0fDatabase::parse("[tcp:request]\nlabel = s:unix:A:b\n" + std::string(line) + "\n");
    EXPECT_FALSE(read.has_value()) << line;
    return read ? "" : read.error().what;
  };
  EXPECT_EQ(complaint("sig = 5:64:0:*:*,*:mss::0"), "3: \"5\" is no IP version");
  EXPECT_EQ(complaint("sig = *:0:0:*:*,*:mss::0"), "3: \"0\" is no initial TTL");
  EXPECT_EQ(complaint("sig = *:200+56:0:*:*,*:mss::0"), "3: \"200+56\" is no initial TTL");
  EXPECT_EQ(complaint("sig = *:60+4-:0:*:*,*:mss::0"), "3: \"60+4-\" is no initial TTL");
  EXPECT_EQ(complaint("sig = *:64:256:*:*,*:mss::0"), "3: \"256\" is no length of IP options");
  EXPECT_EQ(complaint("sig = *:64:0:65536:*,*:mss::0"), "3: \"65536\" is no segment size");
  EXPECT_EQ(complaint("sig = *:64:0:*:mss*0,*:mss::0"), "3: \"0\" is no multiple");
  EXPECT_EQ(complaint("sig = *:64:0:*:mtu*1001,*:mss::0"), "3: \"1001\" is no multiple");
  EXPECT_EQ(complaint("sig = *:64:0:*:%1,*:mss::0"), "3: \"1\" is no window");
  EXPECT_EQ(complaint("sig = *:64:0:*:x,*:mss::0"), "3: \"x\" is no window");
  EXPECT_EQ(complaint("sig = *:64:0:*:1:mss::0"), "3: \"\" is no window scale");
  EXPECT_EQ(complaint("sig = *:64:0:*:*,*:mess::0"), "3: \"mess\" is no TCP option");
  EXPECT_EQ(complaint("sig = *:64:0:*:*,*:mss:dfx:0"), "3: there is no quirk \"dfx\"");
  EXPECT_EQ(complaint("sig = 6:64:0:*:*,*:mss:df:0"), "3: the quirk df does not occur in this IP version");
  EXPECT_EQ(complaint("sig = 4:64:0:*:*,*:mss:flow:0"), "3: the quirk flow does not occur in this IP version");
  EXPECT_EQ(complaint("sig = *:64:0:*:*,*:mss::1"), "3: \"1\" is no payload class");
  EXPECT_EQ(complaint("sig = *:64"),
            "3: a signature has eight parts: version:ttl:ip-options:mss:window,scale:options:quirks:payload");
  EXPECT_EQ(complaint("label = x:unix:A:"), "3: a label is s or g, a class, a name and a flavour: s:unix:Linux:3.x");
  EXPECT_EQ(complaint("what = ever"), "3: \"what\" is no key of this section (label, sig, sys)");
  EXPECT_EQ(complaint("whatever"), "3: a line is a section, or KEY = VALUE");
  EXPECT_EQ(complaint("[tcp"), "3: the name of a section does not end with ]");
  EXPECT_EQ(complaint(std::string(P0fDatabase::kLineMax + 1, ';')), "3: the line is too long");
  EXPECT_EQ(P0fDatabase::parse("[tcp:request]\nsig = *:64:0:*:*,*:mss::0\n").error().what,
            "2: a signature stands before the first label");
  EXPECT_FALSE(P0fDatabase::parse("").has_value());
  std::string many = "[tcp:request]\nlabel = s:unix:A:b\n";
  for (std::size_t i = 0; i <= P0fDatabase::kSignaturesMax; ++i) many += "sig = *:64:0:*:*,*:mss::0\n";
  EXPECT_EQ(P0fDatabase::parse(many).error().kind, ErrorKind::limit);
  const auto missing = P0fDatabase::load("/nonexistent/p0f.fp");
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace postern::fingerprint
