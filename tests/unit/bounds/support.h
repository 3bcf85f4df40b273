// What the tests of tables share: a temporary folder, tables in memory with a fixed secret, the time they begin at.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "bounds/table_file.h"

namespace postern::bounds::testing {

inline constexpr std::uint32_t kNow = 1'795'243'208;
inline constexpr crypto::SipKey kSecret{0x0123456789ABCDEFULL, 0xFEDCBA9876543210ULL};

inline TableFile memory(std::uint64_t bytes) { return TableFile::in_memory(bytes, kSecret, kNow); }

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "postern_bounds_XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline bool told(const TableFile& table, std::string_view words) {
  for (const Note& note : table.notes()) {
    if (note.text.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace postern::bounds::testing
