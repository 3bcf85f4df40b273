#include "dns/fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

Zone zone(std::string_view text) {
  const auto value = json::parse(text);
  EXPECT_TRUE(value) << value.error().what;
  auto made = Zone::from_json(*value);
  EXPECT_TRUE(made) << made.error().what;
  return *std::move(made);
}

std::string error_of(std::string_view text) {
  const auto made = Zone::from_json(*json::parse(text));
  return made ? "" : made.error().what;
}

TEST(Zone, Records) {
  const Zone z = zone(R"({"Example.ORG.": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"],
      "MX": [[10, "mx.example.org"], [0, ""], [65535, "."]], "TXT": ["v=spf1 -all", ["a", "b ", "c"], "\u00e9\u0000\u0080"],
      "NS": ["ns.example.org"], "TLSA": ["3 1 1 ABCD ef", "\\# 4 030101ff", "\\# 2 0301", "\\# 0", "3 1 1"]},
      "1.2.0.192.in-addr.arpa": {"PTR": ["Host.Example.org"]}})");
  const auto a = z.find(name("example.org"), Type::a);
  EXPECT_EQ(a->status, Status::ok);
  EXPECT_EQ(a->addresses.size(), 2U);
  EXPECT_EQ(a->canonical.text(), "example.org");
  EXPECT_EQ(a->security, Security::insecure);
  EXPECT_EQ(a->ttl, Zone::kTtl);
  EXPECT_EQ(z.find(name("example.org"), Type::aaaa)->addresses.at(0).text(), "2001:db8::1");
  const auto mx = z.find(name("example.org"), Type::mx);
  ASSERT_EQ(mx->mx.size(), 3U);
  EXPECT_EQ(mx->mx[0], (Mx{10, name("mx.example.org")}));
  EXPECT_TRUE(mx->mx[1].host.is_root());
  EXPECT_TRUE(mx->mx[2].host.is_root());
  const auto txt = z.find(name("example.org"), Type::txt);
  ASSERT_EQ(txt->texts.size(), 3U);
  EXPECT_EQ(txt->texts[1], "ab c");
  EXPECT_EQ(txt->texts[2], std::string("\xE9\0\x80", 3));
  const auto tlsa = z.find(name("example.org"), Type::tlsa);
  ASSERT_EQ(tlsa->tlsa.size(), 2U);
  EXPECT_EQ(tlsa->tlsa[0], (Tlsa{3, 1, 1, "\xAB\xCD\xEF"}));
  EXPECT_EQ(tlsa->tlsa[1], (Tlsa{3, 1, 1, "\xFF"}));
  EXPECT_EQ(z.find(name("1.2.0.192.in-addr.arpa"), Type::ptr)->names.at(0).text(), "host.example.org");
}

TEST(Zone, ACnameNeedsNoList) {
  const Zone z = zone(R"({"a": {"CNAME": "B."}, "b": {"TXT": ["x"]}, "servfail": {"CNAME": "SERVFAIL"}})");
  EXPECT_EQ(z.find(name("a"), Type::txt)->texts.at(0), "x");
  EXPECT_EQ(z.find(name("a"), Type::cname)->names.at(0).text(), "b");
  EXPECT_EQ(z.find(name("servfail"), Type::txt)->status, Status::servfail);
  EXPECT_FALSE(error_of(R"({"a": {"CNAME": "b..c"}})").empty());
  EXPECT_FALSE(error_of(R"({"a": {"PTR": "b"}})").empty());
}

TEST(Zone, TextBeyondOctetsIsUtf8) {
  EXPECT_EQ(zone(R"({"a": {"TXT": ["\u20ac\u00e9"]}})").find(name("a"), Type::txt)->texts.at(0),
            "\xE2\x82\xAC\xC3\xA9");
}

TEST(Zone, NothingThere) {
  const Zone z = zone(R"({"a.example.org": {"A": ["192.0.2.1"], "TXT": [], "SRV": ["whatever"]}, "empty.org": {}})");
  EXPECT_EQ(z.find(name("a.example.org"), Type::mx)->status, Status::nodata);
  EXPECT_EQ(z.find(name("a.example.org"), Type::txt)->status, Status::nodata);
  EXPECT_EQ(z.find(name("empty.org"), Type::a)->status, Status::nodata);
  const auto parent = z.find(name("example.org"), Type::a);
  EXPECT_EQ(parent->status, Status::nxdomain);
  EXPECT_EQ(parent->canonical.text(), "example.org");
  EXPECT_EQ(z.find(name("b.a.example.org"), Type::a)->status, Status::nxdomain);
}

