// What `postern tls` does where no server runs.
#include "outbound/tls_files.h"

#include <gtest/gtest.h>

#include "outbound/published_tls.h"
#include "support.h"

namespace postern::outbound {
namespace {

using test::kDay;
using test::kStart;
using test::name;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() {
    TlsMemory memory({});
    memory.broke(name("mx.a.org"), *ip::Address::parse("192.0.2.1"), "eof", kStart);
    memory.verified(name("b.org"), "pkix", kStart - kDay);
    memory.verified(name("b.org"), "pkix", kStart);
    folder.write("tls-memory.jsonl", memory.text());
    std::string policies;
    for (const char* domain : {"a.org", "b.org"}) {
      policies += to_line({.domain = name(domain),
                           .id = "1",
                           .policy = {.mode = mtasts::Mode::enforce, .max_age = 86400, .mx = {"mx.a.org"}},
                           .fetched = kStart,
                           .used = kStart}) +
                  "\n";
    }
    folder.write("mta-sts.jsonl", policies);
  }
  std::string counts(WallMs now) {
    const auto list = list_tls_files(folder.path(), 14 * kDay, now);
    if (!list) return list.error().what;
    return std::to_string(list->at("policies").array().size()) + " " +
           std::to_string(list->at("verified").array().size()) + " " +
           std::to_string(list->at("broken").array().size());
  }
  testing::TemporaryFolder folder;
};

TEST_F(TlsFilesTest, ListsWhatIsInForce) {
  EXPECT_EQ(counts(kStart + 1000), "2 1 1");
  EXPECT_EQ(counts(kStart + kDay), "0 1 0");
  EXPECT_EQ(counts(kStart + 15 * kDay), "0 0 0");
}

TEST_F(TlsFilesTest, ForgetsUnderAName) {
  EXPECT_EQ(forget_in_tls_files(folder.path(), name("b.org"))->at("forgotten").integer(), 2);
  EXPECT_EQ(counts(kStart + 1000), "1 0 1");
  EXPECT_EQ(forget_in_tls_files(folder.path(), name("mx.a.org"))->at("forgotten").integer(), 1);
  EXPECT_EQ(counts(kStart + 1000), "1 0 0");
  EXPECT_EQ(forget_in_tls_files(folder.path(), name("mx.a.org")).error().kind, ErrorKind::not_found);
}

TEST_F(TlsFilesTest, WithoutFilesThereIsNothing) {
  const testing::TemporaryFolder empty;
  EXPECT_EQ(forget_in_tls_files(empty.path(), name("a.org")).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(list_tls_files(empty.path(), kDay, kStart).has_value());
  EXPECT_FALSE(parse_tls_name("").has_value());
  EXPECT_FALSE(parse_tls_name("a..b").has_value());
}

}  // namespace
}  // namespace postern::outbound
