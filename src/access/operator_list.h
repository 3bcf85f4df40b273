// OperatorList: the operator's own word about senders, as `postern allow` and `postern deny` gave it: an immutable
// index that every session asks. What is done with a word is the policy's affair (the signal "operator"); where the
// entries are kept is access/operator_file.h.
//
// An entry is about a client prefix of either family, a domain, or a sender's address. A domain speaks for itself and
// what lies below it, of the reverse-path and of the client's confirmed reverse name. The facts that nobody can forge
// are asked first: the client's address (the longest prefix), its confirmed name, then the reverse-path: its address,
// then its domain (the longest). The first that has an entry in force decides. An entry whose time is over is as none.
// Thread rule: immutable; shared by all threads. Memory: about 300 octets an entry. lookup() does not allocate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "evidence/signals.h"
#include "ip/address.h"

namespace postern::access {

inline constexpr std::size_t kEntriesMax = 100'000;
inline constexpr std::size_t kNoteMax = 200;                                   // octets, printable UTF-8 of one line
inline constexpr std::int64_t kDurationMaxMs = 10LL * 366 * 24 * 3600 * 1000;  // of --for; longer is for ever
// A deny of more than this would be one of whole regions: 8 and 12 bits are what the registries themselves are given.
inline constexpr int kDenyBitsMinV4 = 8;
inline constexpr int kDenyBitsMinV6 = 12;

enum class Kind : std::uint8_t { prefix, domain, address };
[[nodiscard]] std::string_view to_string(Kind kind);

struct Entry {
  Kind kind = Kind::domain;
  std::string subject;  // canonical: "2001:db8::/32", "192.0.2.1/32", "example.org", "bob@example.org"
  evidence::value::Operator word = evidence::value::Operator::allow;  // allow or deny
  WallMs since = 0;
  WallMs until = 0;  // 0: for ever
  std::string note;  // the operator's, for people

  [[nodiscard]] bool expired(WallMs now) const { return until != 0 && until <= now; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

// What an operator writes: an address or prefix of a client, a domain (of any number of labels, in either form of an
// internationalised name), or a sender's address. Sets kind and subject; the error says what would be right.
[[nodiscard]] Result<Entry> parse_subject(std::string_view text);
// Refuses what would cut ourselves off: a deny that covers loopback, or a family or a large part of it.
[[nodiscard]] Result<void> check(const Entry& entry);

// One line of the file without its newline, and an object of the control socket:
// {"deny":"2001:db8::/32","since":MS,"until":MS,"note":"..."}
inline constexpr std::size_t kLineMax = 4096;  // octets
[[nodiscard]] std::string entry_line(const Entry& entry);
[[nodiscard]] json::Value entry_value(const Entry& entry);
[[nodiscard]] Result<Entry> parse_entry(std::string_view line);

// Who is asked about. What is not known yet, or does not exist, is empty.
struct Sender {
  ip::Address client;
  std::string_view confirmed_name;  // of the client in reverse DNS, confirmed forwards
  std::string_view reverse_path;    // "bob@example.org", without angle brackets; "" for <>
};

class OperatorList {
 public:
  OperatorList();
  explicit OperatorList(std::vector<Entry> entries);  // of one subject the last counts; sorted by subject
  ~OperatorList();
  OperatorList(const OperatorList&) = delete;
  OperatorList& operator=(const OperatorList&) = delete;

  // Operator::silent where no entry is in force. `entry` lives as long as the list.
  struct Answer {
    evidence::value::Operator word = evidence::value::Operator::silent;
    const Entry* entry = nullptr;
  };
  [[nodiscard]] Answer lookup(const Sender& sender, WallMs now) const;
  [[nodiscard]] const Entry* find(std::string_view subject) const;  // canonical; expired ones too
  [[nodiscard]] std::span<const Entry> entries() const;             // by subject
  [[nodiscard]] std::size_t size() const { return entries().size(); }

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace postern::access
