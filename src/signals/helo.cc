#include "signals/helo.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postern::signals {

using evidence::value::Helo;
using evidence::value::HeloMatch;
using evidence::value::Rdns;

namespace {

constexpr std::string_view kIpv6Tag = "IPv6:";

constexpr std::array kLocalNames =
    std::to_array<std::string_view>({"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"});

// A zone would make the parser ask the system for its interfaces, and nobody's HELO has one.
std::optional<ip::Address> address_of(std::string_view text) {
  return text.contains('%') ? std::nullopt : ip::Address::parse(text);
}

bool same_address(const ip::Address& a, const ip::Address& b) {
  return a.family() == b.family() && a.octets() == b.octets();  // whatever the scope
}

bool is_ours(const ip::Address& address, const OwnHost& own) {
  return std::ranges::any_of(own.addresses, [&](const ip::Address& mine) { return same_address(mine, address); });
}

// What stands between the brackets of a literal: with the tag that IPv6 must have (RFC 5321 4.1.3), or without it.
struct Literal {
  std::optional<ip::Address> address;
  bool well_formed = false;
};
Literal literal_of(std::string_view inside) {
  const bool tagged = istarts_with(inside, kIpv6Tag);
  const std::string_view text = tagged ? inside.substr(kIpv6Tag.size()) : inside;
  Literal out{.address = address_of(text)};
  out.well_formed = out.address && text.contains(':') == tagged;
  return out;
}

bool is_local(std::string_view name) {
  return std::ranges::find(kLocalNames, name) != kLocalNames.end() || name.ends_with(".localhost") ||
         name.ends_with(".localdomain") || name.ends_with(".localdomain4") || name.ends_with(".localdomain6");
}

bool has_numeric_end(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::ranges::all_of(last, is_digit);
}

bool has_hyphen_at_an_end(std::string_view name) {
  return name.starts_with('-') || name.ends_with('-') || name.contains(".-") || name.contains("-.");
}

HeloForm classify_literal(std::string_view inside, const ip::Address& client, const OwnHost& own, bool is_stranger) {
  const Literal literal = literal_of(inside);
  HeloForm out{.state = Helo::wrong_literal, .address = literal.address};
  if (!literal.address) return out;
  if (is_stranger && is_ours(*literal.address, own)) {
    out.state = Helo::own;
  } else if (literal.well_formed && same_address(*literal.address, client)) {
    out.state = Helo::literal;
  }
  return out;
}

}  // namespace

HeloForm classify_helo(std::string_view argument, const ip::Address& client, const OwnHost& own) {
  if (argument.empty()) return {};
  const bool is_stranger = !client.is_loopback() && !is_ours(client, own);
  if (argument.size() > 2 && argument.front() == '[' && argument.back() == ']') {
    return classify_literal(argument.substr(1, argument.size() - 2), client, own, is_stranger);
  }
  if (argument.front() == '[') return {.state = Helo::wrong_literal};
  const std::string_view bare = istarts_with(argument, kIpv6Tag) ? argument.substr(kIpv6Tag.size()) : argument;
  if (const auto address = address_of(bare)) {
    return {.state = is_stranger && is_ours(*address, own) ? Helo::own : Helo::bare_address, .address = address};
  }
  const auto name = dns::Name::parse(argument);
  if (!name || !is_host_name(*name) || has_numeric_end(name->text()) || has_hyphen_at_an_end(name->text())) {
    return {.state = Helo::invalid};
  }
  if (is_local(name->text())) return {.state = Helo::localhost};
  if (is_stranger && std::ranges::find(own.names, *name) != own.names.end()) return {.state = Helo::own, .name = name};
  if (name->labels() == 1) return {.state = Helo::unqualified};
  return {.state = Helo::name, .name = name};
}

Task<HeloMatch> match_helo(const HeloForm& helo, ip::Address client, const ReverseDns& reverse,
                           const dns::PublicSuffixList& suffixes, dns::Resolver& resolver, dns::Budget& budget) {
  if (helo.state == Helo::unknown) co_return HeloMatch::unknown;
  if (helo.state == Helo::literal || helo.state == Helo::bare_address) {
    co_return helo.address&& same_address(*helo.address, client) ? HeloMatch::address : HeloMatch::differs;
  }
  if (helo.state != Helo::name || !helo.name) co_return HeloMatch::differs;
  const dns::Name& name = *helo.name;
  if (reverse.confirmed && reverse.name == name) co_return HeloMatch::ptr;
  // Of several names only the best one has been confirmed: the look-up below does it for this one.
  const bool points_here = std::ranges::find(reverse.names, name) != reverse.names.end();
  const bool same_organisation = reverse.organisation && suffixes.registrable_domain(name) == reverse.organisation;
  if (same_organisation && !points_here) co_return HeloMatch::organisation;

  const dns::AnswerPtr answer = co_await resolver.query(name, client.is_v4() ? dns::Type::a : dns::Type::aaaa, budget);
  const bool has_address =
      std::ranges::any_of(answer->addresses, [&](const ip::Address& found) { return same_address(found, client); });
  if (has_address) co_return points_here ? HeloMatch::ptr : HeloMatch::address;
  if (same_organisation) co_return HeloMatch::organisation;
  // A reverse look-up that failed could have said the very name or its organisation.
  if (dns::is_temporary(answer->status) || reverse.state == Rdns::unknown) co_return HeloMatch::unknown;
  if (!answer->addresses.empty()) co_return HeloMatch::differs;
  if (answer->status == dns::Status::nxdomain) co_return HeloMatch::no_address;
  const dns::AnswerPtr other = co_await resolver.query(name, client.is_v4() ? dns::Type::aaaa : dns::Type::a, budget);
  if (dns::is_temporary(other->status)) co_return HeloMatch::unknown;
  co_return other->addresses.empty() ? HeloMatch::no_address : HeloMatch::differs;
}

}  // namespace postern::signals
