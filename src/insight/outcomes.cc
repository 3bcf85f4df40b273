#include "insight/outcomes.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"
#include "ip/address.h"

namespace postern::insight {

namespace {

using evidence::Evidence;
using evidence::Signal;
namespace value = evidence::value;

constexpr Signs kOfSpam = bit(Sign::marked_spam) | bit(Sign::trap) | bit(Sign::retired) | bit(Sign::unknown_users);
// Not that somebody came back after the greylist: any bot that tries again would make itself ham.
constexpr Signs kOfHam = bit(Sign::marked_ham) | bit(Sign::replied_to) | bit(Sign::known);

struct SignName {
  Sign sign;
  std::string_view name;
};
constexpr std::array<SignName, 8> kNames{{
    {Sign::marked_spam, "marked spam"},
    {Sign::marked_ham, "marked ham"},
    {Sign::trap, "trap"},
    {Sign::retired, "retired mailbox"},
    {Sign::unknown_users, "unknown users"},
    {Sign::replied_to, "replied to"},
    {Sign::known, "known"},
    {Sign::retried, "retried"},
}};

// One side's signs alone decide; both leave it open.
Truth one_sided(Signs signs) {
  const bool spam = (signs & kOfSpam) != 0;
  const bool ham = (signs & kOfHam) != 0;
  if (spam == ham) return Truth::unknown;
  return spam ? Truth::spam : Truth::ham;
}

bool judged_about_mail(const record::SessionView& session) {
  return std::ranges::any_of(session.decisions, [](const record::DecisionView& decision) {
    return decision.stage != evidence::Stage::connect;
  });
}

bool was_greylisted(const record::SessionView& session) {
  return std::ranges::any_of(session.decisions, [](const record::DecisionView& decision) {
    return decision.enforced && decision.action == evidence::Action::greylist;
  });
}

}  // namespace

std::string_view to_string(Truth truth) {
  switch (truth) {
    case Truth::spam:
      return "spam";
    case Truth::ham:
      return "ham";
    case Truth::unknown:
      break;
  }
  return "unknown";
}

std::string text_of(Signs signs) {
  std::string out;
  for (const SignName& entry : kNames) {
    if ((signs & bit(entry.sign)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += entry.name;
  }
  return out;
}

Signs rests_on(Signal signal) {
  switch (signal) {
    case Signal::known:
    case Signal::verdict_of_operator:
      return bit(Sign::known) | bit(Sign::replied_to);
    case Signal::trap:
      return bit(Sign::trap);
    case Signal::recipient:
      return bit(Sign::trap) | bit(Sign::retired) | bit(Sign::unknown_users);
    case Signal::unknown_recipients:
    case Signal::recipients:
    case Signal::errors:
      return bit(Sign::unknown_users);
    case Signal::greylist:  // who came back twice is known by it
      return bit(Sign::known);
    case Signal::budget:  // charged for traps and unknown users
      return bit(Sign::trap) | bit(Sign::unknown_users);
    default:
      return 0;
  }
}

namespace {

// Whether the record's word is the one that the greylist went by.
bool is_greylists(std::string_view identity) { return !identity.empty() && !identity.starts_with("dkim:"); }

}  // namespace

std::string sender_of(const record::SessionView& session, const Evidence& last) {
  if (is_greylists(session.identity)) return std::string(session.identity);
  const std::string_view sender_domain = last.text(Signal::sender_domain);
  if (last.get<value::Spf>(Signal::spf) == value::Spf::pass && !sender_domain.empty()) {
    return "spf:" + lower(sender_domain);
  }
  const auto rdns = last.get<value::Rdns>(Signal::rdns);
  const std::string_view rdns_domain = last.text(Signal::rdns_domain);
  const std::string_view rdns_name = last.text(Signal::rdns_name);
  if (rdns == value::Rdns::mail && !rdns_domain.empty()) return "rdns:" + std::string(rdns_domain);
  if (rdns == value::Rdns::confirmed && !rdns_name.empty()) return "name:" + std::string(rdns_name);
  const auto address = ip::Address::parse(session.client);
  if (!address) return "net:" + std::string(session.client);
  return "net:" + ip::Prefix(*address, address->is_v4() ? 24 : 64).text();
}

std::uint64_t sender_key(const record::SessionView& session, const Evidence& last) {
  if (is_greylists(session.identity)) return std::hash<std::string_view>{}(session.identity);
  return std::hash<std::string>{}(sender_of(session, last));
}

bool SenderDays::first(const record::SessionView& session, std::uint64_t key) {
  if (!judged_about_mail(session)) return false;
  const std::int64_t number = session.start / kDayMs;
  if (number > today_.number) {
    yesterday_ = number == today_.number + 1 ? std::move(today_) : Day{};
    today_ = Day();
    today_.number = number;
  }
  Day* const day = number == today_.number ? &today_ : number == yesterday_.number ? &yesterday_ : nullptr;
  if (day == nullptr) return false;
  if (day->seen.find(key) != nullptr) return false;
  if (day->seen.find_or_add(key) != nullptr) return true;
  ++passed_over_;
  return false;
}

void Outcomes::add(const record::SessionView& session) {
  walk_.begin();
  for (const record::DecisionView& decision : session.decisions) walk_.next(decision);
  add(session, sender_key(session, walk_.now()), walk_.now());
}

Signs Outcomes::add(const record::SessionView& session, std::uint64_t key, const evidence::Evidence& last) {
  newest_ = std::max(newest_, session.start);
  oldest_ = oldest_ == 0 ? session.start : std::min(oldest_, session.start);
  if (session.decisions.empty() && session.accepted == 0) return 0;
  const Signs own = signs_of(session, last);
  Signs signs = own;
  History* const found = senders_.find_or_add(key);
  if (found == nullptr) {
    ++not_held_;
    return own;
  }
  History& history = *found;
  const auto now_s = static_cast<std::uint32_t>(session.start / 1000);
  if (session.accepted > 0 && history.greylisted_s != 0 && now_s > history.greylisted_s) signs |= bit(Sign::retried);
  if (was_greylisted(session)) history.greylisted_s = now_s;
  history.signs |= signs;
  return own;
}

Signs Outcomes::signs_of(const record::SessionView& session, const evidence::Evidence& last) const {
  Signs signs = 0;
  const auto mark = [&](std::string_view id) {
    if (const MarkWord* const word = marks_.find(id)) {
      signs |= bit(*word == MarkWord::spam ? Sign::marked_spam : Sign::marked_ham);
    }
  };
  if (!marks_.empty()) {
    mark(session.id);
    for (const record::TransactionView& transaction : session.transactions) mark(transaction.message);
  }
  const auto recipient = last.get<value::Recipient>(Signal::recipient);
  if (last.get<value::YesNo>(Signal::trap) == value::YesNo::yes || recipient == value::Recipient::trap) {
    signs |= bit(Sign::trap);
  }
  if (recipient == value::Recipient::retired) signs |= bit(Sign::retired);
  const std::int64_t unknown_users = last.number(Signal::unknown_recipients);
  if (unknown_users >= kUnknownUsers && 2 * unknown_users > last.number(Signal::recipients)) {
    signs |= bit(Sign::unknown_users);
  }
  const auto known = last.get<value::Known>(Signal::known);
  if (known == value::Known::replied_to) signs |= bit(Sign::replied_to);
  if (known == value::Known::known) signs |= bit(Sign::known);
  return signs;
}

Signs Outcomes::signs_of_sender(std::uint64_t key) const {
  const History* const found = senders_.find(key);
  return found == nullptr ? Signs{0} : found->signs;
}

Truth Outcomes::truth(Signs own, Signs of_sender, Signs left_out) {
  const auto keep = static_cast<Signs>(~left_out);
  own &= keep;
  of_sender &= keep;
  constexpr Signs kMarks = bit(Sign::marked_spam) | bit(Sign::marked_ham);
  if ((own & kMarks) != 0) return one_sided(own & kMarks);
  if ((own & bit(Sign::trap)) != 0) return Truth::spam;  // nobody was ever given that address
  // An old correspondent may still have a mailbox that was retired.
  if ((own & (kOfSpam | kOfHam)) != 0 && one_sided(own) == Truth::unknown) return Truth::unknown;
  if ((own & kOfSpam) != 0) return (of_sender & kOfHam) != 0 ? Truth::unknown : Truth::spam;
  return one_sided(own | of_sender);
}

}  // namespace postern::insight
