#include "fingerprint/syn.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace postern::fingerprint {

namespace {

struct QuirkName {
  Quirk quirk;
  std::string_view name;
};
// In the order in which p0f prints them.
constexpr std::array<QuirkName, 17> kQuirkNames{{{Quirk::df, "df"},
                                                 {Quirk::id_set, "id+"},
                                                 {Quirk::id_zero, "id-"},
                                                 {Quirk::ecn, "ecn"},
                                                 {Quirk::reserved, "0+"},
                                                 {Quirk::flow, "flow"},
                                                 {Quirk::sequence_zero, "seq-"},
                                                 {Quirk::ack_set, "ack+"},
                                                 {Quirk::ack_zero, "ack-"},
                                                 {Quirk::urgent_pointer, "uptr+"},
                                                 {Quirk::urgent_flag, "urgf+"},
                                                 {Quirk::push_flag, "pushf+"},
                                                 {Quirk::own_timestamp_zero, "ts1-"},
                                                 {Quirk::peer_timestamp_set, "ts2+"},
                                                 {Quirk::padding_set, "opt+"},
                                                 {Quirk::excessive_scale, "exws"},
                                                 {Quirk::malformed_options, "bad"}}};

// RFC 9293 3.1, RFC 7323, RFC 2018
enum Kind : std::uint8_t { kEnd = 0, kNop = 1, kMss = 2, kScale = 3, kSackPermitted = 4, kSack = 5, kTimestamp = 8 };
struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr std::array<KindName, 6> kKindNames{
    {{kNop, "nop"}, {kMss, "mss"}, {kScale, "ws"}, {kSackPermitted, "sok"}, {kSack, "sack"}, {kTimestamp, "ts"}}};

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kTcpHeader = 20;
constexpr std::uint8_t kTcp = 6;

constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kPush = 0x08;
constexpr std::uint8_t kAck = 0x10;
constexpr std::uint8_t kUrgent = 0x20;
constexpr std::uint8_t kEcnFlags = 0xC0;  // ECE, CWR

// Every read is within bounds by the checks before it; at() holds that to be true.
std::uint8_t octet(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes.at(at)); }
std::uint16_t big16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((octet(bytes, at) << 8U) | octet(bytes, at + 1));
}
std::uint32_t big32(std::string_view bytes, std::size_t at) {
  return (std::uint32_t{big16(bytes, at)} << 16U) | big16(bytes, at + 2);
}

std::unexpected<Error> not_a_syn(std::string why) { return fail(ErrorKind::invalid, "no SYN: " + std::move(why)); }

struct Packet {
  std::string_view tcp;        // the TCP header, and what was saved behind it
  std::size_t tcp_length = 0;  // of the segment, as the IP header tells; may be more than was saved
};

Result<Packet> read_ipv4(std::string_view bytes, SynFacts& out) {
  if (bytes.size() < kIpv4Header) return not_a_syn("the IPv4 header is cut short");
  const std::size_t header = std::size_t{octet(bytes, 0) & 15U} * 4;
  const std::size_t total = big16(bytes, 2);
  const unsigned fragment = big16(bytes, 6);
  if (header < kIpv4Header || total < header + kTcpHeader || bytes.size() < header + kTcpHeader) {
    return not_a_syn("the lengths of the IPv4 header do not fit");
  }
  if (octet(bytes, 9) != kTcp) return not_a_syn("the protocol is not TCP");
  if ((fragment & 0x3FFFU) != 0) return not_a_syn("a fragment");
  out.family = ip::Family::v4;
  out.ttl = octet(bytes, 8);
  out.ip_options_length = static_cast<std::uint16_t>(header - kIpv4Header);
  const bool id = big16(bytes, 4) != 0;
  if ((octet(bytes, 1) & 3U) != 0) out.quirks.set(Quirk::ecn);
  if ((fragment & 0x8000U) != 0) out.quirks.set(Quirk::reserved);
  if ((fragment & 0x4000U) != 0) {
    out.quirks.set(Quirk::df);
    if (id) out.quirks.set(Quirk::id_set);
  } else if (!id) {
    out.quirks.set(Quirk::id_zero);
  }
  return Packet{bytes.substr(header), total - header};
}

