#include "spool/envelope.h"

#include <algorithm>

#include "base/bytes.h"
#include "spool/id_codec.h"

namespace postern::spool {
namespace {

// Version 2 has fields_on_top after `ret`; version 3 has them, and behind them the demands of who submitted the
// message. An envelope without the one or the other is written in the lowest version that can say it, which is shorter,
// and which an older Postern can read.
constexpr std::uint8_t kPlain = 1;
constexpr std::uint8_t kWithFields = 2;
constexpr std::uint8_t kWithDemands = 3;
// Paths, logins and the like are far shorter on the wire; this only bounds what a damaged length can ask for.
constexpr std::size_t kStringMax = 64 * 1024;

constexpr std::uint8_t kEightBit = 1;
constexpr std::uint8_t kUtf8 = 2;
constexpr std::uint8_t kHeld = 4;
constexpr std::uint8_t kFlagsKnown = kEightBit | kUtf8 | kHeld;

// Of the demands
constexpr std::uint8_t kRequireTls = 1;
constexpr std::uint8_t kTlsOptional = 2;
constexpr std::uint8_t kReturnIfLate = 4;
constexpr std::uint8_t kTraceRelays = 8;
constexpr std::uint8_t kDemandsKnown = kRequireTls | kTlsOptional | kReturnIfLate | kTraceRelays;

std::uint8_t version_of(const Envelope& envelope) {
  const bool demands = envelope.origin != Origin::stranger || envelope.require_tls || envelope.tls_optional ||
                       envelope.priority != 0 || envelope.deliver_by != 0 || envelope.return_if_late ||
                       envelope.trace_relays || envelope.held_until != 0;
  if (demands) return kWithDemands;
  return envelope.fields_on_top.empty() ? kPlain : kWithFields;
}

void write_demands(BinaryWriter& out, const Envelope& envelope) {
  out.u8(static_cast<std::uint8_t>(envelope.origin));
  out.u8(static_cast<std::uint8_t>(
      (envelope.require_tls ? kRequireTls : 0) | (envelope.tls_optional ? kTlsOptional : 0) |
      (envelope.return_if_late ? kReturnIfLate : 0) | (envelope.trace_relays ? kTraceRelays : 0)));
  out.u8(static_cast<std::uint8_t>(envelope.priority));
  out.i64(envelope.deliver_by);
  out.i64(envelope.held_until);
}

void read_demands(BinaryReader& in, Envelope& envelope) {
  const std::uint8_t origin = in.u8();
  const std::uint8_t flags = in.u8();
  const auto priority = static_cast<std::int8_t>(in.u8());
  envelope.deliver_by = in.i64();
  envelope.held_until = in.i64();
  if (in.failed()) return;
  if (origin > static_cast<std::uint8_t>(Origin::own) || (flags & ~kDemandsKnown) != 0 || priority < -9 ||
      priority > 9) {
    return in.fail();
  }
  envelope.origin = static_cast<Origin>(origin);
  envelope.require_tls = (flags & kRequireTls) != 0;
  envelope.tls_optional = (flags & kTlsOptional) != 0;
  envelope.return_if_late = (flags & kReturnIfLate) != 0;
  envelope.trace_relays = (flags & kTraceRelays) != 0;
  envelope.priority = priority;
}

void write_recipient(BinaryWriter& out, const Recipient& recipient) {
  out.string(recipient.forward_path);
  out.string(recipient.original);
  out.u8(static_cast<std::uint8_t>(recipient.state));
  out.varint(recipient.attempts);
  // A reply is for the eyes of the operator: cut, never refused.
  out.string(std::string_view(recipient.last_reply).substr(0, Envelope::kReplyMax));
  out.u8(recipient.notify);
  out.string(recipient.orcpt);
}

std::uint32_t read_count(BinaryReader& in) {
  const std::uint64_t value = in.varint();
  if (value > UINT32_MAX) in.fail();
  return static_cast<std::uint32_t>(in.failed() ? 0 : value);
}

Recipient read_recipient(BinaryReader& in) {
  Recipient recipient;
  recipient.forward_path = in.string(kStringMax);
  recipient.original = in.string(kStringMax);
  const std::uint8_t state = in.u8();
  if (state > static_cast<std::uint8_t>(RecipientState::bounced)) in.fail();
  recipient.state = static_cast<RecipientState>(in.failed() ? 0 : state);
  recipient.attempts = read_count(in);
  recipient.last_reply = in.string(Envelope::kReplyMax);
  recipient.notify = in.u8();
  recipient.orcpt = in.string(kStringMax);
  return recipient;
}

}  // namespace

bool Envelope::settled() const {
  return std::ranges::none_of(recipients, [](const Recipient& r) { return r.state == RecipientState::pending; });
}

void encode(const Envelope& envelope, std::string& out) {
  BinaryWriter writer(out);
  POSTERN_CHECK(envelope.fields_on_top.size() <= Envelope::kFieldsMax);
  const std::uint8_t version = version_of(envelope);
  writer.u8(version);
  writer.u8(static_cast<std::uint8_t>((envelope.eight_bit ? kEightBit : 0) | (envelope.utf8 ? kUtf8 : 0) |
                                      (envelope.held ? kHeld : 0)));
  write_id(writer, envelope.id);
  write_id(writer, envelope.session);
  writer.i64(envelope.arrived);
  writer.i64(envelope.next_attempt);
  writer.u64(envelope.size);
  writer.varint(envelope.attempts);
  writer.string(envelope.reverse_path);
  writer.string(envelope.client);
  writer.string(envelope.login);
  writer.string(envelope.envid);
  writer.string(envelope.ret);
  if (version >= kWithFields) writer.string(envelope.fields_on_top);
  if (version >= kWithDemands) write_demands(writer, envelope);
  writer.varint(envelope.recipients.size());
  for (const Recipient& recipient : envelope.recipients) write_recipient(writer, recipient);
}

Result<Envelope> decode_envelope(std::string_view bytes) {
  BinaryReader in(bytes);
  const std::uint8_t version = in.u8();
  if (in.failed() || version < kPlain || version > kWithDemands) {
    return fail(ErrorKind::invalid, "envelope: version " + std::to_string(version) + " is none of 1 to " +
                                        std::to_string(kWithDemands) + "; written by a newer Postern?");
  }
  Envelope envelope;
  const std::uint8_t flags = in.u8();
  if ((flags & ~kFlagsKnown) != 0) in.fail();
  envelope.eight_bit = (flags & kEightBit) != 0;
  envelope.utf8 = (flags & kUtf8) != 0;
  envelope.held = (flags & kHeld) != 0;
  envelope.id = read_id(in);
  envelope.session = read_id(in);
  envelope.arrived = in.i64();
  envelope.next_attempt = in.i64();
  envelope.size = in.u64();
  envelope.attempts = read_count(in);
  envelope.reverse_path = in.string(kStringMax);
  envelope.client = in.string(kStringMax);
  envelope.login = in.string(kStringMax);
  envelope.envid = in.string(kStringMax);
  envelope.ret = in.string(kStringMax);
  if (version >= kWithFields) envelope.fields_on_top = in.string(Envelope::kFieldsMax);
  if (version >= kWithDemands) read_demands(in, envelope);
  const std::uint64_t count = in.varint();
  if (count > Envelope::kRecipientsMax) in.fail();
  // No reserve(count): memory grows with the octets that are really there, not with what a length claims.
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) envelope.recipients.push_back(read_recipient(in));
  if (!in.complete()) return fail(ErrorKind::invalid, "envelope: damaged or cut short");
  return envelope;
}

}  // namespace postern::spool
