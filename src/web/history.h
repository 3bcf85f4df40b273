// History: sessions counted by time, address family, TLS and verdict, as the dashboard draws them, and the last
// refusals. Filled by Follower, which reads the records as they are written. Bounded: a day of minutes, a month of
// hours, kRecentMax refusals. Thread rule: values; a Follower is used by one thread at a time, and blocks on files.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "record/session_reader.h"

namespace postern::web {

enum class Tls : std::uint8_t { none, ok, failed };
inline constexpr std::size_t kTlsWords = 3;
[[nodiscard]] std::string_view to_string(Tls tls);
// The strongest word that was enforced in a session; `none` where nothing was judged.
enum class Word : std::uint8_t { none, accept, tag, greylist, throttle, reject };
inline constexpr std::size_t kWords = 6;
[[nodiscard]] std::string_view to_string(Word word);

// [family: IPv4, IPv6][TLS][word]
struct Counts {
  std::array<std::array<std::array<std::uint32_t, kWords>, kTlsWords>, 2> sessions{};
  std::array<std::uint32_t, 2> messages{};  // accepted

  void add(const Counts& other);
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] std::uint64_t of_family(std::size_t family) const;
  [[nodiscard]] std::uint64_t of_tls(Tls tls) const;
  [[nodiscard]] std::uint64_t of_word(Word word) const;
};
[[nodiscard]] Word word_of(const record::SessionView& session);
[[nodiscard]] Tls tls_of(const record::SessionView& session);

struct Refusal {
  std::string id, client, helo, reason;
  WallMs time = 0;
  Word word = Word::reject;
  bool ipv6 = false;
};

enum class Range : std::uint8_t { hour, day, week, month };
[[nodiscard]] std::string_view to_string(Range range);
[[nodiscard]] Range parse_range(std::string_view word);  // day for what it does not know
[[nodiscard]] WallMs length_of(Range range);
[[nodiscard]] WallMs step_of(Range range);

struct Series {
  WallMs from = 0, step = 0;
  std::vector<Counts> points;
  [[nodiscard]] Counts sum() const;
};

class History {
 public:
  static constexpr std::size_t kRecentMax = 50;

  void add(const record::SessionView& session);
  void merge(const History& other);
  // `length_of(range) / step_of(range)` points, the last of which holds `now`.
  [[nodiscard]] Series series(Range range, WallMs now) const;
  [[nodiscard]] const std::deque<Refusal>& recent() const { return recent_; }  // newest first
  [[nodiscard]] std::uint64_t sessions() const { return sessions_; }

 private:
  // A ring of counts, one a step of time; older ones fall out.
  struct Ring {
    Ring(WallMs step, std::size_t size) : step_ms(step), counts(size), slots(size, -1) {}
    WallMs step_ms;
    std::vector<Counts> counts;
    std::vector<std::int64_t> slots;  // which step each holds
    [[nodiscard]] Counts* at(WallMs time);
    [[nodiscard]] const Counts* find(std::int64_t slot) const;
  };
  void note(Refusal refusal);

  Ring minutes_{60'000, 1440};
  Ring hours_{3'600'000, 744};
  std::deque<Refusal> recent_;
  std::uint64_t sessions_ = 0;
};

// {"range","from_ms","step_ms","series":[{"family","tls","verdict","values":[...]}],"messages":{"ipv4":[],"ipv6":[]}}
void append_json(const Series& series, Range range, json::Writer& out);
void append_json(const Refusal& refusal, json::Writer& out);

// Reads what is appended to records/current.jsonl, over rotations.
class Follower {
 public:
  explicit Follower(std::string records) : folder_(std::move(records)) {}
  // What was appended since the last call; false where nothing was. A folder that is not there holds nothing yet.
  bool follow(History& history);
  // The rotated files that were there before the first follow(). Stops early where `stop` is set.
  void read_older(History& history, WallMs since, const std::atomic<bool>& stop) const;

 private:
  bool read_on(History& history);
  bool open_current();

  std::string folder_;
  UniqueFd fd_;
  std::uint64_t inode_ = 0;
  std::string opened_;  // the stem of a file that would be rotated at that time
  std::string partial_;
  record::SessionReader reader_;
};

}  // namespace postern::web
