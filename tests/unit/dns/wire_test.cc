#include "dns/wire.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

using namespace std::string_literals;

Name name(std::string_view text) { return *Name::parse(text); }

std::string be16(unsigned n) { return {static_cast<char>(n >> 8U), static_cast<char>(n & 0xFFU)}; }

std::string wire(std::string_view text) {
  std::string out;
  append_name(out, name(text));
  return out;
}

// A reply to (a.test, type) made of records; "\xC0\x0C" points to the question's name.
struct Made {
  std::string answers, authority;
  unsigned answer_count = 0, authority_count = 0;
  std::string flags = "\x81\x80"s;
  Made& record(const std::string& owner, Type type, const std::string& rdata, unsigned ttl = 60) {
    answers += owner + be16(static_cast<unsigned>(type)) + be16(1) + be16(0) + be16(ttl) +
               be16(static_cast<unsigned>(rdata.size())) + rdata;
    ++answer_count;
    return *this;
  }
  Made& soa(unsigned ttl, unsigned minimum) {
    const std::string rdata = "\0\0"s + std::string(18, '\0') + be16(minimum);
    authority +=
        "\xC0\x0C"s + be16(6) + be16(1) + be16(0) + be16(ttl) + be16(static_cast<unsigned>(rdata.size())) + rdata;
    ++authority_count;
    return *this;
  }
  [[nodiscard]] std::string text(Type type) const {
    return "\x12\x34"s + flags + be16(1) + be16(answer_count) + be16(authority_count) + be16(0) + wire("a.test") +
           be16(static_cast<unsigned>(type)) + be16(1) + answers + authority;
  }
  [[nodiscard]] Reply parse(Type type) const {
    auto reply = parse_reply(text(type), name("a.test"), type);
    EXPECT_TRUE(reply);
    return reply ? *std::move(reply) : Reply{};
  }
};
const std::string kOwner = "\xC0\x0C";

TEST(ReadName, BothForms) {
  const std::string packet = "\3www\7Example\3org\0\1a\xC0\x04\xC0\x11"s;
  const auto plain = read_name(packet, 0);
  EXPECT_EQ(plain->name->text(), "www.example.org");
  EXPECT_EQ(plain->end, 17U);
  const auto pointed = read_name(packet, 17);
  EXPECT_EQ(pointed->name->text(), "a.example.org");
  EXPECT_EQ(pointed->end, 21U);
  EXPECT_EQ(read_name(packet, 21)->name->text(), "a.example.org");
  EXPECT_TRUE(read_name("\0"s, 0)->name->is_root());
}

TEST(ReadName, Hostile) {
  for (const std::string& bad :
       {""s, "\3ab"s, "\1a"s, "\xC0"s, "\xC0\x00"s, "\xC0\x01"s, "\x40z\0"s, "\x80z\0"s, "\1a\xC0\x00"s, "\x3F"s}) {
    EXPECT_FALSE(read_name(bad, 0)) << testing::PrintToString(bad);
  }
  EXPECT_FALSE(read_name("\xC0\x02\xC0\x00"s, 2));  // round and round
  EXPECT_FALSE(read_name("\0"s, 1));
  const auto dotted = read_name("\3a.b\3org\0"s, 0);
  ASSERT_TRUE(dotted);
  EXPECT_FALSE(dotted->name);
  EXPECT_EQ(dotted->end, 9U);
}

TEST(ReadName, LengthAtTheLimitAndOneBeyond) {
  std::string longest;
  for (int i = 0; i < 3; ++i) longest += '\x3F' + std::string(63, 'a');
  EXPECT_TRUE(read_name(longest + '\x3D' + std::string(61, 'a') + '\0', 0)->name);
  EXPECT_FALSE(read_name(longest + '\x3E' + std::string(62, 'a') + '\0', 0));
}

