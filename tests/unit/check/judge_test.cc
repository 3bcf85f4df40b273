// Facts in, findings out: one test a judgement, each with the facts that pass and those that do not.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/judge_impl.h"
#include "crypto/digest.h"
#include "unit/tls_authority.h"

namespace postern::check {
namespace {

using postern::test::issue;
using postern::test::Issued;
using enum Outcome;

constexpr WallMs kDay = 24LL * 60 * 60 * 1000;

class JudgeServers : public ::testing::Test {
 protected:
  JudgeServers() {
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    middle = issue({.subject = "middle", .dns_names = {}, .authority = true}, &root);
    own = issue({.subject = "mx", .dns_names = {"mx.example.org"}, .to_days = 90}, &middle);
    other = issue({.subject = "other", .dns_names = {"other.example"}, .to_days = 90});
    options.now = wall_now();
    options.smtp_port = 25;
    options.deep = true;
    target.domain = *dns::Name::parse("example.org");
    add_host("mx.example.org");
    add_address("192.0.2.1");
  }
  void add_host(const std::string& name) {
    target.hosts.push_back({.name = *dns::Name::parse(name), .addresses = {}, .tlsa = std::make_shared<dns::Answer>()});
  }
  void add_address(const std::string& text) {
    Address address;
    address.address = *ip::Address::parse(text);
    address.server = healthy();
    address.server->endpoint = {address.address, 25};
    target.hosts.back().addresses.push_back(std::move(address));
  }
  static std::vector<CertificateFacts> chain_of(const std::vector<const Issued*>& chain) {
    std::vector<CertificateFacts> out;
    for (const Issued* const one : chain) out.push_back(*crypto::read_certificate(one->der()));
    return out;
  }
  ServerFacts healthy() {
    ServerFacts out;
    out.connected = true;
    out.connect_ms = 10;
    out.banner_ms = 20;
    out.whole_ms = 100;
    out.banner_code = 220;
    out.banner = "mx.example.org ESMTP";
    out.banner_name_resolves = true;
    out.hello_code = 250;
    out.extended = out.extended_tls = true;
    out.hello_reply = "mx.example.org";
    out.extensions = {"PIPELINING", "SIZE 1000", "STARTTLS"};
    out.extensions_tls = {"PIPELINING", "SIZE 1000"};
    out.offers_starttls = true;
    out.starttls_code = 220;
    TlsFound tls;
    tls.version = "TLSv1.3";
    tls.cipher = "TLS_AES_256_GCM_SHA384";
    tls.group = "X25519";
    tls.signature_hash = "SHA256";
    tls.trusted = true;
    tls.chain = chain_of({&own, &middle});
    tls.extended_master_secret = tls.secure_renegotiation = true;
    out.tls = std::move(tls);
    return out;
  }
  ServerFacts& facts(std::size_t host = 0, std::size_t address = 0) {
    return *target.hosts[host].addresses[address].server;
  }
  TlsFound& tls() { return *facts().tls; }
  void set_tlsa(std::vector<dns::Tlsa> records, dns::Security security = dns::Security::secure) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.security = security;
    answer.ttl = 3600;
    answer.tlsa = std::move(records);
    target.hosts.front().tlsa = std::make_shared<dns::Answer>(std::move(answer));
  }
  static dns::Tlsa record(int usage, int selector, int matching, const Issued& of) {
    return {.usage = static_cast<std::uint8_t>(usage),
            .selector = static_cast<std::uint8_t>(selector),
            .matching = static_cast<std::uint8_t>(matching),
            .data = of.association(selector, matching)};
  }
  void set_sts(mtasts::Mode mode) {
    target.sts = mtasts::Policy{.mode = mode, .max_age = 86400, .mx = {"mx.example.org"}};
  }

