#include "directory/directory.h"
#include "unit/directory/domains.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace postern::directory {
namespace {

using testing::build;
using testing::domain;
using testing::Names;
using testing::problems;

constexpr WallMs kNow = 1795000000000;

smtp::Mailbox at(const std::string& local, const std::string& domain_name) {
  return smtp::Mailbox{local, smtp::Domain{domain_name, {}}};
}

Names targets(const Directory& directory, const std::string& local, const std::string& domain_name = "example.org") {
  Names out;
  for (const Target& target : directory.resolve(at(local, domain_name), kNow).targets) {
    out.push_back(target.mailbox.local + "@" + target.mailbox.domain.name + (target.transport ? "" : " (foreign)"));
  }
  return out;
}

TEST(Directory, KnownUnknownAndForeign) {
  const auto directory = build({domain("example.org", {"alice", "Bob"})});
  EXPECT_EQ(directory->resolve(at("alice", "example.org"), kNow).disposition, Disposition::local);
  EXPECT_EQ(directory->resolve(at("carol", "example.org"), kNow).disposition, Disposition::unknown_user);
  EXPECT_TRUE(directory->resolve(at("carol", "example.org"), kNow).targets.empty());
  EXPECT_EQ(directory->resolve(at("alice", "example.net"), kNow).disposition, Disposition::foreign);
  EXPECT_TRUE(directory->has_domain("example.org"));
  EXPECT_FALSE(directory->has_domain("example.net"));
  EXPECT_EQ(directory->mailbox_count(), 2U);
  const Resolution resolved = directory->resolve(at("alice", "example.org"), kNow);
  ASSERT_EQ(resolved.targets.size(), 1U);
  ASSERT_NE(resolved.targets[0].transport, nullptr);
  EXPECT_EQ(resolved.targets[0].transport->text(), "maildir:example.org/{user}");
  EXPECT_EQ(directory->transport(at("gone", "example.org")), resolved.targets[0].transport);
  EXPECT_EQ(directory->transport(at("alice", "example.net")), nullptr);
}

TEST(Directory, CaseDoesNotCountUnlessAskedFor) {
  const auto folded = build({domain("example.org", {"Alice"})});
  EXPECT_EQ(targets(*folded, "aLICE"), (Names{"alice@example.org"}));
  DomainOptions strict = domain("example.org", {"Alice"}, {{"Postmaster", {"Alice"}}});
  strict.case_sensitive = true;
  const auto exact = build({strict});
  EXPECT_EQ(targets(*exact, "Alice"), (Names{"Alice@example.org"}));
  EXPECT_TRUE(targets(*exact, "alice").empty());
  // RFC 5321 4.5.1: postmaster is found in any case all the same
  EXPECT_EQ(targets(*exact, "pOSTMASTER"), (Names{"Alice@example.org"}));
}

TEST(Directory, TheOrderOfLookUps) {
  const auto directory = build({domain("example.org", {"alice", "sales", "sales+eu", "x+y"},
                                       {{"sales", {"alice"}}, {"info", {"sales+eu"}}, {"x", {"alice"}}})});
  EXPECT_EQ(targets(*directory, "sales"), (Names{"alice@example.org"}));        // alias before mailbox
  EXPECT_EQ(targets(*directory, "sales+eu"), (Names{"sales+eu@example.org"}));  // whole mailbox before its part
  EXPECT_EQ(targets(*directory, "sales+us"), (Names{"alice@example.org"}));     // part as alias
  EXPECT_EQ(targets(*directory, "alice+a+b"), (Names{"alice@example.org"}));    // part before the first separator
  EXPECT_EQ(targets(*directory, "info+x"), (Names{"sales+eu@example.org"}));
  EXPECT_EQ(targets(*directory, "x+y"), (Names{"x+y@example.org"}));
  EXPECT_TRUE(targets(*directory, "+alice").empty());
  EXPECT_TRUE(targets(*directory, "nobody+x").empty());
}

TEST(Directory, PlusAddressingCanBeChangedAndSwitchedOff) {
  DomainOptions dash = domain("example.org", {"alice"});
  dash.plus = "-";
  EXPECT_EQ(targets(*build({dash}), "alice-x"), (Names{"alice@example.org"}));
  EXPECT_TRUE(targets(*build({dash}), "alice+x").empty());
  dash.plus = "";
  EXPECT_TRUE(targets(*build({dash}), "alice-x").empty());
  EXPECT_EQ(targets(*build({dash}), "alice"), (Names{"alice@example.org"}));
}

// What the policy knows a recipient by: what is put behind an address must not evade the rules for it.
TEST(Directory, TheAddressThatMatched) {
  DomainOptions options =
      domain("example.org", {"Alice", "sales+eu"}, {{"boss", {"alice"}}, {"postmaster", {"alice"}}});
  options.traps = {"bait"};
  options.retired = {{"old", kNow}};
  DomainOptions strict = domain("example.com", {"Carol"});
  strict.case_sensitive = true;
  const auto directory = build({options, domain("example.net", {"*"}), strict});
  const auto address = [&](const std::string& local, const std::string& name = "example.org") {
    return directory->resolve(at(local, name), kNow).address;
  };
  EXPECT_EQ(address("alice"), "alice@example.org");
  EXPECT_EQ(address("aLICE+x+y"), "alice@example.org");
  EXPECT_EQ(address("boss+x"), "boss@example.org") << "the alias, and not where it leads";
  EXPECT_EQ(address("sales+eu"), "sales+eu@example.org");
  EXPECT_EQ(address("bait+x"), "bait@example.org");
  EXPECT_EQ(address("old+x"), "old@example.org");
  EXPECT_EQ(address("Anybody+x", "example.net"), "anybody@example.net");
  EXPECT_EQ(address("Carol+X", "example.com"), "Carol@example.com");
  EXPECT_EQ(address("Nobody+x"), "Nobody+x@example.org") << "as it was named where nothing matched";
  EXPECT_EQ(address("carol", "example.com"), "carol@example.com");
  EXPECT_EQ(address("X+y", "elsewhere.example"), "X+y@elsewhere.example");
  EXPECT_EQ(address("PostMaster"), "postmaster@example.org");
  EXPECT_EQ(address("postmaster", ""), "postmaster@example.org");
  EXPECT_EQ(address("Abuse", "example.com"), "abuse@example.com") << "of a domain that names none";
  EXPECT_EQ(address("postmaster+x"), "postmaster+x@example.org") << "no role account";
  const auto all = build({domain("example.org", {"bob"}, {{"*", {"bob"}}})});
  EXPECT_EQ(all->resolve(at("ceo+x", "example.org"), kNow).address, "ceo@example.org");
}

TEST(Directory, CatchAll) {
  const auto any = build({domain("example.org", {"alice", "*"}, {{"info", {"alice"}}})});
  EXPECT_EQ(targets(*any, "Anybody"), (Names{"anybody@example.org"}));
  EXPECT_EQ(targets(*any, "anybody+tag"), (Names{"anybody@example.org"}));
  EXPECT_EQ(targets(*any, "info"), (Names{"alice@example.org"}));
  EXPECT_EQ(targets(*any, "postmaster"), (Names{"postmaster@example.org"}));
  const auto alias = build({domain("example.org", {"alice", "bob"}, {{"*", {"bob"}}})});
  EXPECT_EQ(targets(*alias, "anybody"), (Names{"bob@example.org"}));
  EXPECT_EQ(targets(*alias, "alice"), (Names{"alice@example.org"}));
  EXPECT_EQ(targets(*alias, "alice+x"), (Names{"alice@example.org"}));
}

TEST(Directory, RoleAccountsAreAlwaysReachable) {
  const auto directory =
      build({domain("example.org", {"carol", "alice"}), domain("example.net", {}, {{"all", {"x@example.com"}}}),
             domain("example.com", {"x"}, {{"abuse", {"x"}}})});
  for (const char* role : {"postmaster", "PostMaster", "abuse", "ABUSE"}) {
    const Resolution resolved = directory->resolve(at(role, "example.org"), kNow);
    EXPECT_TRUE(resolved.role_account);
    EXPECT_EQ(resolved.disposition, Disposition::local);
    EXPECT_EQ(targets(*directory, role), (Names{"carol@example.org"}));
  }
  EXPECT_EQ(targets(*directory, "abuse", "example.net"), (Names{"x@example.com"}));
  EXPECT_EQ(targets(*directory, "abuse", "example.com"), (Names{"x@example.com"}));
  EXPECT_FALSE(directory->resolve(at("carol", "example.org"), kNow).role_account);
  EXPECT_FALSE(directory->resolve(at("postmaster", "elsewhere.example"), kNow).role_account);
  // RFC 5321 4.5.1: the bare <postmaster> is that of the first domain
  const Resolution bare = directory->resolve(at("Postmaster", ""), kNow);
  EXPECT_TRUE(bare.role_account);
  ASSERT_EQ(bare.targets.size(), 1U);
  EXPECT_EQ(bare.targets[0].mailbox.text(), "carol@example.org");
}

TEST(Directory, AliasesLeadThroughAliasesDomainsAndOut) {
  const auto directory = build({
      domain("example.org", {"alice", "bob"},
             {{"team", {"alice", "bob", "away@elsewhere.example"}},
              {"all", {"team", "alice", "TEAM", "info@example.net"}},
              {"alice", {"alice", "copy@elsewhere.example"}}}),
      domain("example.net", {"carol"}, {{"info", {"carol", "bob@example.org"}}}),
  });
  EXPECT_EQ(targets(*directory, "team"), (Names{"alice@example.org", "copy@elsewhere.example (foreign)",
                                                "bob@example.org", "away@elsewhere.example (foreign)"}));
  EXPECT_EQ(targets(*directory, "all"),
            (Names{"alice@example.org", "copy@elsewhere.example (foreign)", "bob@example.org",
                   "away@elsewhere.example (foreign)", "carol@example.net"}));
  // An alias that names itself keeps the copy in the mailbox of its name.
  EXPECT_EQ(targets(*directory, "alice"), (Names{"alice@example.org", "copy@elsewhere.example (foreign)"}));
}

TEST(Directory, DomainsCompareInTheirALabelForm) {
  const auto directory = build({domain("M\xC3\xBCnchen.example", {"alice"})});
  EXPECT_TRUE(directory->has_domain("xn--mnchen-3ya.example"));
  EXPECT_EQ(targets(*directory, "alice", "xn--mnchen-3ya.example"), (Names{"alice@xn--mnchen-3ya.example"}));
  EXPECT_EQ(problems({domain("m\xC3\xBCnchen.example", {"a"}), domain("xn--mnchen-3ya.EXAMPLE", {"a"})}),
            (Names{"domain xn--mnchen-3ya.example: is configured twice; join the two"}));
}

std::vector<std::pair<std::string, Names>> chain(std::size_t length) {
  std::vector<std::pair<std::string, Names>> aliases;
  for (std::size_t i = 0; i < length; ++i) {
    aliases.push_back({"a" + std::to_string(i), {i + 1 == length ? "alice" : "a" + std::to_string(i + 1)}});
  }
  return aliases;
}

TEST(Directory, AliasesAreAtMostTenDeepWhereverTheyBegin) {
  EXPECT_EQ(targets(*build({domain("example.org", {"alice"}, chain(10))}), "a0"), (Names{"alice@example.org"}));
  const Names expected{"domain example.org: alias \"a0\" leads through more than 10 aliases; name its ends directly"};
  auto aliases = chain(11);
  EXPECT_EQ(problems({domain("example.org", {"alice"}, aliases)}), expected);
  std::reverse(aliases.begin(), aliases.end());
  EXPECT_EQ(problems({domain("example.org", {"alice"}, aliases)}), expected);
  EXPECT_FALSE(problems({domain("example.org", {"alice"}, chain(5000))}).empty());
}

TEST(Directory, LoopsAreFoundAndShown) {
  EXPECT_EQ(problems({domain("example.org", {"x"}, {{"a", {"b"}}, {"b", {"c@example.net"}}}),
                      domain("example.net", {"x"}, {{"c", {"A@EXAMPLE.org"}}})}),
            (Names{"domain example.net: alias \"c\" names \"A@EXAMPLE.org\", which is a loop: a@example.org -> "
                   "b@example.org -> c@example.net -> a@example.org; take one of them out"}));
  EXPECT_EQ(
      problems({domain("example.org", {"x"}, {{"a", {"a"}}})}),
      (Names{"domain example.org: alias \"a\" names \"a\", which is itself, and there is no mailbox of that name; "
             "add the mailbox, or name another"}));
}

TEST(Directory, EveryProblemIsToldWithItsRemedy) {
  EXPECT_EQ(problems({domain("example.org", {"alice", "bob"}, {{"sales", {"alcie"}}, {"info", {"zzzzzz"}}})}),
            (Names{"domain example.org: alias \"sales\" names \"alcie\", which is neither a mailbox nor an alias of "
                   "example.org; did you mean \"alice\"?",
                   "domain example.org: alias \"info\" names \"zzzzzz\", which is neither a mailbox nor an alias of "
                   "example.org; add it to mailboxes, or name one of those"}));
  EXPECT_EQ(problems({domain("example.org", {"alice"}, {{"x", {}}, {"y", {"alice"}}, {"Y", {"alice"}}})}),
            (Names{"domain example.org: alias \"x\" names nobody; give it at least one address, or remove it",
                   "domain example.org: alias \"Y\" is given twice (case does not count); join the two lists"}));
  EXPECT_EQ(problems({domain("example.org", {"*"}, {{"*", {"alice"}}})}),
            (Names{"domain example.org: has \"*\" as mailbox and as alias; one of them can take the rest, not both"}));
  const Names none = problems({domain("example.org", {})});
  ASSERT_EQ(none.size(), 1U);
  EXPECT_TRUE(none[0].starts_with("domain example.org: has no mailbox and no alias")) << none[0];
  const Names bad_name = problems({domain("exa mple..org", {"a"})});
  ASSERT_EQ(bad_name.size(), 1U);
  EXPECT_TRUE(bad_name[0].starts_with("domain \"exa mple..org\" is not a domain name")) << bad_name[0];
  const Names bad_box = problems({domain("example.org", {"a@b"})});
  ASSERT_EQ(bad_box.size(), 1U);
  EXPECT_EQ(bad_box[0], "domain example.org: mailboxes: \"a@b\" is an address; write what stands before the @ alone");
  const Names bad_target = problems({domain("example.org", {"a"}, {{"x", {"a b"}}, {"y", {"*"}}})});
  ASSERT_EQ(bad_target.size(), 2U);
  EXPECT_NE(bad_target[0].find("names \"a b\", which is neither a local part nor an address"), std::string::npos);
  EXPECT_EQ(bad_target[1], "domain example.org: alias \"y\" names \"*\", which is not an address");
}

TEST(Directory, TheFirstErrorCarriesItsLineAndTheNumberOfOthers) {
  DomainOptions first = domain("example.org", {});
  first.line = 7;
  DomainOptions second = domain("example.org", {"a"});
  second.line = 12;
  const auto built = Directory::build({first, second});
  ASSERT_FALSE(built);
  EXPECT_TRUE(built.error().what.starts_with("line 7: domain example.org: has no mailbox")) << built.error().what;
  EXPECT_TRUE(built.error().what.ends_with("(and 1 more problems)")) << built.error().what;
  std::vector<Directory::Problem> found;
  EXPECT_EQ(Directory::build({first, second}, found), nullptr);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].line, 12);
  EXPECT_EQ(found[1].what, "domain example.org: is configured twice, first at line 7; join the two");
}

