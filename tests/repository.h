// Where a test finds the files of this repository, and the suites that nobody here wrote. Looked up when it runs, so
// that the compiled tests of one clone are those of every other.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace postern::test {

// The nearest folder above the program that has the `dev` script.
inline const std::filesystem::path& source_dir() {
  static const std::filesystem::path found = [] {
    std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    while (!std::filesystem::exists(at / "dev") && at.has_relative_path()) at = at.parent_path();
    return at;
  }();
  return found;
}

// $POSTERN_CONFORMANCE/NAME, else ../shared/conformance/NAME beside the repository. It may not be there.
inline std::filesystem::path suite_dir(std::string_view name) {
  const char* const root = std::getenv("POSTERN_CONFORMANCE");
  return (root != nullptr ? std::filesystem::path(root) : source_dir() / ".." / "shared" / "conformance") / name;
}

}  // namespace postern::test
