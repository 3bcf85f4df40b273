#include "evidence/signals.h"

#include <algorithm>
#include <array>

#include "base/result.h"

namespace postern::evidence {

namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, kStages> kStageWords{"connect", "helo", "mail", "rcpt", "data"};

constexpr std::array<std::string_view, 3> kFamily{"unknown", "ipv4", "ipv6"};
constexpr std::array<std::string_view, 6> kAddress{"unknown",       "global",   "private",
                                                   "documentation", "reserved", "loopback"};
constexpr std::array<std::string_view, 6> kRdns{"unknown", "none", "unconfirmed", "generic", "confirmed", "mail"};
constexpr std::array<std::string_view, 11> kOs{"unknown", "unrecognised", "windows", "linux",   "android", "apple",
                                               "freebsd", "openbsd",      "netbsd",  "solaris", "other"};
constexpr std::array<std::string_view, 3> kBudget{"unknown", "within", "over"};
constexpr std::array<std::string_view, 6> kKnown{"unknown", "stranger", "seen", "known", "replied_to", "undecided"};
constexpr std::array<std::string_view, 4> kOperator{"unknown", "silent", "allow", "deny"};
constexpr std::array<std::string_view, 9> kHelo{"unknown",      "name", "unqualified", "literal", "wrong_literal",
                                                "bare_address", "own",  "localhost",   "invalid"};
constexpr std::array<std::string_view, 6> kHeloMatch{"unknown", "ptr",     "organisation",
                                                     "address", "differs", "no_address"};
constexpr std::array<std::string_view, 4> kProtocol{"unknown", "smtp", "http", "tls"};
constexpr std::array<std::string_view, 3> kYesNo{"unknown", "no", "yes"};
constexpr std::array<std::string_view, 7> kTls{"unknown", "plain", "failed", "tls1_0", "tls1_1", "tls1_2", "tls1_3"};
constexpr std::array<std::string_view, 3> kSender{"unknown", "null", "address"};
constexpr std::array<std::string_view, 8> kSpf{"unknown",  "none", "neutral",   "pass",
                                               "softfail", "fail", "temperror", "permerror"};
constexpr std::array<std::string_view, 6> kRecipient{"unknown", "mailbox", "role", "no_such_user", "retired", "trap"};
constexpr std::array<std::string_view, 5> kGreylist{"unknown", "first", "early", "due", "weak"};
constexpr std::array<std::string_view, 8> kDkim{"unknown", "none",    "pass",      "fail",
                                                "policy",  "neutral", "temperror", "permerror"};
constexpr std::array<std::string_view, 6> kDmarc{"unknown", "none", "pass", "fail", "temperror", "permerror"};
constexpr std::array<std::string_view, 4> kDmarcPolicy{"unknown", "none", "quarantine", "reject"};
constexpr std::array<std::string_view, 4> kArc{"unknown", "none", "pass", "fail"};

constexpr SignalInfo category(Signal signal, std::string_view name, Stage stage, Words words, std::string_view doc) {
  return {.signal = signal, .name = name, .type = Type::category, .stage = stage, .values = words, .doc = doc};
}
constexpr SignalInfo other(Signal signal, std::string_view name, Type type, Stage stage, std::string_view doc) {
  return {.signal = signal, .name = name, .type = type, .stage = stage, .values = {}, .doc = doc};
}

constexpr std::array<SignalInfo, kSignals> kTable{
    category(Signal::family, "family", Stage::connect, kFamily, "The address family of the connection."),
    category(Signal::address, "address", Stage::connect, kAddress, "What kind of address the client has."),
    other(Signal::country, "country", Type::country, Stage::connect,
          "The country that the client's address is registered or used in."),
    category(Signal::rdns, "rdns", Stage::connect, kRdns,
             "What the reverse DNS of the client says: no name, a name that does not point back (unconfirmed), a name "
             "made of the address (generic), a name of its own (confirmed), and one such as mail servers have (mail)."),
    other(Signal::rdns_name, "rdns_name", Type::text, Stage::connect, "The client's name in reverse DNS."),
    other(Signal::rdns_domain, "rdns_domain", Type::text, Stage::connect,
          "The organisation of that name, where it is confirmed."),
    category(Signal::os, "os", Stage::connect, kOs, "The operating system that the client's SYN looks like."),
    other(Signal::syn, "syn", Type::text, Stage::connect, "The signature of that SYN, as p0f writes it."),
    category(Signal::early_talk, "early_talk", Stage::connect, kYesNo, "The client spoke before our greeting."),
    other(Signal::lists, "lists", Type::names, Stage::connect,
          "The DNS lists of the configuration that name the client, its name, or its sender domain."),
    other(Signal::list_score, "list_score", Type::number, Stage::connect,
          "The sum of the weights of those lists; negative where lists of good senders prevail."),
    category(Signal::budget, "budget", Stage::connect, kBudget, "Whether the client's prefixes are over their budget."),
    category(
        Signal::known, "known", Stage::connect, kKnown,
        "What we remember of the sender: nothing, a delivery, a good history, or mail of ours to it; undecided where a "
        "look-up failed that could have told who it is."),
    category(Signal::verdict_of_operator, "operator", Stage::connect, kOperator,
             "What the operator said with `postern allow` or `postern deny`."),
    category(Signal::helo, "helo", Stage::helo, kHelo,
             "The form of the HELO name; own is our own name or address, which no stranger has."),
    category(Signal::helo_match, "helo_match", Stage::helo, kHeloMatch,
             "What HELO agrees with: the reverse name (ptr), its organisation, an address of the name (address), or "
             "nothing (differs; no_address where the name has no address at all)."),
    other(Signal::helo_name, "helo_name", Type::text, Stage::helo, "What the client said in HELO."),
    category(Signal::protocol, "protocol", Stage::helo, kProtocol, "Whether the client speaks SMTP at all."),
    category(Signal::pipelining, "pipelining", Stage::helo, kYesNo,
             "The client sent commands before it could know that it may pipeline them."),
    category(Signal::tls, "tls", Stage::helo, kTls,
             "TLS of the session: none (plain), a failed handshake, or its version."),
    category(Signal::tls_retry, "tls_retry", Stage::helo, kYesNo,
             "The client came back in the clear after handshakes of its failed."),
    other(Signal::cipher, "cipher", Type::text, Stage::helo, "The cipher suite."),
    other(Signal::ja4, "ja4", Type::text, Stage::helo, "The JA4 fingerprint of the client's TLS."),
    category(Signal::sender, "sender", Stage::mail, kSender, "Whether the reverse-path is null."),
    other(Signal::sender_domain, "sender_domain", Type::text, Stage::mail, "The domain of the reverse-path."),
    category(Signal::spf, "spf", Stage::mail, kSpf, "The SPF result of the reverse-path, or of HELO where it is null."),
    category(Signal::recipient, "recipient", Stage::rcpt, kRecipient, "What the forward-path is here."),
    other(Signal::recipient_domain, "recipient_domain", Type::text, Stage::rcpt, "The domain of the forward-path."),
    other(Signal::recipient_address, "recipient_address", Type::text, Stage::rcpt,
          "The recipient's mailbox or alias, without what a plus address adds."),
    category(
        Signal::greylist, "greylist", Stage::rcpt, kGreylist,
        "Where the greylist stands: never seen (first), back too soon (early), back in time (due), in time by sender "
        "and recipient alone (weak)."),
    category(Signal::trap, "trap", Stage::rcpt, kYesNo, "The session named a spamtrap."),
    other(Signal::errors, "errors", Type::number, Stage::rcpt, "Commands of the session that were in error so far."),
    other(Signal::unknown_recipients, "unknown_recipients", Type::number, Stage::rcpt,
          "Recipients of the session that do not exist, this one included."),
    other(Signal::recipients, "recipients", Type::number, Stage::rcpt, "Recipients of the session, this one included."),
    other(Signal::messages, "messages", Type::number, Stage::rcpt, "Messages accepted in the session before this one."),
    category(Signal::dkim, "dkim", Stage::data, kDkim, "The best result of the DKIM signatures."),
    other(Signal::dkim_domain, "dkim_domain", Type::text, Stage::data, "The domain of the signature that passed."),
    category(Signal::dmarc, "dmarc", Stage::data, kDmarc, "The DMARC result."),
    category(Signal::dmarc_policy, "dmarc_policy", Stage::data, kDmarcPolicy,
             "What the author's domain asks for where DMARC fails."),
    category(Signal::arc, "arc", Stage::data, kArc, "The result of the ARC chain."),
    other(Signal::author_domain, "author_domain", Type::text, Stage::data, "The domain of the From field."),
    other(Signal::size, "size", Type::number, Stage::data, "Octets of the message."),
    other(Signal::tls_group, "tls_group", Type::text, Stage::helo, "The group of the key exchange."),
    category(Signal::hang_up, "hang_up", Stage::connect, kYesNo,
             "Within the last hour the client left a session without QUIT and without a message."),
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kSignals; ++i)
    if (static_cast<std::size_t>(kTable[i].signal) != i) return false;
  return true;
}
static_assert(in_order(), "the table is indexed by Signal");

