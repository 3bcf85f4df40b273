#include "check/etiquette.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postern::check {

namespace {

bool has_word(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

}  // namespace

Task<bool> Etiquette::enter(io::Loop& loop, ip::Address address, Deadline deadline) {
  make_room(loop.now());
  while (addresses_[address].occupied) {
    io::Signal freed(loop);
    addresses_[address].waiting.push_back(&freed);
    const bool told = co_await freed.wait(deadline);
    std::erase(addresses_[address].waiting, &freed);
    if (!told) {
      // A word that came as the time ran out is the next one's
      const Place& place = addresses_[address];
      if (!place.occupied && !place.waiting.empty()) place.waiting.front()->notify();
      co_return false;
    }
  }
  addresses_[address].occupied = true;
  co_return true;
}

void Etiquette::leave(const ip::Address& address) {
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return;
  found->second.occupied = false;
  if (!found->second.waiting.empty()) found->second.waiting.front()->notify();
}

Task<bool> Etiquette::may_visit(io::Loop& loop, ip::Address address, Deadline deadline) {
  for (;;) {
    Place& place = addresses_[address];
    forget_visits(place, loop.now());
    if (place.visits.size() < limits_.visits) {
      place.visits.push_back(loop.now());
      co_return true;
    }
    const Deadline next = Deadline::at(place.visits.front() + limits_.window);
    if (deadline.passed(next.time())) co_return false;
    co_await io::sleep_until(loop, next);
  }
}

bool Etiquette::may_visit_beside(const ip::Address& address, Clock::time_point now) {
  Place& place = addresses_[address];
  forget_visits(place, now);
  if (place.beside.size() >= limits_.visits) return false;
  place.beside.push_back(now);
  return true;
}

const ServerFacts* Etiquette::known(const ip::Endpoint& endpoint, std::string_view host, Clock::time_point now) {
  const auto found = facts_.find({endpoint.text(), std::string(host)});
  if (found == facts_.end() || found->second.at + limits_.kept <= now) return nullptr;
  return &found->second.facts;
}

void Etiquette::remember(std::string_view host, const ServerFacts& facts, Clock::time_point now) {
  std::erase_if(facts_, [&](const auto& entry) { return entry.second.at + limits_.kept <= now; });
  Key key{facts.endpoint.text(), std::string(host)};
  if (facts_.size() >= kFactsMax && !facts_.contains(key)) {
    facts_.erase(std::ranges::min_element(facts_, {}, [](const auto& entry) { return entry.second.at; }));
  }
  facts_.insert_or_assign(std::move(key), Remembered{facts, now});
}

void Etiquette::forget_visits(Place& place, Clock::time_point now) const {
  for (std::deque<Clock::time_point>* const of : {&place.visits, &place.beside}) {
    while (!of->empty() && of->front() + limits_.window <= now) of->pop_front();
  }
}

// Who is not visited, and was not within the window, is nobody to remember.
void Etiquette::make_room(Clock::time_point now) {
  if (addresses_.size() < kAddressesMax) return;
  for (auto& [address, place] : addresses_) forget_visits(place, now);
  std::erase_if(addresses_, [](const auto& entry) {
    const Place& place = entry.second;
    return !place.occupied && place.waiting.empty() && place.visits.empty() && place.beside.empty();
  });
}

PutOff put_off(std::uint16_t code, std::string_view reply) {
  if (code < 400 || code > 499) return PutOff::no;
  const std::string text = lower(reply);
  if (has_word(text, {"greylist", "graylist", "grey list", "gray list", "grey-list", "gray-list"}))
    return PutOff::greylisted;
  if (has_word(text, {"rate limit", "rate-limit", "ratelimit", "rate exceeded", " rate ", "too many", "too fast",
                      "too much", "throttl", "limit", "connections"}))
    return PutOff::limited;
  if (code == 421 || code == 454) return PutOff::limited;
  const bool typical = has_word(text, {"4.7.1", "4.7.0", "4.2.0", "try again", "come back", "retry", "later"});
  if ((code == 450 || code == 451) && typical) return PutOff::greylisted;
  return PutOff::later;
}

std::string_view to_string(PutOff kind) {
  switch (kind) {
    case PutOff::no:
      return "no refusal";
    case PutOff::greylisted:
      return "greylisting";
    case PutOff::limited:
      return "a limit";
    case PutOff::later:
      break;
  }
  return "a passing refusal";
}

Putting put_off(const ServerFacts& facts) {
  if (!facts.connected) return {};
  const auto of = [](std::uint16_t code, const std::string& where, const std::string& text, bool recipient) {
    const bool repeats = text.starts_with(std::to_string(code));
    return Putting{put_off(code, text), where + (repeats ? "" : std::to_string(code) + " ") + text, recipient};
  };
  if (facts.banner_code != 220) return of(facts.banner_code, "greeting: ", facts.banner, false);
  if (facts.hello_code != 250) return of(facts.hello_code, "EHLO: ", facts.problem, false);
  if (!facts.tls && facts.starttls_code != 220 && facts.starttls_code != 0)
    return of(facts.starttls_code, "STARTTLS: ", facts.tls_problem, false);
  for (const RecipientProbe& one : facts.probes) {
    if (one.code / 100 != 4) continue;
    const std::string where = one.what == "null-sender" ? "MAIL FROM:<>: " : "RCPT TO:<" + one.path + ">: ";
    return of(one.code, where, one.reply, true);
  }
  // The connections of the deeper tests ended before a recipient was asked about
  if (facts.deep && facts.probes.empty() && facts.deep_ended.starts_with("rate limited"))
    return {PutOff::limited, facts.deep_ended, true};
  return {};
}

}  // namespace postern::check
