#include "spf/evaluate.h"

#include <gtest/gtest.h>

#include "unit/spf/checked.h"

namespace postern::spf::test {
namespace {

TEST(SpfEvaluate, Results) {
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.0/24 -all").outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ip4:198.51.100.0/24 -all").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 ~all").outcome, Outcome::softfail);
  EXPECT_EQ(outcome_of("v=spf1 ?all").outcome, Outcome::neutral);
  EXPECT_EQ(outcome_of("v=spf1").outcome, Outcome::neutral);
  EXPECT_EQ(outcome_of("v=spf1 foo").outcome, Outcome::permerror);
  EXPECT_EQ(outcome_of("v=spf2.0/pra -all").outcome, Outcome::none);
  EXPECT_EQ(outcome_of("v=spf1 -all", "", "192.0.2.1", "x@nowhere.example").outcome, Outcome::none);
}

TEST(SpfEvaluate, WhatDecided) {
  auto got = outcome_of("v=spf1 IP4:192.0.2.0/24 -all");
  EXPECT_EQ(got.domain, "example.org");
  EXPECT_EQ(got.record, "v=spf1 IP4:192.0.2.0/24 -all");
  EXPECT_EQ(got.mechanism, "IP4:192.0.2.0/24");
  EXPECT_EQ(got.mechanism_domain, "example.org");
  EXPECT_EQ(got.problem, "");
  got = outcome_of("v=spf1 a redirect=_spf.example.org", R"("_spf.example.org": {"TXT": ["v=spf1 -all"]})");
  EXPECT_EQ(got.outcome, Outcome::fail);
  EXPECT_EQ(got.record, "v=spf1 a redirect=_spf.example.org");
  EXPECT_EQ(got.mechanism, "-all");
  EXPECT_EQ(got.mechanism_domain, "_spf.example.org");
  got = outcome_of("v=spf1 a");
  EXPECT_EQ(got.mechanism, "default");
  got = outcome_of("v=spf1 ~include:_spf.example.org", R"("_spf.example.org": {"TXT": ["v=spf1 +all"]})");
  EXPECT_EQ(got.outcome, Outcome::softfail);
  EXPECT_EQ(got.mechanism, "~include:_spf.example.org");
}

TEST(SpfEvaluate, FamiliesStayApart) {
  EXPECT_EQ(outcome_of("v=spf1 ip4:0.0.0.0/0 -all", "", "2001:db8::1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 ip6:::/0 -all", "", "192.0.2.1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 ip6:::ffff:192.0.2.1 -all", "", "192.0.2.1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.1 -all", "", "::ffff:192.0.2.1").outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ip6:::ffff:192.0.2.1/0 -all", "", "2001:db8::1").outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ip6:2001:db8:8000::/33 -all", "", "2001:db8:ffff::1").outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ip6:2001:db8:8000::/33 -all", "", "2001:db8:7fff::1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.128/25 -all", "", "192.0.2.127").outcome, Outcome::fail);
  // An A record is asked for by exists even for IPv6, and an AAAA that holds a mapped address is no IPv6 address.
  constexpr std::string_view kMore =
      R"("v4.example.org": {"A": ["127.0.0.2"]}, "m.example.org": {"AAAA": ["::ffff:192.0.2.1"]})";
  EXPECT_EQ(outcome_of("v=spf1 exists:v4.example.org -all", kMore, "2001:db8::1").outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 a:v4.example.org/0 -all", kMore, "2001:db8::1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 a:m.example.org//0 -all", kMore, "2001:db8::1").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 a:m.example.org/0//0 -all", kMore, "192.0.2.1").outcome, Outcome::fail);
}

TEST(SpfEvaluate, IncludeTable) {  // 5.2
  const auto included = [](std::string_view inner) {
    return outcome_of("v=spf1 include:i.example.org ~all", R"("i.example.org": )" + std::string(inner)).outcome;
  };
  EXPECT_EQ(included(R"({"TXT": ["v=spf1 all"]})"), Outcome::pass);
  EXPECT_EQ(included(R"({"TXT": ["v=spf1 -all"]})"), Outcome::softfail);
  EXPECT_EQ(included(R"({"TXT": ["v=spf1 ~all"]})"), Outcome::softfail);
  EXPECT_EQ(included(R"({"TXT": ["v=spf1 ?all"]})"), Outcome::softfail);
  EXPECT_EQ(included(R"({"TXT": ["v=spf1"]})"), Outcome::softfail);
  EXPECT_EQ(included(R"("TIMEOUT")"), Outcome::temperror);
  EXPECT_EQ(included(R"({"TXT": ["v=spf1 bad"]})"), Outcome::permerror);
  EXPECT_EQ(included(R"({"TXT": ["other"]})"), Outcome::permerror);
  EXPECT_EQ(included(R"({"A": ["192.0.2.1"]})"), Outcome::permerror);
  EXPECT_EQ(outcome_of("v=spf1 include:nowhere.example all").outcome, Outcome::permerror);
  EXPECT_EQ(outcome_of("v=spf1 include:%{h1} all").outcome, Outcome::permerror);  // one label: none
  EXPECT_EQ(outcome_of("v=spf1 include:a..%{d} all").outcome, Outcome::permerror);
}

TEST(SpfEvaluate, Redirect) {  // 6.1
  const auto redirected = [](std::string_view target, std::string_view more = "") {
    return outcome_of("v=spf1 redirect=" + std::string(target), more).outcome;
  };
  EXPECT_EQ(redirected("r.example.org", R"("r.example.org": {"TXT": ["v=spf1 ~all"]})"), Outcome::softfail);
  EXPECT_EQ(redirected("r.example.org", R"("r.example.org": "SERVFAIL")"), Outcome::temperror);
  EXPECT_EQ(redirected("r.example.org", R"("r.example.org": {"TXT": ["x"]})"), Outcome::permerror);
  EXPECT_EQ(redirected("r.example.org"), Outcome::permerror);
  EXPECT_EQ(redirected("%{h1}"), Outcome::permerror);
  EXPECT_EQ(redirected("a..%{d}"), Outcome::permerror);
  EXPECT_EQ(redirected("example.org"), Outcome::permerror);  // itself: ten times
}

TEST(SpfEvaluate, FailuresAreTemporaryAndNothingIsNothing) {
  for (const auto* failure : {"SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS"}) {
    const std::string fails = R"("x.example.org": ")" + std::string(failure) + "\"";
    for (const auto* term : {"a:x.example.org", "mx:x.example.org", "exists:x.example.org", "include:x.example.org"}) {
      const auto got = outcome_of("v=spf1 " + std::string(term) + " -all", fails);
      EXPECT_EQ(got.outcome, Outcome::temperror) << failure << " " << term;
      EXPECT_NE(got.problem.find("x.example.org"), std::string::npos);
    }
    EXPECT_EQ(outcome_of("v=spf1 mx -all", fails + R"(, "x": {})").outcome, Outcome::fail);
    // 5.5: under ptr an error is no match
    const std::string reverse = R"("1.2.0.192.in-addr.arpa": ")" + std::string(failure) + "\"";
    EXPECT_EQ(outcome_of("v=spf1 ptr -all", reverse).outcome, Outcome::fail) << failure;
    const std::string host = fails + R"(, "1.2.0.192.in-addr.arpa": {"PTR": ["x.example.org", "y.example.org"]})";
    EXPECT_EQ(outcome_of("v=spf1 ptr -all", host).outcome, Outcome::fail) << failure;
    EXPECT_EQ(outcome_of("v=spf1 ptr -all", host + R"(, "y.example.org": {"A": ["192.0.2.1"]})").outcome,
              Outcome::pass);
  }
  const auto first = checked(query_of("192.0.2.1", "u@example.org"), zone_of(R"({"example.org": "SERVFAIL"})"));
  EXPECT_EQ(first.evaluation.outcome, Outcome::temperror);
  EXPECT_NE(first.evaluation.problem.find("example.org: TXT of example.org: SERVFAIL"), std::string::npos)
      << first.evaluation.problem;
}