// Length of the extension header at the front, or nothing where it is none that is read over. RFC 8200 4.
std::optional<std::size_t> extension_length(std::uint8_t type, std::string_view bytes) {
  constexpr std::uint8_t kHopByHop = 0;
  constexpr std::uint8_t kRouting = 43;
  constexpr std::uint8_t kFragment = 44;
  constexpr std::uint8_t kAuthentication = 51;  // RFC 4302 2.2: in units of four octets
  constexpr std::uint8_t kDestination = 60;
  if (bytes.size() < 8) return std::nullopt;
  switch (type) {
    case kHopByHop:
    case kRouting:
    case kDestination:
      return (std::size_t{octet(bytes, 1)} + 1) * 8;
    case kAuthentication:
      return (std::size_t{octet(bytes, 1)} + 2) * 4;
    case kFragment:  // RFC 6946: whole packets with a fragment header are processed as such
      return (big16(bytes, 2) & 0xFFF9U) == 0 ? std::optional<std::size_t>(8) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Result<Packet> read_ipv6(std::string_view bytes, SynFacts& out) {
  if (bytes.size() < kIpv6Header) return not_a_syn("the IPv6 header is cut short");
  const std::size_t total = kIpv6Header + big16(bytes, 4);
  std::uint8_t next = octet(bytes, 6);
  std::size_t at = kIpv6Header;
  for (std::size_t i = 0; next != kTcp; ++i) {
    const auto length = extension_length(next, bytes.substr(at));
    if (!length || i >= kExtensionHeadersMax || *length > bytes.size() - at) {
      return not_a_syn("the IPv6 headers do not lead to TCP");
    }
    next = octet(bytes, at);
    at += *length;
  }
  if (bytes.size() - at < kTcpHeader || total < at + kTcpHeader) {
    return not_a_syn("the lengths of the IPv6 header do not fit");
  }
  out.family = ip::Family::v6;
  out.ttl = octet(bytes, 7);
  out.ip_options_length = static_cast<std::uint16_t>(at - kIpv6Header);
  const std::uint32_t first = big32(bytes, 0);
  if ((first & 0xFFFFFU) != 0) out.quirks.set(Quirk::flow);
  if (((first >> 20U) & 3U) != 0) out.quirks.set(Quirk::ecn);
  return Packet{bytes.substr(at), total - at};
}

// One option behind its kind, at the front of `rest`; the octets to go on behind, or nothing where it cannot be read.
// As p0f, an option with a length other than its own is odd and read all the same.
std::optional<std::size_t> read_option(std::uint8_t kind, std::string_view rest, SynFacts& out) {
  const auto fixed = [&](std::size_t length) {
    if (rest.size() < length - 1) return false;
    if (octet(rest, 0) != length) out.quirks.set(Quirk::malformed_options);
    return true;
  };
  switch (kind) {
    case kNop:
      return 0;
    case kMss:
      if (!fixed(4)) return std::nullopt;
      out.mss = big16(rest, 1);
      return 3;
    case kScale:
      if (!fixed(3)) return std::nullopt;
      out.window_scale = octet(rest, 1);
      if (out.window_scale > 14) out.quirks.set(Quirk::excessive_scale);
      return 2;
    case kSackPermitted:
      if (!fixed(2)) return std::nullopt;
      return 1;
    case kTimestamp:
      if (!fixed(10)) return std::nullopt;
      out.timestamp = big32(rest, 1);
      if (out.timestamp == 0) out.quirks.set(Quirk::own_timestamp_zero);
      if (big32(rest, 5) != 0) out.quirks.set(Quirk::peer_timestamp_set);
      return 9;
    default: {
      if (rest.empty()) return std::nullopt;
      const std::size_t length = octet(rest, 0);
      const std::size_t least = kind == kSack ? 10 : 2;
      const std::size_t most = kind == kSack ? 34 : 40;
      if (length < least || length > most || length - 1 > rest.size()) return std::nullopt;
      return length - 1;
    }
  }
}

void read_options(std::string_view rest, SynFacts& out) {
  while (!rest.empty() && out.options.count < kOptionsMax) {
    const std::uint8_t kind = octet(rest, 0);
    rest.remove_prefix(1);
    out.options.kinds.at(out.options.count++) = kind;
    if (kind == kEnd) {
      out.options.end_padding = static_cast<std::uint8_t>(rest.size());
      // p0f does not look at the last octet
      const std::size_t first = rest.find_first_not_of('\0');
      if (first != std::string_view::npos && first + 1 != rest.size()) out.quirks.set(Quirk::padding_set);
      return;
    }
    const auto read = read_option(kind, rest, out);
    if (!read) {
      out.quirks.set(Quirk::malformed_options);
      return;
    }
    rest.remove_prefix(*read);
  }
  if (!rest.empty()) out.quirks.set(Quirk::malformed_options);
}

}  // namespace

std::string Quirks::text() const {
  std::string out;
  for (const auto& [quirk, name] : kQuirkNames) {
    if (!has(quirk)) continue;
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

Result<Quirk> Quirks::parse(std::string_view name) {
  const auto* const found = std::ranges::find(kQuirkNames, name, &QuirkName::name);
  if (found == kQuirkNames.end()) {
    return fail(ErrorKind::invalid, "there is no quirk \"" + printable(name, 32) + "\"");
  }
  return found->quirk;
}

std::string OptionLayout::text() const {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out += ',';
    const std::uint8_t kind = kinds.at(i);
    const auto* const known = std::ranges::find(kKindNames, kind, &KindName::kind);
    if (known != kKindNames.end())
      out += known->name;
    else if (kind == kEnd)
      out += "eol+" + std::to_string(end_padding);
    else
      out += "?" + std::to_string(kind);
  }
  return out;
}

Result<OptionLayout> OptionLayout::parse(std::string_view text) {
  OptionLayout out;
  if (text.empty()) return out;
  bool ended = false;
  for (const std::string_view word : split(text, ',')) {
    if (ended) return fail(ErrorKind::invalid, "something stands behind eol, which ends the TCP options");
    if (out.count == kOptionsMax) {
      return fail(ErrorKind::limit, "more than " + std::to_string(kOptionsMax) + " TCP options");
    }
    std::uint8_t& kind = out.kinds.at(out.count++);
    const auto* const known = std::ranges::find(kKindNames, word, &KindName::name);
    if (known != kKindNames.end()) {
      kind = known->kind;
      continue;
    }
    const auto number = word.starts_with("eol+") ? parse_unsigned(word.substr(4), 255)
                        : word.starts_with('?')  ? parse_unsigned(word.substr(1), 255)
                                                 : std::nullopt;
    if (!number) return fail(ErrorKind::invalid, "\"" + printable(word, 32) + "\" is no TCP option");
    if (word.starts_with('?')) {
      kind = static_cast<std::uint8_t>(*number);
    } else {
      kind = kEnd;
      ended = true;
      out.end_padding = static_cast<std::uint8_t>(*number);
    }
  }
  return out;
}

std::uint64_t OptionLayout::hash() const {
  std::uint64_t hash = 0xCBF29CE484222325U ^ count;  // FNV-1a
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ kinds.at(i)) * 0x100000001B3U;
  return (hash ^ end_padding) * 0x100000001B3U;
}

std::uint8_t SynFacts::distance() const {
  const int initial = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
  return static_cast<std::uint8_t>(initial - ttl);
}

WindowMultiple window_multiple(const SynFacts& syn) {
  constexpr unsigned kMssMin = 100;  // of less than this everything is a multiple
  constexpr unsigned kEthernet = 1500;
  constexpr unsigned kHeaders4 = kIpv4Header + kTcpHeader;
  constexpr unsigned kHeaders6 = kIpv6Header + kTcpHeader;
  constexpr unsigned kTimestampLength = 12;  // with its two nops
  const unsigned window = syn.window;
  const unsigned mss = syn.mss;
  if (window == 0 || mss < kMssMin) return {};
  const bool v6 = syn.family == ip::Family::v6;
  struct Divisor {
    unsigned size;
    bool of_mtu;
    bool counts;
  };
  const std::array<Divisor, 10> divisors{{{mss, false, true},
                                          {mss - kTimestampLength, false, syn.timestamp != 0},
                                          // of another interface than the one that the SYN leaves by
                                          {kEthernet - kHeaders4, false, true},
                                          {kEthernet - kHeaders4 - kTimestampLength, false, true},
                                          {kEthernet - kHeaders6, false, v6},
                                          {kEthernet - kHeaders6 - kTimestampLength, false, v6},
                                          {mss + kHeaders4, true, true},
                                          {mss + syn.header_length, true, true},
                                          {mss + kHeaders6, true, v6},
                                          {kEthernet, true, true}}};
  for (const auto& [size, of_mtu, counts] : divisors) {
    if (counts && window % size == 0) return {static_cast<std::uint16_t>(window / size), of_mtu};
  }
  return {};
}

Result<SynFacts> parse_syn(std::string_view saved) {
  if (saved.empty()) return not_a_syn("nothing was saved");
  SynFacts out;
  const unsigned version = octet(saved, 0) >> 4U;
  if (version != 4 && version != 6) return not_a_syn("neither IPv4 nor IPv6");
  POSTERN_TRY(const Packet packet, version == 4 ? read_ipv4(saved, out) : read_ipv6(saved, out));
  const std::string_view tcp = packet.tcp;
  const std::size_t header = std::size_t{octet(tcp, 12)} / 16 * 4;
  if (header < kTcpHeader || header > packet.tcp_length || header > tcp.size()) {
    return not_a_syn("the length of the TCP header does not fit");
  }
  const std::uint8_t flags = octet(tcp, 13);
  if ((flags & (kSyn | kAck | kFin | kRst)) != kSyn) return not_a_syn("the flags are not those of a SYN");
  out.header_length = static_cast<std::uint16_t>(saved.size() - tcp.size() + header);
  out.payload = packet.tcp_length > header;
  out.window = big16(tcp, 14);
  if ((flags & kEcnFlags) != 0 || (octet(tcp, 12) & 1U) != 0) out.quirks.set(Quirk::ecn);
  if (big32(tcp, 4) == 0) out.quirks.set(Quirk::sequence_zero);
  // p0f looks at this one bit only
  if ((octet(tcp, 8) & 1U) != 0) out.quirks.set(Quirk::ack_set);
  if ((flags & kUrgent) != 0)
    out.quirks.set(Quirk::urgent_flag);
  else if (big16(tcp, 18) != 0)
    out.quirks.set(Quirk::urgent_pointer);
  if ((flags & kPush) != 0) out.quirks.set(Quirk::push_flag);
  read_options(tcp.substr(kTcpHeader, header - kTcpHeader), out);
  return out;
}

std::string signature(const SynFacts& syn) {
  std::string out(1, syn.family == ip::Family::v4 ? '4' : '6');
  const std::uint8_t distance = syn.distance();
  out += ":" + std::to_string(syn.ttl) + "+" + (distance > kDistanceMax ? "?" : std::to_string(distance));
  out += ":" + std::to_string(syn.ip_options_length) + ":" + std::to_string(syn.mss) + ":";
  const WindowMultiple multiple = window_multiple(syn);
  if (multiple.factor > 0)
    out += (multiple.of_mtu ? "mtu*" : "mss*") + std::to_string(multiple.factor);
  else
    out += std::to_string(syn.window);
  out += "," + std::to_string(syn.window_scale) + ":" + syn.options.text() + ":" + syn.quirks.text();
  out += syn.payload ? ":+" : ":0";
  return out;
}

}  // namespace postern::fingerprint