  // The findings of an id, all of which must have one outcome.
  std::optional<Outcome> outcome(std::string_view id) {
    findings = judge_servers(target, options);
    std::optional<Outcome> out;
    for (const Finding& one : findings) {
      if (one.id != id) continue;
      if (out && *out != one.outcome) ADD_FAILURE() << id << " has several outcomes";
      out = one.outcome;
      last = one;
    }
    return out;
  }
  Outcome worst_of(std::string_view id) {
    Outcome out = pass;
    for (const Finding& one : judge_servers(target, options)) {
      if (one.id != id || one.outcome < out) continue;
      out = one.outcome;
      last = one;
    }
    return out;
  }

  Issued root, middle, own, other;
  Options options;
  Target target;
  std::vector<Finding> findings;
  Finding last;
};

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
  for (const Finding& one : judge_servers(target, options))
    EXPECT_LE(one.outcome, info) << one.id << ' ' << one.subject << ": " << one.evidence;
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
  EXPECT_EQ(outcome("smtp.software"), std::nullopt);
  facts().banner = "mx.example.org ESMTP Exim 4.96 Sat, 21 Nov 2026";
  EXPECT_EQ(outcome("smtp.software"), info);
  facts().banner = "mx1.2.example.org ESMTP Postfix (Debian/GNU)";
  EXPECT_EQ(outcome("smtp.software"), std::nullopt);
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
  EXPECT_EQ(outcome("tls.extended_master_secret"), std::nullopt);  // TLS 1.3 has it by nature
  tls().version = "TLSv1.2";
  tls().cipher = "ECDHE-RSA-AES256-SHA384";
  EXPECT_EQ(outcome("tls.version"), pass);
  EXPECT_EQ(outcome("tls.cipher"), warn);
  EXPECT_EQ(outcome("tls.extended_master_secret"), pass);
  EXPECT_EQ(outcome("tls.renegotiation"), pass);
  tls().extended_master_secret = tls().secure_renegotiation = false;
  EXPECT_EQ(outcome("tls.extended_master_secret"), fail);
  EXPECT_EQ(outcome("tls.renegotiation"), fail);
  EXPECT_EQ(outcome("tls.compression"), pass);
  tls().compression = true;
  EXPECT_EQ(outcome("tls.compression"), fail);
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
  EXPECT_EQ(outcome("tls.lifetime"), std::nullopt);
  certificate.not_after = certificate.not_before + 398 * kDay;
  EXPECT_EQ(outcome("tls.lifetime"), std::nullopt);
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
  tls().chain = chain_of({&other});  // signed by itself: whole
  EXPECT_EQ(outcome("tls.chain"), pass);
  tls().unreadable = 1;
  EXPECT_EQ(outcome("tls.chain"), warn);
}

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
  EXPECT_EQ(outcome("dane.stale"), std::nullopt);
  set_tlsa({record(3, 1, 1, own), record(3, 1, 1, other)});
  EXPECT_EQ(outcome("dane.stale"), info);
  set_tlsa({record(3, 1, 1, own), record(1, 1, 1, other)});  // one that nobody may use is none
  EXPECT_EQ(outcome("dane.stale"), std::nullopt);
  set_tlsa({record(3, 1, 1, own), record(2, 1, 1, middle)});
  EXPECT_EQ(outcome("dane.stale"), std::nullopt);
  EXPECT_EQ(outcome("dane.intermediates"), warn);
  set_tlsa({record(2, 1, 1, middle), record(2, 1, 1, other)});
  EXPECT_EQ(outcome("dane.intermediates"), std::nullopt);
  tls().chain = chain_of({&own, &middle, &root});
  set_tlsa({record(2, 1, 1, root)});
  EXPECT_EQ(outcome("dane.intermediates"), std::nullopt);
}

TEST_F(JudgeServers, YoungCertificate) {
  set_tlsa({record(3, 1, 1, own)});
  tls().chain.front().not_before = options.now - 2LL * 3600 * 1000;
  EXPECT_EQ(outcome("dane.young_certificate"), std::nullopt);
  tls().chain.front().not_before += 1;
  EXPECT_EQ(outcome("dane.young_certificate"), info);
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
  EXPECT_EQ(outcome("tls.shared_key"), std::nullopt);
}

