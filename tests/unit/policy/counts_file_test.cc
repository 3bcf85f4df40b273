#include "policy/counts_file.h"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

TEST(CountsFile, IsReadBack) {
  const Counts counts{.spam = 812.125,
                      .ham = 400,
                      .rows = {{"rdns", "generic", 600.0625, 40}, {"country", "US", 1, 2}},
                      .cells = {{"", "os=windows rdns=generic country=abroad known=stranger", 412, 0}}};
  const std::string text = counts_text(counts, 1'795'243'208'123);
  EXPECT_NE(text.find("2026-11-21T06:40:08.123Z"), std::string::npos);
  const auto read = parse_counts(text);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->spam, 812.125);
  EXPECT_EQ(read->ham, 400);
  ASSERT_EQ(read->rows.size(), 2U);
  EXPECT_EQ(read->rows[0].signal, "rdns");
  EXPECT_EQ(read->rows[0].value, "generic");
  EXPECT_EQ(read->rows[0].spam, 600.063);  // three decimals
  EXPECT_EQ(read->rows[1].ham, 2);
  ASSERT_EQ(read->cells.size(), 1U);
  EXPECT_EQ(read->cells[0].value, counts.cells[0].value);
  EXPECT_EQ(read->cells[0].spam, 412);
  EXPECT_EQ(counts_text(*read, 1'795'243'208'123), text);
}

TEST(CountsFile, SaysWhatIsWrong) {
  const auto what = [](std::string_view text) {
    const auto read = parse_counts(text);
    return read ? std::string() : read.error().what;
  };
  const std::string head = R"({"schema":"postern.counts/1","spam":1,"ham":2)";
  EXPECT_EQ(what(head + "}"), "");
  EXPECT_NE(what("not JSON").find("not JSON"), std::string::npos);
  EXPECT_NE(what(R"({"schema":"postern.session/1"})").find("not a file of counts"), std::string::npos);
  EXPECT_NE(what(R"({"schema":"postern.counts/1","spam":-1,"ham":2})").find("numbers from 0"), std::string::npos);
  EXPECT_NE(what(head + R"(,"rows":[["a","b",1,2],["a","b",1]]})").find("entry 2 of \"rows\""), std::string::npos);
  EXPECT_NE(what(head + R"(,"cells":[["b",1,"2"]]})").find("entry 1 of \"cells\""), std::string::npos);
  EXPECT_NE(what(std::string(kCountsFileMax + 1, ' ')).find("4 MiB"), std::string::npos);
  std::string many = head + R"(,"rows":[)";
  for (std::size_t i = 0; i <= kCountsMax; ++i) many += (i > 0 ? "," : "") + std::string(R"(["a","b",1,2])");
  EXPECT_NE(what(many + "]}").find("more than 10000"), std::string::npos);
  EXPECT_NE(read_counts("/nonexistent/counts.json").error().what.find("/nonexistent/counts.json"), std::string::npos);
}

}  // namespace
}  // namespace postern::policy
