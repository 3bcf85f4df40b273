#include "ip/proxy_header.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/text.h"

namespace postern::ip {

namespace {

using State = ProxyParse::State;

constexpr std::string_view kV1Signature = "PROXY";
constexpr std::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kV2Header = 16;
constexpr std::uint8_t kTlvCrc32c = 0x03;

ProxyParse need_more() { return {}; }

ProxyParse invalid(std::string why) {
  ProxyParse out;
  out.state = State::invalid;
  out.why = std::move(why);
  return out;
}

std::uint16_t big16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<std::uint8_t>(bytes.at(at)) << 8U) |
                                    static_cast<std::uint8_t>(bytes.at(at + 1)));
}

// proxy-protocol.txt 2.1: decimal without leading zeros
std::optional<std::uint16_t> v1_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto value = parse_unsigned(text, 65535);
  return value ? std::optional(static_cast<std::uint16_t>(*value)) : std::nullopt;
}

ProxyParse parse_v1(std::string_view input) {
  const auto window = input.substr(0, kProxyV1Max);
  const auto end = window.find('\n');
  if (end == std::string_view::npos) {
    if (window.size() == kProxyV1Max) return invalid("PROXY v1 line longer than 107 octets");
    return need_more();
  }
  if (end == 0 || window[end - 1] != '\r') return invalid("PROXY v1 line does not end with CRLF");
  const auto line = window.substr(0, end - 1);
  ProxyParse out;
  out.state = State::done;
  out.consumed = end + 1;
  // 2.1: after UNKNOWN, everything up to the CRLF is to be ignored
  if (line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ")) return out;
  const auto words = split(line, ' ');
  if (words.size() != 6 || words[0] != kV1Signature || (words[1] != "TCP4" && words[1] != "TCP6")) {
    return invalid("PROXY v1 line is not \"PROXY TCP4|TCP6 source destination port port\": " + printable(line, 107));
  }
  const bool v6 = words[1] == "TCP6";
  const auto source = Address::parse(words[2]);
  const auto destination = Address::parse(words[3]);
  const auto source_port = v1_port(words[4]);
  const auto destination_port = v1_port(words[5]);
  const bool written_right = (words[2].find(':') != std::string_view::npos) == v6 &&
                             (words[3].find(':') != std::string_view::npos) == v6 &&
                             line.find('%') == std::string_view::npos;
  if (!source || !destination || !source_port || !destination_port || !written_right) {
    return invalid("PROXY v1 line has a wrong address or port: " + printable(line, 107));
  }
  out.header.source = Endpoint{*source, *source_port};
  out.header.destination = Endpoint{*destination, *destination_port};
  return out;
}

// proxy-protocol.txt 2.2.3: the checksum covers the whole header with its own field as zeros.
bool checksum_matches(std::string_view header, std::size_t value_at) {
  std::uint32_t expected = 0;
  for (std::size_t i = 0; i < 4; ++i) expected = (expected << 8U) | static_cast<std::uint8_t>(header.at(value_at + i));
  constexpr std::string_view kZeros("\0\0\0\0", 4);
  std::uint32_t crc = crc32c(header.substr(0, value_at));
  crc = crc32c(kZeros, crc);
  return crc32c(header.substr(value_at + 4), crc) == expected;
}

// Empty where all is well.
std::string_view check_tlvs(std::string_view header, std::size_t at) {
  while (at < header.size()) {
    if (header.size() - at < 3) return "PROXY v2 TLV is cut short";
    const auto type = static_cast<std::uint8_t>(header[at]);
    const std::size_t length = big16(header, at + 1);
    at += 3;
    if (header.size() - at < length) return "PROXY v2 TLV is longer than the header";
    if (type == kTlvCrc32c) {
      if (length != 4) return "PROXY v2 checksum is not four octets";
      if (!checksum_matches(header, at)) return "PROXY v2 checksum does not match";
    }
    at += length;
  }
  return {};
}

template <std::size_t N>
std::array<std::uint8_t, N> octets_at(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, N> out{};
  std::ranges::transform(bytes.substr(at, N), out.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return out;
}

ProxyParse parse_v2(std::string_view input) {
  if (input.size() > 12) {
    const auto version_command = static_cast<std::uint8_t>(input[12]);
    if (version_command >> 4U != 2) return invalid("PROXY header has an unknown version");
    if ((version_command & 15U) > 1) return invalid("PROXY v2 header has an unknown command");
  }
  if (input.size() < kV2Header) return need_more();
  const bool local = (static_cast<std::uint8_t>(input[12]) & 15U) == 0;
  const auto family = static_cast<std::uint8_t>(input[13]);
  if (family >> 4U > 3 || (family & 15U) > 2) return invalid("PROXY v2 header has an unknown address family");
  const std::size_t total = kV2Header + big16(input, 14);
  if (total > kProxyV2Max) return invalid("PROXY v2 header longer than " + std::to_string(kProxyV2Max) + " octets");
  std::size_t addresses = 0;
  switch (family >> 4U) {
    case 1:
      addresses = 12;
      break;
    case 2:
      addresses = 36;
      break;
    case 3:
      addresses = 216;
      break;
    default:
      break;
  }
  // 2.2: a LOCAL header's family is to be ignored, only its length counts
  if (!local && total < kV2Header + addresses) return invalid("PROXY v2 header is shorter than its addresses");
  if (input.size() < total) return need_more();
  const auto header = input.substr(0, total);
  ProxyParse out;
  out.state = State::done;
  out.consumed = total;
  if (local) return out;
  if (const auto wrong = check_tlvs(header, kV2Header + addresses); !wrong.empty()) return invalid(std::string(wrong));
  if (family == 0x11) {
    out.header.source = Endpoint{Address::v4(octets_at<4>(header, 16)), big16(header, 24)};
    out.header.destination = Endpoint{Address::v4(octets_at<4>(header, 20)), big16(header, 26)};
  } else if (family == 0x21) {
    out.header.source = Endpoint{Address::v6(octets_at<16>(header, 16)), big16(header, 48)};
    out.header.destination = Endpoint{Address::v6(octets_at<16>(header, 32)), big16(header, 50)};
  }
  return out;
}

}  // namespace

ProxyParse parse_proxy_header(std::string_view input) {
  if (input.empty()) return need_more();
  const auto begins_like = [input](std::string_view signature) {
    const auto shared = std::min(input.size(), signature.size());
    return input.substr(0, shared) == signature.substr(0, shared);
  };
  if (begins_like(kV2Signature)) return input.size() < kV2Signature.size() ? need_more() : parse_v2(input);
  if (begins_like("PROXY ")) return parse_v1(input);
  return invalid("no PROXY header, but: " + printable(input, 32));
}

}  // namespace postern::ip