TEST(Directory, MailboxesComeFromAFileToo) {
  const postern::testing::TemporaryFolder folder;
  DomainOptions options = domain("example.org", {"alice"});
  options.mailboxes_file = folder.write("boxes", "bob\nCarol\n");
  const auto directory = build({options});
  EXPECT_EQ(targets(*directory, "carol"), (Names{"carol@example.org"}));
  EXPECT_EQ(targets(*directory, "alice"), (Names{"alice@example.org"}));
  EXPECT_EQ(directory->watched_files(), (Names{options.mailboxes_file}));
  options.mailboxes_file = folder.write("bad", "bob\nx y\n");
  const Names bad = problems({options});
  ASSERT_EQ(bad.size(), 1U);
  EXPECT_TRUE(bad[0].starts_with(options.mailboxes_file + ":2: ")) << bad[0];
}

TEST(Directory, TwoHundredThousandMailboxesFitInTwentyMebibytes) {
  const postern::testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "firstname.lastname" + std::to_string(i) + "\n";
  DomainOptions options = domain("example.org", {});
  options.mailboxes_file = folder.write("boxes", text);
  const auto directory = build({options});
  EXPECT_EQ(directory->mailbox_count(), 200000U);
  EXPECT_LT(directory->memory(), 20U << 20);
  EXPECT_EQ(targets(*directory, "Firstname.Lastname199999"), (Names{"firstname.lastname199999@example.org"}));
  EXPECT_TRUE(targets(*directory, "firstname.lastname200000").empty());
}

TEST(Directory, NobodyIsHereWithoutDomains) {
  const auto directory = build({});
  EXPECT_EQ(directory->resolve(at("postmaster", ""), kNow).disposition, Disposition::foreign);
  EXPECT_EQ(directory->resolve(at("a", "example.org"), kNow).disposition, Disposition::foreign);
}

}  // namespace
}  // namespace postern::directory
