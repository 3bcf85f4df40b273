// Names of addresses (checks.md 6.4): of the mail hosts, and of the hosts that SPF names.
#include <algorithm>

#include "base/text.h"
#include "check/context.h"
#include "signals/generic_name.h"

namespace postern::check {

namespace {

using dns::Type;

constexpr std::size_t kNamesMax = 10;    // of one address; as RFC 7208 4.6.4 has it for ptr
constexpr std::size_t kSendersMax = 16;  // of an SPF record
constexpr std::size_t kAddressesMax = 60;

struct Reverse {
  enum class State : std::uint8_t { unknown, none, unconfirmed, confirmed } state = State::unknown;
  dns::Name name;
  std::string evidence;
  std::optional<dns::Name> bogus;
};

Task<Reverse> look_up(Context& context, ip::Address address) {
  Reverse out;
  const auto reverse = dns::Name::parse(address.reverse_name());
  POSTERN_CHECK(reverse.has_value());
  const auto ptr = co_await context.ask(*reverse, Type::ptr);
  out.evidence = describe(*reverse, Type::ptr, *ptr);
  out.bogus = bogus_name(*reverse, *ptr);
  if (is_temporary(ptr->status)) co_return out;
  out.state = ptr->names.empty() ? Reverse::State::none : Reverse::State::unconfirmed;
  const Type type = address.is_v4() ? Type::a : Type::aaaa;
  for (std::size_t i = 0; i < ptr->names.size() && i < kNamesMax; ++i) {
    const auto forward = co_await context.ask(ptr->names[i], type);
    if (out.name.is_root()) out.name = ptr->names[i];
    out.evidence += "; " + describe(ptr->names[i], type, *forward);
    if (std::ranges::find(forward->addresses, address) != forward->addresses.end()) {
      out.state = Reverse::State::confirmed;
      out.name = ptr->names[i];
      co_return out;
    }
    if (is_temporary(forward->status)) out.state = Reverse::State::unknown;
    if (!out.bogus) out.bogus = bogus_name(ptr->names[i], *forward);
  }
  co_return out;
}

std::string ptr_record(const ip::Address& address, const dns::Name& host) {
  return address.reverse_name() + ". IN PTR " + printable(host.text()) + ".";
}

void judge(Context& context, const MailHost& host, const ip::Address& address, const Reverse& found) {
  const std::string subject = printable(host.name.text()) + " [" + address.text() + "]";
  if (found.state == Reverse::State::unknown) {
    context.unknown("reverse.ptr", subject, found.evidence, found.bogus);
    return;
  }
  if (found.state == Reverse::State::none) {
    context.add("reverse.ptr", Outcome::warn, subject, found.evidence, "have whoever owns the network publish the name",
                ptr_record(address, host.name));
    return;
  }
  context.add("reverse.ptr", Outcome::pass, subject, found.evidence);
  if (found.state == Reverse::State::confirmed) {
    context.add("reverse.confirmed", Outcome::pass, subject, found.evidence);
  } else {
    context.add("reverse.confirmed", Outcome::warn, subject, found.evidence,
                context.for_owner(found.name, "give the name of the PTR record this address") +
                    (context.is_foreign(found.name) ? ", or have the PTR record name the mail host" : ""),
                context.is_foreign(found.name)
                    ? ptr_record(address, host.name)
                    : zone_record(found.name, address.is_v4() ? "A" : "AAAA", address.text()));
  }
  const auto form = signals::judge_name(found.name, address, context.suffixes());
  if (form.generic) {
    context.add("reverse.generic", Outcome::warn, subject, printable(found.name.text()) + ": " + std::string(form.why),
                "have whoever owns the network name the address as the mail host is named",
                ptr_record(address, host.name));
  } else {
    context.add("reverse.generic", Outcome::pass, subject, printable(found.name.text()));
  }
}

}  // namespace

Task<void> check_reverse(Context& context) {
  std::size_t left = kAddressesMax;
  for (std::size_t i = 0; i < context.target.hosts.size(); ++i) {
    const MailHost& host = context.target.hosts[i];
    std::optional<Reverse::State> best4, worst6;
    for (const Address& one : host.addresses) {
      if (!why_not_global(one.address).empty() && !context.options.allow_private) continue;
      if (left-- == 0) co_return;
      const Reverse found = co_await look_up(context, one.address);
      judge(context, host, one.address, found);
      if (found.state == Reverse::State::unknown) continue;
      auto& side = one.address.is_v4() ? best4 : worst6;
      if (!side || (one.address.is_v4() ? found.state > *side : found.state < *side)) side = found.state;
    }
    if (!best4 || !worst6) continue;
    const std::string subject = printable(host.name.text());
    if (*worst6 < *best4) {
      context.add(
          "reverse.parity", Outcome::warn, subject, "the IPv4 address has a better name than the IPv6 address",
          "have the same PTR name published for both families: large receivers refuse IPv6 without one (5.7.25)");
    } else {
      context.add("reverse.parity", Outcome::pass, subject, "IPv6 is named as IPv4 is");
    }
  }
}

Task<void> check_senders(Context& context) {
  std::size_t left = kSendersMax;
  for (const auto* list : {&context.target.spf_senders_v6, &context.target.spf_senders_v4}) {
    for (const std::string& text : *list) {
      const auto prefix = ip::Prefix::parse(text);
      // A network says nothing about which of its addresses send.
      if (!prefix || prefix->length() != prefix->address().bits() || left == 0) continue;
      --left;
      const ip::Address address = prefix->address();
      const Reverse found = co_await look_up(context, address);
      if (found.state == Reverse::State::unknown) {
        context.unknown("reverse.senders", address.text(), found.evidence, found.bogus);
      } else if (found.state == Reverse::State::confirmed) {
        context.add("reverse.senders", Outcome::pass, address.text(), found.evidence);
      } else {
        const auto host = std::ranges::find_if(context.target.hosts, [&](const MailHost& one) {
          return std::ranges::find(one.addresses, address, &Address::address) != one.addresses.end();
        });
        context.add(
            "reverse.senders", Outcome::fail, address.text(), found.evidence,
            "have whoever owns the network publish a PTR record whose name has this address, or take the address "
            "out of the SPF record",
            host != context.target.hosts.end() ? ptr_record(address, host->name)
                                               : address.reverse_name() + ". IN PTR HOSTNAME.");
      }
    }
  }
}

}  // namespace postern::check
