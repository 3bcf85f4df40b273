// The public suffix list's own tests (psl/tests/tests.txt) against its own list. Inputs go through Name as names of
// strangers do; answers are compared as A-labels, because a Name has no U-labels.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dns/public_suffix.h"
#include "repository.h"

namespace postern::dns {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return test::suite_dir("psl"); }

std::string answer_for(const PublicSuffixList& list, const std::string& input) {
  const auto name = Name::from_unicode(input);
  if (!name) return "null";
  const auto found = list.registrable_domain(*name);
  return found ? found->text() : "null";
}

TEST(Psl, EveryAssertion) {
  std::ifstream tests(suite() / "tests" / "tests.txt");
  if (!tests) GTEST_SKIP() << suite() << " is not there";
  const auto list = PublicSuffixList::load(suite() / "public_suffix_list.dat");
  ASSERT_TRUE(list) << list.error().what;
  int assertions = 0;
  for (std::string line; std::getline(tests, line);) {
    if (line.empty() || line.starts_with("//")) continue;
    std::istringstream words(line);
    std::string input;
    std::string expected;
    words >> input >> expected;
    if (input == "null") input.clear();
    if (expected != "null") expected = Name::from_unicode(expected).value().text();
    EXPECT_EQ(answer_for(*list, input), expected) << line;
    ++assertions;
  }
  EXPECT_EQ(assertions, 78);
}

}  // namespace
}  // namespace postern::dns
