#include "spool/segment_scan.h"

#include <algorithm>
#include <cstring>

namespace postern::spool {
namespace {

constexpr std::size_t kWindow = std::size_t{4} << 20;
constexpr std::size_t kKeyAt = 24;

// A sliding view of the file. view() is valid until the next call of ensure().
class Window {
 public:
  Window(const File& file, std::uint64_t size, const std::function<void(std::uint64_t)>& on_octets)
      : file_(file), size_(size), on_octets_(on_octets) {}

  // Makes `want` octets from `offset` available, or as many as the file has.
  Result<std::string_view> ensure(std::uint64_t offset, std::size_t want) {
    if (offset < start_ || offset + want > start_ + have_) {
      const std::uint64_t left = size_ > offset ? size_ - offset : 0;
      if (want > left) want = static_cast<std::size_t>(left);
      if (offset < start_ || offset + want > start_ + have_) POSTERN_TRY_VOID(fill(offset, want, left));
    }
    const std::size_t skip = static_cast<std::size_t>(offset - start_);
    return std::string_view(buffer_).substr(std::min(skip, have_), have_ - std::min(skip, have_));
  }

 private:
  Result<void> fill(std::uint64_t offset, std::size_t want, std::uint64_t left) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, std::max(want, kWindow)));
    if (buffer_.size() < size) buffer_.resize(size);
    POSTERN_TRY(have_, file_.read(std::span(buffer_).first(size), offset));
    start_ = offset;
    if (have_ < size) size_ = offset + have_;  // shorter than it said: taken as it is
    if (on_octets_) on_octets_(std::min(size_, start_ + have_));
    return {};
  }

  const File& file_;
  std::uint64_t size_;
  const std::function<void(std::uint64_t)>& on_octets_;
  std::string buffer_;
  std::uint64_t start_ = 0;
  std::size_t have_ = 0;
};

std::string key_octets(std::uint64_t key) {
  std::string out;
  BinaryWriter(out).u64(key);
  return out;
}

bool belongs(const RecordHeader& header, std::uint32_t number, std::uint64_t offset) {
  return header.place.segment == number && header.place.offset() == offset;
}

// The next aligned offset, from `offset` on, where the key stands where a record header would have it.
Result<std::optional<std::uint64_t>> find_key(Window& window, std::uint64_t offset, const std::string& key) {
  for (;;) {
    POSTERN_TRY(const std::string_view view, window.ensure(offset, kRecordHeader));
    if (view.size() < kRecordHeader) return std::nullopt;
    std::size_t at = 0;
    for (; at + kRecordHeader <= view.size(); at += 8) {
      if (view.substr(at + kKeyAt, 8) == key) return offset + at;
    }
    offset += at;
  }
}

// With the segment's own header lost, the first record that fits its place tells the key.
Result<std::optional<std::uint64_t>> guess_key(Window& window, std::uint32_t number) {
  std::uint64_t offset = kSegmentHeader;
  for (;;) {
    POSTERN_TRY(const std::string_view view, window.ensure(offset, kRecordHeader));
    if (view.size() < kRecordHeader) return std::nullopt;
    std::size_t at = 0;
    for (; at + kRecordHeader <= view.size(); at += 8) {
      const auto header = decode_record_header(view.substr(at));
      if (header && belongs(*header, number, offset + at)) return header->key;
    }
    offset += at;
  }
}

}  // namespace

Result<ScanResult> scan_segment(const File& file, LogKind kind, std::uint32_t number, const OnRecord& on_record,
                                const std::function<void(std::uint64_t)>& on_octets) {
  POSTERN_TRY(const std::uint64_t size, file.size());
  Window window(file, size, on_octets);
  POSTERN_TRY(std::string_view view, window.ensure(0, kSegmentHeader));
  ScanResult result;
  if (const auto header = decode_segment_header(view)) {
    if (header->number != number || header->kind != kind) {
      return fail(ErrorKind::invalid,
                  "it says inside that it is segment " + std::to_string(header->number) + "; was it renamed by hand?");
    }
    result.key = header->key;
  } else {
    POSTERN_TRY(const std::optional<std::uint64_t> key, guess_key(window, number));
    if (!key) return fail(ErrorKind::invalid, "it has no valid header and no valid record");
    result.key = *key;
    result.header_damaged = true;
  }

  const std::string key = key_octets(result.key);
  std::uint64_t offset = kSegmentHeader;
  for (;;) {
    POSTERN_TRY(const std::optional<std::uint64_t> found, find_key(window, offset, key));
    if (!found) return result;
    offset = *found;
    POSTERN_TRY(view, window.ensure(offset, kRecordHeader));
    const auto header = decode_record_header(view);
    if (!header || !belongs(*header, number, offset) || header->length > size - offset - kRecordHeader) {
      offset += 8;
      continue;
    }
    POSTERN_TRY(view, window.ensure(offset, kRecordHeader + header->length));
    const std::string_view payload =
        view.substr(kRecordHeader, std::min<std::size_t>(header->length, view.size() - kRecordHeader));
    if (payload.size() < header->length || crc32c(payload) != header->payload_crc) {
      offset += 8;
      continue;
    }
    if (offset != result.end) {
      if (result.damaged_octets == 0) result.first_damage = result.end;
      result.damaged_octets += offset - result.end;
    }
    on_record(*header, payload);
    ++result.records;
    offset += padded(kRecordHeader + header->length);
    result.end = offset;
  }
}

Result<RecordHeader> read_record(const File& file, Place place, std::uint64_t key, std::string& octets) {
  // Most records fit; a longer one is read on.
  constexpr std::size_t kFirst = 8192;
  octets.resize(kFirst);
  POSTERN_TRY(std::size_t have, file.read(octets, place.offset()));
  const auto header = decode_record_header(std::string_view(octets).substr(0, have));
  if (!header || header->key != key || header->place != place) {
    return fail(ErrorKind::storage, "segment " + std::to_string(place.segment) + " at " +
                                        std::to_string(place.offset()) + ": the record there is damaged");
  }
  const std::size_t total = kRecordHeader + header->length;
  if (have < total) {
    POSTERN_TRY(const std::uint64_t size, file.size());
    if (total <= size) {
      octets.resize(total);
      POSTERN_TRY(const std::size_t more, file.read(std::span(octets).subspan(have), place.offset() + have));
      have += more;
    }
  }
  octets.resize(std::min(have, total));
  const std::string_view payload = std::string_view(octets).substr(kRecordHeader);
  if (payload.size() != header->length || crc32c(payload) != header->payload_crc) {
    return fail(ErrorKind::storage, "segment " + std::to_string(place.segment) + " at " +
                                        std::to_string(place.offset()) + ": the record there is damaged");
  }
  return *header;
}

}  // namespace postern::spool
