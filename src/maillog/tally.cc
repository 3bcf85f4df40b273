#include "maillog/tally.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "maillog/reason.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

Family family_of(const Host& host) {
  if (!host.known()) return Family::none;
  if (host.ipv6()) return Family::v6;
  return host.mapped() || is_digit(host.address.front()) ? Family::v4 : Family::none;  // "private/dovecot-lmtp"
}

// "starttls=1" of "ehlo=2 starttls=1 mail=1 ...", not "starttls=0/1"; it stands behind helo and ehlo
bool has_starttls(std::string_view counters) {
  const std::size_t at = counters.find("starttls=");
  return at != kNone && at + 9 < counters.size() && counters[at + 9] != '0';
}

std::string_view daemon_name(std::string_view program) {
  const std::size_t slash = program.rfind('/');
  return slash == kNone ? program : program.substr(slash + 1);
}

// Whole seconds of "0.52"
std::uint64_t seconds_of(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c) || value > 1'000'000'000) break;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

// Exim's "TLS1.3" and OpenSSL's "TLSv1.3" are one.
std::string_view tls_name(std::string_view version, std::array<char, 16>& buffer) {
  if (!version.starts_with("TLS1") || version.size() + 1 > buffer.size()) return version;
  std::memcpy(buffer.data(), "TLSv", 4);
  std::memcpy(buffer.data() + 4, version.data() + 3, version.size() - 3);
  return {buffer.data(), version.size() + 1};
}

Counts larger(const Counts& a, const Counts& b) {
  return {.v4 = std::max(a.v4, b.v4), .v6 = std::max(a.v6, b.v6), .none = std::max(a.none, b.none)};
}

// A log may begin in the middle: more TLS than connections is no share.
Counts smaller(const Counts& a, const Counts& b) {
  return {.v4 = std::min(a.v4, b.v4), .v6 = std::min(a.v6, b.v6), .none = std::min(a.none, b.none)};
}

}  // namespace

void Day::add(const Day& other) {
  connects.add(other.connects);
  tls.add(other.tls);
  starttls.add(other.starttls);
  exim_connects.add(other.exim_connects);
  exim_arrivals.add(other.exim_arrivals);
  exim_tls.add(other.exim_tls);
  received += other.received;
  delivered += other.delivered;
  deferred += other.deferred;
  bounced += other.bounced;
  rejected += other.rejected;
}

Counts Tally::connections() const {
  Counts out = connects;
  out.add(exim_messages_stand_for_connections() ? exim_arrivals : exim_connects);
  return out;
}

Counts Tally::connections_with_tls() const {
  Counts out = larger(beyond_.tls, beyond_.starttls);
  for (const auto& [number, day] : days) out.add(larger(day.tls, day.starttls));
  if (exim_messages_stand_for_connections()) out.add(exim_tls);
  return smaller(out, connections());
}

Counts Tally::connections(const Day& day) const {
  Counts out = day.connects;
  out.add(exim_messages_stand_for_connections() ? day.exim_arrivals : day.exim_connects);
  return out;
}

Counts Tally::connections_with_tls(const Day& day) const {
  Counts out = larger(day.tls, day.starttls);
  if (exim_messages_stand_for_connections()) out.add(day.exim_tls);
  return smaller(out, connections(day));
}

std::string_view Tally::tls_from() const {
  const auto more = [](const Day& day) {
    return day.starttls.v4 > day.tls.v4 || day.starttls.v6 > day.tls.v6 || day.starttls.none > day.tls.none;
  };
  if (!more(beyond_) && std::ranges::none_of(days, [&](const auto& one) { return more(one.second); })) return {};
  return tls.total() == 0 ? "disconnect" : "both";
}

Prefixes Tally::prefixes() const {
  Prefixes out = connecting_;
  if (arriving_ && exim_messages_stand_for_connections()) out.add(*arriving_);
  return out;
}

bool TallyOptions::within(const Line& line) const {
  if (since_day || until_day) {
    const auto day = day_of(line, time);
    if (!day || (since_day && *day < *since_day) || (until_day && *day >= *until_day)) return false;
  }
  if (!since && !until) return true;
  const auto at = time_of(line, time);
  return at && (!since || *at >= *since) && (!until || *at < *until);
}

