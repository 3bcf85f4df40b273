#include "dane/dane.h"

#include <gtest/gtest.h>

#include "dns/fixture.h"

namespace postern::dane {
namespace {

std::string hex(std::size_t octets) {
  std::string out;
  for (std::size_t i = 0; i < octets; ++i) out += "ab";
  return out;
}
const std::string kGood = "3 1 1 " + hex(32);
const std::string kOther = "2 0 1 " + hex(32);

Decision ask(const std::string& zone, bool addresses_secure = true, std::uint16_t port = 25,
             std::uint64_t* queries = nullptr) {
  const auto json = json::parse(zone);
  EXPECT_TRUE(json.has_value()) << zone;
  auto parsed = dns::Zone::from_json(*json);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().what);
  dns::FixtureResolver resolver(std::move(*parsed));
  dns::Budget budget;
  Decision out = run_ready(
      discover({.host = *dns::Name::parse("mx.example.org"), .port = port, .addresses_secure = addresses_secure},
               resolver, budget));
  if (queries != nullptr) *queries = resolver.asked();
  return out;
}

const std::string kHost = R"("mx.example.org": {"secure": true, "A": ["192.0.2.1"]})";
std::string with_tlsa(const std::string& value, bool secure = true) {
  return "{" + kHost + R"(, "_25._tcp.mx.example.org": {"secure": )" + (secure ? "true" : "false") + R"(, "TLSA": )" +
         value + "}}";
}

TEST(Dane, UsableRecordsAreProved) {
  const auto out = ask(with_tlsa("[\"" + kGood + "\", \"" + kOther + "\"]"));
  EXPECT_EQ(out.need, Need::prove);
  EXPECT_EQ(out.base.text(), "mx.example.org");
  ASSERT_EQ(out.records.size(), 2U);
  EXPECT_EQ(presentation(out.records[0]), kGood);
}

TEST(Dane, NoRecordsNeedNothing) {
  EXPECT_EQ(ask("{" + kHost + "}").need, Need::nothing);
  EXPECT_EQ(ask("{" + kHost + R"(, "_25._tcp.mx.example.org": {"secure": true}})").need, Need::nothing);
}

TEST(Dane, RecordsThatAreNotValidatedDoNotCount) {
  EXPECT_EQ(ask(with_tlsa("[\"" + kGood + "\"]", false)).need, Need::nothing);
}

TEST(Dane, AFailedLookupRefusesTheHost) {
  for (const char* how : {"SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS"}) {
    const auto out = ask(with_tlsa(std::string("\"") + how + "\""));
    EXPECT_EQ(out.need, Need::refuse) << how;
    EXPECT_EQ(out.bogus, std::string_view(how) == "BOGUS");
    EXPECT_NE(out.why.find("_25._tcp.mx.example.org"), std::string::npos) << out.why;
  }
}

TEST(Dane, ABudgetThatIsSpentRefusesTheHost) {
  dns::FixtureResolver resolver{dns::Zone()};
  dns::Budget budget(2);
  const auto out =
      run_ready(discover({.host = *dns::Name::parse("mx.example.org"), .addresses_secure = true}, resolver, budget));
  EXPECT_EQ(out.need, Need::refuse);
}

TEST(Dane, OnlyUnusableRecordsStillNeedEncryption) {
  for (const std::string& record :
       {"0 1 1 " + hex(32), "1 1 1 " + hex(32), "4 1 1 " + hex(32), "3 2 1 " + hex(32), "3 1 3 " + hex(32),
        "3 1 1 " + hex(31), "3 1 1 " + hex(33), "3 1 2 " + hex(32), "3 1 0 " + hex(4), std::string("3 1 1")}) {
    const auto out = ask(with_tlsa("[\"" + record + "\"]"));
    EXPECT_EQ(out.need, Need::encrypt) << record;
    EXPECT_TRUE(out.records.empty());
    EXPECT_FALSE(out.why.empty());
  }
}

// pitfalls: records of RDLEN 0 to 3 crashed others
TEST(Dane, RecordsTooShortToBeReadAreACommitmentToTls) {
  dns::Answer short_records;
  short_records.status = dns::Status::nodata;
  short_records.security = dns::Security::secure;
  short_records.dropped = 1;
  for (const bool secure : {true, false}) {
    dns::Zone zone;
    short_records.security = secure ? dns::Security::secure : dns::Security::insecure;
    zone.set(*dns::Name::parse("_25._tcp.mx.example.org"), dns::Type::tlsa, short_records);
    dns::FixtureResolver resolver(std::move(zone));
    dns::Budget budget;
    const auto out =
        run_ready(discover({.host = *dns::Name::parse("mx.example.org"), .addresses_secure = true}, resolver, budget));
    EXPECT_EQ(out.need, secure ? Need::encrypt : Need::nothing);
  }
}

TEST(Dane, UnusableRecordsDoNotSpoilUsableOnes) {
  const auto out = ask(with_tlsa("[\"0 0 1 " + hex(32) + "\", \"" + kGood + "\"]"));
  EXPECT_EQ(out.need, Need::prove);
  EXPECT_EQ(out.records.size(), 1U);
  EXPECT_EQ(out.all.size(), 2U);
}

TEST(Dane, AddressesThatAreNotValidatedAskForNothing) {
  std::uint64_t queries = 0;
  const auto out = ask(with_tlsa("\"SERVFAIL\""), false, 25, &queries);
  EXPECT_EQ(out.need, Need::nothing);
  EXPECT_LE(queries, 2U);
}

TEST(Dane, ThePortIsPartOfTheName) {
  const std::string zone =
      "{" + kHost + R"(, "_587._tcp.mx.example.org": {"secure": true, "TLSA": [")" + kGood + "\"]}}";
  EXPECT_EQ(ask(zone).need, Need::nothing);
  EXPECT_EQ(ask(zone, true, 587).need, Need::prove);
}

