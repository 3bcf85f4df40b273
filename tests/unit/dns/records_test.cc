#include "dns/records.h"

#include <gtest/gtest.h>

#include "dns/packet.h"
#include "dns/wire.h"

using namespace std::string_literals;

namespace postern::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

TEST(Records, EachReadsWhatItsRfcShowsAndNothingShorter) {
  std::string soa;
  append_name(soa, name("ns.example.org"));
  append_name(soa, name("root.example.org"));
  soa += "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"s;
  const auto read = parse_soa(soa);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->primary, name("ns.example.org"));
  EXPECT_EQ(read->serial, 1U);
  EXPECT_EQ(read->expire, 4U);
  EXPECT_EQ(read->minimum, 5U);
  for (std::size_t n = 0; n < soa.size(); ++n) EXPECT_FALSE(parse_soa(soa.substr(0, n))) << n;
  EXPECT_FALSE(parse_soa(soa + "x"));

  const auto ds = parse_ds("\x30\x39\x0D\2\xAB\xCD"s);
  ASSERT_TRUE(ds);
  EXPECT_EQ(ds->key_tag, 12345);
  EXPECT_EQ(ds->algorithm, 13);
  EXPECT_EQ(ds->digest_type, 2);
  EXPECT_EQ(ds->digest, "\xAB\xCD");
  EXPECT_FALSE(parse_ds("\x30\x39\x0D\2"s));

  const auto caa = parse_caa("\x80\5ISSUEca.example"s);
  ASSERT_TRUE(caa);
  EXPECT_TRUE(caa->critical);
  EXPECT_EQ(caa->tag, "issue");
  EXPECT_EQ(caa->value, "ca.example");
  EXPECT_FALSE(parse_caa("\0\0"s));
  EXPECT_FALSE(parse_caa("\0\6issue"s));
  EXPECT_FALSE(parse_caa("\0\1-"s));
  EXPECT_TRUE(parse_caa("\0\x0F"s + std::string(15, 'a')));
  EXPECT_FALSE(parse_caa("\0\x10"s + std::string(16, 'a')));

  const auto nsec3 = parse_nsec3param("\1\0\0\x0A\2\xAA\xBB"s);
  ASSERT_TRUE(nsec3);
  EXPECT_EQ(nsec3->iterations, 10);
  EXPECT_EQ(nsec3->salt.size(), 2U);
  EXPECT_FALSE(parse_nsec3param("\1\0\0\x0A\3\xAA\xBB"s));

  const auto srv = parse_srv("\0\1\0\2\1\xD1\0"s);
  ASSERT_TRUE(srv);
  EXPECT_EQ(srv->port, 465);
  EXPECT_TRUE(srv->target.is_root());
  EXPECT_FALSE(parse_srv("\0\1\0\2\1\xD1"s));
}

TEST(Records, RrsigTellsWhenItEnds) {
  std::string rdata = "\0\6\x0D\2\0\0\x0E\x10\x65\0\0\0\x64\0\0\0\x30\x39"s;
  append_name(rdata, name("example.org"));
  EXPECT_FALSE(parse_rrsig(rdata));  // without a signature
  const auto sig = parse_rrsig(rdata + "S");
  ASSERT_TRUE(sig);
  EXPECT_EQ(sig->covered, 6);
  EXPECT_EQ(sig->expires, 0x65000000U);
  EXPECT_EQ(sig->key_tag, 12345);
  EXPECT_EQ(sig->signer, name("example.org"));
}

TEST(Records, KeyTagIsThatOfRfc4034) {
  // Flags 257, protocol 3, algorithm 13, key 01 02: the sum of the 16-bit words, with its carry (appendix B)
  const auto key = parse_dnskey("\1\1\3\x0D\1\2"s);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->is_entry_point());
  EXPECT_EQ(key->key_tag, 0x0101 + 0x030D + 0x0102);
}

TEST(Packet, AskedAndAnswered) {
  const Name owner = name("example.org");
  QueryOptions options;
  options.dnssec = true;
  std::string packet = query_packet(7, owner, Type::mx, options);
  EXPECT_FALSE(parse_packet(packet, 7, owner, Type::mx));  // a query is no reply
  packet[2] = '\x84';                                      // QR, AA
  packet[7] = '\1';                                        // one answer
  const std::string opt = packet.substr(packet.size() - 11);
  packet.resize(packet.size() - 11);
  packet += "\xC0\x0C\0\x0F\0\1\0\0\1\x2C\0\4\0\x0A\xC0\x0C"s + opt;
  const auto read = parse_packet(packet, 7, owner, Type::mx);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->authoritative);
  EXPECT_FALSE(read->truncated);
  EXPECT_TRUE(read->edns);
  EXPECT_EQ(read->payload_octets, 1232);
  ASSERT_EQ(read->answer.size(), 1U);
  const Answer answer = records_of(read->answer, owner, Type::mx);
  EXPECT_EQ(answer.status, Status::ok);
  EXPECT_EQ(answer.ttl, 300U);
  ASSERT_EQ(answer.mx.size(), 1U);  // the compressed name stands alone now
  EXPECT_EQ(answer.mx[0], (Mx{10, owner}));
  EXPECT_EQ(records_of(read->answer, owner, Type::txt).status, Status::nodata);
  EXPECT_FALSE(parse_packet(packet, 8, owner, Type::mx));
  EXPECT_FALSE(parse_packet(packet, 7, owner, Type::txt));
  EXPECT_FALSE(parse_packet(packet, 7, name("example.com"), Type::mx));
  for (std::size_t n = 0; n < packet.size(); ++n)
    EXPECT_FALSE(parse_packet(packet.substr(0, n), 7, owner, Type::mx)) << n;
}

TEST(Packet, WhatServersWithoutEdnsSay) {
  const auto read = parse_packet("\0\7\x84\1\0\0\0\0\0\0\0\0"s, 7, name("example.org"), Type::mx);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rcode, 1);
  EXPECT_FALSE(read->edns);
  EXPECT_FALSE(parse_packet("\0\7\x84\0\0\0\0\0\0\0\0\0"s, 7, name("example.org"), Type::mx));
}

TEST(Wire, RecordsOfRarerTypesStandAlone) {
  // A SOA whose names point back into the packet
  std::string packet(12, '\0');
  append_name(packet, name("example.org"));
  const std::size_t at = packet.size();
  packet += "\2ns\xC0\x0C\4root\xC0\x0C"s + "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"s;
  Answer answer;
  ASSERT_TRUE(read_rdata(packet, at, packet.size() - at, Type::soa, answer));
  ASSERT_EQ(answer.rdata.size(), 1U);
  EXPECT_EQ(parse_soa(answer.rdata[0])->mailbox, name("root.example.org"));
  EXPECT_FALSE(read_rdata(packet, at, packet.size() - at - 1, Type::soa, answer));
  EXPECT_EQ(answer.rdata.size(), 1U);
}

TEST(Name, ReadsAsPeopleWriteIt) {
  EXPECT_EQ(name("example.org").unicode(), "example.org");
  EXPECT_EQ(name("xn--mnchen-3ya.example").unicode(), "m\xC3\xBCnchen.example");
  EXPECT_EQ(name("xn--99zzz99.lab").unicode(), std::nullopt);
}

}  // namespace
}  // namespace postern::dns
