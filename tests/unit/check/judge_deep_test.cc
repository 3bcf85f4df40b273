// What is judged of the further connections.
#include "judge_fixture.h"

namespace postern::check {
namespace {

using namespace test;

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

TEST_F(JudgeDeep, AHostElsewhereIsNotTestedWithTheReason) {
  facts().deep = false;
  facts().deep_ended = "control was proved of example.org, not of hosts elsewhere";
  for (const char* const id : {"tls.versions", "tls.ciphers", "smtp.relay", "smtp.line_ends", "tls.injection"}) {
    EXPECT_EQ(outcome(id), not_tested) << id;
    EXPECT_EQ(last.evidence, facts().deep_ended);
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
  EXPECT_EQ(outcome("dane.every_certificate"), info);  // one alone, which dane.match judges
  facts().certificates.clear();
  EXPECT_EQ(outcome("dane.every_certificate"), not_tested);
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
  EXPECT_EQ(outcome("smtp.vrfy"), warn);  // as Postfix does: 252 to the known ones alone
  facts().vrfy_reply = "550 no";
  EXPECT_EQ(outcome("smtp.vrfy"), pass);
  facts().vrfy_reply = "502 no";
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
