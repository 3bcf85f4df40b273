// Defence: what all sessions of the process share about judging senders: the tables of budgets, greylist and known
// senders, the countries, the table of operating systems, the operator's own word. Sessions ask it through this one
// door; what they get are values, so that each judgement can be recorded with the state it rested on.
//
// Without a table (no disk, no file) each answer is the one that lets mail through. Thread rule: any thread; the pieces
// that a reload replaces are swapped whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/operator_list.h"
#include "base/counters.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "base/time.h"
#include "bounds/known_senders.h"
#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"
#include "dns/public_suffix.h"
#include "evidence/evidence.h"
#include "fingerprint/os_table.h"
#include "geo/country_table.h"
#include "inbound/defence_options.h"
#include "ip/address.h"

namespace postern::inbound {

inline constexpr std::int64_t kCountryAgeMaxDays = 180;  // then the log asks for newer data

// What a known sender may do at a narrow prefix, in multiples of a stranger's: mailing lists and large servers send so
// much, and whoever guesses mailboxes has an end.
inline constexpr double kKnownMultiple = 16;
// Guesses beyond accepted messages, of which all that was earned is gone.
inline constexpr unsigned kGuessesMax = 5;
// Sessions at once that only a wide prefix's budget would end, and that go on until it is known who they are.
inline constexpr int kDoubtfulMax = 64;

// What [defence.budget] scale = 0 stands for.
[[nodiscard]] std::uint32_t budget_scale(std::string_view preset);

// One sender as history knows it: "spf:example.org", "rdns:example.net", "name:www.example.net", "dkim:example.org",
// "host:2001:db8::/64", "host:192.0.2.1/32".
using Identity = std::string;
// The host alone: what one machine of a network has earned is not its neighbours'.
[[nodiscard]] Identity host_identity(const ip::Address& client);

class Defence {
 public:
  // Opens the tables below `data_dir` and reads countries and operating systems. What is missing or broken is logged,
  // with its remedy, and unknown from then on: never an error. `scale`: of the policy's preset.
  Defence(const DefenceOptions& options, const std::string& data_dir);
  // In memory alone: tests.
  explicit Defence(const DefenceOptions& options);
  ~Defence();
  Defence(const Defence&) = delete;
  Defence& operator=(const Defence&) = delete;

  // Budgets. Takes `units` (0: only looks) unless a prefix of the client is over its budget: then nothing is written.
  struct Charge {
    bool over = false;
    std::string_view level;   // the fullest: "v6_48"
    float load = 0;           // its share in use, 0 to 1
    bool wide_alone = false;  // over, and a known sender would not be: at a wide prefix alone
  };
  struct Payer {
    const ip::Address& client;
    bool known = false;              // judged at the narrow prefixes alone
    std::string_view identity = {};  // has a budget of its own; empty where there is none but the prefix
  };
  Charge charge(const Payer& payer, std::uint32_t units, WallMs now);
  // A place among the kDoubtfulMax sessions; false where none is left. Who got one gives it back.
  [[nodiscard]] bool enter_doubt();
  void leave_doubt() { --doubtful_; }

  // Known senders: the best of what is remembered of any of them.
  struct History {
    evidence::value::Known known = evidence::value::Known::stranger;
    std::string_view by;  // whose it is, of the identities that were asked about; "" of a stranger
  };
  [[nodiscard]] History history(std::span<const Identity> identities, WallMs now) const;
  [[nodiscard]] bool tls_failed_before(const Identity& identity, WallMs now) const;
  // One an hour is a merit: whoever sends five messages in a minute has shown nothing.
  void accepted(std::span<const Identity> identities, WallMs now);
  void passed_greylist(const Identity& identity, WallMs now);
  // One of ours logged in from there. It counts as a pass through the greylist, so that a password that is stolen for
  // an hour makes nobody known.
  void logged_in(const ip::Address& client, WallMs now);
  // A spamtrap, or a session of guesses: what was earned is gone.
  void trapped(std::span<const Identity> identities, WallMs now);
  // A transaction of guesses: several such do what a trap does, unless messages came in between.
  void guessed(std::span<const Identity> identities, WallMs now);
  void tls_failed(const Identity& identity, WallMs now);
  // It left without QUIT and without a message.
  [[nodiscard]] bool hung_up_before(const Identity& identity, WallMs now) const;
  void hung_up(const Identity& identity, WallMs now);
  // Mail of ours went to `recipient` from this mailbox of ours: its answers are expected.
  void wrote_to(std::string_view recipient, std::string_view our_mailbox, WallMs now);
  [[nodiscard]] bool replied_to(std::string_view sender, std::string_view our_mailbox, WallMs now) const;

  // Greylist. look() writes nothing; note() remembers a first attempt (and nothing where there is one already).
  struct Greylisting {
    evidence::value::Greylist state = evidence::value::Greylist::unknown;
    std::uint32_t wait_s = 0;  // until a retry counts
  };
  [[nodiscard]] Greylisting greylist(std::string_view strong, std::string_view weak, const GreylistOptions& options,
                                     WallMs now) const;
  void note_attempt(std::string_view strong, std::string_view weak, const GreylistOptions& options, WallMs now);

  [[nodiscard]] const dns::PublicSuffixList* suffixes() const { return suffixes_.get(); }  // null: not installed
  // Replaced by reloads and by the watcher of files; each caller keeps what it got for as long as it needs it.
  [[nodiscard]] std::shared_ptr<const geo::CountryTable> countries() const { return countries_.load(); }
  [[nodiscard]] std::shared_ptr<const fingerprint::OsTable> systems() const { return systems_.load(); }
  [[nodiscard]] std::shared_ptr<const access::OperatorList> operator_list() const { return operator_list_.load(); }
  void set_operator_list(std::shared_ptr<const access::OperatorList> list) { operator_list_.store(std::move(list)); }
  // Reads the files again; what is broken leaves the present ones. Blocks: not on a loop.
  void reload_files(const DefenceOptions& options);

  // A DNS list that does not answer us is told to the operator, once an hour each; senders do not pay for it.
  void list_trouble(const std::string& zone, std::string_view problem);

  // bounds::PrefixBudgets::Gauges. This and what the tables push out are among the counters of the process as well.
  [[nodiscard]] double budgets_saturation() const;

 private:
  struct Tables;
  void load_suffixes();
  void show_tables();
  void note(const Identity& identity, bounds::SenderEvent event, WallMs now);
  void demote(const Identity& identity, WallMs now);
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<const dns::PublicSuffixList> suffixes_;
  Mutex mutex_;
  std::map<std::string, Clock::time_point> told_of_ POSTERN_GUARDED_BY(mutex_);  // zones of lists: as many as there are
  std::atomic<std::shared_ptr<const geo::CountryTable>> countries_;
  std::atomic<std::shared_ptr<const fingerprint::OsTable>> systems_;
  std::atomic<std::shared_ptr<const access::OperatorList>> operator_list_;
  std::atomic<int> doubtful_ = 0;
  std::deque<LiveValue> shown_;  // of the tables
};

}  // namespace postern::inbound
