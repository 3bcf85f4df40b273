// The files behind Sources, in the order in which they are read. Internal to the walks of insight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "insight/sessions.h"
#include "record/files.h"

namespace postern::insight {

struct SourceFile {
  std::string path;
  std::uint64_t size = 0;  // as it is on the disk
  // Where it was found in a folder of records; without it was named, and it is an error if it is not there.
  std::optional<record::RecordFile> listed;
};

// Files that ended before `since` are left out.
[[nodiscard]] Result<std::vector<SourceFile>> list_source_files(const Sources& sources);
// The size of a file; 0 where it is not there.
[[nodiscard]] std::uint64_t size_of_file(const std::string& path);

}  // namespace postern::insight
