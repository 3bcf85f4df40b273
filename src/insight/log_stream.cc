#include "insight/log_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "gzip/gzip.h"
#include "gzip/inflater.h"
#include "maillog/line.h"

namespace postern::insight {

namespace {

constexpr std::size_t kPacked = 128 << 10;  // read at once of what is packed
constexpr std::size_t kHead = 8;

// RFC 8878 3.1.1: the magic number of a frame; 3.1.2: of a skippable one
bool is_zstd(std::string_view head) {
  return head.starts_with("\x28\xB5\x2F\xFD") ||
         (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0U) == 0x50 &&
          head.substr(1, 3) == "\x2A\x4D\x18");
}

// What is not read here, and who reads it; "" where it may be a log.
std::string remedy_for(std::string_view head, const std::string& path) {
  if (head.starts_with("\xFD"
                       "7zXZ"))
    return "is packed by xz: xz -dc " + path + " | postern stats --maillog -";
  if (head.starts_with("BZh")) return "is packed by bzip2: bzip2 -dc " + path + " | postern stats --maillog -";
  if (head.starts_with("LPKSHHRH"))
    return "is a journal: journalctl -o export --file " + path + " | postern stats --maillog -";
  return {};
}

}  // namespace

// Gives plain octets for those of the file.
class LogStream::Unpacker {
 public:
  Unpacker() = default;
  virtual ~Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  struct Step {
    std::size_t consumed = 0, produced = 0;
  };
  virtual Result<Step> step(std::string_view input, std::span<char> output) = 0;
  [[nodiscard]] virtual bool complete() const = 0;

  std::string packed = std::string(kPacked, '\0');
  std::size_t at = 0, end = 0;  // of packed
  bool more_output = false;     // a full output may hide more that is already decoded
};

class LogStream::GzipUnpacker final : public Unpacker {
 public:
  Result<Step> step(std::string_view input, std::span<char> output) override {
    POSTERN_TRY(const auto done, inflater_.step(input, output));
    return Step{done.consumed, done.produced};
  }
  [[nodiscard]] bool complete() const override { return inflater_.complete(); }

 private:
  gzip::Inflater inflater_;
};

class LogStream::ZstdUnpacker final : public Unpacker {
 public:
  ZstdUnpacker() : zstd_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    POSTERN_CHECK(zstd_ != nullptr);
    ZSTD_DCtx_setParameter(zstd_.get(), ZSTD_d_windowLogMax, 27);  // 128 MiB, whatever the file's header claims
  }
  Result<Step> step(std::string_view input, std::span<char> output) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t state = ZSTD_decompressStream(zstd_.get(), &out, &in);
    if (ZSTD_isError(state) != 0) return fail(ErrorKind::invalid, std::string("zstd: ") + ZSTD_getErrorName(state));
    if (in.pos > 0 || out.pos > 0) complete_ = state == 0;
    return Step{in.pos, out.pos};
  }
  [[nodiscard]] bool complete() const override { return complete_; }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_;
  bool complete_ = true;
};

LogStream::LogStream(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
LogStream::~LogStream() = default;

Result<std::unique_ptr<LogStream>> LogStream::open(const std::string& path) {
  UniqueFd fd(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid())
    return fail_errno(errno == ENOENT ? ErrorKind::not_found : ErrorKind::storage, "opening " + path, errno);
  std::unique_ptr<LogStream> stream(new LogStream(std::move(fd), path == "-" ? "standard input" : path));
  POSTERN_TRY_VOID(stream->begin());
  return stream;
}

Result<void> LogStream::begin() {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) return fail_errno(ErrorKind::storage, "reading " + path_, errno);
  if (S_ISDIR(status.st_mode)) return fail(ErrorKind::invalid, path_ + " is a folder; name the log files in it");
  const bool regular = S_ISREG(status.st_mode);
  if (regular) size_ = static_cast<std::uint64_t>(status.st_size);
  std::string head(kHead, '\0');
  std::size_t got = 0;
  while (got < kHead) {
    POSTERN_TRY(const std::size_t n, read_raw(head.data() + got, kHead - got));
    if (n == 0) break;
    got += n;
  }
  head_ = head.substr(0, got);
  if (const std::string remedy = remedy_for(head_, path_); !remedy.empty())
    return fail(ErrorKind::invalid, path_ + " " + remedy);
  if (gzip::is_gzip(head_)) {
    unpacker_ = std::make_unique<GzipUnpacker>();
  } else if (is_zstd(head_)) {
    unpacker_ = std::make_unique<ZstdUnpacker>();
  } else if (maillog::JournalExport::begins(head_)) {
    journal_.emplace();
  } else {
    seekable_plain_ = regular && ::lseek(fd_.get(), 0, SEEK_CUR) == static_cast<off_t>(got);
  }
  return {};
}

