// Chains of every length, and what a change of any octet does to one.
#include "unit/arc/chain_maker.h"

namespace postern::arc::test {
namespace {

TEST(ArcChain, NoneWithoutAField) {
  World world;
  const Chain chain = world.validate(Mail());
  EXPECT_EQ(chain.outcome, Outcome::none);
  EXPECT_TRUE(chain.sets.empty());
  EXPECT_EQ(world.asked, 0U);
  EXPECT_EQ(world.cost, 0U);
}

TEST(ArcChain, OneToFiftySetsPassAndNoMoreAreSealed) {
  World world;
  Mail mail;
  for (std::uint32_t i = 1; i <= kInstancesMax; ++i) {
    const auto fields = seal(mail, world.validate(mail));
    ASSERT_TRUE(fields.has_value()) << fields.error().what;
    mail = with(*fields, std::move(mail));
    const Chain chain = world.validate(mail);
    ASSERT_EQ(chain.outcome, Outcome::pass) << i << ": " << chain.problem;
    ASSERT_EQ(chain.sets.size(), i);
    EXPECT_EQ(chain.sets.back().instance, i);
    EXPECT_EQ(chain.sets.back().domain, "example.org");
    EXPECT_EQ(chain.sets.back().selector, "sel");
    EXPECT_EQ(chain.sets.back().cv, i == 1 ? "none" : "pass");
    EXPECT_EQ(chain.sets.back().results.authserv_id, "mx.example.org");
    EXPECT_EQ(chain.sets.back().results.methods.at(0).result, i == 1 ? "none" : "pass");
    EXPECT_EQ(world.asked, 1U) << "one key, asked for once";
    EXPECT_TRUE(chain.oldest_pass_known || i > 30) << "not sought where it costs too much";
    EXPECT_EQ(chain.oldest_pass, 0U);
  }
  EXPECT_GT(world.cost, 50U);
  const auto more = seal(mail, world.validate(mail));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().kind, ErrorKind::limit);
  // 5.2 step 1
  Forged forged;
  forged.results = " i=51; mx.example.org; arc=pass";
  forged.message = replaced(forged.message, "i=1", "i=51");
  forged.seal = replaced(replaced(forged.seal, "i=1", "i=51"), "cv=none", "cv=pass");
  const Chain chain = world.validate(Forge().add(forged, mail));
  EXPECT_EQ(chain.outcome, Outcome::fail);
  EXPECT_EQ(chain.problem, "more than 50 ARC sets");
}

TEST(ArcChain, ManyFieldsFailEarly) {
  World world;
  Mail mail = sealed(world, 1);
  for (int i = 0; i < 10000; ++i) mail.header += "ARC-Seal: i=1; cv=none\r\n";
  const Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::fail);
  EXPECT_EQ(world.asked, 0U);
}

TEST(ArcChain, RsaAndSimpleCanonicalisation) {
  World world;
  world.publish("rsa", "example.org", record_of(rsa_key(2048)));
  for (const dkim::Canon header : {dkim::Canon::simple, dkim::Canon::relaxed}) {
    for (const dkim::Canon body : {dkim::Canon::simple, dkim::Canon::relaxed}) {
      Mail mail;
      for (int i = 0; i < 3; ++i) {
        SealOptions options;
        options.header_canon = header;
        options.body_canon = body;
        const auto fields = seal(mail, world.validate(mail), options, rsa_key(2048), "rsa");
        ASSERT_TRUE(fields.has_value()) << fields.error().what;
        mail = with(*fields, std::move(mail));
        EXPECT_EQ(world.outcome(mail), "pass");
      }
    }
  }
}

