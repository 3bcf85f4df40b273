#include "signals/identity.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "suffixes.h"

namespace postern::signals {
namespace {

using evidence::value::Rdns;
using spf::MatchedBy;
using spf::Outcome;
using test::address_of;
using test::name_of;

constexpr std::string_view kV4 = "198.51.100.7";
constexpr std::string_view kV6 = "2001:db8:1:2:3:4:5:6";

smtp::Path path(std::string_view text) {
  const auto parsed = smtp::parse_path("<" + std::string(text) + ">", true, true);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().what;
  return parsed ? parsed->path : smtp::Path();
}

spf::Evaluation passed(MatchedBy by, std::uint8_t bits, Outcome outcome = Outcome::pass) {
  spf::Evaluation out;
  out.outcome = outcome;
  out.domain = "bounce.Firm.example";
  out.matched_by = by;
  out.matched_bits = bits;
  return out;
}

ReverseDns reverse(Rdns state, std::string_view organisation = "", std::string_view name = "") {
  ReverseDns out;
  out.state = state;
  if (!name.empty()) out.name = name_of(name);
  if (!organisation.empty()) out.organisation = name_of(organisation);
  return out;
}

TEST(Identity, TheFirstThatHolds) {
  const ReverseDns confirmed = reverse(Rdns::mail, "hoster.example", "mx7.hoster.example");
  const auto text = [&](std::string_view client, const spf::Evaluation& spf) {
    return identity_of(address_of(client), &spf, confirmed).text;
  };
  EXPECT_EQ(text(kV4, passed(MatchedBy::network, 24)), "spf:bounce.firm.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::network, 8)), "spf:bounce.firm.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::host, 32)), "spf:bounce.firm.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::exists, 32)), "spf:bounce.firm.example");
  EXPECT_EQ(text(kV6, passed(MatchedBy::network, 16)), "spf:bounce.firm.example");
  // a pass that is one for everybody
  EXPECT_EQ(text(kV4, passed(MatchedBy::network, 7)), "rdns:hoster.example");
  EXPECT_EQ(text(kV6, passed(MatchedBy::network, 15)), "rdns:hoster.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::host, 0)), "rdns:hoster.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::all, 0)), "rdns:hoster.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::exists, 0)), "rdns:hoster.example");
  EXPECT_EQ(text(kV4, passed(MatchedBy::ptr, 32)), "rdns:hoster.example");
  for (const Outcome outcome :
       {Outcome::none, Outcome::neutral, Outcome::fail, Outcome::softfail, Outcome::temperror, Outcome::permerror}) {
    EXPECT_EQ(text(kV4, passed(MatchedBy::network, 24, outcome)), "rdns:hoster.example");
  }
  EXPECT_EQ(identity_of(address_of(kV4), nullptr, reverse(Rdns::mail, "firm.co.uk")).text, "rdns:firm.co.uk");
  for (const Rdns state : {Rdns::unknown, Rdns::none, Rdns::unconfirmed, Rdns::generic}) {
    EXPECT_EQ(identity_of(address_of(kV4), nullptr, reverse(state, "isp.example")).text, "net:198.51.100.0/24");
    EXPECT_EQ(identity_of(address_of(kV6), nullptr, reverse(state, "isp.example")).text, "net:2001:db8:1:2::/64");
  }
  // Hosters name each customer's machine below their own domain: what one has earned is not the others'
  EXPECT_EQ(
      identity_of(address_of(kV4), nullptr, reverse(Rdns::confirmed, "hoster.example", "vmi1234567.hoster.example"))
          .text,
      "name:vmi1234567.hoster.example");
  EXPECT_EQ(network_identity(address_of(kV4)).text, "net:198.51.100.0/24");
  EXPECT_EQ(network_identity(address_of("64:ff9b::8.8.8.8")).text, "net:8.8.8.0/24") << "behind a translator";
  EXPECT_EQ(identity_of(address_of(kV4), nullptr, reverse(Rdns::confirmed)).kind, IdentityKind::net);
}