Result<std::size_t> LogStream::read_raw(char* into, std::size_t max) {
  if (!head_.empty()) {
    const std::size_t n = std::min(max, head_.size());
    std::memcpy(into, head_.data(), n);
    head_.erase(0, n);
    return n;
  }
  for (;;) {
    const ssize_t n = ::read(fd_.get(), into, max);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "reading " + path_, errno);
    done_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }
}

Result<std::size_t> LogStream::read_plain(char* into, std::size_t max) {
  if (unpacker_ == nullptr) return read_raw(into, max);
  Unpacker& of = *unpacker_;
  for (;;) {
    if (of.at == of.end && !of.more_output) {
      POSTERN_TRY(of.end, read_raw(of.packed.data(), of.packed.size()));
      of.at = 0;
      if (of.end == 0) {
        if (of.complete()) return 0;
        return fail(ErrorKind::invalid, path_ + " is damaged: it ends too early; what stood before was not counted");
      }
    }
    const auto done = of.step(std::string_view(of.packed).substr(of.at, of.end - of.at), {into, max});
    if (!done) return fail(ErrorKind::invalid, path_ + " is damaged: " + done.error().what);
    of.at += done->consumed;
    of.more_output = done->produced == max;
    if (done->produced > 0) return done->produced;
    if (done->consumed == 0 && of.at < of.end) {
      return fail(ErrorKind::invalid, path_ + " is damaged: it cannot be unpacked further");
    }
  }
}

Result<std::string> LogStream::next(std::uint64_t& overlong) {
  while (!ended_) {
    std::string block = std::move(partial_);
    partial_.clear();
    const std::size_t before = block.size();
    std::string raw;
    std::string& into = journal_ ? raw : block;
    const std::size_t at = journal_ ? 0 : before;
    into.resize(at + kBlock);
    POSTERN_TRY(const std::size_t n, read_plain(into.data() + at, kBlock));
    into.resize(at + n);
    ended_ = n == 0;
    if (unpacker_ != nullptr && !journal_ && before == 0 && n >= maillog::JournalExport::kHead &&
        done_ <= kPacked + kHead && maillog::JournalExport::begins(block)) {  // a packed export
      journal_.emplace();
      raw = std::move(block);
      block.clear();
    }
    if (journal_) {
      journal_->feed(raw, block);
      if (ended_) journal_->finish(block);
    }
    if (skipping_) {  // the rest of a line that is left out
      const std::size_t end = block.find('\n');
      if (end == std::string::npos) continue;
      block.erase(0, end + 1);
      skipping_ = false;
    }
    if (ended_) return block;
    const std::size_t last = block.rfind('\n');
    if (last == std::string::npos && block.size() > maillog::kLineMax) {
      ++overlong;
      skipping_ = true;
      continue;
    }
    if (last == std::string::npos) {
      partial_ = std::move(block);
      continue;
    }
    partial_ = block.substr(last + 1);
    block.resize(last + 1);
    if (partial_.size() > maillog::kLineMax) {
      ++overlong;
      partial_.clear();
      skipping_ = true;
    }
    return block;
  }
  return std::string{};
}

}  // namespace postern::insight