TEST(ArcChain, EveryOctetOfEveryFieldCounts) {
  World world;
  const Mail mail = sealed(world, 2);
  const std::size_t end = mail.header.find("Received:");
  ASSERT_NE(end, std::string::npos);
  for (std::size_t i = 0; i < end; ++i) {
    Mail changed = mail;
    // Another one also in the two high bits of a base64 digit: the low ones of the last digit before '=' mean nothing
    changed.header[i] = std::string_view("wxyz0123456789+/").contains(changed.header[i]) ? 'A' : 'x';
    EXPECT_EQ(world.outcome(changed), "fail") << i << ": " << mail.header.substr(i, 20);
  }
}

TEST(ArcChain, WhiteSpaceAndTheCaseOfNamesDoNotCount) {
  World world;
  const Mail mail = sealed(world, 2);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"ARC-Seal:", "arc-SEAL :"},
           {"ARC-Message-Signature: ", "ARC-Message-Signature:\r\n \t"},
           {"; d=example.org", ";\r\n\td=example.org  "},
           {"ARC-Authentication-Results: i=2; ", "ARC-Authentication-Results: i=2;\r\n   "},
           {"Subject: Example\r\n 1", "SUBJECT:   Example 1  "},
           {"From: John <", "From:John\r\n  <"}}) {
    Mail changed = mail;
    changed.header = replaced(changed.header, from, to);
    const Chain chain = world.validate(changed);
    // A space around "=" or ";" is a space (RFC 6376 3.4.2): only the ones that are there may change.
    const bool added = to.ends_with("  ") && from.starts_with(";");
    EXPECT_EQ(to_string(chain.outcome), added ? "fail" : "pass") << to << ": " << chain.problem;
  }
}

TEST(ArcChain, WhatTheNewestSignatureCoversCounts) {
  World world;
  const Mail mail = sealed(world, 2);
  const auto changed = [&](std::string_view from, std::string_view to) {
    Mail out = mail;
    out.header = replaced(out.header, from, to);
    return world.outcome(out);
  };
  EXPECT_EQ(changed("From: John", "From: Joan"), "fail");
  EXPECT_EQ(changed("Subject: Example", "Subject: Simple"), "fail");
  EXPECT_EQ(changed("To: ", "To: x@y.example\r\nTo: "), "fail") << "over-signed";
  EXPECT_EQ(changed("Received: by", "Received: from"), "pass") << "not signed";
  Mail longer = mail;
  longer.body += "\r\n\r\n";
  EXPECT_EQ(world.outcome(longer), "pass") << "empty lines at the end";
  longer.body += "x";
  EXPECT_EQ(world.outcome(longer), "fail");
}

// RFC 6376 8.15: a From field that a signature does not name is what most readers are shown.
TEST(ArcChain, AFromFieldThatIsNotSigned) {
  World world;
  const Mail mail = Forge().add({}, {});
  ASSERT_EQ(world.outcome(mail), "pass") << "h=from:to:subject";
  Mail forged = mail;
  forged.header.insert(0, "From: eve@example.com\r\n");
  const Chain chain = world.validate(forged);
  EXPECT_EQ(chain.outcome, Outcome::fail);
  EXPECT_TRUE(chain.problem.contains("From")) << chain.problem;
  Forge both;
  both.names = {"from", "from"};
  Forged values;
  values.message = replaced(values.message, "from:to:subject", "from:from");
  Mail two;
  two.header.insert(0, "From: eve@example.com\r\n");
  EXPECT_EQ(world.outcome(both.add(values, two)), "pass");
}

TEST(ArcChain, TheOrderOfTheFieldsIsFree) {
  World world;
  const Mail mail = sealed(world, 3);
  const message::HeaderSection header(mail.header);
  Mail reversed;
  reversed.header = {};
  std::string others;
  for (const message::Field& field : header.fields()) {
    if (field.name.starts_with("ARC-")) {
      reversed.header.insert(0, field.raw);
    } else {
      others += field.raw;
    }
  }
  reversed.header += others;
  EXPECT_EQ(world.outcome(reversed), "pass");
  reversed.header = others + reversed.header.substr(0, reversed.header.size() - others.size());
  EXPECT_EQ(world.outcome(reversed), "pass");
}