// Names to numbers: records are read by the hundred thousand a second, a few dozen names each. Linear probing in a
// table that is at most half full.
constexpr std::size_t kSlots = 128;
constexpr std::uint8_t kNobody = 0xFF;
static_assert(kSignals <= kSlots / 2);

constexpr std::size_t slot_of(std::string_view name) {
  if (name.empty()) return 0;
  const auto octet = [name](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(name[at])); };
  return (name.size() * 7 + octet(0) * 3 + octet(name.size() - 1) * 31 + octet(name.size() / 2) * 57) % kSlots;
}
constexpr std::array<std::uint8_t, kSlots> make_slots() {
  std::array<std::uint8_t, kSlots> slots{};
  slots.fill(kNobody);
  for (const SignalInfo& signal : kTable) {
    std::size_t at = slot_of(signal.name);
    while (slots[at] != kNobody) at = (at + 1) % kSlots;
    slots[at] = static_cast<std::uint8_t>(signal.signal);
  }
  return slots;
}
constexpr auto kNameSlots = make_slots();

}  // namespace

std::string_view to_string(Stage stage) { return kStageWords.at(static_cast<std::size_t>(stage)); }

std::optional<Stage> parse_stage(std::string_view word) {
  const auto* const found = std::ranges::find(kStageWords, word);
  if (found == kStageWords.end()) return std::nullopt;
  return static_cast<Stage>(found - kStageWords.begin());
}

std::span<const SignalInfo, kSignals> signals() { return kTable; }

const SignalInfo& info(Signal signal) { return kTable.at(static_cast<std::size_t>(signal)); }

std::optional<Signal> find_signal(std::string_view name) {
  for (std::size_t at = slot_of(name); kNameSlots.at(at) != kNobody; at = (at + 1) % kSlots) {
    const SignalInfo& found = kTable.at(kNameSlots.at(at));
    if (found.name == name) return found.signal;
  }
  return std::nullopt;
}

std::optional<std::uint8_t> find_value(Signal signal, std::string_view word) {
  const Words words = info(signal).values;
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - words.begin());
}

}  // namespace postern::evidence
