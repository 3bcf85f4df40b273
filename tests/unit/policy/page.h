// docs/policy.md: the tables in it that are written from the code, between <!-- NAME --> and <!-- end of NAME -->.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "repository.h"

namespace postern::policy::test {

inline std::string page_path() { return postern::test::source_dir() / "docs/policy.md"; }

inline std::string page_text() {
  std::stringstream page;
  page << std::ifstream(page_path()).rdbuf();
  return page.str();
}

// Expects the table to be what the page has; POSTERN_WRITE_DOCS=1 writes it anew.
inline void expect_on_page(const std::string& name, const std::string& table) {
  std::string text = page_text();
  const std::string begin = "<!-- " + name + " -->\n";
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find("<!-- end of " + name + " -->");
  ASSERT_NE(from, std::string::npos) << name;
  ASSERT_NE(to, std::string::npos) << name;
  const std::size_t first = from + begin.size();
  const std::string there = text.substr(first, to - first);
  if (there != table && std::getenv("POSTERN_WRITE_DOCS") != nullptr) {
    text.replace(first, there.size(), table);
    std::ofstream(page_path()) << text;
    return;
  }
  EXPECT_EQ(there, table) << "POSTERN_WRITE_DOCS=1 writes it anew";
}

}  // namespace postern::policy::test
