#include "insight/statistics.h"

#include <algorithm>
#include <tuple>

#include "insight/intervals.h"

namespace postern::insight {

namespace {

using evidence::Action;
using evidence::CountryCode;
using evidence::Signal;

constexpr std::size_t kCountryEventsMax = 8'000'000;  // 16 octets each

std::size_t at(bool ipv6) { return ipv6 ? 1 : 0; }

// Of two words the one that says more to the sender.
int strength(Action action) {
  switch (action) {
    case Action::accept:
      return 0;
    case Action::tag:
      return 1;
    case Action::greylist:
      return 2;
    case Action::throttle:
      return 3;
    case Action::reject:
      return 4;
  }
  return 0;
}

void write_names(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const auto& [name, counts] : names.all()) out.field(name, counts[0] + counts[1]);
  out.end_object();
}

void write_by_family(std::string_view key, const Names& names, json::Writer& out) {
  out.key(key).begin_object();
  for (const bool ipv6 : {false, true}) {
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object();
    for (const auto& [name, counts] : names.all())
      if (counts[at(ipv6)] > 0) out.field(name, counts[at(ipv6)]);
    out.end_object();
  }
  out.end_object();
}

}  // namespace

void Names::add(std::string_view name, bool ipv6, std::uint64_t count) {
  if (name.empty()) return;
  auto found = names_.find(name);
  if (found == names_.end()) {
    const std::string_view key = names_.size() < kNamesMax ? name : std::string_view("other");
    found = names_.emplace(key, PerFamily{}).first;
  }
  found->second[at(ipv6)] += count;
}

void Statistics::add(const record::SessionView& session) {
  const bool ipv6 = session.ipv6;
  oldest = oldest == 0 ? session.start : std::min(oldest, session.start);
  newest = std::max(newest, session.start);
  ++sessions[at(ipv6)];
  accepted[at(ipv6)] += session.accepted;
  if (session.tls) {
    ++tls[at(ipv6)];
    tls_versions.add(session.tls_version, ipv6);
    ciphers.add(session.tls_cipher, ipv6);
  }
  const record::DecisionView* strongest = nullptr;
  for (const record::DecisionView& decision : session.decisions) {
    if (!decision.enforced) continue;
    if (strongest == nullptr || strength(decision.action) > strength(strongest->action)) strongest = &decision;
  }
  verdicts.add(strongest == nullptr ? "none" : evidence::to_string(strongest->action), ipv6);
  reasons.add(session.refusal, ipv6);
  for (const record::TransactionView& transaction : session.transactions) {
    if (transaction.code >= 400) reasons.add(transaction.reason, ipv6);
  }
  for (const record::RecipientView& recipient : session.recipients) {
    if (recipient.code >= 400) reasons.add(recipient.reason, ipv6);
  }
}

void append_json(const Statistics& statistics, const LineCount& lines, json::Writer& out) {
  const auto sum = [](const PerFamily& both) { return both[0] + both[1]; };
  out.key("connections").begin_object().field("total", sum(statistics.sessions));
  out.field("ipv4", statistics.sessions[0]).field("ipv6", statistics.sessions[1]);
  out.field("tls", sum(statistics.tls)).field("tls_ipv4", statistics.tls[0]);
  out.field("tls_ipv6", statistics.tls[1]).end_object();
  out.key("messages").begin_object().field("accepted", sum(statistics.accepted));
  out.field("ipv4", statistics.accepted[0]).field("ipv6", statistics.accepted[1]).end_object();
  write_names("tls_versions", statistics.tls_versions, out);
  write_names("ciphers", statistics.ciphers, out);
  write_by_family("verdicts", statistics.verdicts, out);
  write_by_family("reasons", statistics.reasons, out);
  out.key("lines").begin_object().field("total", lines.total()).field("unknown", lines.damaged);
  out.field("sessions", lines.sessions).field("others", lines.others).end_object();
  if (statistics.oldest > 0) {
    out.field("oldest", iso8601(statistics.oldest)).field("newest", iso8601(statistics.newest));
  }
}

