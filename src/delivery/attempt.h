// One delivery attempt: a message and those of its recipients that go the same way. Each transport is one file:
// maildir, lmtp (TCP and unix), sink; servers of others are remote.h. A transport never retries and never decides when
// to; queue.h does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "directory/directory.h"
#include "io/loop.h"
#include "io/stream.h"
#include "smtp/reply.h"
#include "spool/store.h"

namespace postern::delivery {

struct Attempt {
  const spool::Envelope* envelope = nullptr;
  std::vector<std::uint32_t> recipients;  // indexes into envelope->recipients, all of the same transport and target
  spool::Body* body = nullptr;
  std::string reverse_path;  // the envelope's, or the one under which it is passed on (delivery/notices.h)
};

// One per recipient of the attempt, in order: 2xx delivered, 4xx try again, 5xx failed for good. The enhanced code says
// what (RFC 3463), the text goes into the queue listing and the log.
using Results = std::vector<smtp::Reply>;

struct LocalOptions {
  std::string base_directory;  // relative maildir paths start here (the configuration file's folder)
  std::string hostname;        // LHLO, Return-Path's host in unique names
};

// What a transport tells the queue beside the replies.
struct AttemptNote {
  bool unreachable = false;  // the server could not be talked to at all: others of its messages need not try now
  std::string text;          // why, where unreachable
  // Of mail to servers of others:
  milliseconds rest{0};              // the destination asked to be left alone: others of its messages wait, untried
  std::string host;                  // where it went, "[2001:db8::1]:25"
  std::string host_name;             // of that address, "mx.example.net"
  std::optional<ip::Family> family;  // of that address
  std::string tls;                   // version; empty in clear
  std::string tls_cipher;
  bool tls_verified = false;    // by the proof that was demanded, or by a trusted root and the name
  std::string_view tls_policy;  // what was demanded: "dane", "sts", "opportunistic", ...; static
  // For each recipient of the attempt: its server took over the notifications (RFC 3461). Empty: nobody's did.
  std::vector<bool> dsn_passed;
};

// Maildir: tmp/, write, fsync, rename (link) to new/, fsync of new/. Unique names time.Mmicros Ppid Qseq.host; folders
// 0700, files 0600; {user} and {domain} are made safe (no '/', no leading dot, no NUL, at most 255 octets); every step
// below the fixed part of the template uses openat with O_NOFOLLOW. Adds Return-Path and Delivered-To. Lines end in LF
// on disk. The reply of a failure names the path, the cause and what to mend. A body that cannot be read is a temporary
// failure.
[[nodiscard]] Task<Results> deliver_maildir(io::BlockingPool& pool, const LocalOptions& options,
                                            std::string path_template, const Attempt& attempt);
// LMTP (RFC 2033) over TCP or a unix socket, per-recipient replies. Broken off by `breaker`, the recipients that have
// no final reply yet have a temporary one.
[[nodiscard]] Task<Results> deliver_lmtp(io::Loop& loop, const LocalOptions& options,
                                         const directory::Transport& transport, const Attempt& attempt,
                                         AttemptNote* note = nullptr, io::Breaker* breaker = nullptr);

}  // namespace postern::delivery