// Lines come in order: the date is the last one's nearly always, and is compared as text.
inline bool Tally::begin_day(const Line& line) {
  const std::size_t size = line.form != StampForm::classic ? 10 : line.stamp.size() == 15 ? 6 : 11;
  const char* const written = line.stamp.data();
  const char* const known = day_text_.data();
  // Sizes are written out for they are no calls of memcmp then.
  if (size == day_text_size_ && (size == 6    ? std::memcmp(known, written, 6)
                                 : size == 10 ? std::memcmp(known, written, 10)
                                              : std::memcmp(known, written, 11)) == 0)
    return true;
  return begin_other_day(line, size);
}

bool Tally::begin_other_day(const Line& line, std::size_t size) {
  const auto number = day_of(line, options_.time);
  if (!number) return false;
  const auto found = days.find(*number);
  day_text_size_ = 0;
  day_ = &beyond_;
  if (found == days.end() && days.size() >= kDaysMax) return true;
  day_ = found != days.end() ? &found->second : &days[*number];
  std::memcpy(day_text_.data(), line.stamp.data(), size);
  day_text_size_ = size;
  return true;
}

void Tally::keep(std::string_view line, std::uint64_t place) {
  ++lines.unknown;
  if (line.front() == '{') ++lines.json;
  if (options_.keep_unknown && unknown.size() < kUnknownKept)
    unknown.emplace_back(place, line.substr(0, kUnknownKeptOctets));
}

void Tally::add(std::string_view text, std::uint64_t place) {
  if (text.empty()) return;
  const Line line = split_line(text);
  if (limited_ && !options_.holds(line)) {
    ++lines.outside;
    return;
  }
  ++lines.total;
  if (line.origin == Origin::none || !begin_day(line)) return keep(text, place);
  switch (line.origin) {
    case Origin::none:
    case Origin::other:
      ++lines.others;
      return;
    case Origin::postfix:
      ++lines.postfix;
      break;
    case Origin::exim:
      ++lines.exim;
      break;
  }
  Event event;
  read_event(line, event);
  if (event.kind == Kind::unknown) return add_unread(text, place, line);
  count(line, event, 1);
}

// What is not understood as it stands: a message that syslog repeats, or one that is unknown.
void Tally::add_unread(std::string_view text, std::uint64_t place, Line line) {
  const std::uint32_t times = take_repeated(line);
  if (times == 0) return keep(text, place);
  Event event;
  read_event(line, event);
  if (event.kind == Kind::unknown) return keep(text, place);
  count(line, event, times);
}

void Tally::count_tls(const Event& event, Family family, std::uint64_t n) {
  std::array<char, 16> buffer;
  tls_versions.add(tls_name(event.tls, buffer), family, n);
  ciphers.add(event.cipher, family, n);
}

void Tally::count_decision(const Event& event, Family family, std::uint64_t n) {
  ReasonBuffer buffer;
  actions.add(event.action, family, n);
  if (event.action == "reject" || event.action.starts_with("milter-reject") || event.action.ends_with("tempfail"))
    reasons.add(reason_of(event, buffer), family, n);
  if (event.action == "reject") {
    rejected += n;
    day_->rejected += n;
  } else if (event.action == "reject_warning")
    warned += n;
  else if (event.action == "hold")
    held += n;
  else if (event.action == "discard")
    discarded += n;
}

void Tally::count_delivery(const Line& line, const Event& event, Family family, std::uint64_t n) {
  // Postfix's "undeliverable-but-not-cached" among them (address_verify_negative_cache = no)
  if (event.status == "deliverable" || event.status.starts_with("undeliverable"))
    return probes.add(event.status, family, n);
  statuses.add(event.status, family, n);
  transports.add(line.origin == Origin::exim ? std::string_view("exim") : daemon_name(line.program), family, n);
  if (!event.enhanced.empty()) dsn.add(event.enhanced, family, n);

  if (event.status == "sent") {
    // Forwarding is no delivery yet: the message goes on under another queue id.
    if (event.text.starts_with("forwarded as ")) {
      forwarded += n;
      return;
    }
    delivered += n;
    day_->delivered += n;
    if (line.origin == Origin::postfix) {
      const std::uint64_t delay = seconds_of(event.data);
      std::size_t bucket = 0;
      while (bucket < kDelayBounds.size() && delay >= kDelayBounds.at(bucket)) ++bucket;
      delays.at(bucket) += n;
    }
  } else if (event.status == "discarded") {
    discarded += n;
    return;
  } else {
    ReasonBuffer buffer;
    if (event.status == "deferred") {
      deferrals += n;
      day_->deferred += n;
    } else if (event.status == "bounced") {
      bounced += n;
      day_->bounced += n;
    }
    failures.add(reason_of({}, {}, event.text, buffer), family, n);
  }
  if (line.origin == Origin::postfix && !event.rest.empty()) tls_policies.add(event.rest, family, n);
}

