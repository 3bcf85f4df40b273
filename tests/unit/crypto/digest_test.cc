#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace postern::crypto {
namespace {

// FIPS 180-4, the examples of its annex
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(to_hex(view_of(Sha256::of(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(view_of(Sha256::of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, TheSplitDoesNotMatter) {
  std::string text;
  for (int i = 0; i < 200; ++i) text.push_back(static_cast<char>(i));
  const Digest whole = Sha256::of(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    Sha256 sha;
    sha.update(std::string_view(text).substr(0, at));
    sha.update(std::string_view(text).substr(at));
    EXPECT_EQ(sha.finish(), whole) << at;
  }
}

TEST(Sha256, ACopyGoesItsOwnWay) {
  Sha256 sha;
  sha.update("ab");
  Sha256 copy = sha.copy();
  sha.update("c");
  copy.update("d");
  EXPECT_EQ(sha.finish(), Sha256::of("abc"));
  EXPECT_EQ(copy.finish(), Sha256::of("abd"));
}

}  // namespace
}  // namespace postern::crypto
