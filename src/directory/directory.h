// Directory: which addresses are ours, and where their mail goes. An immutable value built from the configuration and
// mailbox files; a reload builds a new one and sessions pick it up with the next command.
//
// Resolution at RCPT, in this order: domain known? -> exact alias -> exact mailbox -> with plus addressing, the part
// before the first separator, as alias or mailbox -> catch-all (an alias "*", or "*" among the mailboxes, which takes
// the part before the separator as the mailbox) -> postmaster and abuse of a domain that names neither go to its first
// mailbox, or where it has none, where its first alias goes (always reachable) -> unknown. Spamtraps and retired
// mailboxes come before the catch-all: they are addresses where nobody is, named so that mail to them tells something
// of who sends it. postmaster and abuse are never among them. Local parts compare without
// case by default (RFC 5321 2.4 leaves it to us) and are delivered in lower case then. Aliases may name aliases and
// foreign addresses; an alias that names itself means the mailbox of its name. Loops and depth over 10 are errors of
// the configuration, found when it is built. Thread rule: immutable after build, shared by all threads. Memory: 200,000
// mailboxes under 20 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "smtp/address.h"

namespace postern::directory {

struct Transport {
  enum class Kind : std::uint8_t { maildir, lmtp_tcp, lmtp_unix, smtp, sink } kind = Kind::sink;
  std::string target;  // maildir: path template with {domain} and {user}; lmtp_tcp/smtp: endpoint text; lmtp_unix: path
  bool before_accept = false;  // of a next hop: our 250 is said when its server has taken the message
  // "maildir:var/mail/{domain}/{user}", "lmtp:[::1]:24", "lmtp:unix:/path", "smtp:[2001:db8::5]:25", "sink:"
  [[nodiscard]] static Result<Transport> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Transport&, const Transport&) = default;
};

// Who had a right to write to a mailbox has had a year of refusals to learn that it is gone.
inline constexpr std::int64_t kTrapAfterMs = 365LL * 24 * 3600 * 1000;

struct DomainOptions {
  std::string name;                    // as written; A- or U-labels
  Transport deliver;                   // with before_accept
  std::vector<std::string> mailboxes;  // local parts; "*" accepts any
  std::string mailboxes_file;          // one local part a line, '#' comments; "" = none
  std::vector<std::pair<std::string, std::vector<std::string>>> aliases;
  std::string plus = "+";  // separator; "" switches plus addressing off
  bool case_sensitive = false;
  std::vector<std::string> traps;                       // local parts that nobody ever had or gave away
  bool trap = false;                                    // all but mailboxes, aliases and role accounts are traps
  std::vector<std::pair<std::string, WallMs>> retired;  // local parts, and since when nobody has them
  std::int64_t trap_after_ms = kTrapAfterMs;            // a retired mailbox becomes a trap; 0: never
  int line = 0;                                         // of the configuration file, for errors
};

// One place a recipient's mail goes to.
struct Target {
  smtp::Mailbox mailbox;                 // canonical: the mailbox delivered to
  const Transport* transport = nullptr;  // of our domain; nullptr: a foreign address (outbound)
};

enum class Disposition : std::uint8_t {
  local,         // ours and known: `targets`
  unknown_user,  // our domain, no such mailbox
  foreign,       // not our domain: relay rules decide
  retired,       // as unknown_user: there was a mailbox of that name
  trap,          // as unknown_user: a spamtrap, or a mailbox that is gone for long enough
};
// No mail can go there, and all three are refused alike: who sends must not learn which one it was.
[[nodiscard]] constexpr bool is_nobody(Disposition disposition) {
  return disposition == Disposition::unknown_user || disposition == Disposition::retired ||
         disposition == Disposition::trap;
}

struct Resolution {
  Disposition disposition = Disposition::foreign;
  std::vector<Target> targets;
  // "alice@example.org": the mailbox or alias that the recipient is, whatever was put behind it; with a catch-all, the
  // part before the separator. What the policy knows him by. As it was named where nothing matched.
  std::string address;
  bool role_account = false;  // postmaster or abuse of one of our domains (or the bare <postmaster>)
};

class Directory {
 public:
  // Reads mailbox files. Errors name domain, line, alias and remedy.
  [[nodiscard]] static Result<std::shared_ptr<const Directory>> build(const std::vector<DomainOptions>& domains);
  // The same, telling everything that is wrong instead of the first thing. nullptr where there is a problem. A
  // problem's place is its domain's line in the configuration (0 where it names a file and line of its own in `what`).
  struct Problem {
    int line = 0;
    std::string what;
  };
  [[nodiscard]] static std::shared_ptr<const Directory> build(const std::vector<DomainOptions>& domains,
                                                              std::vector<Problem>& problems);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // <postmaster> without a domain is that of the first domain (RFC 5321 4.5.1). `now` tells retired mailboxes from
  // traps.
  [[nodiscard]] Resolution resolve(const smtp::Mailbox& mailbox, WallMs now) const;
  [[nodiscard]] bool has_domain(std::string_view canonical_name) const;
  // The transport for a mailbox that was resolved when it was accepted; nullptr when its domain is ours no more.
  [[nodiscard]] const Transport* transport(const smtp::Mailbox& mailbox) const;
  [[nodiscard]] std::size_t mailbox_count() const;
  [[nodiscard]] std::size_t memory() const;  // octets of the tables of mailboxes
  // Files whose change asks for a reload.
  [[nodiscard]] std::vector<std::string> watched_files() const;

 private:
  Directory();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::directory