TEST(ArcChain, OldestPassTellsSinceWhenNothingChanged) {
  World world;
  Mail mail = sealed(world, 2);
  mail.header = replaced(mail.header, "Subject: Example", "Subject: [list] Example");
  EXPECT_EQ(world.outcome(mail), "fail") << "nobody vouches for the change yet";
  // The list validated before it changed the message, and seals what it made of it.
  Chain before;
  before.outcome = Outcome::pass;
  const auto fields = seal(mail, before);
  ASSERT_TRUE(fields.has_value());
  mail = with(*fields, mail);
  Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::pass) << chain.problem;
  EXPECT_TRUE(chain.oldest_pass_known);
  EXPECT_EQ(chain.oldest_pass, 3U);
  mail = sealed(world, 2, mail);
  chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::pass);
  EXPECT_EQ(chain.sets.size(), 5U);
  EXPECT_EQ(chain.oldest_pass, 3U);
}

TEST(ArcChain, OldestPassIsNotSoughtInHugeHeaders) {
  World world;
  Mail mail;
  mail.header += "X-Filler: " + std::string(kOldestPassOctetsMax, 'x') + "\r\n";
  mail = sealed(world, 3, mail);
  const Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::pass);
  EXPECT_FALSE(chain.oldest_pass_known);
}

TEST(ArcChain, LongResultsAreSealedAndReadInPart) {
  World world;
  Mail mail;
  std::string payload = "mx.example.org";
  while (payload.size() < 60000) payload += "; spf=pass smtp.mailfrom=" + std::string(400, 'x');
  for (int i = 0; i < 3; ++i) {
    const message::HeaderSection header(mail.header);
    Sealer sealer(header, {.domain = "example.org", .selector = "sel", .key = ed25519_key()}, {});
    sealer.body(mail.body);
    const auto fields = sealer.finish(world.validate(mail), payload);
    ASSERT_TRUE(fields.has_value()) << fields.error().what;
    mail = with(*fields, std::move(mail));
  }
  const Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::pass);
  EXPECT_EQ(chain.sets[2].results.methods.size(), 142U);
  EXPECT_EQ(chain.sets[1].results.methods.size(), 142U);
  EXPECT_TRUE(chain.sets[0].results.methods.empty()) << "over kResultsOctetsMax";
  mail.header = replaced(mail.header, "i=1; mx.example.org; spf=pass", "i=1; mx.example.org; spf=fail");
  EXPECT_EQ(world.outcome(mail), "fail");
}

TEST(ArcChain, DnsFailuresFailAndSaySo) {
  World world;
  world.publish("two", "example.org", record_of(ed25519_key()));
  Mail mail = sealed(world, 1);
  const auto fields = seal(mail, world.validate(mail), {}, ed25519_key(), "two");
  ASSERT_TRUE(fields.has_value());
  mail = with(*fields, mail);
  EXPECT_EQ(world.outcome(mail), "pass");
  EXPECT_EQ(world.asked, 2U);
  for (const std::string selector : {"sel", "two"}) {
    for (const dns::Status status : {dns::Status::servfail, dns::Status::timeout}) {
      World broken;
      broken.publish("two", "example.org", record_of(ed25519_key()));
      broken.fail(selector, "example.org", status);
      const Chain chain = broken.validate(mail);
      EXPECT_EQ(chain.outcome, Outcome::fail) << "5.2.1: all failures are permanent";
      EXPECT_TRUE(chain.temporary);
      EXPECT_EQ(broken.asked, selector == "two" ? 1U : 2U) << "one is enough to fail";
    }
  }
  World empty;
  empty.zone = dns::Zone();
  const Chain chain = empty.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::fail);
  EXPECT_FALSE(chain.temporary);
}

}  // namespace
}  // namespace postern::arc::test
