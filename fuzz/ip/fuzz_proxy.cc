// The PROXY header: however the octets are split, the first answer that is not "need more" is the answer for the whole,
// it comes within the stated bounds, and what follows the header changes nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ip/proxy_header.h"

using namespace postern::ip;
using State = ProxyParse::State;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), std::min(size, 2 * kProxyV2Max));
  const ProxyParse whole = parse_proxy_header(input);
  std::size_t used = 0;
  ProxyParse grown;
  while (grown.state == State::need_more && used <= input.size()) grown = parse_proxy_header(input.substr(0, used++));
  POSTERN_CHECK(grown.state == whole.state);
  POSTERN_CHECK(grown.consumed == whole.consumed);
  POSTERN_CHECK(grown.header.source == whole.header.source && grown.header.destination == whole.header.destination);
  switch (whole.state) {
    case State::need_more:
      POSTERN_CHECK(input.size() < kProxyV2Max);
      if (input.starts_with("PROXY")) POSTERN_CHECK(input.size() < kProxyV1Max);
      break;
    case State::done:
      POSTERN_CHECK(whole.consumed > 0 && whole.consumed <= std::min(input.size(), kProxyV2Max));
      POSTERN_CHECK(whole.header.source.has_value() == whole.header.destination.has_value());
      // Done with the last octet of the header, not before.
      POSTERN_CHECK(used - 1 == whole.consumed);
      break;
    case State::invalid:
      POSTERN_CHECK(!whole.why.empty() && whole.why.size() < 600);
      POSTERN_CHECK(std::ranges::all_of(whole.why, [](char c) { return c >= ' ' && c <= '~'; }));
      break;
  }
  return 0;
}
