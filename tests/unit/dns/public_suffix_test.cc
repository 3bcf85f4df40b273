#include "dns/public_suffix.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace postern::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

class PublicSuffix : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "postern_psl_" + std::to_string(getpid());
    std::ofstream(path_) << "// a list\norg\nco.uk\nuk\n*.ck\n!www.ck\n\xE5\x85\xAC\xE5\x8F\xB8.cn\n";
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_;
};

TEST_F(PublicSuffix, RegistrableDomains) {
  const auto list = PublicSuffixList::load(path_);
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->registrable_domain(name("a.b.example.co.uk"))->text(), "example.co.uk");
  EXPECT_EQ(list->registrable_domain(name("example.org"))->text(), "example.org");
  EXPECT_EQ(list->registrable_domain(name("a.www.ck"))->text(), "www.ck");
  EXPECT_EQ(list->registrable_domain(name("a.b.c.ck"))->text(), "b.c.ck");
  EXPECT_EQ(list->registrable_domain(name("a.b.unlisted"))->text(), "b.unlisted");
  EXPECT_EQ(list->registrable_domain(name("shop.xn--55qx5d.cn"))->text(), "shop.xn--55qx5d.cn");
  for (const char* none : {"co.uk", "org", "c.ck", "unlisted", "", "xn--55qx5d.cn"}) {
    EXPECT_FALSE(list->registrable_domain(name(none))) << none;
  }
  EXPECT_TRUE(list->is_public_suffix(name("co.uk")));
  EXPECT_FALSE(list->is_public_suffix(name("example.co.uk")));
  EXPECT_FALSE(list->is_public_suffix(Name()));
  EXPECT_FALSE(list->registrable_domain(name(std::string_view("a.b\0.org", 8))));
}

TEST_F(PublicSuffix, RegistriesAlone) {
  std::ofstream(path_) << "// ===BEGIN ICANN DOMAINS===\norg\nuk\nco.uk\n*.ck\n!www.ck\npvt.k12.ma.us\n"
                          "// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\n*.cloud.example.org\n"
                          "dyn.example.co.uk\n// ===END PRIVATE DOMAINS===\n";
  const auto list = PublicSuffixList::load(path_);
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->registrable_domain(name("a.host.zone.cloud.example.org"))->text(), "host.zone.cloud.example.org");
  EXPECT_EQ(list->registry_domain(name("a.host.zone.cloud.example.org"))->text(), "example.org");
  EXPECT_EQ(list->registry_domain(name("home.dyn.example.co.uk"))->text(), "example.co.uk");
  EXPECT_EQ(list->registry_domain(name("a.b.c.ck"))->text(), "b.c.ck");
  EXPECT_EQ(list->registry_domain(name("a.www.ck"))->text(), "www.ck");
  EXPECT_EQ(list->registry_domain(name("a.b.pvt.k12.ma.us"))->text(), "b.pvt.k12.ma.us");
  EXPECT_EQ(list->registry_domain(name("a.b.unlisted"))->text(), "b.unlisted");
  EXPECT_EQ(list->registry_domain(name("example.org"))->text(), "example.org");
  for (const char* none : {"co.uk", "org", "c.ck", "unlisted", ""}) {
    EXPECT_FALSE(list->registry_domain(name(none))) << none;
  }
  std::string labels = "example.org";
  while (labels.size() + 2 <= kNameMax) labels.insert(0, "a.");
  EXPECT_EQ(list->registry_domain(name(labels))->text(), "example.org");
}

TEST_F(PublicSuffix, AFileThatIsNotThere) {
  const auto list = PublicSuffixList::load(path_ + ".none");
  ASSERT_FALSE(list);
  EXPECT_NE(list.error().what.find(".none"), std::string::npos);
}

TEST_F(PublicSuffix, Latest) {
  const auto list = PublicSuffixList::latest();
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->registrable_domain(name("www.example.com"))->text(), "example.com");
}

}  // namespace
}  // namespace postern::dns