TEST(Identity, CorrespondentsAreTheSameHoweverTheyAreWritten) {
  EXPECT_EQ(correspondent("Fred@Friend.Example"), "fred@friend.example");
  EXPECT_EQ(correspondent("prvs=1234abcdef=Fred@friend.example"), "fred@friend.example");
  EXPECT_EQ(correspondent("PRVS=1234ABCDEF=fred@friend.example"), "fred@friend.example");
  EXPECT_EQ(correspondent("msprvs1=18a8x:b=fred@friend.example"), "fred@friend.example");
  EXPECT_EQ(correspondent("btv1==0123456789a==fred@friend.example"), "fred@friend.example");
  EXPECT_EQ(correspondent("prvs=fred@friend.example"), "prvs=fred@friend.example");
  EXPECT_EQ(correspondent("fred+list@friend.example"), "fred+list@friend.example") << "somebody else, for all we know";
  EXPECT_EQ(correspondent(""), "");
}

TEST(Identity, SendersWithoutWhatChanges) {
  struct Case {
    std::string_view from, normalised;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", ""},
           {"Bob@Firm.Example", "bob@firm.example"},
           {"bob+news@firm.example", "bob@firm.example"},
           {"bob17@firm.example", "bob#@firm.example"},
           {"bob1984@firm.example", "bob#@firm.example"},
           {"list-return-4711-alice=example.org@lists.example", "list-return-#-alice@lists.example"},
           {"bounces-12-34.56@news.example", "bounces-#-#.#@news.example"},
           {"prvs=1234567890=bob@firm.example", "bob@firm.example"},
           {"PRVS=0a1b2c3d4e=Bob.Smith@firm.example", "bob.smith@firm.example"},
           {"msprvs1=18abcXYZ=bounces-4711@firm.example", "bounces-#@firm.example"},
           {"btv1==123abc==bob@firm.example", "bob@firm.example"},
           {"prvs=bob@firm.example", "prvs@firm.example"},
           {"SRS0=HHH=TT=orig.example=bob+x@fwd.example", "bob@orig.example@fwd.example"},
           {"SRS0+yf09=Cw=orig.example=bob17@fwd.example", "bob#@orig.example@fwd.example"},
           {"srs0-hhh=tt=orig.example=bob@fwd.example", "bob@orig.example@fwd.example"},
           {"SRS1=HHH=fwd.example==HHH=TT=orig.example=bob@fwd2.example", "bob@orig.example@fwd2.example"},
           {"SRS0=HHH=TT@fwd.example", "srs#@fwd.example"},
           {"srs0@fwd.example", "srs#@fwd.example"},
           {"01000156e598abcd-3f2a9c1d-12ab-4d1e-9f00-7d3b4c5e6f70-000000@ses.example", "#-#-#-#-#-#-#@ses.example"},
           {"bounce+9d3c1f.4a5b6c-bob=example.org@mg.example", "bounce@mg.example"},
           {"\"odd local\"@[192.0.2.1]", "odd local@[192.0.2.1]"},
           {"+@firm.example", "@firm.example"},
       }) {
    EXPECT_EQ(normalised_sender(path(c.from)), c.normalised) << c.from;
  }
}

TEST(Identity, KeysHoldTheirPartsApart) {
  const Identity identity{.kind = IdentityKind::spf, .text = "spf:firm.example"};
  EXPECT_EQ(strong_key_text(identity, path("bob7@firm.example"), "Alice@Example.Org"),
            "strong,16:spf:firm.example17:bob#@firm.example17:alice@example.org");
  EXPECT_EQ(weak_key_text(path("bob8@firm.example"), "alice@example.org"),
            "weak,17:bob#@firm.example17:alice@example.org");
  EXPECT_EQ(weak_key_text(path(""), "alice@example.org"), "weak,0:17:alice@example.org");
  EXPECT_NE(strong_key_text({.text = "net:a"}, path(""), "b"), strong_key_text({.text = "net:"}, path(""), "ab"));
}

}  // namespace
}  // namespace postern::signals