void Tally::count(const Line& line, const Event& event, std::uint64_t n) {
  const Family family = family_of(event.host);
  switch (event.kind) {
    case Kind::connect:
      (line.origin == Origin::exim ? exim_connects : connects).add(family, n);
      (line.origin == Origin::exim ? day_->exim_connects : day_->connects).add(family, n);
      connecting_.add(event.host.address, n);
      break;
    case Kind::disconnect:
      disconnects.add(family, n);
      if (!has_starttls(event.pairs)) break;
      starttls.add(family, n);
      day_->starttls.add(family, n);
      break;
    case Kind::tls_in: {
      tls.add(family, n);
      count_tls(event, family, n);
      trust.add(event.action, family, n);
      if (const std::size_t at = event.rest.find(" key-exchange "); at != kNone) {
        const std::string_view group = event.rest.substr(at + 14);
        std::size_t end = find_char(group, ' ');
        if (end != kNone && group.substr(end).starts_with(" (")) {  // "ECDHE (P-256)"
          const std::size_t close = find_char(group, ')', end);
          end = close == kNone ? end : close + 1;
        }
        key_exchanges.add(group.substr(0, end), family, n);
      }
      day_->tls.add(family, n);
      break;
    }
    case Kind::lost: {
      std::array<char, 64> buffer;
      std::size_t size = 0;
      for (const std::string_view part : {event.action, std::string_view(" after "), event.stage}) {
        const std::size_t room = std::min(part.size(), buffer.size() - size);
        std::memcpy(buffer.data() + size, part.data(), room);
        size += room;
      }
      lost.add({buffer.data(), size}, family, n);
      break;
    }
    case Kind::tls_error_in:
      tls_errors.add(family, n);
      break;
    case Kind::auth_failed:
      auth_failures.add(family, n);
      break;
    case Kind::received:
      received += n;
      day_->received += n;
      break;
    case Kind::picked_up:
      received += n;
      picked_up += n;
      day_->received += n;
      break;
    case Kind::decision:
      count_decision(event, family, n);
      break;
    case Kind::screen_decision:
    case Kind::screen_busy:
      count_decision(event, family, n);
      postscreen.add(event.action, family, n);
      break;
    case Kind::tls_proxied:
      postscreen.add("TLS", family, n);
      break;
    case Kind::content:
    case Kind::milter: {
      // pflogsumm counts what cleanup did to headers, bodies and at the end of a message
      const bool milter = event.kind == Kind::milter;
      if (event.stage != "header" && event.stage != "body" && event.stage != "END-OF-MESSAGE") break;
      actions.add(milter && event.action == "reject" ? "milter-reject" : event.action, family, n);
      if (event.action == "reject") {
        ReasonBuffer buffer;
        rejected += n;
        day_->rejected += n;
        reasons.add(reason_of(event, buffer), family, n);
      } else if (event.action == "warning" || event.action == "warn") {
        warned += n;
      } else if (event.action == "hold") {
        held += n;
      } else if (event.action == "discard") {
        discarded += n;
      }
      break;
    }
    case Kind::expired:
      expired += n;
      break;
    case Kind::screen_connect:
      postscreen.add("CONNECT", family, n);
      break;
    case Kind::screen_access:
    case Kind::screen_violation:
      postscreen.add(event.action, family, n);
      break;
    case Kind::listed:
      listed.add(event.data, family, n);
      break;
    case Kind::delivery:
    case Kind::exim_delivery:
      count_delivery(line, event, family, n);
      // "->": one more recipient of the same message, over the same connection
      if (event.kind == Kind::exim_delivery && !event.tls.empty() && event.action != "->") {
        std::array<char, 16> buffer;
        tls_out.add(family, n);
        tls_out_versions.add(tls_name(event.tls, buffer), family, n);
        tls_out_ciphers.add(event.cipher, family, n);
      }
      break;
    case Kind::tls_out:
      tls_out.add(family, n);
      tls_out_versions.add(event.tls, family, n);
      tls_out_ciphers.add(event.cipher, family, n);
      tls_out_trust.add(event.action, family, n);
      break;
    case Kind::connect_failed: {
      ReasonBuffer buffer;
      connect_failures.add(reason_of({}, {}, event.text, buffer), family, n);
      break;
    }
    case Kind::message: {
      levels.add(event.action, Family::none, n);
      ReasonBuffer buffer;
      problems.add(reason_of(event.action, {}, event.text, buffer), Family::none, n);
      break;
    }
    case Kind::client_says:
      levels.add("warning", family, n);
      break;
    case Kind::exim_arrival:
      received += n;
      day_->received += n;
      if (!event.host.known()) break;
      exim_arrivals.add(family, n);
      day_->exim_arrivals.add(family, n);
      if (!arriving_) arriving_.emplace();
      arriving_->add(event.host.address, n);
      if (!event.tls.empty()) {
        exim_tls.add(family, n);
        count_tls(event, family, n);
        day_->exim_tls.add(family, n);
      }
      break;
    case Kind::exim_reject: {
      ReasonBuffer buffer;
      rejected += n;
      day_->rejected += n;
      actions.add("reject", family, n);
      reasons.add(reason_of(event, buffer), family, n);
      break;
    }
    default:
      break;
  }
}

