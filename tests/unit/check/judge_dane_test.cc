// What is judged of proofs: DANE and MTA-STS against the chain that was served.
#include "judge_fixture.h"

namespace postern::check {
namespace {

using namespace test;

TEST_F(JudgeServers, TrustAndNameMatterUnderMtaSts) {
  tls().trusted = false;
  tls().trust_error = "self-signed certificate";
  tls().chain = chain_of({&other});
  EXPECT_EQ(outcome("tls.trust"), info);
  EXPECT_EQ(outcome("tls.name"), info);
  EXPECT_EQ(outcome("mta_sts.certificate"), std::nullopt);
  set_sts(mtasts::Mode::none);
  EXPECT_EQ(outcome("tls.trust"), info);
  EXPECT_EQ(outcome("mta_sts.certificate"), std::nullopt);
  set_sts(mtasts::Mode::testing);
  EXPECT_EQ(outcome("tls.trust"), warn);
  EXPECT_EQ(outcome("mta_sts.certificate"), warn);
  set_sts(mtasts::Mode::enforce);
  EXPECT_EQ(outcome("tls.trust"), fail);
  EXPECT_EQ(outcome("tls.name"), fail);
  EXPECT_EQ(outcome("mta_sts.certificate"), fail);
  set_tlsa({record(3, 1, 1, other)});  // DANE-EE is proof enough for who knows it; STS senders still fail
  EXPECT_EQ(outcome("tls.trust"), info);
  EXPECT_EQ(outcome("mta_sts.certificate"), fail);
  EXPECT_EQ(outcome("mta_sts.agrees"), fail);
}

TEST_F(JudgeServers, StsWantsTrustDatesAndSan) {
  set_sts(mtasts::Mode::enforce);
  EXPECT_EQ(outcome("mta_sts.certificate"), pass);
  tls().chain.front().names = {"*.example.org"};
  EXPECT_EQ(outcome("mta_sts.certificate"), pass);
  tls().chain.front().names = {"*.org"};
  EXPECT_EQ(outcome("mta_sts.certificate"), fail);
  tls().chain.front().names = {};
  tls().chain.front().common_name = "mx.example.org";  // RFC 8461 4.1: does not count
  EXPECT_EQ(outcome("mta_sts.certificate"), fail);
  tls().chain.front().names = {"mx.example.org"};
  tls().chain.front().not_after = options.now - 1;
  EXPECT_EQ(outcome("mta_sts.certificate"), fail);
}

TEST_F(JudgeServers, DaneEndEntity) {
  EXPECT_EQ(outcome("dane.match"), info);
  EXPECT_EQ(last.record, "_25._tcp.mx.example.org. IN TLSA 3 1 1 " + to_hex(own.association(1, 1)));
  for (const int selector : {0, 1}) {
    for (const int matching : {0, 1, 2}) {
      set_tlsa({record(3, selector, matching, own)});
      EXPECT_EQ(outcome("dane.match"), pass) << selector << matching;
      set_tlsa({record(3, selector, matching, other)});
      EXPECT_EQ(outcome("dane.match"), fail) << selector << matching;
      EXPECT_EQ(last.record, "_25._tcp.mx.example.org. IN TLSA 3 1 1 " + to_hex(own.association(1, 1)));
    }
  }
  // Neither name nor dates count (RFC 7672 3.1.1)
  tls().chain = chain_of({&other});
  tls().chain.front().not_after = 1;
  set_tlsa({record(3, 1, 1, own), record(3, 1, 1, other)});
  EXPECT_EQ(outcome("dane.match"), pass);
  set_tlsa({record(3, 1, 1, own)}, dns::Security::insecure);
  EXPECT_EQ(outcome("dane.match"), info);
}

TEST_F(JudgeServers, DaneTrustAnchor) {
  set_tlsa({record(2, 1, 1, middle)});
  EXPECT_EQ(outcome("dane.match"), pass);
  set_tlsa({record(2, 0, 2, root)});
  EXPECT_EQ(outcome("dane.match"), fail);  // not sent
  tls().chain = chain_of({&own, &middle, &root});
  EXPECT_EQ(outcome("dane.match"), pass);
  tls().chain = chain_of({&own, &root, &middle});  // no way from the one to the other
  EXPECT_EQ(outcome("dane.match"), fail);
  // Whole certificates and keys need not be sent (RFC 7671 5.2)
  tls().chain = chain_of({&own});
  set_tlsa({record(2, 0, 0, middle)});
  EXPECT_EQ(outcome("dane.match"), pass);
  set_tlsa({record(2, 1, 0, middle)});
  EXPECT_EQ(outcome("dane.match"), pass);
  set_tlsa({record(2, 1, 0, root)});
  EXPECT_EQ(outcome("dane.match"), fail);
  // The server's own certificate is no anchor of itself
  set_tlsa({record(2, 1, 1, own)});
  EXPECT_EQ(outcome("dane.match"), fail);
}

TEST_F(JudgeServers, DaneTrustAnchorWantsNameAndDates) {
  set_tlsa({record(2, 1, 1, middle)});
  const Issued stranger = issue({.subject = "x", .dns_names = {"elsewhere.example"}}, &middle);
  tls().chain = chain_of({&stranger, &middle});
  EXPECT_EQ(outcome("dane.match"), fail);
  // RFC 7672 3.2.2: the next-hop domain counts where the MX records are validated
  const Issued domain = issue({.subject = "x", .dns_names = {"example.org"}}, &middle);
  tls().chain = chain_of({&domain, &middle});
  EXPECT_EQ(outcome("dane.match"), fail);
  target.mx_secure = true;
  EXPECT_EQ(outcome("dane.match"), pass);
  // The common name counts where there is no other
  const Issued common = issue({.subject = "mx.example.org", .dns_names = {}}, &middle);
  tls().chain = chain_of({&common, &middle});
  EXPECT_EQ(outcome("dane.match"), pass);
  tls().chain = chain_of({&own, &middle});
  tls().chain.back().not_after = options.now - 1;
  EXPECT_EQ(outcome("dane.match"), fail);
  tls().chain.back().not_after = options.now;
  EXPECT_EQ(outcome("dane.match"), pass);
}

TEST_F(JudgeServers, DaneNamesAreThoseOfTheSendingSide) {
  const auto names = [&] { return judging::dane_names(target, target.hosts[0]); };
  EXPECT_EQ(names(), std::vector<std::string>{"mx.example.org"});
  target.mx_secure = true;
  EXPECT_EQ(names(), (std::vector<std::string>{"mx.example.org", "example.org"}));
  target.canonical = *dns::Name::parse("example.net");
  target.hosts[0].tlsa_base = *dns::Name::parse("mx.example.com");
  EXPECT_EQ(names(), (std::vector<std::string>{"mx.example.com", "example.org", "example.net"}));
}

TEST_F(JudgeServers, UnusableRecordsProveNothing) {
  set_tlsa({record(1, 1, 1, own)});
  EXPECT_EQ(outcome("dane.match"), warn);
  dns::Tlsa brief = record(3, 1, 1, own);
  brief.data.pop_back();
  set_tlsa({brief});
  EXPECT_EQ(outcome("dane.match"), warn);
  set_tlsa({brief, record(3, 1, 1, own)});
  EXPECT_EQ(outcome("dane.match"), pass);
}

TEST_F(JudgeServers, DaneWithoutTlsFails) {
  set_tlsa({record(3, 1, 1, own)});
  facts().tls.reset();
  facts().offers_starttls = false;
  facts().starttls_code = 0;
  EXPECT_EQ(outcome("dane.match"), fail);
  facts().banner_code = 421;
  EXPECT_EQ(outcome("dane.match"), not_tested);
}

TEST_F(JudgeServers, DaneOnEveryAddress) {
  add_address("2001:db8::1");
  set_tlsa({record(3, 1, 1, own)});
  EXPECT_EQ(outcome("dane.match"), pass);
  EXPECT_EQ(outcome("parity.dane"), pass);
  facts(0, 1).tls->chain = chain_of({&other});
  EXPECT_EQ(worst_of("dane.match"), fail);
  EXPECT_EQ(outcome("parity.dane"), fail);
  EXPECT_EQ(outcome("tls.same_certificate"), warn);
}

TEST_F(JudgeServers, StaleRecordsAndIntermediates) {
  set_tlsa({record(3, 1, 1, own)});
  EXPECT_EQ(outcome("dane.stale"), pass);
  set_tlsa({record(3, 1, 1, own), record(3, 1, 1, other)});
  EXPECT_EQ(outcome("dane.stale"), info);
  facts().certificates = chain_of({&own, &other});  // a second certificate, which the deeper tests saw
  EXPECT_EQ(outcome("dane.stale"), pass);
  facts().certificates.clear();
  set_tlsa({record(3, 1, 1, own), record(1, 1, 1, other)});  // one that nobody may use is none
  EXPECT_EQ(outcome("dane.stale"), pass);
  EXPECT_EQ(outcome("dane.intermediates"), std::nullopt);
  set_tlsa({record(3, 1, 1, own), record(2, 1, 1, middle)});
  EXPECT_EQ(outcome("dane.stale"), pass);
  EXPECT_EQ(outcome("dane.intermediates"), warn);
  set_tlsa({record(2, 1, 1, middle), record(2, 1, 1, other)});
  EXPECT_EQ(outcome("dane.intermediates"), pass);
  tls().chain = chain_of({&own, &middle, &root});
  set_tlsa({record(2, 1, 1, root)});
  EXPECT_EQ(outcome("dane.intermediates"), pass);
}

TEST_F(JudgeServers, YoungCertificate) {
  set_tlsa({record(3, 1, 1, own)});
  tls().chain.front().not_before = options.now - 2LL * 3600 * 1000;
  EXPECT_EQ(outcome("dane.young_certificate"), pass);
  tls().chain.front().not_before += 1;
  EXPECT_EQ(outcome("dane.young_certificate"), info);
}

}  // namespace
}  // namespace postern::check