TEST(SpfEvaluate, AnErrorAfterTheMatchCountsAndOneOfDnsDoesNot) {
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.1 a:fails.example -all", R"("fails.example": "SERVFAIL")").outcome,
            Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 ip4:192.0.2.1 nonsense").outcome, Outcome::permerror);
}

TEST(SpfEvaluate, SeveralRecords) {
  const auto zone = [](std::string_view texts) {
    return checked(query_of("192.0.2.1", "u@example.org"),
                   zone_of(R"({"example.org": {"TXT": )" + std::string(texts) + "}}"))
        .evaluation;
  };
  EXPECT_EQ(zone(R"(["v=spf1 -all", "v=spf1 -all"])").outcome, Outcome::permerror);
  EXPECT_EQ(zone(R"(["v=spf1 -all", "V=SPF1"])").outcome, Outcome::permerror);
  EXPECT_EQ(zone(R"(["v=spf1 -all", "v=spf10 all", "x"])").outcome, Outcome::fail);
  EXPECT_EQ(zone(R"([["v=spf1 -", "all"]])").outcome, Outcome::fail);
  EXPECT_EQ(zone(R"([["v=spf1", "-all"]])").outcome, Outcome::none);
}

TEST(SpfEvaluate, Mx) {
  constexpr std::string_view kMore = R"("m.example.org": {"MX": [[10, "a.example.net"], [20, "b.example.net"]]},
    "a.example.net": {"A": ["198.51.100.1"]}, "b.example.net": {"A": ["198.51.100.2", "192.0.2.1"]},
    "null.example.org": {"MX": [[0, "."]]}, "f.example.org": {"MX": [[10, "a.example.net"], [20, "f.example.net"]]},
    "f.example.net": "TIMEOUT")";
  EXPECT_EQ(outcome_of("v=spf1 mx:m.example.org -all", kMore).outcome, Outcome::pass);
  EXPECT_EQ(outcome_of("v=spf1 mx:m.example.org -all", kMore, "192.0.2.2").outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 mx:m.example.org/24 -all", kMore, "192.0.2.2").outcome, Outcome::pass);
  const auto null_mx = outcome_of("v=spf1 mx:null.example.org/0 -all", kMore);
  EXPECT_EQ(null_mx.outcome, Outcome::fail);
  EXPECT_EQ(null_mx.void_lookups, 0U);
  // 5.4: no implicit MX
  EXPECT_EQ(outcome_of("v=spf1 mx:b.example.net -all", kMore).outcome, Outcome::fail);
  EXPECT_EQ(outcome_of("v=spf1 mx:f.example.org -all", kMore).outcome, Outcome::temperror);
  EXPECT_EQ(outcome_of("v=spf1 mx:f.example.org -all", kMore, "198.51.100.1").outcome, Outcome::pass);
}