TEST_F(JudgeServers, WithoutDeepTheDeepChecksAreNotTested) {
  options.deep = false;
  for (const char* const id : {"tls.versions", "tls.ciphers", "smtp.relay", "smtp.line_ends", "tls.injection"})
    EXPECT_EQ(outcome(id), not_tested) << id;
  facts() = {};
  EXPECT_EQ(outcome("smtp.relay"), std::nullopt);  // nothing was there to be tested
}

class JudgeDeep : public JudgeServers {
 protected:
  JudgeDeep() { facts().deep = true; }
  void offer(TlsTried::What what, const std::string& version, const std::string& cipher, bool accepted = true,
             const std::string& group = {}) {
    facts().tried.push_back({.what = what, .version = version, .cipher = cipher, .group = group, .accepted = accepted});
  }
  void answer(const std::string& what, int code) {
    std::erase_if(facts().probes, [&](const RecipientProbe& one) { return one.what == what; });
    facts().probes.push_back({.what = what,
                              .path = what + "@example.org",
                              .code = static_cast<std::uint16_t>(code),
                              .reply = std::to_string(code)});
  }
};

TEST_F(JudgeDeep, NothingCameOfIt) {
  facts().deep_ended = "rate limited: 421";
  for (const char* const id : {"tls.versions", "tls.ciphers", "tls.groups", "tls.sni", "tls.injection",
                               "smtp.postmaster", "smtp.relay", "smtp.vrfy", "smtp.line_ends", "smtp.unknown_user"}) {
    EXPECT_EQ(outcome(id), not_tested) << id;
    EXPECT_EQ(last.evidence, "rate limited: 421") << id;
  }
}

TEST_F(JudgeDeep, Versions) {
  using enum TlsTried::What;
  offer(version, "TLSv1.3", "");
  offer(version, "TLSv1.1", "", false);
  EXPECT_EQ(outcome("tls.versions"), pass);
  offer(version, "TLSv1", "");
  EXPECT_EQ(outcome("tls.versions"), warn);
  facts().tried.erase(facts().tried.begin());
  EXPECT_EQ(outcome("tls.versions"), fail);
}

