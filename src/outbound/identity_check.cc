#include "outbound/identity_check.h"

#include <algorithm>

namespace postern::outbound {

namespace {

std::vector<ip::Address> addresses_used(const Options& options, const std::vector<ip::Address>& interfaces) {
  std::vector<ip::Address> out;
  for (const ip::Family family : {ip::Family::v6, ip::Family::v4}) {
    const bool sends =
        options.families.empty() || std::ranges::find(options.families, family) != options.families.end();
    if (!sends) continue;
    const auto of_family = [family](const ip::Address& a) { return a.family() == family; };
    const auto source = std::ranges::find_if(options.source, of_family);
    if (source != options.source.end()) {
      out.push_back(*source);
      continue;
    }
    std::ranges::copy_if(interfaces, std::back_inserter(out),
                         [&](const ip::Address& a) { return of_family(a) && a.is_global(); });
  }
  if (out.size() > kIdentityAddressesMax) out.resize(kIdentityAddressesMax);
  return out;
}

}  // namespace

Task<std::vector<std::string>> check_identity(dns::Resolver& resolver, Options options,
                                              std::vector<ip::Address> interfaces, dns::Budget& budget) {
  std::vector<std::string> problems;
  for (const ip::Address& address : addresses_used(options, interfaces)) {
    const std::string& chosen = address.is_v6() ? options.hello_ipv6 : options.hello_ipv4;
    const auto hello = dns::Name::parse(chosen.empty() ? options.hostname : chosen);
    const auto reverse = dns::Name::parse(address.reverse_name());
    if (!hello || hello->is_root() || !reverse) continue;
    const dns::AnswerPtr pointers = co_await resolver.query(*reverse, dns::Type::ptr, budget);
    if (dns::is_void(pointers->status)) {
      problems.push_back(address.text() + " has no PTR record; let your provider set it to " + hello->text());
    } else if (pointers->status == dns::Status::ok &&
               std::ranges::find(pointers->names, *hello) == pointers->names.end()) {
      problems.push_back("the PTR record of " + address.text() + " is " + pointers->names.front().text() +
                         ", and EHLO says " + hello->text() + "; make them the same (hello_ipv6, hello_ipv4)");
    }
    const dns::Type type = address.is_v6() ? dns::Type::aaaa : dns::Type::a;
    const dns::AnswerPtr forward = co_await resolver.query(*hello, type, budget);
    const bool known = forward->status == dns::Status::ok || dns::is_void(forward->status);
    if (known && std::ranges::find(forward->addresses, address) == forward->addresses.end()) {
      problems.push_back(hello->text() + ", which EHLO says, has no " + std::string(dns::to_string(type)) +
                         " record with " + address.text() + "; add it");
    }
  }
  co_return problems;
}

}  // namespace postern::outbound
