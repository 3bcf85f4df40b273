#include "check/proof.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "dns/fixture.h"

namespace postern::check {
namespace {

const std::string kSecret(32, 's');
constexpr WallMs kNow = 1795000000000;
const std::string kTicket(32, 'a');
const dns::Name kDomain = *dns::Name::parse("example.org");

TEST(Proof, HoldsForItsDomainItsSecretAndItsTimeAlone) {
  const auto made = make_proof(kSecret, kDomain, kTicket, kNow + kProofLifetimeMs);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->name.text(), "_postern-check.example.org");
  EXPECT_TRUE(is_proof(made->text, kSecret, kDomain, kTicket, kNow));
  EXPECT_TRUE(is_proof(made->text, kSecret, kDomain, kTicket, kNow + kProofLifetimeMs - 1000));
  EXPECT_FALSE(is_proof(made->text, kSecret, kDomain, kTicket, kNow + kProofLifetimeMs));
  EXPECT_FALSE(is_proof(made->text, kSecret, kDomain, kTicket, kNow - 1000)) << "nobody gets one for longer";
  EXPECT_FALSE(is_proof(made->text, std::string(32, 't'), kDomain, kTicket, kNow));
  EXPECT_FALSE(is_proof(made->text, kSecret, *dns::Name::parse("www.example.org"), kTicket, kNow));
  EXPECT_FALSE(is_proof(made->text, kSecret, kDomain, make_ticket(), kNow)) << "the record is for all to read";
  for (std::size_t i = 0; i < made->text.size(); ++i) {
    std::string other = made->text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(is_proof(other, kSecret, kDomain, kTicket, kNow)) << other;
    EXPECT_FALSE(is_proof(made->text.substr(0, i), kSecret, kDomain, kTicket, kNow));
  }
  EXPECT_FALSE(is_proof(made->text + "0", kSecret, kDomain, kTicket, kNow));
  EXPECT_FALSE(make_proof(kSecret,
                          *dns::Name::parse(std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                            std::string(63, 'c') + "." + std::string(55, 'd')),
                          kTicket, kNow));
}

ProofAnswer ask(const std::string& zone) {
  dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(zone)));
  dns::Budget budget;
  return run_ready(verify_proof(kSecret, kDomain, kTicket, kNow, resolver, budget));
}

TEST(Proof, TicketsAreAlikeToNone) {
  EXPECT_TRUE(is_ticket(make_ticket()));
  EXPECT_NE(make_ticket(), make_ticket());
  for (const std::string& other :
       {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'), std::string(32, '/')})
    EXPECT_FALSE(is_ticket(other)) << other;
}

TEST(Proof, IsLookedUp) {
  const std::string text = make_proof(kSecret, kDomain, kTicket, kNow + 60000)->text;
  EXPECT_EQ(ask(R"({"_postern-check.example.org":{"TXT":["other",")" + text + R"("]}})").state, Proof::proved);
  EXPECT_EQ(ask(R"({"_postern-check.example.org":{"TXT":["other"]}})").state, Proof::missing);
  EXPECT_EQ(ask("{}").state, Proof::missing);
  EXPECT_EQ(ask(R"({"_postern-check.example.org":"TIMEOUT"})").state, Proof::unknown);
}

}  // namespace
}  // namespace postern::check
