// What a client says in HELO: every octet string has one form, says the same twice, and what it agrees with follows
// from the form. The input: flags, the argument; DNS answers by the flags.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "dns/fixture.h"
#include "signals/helo.h"

using namespace postern;
using evidence::value::Helo;
using evidence::value::HeloMatch;

namespace {

const dns::PublicSuffixList& suffixes() {
  static const dns::PublicSuffixList list = dns::PublicSuffixList::latest().value();
  return list;
}

void check_form(const signals::HeloForm& form, std::string_view argument, const ip::Address& client) {
  POSTERN_CHECK((form.state == Helo::unknown) == argument.empty());
  if (form.state == Helo::name) POSTERN_CHECK(form.name && form.name->labels() > 1);
  if (form.state == Helo::literal) POSTERN_CHECK(form.address && form.address->octets() == client.octets());
  if (form.state == Helo::bare_address) POSTERN_CHECK(form.address.has_value());
  if (argument.starts_with('[')) {
    POSTERN_CHECK(form.state == Helo::literal || form.state == Helo::wrong_literal || form.state == Helo::own);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned flags = data[0];
  const std::string_view argument(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ip::Address client =
      (flags & 1U) != 0 ? *ip::Address::parse("2001:db8:1::7") : ip::Address::v4({198, 51, 100, 7});
  static const std::array names{*dns::Name::parse("mx.example.org")};
  static const std::array addresses{ip::Address::v4({192, 0, 2, 25}), *ip::Address::parse("2001:db8::25")};
  const signals::HeloForm form = signals::classify_helo(argument, client, {names, addresses});
  check_form(form, argument, client);
  POSTERN_CHECK(signals::classify_helo(argument, client, {names, addresses}).state == form.state);

  signals::ReverseDns reverse;
  reverse.state = evidence::value::Rdns::none;
  dns::Zone zone;
  if (form.name) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.addresses.push_back((flags & 2U) != 0 ? client : addresses[0]);
    if ((flags & 4U) != 0)
      zone.set_all(*form.name, dns::Status::servfail);
    else if ((flags & 32U) == 0)
      zone.set(*form.name, client.is_v4() ? dns::Type::a : dns::Type::aaaa, answer);
    if ((flags & 8U) != 0) reverse.names.push_back(*form.name);
    reverse.name = (flags & 8U) != 0 ? *form.name : names[0];
    reverse.confirmed = (flags & 16U) != 0;
    if (reverse.confirmed) reverse.organisation = suffixes().registrable_domain(reverse.name);
  }
  dns::FixtureResolver resolver(zone);
  dns::Budget budget;
  auto task = signals::match_helo(form, client, reverse, suffixes(), resolver, budget);
  task.start();
  POSTERN_CHECK(task.done());
  const HeloMatch match = task.take();
  POSTERN_CHECK(budget.asked() <= 2);
  if (match == HeloMatch::no_address) POSTERN_CHECK((flags & 32U) != 0);
  if (form.state == Helo::literal) POSTERN_CHECK(match == HeloMatch::address);
  if (match == HeloMatch::ptr) POSTERN_CHECK((flags & 8U) != 0);
  if (match == HeloMatch::unknown) POSTERN_CHECK(argument.empty() || (flags & 4U) != 0);
  return 0;
}
