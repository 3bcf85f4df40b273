#include "crypto/certificate.h"

#include <gtest/gtest.h>

#include "unit/tls_authority.h"

namespace postern::crypto {
namespace {

using postern::test::issue;
using postern::test::Issued;

TEST(Certificate, SaysWhatItHolds) {
  const Issued root = issue({.subject = "root", .dns_names = {}, .authority = true});
  const Issued own = issue(
      {.subject = "MX,1", .dns_names = {"MX.example.org", "*.example.net"}, .from_days = -2, .to_days = 5}, &root);
  const auto read = read_certificate(own.der());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->der, own.der());
  EXPECT_EQ(read->spki, own.spki());
  EXPECT_EQ(read->common_name, "mx,1");
  EXPECT_EQ(read->issuer, "CN=root");
  EXPECT_EQ(read->names, (std::vector<std::string>{"mx.example.org", "*.example.net"}));
  EXPECT_EQ(read->not_after - read->not_before, 7LL * 24 * 60 * 60 * 1000);
  EXPECT_LT(std::abs(read->not_after - wall_now() - 5LL * 24 * 60 * 60 * 1000), 60'000);
  EXPECT_EQ(read->key_type, "EC");
  EXPECT_EQ(read->curve, "P-256");
  EXPECT_EQ(read->key_bits, 256);
  EXPECT_EQ(read->signature_hash, "SHA256");
  EXPECT_FALSE(read->authority);
  EXPECT_FALSE(read->self_issued);
  const auto above = read_certificate(root.der());
  ASSERT_TRUE(above.has_value());
  EXPECT_TRUE(above->authority);
  EXPECT_TRUE(above->self_issued);
}

TEST(Certificate, OnlyAWholeOneIsRead) {
  const std::string der = issue({.subject = "x", .dns_names = {}}).der();
  EXPECT_TRUE(read_certificate(der).has_value());
  EXPECT_FALSE(read_certificate("").has_value());
  EXPECT_FALSE(read_certificate(der + '\0').has_value());
  for (std::size_t size = 0; size < der.size(); ++size) EXPECT_FALSE(read_certificate(der.substr(0, size)).has_value());
  EXPECT_FALSE(read_certificate(std::string(kCertificateMax + 1, '0')).has_value());
}

TEST(Certificate, NamesAreLimited) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= kCertificateNamesMax; ++i) names.push_back("n" + std::to_string(i) + ".example");
  const auto read = read_certificate(issue({.subject = "x", .dns_names = names}).der());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->names.size(), kCertificateNamesMax);
  EXPECT_EQ(read->names.back(), names[kCertificateNamesMax - 1]);
}

TEST(Certificate, WhoIssuedIt) {
  const Issued root = issue({.subject = "root", .dns_names = {}, .authority = true});
  const Issued same_name = issue({.subject = "root", .dns_names = {}, .authority = true});
  const Issued own = issue({.subject = "x", .dns_names = {}}, &root);
  EXPECT_TRUE(issued_by(own.der(), root.der()));
  EXPECT_TRUE(issued_by(root.der(), root.der()));
  EXPECT_FALSE(issued_by(own.der(), same_name.der()));
  EXPECT_FALSE(issued_by(root.der(), own.der()));
  EXPECT_FALSE(issued_by("", root.der()));
  EXPECT_TRUE(signed_by(own.der(), root.spki()));
  EXPECT_FALSE(signed_by(own.der(), same_name.spki()));
  EXPECT_FALSE(signed_by(own.der(), root.spki() + "x"));
  EXPECT_FALSE(signed_by(own.der(), "no key"));
}

TEST(Certificate, WildcardsStandForOneLabel) {
  EXPECT_TRUE(matches_host("mx.example.org", "mx.example.org"));
  EXPECT_FALSE(matches_host("mx.example.org", "mx2.example.org"));
  EXPECT_TRUE(matches_host("*.example.org", "mx.example.org"));
  EXPECT_FALSE(matches_host("*.example.org", "a.mx.example.org"));
  EXPECT_FALSE(matches_host("*.example.org", "example.org"));
  EXPECT_FALSE(matches_host("*.example.org", ".example.org"));
  EXPECT_FALSE(matches_host("m*.example.org", "mx.example.org"));
  EXPECT_FALSE(matches_host("", ""));
}

TEST(Certificate, Sha512) {
  EXPECT_EQ(sha512("abc").size(), 64U);
  EXPECT_EQ(sha512("abc").substr(0, 4), "\xdd\xaf\x35\xa1");
}

}  // namespace
}  // namespace postern::crypto