TEST(Zone, Failures) {
  const Zone z = zone(R"({"s": "SERVFAIL", "t": "TIMEOUT", "r": "REFUSED", "b": "BOGUS",
      "mixed": {"TXT": "TIMEOUT", "A": ["192.0.2.1"], "MX": "SERVFAIL"}})");
  EXPECT_EQ(z.find(name("s"), Type::a)->status, Status::servfail);
  EXPECT_EQ(z.find(name("t"), Type::txt)->status, Status::timeout);
  EXPECT_EQ(z.find(name("r"), Type::mx)->status, Status::refused);
  EXPECT_EQ(z.find(name("b"), Type::mx)->status, Status::bogus);
  EXPECT_EQ(z.find(name("b"), Type::mx)->security, Security::bogus);
  EXPECT_EQ(z.find(name("mixed"), Type::txt)->status, Status::timeout);
  EXPECT_EQ(z.find(name("mixed"), Type::mx)->status, Status::servfail);
  EXPECT_EQ(z.find(name("mixed"), Type::a)->status, Status::ok);
  EXPECT_FALSE(z.find(name("mixed"), Type::txt)->why.empty());
}

TEST(Zone, Cnames) {
  std::string text = R"({"loop1": {"CNAME": ["loop2"]}, "loop2": {"CNAME": ["loop1"]}, "self": {"CNAME": ["self"]},
      "gone": {"CNAME": ["nowhere"]}, "broken": {"CNAME": ["s"]}, "s": "SERVFAIL", "c": {"CNAME": "TIMEOUT"},
      "end": {"A": ["192.0.2.1"]})";
  for (int i = 0; i < 12; ++i) {
    text +=
        ", \"n" + std::to_string(i) + "\": {\"CNAME\": [\"" + (i == 0 ? "end" : "n" + std::to_string(i - 1)) + "\"]}";
  }
  const Zone z = zone(text + "}");
  const auto ten = z.find(name("n9"), Type::a);  // n9 .. n0, end: ten CNAMEs
  EXPECT_EQ(ten->status, Status::ok);
  EXPECT_EQ(ten->canonical.text(), "end");
  EXPECT_EQ(z.find(name("n10"), Type::a)->status, Status::servfail);
  EXPECT_EQ(z.find(name("n9"), Type::mx)->status, Status::nodata);
  EXPECT_EQ(z.find(name("n1"), Type::cname)->names.at(0).text(), "n0");
  for (const char* loop : {"loop1", "loop2", "self"}) {
    EXPECT_EQ(z.find(name(loop), Type::txt)->status, Status::servfail) << loop;
  }
  const auto gone = z.find(name("gone"), Type::a);
  EXPECT_EQ(gone->status, Status::nxdomain);
  EXPECT_EQ(gone->canonical.text(), "nowhere");
  EXPECT_EQ(z.find(name("broken"), Type::a)->status, Status::servfail);
  EXPECT_EQ(z.find(name("c"), Type::a)->status, Status::timeout);
}

TEST(Zone, Secure) {
  const Zone z = zone(R"({"s": {"secure": true, "A": ["192.0.2.1"], "TXT": "SERVFAIL"}, "i": {"A": ["192.0.2.1"]},
      "si": {"secure": true, "CNAME": ["i"]}, "is": {"CNAME": ["s"]}, "ss": {"secure": true, "CNAME": ["s"]}})");
  EXPECT_EQ(z.find(name("s"), Type::a)->security, Security::secure);
  EXPECT_EQ(z.find(name("s"), Type::mx)->security, Security::secure);
  EXPECT_EQ(z.find(name("s"), Type::txt)->security, Security::insecure);
  EXPECT_EQ(z.find(name("ss"), Type::a)->security, Security::secure);
  EXPECT_EQ(z.find(name("ss"), Type::mx)->security, Security::secure);
  for (const char* mixed : {"i", "si", "is"}) {
    EXPECT_EQ(z.find(name(mixed), Type::a)->security, Security::insecure) << mixed;
    EXPECT_EQ(z.find(name(mixed), Type::mx)->security, Security::insecure) << mixed;
  }
}

