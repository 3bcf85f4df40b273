// Facts in, findings out: one test a judgement, each with the facts that pass and those that do not.
#include "judge_fixture.h"

namespace postern::check {
namespace {

using namespace test;

TEST_F(JudgeServers, EveryFindingIsInTheCatalogueAndSaysWhatToDo) {
  std::set<std::string_view> ids;
  for (const Check& one : server_checks()) {
    EXPECT_TRUE(ids.insert(one.id).second) << one.id;
    EXPECT_FALSE(one.title.empty() || one.rule.empty() || one.reference.empty()) << one.id;
  }
  facts() = ServerFacts{};
  facts().problem = "refused";
  add_address("2001:db8::1");
  add_address("2001:db8::2");
  facts(0, 2).tls = std::nullopt;
  facts(0, 2).tls_problem = "handshake failure";
  facts(0, 1).deep = true;
  facts(0, 1).tried = {{.what = TlsTried::What::version, .version = "TLSv1", .accepted = true}};
  set_tlsa({record(3, 1, 1, other)});
  set_sts(mtasts::Mode::enforce);
  const auto all = judge_servers(target, options);
  EXPECT_GT(all.size(), 40U);
  for (const Finding& one : all) {
    EXPECT_TRUE(ids.contains(one.id)) << one.id;
    EXPECT_FALSE(one.subject.empty()) << one.id;
    EXPECT_FALSE(one.evidence.empty()) << one.id << ' ' << one.subject;
    if (one.outcome >= warn) EXPECT_FALSE(one.fix.empty()) << one.id;
    if (one.outcome == pass) EXPECT_TRUE(one.fix.empty()) << one.id;
    EXPECT_LE(one.evidence.size(), kEvidenceMax);
  }
}

TEST_F(JudgeServers, AHealthyServerHasNothingToMend) {
  add_address("2001:db8::1");
  set_tlsa({record(3, 1, 1, own), record(3, 1, 1, other)});
  set_sts(mtasts::Mode::enforce);
  for (const Finding& one : judge_servers(target, options)) {
    // Of versions that are older than the one that was negotiated the further connections tell
    if (one.id == "tls.extended_master_secret" || one.id == "tls.renegotiation") {
      EXPECT_EQ(one.outcome, not_tested) << one.subject;
      continue;
    }
    EXPECT_LE(one.outcome, info) << one.id << ' ' << one.subject << ": " << one.evidence;
  }
}

TEST_F(JudgeServers, NoHostsNoFindings) {
  target.hosts.clear();
  options.deep = false;
  EXPECT_TRUE(judge_servers(target, options).empty());
}

TEST_F(JudgeServers, Connecting) {
  EXPECT_EQ(outcome("reach.connect"), pass);
  EXPECT_EQ(outcome("reach.host"), pass);
  facts() = {};
  facts().problem = "connection refused";
  EXPECT_EQ(outcome("reach.connect"), fail);
  EXPECT_EQ(outcome("reach.host"), fail);
  EXPECT_EQ(outcome("tls.starttls"), std::nullopt);
  facts().timed_out = true;
  EXPECT_EQ(outcome("reach.connect"), not_tested);
  EXPECT_EQ(outcome("reach.host"), not_tested);
  add_address("192.0.2.9");
  EXPECT_EQ(worst_of("reach.connect"), fail);  // the port is open here
  target.hosts[0].addresses.pop_back();
  facts().timed_out = false;
  facts().our_side = true;
  EXPECT_EQ(outcome("reach.connect"), not_tested);
  EXPECT_EQ(outcome("reach.host"), not_tested);
  target.hosts[0].addresses[0].server.reset();
  target.hosts[0].addresses[0].why_not = "a private address";
  EXPECT_EQ(outcome("reach.connect"), not_tested);
  EXPECT_EQ(last.evidence, "a private address");
}

TEST_F(JudgeServers, AHostThatNeverGreetsIsAWarning) {
  facts() = {};
  facts().connected = true;
  facts().problem = "no answer in time";
  EXPECT_EQ(outcome("reach.host"), warn);
  EXPECT_EQ(outcome("smtp.banner"), warn);
  facts().our_side = true;  // our time ran out, not its
  EXPECT_EQ(outcome("smtp.banner"), not_tested);
  EXPECT_EQ(outcome("tls.starttls"), not_tested);
}

TEST_F(JudgeServers, Banner) {
  EXPECT_EQ(outcome("smtp.banner"), pass);
  facts().banner_code = 421;
  EXPECT_EQ(outcome("smtp.banner"), warn);
  EXPECT_EQ(outcome("tls.starttls"), not_tested);
  facts().banner_code = 554;
  EXPECT_EQ(outcome("smtp.banner"), warn);
  facts().banner_code = 0;
  facts().problem = "the server closed the connection";
  EXPECT_EQ(outcome("smtp.banner"), warn);
  facts().problem = "not a reply line";
  EXPECT_EQ(outcome("smtp.banner"), fail);
}

TEST_F(JudgeServers, BannerName) {
  EXPECT_EQ(outcome("smtp.banner_name"), pass);
  facts().banner = "MX.Example.ORG ESMTP";
  EXPECT_EQ(outcome("smtp.banner_name"), pass);
  facts().banner = "localhost ESMTP";
  EXPECT_EQ(outcome("smtp.banner_name"), warn);
  facts().banner = "out.example.org ESMTP";
  EXPECT_EQ(outcome("smtp.banner_name"), info);
  facts().banner_name_resolves = false;
  EXPECT_EQ(outcome("smtp.banner_name"), warn);
  facts().banner_name_resolves.reset();
  EXPECT_EQ(outcome("smtp.banner_name"), info);
}

TEST_F(JudgeServers, Delay) {
  facts().banner_ms = 5000;
  EXPECT_EQ(outcome("smtp.delay"), pass);
  facts().banner_ms = 5001;
  EXPECT_EQ(outcome("smtp.delay"), info);
  facts().banner_ms = 30000;
  EXPECT_EQ(outcome("smtp.delay"), info);
  facts().banner_ms = 30001;
  EXPECT_EQ(outcome("smtp.delay"), warn);
  facts().banner_ms = 0;
  facts().whole_ms = 60000;
  EXPECT_EQ(outcome("smtp.delay"), pass);
  facts().whole_ms = 60001;
  EXPECT_EQ(outcome("smtp.delay"), warn);
}

TEST_F(JudgeServers, Ehlo) {
  EXPECT_EQ(outcome("smtp.ehlo"), pass);
  facts().extended_tls = false;
  facts().problem = "the server closed the connection";
  EXPECT_EQ(outcome("smtp.ehlo"), fail);
  EXPECT_EQ(outcome("tls.starttls"), pass);
  facts().our_side = true;
  EXPECT_EQ(outcome("smtp.ehlo"), not_tested);
  facts().our_side = false;
  facts().extended = false;
  facts().offers_starttls = false;
  facts().tls.reset();
  EXPECT_EQ(outcome("smtp.ehlo"), warn);
  EXPECT_EQ(outcome("tls.starttls"), fail);
  facts().hello_code = 451;
  facts().problem = "reply to EHLO: 451";
  EXPECT_EQ(outcome("smtp.ehlo"), not_tested);
  EXPECT_EQ(outcome("tls.starttls"), not_tested);
  facts().hello_code = 550;
  EXPECT_EQ(outcome("smtp.ehlo"), fail);
}

TEST_F(JudgeServers, AuthInClear) {
  EXPECT_EQ(outcome("smtp.auth_in_clear"), pass);
  EXPECT_EQ(outcome("smtp.extensions"), info);
  facts().extensions_tls.emplace_back("AUTH PLAIN");  // under TLS it is no matter of this check
  EXPECT_EQ(outcome("smtp.auth_in_clear"), pass);
  for (const char* const line : {"AUTH PLAIN LOGIN", "auth=login"}) {
    facts().extensions = {line};
    EXPECT_EQ(outcome("smtp.auth_in_clear"), fail) << line;
  }
  facts().extensions = {"AUTHENTIC"};
  EXPECT_EQ(outcome("smtp.auth_in_clear"), pass);
}

TEST_F(JudgeServers, Software) {
  EXPECT_EQ(outcome("smtp.software"), pass);
  facts().banner = "mx.example.org ESMTP Exim 4.96 Sat, 21 Nov 2026";
  EXPECT_EQ(outcome("smtp.software"), info);
  for (const char* const more :
       {"Sendmail 8.18.1/8.18.1; Sat, 21 Nov 2026", "Microsoft ESMTP MAIL Service, Version: 10.0.17763.1697 ready"}) {
    facts().banner = std::string("mx.example.org ESMTP ") + more;
    EXPECT_EQ(outcome("smtp.software"), info) << more;
  }
  facts().banner = "mx.example.org ESMTP for 192.0.2.25";
  EXPECT_EQ(outcome("smtp.software"), pass);
  facts().banner = "mx1.2.example.org ESMTP Postfix (Debian/GNU)";
  EXPECT_EQ(outcome("smtp.software"), pass);
}

TEST_F(JudgeServers, StartTls) {
  EXPECT_EQ(outcome("tls.starttls"), pass);
  facts().tls.reset();
  facts().tls_problem = "no shared cipher";
  EXPECT_EQ(outcome("tls.starttls"), fail);
  facts().starttls_code = 454;
  EXPECT_EQ(outcome("tls.starttls"), not_tested);
  facts().starttls_code = 502;
  EXPECT_EQ(outcome("tls.starttls"), fail);
  facts().our_side = true;
  EXPECT_EQ(outcome("tls.starttls"), not_tested);
}

TEST_F(JudgeServers, NegotiatedTls) {
  EXPECT_EQ(outcome("tls.version"), pass);
  EXPECT_EQ(outcome("tls.extended_master_secret"), not_tested);  // TLS 1.3 has it by nature; of older ones --deep tells
  tls().version = "TLSv1.2";
  tls().cipher = "ECDHE-RSA-AES256-SHA384";
  EXPECT_EQ(outcome("tls.version"), pass);
  EXPECT_EQ(outcome("tls.cipher"), warn);
  EXPECT_EQ(outcome("tls.extended_master_secret"), pass);
  EXPECT_EQ(outcome("tls.renegotiation"), pass);
  tls().extended_master_secret = tls().secure_renegotiation = false;
  EXPECT_EQ(outcome("tls.extended_master_secret"), fail);
  EXPECT_EQ(outcome("tls.renegotiation"), fail);
  tls().version = "TLSv1.1";
  EXPECT_EQ(outcome("tls.version"), fail);
  tls().cipher = "AES128-SHA";
  EXPECT_EQ(outcome("tls.cipher"), fail);
  tls().group = "";
  EXPECT_EQ(outcome("tls.group"), std::nullopt);
  tls().dh_bits = 2048;
  EXPECT_EQ(outcome("tls.group"), warn);
  tls().dh_bits = 1024;
  EXPECT_EQ(outcome("tls.group"), fail);
  tls().signature_hash = "SHA1";
  EXPECT_EQ(outcome("tls.signature"), fail);
  tls().signature_hash = "SHA224";
  EXPECT_EQ(outcome("tls.signature"), warn);
}

TEST_F(JudgeServers, CertificateDates) {
  CertificateFacts& certificate = tls().chain.front();
  certificate.not_before = options.now - 60 * kDay;
  const auto ends_in = [&](WallMs time) {
    certificate.not_after = options.now + time;
    return outcome("tls.dates");
  };
  EXPECT_EQ(ends_in(14 * kDay), pass);
  EXPECT_EQ(ends_in(14 * kDay - 1), warn);
  EXPECT_EQ(ends_in(7 * kDay), warn);
  EXPECT_EQ(ends_in(7 * kDay - 1), fail);
  EXPECT_EQ(ends_in(-1), fail);
  // One of six days
  certificate.not_before = options.now - 4 * kDay;
  EXPECT_EQ(ends_in(2 * kDay), pass);
  EXPECT_EQ(ends_in(2 * kDay - 2), warn);
  certificate.not_before = options.now - 5 * kDay;
  EXPECT_EQ(ends_in(kDay), warn);
  EXPECT_EQ(ends_in(kDay - 2), fail);
  certificate.not_before = options.now + kDay;
  EXPECT_EQ(ends_in(60 * kDay), fail);
  certificate.not_before = options.now - 30 * kDay;
  EXPECT_EQ(outcome("tls.lifetime"), pass);
  certificate.not_after = certificate.not_before + 398 * kDay;
  EXPECT_EQ(outcome("tls.lifetime"), pass);
  certificate.not_after += 1;
  EXPECT_EQ(outcome("tls.lifetime"), info);
}

TEST_F(JudgeServers, CertificateKeys) {
  CertificateFacts& certificate = tls().chain.front();
  const auto key = [&](const char* type, int bits) {
    certificate.key_type = type;
    certificate.key_bits = bits;
    return outcome("tls.key");
  };
  EXPECT_EQ(key("RSA", 3072), pass);
  EXPECT_EQ(key("RSA", 3071), warn);
  EXPECT_EQ(key("RSA", 2048), warn);
  EXPECT_EQ(key("RSA", 2047), fail);
  EXPECT_EQ(key("EC", 256), pass);
  EXPECT_EQ(key("EC", 224), warn);
  EXPECT_EQ(key("EC", 192), fail);
  EXPECT_EQ(key("ED25519", 256), info);
  EXPECT_EQ(key("dsaEncryption", 2048), fail);
  certificate.signature_hash = "SHA1";
  EXPECT_EQ(outcome("tls.certificate_signature"), fail);
  certificate.signature_hash = "SHA256";
  tls().chain.back().signature_hash = "SHA1";
  EXPECT_EQ(outcome("tls.certificate_signature"), fail);
  tls().chain.back().self_issued = true;  // a root's own signature
  EXPECT_EQ(outcome("tls.certificate_signature"), pass);
}

TEST_F(JudgeServers, NoCertificate) {
  tls().chain.clear();
  EXPECT_EQ(outcome("tls.certificate"), fail);
  EXPECT_EQ(outcome("tls.dates"), std::nullopt);
}

TEST_F(JudgeServers, Chains) {
  EXPECT_EQ(outcome("tls.chain"), pass);
  tls().chain = chain_of({&own, &middle, &root});
  EXPECT_EQ(outcome("tls.chain"), pass);
  tls().chain = chain_of({&own, &root, &middle});
  EXPECT_EQ(outcome("tls.chain"), warn);
  tls().chain = chain_of({&own});
  EXPECT_EQ(outcome("tls.chain"), pass);  // trusted: the issuer is in the store
  tls().trusted = false;
  EXPECT_EQ(outcome("tls.chain"), warn);
  tls().chain = chain_of({&own, &middle});  // a private root, or one too few
  EXPECT_EQ(outcome("tls.chain"), info);
  EXPECT_TRUE(last.evidence.ends_with(tls().chain.back().issuer)) << last.evidence;
  tls().chain = chain_of({&own, &middle, &root});
  EXPECT_EQ(outcome("tls.chain"), pass);
  tls().chain = chain_of({&other});  // signed by itself: whole
  EXPECT_EQ(outcome("tls.chain"), pass);
  tls().unreadable = 1;
  EXPECT_EQ(outcome("tls.chain"), warn);
}

TEST_F(JudgeServers, ParityOfReach) {
  EXPECT_EQ(outcome("parity.reach"), std::nullopt);  // one family alone
  add_address("2001:db8::1");
  EXPECT_EQ(outcome("parity.reach"), pass);
  facts(0, 1) = {};
  EXPECT_EQ(outcome("parity.reach"), fail);
  EXPECT_EQ(worst_of("reach.connect"), fail);
  facts(0, 1).our_side = true;
  EXPECT_EQ(outcome("parity.reach"), not_tested);
  facts(0, 1) = healthy();
  facts(0, 0) = {};
  EXPECT_EQ(outcome("parity.reach"), warn);
}

TEST_F(JudgeServers, ParityOfExtensions) {
  add_address("2001:db8::1");
  EXPECT_EQ(outcome("parity.extensions"), pass);
  facts(0, 1).extensions_tls = {"SIZE 1000", "PIPELINING"};
  EXPECT_EQ(outcome("parity.extensions"), pass);
  facts(0, 1).extensions_tls = {"SIZE 2000", "PIPELINING"};
  EXPECT_EQ(outcome("parity.extensions"), warn);
}

TEST_F(JudgeServers, ParityOfTls) {
  add_address("2001:db8::1");
  EXPECT_EQ(outcome("parity.tls"), pass);
  EXPECT_EQ(outcome("parity.certificate"), pass);
  facts(0, 1).tls->cipher = "TLS_AES_128_GCM_SHA256";
  EXPECT_EQ(outcome("parity.tls"), fail);  // of a lower class
  facts(0, 0).tls->version = "TLSv1.2";
  facts(0, 0).tls->cipher = "ECDHE-RSA-AES128-GCM-SHA256";
  EXPECT_EQ(outcome("parity.tls"), warn);
  facts(0, 1).tls.reset();
  EXPECT_EQ(outcome("parity.tls"), fail);
  facts(0, 1).starttls_code = 454;
  EXPECT_EQ(outcome("parity.tls"), std::nullopt);
  facts(0, 1).starttls_code = 220;
  facts(0, 1).our_side = true;
  EXPECT_EQ(outcome("parity.tls"), std::nullopt);
  facts(0, 1) = healthy();
  facts(0, 0).tls.reset();
  EXPECT_EQ(outcome("parity.tls"), warn);
  facts(0, 0) = healthy();
  facts(0, 0).tls->chain = chain_of({&other});
  EXPECT_EQ(outcome("parity.certificate"), warn);
}

TEST_F(JudgeServers, ParityOfLatency) {
  add_address("2001:db8::1");
  facts(0, 1).connect_ms = 120;
  EXPECT_EQ(outcome("parity.latency"), pass);
  facts(0, 1).connect_ms = 121;
  EXPECT_EQ(outcome("parity.latency"), warn);
}

TEST_F(JudgeServers, SharedKey) {
  EXPECT_EQ(outcome("tls.shared_key"), std::nullopt);
  add_host("mx2.example.org");
  add_address("192.0.2.2");
  EXPECT_EQ(outcome("tls.shared_key"), info);
  facts(1, 0).tls->chain = chain_of({&other});
  EXPECT_EQ(outcome("tls.shared_key"), pass);
}

TEST_F(JudgeServers, WithoutDeepTheDeepChecksAreNotTested) {
  options.deep = false;
  for (const char* const id : {"tls.versions", "tls.ciphers", "smtp.relay", "smtp.line_ends", "tls.injection"})
    EXPECT_EQ(outcome(id), not_tested) << id;
  facts() = {};
  EXPECT_EQ(outcome("smtp.relay"), std::nullopt);  // nothing was there to be tested
}

}  // namespace
}  // namespace postern::check
