// Any name of any address: the verdict is one of the documented ones, says the same twice, and a name with the address
// put into it is generic. The input: an octet (even: IPv4), 16 octets of address, the name.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "signals/generic_name.h"
#include "signals/spelled_address.h"

using namespace postern;

namespace {

constexpr std::array kReasons = std::to_array<std::string_view>(
    {"encodes_ipv4", "encodes_ipv6", "encodes_mac", "word_dynamic", "word_dhcp", "word_pool", "word_ppp", "word_dial",
     "word_dsl", "word_cable", "word_customer", "word_broadband", "word_fibre", "word_wireless", "word_residential",
     "word_nat", "word_tunnel", "word_unassigned"});

const dns::PublicSuffixList& suffixes() {
  static const dns::PublicSuffixList list = dns::PublicSuffixList::latest().value();
  return list;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 17;
  if (size < kHead) return 0;
  std::array<std::uint8_t, 16> octets{};
  std::copy_n(data + 1, 16, octets.begin());
  const ip::Address address =
      data[0] % 2 == 0 ? ip::Address::v4({octets[0], octets[1], octets[2], octets[3]}) : ip::Address::v6(octets);
  const std::string_view text(reinterpret_cast<const char*>(data) + kHead, size - kHead);
  (void)signals::spelled_address(text, address);  // no name: it takes any text
  const auto name = dns::Name::parse(text);
  if (!name) return 0;
  const signals::GenericName got = signals::judge_name(*name, address, suffixes());
  POSTERN_CHECK(got.generic == (std::ranges::find(kReasons, got.why) != kReasons.end()));
  POSTERN_CHECK(got.generic != got.why.empty());
  const signals::GenericName again = signals::judge_name(*name, address, suffixes());
  POSTERN_CHECK(got.why == again.why && got.mail_like == again.mail_like && got.static_word == again.static_word);
  // ::/96 and addresses of zeros but one octet spell nothing that is not everywhere.
  if (address.is_v6() && std::ranges::count(octets, 0) > 4) return 0;
  std::string spelled = address.text();
  std::ranges::replace(spelled, ':', '-');
  std::ranges::replace(spelled, '%', '-');
  const auto longer = name->below("x-" + spelled);
  if (longer) POSTERN_CHECK(signals::judge_name(*longer, address, suffixes()).generic);
  return 0;
}
