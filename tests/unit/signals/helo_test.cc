#include "signals/helo.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/json.h"
#include "dns/fixture.h"
#include "suffixes.h"

namespace postern::signals {
namespace {

using evidence::value::Helo;
using evidence::value::HeloMatch;
using evidence::value::Rdns;
using test::address_of;
using test::name_of;

constexpr std::string_view kV4 = "198.51.100.7";
constexpr std::string_view kV6 = "2001:db8:1::7";

HeloForm classify(std::string_view argument, std::string_view client = kV4) {
  static const std::array names{name_of("mx.example.org"), name_of("example.org")};
  static const std::array addresses{address_of("192.0.2.25"), address_of("2001:db8::25")};
  return classify_helo(argument, address_of(client), {names, addresses});
}

TEST(Helo, Forms) {
  struct Case {
    std::string_view argument;
    Helo state;
    std::string_view client = kV4;
  };
  constexpr std::array kCases = std::to_array<Case>({
      {"", Helo::unknown},
      {"mail.firm.example", Helo::name},
      {"MAIL.firm.EXAMPLE.", Helo::name},
      {"win_pc-3.firm.example", Helo::name},
      {"xn--mnchen-3ya.example", Helo::name},
      {"PC-4711", Helo::unqualified},
      {"ylmf-pc", Helo::unqualified},
      {"com.", Helo::unqualified},
      {"[198.51.100.7]", Helo::literal},
      {"[198.51.100.7]", Helo::wrong_literal, kV6},
      {"[IPv6:2001:db8:1::7]", Helo::literal, kV6},
      {"[ipv6:2001:DB8:1:0:0:0:0:7]", Helo::literal, kV6},
      {"[IPv6:::ffff:198.51.100.7]", Helo::literal},
      {"[2001:db8:1::7]", Helo::wrong_literal, kV6},
      {"[IPv6:198.51.100.7]", Helo::wrong_literal},
      {"[192.168.1.2]", Helo::wrong_literal},
      {"[198.51.100.007]", Helo::wrong_literal},
      {"[198.51.100.7", Helo::wrong_literal},
      {"[198.51.100.7]]", Helo::wrong_literal},
      {"[]", Helo::wrong_literal},
      {"[", Helo::wrong_literal},
      {"[mail.firm.example]", Helo::wrong_literal},
      {"[IPv6:fe80::1%lo]", Helo::wrong_literal, "fe80::1"},
      {"198.51.100.7", Helo::bare_address},
      {"203.0.113.9", Helo::bare_address},
      {"2001:db8:1::7", Helo::bare_address, kV6},
      {"IPv6:2001:db8:1::7", Helo::bare_address, kV6},
      {"mx.example.org", Helo::own},
      {"MX.Example.ORG.", Helo::own},
      {"example.org", Helo::own},
      {"[192.0.2.25]", Helo::own},
      {"192.0.2.25", Helo::own},
      {"[IPv6:2001:db8::25]", Helo::own},
      {"[2001:db8::25]", Helo::own},
      {"2001:db8:0::25", Helo::own},
      {"sub.example.org", Helo::name},
      // from ourselves it is no forgery
      {"mx.example.org", Helo::name, "192.0.2.25"},
      {"mx.example.org", Helo::name, "127.0.0.1"},
      {"mx.example.org", Helo::name, "::1"},
      {"[192.0.2.25]", Helo::literal, "192.0.2.25"},
      {"localhost", Helo::localhost},
      {"LOCALHOST.localdomain", Helo::localhost},
      {"pc.localdomain", Helo::localhost},
      {"a.localhost", Helo::localhost},
      {"10.0.0.300", Helo::invalid},
      {"1234", Helo::invalid},
      {"mail.123", Helo::invalid},
      {"-mail.firm.example", Helo::invalid},
      {"mail-.firm.example", Helo::invalid},
      {"mail..firm.example", Helo::invalid},
      {".", Helo::invalid},
      {"a b.example", Helo::invalid},
      {"a@b.example", Helo::invalid},
      {"caf\xc3\xa9.example", Helo::invalid},
      {"x;drop.example", Helo::invalid},
      {"fe80::1%eth0", Helo::invalid},
  });
  for (const Case& c : kCases) {
    const HeloForm got = classify(c.argument, c.client);
    EXPECT_EQ(got.state, c.state) << c.argument << " of " << c.client;
    if (c.state == Helo::name) EXPECT_TRUE(got.name) << c.argument;
    if (c.state == Helo::literal) EXPECT_EQ(got.address, address_of(c.client)) << c.argument;
  }
  EXPECT_EQ(classify(std::string(254, 'a')).state, Helo::invalid);
  EXPECT_EQ(classify(std::string(64, 'a') + ".example").state, Helo::invalid);
  EXPECT_EQ(classify(std::string(63, 'a') + ".example").state, Helo::name);
}

ReverseDns reverse_of(std::string_view name, bool confirmed, std::vector<std::string_view> more = {}) {
  ReverseDns out;
  out.state = name.empty() ? Rdns::none : confirmed ? Rdns::confirmed : Rdns::unconfirmed;
  out.name = name_of(name);
  out.confirmed = confirmed;
  if (confirmed) out.organisation = test::suffixes().registrable_domain(out.name);
  if (!name.empty()) out.names.push_back(out.name);
  for (const std::string_view other : more) out.names.push_back(name_of(other));
  return out;
}

struct Matched {
  HeloMatch match = HeloMatch::unknown;
  std::uint32_t asked = 0;
};

Matched match(std::string_view argument, const ReverseDns& reverse, std::string_view client = kV4,
              const std::string& zone = "{}") {
  dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(zone)));
  dns::Budget budget;
  const HeloForm form = classify(argument, client);
  const HeloMatch got = run_ready(match_helo(form, address_of(client), reverse, test::suffixes(), resolver, budget));
  return {got, budget.asked()};
}

