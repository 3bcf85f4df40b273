// Sealing: what the fields look like, what a failed chain gets, and what is refused (RFC 8617 5.1).
#include "unit/arc/chain_maker.h"

namespace postern::arc::test {
namespace {

TEST(ArcSeal, TheFieldsOfTheFirstSet) {
  SealOptions options;
  options.names = {"From", "to", "SUBJECT"};
  options.time = 12345;
  const auto fields = seal(Mail(), Chain(), options);
  ASSERT_TRUE(fields.has_value()) << fields.error().what;
  ASSERT_EQ(fields->size(), 3);
  EXPECT_TRUE((*fields)[0].starts_with("ARC-Seal: a=ed25519-sha256;\r\n b="));
  EXPECT_TRUE((*fields)[0].ends_with(";\r\n cv=none; d=example.org; i=1; s=sel; t=12345\r\n"));
  EXPECT_TRUE((*fields)[1].starts_with("ARC-Message-Signature: a=ed25519-sha256;\r\n b="));
  EXPECT_TRUE((*fields)[1].ends_with("d=example.org; h=from:to:subject; i=1; s=sel; t=12345\r\n")) << (*fields)[1];
  EXPECT_EQ(
      (*fields)[2],
      "ARC-Authentication-Results: i=1; mx.example.org;\r\n\tarc=none (as found) smtp.remote-ip=\"2001:db8::1\"\r\n");
}

TEST(ArcSeal, LinesStayUnderTheLimit) {
  World world;
  const crypto::PrivateKey& big = rsa_key(8192);
  world.publish("big", "example.org", record_of(big));
  Mail mail;
  SealOptions options;
  options.names = {"from"};
  for (int i = 0; i < 400; ++i) options.names.push_back("x-field-" + std::to_string(i));
  const auto fields = seal(mail, Chain(), options, big, "big");
  ASSERT_TRUE(fields.has_value()) << fields.error().what;
  for (const std::string& field : *fields) {
    std::string_view rest = field;
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n");
      ASSERT_NE(end, std::string_view::npos);
      EXPECT_LE(end, 998U);
      rest.remove_prefix(end + 2);
    }
  }
  EXPECT_EQ(world.outcome(with(*fields, mail)), "pass");
}

TEST(ArcSeal, AFailedChainGetsOneMoreSetThatCoversItself) {
  World world;
  Mail mail = sealed(world, 2);
  mail.body = "changed\r\n";
  const Chain broken = world.validate(mail);
  ASSERT_EQ(broken.outcome, Outcome::fail);
  const auto fields = seal(mail, broken);
  ASSERT_TRUE(fields.has_value()) << fields.error().what;
  EXPECT_TRUE((*fields)[0].contains("cv=fail; d=example.org; i=3;"));
  // 5.1.2: "as if this newest ARC Set was the only set present"
  SealHash hash;
  const std::string own = (*fields)[0];
  const std::size_t b = own.find("b=") + 2;
  std::string emptied = own;
  emptied.erase(b, own.find(';', b) - b);
  const crypto::Digest digest = hash.add(field_view((*fields)[2]), field_view((*fields)[1]), field_view(emptied));
  const auto key = crypto::PublicKey::ed25519_from_raw(ed25519_key().public_octets());
  EXPECT_TRUE(key->verify(digest, *from_base64(own.substr(b, own.find(';', b) - b))));

  mail = with(*fields, mail);
  const Chain ended = world.validate(mail);
  EXPECT_EQ(ended.outcome, Outcome::fail);
  EXPECT_EQ(ended.sets.back().cv, "fail");
  EXPECT_EQ(world.asked, 0U) << "5.2 step 2: no further validation";
  const auto more = seal(mail, ended);
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().kind, ErrorKind::refused);
}