TEST(SpfEvaluate, PtrIsTheNameOrBelowIt) {
  const auto with = [](std::string_view names, std::string_view term, std::string_view hosts) {
    return outcome_of("v=spf1 " + std::string(term) + " -all",
                      R"("1.2.0.192.in-addr.arpa": {"PTR": [)" + std::string(names) + "]}, " + std::string(hosts))
        .outcome;
  };
  constexpr std::string_view kHosts =
      R"("mail.example.org": {"A": ["192.0.2.1"]}, "mail.bad-example.org": {"A": ["192.0.2.1"]},
    "org": {"A": ["192.0.2.1"]})";
  EXPECT_EQ(with(R"("mail.example.org")", "ptr", kHosts), Outcome::pass);
  EXPECT_EQ(with(R"("MAIL.Example.ORG.")", "ptr", kHosts), Outcome::pass);
  EXPECT_EQ(with(R"("mail.example.org")", "ptr:mail.example.org.", kHosts), Outcome::pass);
  EXPECT_EQ(with(R"("mail.example.org")", "ptr:x.mail.example.org", kHosts), Outcome::fail);
  EXPECT_EQ(with(R"("mail.bad-example.org")", "ptr", kHosts), Outcome::fail);
  EXPECT_EQ(with(R"("org")", "ptr", kHosts), Outcome::fail);
  EXPECT_EQ(with(R"("other.example.org")", "ptr", kHosts), Outcome::fail);
}

TEST(SpfEvaluate, ValidatedNameOfTheClient) {  // 7.3: %{p}
  const auto record = "v=spf1 exists:%{p}.p.example exp=exp.example.org -all";
  const auto named = [&](std::string_view names) {
    return outcome_of(record, R"("exp.example.org": {"TXT": ["%{p}"]}, "1.2.0.192.in-addr.arpa": )" +
                                  std::string(names) +
                                  R"(, "mx.example.com": {"A": ["192.0.2.1"]}, "mx.example.org": {"A": ["192.0.2.1"]})")
        .explanation;
  };
  EXPECT_EQ(named(R"({"PTR": ["mx.example.com", "mx.example.org", "example.org"]})"), "mx.example.org");
  EXPECT_EQ(named(R"({"PTR": ["mx.example.com"]})"), "mx.example.com");
  EXPECT_EQ(named(R"({"PTR": ["elsewhere.example"]})"), "unknown");
  EXPECT_EQ(named(R"({})"), "unknown");
  EXPECT_EQ(named(R"("SERVFAIL")"), "unknown");
  const auto got = outcome_of("v=spf1 exists:%{p}.p.example -all", R"("unknown.p.example": {"A": ["127.0.0.1"]})");
  EXPECT_EQ(got.outcome, Outcome::pass);
  EXPECT_EQ(got.lookups, 1U);
  EXPECT_EQ(got.void_lookups, 0U);
}