TEST(Helo, StrongestAgreementFirst) {
  const std::string here = R"({"mx.firm.example": {"A": ["198.51.100.7"], "AAAA": ["2001:db8:1::7"]},
                               "other.example": {"A": ["203.0.113.1", "198.51.100.7"]}})";
  EXPECT_EQ(match("mx.firm.example", reverse_of("mx.firm.example", true)).match, HeloMatch::ptr);
  EXPECT_EQ(match("mx.firm.example", reverse_of("mx.firm.example", true)).asked, 0U);
  EXPECT_EQ(match("smtp.firm.example", reverse_of("mx.firm.example", true)).match, HeloMatch::organisation);
  EXPECT_EQ(match("smtp.firm.example", reverse_of("mx.firm.example", true)).asked, 0U);
  // one of several names, which nobody has confirmed yet
  const ReverseDns several = reverse_of("www.firm.example", true, {"mx.firm.example"});
  EXPECT_EQ(match("mx.firm.example", several, kV4, here).match, HeloMatch::ptr);
  EXPECT_EQ(match("mx.firm.example", several, kV6, here).match, HeloMatch::ptr);
  EXPECT_EQ(match("mx.firm.example", several).match, HeloMatch::organisation);
  EXPECT_EQ(match("other.example", reverse_of("mx.firm.example", true), kV4, here).match, HeloMatch::address);
  EXPECT_EQ(match("other.example", reverse_of("", false), kV4, here).match, HeloMatch::address);
  EXPECT_EQ(match("other.example", reverse_of("mx.firm.example", true), kV6, here).match, HeloMatch::differs);
  // Whoever owns an address may let it point anywhere: what does not point back agrees with nothing.
  const std::string elsewhere =
      R"({"mx.firm.example": {"A": ["203.0.113.9"]}, "a.firm.example": {"A": ["203.0.113.9"]}})";
  EXPECT_EQ(match("mx.firm.example", reverse_of("mx.firm.example", false), kV4, elsewhere).match, HeloMatch::differs);
  EXPECT_EQ(match("a.firm.example", reverse_of("mx.firm.example", false), kV4, elsewhere).match, HeloMatch::differs);
}