void Countries::add(const record::SessionView& session) {
  walk_.begin();
  for (const record::DecisionView& decision : session.decisions) walk_.next(decision);
  const std::uint64_t key = sender_key(session, walk_.now());
  const Signs own = outcomes_.add(session, key, walk_.now());
  if (session.decisions.empty()) return;
  const auto code = static_cast<CountryCode>(walk_.now().number(Signal::country));
  if (code != 0) messages_[code] += session.accepted;
  if (!sender_days_.first(session, key) || events_.size() >= kCountryEventsMax) return;
  events_.push_back({key, own, code});
}

Countries::Proposal Countries::propose(double loss) const {
  Proposal out;
  struct Gathered {
    Country country;
    std::uint64_t exempt = 0;
    bool written_to = false;
  };
  std::map<CountryCode, Gathered> gathered;
  for (const auto& [code, messages] : messages_) gathered[code].country.messages = messages;
  for (const Event& event : events_) {
    if (event.code == 0) {
      ++out.unknown_country;
      continue;
    }
    Gathered& of = gathered[event.code];
    ++of.country.sender_days;
    const Signs of_sender = outcomes_.signs_of_sender(event.key);
    const Truth truth = Outcomes::truth(event.own, of_sender);
    if (truth == Truth::spam) ++of.country.spam;
    if (truth != Truth::ham) continue;
    ++of.country.ham;
    const Signs all = event.own | of_sender;
    if ((all & (bit(Sign::known) | bit(Sign::replied_to))) != 0) ++of.exempt;
    if ((all & bit(Sign::replied_to)) != 0) of.written_to = true;
  }
  for (auto& [code, of] : gathered) {
    of.country.code = code;
    out.ham += of.country.ham;
    out.spam += of.country.spam;
  }
  std::vector<const Gathered*> order;
  for (const auto& [code, of] : gathered) order.push_back(&of);
  std::ranges::sort(order, [](const Gathered* a, const Gathered* b) {
    const auto key = [](const Gathered* of) {
      return std::tuple(of->country.ham, of->country.messages, of->country.code);
    };
    return key(a) > key(b);
  });
  std::uint64_t held = 0;
  for (const Gathered* const of : order) {
    Country country = of->country;
    const double left = out.ham == 0 ? 0 : static_cast<double>(out.ham - held) / static_cast<double>(out.ham);
    country.proposed = country.ham > 0 && (left > loss || of->written_to);
    held += country.ham;
    if (!country.proposed) {
      out.ham_lost += country.ham;
      out.spam_refused += country.spam;
      out.exempt += of->exempt;
    }
    out.countries.push_back(country);
  }
  return out;
}

void append_json(const Countries::Proposal& proposal, json::Writer& out) {
  out.key("home").begin_array();
  for (const Countries::Country& country : proposal.countries)
    if (country.proposed) out.string(evidence::country_text(country.code));
  out.end_array();
  const auto share = [&out](std::string_view key, std::uint64_t hits, std::uint64_t total) {
    const Interval interval = wilson(static_cast<double>(hits), static_cast<double>(total));
    out.key(key).begin_object().field("count", hits).field("of", total);
    out.field("low", interval.low).field("high", interval.high).end_object();
  };
  share("ham_lost", proposal.ham_lost, proposal.ham);
  share("spam_refused", proposal.spam_refused, proposal.spam);
  out.field("exempt", proposal.exempt).field("unknown_country", proposal.unknown_country);
  out.key("countries").begin_array();
  for (const Countries::Country& country : proposal.countries) {
    out.begin_object().field("country", evidence::country_text(country.code)).field("messages", country.messages);
    out.field("sender_days", country.sender_days).field("ham", country.ham).field("spam", country.spam);
    out.field("proposed", country.proposed).end_object();
  }
  out.end_array();
}

}  // namespace postern::insight
