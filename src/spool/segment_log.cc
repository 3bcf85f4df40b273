#include "spool/segment_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/id.h"

namespace postern::spool {
namespace {

constexpr std::string_view kSparePrefix = "spare-";
constexpr std::size_t kDigits = 8;
// One pwritev of the real disk takes IOV_MAX pieces; more would only be split there.
constexpr std::size_t kPiecesMax = 1024;

std::optional<std::uint32_t> parse_number(std::string_view digits) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0) return std::nullopt;
  return number;
}

std::string digits_of(std::uint32_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return digits;
}

iovec piece_of(std::string_view octets) {
  // pwritev(2) takes a pointer to non-const and only reads.
  return {const_cast<char*>(octets.data()), octets.size()};
}

}  // namespace

void Record::seal() {
  length = static_cast<std::uint32_t>(head.size() - kRecordHeader);
  payload_crc = crc32c(std::string_view(head).substr(kRecordHeader));
  head.resize(padded(head.size()));
  tail = {};
}

void Record::seal(std::string_view padded_tail, std::size_t tail_size) {
  length = static_cast<std::uint32_t>(head.size() - kRecordHeader + tail_size);
  payload_crc = crc32c(padded_tail.substr(0, tail_size), crc32c(std::string_view(head).substr(kRecordHeader)));
  tail = padded_tail;
  POSTERN_CHECK((head.size() + tail.size()) % 8 == 0);
}

std::string SegmentLog::path_of(std::uint32_t number) const {
  return options_.directory + "/" + digits_of(number) + options_.extension;
}

Result<std::vector<std::uint32_t>> SegmentLog::find_segments() {
  POSTERN_TRY(const std::vector<std::string> names, options_.disk->list(options_.directory));
  std::vector<std::uint32_t> numbers;
  const MutexLock lock(mutex_);
  for (const std::string_view name : names) {
    if (name.ends_with(options_.extension)) {
      if (const auto number = parse_number(name.substr(0, name.size() - options_.extension.size()))) {
        numbers.push_back(*number);
      }
    } else if (name.starts_with(kSparePrefix)) {
      // What a spare holds is unknown after a crash (it may be half allocated): made anew.
      POSTERN_TRY_VOID(options_.disk->unlink(options_.directory + "/" + std::string(name)));
    }
  }
  std::ranges::sort(numbers);
  if (!numbers.empty()) next_number_ = numbers.back() + 1;
  return numbers;
}

void SegmentLog::adopt(const Segment& segment, std::uint64_t octets) {
  const MutexLock lock(mutex_);
  segments_[segment.number] = {std::make_shared<const Segment>(segment), octets};
  octets_ += octets;
}

std::uint32_t SegmentLog::first_in_use() const {
  if (current_) return current_->number;
  const MutexLock lock(mutex_);
  return next_number_;
}

bool SegmentLog::spare_due() const {
  const MutexLock lock(mutex_);
  if (!spares_.empty() || segments_.empty()) return false;
  // The writer has just taken one: the segment that it leaves is full, and about to be a spare.
  if (segments_.rbegin()->first + 1 != next_number_) return false;
  return segments_.size() == 1 || segments_.rbegin()->second.octets > options_.segment_bytes / 2;
}

Result<void> SegmentLog::prepare_spare() {
  // A writer in need of a file waits for the one that is being made: two at once would take twice as long.
  const MutexLock one_at_a_time(spare_mutex_);
  std::string path;
  {
    const MutexLock lock(mutex_);
    if (!spares_.empty()) return {};
    path = options_.directory + "/" + std::string(kSparePrefix) + std::to_string(next_spare_++);
  }
  POSTERN_TRY(const std::unique_ptr<File> file, options_.disk->open(path, Disk::Open::create));
  Result<void> made = file->allocate(options_.segment_bytes);
  if (made) made = file->sync();
  if (!made) {
    (void)options_.disk->unlink(path);  // the first error is the one to tell
    return made;
  }
  const MutexLock lock(mutex_);
  spares_.push_back(path);
  return {};
}

Result<SegmentLog::Spare> SegmentLog::take_spare() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!spares_.empty()) {
        Spare spare{std::move(spares_.back()), next_number_++};
        spares_.pop_back();
        return spare;
      }
    }
    POSTERN_TRY_VOID(prepare_spare());
  }
}