TEST(Helo, ANameWithoutAnAddressIsToldFromOneThatIsElsewhere) {
  const ReverseDns none = reverse_of("", false);
  const std::string zone = R"({"v4.example": {"A": ["203.0.113.1"]}, "v6.example": {"AAAA": ["2001:db8:9::1"]},
                               "bare.example": {"TXT": ["x"]}})";
  EXPECT_EQ(match("nowhere.example", none, kV4, zone).match, HeloMatch::no_address);
  EXPECT_EQ(match("nowhere.example", none, kV4, zone).asked, 1U) << "what does not exist has none of the other family";
  EXPECT_EQ(match("nowhere.example", reverse_of("mx.firm.example", true), kV6, zone).match, HeloMatch::no_address);
  for (const std::string_view client : {kV4, kV6}) {
    EXPECT_EQ(match("bare.example", none, client, zone).match, HeloMatch::no_address) << client;
    EXPECT_EQ(match("v4.example", none, client, zone).match, HeloMatch::differs) << client;
    EXPECT_EQ(match("v6.example", none, client, zone).match, HeloMatch::differs) << client;
  }
  EXPECT_EQ(match("v4.example", none, kV4, zone).asked, 1U);
  EXPECT_EQ(match("v4.example", none, kV6, zone).asked, 2U);
}

TEST(Helo, OtherFormsAskNothing) {
  const ReverseDns reverse = reverse_of("mx.firm.example", true);
  for (const auto& [argument, expected] :
       std::initializer_list<std::pair<std::string_view, HeloMatch>>{{"", HeloMatch::unknown},
                                                                     {"[198.51.100.7]", HeloMatch::address},
                                                                     {"198.51.100.7", HeloMatch::address},
                                                                     {"203.0.113.1", HeloMatch::differs},
                                                                     {"[203.0.113.1]", HeloMatch::differs},
                                                                     {"pc", HeloMatch::differs},
                                                                     {"localhost", HeloMatch::differs},
                                                                     {"mx.example.org", HeloMatch::differs},
                                                                     {"a b", HeloMatch::differs}}) {
    const Matched got = match(argument, reverse);
    EXPECT_EQ(got.match, expected) << argument;
    EXPECT_EQ(got.asked, 0U) << argument;
  }
}

TEST(Helo, AFailureIsUnknownWhereItCouldHaveDecided) {
  ReverseDns failed;
  failed.problem = "timeout";
  for (const std::string failure : {"SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS"}) {
    const std::string zone = R"({"mx.firm.example": ")" + failure + "\"}";
    EXPECT_EQ(match("mx.firm.example", reverse_of("", false), kV4, zone).match, HeloMatch::unknown);
    EXPECT_EQ(match("mx.firm.example", reverse_of("mx.firm.example", false), kV4, zone).match, HeloMatch::unknown);
    EXPECT_EQ(match("mx.firm.example", reverse_of("www.firm.example", true, {"mx.firm.example"}), kV4, zone).match,
              HeloMatch::organisation);
    EXPECT_EQ(match("mx.firm.example", reverse_of("mx.firm.example", true), kV4, zone).match, HeloMatch::ptr);
  }
  EXPECT_EQ(match("mx.firm.example", failed).match, HeloMatch::unknown);
  EXPECT_EQ(match("mx.firm.example", reverse_of("", false), kV4, R"({"mx.firm.example": {"AAAA": "SERVFAIL"}})").match,
            HeloMatch::unknown)
      << "nobody knows whether it has any address";
  EXPECT_EQ(match("mx.firm.example", failed, kV4, R"({"mx.firm.example": {"A": ["198.51.100.7"]}})").match,
            HeloMatch::address);
}

}  // namespace
}  // namespace postern::signals
