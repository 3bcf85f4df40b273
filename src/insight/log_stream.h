// LogStream: a file of lines as octets, whatever it is packed in: plain, gzip or zstd, told by its first octets, not by
// its name; "-" is standard input. Blocks of whole lines come out of it; an export of the journal is turned into lines.
// Bounds: a block, a line, and what decompressing needs (zstd: a window of 128 MiB). Thread rule: one thread an object;
// blocks on files.
// SharedStream: the same for several threads. Whoever needs work unpacks the next block into a buffer of his own while
// the others wait, and reads it while they unpack: so unpacking is done by one at a time, and all are busy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "maillog/journal_export.h"
#include "maillog/line.h"

namespace postern::insight {

class LogStream {
 public:
  static constexpr std::size_t kBlock = 1 << 20;

  struct Kind {
    std::size_t block = kBlock;  // octets that are unpacked at once
    std::size_t line_max = maillog::kLineMax;
    // Files of our own: no journal, nothing that somebody else packed; what ends in .zst has to be zstd.
    bool records = false;
  };
  // Error: not_found, storage.
  [[nodiscard]] static Result<std::unique_ptr<LogStream>> open(const std::string& path, Kind kind);
  [[nodiscard]] static Result<std::unique_ptr<LogStream>> open(const std::string& path) { return open(path, Kind()); }
  ~LogStream();

  // Whole lines with their newlines, but the last of the file may have none; empty at the end. They stand in `buffer`,
  // which grows as it has to and is best used again. `overlong` counts lines that were left out, and entries of a
  // journal that make none; a line that is a little longer than Kind::line_max may be given. Of what is damaged comes
  // what stands before the damage, within 8 KiB of packed octets, and then the error.
  [[nodiscard]] Result<std::string_view> next(std::string& buffer, std::uint64_t& overlong);
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
  explicit LogStream(UniqueFd fd, std::string path, Kind kind);
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<std::size_t> read_raw(char* into, std::size_t max);
  [[nodiscard]] Result<std::size_t> read_plain(char* into, std::size_t max);
  [[nodiscard]] Result<std::size_t> read_lines(std::string& buffer, std::size_t at);
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view how) const;

  const Kind kind_;
  UniqueFd fd_;
  std::string path_;
  std::string head_;  // what was read to tell what it is
  std::uint64_t done_ = 0, size_ = 0;
  bool seekable_plain_ = false;
  std::unique_ptr<Unpacker> unpacker_;
  std::optional<maillog::JournalExport> journal_;
  std::string partial_;          // a line whose end has not come
  std::string exported_;         // of a journal, before it is turned
  std::uint64_t dropped_ = 0;    // entries of the journal, that `overlong` was told of
  std::optional<Error> broken_;  // told when all that stands before it was given
  bool skipping_ = false, ended_ = false;
};

class SharedStream {
 public:
  SharedStream(std::string path, LogStream::Kind kind) : path_(std::move(path)), kind_(kind) {}  // opened when asked
  explicit SharedStream(std::unique_ptr<LogStream> stream) : stream_(std::move(stream)) {}

  struct Block {
    std::string_view text;       // in the caller's buffer; empty: it is over, or failed for another thread
    std::uint64_t number = 0;    // 0, 1, ...
    std::uint64_t offset = 0;    // of its first octet, unpacked
    std::uint64_t read = 0;      // octets of the file that are read so far
    std::uint64_t fresh = 0;     // of them since the block before
    std::uint64_t overlong = 0;  // lines that were left out since
  };
  [[nodiscard]] Result<Block> next(std::string& buffer) POSTERN_EXCLUDES(mutex_);

 private:
  const std::string path_;
  const LogStream::Kind kind_;
  Mutex mutex_;
  std::unique_ptr<LogStream> stream_ POSTERN_GUARDED_BY(mutex_);
  Block next_ POSTERN_GUARDED_BY(mutex_);
  bool over_ POSTERN_GUARDED_BY(mutex_) = false;
};

}  // namespace postern::insight
