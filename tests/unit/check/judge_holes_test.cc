// What is judged of the holes of TLS, of stapled responses and of early data.
#include "judge_fixture.h"
#include "unit/ocsp_response.h"

namespace postern::check {
namespace {

using namespace test;
using postern::test::ocsp_response;

class JudgeHoles : public JudgeServers {
 protected:
  JudgeHoles() { facts().deep = true; }
};

TEST_F(JudgeHoles, EachIsWhatWasSeen) {
  struct Case {
    const char* id;
    Weakness::What what;
  };
  for (const Case& one :
       {Case{"tls.heartbleed", Weakness::What::heartbleed}, Case{"tls.ccs_injection", Weakness::What::ccs_injection},
        Case{"tls.robot", Weakness::What::robot}, Case{"tls.compression", Weakness::What::compression}}) {
    facts().weaknesses.clear();
    EXPECT_EQ(outcome(one.id), not_tested) << one.id;
    facts().weaknesses = {{.what = one.what, .state = Weakness::State::absent, .evidence = "nothing"}};
    EXPECT_EQ(outcome(one.id), pass) << one.id;
    facts().weaknesses.front().state = Weakness::State::present;
    EXPECT_EQ(outcome(one.id), fail) << one.id;
    EXPECT_FALSE(last.fix.empty()) << one.id;
    facts().weaknesses.front().state = Weakness::State::unknown;
    EXPECT_EQ(outcome(one.id), not_tested) << one.id;
    EXPECT_EQ(last.evidence, "nothing");
  }
}

TEST_F(JudgeHoles, RenegotiationHasALimit) {
  EXPECT_EQ(outcome("tls.client_renegotiation"), not_tested);
  facts().renegotiation_end = "refused";
  for (const auto& [count, expected] : {std::pair{0, pass}, std::pair{9, pass}, std::pair{10, warn}}) {
    facts().renegotiations = count;
    EXPECT_EQ(outcome("tls.client_renegotiation"), expected) << count;
  }
}

TEST_F(JudgeHoles, StapledResponses) {
  EXPECT_EQ(outcome("tls.ocsp"), info);
  tls().chain.front().must_staple = true;
  EXPECT_EQ(outcome("tls.ocsp"), warn);
  tls().ocsp = ocsp_response(own, middle, V_OCSP_CERTSTATUS_GOOD);
  EXPECT_EQ(outcome("tls.ocsp"), pass);
  tls().ocsp = ocsp_response(own, middle, V_OCSP_CERTSTATUS_GOOD, -1);
  EXPECT_EQ(outcome("tls.ocsp"), warn);
  tls().ocsp = ocsp_response(own, middle, V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_EQ(outcome("tls.ocsp"), fail);
  tls().ocsp = ocsp_response(own, middle, V_OCSP_CERTSTATUS_UNKNOWN);
  EXPECT_EQ(outcome("tls.ocsp"), warn);
  tls().ocsp = ocsp_response(other, other, V_OCSP_CERTSTATUS_GOOD);
  EXPECT_EQ(outcome("tls.ocsp"), warn);
  tls().ocsp = "garbage";
  EXPECT_EQ(outcome("tls.ocsp"), warn);
}

TEST_F(JudgeHoles, EarlyData) {
  EXPECT_EQ(outcome("tls.early_data"), pass);
  facts().extended_tls = false;
  EXPECT_EQ(outcome("tls.early_data"), not_tested);
  tls().ticket = true;
  EXPECT_EQ(outcome("tls.early_data"), pass);
  tls().early_data = 1;
  EXPECT_EQ(outcome("tls.early_data"), fail);
  tls() = TlsFound{.version = "TLSv1.2", .cipher = "ECDHE-RSA-AES128-GCM-SHA256", .chain = chain_of({&own})};
  EXPECT_EQ(outcome("tls.early_data"), pass);
}

TEST_F(JudgeHoles, WhatOlderVersionsLackIsSeenBesideTheNewest) {
  EXPECT_EQ(outcome("tls.renegotiation"), not_tested);
  EXPECT_EQ(outcome("tls.extended_master_secret"), not_tested);
  facts().deep = true;
  facts().tried = {{.what = TlsTried::What::version, .version = "TLSv1.3", .accepted = true},
                   {.what = TlsTried::What::version, .version = "TLSv1.2", .accepted = false}};
  EXPECT_EQ(outcome("tls.renegotiation"), pass);
  EXPECT_EQ(outcome("tls.extended_master_secret"), pass);
  facts().deep_ended = "rate limited";
  EXPECT_EQ(outcome("tls.renegotiation"), not_tested);
  facts().deep_ended.clear();
  facts().tried.back().accepted = true;
  EXPECT_EQ(outcome("tls.extended_master_secret"), not_tested);
  facts().older_master_secret = true;
  facts().older_renegotiation = false;
  EXPECT_EQ(outcome("tls.renegotiation"), fail);
  EXPECT_EQ(outcome("tls.extended_master_secret"), pass);
  facts().older_master_secret = false;
  facts().older_renegotiation = true;
  EXPECT_EQ(outcome("tls.renegotiation"), pass);
  EXPECT_EQ(outcome("tls.extended_master_secret"), fail);
}

TEST_F(JudgeHoles, SslIsAFailureBesideAnything) {
  using enum TlsTried::What;
  facts().tried = {{.what = version, .version = "TLSv1.3", .accepted = true},
                   {.what = version, .version = "SSLv3", .accepted = false}};
  EXPECT_EQ(outcome("tls.versions"), pass);
  facts().tried.back().accepted = true;
  EXPECT_EQ(outcome("tls.versions"), fail);
}

TEST_F(JudgeHoles, CiphersOfOldVersionsCount) {
  using enum TlsTried::What;
  facts().tried = {{.what = cipher, .version = "TLSv1.2", .cipher = "ECDHE-RSA-AES128-GCM-SHA256", .accepted = true},
                   {.what = cipher, .version = "TLSv1", .cipher = "RC4-SHA", .accepted = true}};
  EXPECT_EQ(outcome("tls.ciphers"), fail);
  EXPECT_NE(last.evidence.find("RC4-SHA in TLSv1"), std::string::npos) << last.evidence;
  facts().tried.pop_back();
  EXPECT_EQ(outcome("tls.ciphers"), pass);
  facts().ciphers_open = "TLSv1: no answer";
  EXPECT_EQ(outcome("tls.ciphers"), pass);
  EXPECT_NE(last.evidence.find("may be incomplete: TLSv1: no answer"), std::string::npos) << last.evidence;
}

}  // namespace
}  // namespace postern::check