TEST(Rdata, EachTypeAtItsLengths) {
  for (const Type type : {Type::a, Type::aaaa}) {
    const std::size_t right = type == Type::a ? 4 : 16;
    for (std::size_t n = 0; n <= 17; ++n) {
      Answer answer;
      EXPECT_EQ(read_rdata(std::string(n, '\1'), 0, n, type, answer), n == right);
      EXPECT_EQ(answer.addresses.size(), n == right ? 1U : 0U);
    }
  }
  for (std::size_t n = 0; n <= 5; ++n) {
    Answer answer;
    EXPECT_EQ(read_rdata("\3\1\1\xFF\xFE"s, 0, n, Type::tlsa, answer), n >= 4) << n;
    if (n >= 4) EXPECT_EQ(answer.tlsa.at(0), (Tlsa{3, 1, 1, "\xFF\xFE"s.substr(0, n - 3)}));
  }
  Answer answer;
  EXPECT_FALSE(read_rdata("abc", 1, 3, Type::txt, answer));
  EXPECT_FALSE(read_rdata("abc", 4, 0, Type::txt, answer));
  EXPECT_FALSE(read_rdata("", 0, 0, Type::txt, answer));
  EXPECT_FALSE(read_rdata("\3ab"s, 0, 3, Type::txt, answer));
  EXPECT_FALSE(read_rdata("\1ab"s, 0, 3, Type::txt, answer));
  EXPECT_TRUE(read_rdata("\2ab\0\3\0c\xFF"s, 0, 8, Type::txt, answer));
  EXPECT_TRUE(read_rdata("\0"s, 0, 1, Type::txt, answer));
  EXPECT_EQ(answer.texts, (std::vector{"ab\0c\xFF"s, ""s}));
  EXPECT_FALSE(read_rdata("\0\12"s, 0, 2, Type::mx, answer));
  EXPECT_TRUE(read_rdata("\0\12\0"s, 0, 3, Type::mx, answer));
  EXPECT_TRUE(read_rdata("\0\12\1b\0"s, 0, 5, Type::mx, answer));
  EXPECT_FALSE(read_rdata("\0\12\1b\0x"s, 0, 6, Type::mx, answer));
  EXPECT_FALSE(read_rdata("\0\12\1b\0"s, 0, 4, Type::mx, answer));  // the name runs out of the record
  EXPECT_EQ(answer.mx, (std::vector<Mx>{{10, Name()}, {10, name("b")}}));
}

TEST(Reply, RecordsOfTheOwnerOnly) {
  const Reply reply = Made()
                          .record(kOwner, Type::a, "\xC0\0\2\1"s, 90)
                          .record(kOwner, Type::a, "\xC0\0\2\2"s, 30)
                          .record(kOwner, Type::txt, "\1x"s)
                          .record(wire("other.test"), Type::a, "\xC0\0\2\3"s)
                          .record(kOwner, Type::a, "\xC0\0\2"s)
                          .parse(Type::a);
  EXPECT_EQ(reply.answer.status, Status::ok);
  EXPECT_EQ(reply.answer.addresses.size(), 2U);
  EXPECT_EQ(reply.answer.ttl, 30U);
  EXPECT_EQ(reply.answer.dropped, 1U);
  EXPECT_EQ(reply.answer.canonical.text(), "a.test");
}

TEST(Reply, Cnames) {
  const Reply reply = Made()
                          .record(wire("c.test"), Type::a, "\xC0\0\2\1"s)
                          .record(wire("b.test"), Type::cname, wire("c.test"), 5)
                          .record(kOwner, Type::cname, wire("b.test"))
                          .parse(Type::a);
  EXPECT_EQ(reply.answer.status, Status::ok);
  EXPECT_EQ(reply.answer.canonical.text(), "c.test");
  EXPECT_EQ(reply.answer.ttl, 5U);
  EXPECT_EQ(Made().record(kOwner, Type::cname, kOwner).parse(Type::a).answer.status, Status::servfail);
  EXPECT_EQ(Made().record(kOwner, Type::cname, "\3a.b\0"s).parse(Type::a).answer.status, Status::servfail);
  const Reply asked = Made().record(kOwner, Type::cname, kOwner).parse(Type::cname);
  EXPECT_EQ(asked.answer.names.at(0).text(), "a.test");
  Made chain;
  for (int i = 0; i < 11; ++i) {
    chain.record(i == 0 ? kOwner : wire("n" + std::to_string(i)), Type::cname, wire("n" + std::to_string(i + 1)));
    EXPECT_EQ(chain.parse(Type::a).answer.status, i < 10 ? Status::nodata : Status::servfail) << i;
  }
}

