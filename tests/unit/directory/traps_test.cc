// Addresses where nobody is, and which are named so that mail to them tells something.
#include <gtest/gtest.h>

#include "directory/directory.h"
#include "unit/directory/domains.h"

namespace postern::directory {
namespace {

using testing::build;
using testing::domain;
using testing::Names;
using testing::problems;

constexpr WallMs kDay = 24LL * 3600 * 1000;
constexpr WallMs kNow = 1795000000000;

Disposition disposition(const Directory& directory, const std::string& local, const std::string& name = "example.org",
                        WallMs now = kNow) {
  const Resolution resolution = directory.resolve(smtp::Mailbox{local, smtp::Domain{name, {}}}, now);
  EXPECT_EQ(resolution.disposition == Disposition::local, !resolution.targets.empty()) << local;
  return resolution.disposition;
}

TEST(Traps, AreNobodyByName) {
  DomainOptions options = domain("example.org", {"alice", "bob"});
  options.traps = {"Sales2004", "alice+trap"};
  const auto directory = build({options});
  EXPECT_EQ(disposition(*directory, "sales2004"), Disposition::trap);
  EXPECT_EQ(disposition(*directory, "SALES2004+x"), Disposition::trap);
  EXPECT_EQ(disposition(*directory, "alice+trap"), Disposition::trap);  // the whole before its part
  EXPECT_EQ(disposition(*directory, "alice+other"), Disposition::local);
  EXPECT_EQ(disposition(*directory, "carol"), Disposition::unknown_user);
  EXPECT_TRUE(is_nobody(Disposition::trap) && is_nobody(Disposition::retired) && is_nobody(Disposition::unknown_user));
  EXPECT_FALSE(is_nobody(Disposition::local) || is_nobody(Disposition::foreign));
}

TEST(Traps, StandBeforeACatchAll) {
  DomainOptions boxes = domain("example.org", {"*"});
  boxes.traps = {"bait"};
  DomainOptions alias = domain("example.net", {"alice"}, {{"*", {"alice"}}});
  alias.retired = {{"old", kNow - kDay}};
  const auto directory = build({boxes, alias});
  EXPECT_EQ(disposition(*directory, "bait"), Disposition::trap);
  EXPECT_EQ(disposition(*directory, "anybody"), Disposition::local);
  EXPECT_EQ(disposition(*directory, "old", "example.net"), Disposition::retired);
  EXPECT_EQ(disposition(*directory, "anybody", "example.net"), Disposition::local);
}

TEST(Traps, ARetiredMailboxBecomesOne) {
  DomainOptions options = domain("example.org", {"alice"});
  options.retired = {{"Old", kNow - 100 * kDay}};
  const auto directory = build({options});
  EXPECT_EQ(disposition(*directory, "old"), Disposition::retired);
  EXPECT_EQ(disposition(*directory, "old", "example.org", kNow + 265 * kDay - 1), Disposition::retired);
  EXPECT_EQ(disposition(*directory, "old", "example.org", kNow + 265 * kDay), Disposition::trap);
  options.trap_after_ms = 99 * kDay;
  EXPECT_EQ(disposition(*build({options}), "old"), Disposition::trap);
  options.trap_after_ms = 0;
  EXPECT_EQ(disposition(*build({options}), "old", "example.org", kNow + 10000 * kDay), Disposition::retired);
}

TEST(Traps, AWholeDomain) {
  DomainOptions bait = domain("bait.example", {});
  bait.trap = true;
  DomainOptions with_people = domain("half.example", {"carol"}, {{"info", {"carol"}}});
  with_people.trap = true;
  const auto directory = build({domain("example.org", {"alice"}, {{"postmaster", {"alice"}}}), bait, with_people});
  EXPECT_EQ(disposition(*directory, "anybody", "bait.example"), Disposition::trap);
  EXPECT_EQ(disposition(*directory, "anybody", "half.example"), Disposition::trap);
  EXPECT_EQ(disposition(*directory, "info", "half.example"), Disposition::local);
  EXPECT_EQ(disposition(*directory, "carol+x", "half.example"), Disposition::local);
}

// Design invariant 4.
TEST(Traps, RoleAccountsAreNone) {
  DomainOptions bait = domain("bait.example", {});
  bait.trap = true;
  const auto directory = build({bait, domain("example.org", {"first", "alice"}, {{"postmaster", {"alice"}}})});
  for (const char* role : {"postmaster", "ABUSE"}) {
    const Resolution found = directory->resolve(smtp::Mailbox{role, smtp::Domain{"bait.example", {}}}, kNow);
    EXPECT_TRUE(found.role_account);
    ASSERT_EQ(found.targets.size(), 1U);
    EXPECT_EQ(found.targets[0].mailbox.text(), "alice@example.org");
  }
  EXPECT_EQ(disposition(*directory, "postmaster+x", "bait.example"), Disposition::unknown_user);
  EXPECT_EQ(problems({bait}), (Names{"domain bait.example: nobody would get the mail to its postmaster; write aliases "
                                     "= { postmaster = [\"ADDRESS\"] }"}));
  DomainOptions options = domain("example.org", {"alice"});
  options.traps = {"Abuse", "postmaster+x"};
  options.retired = {{"postmaster", kNow}};
  const Names found = problems({options});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], "domain example.org: traps: \"Abuse\" is a role account, which is always reachable; take it out");
}

TEST(Traps, WhatCannotBe) {
  DomainOptions options = domain("example.org", {"alice"}, {{"info", {"alice"}}});
  options.traps = {"ALICE", "info", "bait", "Bait", "*", "a@b"};
  options.retired = {{"bait", kNow}, {"x y", kNow}};
  const Names found = problems({options});
  ASSERT_EQ(found.size(), 7U);
  EXPECT_EQ(
      found[0],
      "domain example.org: traps: \"ALICE\" is a mailbox too, whose mail would go on; take it out of one of them");
  EXPECT_TRUE(found[1].starts_with("domain example.org: traps: \"info\" is an alias too")) << found[1];
  EXPECT_EQ(found[2], "domain example.org: traps: \"Bait\" is given twice; take one of them out");
  EXPECT_TRUE(found[3].starts_with("domain example.org: traps: \"*\" is no local part")) << found[3];
  EXPECT_TRUE(found[4].starts_with("domain example.org: traps: \"a@b\" is an address")) << found[4];
  EXPECT_EQ(found[5], "domain example.org: retired: \"bait\" is given twice; take one of them out");
  EXPECT_TRUE(found[6].starts_with("domain example.org: retired: ")) << found[6];
  DomainOptions any = domain("example.org", {"*"});
  any.trap = true;
  EXPECT_EQ(problems({any}), (Names{"domain example.org: has trap = true and takes any address with \"*\"; one of "
                                    "them can take the rest, not both"}));
  DomainOptions alias = domain("example.org", {"alice"}, {{"all", {"bait"}}});
  alias.traps = {"bait"};
  ASSERT_EQ(problems({alias}).size(), 1U);
}

}  // namespace
}  // namespace postern::directory
