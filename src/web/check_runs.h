// CheckRuns: checks of domains that visitors asked for. Each domain is checked once at a time, whoever asks; its report
// is kept for kKeptMs and shown to all; a few run at once, the others wait in line, some of each network. The operator
// waits for nobody. What is found by the deeper tests of a domain's own hosts is for who has shown that it is his: a
// ticket opens the view, and whatever their number there is one run. Bounded: kRunsMax domains are remembered, the
// oldest give way. Thread rule: one loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "check/run.h"
#include "io/loop.h"
#include "web/message.h"

namespace postern::web {

inline constexpr std::int64_t kKeptMs = 10 * 60 * 1000;
inline constexpr std::size_t kRunsMax = 200;
inline constexpr std::size_t kWaitingMax = 50;
inline constexpr std::size_t kWaitingOfNetwork = 3;  // of them of an IPv6 /64 or an IPv4 address; of a wider one twice
inline constexpr std::size_t kStreamsOfNetwork = 6;  // of events, likewise

enum class Depth : std::uint8_t {
  polite,     // what any visitor gets
  own_hosts,  // deeper tests of the domain's own hosts: the visitor proved that the domain is his
  deep,       // the operator
};

// Who asks, and for what.
struct Asker {
  bool is_operator = false;
  ip::Address client;
};
struct CheckKey {
  std::string domain;  // canonical
  Depth depth = Depth::polite;
  std::string ticket;                      // of own_hosts: check/proof.h
  [[nodiscard]] std::string run() const;   // "example.org", "example.org/deep", "example.org/deep/own"
  [[nodiscard]] std::string path() const;  // of its page: "example.org/deep/TICKET"
};

struct CheckRun {
  enum class State : std::uint8_t { waiting, running, done, failed } state = State::waiting;
  std::string domain;  // A-labels
  Depth depth = Depth::polite;
  std::string key;      // CheckKey::run()
  ip::Address client;   // of who asked first
  bool in_line = true;  // false: the operator's, beside the line
  [[nodiscard]] bool deep() const { return depth != Depth::polite; }
  WallMs begun = 0, ended = 0;
  std::size_t done = 0, total = 0;  // steps
  std::string step;
  std::vector<check::Finding> findings;  // as they were found
  check::Report report;                  // at the end
  std::string problem;                   // of one that failed
  std::uint64_t version = 0;             // grows with every change
};

class CheckRuns {
 public:
  using Checker =
      std::function<Task<Result<check::Report>>(std::string domain, Depth depth, check::Observer* observer)>;
  CheckRuns(io::Loop& loop, Checker checker, std::size_t at_once);
  ~CheckRuns();
  CheckRuns(const CheckRuns&) = delete;
  CheckRuns& operator=(const CheckRuns&) = delete;

  // The run of a domain: one that is under way or was kept, else a new one. Error: `limit` where too many wait.
  [[nodiscard]] Result<std::shared_ptr<const CheckRun>> ask(const CheckKey& key, const Asker& asker, WallMs now);
  [[nodiscard]] std::shared_ptr<const CheckRun> find(const CheckKey& key, WallMs now) const;
  // The canonical form, or an error that says what is wrong.
  [[nodiscard]] static Result<std::string> canonical(std::string_view domain);
  // Events of a run until its end. Null: too many of the client's networks are open.
  [[nodiscard]] std::unique_ptr<EventSource> watch(std::shared_ptr<const CheckRun> run, const Asker& asker);
  [[nodiscard]] std::size_t watched() const;  // streams of events that are open
  void stop();
  [[nodiscard]] Task<void> join();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::web
