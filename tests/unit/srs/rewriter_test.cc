#include "srs/rewriter.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/text.h"
#include "unit/temporary_folder.h"

namespace postern::srs {
namespace {

constexpr WallMs kNow = 1'795'000'000'000;
constexpr WallMs kDay = 86'400'000;

smtp::Mailbox address(std::string_view text) { return smtp::parse_mailbox(text, true).value(); }

struct RewriterTest : ::testing::Test {
  Rewriter ours{"secret of ours 123", "example.org"};
  Rewriter theirs{"secret of theirs 1", "fwd.example"};
};

TEST_F(RewriterTest, ASenderComesBack) {
  for (const char* sender :
       {"bob@example.net", "Bob+tag@sub.example.net", "a=b=c@example.net", "\"a b\"@example.net", "bob@[192.0.2.1]",
        "\"\"@example.net", "bounces+1234567-0123456789-alice=example.org@em1234.bulk.example.net"}) {
    const std::string made = ours.forward(address(sender), kNow);
    EXPECT_TRUE(made.ends_with("@example.org")) << made;
    const Reversed back = ours.reverse(address(made), kNow + kDay);
    EXPECT_EQ(back.state, State::good) << made;
    EXPECT_EQ(back.sender, address(sender));
  }
}

TEST_F(RewriterTest, TheFormIsTheSchemes) {
  const std::string made = ours.forward(address("bob@example.net"), kNow);
  EXPECT_TRUE(made.starts_with("SRS0="));
  EXPECT_EQ(split(made, '=').size(), 5U);
  EXPECT_TRUE(made.ends_with("=example.net=bob@example.org"));
  EXPECT_TRUE(is_rewritten("srs0+x=y"));
  EXPECT_FALSE(is_rewritten("SRS0"));
  EXPECT_FALSE(is_rewritten("SRS2=x=y"));
  EXPECT_FALSE(is_rewritten("srs.team"));
}

TEST_F(RewriterTest, ServersMayChangeTheCase) {
  const std::string made = lower(ours.forward(address("bob@example.net"), kNow));
  EXPECT_EQ(ours.reverse(address(made), kNow).state, State::good);
}

TEST_F(RewriterTest, WhatOthersMadeIsForged) {
  const std::string good = ours.forward(address("bob@example.net"), kNow);
  EXPECT_EQ(ours.reverse(address(theirs.forward(address("bob@example.net"), kNow)), kNow).state, State::forged);
  EXPECT_EQ(ours.reverse(address("bob@example.org"), kNow).state, State::other);
  EXPECT_EQ(ours.reverse(address("SRS0=x@example.org"), kNow).state, State::forged);
  // Any character of it but those of the domain of ours
  const std::size_t at = good.find('@');
  for (std::size_t i = 5; i < at; ++i) {
    std::string bad = good;
    bad[i] = ascii_lower(bad[i]) == 'q' ? 'x' : 'q';
    const auto parsed = smtp::parse_mailbox(bad, false);
    ASSERT_TRUE(parsed.has_value()) << bad;
    EXPECT_EQ(ours.reverse(*parsed, kNow).state, State::forged) << bad;
  }
}

TEST_F(RewriterTest, AnAddressIsGoodForThreeWeeks) {
  const smtp::Mailbox made = address(ours.forward(address("bob@example.net"), kNow));
  EXPECT_EQ(ours.reverse(made, kNow + kDaysMax * kDay).state, State::good);
  EXPECT_EQ(ours.reverse(made, kNow + (kDaysMax + 1) * kDay).state, State::expired);
  EXPECT_EQ(ours.reverse(made, kNow - kDay).state, State::expired);
  // The stamp comes round after 1024 days, over its wrap as well
  const WallMs last = (1024 * 30 - 1) * kDay;
  EXPECT_EQ(ours.reverse(address(ours.forward(address("b@example.net"), last)), last + 5 * kDay).state, State::good);
}

// Through two forwarders: the second names the first, and each gives a bounce back to the one before.
TEST_F(RewriterTest, ChainsDoNotGrow) {
  const Rewriter third("secret of the third", "third.example");
  const std::string first = theirs.forward(address("bob@example.net"), kNow);
  const std::string second = ours.forward(address(first), kNow);
  EXPECT_TRUE(second.starts_with("SRS1=") && second.ends_with("@example.org")) << second;
  const std::string last = third.forward(address(second), kNow);
  EXPECT_TRUE(last.starts_with("SRS1=") && last.ends_with("@third.example")) << last;
  EXPECT_EQ(last.size() - std::string("third.example").size(), second.size() - std::string("example.org").size());
  const Reversed back = third.reverse(address(last), kNow);
  ASSERT_EQ(back.state, State::good);
  EXPECT_EQ(back.sender.text(), first);
  EXPECT_EQ(ours.reverse(address(second), kNow).sender.text(), first);
  EXPECT_EQ(theirs.reverse(back.sender, kNow).sender.text(), "bob@example.net");
}

// What only looks rewritten is a sender like any other: nobody has us sign a hop that is none.
TEST_F(RewriterTest, AMalformedHopIsASender) {
  for (const char* sender : {"SRS1=x@example.net", "SRS1=x=victim.example@example.net", "SRS1=x==REST@example.net",
                             "SRS1=x=victim.example=M@example.net"}) {
    const std::string made = ours.forward(address(sender), kNow);
    EXPECT_TRUE(made.starts_with("SRS0=")) << made;
    EXPECT_EQ(ours.reverse(address(made), kNow).sender, address(sender));
  }
}

TEST_F(RewriterTest, TooLongStaysAsItIs) {
  const std::string domain =
      std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + ".example";
  const std::string shortest = "x@" + domain;
  const std::size_t rewritten = ours.forward(address(shortest), kNow).size();
  ASSERT_LT(rewritten, smtp::kPathMax - 2);
  const std::size_t room = smtp::kPathMax - 2 - rewritten;
  const std::string fits = std::string(room + 1, 'x') + "@" + domain;
  EXPECT_EQ(ours.forward(address(fits), kNow).size(), smtp::kPathMax - 2);
  EXPECT_EQ(ours.reverse(address(ours.forward(address(fits), kNow)), kNow).state, State::good);
  EXPECT_EQ(ours.forward(address("x" + fits), kNow), "x" + fits);
}

TEST(Secret, IsMadeOnceAndForItsOwnerAlone) {
  const ::postern::testing::TemporaryFolder folder;
  const std::string path = folder.at("srs.secret");
  const auto made = load_secret(path);
  ASSERT_TRUE(made.has_value()) << made.error().what;
  EXPECT_GE(made->size(), kSecretMin);
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(load_secret(path).value(), *made);
  std::ofstream(path) << "short\n";
  EXPECT_EQ(load_secret(path).error().kind, ErrorKind::invalid);
  EXPECT_FALSE(load_secret(path + "/nowhere/x").has_value());
}

}  // namespace
}  // namespace postern::srs
