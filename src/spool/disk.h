// Disk: the few file operations the journal needs, behind an interface so that tests can cut the power or break the
// disk at every one of them. real_disk() is the operating system. Thread rule: any thread; one File is written by one
// thread at a time, and read by any.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace postern::spool {

class File {
 public:
  virtual ~File() = default;
  // Writes all pieces or fails; after a failure the octets in the range are undefined. `pieces` is scratch.
  [[nodiscard]] virtual Result<void> write(std::span<iovec> pieces, std::uint64_t offset) = 0;
  // fdatasync(2). After a failure nothing written since the last success may be believed, ever.
  [[nodiscard]] virtual Result<void> sync() = 0;
  // Reserves and zeroes `size` octets from the beginning, so that later writes inside change no metadata.
  [[nodiscard]] virtual Result<void> allocate(std::uint64_t size) = 0;
  // Fewer than asked only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<char> out, std::uint64_t offset) const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
};

class Disk {
 public:
  enum class Open : std::uint8_t { read, write, create };  // create: must not exist
  struct Space {
    std::uint64_t total = 0;
    std::uint64_t free = 0;  // to us
  };
  virtual ~Disk() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names, sorted
  [[nodiscard]] virtual Result<void> make_directory(const std::string& path) = 0;                 // 0700; may exist
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> unlink(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
  [[nodiscard]] virtual Result<Space> space(const std::string& path) = 0;
  // Held until the file is destroyed. Fails at once when another process (or another store here) holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> lock(const std::string& path) = 0;
};

[[nodiscard]] Disk& real_disk();

}  // namespace postern::spool
