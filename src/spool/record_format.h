// The record format of both logs (intake and meta): pure encoding and decoding. docs/spool.md describes every field.
//
// A segment is a header of kSegmentHeader octets and then records, each aligned to 8 octets. A record's header names
// the segment, the offset and the segment's random key, and its payload has a CRC-32C of its own. So a record is
// believed only where it was written: not one from the file's former life, nor an image of a record that a stranger put
// into a message.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "spool/envelope.h"
#include "spool/index.h"
#include "spool/settle.h"

namespace postern::spool {

inline constexpr std::size_t kSegmentHeader = 64;
inline constexpr std::size_t kRecordHeader = 32;
// An envelope at its largest, its chunk table, and one buffer of body.
inline constexpr std::size_t kPayloadMax = kEnvelopeMax + (std::size_t{8} << 20);

enum class LogKind : std::uint8_t { intake = 1, meta = 2 };

struct SegmentHeader {
  LogKind kind = LogKind::intake;
  std::uint32_t number = 0;
  std::uint64_t key = 0;  // random, new each time a file is used
};
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(std::string_view octets);

enum class RecordType : std::uint8_t {
  message = 1,  // Summary, envelope, table of chunks, the last octets of the body (all of it, if small)
  chunk = 2,    // a piece of a body that is still arriving
  update = 3,   // Summary, what changed for recipients; `prev` leads to the record before
  gone = 4,     // ids that have left this log, and why
  envelope =
      5,  // Summary, whole envelope; in the intake log `prev` is the message record, in the meta log there is none
};

struct RecordHeader {
  RecordType type = RecordType::message;
  std::uint32_t length = 0;  // payload
  std::uint32_t payload_crc = 0;
  Place place;
  std::uint64_t key = 0;
};
void encode_record_header(const RecordHeader& header, std::span<char, kRecordHeader> out);
// Nothing if the octets are no record header of this version.
[[nodiscard]] std::optional<RecordHeader> decode_record_header(std::string_view octets);
[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t octets) { return (octets + 7) / 8 * 8; }

// What the index needs, at the start of message, update and envelope records, so that recovery decodes no envelope.
struct Summary {
  static constexpr std::size_t kSize = 72;
  Id id;
  bool held = false;
  bool single = false;
  std::uint8_t depth = 0;
  std::uint32_t pending = 0;
  std::uint32_t failed = 0;
  std::uint32_t attempts = 0;
  WallMs arrived = 0;
  WallMs next_attempt = 0;
  std::uint64_t size = 0;
  Place prev;
  std::uint32_t oldest = 0;  // segment; 0: this one
};
[[nodiscard]] Summary summary_of(const Envelope& envelope);
[[nodiscard]] Summary summary_of(const Entry& entry);
[[nodiscard]] Entry entry_of(const Summary& summary, Place where);
void encode(const Summary& summary, std::string& out);
[[nodiscard]] std::optional<Summary> decode_summary(std::string_view payload);

struct ChunkPlace {
  Place place;
  std::uint32_t length = 0;
  friend bool operator==(const ChunkPlace&, const ChunkPlace&) = default;
};

struct MessageRecord {
  Summary summary;
  std::string_view envelope;       // encoded
  std::vector<ChunkPlace> chunks;  // in order
  std::string_view body;           // what follows the chunks
};
// All of the payload but the body, which follows it.
void encode_message_head(const Summary& summary, const Envelope& envelope, std::span<const ChunkPlace> chunks,
                         std::string& out);
[[nodiscard]] std::optional<MessageRecord> decode_message(std::string_view payload);

struct ChunkRecord {
  Id intake;  // random name of the intake; the message's own id is not known yet
  std::uint32_t sequence = 0;
  std::string_view octets;
};
inline constexpr std::size_t kChunkHead = 16;
void encode_chunk_head(const Id& intake, std::uint32_t sequence, std::string& out);
[[nodiscard]] std::optional<ChunkRecord> decode_chunk(std::string_view payload);

struct UpdateRecord {
  Summary summary;
  std::vector<RecipientChange> changes;
};
void encode_update(const Summary& summary, std::span<const RecipientChange> changes, std::string& out);
[[nodiscard]] std::optional<UpdateRecord> decode_update(std::string_view payload);

enum class GoneReason : std::uint8_t {
  settled = 1,  // delivered or dropped
  moved = 2,    // from the intake log to the meta log and a file of its own
  aborted = 3,  // the write that brought it was never acknowledged
};
void encode_gone(GoneReason reason, std::span<const Id> ids, std::string& out);
struct GoneRecord {
  GoneReason reason = GoneReason::settled;
  std::vector<Id> ids;
};
[[nodiscard]] std::optional<GoneRecord> decode_gone(std::string_view payload);

struct EnvelopeRecord {
  Summary summary;
  std::string_view envelope;
};
void encode_envelope_record(const Summary& summary, std::string_view envelope, std::string& out);
[[nodiscard]] std::optional<EnvelopeRecord> decode_envelope_record(std::string_view payload);

}  // namespace postern::spool