Result<void> SegmentLog::start_segment() {
  POSTERN_CHECK(current_ == nullptr);
  POSTERN_TRY(const Spare spare, take_spare());
  Segment segment;
  segment.number = spare.number;
  random_bytes(&segment.key, sizeof segment.key);
  segment.path = path_of(segment.number);
  POSTERN_TRY(segment.file, options_.disk->open(spare.path, Disk::Open::write));
  // The header is on the disk before the file gets its name: a file of that name always says inside which one it is.
  std::string header = encode_segment_header({options_.kind, segment.number, segment.key});
  iovec piece = piece_of(header);
  POSTERN_TRY_VOID(segment.file->write({&piece, 1}, 0));
  POSTERN_TRY_VOID(segment.file->sync());
  POSTERN_TRY_VOID(options_.disk->rename(spare.path, segment.path));
  POSTERN_TRY_VOID(options_.disk->sync_directory(options_.directory));
  offset_ = flushed_ = kSegmentHeader;
  dirty_ = false;
  pieces_.clear();
  current_ = std::make_shared<const Segment>(std::move(segment));
  const MutexLock lock(mutex_);
  segments_[current_->number] = {current_, kSegmentHeader};
  octets_ += kSegmentHeader;
  return {};
}

void SegmentLog::note_octets() {
  const MutexLock lock(mutex_);
  const auto found = segments_.find(current_->number);
  if (found == segments_.end()) return;
  octets_ += offset_ - found->second.octets;
  found->second.octets = offset_;
}

Result<void> SegmentLog::flush_pieces() {
  if (pieces_.empty()) return {};
  dirty_ = true;
  const Result<void> written = current_->file->write(pieces_, flushed_);
  pieces_.clear();
  flushed_ = offset_;
  return written;
}

Result<void> SegmentLog::append(std::vector<Record*>& records) {
  for (Record* const record : records) {
    const std::uint64_t size = record->size_on_disk();
    // A record longer than a whole segment gets one to itself, which grows.
    if (offset_ + size > options_.segment_bytes && offset_ > kSegmentHeader) {
      POSTERN_TRY_VOID(flush_pieces());
      POSTERN_TRY_VOID(sync());
      note_octets();
      current_ = nullptr;
      POSTERN_TRY_VOID(start_segment());
    }
    record->place = {current_->number, static_cast<std::uint32_t>(offset_ / 8)};
    encode_record_header({record->type, record->length, record->payload_crc, record->place, current_->key},
                         std::span(record->head).first<kRecordHeader>());
    if (pieces_.size() + 2 > kPiecesMax) POSTERN_TRY_VOID(flush_pieces());
    pieces_.push_back(piece_of(record->head));
    if (!record->tail.empty()) pieces_.push_back(piece_of(record->tail));
    offset_ += size;
  }
  POSTERN_TRY_VOID(flush_pieces());
  note_octets();
  return {};
}

Result<void> SegmentLog::sync() {
  if (!dirty_) return {};
  POSTERN_TRY_VOID(current_->file->sync());
  dirty_ = false;
  return {};
}

void SegmentLog::abandon() {
  if (current_) note_octets();
  current_ = nullptr;
  pieces_.clear();
  dirty_ = false;
}

std::shared_ptr<const Segment> SegmentLog::segment(std::uint32_t number) const {
  const MutexLock lock(mutex_);
  const auto found = segments_.find(number);
  return found == segments_.end() ? nullptr : found->second.segment;
}

std::vector<std::uint32_t> SegmentLog::segments() const {
  const MutexLock lock(mutex_);
  std::vector<std::uint32_t> numbers;
  numbers.reserve(segments_.size());
  for (const auto& [number, held] : segments_) numbers.push_back(number);
  return numbers;
}

Result<void> SegmentLog::retire(std::uint32_t number) {
  std::shared_ptr<const Segment> segment;
  bool keep = false;
  std::string spare;
  {
    const MutexLock lock(mutex_);
    const auto found = segments_.find(number);
    if (found == segments_.end()) return {};
    segment = std::move(found->second.segment);
    octets_ -= found->second.octets;
    segments_.erase(found);
    // A reader that still has the file open must not see it rewritten: such a file is not used again.
    keep = spares_.size() < options_.spares && segment.use_count() == 1;
    if (keep) spare = options_.directory + "/" + std::string(kSparePrefix) + std::to_string(next_spare_++);
  }
  if (keep) {
    POSTERN_TRY(const std::uint64_t size, segment->file->size());
    keep = size == options_.segment_bytes;
  }
  // Synced at once: if the power fails, no older segment may come back whose messages ended in this one.
  if (!keep) {
    POSTERN_TRY_VOID(options_.disk->unlink(segment->path));
    return options_.disk->sync_directory(options_.directory);
  }
  POSTERN_TRY_VOID(options_.disk->rename(segment->path, spare));
  POSTERN_TRY_VOID(options_.disk->sync_directory(options_.directory));
  const MutexLock lock(mutex_);
  spares_.push_back(spare);
  return {};
}

}  // namespace postern::spool
