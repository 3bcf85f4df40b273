// Domains as the tests of directories write them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "directory/directory.h"

namespace postern::directory::testing {

using Names = std::vector<std::string>;

inline DomainOptions domain(const std::string& name, Names mailboxes,
                            std::vector<std::pair<std::string, Names>> aliases = {}) {
  DomainOptions options;
  options.name = name;
  options.deliver = Transport{Transport::Kind::maildir, name + "/{user}"};
  options.mailboxes = std::move(mailboxes);
  options.aliases = std::move(aliases);
  return options;
}

inline std::shared_ptr<const Directory> build(const std::vector<DomainOptions>& domains) {
  auto built = Directory::build(domains);
  EXPECT_TRUE(built) << (built ? "" : built.error().what);
  return built ? *built : nullptr;
}

inline Names problems(const std::vector<DomainOptions>& domains) {
  std::vector<Directory::Problem> found;
  EXPECT_EQ(Directory::build(domains, found), nullptr);
  Names out;
  for (const auto& problem : found) out.push_back(problem.what);
  return out;
}

}  // namespace postern::directory::testing