void Tally::add(const Tally& other) {
  lines.total += other.lines.total;
  lines.postfix += other.lines.postfix;
  lines.exim += other.lines.exim;
  lines.others += other.lines.others;
  lines.unknown += other.lines.unknown;
  lines.outside += other.lines.outside;
  lines.json += other.lines.json;
  static constexpr std::array kFamilies{
      &Tally::connects, &Tally::exim_connects, &Tally::exim_arrivals, &Tally::disconnects,   &Tally::starttls,
      &Tally::tls,      &Tally::exim_tls,      &Tally::tls_errors,    &Tally::auth_failures, &Tally::tls_out};
  for (const auto member : kFamilies) (this->*member).add(other.*member);
  static constexpr std::array kTables{
      &Tally::tls_versions, &Tally::ciphers,          &Tally::key_exchanges,   &Tally::trust,
      &Tally::lost,         &Tally::postscreen,       &Tally::listed,          &Tally::actions,
      &Tally::reasons,      &Tally::statuses,         &Tally::transports,      &Tally::dsn,
      &Tally::failures,     &Tally::tls_out_versions, &Tally::tls_out_ciphers, &Tally::tls_out_trust,
      &Tally::tls_policies, &Tally::connect_failures, &Tally::levels,          &Tally::problems,
      &Tally::probes};
  for (const auto member : kTables) (this->*member).add(other.*member);
  static constexpr std::array kNumbers{&Tally::received,  &Tally::picked_up, &Tally::rejected,  &Tally::warned,
                                       &Tally::held,      &Tally::discarded, &Tally::delivered, &Tally::forwarded,
                                       &Tally::deferrals, &Tally::bounced,   &Tally::expired};
  for (const auto member : kNumbers) this->*member += other.*member;
  for (std::size_t i = 0; i < delays.size(); ++i) delays.at(i) += other.delays.at(i);
  connecting_.add(other.connecting_);
  if (other.arriving_) {
    if (!arriving_) arriving_.emplace();
    arriving_->add(*other.arriving_);
  }
  beyond_.add(other.beyond_);
  for (const auto& [number, of] : other.days)
    (days.contains(number) || days.size() < kDaysMax ? days[number] : beyond_).add(of);
  unknown.insert(unknown.end(), other.unknown.begin(), other.unknown.end());
  std::ranges::sort(unknown);
  if (unknown.size() > kUnknownKept) unknown.resize(kUnknownKept);
}

}  // namespace postern::maillog