TEST_F(JudgeDeep, CiphersAndTheirOrder) {
  using enum TlsTried::What;
  offer(cipher, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384");
  offer(cipher, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256");
  facts().own_order = false;
  EXPECT_EQ(outcome("tls.ciphers"), pass);
  EXPECT_EQ(outcome("tls.order"), pass);  // of one class
  offer(cipher, "TLSv1.2", "ECDHE-RSA-AES128-SHA");
  EXPECT_EQ(outcome("tls.ciphers"), warn);
  EXPECT_EQ(outcome("tls.order"), warn);
  facts().own_order = true;
  EXPECT_EQ(outcome("tls.order"), pass);
  offer(cipher, "TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305");
  EXPECT_EQ(outcome("tls.order"), fail);
  offer(cipher, "TLSv1.2", "AES128-SHA");
  EXPECT_EQ(outcome("tls.ciphers"), fail);
  facts().tried.back().accepted = false;
  EXPECT_EQ(outcome("tls.ciphers"), warn);
}

TEST_F(JudgeDeep, Groups) {
  using enum TlsTried::What;
  offer(group, "TLSv1.3", "", true, "X25519");
  offer(group, "TLSv1.3", "", false, "ffdhe2048");
  EXPECT_EQ(outcome("tls.groups"), pass);
  offer(cipher, "TLSv1.2", "DHE-RSA-AES256-GCM-SHA384");
  facts().tried.back().dh_bits = 2048;
  EXPECT_EQ(outcome("tls.groups"), warn);
  facts().tried.back().dh_bits = 1024;
  EXPECT_EQ(outcome("tls.groups"), fail);
}

TEST_F(JudgeDeep, OtherNames) {
  facts().other_names = {{.name = "", .done = true, .names = {"mx.example.org"}},
                         {.name = "example.org", .done = true, .names = {"example.org"}}};
  EXPECT_EQ(outcome("tls.sni"), pass);
  facts().other_names[0].names = {"other.example"};
  EXPECT_EQ(outcome("tls.sni"), warn);
  facts().other_names[0] = {.name = "", .trust_error = "alert_unrecognized_name"};
  EXPECT_EQ(outcome("tls.sni"), warn);
}

TEST_F(JudgeDeep, EveryCertificateMatches) {
  set_tlsa({record(3, 1, 1, own)});
  facts().certificates = chain_of({&own});
  EXPECT_EQ(outcome("dane.every_certificate"), std::nullopt);
  facts().certificates = chain_of({&own, &other});
  EXPECT_EQ(outcome("dane.every_certificate"), fail);
  EXPECT_EQ(last.record, "_25._tcp.mx.example.org. IN TLSA 3 1 1 " + to_hex(other.association(1, 1)));
  set_tlsa({record(3, 1, 1, own), record(3, 1, 1, other)});
  EXPECT_EQ(outcome("dane.every_certificate"), pass);
}

TEST_F(JudgeDeep, Recipients) {
  struct Case {
    const char* id;
    const char* what;
    Outcome taken, put_off, refused;
  };
  for (const Case& one :
       {Case{"smtp.postmaster", "postmaster", pass, info, fail}, Case{"smtp.abuse", "abuse", pass, info, warn},
        Case{"smtp.null_sender", "null-sender", pass, info, fail},
        Case{"smtp.unknown_user", "unknown", warn, info, pass}}) {
    answer(one.what, 250);
    EXPECT_EQ(outcome(one.id), one.taken) << one.id;
    answer(one.what, 450);
    EXPECT_EQ(outcome(one.id), one.put_off) << one.id;
    answer(one.what, 550);
    EXPECT_EQ(outcome(one.id), one.refused) << one.id;
  }
}

TEST_F(JudgeDeep, Relay) {
  const std::vector<std::string> forms{"relay",        "relay-percent", "relay-bang",
                                       "relay-quoted", "relay-route",   "relay-as-own"};
  answer("unknown", 550);
  for (const auto& form : forms) answer(form, 554);
  EXPECT_EQ(outcome("smtp.relay"), pass);
  for (const auto& form : forms) {
    answer(form, 250);
    EXPECT_EQ(outcome("smtp.relay"), fail) << form;
    answer(form, 554);
  }
  answer("unknown", 250);  // takes everything of its domain: % and quotes are local parts
  answer("relay-percent", 250);
  EXPECT_EQ(outcome("smtp.relay"), warn);
  answer("relay", 250);
  EXPECT_EQ(outcome("smtp.relay"), fail);
}

TEST_F(JudgeDeep, Disclosure) {
  facts().vrfy_reply = "252 try";
  facts().vrfy_unknown_reply = "252 try";
  facts().expn_reply = "502 no";
  EXPECT_EQ(outcome("smtp.vrfy"), pass);
  facts().vrfy_unknown_reply = "550 unknown";
  EXPECT_EQ(outcome("smtp.vrfy"), pass);
  facts().vrfy_reply = "250 <postmaster@example.org>";
  EXPECT_EQ(outcome("smtp.vrfy"), warn);
  facts().vrfy_unknown_reply = "250 anything";
  EXPECT_EQ(outcome("smtp.vrfy"), pass);
  facts().expn_reply = "250 <a@example.org>";
  EXPECT_EQ(outcome("smtp.vrfy"), warn);
}

TEST_F(JudgeDeep, InputThatMustNotCount) {
  facts().injection_answered = false;
  facts().injection_evidence = "forgotten";
  facts().line_end_taken = "";
  EXPECT_EQ(outcome("tls.injection"), pass);
  EXPECT_EQ(outcome("smtp.line_ends"), pass);
  facts().injection_answered = true;
  facts().line_end_taken = "LF.LF";
  EXPECT_EQ(outcome("tls.injection"), fail);
  EXPECT_EQ(outcome("smtp.line_ends"), fail);
}

}  // namespace
}  // namespace postern::check
