#include "spool/record_format.h"

#include <algorithm>

#include "spool/id_codec.h"

namespace postern::spool {
namespace {

constexpr std::string_view kMagic("PSTNSPL\n", 8);
constexpr std::uint32_t kSegmentVersion = 1;
constexpr std::uint8_t kRecordMagic = 0xB7;
constexpr std::uint8_t kRecordVersion = 1;
constexpr std::uint8_t kHeld = 1;
constexpr std::uint8_t kSingle = 2;
constexpr std::uint8_t kToldFlag = 0x80;  // beside the state of a recipient that changed: RecipientChange::delay_told

void write_place(BinaryWriter& out, Place place) {
  out.u32(place.segment);
  out.u32(place.slot);
}

Place read_place(BinaryReader& in) {
  Place place;
  place.segment = in.u32();
  place.slot = in.u32();
  return place;
}

Summary read_summary(BinaryReader& in) {
  Summary summary;
  summary.id = read_id(in);
  const std::uint8_t flags = in.u8();
  if ((flags & ~(kHeld | kSingle)) != 0) in.fail();
  summary.held = (flags & kHeld) != 0;
  summary.single = (flags & kSingle) != 0;
  summary.depth = in.u8();
  summary.pending = in.u32();
  summary.failed = in.u32();
  summary.attempts = in.u32();
  summary.arrived = in.i64();
  summary.next_attempt = in.i64();
  summary.size = in.u64();
  summary.prev = read_place(in);
  summary.oldest = in.u32();
  (void)in.bytes(8);
  if (summary.id.empty()) in.fail();
  return summary;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out;
  BinaryWriter writer(out);
  writer.bytes(kMagic);
  writer.u32(kSegmentVersion);
  writer.u32(static_cast<std::uint32_t>(header.kind));
  writer.u32(header.number);
  writer.u32(0);
  writer.u64(header.key);
  out.resize(kSegmentHeader - 4);
  writer.u32(crc32c(out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view octets) {
  if (octets.size() < kSegmentHeader) return std::nullopt;
  octets = octets.substr(0, kSegmentHeader);
  BinaryReader in(octets);
  if (in.bytes(kMagic.size()) != kMagic || in.u32() != kSegmentVersion) return std::nullopt;
  const std::uint32_t kind = in.u32();
  SegmentHeader header;
  header.number = in.u32();
  (void)in.u32();
  header.key = in.u64();
  if (BinaryReader(octets.substr(kSegmentHeader - 4)).u32() != crc32c(octets.substr(0, kSegmentHeader - 4))) {
    return std::nullopt;
  }
  if (kind != static_cast<std::uint32_t>(LogKind::intake) && kind != static_cast<std::uint32_t>(LogKind::meta)) {
    return std::nullopt;
  }
  header.kind = static_cast<LogKind>(kind);
  return header;
}

void encode_record_header(const RecordHeader& header, std::span<char, kRecordHeader> out) {
  const auto put = [&out](std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i, value >>= 8U) out[at + i] = static_cast<char>(value & 0xFFU);
  };
  put(0, kRecordMagic, 1);
  put(1, kRecordVersion, 1);
  put(2, static_cast<std::uint8_t>(header.type), 1);
  put(3, 0, 1);
  put(4, header.length, 4);
  put(8, header.payload_crc, 4);
  put(12, header.place.segment, 4);
  put(16, header.place.slot, 4);
  // The key stands last, 8-aligned for the search after damage; the check sum covers it.
  put(24, header.key, 8);
  const std::string_view octets(out.data(), out.size());
  put(20, crc32c(octets.substr(24, 8), crc32c(octets.substr(0, 20))), 4);
}

std::optional<RecordHeader> decode_record_header(std::string_view octets) {
  if (octets.size() < kRecordHeader) return std::nullopt;
  octets = octets.substr(0, kRecordHeader);
  BinaryReader in(octets);
  if (in.u8() != kRecordMagic || in.u8() != kRecordVersion) return std::nullopt;
  const std::uint8_t type = in.u8();
  (void)in.u8();
  RecordHeader header;
  header.length = in.u32();
  header.payload_crc = in.u32();
  header.place = read_place(in);
  const std::uint32_t crc = in.u32();
  header.key = in.u64();
  if (crc != crc32c(octets.substr(24, 8), crc32c(octets.substr(0, 20)))) return std::nullopt;
  if (type < static_cast<std::uint8_t>(RecordType::message) || type > static_cast<std::uint8_t>(RecordType::envelope) ||
      header.length > kPayloadMax) {
    return std::nullopt;
  }
  header.type = static_cast<RecordType>(type);
  return header;
}

Summary summary_of(const Envelope& envelope) {
  const RecipientCounts counts = count_recipients(envelope);
  Summary summary;
  summary.id = envelope.id;
  summary.held = envelope.held;
  summary.single = envelope.recipients.size() == 1;
  summary.pending = counts.pending;
  summary.failed = counts.failed;
  summary.attempts = envelope.attempts;
  summary.arrived = envelope.arrived;
  summary.next_attempt = envelope.next_attempt;
  summary.size = envelope.size;
  return summary;
}

Summary summary_of(const Entry& entry) {
  Summary summary;
  summary.id = entry.id;
  summary.held = entry.has(Entry::kHeld);
  summary.single = entry.has(Entry::kSingle);
  summary.depth = entry.depth;
  summary.pending = entry.pending;
  summary.failed = entry.failed;
  summary.attempts = entry.attempts;
  summary.arrived = entry.arrived;
  summary.next_attempt = entry.next_attempt;
  summary.size = entry.size;
  summary.prev = entry.where;
  summary.oldest = entry.oldest;
  return summary;
}

Entry entry_of(const Summary& summary, Place where) {
  Entry entry;
  entry.id = summary.id;
  entry.set(Entry::kHeld, summary.held);
  entry.set(Entry::kSingle, summary.single);
  entry.depth = summary.depth;
  entry.pending = summary.pending;
  entry.failed = summary.failed;
  entry.attempts = summary.attempts;
  entry.arrived = summary.arrived;
  entry.next_attempt = summary.next_attempt;
  entry.size = summary.size;
  entry.where = where;
  entry.oldest = summary.oldest != 0 ? summary.oldest : where.segment;
  return entry;
}

void encode(const Summary& summary, std::string& out) {
  BinaryWriter writer(out);
  write_id(writer, summary.id);
  writer.u8(static_cast<std::uint8_t>((summary.held ? kHeld : 0) | (summary.single ? kSingle : 0)));
  writer.u8(summary.depth);
  writer.u32(summary.pending);
  writer.u32(summary.failed);
  writer.u32(summary.attempts);
  writer.i64(summary.arrived);
  writer.i64(summary.next_attempt);
  writer.u64(summary.size);
  write_place(writer, summary.prev);
  writer.u32(summary.oldest);
  writer.u64(0);  // room
}

std::optional<Summary> decode_summary(std::string_view payload) {
  BinaryReader in(payload);
  Summary summary = read_summary(in);
  if (in.failed()) return std::nullopt;
  return summary;
}

void encode_message_head(const Summary& summary, const Envelope& envelope, std::span<const ChunkPlace> chunks,
                         std::string& out) {
  encode(summary, out);
  const std::size_t length_at = out.size();
  BinaryWriter writer(out);
  writer.u32(0);
  writer.u32(static_cast<std::uint32_t>(chunks.size()));
  const std::size_t envelope_at = out.size();
  encode(envelope, out);
  std::string length;
  BinaryWriter(length).u32(static_cast<std::uint32_t>(out.size() - envelope_at));
  out.replace(length_at, length.size(), length);
  for (const ChunkPlace& chunk : chunks) {
    write_place(writer, chunk.place);
    writer.u32(chunk.length);
  }
}

std::optional<MessageRecord> decode_message(std::string_view payload) {
  BinaryReader in(payload);
  MessageRecord record;
  record.summary = read_summary(in);
  const std::uint32_t envelope_length = in.u32();
  const std::uint32_t chunks = in.u32();
  record.envelope = in.bytes(envelope_length);
  constexpr std::size_t kChunkEntry = 12;
  if (in.failed() || chunks > in.remaining() / kChunkEntry) return std::nullopt;
  record.chunks.reserve(chunks);
  std::uint64_t octets = 0;
  for (std::uint32_t i = 0; i < chunks; ++i) {
    ChunkPlace chunk;
    chunk.place = read_place(in);
    chunk.length = in.u32();
    octets += chunk.length;
    record.chunks.push_back(chunk);
  }
  record.body = in.bytes(in.remaining());
  if (in.failed() || octets + record.body.size() != record.summary.size) return std::nullopt;
  return record;
}

void encode_chunk_head(const Id& intake, std::uint32_t sequence, std::string& out) {
  BinaryWriter writer(out);
  write_id(writer, intake);
  writer.u16(0);
  writer.u32(sequence);
}

std::optional<ChunkRecord> decode_chunk(std::string_view payload) {
  BinaryReader in(payload);
  ChunkRecord record;
  record.intake = read_id(in);
  (void)in.u16();
  record.sequence = in.u32();
  record.octets = in.bytes(in.remaining());
  if (in.failed()) return std::nullopt;
  return record;
}

void encode_update(const Summary& summary, std::span<const RecipientChange> changes, std::string& out) {
  encode(summary, out);
  BinaryWriter writer(out);
  writer.varint(changes.size());
  for (const RecipientChange& change : changes) {
    writer.varint(change.index);
    writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(change.state) | (change.delay_told ? kToldFlag : 0U)));
    writer.varint(change.attempts);
    writer.string(std::string_view(change.reply).substr(0, Envelope::kReplyMax));
  }
}

std::optional<UpdateRecord> decode_update(std::string_view payload) {
  BinaryReader in(payload);
  UpdateRecord record;
  record.summary = read_summary(in);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    RecipientChange change;
    const std::uint64_t index = in.varint();
    const std::uint8_t flags = in.u8();
    const auto state = static_cast<std::uint8_t>(flags & ~kToldFlag);
    const std::uint64_t attempts = in.varint();
    change.reply = in.string(Envelope::kReplyMax);
    if (index > UINT32_MAX || attempts > UINT32_MAX || state > static_cast<std::uint8_t>(RecipientState::bounced)) {
      in.fail();
      break;
    }
    change.index = static_cast<std::uint32_t>(index);
    change.state = static_cast<RecipientState>(state);
    change.attempts = static_cast<std::uint32_t>(attempts);
    change.delay_told = (flags & kToldFlag) != 0;
    record.changes.push_back(std::move(change));
  }
  if (!in.complete()) return std::nullopt;
  return record;
}

