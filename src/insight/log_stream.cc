#include "insight/log_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "gzip/gzip.h"
#include "gzip/inflater.h"
#include "maillog/line.h"

namespace postern::insight {

namespace {

constexpr std::size_t kPacked = 128 << 10;  // read at once of what is packed
constexpr std::size_t kStep = 8 << 10;      // unpacked at once
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

LogStream::LogStream(UniqueFd fd, std::string path, Kind kind)
    : kind_(kind), fd_(std::move(fd)), path_(std::move(path)) {}
LogStream::~LogStream() = default;

Result<std::unique_ptr<LogStream>> LogStream::open(const std::string& path, Kind kind) {
  UniqueFd fd(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid())
    return fail_errno(errno == ENOENT ? ErrorKind::not_found : ErrorKind::storage, "opening " + path, errno);
  std::unique_ptr<LogStream> stream(new LogStream(std::move(fd), path == "-" ? "standard input" : path, kind));
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
  if (kind_.records) {
    if (is_zstd(head_))
      unpacker_ = std::make_unique<ZstdUnpacker>();
    else if (path_.ends_with(".zst") && got > 0)
      return damaged("it is not zstd");
    return {};
  }
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
  std::size_t made = 0;
  // Steps are small, for one that meets the damage gives nothing of what stands before it.
  const auto broken = [&](std::string_view how) -> Result<std::size_t> {
    if (made == 0) return damaged(how);
    broken_ = damaged(how).error();
    return made;
  };
  for (;;) {
    if (of.at == of.end && !of.more_output) {
      if (made > 0) return made;
      POSTERN_TRY(of.end, read_raw(of.packed.data(), of.packed.size()));
      of.at = 0;
      if (of.end == 0) {
        if (of.complete()) return 0;
        return damaged("it ends too early");
      }
    }
    const std::string_view input = std::string_view(of.packed).substr(of.at, std::min(kStep, of.end - of.at));
    const auto done = of.step(input, {into + made, max - made});
    if (!done) return broken(done.error().what);
    of.at += done->consumed;
    made += done->produced;
    of.more_output = made == max;
    if (of.more_output) return made;
    if (done->consumed == 0 && done->produced == 0 && !input.empty()) return broken("it cannot be unpacked further");
  }
}

std::unexpected<Error> LogStream::damaged(std::string_view how) const {
  return fail(ErrorKind::invalid,
              path_ + " is damaged: " + std::string(how) +
                  (kind_.records ? "; remove it or restore it" : "; what stands before is counted"));
}

// Adds to the `at` octets that stand in the buffer; how many there are then.
Result<std::size_t> LogStream::read_lines(std::string& buffer, std::size_t at) {
  if (!journal_) {
    buffer.resize(std::max(buffer.size(), at + kind_.block));
    POSTERN_TRY(const std::size_t n, read_plain(buffer.data() + at, kind_.block));
    ended_ = n == 0;
    const bool exported = unpacker_ != nullptr && !kind_.records && at == 0 && n >= maillog::JournalExport::kHead &&
                          done_ <= kPacked + kHead &&
                          maillog::JournalExport::begins(std::string_view(buffer).substr(0, n));
    if (!exported) return at + n;
    journal_.emplace();
    exported_.assign(buffer, 0, n);
  } else {
    exported_.resize(kind_.block);
    POSTERN_TRY(const std::size_t n, read_plain(exported_.data(), exported_.size()));
    exported_.resize(n);
    ended_ = n == 0;
  }
  buffer.resize(at);
  journal_->feed(exported_, buffer);
  if (ended_ && !journal_->finish(buffer)) broken_ = damaged("the export ends within an entry").error();
  return buffer.size();
}

Result<std::string_view> LogStream::next(std::string& buffer, std::uint64_t& overlong) {
  if (broken_) {
    ended_ = true;
    return std::unexpected(std::move(*std::exchange(broken_, std::nullopt)));
  }
  while (!ended_) {
    const std::size_t before = partial_.size();
    buffer.resize(std::max(buffer.size(), before));
    std::memcpy(buffer.data(), partial_.data(), before);
    partial_.clear();
    POSTERN_TRY(const std::size_t size, read_lines(buffer, before));
    if (journal_) overlong += journal_->dropped() - std::exchange(dropped_, journal_->dropped());
    std::string_view block = std::string_view(buffer).substr(0, size);
    if (skipping_) {  // the rest of a line that is left out
      const std::size_t end = block.find('\n');
      if (end == std::string_view::npos) continue;
      block.remove_prefix(end + 1);
      skipping_ = false;
    }
    if (ended_) {
      // A block that is empty says that it is over, where nothing was left out that is to be told first.
      if (block.empty() && overlong == 0 && broken_) return next(buffer, overlong);
      return block;
    }
    const std::size_t last = block.rfind('\n');
    const std::string_view rest = last == std::string_view::npos ? block : block.substr(last + 1);
    if (rest.size() > kind_.line_max) {
      ++overlong;
      skipping_ = true;
    } else {
      partial_ = rest;
    }
    block.remove_suffix(rest.size());
    if (!block.empty()) return block;
    if (broken_) return next(buffer, overlong);
  }
  return std::string_view();
}

Result<SharedStream::Block> SharedStream::next(std::string& buffer) {
  const MutexLock lock(mutex_);
  if (over_) return Block();
  over_ = true;  // of whatever fails
  if (stream_ == nullptr) {
    POSTERN_TRY(stream_, LogStream::open(path_, kind_));
  }
  std::uint64_t overlong = 0;
  POSTERN_TRY(const std::string_view text, stream_->next(buffer, overlong));
  over_ = text.empty() && overlong == 0;
  Block out = next_;
  out.text = text;
  out.overlong = overlong;
  out.fresh = stream_->done() - next_.read;
  out.read = next_.read = stream_->done();
  ++next_.number;
  next_.offset += text.size();
  if (over_) stream_.reset();
  return out;
}

}  // namespace postern::insight