TEST(Reply, NothingThere) {
  Made none;
  EXPECT_EQ(none.parse(Type::mx).answer.status, Status::nodata);
  EXPECT_EQ(none.parse(Type::mx).answer.ttl, 0U);
  EXPECT_EQ(none.soa(300, 60).parse(Type::mx).answer.ttl, 60U);
  Made gone;
  gone.flags = "\x81\x83"s;
  const Reply reply = gone.record(kOwner, Type::cname, wire("b.test"), 7).soa(20, 60).parse(Type::a);
  EXPECT_EQ(reply.answer.status, Status::nxdomain);
  EXPECT_EQ(reply.answer.canonical.text(), "b.test");
  EXPECT_EQ(reply.answer.ttl, 7U);
}

TEST(Reply, Codes) {
  for (unsigned code = 1; code < 16; ++code) {
    Made made;
    made.flags = {'\x81', static_cast<char>(0xA0U | code)};
    const Reply reply = made.parse(Type::a);
    EXPECT_TRUE(reply.authentic);
    EXPECT_EQ(reply.rcode, code);
    EXPECT_EQ(reply.answer.status, code == 2 ? Status::servfail : code == 3 ? Status::nxdomain : Status::refused);
  }
}

TEST(Reply, ShortTlsaIsDropped) {
  Made made;
  for (std::size_t n = 0; n < 4; ++n) made.record(kOwner, Type::tlsa, std::string("\3\1\1\xFF").substr(0, n));
  const Reply none = made.parse(Type::tlsa);
  EXPECT_EQ(none.answer.status, Status::nodata);
  EXPECT_EQ(none.answer.dropped, 4U);
  const Reply one = made.record(kOwner, Type::tlsa, "\3\1\1\xFF").parse(Type::tlsa);
  EXPECT_EQ(one.answer.status, Status::ok);
  EXPECT_EQ(one.answer.tlsa.size(), 1U);
  EXPECT_EQ(Made().record(kOwner, Type::a, "x").parse(Type::a).answer.status, Status::servfail);
}

TEST(Reply, RecordsAtTheLimitAndOneBeyond) {
  Made made;
  for (std::size_t i = 0; i < kRecordsMax; ++i) made.record(kOwner, Type::a, "\xC0\0\2\1"s);
  EXPECT_EQ(made.parse(Type::a).answer.dropped, 0U);
  const Reply more = made.record(kOwner, Type::a, "\xC0\0\2\1"s).parse(Type::a);
  EXPECT_EQ(more.answer.addresses.size(), kRecordsMax);
  EXPECT_EQ(more.answer.dropped, 1U);
}

TEST(Reply, CutAnywhereItIsNoReply) {
  Made made;
  made.record(kOwner, Type::mx, "\0\1\1b\xC0\x0C"s).soa(5, 5);
  const std::string whole = made.text(Type::mx);
  ASSERT_TRUE(parse_reply(whole, name("a.test"), Type::mx));
  const std::size_t answers_end = whole.size() - made.authority.size();
  for (std::size_t n = 0; n < answers_end; ++n) {
    EXPECT_FALSE(parse_reply(whole.substr(0, n), name("a.test"), Type::mx)) << n;
  }
  std::string query = whole;
  query[2] = '\x01';
  EXPECT_FALSE(parse_reply(query, name("a.test"), Type::mx));
}

TEST(Query, AsItIsAsked) {
  EXPECT_EQ(query_packet(0x1234, name("a.test"), Type::txt), "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\x10\0\1"s);
  EXPECT_EQ(query_packet(1, Name(), Type::ns), "\0\1\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"s);
  const std::string reply = "\x12\x34\x81\x85\0\0\0\0\0\0\0\0"s;
  EXPECT_EQ(reply_code(reply, 0x1234), 5);
  EXPECT_FALSE(reply_code(reply, 0x1235));
  EXPECT_FALSE(reply_code(reply.substr(0, 11), 0x1234));
  EXPECT_FALSE(reply_code(query_packet(0x1234, Name(), Type::ns), 0x1234));
}

}  // namespace
}  // namespace postern::dns