TEST(SpfEvaluate, Explanation) {  // 6.2
  const auto explained = [](std::string_view texts, std::string_view sender = "user@example.org") {
    return outcome_of("v=spf1 -all exp=why.%{d}", R"("why.example.org": )" + std::string(texts), "192.0.2.1", sender);
  };
  EXPECT_EQ(explained(R"({"TXT": ["%{i} is not %{s}'s, 100%%."]})").explanation,
            "192.0.2.1 is not user@example.org's, 100%.");
  for (const auto* none :
       {R"({"TXT": ["a", "b"]})", R"({"TXT": []})", R"("SERVFAIL")", R"("TIMEOUT")", R"({"TXT": ["%{x}"]})",
        R"({"TXT": ["100%"]})", R"({"TXT": ["caf\u00e9"]})", R"({"TXT": ["a\tb"]})"}) {
    const auto got = explained(none);
    EXPECT_EQ(got.outcome, Outcome::fail);
    EXPECT_EQ(got.explanation, "") << none;
    EXPECT_EQ(got.problem, "");
  }
  // US-ASCII, whoever brings the rest
  EXPECT_EQ(explained(R"({"TXT": ["%{l}"]})", "us\xc3\xa9r@example.org").explanation, "");
  EXPECT_EQ(explained(R"({"TXT": ["%{l}"]})", "a\r\nb@example.org").explanation, "");
  EXPECT_EQ(explained(R"({"TXT": ["%{L}"]})", "us\xc3\xa9r@example.org").explanation, "us%C3%A9r");
  // Only for fail, and a syntax error in the term is one of the record.
  EXPECT_EQ(outcome_of("v=spf1 ~all exp=w.example", R"("w.example": {"TXT": ["x"]})").explanation, "");
  EXPECT_EQ(outcome_of("v=spf1 -all exp=%{r}.example").outcome, Outcome::permerror);
  // A redirect's own one is used, an include's is not.
  constexpr std::string_view kMore =
      R"("i.example": {"TXT": ["v=spf1 -all exp=w.example"]}, "w.example": {"TXT": ["why %{d}"]})";
  EXPECT_EQ(outcome_of("v=spf1 redirect=i.example exp=example.org", kMore).explanation, "why i.example");
  EXPECT_EQ(outcome_of("v=spf1 include:i.example -all", kMore).explanation, "");
  EXPECT_EQ(outcome_of("v=spf1 -include:j.example exp=w.example",
                       std::string(kMore) + R"(, "j.example": {"TXT": ["v=spf1 all"]})")
                .explanation,
            "why example.org");
}

TEST(SpfEvaluate, TraceOfAnInclude) {
  const auto got = outcome_of(
      "v=spf1 ip4:198.51.100.1 a include:i.example redirect=r.example",
      R"("i.example": {"TXT": ["v=spf1 mx:m.example ~all"]}, "r.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]})");
  EXPECT_EQ(got.outcome, Outcome::pass);
  std::string lines;
  for (const Step& step : got.trace) {
    lines += std::to_string(step.depth) + " " + step.domain + " " + step.term + ": " + step.result + " " +
             std::to_string(step.lookups) + "\n";
  }
  EXPECT_EQ(lines,
            "0 example.org ip4:198.51.100.1: no match 0\n"
            "0 example.org a: no match 1\n"
            "0 example.org include:i.example: no match 2\n"
            "1 i.example mx:m.example: no match 3\n"
            "1 i.example ~all: match 3\n"
            "0 example.org redirect=r.example: followed 4\n"
            "0 r.example ip4:192.0.2.0/24: match 4\n");
  EXPECT_EQ(got.lookups, 4U);
  EXPECT_EQ(got.void_lookups, 2U);
}