TEST(ArcSeal, TheInstanceFollowsTheHighestThereIs) {
  World world;
  Mail mail = sealed(world, 1);
  mail.header = replaced(mail.header, "i=1", "i=7");
  const Chain broken = world.validate(mail);
  EXPECT_EQ(broken.outcome, Outcome::fail);
  const auto fields = seal(mail, broken);
  ASSERT_TRUE(fields.has_value());
  EXPECT_TRUE((*fields)[0].contains("cv=fail; d=example.org; i=8;"));
  mail.header = replaced(mail.header, "i=7", "i=50");
  EXPECT_EQ(seal(mail, world.validate(mail)).error().kind, ErrorKind::limit);
  mail.header = replaced(mail.header, "i=50", "i=51");
  EXPECT_EQ(seal(mail, world.validate(mail)).error().kind, ErrorKind::limit);
}

TEST(ArcSeal, WhatIsSignedByDefault) {
  World world;
  Mail mail;
  mail.header += "DKIM-Signature: v=1; x\r\nDKIM-Signature: v=1; y\r\nAuthentication-Results: z; none\r\n";
  mail = sealed(world, 1, mail);
  EXPECT_EQ(world.outcome(mail), "pass");
  const message::HeaderSection header(mail.header);
  const auto tags = dkim::TagList::parse(header.all("ARC-Message-Signature").at(0)->body);
  ASSERT_TRUE(tags.has_value());
  std::map<std::string, int> counts;
  for (const std::string_view name : dkim::colon_list(tags->get("h").value_or(""))) ++counts[std::string(name)];
  EXPECT_EQ(counts["from"], 2) << "over-signed";
  EXPECT_EQ(counts["dkim-signature"], 2) << "4.1.2";
  EXPECT_EQ(counts["authentication-results"], 0);
  EXPECT_EQ(counts["arc-seal"] + counts["arc-message-signature"] + counts["arc-authentication-results"], 0);
}

TEST(ArcSeal, Refused) {
  World world;
  const Mail one = sealed(world, 1);
  const Chain pass = world.validate(one);
  Chain fail;
  fail.outcome = Outcome::fail;
  const auto error = [](const Result<std::vector<std::string>>& result) {
    return result.has_value() ? "(sealed)" : result.error().what;
  };
  EXPECT_TRUE(error(seal(one, Chain())).contains("cv=none"));
  EXPECT_TRUE(error(seal(Mail(), pass)).contains("only cv=none"));
  EXPECT_TRUE(error(seal(Mail(), fail)).contains("only cv=none"));
  Mail hole = sealed(world, 2);
  hole.header = replaced(hole.header, "ARC-Seal", "X-Seal");
  EXPECT_TRUE(error(seal(hole, pass)).contains("not whole"));
  EXPECT_TRUE(error(seal(Mail(), Chain(), {}, rsa_key(512))).contains("512"));
  Mail nobody;
  nobody.header = "To: x@example.org\r\n";
  EXPECT_TRUE(error(seal(nobody, Chain())).contains("From"));
  EXPECT_TRUE(error(seal(Mail(), Chain(), {}, ed25519_key(), "no selector")).contains("selector"));
  for (const std::string name : {"ARC-Seal", "arc-message-signature", "ARC-Authentication-Results",
                                 "Authentication-Results", "a;b", "a b", ""}) {
    SealOptions options;
    options.names = {"from", name};
    EXPECT_FALSE(seal(Mail(), Chain(), options).has_value()) << name;
  }
  SealOptions options;
  options.names = {"to"};
  EXPECT_TRUE(error(seal(Mail(), Chain(), options)).contains("From"));
}

TEST(ArcSeal, ResultsAsText) {
  World world;
  const Mail mail;
  const message::HeaderSection header(mail.header);
  const auto finish = [&](std::string_view payload) {
    Sealer sealer(header, {.domain = "example.org", .selector = "sel", .key = ed25519_key()}, {});
    sealer.body(mail.body);
    return sealer.finish(Chain(), payload);
  };
  const auto fields = finish("mx.example.org;\r\n\tdkim=pass (1024-bit key) header.i=@d1.example");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ((*fields)[2],
            "ARC-Authentication-Results: i=1; mx.example.org;\r\n\tdkim=pass (1024-bit key) header.i=@d1.example\r\n");
  EXPECT_EQ(world.outcome(with(*fields, mail)), "pass");
  EXPECT_FALSE(finish("mx.example.org;\r\n\r\nX: y").has_value());
  EXPECT_FALSE(finish("no results").has_value());
}

}  // namespace
}  // namespace postern::arc::test
