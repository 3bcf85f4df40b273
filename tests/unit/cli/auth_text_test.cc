// What people read: that it says the record, the reason and the remedy, and that nothing of a stranger gets out raw.
#include "cli/auth_text.h"

#include <gtest/gtest.h>

#include "cli/auth_json.h"

namespace postern::cli {
namespace {

spf::Evaluation spf_example() {
  spf::Evaluation evaluation;
  evaluation.outcome = spf::Outcome::fail;
  evaluation.domain = "example.org";
  evaluation.record = "v=spf1 include:_spf.example.net -all";
  evaluation.mechanism = "-all";
  evaluation.mechanism_domain = "example.org";
  evaluation.explanation = "ask postmaster";
  evaluation.lookups = 1;
  evaluation.trace = {
      {.domain = "_spf.example.net", .term = "ip4:192.0.2.1", .result = "no match", .lookups = 1, .depth = 1},
      {.domain = "example.org", .term = "-all", .result = "match", .lookups = 1, .depth = 0}};
  return evaluation;
}

TEST(SpfText, SaysWhatWasPublishedWhatMatchedAndTheCost) {
  spf::Query query;
  query.client = *ip::Address::parse("192.0.2.9");
  query.mail_from = "a@example.org";
  EXPECT_EQ(spf_text(query, spf_example(), false),
            "SPF   fail      example.org (MAIL FROM)\n"
            "  client        192.0.2.9\n"
            "  published     v=spf1 include:_spf.example.net -all\n"
            "  decided by    -all of example.org\n"
            "  explanation   ask postmaster\n"
            "  cost          1 of 10 look-ups, 0 of 2 without an answer\n"
            "  trace           ip4:192.0.2.1  no match     1  of _spf.example.net\n"
            "                -all             match        1  of example.org\n"
            "  remedy        if this host may send for the domain, its address belongs into the record\n");
  EXPECT_NE(spf_text(query, spf_example(), true).find("\x1b["), std::string::npos);
}

TEST(SpfText, OneLookUpTooManySaysHowToHaveFewer) {
  spf::Evaluation evaluation = spf_example();
  evaluation.outcome = spf::Outcome::permerror;
  evaluation.lookups = spf::kTermsMax + 1;
  EXPECT_NE(spf_remedy(evaluation).find("ip4:"), std::string::npos);
  evaluation.lookups = spf::kTermsMax;
  EXPECT_EQ(spf_remedy(evaluation).find("ip4:"), std::string::npos);
}

TEST(Text, WhatStrangersWriteIsMadePrintable) {
  const std::string evil = "x\x1b[31m\r\nSPF   pass";
  spf::Evaluation spf = spf_example();
  spf.record = spf.domain = spf.explanation = spf.mechanism = spf.mechanism_domain = spf.problem = evil;
  spf.trace[0].term = spf.trace[0].domain = spf.trace[0].result = evil;
  dkim::Verdict verdict;
  verdict.outcome = dkim::Outcome::permerror;
  verdict.domain = verdict.selector = verdict.auid = verdict.algorithm = verdict.problem = evil;
  verdict.signature_prefix = verdict.key_record = evil;
  dmarc::Evaluation dmarc;
  dmarc.author_domain = dmarc.policy_domain = dmarc.organizational_domain = dmarc.record_text = evil;
  dmarc.problem = dmarc.policy_tag = dmarc.dkim_domain = evil;
  dmarc.walk = {evil};
  dmarc.record = dmarc::Record{};
  dmarc.dkim_aligned = true;
  arc::Chain chain;
  chain.outcome = arc::Outcome::fail;
  chain.problem = evil;
  chain.sets = {{.instance = 1,
                 .domain = evil,
                 .selector = evil,
                 .cv = evil,
                 .results = {.authserv_id = evil, .methods = {{.method = evil, .result = evil}}}}};
  for (const std::string& text :
       {spf_text({}, spf, false), dkim_text({verdict}, 1, false), dmarc_text(dmarc, false), arc_text(chain, false)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_EQ(text.find('\r'), std::string::npos) << text;
    EXPECT_EQ(text.find("\nSPF   pass"), std::string::npos) << text;
  }
}

TEST(DkimText, EachSignatureHasItsReasonAndRemedy) {
  dkim::Verdict good;
  good.outcome = dkim::Outcome::pass;
  good.domain = "example.org";
  good.selector = "s1";
  good.auid = "@example.org";
  good.algorithm = "rsa-sha256";
  good.key_bits = 2048;
  dkim::Verdict bad = good;
  bad.outcome = dkim::Outcome::fail;
  bad.problem = "the body hash does not match";
  bad.length = 5;
  bad.body_beyond_length = true;
  const std::string text = dkim_text({good, bad}, 12, false);
  EXPECT_NE(text.find("DKIM  pass      example.org\n"), std::string::npos) << text;
  EXPECT_NE(text.find("key at        s1._domainkey.example.org\n"), std::string::npos);
  EXPECT_NE(text.find("rsa-sha256, a key of 2048 bits"), std::string::npos);
  EXPECT_NE(text.find("the first 5 octets (l=); what follows is anybody's"), std::string::npos);
  EXPECT_NE(text.find("reason        the body hash does not match\n"), std::string::npos);
  EXPECT_NE(text.find("10 more were not tried"), std::string::npos) << text;
  EXPECT_EQ(text.find("on behalf of"), std::string::npos);
  EXPECT_EQ(dkim_text({}, 0, false), "DKIM  none      no signature\n");
}

TEST(DmarcText, SaysTheWalkAndThePolicy) {
  dmarc::Evaluation evaluation;
  evaluation.outcome = dmarc::Outcome::fail;
  evaluation.author_domain = "a.example.org";
  evaluation.policy_domain = evaluation.organizational_domain = "example.org";
  evaluation.record_text = "v=DMARC1; p=reject; sp=none; aspf=s";
  evaluation.record = dmarc::Record{};
  evaluation.record->strict_spf = true;
  evaluation.policy_tag = "sp";
  evaluation.walk = {"_dmarc.a.example.org", "_dmarc.example.org"};
  const std::string text = dmarc_text(evaluation, false);
  EXPECT_NE(text.find("asked         _dmarc.a.example.org, _dmarc.example.org\n"), std::string::npos) << text;
  EXPECT_NE(text.find("at            _dmarc.example.org\n"), std::string::npos);
  EXPECT_NE(text.find("policy        sp=none\n"), std::string::npos);
  EXPECT_NE(text.find("SPF           no aligned pass (strict)\n"), std::string::npos);
  EXPECT_NE(text.find("remedy        SPF or DKIM has to pass"), std::string::npos);
}

TEST(ArcText, OneLineASet) {
  arc::Chain chain;
  EXPECT_EQ(arc_text(chain, false), "ARC   none      no chain\n");
  chain.outcome = arc::Outcome::pass;
  chain.oldest_pass_known = true;
  chain.sets = {{.instance = 1,
                 .domain = "a.test",
                 .selector = "s",
                 .cv = "none",
                 .results = {.authserv_id = "mx.a.test",
                             .methods = {{.method = "spf", .result = "pass"}, {.method = "dkim", .result = "none"}}}}};
  EXPECT_EQ(arc_text(chain, false),
            "ARC   pass      a chain of 1 set\n"
            "  i=1           sealed by a.test (s), cv=none\n"
            "                mx.a.test found: spf=pass, dkim=none\n"
            "  unchanged     since the first set: every message signature verifies\n");
}

TEST(AuthJson, TheKeysThatScriptsRelyOn) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  write_spf(writer, "spf", spf_example());
  dkim::Verdict verdict;
  verdict.outcome = dkim::Outcome::policy;
  verdict.domain = "example.org";
  verdict.selector = "s1";
  write_dkim(writer, {verdict});
  dmarc::Evaluation dmarc;
  dmarc.outcome = dmarc::Outcome::fail;
  dmarc.policy = dmarc::Policy::quarantine;
  dmarc.record = dmarc::Record{};
  write_dmarc(writer, dmarc);
  write_arc(writer, arc::Chain{});
  writer.end_object();
  const auto value = json::parse(out);
  ASSERT_TRUE(value) << out;
  EXPECT_EQ(value->at("spf").at("result").string(), "fail");
  EXPECT_EQ(value->at("spf").at("explanation").string(), "ask postmaster");
  EXPECT_EQ(value->at("spf").at("trace").array().size(), 2U);
  const json::Value& first = value->at("dkim").array().at(0);
  EXPECT_EQ(first.at("result").string(), "policy");
  EXPECT_EQ(first.at("domain").string(), "example.org");
  EXPECT_EQ(first.at("selector").string(), "s1");
  EXPECT_EQ(value->at("dmarc").at("policy").string(), "quarantine");
  EXPECT_EQ(value->at("dmarc").at("result").string(), "fail");
  EXPECT_EQ(value->at("arc").at("result").string(), "none");
}

}  // namespace
}  // namespace postern::cli
