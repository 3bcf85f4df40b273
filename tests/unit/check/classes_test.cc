#include <gtest/gtest.h>

#include "check/judge_impl.h"

namespace postern::check::judging {
namespace {

TEST(TlsClasses, Versions) {
  EXPECT_EQ(version_class("TLSv1.3"), Class::good);
  EXPECT_EQ(version_class("TLSv1.2"), Class::sufficient);
  EXPECT_EQ(version_class("TLSv1.1"), Class::insufficient);
  EXPECT_EQ(version_class("SSLv3"), Class::insufficient);
}

TEST(TlsClasses, Ciphers) {
  EXPECT_EQ(cipher_class("TLS_AES_256_GCM_SHA384"), Class::good);
  EXPECT_EQ(cipher_class("TLS_AES_128_GCM_SHA256"), Class::sufficient);
  EXPECT_EQ(cipher_class("TLS_AES_128_CCM_8_SHA256"), Class::insufficient);
  EXPECT_EQ(cipher_class("ECDHE-ECDSA-AES128-GCM-SHA256"), Class::sufficient);
  EXPECT_EQ(cipher_class("ECDHE-RSA-CHACHA20-POLY1305"), Class::sufficient);
  EXPECT_EQ(cipher_class("ECDHE-ECDSA-AES256-CCM8"), Class::insufficient);
  EXPECT_EQ(cipher_class("ECDHE-RSA-AES256-SHA384"), Class::phase_out);
  EXPECT_EQ(cipher_class("ECDHE-RSA-AES128-SHA"), Class::phase_out);
  EXPECT_EQ(cipher_class("DHE-RSA-AES256-GCM-SHA384"), Class::phase_out);
  EXPECT_EQ(cipher_class("ECDHE-ARIA256-GCM-SHA384"), Class::phase_out);
  EXPECT_EQ(cipher_class("DHE-RSA-CAMELLIA128-SHA"), Class::phase_out);
  EXPECT_EQ(cipher_class("AES256-GCM-SHA384"), Class::insufficient);  // RSA key exchange
  EXPECT_EQ(cipher_class("ECDHE-RSA-NULL-SHA"), Class::insufficient);
  EXPECT_EQ(cipher_class("ADH-AES256-GCM-SHA384"), Class::insufficient);
  EXPECT_EQ(cipher_class("AECDH-AES128-SHA"), Class::insufficient);
  EXPECT_EQ(cipher_class("DES-CBC3-SHA"), Class::insufficient);
  EXPECT_EQ(cipher_class("ECDHE-RSA-RC4-SHA"), Class::insufficient);
}

TEST(TlsClasses, Groups) {
  EXPECT_EQ(group_class("X25519", 0), Class::good);
  EXPECT_EQ(group_class("P-384", 0), Class::good);
  EXPECT_EQ(group_class("prime256v1", 0), Class::good);
  EXPECT_EQ(group_class("X25519MLKEM768", 0), Class::good);
  EXPECT_EQ(group_class("secp224r1", 0), Class::phase_out);
  EXPECT_EQ(group_class("ffdhe3072", 0), Class::sufficient);
  EXPECT_EQ(group_class("", 3072), Class::sufficient);
  EXPECT_EQ(group_class("", 3071), Class::phase_out);
  EXPECT_EQ(group_class("ffdhe2048", 2048), Class::phase_out);
  EXPECT_EQ(group_class("", 2047), Class::insufficient);
  EXPECT_EQ(group_class("secp192r1", 0), Class::insufficient);
}

TEST(TlsClasses, Hashes) {
  EXPECT_EQ(hash_class("SHA256"), Class::sufficient);
  EXPECT_EQ(hash_class("SHA224"), Class::phase_out);
  EXPECT_EQ(hash_class("SHA1"), Class::insufficient);
  EXPECT_EQ(hash_class("MD5"), Class::insufficient);
  EXPECT_EQ(hash_class("MD5-SHA1"), Class::insufficient);
}

}  // namespace
}  // namespace postern::check::judging
