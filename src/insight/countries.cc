#include "insight/countries.h"

#include <algorithm>
#include <tuple>

#include "insight/intervals.h"

namespace postern::insight {

namespace {

using evidence::CountryCode;
using evidence::Signal;

constexpr std::size_t kCountryEventsMax = 8'000'000;  // 16 octets each

}  // namespace

void Countries::add(const record::SessionView& session) {
  walk_.begin();
  for (const record::DecisionView& decision : session.decisions) walk_.next(decision);
  const std::uint64_t key = sender_key(session, walk_.now());
  const Signs own = outcomes_.add(session, key, walk_.now());
  // What came to a sinkhole tells of its sender, and is no mail that anybody would have lost.
  if (session.decisions.empty() || record::is_sinkhole(session.listener)) return;
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
