#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::record {

namespace {

constexpr std::size_t kBlock = 256 << 10;

// Cuts blocks into lines. Holds at most one line of kLineMax octets.
class LineSplitter {
 public:
  LineSplitter(const std::function<bool(std::string_view)>& line, const std::function<void(std::uint64_t)>& progress,
               ReadCount& count)
      : line_(line), progress_(progress), count_(count) {}

  void on_disk(std::size_t octets) {
    octets_ += octets;
    if (progress_) progress_(octets_);
  }

  bool feed(std::string_view block) {  // false: the caller has had enough
    while (!block.empty()) {
      const auto end = block.find('\n');
      const auto piece = block.substr(0, end);
      if (overlong_ || partial_.size() + piece.size() > kLineMax) {
        overlong_ = true;
        partial_.clear();
      } else if (end == std::string_view::npos || !partial_.empty()) {
        partial_ += piece;
      }
      if (end == std::string_view::npos) return true;
      if (!finish_line(partial_.empty() ? piece : std::string_view(partial_))) return false;
      block.remove_prefix(end + 1);
    }
    return true;
  }
  // A last line without its newline was cut by a crash or is being written: it is given too, its reader judges it.
  bool finish() { return partial_.empty() && !overlong_ ? true : finish_line(partial_); }

 private:
  bool finish_line(std::string_view line) {
    bool more = true;
    if (overlong_) {
      ++count_.skipped;
    } else if (!line.empty()) {
      ++count_.lines;
      more = line_(line);
    }
    overlong_ = false;
    partial_.clear();
    return more;
  }
  const std::function<bool(std::string_view)>& line_;
  const std::function<void(std::uint64_t)>& progress_;
  ReadCount& count_;
  std::uint64_t octets_ = 0;
  std::string partial_;
  bool overlong_ = false;
};

// The octets of a descriptor from its beginning. One that others read too, a listed file's, has no place of its own.
class Blocks {
 public:
  Blocks(int fd, const std::string& path, bool shared) : fd_(fd), path_(path), shared_(shared) {}
  Result<std::size_t> next(std::string& buffer) {
    for (;;) {
      const ssize_t n = shared_ ? ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(at_))
                                : ::read(fd_, buffer.data(), buffer.size());
      if (n >= 0) {
        at_ += static_cast<std::uint64_t>(n);
        return static_cast<std::size_t>(n);
      }
      if (errno != EINTR) return fail_errno(ErrorKind::storage, "reading " + path_, errno);
    }
  }

 private:
  int fd_;
  const std::string& path_;
  bool shared_;
  std::uint64_t at_ = 0;
};

Result<bool> read_plain(Blocks blocks, LineSplitter& lines) {
  std::string buffer(kBlock, '\0');
  for (;;) {
    POSTERN_TRY(const std::size_t n, blocks.next(buffer));
    if (n == 0) return lines.finish();
    lines.on_disk(n);
    if (!lines.feed(std::string_view(buffer).substr(0, n))) return false;
  }
}

Result<bool> read_compressed(Blocks blocks, const std::string& path, LineSplitter& lines) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (zstd == nullptr) return fail(ErrorKind::limit, "reading " + path + ": out of memory");
  // A window of at most 128 MiB, whatever the file's header claims.
  ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, 27);
  std::string packed(ZSTD_DStreamInSize(), '\0');
  std::string plain(kBlock, '\0');
  std::size_t state = 0;
  for (;;) {
    POSTERN_TRY(const std::size_t n, blocks.next(packed));
    if (n == 0) break;
    lines.on_disk(n);
    ZSTD_inBuffer input{packed.data(), n, 0};
    bool more_output = true;  // a full output buffer may hide more that is already decoded
    while (input.pos < input.size || more_output) {
      ZSTD_outBuffer output{plain.data(), plain.size(), 0};
      state = ZSTD_decompressStream(zstd.get(), &output, &input);
      if (ZSTD_isError(state) != 0) {
        return fail(ErrorKind::invalid,
                    path + " is damaged: " + ZSTD_getErrorName(state) + "; remove it or restore it");
      }
      if (!lines.feed(std::string_view(plain).substr(0, output.pos))) return false;
      more_output = output.pos == output.size;
    }
  }
  if (state != 0) return fail(ErrorKind::invalid, path + " is damaged: it ends too early; remove it or restore it");
  return lines.finish();
}

Result<bool> read_path(const std::string& path, LineSplitter& lines) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + path, errno);
  const Blocks blocks(fd.get(), path, false);
  return path.ends_with(".zst") ? read_compressed(blocks, path, lines) : read_plain(blocks, lines);
}

Result<bool> read_listed(const RecordFile& file, LineSplitter& lines) {
  if (file.held != nullptr) return read_plain(Blocks(file.held->get(), file.path, true), lines);
  auto more = read_path(file.path, lines);
  const auto gone = [&more] { return !more && more.error().sys == ENOENT; };
  if (gone() && !file.compressed) more = read_path(file.path + ".zst", lines);
  return gone() ? true : std::move(more);
}

}  // namespace

Result<ReadCount> read_records(const RecordFile& file, const std::function<bool(std::string_view line)>& line,
                               const std::function<void(std::uint64_t octets)>& progress) {
  ReadCount count;
  LineSplitter lines(line, progress, count);
  POSTERN_TRY_VOID(read_listed(file, lines));
  return count;
}

Result<ReadCount> read_records(const std::string& file_or_directory,
                               const std::function<bool(std::string_view line)>& line,
                               const std::function<void(std::uint64_t octets)>& progress) {
  struct stat status{};
  if (::stat(file_or_directory.c_str(), &status) != 0) {
    return fail_errno(ErrorKind::not_found, "opening records " + file_or_directory, errno);
  }
  ReadCount count;
  LineSplitter lines(line, progress, count);
  if (!S_ISDIR(status.st_mode)) {
    POSTERN_TRY_VOID(read_path(file_or_directory, lines));
    return count;
  }
  POSTERN_TRY(const auto files, list_record_files(file_or_directory));
  for (const RecordFile& file : files) {
    POSTERN_TRY(const bool more, read_listed(file, lines));
    if (!more) break;
  }
  return count;
}

}  // namespace postern::record
