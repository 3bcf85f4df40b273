#include "dkim/signature.h"

#include <gtest/gtest.h>

#include <map>

#include "dkim/quoted_printable.h"

namespace postern::dkim {
namespace {

using Tags = std::map<std::string, std::string>;

// The least that is valid, changed by `tags`; an entry "-" leaves the tag out.
std::string field(const Tags& tags = {}) {
  Tags all{{"v", "1"},     {"a", "rsa-sha256"}, {"d", "example.org"}, {"s", "sel"}, {"h", "from:subject"},
           {"bh", "AAAA"}, {"b", "QUJD"}};
  for (const auto& [name, value] : tags) all[name] = value;
  std::string text;
  for (const auto& [name, value] : all) {
    if (value != "-") text += " " + name + "=" + value + ";";
  }
  return text;
}

bool valid(const Tags& tags) { return parse_signature(field(tags)).has_value(); }

TEST(Signature, Least) {
  const auto signature = parse_signature(field());
  ASSERT_TRUE(signature) << signature.error().what;
  EXPECT_EQ(signature->algorithm, "rsa-sha256");
  EXPECT_EQ(signature->signature, "ABC");
  EXPECT_EQ(signature->body_hash, std::string(3, '\0'));
  EXPECT_EQ(signature->header_canon, Canon::simple);
  EXPECT_EQ(signature->body_canon, Canon::simple);
  EXPECT_EQ(signature->domain, "example.org");
  EXPECT_EQ(signature->auid, "@example.org");
  EXPECT_EQ(signature->selector, "sel");
  EXPECT_EQ(signature->signed_names, (std::vector<std::string>{"from", "subject"}));
  EXPECT_EQ(signature->length, std::nullopt);
  EXPECT_EQ(signature->time, std::nullopt);
  EXPECT_EQ(signature->expiry, std::nullopt);
}

TEST(Signature, RequiredTags) {
  for (const char* name : {"v", "a", "b", "bh", "d", "h", "s"}) {
    EXPECT_FALSE(valid({{name, "-"}})) << name;
    EXPECT_FALSE(valid({{name, ""}})) << name;
    const auto twice = parse_signature(field() + " " + name + "=1");
    EXPECT_FALSE(twice) << name;
  }
  EXPECT_TRUE(valid({{"unknown", "value"}}));
  EXPECT_TRUE(valid({{"z", "From:a@b|To:c"}}));
}

TEST(Signature, VersionAndAlgorithm) {
  for (const char* version : {"2", "01", "1.0", "DKIM1"}) EXPECT_FALSE(valid({{"v", version}})) << version;
  EXPECT_EQ(parse_signature(field({{"a", "ed25519-sha256"}}))->key_type, crypto::Algorithm::ed25519);
  EXPECT_TRUE(parse_signature(field({{"a", "rsa-sha1"}}))->historic);
  EXPECT_FALSE(parse_signature(field())->historic);
  for (const char* name : {"rsa", "sha256", "rsa-sha512", "RSA-SHA256", "ed25519-sha1", "rsa - sha256"}) {
    EXPECT_FALSE(valid({{"a", name}})) << name;
  }
}

TEST(Signature, Canonicalisation) {
  const auto canon = [](const char* value) {
    const auto signature = parse_signature(field({{"c", value}}));
    return signature
               ? std::string(to_string(signature->header_canon)) + "/" + std::string(to_string(signature->body_canon))
               : "invalid";
  };
  EXPECT_EQ(canon("relaxed"), "relaxed/simple");
  EXPECT_EQ(canon("simple"), "simple/simple");
  EXPECT_EQ(canon("simple/relaxed"), "simple/relaxed");
  EXPECT_EQ(canon("relaxed/relaxed"), "relaxed/relaxed");
  for (const char* value : {"", "/", "relaxed/", "/relaxed", "nowsp", "relaxed/simple/simple", "Relaxed"}) {
    EXPECT_EQ(canon(value), "invalid") << value;
  }
}

TEST(Signature, Domains) {
  for (const char* domain :
       {"example.org", "a.b.c.example.org", "EXAMPLE.org", "_x.example.org", "1.2", "xn--mnchen-3ya.de"}) {
    EXPECT_TRUE(valid({{"d", domain}})) << domain;
  }
  EXPECT_EQ(parse_signature(field({{"d", "EXAMPLE.org"}}))->domain, "example.org");
  for (const char* domain : {"org", "example.org.", ".example.org", "example..org", "-a.org", "a-.org", "a b.org",
                             "[192.0.2.1]", "a(.org", "legit.org(.attacker.org", "a/b.org", "*.org", "."}) {
    EXPECT_FALSE(valid({{"d", domain}})) << domain;
  }
  EXPECT_TRUE(valid({{"d", std::string(63, 'a') + ".org"}}));
  EXPECT_FALSE(valid({{"d", std::string(64, 'a') + ".org"}}));
  for (const char* selector : {"s", "a.b", "2024-01", "_s", "S_1"}) EXPECT_TRUE(valid({{"s", selector}})) << selector;
  for (const char* selector : {".", "a.", ".a", "a b", "a;b", "-a", "a@b"})
    EXPECT_FALSE(valid({{"s", selector}})) << selector;
}

// RFC 8616 5: U-labels in d=, s= and i=, and UTF-8 in the local part
TEST(Signature, Internationalised) {
  const auto signature = parse_signature(field(
      {{"d", "m\xC3\xBCnchen.example"}, {"s", "schl\xC3\xBCssel"}, {"i", "j\xC3\xBCrgen@x.xn--mnchen-3ya.example"}}));
  ASSERT_TRUE(signature) << signature.error().what;
  EXPECT_EQ(signature->domain, "xn--mnchen-3ya.example");
  EXPECT_EQ(signature->selector, "xn--schlssel-95a");
  EXPECT_EQ(signature->auid, "j\xC3\xBCrgen@x.xn--mnchen-3ya.example");
  EXPECT_FALSE(valid({{"d", "m\xFCnchen.example"}}));  // not UTF-8
  EXPECT_FALSE(valid({{"i", "j\xFCrgen@example.org"}}));
}

TEST(Signature, Auid) {
  const auto auid = [](const char* value) {
    const auto signature = parse_signature(field({{"i", value}}));
    return signature ? signature->auid : "invalid";
  };
  EXPECT_EQ(auid("@example.org"), "@example.org");
  EXPECT_EQ(auid("@Sub.Example.ORG"), "@sub.example.org");
  EXPECT_EQ(auid("Joe@example.org"), "Joe@example.org");
  EXPECT_EQ(auid("joe=3Bx=40y@example.org"), "joe;x@y@example.org");
  EXPECT_EQ(auid("=22a=20b=22@example.org"), "\"a b\"@example.org");
  EXPECT_EQ(auid("jo\r\n e@exam\r\n\tple.org"), "joe@example.org");  // 2.11: white space is not part of it
  for (const char* value : {"", "example.org", "@", "@org", "@xexample.org", "@example.com", "@example.org.evil.com",
                            "joe=3@example.org", "joe=GG@example.org", "joe=0D=0A@example.org", "joe@example.org."}) {
    EXPECT_EQ(auid(value), "invalid") << value;
  }
}

TEST(Signature, SignedNames) {
  EXPECT_EQ(parse_signature(field({{"h", "To : FROM\r\n :to:x-y"}}))->signed_names,
            (std::vector<std::string>{"to", "from", "to", "x-y"}));
  for (const char* names :
       {"to:subject", "from:", ":from", "from::to", "from:a b", "from:\xC3\xA4", "x-from", "from,to"}) {
    EXPECT_FALSE(valid({{"h", names}})) << names;
  }
  std::string names = "from";
  for (std::size_t i = 1; i < kSignedNamesMax; ++i) names += ":a";
  EXPECT_TRUE(valid({{"h", names}}));
  EXPECT_FALSE(valid({{"h", names + ":a"}}));
}

TEST(Signature, LengthAndTimes) {
  EXPECT_EQ(parse_signature(field({{"l", "0"}}))->length, 0U);
  EXPECT_EQ(parse_signature(field({{"l", "00017"}}))->length, 17U);
  EXPECT_EQ(parse_signature(field({{"l", "18446744073709551616"}}))->length, UINT64_MAX);
  EXPECT_TRUE(valid({{"l", std::string(76, '9')}}));
  EXPECT_FALSE(valid({{"l", std::string(77, '9')}}));
  for (const char* value : {"", "-1", "+1", "1.5", "0x10", "1 2", "a"}) {
    EXPECT_FALSE(valid({{"l", value}})) << value;
    EXPECT_FALSE(valid({{"t", value}})) << value;
    EXPECT_FALSE(valid({{"x", value}})) << value;
  }
  EXPECT_EQ(parse_signature(field({{"t", "999999999999"}}))->time, 999999999999);
  EXPECT_EQ(parse_signature(field({{"t", "1000000000000"}}))->time, INT64_MAX);
  EXPECT_TRUE(valid({{"t", "5"}, {"x", "6"}}));
  EXPECT_FALSE(valid({{"t", "5"}, {"x", "5"}}));
  EXPECT_FALSE(valid({{"t", "5"}, {"x", "4"}}));
  EXPECT_TRUE(valid({{"x", "0"}}));
}

TEST(Signature, QueryMethods) {
  for (const char* value : {"dns/txt", "dns/txt:other", "new/x : dns/txt"}) EXPECT_TRUE(valid({{"q", value}})) << value;
  for (const char* value : {"", "dns", "http/x", "dns/txt/x"}) EXPECT_FALSE(valid({{"q", value}})) << value;
}

TEST(Signature, LimitOfOctets) {
  const std::string text = field() + " z=";
  EXPECT_TRUE(parse_signature(text + std::string(kSignatureOctetsMax - text.size(), 'a')));
  EXPECT_FALSE(parse_signature(text + std::string(kSignatureOctetsMax - text.size() + 1, 'a')));
}

TEST(Signature, WhatWasReadBeforeAnErrorStays) {
  Signature signature;
  EXPECT_FALSE(read_signature(field({{"l", "x"}}), signature));
  EXPECT_EQ(signature.domain, "example.org");
  EXPECT_EQ(signature.selector, "sel");
  EXPECT_EQ(signature.signature_base64, "QUJD");
}

TEST(QuotedPrintable, BothWays) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const std::string encoded = encode_quoted_printable(all);
  EXPECT_EQ(encoded.find_first_of("; |\r\n\t"), std::string::npos);
  EXPECT_EQ(decode_quoted_printable(encoded), all);
  EXPECT_EQ(decode_quoted_printable("a=3d=3D b"), "a==b");
  EXPECT_EQ(decode_quoted_printable("="), std::nullopt);
  EXPECT_EQ(decode_quoted_printable("=4"), std::nullopt);
}

}  // namespace
}  // namespace postern::dkim
