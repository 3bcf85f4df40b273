// LogStream: a log as octets, whatever it is packed in: plain, gzip or zstd, told by its first octets, not by its name;
// "-" is standard input. Blocks of whole lines come out of it; an export of the journal is turned into lines.
// Bounds: a block of kBlock octets, lines of maillog::kLineMax, and what decompressing needs (zstd: a window of 128
// MiB). Thread rule: one thread an object; blocks on files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "maillog/journal_export.h"

namespace postern::insight {

class LogStream {
 public:
  static constexpr std::size_t kBlock = 1 << 20;

  // Error: not_found, storage.
  [[nodiscard]] static Result<std::unique_ptr<LogStream>> open(const std::string& path);
  ~LogStream();

  // Whole lines with their newlines, but the last of the file may have none; empty at the end. `overlong` counts lines
  // that were left out.
  [[nodiscard]] Result<std::string> next(std::uint64_t& overlong);
  // Octets of the file that are read so far.
  [[nodiscard]] std::uint64_t done() const { return done_; }

  // A plain file that may be read anywhere: nothing is to be unpacked, nothing to be turned.
  [[nodiscard]] bool seekable_plain() const { return seekable_plain_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  class Unpacker;
  class GzipUnpacker;
  class ZstdUnpacker;
  explicit LogStream(UniqueFd fd, std::string path);
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<std::size_t> read_raw(char* into, std::size_t max);
  [[nodiscard]] Result<std::size_t> read_plain(char* into, std::size_t max);

  UniqueFd fd_;
  std::string path_;
  std::string head_;  // what was read to tell what it is
  std::uint64_t done_ = 0, size_ = 0;
  bool seekable_plain_ = false;
  std::unique_ptr<Unpacker> unpacker_;
  std::optional<maillog::JournalExport> journal_;
  std::string partial_;  // a line whose end has not come
  bool skipping_ = false, ended_ = false;
};

}  // namespace postern::insight
