#include "spool/deferred_file.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"

namespace postern::spool {
namespace {

constexpr std::string_view kMagic("PSTNBODY", 8);
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kTail = 48;

std::uint64_t blocks_of(std::uint64_t size) { return (size + kDeferredBlock - 1) / kDeferredBlock; }

// Table and tail. The last four octets are the CRC of all before them.
std::string encode_trailer(const Id& id, std::uint64_t size, const std::vector<std::uint32_t>& crcs) {
  std::string out;
  BinaryWriter writer(out);
  for (const std::uint32_t crc : crcs) writer.u32(crc);
  const std::size_t tail_at = out.size();
  writer.u64(size);
  for (const std::uint8_t octet : id.bytes) writer.u8(octet);
  writer.u16(0);
  writer.u32(kVersion);
  writer.u32(static_cast<std::uint32_t>(kDeferredBlock));
  out.resize(tail_at + kTail - kMagic.size() - 4);
  writer.bytes(kMagic);
  writer.u32(crc32c(out));
  return out;
}

class DeferredBody final : public Body {
 public:
  DeferredBody(std::unique_ptr<File> file, std::string path, Id id, std::uint64_t size, std::vector<std::uint32_t> crcs)
      : file_(std::move(file)), path_(std::move(path)), id_(id), size_(size), crcs_(std::move(crcs)) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    std::string out;
    max = std::min(max, kDeferredBlock);
    while (max > 0 && offset < size_) {
      POSTERN_TRY_VOID(fetch(offset / kDeferredBlock));
      const std::string_view part = std::string_view(block_).substr(offset % kDeferredBlock, max);
      out.append(part);
      offset += part.size();
      max -= part.size();
    }
    return out;
  }

 private:
  Result<void> fetch(std::uint64_t number) {
    if (have_ && number == number_) return {};
    have_ = false;
    block_.resize(std::min<std::uint64_t>(kDeferredBlock, size_ - number * kDeferredBlock));
    POSTERN_TRY(const std::size_t got, file_->read(block_, number * kDeferredBlock));
    if (got != block_.size() || crc32c(block_) != crcs_[number]) {
      log::error("spool_damaged", {{"id", id_.text()}, {"file", path_}, {"block", number}});
      return fail(ErrorKind::storage, "message " + id_.text() + ": " + path_ + " is damaged");
    }
    number_ = number;
    have_ = true;
    return {};
  }

  std::unique_ptr<File> file_;
  std::string path_;
  Id id_;
  std::uint64_t size_;
  std::vector<std::uint32_t> crcs_;
  std::string block_;
  std::uint64_t number_ = 0;
  bool have_ = false;
};

}  // namespace

std::string deferred_name(const Id& id) {
  const std::string text = id.text();
  return text.substr(text.size() - 2) + "/" + text;
}

Result<void> write_deferred(Disk& disk, const std::string& path, const Id& id, Body& body) {
  auto opened = disk.open(path, Disk::Open::create);
  if (!opened && opened.error().sys == EEXIST) {
    POSTERN_TRY_VOID(disk.unlink(path));
    opened = disk.open(path, Disk::Open::create);
  }
  POSTERN_TRY(const std::unique_ptr<File> file, std::move(opened));
  std::vector<std::uint32_t> crcs;
  std::uint64_t offset = 0;
  while (offset < body.size()) {
    POSTERN_TRY(std::string block, body.read(offset, kDeferredBlock));
    if (block.size() != std::min<std::uint64_t>(kDeferredBlock, body.size() - offset)) {
      return fail(ErrorKind::storage, "message " + id.text() + ": its body is shorter than its size");
    }
    crcs.push_back(crc32c(block));
    iovec piece{block.data(), block.size()};
    POSTERN_TRY_VOID(file->write({&piece, 1}, offset));
    offset += block.size();
  }
  std::string trailer = encode_trailer(id, offset, crcs);
  iovec piece{trailer.data(), trailer.size()};
  POSTERN_TRY_VOID(file->write({&piece, 1}, offset));
  return file->sync();
}

Result<std::unique_ptr<Body>> open_deferred(Disk& disk, const std::string& path, const Id& id) {
  POSTERN_TRY(std::unique_ptr<File> file, disk.open(path, Disk::Open::read));
  const auto damaged = [&] {
    log::error("spool_damaged", {{"id", id.text()}, {"file", path}});
    return fail(ErrorKind::storage, "message " + id.text() + ": the end of " + path + " is damaged");
  };
  POSTERN_TRY(const std::uint64_t file_size, file->size());
  if (file_size < kTail) return damaged();
  std::string tail(kTail, '\0');
  POSTERN_TRY(std::size_t got, file->read(tail, file_size - kTail));
  BinaryReader in(tail);
  const std::uint64_t size = in.u64();
  // The file's real length bounds what is read: a size that does not fit it exactly is damage.
  if (got != kTail || size > file_size || size + blocks_of(size) * 4 + kTail != file_size) return damaged();
  std::string trailer(static_cast<std::size_t>(file_size - size), '\0');
  POSTERN_TRY(got, file->read(trailer, size));
  if (got != trailer.size()) return damaged();
  BinaryReader table(trailer);
  std::vector<std::uint32_t> crcs;
  for (std::uint64_t i = 0; i < blocks_of(size); ++i) crcs.push_back(table.u32());
  if (trailer != encode_trailer(id, size, crcs)) return damaged();
  return std::make_unique<DeferredBody>(std::move(file), path, id, size, std::move(crcs));
}

}  // namespace postern::spool
