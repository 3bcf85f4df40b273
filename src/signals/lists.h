// DNS lists (RFC 5782): lists of addresses that others refuse (DNSBL) or vouch for (DNSWL), and lists of domains
// (RHSBL), asked about the client's confirmed name, HELO and the sender's domain.
//
// States of a list: not asked, listed, not listed (NXDOMAIN, NODATA, or an answer that no rule of the configuration
// wants), and unknown: DNS failed, or *the list does not answer us*, which Verdict::problem says in a stable word:
//   "mistyped"         127.255.255.252: there is no such list
//   "public_resolver"  127.255.255.254: it does not answer public resolvers; ask with an own one ([dns] recurse)
//   "rate_limited"     127.255.255.255: too many queries; some lists want a key then
//   "refused"          any other 127.255.255.x, 127.0.0.1, and 127.0.0.255 of lists of good senders; also REFUSED
//   "no_list"          an answer outside 127.0.0.0/8: the zone is gone, and its domain answers everything
//   "servfail", "timeout", "bogus", "unavailable", "limit", "cancelled": DNS did not answer
// An unknown list is neither answered nor listed, and weighs nothing. A list that answers everybody with an error code
// must not block all mail, which is how such lists have ended before.
//
// Cost: queries_max() look-ups a session. All of them are asked at once, so that the wait is that for the slowest.
// Deadline: the budget's. Thread rule: Lists is immutable once compiled; ask() is the resolver's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "dns/public_suffix.h"
#include "dns/resolver.h"
#include "evidence/evidence.h"
#include "ip/address.h"
#include "signals/list_answer.h"

namespace postern::signals {

inline constexpr std::size_t kAnswerRulesMax = 64;  // of one list
inline constexpr int kListWeightMax = 1000;

enum class ListKind : std::uint8_t {
  address_deny,   // weights are 0 or more
  address_allow,  // weights count against the score: 2 and -2 are the same
  domain,
};

// What a domain list is asked about: bits.
enum class Subject : std::uint8_t { rdns_name = 1, helo = 2, sender_domain = 4 };

enum class Ipv6Query : std::uint8_t {
  off,      // the list knows IPv4 only: not asked, unknown
  address,  // 32 nibbles (RFC 5782 2.4)
  net64,    // 16 nibbles, of lists whose entries are networks of 64 bits
};

struct AnswerWeight {
  std::string answer;  // AnswerPattern
  int weight = 1;
};

// [[policy.list]]
struct ListOptions {
  std::string name;  // letters, digits, '-', '_'; unique: what rules and records call it
  std::string zone;  // "zen.example.org"
  ListKind kind = ListKind::address_deny;
  int weight = 1;  // points, where `answers` is empty: any answer is a listing then
  // Each of them that an answer matches is a listing and adds its weight, once. Answers that none matches are none.
  std::vector<AnswerWeight> answers;
  std::uint8_t subjects = static_cast<std::uint8_t>(Subject::sender_domain);
  bool full_name = false;  // domain lists: ask for the whole name, not for its organisational domain
  Ipv6Query ipv6 = Ipv6Query::address;
  bool text = false;  // ask a list that lists for its TXT, too
};

// What is known of the sender so far. A list is asked about each of them once; pass what is new at each stage.
struct ListSubjects {
  std::optional<ip::Address> client;
  std::optional<dns::Name> rdns_name;  // confirmed only: others are not the client's to have
  std::optional<dns::Name> helo;       // where it is a name
  std::optional<dns::Name> sender_domain;
};

// What one list said in the session.
struct ListVerdict {
  bool asked = false;             // at least one question is, or was, on its way
  bool answered = false;          // at least one question was answered
  bool listed = false;            // then, of at least one
  std::uint64_t rules = 0;        // bits: which of its answers matched; bit 0 where it has none
  std::string_view problem;       // of a question that was not answered; static
  std::vector<ip::Address> said;  // that it returned for what is listed, at most kSaidMax; for the record
  std::string text;               // its TXT, printable, at most evidence::kTextMax
  static constexpr std::size_t kSaidMax = 8;
  void add(const ListVerdict& other);  // of another question to the same list
};

// Of all lists, by number in the order of the configuration; what Evidence::set_lists and Signal::list_score take.
struct ListVerdicts {
  std::vector<ListVerdict> lists;
  // A list has answered where nothing about it is missing that could have listed: not where a question of several
  // failed, unless another one lists.
  [[nodiscard]] std::uint32_t answered() const;
  [[nodiscard]] std::uint32_t listed() const;
};

class Lists {
 public:
  Lists() = default;
  // Errors name the list and the remedy: too many (evidence::kListsMax), a name twice, a zone that is none, a weight
  // of the wrong sign.
  [[nodiscard]] static Result<Lists> compile(std::vector<ListOptions> options);

  [[nodiscard]] std::size_t size() const { return lists_.size(); }
  [[nodiscard]] const ListOptions& options(std::size_t list) const { return lists_.at(list).options; }
  [[nodiscard]] evidence::ListNames names() const;
  // Look-ups that a session costs at most, with one HELO and one sender; of a client of this family.
  [[nodiscard]] std::uint32_t queries_max(ip::Family family) const;
  // A list of good senders that was asked and has not answered counts as if it named the client with its best weight:
  // what it would have said must not be missed by a sender (design invariant 6).
  [[nodiscard]] std::int64_t score(const ListVerdicts& verdicts) const;

  // Begins the look-ups of ask(), for when other things are waited for first.
  void prefetch(const ListSubjects& subjects, const dns::PublicSuffixList& suffixes, dns::Resolver& resolver) const;
  // Asks every list about what it is for, and adds what they say to `verdicts` (which may be empty, or of an earlier
  // stage of the session). Clients on loopback, link-local and private addresses are in no list and not asked about.
  [[nodiscard]] Task<> ask(ListSubjects subjects, const dns::PublicSuffixList& suffixes, dns::Resolver& resolver,
                           dns::Budget& budget, ListVerdicts& verdicts) const;
  // The same in parts, so that a list that does not answer holds up no other: begin() starts the look-ups and says
  // which they are; each may be waited for alone, and goes into the verdict of its list.
  struct Question {
    std::size_t list = 0;
    dns::Name name;
  };
  [[nodiscard]] std::vector<Question> begin(const ListSubjects& subjects, const dns::PublicSuffixList& suffixes,
                                            dns::Resolver& resolver, ListVerdicts& verdicts) const;
  [[nodiscard]] Task<> ask_one(Question question, dns::Resolver& resolver, dns::Budget& budget,
                               ListVerdict& verdict) const;

  // The name that is asked for an address: "1.2.0.192.zen.example.org". nullopt: not asked.
  [[nodiscard]] std::optional<dns::Name> query_name(std::size_t list, const ip::Address& client) const;
  // The same for a name: its organisational domain or all of it, below the zone.
  [[nodiscard]] std::optional<dns::Name> query_name(std::size_t list, const dns::Name& subject,
                                                    const dns::PublicSuffixList& suffixes) const;
  // Judges one answer; for tests and tools. Adds to `verdict`.
  void judge(std::size_t list, const dns::Answer& answer, ListVerdict& verdict) const;

 private:
  struct Rule {
    AnswerPattern pattern;
    int weight = 0;
  };
  struct List {
    ListOptions options;
    dns::Name zone;
    std::vector<Rule> rules;
  };
  [[nodiscard]] static std::int64_t best_points(const List& list);
  [[nodiscard]] std::vector<Question> questions(const ListSubjects& subjects,
                                                const dns::PublicSuffixList& suffixes) const;

  std::vector<List> lists_;
};

}  // namespace postern::signals
