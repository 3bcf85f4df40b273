// The keys that are numbers: limits, timeouts, spool, queue, records.
#include <array>

#include "config/keys.h"

namespace postern::config {

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kTiB = 1024 * kGiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;

// clang-format off: one line a key reads better than any wrapping
#define POSTERN_NUMBER(section_, name_, reload_, unit_, min_, max_, member_, zero_, doc_)                              \
  Key {                                                                                                                \
    .section = section_, .name = name_, .reload = reload_, .doc = doc_, .unit = Unit::unit_, .min = min_, .max = max_, \
    .get = [](const Config& c) { return static_cast<std::uint64_t>(c.member_); },                                      \
    .set = [](Config& c, std::uint64_t v) { c.member_ = static_cast<decltype(c.member_)>(v); },                        \
    .zero = zero_                                                                                                      \
  }

constexpr std::array kNumbers = {
    POSTERN_NUMBER("limits", "message_size", true, bytes, 1 * kKiB, 2 * kGiB, inbound.limits.message_size, "",
      "Octets of one message, announced with SIZE (RFC 1870). A larger one is refused with 552 5.3.4."),
    POSTERN_NUMBER("limits", "recipients", true, count, 1, 100000, inbound.limits.recipients, "",
      "Recipients of one message; further ones get 452 4.5.3. RFC 5321 4.5.3.1.8 asks for at least 100."),
    POSTERN_NUMBER("limits", "command_line", true, bytes, 512, 64 * kKiB, inbound.limits.command_line, "",
      "Octets of a command with its CRLF. RFC 5321 4.5.3.1.4 says 512; extensions need more."),
    POSTERN_NUMBER("limits", "text_line", true, bytes, 1000, 1 * kMiB, inbound.limits.text_line, "",
      "Octets of one line of a message with its CRLF. RFC 5321 4.5.3.1.6 says 1000; real senders exceed it."),
    POSTERN_NUMBER("limits", "commands", true, count, 10, 1000000, inbound.limits.commands, "",
      "Commands in one session, then 421: a session that never ends holds a place for ever."),
    POSTERN_NUMBER("limits", "empty_commands", true, count, 1, 100000, inbound.limits.empty_commands, "",
      "NOOP, RSET, VRFY, HELP and EHLO without a transaction between them, then 421: they cost us and bring no mail."),
    POSTERN_NUMBER("limits", "errors", true, count, 1, 10000, inbound.limits.errors, "",
      "Commands that are unknown, malformed or out of order, then 421: something other than a mail server is talking."),
    POSTERN_NUMBER("limits", "refused_recipients", true, count, 1, 100000, inbound.limits.refused_recipients, "",
      "Refused recipients in one session, then 421: guessing addresses must not be cheap."),
    POSTERN_NUMBER("limits", "transactions", true, count, 1, 1000000, inbound.limits.transactions, "",
      "MAIL commands in one session, announced with LIMITS MAILMAX (RFC 9422)."),
    POSTERN_NUMBER("limits", "received_fields", true, count, 10, 1000, inbound.received_max, "",
      "Received fields in a message before it counts as a loop (RFC 5321 6.3 asks for at least 100)."),
    POSTERN_NUMBER("limits", "header_fields", true, count, 50, 100000, inbound.header_fields_max, "",
      "Fields in the header section of a message."),
    POSTERN_NUMBER("limits", "header_size", true, bytes, 16 * kKiB, 64 * kMiB, inbound.header_bytes_max, "",
      "Octets of the header section of a message."),
    POSTERN_NUMBER("limits", "sessions", true, count, 1, 1000000, inbound.sessions.total, "",
      "Concurrent sessions in all; a connection beyond it gets 421 4.7.0. Each needs a descriptor (LimitNOFILE)."),
    POSTERN_NUMBER("limits", "sessions_per_v6_64", true, count, 1, 1000000, inbound.sessions.v6_64, "",
      "Concurrent sessions from one IPv6 /64: one subnet, in effect one host."),
    POSTERN_NUMBER("limits", "sessions_per_v6_56", true, count, 1, 1000000, inbound.sessions.v6_56, "",
      "Concurrent sessions from one IPv6 /56: one household."),
    POSTERN_NUMBER("limits", "sessions_per_v6_48", true, count, 1, 1000000, inbound.sessions.v6_48, "",
      "Concurrent sessions from one IPv6 /48: one site."),
    POSTERN_NUMBER("limits", "sessions_per_v6_32", true, count, 1, 1000000, inbound.sessions.v6_32, "",
      "Concurrent sessions from one IPv6 /32: one provider."),
    POSTERN_NUMBER("limits", "sessions_per_v4_32", true, count, 1, 1000000, inbound.sessions.v4_32, "",
      "Concurrent sessions from one IPv4 address: one host, or one NAT."),
    POSTERN_NUMBER("limits", "sessions_per_v4_24", true, count, 1, 1000000, inbound.sessions.v4_24, "",
      "Concurrent sessions from one IPv4 /24."),
    POSTERN_NUMBER("limits", "bytes_in_flight", true, bytes, 1 * kMiB, 1 * kTiB, inbound.sessions.bytes_in_flight, "",
      "Octets of messages being received at one time, over all sessions, and a quarter of it for the further messages of "
      "one IPv6 /48 or IPv4 /24; beyond it a message gets 452 4.3.1."),

    POSTERN_NUMBER("timeouts", "command", true, milliseconds, 100, 1 * kDay, inbound.timeouts.command, "",
      "Wait for the next command. RFC 5321 4.5.3.2.7 asks for at least 5 minutes."),
    POSTERN_NUMBER("timeouts", "data_block", true, milliseconds, 100, 1 * kDay, inbound.timeouts.data_block, "",
      "Wait for the next octets of a message. RFC 5321 4.5.3.2.5 speaks of 3 minutes."),
    POSTERN_NUMBER("timeouts", "write", true, milliseconds, 100, 1 * kDay, inbound.timeouts.write, "",
      "Wait for a client to take our reply."),
    POSTERN_NUMBER("timeouts", "tls_handshake", true, milliseconds, 100, 1 * kDay, inbound.timeouts.tls_handshake, "",
      "Time for a TLS handshake."),
    POSTERN_NUMBER("timeouts", "proxy_header", true, milliseconds, 100, 1 * kDay, inbound.timeouts.proxy_header, "",
      "Time for the PROXY header from a peer in proxy_from."),
    POSTERN_NUMBER("timeouts", "session", true, milliseconds, 1 * kSecond, 7 * kDay, inbound.timeouts.session, "",
      "Length of a whole session, so that one that trickles along ends."),

    POSTERN_NUMBER("spool", "max_bytes", false, bytes, 8 * kMiB, 1024 * kTiB, spool.max_bytes,
      "90 % of the file system",
      "High-water mark of the spool on disk; at it, new mail gets 452 4.3.1 and what is there is still delivered."),
    POSTERN_NUMBER("spool", "segment_bytes", false, bytes, 1 * kMiB, 4 * kGiB, spool.segment_bytes, "",
      "Octets of one segment of the intake log. Segments are deleted whole."),
    POSTERN_NUMBER("spool", "settle_after", false, milliseconds, 1 * kSecond, 1 * kDay, spool.settle_after_ms, "",
      "Age at which a message that is still waiting moves to a file of its own."),

    POSTERN_NUMBER("queue", "retry_first", false, milliseconds, 1 * kSecond, 1 * kDay, queue.retry_first_ms, "",
      "Wait after the first attempt that failed for now; it doubles with each further one."),
    POSTERN_NUMBER("queue", "retry_max", false, milliseconds, 1 * kSecond, 7 * kDay, queue.retry_max_ms, "",
      "Longest wait between two attempts."),
    POSTERN_NUMBER("queue", "expire_after", false, milliseconds, 1 * kMinute, 60 * kDay, queue.expire_after_ms, "",
      "Time after which a recipient counts as failed. RFC 5321 4.5.4.1 asks for at least 4 to 5 days."),
    POSTERN_NUMBER("queue", "concurrency", false, count, 1, 10000, queue.concurrency, "",
      "Delivery attempts at one time. Beside them wait those on servers of others that have not answered for a second, up "
      "to 8 times as many."),
    POSTERN_NUMBER("queue", "destination_concurrency", false, count, 1, 10000, queue.destination_concurrency, "",
      "Delivery attempts at one time to the same server."),

    POSTERN_NUMBER("records", "keep", false, milliseconds, 1 * kHour, 3650 * kDay, records.keep_ms, "",
      "Age at which rotated records are deleted."),
    POSTERN_NUMBER("records", "max_bytes", false, bytes, 1 * kMiB, 1024 * kTiB, records.max_bytes, "",
      "Octets of all records on disk; the oldest files go first."),
    POSTERN_NUMBER("records", "rotate_bytes", false, bytes, 64 * kKiB, 1 * kTiB, records.rotate_bytes, "",
      "Octets after which a file of records is closed and compressed."),
};
#undef POSTERN_NUMBER
// clang-format on

}  // namespace

std::span<const Key> number_keys() { return kNumbers; }

}  // namespace postern::config
