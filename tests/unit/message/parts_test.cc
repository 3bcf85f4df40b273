#include "message/parts.h"

#include <gtest/gtest.h>

namespace postern::message {
namespace {

std::string shown(std::string_view message, std::size_t max = 100000) {
  std::string out;
  for (const Part& part : leaf_parts(message, max)) out += "[" + part.type + ":" + part.body + "]";
  return out;
}

TEST(Parts, ALeafAlone) {
  EXPECT_EQ(shown("Subject: x\r\n\r\nbody\r\n"), "[text/plain:body\r\n]");
  EXPECT_EQ(shown("Content-Type: Application/GZIP; name=x\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGk\r\n="),
            "[application/gzip:hi]");
  EXPECT_EQ(shown("Content-Transfer-Encoding: quoted-printable\n\na=3D=\nb=\r\nc=zz"), "[text/plain:a=bc=zz]");
  EXPECT_EQ(shown(""), "[text/plain:]");
}

TEST(Parts, ATreeOfParts) {
  EXPECT_EQ(
      shown("Content-Type: multipart/mixed;\r\n\tboundary=\"b 1\"\r\n\r\npreamble\r\n--b 1\r\n\r\none\r\n"
            "--b 1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: a/b\r\n\r\ntwo\r\n"
            "--c--\r\n--b 1\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nthree\r\n--b 1--\r\nafter"),
      "[text/plain:one\r\n][a/b:two\r\n][text/plain:three\r\n]");
}

TEST(Parts, WithoutAnEndTheLastPartGoesToTheEnd) {
  EXPECT_EQ(shown("Content-Type: multipart/x; boundary=b\n\n--b\n\none"), "[text/plain:one]");
  EXPECT_EQ(shown("Content-Type: multipart/x\n\n--b\n"), "[multipart/x:--b\n]");
}

TEST(Parts, Limits) {
  std::string many = "Content-Type: multipart/x; boundary=b\n\n";
  for (std::size_t i = 0; i < kPartsMax + 10; ++i) many += "--b\n\nx\n";
  EXPECT_EQ(leaf_parts(many, 100000).size(), kPartsMax);
  EXPECT_EQ(shown("\nbody", 4), "[text/plain:body]");
  EXPECT_EQ(shown("\nbody", 3), "");
  std::string deep;
  for (std::size_t i = 0; i < kPartDepthMax + 5; ++i) deep += "Content-Type: message/rfc822\n\n";
  EXPECT_EQ(leaf_parts(deep + "x", 100000).size(), 1U);
}

}  // namespace
}  // namespace postern::message
