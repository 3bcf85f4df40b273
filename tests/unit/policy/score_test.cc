// The equations of evidence against numbers computed by hand, and what priors and counts may do.
#include "policy/score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "policy/priors.h"
#include "policy/weight.h"
#include "unit/policy/policies.h"

namespace postern::policy::test {
namespace {

constexpr double kNear = 0.006;

TEST(PolicyWeight, LogLikelihoodRatios) {
  // 600 of 1000 spam events and 40 of 1000 ham events: ln(600.5/1001) - ln(40.5/1001) = 2.70
  const Weight common = weight_of({600, 1000, 40, 1000});
  EXPECT_NEAR(common.nats, 2.70, kNear);
  EXPECT_NEAR(common.low, 2.39, kNear);
  EXPECT_NEAR(common.high, 3.00, kNear);
  EXPECT_NEAR(common.nearest_zero(), 2.39, kNear);
  // never in ham: the interval is wide
  const Weight never_in_ham = weight_of({700, 1000, 0, 1000});
  EXPECT_NEAR(never_in_ham.nats, 7.25, kNear);
  EXPECT_NEAR(never_in_ham.low, 4.47, kNear);
  EXPECT_NEAR(never_in_ham.high, 10.02, kNear);
  EXPECT_EQ(never_in_ham.capped(kCap).nats, 4);
  EXPECT_EQ(never_in_ham.capped(kCap).nearest_zero(), 4);
  // little data has no power
  const Weight little = weight_of({7, 10, 0, 10});
  EXPECT_NEAR(little.nats, 2.71, kNear);
  EXPECT_NEAR(little.low, -0.03, kNear);
  EXPECT_NEAR(little.high, 5.45, kNear);
  EXPECT_EQ(little.nearest_zero(), 0);
  // SPF pass, commoner in ham
  const Weight pass = weight_of({450, 1000, 700, 1000});
  EXPECT_NEAR(pass.nats, -0.44, kNear);
  EXPECT_LT(pass.high, 0);
  EXPECT_EQ(pass.nearest_zero(), pass.high);
}

TEST(PolicyWeight, TheHalvesDoNotSpeak) {
  // With many more spam events than ham ones, "+1/2" alone would call a value that was never or hardly seen ham.
  EXPECT_EQ(weight_of({0, 100'000, 0, 100}).nats, 0);
  EXPECT_EQ(weight_of({1, 100'000, 0, 100}).nats, 0);
  EXPECT_EQ(weight_of({0, 100, 1, 100'000}).nats, 0);
  EXPECT_LT(weight_of({1, 100'000, 1, 100}).nats, 0);
  EXPECT_EQ(weight_of({10, 1000, 10, 1000}).nats, 0);
}

Product product(double spam, double ham) {
  Product product;
  product.spam = spam;
  product.ham = ham;
  return product;
}

TEST(PolicyWeight, CellsFallBackOnTheProduct) {
  // (a + k p) / (S + k) with k = 20, as long as k p is half an event or more
  const Weight cell = weight_of_cell({412, 2000, 0, 2000}, product(0.15, 0.06));
  EXPECT_NEAR(cell.nats, std::log((412 + 20 * 0.15) / 2020) - std::log((0 + 20 * 0.06) / 2020), 1e-9);
  // nothing counted: what the product says
  EXPECT_NEAR(weight_of_cell({}, product(0.15, 0.06)).nats, std::log(0.15 / 0.06), 1e-9);
  // a cell that is too rare to be expected among the few ham events: still what the product says, about
  const Weight rare = weight_of_cell({0, 100'000, 0, 100}, product(1e-7, 1e-7));
  EXPECT_NEAR(rare.nats, 0, 0.1);
  // correlated signals: the product claims +3.97 nats, the cell was counted at +1.09
  const double naive = std::exp(3.97);
  const double p_ham = 0.002;
  const Seen seen{300, 20'000, 100.8, 20'000};
  const Weight measured = weight_of_cell(seen, product(p_ham * naive, p_ham));
  EXPECT_NEAR(measured.nats, 1.09, 0.03);
  EXPECT_LT(measured.high, 1.4);
  EXPECT_GT(measured.low, 0.8);
}

TEST(PolicyWeight, ErrorsOfTheProductFadeWithCounts) {
  Product uncertain;
  uncertain.multiply({5, 10, 1, 10});
  uncertain.multiply({4, 10, 1, 10});
  const Weight guess = weight_of_cell({}, uncertain);
  EXPECT_EQ(guess.nearest_zero(), 0);
  const Weight counted = weight_of_cell({5000, 10'000, 100, 10'000}, uncertain);
  EXPECT_NEAR(counted.nats, std::log(50), 0.05);
  EXPECT_NEAR(counted.high - counted.low, 2 * 1.96 * std::sqrt(1 / 5000.0 + 1 / 100.0), 0.03);
}

TEST(PolicyPriors, AreModest) {
  std::array<Seen, evidence::kSignals> sums{};
  for (const Prior& prior : priors()) {
    const Weight weight = weight_of({prior.spam, kPriorEvents, prior.ham, kPriorEvents});
    EXPECT_LT(std::abs(weight.nats), 2) << prior.value;
    if (prior.value == "no_address") continue;  // its events are among those of differs
    Seen& sum = sums.at(static_cast<std::size_t>(prior.signal));
    sum.spam += prior.spam;
    sum.ham += prior.ham;
    if (prior.signal == Signal::country) continue;
    EXPECT_GT(evidence::find_value(prior.signal, prior.value).value_or(0), 0) << prior.value;
    EXPECT_TRUE(is_scored(prior.signal) || prior.signal == Signal::os || prior.signal == Signal::rdns ||
                prior.signal == Signal::known);
  }
  for (const Seen& sum : sums) {
    EXPECT_LE(sum.spam, kPriorEvents + 1e-9);
    EXPECT_LE(sum.ham, kPriorEvents + 1e-9);
  }
}

CountrySet home() {
  CountrySet set;
  for (const evidence::CountryCode code : countries({"US", "CA"})) set.insert(code);
  return set;
}
const Setting kSetting{.home = home(), .lists = 0};

Evidence bot() {
  return evidence_of({{"os", "windows"}, {"rdns", "generic"}, {"country", "CN"}, {"known", "stranger"}});
}

TEST(PolicyScore, PriorsDelayAndNeverRefuse) {
  const Score score({}, {}, home());
  // the worst that can be said before anything was counted
  const Evidence worst = evidence_of({{"early_talk", "yes"},
                                      {"helo", "own"},
                                      {"helo_match", "no_address"},
                                      {"pipelining", "yes"},
                                      {"tls", "plain"},
                                      {"tls_retry", "yes"},
                                      {"spf", "fail"},
                                      {"dkim", "none"},
                                      {"dmarc", "fail"},
                                      {"arc", "fail"}},
                                     bot());
  EXPECT_GT(score.at(Moment::rcpt, worst, kSetting).mean, 5);
  EXPECT_EQ(score.at(Moment::data, worst, kSetting).low, 0);
  EXPECT_EQ(score.at(Moment::data, Evidence(), kSetting).mean, 0);
  const Sum good = score.at(
      Moment::rcpt,
      evidence_of({{"os", "linux"}, {"rdns", "mail"}, {"country", "US"}, {"known", "stranger"}, {"tls", "tls1_3"}}),
      kSetting);
  EXPECT_LT(good.mean, -1);
}

TEST(PolicyScore, UnknownSaysNothing) {
  Counts counts{.spam = 10'000, .ham = 10'000};
  // the country is unknown in most of the spam, and in none of the ham: that must not count
  counts.rows = {{"country", "unknown", 9000, 0}, {"country", "US", 500, 5000}, {"country", "CN", 500, 5000},
                 {"tls", "unknown", 9000, 0},     {"tls", "plain", 500, 5000},  {"tls", "tls1_3", 500, 5000}};
  counts.cells = {{"", "os=unknown rdns=unknown country=unknown known=stranger", 9000, 0},
                  {"", "os=unknown rdns=unknown country=home known=stranger", 500, 5000},
                  {"", "os=unknown rdns=unknown country=abroad known=stranger", 500, 5000}};
  const Score score(counts, {}, home());
  EXPECT_NEAR(score.at(Moment::rcpt, evidence_of({{"country", "CN"}}), kSetting).mean, 0, 0.05);
  EXPECT_NEAR(score.at(Moment::rcpt, evidence_of({{"tls", "plain"}}), kSetting).mean, 0, 0.05);
  EXPECT_EQ(score.at(Moment::rcpt, Evidence(), kSetting).mean, 0);
  // a failure of DNS is unknown too, however it was counted
  counts.rows = {{"spf", "temperror", 5000, 0}, {"dkim", "temperror", 5000, 0}};
  EXPECT_EQ(Score(counts, {}, home())
                .at(Moment::data, evidence_of({{"spf", "temperror"}, {"dkim", "temperror"}}), kSetting)
                .mean,
            0);
}

// 20,000 events as a mail server may count them.
Counts counts() {
  Counts counts{.spam = 10'000, .ham = 10'000};
  counts.rows = {{"os", "windows", 6000, 500},      {"os", "linux", 4000, 9500},   {"rdns", "generic", 7000, 400},
                 {"rdns", "mail", 3000, 9600},      {"country", "CN", 8000, 200},  {"country", "US", 2000, 9800},
                 {"known", "stranger", 9900, 3000}, {"known", "known", 100, 7000}, {"tls", "plain", 7000, 1000},
                 {"tls", "tls1_3", 3000, 9000},     {"spf", "fail", 5000, 100},    {"spf", "pass", 5000, 9900}};
  counts.cells = {{"", "os=windows rdns=generic country=abroad known=stranger", 5800, 2},
                  {"", "os=windows rdns=generic country=home known=stranger", 200, 398},
                  {"", "os=linux rdns=generic country=abroad known=stranger", 1000, 0},
                  {"", "os=linux rdns=mail country=home known=stranger", 2900, 2600},
                  {"", "os=linux rdns=mail country=home known=known", 100, 7000}};
  return counts;
}

TEST(PolicyScore, TheJointTableKnowsWhatHangsTogether) {
  const Score score(counts(), {}, home());
  const Sum abroad = score.at(Moment::rcpt, bot(), kSetting);
  EXPECT_EQ(abroad.mean, kJointCap);  // four signals that agree may refuse together
  EXPECT_GT(abroad.low, 5);
  Evidence at_home = bot();
  at_home.set_country(evidence::parse_country("US"));
  const Sum office = score.at(Moment::rcpt, at_home, kSetting);  // a small office: counted as ham
  EXPECT_NEAR(office.mean, std::log(200.0 / 398), 0.1);
  EXPECT_LT(office.low, 0);
}

TEST(PolicyScore, AnUnknownCoordinateCountsAllThatAgreeOnTheOthers) {
  const Score score(counts(), {}, home());
  const Sum sum =
      score.at(Moment::rcpt, evidence_of({{"os", "windows"}, {"rdns", "generic"}, {"known", "stranger"}}), kSetting);
  EXPECT_NEAR(sum.mean, std::log(6000.0 / 400), 0.1);
  const Score without_home(counts(), {}, {});
  const Setting nowhere;
  EXPECT_NEAR(without_home.at(Moment::rcpt, bot(), nowhere).mean, sum.mean, 0.05);
}

TEST(PolicyScore, OneSignalAloneIsCapped) {
  Counts all{.spam = 10'000, .ham = 10'000};
  all.rows = {{"os", "windows", 10'000, 0}, {"tls", "plain", 10'000, 0}, {"spf", "fail", 10'000, 0}};
  all.cells = {{"", "os=windows rdns=unknown country=unknown known=unknown", 10'000, 0}};
  const Score score(all, {}, home());
  EXPECT_EQ(score.at(Moment::rcpt, evidence_of({{"os", "windows"}}), kSetting).mean, kCap);
  EXPECT_EQ(score.at(Moment::rcpt, evidence_of({{"tls", "plain"}}), kSetting).mean, kCap * kWeightOfOthers);
  EXPECT_NEAR(score.at(Moment::rcpt, evidence_of({{"spf", "fail"}}), kSetting).mean, kSpfCap, 1e-6);
  EXPECT_EQ(score.at(Moment::rcpt, evidence_of({{"list_score", "50"}}), kSetting).mean, kCap);
  EXPECT_EQ(score.at(Moment::rcpt, evidence_of({{"list_score", "-2"}}), kSetting).mean, -2);
}

TEST(PolicyScore, TheBoundIsBetweenZeroAndTheMean) {
  const Score score(counts(), {}, home());
  for (const auto& tables : {bot(), evidence_of({{"tls", "plain"}}), evidence_of({{"known", "known"}}),
                             evidence_of({{"os", "linux"}, {"rdns", "mail"}}), evidence_of({{"spf", "fail"}})}) {
    const Sum sum = score.at(Moment::rcpt, tables, kSetting);
    EXPECT_LE(std::abs(sum.low), std::abs(sum.mean));
    EXPECT_GE(sum.low * sum.mean, 0);
  }
}

TEST(PolicyScore, PinsStandInPlaceOfWhatWasMeasured) {
  const std::vector<PinOptions> pins{
      {"os", "windows", 0, {}}, {"tls", "plain", 3, {}}, {"country", "DE", -2.5, {}}, {"budget", "over", 1, {}}};
  const Score score(counts(), pins, home());
  const auto mean = [&](const Evidence& evidence) { return score.at(Moment::rcpt, evidence, kSetting); };
  EXPECT_EQ(mean(evidence_of({{"os", "windows"}})).mean, 0);
  EXPECT_EQ(mean(evidence_of({{"tls", "plain"}})).mean, 3);
  EXPECT_EQ(mean(evidence_of({{"tls", "plain"}})).low, 3);
  EXPECT_EQ(mean(evidence_of({{"country", "DE"}})).mean, -2.5);
  EXPECT_EQ(mean(evidence_of({{"budget", "over"}})).mean, 1);
  // the rest of the joint table goes on without the pinned coordinate
  EXPECT_EQ(mean(evidence_of({{"os", "windows"}, {"rdns", "generic"}})).mean,
            mean(evidence_of({{"rdns", "generic"}})).mean);
  const auto terms = score.terms(Moment::rcpt, evidence_of({{"country", "DE"}, {"rdns", "mail"}}), kSetting);
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0].what, "country=DE");
  EXPECT_TRUE(terms[0].pinned);
  EXPECT_EQ(terms[1].what, "rdns=mail");
  EXPECT_FALSE(terms[1].pinned);
}

TEST(PolicyScore, TermsAddUpToTheScore) {
  const Score score(counts(), {{"helo", "own", 1.5, {}}}, home());
  const Evidence evidence =
      evidence_of({{"tls", "plain"}, {"spf", "fail"}, {"helo", "own"}, {"list_score", "3"}, {"dkim", "none"}}, bot());
  for (const Moment moment : {Moment::rcpt, Moment::data}) {
    const Sum sum = score.at(moment, evidence, kSetting);
    double mean = 0;
    double low = 0;
    for (const Term& term : score.terms(moment, evidence, kSetting)) {
      mean += term.nats;
      low += term.low;
    }
    EXPECT_NEAR(mean, sum.mean, 1e-9);
    EXPECT_NEAR(low, sum.low, 1e-9);
  }
  const auto terms = score.terms(Moment::rcpt, evidence, kSetting);
  EXPECT_EQ(terms.front().what, "os=windows rdns=generic country=abroad known=stranger");
  EXPECT_GT(terms.front().spam, 5800);
  EXPECT_LT(terms.front().ham, 10);
  // DKIM is no fact at RCPT
  EXPECT_TRUE(std::ranges::none_of(terms, [](const Term& term) { return term.what == "dkim=none"; }));
}

TEST(PolicyScore, CellsAreNamedAsTheyAreRead) {
  EXPECT_EQ(cell_name(bot(), home()), "os=windows rdns=generic country=abroad known=stranger");
  EXPECT_EQ(cell_name(bot(), {}), "os=windows rdns=generic country=unknown known=stranger");
  EXPECT_EQ(cell_name(Evidence(), home()), "os=unknown rdns=unknown country=unknown known=unknown");
  // what another version wrote is skipped
  Counts other = counts();
  other.cells.push_back({"", "os=plan9 rdns=generic country=abroad known=stranger", 5, 5});
  other.cells.push_back({"", "os=windows", 5, 5});
  other.rows.push_back({"colour", "red", 5, 5});
  other.rows.push_back({"tls", "tls2_0", 5, 5});
  EXPECT_EQ(Score(other, {}, home()).at(Moment::rcpt, bot(), kSetting).mean,
            Score(counts(), {}, home()).at(Moment::rcpt, bot(), kSetting).mean);
}

}  // namespace
}  // namespace postern::policy::test