TEST(Zone, UnicodeAndImpossibleNames) {
  const Zone z = zone(R"({"b\u00fccher.example": {"A": ["192.0.2.1"]}, "a..b": {"A": ["192.0.2.1"]},
      "mx.example": {"MX": [[1, "b\u00fccher.example"]]}})");
  EXPECT_EQ(z.find(name("xn--bcher-kva.example"), Type::a)->status, Status::ok);
  EXPECT_EQ(z.find(name("mx.example"), Type::mx)->mx.at(0).host.text(), "xn--bcher-kva.example");
}

TEST(Zone, ErrorsNameThePlace) {
  EXPECT_EQ(error_of(R"({"a.org": {"A": ["2001:db8::1"]}})"),
            "zone: a.org: A: an IPv4 address is \"192.0.2.1\", not \"2001:db8::1\"");
  for (const char* wrong :
       {R"([])", R"({"a": 1})", R"({"a": "NXDOMAIN"})", R"({"a": {"A": "192.0.2.1"}})", R"({"a": {"A": 1}})",
        R"({"a": {"AAAA": ["192.0.2.1"]}})", R"({"a": {"MX": [[65536, "b"]]}})", R"({"a": {"MX": [[-1, "b"]]}})",
        R"({"a": {"MX": ["b"]}})", R"({"a": {"MX": [[1, "b..c"]]}})", R"({"a": {"TXT": [1]}})",
        R"({"a": {"TXT": [["a", 1]]}})", R"({"a": {"CNAME": ["b", "c"]}})", R"({"a": {"PTR": [5]}})",
        R"({"a": {"TLSA": ["3 1 256 ff"]}})", R"({"a": {"TLSA": ["3 1 1 f"]}})", R"({"a": {"TLSA": ["3 1"]}})",
        R"({"a": {"TLSA": ["\\# 3 ff"]}})"}) {
    EXPECT_NE(error_of(wrong), "") << wrong;
  }
}

TEST(FixtureResolver, CountsAgainstTheBudget) {
  FixtureResolver resolver(zone(R"({"a": {"A": ["192.0.2.1"]}})"));
  Budget budget(2);
  EXPECT_EQ(run_ready(resolver.query(name("a"), Type::a, budget))->status, Status::ok);
  EXPECT_EQ(run_ready(resolver.query(name("a"), Type::a, budget))->status, Status::ok);
  EXPECT_FALSE(budget.refused()) << "there were as many as were wanted";
  EXPECT_EQ(run_ready(resolver.query(name("a"), Type::a, budget))->status, Status::limit);
  EXPECT_TRUE(budget.refused());
  EXPECT_EQ(budget.asked(), 2U);
  EXPECT_EQ(resolver.asked(), 2U);
  Budget other;
  other.cancel();
  EXPECT_EQ(run_ready(resolver.query(name("a"), Type::a, other))->status, Status::cancelled);
  EXPECT_FALSE(other.refused());
}

class Heard final : public Budget::Waiter {
 public:
  explicit Heard(Budget& budget, Heard* other = nullptr) : budget_(budget), other_(other) { budget.add(*this); }
  void cancelled() override {
    ++times;
    budget_.remove(*this);
    if (other_ != nullptr) budget_.remove(*other_);
  }
  int times = 0;

 private:
  Budget& budget_;
  Heard* other_;
};

TEST(Budget, CancelTellsEveryWaiterOnce) {
  Budget budget;
  Heard a(budget);
  Heard b(budget);
  Heard gone(budget);
  budget.remove(gone);
  budget.cancel();
  budget.cancel();
  EXPECT_EQ(a.times, 1);
  EXPECT_EQ(b.times, 1);
  EXPECT_EQ(gone.times, 0);
  EXPECT_TRUE(budget.cancelled());
  EXPECT_FALSE(budget.take());
}

TEST(Budget, AWaiterMayRemoveAnother) {
  Budget budget;
  Heard first(budget);
  Heard second(budget, &first);
  budget.cancel();
  EXPECT_EQ(first.times + second.times, 1);
}

TEST(Answer, Texts) {
  EXPECT_EQ(to_string(Type::aaaa), "AAAA");
  EXPECT_EQ(to_string(Status::nxdomain), "NXDOMAIN");
  EXPECT_TRUE(is_temporary(Status::bogus));
  EXPECT_FALSE(is_temporary(Status::nxdomain));
  EXPECT_TRUE(is_void(Status::nodata));
  EXPECT_FALSE(is_void(Status::servfail));
}

}  // namespace
}  // namespace postern::dns
