#include "base/bytes.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Crc32c, KnownAnswers) {  // RFC 3720 B.4
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
}

TEST(Crc32c, InstructionAndTablesAgreeAtEveryStripeEdge) {
  std::string bytes;
  std::uint32_t state = 1;
  for (int i = 0; i < 40'000; ++i) bytes += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  const std::string_view view = bytes;
  for (const std::size_t size : {1U, 7U, 8U, 9U, 767U, 768U, 769U, 1536U, 12287U, 12288U, 12289U, 24576U, 39'990U}) {
    for (std::size_t at = 0; at < 9; ++at) {
      const auto part = view.substr(at, size);
      EXPECT_EQ(crc32c(part, 77), detail::crc32c_portable(part, 77)) << size << " at " << at;
    }
  }
  for (std::size_t cut = 0; cut <= 1000; ++cut) {
    EXPECT_EQ(crc32c(view.substr(cut, 1000 - cut), crc32c(view.substr(0, cut))), crc32c(view.substr(0, 1000)));
  }
}

TEST(Binary, RoundTrip) {
  std::string out;
  BinaryWriter writer(out);
  writer.u8(0xAB);
  writer.u16(0x1234);
  writer.u32(0xDEADBEEF);
  writer.u64(0x0123456789ABCDEFULL);
  writer.i64(-2);
  writer.string("text");
  for (const std::uint64_t value : {0ULL, 127ULL, 128ULL, 16383ULL, 16384ULL, ~0ULL}) writer.varint(value);
  EXPECT_EQ(out.substr(0, 7), std::string("\xab\x34\x12\xef\xbe\xad\xde", 7));  // little endian
  BinaryReader reader(out);
  EXPECT_EQ(reader.u8(), 0xAB);
  EXPECT_EQ(reader.u16(), 0x1234);
  EXPECT_EQ(reader.u32(), 0xDEADBEEF);
  EXPECT_EQ(reader.u64(), 0x0123456789ABCDEFULL);
  EXPECT_EQ(reader.i64(), -2);
  EXPECT_EQ(reader.string(4), "text");
  for (const std::uint64_t value : {0ULL, 127ULL, 128ULL, 16383ULL, 16384ULL, ~0ULL}) EXPECT_EQ(reader.varint(), value);
  EXPECT_TRUE(reader.complete());
}

TEST(Binary, EveryTruncationFailsAndStaysFailed) {
  std::string out;
  BinaryWriter writer(out);
  writer.u32(7);
  writer.string("hello");
  writer.u64(9);
  for (std::size_t size = 0; size < out.size(); ++size) {
    BinaryReader reader(std::string_view(out).substr(0, size));
    static_cast<void>(reader.u32());
    static_cast<void>(reader.string(100));
    static_cast<void>(reader.u64());
    EXPECT_TRUE(reader.failed()) << size;
    EXPECT_FALSE(reader.complete());
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_TRUE(reader.bytes(1).empty());
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(Binary, Limits) {
  std::string out;
  BinaryWriter(out).string("12345");
  EXPECT_EQ(BinaryReader(out).string(5), "12345");
  BinaryReader over(out);
  EXPECT_TRUE(over.string(4).empty());
  EXPECT_TRUE(over.failed());
  BinaryReader ten(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
  EXPECT_EQ(ten.varint(), UINT64_MAX);
  BinaryReader too_big(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  static_cast<void>(too_big.varint());
  EXPECT_TRUE(too_big.failed());
  BinaryReader too_long(std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
  static_cast<void>(too_long.varint());
  EXPECT_TRUE(too_long.failed());
}

}  // namespace
}  // namespace postern
