#include "spool/segment_body.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "spool/segment_scan.h"

namespace postern::spool {
namespace {

class SegmentBody final : public Body {
 public:
  struct Piece {
    std::uint64_t begin = 0;
    ChunkPlace chunk;
    std::shared_ptr<const Segment> segment;  // holds the file open, also when its name goes
  };
  SegmentBody(Id id, std::uint64_t size, std::vector<Piece> pieces, std::string last)
      : id_(id), size_(size), pieces_(std::move(pieces)), last_(std::move(last)) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    std::string out;
    max = std::min(max, kIntakeBuffer);
    while (max > 0 && offset < size_) {
      POSTERN_TRY(const std::string_view from_here, at(offset));
      const std::string_view part = from_here.substr(0, max);
      out.append(part);
      offset += part.size();
      max -= part.size();
    }
    return out;
  }

 private:
  // The octets from `offset` to the end of the piece it is in.
  Result<std::string_view> at(std::uint64_t offset) {
    const std::uint64_t last_begins = size_ - last_.size();
    if (offset >= last_begins) return std::string_view(last_).substr(static_cast<std::size_t>(offset - last_begins));
    const auto after = std::ranges::partition_point(pieces_, [&](const Piece& piece) { return piece.begin <= offset; });
    const auto number = static_cast<std::size_t>(after - pieces_.begin()) - 1;
    const Piece& piece = pieces_[number];
    if (number != fetched_) {
      fetched_ = kNone;
      const auto header = read_record(*piece.segment->file, piece.chunk.place, piece.segment->key, octets_);
      const auto chunk = header && header->type == RecordType::chunk
                             ? decode_chunk(std::string_view(octets_).substr(kRecordHeader))
                             : std::nullopt;
      if (!chunk || chunk->octets.size() != piece.chunk.length) {
        log::error("spool_damaged",
                   {{"id", id_.text()}, {"file", piece.segment->path}, {"offset", piece.chunk.place.offset()}});
        return fail(ErrorKind::storage, "message " + id_.text() + ": " + piece.segment->path + " is damaged at " +
                                            std::to_string(piece.chunk.place.offset()));
      }
      fetched_ = number;
    }
    return std::string_view(octets_).substr(kRecordHeader + kChunkHead +
                                            static_cast<std::size_t>(offset - piece.begin));
  }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  Id id_;
  std::uint64_t size_;
  std::vector<Piece> pieces_;
  std::string last_;
  std::string octets_;
  std::size_t fetched_ = kNone;
};

}  // namespace

Result<std::unique_ptr<Body>> make_segment_body(const SegmentLog& log, const Id& id, std::string octets) {
  const auto record = decode_message(std::string_view(octets).substr(kRecordHeader));
  if (!record) return fail(ErrorKind::storage, "message " + id.text() + ": its record is damaged");
  std::vector<SegmentBody::Piece> pieces;
  std::map<std::uint32_t, std::shared_ptr<const Segment>> segments;
  std::uint64_t begin = 0;
  for (const ChunkPlace& chunk : record->chunks) {
    auto& segment = segments[chunk.place.segment];
    if (!segment) segment = log.segment(chunk.place.segment);
    if (!segment) {
      return fail(ErrorKind::storage, "message " + id.text() + ": segment " + std::to_string(chunk.place.segment) +
                                          " of the intake log is missing");
    }
    pieces.push_back({begin, chunk, segment});
    begin += chunk.length;
  }
  const std::uint64_t size = record->summary.size;
  const std::size_t tail = record->body.size();
  octets.erase(0, octets.size() - tail);
  return std::make_unique<SegmentBody>(id, size, std::move(pieces), std::move(octets));
}

}  // namespace postern::spool
