// What the tests of tables share: a temporary folder, tables in memory with a fixed secret, the time they begin at.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "bounds/table_file.h"
#include "unit/temporary_folder.h"

namespace postern::bounds::testing {

inline constexpr std::uint32_t kNow = 1'795'243'208;
inline constexpr crypto::SipKey kSecret{0x0123456789ABCDEFULL, 0xFEDCBA9876543210ULL};

using Folder = postern::testing::TemporaryFolder;

inline TableFile memory(std::uint64_t bytes) { return TableFile::in_memory(bytes, kSecret, kNow); }

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