void encode_gone(GoneReason reason, std::span<const Id> ids, std::string& out) {
  BinaryWriter writer(out);
  writer.u32(static_cast<std::uint32_t>(reason));
  writer.u32(static_cast<std::uint32_t>(ids.size()));
  for (const Id& id : ids) write_id(writer, id);
}

std::optional<GoneRecord> decode_gone(std::string_view payload) {
  BinaryReader in(payload);
  const std::uint32_t reason = in.u32();
  const std::uint32_t count = in.u32();
  constexpr std::size_t kIdSize = sizeof(Id::bytes);
  if (in.failed() || reason < static_cast<std::uint32_t>(GoneReason::settled) ||
      reason > static_cast<std::uint32_t>(GoneReason::aborted) || in.remaining() % kIdSize != 0 ||
      count != in.remaining() / kIdSize) {
    return std::nullopt;
  }
  GoneRecord record;
  record.reason = static_cast<GoneReason>(reason);
  record.ids.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) record.ids.push_back(read_id(in));
  return record;
}

void encode_envelope_record(const Summary& summary, std::string_view envelope, std::string& out) {
  encode(summary, out);
  BinaryWriter(out).bytes(envelope);
}

std::optional<EnvelopeRecord> decode_envelope_record(std::string_view payload) {
  BinaryReader in(payload);
  EnvelopeRecord record;
  record.summary = read_summary(in);
  record.envelope = in.bytes(in.remaining());
  if (in.failed()) return std::nullopt;
  return record;
}

}  // namespace postern::spool
