// Lines behind the smallest useful file, and what the reader says of them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace postern::config::testing {

// Line 1 to 7.
inline constexpr const char* kBase = R"(hostname = "mx.example.org"
data_dir = "var"
[[listen]]
address = ["[::1]:25"]
[[domain]]
name = "example.org"
mailboxes = ["alice"]
)";

inline std::shared_ptr<const Config> good(const std::string& lines) {
  Loaded loaded = parse(std::string(kBase) + lines, "/etc/postern/f");
  for (const Problem& problem : loaded.problems) ADD_FAILURE() << problem.text();
  return loaded.config;
}

struct Case {
  std::string lines;    // after kBase, from line 8
  std::string problem;  // how the one there is begins
};

inline void expect_each(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Loaded loaded = parse(std::string(kBase) + one.lines, "f");
    EXPECT_EQ(loaded.config, nullptr) << one.lines;
    ASSERT_FALSE(loaded.problems.empty()) << one.lines;
    EXPECT_EQ(loaded.problems[0].text().substr(0, one.problem.size()), one.problem) << one.lines;
    EXPECT_EQ(loaded.problems.size(), 1U) << one.lines << loaded.problems.back().text();
  }
}

}  // namespace postern::config::testing