const std::string kAlias = R"("mx.example.org": {"secure": true, "CNAME": "real.example.net"}, )"
                           R"("real.example.net": {"secure": true, "AAAA": ["2001:db8::1"]})";

TEST(Dane, ASecureAliasIsAskedUnderItsTargetFirst) {
  const std::string at_target = R"("_25._tcp.real.example.net": {"secure": true, "TLSA": [")" + kGood + "\"]}";
  const std::string at_name = R"("_25._tcp.mx.example.org": {"secure": true, "TLSA": [")" + kOther + "\"]}";
  auto out = ask("{" + kAlias + "," + at_target + "," + at_name + "}");
  EXPECT_EQ(out.need, Need::prove);
  EXPECT_EQ(out.base.text(), "real.example.net");
  EXPECT_EQ(presentation(out.records.at(0)), kGood);
  out = ask("{" + kAlias + "," + at_name + "}");
  EXPECT_EQ(out.need, Need::prove);
  EXPECT_EQ(out.base.text(), "mx.example.org");
  EXPECT_EQ(ask("{" + kAlias + R"(, "_25._tcp.real.example.net": "SERVFAIL",)" + at_name + "}").need, Need::refuse);
}

TEST(Dane, AnInsecureTargetOfASecureAliasIsAskedUnderTheAlias) {
  const std::string target = R"("real.example.net": {"AAAA": ["2001:db8::1"]})";
  const std::string name = R"("_25._tcp.mx.example.org": {"secure": true, "TLSA": [")" + kOther + "\"]}";
  const std::string elsewhere = R"("_25._tcp.real.example.net": {"secure": true, "TLSA": [")" + kGood + "\"]}";
  auto out = ask(R"({"mx.example.org": {"secure": true, "CNAME": "real.example.net"}, )" + target + "," + name + "," +
                     elsewhere + "}",
                 false);
  EXPECT_EQ(out.need, Need::prove);
  EXPECT_EQ(out.base.text(), "mx.example.org");
  out = ask(R"({"mx.example.org": {"CNAME": "real.example.net"}, )" + target + "," + name + "}", false);
  EXPECT_EQ(out.need, Need::nothing);
}

TEST(Dane, ReferenceNames) {
  const auto name = [](const char* text) { return *dns::Name::parse(text); };
  EXPECT_EQ(reference_names(name("a.org"), name("a.org"), name("mx.a.org")), (std::vector<std::string>{"a.org"}));
  EXPECT_EQ(reference_names(name("a.org"), name("b.org"), name("mx.a.org")),
            (std::vector<std::string>{"a.org", "b.org"}));
  EXPECT_EQ(reference_names(name("a.org"), name("a.org"), name("a.org")), std::vector<std::string>());
  EXPECT_EQ(reference_names(dns::Name(), dns::Name(), name("mx.a.org")), std::vector<std::string>());
}

TEST(Dane, WholeCertificatesMustAtLeastBeOneDerSequence) {
  const auto full = [](std::string data) {
    return usable({.usage = 3, .selector = 0, .matching = 0, .data = std::move(data)});
  };
  EXPECT_TRUE(full(std::string("\x30\x02\x05\x00", 4)));
  EXPECT_FALSE(full(std::string("\x30\x03\x05\x00", 4)));
  EXPECT_FALSE(full(std::string("\x30\x01\x05\x00", 4)));
  EXPECT_FALSE(full(std::string("\x31\x02\x05\x00", 4)));
  EXPECT_TRUE(full("\x30\x81\x80" + std::string(128, 'x')));
  EXPECT_TRUE(full(std::string("\x30\x82\x01\x00", 4) + std::string(256, 'x')));
  EXPECT_FALSE(full(std::string("\x30\x82\x01\x00", 4) + std::string(255, 'x')));
  for (const char* cut : {"", "\x30", "\x30\x82", "\x30\x82\x01", "\x30\x80", "\x30\xff\xff\xff"})
    EXPECT_FALSE(full(cut));
}

}  // namespace
}  // namespace postern::dane
