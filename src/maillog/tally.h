// Tally: what is counted of mail logs, line by line, in memory that does not grow with the log. Two tallies make one
// (add), so that threads can share the work. Where each number comes from: docs/statistics-of-logs.md.
//
// Connections are smtpd's own "connect from" lines; what postscreen or tlsproxy answered stands apart, for smtpd sees
// some of those clients again. Exim has such lines with log_selector = +smtp_connection alone.
// Thread rule: one thread a tally; no clock, times come in the rule.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "maillog/event.h"
#include "maillog/line.h"
#include "maillog/name_table.h"
#include "maillog/prefixes.h"

namespace postern::maillog {

struct TallyOptions {
  TimeRule time;
  // Lines from `since` on, before `until`; lines without a time are left out then.
  std::optional<WallMs> since, until;
  // The same of days as they are written in the log, whatever its zone.
  std::optional<std::int32_t> since_day, until_day;
  bool keep_unknown = false;

  [[nodiscard]] bool limited() const { return since || until || since_day || until_day; }
  [[nodiscard]] bool holds(const Line& line) const { return !limited() || within(line); }

 private:
  [[nodiscard]] bool within(const Line& line) const;
};

inline constexpr std::size_t kUnknownKept = 1000;       // lines, of a tally
inline constexpr std::size_t kUnknownKeptOctets = 400;  // of each
inline constexpr std::size_t kDaysMax = 4096;           // further days are counted in the totals alone

struct Day {
  Counts connects, tls, starttls;                 // Postfix's
  Counts exim_connects, exim_arrivals, exim_tls;  // tls: of the arrivals
  std::uint64_t received = 0, delivered = 0, deferred = 0, bounced = 0, rejected = 0;
  void add(const Day& other);
};

// How long messages were under way: delay= of deliveries that were sent.
inline constexpr std::array<std::uint32_t, 6> kDelayBounds{1, 10, 60, 600, 3600, 86400};  // seconds
using Delays = std::array<std::uint64_t, kDelayBounds.size() + 1>;

struct LineCounts {
  std::uint64_t total = 0;
  std::uint64_t postfix = 0, exim = 0;
  std::uint64_t others = 0;   // of other programs
  std::uint64_t unknown = 0;  // no line of a log, no date, or a line of Postfix's or Exim's that is not understood
  std::uint64_t outside = 0;  // of another time than was asked for
  std::uint64_t json = 0;     // of the unknown ones those that begin as a JSON object does
};

class Tally {
 public:
  explicit Tally(TallyOptions options = {}) : options_(options), limited_(options.limited()) {}
  Tally(Tally&&) = default;
  Tally& operator=(Tally&&) = default;
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally() = default;

  // A line without its newline, at `place` of its file. Empty lines are not counted.
  void add(std::string_view line, std::uint64_t place = 0);
  void add_overlong() { ++lines.total, ++lines.unknown; }
  void add(const Tally& other);

  LineCounts lines;
  // Server side
  Counts connects, exim_connects, exim_arrivals;
  Counts disconnects, starttls;  // starttls: disconnect lines that say it succeeded
  Counts tls, exim_tls;
  NameTable tls_versions, ciphers, key_exchanges, trust;
  Counts tls_errors, auth_failures;
  NameTable lost;  // "lost connection after DATA"
  NameTable postscreen;
  NameTable listed;  // DNS lists, by dnsblog
  // What became of commands and messages: "reject", "reject_warning", "hold", "milter-reject", ...
  NameTable actions, reasons;
  std::uint64_t received = 0, picked_up = 0;
  std::uint64_t rejected = 0, warned = 0, held = 0, discarded = 0;  // as pflogsumm counts them
  // Client side
  NameTable statuses, transports, dsn, failures;
  NameTable probes;  // of addresses, by sendmail -bv or reject_unverified_recipient: "deliverable", "undeliverable"
  std::uint64_t delivered = 0, forwarded = 0, deferrals = 0, bounced = 0, expired = 0;
  Delays delays{};
  Counts tls_out;
  NameTable tls_out_versions, tls_out_ciphers, tls_out_trust, tls_policies, connect_failures;
  NameTable levels, problems;  // "warning", "fatal"; their texts

  std::map<std::int32_t, Day> days;                            // since 1970, as the log has them
  std::vector<std::pair<std::uint64_t, std::string>> unknown;  // place and text

  // smtpd's, and what Exim tells. Where Exim's log has no line for a connection, each message that arrived stands for
  // one.
  [[nodiscard]] Counts connections() const;
  [[nodiscard]] Counts connections(const Day& day) const;
  [[nodiscard]] Prefixes prefixes() const;
  // Of them with TLS: lines that say it was established, or the disconnect lines that tell of STARTTLS where those are
  // more, of each day and family (some instances have smtpd_tls_loglevel = 0). Exim tells of TLS with a message: where
  // its connections have lines of their own, those are not among these but exim_tls of exim_arrivals.
  [[nodiscard]] Counts connections_with_tls() const;
  [[nodiscard]] Counts connections_with_tls(const Day& day) const;
  // Where that is from: "disconnect", "both", or nothing where all lines say which TLS.
  [[nodiscard]] std::string_view tls_from() const;
  [[nodiscard]] bool tls_from_disconnects() const { return tls_from() == "disconnect"; }
  [[nodiscard]] bool exim_messages_stand_for_connections() const {
    return exim_connects.total() == 0 && exim_arrivals.total() > 0;
  }

 private:
  // An event that happened `n` times.
  void count(const Line& line, const Event& event, std::uint64_t n);
  void count_tls(const Event& event, Family family, std::uint64_t n);
  void count_decision(const Event& event, Family family, std::uint64_t n);
  void count_delivery(const Line& line, const Event& event, Family family, std::uint64_t n);
  void keep(std::string_view line, std::uint64_t place);
  void add_unread(std::string_view text, std::uint64_t place, Line line);
  // Finds the day that the line is of, for count(); false where it has none.
  bool begin_day(const Line& line);
  bool begin_other_day(const Line& line, std::size_t size);

  TallyOptions options_;
  bool limited_;
  std::array<char, 16> day_text_{};  // the date that day_ is of, as it was written
  std::size_t day_text_size_ = 0;
  Day* day_ = nullptr;  // of the line that is counted
  Day beyond_;          // days past kDaysMax
  Prefixes connecting_;
  std::optional<Prefixes> arriving_;  // Exim's messages
};

// {"connections":{"total",...},"tls_versions":{NAME:n},...}: the members of an object that is open.
void append_json(const Tally& tally, json::Writer& out);

}  // namespace postern::maillog
