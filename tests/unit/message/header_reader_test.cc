#include "message/header_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::message {
namespace {

struct Case {
  const char* name;
  std::string text;
  std::uint32_t fields, received, malformed;
  bool in_header;
  std::uint64_t octets;
};

std::vector<Case> cases() {
  return {
      {"empty", "", 0, 0, 0, true, 0},
      {"one field", "Subject: hi\r\n\r\nbody\r\n", 1, 0, 0, false, 15},
      {"no header at all", "\r\nReceived: not a field\r\n", 0, 0, 0, false, 2},
      {"folded", "Received: from a\r\n by b\r\n\tid c\r\nFrom: x\r\n\r\n", 2, 1, 0, false, 43},
      {"case and obsolete space", "RECEIVED : a\r\nreceived:b\r\n\r\n", 2, 2, 0, false, 28},
      {"no colon", "this is no field\r\nTo: a\r\n\r\n", 1, 0, 1, false, 27},
      {"fold first", " odd\r\nTo: a\r\n\r\n", 1, 0, 1, false, 15},
      {"empty name", ": a\r\n\r\n", 0, 0, 1, false, 7},
      {"name too long", std::string(78, 'x') + ": a\r\n\r\n", 0, 0, 1, false, 85},
      {"name at its limit", std::string(77, 'x') + ": a\r\n\r\n", 1, 0, 0, false, 84},
      {"never ends", "A: b\r\nB: c", 2, 0, 0, true, 10},
      {"eight bit name", "S\xc3\xa4: a\r\n\r\n", 0, 0, 1, false, 10},
  };
}

void expect(const Case& c, const HeaderReader& reader, std::size_t split) {
  EXPECT_EQ(reader.fields(), c.fields) << c.name << " split at " << split;
  EXPECT_EQ(reader.received(), c.received) << c.name << " split at " << split;
  EXPECT_EQ(reader.malformed(), c.malformed) << c.name << " split at " << split;
  EXPECT_EQ(reader.in_header(), c.in_header) << c.name << " split at " << split;
  EXPECT_EQ(reader.header_octets(), c.octets) << c.name << " split at " << split;
}

TEST(HeaderReader, AnySplitGivesTheSame) {
  for (const Case& c : cases()) {
    for (std::size_t split = 0; split <= c.text.size(); ++split) {
      HeaderReader reader;
      reader.see(std::string_view(c.text).substr(0, split));
      reader.see(std::string_view(c.text).substr(split));
      expect(c, reader, split);
    }
    HeaderReader single;
    for (const char octet : c.text) single.see(std::string_view(&octet, 1));
    expect(c, single, std::string::npos);
  }
}

TEST(HeaderReader, SeesEightBitInTheBodyToo) {
  HeaderReader reader;
  reader.see("A: b\r\n\r\nplain\r\n");
  EXPECT_FALSE(reader.eight_bit());
  reader.see("\xe9");
  EXPECT_TRUE(reader.eight_bit());
}

TEST(HeaderReader, NotesTheFieldsThatASubmissionMayLack) {
  HeaderReader reader;
  reader.see("Date: x\r\nFrom: a\r\nfrom: b\r\nMessage-ID: <c>\r\n\r\nFrom: body\r\n");
  EXPECT_TRUE(reader.has_date());
  EXPECT_TRUE(reader.has_message_id());
  EXPECT_EQ(reader.from_count(), 2U);
}

}  // namespace
}  // namespace postern::message
