// Every tag of ARC-Message-Signature and ARC-Seal missing, doubled, empty, malformed or bent, in sets whose signatures
// hold: what fails does so for the tag alone. RFC 8617 3.9, 4.1, 5.2; RFC 6376 3.2, 3.5.
#include "unit/arc/chain_maker.h"

namespace postern::arc::test {
namespace {

std::string outcome_of(World& world, const Forged& forged, const Forge& forge = {}) {
  const Chain chain = world.validate(forge.add(forged, Mail()));
  return std::string(to_string(chain.outcome)) + (chain.outcome == Outcome::fail ? ": " + chain.problem : "");
}

struct Bend {
  std::string_view from, to;
  bool passes;
};

TEST(ArcFields, MessageSignature) {
  World world;
  EXPECT_EQ(outcome_of(world, Forged()), "pass");
  for (const Bend& bend : std::vector<Bend>{
           {"a=ed25519-sha256; ", "", false},
           {"a=ed25519-sha256", "a=", false},
           {"a=ed25519-sha256", "a=ED25519-SHA256", false},
           {"a=ed25519-sha256", "a=ed25519-sha1", false},
           {"a=ed25519-sha256", "a=rsa-sha256", false},
           {"a=ed25519-sha256", "a=rsa-sha1", false},
           {"a=ed25519-sha256", "a=ed25519-sha256; a=ed25519-sha256", false},
           {"a=ed25519", "A=ed25519", false},
           {" a=", " a = ", true},
           {" a=", "  \r\n\ta=", true},
           {"b={b}; ", "", false},
           {"b={b}", "b=", false},
           {"b={b}", "b=!{b}", false},
           {"b={b}", "b=AAAA", false},
           {"b={b}", "b=\r\n\t{b}\r\n ", true},
           {"bh={bh}; ", "", false},
           {"bh={bh}", "bh=", false},
           {"bh={bh}", "bh=*{bh}", false},
           {"bh={bh}", "bh=AAAA", false},
           {"bh={bh}", "BH={bh}", false},
           {"c=relaxed/relaxed", "c=", false},
           {"c=relaxed/relaxed", "c=relaxed/strict", false},
           {"c=relaxed/relaxed", "c=relaxed/", false},
           {"c=relaxed/relaxed", "c=Relaxed/relaxed", false},
           {"c=relaxed/relaxed", "c=relaxed/relaxed; l=0", false},
           {"d=example.org; ", "", false},
           {"d=example.org", "d=", false},
           {"d=example.org", "d=other.example", false},
           {"d=example.org", "d=.example.org", false},
           {"d=example.org", "d=exa mple.org", false},
           {"d=example.org", "d=Example.ORG", true},
           {"h=from:to:subject; ", "", false},
           {"h=from:to:subject", "h=", false},
           {"h=from:to:subject", "h=to:subject", false},
           {"h=from:to:subject", "h=from::to:subject", false},
           {"h=from:to:subject", "h=From : TO\r\n : Subject ", true},
           {"h=from:to:subject", "h=to:from:subject", false},
           {"i=1; s", "s", false},
           {"i=1", "i=", false},
           {"i=1", "i=0", false},
           {"i=1", "i=2", false},
           {"i=1", "i=51", false},
           {"i=1", "i=x", false},
           {"i=1", "i=-1", false},
           {"i=1", "i=1.0", false},
           {"i=1", "i=001", false},
           {"i=1", "i=01", true},
           {"i=1", "i=1; i=1", false},
           {"i=1", "I=1", false},
           {"s=sel; ", "", false},
           {"s=sel", "s=", false},
           {"s=sel", "s=none", false},
           {"; t=12345", "", true},
           {"t=12345", "t=", false},
           {"t=12345", "t=now", false},
           {"t=12345", "t=-1", false},
           {"t=12345", "t=12345; x=12346", true},
           {"t=12345", "t=12345; x=12345", false},
           {"t=12345", "t=12345;", true},
           {"t=12345", "t=12345 ; ", true},
           {"t=12345", "t=12345;;", false},
           {"; t=", ";; t=", false},
           {"t=12345", "t=12345; v=2", true},
           {"t=12345", "t=12345; x_unknown=y", true},
           {"t=12345", "t=12345; 1x=y", false},
           {"t=12345", "t=12345; word", false},
           {"t=12345", "t=12345; =y", false},
           {"t=12345", "t=12345; q=dns/txt", true},
           {"t=12345", "t=12345; q=dns/other", false},
           {"t=12345", "t=12345; z=From:x|To:y", true},
       }) {
    Forged forged;
    forged.message = replaced(forged.message, bend.from, bend.to);
    const std::string found = outcome_of(world, forged);
    EXPECT_EQ(found == "pass", bend.passes) << bend.from << " -> " << bend.to << ": " << found;
  }
}

TEST(ArcFields, Seal) {
  World world;
  for (const Bend& bend : std::vector<Bend>{
           {"a=ed25519-sha256; ", "", false},
           {"a=ed25519-sha256", "a=", false},
           {"a=ed25519-sha256", "a=unknown", false},
           {"a=ed25519-sha256", "a=rsa-sha1", false},
           {"a=ed25519-sha256", "a=Ed25519-sha256", false},
           {"b={b}; ", "", false},
           {"b={b}", "b=", false},
           {"b={b}", "b=*", false},
           {"b={b}", "b=AAAA", false},
           {"b={b}", "b= {b} ", true},
           {"cv=none; ", "", false},
           {"cv=none", "cv=", false},
           {"cv=none", "cv=pass", false},
           {"cv=none", "cv=fail", false},
           {"cv=none", "cv=None", false},
           {"cv=none", "cv=nonesuch", false},
           {"cv=none", "CV=none", false},
           {"cv=none", "cv=none; cv=none", false},
           {"cv=none", "cv = none ", true},
           {"d=example.org; ", "", false},
           {"d=example.org", "d=", false},
           {"d=example.org", "d=other.example", false},
           {"i=1; ", "", false},
           {"i=1", "i=", false},
           {"i=1", "i=0", false},
           {"i=1", "i=2", false},
           {"i=1", "i=51", false},
           {"i=1", "i=99999999999999999999", false},
           {"i=1", "i=a", false},
           {"i=1", "I=1", false},
           {"i=1", "i=1; i=1", false},
           {"s=sel; ", "", false},
           {"s=sel", "s=", false},
           {"s=sel", "s=none", false},
           {"; t=12345", "", true},
           {"t=12345", "t=", false},
           {"t=12345", "t=12 345", false},
           {"t=12345", "t=abc", false},
           {"t=12345", "t=12345;", true},
           {"t=12345", "t=12345;;", false},
           {"t=12345", "t=12345; h=from", false},
           {"t=12345", "t=12345; h=", false},
           {"t=12345", "t=12345; bh=AAAA", true},
           {"t=12345", "t=12345; c=simple/simple", true},
           {"t=12345", "t=12345; z9=x", true},
           {"t=12345", "t=12345; -z=x", false},
           {"; s=sel", " ;  s=sel", true},
       }) {
    Forged forged;
    forged.seal = replaced(forged.seal, bend.from, bend.to);
    const std::string found = outcome_of(world, forged);
    EXPECT_EQ(found == "pass", bend.passes) << bend.from << " -> " << bend.to << ": " << found;
  }
}

TEST(ArcFields, Results) {
  World world;
  for (const Bend& bend : std::vector<Bend>{
           {" i=1; mx", " mx", false},
           {"i=1;", "i=;", false},
           {"i=1;", "i=0;", false},
           {"i=1;", "i=2;", false},
           {"i=1;", "i=51;", false},
           {"i=1;", "I=1;", false},
           {"i=1;", "i=1", false},
           {"i=1; mx.example.org;", "mx.example.org; i=1;", false},
           {"i=1;", "(c) i (c) = (c) 1 (c);", true},
           // What it says need not be readable: the seal covers it as it is.
           {"mx.example.org; arc=none", "what; ever=", true},
           {"mx.example.org; arc=none", "", true},
       }) {
    Forged forged;
    forged.results = replaced(forged.results, bend.from, bend.to);
    const std::string found = outcome_of(world, forged);
    EXPECT_EQ(found == "pass", bend.passes) << bend.from << " -> " << bend.to << ": " << found;
  }
}

TEST(ArcFields, ASignatureMayNotCoverASeal) {
  World world;
  for (const auto& [name, passes] : std::vector<std::pair<std::string, bool>>{{"arc-seal", false},
                                                                              {"ARC-Seal", false},
                                                                              {"arc-authentication-results", true},
                                                                              {"authentication-results", true}}) {
    Forged forged;
    forged.message = replaced(forged.message, "subject", "subject:" + name);
    Forge forge;
    forge.names.push_back(lower(name));
    EXPECT_EQ(outcome_of(world, forged, forge) == "pass", passes) << name;
  }
}

TEST(ArcFields, CanonicalisationOfTheMessage) {
  World world;
  Forge forge;
  Forged forged;
  for (const auto& [text, header, body] : std::vector<std::tuple<std::string, dkim::Canon, dkim::Canon>>{
           {"c=simple/simple", dkim::Canon::simple, dkim::Canon::simple},
           {"c=simple", dkim::Canon::simple, dkim::Canon::simple},
           {"c=relaxed", dkim::Canon::relaxed, dkim::Canon::simple},
           {"c=simple/relaxed", dkim::Canon::simple, dkim::Canon::relaxed},
           {"", dkim::Canon::simple, dkim::Canon::simple}}) {  // RFC 6376 3.5: the default
    forged.message = replaced(Forged().message, "c=relaxed/relaxed; ", text.empty() ? "" : text + "; ");
    forge.header_canon = header;
    forge.body_canon = body;
    EXPECT_EQ(outcome_of(world, forged, forge), "pass") << text;
  }
}

TEST(ArcFields, LengthOfTheBody) {
  World world;
  Forge forge;
  forge.length = 5;
  Forged forged;
  forged.message = replaced(forged.message, "t=12345", "t=12345; l=5");
  EXPECT_EQ(outcome_of(world, forged, forge), "pass");
  forge.length = 100000;
  forged.message = replaced(forged.message, "l=5", "l=100000");
  EXPECT_NE(outcome_of(world, forged, forge), "pass") << "more than there is";
}

TEST(ArcFields, ExpiryIsLookedAtWithAClock) {
  World world;
  Forged forged;
  forged.message = replaced(forged.message, "t=12345", "t=12345; x=20000");
  const Mail mail = Forge().add(forged, Mail());
  EXPECT_EQ(world.validate(mail).outcome, Outcome::pass);
  EXPECT_EQ(world.validate(mail, 20000).outcome, Outcome::pass);
  EXPECT_EQ(world.validate(mail, 20001).outcome, Outcome::fail);
}

TEST(ArcFields, Structure) {
  World world;
  const Mail two = sealed(world, 2);
  const message::HeaderSection header(two.header);
  const auto fields = header.fields();
  // Each of the six fields missing, doubled, or numbered otherwise
  for (std::size_t i = 0; i < 6; ++i) {
    Mail missing = two;
    missing.header = replaced(two.header, fields[i].raw, "");
    EXPECT_EQ(world.outcome(missing), "fail") << fields[i].name;
    Mail doubled = two;
    doubled.header += fields[i].raw;
    EXPECT_EQ(world.outcome(doubled), "fail") << fields[i].name;
    Mail changed = two;
    const std::string own = i < 3 ? "i=2" : "i=1";
    for (const char* other : {"i=1", "i=2", "i=3", "i=0", "i=51"}) {
      if (own == other) continue;
      changed.header = replaced(two.header, fields[i].raw, replaced(std::string(fields[i].raw), own, other));
      EXPECT_EQ(world.outcome(changed), "fail") << fields[i].name << other;
    }
  }
  // A gap: the first set alone gone, and the second alone
  Mail gap = two;
  gap.header = two.header.substr(0, two.header.find(fields[3].raw));
  gap.header += Mail().header;
  EXPECT_EQ(world.validate(gap).problem, "there is no ARC set i=1");
  Mail first = two;
  first.header = two.header.substr(two.header.find(fields[3].raw));
  EXPECT_EQ(world.outcome(first), "pass") << "who takes the newest set off leaves a chain that was good before";
}

TEST(ArcFields, TheNewestSealDecidesBeforeTheStructure) {
  World world;
  Mail mail = sealed(world, 1);
  mail.header = "ARC-Seal: i=7; cv=fail; d=example.org; s=sel; b=AAAA; a=rsa-sha256\r\n" + mail.header;
  const Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::fail);
  EXPECT_EQ(chain.problem, "the chain ended: ARC-Seal i=7: cv=fail");
  EXPECT_EQ(world.asked, 0U);
  // An older seal that says fail breaks the structure.
  mail = sealed(world, 2);
  mail.header = replaced(mail.header, "cv=none", "cv=fail");
  EXPECT_EQ(world.validate(mail).problem, "ARC-Seal i=1: cv=fail, which must be none");
}

TEST(ArcFields, OlderMessageSignaturesNeedNotHold) {
  World world;
  Forged forged;
  forged.message = " i=1; a=none; h=nothing";
  Mail mail = Forge().add(forged, Mail());
  EXPECT_EQ(world.outcome(mail), "fail");
  Forged second;
  second.results = " i=2; mx.example.org; arc=pass";
  second.message = replaced(second.message, "i=1", "i=2");
  second.seal = replaced(replaced(second.seal, "i=1", "i=2"), "cv=none", "cv=pass");
  mail = Forge().add(second, mail);
  const Chain chain = world.validate(mail);
  EXPECT_EQ(chain.outcome, Outcome::pass) << chain.problem << ": 5.2 step 4 asks for the newest alone";
  EXPECT_EQ(chain.oldest_pass, 2U);
}

TEST(ArcFields, Keys) {
  const std::string good = record_of(ed25519_key());
  const std::string data = good.substr(good.find("p="));
  for (const auto& [record, passes] : std::vector<std::pair<std::string, bool>>{
           {good, true},
           {"k=ed25519; " + data, true},
           {"v=DKIM1; k=ed25519; t=y; " + data, true},
           {"v=DKIM1; k=ed25519; t=s; " + data, true},
           {"v=DKIM1; k=ed25519; h=sha256; s=email; n=note; x=unknown; " + data, true},
           {"v=DKIM1; k=ed25519; h=sha1:sha256; s=*; " + data, true},
           {"v=DKIM1; k=ed25519; h=sha1; " + data, false},
           {"v=DKIM1; k=ed25519; s=tlsrpt; " + data, false},
           {"v=DKIM2; k=ed25519; " + data, false},
           {"k=ed25519; v=DKIM1; " + data, false},
           {"v=DKIM1; k=rsa; " + data, false},
           {"v=DKIM1; " + data, false},
           {"v=DKIM1; k=unknown; " + data, false},
           {"v=DKIM1; k=ed25519; p=", false},
           {"v=DKIM1; k=ed25519", false},
           {"v=DKIM1; k=ed25519; p=AAAA", false},
           {"v=DKIM1; k=ed25519; " + data + "; " + data, false},
           {"", false},
           {"v=spf1 -all", false},
           {record_of(crypto::PrivateKey::generate(crypto::Algorithm::ed25519).value()), false},
       }) {
    World world;
    const Mail mail = sealed(world, 1);
    world.publish("sel", "example.org", record);
    EXPECT_EQ(world.outcome(mail) == "pass", passes) << record;
  }
}

TEST(ArcFields, RsaLengths) {
  World world;
  for (const int bits : {512, 1023, 1024, 2048}) {
    const crypto::PrivateKey& key = rsa_key(bits);
    world.publish("rsa", "example.org", record_of(key));
    Forge forge;
    Forged forged;
    forge.seal_key = &key;
    forged.seal = replaced(replaced(forged.seal, "ed25519", "rsa"), "s=sel", "s=rsa");
    EXPECT_EQ(outcome_of(world, forged, forge) == "pass", bits >= 1024) << bits;
    forge = {};
    forged = {};
    forge.message_key = &key;
    forged.message = replaced(replaced(forged.message, "ed25519", "rsa"), "s=sel", "s=rsa");
    EXPECT_EQ(outcome_of(world, forged, forge) == "pass", bits >= 1024) << bits;
  }
}

TEST(ArcFields, DomainsAndSelectorsMayDifferAndBeULabels) {
  World world;
  world.publish("m", "xn--bcher-kva.example", record_of(ed25519_key()));
  Forged forged;
  forged.message = replaced(replaced(forged.message, "d=example.org",
                                     "d=b\xC3\xBC"
                                     "cher.example"),
                            "s=sel", "s=m");
  EXPECT_EQ(outcome_of(world, forged), "pass") << "4.1.4";
}

TEST(ArcFields, LimitsOfAField) {
  World world;
  // 16 KiB of tags are read, and 100 of them
  for (const auto& [filler, passes] : std::vector<std::pair<std::string, bool>>{
           {"; z=" + std::string(15000, 'x'), true}, {"; z=" + std::string(16384, 'x'), false}}) {
    Forged forged;
    forged.message += filler;
    EXPECT_EQ(outcome_of(world, forged) == "pass", passes) << filler.size();
  }
  Forged names;
  Forge forge;
  std::string list = "h=from:to:subject";
  for (int i = 3; i < 500; ++i) {
    list += ":x";
    forge.names.emplace_back("x");
  }
  names.message = replaced(names.message, "h=from:to:subject", list);
  EXPECT_EQ(outcome_of(world, names, forge), "pass");
  names.message = replaced(names.message, list, list + ":x");
  forge.names.emplace_back("x");
  EXPECT_NE(outcome_of(world, names, forge), "pass");
}

}  // namespace
}  // namespace postern::arc::test
