#include "inbound/head.h"

#include <gtest/gtest.h>

namespace postern::inbound {
namespace {

Head::Parted parted(const std::string& header) {
  Head head;
  EXPECT_TRUE(head.add(header, true, 1 << 20));
  return head.part(header.size(), "mx.example.org");
}

// RFC 8601 5
TEST(Head, TakesOutWhatClaimsToBeOurs) {
  const auto out = parted(
      "A: 1\r\nAuthentication-Results: mx.example.org; spf=pass\r\nB: 2\r\n folded\r\n"
      "authentication-results:\r\n MX.example.org (x) 1;\r\n dkim=pass\r\nAuthentication-Results: other.example; "
      "none\r\n\r\n");
  EXPECT_EQ(out.kept, "A: 1\r\nB: 2\r\n folded\r\nAuthentication-Results: other.example; none\r\n\r\n");
  EXPECT_EQ(out.dropped, 2U);
  EXPECT_EQ(out.header.fields().size(), 5U) << "as the sender wrote it";
}

TEST(Head, LooksAtSoManyResultsAndNoMore) {
  std::string header;
  for (std::size_t i = 0; i < Head::kResultsMax + 20; ++i) header += "Authentication-Results: other.example; none\r\n";
  const auto out = parted(header + "Subject: x\r\n\r\n");
  EXPECT_EQ(out.dropped, 20U);
  EXPECT_TRUE(out.kept.ends_with("none\r\nSubject: x\r\n\r\n"));
}

}  // namespace
}  // namespace postern::inbound
