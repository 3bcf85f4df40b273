#include "cli/table.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(Table, SharesAndBars) {
  EXPECT_EQ(percent(0), "0.0 %");
  EXPECT_EQ(percent(0.0325), "3.3 %");
  EXPECT_EQ(percent(1), "100.0 %");
  EXPECT_EQ(percent(0.9999), "100.0 %");
  EXPECT_EQ(share_of(1, 3), "33.3 %");
  EXPECT_EQ(share_of(0, 0), "-");
  EXPECT_EQ(bar(0, 10, 10), "");
  EXPECT_EQ(bar(1, 10, 10), "#");
  EXPECT_EQ(bar(1, 100'000, 10), "#") << "what is not nothing is seen";
  EXPECT_EQ(bar(10, 10, 10), "##########");
  EXPECT_EQ(bar(11, 10, 10), "##########");
  EXPECT_EQ(bar(1, 0, 10), "");
  EXPECT_EQ(bar(1, 2, 4, "▇"), "▇▇");
}

TEST(Table, Folded) {
  const std::string text = "ten octets ten octets ten octets ten";
  EXPECT_EQ(folded(text, 0, 36), text + "\n");
  EXPECT_EQ(folded(text, 0, 35), "ten octets ten octets ten octets\nten\n");
  EXPECT_EQ(folded(text, 2, 35), "  ten octets ten octets ten octets\n  ten\n");
  EXPECT_EQ(folded(text, 2, {}), "  " + text + "\n");
  EXPECT_EQ(folded(text, 0, 29), text + "\n") << "too narrow for text";
}

// What gives way, one column of the terminal after the other: 12 + 2 + 4 + 2 + 4 of the numbers, and the bar.
std::string numbers(std::optional<std::size_t> width, const std::string& name, bool cut_names = true) {
  return fitted({{""}, {"all", true, 1}, {"more", true, 2}}, {{{{name}, {"1234"}, {"99"}}, 1, 1}},
                {.width = width, .cut_names = cut_names});
}

TEST(Table, BarsGiveWayFirst) {
  const std::string name = "a name of twenty-two o";
  const std::string row = name + "  1234    99";
  const std::string title = std::string(25, ' ') + "all  more\n";
  ASSERT_EQ(row.size(), 34U);
  EXPECT_EQ(numbers({}, name), title + row + "  ####################\n");
  EXPECT_EQ(numbers(100, name), title + row + "  ####################\n");
  EXPECT_EQ(numbers(56, name), title + row + "  ####################\n");
  EXPECT_EQ(numbers(55, name), title + row + "  ###################\n");
  EXPECT_EQ(numbers(41, name), title + row + "  #####\n");
  EXPECT_EQ(numbers(40, name), title + row + "\n");
  EXPECT_EQ(numbers(34, name), title + row + "\n");
}

TEST(Table, ThenNamesThenSpareColumns) {
  const std::string name = "a name of twenty-two o";
  EXPECT_EQ(numbers(33, name), "                        all  more\na name of twenty-tw..  1234    99\n");
  EXPECT_EQ(numbers(28, name), "                   all  more\na name of twen..  1234    99\n");
  EXPECT_EQ(numbers(27, name), "                        all\na name of twenty-tw..  1234\n") << "the most spare column";
  EXPECT_EQ(numbers(21, name), "\na name of twenty-tw..\n");
  EXPECT_EQ(numbers(1, name), "\na name of twen..\n") << "more cannot leave";
  EXPECT_EQ(numbers(33, name, false), std::string(25, ' ') + "all\n" + name + "  1234\n") << "a name that is not cut";
  EXPECT_EQ(numbers(1, name, false), "\n" + name + "\n");
  // Characters, not octets, and none of them is cut
  EXPECT_EQ(numbers(28, "ääääääääääääääää"), "                   all  more\nääääääääääääääää  1234    99\n");
  EXPECT_EQ(numbers(28, "ääääääääääääääääää"), "                   all  more\nääääääääääääää..  1234    99\n");
}

TEST(Table, WhereNothingIsPartOfAnything) {
  EXPECT_EQ(fitted({{"a"}, {"b", true}}, {{{{"x"}, {"1"}}}}, {.width = 80}), "a  b\nx  1\n");
  EXPECT_EQ(fitted({{"a"}}, {{{{"x"}}, 1, 2}, {{{"y"}}}}, {.width = 80, .mark = "▇"}), "a\nx  ▇▇▇▇▇▇▇▇▇▇\ny\n");
}

}  // namespace
}  // namespace postern::cli