TEST(SpfEvaluate, HowMuchAPassSays) {
  struct Case {
    const char* record;
    const char* more;
    MatchedBy by;
    int bits;
    const char* client = "192.0.2.1";
  };
  for (const Case& c : std::initializer_list<Case>{
           {"v=spf1 +all", "", MatchedBy::all, 0},
           {"v=spf1 -all", "", MatchedBy::all, 0},
           {"v=spf1 ip4:192.0.2.0/24 -all", "", MatchedBy::network, 24},
           {"v=spf1 ip4:128.0.0.0/1", "", MatchedBy::network, 1},
           {"v=spf1 ip4:192.0.2.1", "", MatchedBy::network, 32},
           {"v=spf1 ip6:2001:db8::/32", "", MatchedBy::network, 32, "2001:db8::1"},
           {"v=spf1 ip6:2001:db8::1", "", MatchedBy::network, 128, "2001:db8::1"},
           {"v=spf1 a:h.example", R"("h.example": {"A": ["192.0.2.1"]})", MatchedBy::host, 32},
           {"v=spf1 a:h.example/4//16", R"("h.example": {"A": ["193.0.2.1"]})", MatchedBy::host, 4},
           {"v=spf1 a:h.example/4//16", R"("h.example": {"AAAA": ["2001::5"]})", MatchedBy::host, 16, "2001:db8::1"},
           {"v=spf1 mx:m.example", R"("m.example": {"MX": [[1, "h.example"]]}, "h.example": {"A": ["192.0.2.1"]})",
            MatchedBy::host, 32},
           {"v=spf1 exists:e.example", R"("e.example": {"A": ["127.0.0.2"]})", MatchedBy::exists, 0},
           {"v=spf1 exists:%{ir}.e.example", R"("1.2.0.192.e.example": {"A": ["127.0.0.2"]})", MatchedBy::exists, 32},
           {"v=spf1 ptr:e.example",
            R"("1.2.0.192.in-addr.arpa": {"PTR": ["h.e.example"]}, "h.e.example": {"A": ["192.0.2.1"]})",
            MatchedBy::ptr, 32},
           // what an include found inside, also inside of that, and behind one that found what is no pass
           {"v=spf1 include:i.example -all", R"("i.example": {"TXT": ["v=spf1 ip4:192.0.0.0/8 -all"]})",
            MatchedBy::network, 8},
           {"v=spf1 include:i.example include:k.example -all",
            R"("i.example": {"TXT": ["v=spf1 -ip4:192.0.2.0/24"]}, "k.example": {"TXT": ["v=spf1 include:l.example"]},
               "l.example": {"TXT": ["v=spf1 all"]})",
            MatchedBy::all, 0},
           {"v=spf1 include:i.example -ip4:192.0.2.1", R"("i.example": {"TXT": ["v=spf1 ~all"]})", MatchedBy::network,
            32},
           {"v=spf1 include:i.example", R"("i.example": {"TXT": ["v=spf1 ~all"]})", MatchedBy::nothing, 0},
           {"v=spf1 redirect=i.example", R"("i.example": {"TXT": ["v=spf1 ip4:192.0.2.0/30"]})", MatchedBy::network,
            30},
           {"v=spf1 ip4:198.51.100.1", "", MatchedBy::nothing, 0},
           {"v=spf1 foo", "", MatchedBy::nothing, 0},
       }) {
    const Evaluation got = outcome_of(c.record, c.more, c.client);
    EXPECT_EQ(got.matched_by, c.by) << c.record;
    EXPECT_EQ(got.matched_bits, c.bits) << c.record;
  }
}

TEST(SpfEvaluate, ProblemsNameTheTermAndTheReason) {
  auto got = outcome_of("v=spf1 include:i.example -all", R"("i.example": {"TXT": ["v=spf1 ip4:192.0.2.300 -all"]})");
  EXPECT_EQ(got.outcome, Outcome::permerror);
  EXPECT_EQ(got.problem, "i.example: ip4:192.0.2.300: not an IPv4 network such as 192.0.2.0/24");
  EXPECT_EQ(got.mechanism, "ip4:192.0.2.300");
  EXPECT_EQ(got.mechanism_domain, "i.example");
  ASSERT_EQ(got.trace.size(), 2U);
  EXPECT_EQ(got.trace[0].result, "permerror");
  EXPECT_EQ(got.trace[1].term, "ip4:192.0.2.300");
  got = outcome_of("v=spf1 a:caf\xc3\xa9.example\r\n -all");
  EXPECT_EQ(got.outcome, Outcome::permerror);
  for (const std::string& text : {got.problem, got.record, got.mechanism, got.trace.at(0).term}) {
    for (const char c : text) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << text;
  }
}

}  // namespace
}  // namespace postern::spf::test
