#include "check/proof.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "dns/fixture.h"

namespace postern::check {
namespace {

const std::string kSecret(32, 's');
constexpr WallMs kNow = 1795000000000;
const dns::Name kDomain = *dns::Name::parse("example.org");

TEST(Proof, HoldsForItsDomainItsSecretAndItsTimeAlone) {
  const auto made = make_proof(kSecret, kDomain, kNow + kProofLifetimeMs);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->name.text(), "_postern-check.example.org");
  EXPECT_TRUE(is_proof(made->text, kSecret, kDomain, kNow));
  EXPECT_TRUE(is_proof(made->text, kSecret, kDomain, kNow + kProofLifetimeMs - 1000));
  EXPECT_FALSE(is_proof(made->text, kSecret, kDomain, kNow + kProofLifetimeMs));
  EXPECT_FALSE(is_proof(made->text, kSecret, kDomain, kNow - 1000)) << "nobody gets one for longer";
  EXPECT_FALSE(is_proof(made->text, std::string(32, 't'), kDomain, kNow));
  EXPECT_FALSE(is_proof(made->text, kSecret, *dns::Name::parse("www.example.org"), kNow));
  for (std::size_t i = 0; i < made->text.size(); ++i) {
    std::string other = made->text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(is_proof(other, kSecret, kDomain, kNow)) << other;
    EXPECT_FALSE(is_proof(made->text.substr(0, i), kSecret, kDomain, kNow));
  }
  EXPECT_FALSE(is_proof(made->text + "0", kSecret, kDomain, kNow));
  EXPECT_FALSE(make_proof(kSecret,
                          *dns::Name::parse(std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                            std::string(63, 'c') + "." + std::string(55, 'd')),
                          kNow));
}

ProofAnswer ask(const std::string& zone) {
  dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(zone)));
  dns::Budget budget;
  return run_ready(verify_proof(kSecret, kDomain, kNow, resolver, budget));
}

TEST(Proof, IsLookedUp) {
  const std::string text = make_proof(kSecret, kDomain, kNow + 60000)->text;
  EXPECT_EQ(ask(R"({"_postern-check.example.org":{"TXT":["other",")" + text + R"("]}})").state, Proof::proved);
  EXPECT_EQ(ask(R"({"_postern-check.example.org":{"TXT":["other"]}})").state, Proof::missing);
  EXPECT_EQ(ask("{}").state, Proof::missing);
  EXPECT_EQ(ask(R"({"_postern-check.example.org":"TIMEOUT"})").state, Proof::unknown);
}

}  // namespace
}  // namespace postern::check
